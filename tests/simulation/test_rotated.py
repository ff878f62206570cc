"""Log and receipt keys are rotated under traffic: nothing is lost, done twice, or stuck.

A member here is given a successor, and the world's registry says so at once; a member that has not
heard of it is one whose inbox or delivery still reads the registry from before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from keys.signing import SigningKey
from keys.succession import succeeded
from keys.turns import TURN_GRACE_MS
from node.casework.item import Custody
from node.peer.channels.pulling import _Channel
from protocol import push
from protocol.answers import Answer, AnswerCode
from protocol.checkpoint import Checkpoint, Origin, read_checkpoint, sign_checkpoint
from protocol.push import PushHead
from protocol.vocabulary import Disposition, Lane
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
HOUR_MS = 3_600_000
PLACE = "https://nl1.example/album/{}.jpg"


def publish(world: World, member: str, purpose: str, key: SigningKey) -> None:
    """Let the registry list a successor that is used from now on."""
    before = world.registry
    document = succeeded(
        before.member(member),
        before.network_id,
        "log" if purpose == "log" else "receipt",
        key,
        world.now,
    )
    members = MappingProxyType({**before.members, member: document})
    world.registry = replace(before, members=members)


def rotate_log(world: World) -> SigningKey:
    """Let gb-iwf sign what it sends under another key."""
    key = SigningKey.generate()
    publish(world, IWF, "log", key)
    world[IWF].delivery.log_key = key
    return key


def rotate_receipt(world: World) -> SigningKey:
    """Let nl-eokm sign its receipts under another key."""
    key = SigningKey.generate()
    publish(world, EOKM, "receipt", key)
    world[EOKM].inbox.receipt_key = key
    return key


async def hand_in(world: World, number: int) -> str:
    """Hand in an item that is hosted in the Netherlands; nobody delivers yet."""
    result = await world[IWF].submit(PLACE.format(number))
    await world[IWF].desk.locate_due()
    return result.items[0].item_id


async def deliver(world: World) -> None:
    """Let gb-iwf deliver what is due now."""
    await world[IWF].delivery.deliver_due(world.now)


async def problem(world: World) -> str | None:
    """Why the last attempt of gb-iwf to nl-eokm failed."""
    (row,) = (r for r in await world[IWF].store.outbox.rows() if r.peer == EOKM)
    return row.problem


def pass_time(world: World) -> None:
    """Let the grace pass, with no question for the state between: the next push comes first."""
    world.now += TURN_GRACE_MS
    world[IWF].delivery.tenure(EOKM, Lane.REPORTS).asked_ms = world.now


def notes(world: World) -> list[bytes]:
    """The signed checkpoints that gb-iwf has sent to nl-eokm, in order."""
    return [push.read_head(head).note for _, head, _ in world.sent[IWF, EOKM]]


async def whole(world: World, items: list[str]) -> None:
    """Check that every item is there once and answered, and that both histories verify."""
    await world.settle()
    for item in items:
        assert (await world[EOKM].state(item)).custody is Custody.HERE
        assert (await world[IWF].state(item)).answer is Disposition.NEW
    for member in (IWF, EOKM):
        assert world[member].verify().found == []
        assert await world[member].store.queries.tasks() == []


async def test_3_8_a_receiver_that_has_not_heard_of_the_key_gets_the_same_push_again(
    world: World,
) -> None:
    """It says `registry_behind`; byte for byte the same checkpoint is taken once it has heard."""
    items = [await hand_in(world, 1)]
    await world.settle()
    behind = world.registry
    rotate_log(world)
    world[EOKM].inbox._registry = lambda: behind
    items.append(await hand_in(world, 2))
    await deliver(world)
    assert await problem(world) == str(AnswerCode.REGISTRY_BEHIND)
    refused = notes(world)[-1]
    world[EOKM].inbox._registry = lambda: world.registry
    await whole(world, items)
    assert notes(world).count(refused) == 2
    epochs = {read_checkpoint(note).origin.epoch for note in notes(world)}
    assert len(epochs) == 1


async def test_3_8_a_push_in_flight_keeps_its_signature_and_its_receipt(world: World) -> None:
    """Its answer was lost, then the key was rotated and retired: the stored receipt comes."""
    items = [await hand_in(world, 1)]
    world.faults.lose_answer = 1.0
    await deliver(world)
    world.faults.lose_answer = 0.0
    first = notes(world)[-1]
    rotate_log(world)
    pass_time(world)
    await whole(world, items)
    checkpoint = read_checkpoint(first)
    held = await world[EOKM].store.inbox.held(
        IWF,
        Lane.REPORTS,
        checkpoint,  # type: ignore[arg-type] # our own note
    )
    assert notes(world) == [first, first]  # the second was answered by what was held
    assert held.receipt is not None


async def test_3_8_a_push_that_only_a_retired_key_signed_is_signed_by_the_new_one(
    world: World,
) -> None:
    """It never arrived, the receiver was away for longer than the grace; the same goes again."""
    items = [await hand_in(world, 1)]
    await world.settle()
    world.faults.lose_request = 1.0
    items.append(await hand_in(world, 2))
    tenure = world[IWF].delivery.tenure(EOKM, Lane.REPORTS)
    registry = world.registry
    old = await world[IWF].delivery.next_push(EOKM, Lane.REPORTS, tenure, registry, world.now)
    assert old is not None
    world.faults.lose_request = 0.0
    rotate_log(world)
    pass_time(world)
    await deliver(world)
    assert await problem(world) == str(AnswerCode.REGISTRY_BEHIND)
    assert notes(world)[-1] == old.note
    await whole(world, items)
    again = next(note for note in notes(world)[::-1] if text(note) == text(old.note))
    assert again != old.note
    assert len({read_checkpoint(note).origin.epoch for note in notes(world)}) == 1


def text(note: bytes) -> str:
    """What a checkpoint says, whoever signed it."""
    return read_checkpoint(note).text


async def thief_push(world: World, key: SigningKey) -> Answer | object:
    """Give what nl-eokm says to a push that follows its state, signed by `key`."""
    told, _ = await world[EOKM].store.inbox.told(IWF, Lane.REPORTS)
    epoch, size = told.position.epoch, told.position.size
    assert epoch is not None
    origin = Origin(world.registry.network_id, IWF, EOKM, Lane.REPORTS, epoch)
    note = sign_checkpoint(Checkpoint(origin, size + 1, bytes(range(32))), key)
    sealing = world.registry.member(EOKM).sealing_key_at(world.now)
    head = PushHead(push.SUITE, sealing.key_id, note)
    return await world[EOKM].inbox.precheck(IWF, Lane.REPORTS, epoch, size, head)


async def test_3_8_attack_a_retired_log_key_signs_something_new(world: World) -> None:
    """By the receiver's own clock and by what it holds; nothing that is signed says the time."""
    stolen = world[IWF].keys.log
    items = [await hand_in(world, 1)]
    await world.settle()
    rotate_log(world)
    assert not isinstance(await thief_push(world, stolen), Answer)  # in its grace
    world.now += TURN_GRACE_MS
    answer = await thief_push(world, stolen)
    assert isinstance(answer, Answer)
    assert answer.code is AnswerCode.REGISTRY_BEHIND
    await whole(world, items)


