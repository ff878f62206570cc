"""A member's roles, countries or terms are narrowed while something waits for it.

What may not go to it any more does not go, and an item that would wait for ever is taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from keys.transfers import NOTHING, TRANSFER_FIELDS, TransferTerms
from node.casework.casebook import Needs
from node.casework.incoming.hearing import hear_disposition
from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.loops import DeliveryLoop, Wake
from node.registry import changes
from node.store.errors import StoreFullError
from node.store.items.tasks import close_task
from protocol.entry import decode
from protocol.messages import DispositionNote
from protocol.vocabulary import Action, Disposition, Kind, Lane, Verdict
from tests.simulation.looking import rows
from tests.simulation.test_membership import (
    FR,
    GB,
    NL,
    PLACE,
    govern,
    knows,
    run,
    status,
    tasks,
    waiting,
)

if TYPE_CHECKING:
    from keys.network import NetworkDocument, Role
    from tests.simulation.world import World

NO_ROOM = (
    "CREATE TRIGGER no_room BEFORE INSERT ON tasks"
    " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
)
WAITS = ("no_longer_permitted", f"{NL}/bulk")
TAKEN_BACK = ("handover_not_permitted", NL)


def with_role(network: NetworkDocument, role: Role) -> NetworkDocument:
    """The network with the Dutch hotline in another role."""
    entry = replace(network.members[NL], roles=(role,))
    return replace(network, members={**network.members, NL: entry})


def without_basis(network: NetworkDocument) -> NetworkDocument:
    """The network in which nothing may go to the Dutch hotline any more for want of a basis."""
    transfers = network.transfers
    pairs = {**transfers.pairs, (GB, NL): TransferTerms(NOTHING, TRANSFER_FIELDS)}
    return replace(network, transfers=replace(transfers, pairs=pairs))


def with_police(network: NetworkDocument) -> NetworkDocument:
    """The British member is a police force that shares the Netherlands with their hotline."""
    force = replace(network.members[GB], roles=("police",), jurisdictions=("NL",))
    return replace(
        network,
        members={**network.members, GB: force},
        choice_rules={**network.choice_rules, "NL": (NL,)},
        fallback_members=(FR,),
    )


def moved(network: NetworkDocument) -> NetworkDocument:
    """The Netherlands go over to the French hotline."""
    shared = changes.set_countries(network, FR, ("FR", "NL"), {"NL": (FR, NL), "FR": (FR,)})
    return changes.set_countries(shared, NL, (), {"NL": (FR,)})


async def lost(*_: object) -> None:
    """Never arrive, as a push."""
    raise ConnectionResetError


async def judged(world: World) -> str:
    """Let a verdict on a file wait for the Dutch hotline, whose node is down; give the item."""
    await world[NL].crash()
    made = await world[GB].submit("https://gb1.example/1.jpg", sha256="ab" * 32)
    await world[GB].work()
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(made.items[0].item_id, draft, actor="analyst")
    await world[GB].work()
    return made.items[0].item_id


async def taken_back(world: World, change: Callable[[NetworkDocument], NetworkDocument]) -> str:
    """Let an item wait for the Dutch hotline, to which it may not go by then; give its id."""
    await world[NL].crash()
    made = await world[GB].submit(PLACE)
    await world[GB].work()
    govern(world, change)
    await world[NL].restart()
    await run(world, GB, NL, FR)
    return made.items[0].item_id


async def run_loop(world: World) -> None:
    """Do what the loop of a running node does once at the British member's."""
    wake = Wake()
    loop = DeliveryLoop(world[GB].delivery, world.clock, wake)
    wake()
    await loop.step()
    await loop.stop()


def heard(world: World) -> list[int]:
    """The kinds of what the Dutch hotline has on the bulk lane."""
    got = rows(world[NL], "SELECT entry FROM entries_in WHERE lane = 'bulk'")
    return [int(decode(entry).kind) for (entry,) in got]


@pytest.mark.parametrize("role", ["aggregator", "police"])
async def test_11_1_verdict_that_waits_does_not_go_to_who_is_no_hotline_any_more(
    world: World, role: Role
) -> None:
    """The lane is open still, for other kinds; a person sees that something waits."""
    await judged(world)
    govern(world, partial(with_role, role=role))
    await world[NL].restart()
    await run(world, GB, NL)
    assert Kind.CONTENT_VERDICT not in heard(world)
    assert WAITS in await tasks(world, GB)


