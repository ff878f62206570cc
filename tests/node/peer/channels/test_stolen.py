"""§3.9.3: nobody is accused by what only a stolen key signed, in channels and in ledgers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.registry import Registry
from keys.signing import SigningKey
from keys.succession import succeeded
from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from node.peer.channels.stolen import StolenKeys
from node.peer.ledgers.crosscheck import EVERY_MS
from node.store.items.decisions import say_compromised
from protocol import answers, revocation
from protocol.answers import AnswerCode
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.ledger import LoggedHead
from protocol.push import Purpose, push_path
from protocol.vocabulary import Lane
from tests.builders.network import make_network
from tests.node.peer.ledgers.test_crosscheck import (
    ECO,
    EOKM,
    IWF,
    PDC,
    an_hour,
    compared,
    forged,
    hand_over,
    heads,
    lie,
    tasks,
)
from tests.simulation.test_compromised import garbage, steal
from tests.simulation.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give four members; gb-iwf handed one item to nl-eokm, and both keep their ledgers."""
    made = World(tmp_path, [IWF, EOKM, PDC, ECO])
    await made.start()
    await hand_over(made, 1)
    await an_hour(made)
    yield made
    await made.close()


def rotate(world: World, member: str, *, stolen: bool) -> None:
    """Let a running member sign with another log key; `stolen`: it says the old one was."""
    key, before = SigningKey.generate(), world.registry
    (old,) = before.member(member).log
    document = succeeded(before.member(member), before.network_id, "log", key, world.now)
    if stolen:
        turn = replace(document.turn(old.key.key_id), compromised_ms=0)
        document = replace(document, turns={**document.turns, old.key.key_id: turn})
    world.registry = replace(before, members={**before.members, member: document})
    world[member].keys = replace(world[member].keys, log=key)
    world[member].delivery.log_key = world[member].ledger.log_key = key


def spoilt(world: World, sender: str) -> bytes:
    """Give what nl-eokm would show if it had logged another root of each channel of `sender`."""
    start = f"hx1/{world.registry.network_id}/{sender}/"
    return forged(
        world,
        [
            one._replace(root=b"\xee" * 32) if one.origin.startswith(start) else one
            for one in heads(world)
        ],
    )


def note_of(registry: Registry, key: SigningKey) -> bytes:
    """Give a checkpoint of gb-iwf's under a key."""
    origin = Channel(registry.network_id, IWF, EOKM, Lane.REPORTS).origin(b"\x01" * 8)
    return sign_checkpoint(Checkpoint(origin, 1, b"\x02" * 32), key)


def test_3_9_only_keys_known_to_be_stolen_are_told_from_their_owners() -> None:
    """A revoked key is one; a key that is listed no more is not: its owner could have hidden it."""
    listed, keys, _ = make_network([IWF, EOKM])
    note, key_id = note_of(listed, keys[IWF].log), keys[IWF].log.public.key_id
    believed = revocation.apply(listed, {IWF: {key_id}}, EOKM)
    assert StolenKeys(lambda: believed, lambda: listed).signed(IWF, note)
    assert not StolenKeys(lambda: listed, lambda: listed).signed(IWF, note)
    assert not StolenKeys(lambda: believed, lambda: believed).signed(IWF, note)


async def test_8_14_other_than_we_signed_beyond_our_receipts_accuses_nobody(world: World) -> None:
    """It may have been shown that by a thief of our key; it never bound itself to what we have."""
    await an_hour(world, 3)
    world.faults.lose_request = 1.0
    await world[IWF].submit("https://nl2.example/2.jpg")
    await world[IWF].work()
    origin = next(one.origin for one in heads(world) if f"/{IWF}/{EOKM}/reports/" in one.origin)
    size = max(one.size for one in heads(world) if one.origin == origin)
    lie(world, forged(world, [*heads(world), LoggedHead(origin, size + 1, b"\x01" * 32)]))
    world.faults.lose_request = 0.0
    assert not await compared(world)
    assert tasks(world) == {("ledger_unknown", EOKM)}


