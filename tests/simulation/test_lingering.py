"""What people say of files waits for more to go with it; what changes a verdict waits for nothing.

`gb-iwf` judges files of its own; `fr-pdc` hears of them, and has nothing else to do with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.reports.draft import AssessmentDraft
from protocol.vocabulary import Lane, Verdict
from tests.simulation.looking import rows
from tests.simulation.test_sharing import TestWhoComesLater as Later
from tests.simulation.world import Faults, World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
WINDOW_MS = 1_800_000
DAYS_MS = 4 * 86_400_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three members of whom `gb-iwf` has told a verdict before, so that the next one waits."""
    made = World(tmp_path)
    await made.start()
    await judge(made, GB, 0)
    await made.settle()
    await sit_down(made)
    yield made
    await made.close()


async def sit_down(world: World) -> None:
    """Let everybody wait as nodes do, from now on."""
    for node in world.nodes.values():
        node.delivery.bulk_window_ms = WINDOW_MS


async def find(world: World, member: str, file: int) -> str:
    """Let a member find a file at a place of its own country."""
    url = f"https://{member[:2]}1.example/{file}-{world.now}.jpg"
    made = await world[member].submit(url, sha256=f"{1 + file:064x}")
    await world[member].desk.locate_due()
    return made.items[0].item_id


async def judge(
    world: World, member: str, file: int, verdict: Verdict = Verdict.BASELINE, item: str = ""
) -> str:
    """Let a member judge a file that it found; the item."""
    item = item or await find(world, member, file)
    await world[member].desk.assess(item, AssessmentDraft(verdict=verdict), actor="a")
    return item


async def deliver(world: World) -> None:
    """Let `gb-iwf` deliver what is due."""
    await world[GB].delivery.deliver_due(world.now)


def pushes(world: World) -> int:
    """Count the pushes of verdicts that `fr-pdc` has of `gb-iwf`."""
    sql = "SELECT count(*) FROM checkpoints_out WHERE lane = 'bulk' AND peer = ? AND receipt > ''"
    ((count,),) = rows(world[GB], sql, FR)
    return int(count)


def told(world: World) -> list[int]:
    """Return the kinds of the verdicts that `fr-pdc` has of `gb-iwf`, in the order they came."""
    sql = (
        "SELECT m.kind FROM log_out l JOIN messages_out m ON m.seq = l.message"
        " WHERE l.peer = ? AND l.lane = 'bulk' ORDER BY l.idx"
    )
    return [kind for (kind,) in rows(world[GB], sql, FR)]


async def is_illegal(world: World, file: int) -> bool:
    """Whether `fr-pdc` holds a file illegal that it finds now."""
    await world[FR].desk.judge_due()
    state = await world[FR].state(await find(world, FR, file))
    return [str(one.verdict) for one in state.in_force] == ["baseline"]