async def test_11_1_verdict_that_waits_goes_once_it_may_again(world: World) -> None:
    """With its task ended: the umbrella had narrowed the wrong member's role."""
    await judged(world)
    before = world.registry.network
    govern(world, partial(with_role, role="aggregator"))
    await world[NL].restart()
    await run(world, GB, NL)
    govern(world, lambda _: before)
    await world.settle()
    world.now += 24 * 3_600_000
    await world.settle()
    assert Kind.CONTENT_VERDICT in heard(world)
    assert WAITS not in await tasks(world, GB)


async def test_11_1_signed_push_with_what_may_not_go_any_more_is_not_sent_again(
    world: World,
) -> None:
    """It was signed and never arrived: its epoch ends, and the next one omits the verdict."""
    await world.settle()
    made = await world[GB].submit("https://gb1.example/1.jpg", sha256="ab" * 32)
    await world.settle()
    push = world[GB].delivery.transport.push
    world[GB].delivery.transport.push = lost  # type: ignore[method-assign, assignment]
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(made.items[0].item_id, draft, actor="analyst")
    for _ in range(3):
        with suppress(ConnectionResetError):
            await world[GB].work()
        world.now += 60_000
    assert await waiting(world, GB, NL) == 0
    world[GB].delivery.transport.push = push  # type: ignore[method-assign]
    govern(world, partial(with_role, role="aggregator"))
    await run(world, GB, NL)
    assert Kind.CONTENT_VERDICT not in heard(world)
    assert WAITS in await tasks(world, GB)
    assert world[GB].verify().found == world[NL].verify().found == []


@pytest.mark.parametrize("change", [partial(with_role, role="aggregator"), without_basis])
async def test_11_3_item_that_waits_for_who_may_not_have_it_is_taken_back(
    world: World, change: partial[NetworkDocument]
) -> None:
    """And routed anew; a person is told."""
    state = await world[GB].state(await taken_back(world, change))
    assert (state.custody, state.responsible) == (Custody.HERE, GB)
    assert await world[NL].desk.item(state.id) is None
    assert TAKEN_BACK in await tasks(world, GB)


async def test_11_3_item_that_a_member_held_goes_to_another_once_it_is_no_hotline(
    world: World,
) -> None:
    """Where it lies nobody works on it, and nothing of it would be told."""
    made = await world[GB].submit(PLACE)
    await world.settle()
    govern(world, partial(with_role, role="aggregator"))
    await run(world, GB, NL, FR)
    assert (await world[GB].state(made.items[0].item_id)).custody is Custody.HERE


@pytest.mark.parametrize("role", ["aggregator", "witness"])
async def test_11_3_item_that_was_taken_back_is_before_a_person_once_its_holder_is_one_again(
    world: World, role: Role
) -> None:
    """It was told nothing meanwhile, and works on the item still."""
    before = world.registry.network
    made = await world[GB].submit(PLACE)
    await world.settle()
    govern(world, partial(with_role, role=role))
    await run(world, GB, NL, FR)
    govern(world, lambda _: before)
    await run(world, GB, NL, FR)
    item = made.items[0].item_id
    assert (await world[NL].state(item)).custody is Custody.HERE
    assert ("held_twice", f"{NL}/{item}") in await tasks(world, GB)


async def test_11_3_so_it_is_where_it_was_suspended_before_it_is_one_again(world: World) -> None:
    """What it has still it has whatever became of it in between."""
    before = world.registry.network
    made = await world[GB].submit(PLACE)
    await world.settle()
    govern(world, partial(with_role, role="witness"))
    await run(world, GB, NL, FR)
    govern(world, partial(status, is_now="suspended"))
    await run(world, GB, FR)
    govern(world, lambda _: before)
    await run(world, GB, NL, FR)
    assert ("held_twice", f"{NL}/{made.items[0].item_id}") in await tasks(world, GB)


async def test_11_3_so_it_is_where_the_node_was_down_when_it_became_one_again(
    world: World,
) -> None:
    """It is asked once: whom a person asked is not asked again at each start, nor another time."""
    before = world.registry.network
    made = await world[GB].submit(PLACE)
    await world.settle()
    held = ("held_twice", f"{NL}/{made.items[0].item_id}")
    stands = []
    for _ in range(2):
        govern(world, partial(with_role, role="witness"))
        await run(world, GB, NL, FR)
        for _ in range(2):
            await world[GB].crash()
            govern(world, lambda _: before)
            await world[GB].restart()
            await run(world, GB, NL, FR)
            stands.append(held in await tasks(world, GB))
            await world[GB].store.writer.run(lambda c: close_task(c, *held, world.now))
        world.now += 3_600_000
    assert stands == [True, False, False, False]


