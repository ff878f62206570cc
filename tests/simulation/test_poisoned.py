"""A member says what no program should fail at: nobody else's work stands still by it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.casework.casebook import Casebook, Needs
from node.casework.draft import AssessmentDraft
from node.casework.events import EventKind, Recorded
from protocol.facts import Assessment, Content
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import Kind, Lane, Verdict
from tests.builders.cases import country, event_id, item
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from
from tests.simulation.test_flooding import say
from tests.simulation.world import World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
FILE = "ab" * 32
GIVEN = Assessment(event_id(41, GB), GB, Verdict.BASELINE, None, (), None, NOW_MS)


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

    def plant(book: Casebook) -> None:
        body = Recorded(state, None)
        book.record(state.id, EventKind.RECORDED, body, at_ms=NOW_MS, actor=GB)

    await world[NL].desk.correcting._transact(Needs(), plant)
    gone = ContentVerdictWithdrawn(GIVEN.event_id, NOW_MS)
    await say(world[GB], [(gone, Kind.CONTENT_VERDICT_WITHDRAWN, Lane.BULK)])
    await world.settle()
    assert (await world[NL].state(state.id)).assessments == ()