class TestWaiting:
    """For one another, so long as the window is."""

    async def test_verdicts_that_come_one_by_one_share_a_push(self, world: World) -> None:
        """From the first of them on; none of them waits for longer."""
        before, said = pushes(world), told(world)
        for number in range(1, 4):
            await judge(world, GB, number)
            await deliver(world)
            world.now += WINDOW_MS // 3 - 1
        assert pushes(world) == before
        assert world[GB].delivery.pause_ms(world.now) == 3
        world.now += 3
        await deliver(world)
        assert (pushes(world), told(world)) == (before + 1, [*said, 49, 49, 49])
        assert world[GB].delivery.pause_ms(world.now) is None

    async def test_reports_and_answers_wait_for_nothing(self, world: World) -> None:
        """The window is that of the one lane."""
        await judge(world, GB, 1)
        await find(world, GB, 2)
        url = "https://nl1.example/1.jpg"
        await world[GB].submit(url)
        await world[GB].desk.locate_due()
        due = await world[GB].delivery.due(world.now)
        assert due == [(NL, Lane.REPORTS)]

    async def test_g1_what_a_process_finds_when_it_begins_goes_at_once(self, world: World) -> None:
        """Nobody remembers since when it waits; one that starts every minute sends all the same."""
        await judge(world, GB, 1)
        await deliver(world)
        before = pushes(world)
        await world[GB].crash()
        await world[GB].restart()
        await sit_down(world)
        await deliver(world)
        assert pushes(world) == before + 1
        assert await is_illegal(world, 1)

    async def test_first_word_to_a_member_waits_for_nothing(self, tmp_path: Path) -> None:
        """Nor does it at a node that stopped before it could say it."""
        world = World(tmp_path)
        await world.start()
        await sit_down(world)
        await judge(world, GB, 1)
        assert (FR, Lane.BULK) in await world[GB].delivery.due(world.now)
        await world[GB].crash()
        await world[GB].restart()
        await sit_down(world)
        assert (FR, Lane.BULK) in await world[GB].delivery.due(world.now)
        await world.close()

    @pytest.mark.parametrize("by_ms", [-DAYS_MS, DAYS_MS, -1])
    async def test_g1_clock_that_is_set_holds_nothing_up(self, world: World, by_ms: int) -> None:
        """Forward or back."""
        await judge(world, GB, 1)
        await deliver(world)
        before = pushes(world)
        world.now += by_ms
        await deliver(world)
        assert pushes(world) == before + 1

    async def test_g1_what_was_signed_and_not_receipted_goes_again_meanwhile(
        self, world: World
    ) -> None:
        """And takes along what waits."""
        said = told(world)
        await world[FR].crash()
        await judge(world, GB, 1)
        await deliver(world)
        world.now += WINDOW_MS
        await deliver(world)
        before = pushes(world)
        await judge(world, GB, 2)
        await world[FR].restart()
        world[GB].delivery.contact(FR)
        await deliver(world)
        assert pushes(world) == before + 2
        assert told(world) == [*said, 49, 49]

    async def test_daily_question_takes_along_what_waits(self, world: World) -> None:
        """A channel that is worked on is worked on to its end."""
        world.now += DAYS_MS
        await judge(world, GB, 1)
        before = pushes(world)
        await deliver(world)
        assert pushes(world) == before + 1

    async def test_backlog_goes_push_by_push(self, world: World) -> None:
        """What did not fit has waited, too."""
        world[GB].delivery.max_entries = 2
        before = pushes(world)
        for number in range(1, 6):
            await judge(world, GB, number)
        await deliver(world)
        world.now += WINDOW_MS
        await deliver(world)
        assert pushes(world) == before + 3

    async def test_g1_over_a_bad_wire_all_is_told(self, tmp_path: Path) -> None:
        """Whatever is lost or repeated, and whoever dies, nothing waits for ever."""
        world = World(tmp_path, seed=5, faults=Faults(lose_request=0.4, lose_answer=0.4))
        await world.start()
        for number in range(12):
            await sit_down(world)
            await judge(world, GB, number)
            await deliver(world)
            world.now += 700_000
            if number % 5 == 4:
                await world[GB].crash()
                await world[GB].restart()
        await world.settle()
        assert [await is_illegal(world, number) for number in range(12)] == [True] * 12
        await world.close()


