"""Evidence that a member's ledger contradicts what it signed in a channel (docs/protocol.md §8.14).

A leaf of the ledger says `[origin, size, root]`. It cannot be true together with a checkpoint of
that log that the member signed as its sender, or receipted as its receiver, if the two have one
size and different roots; or if the checkpoint is larger, and the nodes of a consistency proof
rebuild its root as signed, but not that of the leaf (`protocol.fork` says why nobody can make such
nodes against an honest log).

Against a sender this is proof: nobody but it makes its log. A receiver can have been deceived: set
back to an older backup, it may have receipted two histories that the sender forked. So evidence
against a receiver bears the sender's own signed checkpoint, and the receiver clears itself with the
other one that the sender signed: the two are proof of a fork.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from keys.signing import VerifyKey
from protocol.checkpoint import Checkpoint, Origin, verify_checkpoint
from protocol.errors import CheckpointError, ProofError
from protocol.fork import ForkEvidence, verify_fork
from protocol.ledger import LoggedHead, verify_ledger_head
from protocol.merkle import HASH_BYTES, MAX_SIZE, rebuild, verify_inclusion
from protocol.receipt import verify_receipt
from protocol.witness import MAX_WITNESSED_BYTES

KeysOf = Callable[[str, str], Sequence[VerifyKey]]
"""Gives the keys of a member for `log` or `receipt`, those whose signatures count."""


class Contradiction(NamedTuple):
    """A leaf of a ledger, and what its owner signed of the same log.

    `head` is the ledger's head as a note, `leaf` stands under it at `place` by `path`. `checkpoint`
    is the sender's note at the leaf's size or beyond; `nodes` is empty for equal sizes. `receipt`
    is None where the owner of the ledger is the sender itself.
    """

    head: bytes
    leaf: LoggedHead
    place: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    receipt: bytes | None
    nodes: tuple[bytes, ...] = ()


class Contradicted(NamedTuple):
    """What is proved: of which log, at which size of the ledger and which of the channel.

    `as_sender`: whether the accused keeps that log itself; if not, it receipted it.
    """

    origin: Origin
    sizes: tuple[int, int]
    as_sender: bool


def verify_contradiction(
    evidence: Contradiction, network: str, accused: str, keys: KeysOf
) -> Contradicted:
    """Return what the evidence proves against `accused`, a member of `network`.

    Raises:
        ProofError: it proves nothing.
        NoteError, CheckpointError, TooLargeError, UnheardKeyError, ReceiptError: a note is not
            what it must be, or not signed by who must have signed it.
        KeysError: as `keys` raises.
    """
    head = verify_ledger_head(evidence.head, keys(accused, "log"), MAX_WITNESSED_BYTES)
    if head.origin[:2] != (network, accused):
        raise CheckpointError("head: must be of the ledger of the accused in this network")
    leaf = evidence.leaf
    origin = Origin.parse(leaf.origin)
    if origin.network != network or accused not in {origin.sender, origin.receiver}:
        raise CheckpointError("leaf.origin: must be a channel of the accused in this network")
    if not 0 < leaf.size <= MAX_SIZE or len(leaf.root) != HASH_BYTES:
        raise CheckpointError("leaf.size, leaf.root: must be above 0, and 32 bytes")
    verify_inclusion(leaf.leaf, evidence.place, head.size, evidence.path, head.root)
    signed = verify_checkpoint(evidence.checkpoint, keys(origin.sender, "log")).checkpoint
    if signed.origin != origin:
        raise ProofError("checkpoint: must be of the log that the leaf names")
    _check_bound(evidence, accused, signed, keys)
    _check_contradicts(leaf, signed, evidence.nodes)
    return Contradicted(origin, (leaf.size, signed.size), accused == origin.sender)


def clear(evidence: Contradiction, other: bytes, keys: KeysOf) -> ForkEvidence:
    """Return proof that the sender forked, by which a receiver that is accused clears itself.

    `other` is the sender's note over exactly what the ledger's leaf says.

    Raises:
        ProofError: `other` says something else, or the two notes do not contradict each other.
        NoteError, CheckpointError, TooLargeError, UnheardKeyError: a note is not the sender's.
    """
    leaf = evidence.leaf
    log_keys = keys(Origin.parse(leaf.origin).sender, "log")
    said = verify_checkpoint(other, log_keys).checkpoint
    if LoggedHead(str(said.origin), said.size, said.root) != leaf:
        raise ProofError("other: must say what the leaf of the ledger says")
    fork = ForkEvidence(other, evidence.checkpoint, evidence.nodes)
    verify_fork(fork, log_keys)
    return fork


def _check_bound(evidence: Contradiction, accused: str, signed: Checkpoint, keys: KeysOf) -> None:
    """Check that the accused stands for the checkpoint: it made that log, or receipted it."""
    if accused == signed.origin.sender:
        if evidence.receipt is not None:
            raise ProofError("receipt: must be absent where the accused is the sender")
    elif evidence.receipt is None:
        raise ProofError("receipt: is needed where the accused is the receiver")
    else:
        verify_receipt(evidence.receipt, signed, keys(accused, "receipt"))


def _check_contradicts(leaf: LoggedHead, signed: Checkpoint, nodes: Sequence[bytes]) -> None:
    if leaf.size == signed.size:
        if nodes:
            raise ProofError("nodes: must be empty for equal sizes")
        if leaf.root == signed.root:
            raise ProofError("leaf: says the same as the checkpoint")
        return
    before, after = rebuild(leaf.size, signed.size, nodes)
    if after != signed.root:
        raise ProofError("nodes: must rebuild the root of the checkpoint as signed")
    if before == leaf.root:
        raise ProofError("leaf: is extended by the checkpoint")
