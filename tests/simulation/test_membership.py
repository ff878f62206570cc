"""The life of a membership among running nodes: what waits, what is in flight, what comes after.

Nothing is lost, nothing goes to a member that may not have it, and what stands still is seen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from keys.transfers import TransferTerms
from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.registry import changes
from node.store.items.decisions import let_go
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Action, Lane, Verdict
from tests.simulation.test_refused import erase_old
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keys.network import NetworkDocument, Status

PLACE = "https://nl1.example/album/1.jpg"
GB, NL, FR, DE = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"

expel = partial(changes.expel, member=NL, choice_rules={})
merge = partial(changes.merge, member=NL, successor=FR, choice_rules={})


def govern(world: World, change: Callable[[NetworkDocument], NetworkDocument]) -> None:
    """Let every node have the network document after a decision of its holders."""
    world.registry = replace(world.registry, network=change(world.registry.network))


def status(network: NetworkDocument, is_now: Status) -> NetworkDocument:
    """The network with the Dutch hotline suspended, or back."""
    entry = replace(network.members[NL], status=is_now)
    return replace(network, members={**network.members, NL: entry})


async def reported(world: World) -> str:
    """Hand in an item hosted in the Netherlands at the British hotline; give its id."""
    result = await world[GB].submit(PLACE)
    return result.items[0].item_id


async def tasks(world: World, member: str) -> list[tuple[str, str]]:
    """What stands before a person there."""
    return [(code, about) for code, about, _ in await world[member].store.queries.tasks()]


async def waiting(world: World, member: str, peer: str) -> int:
    """How many messages wait at `member` for `peer`."""
    channels = await world[member].store.queries.channels()
    return sum(channel.waiting for channel in channels if channel.peer == peer)


async def run(world: World, *members: str) -> None:
    """Let these nodes work for some minutes, while another one has dropped out."""
    for _ in range(8):
        for member in members:
            await world[member].work()
        world.now += 60_000


async def knows(world: World, member: str, item_id: str) -> bool:
    """Whether a node has heard of an item."""
    return await world[member].desk.item(item_id) is not None


class TestSuspended:
    """What is for it waits; what it sends is kept."""

    async def test_what_waits_for_it_does_not_go_and_is_seen(self, world: World) -> None:
        """In `peers` with its number, and as a task."""
        await world[NL].crash()
        item_id = await reported(world)
        await world[GB].work()
        govern(world, partial(status, is_now="suspended"))
        await world[NL].restart()
        await world[GB].work()
        assert not await knows(world, NL, item_id)
        assert await waiting(world, GB, NL) == 1
        assert ("member_suspended", NL) in await tasks(world, GB)

    async def test_what_waited_goes_once_when_it_is_back(self, world: World) -> None:
        """As if nothing had been."""
        await world[NL].crash()
        item_id = await reported(world)
        await world[GB].work()
        govern(world, partial(status, is_now="suspended"))
        await world[NL].restart()
        await world[GB].work()
        govern(world, partial(status, is_now="active"))
        await world.settle()
        assert (await world[NL].state(item_id)).custody is Custody.HERE
        assert (await world[GB].state(item_id)).responsible == NL
        assert world[GB].verify().found == world[NL].verify().found == []

    async def test_urgent_work_for_it_is_tried_at_a_pace_and_goes_at_once_then(
        self, world: World
    ) -> None:
        """Else a node would keep a failed attempt for good with each look, and for years."""
        await world[GB].submit(PLACE, child_at_risk=True)
        await world[GB].desk.locate_due()
        govern(world, partial(status, is_now="suspended"))
        assert await world[GB].work() > 0
        assert await waiting(world, GB, NL) == 1
        assert await world[GB].work() == 0
        govern(world, partial(status, is_now="active"))
        await world[GB].work()
        assert await waiting(world, GB, NL) == 0

    async def test_what_it_did_meanwhile_is_judged_when_it_is_back(self, world: World) -> None:
        """Receipted into quarantine first."""
        item_id = await reported(world)
        await world.settle()
        govern(world, partial(status, is_now="suspended"))
        await world[NL].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        for _ in range(3):
            await world[NL].work()
            await world[GB].work()
            world.now += 60_000
        assert (await world[GB].state(item_id)).closed_ms is None
        govern(world, partial(status, is_now="active"))
        await world.settle()
        assert (await world[GB].state(item_id)).closed_ms is not None

    async def test_new_items_of_its_country_go_to_the_fallback_member(self, world: World) -> None:
        """Content never stays up because a member is away."""
        govern(world, partial(status, is_now="suspended"))
        result = await world[FR].submit(PLACE)
        await world.settle()
        state = await world[FR].state(result.items[0].item_id)
        assert (state.responsible, state.orphan) == (GB, True)


class TestGone:
    """Expelled, or merged into another: what stood there is taken back by whoever sent it."""

    async def test_what_never_left_goes_to_the_successor_and_not_to_it(self, world: World) -> None:
        """The old member's node, alive again, never hears of it."""
        await world[NL].crash()
        item_id = await reported(world)
        await world[GB].work()
        govern(world, merge)
        await world[NL].restart()
        await run(world, GB, FR)
        assert not await knows(world, NL, item_id)
        assert (await world[GB].state(item_id)).responsible == FR
        assert (await world[FR].state(item_id)).custody is Custody.HERE
        assert ("member_expelled", NL) in await tasks(world, GB)

    async def test_what_it_held_goes_to_the_successor_with_its_whole_chain(
        self, world: World
    ) -> None:
        """Under the same id; the chain shows where it was."""
        item_id = await reported(world)
        await world.settle()
        govern(world, merge)
        await run(world, GB, FR)
        state = await world[FR].state(item_id)
        assert (state.id, state.custody) == (item_id, Custody.HERE)
        assert [hop.member for hop in state.hops] == [GB, NL, GB, FR]

    async def test_outcomes_of_the_successor_come_back_to_the_finder(self, world: World) -> None:
        """The story goes on where it stopped."""
        item_id = await reported(world)
        await world.settle()
        govern(world, merge)
        await run(world, GB, FR)
        await world[FR].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).closed_by is Action.REMOVED

    async def test_without_a_successor_it_is_an_orphan_of_the_fallback_member(
        self, world: World
    ) -> None:
        """Here that is the finder itself."""
        item_id = await reported(world)
        await world.settle()
        govern(world, expel)
        await run(world, GB, FR)
        state = await world[GB].state(item_id)
        assert (state.custody, state.responsible, state.orphan) == (Custody.HERE, GB, True)

    async def test_what_was_closed_stays_closed(self, world: World) -> None:
        """Nobody judges it a second time."""
        item_id = await reported(world)
        await world.settle()
        await world[NL].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        await world.settle()
        govern(world, merge)
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).responsible == NL
        assert not await knows(world, FR, item_id)

    @pytest.mark.parametrize("times", [1, 2])
    async def test_a_restart_takes_nothing_back_twice(self, world: World, times: int) -> None:
        """The search begins anew and finds nothing left to do."""
        item_id = await reported(world)
        await world.settle()
        govern(world, merge)
        for _ in range(times):
            await world[GB].work()
            await world[GB].crash()
            await world[GB].restart()
        await run(world, GB, FR)
        assert [hop.member for hop in (await world[FR].state(item_id)).hops] == [GB, NL, GB, FR]
        assert world[GB].verify().found == world[FR].verify().found == []

    async def test_what_it_says_afterwards_has_no_effect(self, world: World) -> None:
        """Receipted into quarantine, shown, never judged."""
        item_id = await reported(world)
        await world.settle()
        govern(world, merge)
        await world[NL].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        for _ in range(3):
            await world[NL].work()
            await world[GB].work()
            world.now += 60_000
        assert (await world[GB].state(item_id)).closed_ms is None
        assert (await world[GB].store.queries.figures())["entries_quarantined"] >= 1


