"""G9: an item that came back to a member by a ring, and went on, before its disk was lost."""

from __future__ import annotations

from node.casework.passing_on.chains import handed_to, members_of
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.recovering import recover
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
HOUR_MS = 3_600_000


async def moved(world: World, member: str, item: str, country: str) -> None:
    """Let a person say where it is now; twice, as it would go back where it came from."""
    draft = ActionDraft(action=Action.MOVED, country=country)
    for _ in range(2):
        await world[member].desk.act(item, draft, actor="a")
        await world.settle()
        if (await world[member].state(item)).responsible != member:
            return


async def test_g9_all_to_whom_it_was_handed_are_known_though_the_clock_was_put_back(
    world: World,
) -> None:
    """What was said first comes back first, whatever the clock said then."""
    item = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "FR")
    world.now -= HOUR_MS
    await moved(world, PDC, item, "NL")
    await moved(world, EOKM, item, "GB")
    before = await world[EOKM].state(item)
    assert members_of(before.hops) == [IWF, EOKM, PDC, EOKM, IWF]
    assert handed_to(EOKM, before) == {PDC, IWF}
    await recover(world, EOKM, IWF, PDC)
    assert handed_to(EOKM, await world[EOKM].state(item)) == {PDC, IWF}
