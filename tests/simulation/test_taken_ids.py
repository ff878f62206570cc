"""A member that was handed an item hands a third one something else under its id.

Nothing is lost by it, and nothing that the finder says stands at a place of which it never spoke.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from node.casework.casebook import Needs
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.registry import changes
from protocol.facts import Assessment, Evidence, Hop, Jurisdiction, Location, Sighting
from protocol.messages import Item
from protocol.vocabulary import (
    Action,
    Confidence,
    HostingState,
    ItemKind,
    Kind,
    Lane,
    Matter,
    OutcomeWhat,
    Source,
    Verdict,
)
from tests.builders.cases import event_id
from tests.node.casework.arriving import outcome
from tests.simulation.test_membership import govern, run, tasks

if TYPE_CHECKING:
    from tests.simulation.world import World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
PLACE = "https://nl1.example/secret/1.jpg"
INNOCENT = "https://fr9.example/innocent/"
BASELINE = AssessmentDraft(verdict=Verdict.BASELINE)


async def taken(world: World) -> str:
    """GB's item is with NL, which hands FR another place under its id; return the id."""
    item_id = (await world[GB].submit(PLACE, sha256="ab" * 32)).items[0].item_id
    await world.settle()
    evidence = (Evidence("203.0.113.9", "world", "1", "FR"),)
    forged = Item(
        item_id,
        item_id,
        1,
        Matter.CSAM,
        ItemKind.IMAGE,
        Location(INNOCENT, 1, INNOCENT),
        (),
        None,
        Source.PUBLIC,
        None,
        None,
        world.now,
        world.now,
        child_at_risk=False,
        finder=GB,
        custody=(Hop(GB, world.now), Hop(NL, world.now)),
        jurisdiction=Jurisdiction(HostingState.COUNTRY, "FR", Confidence.HIGH, evidence),
        assessments=(),
        actions=(),
        sightings=(Sighting(item_id, GB, Source.PUBLIC, world.now),),
    )
    desk = world[NL].desk.correcting
    await desk._transact(
        Needs(),
        lambda book: book.say(
            desk._postbox(), FR, Kind.ITEM, forged, subject=f"{item_id}|2", lane=Lane.REPORTS
        ),
    )
    await world[NL].delivery.load()
    await world.settle()
    await world[NL].crash()
    govern(world, partial(changes.merge, member=NL, successor=FR, choice_rules={}))
    return item_id


async def test_10_9_item_whose_id_was_taken_is_with_its_people_again(world: World) -> None:
    """FR does not take it for a later account of what NL gave it; both have it before them."""
    item_id = await taken(world)
    await world[GB].desk.assess(item_id, BASELINE, actor="analyst")
    await run(world, GB, FR)
    ours, theirs = await world[GB].state(item_id), await world[FR].state(item_id)
    assert (ours.custody, ours.reviews) == (Custody.HERE, (Review.REFUSED_BY_PEER,))
    assert ("id_of_two_items", f"{GB}/{item_id}") in await tasks(world, FR)
    assert (theirs.content, theirs.assessments) == ((), ())
    assert world[GB].verify().found == world[FR].verify().found == []


async def test_10_9_verdict_that_overtakes_its_item_waits_and_stands_nowhere(
    world: World,
) -> None:
    """News are quicker than the hand-over; that they wait is no fault, and ends with the item."""
    item_id = await taken(world)
    while (await world[GB].state(item_id)).responsible != FR:
        await world[GB].desk.judge_due()
    await world[GB].desk.assess(item_id, BASELINE, actor="analyst")
    await world[GB].delivery.deliver(FR, Lane.STATUS, world.now)
    await world[FR].desk.judge_due()
    assert (await world[FR].store.queries.oldest_parked())[0] == 1
    assert (await world[FR].state(item_id)).assessments == ()
    assert world[FR].verify().found == []
    await world[FR].desk.erase(item_id, ErasureDraft(Cause.ERROR), actor="head")
    await world[FR].desk.judge_due()
    assert (await world[FR].store.queries.oldest_parked())[0] == 0
    assert world[FR].verify().found == []


async def test_10_9_once_the_other_one_is_erased_the_honest_one_comes(world: World) -> None:
    """By a person at each: what waited about the id is over, and GB tells with its item."""
    item_id = await taken(world)
    await world[GB].desk.assess(item_id, BASELINE, actor="analyst")
    await run(world, GB, FR)
    await world[FR].desk.erase(item_id, ErasureDraft(Cause.ERROR), actor="head")
    moved = ActionDraft(action=Action.MOVED, country="FR")
    for _ in (Review.REFUSED_BY_PEER, Review.CAME_BACK):  # it was there before, and a person knows
        await world[GB].desk.act(item_id, moved, actor="analyst")
    await run(world, GB, FR)
    state = await world[FR].state(item_id)
    assert state.location is not None
    assert state.location.canonical == PLACE
    assert [given.member for given in state.vouched] == [GB]
    assert (await world[FR].store.queries.oldest_parked())[0] == 0
    assert world[GB].verify().found == world[FR].verify().found == []


async def test_10_9_heirs_verdict_is_judged_once_the_merger_is_known(world: World) -> None:
    """It reported the place, too, and said it before NL knew that it speaks for the finder."""
    item_id = (await world[GB].submit(PLACE, sha256="ab" * 32)).items[0].item_id
    await world.settle()
    await world[FR].submit(PLACE, sha256="ab" * 32)
    await world.settle()
    given = Assessment(event_id(9, FR), FR, Verdict.BASELINE, None, (), None, world.now)
    word = outcome(
        item_id, OutcomeWhat.ASSESSED, assessment=given, author=FR, event_id=given.event_id
    )
    desk = world[FR].desk.correcting
    await desk._transact(
        Needs(),
        lambda book: book.say(desk._postbox(), NL, Kind.OUTCOME, word, subject=given.event_id),
    )
    await world[FR].delivery.load()
    await world.settle()
    assert (await world[NL].store.queries.oldest_parked())[0] == 1
    await world[GB].crash()
    govern(world, partial(changes.merge, member=GB, successor=FR, choice_rules={}))
    await run(world, NL, FR)
    assert (await world[NL].store.queries.oldest_parked())[0] == 0
    assert [one.member for one in (await world[NL].state(item_id)).vouched] == [FR]
    assert world[NL].verify().found == []