async def test_3_8_a_sender_that_has_not_heard_of_a_receipt_key_gets_the_same_receipt_again(
    world: World,
) -> None:
    """It believes nothing it cannot verify, asks for the registry, and pushes the same again."""
    items = [await hand_in(world, 1)]
    await world.settle()
    behind, asked = world.registry, list[bool]()
    rotate_receipt(world)
    world[IWF].delivery.registry = lambda: behind
    world[IWF].delivery.on_registry_behind = lambda: asked.append(True)
    items.append(await hand_in(world, 2))
    await deliver(world)
    assert asked == [True]
    refused = notes(world)[-1]
    world[IWF].delivery.registry = lambda: world.registry
    await whole(world, items)
    assert notes(world).count(refused) == 2


async def test_3_8_a_receipt_given_before_the_key_was_retired_is_taken_after_it(
    world: World,
) -> None:
    """The answer was lost; a month later the same bytes come again, and they count."""
    items = [await hand_in(world, 1)]
    world.faults.lose_answer = 1.0
    await deliver(world)
    world.faults.lose_answer = 0.0
    rotate_receipt(world)
    pass_time(world)
    await whole(world, items)


async def test_3_8_attack_a_retired_receipt_key_receipts_something_new(world: World) -> None:
    """The sender knows when it signed the checkpoint: after that the key has no say."""
    stolen = world[EOKM].keys.receipt
    items = [await hand_in(world, 1)]
    await world.settle()
    rotate_receipt(world)
    world.now += TURN_GRACE_MS
    world[EOKM].inbox.receipt_key = stolen
    items.append(await hand_in(world, 2))
    await deliver(world)
    assert await problem(world) == "registry_behind"
    (figures,) = (c for c in await world[IWF].store.queries.channels() if c.lane == "reports")
    assert figures.unreceipted


