"""A member that cannot be called works by pull: the same guarantees, the other way round.

`nl-eokm` publishes no endpoint: nobody can push to it, it fetches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody
from node.casework.reports.draft import AssessmentDraft
from node.peer.channels.inbox import Admitted
from node.peer.channels.outgoing import ChannelRow
from protocol import receipt
from protocol.answers import NOTHING, Answer, AnswerCode, Told
from protocol.checkpoint import read_checkpoint
from protocol.pull import Offer, Offered, Pull
from protocol.push import Purpose
from protocol.vocabulary import Disposition, Lane, Verdict
from tests.simulation.world import Faults, World

LATER = Answer(1, AnswerCode.BUSY, None, None)
IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three members of whom `nl-eokm` cannot be called."""
    made = World(tmp_path, unreachable=EOKM)
    await made.start()
    yield made
    await made.close()


async def hand_in(
    world: World, first: int, count: int, *, child_at_risk: bool = False
) -> list[str]:
    """Hand in items that are hosted in the Netherlands; nobody works yet."""
    found = []
    for number in range(first, first + count):
        result = await world[IWF].submit(PLACE.format(number), child_at_risk=child_at_risk)
        found.append(result.items[0].item_id)
    await world[IWF].desk.locate_due()
    return found


async def arrived(world: World, items: list[str]) -> None:
    """Check that every item is at `nl-eokm`, and that its answer has come back."""
    for item in items:
        assert (await world[EOKM].state(item)).responsible == EOKM
        assert (await world[IWF].state(item)).answer is Disposition.NEW


async def channel(world: World, lane: Lane = Lane.REPORTS) -> ChannelRow:
    """Return the row of the channel to `nl-eokm` at `gb-iwf`."""
    rows = await world[IWF].store.outbox.rows()
    return next(row for row in rows if (row.peer, row.lane) == (EOKM, lane))


async def ask(world: World, *, nonce: bytes | None) -> Pull:
    """Return what `nl-eokm` would pull with now, as the answer to a question with `nonce`."""
    inbox = world[EOKM].inbox
    answer = await inbox.question(IWF, Lane.REPORTS, nonce)
    return Pull(1, 0, await inbox.last_receipt(IWF, Lane.REPORTS), answer)


async def serve(world: World, asked: Pull) -> Offer | Answer | None:
    """Let `gb-iwf` answer a pull of `nl-eokm`."""
    return await world[IWF].offering.serve(EOKM, Lane.REPORTS, asked, world.now)


async def fresh(world: World) -> Pull:
    """Return a pull that answers the question that `gb-iwf` has just asked."""
    return await ask(world, nonce=world[IWF].offering.nothing(EOKM, Lane.REPORTS).nonce)


async def offered(world: World) -> Offered:
    """Let `nl-eokm` pull, and return the push that it is offered."""
    answer = await serve(world, await fresh(world))
    assert isinstance(answer, Offer)
    assert answer.push is not None
    return answer.push


async def take(world: World, push: Offered, purpose: Purpose = Purpose.PULL) -> Answer | bytes:
    """Let `nl-eokm` take an offered push."""
    inbox = world[EOKM].inbox
    place = (IWF, Lane.REPORTS, push.epoch, push.start, push.head)
    admitted = await inbox.precheck(*place, purpose)
    assert isinstance(admitted, Admitted)
    return await inbox.take(admitted, push.sealed)


