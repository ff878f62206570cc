"""A file that a verb makes for a person: over nothing, and whole or not there, however it ends.

It is made beside, as `.NAME.hotline`, which is nobody else's, and named once it is on the disk. To
rename is what sticks can, too: their file systems know no second name of one file.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def new_file(target: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file; after the block it is on the disk, or gone if anything went wrong.

    Half a file could be taken for a whole one. A process that is killed leaves the part beside it,
    which the next one takes away; of one that still makes it, it is refused.

    Raises:
        FileExistsError: one of that name stands, or is being made; it is left as it is.
        OSError: it cannot be made or written.
    """
    _refuse_standing(target)
    partial = target.with_name(f".{target.name}.hotline")
    _take_away_left(partial)
    made = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(made, "wb") as file:
        ours = os.fstat(made)
        try:
            _hold(made)
            yield file
            file.flush()
            os.fsync(made)
            _name(ours, partial, target)
        except BaseException:
            with suppress(OSError):
                if os.path.samestat(ours, partial.lstat()):
                    partial.unlink()
            raise
    with suppress(OSError):  # not every file system keeps its folders so
        _keep(target.parent)


def _take_away_left(partial: Path) -> None:
    """Take away what a process that was killed left; what one still makes is that one's."""
    try:
        left = os.open(partial, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        _hold(left)
        partial.unlink(missing_ok=True)
    finally:
        os.close(left)


def _hold(handle: int) -> None:
    """Hold a part, for as long as it is open here."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
    except OSError:
        return  # not every file system knows locks


def _name(ours: os.stat_result, partial: Path, target: Path) -> None:
    """Give what was made its name, unless another process makes the same just now."""
    _refuse_standing(target)
    if not os.path.samestat(ours, partial.lstat()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    partial.rename(target)


def _refuse_standing(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _keep(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
