"""What a node remembers of the registry between two starts: one file, replaced whole.

It holds the last verified files and what is trusted of each member, so that a node starts, and goes
on, while every mirror is away; and it is the memory by which a rollback is noticed. Reading it
verifies everything again, from the pin up. Expiry is not judged: that would stop a node in the very
case for which the file exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from keys.errors import KeysError
from keys.registry import verify_set
from node.registry.directory import sync_folders, write_file
from node.registry.errors import RepositoryStateError
from node.registry.trust import Settled, Trusted, settle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keys.registry import VerifiedSet

FILE_NAME: Final = "verified.msgpack"
FORMAT: Final = 1
_MEND: Final = "move it away and run hotline join again"


class _Member(msgspec.Struct, frozen=True):
    """See `node.registry.trust.Trusted`."""

    member_key: bytes
    raw_document: bytes
    next_key: bytes | None
    next_since_ms: int


class _Content(msgspec.Struct, frozen=True):
    """The file's content."""

    format: int
    root_sha256: bytes
    checked_ms: int
    files: dict[str, bytes]
    trusted: dict[str, _Member]


@dataclass(frozen=True, slots=True)
class Held:
    """A registry in force.

    Attributes:
        verified: as it was verified.
        settled: as the node uses it.
        checked_ms: when a mirror last gave it, or an equal one.
    """

    verified: VerifiedSet
    settled: Settled
    checked_ms: int


def load(directory: Path, root_sha256: bytes) -> Held | None:
    """Read and verify what `save` wrote; None if there is nothing.

    Raises:
        RepositoryStateError: the file is damaged or belongs to another network.
    """
    path = directory / FILE_NAME
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RepositoryStateError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        content = msgspec.msgpack.decode(raw, type=_Content)
    except (msgspec.MsgspecError, ValueError):
        raise RepositoryStateError(f"{path}: is damaged; {_MEND}") from None
    if content.format != FORMAT:
        raise RepositoryStateError(f"{path}: was written by another version; {_MEND}")
    if content.root_sha256 != root_sha256:
        raise RepositoryStateError(f"{path}: belongs to another network; {_MEND}")
    trusted = {
        member: Trusted(*msgspec.structs.astuple(m)) for member, m in content.trusted.items()
    }
    try:
        verified = verify_set(root_sha256, content.files, None)
        return Held(verified, settle(trusted, verified, content.checked_ms), content.checked_ms)
    except KeysError:
        raise RepositoryStateError(f"{path}: does not verify; {_MEND}") from None


def stamp(directory: Path) -> tuple[int, int] | None:
    """What changes whenever anybody saves here; None if there is nothing to read."""
    try:
        found = (directory / FILE_NAME).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def save(directory: Path, root_sha256: bytes, held: Held) -> None:
    """Write what is in force, durably, in one step.

    Raises:
        OSError: the disk refused.
    """
    content = _Content(
        FORMAT,
        root_sha256,
        held.checked_ms,
        dict(held.verified.files),
        _members(held.settled.trusted),
    )
    write_file(directory, FILE_NAME, msgspec.msgpack.encode(content))
    sync_folders(directory, [FILE_NAME])


def _members(trusted: Mapping[str, Trusted]) -> dict[str, _Member]:
    return {
        member: _Member(held.member_key, held.raw_document, held.next_key, held.next_since_ms)
        for member, held in trusted.items()
    }
