"""A repository on disk, changed so that a crash at any instant leaves the old state or the new.

    metadata/  targets/   the repository, as `keys.registry` names its files; nothing is deleted
    staged/               a proposal that waits for signatures of more key holders
    .staged/              one on its way there, or to nowhere; counts for nothing
    keys/                 key files of this machine's holders and of the online roles
    lock                  held while the repository changes, by whichever process does it

Each file is written under a temporary name, synced and renamed; the timestamp, which alone makes a
new state visible, is renamed after everything else is on disk.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Root

from keys.errors import KeysError, UntrustedDocumentError
from keys.registry import metadata_name
from node.registry import repository
from node.registry.errors import RegistryError, RepositoryStateError, UnconfirmedError
from node.registry.signers import check_threshold

if TYPE_CHECKING:
    from pathlib import Path

    from node.registry.repository import Change, Repository

_STAGED: Final = "staged"
_MOVING: Final = ".staged"
_NAME: Final = re.compile(
    r"metadata/(?:[1-9][0-9]{0,15}\.)?[a-z0-9-]{1,64}\.json"
    r"|targets/(?:members/)?[0-9a-f]{64}\.[a-z0-9-]{1,64}\.json"
)


class DiskFiles(Mapping[str, bytes]):
    """The files of a repository by path, read when asked for; no other path is ever opened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, name: str) -> bytes:
        if not _NAME.fullmatch(name):
            raise KeyError(name)
        try:
            return (self._path / name).read_bytes()
        except OSError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        found = (path.relative_to(self._path).as_posix() for path in self._path.rglob("*.json"))
        return (name for name in sorted(found) if _NAME.fullmatch(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class RepositoryDirectory:
    """The umbrella's directory.

    Attributes:
        path: of the directory.
        keys: where key files of this machine are.
        files: the repository's files, of all versions.
        staged: the files of a proposal that waits for signatures.

    `sync`: makes the names of files in a folder durable; as `sync_folders`.
    """

    def __init__(self, path: Path, sync: Callable[[Path, list[str]], None] | None = None) -> None:
        self.path: Final = path
        self._sync: Final = sync or sync_folders
        self.keys: Final = path / "keys"
        self.files: Final = DiskFiles(path)
        self.staged: Final = DiskFiles(path / _STAGED)

    def open(self) -> Repository:
        """Read and verify the present state.

        A last root that its holders signed, and under which nothing else verifies, though under
        the one before all does, is of a step that was broken off before its timestamp.

        Raises:
            RepositoryStateError: there is no network in this directory.
            UntrustedDocumentError: its files do not verify.
        """
        try:
            return repository.open_repository(self.files)
        except UntrustedDocumentError:
            name = metadata_name(Root.type, self.newest_root())
            with suppress(KeysError, RegistryError, RepositoryError, ValueError):
                state = self.open_without(name)
                check_threshold(state.root(), {name: self.files[name]})
                return state
            raise

    def open_without(self, name: str) -> Repository:
        """Read and verify the state that was there before one file came.

        Raises:
            RepositoryStateError, UntrustedDocumentError: as `open`.
        """
        without = {other: self.files[other] for other in self.files if other != name}
        return repository.open_repository(without)

    def newest_root(self) -> int:
        """The version of the last root that is there, whether it is in force or left over."""
        return next(n for n in count(1) if metadata_name(Root.type, n + 1) not in self.files)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the repository meanwhile.

        Raises:
            RepositoryStateError: the directory is not there.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RepositoryStateError(f"directory: cannot be used ({error.strerror})") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def commit(self, change: Change) -> None:
        """Write a verified change; its last file makes it visible.

        A root that a broken-off step left (`open`) is out of readers' way first.

        Raises:
            UnconfirmedError: it is visible, and after a power cut it may be gone.
            OSError: it is not.
        """
        *before, last = change.writes
        self.put_away_root(change.after.registry.root_version + 1)
        for name, raw in before:
            write_file(self.path, name, raw)
        self._sync(self.path, [name for name, _ in before])
        write_file(self.path, *last)
        try:
            self._sync(self.path, [last[0]])
        except OSError as error:
            mend = "mend it; if a power cut undoes the change (network status), type it again"
            raise UnconfirmedError(
                f"directory: the change is in force, but not confirmed by the disk"
                f" ({error.strerror}); {mend}"
            ) from error

    def put_away_root(self, version: int) -> None:
        """Take a root that a broken-off step left (`open`) out of readers' way, if it is there.

        They would follow it to a timestamp that does not count under it.
        """
        unfinished = self.path / metadata_name(Root.type, version)
        with suppress(FileNotFoundError):
            unfinished.replace(_temporary(unfinished))

    def stage(self, proposal: Mapping[str, bytes]) -> None:
        """Keep a proposal until more holders have signed it, whole or not at all.

        Further signatures on the one that waits go over what is there, file by file: whatever
        breaks that off (a crash, a full disk) loses none that was kept before. Another proposal
        takes its place.
        """
        kept = self.path / _STAGED
        if set(self.staged) == set(proposal):
            for name, raw in proposal.items():
                write_file(kept, name, raw)
            sync_folders(kept, list(proposal))
            return
        self.clear_staged()
        for name, raw in proposal.items():
            write_file(self.path / _MOVING, name, raw)
        sync_folders(self.path / _MOVING, [*proposal, "metadata"])
        (self.path / _MOVING).rename(kept)
        sync_folders(self.path, [_STAGED])

    def clear_staged(self) -> None:
        """Forget the proposal that waits, if there is one, whole or not at all.

        Raises:
            OSError: the disk refuses; it still waits.
        """
        moving = self.path / _MOVING
        shutil.rmtree(moving, ignore_errors=True)
        with suppress(FileNotFoundError):
            (self.path / _STAGED).rename(moving)
        shutil.rmtree(moving, ignore_errors=True)


def write_file(folder: Path, name: str, raw: bytes) -> None:
    """Write one file whole or not at all; its folder still has to be synced.

    Raises:
        OSError: it was not; it names the file, whichever step the disk refused.

    A node and a verb beside it write the same file, by the same temporary name: one after the
    other, or the bytes of both would stand in it.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # NFS locks no folder (flock(2)); two writers may meet there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with temporary.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def sync_folders(folder: Path, names: list[str]) -> None:
    """Make the names of files written in a folder durable."""
    for path in {(folder / name).parent for name in names}:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
