"""G9: a node that was lost comes back from its keys, the registry and its peers."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from node.casework.draft import ActionDraft, AssessmentDraft, MessageDraft
from node.casework.item import ItemState
from node.store.connection import open_reader
from node.store.queries import ItemQuery
from protocol.vocabulary import Action, Verdict
from tests.simulation.recovering import recover
from tests.simulation.test_destroyed import tasks
from tests.simulation.world import Node, World

OWN = "https://gb{}.example/1.jpg"
HELD = "https://nl{}.example/1.jpg"


async def test_g9_item_that_it_had_handed_on_comes_back(world: World) -> None:
    """One peer, one lane, one item: with who has it now, under its old id, and nothing forks."""
    result = await world["nl-eokm"].submit(OWN.format(1))
    await world.settle()
    item = result.items[0].item_id
    before = await world["nl-eokm"].state(item)
    await recover(world, "nl-eokm", "gb-iwf")
    after = await world["nl-eokm"].state(item)
    assert (after.custody, after.responsible) == (before.custody, "gb-iwf")
    assert (after.location, after.finder, after.answer) == (
        before.location,
        "nl-eokm",
        before.answer,
    )
    assert len((await world["gb-iwf"].state(item)).sightings) == 1
    for node in world.nodes.values():
        assert node.verify().found == [], node.member
    assert await tasks(world["nl-eokm"]) == {("outside_held", "restored")}


EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
MESSAGES = (
    "SELECT count(*) FROM entries_in WHERE peer = ? AND substr(entry, 3, 1) >= x'10'"
    " AND coalesce(answer, '') <> 'repeat'"
)
"""Entries of a member that are not the channel's own, each once."""


async def a_working_day(world: World) -> dict[str, str]:
    """What happens between three hotlines; items by what became of them."""
    eokm, iwf, pdc = world[EOKM], world[IWF], world[PDC]
    handed = (await eokm.submit(OWN.format(1))).items[0].item_id
    closed = (await iwf.submit(HELD.format(1))).items[0].item_id
    moved = (await iwf.submit(HELD.format(2))).items[0].item_id
    shared = (await iwf.submit(HELD.format(3), sha256="ab" * 32)).items[0].item_id
    await world.settle()
    await pdc.submit(HELD.format(3), sha256="ab" * 32)  # a duplicate, told of every outcome
    await world.settle()
    baseline = AssessmentDraft(verdict=Verdict.BASELINE)
    for item in (closed, moved, shared):
        await eokm.desk.assess(item, baseline, actor="a")
    await eokm.desk.act(closed, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    await world.settle()
    await eokm.desk.act(closed, ActionDraft(action=Action.REMOVED), actor="a")
    eokm.places.moved["nl2.example"] = "FR"
    await eokm.desk.act(moved, ActionDraft(action=Action.MOVED), actor="a")
    await eokm.submit(OWN.format(1))  # seen once more, and passed along the chain
    await world.settle()
    await iwf.desk.assess(handed, baseline, actor="a")
    await iwf.desk.act(handed, ActionDraft(action=Action.REMOVED), actor="a")
    await pdc.desk.act(moved, ActionDraft(action=Action.UNAVAILABLE), actor="a")
    await eokm.desk.write(closed, MessageDraft(IWF, "The whole album?", preview=False), actor="a")
    await iwf.desk.write(closed, MessageDraft(EOKM, "Yes.", preview=False), actor="a")
    await world.settle()
    return {"handed": handed, "closed": closed, "moved": moved, "shared": shared}


def seen(state: ItemState) -> dict[str, object]:
    """What an analyst sees of an item, whatever the order in which it came back."""
    return {
        "custody": state.custody,
        "responsible": state.responsible,
        "location": state.location,
        "content": state.content,
        "finder": state.finder,
        "chain": [hop.member for hop in state.hops],
        "sightings": {one.sighting_id for one in state.sightings},
        "informants": set(state.informants),
        "assessments": {one.event_id for one in state.assessments},
        "actions": {one.event_id for one in state.actions},
        "closed_by": state.closed_by,
        "messages": {one.message_id for one in state.messages},
        "answer": state.answer,
    }


class TestWholeStory:
    """Three hotlines, a day's work in every direction, and one machine that burns."""

    async def test_g9_every_item_is_as_it_was(self, world: World) -> None:
        """Custody, verdicts, courses, messages: from both directions, at two peers."""
        items = await a_working_day(world)
        before = {name: seen(await world[EOKM].state(item)) for name, item in items.items()}
        await recover(world, EOKM, IWF, PDC)
        for name, item in items.items():
            assert seen(await world[EOKM].state(item)) == before[name], name

    async def test_g2_peers_hear_nothing_a_second_time(self, world: World) -> None:
        """Not an item, an answer, an outcome: no entry that is not the channel's own."""
        await a_working_day(world)
        before = {peer: rows(world[peer], MESSAGES, EOKM) for peer in (IWF, PDC)}
        items = {peer: await all_items(world[peer]) for peer in (IWF, PDC)}
        await recover(world, EOKM, IWF, PDC)
        assert {peer: rows(world[peer], MESSAGES, EOKM) for peer in (IWF, PDC)} == before
        assert {peer: await all_items(world[peer]) for peer in (IWF, PDC)} == items

    async def test_g5_everything_verifies_on_every_side_and_goes_on(self, world: World) -> None:
        """Logs, receipts, items, answers; what comes next is said in an epoch of its own."""
        await a_working_day(world)
        await recover(world, EOKM, IWF, PDC)
        again = (await world[EOKM].submit(OWN.format(2))).items[0].item_id
        back = (await world[IWF].submit(HELD.format(9))).items[0].item_id
        await world.settle()
        assert (await world[IWF].state(again)).responsible == IWF
        assert (await world[EOKM].state(back)).responsible == EOKM
        for node in world.nodes.values():
            assert node.verify().found == [], node.member
            assert not {code for code, _ in await tasks(node)} - {
                "outside_held",
                "peer_lost_entries",
            }

    async def test_g9_a_second_loss_is_survived_too(self, world: World) -> None:
        """What came back once comes back again, with what was said since."""
        items = await a_working_day(world)
        await recover(world, EOKM, IWF, PDC)
        later = (await world[EOKM].submit(OWN.format(7))).items[0].item_id
        await world.settle()
        before = seen(await world[EOKM].state(items["closed"]))
        world.now += 8 * 86_400_000
        await recover(world, EOKM, IWF, PDC)
        assert (await world[EOKM].state(later)).responsible == IWF
        assert seen(await world[EOKM].state(items["closed"])) == before
        for node in world.nodes.values():
            assert node.verify().found == [], node.member


async def all_items(node: Node) -> list[ItemState]:
    """Every item that a node has."""
    return await node.store.queries.items(ItemQuery())


def rows(node: Node, sql: str, *values: object) -> list[Any]:
    """Look into a node's database."""
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        return connection.execute(sql, values).fetchall()
