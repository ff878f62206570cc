"""G9: a node that was lost comes back from its keys, the registry and its peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import RecoveringError
from node.casework.item import ItemState
from node.casework.reports.draft import ActionDraft, AssessmentDraft, MessageDraft
from node.peer.recovery.bringing_back import callers
from node.peer.recovery.handing_back import HeldPage
from node.store.connection import open_reader
from node.store.items.queries import ItemQuery
from node.store.seam import Connection
from protocol.entry import decode, encode, leaf
from protocol.recovery import Element, Standing, StandingCode
from protocol.vocabulary import Action, Kind, Lane, Verdict
from tests.simulation.recovering import burn, decide, finish, recover
from tests.simulation.test_destroyed import destroy, tasks
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
    back = (await iwf.submit(HELD.format(4))).items[0].item_id
    await world.settle()
    for _ in range(2):  # it would go back where it came from: a person looks, and says so again
        await eokm.desk.act(back, ActionDraft(action=Action.MOVED, country="GB"), actor="a")
        await world.settle()
    await iwf.desk.act(back, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    return {"back": back, "handed": handed, "closed": closed, "moved": moved, "shared": shared}


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

    async def test_g9_what_all_were_told_of_files_can_be_taken_back(self, world: World) -> None:
        """What stands and what was taken back is known again; nobody is told a second time."""
        items = await a_working_day(world)
        gone = (await world[EOKM].submit("https://nl5.example/1.jpg", sha256="cd" * 32)).items[0]
        await world.settle()
        baseline = AssessmentDraft(verdict=Verdict.BASELINE)
        view = await world[EOKM].desk.assess(gone.item_id, baseline, actor="a")
        verdict = view.assessments[0].id
        await world[EOKM].desk.correcting.withdraw(gone.item_id, verdict, actor="a")
        await world.settle()
        before = await world[EOKM].store.shared.standing(("", 0), 99)
        assert before
        told = rows(world[IWF], MESSAGES, EOKM)
        await recover(world, EOKM, IWF, PDC)
        node = world[EOKM]
        assert await node.store.shared.standing(("", 0), 99) == before
        assert (await node.store.queries.given(verdict)).is_gone
        assert rows(world[IWF], MESSAGES, EOKM) == told
        (given,) = {one.assessment.event_id for one in before}
        done = await node.desk.correcting.withdraw_everywhere(given, actor="a")
        assert (done.known, done.items, done.told) == (True, (items["shared"],), 2)
        await world.settle()
        for member in (EOKM, IWF):
            state = await world[member].state(items["shared"])
            assert all(one.member != EOKM for one in state.assessments)

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


async def hand_on_in_two_epochs(world: World) -> None:
    """One item before and one after the node was started again."""
    await hand_on_one(world)
    await world[EOKM].crash()
    await world[EOKM].restart()
    await world[EOKM].submit(OWN.format(5))
    await world.settle()


async def burn_before(world: World, liar: type[Liar]) -> None:
    """The machine burns, and the peer that is allowed to hand back does it as `liar` does."""
    await burn(world, EOKM)
    await world.settle()
    decide(world, IWF, EOKM)
    honest = world[IWF].handing_back
    world[IWF].handing_back = replace(honest, store=liar(honest.store))
    world.now += 61_000
    await world.settle()


async def all_items(node: Node) -> list[ItemState]:
    """Every item that a node has."""
    return await node.store.queries.items(ItemQuery())


def rows(node: Node, sql: str, *values: object) -> list[Any]:
    """Look into a node's database."""
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        return connection.execute(sql, values).fetchall()


class TestPeers:
    """What becomes of the peers, afterwards and meanwhile."""

    async def test_g1_a_peer_that_burns_later_is_refilled_from_what_came_back(
        self, world: World
    ) -> None:
        """The recovered node asks its peers again as ever, though nothing new waits for them."""
        items = await a_working_day(world)
        await recover(world, EOKM, IWF, PDC)
        await destroy(world[IWF])
        assert (await world[IWF].state(items["handed"])).responsible == IWF
        assert world[IWF].verify().found == []

    async def test_a_peer_that_only_pulls_is_shown_as_one_that_nobody_can_ask(
        self, tmp_path: Path
    ) -> None:
        """Until it comes by itself: so that nobody takes the recovery for whole."""
        world = World(tmp_path, (IWF, EOKM), unreachable=IWF)
        await world.start()
        await burn(world, EOKM)
        await world[EOKM].coming_back.step()
        assert await reports_of(world) == {IWF: "not_callable"}
        await world.close()


