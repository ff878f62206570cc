"""§8.14.6, from the comparison of two ledgers to the file that convinces a third party."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from node.evidence.contradictions import (
    KeptContradiction,
    check_contradiction,
    clear_ourselves,
    export_contradiction,
    kept_contradictions,
)
from node.evidence.errors import BrokenBundleError, NothingToAnswerError
from node.evidence.forks import check_fork
from node.store.audits.audit import Audit
from node.store.connection import open_reader, open_writer
from protocol.checkpoint import Checkpoint, Origin, sign_checkpoint
from protocol.contradiction import Contradiction
from protocol.ledger import LoggedHead
from tests.node.evidence.test_stolen import Governed
from tests.node.peer.ledgers import test_crosscheck as crosscheck
from tests.node.peer.ledgers.test_crosscheck import ECO, EOKM, IWF, PDC, forged, heads, lie
from tests.second import contradiction as second
from tests.second.basics import RefusedError

R = TypeVar("R")
FALSE = b"\xee" * 32


@dataclass
class Case:
    """Four members; what nl-eokm showed gb-iwf is not what it signed."""

    world: Governed

    @property
    def pin(self) -> bytes:
        """The fingerprint of the network."""
        return hashlib.sha256(self.world.files["metadata/1.root.json"]).digest()

    async def shown(self, change: Callable[[LoggedHead], LoggedHead]) -> None:
        """Let nl-eokm show its channels so changed, and gb-iwf compare."""
        lie(self.world, forged(self.world, [change(one) for one in heads(self.world)]))
        assert not await crosscheck.compared(self.world)

    def read(self, member: str, query: Callable[[Audit], R]) -> R:
        """Read a member's database."""
        node = self.world[member]
        with closing(open_reader(node.path, node.keys.database_key)) as connection:
            return query(Audit(connection))

    def kept(self) -> list[KeptContradiction]:
        """What gb-iwf found."""
        return self.read(IWF, lambda audit: kept_contradictions(audit, self.world.registry))

    def file(self) -> bytes:
        """What gb-iwf hands to others."""
        world = self.world
        return export_contradiction(self.kept(), 1, IWF, world.registry, world.files)

    def answer(self, member: str, raw: bytes) -> bytes:
        """What a member answers an accusation with."""
        world = self.world
        trusted = world.registry, world.files, ()
        return self.read(
            member, lambda a: clear_ourselves(a, raw, member, world.now, self.pin, trusted)
        )


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    """Give four members of which two have exchanged an item, three hours ago."""
    world = Governed(tmp_path, (IWF, EOKM, PDC, ECO))
    await world.start()
    await crosscheck.hand_over(world, 1)
    await crosscheck.an_hour(world, 4)
    yield Case(world)
    await world.close()


def lying(sender: str) -> Callable[[LoggedHead], LoggedHead]:
    """Return how a ledger lies about the channels of one sender."""

    def change(one: LoggedHead) -> LoggedHead:
        return one._replace(root=FALSE) if Origin.parse(one.origin).sender == sender else one

    return change


@pytest.mark.parametrize(("sender", "signed_as"), [(EOKM, "sender"), (IWF, "receiver")])
async def test_g5_what_a_comparison_found_convinces_a_third_party(
    case: Case, sender: str, signed_as: str
) -> None:
    """Who lies about what it sent, or about what it receipted, has signed both."""
    await case.shown(lying(sender))
    proven = check_contradiction(case.file(), case.pin)
    assert (proven.accused, proven.as_sender) == (EOKM, signed_as == "sender")
    assert second.check_contradiction(case.file(), case.pin).accused == EOKM


async def test_g5_size_that_was_never_signed_is_shown_by_our_leaves(case: Case) -> None:
    """The ledger names a size between two pushes."""
    channel = next(h for h in heads(case.world) if Origin.parse(h.origin).sender == IWF)
    lie(case.world, forged(case.world, [*heads(case.world), channel._replace(size=1)]))
    await crosscheck.compared(case.world)
    assert check_contradiction(case.file(), case.pin).sizes == (1, channel.size)


async def test_g5_what_was_never_receipted_accuses_nobody(case: Case) -> None:
    """The member never bound itself to our log so far; a person of ours asks what it has there."""
    world = case.world
    world.faults.lose_answer = 1.0
    await world[IWF].submit("https://nl2.example/2.jpg")
    await world[IWF].work()
    world.faults.lose_answer = 0.0
    ours = [one for one in heads(world) if Origin.parse(one.origin).sender == IWF]
    newest = max(ours, key=lambda one: one.size)
    await case.shown(lambda one: one._replace(root=FALSE) if one == newest else one)
    assert case.kept() == []
    assert crosscheck.tasks(world) == {("ledger_unknown", EOKM)}


@pytest.mark.parametrize("purpose", ["log", "receipt"])
async def test_g7_what_a_thief_signed_accuses_nobody(case: Case, purpose: str) -> None:
    """Its owner says that the key was stolen before: neither verifier counts it."""
    await case.shown(lying(IWF))
    before, world = case.kept(), case.world
    world.theft(EOKM, purpose)
    assert [one.evidence for one in case.kept()] == [None]
    raw = export_contradiction(before, 1, IWF, world.registry, world.files)
    with pytest.raises(BrokenBundleError, match="step 5"):
        check_contradiction(raw, case.pin)
    with pytest.raises(RefusedError):
        second.check_contradiction(raw, case.pin)


class TestAnswer:
    """A receiver that was set back, and that its sender deceived, is not made a liar (G5)."""

    async def test_liar_has_no_answer(self, case: Case) -> None:
        """What its ledger says no sender ever signed; and nobody answers in its place."""
        await case.shown(lying(IWF))
        for member in (EOKM, PDC):
            with pytest.raises(NothingToAnswerError):
                case.answer(member, case.file())

    async def test_sender_has_no_answer(self, case: Case) -> None:
        """Nobody but it makes its log."""
        await case.shown(lying(EOKM))
        with pytest.raises(NothingToAnswerError):
            case.answer(EOKM, case.file())

    async def test_deceived_receiver_shows_who_forked(self, case: Case) -> None:
        """It was set back, and receipted what the sender signed the second time."""
        await case.shown(lying(IWF))
        raw = case.file()
        (kept,) = case.kept()
        assert kept.evidence is not None
        await _receipted(case, kept.evidence)
        proof = case.answer(EOKM, raw)
        assert check_fork(proof, case.pin).accused == IWF


async def _receipted(case: Case, evidence: Contradiction) -> None:
    """Let nl-eokm hold the other history, as its sender signed it."""
    world, leaf = case.world, evidence.leaf
    origin = Origin.parse(leaf.origin)
    note = sign_checkpoint(Checkpoint(origin, leaf.size, leaf.root), world[IWF].keys.log)
    node = world[EOKM]
    with closing(open_writer(node.path, node.keys.database_key)) as connection:
        changed = connection.execute(
            "UPDATE receipts_in SET checkpoint = ? WHERE peer = ? AND epoch = ? AND size = ?",
            (note, IWF, origin.epoch, leaf.size),
        )
        assert changed.rowcount == 1
