"""A member says what no program should fail at: nobody else's work stands still by it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Recorded, Sighted
from node.casework.item import Custody, Informant, ItemState
from node.casework.reports.draft import AssessmentDraft
from node.registry import changes
from protocol.facts import Assessment, Content
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import Action, Disposition, Kind, Lane, Verdict
from tests.builders.cases import OTHER_PLACE, country, event_id, file, item
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from
from tests.simulation.looking import rows
from tests.simulation.test_flooding import say
from tests.simulation.test_membership import govern, run
from tests.simulation.test_retention import DAY_MS, retention, walk
from tests.simulation.world import World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
FILE = "ab" * 32
GIVEN = Assessment(event_id(41, GB), GB, Verdict.BASELINE, None, (), None, NOW_MS)


BROKEN = (Informant(GB, "no id"),)
"""Whoever tells them of an item makes the program fail, as a fault of ours may."""


async def plant(world: World, *states: ItemState) -> None:
    """Let items be at nl-eokm, as a fault may have left them."""

    def decide(book: Casebook) -> None:
        for state in states:
            body = Recorded(state, None)
            book.record(state.id, EventKind.RECORDED, body, at_ms=NOW_MS, actor=GB)

    await world[NL].desk.correcting._transact(Needs(), decide)


def set_aside(world: World) -> list[str]:
    """What stands before a person at nl-eokm since its program failed at it."""
    sql = "SELECT subject FROM tasks WHERE code = 'set_aside' AND closed_ms IS NULL"
    return [row[0] for row in rows(world[NL], sql)]


async def one_verdict_twice(world: World) -> None:
    """Have gb-iwf hand nl-eokm an item that names one verdict twice, and take that back."""
    twice = (GIVEN, replace(GIVEN, at_ms=NOW_MS + 1))
    bad = item_from(GB, 9, Content(sha256=bytes(32)), hosted=country("NL"), assessments=twice)
    await say(world[GB], [(bad, Kind.ITEM, Lane.REPORTS)])
    gone = ContentVerdictWithdrawn(GIVEN.event_id, NOW_MS)
    await say(world[GB], [(gone, Kind.CONTENT_VERDICT_WITHDRAWN, Lane.BULK)])


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_verdict_named_twice_and_taken_back_stops_nobody(
    world: World, *, restarted: bool
) -> None:
    """What another member takes back goes, as ever."""
    await one_verdict_twice(world)
    if restarted:
        await world[NL].crash()
        await world[NL].restart()
    ours = (await world[NL].submit("https://nl1.example/1.jpg", sha256=FILE)).items[0].item_id
    theirs = (await world[FR].submit("https://fr1.example/1.jpg", sha256=FILE)).items[0].item_id
    await world[FR].desk.assess(theirs, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    (given,) = (await world[NL].state(ours)).assessments
    await world[FR].desk.correcting.withdraw(theirs, given.event_id, actor="a")
    await world.settle()
    assert (await world[NL].state(ours)).assessments == ()
    assert (await world[NL].state(event_id(9, GB))).assessments == ()


async def test_verdict_that_an_earlier_version_took_twice_goes_once(world: World) -> None:
    """Its item stands in the history as it came."""
    state = item(9, Content(sha256=bytes(32)), assessments=(GIVEN, GIVEN))
    await plant(world, state)
    gone = ContentVerdictWithdrawn(GIVEN.event_id, NOW_MS)
    await say(world[GB], [(gone, Kind.CONTENT_VERDICT_WITHDRAWN, Lane.BULK)])
    await world.settle()
    assert (await world[NL].state(state.id)).assessments == ()


async def test_verdict_that_cannot_be_undone_holds_up_none_that_can(world: World) -> None:
    """It stands before a person."""
    other = replace(GIVEN, event_id=event_id(42, GB))
    bad = item(
        8, file(8), url=OTHER_PLACE, assessments=(GIVEN,), informants=(Informant(FR, "no id"),)
    )
    good = item(9, file(9), assessments=(other,))
    await plant(world, bad, good)
    for given in (GIVEN, other):
        gone = ContentVerdictWithdrawn(given.event_id, NOW_MS)
        await say(world[GB], [(gone, Kind.CONTENT_VERDICT_WITHDRAWN, Lane.BULK)])
    await world.settle()
    assert (await world[NL].state(bad.id)).assessments == (GIVEN,)
    assert (await world[NL].state(good.id)).assessments == ()
    assert [one.partition("/")[0] for one in set_aside(world)] == ["entry"]


async def test_item_that_cannot_be_placed_holds_up_none_that_can(world: World) -> None:
    """It stands before a person."""
    at_fr: dict[str, Any] = {"custody": Custody.LOCATING, "responsible": None, "due_ms": NOW_MS}
    bad = item(8, url="https://fr1.example/8.jpg", hops=(), **at_fr)
    good = item(9, url="https://fr1.example/9.jpg", **at_fr)
    await plant(world, bad, good)
    await world.settle()
    assert (await world[NL].state(bad.id)).custody is Custody.LOCATING
    assert (await world[NL].state(good.id)).responsible == FR
    assert set_aside(world) == [bad.id]


async def test_item_that_cannot_be_erased_holds_up_none_that_can(world: World) -> None:
    """It stands before a person."""
    ended: dict[str, Any] = {"closed_ms": NOW_MS, "closed_by": Action.REMOVED}
    bad = item(8, url=OTHER_PLACE, informants=BROKEN, **ended)
    await plant(world, bad, item(9, **ended))
    world.now += 100 * DAY_MS
    assert await walk(retention(world, world[NL])) == 1
    assert set_aside(world) == [bad.id]


async def test_item_that_cannot_be_recalled_holds_up_none_that_can(world: World) -> None:
    """It stands before a person."""
    places = ("https://fr1.example/8.jpg", "https://fr1.example/9.jpg")
    made = [(await world[NL].submit(one)).items[0].item_id for one in places]
    bad, good = sorted(made)
    await world.settle()
    body = Sighted((), *BROKEN, child_at_risk=False, outcome=Disposition.DUPLICATE)

    def spoil(book: Casebook) -> None:
        book.record(bad, EventKind.SIGHTED, body, at_ms=NOW_MS, actor=GB)

    await world[NL].desk.correcting._transact(Needs(items={bad}), spoil)
    govern(world, partial(changes.expel, member=FR, choice_rules={}))
    await run(world, NL, GB)
    assert (await world[NL].state(bad)).responsible == FR
    assert (await world[NL].state(good)).responsible != FR
    assert set_aside(world) == [bad]
