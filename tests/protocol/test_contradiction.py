"""§8.14.6: a ledger that cannot be true together with what its owner signed, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from keys import SigningKey
from keys.signing import VerifyKey
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, Origin, sign_checkpoint
from protocol.contradiction import Contradicted, Contradiction, clear, verify_contradiction
from protocol.errors import CheckpointError, ProofError, ProtocolError, UnheardKeyError
from protocol.fork import verify_fork
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.merkle import MAX_SIZE, consistency_path, inclusion_path, leaf_hash, root_of
from protocol.receipt import cosign
from protocol.vocabulary import Lane

NETWORK, SENDER, RECEIVER, THIRD = "demo-0123456789abcdef", "gb-iwf", "nl-eokm", "fr-pdc"
LOGS = {member: SigningKey.generate() for member in (SENDER, RECEIVER, THIRD)}
RECEIPT = SigningKey.generate()
EPOCH = b"\x07" * 8
ORIGIN = Channel(NETWORK, SENDER, RECEIVER, Lane.REPORTS).origin(EPOCH)
LEAVES = [leaf_hash(b"%d" % number) for number in range(9)]
OTHERS = [LEAVES[0], leaf_hash(b"another"), *LEAVES[2:]]


def keys(member: str, purpose: str) -> Sequence[VerifyKey]:
    """Give the keys of a member, as a registry does."""
    return {"log": [LOGS[member].public], "receipt": [RECEIPT.public]}[purpose]


def said(size: int, leaves: list[bytes] = OTHERS, origin: Origin = ORIGIN) -> LoggedHead:
    """Give what a ledger says of the channel."""
    return LoggedHead(str(origin), size, root_of(leaves[:size]))


def signed(size: int, origin: Origin = ORIGIN, key: SigningKey | None = None) -> bytes:
    """Give what the sender signed."""
    return sign_checkpoint(Checkpoint(origin, size, root_of(LEAVES[:size])), key or LOGS[SENDER])


def receipt(size: int) -> bytes:
    """Give the receiver's receipt for that."""
    return cosign(Checkpoint(ORIGIN, size, root_of(LEAVES[:size])), RECEIPT, 1_790_000_000)


def evidence(accused: str, leaf: LoggedHead, size: int = 5, **changed: Any) -> Contradiction:
    """Give a ledger of the accused in which the leaf stands third, and what contradicts it."""
    beside = [bytes([n]) * 32 for n in range(4)]
    leaves = [*beside[:2], leaf.leaf, *beside[2:]]
    origin = LedgerOrigin(NETWORK, changed.pop("owner", accused), b"\x01" * 8)
    head = LedgerHead(origin, len(leaves), root_of(leaves))
    made = Contradiction(
        head=sign_ledger_head(head, LOGS[accused]),
        leaf=leaf,
        place=2,
        path=tuple(inclusion_path(leaves, 2, len(leaves))),
        checkpoint=signed(size),
        receipt=receipt(size) if accused == RECEIVER else None,
        nodes=tuple(_nodes(leaf.size, size)) if 0 < leaf.size < size else (),
    )
    return made._replace(**changed)


def _nodes(size1: int, size2: int) -> list[bytes]:
    path = consistency_path(LEAVES, size1, size2)
    return [root_of(LEAVES[:size1]), *path] if size1 & (size1 - 1) == 0 else path


def refused(made: Contradiction, accused: str = SENDER, network: str = NETWORK) -> ProtocolError:
    """Give why it proves nothing."""
    with pytest.raises(ProtocolError) as caught:
        verify_contradiction(made, network, accused, keys)
    return caught.value


@pytest.mark.parametrize("accused", [SENDER, RECEIVER])
@pytest.mark.parametrize(("size", "larger"), [(5, 5), (1, 1), (3, 5), (4, 9), (2, 3)])
def test_8_14_a_ledger_that_contradicts_what_was_signed_is_proof(
    accused: str, size: int, larger: int
) -> None:
    """At one size, or at a larger one that rebuilds as signed and not as logged."""
    leaves = OTHERS if size > 1 else OTHERS[1:]
    made = evidence(accused, said(size, leaves), larger)
    found = verify_contradiction(made, NETWORK, accused, keys)
    assert found == Contradicted(ORIGIN, (size, larger), accused == SENDER)


def test_8_14_a_head_that_comes_with_cosignatures_may_be_longer() -> None:
    """Up to what a witnessed head may have; a bare checkpoint may not."""
    made = evidence(SENDER, said(5))
    line = "\u2014 hx1/x/witness " + "A" * 1400 + "\n"
    longer = made.head + 13 * line.encode()
    assert len(longer) > 16_384
    assert verify_contradiction(made._replace(head=longer), NETWORK, SENDER, keys).as_sender


@pytest.mark.parametrize("accused", [SENDER, RECEIVER])
def test_8_14_what_agrees_or_goes_on_accuses_nobody(accused: str) -> None:
    """A leaf that says the same, and one that the checkpoint extends."""
    assert "the same" in str(refused(evidence(accused, said(5, LEAVES)), accused))
    assert "extended" in str(refused(evidence(accused, said(3, LEAVES)), accused))