async def on_its_way(world: World, way: str) -> str:
    """Let the Dutch hotline hand an item on to the French one, and say so; give its id.

    `way`: `waits` in its outbox; lies `unjudged` at the French one; or `arrived`.
    """
    item_id = await reported(world)
    await world.settle()
    if way == "waits":
        await world[FR].crash()
    moved = ActionDraft(action=Action.MOVED, country="FR")
    await world[NL].desk.act(item_id, moved, actor="analyst")
    if way == "arrived":
        await world.settle()
    for _ in range(6):
        await world[NL].delivery.deliver_due(world.now)
        await world[GB].work()
        world.now += 60_000
    assert (await world[GB].state(item_id)).responsible == FR
    assert await world[GB].store.queries.tasks() == []
    return item_id


async def gone_on_its_way(
    world: World, way: str, change: Callable[[NetworkDocument], NetworkDocument]
) -> str:
    """Let who has said where the item is be gone; return the item's id."""
    item_id = await on_its_way(world, way)
    govern(world, change)
    if way == "waits":
        await world[FR].restart()
    await world.settle()
    return item_id


@pytest.mark.parametrize("change", [expel, merge])
class TestOnItsWay:
    """An item that one which is gone had said to be with the next one, whether it is or not."""

    @pytest.mark.parametrize("way", ["waits", "unjudged", "arrived"])
    async def test_the_next_one_has_it_once(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument], way: str
    ) -> None:
        """Who gave it to the one that is gone hands it over anew; a restart does not, again."""
        item_id = await gone_on_its_way(world, way, change)
        state = await world[FR].state(item_id)
        assert len(await world[FR].store.queries.items(ItemQuery())) == 1
        assert (state.id, state.custody, state.responsible) == (item_id, Custody.HERE, FR)
        await world[GB].crash()
        await world[GB].restart()
        await world.settle()
        here = await world[GB].state(item_id)
        assert (here.custody, here.responsible, here.answered_by) == (Custody.HANDED_ON, FR, FR)
        assert [hop.member for hop in here.hops] == [GB, NL, GB, FR]
        assert ("member_expelled", NL) in await tasks(world, GB)
        assert world[GB].verify().found == world[FR].verify().found == []

    @pytest.mark.parametrize("way", ["waits", "unjudged", "arrived"])
    async def test_its_outcomes_come_to_who_found_it(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument], way: str
    ) -> None:
        """Before, they went through the one that is gone."""
        item_id = await gone_on_its_way(world, way, change)
        await world[FR].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).closed_by is Action.REMOVED

    async def test_so_do_those_that_it_never_passed_on(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument]
    ) -> None:
        """What is closed is closed for all, and handed to nobody again after that."""
        item_id = await on_its_way(world, "arrived")
        await world[NL].crash()
        await world[FR].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        govern(world, change)
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).closed_by is Action.REMOVED

    async def test_it_goes_to_who_has_it_also_where_another_answers_for_the_country_now(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument]
    ) -> None:
        """Else two would have it: open items stay where they are."""
        item_id = await on_its_way(world, "arrived")
        answering = partial(changes.set_countries, choice_rules={})
        govern(world, partial(answering, member=FR, countries=("BE",)))
        govern(world, partial(answering, member=GB, countries=("GB", "FR")))
        govern(world, change)
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).custody is Custody.HANDED_ON
        assert (await world[FR].state(item_id)).custody is Custody.HERE

    async def test_who_had_found_it_too_knows_both_ids(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument]
    ) -> None:
        """One item there, which the first finder hears of under its own id."""
        answering = partial(changes.set_countries, member=FR)
        govern(world, partial(answering, countries=("FR", "NL"), choice_rules={"NL": (FR, NL)}))
        own = (await world[FR].submit(PLACE)).items[0].item_id
        await world.settle()
        govern(world, partial(answering, countries=("FR",), choice_rules={}))
        item_id = await reported(world)
        await world.settle()
        moved = ActionDraft(action=Action.MOVED, country="FR")
        await world[NL].desk.act(item_id, moved, actor="analyst")
        await world.settle()
        govern(world, change)
        await run(world, GB, FR)
        (state,) = await world[FR].store.queries.items(ItemQuery())
        assert (state.id, state.custody) == (own, Custody.HERE)
        await world[FR].desk.act(own, ActionDraft(action=Action.REMOVED), actor="analyst")
        await run(world, GB, FR)
        assert (await world[GB].state(item_id)).closed_by is Action.REMOVED