@pytest.fixture
async def pulled(tmp_path: Path) -> AsyncIterator[World]:
    """Give two members of whom gb-iwf cannot be called; nl-eokm had handed two items to it."""
    made = World(tmp_path, (IWF, EOKM), unreachable=IWF)
    await made.start()
    for number in (1, 2):
        await made[EOKM].submit(OWN.format(number))
        await made.settle()
    yield made
    await made.close()


class TestNotCallable:
    """§8.13.10: a peer that only pulls brings what it cannot be asked for."""

    async def test_g9_what_a_peer_that_only_pulls_holds_comes_back(self, pulled: World) -> None:
        """After a person there has allowed it, page by page; then the node is whole."""
        before = rows(pulled[EOKM], "SELECT id, responsible FROM items ORDER BY id")
        assert len(before) == 2
        await recover(pulled, EOKM, IWF)
        assert rows(pulled[EOKM], "SELECT id, responsible FROM items ORDER BY id") == before
        for node in pulled.nodes.values():
            assert node.verify().found == [], node.member
        assert await tasks(pulled[EOKM]) == {("outside_held", "restored")}

    async def test_g4_nothing_is_brought_before_a_person_has_allowed_it(
        self, pulled: World
    ) -> None:
        """The recovering node sees that a person is to be telephoned, and a refusal."""
        await burn(pulled, EOKM)
        await pulled.settle()
        assert await reports_of(pulled) == {IWF: "waiting"}
        assert rows(pulled[EOKM], "SELECT count(*) FROM recovered_pages") == [(0,)]
        assert ("peer_recovering", EOKM) in await tasks(pulled[IWF])
        decide(pulled, IWF, EOKM, allowed=False)
        pulled.now += 61_000
        await pulled.settle()
        assert await reports_of(pulled) == {IWF: "refused"}

    async def test_g9_end_stands_and_is_not_undone_by_the_next_visit(self, pulled: World) -> None:
        """A person ends the asking by it."""
        await burn(pulled, EOKM)
        await pulled.settle()
        decide(pulled, IWF, EOKM)
        for _ in range(3):
            pulled.now += 601_000
            await pulled.settle()
            assert await reports_of(pulled) == {IWF: "end"}
        asking = pulled[EOKM].coming_back.asking
        await asking.brought(IWF, Lane.REPORTS, Standing(1, StandingCode.WAITING))
        assert await reports_of(pulled) == {IWF: "end"}, "it comes to look whether more is asked"

    async def test_g5_a_page_that_is_not_believed_moves_nothing(self, pulled: World) -> None:
        """Once in a round; the standing says what was wrong, and the truth still comes."""
        await burn(pulled, EOKM)
        await pulled.settle()
        decide(pulled, IWF, EOKM)
        honest = pulled[IWF].handing_back
        pulled[IWF].bringing_back.recoveries = replace(honest, store=Liar(honest.store))
        pulled.now += 61_000
        await pulled.settle()
        assert await reports_of(pulled) == {IWF: "malformed"}
        assert rows(pulled[EOKM], "SELECT count(*) FROM recovered_pages") == [(0,)]
        pulled[IWF].bringing_back.recoveries = honest
        pulled.now += 601_000
        await pulled.settle()
        assert await reports_of(pulled) == {IWF: "end"}

    async def test_g11_who_can_be_asked_brings_nothing(self, world: World) -> None:
        """And nobody brings anything to a member that lost nothing."""
        waiting = Standing(1, StandingCode.WAITING)
        asking = world[EOKM].coming_back.asking
        assert await asking.brought(IWF, Lane.REPORTS, waiting) == Standing(1, StandingCode.REFUSED)
        assert callers(world.registry, IWF) == []

    async def test_g11_nothing_is_taken_by_a_node_that_lost_nothing(self, pulled: World) -> None:
        """Whatever its registry says of it."""
        waiting = Standing(1, StandingCode.WAITING)
        asking = pulled[EOKM].coming_back.asking
        refused = Standing(1, StandingCode.NOT_RECOVERING)
        assert await asking.brought(IWF, Lane.REPORTS, waiting) == refused