def test_8_14_attack_invented_nodes_prove_nothing() -> None:
    """They must rebuild what was signed; and there are none to invent for equal sizes."""
    wrong = (bytes(32), *_nodes(3, 5)[1:])
    assert "rebuild" in str(refused(evidence(SENDER, said(3), nodes=wrong)))
    assert "empty" in str(refused(evidence(SENDER, said(5), nodes=(bytes(32),))))


def test_8_14_attack_a_ledger_of_another_member_or_network_accuses_nobody() -> None:
    """Whoever signed it: its origin names whose it is."""
    foreign = refused(evidence(SENDER, said(5), owner=THIRD))
    assert isinstance(foreign, CheckpointError)
    assert str(foreign).startswith("head")
    elsewhere = refused(evidence(SENDER, said(5)), network="other-0123456789abcdef")
    assert str(elsewhere).startswith("head")


def test_8_14_attack_a_channel_of_others_or_of_another_network_accuses_nobody() -> None:
    """Only who sends it or receives it stands for it."""
    leaf = evidence(THIRD, said(5), receipt=receipt(5))
    assert str(refused(leaf, THIRD)).startswith("leaf.origin")
    network = "other-0123456789abcdef"
    origin = Channel(network, SENDER, RECEIVER, Lane.REPORTS).origin(EPOCH)
    away = evidence(SENDER, said(5, origin=origin), checkpoint=signed(5, origin))
    assert str(refused(away)).startswith("leaf.origin")


@pytest.mark.parametrize(
    "leaf",
    [
        said(5)._replace(size=0),
        said(5)._replace(size=MAX_SIZE + 1),
        said(5)._replace(root=bytes(31)),
    ],
    ids=["nothing", "too large", "no root"],
)
def test_8_14_a_leaf_out_of_its_bounds_accuses_nobody(leaf: LoggedHead) -> None:
    """Each bound by itself."""
    assert str(refused(evidence(SENDER, leaf))).startswith("leaf.size, leaf.root")


def test_8_14_the_largest_leaf_is_within_its_bounds() -> None:
    """It fails for what it says, not for its size."""
    error = refused(evidence(SENDER, said(5)._replace(size=MAX_SIZE)))
    assert not str(error).startswith("leaf.size")


@pytest.mark.parametrize(
    "changed",
    [{"place": 3}, {"path": ()}, {"path": (bytes(32),) * 3}, {"leaf": said(4)}],
    ids=["place", "no path", "path", "leaf"],
)
def test_8_14_attack_a_leaf_that_is_not_in_the_ledger_accuses_nobody(
    changed: dict[str, Any],
) -> None:
    """Its owner never said it."""
    assert isinstance(refused(evidence(SENDER, said(5))._replace(**changed)), ProofError)


def test_8_14_attack_a_checkpoint_of_another_log_accuses_nobody() -> None:
    """Another epoch may hold anything."""
    origin = Channel(NETWORK, SENDER, RECEIVER, Lane.REPORTS).origin(b"\x08" * 8)
    error = refused(evidence(SENDER, said(5), checkpoint=signed(5, origin)))
    assert str(error).startswith("checkpoint")


def test_8_14_attack_what_others_signed_accuses_nobody() -> None:
    """Head and checkpoint are each its own signer's."""
    made = evidence(SENDER, said(5), checkpoint=signed(5, key=LOGS[RECEIVER]))
    assert isinstance(refused(made), UnheardKeyError)
    other = evidence(RECEIVER, said(5), owner=SENDER)
    assert isinstance(refused(other._replace(receipt=None)), UnheardKeyError)


def test_8_14_a_receiver_stands_for_what_it_receipted_alone() -> None:
    """With its own receipt for exactly this checkpoint; a sender needs none."""
    assert str(refused(evidence(RECEIVER, said(5), receipt=None), RECEIVER)).startswith("receipt")
    assert str(refused(evidence(SENDER, said(5), receipt=receipt(5)))).startswith("receipt")
    wrong = evidence(RECEIVER, said(5), receipt=receipt(4))
    assert refused(wrong, RECEIVER).code == "receipt_invalid"


def test_8_14_a_receiver_that_was_deceived_clears_itself() -> None:
    """By the sender's other checkpoint, over what the ledger says: the two are proof of a fork."""
    for size, larger in ((5, 5), (3, 5)):
        leaf = said(size)
        other = sign_checkpoint(Checkpoint(ORIGIN, size, leaf.root), LOGS[SENDER])
        fork = clear(evidence(RECEIVER, leaf, larger), other, keys)
        assert fork[0] == other
        assert verify_fork(fork, [LOGS[SENDER].public]).size == size


def test_8_14_attack_another_checkpoint_clears_nobody() -> None:
    """It must say what the leaf says, and be the sender's."""
    made = evidence(RECEIVER, said(5))
    with pytest.raises(ProofError, match="other"):
        clear(made, signed(4), keys)
    by_itself = sign_checkpoint(Checkpoint(ORIGIN, 5, made.leaf.root), LOGS[RECEIVER])
    with pytest.raises(UnheardKeyError):
        clear(made, by_itself, keys)
    agreeing = evidence(RECEIVER, said(5, LEAVES))
    with pytest.raises(ProofError):
        clear(agreeing, signed(5), keys)