class TestTheStory:
    """What holds for members that can be called holds for one that cannot."""

    async def test_g1_an_item_reaches_a_member_that_cannot_be_called(self, world: World) -> None:
        """It fetches the item; its answer comes back by push."""
        items = await hand_in(world, 0, 3)
        await world.settle()
        await arrived(world, items)
        assert (await world[IWF].state(items[0])).custody is Custody.HANDED_ON

    async def test_g3_the_receipt_rides_on_the_next_pull(self, world: World) -> None:
        """The sender holds a receipt for every entry, and both ends verify."""
        await hand_in(world, 0, 3)
        await world.settle()
        figures = [f for f in await world[IWF].store.queries.channels() if f.peer == EOKM]
        assert figures
        assert all(one.unreceipted == 0 for one in figures)
        assert all(world[member].verify().holds for member in (IWF, EOKM))

    async def test_outcomes_travel_in_both_directions(self, world: World) -> None:
        """An assessment by the hidden member is told; one made for it is fetched."""
        (item,) = await hand_in(world, 0, 1)
        await world.settle()
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        await world[EOKM].desk.assess(item, draft, actor="a")
        await world.settle()
        assert (await world[IWF].state(item)).assessments

    async def test_g2_g1_a_bad_wire_loses_and_repeats_nothing(self, tmp_path: Path) -> None:
        """Requests and answers are lost half of the time."""
        faults = Faults(lose_request=0.3, lose_answer=0.3, repeat=0.2)
        world = World(tmp_path, seed=5, faults=faults, unreachable=EOKM)
        await world.start()
        items = await hand_in(world, 0, 20)
        await world.settle()
        await arrived(world, items)
        assert faults.counted["lose_answer"] > 0
        assert all(world[member].verify().holds for member in (IWF, EOKM))
        await world.close()

    async def test_nobody_pushes_to_a_member_that_cannot_be_called(self, world: World) -> None:
        """What waits for it waits; no attempt is made, no failure counted."""
        await hand_in(world, 0, 1)
        await world[IWF].delivery.deliver_due(world.now)
        assert (IWF, EOKM) not in world.sent
        (figures,) = await world[IWF].store.queries.channels()
        assert (figures.waiting, figures.attempts, figures.problem) == (1, 0, None)


class TestCrashAndRestore:
    """Either side may die or come back from a backup."""

    @pytest.mark.parametrize("member", [IWF, EOKM])
    async def test_g1_either_side_dies_at_any_commit(self, tmp_path: Path, member: str) -> None:
        """Whatever was durable is enough to go on from."""
        for commit in range(1, 40, 3):
            (folder := tmp_path / str(commit)).mkdir()
            world = World(folder, unreachable=EOKM)
            await world.start()
            items = await hand_in(world, 0, 2)
            world.crash_at = (world.commits + commit, member)
            await world.settle()
            await arrived(world, items)
            await world.close()

    async def test_a_sender_that_restarts_opens_a_new_epoch(self, world: World) -> None:
        """From the state that the puller tells, freshly asked for."""
        first = await hand_in(world, 0, 2)
        await world.settle()
        await world[IWF].crash()
        await world[IWF].restart()
        second = await hand_in(world, 10, 2)
        await world.settle()
        await arrived(world, first + second)
        told, _ = await world[EOKM].store.inbox.told(IWF, Lane.REPORTS)
        assert len(told.ancestors) == 1

    async def test_g1_a_puller_restored_from_a_backup_is_refilled(self, world: World) -> None:
        """It tells its old state; a person at the sender hears of it."""
        node = world[EOKM]
        first = await hand_in(world, 0, 2)
        await world.settle()
        await node.crash()
        old = node.path.read_bytes()
        await node.restart()
        second = await hand_in(world, 10, 2)
        await world.settle()
        await node.crash()
        node.path.write_bytes(old)
        await node.restart(restored=True)
        await hand_in(world, 20, 1)
        await world.settle()
        for item in first + second:
            assert (await node.state(item)).responsible == EOKM
        codes = [task[0] for task in await world[IWF].store.queries.tasks()]
        assert "peer_lost_entries" in codes

    async def test_g5_a_sender_restored_from_a_backup_stops_before_a_person(
        self, world: World
    ) -> None:
        """It is told a state that it does not remember; it signs nothing, and says so."""
        node = world[IWF]
        await hand_in(world, 0, 2)
        await world.settle()
        await node.crash()
        old = node.path.read_bytes()
        await node.restart()
        await hand_in(world, 10, 2)
        await world.settle()
        await node.crash()
        node.path.write_bytes(old)
        await node.restart()
        await hand_in(world, 20, 1)
        for _ in range(5):
            await world[EOKM].pulling.pull_due()
            world.now += 60_000
        assert (await channel(world)).stopped == "unknown_history"
        assert await serve(world, await fresh(world)) == Answer(1, AnswerCode.STOPPED, None, None)


