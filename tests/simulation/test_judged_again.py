"""What a member said while the receiver's registry did not permit it is judged under the next one.

Its sender hears of no refusal, so it would never say it again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from keys.transfers import NOT_STATED, NOTHING, TRANSFER_FIELDS, TransferTerms
from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft
from node.store.channels import aside
from node.store.items.tasks import close_task
from protocol.messages import DispositionNote, read
from protocol.vocabulary import Action, Disposition
from tests.simulation.looking import rows
from tests.simulation.test_membership import GB, NL, expel, govern, run, status, tasks
from tests.simulation.test_narrowed_roles import receipted, with_role
from tests.simulation.test_refused import CONFLICT, MALFORMED, erase_old, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.network import NetworkDocument, Role
    from tests.simulation.world import World

PLACE = "https://nl1.example/album/1.jpg"
STANDING = "SELECT judged, answer FROM entries_in WHERE judged = 3 OR answer = 'not_permitted'"
REFUSED = 1, "not_permitted"
ASIDE = 3, "not_permitted"


def on_terms(network: NetworkDocument, terms: TransferTerms) -> NetworkDocument:
    """The network with these terms for what the Dutch hotline says to the British one."""
    transfers = network.transfers
    return replace(
        network, transfers=replace(transfers, pairs={**transfers.pairs, (NL, GB): terms})
    )


def without_actions(network: NetworkDocument) -> NetworkDocument:
    """The network in which the Dutch hotline may not say to the British one what was done."""
    fields = tuple(one for one in TRANSFER_FIELDS if one != "actions")
    return on_terms(network, TransferTerms(NOT_STATED, fields))


NARROWED = [without_actions, partial(with_role, role="aggregator")]


async def handed_on(world: World) -> str:
    """Let an item of the British hotline be with the Dutch one; give its id."""
    made = await world[GB].submit(PLACE)
    await world.settle()
    item = made.items[0].item_id
    assert (await world[NL].state(item)).custody is Custody.HERE
    return item


async def told(
    world: World,
    change: Callable[[NetworkDocument], NetworkDocument],
    *actions: Action,
) -> str:
    """Let the British one hear what was done under a registry that does not permit it."""
    item = await handed_on(world)
    for action in actions or (Action.REMOVED,):
        await world[NL].desk.act(item, ActionDraft(action=action), actor="analyst")
        await world[NL].work()
    assert (await world[GB].store.queries.figures())["entries_waiting"] > 0
    govern(world, change)
    await run(world, GB)
    return item


@pytest.mark.parametrize("change", NARROWED)
async def test_11_5_outcome_counts_once_the_registry_permits_it(
    world: World, change: Callable[[NetworkDocument], NetworkDocument]
) -> None:
    """Whether its kind was forbidden, or what it says; nothing of it had an effect before."""
    before = world.registry.network
    item = await told(world, change)
    assert (await world[GB].state(item)).closed_ms is None
    assert rows(world[GB], STANDING) == [ASIDE]
    assert world[GB].verify().found == []
    govern(world, lambda _: before)
    await run(world, GB)
    assert [one.action for one in (await world[GB].state(item)).actions] == [Action.REMOVED]
    assert rows(world[GB], STANDING) == []
    assert world[GB].verify().found == []


async def test_11_5_answer_counts_once_the_registry_permits_it(world: World) -> None:
    """By the answer the item is known to be with who has it."""
    before = world.registry.network
    made = await world[GB].submit(PLACE)
    item = made.items[0].item_id
    for member in (GB, GB, NL, NL):
        await world[member].work()
    assert (await world[NL].state(item)).custody is Custody.HERE
    await world[NL].work()
    govern(world, partial(with_role, role="witness"))
    await world[GB].desk.judge_due()
    assert (await world[GB].state(item)).answer is None
    govern(world, lambda _: before)
    await run(world, GB)
    assert (await world[GB].state(item)).answer is not None
    assert world[GB].verify().found == []


async def test_11_5_what_waits_is_judged_in_its_order_and_before_what_comes_later(
    world: World,
) -> None:
    """Later news was judged first once, and an item that is back online stayed closed."""
    before = world.registry.network
    item = await told(world, without_actions, Action.REMOVED, Action.SEEN_ONLINE)
    govern(world, lambda _: before)
    await world[NL].desk.act(item, ActionDraft(action=Action.UNAVAILABLE), actor="analyst")
    world.now += 60_000
    await world[NL].work()
    await world[NL].work()
    assert (await world[GB].store.queries.figures())["entries_waiting"] > 0
    assert len(rows(world[GB], STANDING)) == 2
    await run(world, GB)
    acted = [one.action for one in (await world[GB].state(item)).actions]
    assert acted == [Action.REMOVED, Action.SEEN_ONLINE, Action.UNAVAILABLE]
    assert world[GB].verify().found == []


async def test_11_5_what_waits_is_judged_once_whatever_crashes(world: World) -> None:
    """Before the registry changes, and between its release and its judgement."""
    before = world.registry.network
    item = await told(world, without_actions)
    await world[GB].crash()
    await world[GB].restart()
    await run(world, GB)
    assert rows(world[GB], STANDING) == [ASIDE]
    govern(world, lambda _: before)
    assert await world[GB].desk.judge_due() == 1
    await world[GB].crash()
    await world[GB].restart()
    for change in (without_actions, lambda _: before):
        await run(world, GB, NL)
        govern(world, change)
    assert [one.action for one in (await world[GB].state(item)).actions] == [Action.REMOVED]
    assert world[GB].verify().found == []


async def test_11_5_nothing_is_judged_again_while_the_registry_is_the_same(world: World) -> None:
    """Else a node would do nothing else."""
    await told(world, without_actions)
    assert await world[GB].desk.judge_due() == 0


@pytest.mark.parametrize("change", NARROWED)
async def test_11_5_task_that_a_person_closed_does_not_come_back_with_what_waits(
    world: World, change: Callable[[NetworkDocument], NetworkDocument]
) -> None:
    """Neither at a start, nor under another registry that does not permit it either."""
    await told(world, change)
    refusals = {"field_not_permitted", "entry_not_permitted"}
    (code,) = refusals & {code for code, _ in await tasks(world, GB)}
    await world[GB].store.writer.run(lambda c: close_task(c, code, NL, world.now))
    await world[GB].crash()
    await world[GB].restart()
    await run(world, GB)
    govern(world, lambda network: replace(network, policy={**network.policy, "ledger_minutes": 59}))
    await run(world, GB)
    assert rows(world[GB], STANDING) == [ASIDE]
    assert (code, NL) not in await tasks(world, GB)
    assert world[GB].verify().found == []


async def test_11_5_another_reason_stands_before_a_person_though_the_first_was_closed(
    world: World,
) -> None:
    """Once: whoever closed the first task has not heard of the second reason."""
    wide = world.registry.network
    await told(world, partial(with_role, role="aggregator"))
    first, second = ("entry_not_permitted", NL), ("field_not_permitted", NL)
    for seen, change in ((first, lambda _: without_actions(wide)), (second, lambda _: wide)):
        assert seen in await tasks(world, GB)
        closing = partial(close_task, code=seen[0], subject=NL, now_ms=world.now)
        await world[GB].store.writer.run(closing)
        await world[GB].crash()
        await world[GB].restart()
        await run(world, GB)
        assert seen not in await tasks(world, GB)
        govern(world, change)
        await run(world, GB)
    assert rows(world[GB], STANDING) == []


async def test_11_5_no_more_waits_of_one_member_than_the_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes first waits; what is beyond it is refused for good, before a person."""
    monkeypatch.setattr(aside, "MOST_ASIDE", 1)
    await told(world, without_actions, Action.HOST_NOTIFIED, Action.REMOVED)
    assert rows(world[GB], f"{STANDING} ORDER BY seq") == [ASIDE, REFUSED]
    assert ("field_not_permitted", NL) in await tasks(world, GB)


