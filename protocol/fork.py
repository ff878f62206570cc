"""Evidence that a member split its history, good before strangers (docs/protocol.md §8.9).

Two notes that one log key signed for the same origin prove a fork if they have the same size and
different roots; or different sizes, and the nodes of a consistency proof rebuild the larger root
as signed but not the smaller. Since nodes under a signed root cannot be chosen freely, nobody can
make such a proof against a member that never forked.
"""

from collections.abc import Sequence
from typing import NamedTuple

from keys.signing import VerifyKey
from protocol.checkpoint import Checkpoint, verify_checkpoint
from protocol.errors import ProofError
from protocol.merkle import consistency_path, rebuild, root_of


class ForkEvidence(NamedTuple):
    """Two signed notes of one origin, smaller size first; `nodes` is empty for equal sizes."""

    smaller_note: bytes
    larger_note: bytes
    nodes: tuple[bytes, ...] = ()


def fork_nodes(
    leaves: Sequence[bytes], smaller: Checkpoint, larger: Checkpoint
) -> tuple[bytes, ...]:
    """Return the nodes that rebuild `larger` from our leaf hashes, for `ForkEvidence`.

    Raises:
        UnsayableError: sizes outside of the leaves.
    """
    path = consistency_path(leaves, smaller.size, larger.size)
    if smaller.size.bit_count() != 1 or smaller.size == larger.size:
        return tuple(path)
    return (root_of(leaves[: smaller.size]), *path)


def verify_fork(evidence: ForkEvidence, keys: Sequence[VerifyKey]) -> Checkpoint:
    """Return the smaller checkpoint if the evidence proves that the holder of `keys` forked.

    `keys` are log keys of the accused. Revocation is judged by the caller.

    Raises:
        ProofError: it proves nothing.
        NoteError, CheckpointError, TooLargeError: a note is not what it must be.
    """
    smaller = verify_checkpoint(evidence.smaller_note, keys).checkpoint
    larger = verify_checkpoint(evidence.larger_note, keys).checkpoint
    if smaller.origin != larger.origin:
        raise ProofError("fork: both notes must have one origin")
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            raise ProofError("fork: both notes say the same")
        return smaller
    rebuilt_smaller, rebuilt_larger = rebuild(smaller.size, larger.size, evidence.nodes)
    if rebuilt_larger != larger.root:
        raise ProofError("fork: the nodes must rebuild the larger root as signed")
    if rebuilt_smaller == smaller.root:
        raise ProofError("fork: the larger tree extends the smaller")
    return smaller