class TestHostilePuller:
    """A member that pulls gains nothing by lying about where it is."""

    async def test_a_state_told_without_being_asked_opens_nothing(self, world: World) -> None:
        """First contact: the sender asks before it believes."""
        await hand_in(world, 0, 1)
        answer = await serve(world, await ask(world, nonce=None))
        assert isinstance(answer, Offer)
        assert answer.push is None
        assert not await world[IWF].store.outbox.rows()

    async def test_a_late_pull_that_answers_an_older_question_moves_nothing(
        self, world: World
    ) -> None:
        """Reordered on the way: only the outstanding question counts."""
        await hand_in(world, 0, 1)
        late = await fresh(world)
        await offered(world)
        before = await world[IWF].store.outbox.rows()
        again = await serve(world, late)
        assert isinstance(again, Offer)
        assert again.push is None
        assert await world[IWF].store.outbox.rows() == before

    async def test_a_forged_receipt_moves_nothing(self, world: World) -> None:
        """A receipt by a key that is not the puller's: the channel waits, visibly."""
        await hand_in(world, 0, 1)
        push = await offered(world)
        await take(world, push)
        asked = await fresh(world)
        forged = receipt.cosign(
            read_checkpoint(push.head.note), world[IWF].keys.receipt, world.now // 1000
        )
        assert await serve(world, replace(asked, receipt=forged)) == LATER
        assert (await channel(world)).problem == "registry_behind"

    async def test_a_receipt_of_another_state_than_the_told_one_is_refused(
        self, world: World
    ) -> None:
        """Position and receipt are one thing: a position counts only with its own receipt."""
        await hand_in(world, 0, 1)
        await world.settle()
        old = await world[EOKM].inbox.last_receipt(IWF, Lane.REPORTS)
        await hand_in(world, 10, 1)
        await world.settle()
        asked = await fresh(world)
        assert await serve(world, replace(asked, receipt=old)) == LATER
        assert (await channel(world)).problem == "receipt_of_another_state"

    async def test_g4_what_was_sealed_for_a_pull_does_not_open_as_a_push(
        self, world: World
    ) -> None:
        """Nobody can turn the one into the other: the purpose is part of what binds the seal."""
        await hand_in(world, 0, 1)
        refused = await take(world, await offered(world), Purpose.PUSH)
        assert refused == Answer(1, AnswerCode.UNSEALABLE, None, None)

    async def test_g6_a_suspended_member_gets_nothing(self, world: World) -> None:
        """Nothing is sent to it, and it may ask as often as it likes."""
        await hand_in(world, 0, 1)
        asked = await fresh(world)
        network = world.registry.network
        suspended = dataclasses.replace(network.members[EOKM], status="suspended")
        members = {**network.members, EOKM: suspended}
        changed = dataclasses.replace(network, members=members)
        world.registry = dataclasses.replace(world.registry, network=changed)
        assert await serve(world, asked) == Answer(1, AnswerCode.NOT_PERMITTED, None, None)

    async def test_g11_old_states_told_in_quick_turns_do_not_flood_epochs(
        self, world: World
    ) -> None:
        """A puller that tells another state each time gets no epoch each time."""
        await hand_in(world, 0, 1)
        await take(world, await offered(world))
        await world[IWF].crash()
        await world[IWF].restart()
        await offered(world)
        asked = await fresh(world)
        answer = Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), asked.answer.nonce)
        assert await serve(world, Pull(1, 0, None, answer)) == LATER
        assert (await channel(world)).problem == "opened_just_now"

    async def test_a_puller_that_cannot_open_what_it_got_is_asked_again(self, world: World) -> None:
        """`rekey`: the sender refreshes its registry; nothing is lost, nothing stops."""
        await hand_in(world, 0, 1)
        await offered(world)
        nonce = world[IWF].offering.nothing(EOKM, Lane.REPORTS).nonce
        refusal = Answer(1, AnswerCode.REKEY, None, nonce)
        assert await serve(world, Pull(1, 0, None, refusal)) == LATER
        row = await channel(world)
        assert (row.problem, row.stopped) == ("rekey", None)
        assert (await offered(world)).start == 0

    async def test_g5_a_puller_that_saw_a_fork_stops_the_channel(self, world: World) -> None:
        """As with a push: the sender's side stops before a person."""
        await hand_in(world, 0, 1)
        await offered(world)
        nonce = world[IWF].offering.nothing(EOKM, Lane.REPORTS).nonce
        refusal = Answer(1, AnswerCode.FORK_SUSPECTED, None, nonce)
        answer = await serve(world, Pull(1, 0, None, refusal))
        assert answer == Answer(1, AnswerCode.STOPPED, None, None)
        assert (await channel(world)).stopped == "fork_suspected"


