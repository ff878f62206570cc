"""Sealing keys by the month, each in its turn; what was sealed to one that is gone stays shut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keys.errors import UnsealError
from keys.keyring import SEALING_PERIOD_MS
from protocol import push
from protocol.answers import AnswerCode
from protocol.checkpoint import Checkpoint
from tests.builders.network import NOW_MS
from tests.simulation.world import Node, World

PLACE = "https://nl1.example/album/"


def last_key_id(world: World) -> str:
    """Return the id of the key that the last push from gb-iwf to nl-eokm was sealed to."""
    _, head, _ = world.sent["gb-iwf", "nl-eokm"][-1]
    return push.read_head(head).key_id


async def destroy_first(node: Node, world: World) -> None:
    """Let the member's first sealing key be destroyed, before its time."""
    first = world.registry.member(node.member).sealing_key_at(NOW_MS).key_id
    left = tuple(key for key in node.keys.sealing if key.public.key_id != first)
    node.keys = replace(node.keys, sealing=left)
    await node.crash()
    await node.restart()


async def test_each_month_has_its_own_key(world: World) -> None:
    """Who steals the machine opens what came this month, not what came before."""
    await world["gb-iwf"].submit(f"{PLACE}1.jpg")
    await world.settle()
    first = last_key_id(world)
    world.now += SEALING_PERIOD_MS
    await world["gb-iwf"].submit(f"{PLACE}2.jpg")
    await world.settle()
    assert last_key_id(world) != first


async def test_push_to_a_destroyed_key_is_asked_for_again_and_loses_nothing(world: World) -> None:
    """It waits, visibly, and is sealed to the next key when that has its turn."""
    await destroy_first(world["nl-eokm"], world)
    result = await world["gb-iwf"].submit(f"{PLACE}1.jpg")
    await world["gb-iwf"].work()
    (figures,) = await world["gb-iwf"].store.queries.channels()
    assert figures.problem == str(AnswerCode.REKEY)
    world.now += SEALING_PERIOD_MS
    await world.settle()
    state = await world["nl-eokm"].state(result.items[0].item_id)
    assert state.responsible == "nl-eokm"


async def test_copy_of_an_old_push_stays_shut_when_its_key_is_gone(world: World) -> None:
    """Whoever kept the bytes and gets hold of the node later has nothing to open them with."""
    await world["gb-iwf"].submit(f"{PLACE}1.jpg")
    await world["gb-iwf"].work()
    path, raw_head, sealed = world.sent["gb-iwf", "nl-eokm"][0]
    head = push.read_head(raw_head)
    checkpoint = Checkpoint.parse(head.note.decode().split("\n\n", 1)[0] + "\n")
    start = int(path.rsplit("/", 1)[-1])
    info = push.seal_info(
        push.Purpose.PUSH, head.suite, head.key_id, checkpoint, start, checkpoint.size
    )
    assert push.unframe(world["nl-eokm"].keys.sealing_key(head.key_id).open(info, sealed))
    await destroy_first(world["nl-eokm"], world)
    for key in world["nl-eokm"].keys.sealing:
        with pytest.raises(UnsealError):
            key.open(info, sealed)