async def test_8_14_range_of_a_thief_is_known_once_a_person_said_whose_it_is(world: World) -> None:
    """The word closes the task, and the next epoch follows the range: nobody is asked twice."""
    await steal(world, garbage(1))
    await steal(world, garbage(2))
    await an_hour(world)
    before = forged(world, heads(world))
    assert not await compared(world)
    assert ("ledger_unknown", EOKM) in tasks(world)
    rotate(world, IWF, stolen=True)
    node = world[IWF]
    await node.crash()
    await node.restart()
    await node.delivery.deliver_due(world.now)
    await node.store.writer.run(lambda c: say_compromised(c, EOKM, Lane.REPORTS, world.now))
    await node.crash()
    await node.restart()
    await world.settle()
    assert ("ledger_unknown", EOKM) not in tasks(world)
    lie(world, before)
    world.now += EVERY_MS
    await compared(world)
    assert ("ledger_unknown", EOKM) not in tasks(world)


@pytest.mark.parametrize("stolen", [True, False])
async def test_8_14_ledger_that_differs_from_what_a_thief_signed_accuses_nobody(
    world: World, *, stolen: bool
) -> None:
    """What a key signed that was replaced, and not stolen, binds its owner as before."""
    await an_hour(world, 3)
    rotate(world, EOKM, stolen=stolen)
    lie(world, spoilt(world, EOKM))
    assert await compared(world) == stolen
    assert tasks(world) == (set() if stolen else {("ledger_differs", EOKM)})


async def test_8_14_what_the_owner_went_on_from_under_another_key_binds_it(world: World) -> None:
    """A larger checkpoint says all of it again."""
    await an_hour(world, 3)
    rotate(world, EOKM, stolen=True)
    old = spoilt(world, EOKM)
    await hand_over(world, 2)
    lie(world, old)
    assert not await compared(world)
    assert ("ledger_differs", EOKM) in tasks(world)


async def late(world: World, start: int, size: int) -> str | None:
    """Bring nl-eokm another history of gb-iwf's epoch under its present key; why it stopped."""
    inbox = world[EOKM].store.inbox
    told, _ = await inbox.told(IWF, Lane.REPORTS)
    assert told.position.epoch is not None
    origin = Channel(world.registry.network_id, IWF, EOKM, Lane.REPORTS).origin(told.position.epoch)
    note = sign_checkpoint(Checkpoint(origin, size, b"\xee" * 32), world[IWF].keys.log)
    push = Push(origin.epoch, start, size, note, garbage(size - start), world.now)
    key = world.registry.member(EOKM).sealing_key_at(world.now)
    _, head, sealed = seal(push, key, Purpose.PUSH)
    path = push_path(origin, start)
    reply = await world.receive(IWF, EOKM, path, head.to_bytes(), sealed)
    answer = answers.from_bytes(reply.body)
    assert (answer.told == told) == (answer.code is AnswerCode.WRONG_START)
    return (await inbox.told(IWF, Lane.REPORTS))[1]


@pytest.mark.parametrize("stolen", [True, False])
@pytest.mark.parametrize("more", [0, 1])
async def test_8_9_owner_that_contradicts_a_thief_of_its_key_is_told_and_not_stopped(
    world: World, more: int, *, stolen: bool
) -> None:
    """What was on its way when the thief came meets his history; its owner has to hear of it."""
    _, start, end = await steal(world, garbage(1))
    rotate(world, IWF, stolen=stolen)
    stopped = await late(world, end if more else start, end + more)
    code = "root_mismatch" if more else "fork_suspected"
    assert stopped == (None if stolen else code)


async def test_8_11_what_stood_under_a_key_that_we_revoked_is_logged_again(world: World) -> None:
    """Heads under it are shown to nobody; a channel that is quiet would be missed for ever."""
    await an_hour(world, 3)
    assert await compared(world)
    owner = world[EOKM]
    old = owner.keys.log.public.key_id
    rotate(world, EOKM, stolen=True)
    owner.ledger._revoked = owner.crosscheck._revoked = lambda: {old}
    await an_hour(world, 13)
    assert await compared(world)
    assert tasks(world) == set()
    assert owner.verify().found == []
    before = owner.ledger._tenure
    await an_hour(world, 2)
    assert owner.ledger._tenure == before, "once is enough"


async def test_8_11_nothing_is_logged_again_under_a_key_that_is_revoked_itself(
    world: World,
) -> None:
    """It would be each hour until the key is replaced, and shown to nobody."""
    await an_hour(world, 3)
    owner = world[EOKM]
    owner.ledger._revoked = lambda: {owner.keys.log.public.key_id}
    before = owner.ledger._tenure
    await an_hour(world, 2)
    assert owner.ledger._tenure == before
