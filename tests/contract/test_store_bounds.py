"""Contract of a store, bounds: what a member can make us keep has an end, and a person is told."""

from __future__ import annotations

import pytest

from node.peer.ledgers.crosscheck import NEVER, Problem
from node.store.channels import forks
from node.store.items.decisions import resume_channel
from node.store.ledgers import crosscheck
from node.store.recovery import refilling
from node.store.sqlite import Store
from protocol.fork import ForkEvidence
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS
from tests.contract.stores import message, post
from tests.contract.test_store_outbox import LANE, PEER, Tenure

SAID = 5
OPENINGS = 10


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bounds be reached within a test."""
    monkeypatch.setattr(refilling, "ALWAYS", OPENINGS * refilling.OPENING)


async def go_back(tenure: Tenure, number: int, *, renewed: bool = True) -> None:
    """Have the receiver tell that it holds nothing, then take whatever is said to it again."""
    await tenure.open(b"back%04d" % number, renewed=renewed)
    while await tenure.cut():
        pass


async def goes_back(tenure: Tenure) -> bool:
    """Whether the store says that it is enough."""
    return await tenure.store.outbox.goes_back(PEER, LANE)


async def count_of(store: Store, table: str) -> int:
    """How many rows a table has."""
    sql = f"SELECT count(*) FROM {table}"
    found: int = await store.readers.run(lambda c: c.execute(sql).fetchone()[0])
    return found


@pytest.mark.usefixtures("few")
class TestSaidAgain:
    """A receiver that tells an old state each time (G11)."""

    async def test_receiver_that_goes_back_without_end_makes_us_keep_only_so_much(
        self, store: Store
    ) -> None:
        """Epochs and places in the log grow up to the bound, whatever it tells."""
        tenure = Tenure(store)
        await tenure.open()
        await post(store, *(message(n) for n in range(SAID)))
        await tenure.cut()
        rounds = 0
        while not await goes_back(tenure):
            rounds += 1
            await go_back(tenure, rounds)
        assert OPENINGS // 2 <= rounds <= OPENINGS + refilling.TIMES
        assert await count_of(store, "epochs_out") <= 1 + rounds
        assert await count_of(store, "log_out") <= SAID * (1 + rounds)

    async def test_much_that_was_said_may_be_said_again_some_times(self, store: Store) -> None:
        """An honest member that loses its disk now and then is refilled, each time whole."""
        said = OPENINGS * refilling.OPENING
        tenure = Tenure(store)
        await tenure.open()
        await post(store, *(message(n) for n in range(said)))
        while await tenure.cut():
            pass
        for number in range(refilling.TIMES):
            await go_back(tenure, number)
        assert not await goes_back(tenure)
        for number in range(3):
            await go_back(tenure, 100 + number)
        assert await goes_back(tenure)

    async def test_our_own_restarts_are_not_put_down_to_the_receiver(self, store: Store) -> None:
        """Each opens an epoch upon what it holds, and says nothing again."""
        tenure = Tenure(store)
        await tenure.open()
        await post(store, message(1))
        await tenure.cut()
        held = tenure.position
        for number in range(3 * OPENINGS):
            await tenure.open(b"rest%04d" % number, held, {b"epoch--1": held.size}, renewed=False)
        assert not await goes_back(tenure)

    async def test_person_who_has_looked_lets_it_go_on_as_at_first(self, store: Store) -> None:
        """Whether on a running node or by command."""
        tenure = Tenure(store)
        for number in range(2 * OPENINGS):
            await tenure.open(b"back%04d" % number, renewed=True)
        assert await goes_back(tenure)
        await store.outbox.resume(PEER, LANE, NOW_MS)
        assert not await goes_back(tenure)
        for number in range(2 * OPENINGS):
            await tenure.open(b"more%04d" % number, renewed=True)
        assert await goes_back(tenure)
        await store.writer.run(lambda c: resume_channel(c, PEER, LANE, NOW_MS))
        assert not await goes_back(tenure)

    async def test_one_channel_says_nothing_of_another(self, store: Store) -> None:
        """Only the one on which it went back stops."""
        tenure = Tenure(store)
        for number in range(2 * OPENINGS):
            await tenure.open(b"back%04d" % number, renewed=True)
        assert not await store.outbox.goes_back(PEER, Lane.STATUS)
        assert not await store.outbox.goes_back("nl-eokm", LANE)


class TestProofs:
    """A member that signs one thing and another, again and again."""

    async def test_of_its_forks_the_first_and_the_newest_are_kept(self, store: Store) -> None:
        """Each proves the same; the keys under the first may be revoked meanwhile."""
        for number in range(forks.MOST + 5):
            note = b"note %d" % number
            await store.forks.keep(PEER, ForkEvidence(note, note + b"'"), NOW_MS)
        await store.forks.keep("nl-eokm", ForkEvidence(b"a", b"b"), NOW_MS)
        kept = await store.readers.run(forks.kept_forks)
        theirs = [one.evidence.smaller_note for one in kept if one.peer == PEER]
        assert theirs == [
            *(b"note %d" % number for number in range(forks.MOST - 1)),
            b"note %d" % (forks.MOST + 4),
        ]
        assert len(kept) == forks.MOST + 1

    async def test_of_its_showings_that_differ_the_first_and_the_newest_are_kept(
        self, store: Store
    ) -> None:
        """And the one task stands before a person."""
        for number in range(crosscheck.MOST + 5):
            await store.crosschecks.keep_check(
                PEER, NEVER, b"showing %d" % number, [Problem.DIFFERS], NOW_MS
            )
        sql = "SELECT showing FROM ledger_differences ORDER BY number"
        kept = await store.readers.run(lambda c: [row[0] for row in c.execute(sql)])
        assert kept == [
            *(b"showing %d" % number for number in range(crosscheck.MOST - 1)),
            b"showing %d" % (crosscheck.MOST + 4),
        ]
        assert await store.queries.tasks() == [(str(Problem.DIFFERS), PEER, NOW_MS)]