class TestQuarantine:
    """Items that a member which is gone found itself: nobody else can hand them over anew."""

    @staticmethod
    async def handed_over(world: World, is_now: Status | None) -> str:
        """Let the Dutch hotline hand over an item of its own once it is out; give its id."""
        if is_now is not None:
            govern(world, partial(status, is_now=is_now))
        item_id = (await world[NL].submit("https://fr1.example/album/1.jpg")).items[0].item_id
        if is_now is None:  # on the way when it is expelled
            await world[NL].desk.locate_due()
            govern(world, expel)
        await run(world, NL, FR)
        return item_id

    @pytest.mark.parametrize("is_now", [None, "suspended"])
    async def test_a_person_sees_that_there_are_some(
        self, world: World, is_now: Status | None
    ) -> None:
        """Else it were with nobody, and nobody told."""
        item_id = await self.handed_over(world, is_now)
        assert not await knows(world, FR, item_id)
        assert await tasks(world, FR) == [("handed_over_in_quarantine", NL)]

    @pytest.mark.parametrize("is_now", [None, "suspended"])
    async def test_a_person_lets_those_of_one_that_is_gone_be_judged(
        self, world: World, is_now: Status | None
    ) -> None:
        """As any hand-over; whatever else it says has no effect all the same."""
        item_id = await self.handed_over(world, is_now)
        if is_now is not None:
            govern(world, expel)
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        await world[NL].desk.assess(item_id, draft, actor="analyst")
        await run(world, NL, FR)
        await world[FR].store.writer.run(lambda c: let_go(c, NL, world.now))
        assert await tasks(world, FR) == []
        await run(world, NL, FR)
        state = await world[FR].state(item_id)
        assert (state.custody, state.responsible) == (Custody.HERE, FR)
        assert not state.assessments
        assert world[FR].verify().found == []

    async def test_11_3_what_is_let_in_is_read_by_the_terms_that_were_agreed(
        self, world: World
    ) -> None:
        """Not by the default ones, as if nothing had been agreed."""
        made = await world[NL].submit("https://fr1.example/album/1.jpg", sha256="ab" * 32)
        await world[NL].desk.locate_due()
        terms = TransferTerms("contract", ("sightings",))
        govern(world, partial(changes.set_terms, terms=terms, pair=(NL, FR)))
        govern(world, expel)
        await run(world, NL, FR)
        await world[FR].store.writer.run(lambda c: let_go(c, NL, world.now))
        await run(world, FR)
        assert (await world[FR].state(made.items[0].item_id)).content == ()
        assert ("field_not_permitted", NL) in await tasks(world, FR)

    async def test_what_lost_its_body_is_not_let_go(self, world: World) -> None:
        """Nobody could judge it any more, and it would be taken for a missing one."""
        await self.handed_over(world, None)
        node = world[FR]
        assert await erase_old(world, node) == 1
        assert await tasks(world, FR) == []
        assert await node.store.writer.run(lambda c: let_go(c, NL, world.now)) == 0
        assert await node.store.cases.release([NL]) == 0
        await run(world, FR)
        assert await tasks(world, FR) == []
        assert node.verify().found == []

    async def test_nobody_lets_in_what_one_that_is_only_suspended_handed_over(
        self, world: World
    ) -> None:
        """The registry says whether it comes back; the task stands until then."""
        item_id = await self.handed_over(world, "suspended")
        await world[FR].store.writer.run(lambda c: let_go(c, NL, world.now))
        await run(world, FR)
        assert not await knows(world, FR, item_id)
        assert await tasks(world, FR) == [("handed_over_in_quarantine", NL)]
        govern(world, partial(status, is_now="active"))
        await run(world, NL, FR)
        assert await knows(world, FR, item_id)
        assert await tasks(world, FR) == []


