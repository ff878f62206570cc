"""What an operator sets of delivery: how much goes at once, and how long it gathers."""

from __future__ import annotations

from node.peer.channels.pacing import CROWD, CROWD_MS
from tests.simulation.world import World

PLACE = "https://nl1.example/album/"


async def submitted(world: World, count: int, *, child_at_risk: bool = False) -> None:
    """Hand items in at gb-iwf and place them, without delivering."""
    node = world["gb-iwf"]
    for number in range(count):
        url = f"{PLACE}{world.now}-{number}.jpg"
        await node.submit(url, child_at_risk=child_at_risk)
    await node.desk.locate_due()


def pushes(world: World) -> int:
    """Count the pushes that reached nl-eokm from gb-iwf."""
    return len(world.sent.get(("gb-iwf", "nl-eokm"), []))


async def test_backlog_is_cut_into_pushes_of_the_size_set(world: World) -> None:
    """Twenty-five items at ten entries a push, the channel's own two entries included."""
    world["gb-iwf"].delivery.max_entries = 10
    await submitted(world, 25)
    await world["gb-iwf"].delivery.deliver_due(world.now)
    assert pushes(world) == 3


async def test_what_comes_after_a_push_gathers(world: World) -> None:
    """Within the window nothing is due; after it all goes in one push."""
    delivery = world["gb-iwf"].delivery
    delivery.batch_window_ms = 60_000
    await submitted(world, 1)
    await delivery.deliver_due(world.now)
    before = pushes(world)
    for _ in range(3):
        world.now += 10_000
        await submitted(world, 2)
        assert await delivery.deliver_due(world.now) == 0
    world.now += 40_000
    await delivery.deliver_due(world.now)
    assert pushes(world) == before + 1


async def test_child_at_risk_does_not_wait_for_the_window(world: World) -> None:
    """Urgency bypasses batching."""
    delivery = world["gb-iwf"].delivery
    delivery.batch_window_ms = 300_000
    await submitted(world, 1)
    await delivery.deliver_due(world.now)
    before = pushes(world)
    world.now += 1_000
    await submitted(world, 1, child_at_risk=True)
    await delivery.deliver_due(world.now)
    assert pushes(world) == before + 1


async def test_crowd_makes_the_next_push_gather(world: World) -> None:
    """Many small reports share a push; the loop is told when to go on."""
    delivery = world["gb-iwf"].delivery
    await submitted(world, CROWD)
    await delivery.deliver_due(world.now)
    before = pushes(world)
    await submitted(world, 1)
    assert await delivery.due(world.now) == []
    assert delivery.pause_ms(world.now) == CROWD_MS
    world.now += CROWD_MS
    await delivery.deliver_due(world.now)
    assert pushes(world) == before + 1


async def test_report_that_comes_alone_makes_nobody_wait(world: World) -> None:
    """Fewer than a crowd: the next one goes at once."""
    delivery = world["gb-iwf"].delivery
    await submitted(world, 1)
    await delivery.deliver_due(world.now)
    before = pushes(world)
    await submitted(world, 1)
    await delivery.deliver_due(world.now)
    assert pushes(world) == before + 1
    assert delivery.pause_ms(world.now) is None


async def test_backlog_does_not_gather(world: World) -> None:
    """Full pushes follow each other at once, however many they are."""
    delivery = world["gb-iwf"].delivery
    delivery.max_entries = 2 * CROWD
    await submitted(world, 4 * CROWD)
    await delivery.deliver_due(world.now)
    assert pushes(world) == 3


async def test_child_at_risk_does_not_wait_for_a_crowd(world: World) -> None:
    """Urgency bypasses gathering of any kind."""
    delivery = world["gb-iwf"].delivery
    await submitted(world, CROWD)
    await delivery.deliver_due(world.now)
    before = pushes(world)
    await submitted(world, 1, child_at_risk=True)
    await delivery.deliver_due(world.now)
    assert pushes(world) == before + 1