class TestPermission:
    """Nothing is handed out for the asking."""

    async def test_g9_nothing_comes_before_a_person_has_allowed_it(self, world: World) -> None:
        """The first request only rings a bell, once."""
        await hand_on_one(world)
        await burn(world, EOKM)
        for _ in range(3):
            world.now += 61_000
            await world.settle()
        assert ("peer_recovering", EOKM) in await tasks(world[IWF])
        assert {one.standing for one in await world[EOKM].store.recovered.progress()} == {"waiting"}
        assert rows(world[EOKM], "SELECT count(*) FROM recovered_entries") == [(0,)]

    async def test_g9_a_person_who_says_no_is_heard(self, world: World) -> None:
        """The member sees it, and gets nothing."""
        await hand_on_one(world)
        await burn(world, EOKM)
        await world.settle()
        assert decide(world, IWF, EOKM, allowed=False) == "decided"
        world.now += 61_000
        await world.settle()
        standing = await reports_of(world)
        assert standing[IWF] == "refused"
        assert rows(world[EOKM], "SELECT count(*) FROM recovered_entries") == [(0,)]
        assert await tasks(world[IWF]) == set()

    async def test_g7_a_thief_with_the_keys_of_daily_work_gets_nothing(self, world: World) -> None:
        """Without the member key the document does not say that anybody recovers: no bell rings."""
        await hand_on_one(world)
        before = await tasks(world[IWF])
        await burn(world, EOKM, flag=False)
        world.now += 61_000
        await world.settle()
        standing = {one.standing for one in await world[EOKM].store.recovered.progress()}
        assert standing == {"not_recovering"}
        assert {c for c, _ in await tasks(world[IWF]) - before} <= {"peer_lost_entries"}
        assert decide(world, IWF, EOKM) == "not_asked"

    async def test_g7_a_thief_who_listens_to_a_real_recovery_opens_nothing(
        self, world: World
    ) -> None:
        """Pages are sealed to the fresh key, and the keys that he stole do not open it."""
        await hand_on_one(world)
        stolen = world[EOKM].keys
        await burn(world, EOKM)
        await world.settle()
        decide(world, IWF, EOKM)
        world[EOKM].keys = replace(world[EOKM].keys, sealing=stolen.sealing)
        await world[EOKM].crash()
        await world[EOKM].restart(restored=True)
        world.now += 61_000
        await world[EOKM].coming_back.step()
        standing = await reports_of(world)
        assert standing[IWF] == "sealing_key_missing"
        assert rows(world[EOKM], "SELECT count(*) FROM recovered_entries") == [(0,)]

    async def test_g11_a_second_recovery_within_days_needs_a_second_word(
        self, world: World
    ) -> None:
        """Who has the member key too must not drain the network in a night."""
        await hand_on_one(world)
        await recover(world, EOKM, IWF)
        await burn(world, EOKM)
        await world.settle()
        assert decide(world, IWF, EOKM) == "recovered_lately"
        assert decide(world, IWF, EOKM, again=True) == "decided"

    async def test_g11_a_word_does_not_last_for_ever(self, world: World) -> None:
        """After a week the same question rings the bell again."""
        await hand_on_one(world)
        await burn(world, EOKM)
        await world.settle()
        decide(world, IWF, EOKM)
        world.now += 8 * 86_400_000
        await world.settle()
        standing = await reports_of(world)
        assert standing[IWF] == "waiting"
        assert ("peer_recovering", EOKM) in await tasks(world[IWF])