class TestSuccessors:
    """What is told to a member that is gone is told to who took over from it."""

    merge = partial(changes.merge, member=GB, successor=FR, choice_rules={})
    expel = partial(changes.expel, member=GB, choice_rules={})

    @staticmethod
    async def gone(world: World, change: Callable[[NetworkDocument], NetworkDocument]) -> str:
        """Let the finder of an item be gone before the item is closed; give the item's id."""
        item_id = await reported(world)
        await world.settle()
        await world[GB].crash()
        govern(world, change)
        await world[NL].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="analyst")
        await run(world, NL, FR)
        return item_id

    async def test_an_outcome_for_a_merged_member_goes_to_its_successor(self, world: World) -> None:
        """Who reported it is known to the predecessor's people: a task, by the item's id."""
        item_id = await self.gone(world, self.merge)
        assert await tasks(world, FR) == [("inherited_outcome", item_id)]
        assert await waiting(world, NL, GB) == await waiting(world, NL, FR) == 0
        assert (await world[FR].store.queries.oldest_parked())[0] == 0
        assert world[FR].verify().found == []

    async def test_an_outcome_for_an_expelled_member_goes_to_nobody_else(
        self, world: World
    ) -> None:
        """Nobody took over; it waits, and is seen to wait."""
        await self.gone(world, self.expel)
        assert not await tasks(world, FR)
        assert (await waiting(world, NL, GB), await waiting(world, NL, FR)) == (1, 0)

    async def test_the_successor_of_a_successor_hears_it(self, world: World) -> None:
        """Here that is the member which acted: it need not tell itself."""

        def twice(network: NetworkDocument) -> NetworkDocument:
            first = changes.merge(network, GB, FR, {})
            return changes.merge(first, FR, NL, {})

        await self.gone(world, twice)
        assert await waiting(world, NL, GB) == await waiting(world, NL, FR) == 0
        assert not await tasks(world, NL)

    async def test_a_successor_that_reported_it_too_hears_it_once(self, world: World) -> None:
        """Under the id that it knows, as a reporter like any other."""
        await reported(world)
        own = (await world[FR].submit(PLACE)).items[0].item_id
        await world.settle()
        first = (await world[FR].state(own)).id
        await world[GB].crash()
        govern(world, self.merge)
        held = (await world[NL].store.queries.items(ItemQuery()))[0]
        await world[NL].desk.act(held.id, ActionDraft(action=Action.REMOVED), actor="analyst")
        await run(world, NL, FR)
        assert (await world[FR].state(first)).closed_by is Action.REMOVED
        assert not await tasks(world, FR)

    async def test_news_that_overtake_an_item_on_its_way_to_the_successor_wait_for_it(
        self, world: World
    ) -> None:
        """The item was handed to it: it is no news for people, and closes the item."""
        item_id = await reported(world)
        await world.settle()
        await world[GB].crash()
        govern(world, self.merge)
        moved = ActionDraft(action=Action.MOVED, country="FR")
        await world[NL].desk.act(item_id, moved, actor="analyst")
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        await world[NL].desk.assess(item_id, draft, actor="analyst")
        await world[NL].delivery.deliver(FR, Lane.STATUS, world.now)
        await world[FR].desk.judge_due()
        assert (await world[FR].store.queries.oldest_parked())[0] >= 1
        await run(world, NL, FR)
        assert (await world[FR].store.queries.oldest_parked())[0] == 0
        assert ("inherited_outcome", item_id) not in await tasks(world, FR)
        assert (await world[FR].state(item_id)).assessments