@pytest.mark.parametrize("change", [without_actions, expel])
async def test_11_5_what_waits_in_vain_loses_its_body_in_time(
    world: World, change: Callable[[NetworkDocument], NetworkDocument]
) -> None:
    """As what was refused does; it speaks of no item that is here."""
    item = await told(world, without_actions)
    govern(world, change)
    await run(world, GB)
    await world[GB].store.writer.run(
        lambda c: c.execute("UPDATE entries_in SET item = NULL WHERE judged = 3")
    )
    assert await erase_old(world, world[GB]) == 1
    assert rows(world[GB], "SELECT entry FROM entries_in WHERE judged = 3") == [(None,)]
    assert (await world[GB].state(item)).actions == ()
    assert world[GB].verify().found == []


async def test_11_3_item_that_can_neither_be_taken_nor_refused_stands_before_a_person(
    world: World,
) -> None:
    """Its sender hears no answer any more, and the terms permit nothing of it here."""
    item, before = await receipted(world), world.registry.network
    govern(
        world,
        lambda network: on_terms(
            with_role(network, "aggregator"), TransferTerms(NOTHING, TRANSFER_FIELDS)
        ),
    )
    await run(world, GB)
    assert await world[GB].desk.item(item) is None
    assert ("handed_over_in_quarantine", NL) in await tasks(world, GB)
    assert await world[GB].desk.judge_due() == 0
    assert world[GB].verify().found == []
    govern(world, lambda _: before)
    await run(world, GB)
    assert (await world[GB].state(item)).custody is Custody.HERE
    assert ("handed_over_in_quarantine", NL) not in await tasks(world, GB)
    assert world[GB].verify().found == []