class TestLies:
    """A peer that lies can withhold an end, and nothing else."""

    async def test_g5_a_peer_that_changes_a_page_is_believed_in_nothing(self, world: World) -> None:
        """Its standing says what is wrong; nothing of the page is kept."""
        await hand_on_one(world)
        await burn_before(world, Liar)
        standing = await reports_of(world)
        assert standing[IWF] == "malformed"
        assert rows(world[EOKM], "SELECT count(*) FROM recovered_entries") == [(0,)]

    async def test_g5_an_end_that_is_withheld_stops_the_channel_before_a_person(
        self, world: World
    ) -> None:
        """The peer tells a state that the member does not remember: nobody goes on by himself."""
        await hand_on_in_two_epochs(world)
        await burn_before(world, Short)
        await finish(world, EOKM)
        await world[EOKM].submit(OWN.format(6))
        await world.settle()
        assert ("channel_unknown_history", f"{IWF}/reports") in await tasks(world[EOKM])

    async def test_g5_a_place_that_is_left_bare_is_not_taken_for_an_erased_one(
        self, world: World
    ) -> None:
        """Only a peer that says so, and when, has erased it."""
        await hand_on_one(world)
        await burn_before(world, Bare)
        assert (await reports_of(world))[IWF] == "malformed"

    async def test_g1_a_channel_that_a_person_left_out_goes_on_all_the_same(
        self, world: World
    ) -> None:
        """The peer refuses for ever: what it tells is taken up once, by the word of a person."""
        await hand_on_one(world)
        await burn(world, EOKM)
        await world.settle()
        decide(world, IWF, EOKM, allowed=False)
        world.now += 61_000
        await world.settle()
        await finish(world, EOKM)
        later = (await world[EOKM].submit(OWN.format(6))).items[0].item_id
        await world.settle()
        assert (await world[IWF].state(later)).responsible == IWF
        assert world[EOKM].verify().found == []

    async def test_g1_a_channel_that_came_back_in_part_goes_on_by_the_word_of_a_person(
        self, world: World
    ) -> None:
        """Who ends a recovery that is not whole knows that the peer holds more."""
        await hand_on_in_two_epochs(world)
        await burn_before(world, Part)
        await finish(world, EOKM)
        later = (await world[EOKM].submit(OWN.format(6))).items[0].item_id
        await world.settle()
        assert (await world[IWF].state(later)).responsible == IWF
        assert world[EOKM].verify().found == []


class Liar:
    """A store whose pages say something else than was said."""

    def __init__(self, store: Any) -> None:
        self.permission = store.permission
        self.given = store.given
        self._page = store.page

    async def page(self, *place: Any) -> Any:
        """The page, with one byte of its last entry changed."""
        held = await self._page(*place)
        if not isinstance(held, HeldPage):
            return held
        last = held.elements[-1].entry
        assert last is not None
        lie = last[:-1] + bytes((last[-1] ^ 1,))
        return held._replace(elements=[*held.elements[:-1], Element(leaf(lie), lie)])


class Bare(Liar):
    """A store that shows a leaf where it has the entry."""

    async def page(self, *place: Any) -> Any:
        """The page, with nothing but the leaf in its last place."""
        held = await self._page(*place)
        if not isinstance(held, HeldPage):
            return held
        return held._replace(elements=[*held.elements[:-1], Element(held.elements[-1].leaf, None)])


class Denying(Liar):
    """A store that says of an entry that it was erased."""

    async def page(self, *place: Any) -> Any:
        """The page, with the last item on it erased, it says, some hours ago."""
        held = await self._page(*place)
        if not isinstance(held, HeldPage) or place[1] is not Lane.REPORTS:
            return held
        last = held.elements[-1]
        assert last.entry is not None
        gone = Element(last.leaf, None, decode(last.entry).id, 1)
        return held._replace(elements=[*held.elements[:-1], gone])


class Part(Liar):
    """A store that shows one page of a channel, and then nothing more for now."""

    async def page(self, *place: Any) -> Any:
        """The first page; after it, as if somebody had taken his word back."""
        asked = place[2]
        return StandingCode.REFUSED if asked.epoch is not None else await self._page(*place)


class Short(Liar):
    """A store that does not show more than one page of a channel."""

    async def page(self, *place: Any) -> Any:
        """The first page, and no other."""
        asked = place[2]
        return StandingCode.END if asked.epoch is not None else await self._page(*place)