async def test_a_change_of_jurisdiction_moves_new_items_only(world: World) -> None:
    """Exactly one is responsible for what is open: who has it."""
    first = await reported(world)
    await world.settle()
    govern(world, partial(changes.set_countries, member=NL, countries=("BE",), choice_rules={}))
    govern(
        world,
        partial(changes.set_countries, member=FR, countries=("FR", "NL"), choice_rules={}),
    )
    second = (await world[GB].submit("https://nl1.example/album/2.jpg")).items[0].item_id
    await world.settle()
    assert (await world[NL].state(first)).custody is Custody.HERE
    assert (await world[FR].state(second)).custody is Custody.HERE


async def test_rule_5_of_two_hotlines_the_first_active_one_has_it(world: World) -> None:
    """By the rule of the registry; the second while the first is suspended."""
    shared = partial(
        changes.set_countries,
        member=FR,
        countries=("FR", "NL"),
        choice_rules={"NL": (FR, NL)},
    )
    govern(world, shared)
    first = await reported(world)
    await world.settle()
    assert (await world[GB].state(first)).responsible == FR
    entry = replace(world.registry.network.members[FR], status="suspended")
    members = {**world.registry.network.members, FR: entry}
    govern(world, lambda network: replace(network, members=members))
    second = (await world[GB].submit("https://nl1.example/album/2.jpg")).items[0].item_id
    for _ in range(4):
        await world[GB].work()
        await world[NL].work()
        world.now += 60_000
    assert (await world[GB].state(second)).responsible == NL


