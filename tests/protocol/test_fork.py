"""§8.9: evidence of a fork convinces strangers, and nobody can make it against the honest."""

from __future__ import annotations

import pytest

from keys import SigningKey
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.errors import ProofError, UnheardKeyError
from protocol.fork import ForkEvidence, fork_nodes, verify_fork
from protocol.merkle import leaf_hash, root_of

LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]
FORKED = [LEAVES[0], leaf_hash(b"another"), *LEAVES[2:]]


@pytest.fixture
def log(channel: Channel) -> Channel:
    """Give the channel whose sender is accused."""
    return channel


def _at(log: Channel, leaves: list[bytes], size: int, epoch: bytes = b"A" * 8) -> Checkpoint:
    return Checkpoint(log.origin(epoch), size, root_of(leaves[:size]))


def _evidence(
    key: SigningKey, smaller: Checkpoint, larger: Checkpoint, nodes: tuple[bytes, ...] = ()
) -> ForkEvidence:
    return ForkEvidence(sign_checkpoint(smaller, key), sign_checkpoint(larger, key), nodes)


def test_8_9_two_roots_of_one_size_prove_a_fork(log: Channel, log_key: SigningKey) -> None:
    """The plainest case."""
    evidence = _evidence(log_key, _at(log, LEAVES, 5), _at(log, FORKED, 5))
    assert verify_fork(evidence, [log_key.public]) == _at(log, LEAVES, 5)


@pytest.mark.parametrize(("size1", "size2"), [(2, 3), (3, 7), (4, 9), (8, 16), (7, 20), (16, 17)])
def test_8_9_a_larger_root_that_does_not_hold_the_smaller_proves_a_fork(
    log: Channel, log_key: SigningKey, size1: int, size2: int
) -> None:
    """The nodes are made from the leaves that the accuser received."""
    smaller, larger = _at(log, FORKED, size1), _at(log, LEAVES, size2)
    nodes = fork_nodes(LEAVES, smaller, larger)
    evidence = _evidence(log_key, smaller, larger, nodes)
    assert verify_fork(evidence, [log_key.public]) == smaller


@pytest.mark.parametrize(("size1", "size2"), [(2, 3), (3, 7), (4, 9), (8, 16), (7, 20)])
def test_8_9_an_honest_log_cannot_be_accused(
    log: Channel, log_key: SigningKey, size1: int, size2: int
) -> None:
    """True nodes show that the larger tree extends the smaller."""
    smaller, larger = _at(log, LEAVES, size1), _at(log, LEAVES, size2)
    nodes = fork_nodes(LEAVES, smaller, larger)
    with pytest.raises(ProofError, match="extends"):
        verify_fork(_evidence(log_key, smaller, larger, nodes), [log_key.public])


def test_8_9_invented_nodes_accuse_nobody(log: Channel, log_key: SigningKey) -> None:
    """Nodes that do not lead to the larger root as signed prove nothing."""
    smaller, larger = _at(log, LEAVES, 3), _at(log, LEAVES, 7)
    invented = fork_nodes(FORKED, smaller, larger)
    with pytest.raises(ProofError, match="larger root"):
        verify_fork(_evidence(log_key, smaller, larger, invented), [log_key.public])


def test_8_9_the_same_twice_is_no_fork(log: Channel, log_key: SigningKey) -> None:
    """A note signed again (ML-DSA is randomised) is the same statement."""
    same = _at(log, LEAVES, 5)
    with pytest.raises(ProofError, match="same"):
        verify_fork(_evidence(log_key, same, same), [log_key.public])


def test_8_9_two_epochs_are_two_logs(log: Channel, log_key: SigningKey) -> None:
    """A process that was displaced signed in an epoch of its own."""
    one, other = _at(log, LEAVES, 5), _at(log, FORKED, 5, b"B" * 8)
    with pytest.raises(ProofError, match="origin"):
        verify_fork(_evidence(log_key, one, other), [log_key.public])


def test_8_9_only_the_accused_can_have_signed(
    log: Channel, log_key: SigningKey, other_key: SigningKey
) -> None:
    """Notes by another key are nothing against this one."""
    evidence = _evidence(other_key, _at(log, LEAVES, 5), _at(log, FORKED, 5))
    with pytest.raises(UnheardKeyError):
        verify_fork(evidence, [log_key.public])


def test_8_9_sizes_the_wrong_way_round_prove_nothing(log: Channel, log_key: SigningKey) -> None:
    """The smaller stands first."""
    evidence = _evidence(log_key, _at(log, LEAVES, 7), _at(log, FORKED, 5), tuple(LEAVES[:3]))
    with pytest.raises(ProofError):
        verify_fork(evidence, [log_key.public])