class TestErased:
    """What was erased stays erased, on whichever side it was."""

    async def test_g9_what_it_had_erased_is_not_resurrected(self, world: World) -> None:
        """It had said so to its peers; they hand the word back, and their own copy of the item."""
        item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
        await world.settle()
        await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        await world[EOKM].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
        await world.settle()
        await recover(world, EOKM, IWF, PDC)
        assert await world[EOKM].desk.item(item) is None
        assert world[EOKM].verify().found == []
        assert world[IWF].verify().found == []

    async def test_g9_what_a_peer_had_erased_comes_back_as_a_leaf(self, world: World) -> None:
        """The log verifies over it; the item is not there, since nobody has it any more."""
        item = await hand_on_one(world)
        await world[IWF].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        await world[IWF].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
        await world.settle()
        await recover(world, EOKM, IWF)
        assert await world[EOKM].desk.item(item) is None
        assert world[EOKM].verify().found == []
        assert rows(world[EOKM], "SELECT count(*) FROM recovered_entries WHERE kind IS NULL") == [
            (1,)
        ]

        assert not {code for code, _ in await tasks(world[EOKM])} & {"erased_without_word"}
        assert world[EOKM].verify().unsaid == {}

    async def test_g5_a_peer_that_only_says_that_it_erased_stands_before_a_person(
        self, world: World
    ) -> None:
        """Its word about the erasure, which everybody concerned is told, is not in its log."""
        item = await hand_on_one(world)
        await burn_before(world, Denying)
        await finish(world, EOKM)
        assert await world[EOKM].desk.item(item) is None
        assert ("erased_without_word", f"{IWF}/reports") in await tasks(world[EOKM])
        findings = world[EOKM].verify()
        assert findings.found == []
        assert findings.unsaid == {f"{IWF}/reports": 1}

    async def test_g5_what_it_told_of_another_item_explains_no_other_time(
        self, world: World
    ) -> None:
        """Each erasure has its own time, which its word and the place must share."""
        await hand_on_one(world)
        other = (await world[EOKM].submit(OWN.format(3))).items[0].item_id
        await world.settle()
        await world[IWF].desk.act(other, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        await world[IWF].desk.erase(other, ErasureDraft(Cause.RETENTION), actor="head")
        await world.settle()
        await world[EOKM].submit(OWN.format(4))
        await world.settle()
        await burn_before(world, Denying)
        await finish(world, EOKM)
        assert world[EOKM].verify().unsaid == {f"{IWF}/reports": 1}


class Sparing(Liar):
    """A store that hands back as little at once as it can."""

    async def page(self, *place: Any) -> Any:
        """The page to the next receipt."""
        return await self._page(*place[:-1], (1, place[-1][1]))


class TestSlow:
    """A peer that hands back as slowly as it may."""

    async def test_g11_who_hands_back_slowly_keeps_no_other_waiting(self, world: World) -> None:
        """Its pages come in turns with what others are asked; in the end all of them are here."""
        for number in range(6):
            await world[EOKM].submit(OWN.format(number))
            await world.settle()
        await burn(world, EOKM)
        await world[EOKM].coming_back.step()
        decide(world, IWF, EOKM)
        world[IWF].handing_back = replace(
            world[IWF].handing_back, store=Sparing(world[IWF].store.handing_back)
        )
        asking = world[EOKM].coming_back.asking
        asking.transport = Slow(world, asking.transport)
        world.now += 61_000
        for step in range(4):
            began = world.now
            await world[EOKM].coming_back.step()
            assert (await reports_of(world))[IWF] == ("end" if step == 3 else "going"), step
            assert world.now - began <= 5 * 40_000, "both lanes, and no more than some pages"
        assert asking.transport.asked[PDC] >= 4, "it is asked whether a person decided meanwhile"


class Slow:
    """The way to others, over which gb-iwf takes its time for each answer."""

    def __init__(self, world: World, way: Any) -> None:
        self.asked: Counter[str] = Counter()
        self._world, self._way = world, way

    async def recover(self, peer: str, path: str, body: bytes) -> Any:
        """Ask, and wait."""
        self.asked[peer] += 1
        self._world.now += 40_000 if peer == IWF else 0
        return await self._way.recover(peer, path, body)


class TestClosed:
    """Nobody works at a node that is not all there."""

    async def test_g9_work_is_refused_until_the_node_is_whole(self, world: World) -> None:
        """It says so, and can be tried again; afterwards it is taken."""
        item = await hand_on_one(world)
        await burn(world, EOKM)
        with pytest.raises(RecoveringError):
            await world[EOKM].submit(OWN.format(2))
        with pytest.raises(RecoveringError):
            await world[EOKM].desk.assess(
                item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a"
            )
        await world.settle()
        await finish(world, EOKM)
        assert (await world[EOKM].submit(OWN.format(2))).items

    async def test_g2_a_process_that_dies_while_rebuilding_goes_on_where_it_stood(
        self, world: World
    ) -> None:
        """After any commit: the same items, once, and everything verifies."""
        items = await a_working_day(world)
        before = {name: seen(await world[EOKM].state(item)) for name, item in items.items()}
        await burn(world, EOKM)
        await world.settle()
        for peer in (IWF, PDC):
            decide(world, peer, EOKM)
        world.now += 61_000
        await world.settle()
        commits = world.commits
        world.crash_at = (commits + 2, "before")
        await finish(world, EOKM)
        world.crash_at = None
        assert {n: seen(await world[EOKM].state(i)) for n, i in items.items()} == before
        assert world[EOKM].verify().found == []


async def hand_on_one(world: World) -> str:
    """An item that nl-eokm found and gb-iwf has."""
    result = await world[EOKM].submit(OWN.format(1))
    await world.settle()
    return result.items[0].item_id


async def reports_of(world: World) -> dict[str, str]:
    """How the asking of nl-eokm for its reports stands at each peer."""
    progress = await world[EOKM].store.recovered.progress()
    return {one.peer: one.standing for one in progress if one.lane is Lane.REPORTS}


async def test_g9_id_that_a_peer_gave_twice_is_judged_as_it_was_told(world: World) -> None:
    """Another lane is first this time; which of the two was the conflict stays as we said."""
    eokm, iwf = world[EOKM], world[IWF]
    await iwf.submit(HELD.format(1))
    await world.settle()
    for lane, body in (("status", b"\x91\x05"), ("reports", b"\x91\x06")):
        raw = b"\x95\x01\x10\xc4\x20" + bytes(32) + b"\xc4\x10" + bytes(16) + body
        await iwf.store.writer.run(partial(say, lane, raw))
        await world.settle()
    answers = "SELECT answer FROM entries_in WHERE substr(entry, 6, 4) = x'00000000' ORDER BY seq"
    assert rows(eokm, answers) == [("malformed",), ("conflict",)]
    await recover(world, EOKM, IWF)
    assert rows(eokm, answers) == [("conflict",), ("malformed",)]
    assert eokm.verify().found == []


async def test_g5_what_it_had_said_in_two_ways_under_one_id_comes_back_as_both(
    world: World,
) -> None:
    """A life that did not know of the first said it at another time: each log has its own bytes."""
    eokm = world[EOKM]
    await world[IWF].submit(HELD.format(1))
    await world.settle()
    await eokm.store.writer.run(answer_anew)
    await world.settle()
    await recover(world, EOKM, IWF)
    assert eokm.verify().found == []
    said = "SELECT count(*), count(DISTINCT entry_id) FROM messages_out WHERE kind = ?"
    assert rows(eokm, said, int(Kind.DISPOSITION)) == [(2, 1)]


def answer_anew(connection: Connection) -> None:
    """Say the one answer to gb-iwf again under its id, a millisecond later."""
    (seq, raw) = connection.execute(
        "SELECT seq, entry FROM messages_out WHERE kind = ?", (int(Kind.DISPOSITION),)
    ).fetchone()
    entry = decode(raw)
    later = int.from_bytes(entry.body[-8:], "big") + 1
    anew = encode(entry._replace(body=entry.body[:-8] + later.to_bytes(8, "big")))
    (new,) = connection.execute("SELECT max(seq) + 1 FROM messages_out").fetchone()
    connection.execute(
        "INSERT INTO messages_out SELECT ?, peer, lane, urgency, entry_id, kind, item, ?,"
        " created_ms FROM messages_out WHERE seq = ?",
        (new, anew, seq),
    )
    connection.execute(
        "INSERT INTO waiting_out SELECT peer, lane, urgency, seq FROM messages_out WHERE seq = ?",
        (new,),
    )


def say(lane: str, raw: bytes, connection: Connection) -> None:
    """Put bytes into the outbox for nl-eokm, as of a kind that every lane carries."""
    (seq,) = connection.execute("SELECT max(seq) + 1 FROM messages_out").fetchone()
    said = (seq, EOKM, lane, bytes(32), Kind.TOMBSTONE, raw)
    connection.execute("INSERT INTO messages_out VALUES (?, ?, ?, 1, ?, ?, NULL, ?, 0)", said)
    connection.execute("INSERT INTO waiting_out VALUES (?, ?, 1, ?)", (EOKM, lane, seq))