def steal_receipt(world: World) -> SigningKey:
    """Let nl-eokm replace its receipt key, and say that it was stolen; return what it replaced."""
    before = world[EOKM].keys.receipt
    rotate_receipt(world)
    document = world.registry.member(EOKM)
    stolen = replace(document.turn(before.public.key_id), compromised_ms=0)
    turns = {**document.turns, before.public.key_id: stolen}
    members = {**world.registry.members, EOKM: replace(document, turns=turns)}
    world.registry = replace(world.registry, members=MappingProxyType(members))
    return before


async def receipted(world: World) -> list[bool]:
    """Whether the end of each epoch that gb-iwf opened has a receipt, in their order."""
    rows = await world[IWF].store.readers.run(
        lambda c: c.execute(
            "SELECT max(c.size) = max(CASE WHEN c.receipt IS NULL THEN 0 ELSE c.size END)"
            " FROM epochs_out e JOIN checkpoints_out c ON c.peer = e.peer AND c.lane = e.lane"
            " AND c.epoch = e.epoch WHERE e.peer = ? AND e.lane = 'reports'"
            " GROUP BY e.epoch, e.opened_ms ORDER BY e.opened_ms",
            (EOKM,),
        ).fetchall()
    )
    return [bool(row[0]) for row in rows]


async def test_3_9_a_receipt_under_a_stolen_key_is_followed_by_one_for_the_next_epoch(
    world: World,
) -> None:
    """Nothing else is to be said; without it the honest member would seem to withhold receipts."""
    items = [await hand_in(world, 1)]
    world.faults.lose_answer = 1.0
    await deliver(world)
    world.faults.lose_answer = 0.0
    steal_receipt(world)
    await whole(world, items)
    assert await receipted(world) == [False, True]


async def test_3_9_a_member_that_goes_on_under_a_stolen_key_is_asked_once_a_day(
    world: World,
) -> None:
    """Epochs are no way to make a sender's log grow; a receipt that is believed ends it."""
    await hand_in(world, 1)
    stolen = steal_receipt(world)
    fresh, world[EOKM].inbox.receipt_key = world[EOKM].inbox.receipt_key, stolen
    for _ in range(36):
        await deliver(world)
        world.now += HOUR_MS
    assert await receipted(world) == [False, False, False]
    world[EOKM].inbox.receipt_key = fresh
    for _ in range(72):
        await deliver(world)
        world.now += HOUR_MS
    assert await receipted(world) == [False, False, False, True]


class TestPulled:
    """The same for a member that cannot be called."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        """Give three members of whom `nl-eokm` cannot be called."""
        made = World(tmp_path, unreachable=EOKM)
        await made.start()
        yield made
        await made.close()

    async def test_3_8_an_offer_that_only_a_retired_key_signed_is_made_again(
        self, world: World
    ) -> None:
        """Its puller was away for longer than the grace; another key signs the same."""
        items = [await hand_in(world, 1)]
        await world.settle()
        items.append(await hand_in(world, 2))
        await world[EOKM].crash()
        delivery = world[IWF].delivery
        tenure = delivery.tenure(EOKM, Lane.REPORTS)
        assert await delivery.next_push(EOKM, Lane.REPORTS, tenure, world.registry, world.now)
        rotate_log(world)
        world.now += TURN_GRACE_MS
        await world[EOKM].restart()
        await whole(world, items)

    async def test_3_9_a_receipt_under_a_stolen_key_is_followed_by_one_for_the_next_epoch(
        self, world: World
    ) -> None:
        """It had taken what was offered, and had not pulled again when its key was stolen."""
        items = [await hand_in(world, 1)]
        pulled = _Channel()
        for _ in range(2):
            await world[EOKM].pulling._exchange(IWF, Lane.REPORTS, pulled)
        steal_receipt(world)
        await whole(world, items)
        assert await receipted(world) == [False, True]

    async def test_3_8_receipts_of_a_new_key_come_with_pulls(self, world: World) -> None:
        """And those of the old one count for what was signed before."""
        items = [await hand_in(world, 1)]
        await world.settle()
        rotate_receipt(world)
        items.append(await hand_in(world, 2))
        await world.settle()
        world.now += TURN_GRACE_MS
        items.append(await hand_in(world, 3))
        await whole(world, items)
