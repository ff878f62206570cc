"""Making several files appear as one: all of them, or none.

Everything is made in `DIRECTORY/.setup` and moved to its place when the last file, the
configuration, is complete there. If the process dies before, the next attempt throws the stage away
(nothing in it was ever used); if it dies while moving, the next attempt finishes the move. A lock
keeps two attempts apart. Nothing that stands is overwritten.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from keys.keyfile import check_directory, make_directory, write_private
from node.setup.errors import AlreadySetUpError, SetupRunningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

STAGE = ".setup"
COMPLETE = "complete"


class Stage:
    """The directory in which a set-up is prepared; use `prepare`.

    Attributes:
        directory: where the files will stand.
        path: where they are made.
        targets: name in the stage -> where it will stand, in the order of moving.
    """

    def __init__(
        self, directory: Path, names: Sequence[str], elsewhere: Mapping[str, Path]
    ) -> None:
        self.directory = directory
        self.path = directory / STAGE
        self.targets = {name: elsewhere.get(name, directory / name) for name in names}

    @property
    def is_complete(self) -> bool:
        """Whether all was made and only the move is left (or was interrupted)."""
        return (self.path / COMPLETE).exists()

    def finish(self) -> None:
        """Move everything to its place, the deciding file last, and remove the stage."""
        (self.path / COMPLETE).touch()
        _sync(self.path)
        for name, target in self.targets.items():
            source = self.path / name
            if not source.exists():
                continue
            if target.parent == self.directory:
                source.rename(target)
            else:
                _hand_over(source, target)
        _sync(self.directory)
        shutil.rmtree(self.path)
        _sync(self.directory)

    def standing(self) -> Path | None:
        """Give what already stands where something is to stand, if anything does."""
        return next((target for target in self.targets.values() if target.exists()), None)


@contextmanager
def prepare(
    directory: Path, names: Sequence[str], elsewhere: Mapping[str, Path] | None = None
) -> Iterator[Stage]:
    """Open a stage in `directory` (made if needed, mode 0700); clean up whatever goes wrong.

    The caller makes the files under `stage.path` and calls `stage.finish()`. If an earlier attempt
    was interrupted while moving, `stage.is_complete` is true and only `finish` is left to do.

    Args:
        directory: where the files will stand.
        names: the files and directories to make, the one that decides last.
        elsewhere: files that will stand in another directory, which must exist.

    Raises:
        AlreadySetUpError: one of `names` stands there.
        SetupRunningError: another process is at it.
        UnsafeKeyFileError: others may write to the directory.
    """
    ours = not directory.exists()
    make_directory(directory)
    stage = Stage(directory, names, elsewhere or {})
    with alone(directory):
        if not stage.is_complete:
            shutil.rmtree(stage.path, ignore_errors=True)
            if (target := stage.standing()) is not None:
                mend = "stands already and is never overwritten; choose another directory"
                raise AlreadySetUpError(f"{target}: {mend}")
            stage.path.mkdir(mode=0o700)
        try:
            yield stage
        except BaseException:
            if not stage.is_complete:
                shutil.rmtree(stage.path, ignore_errors=True)
            if ours:
                with suppress(OSError):  # something else stands in it by now
                    directory.rmdir()
            raise


def _hand_over(source: Path, target: Path) -> None:
    """Move a small file to another file system: it appears there whole, and over nothing."""
    raw = source.read_bytes()
    if not target.exists() or target.read_bytes() != raw:
        write_private(target, raw)
    source.unlink()


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the directory itself, so that no two set-ups work on it; the lock leaves nothing behind.

    Raises:
        SetupRunningError: another process is at it.
        UnsafeKeyFileError: there is no such directory, or others may write to it.
    """
    check_directory(directory)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            mend = "another set-up is at work here; wait until it has finished"
            raise SetupRunningError(f"{directory}: {mend}") from None
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _sync(directory: Path) -> None:
    """Make names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