async def test_11_3_who_had_refused_an_item_is_not_asked_whether_it_has_it(world: World) -> None:
    """It came back by that, before, and went to another since; what was taken back is asked of."""
    before = world.registry.network
    refused = (await world[GB].submit("https://nl1.example/1.jpg")).items[0].item_id
    await world[GB].desk.locate_due()
    await world[GB].store.writer.run(lambda c: c.execute("DELETE FROM waiting_out"))
    about = (bytes(32), None, Disposition.NOT_HERE, refused, None, None, world.now)
    note = DispositionNote(Lane.REPORTS, bytes(8), 0, *about)
    desk = world[GB].desk
    await desk._decide(
        Needs(items={refused}), lambda book: hear_disposition(book, desk.forwarding, NL, note)
    )
    kept = (await world[GB].submit("https://nl1.example/2.jpg")).items[0].item_id
    world.now += 60_000
    await desk.act(refused, ActionDraft(action=Action.MOVED, country="FR"), actor="a")
    await world.settle()
    govern(world, partial(with_role, role="witness"))
    await run(world, GB, NL, FR)
    govern(world, lambda _: before)
    await run(world, GB, NL, FR)
    found = await tasks(world, GB)
    assert ("held_twice", f"{NL}/{kept}") in found
    assert ("held_twice", f"{NL}/{refused}") not in found


async def test_11_3_item_is_taken_back_though_delivery_was_quicker(world: World) -> None:
    """What may not go waits behind all else by then."""
    await world[NL].crash()
    made = await world[GB].submit(PLACE)
    await world[GB].work()
    govern(world, without_basis)
    await world[NL].restart()
    for _ in range(3):
        await world[GB].delivery.deliver_due(world[GB].clock())
        world.now += 60_000
    await run(world, GB, NL, FR)
    state = await world[GB].state(made.items[0].item_id)
    assert (state.custody, state.responsible) == (Custody.HERE, GB)


async def test_11_3_item_that_is_here_again_and_there_in_the_end_stands_before_a_person(
    world: World,
) -> None:
    """It was taken back, and went once it might again."""
    before = world.registry.network
    item = await taken_back(world, without_basis)
    govern(world, lambda _: before)
    await world[GB].submit("https://nl2.example/2.jpg")
    await run(world, GB, NL, FR)
    assert (await world[GB].state(item)).custody is Custody.HERE
    assert (await world[NL].state(item)).custody is Custody.HERE
    assert ("held_twice", f"{NL}/{item}") in await tasks(world, GB)


