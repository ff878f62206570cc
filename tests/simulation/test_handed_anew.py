"""A member erased an item, and is handed it once more: it has it, and nobody else does."""

from __future__ import annotations

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import NotResponsibleError
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action, Disposition
from tests.simulation.test_membership import FR, GB, NL, PLACE
from tests.simulation.world import World


async def handed_anew(world: World) -> str:
    """An item that nl-eokm erased by mistake, and that gb-iwf handed to it again; its id."""
    item = (await world[GB].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[NL].desk.erase(item, ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    back = await world[GB].state(item)
    assert (back.custody, back.reviews) == (Custody.HERE, (Review.CAME_BACK,))
    moved = ActionDraft(action=Action.MOVED, country="NL")
    await world[GB].desk.act(item, moved, actor="a")
    await world.settle()
    assert (await world[GB].state(item)).answer is Disposition.NEW_AGAIN
    return item


async def test_who_is_handed_it_anew_has_it_and_nobody_takes_it_from_there(world: World) -> None:
    """Else two would have it open, and two hosters' letters would go."""
    item = await handed_anew(world)
    moved = ActionDraft(action=Action.MOVED, country="FR")
    with pytest.raises(NotResponsibleError):
        await world[GB].desk.act(item, moved, actor="a")
    await world.settle()
    assert (await world[NL].state(item)).custody is Custody.HERE
    assert await world[FR].desk.item(item) is None
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]


async def test_who_erases_it_once_more_gives_it_back_once_more(world: World) -> None:
    """Its second word counts as the first did, by whatever clock."""
    item = await handed_anew(world)
    await world[NL].desk.erase(item, ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    state = await world[GB].state(item)
    assert (state.custody, state.erased_at) == (Custody.HERE, (NL,))
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]


async def test_place_that_was_closed_there_since_is_reported_there(world: World) -> None:
    """It looks at the place again: a report joins what is there."""
    item = await handed_anew(world)
    await world[NL].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    again = await world[GB].submit(PLACE, reference="again")
    await world.settle()
    assert [one.item_id for one in again.items] == [item]
    assert Review.PERHAPS_BACK in (await world[NL].state(item)).reviews
