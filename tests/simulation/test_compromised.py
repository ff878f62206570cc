"""A thief of the log key speaks in a member's name; the owner says so, and loses nothing by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from keys.signing import SigningKey
from keys.succession import succeeded
from node.casework.item import Custody
from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from node.store.connection import open_writer
from node.store.items.decisions import say_compromised, say_restored
from node.store.writer import InlineWriter
from protocol import push as pushes
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.entry import leaf
from protocol.merkle import CompactRange
from protocol.push import Purpose
from protocol.vocabulary import Lane
from tests.simulation.fleet import Fleet
from tests.simulation.looking import rows
from tests.simulation.world import Node, World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"
DISAVOWALS = "SELECT count(*) FROM messages_out WHERE kind = 64"
STOPPED = ("channel_unknown_history", f"{EOKM}/reports")


async def hand_in(world: World, number: int) -> str:
    """Hand in an item that is hosted in the Netherlands; nobody delivers yet."""
    result = await world[IWF].submit(PLACE.format(number))
    await world[IWF].desk.locate_due()
    return result.items[0].item_id


def garbage(count: int) -> list[bytes]:
    """Give entries of a thief that say nothing."""
    return [b"a thief's %d" % number for number in range(count)]


async def steal(
    world: World, entries: list[bytes], lane: Lane = Lane.REPORTS
) -> tuple[bytes, int, int]:
    """Let a thief with gb-iwf's log key push entries of his; give epoch and range."""
    told, _ = await world[EOKM].store.inbox.told(IWF, lane)
    epoch, start = told.position.epoch, told.position.size
    assert epoch is not None
    held = world[EOKM].store.inbox
    channel = Channel(world.registry.network_id, IWF, EOKM, lane)
    place = Checkpoint(channel.origin(epoch), start, told.position.root)
    state = (await held.held(IWF, lane, place)).state  # type: ignore[arg-type]
    edge = CompactRange.from_bytes(state.edge).extend([leaf(entry) for entry in entries])
    note = sign_checkpoint(
        Checkpoint(channel.origin(epoch), edge.size, edge.root), world[IWF].keys.log
    )
    push = Push(epoch, start, edge.size, note, entries, world.now)
    key = world.registry.member(EOKM).sealing_key_at(world.now)
    checkpoint, head, sealed = seal(push, key, Purpose.PUSH)
    path = pushes.push_path(checkpoint.origin, start)
    reply = await world.receive(IWF, EOKM, path, head.to_bytes(), sealed)
    assert reply.status == 200
    return epoch, start, edge.size


async def restart(node: Node, word: str = "", lane: Lane = Lane.REPORTS) -> None:
    """Start a node anew, after a person said a word, if any."""
    await node.crash()
    if word:
        connection = open_writer(node.path, node.keys.database_key)
        going = InlineWriter(connection).run_now(
            lambda c: (
                say_compromised(c, EOKM, lane, node.world.now)
                if word == "compromised"
                else say_restored(c, node.world.now)
            )
        )
        connection.close()
        assert going == 1
    await node.restart(restored=word == "restored")


async def tasks(node: Node) -> set[tuple[str, str]]:
    """What stands before a person: code and subject."""
    return {(code, subject) for code, subject, _ in await node.store.queries.tasks()}


async def stolen_from(world: World) -> tuple[list[str], tuple[bytes, int, int]]:
    """An item is there, another is signed and not delivered, and a thief comes between."""
    items = [await hand_in(world, 1)]
    await world.settle()
    items.append(await hand_in(world, 2))
    delivery = world[IWF].delivery
    tenure = delivery.tenure(EOKM, Lane.REPORTS)
    assert await delivery.next_push(EOKM, Lane.REPORTS, tenure, world.registry, world.now)
    stolen = await steal(world, garbage(3))
    await restart(world[IWF])
    await world[IWF].delivery.deliver_due(world.now)
    assert STOPPED in await tasks(world[IWF])
    return items, stolen


async def test_g7_the_owner_of_a_stolen_key_goes_on_and_loses_nothing(world: World) -> None:
    """What it had signed and not delivered is said again; the thief's range is named."""
    items, (epoch, start, end) = await stolen_from(world)
    key = SigningKey.generate()
    before = world.registry
    document = succeeded(before.member(IWF), before.network_id, "log", key, world.now)
    world.registry = replace(before, members={**before.members, IWF: document})
    await restart(world[IWF], "compromised")
    world[IWF].delivery.log_key = key
    await world.settle()
    for item in items:
        assert (await world[EOKM].state(item)).custody is Custody.HERE
    disowned = ("history_disowned", f"{EOKM}/reports/{epoch.hex()}/{start}-{end}")
    assert disowned in await tasks(world[IWF])
    assert STOPPED not in await tasks(world[IWF])
    assert world[IWF].verify().found == []


async def test_g7_the_word_counts_once(world: World) -> None:
    """The thief comes again before the key is changed: the channel stops again."""
    await stolen_from(world)
    await restart(world[IWF], "compromised")
    await world.settle()
    await steal(world, garbage(1))
    await restart(world[IWF])
    await world[IWF].delivery.deliver_due(world.now)
    assert STOPPED in await tasks(world[IWF])


async def test_g7_the_owner_that_dies_before_its_word_left_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    """Its epoch names the told state; nobody need say the same once more."""
    world = Fleet(tmp_path, (IWF, EOKM), 1, None)
    world.registry = world.umbrella.registry
    await world.start()
    await world[IWF].submit(PLACE.format(1))
    await world.settle()
    epoch, start, end = await steal(world, garbage(3))
    await world[IWF].bounce()
    await world.settle()
    assert STOPPED in await tasks(world[IWF])
    await world[IWF].crash()
    connection = open_writer(world[IWF].path, world[IWF].keys.database_key)
    InlineWriter(connection).run_now(lambda c: say_compromised(c, EOKM, Lane.REPORTS, world.now))
    connection.close()
    await world[IWF].come_back()
    world.net.swallows = True
    await world[IWF].work()
    await world[IWF].bounce()
    world.net.swallows = False
    await world.settle()
    disowned = ("history_disowned", f"{EOKM}/reports/{epoch.hex()}/{start}-{end}")
    assert {disowned, STOPPED} & await tasks(world[IWF]) == {disowned}
    assert rows(world[IWF], DISAVOWALS) == [(1,)]
    (figures,) = await world[IWF].store.queries.channels()
    assert (figures.waiting, figures.unreceipted) == (0, 0)
    await world.close()
