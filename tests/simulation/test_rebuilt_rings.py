"""G9: an item that came back to a member by a ring, and went on, before its disk was lost."""

from __future__ import annotations

from node.casework.item import Custody
from node.casework.passing_on.chains import handed_to, members_of
from node.casework.reports.draft import ActionDraft, MessageDraft
from protocol.vocabulary import Action
from tests.simulation.recovering import burn, rebuild, recover
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


async def holders(world: World, *items: str) -> set[str]:
    """Who has the item, under whichever of these ids."""
    found = set()
    for node in world.nodes.values():
        views = [await node.desk.item(item) for item in items]
        states = [await node.state(view.id) for view in views if view is not None]
        found |= {node.member for one in states if one.custody is not Custody.HANDED_ON}
    return found


async def test_g1_item_that_goes_round_by_a_rebuilt_member_is_with_one(world: World) -> None:
    """That member tells by which hand-over it went on: without it nobody sees the ring."""
    first = (await world[PDC].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, first, "FR")
    assert await holders(world, first) == {PDC}
    await recover(world, EOKM, IWF, PDC)
    second = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, PDC, first, "GB")
    assert len(await holders(world, first, second)) == 1


async def test_g1_report_that_came_before_it_was_handed_there_does_not_bring_it_back(
    world: World,
) -> None:
    """The other had told of the place first, and has it since."""
    first = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    second = (await world[PDC].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, first, "FR")
    before = await world[EOKM].state(first)
    assert await holders(world, first, second) == {PDC}
    await burn(world, EOKM)
    await world[EOKM].crash()
    draft = MessageDraft(EOKM, "Look again.", preview=False)  # by its status lane, which is first
    await world[PDC].desk.write(second, draft, actor="a")
    await rebuild(world, EOKM, IWF, PDC)
    after = await world[EOKM].state(first)
    assert members_of(after.hops) == members_of(before.hops)
    assert after.reviews == ()
    await moved(world, PDC, second, "GB")
    assert len(await holders(world, first, second)) == 1


async def test_g1_item_that_came_back_while_the_node_was_lost_is_here(world: World) -> None:
    """That it had gone on was said before that."""
    item = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "FR")
    await burn(world, EOKM)
    await world[EOKM].crash()
    back = ActionDraft(action=Action.MOVED, country="NL")
    for _ in range(2):
        await world[PDC].desk.act(item, back, actor="a")
    await rebuild(world, EOKM, IWF, PDC)
    assert await holders(world, item) == {EOKM}
    assert (await world[PDC].state(item)).responsible == EOKM