class TestPolice:
    """An item of the police of a country that goes over to another hotline."""

    async def test_11_3_what_waits_for_the_former_hotline_goes_to_the_new_one(
        self, world: World
    ) -> None:
        """The lane to the former one is closed: they share no country any more."""
        govern(world, with_police)
        await world[NL].crash()
        made = await world[GB].submit(PLACE)
        await world[GB].work()
        assert (await world[GB].state(made.items[0].item_id)).responsible == NL
        assert await waiting(world, GB, NL) == 1
        govern(world, moved)
        await world[NL].restart()
        await run(world, GB, NL, FR)
        assert (await world[GB].state(made.items[0].item_id)).responsible == FR
        assert (await world[FR].state(made.items[0].item_id)).custody is Custody.HERE
        assert TAKEN_BACK in await tasks(world, GB)

    async def test_what_is_due_goes_though_the_store_cannot_keep_what_waits_in_vain(
        self, world: World
    ) -> None:
        """Its disk is full: to whom it may say something it says it all the same."""
        govern(world, with_police)
        await world[NL].crash()
        await world[GB].submit(PLACE)
        await world[GB].work()
        govern(world, moved)
        made = await world[GB].submit("https://fr1.example/1.jpg")
        await world[GB].desk.locate_due()
        await world[GB].store.writer.run(lambda c: c.execute(NO_ROOM))
        loop = DeliveryLoop(world[GB].delivery, world.clock, Wake())
        with pytest.raises(StoreFullError):
            await loop.step()
        async with asyncio.timeout(10):
            while not await knows(world, FR, made.items[0].item_id):
                await asyncio.sleep(0)
                await world[FR].work()
        await loop.stop()

    async def test_11_1_what_waits_where_nothing_may_be_said_stands_before_a_person(
        self, world: World
    ) -> None:
        """Nothing tries to deliver it, so nothing else says that it waits; until it may go."""
        govern(world, with_police)
        before = world.registry.network
        await world[NL].crash()
        await world[GB].submit(PLACE)
        await world[GB].work()
        assert ("no_longer_permitted", f"{NL}/reports") not in await tasks(world, GB)
        govern(world, moved)
        await run_loop(world)
        assert ("no_longer_permitted", f"{NL}/reports") in await tasks(world, GB)
        code, subject = "no_longer_permitted", f"{NL}/reports"
        await world[GB].store.writer.run(lambda c: close_task(c, code, subject, world.now))
        govern(world, lambda network: network)  # a newer registry that says the same
        await run(world, GB)
        assert (code, subject) not in await tasks(world, GB)
        await world[GB].crash()
        await world[GB].restart()
        await run(world, GB)
        assert (code, subject) in await tasks(world, GB)
        govern(world, lambda _: before)
        await run(world, GB)
        assert (code, subject) not in await tasks(world, GB)

    async def test_11_3_what_the_former_hotline_has_answered_stays_there(
        self, world: World
    ) -> None:
        """It works on it, and may tell what becomes of it."""
        govern(world, with_police)
        made = await world[GB].submit(PLACE)
        await world.settle()
        govern(world, moved)
        await run(world, GB, NL, FR)
        assert (await world[GB].state(made.items[0].item_id)).responsible == NL
        assert TAKEN_BACK not in await tasks(world, GB)

    async def test_11_3_what_was_sent_stays_though_its_answer_is_on_its_way(
        self, world: World
    ) -> None:
        """It has the item, and works on it, whenever that is heard."""
        govern(world, with_police)
        made = await world[GB].submit(PLACE)
        item = made.items[0].item_id
        await world[GB].work()
        await world[GB].work()
        await world[NL].desk.judge_due()
        assert (await world[NL].state(item)).custody is Custody.HERE
        await world[NL].crash()
        govern(world, moved)
        await world[GB].work()
        await world[NL].restart()
        await run(world, GB, NL, FR)
        assert (await world[GB].state(item)).responsible == NL
        assert await world[FR].desk.item(item) is None

    async def test_11_3_item_that_two_have_in_the_end_stands_before_a_person(
        self, world: World
    ) -> None:
        """The one it waited for may have items again, and gets it late."""
        govern(world, with_police)
        before = world.registry.network
        item = await taken_back(world, moved)
        govern(world, lambda _: before)
        await world.settle()
        world.now += 24 * 3_600_000
        await world.settle()
        assert (await world[NL].state(item)).custody is Custody.HERE
        assert (await world[FR].state(item)).custody is Custody.HERE
        assert ("held_twice", f"{NL}/{item}") in await tasks(world, GB)

    async def test_11_3_what_was_signed_and_never_arrived_is_taken_back(self, world: World) -> None:
        """Nobody gave a receipt for it."""
        govern(world, with_police)
        made = await world[GB].submit(PLACE)
        item = made.items[0].item_id
        push = world[GB].delivery.transport.push
        world[GB].delivery.transport.push = lost  # type: ignore[method-assign, assignment]
        for _ in range(2):
            with suppress(ConnectionResetError):
                await world[GB].work()
        assert await waiting(world, GB, NL) == 0
        govern(world, moved)
        await world[GB].desk.judge_due()
        world[GB].delivery.transport.push = push  # type: ignore[method-assign]
        await run(world, GB, NL, FR)
        assert (await world[GB].state(item)).responsible == FR
        assert await world[NL].desk.item(item) is None


async def receipted(world: World) -> str:
    """Let the Dutch hotline hand an item over that is receipted and not judged; give its id."""
    await world.settle()
    made = await world[NL].submit("https://gb1.example/1.jpg")
    await world[NL].work()
    assert (await world[GB].store.queries.figures())["entries_waiting"] > 0
    return made.items[0].item_id


