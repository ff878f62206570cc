"""What waits for the signatures of more holders: staged in the directory of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root

from keys.registry import TIMESTAMP_NAME, metadata_name
from node.registry import build, ceremony
from node.registry.errors import RepositoryStateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.registry.directory import RepositoryDirectory
    from node.registry.repository import Repository

NOTHING_WAITS: Final = (
    "staged: nothing waits for signatures; hotline network status shows what is in force"
)


def waiting(directory: RepositoryDirectory) -> dict[str, bytes]:
    """What waits for signatures, by path; empty: nothing does.

    What is in force does not wait, though it is staged still: whoever published it died before he
    forgot it.
    """
    proposal = dict(directory.staged)
    if not proposal or TIMESTAMP_NAME not in directory.files:
        return proposal
    files = directory.open().files
    done = all(_is_there(files, name, raw) for name, raw, _ in ceremony.signed_parts(proposal))
    return {} if done else proposal


def state_before(directory: RepositoryDirectory, proposal: Mapping[str, bytes]) -> Repository:
    """The state that a proposal which waits was made on.

    A root of it that is there already, though the rest is not, is of a step that was broken off
    before its timestamp: readers may follow it, and it is no conflict with itself.

    Raises:
        RepositoryStateError, UntrustedDocumentError: as `RepositoryDirectory.open`.
    """
    state = directory.open()
    name = metadata_name(Root.type, state.registry.root_version)
    if name in proposal and _is_there(state.files, name, proposal[name]):
        return directory.open_without(name)
    return state


def _is_there(files: Mapping[str, bytes], name: str, raw: bytes) -> bool:
    """Whether what is signed in a file is in force; others may have signed it."""
    if name not in files:
        return False
    return build.signatures_of(files[name])[0] == build.signatures_of(raw)[0]


def staged_proposal(directory: RepositoryDirectory) -> bytes:
    """What waits for signatures, as one file for holders elsewhere (`ceremony`).

    Raises:
        RepositoryStateError: nothing waits.
    """
    proposal = waiting(directory)
    if not proposal:
        raise RepositoryStateError(NOTHING_WAITS)
    is_new = TIMESTAMP_NAME not in directory.files
    state = None if is_new else state_before(directory, proposal)
    return ceremony.pack(proposal, state)


def drop_staged(directory: RepositoryDirectory) -> bool:
    """Forget the proposal that waits for signatures; returns whether one did.

    Whoever signed it meanwhile may have brought it into force: then none waited any more.
    """
    with directory.locked():
        waited = bool(waiting(directory))
        directory.clear_staged()
    return waited
