"""A clock that ran days ahead and is put right: what it had put off is not held up as long."""

from __future__ import annotations

import pytest

from node.peer.pacing import BACKOFF_CAP_MS, is_due
from protocol.vocabulary import Lane
from tests.simulation.test_pull import fresh, hand_in, offered, serve, take
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