@pytest.mark.parametrize("role", ["aggregator", "witness"])
async def test_11_3_item_whose_sender_hears_no_answer_any_more_is_not_refused(
    world: World, role: Role
) -> None:
    """Else it were nowhere: the receiver had it not, and its sender would never hear so."""
    item = await receipted(world)
    govern(world, partial(with_role, role=role))
    await run(world, GB, NL)
    assert (await world[GB].state(item)).custody is Custody.HERE
    assert (await world[NL].state(item)).responsible == GB
    assert world[GB].verify().found == []


@pytest.mark.parametrize("role", ["aggregator", "witness"])
async def test_11_3_answer_that_might_not_be_said_is_right_once_its_sender_hears_answers_again(
    world: World, role: Role
) -> None:
    """The umbrella had narrowed the wrong member's role, and verify would find tampering."""
    await receipted(world)
    before = world.registry.network
    govern(world, partial(with_role, role=role))
    await run(world, GB, NL)
    govern(world, lambda _: before)
    await run(world, GB, NL)
    assert world[GB].verify().found == []


async def test_11_3_item_of_who_became_police_is_refused_and_with_it_again(world: World) -> None:
    """Answers go to police: one that may not hand items over here hears so."""
    item = await receipted(world)
    govern(world, partial(with_role, role="police"))
    await run(world, GB, NL)
    assert await world[GB].desk.item(item) is None
    assert (await world[NL].state(item)).custody is Custody.HERE


def with_witness(network: NetworkDocument) -> NetworkDocument:
    """The network in which the British hotline is a witness; the French one stands in for it."""
    entry = replace(network.members[GB], roles=("witness",), jurisdictions=())
    return replace(
        network,
        members={**network.members, GB: entry},
        choice_rules={"GB": (FR,)},
        fallback_members=(FR,),
    )


async def test_11_3_who_holds_items_no_more_takes_none_that_came_before(world: World) -> None:
    """Its sender takes each back that it had, and hands it to who is responsible now."""
    item = await receipted(world)
    govern(world, with_witness)
    await run(world, GB, NL, FR)
    assert await world[GB].desk.item(item) is None
    assert (await world[FR].state(item)).custody is Custody.HERE


async def test_11_3_who_holds_items_again_judges_what_came_before(world: World) -> None:
    """Its sender was away meanwhile, and knows of nothing."""
    item, before = await receipted(world), world.registry.network
    govern(world, with_witness)
    await run(world, GB)
    assert ("handed_over_in_quarantine", NL) in await tasks(world, GB)
    assert await world[GB].desk.judge_due() == 0
    govern(world, lambda _: before)
    await run(world, GB, NL)
    assert (await world[GB].state(item)).custody is Custody.HERE
    assert await tasks(world, GB) == []
    assert world[GB].verify().found == []


async def test_11_3_who_holds_no_items_judges_what_members_said_that_are_back(
    world: World,
) -> None:
    """Only an item that it can neither take nor refuse waits until its role is another."""
    made = await world[GB].submit(PLACE)
    await world.settle()
    before = world.registry.network
    away = replace(before.members[NL], status="suspended")
    govern(world, lambda _: replace(before, members={**before.members, NL: away}))
    action = ActionDraft(action=Action.REMOVED)
    await world[NL].desk.act(made.items[0].item_id, action, actor="analyst")
    await run(world, NL, GB)
    assert await world[GB].store.queries.quarantined() == [NL]
    without = with_witness(before)
    counts = replace(without.members[GB], roles=("aggregator",))
    govern(world, lambda _: replace(without, members={**without.members, GB: counts}))
    await run(world, GB)
    assert rows(world[GB], "SELECT 1 FROM entries_in WHERE answer = 'quarantined'") == []


async def test_9_2_channel_goes_on_once_its_receiver_has_heard_of_the_role(world: World) -> None:
    """The one works under an older registry for a while, and looks for the newer one."""
    await world.settle()
    inbox, registry = world[GB].inbox, world[GB].registry
    older = replace(registry(), network=with_role(registry().network, "aggregator"))
    looked: list[bool] = []
    inbox._registry = lambda: older
    inbox._on_registry_behind = lambda: looked.append(True)
    made = await world[NL].submit("https://gb1.example/1.jpg")
    await run(world, NL, GB)
    assert looked
    assert await world[GB].desk.item(made.items[0].item_id) is None
    inbox._registry = registry
    await world.settle()
    assert (await world[GB].state(made.items[0].item_id)).custody is Custody.HERE
    assert await tasks(world, NL) == []
