"""G1, G2: a report that a child is at risk overtakes the hand-over by which its item comes back.

What is urgent goes first, also in its lane. Who gets it had handed the item on, and knows it by its
id; that it has it again comes after.
"""

from __future__ import annotations

from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.test_rebuilt_rings import holders
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
PLACE = "https://gb7.example/1.jpg"


async def handed_back_and_reported(world: World, by: str) -> str:
    """An item of nl-eokm that gb-iwf hands back while nl-eokm is down; then the place is urgent."""
    item = (await world[EOKM].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[EOKM].crash()
    for _ in range(2):  # it goes back where it came from: a person says so again
        back = ActionDraft(action=Action.MOVED, country="NL")
        await world[IWF].desk.act(item, back, actor="a")
        await world[IWF].desk.locate_due()
    await world[by].submit(PLACE, reference="again", child_at_risk=True)
    await world[EOKM].restart()
    await world.settle()
    return item


async def test_g1_it_is_heard_once_the_item_is_back(world: World) -> None:
    """Its police are called."""
    item = await handed_back_and_reported(world, IWF)
    state = await world[EOKM].state(item)
    assert (state.custody, state.child_at_risk, len(state.sightings)) == (Custody.HERE, True, 2)


async def test_g2_it_is_no_refusal_of_the_item(world: World) -> None:
    """Two would have it."""
    item = await handed_back_and_reported(world, IWF)
    assert await holders(world, item) == {EOKM}
    assert (await world[IWF].state(item)).reviews == ()
    assert await world[EOKM].store.queries.oldest_parked() == (0, None)
