"""A clock that ran days ahead and is put right: what it had put off is not held up as long."""

from __future__ import annotations

import pytest

from node.peer.channels.pacing import BACKOFF_CAP_MS, is_due, is_past
from node.peer.ledgers.crosscheck import DAY_MS, Checked, Problem
from protocol.answers import NOTHING, Answer, AnswerCode, Told
from protocol.pull import Pull
from protocol.vocabulary import Lane
from tests.simulation.test_pull import channel, fresh, hand_in, offered, serve, take
from tests.simulation.test_settings import submitted
from tests.simulation.world import World

DAYS_MS = 4 * 86_400_000
EOKM, IWF = "nl-eokm", "gb-iwf"
NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("ahead_ms", "due"),
    [
        (-DAYS_MS, True),
        (0, True),
        (1, False),
        (BACKOFF_CAP_MS, False),
        (BACKOFF_CAP_MS + 1, True),
        (DAYS_MS, True),
    ],
)
def test_nothing_is_put_off_by_more_than_the_longest_pause(ahead_ms: int, *, due: bool) -> None:
    """A time further away is that of a clock that was wrong."""
    assert is_due(NOW_MS, NOW_MS + ahead_ms) is due


@pytest.mark.parametrize("started_again", [False, True])
async def test_g1_peer_that_failed_while_the_clock_was_ahead_is_called_again(
    world: World, *, started_again: bool
) -> None:
    """At once when the clock is right, also by a process that finds the pause in its database."""
    node = world[IWF]
    await world[EOKM].crash()
    world.now += DAYS_MS
    await submitted(world, 1)
    await node.delivery.deliver_due(world.now)
    assert (EOKM, Lane.REPORTS) not in await node.delivery.due(world.now)
    world.now -= DAYS_MS
    if started_again:
        await node.crash()
        await node.restart()
    assert (EOKM, Lane.REPORTS) in await node.delivery.due(world.now)


async def test_g1_what_gathers_does_not_gather_for_days(world: World) -> None:
    """The window of a push that was sent by the wrong clock is over."""
    delivery = world[IWF].delivery
    delivery.batch_window_ms = 60_000
    world.now += DAYS_MS
    await submitted(world, 1)
    await delivery.deliver_due(world.now)
    await submitted(world, 1)
    assert (EOKM, Lane.REPORTS) not in await delivery.due(world.now)
    world.now -= DAYS_MS
    assert (EOKM, Lane.REPORTS) in await delivery.due(world.now)
    assert delivery.pause_ms(world.now) is None


async def test_g1_what_waits_for_a_pull_does_not_gather_for_days(world: World) -> None:
    """The same where the receiver fetches it."""
    world[IWF].delivery.batch_window_ms = 300_000
    world.now += DAYS_MS
    await hand_in(world, 0, 1)
    await take(world, await offered(world))
    await hand_in(world, 10, 1)
    assert await serve(world, await fresh(world)) is None
    world.now -= DAYS_MS
    assert (await offered(world)).start > 0


@pytest.mark.parametrize(
    ("ago_ms", "past"),
    [(-DAYS_MS, True), (-1, True), (0, False), (999, False), (1000, True), (DAYS_MS, True)],
)
def test_a_time_in_the_future_holds_nothing_up(ago_ms: int, *, past: bool) -> None:
    """It is as good as none."""
    assert is_past(NOW_MS, NOW_MS - ago_ms, 1000) is past


async def test_8_5_3_daily_question_is_asked_by_the_right_clock(world: World) -> None:
    """A receiver that was restored is noticed within a day, though the last answer is ahead."""
    delivery = world[IWF].delivery
    await submitted(world, 1)
    await world.settle()
    world.now += DAYS_MS
    await world.settle()
    assert (EOKM, Lane.REPORTS) not in await delivery.due(world.now)
    world.now -= DAYS_MS
    assert (EOKM, Lane.REPORTS) in await delivery.due(world.now)


async def test_8_14_member_that_shows_nothing_is_missed_by_the_right_clock(world: World) -> None:
    """That its ledger was good in the future says nothing of the last day."""
    crosscheck = world[IWF].crosscheck
    await submitted(world, 1)
    await world.settle()
    ahead = Checked(world.now + DAYS_MS, 0, 0, None)
    assert await crosscheck._overdue(EOKM, ahead, world.now + DAY_MS + 1) == {Problem.MISSING}


async def test_g1_epoch_is_opened_for_a_puller_by_the_right_clock(world: World) -> None:
    """What was opened in the future was not opened just now."""
    await hand_in(world, 0, 1)
    await take(world, await offered(world))
    await world[IWF].crash()
    await world[IWF].restart()
    world.now += DAYS_MS
    await offered(world)
    world.now -= DAYS_MS
    asked = await fresh(world)
    answer = Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), asked.answer.nonce)
    await serve(world, Pull(1, 0, None, answer))
    assert (await channel(world)).problem != "opened_just_now"
