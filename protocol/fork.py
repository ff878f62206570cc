"""Evidence that a member split its history, good before strangers (docs/protocol.md §8.9).

Two notes that one log key signed for the same origin prove a fork if they have the same size and
different roots; or different sizes, and the nodes of a consistency proof rebuild the larger root
as signed but not the smaller. Since nodes under a signed root cannot be chosen freely, nobody can
make such a proof against a member that never forked.
"""

from collections.abc import Sequence
from typing import NamedTuple

from keys.signing import VerifyKey
from protocol import note as notes
from protocol.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint, verify_checkpoint
from protocol.errors import ProofError
from protocol.ledger import LedgerHead, is_ledger_origin, verify_ledger_head
from protocol.merkle import consistency_path, rebuild, root_of


class ForkEvidence(NamedTuple):
    """Two signed notes of one origin, smaller size first; `nodes` is empty for equal sizes."""

    smaller_note: bytes
    larger_note: bytes
    nodes: tuple[bytes, ...] = ()


def fork_nodes(
    leaves: Sequence[bytes], smaller: Checkpoint | LedgerHead, larger: Checkpoint | LedgerHead
) -> tuple[bytes, ...]:
    """Return the nodes that rebuild `larger` from our leaf hashes, for `ForkEvidence`.

    Raises:
        UnsayableError: sizes outside of the leaves.
    """
    path = consistency_path(leaves, smaller.size, larger.size)
    if smaller.size.bit_count() != 1 or smaller.size == larger.size:
        return tuple(path)
    return (root_of(leaves[: smaller.size]), *path)


def verify_fork(evidence: ForkEvidence, keys: Sequence[VerifyKey]) -> Checkpoint | LedgerHead:
    """Return the smaller head if the evidence proves that the holder of `keys` forked.

    It is the head of a channel or of a ledger.

    `keys` are log keys of the accused. Revocation is judged by the caller.

    Raises:
        ProofError: it proves nothing.
        NoteError, CheckpointError, TooLargeError: a note is not what it must be.
    """
    smaller = _verified(evidence.smaller_note, keys)
    larger = _verified(evidence.larger_note, keys)
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


def read_claim(raw: bytes) -> Checkpoint | LedgerHead:
    """Return what an **unverified** note of either kind of log claims.

    Raises:
        NoteError, CheckpointError, TooLargeError: it is none.
    """
    text = notes.parse(raw, MAX_CHECKPOINT_BYTES).text
    kind = LedgerHead if is_ledger_origin(text.partition("\n")[0]) else Checkpoint
    return kind.parse(text)


def _verified(raw: bytes, keys: Sequence[VerifyKey]) -> Checkpoint | LedgerHead:
    if isinstance(read_claim(raw), LedgerHead):
        return verify_ledger_head(raw, keys)
    return verify_checkpoint(raw, keys).checkpoint