class TestUrgency:
    """A child at risk waits for nothing but one bounded push."""

    async def test_a_child_at_risk_comes_before_the_backlog(self, world: World) -> None:
        """What was cut before it came is one push; all else that waits comes behind it."""
        world[IWF].delivery.max_entries = 4
        await hand_in(world, 0, 20)
        await offered(world)
        (urgent,) = await hand_in(world, 100, 1, child_at_risk=True)
        for _ in range(2):
            await take(world, await offered(world))
        await world[EOKM].desk.judge_due()
        assert (await world[EOKM].state(urgent)).responsible == EOKM

    async def test_a_child_at_risk_does_not_wait_for_the_window(self, world: World) -> None:
        """What else comes gathers for five minutes."""
        world[IWF].delivery.batch_window_ms = 300_000
        await hand_in(world, 0, 1)
        await take(world, await offered(world))
        await hand_in(world, 10, 1)
        assert await serve(world, await fresh(world)) is None
        await hand_in(world, 100, 1, child_at_risk=True)
        assert (await offered(world)).start > 0

    async def test_after_a_refill_a_child_at_risk_comes_first(self, world: World) -> None:
        """A puller that lost what it held does not fetch all of it before the urgent one."""
        node = world[EOKM]
        await hand_in(world, 0, 1)
        await world.settle()
        await node.crash()
        old = node.path.read_bytes()
        await node.restart()
        world[IWF].delivery.max_entries = 4
        await hand_in(world, 10, 20)
        await world.settle()
        await node.crash()
        node.path.write_bytes(old)
        await node.restart(restored=True)
        (urgent,) = await hand_in(world, 100, 1, child_at_risk=True)
        await take(world, await offered(world))
        await node.desk.judge_due()
        assert (await node.state(urgent)).responsible == EOKM


async def test_8_8_entry_that_was_erased_before_it_was_fetched_is_missing_visibly(
    world: World,
) -> None:
    """The epoch that carried it ends; what stood beside it is fetched in the next."""
    kept, gone = await hand_in(world, 1, 2)
    nonce = (await serve_first(world)).nonce
    offer = await serve(world, await ask(world, nonce=nonce))
    assert isinstance(offer, Offer)
    assert offer.push is not None
    await world[IWF].desk.erase(gone, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    await arrived(world, [kept])
    assert await world[EOKM].desk.item(gone) is None
    tasks = [code for code, _, _ in await world[EOKM].store.queries.tasks()]
    assert tasks == ["entry_missing"]
    assert [world[IWF].verify().found, world[EOKM].verify().found] == [[], []]


async def serve_first(world: World) -> Offer:
    """Let `nl-eokm` come for the first time: it is asked what it holds."""
    offer = await serve(world, await ask(world, nonce=None))
    assert isinstance(offer, Offer)
    return offer
