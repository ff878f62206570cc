"""What waits for the signatures of more holders: staged in the directory of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.registry import TIMESTAMP_NAME
from node.registry import build, ceremony
from node.registry.errors import RepositoryStateError

if TYPE_CHECKING:
    from node.registry.directory import RepositoryDirectory


def waiting(directory: RepositoryDirectory) -> dict[str, bytes]:
    """What waits for signatures, by path; empty: nothing does.

    What is in force does not wait, though it is staged still: whoever published it died before he
    forgot it.
    """
    proposal = dict(directory.staged)
    if not proposal or TIMESTAMP_NAME not in directory.files:
        return proposal
    files = directory.open().files
    done = all(
        name in files and build.signatures_of(files[name])[0] == build.signatures_of(raw)[0]
        for name, raw, _ in ceremony.signed_parts(proposal)
    )
    return {} if done else proposal


def staged_proposal(directory: RepositoryDirectory) -> bytes:
    """What waits for signatures, as one file for holders elsewhere (`ceremony`).

    Raises:
        RepositoryStateError: nothing waits.
    """
    proposal = waiting(directory)
    if not proposal:
        raise RepositoryStateError("staged: nothing waits for signatures")
    state = directory.open() if TIMESTAMP_NAME in directory.files else None
    return ceremony.pack(proposal, state)


def drop_staged(directory: RepositoryDirectory) -> None:
    """Forget the proposal that waits for signatures, if there is one."""
    with directory.locked():
        directory.clear_staged()