async def test_11_3_closed_task_of_items_that_still_cannot_be_judged_does_not_come_back(
    world: World,
) -> None:
    """At no start; and while it was not closed it stands, whatever is started anew."""
    await receipted(world)
    govern(
        world,
        lambda network: on_terms(
            with_role(network, "aggregator"), TransferTerms(NOTHING, TRANSFER_FIELDS)
        ),
    )
    await run(world, GB)
    for stands in (True, False):
        await world[GB].crash()
        await world[GB].restart()
        await run(world, GB)
        assert (("handed_over_in_quarantine", NL) in await tasks(world, GB)) is stands
        await world[GB].store.writer.run(
            lambda c: close_task(c, "handed_over_in_quarantine", NL, world.now)
        )


def answers(world: World, member: str) -> list[DispositionNote]:
    """What this member was answered, entry by entry."""
    got = rows(world[member], "SELECT entry FROM entries_in WHERE lane = 'status'")
    said = [message for (entry,) in got if isinstance(message := read(entry)[1], DispositionNote)]
    return sorted(said, key=lambda one: one.at_ms)


@pytest.mark.parametrize("role", ["aggregator", "witness"])
async def test_11_1_answer_waits_until_its_addressee_hears_answers_again(
    world: World, role: Role
) -> None:
    """An item that was taken meanwhile, and an entry that was refused."""
    await receipted(world)
    before = world.registry.network
    await world[NL].store.writer.run(partial(say, MALFORMED))
    world.now += 60_000
    await world[NL].work()
    govern(world, partial(with_role, role=role))
    await run(world, GB, NL)
    assert answers(world, NL) == []
    assert rows(world[GB], "SELECT 1 FROM entries_in WHERE judged = 0") == []
    govern(world, lambda _: before)
    await run(world, GB, NL)
    said = sorted(str(one.disposition) for one in answers(world, NL))
    assert said == [Disposition.MALFORMED, Disposition.NEW]
    assert world[GB].verify().found == []


async def test_11_3_conflict_of_a_suspended_member_is_answered_when_it_is_back(
    world: World,
) -> None:
    """It is judged at once, since it has no effect whoever says it; its answer waits."""
    await world[NL].store.writer.run(partial(say, MALFORMED))
    await world.settle()
    govern(world, partial(status, is_now="suspended"))
    await world[NL].store.writer.run(partial(say, CONFLICT))
    await run(world, NL, GB)
    assert [one.disposition for one in answers(world, NL)] == [Disposition.MALFORMED]
    govern(world, partial(status, is_now="active"))
    await run(world, GB, NL)
    said = [one.disposition for one in answers(world, NL)]
    assert said == [Disposition.MALFORMED, Disposition.CONFLICT]
