"""Retention runs by itself: in small steps, told to all concerned, and everything verifies."""

from __future__ import annotations

import pytest

from node.casework.casebook import Needs
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.ending.retaining import PAGE, Periods, Retention
from node.casework.errors import ItemReportedAgainError
from node.casework.item import Review
from node.casework.reports.draft import ActionDraft, HoldDraft
from node.casework.showing.views import moment
from node.casework.telling import REPORTED_AGAIN_UNSEEN
from protocol.vocabulary import Action
from tests.simulation.test_erasing import bodies
from tests.simulation.test_membership import tasks
from tests.simulation.world import Node, World

DAY_MS = 86_400_000
GB, NL = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"
PERIODS = Periods(30 * DAY_MS, 30 * DAY_MS, 30 * DAY_MS, 60 * DAY_MS)


async def closed_item(world: World, number: int = 1) -> str:
    """An item of gb-iwf that nl-eokm has closed."""
    item = (await world[GB].submit(PLACE.format(number), reference=f"R-{number}")).items[0].item_id
    await world.settle()
    await world[NL].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    return item


def retention(world: World, node: Node, *, signed_ms_ago: int = 0) -> Retention:
    """What erases by itself at a node, under a registry that was signed just now."""
    made = node.desk.retention(PERIODS)
    made.issued_ms = lambda: world.now - signed_ms_ago
    return made


async def walk(made: Retention) -> int:
    """Walk through all items once; how many were erased."""
    before = made.erased
    while await made.due():
        pass
    return made.erased - before


async def test_item_that_is_over_is_erased_at_its_holder_and_others_hear_of_it(
    world: World,
) -> None:
    """No body is left; the finder, whose period is longer, keeps its own."""
    item = await closed_item(world)
    young = await closed_item(world, 2)
    world.now += 30 * DAY_MS
    await world[NL].desk.act(young, ActionDraft(action=Action.SEEN_ONLINE), actor="a")
    assert await walk(retention(world, world[NL])) == 1
    await world.settle()
    assert bodies(world[NL], b"nl1.example/album/1") == 0
    assert (await world[NL].state(young)).id == young
    changes = (await world[GB].desk.changes(0, 100, 0)).changes
    assert [(c.what, c.by) for c in changes if c.item == item][-1] == ("erased_there", NL)
    erased = (await world[NL].desk.changes(0, 100, 0)).changes
    assert [(c.by, c.detail) for c in erased if c.what == "erased"] == [
        (f"{NL}/retention", {"cause": "retention"})
    ]
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]


async def test_rule_10_held_item_outlives_its_period(world: World) -> None:
    """Until the hold is over; then the next walk takes it."""
    item = await closed_item(world)
    draft = HoldDraft(reason="order 12", until=moment(world.now + 90 * DAY_MS))
    await world[NL].desk.hold(item, draft, actor="counsel")
    made = retention(world, world[NL])
    world.now += 89 * DAY_MS
    assert await walk(made) == 0
    world.now += DAY_MS
    assert await walk(made) == 1


@pytest.mark.parametrize(
    ("word", "review"),
    [
        (Action.REMOVED, Review.PERHAPS_BACK),
        (Action.REMOVED, Review.CAME_BACK),
        (Action.NOT_ILLEGAL, Review.NOT_ILLEGAL_DOUBTED),
    ],
)
async def test_what_was_told_of_once_more_waits_until_a_person_has_looked(
    world: World, word: Action, review: Review
) -> None:
    """The report is nobody's else: a person is told once the time is over."""
    item = await closed_item(world)
    node = world[NL]
    await node.desk.act(item, ActionDraft(action=word), actor="a")
    needs = Needs(items={item})
    await node.desk._decide(needs, lambda book: book.raise_review(item, review))
    made, task = retention(world, node), (REPORTED_AGAIN_UNSEEN, item)
    world.now += 29 * DAY_MS
    assert await walk(made) == 0
    assert task not in await tasks(world, NL)
    world.now += DAY_MS
    assert await walk(made) == 0
    assert task in await tasks(world, NL)
    with pytest.raises(ItemReportedAgainError):
        await node.desk.erase(item, ErasureDraft(Cause.RETENTION), actor="a")
    await node.desk.act(item, ActionDraft(action=word), actor="a")
    assert task not in await tasks(world, NL)
    world.now += 30 * DAY_MS
    assert await walk(made) == 1


async def test_what_was_told_of_once_more_after_a_person_had_looked_is_said_again(
    world: World,
) -> None:
    """Else it would be kept for ever, and nobody told before the node is started again."""
    item = await closed_item(world)
    node = world[NL]
    made, task = retention(world, node), (REPORTED_AGAIN_UNSEEN, item)
    for _ in range(2):
        needs = Needs(items={item})
        await node.desk._decide(needs, lambda book: book.raise_review(item, Review.PERHAPS_BACK))
        world.now += 30 * DAY_MS
        assert await walk(made) == 0
        assert task in await tasks(world, NL)
        await node.desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        assert task not in await tasks(world, NL)
        world.now += DAY_MS


@pytest.mark.parametrize("signed_ms_ago", [-4 * DAY_MS, 4 * DAY_MS])
async def test_r7_nothing_is_erased_by_a_clock_that_nobody_confirms(
    world: World, signed_ms_ago: int
) -> None:
    """A clock that ran ahead by years would take everything."""
    await closed_item(world)
    world.now += 30 * DAY_MS
    made = retention(world, world[NL], signed_ms_ago=signed_ms_ago)
    assert await walk(made) == 0
    assert await walk(retention(world, world[NL])) == 1


async def test_what_happens_between_the_look_and_the_erasure_saves_the_item(world: World) -> None:
    """It is looked at again another day."""
    item = await closed_item(world)
    world.now += 30 * DAY_MS
    made = retention(world, world[NL])
    seen = await world[NL].state(item)
    await world[NL].desk.act(item, ActionDraft(action=Action.UNAVAILABLE), actor="a")
    assert await made._erase(seen) == 0
    assert (await world[NL].state(item)).id == item


async def test_walk_goes_on_page_by_page_and_begins_anew(world: World) -> None:
    """A step looks at no more than a page, whatever the number of items."""
    node = world[GB]
    for number in range(PAGE + 1):
        await node.submit(PLACE.format(number), reference=f"R-{number}")
    made = retention(world, node)
    assert [await made.due() for _ in range(4)] == [True, False, True, False]