async def test_rule_12_without_a_basis_nothing_leaves_a_running_node(world: World) -> None:
    """The item stays with its finder, before a person."""
    terms = partial(changes.set_terms, terms=TransferTerms("none"), pair=(GB, NL))
    govern(world, terms)
    item_id = await reported(world)
    await world.settle()
    assert not await knows(world, NL, item_id)
    assert (await world[GB].desk.item(item_id)).review == "cannot_be_sent"  # type: ignore[union-attr]


async def test_only_the_member_that_handed_it_there_takes_it_back(world: World) -> None:
    """Else each member of the chain would hand on the same item."""
    item_id = await reported(world)
    await world.settle()
    moved = ActionDraft(action=Action.MOVED, country="FR")
    await world[NL].desk.act(item_id, moved, actor="analyst")
    await world.settle()
    assert (await world[GB].state(item_id)).responsible == FR
    govern(world, partial(changes.expel, member=FR, choice_rules={}))
    await world[GB].work()
    assert (await world[GB].state(item_id)).custody is Custody.HANDED_ON
    await run(world, GB, NL)
    assert [hop.member for hop in (await world[NL].state(item_id)).hops][:4] == [GB, NL, FR, NL]


@pytest.mark.parametrize("first", [FR, NL])
async def test_where_the_member_before_it_is_gone_as_well_the_one_before_takes_it_back(
    world: World, first: str
) -> None:
    """Whoever ends first: else it were open at nobody that is a member."""
    item_id = await reported(world)
    await world.settle()
    moved = ActionDraft(action=Action.MOVED, country="FR")
    await world[NL].desk.act(item_id, moved, actor="analyst")
    await world.settle()
    for member in sorted((NL, FR), key=lambda one: one != first):
        govern(world, partial(changes.expel, member=member, choice_rules={}))
        await run(world, GB)
    state = await world[GB].state(item_id)
    assert (state.custody, state.responsible, state.orphan) == (Custody.HERE, GB, True)


@pytest.mark.parametrize("between", [False, True])
async def test_who_handed_it_to_another_that_is_gone_has_it_alone(
    tmp_path: Path,
    between: bool,  # noqa: FBT001 - a case of the test
) -> None:
    """Of four in a row the second and the last end: the third has it back, and no one beside it."""
    world = World(tmp_path, (GB, NL, FR, DE))
    await world.start()
    item_id = await reported(world)
    await world.settle()
    for member, country in ((NL, "FR"), (FR, "DE")):
        moved = ActionDraft(action=Action.MOVED, country=country)
        await world[member].desk.act(item_id, moved, actor="analyst")
        await world.settle()
    assert (await world[GB].state(item_id)).responsible == DE
    for member in (NL, DE):
        govern(world, partial(changes.expel, member=member, choice_rules={}))
        if between:  # the first hands it to the last one itself before that is gone as well
            await run(world, GB, FR)
    await run(world, GB, FR)
    states = {member: await world[member].state(item_id) for member in (GB, FR)}
    assert {m: (s.custody, s.responsible) for m, s in states.items()} == {
        GB: (Custody.HANDED_ON, FR),
        FR: (Custody.HERE, FR),
    }
    assert world[GB].verify().found == world[FR].verify().found == []
    await world.close()
