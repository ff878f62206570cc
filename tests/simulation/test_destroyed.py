"""G9, as far as it goes: a node whose database is gone starts from its keys on an empty one.

What was said to it comes back from its peers by itself. What it said itself stands at its peers;
its own channels stop before a person, and nothing that it signs can contradict what it signed.
"""

from __future__ import annotations

from node.casework.ending.erasing import Cause, ErasureDraft
from tests.simulation.world import Node, World

DAY_MS = 24 * 3600_000
HELD = "https://nl{}.example/1.jpg"
OWN, NEW = "https://gb1.example/1.jpg", "https://gb2.example/2.jpg"


async def destroy(node: Node, *, said: bool = False) -> None:
    """Lose the machine; start from the keys on an empty database; a day goes by.

    `said`: a person said "restored", as of a backup that held nothing.
    """
    await node.crash()
    for path in node.path.parent.glob(f"{node.path.name}*"):
        path.unlink()
    node.create()
    await node.restart(restored=said)
    node.world.now += DAY_MS + 3600_000
    await node.world.settle()


async def hand_over(world: World, *numbers: int) -> list[str]:
    """Items that gb-iwf hands to nl-eokm."""
    results = [await world["gb-iwf"].submit(HELD.format(n)) for n in numbers]
    await world.settle()
    return [result.items[0].item_id for result in results]


async def tasks(node: Node) -> set[tuple[str, str]]:
    """What stands before a person: code and subject."""
    return {(code, subject) for code, subject, _ in await node.store.queries.tasks()}


class TestDestroyed:
    """The disk is gone, the keys are not."""

    async def test_g9_what_was_handed_to_it_comes_back_from_its_peers(self, world: World) -> None:
        """Under the same ids, with a word to the people at the peer; everything verifies."""
        items = await hand_over(world, 1, 2, 3)
        await destroy(world["nl-eokm"])
        for item in items:
            assert (await world["nl-eokm"].state(item)).responsible == "nl-eokm"
        assert ("peer_lost_entries", "nl-eokm/reports") in await tasks(world["gb-iwf"])
        for node in world.nodes.values():
            assert node.verify().found == []

    async def test_g9_what_its_peer_erased_stays_erased_and_is_named(self, world: World) -> None:
        """Not the item, only that something is missing."""
        kept, gone = await hand_over(world, 1, 2)
        retention = ErasureDraft(Cause.RETENTION)
        await world["gb-iwf"].desk.erase(gone, retention, actor="head")
        await world.settle()
        await destroy(world["nl-eokm"])
        assert (await world["nl-eokm"].state(kept)).responsible == "nl-eokm"
        assert await world["nl-eokm"].desk.item(gone) is None
        missing = {subject for code, subject in await tasks(world["nl-eokm"])
                   if code == "entry_missing"}  # fmt: skip
        assert missing
        assert world["nl-eokm"].verify().found == []

    async def test_g5_its_own_channels_stop_before_a_person_and_fork_nothing(
        self, world: World
    ) -> None:
        """It does not know what it signed: nobody is talked into going on."""
        result = await world["nl-eokm"].submit(OWN)
        await world.settle()
        item = result.items[0].item_id
        await destroy(world["nl-eokm"])
        await world["nl-eokm"].submit(NEW)
        await world.settle()
        stopped = await tasks(world["nl-eokm"])
        assert ("channel_unknown_history", "gb-iwf/reports") in stopped
        assert (await world["gb-iwf"].state(item)).finder == "nl-eokm"
        assert world["gb-iwf"].verify().found == []

    async def test_g9_told_that_it_was_restored_it_goes_on_and_repeats_nothing(
        self, world: World
    ) -> None:
        """New epochs follow what the peers tell; what they have of it they keep, once.

        What they answered to what is forgotten here stands before a person.
        """
        result = await world["nl-eokm"].submit(OWN)
        await hand_over(world, 1)
        await destroy(world["nl-eokm"], said=True)
        again = await world["nl-eokm"].submit(NEW)
        await world.settle()
        for item in (result.items[0].item_id, again.items[0].item_id):
            state = await world["gb-iwf"].state(item)
            assert (state.responsible, len(state.sightings)) == ("gb-iwf", 1)
        assert await tasks(world["nl-eokm"]) == {("answer_to_nothing", "gb-iwf")}
        for node in world.nodes.values():
            assert node.verify().found == []