class TestHurrying:
    """Who heard otherwise of a file hears of it at once."""

    async def test_correction_goes_at_once_and_takes_along_what_waits(self, world: World) -> None:
        """An innocent file that is known is so for no longer than need be."""
        item = await judge(world, GB, 1)
        await deliver(world)
        world.now += WINDOW_MS
        await deliver(world)
        assert await is_illegal(world, 1)
        await judge(world, GB, 2)
        await deliver(world)
        before = pushes(world)
        await judge(world, GB, 1, Verdict.NOT_ILLEGAL, item)
        await deliver(world)
        assert pushes(world) == before + 1
        assert not await is_illegal(world, 1)
        assert await is_illegal(world, 2)

    async def test_verdict_that_is_taken_back_while_it_waits_makes_nothing_known(
        self, world: World
    ) -> None:
        """What takes it back goes before it, and wins."""
        item = await judge(world, GB, 1)
        (given,) = (await world[GB].state(item)).in_force
        await world[GB].desk.correcting.withdraw(item, given.event_id, actor="a")
        before, said = pushes(world), told(world)
        await deliver(world)
        assert (pushes(world), told(world)) == (before + 1, [*said, 50, 49])
        assert not await is_illegal(world, 1)
        assert world[FR].verify().holds

    async def test_correction_that_overtakes_what_it_corrects_counts(self, world: World) -> None:
        """The latest word of one author does, whatever came first."""
        here = await find(world, FR, 1)
        item = await judge(world, GB, 1)
        await judge(world, GB, 1, Verdict.NOT_ILLEGAL, item)
        await deliver(world)
        await world[FR].desk.judge_due()
        assert (await world[FR].state(here)).in_force == ()
        assert not await is_illegal(world, 1)

    async def test_contradiction_of_another_member_goes_at_once(self, world: World) -> None:
        """It stands before people everywhere."""
        await judge(world, NL, 1)
        await world.settle()
        await sit_down(world)
        item = await find(world, GB, 1)
        assert (await world[GB].state(item)).known
        before = pushes(world)
        await judge(world, GB, 1, Verdict.NOT_ILLEGAL, item)
        await deliver(world)
        assert pushes(world) == before + 1

    async def test_who_agrees_with_another_member_waits(self, world: World) -> None:
        """Nobody would do otherwise by it."""
        await judge(world, NL, 1)
        await world.settle()
        await sit_down(world)
        before = pushes(world)
        await judge(world, GB, 1)
        await deliver(world)
        assert pushes(world) == before

    async def test_newcomer_is_told_what_stands_without_waiting(self, world: World) -> None:
        """Piece by piece, of which the next one comes once the one before has gone."""
        Later.reading(world, reads=False)
        for number in range(1, 4):
            await judge(world, GB, number)
        await world[GB].introducing.due()
        Later.reading(world, reads=True)
        while await world[GB].introducing.due(1):
            await deliver(world)
        assert [await is_illegal(world, number) for number in range(1, 4)] == [True] * 3


class TestPulled:
    """The same where the receiver fetches it."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        """Give three members of whom `fr-pdc` cannot be called; it has fetched a verdict."""
        made = World(tmp_path, unreachable=FR)
        await made.start()
        await judge(made, GB, 0)
        await made.settle()
        await sit_down(made)
        yield made
        await made.close()

    async def fetch(self, world: World) -> None:
        """Let `fr-pdc` ask, until it is offered nothing."""
        world.now += 2_000
        await world[FR].pulling.pull_due()

    async def test_verdicts_that_come_one_by_one_share_an_offer(self, world: World) -> None:
        """From the first of them on."""
        before = told(world)
        await judge(world, GB, 1)
        await self.fetch(world)
        world.now += WINDOW_MS // 2 - 4_000
        await judge(world, GB, 2)
        await self.fetch(world)
        assert told(world) == before
        world.now += WINDOW_MS // 2
        await self.fetch(world)
        assert told(world) == [*before, 49, 49]

    async def test_correction_goes_at_once_and_takes_along_what_waits(self, world: World) -> None:
        """An innocent file that is known is so for no longer than need be."""
        item = await judge(world, GB, 1)
        await judge(world, GB, 2)
        await judge(world, GB, 1, Verdict.NOT_ILLEGAL, item)
        await self.fetch(world)
        assert not await is_illegal(world, 1)
        assert await is_illegal(world, 2)

    async def test_backlog_goes_offer_by_offer(self, world: World) -> None:
        """What did not fit has waited, too."""
        world[GB].delivery.max_entries = 2
        for number in range(1, 6):
            await judge(world, GB, number)
        await self.fetch(world)
        world.now += WINDOW_MS
        await self.fetch(world)
        assert [await is_illegal(world, number) for number in range(1, 6)] == [True] * 5

    @pytest.mark.parametrize("by_ms", [-DAYS_MS, DAYS_MS])
    async def test_g1_clock_that_is_set_holds_nothing_up(self, world: World, by_ms: int) -> None:
        """A time further away than the window is that of a clock that was wrong."""
        before = told(world)
        await judge(world, GB, 1)
        await self.fetch(world)
        world.now += by_ms
        await self.fetch(world)
        assert told(world) == [*before, 49]
