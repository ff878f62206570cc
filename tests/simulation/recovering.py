"""The ceremony of a recovery, as people do it: a burnt machine, new keys to seal to, a word given.

await burn(world, "nl-eokm")          the disk is gone; its document says so, its member key signs
allow(world, "gb-iwf", "nl-eokm")     a person at the peer
await finish(world, "nl-eokm")        a person at the member: what came back is all there is
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keys.keyring import sealing_calendar
from keys.recovering import Recovering
from keys.sealing import SealingKey
from node.store.connection import open_writer
from node.store.recovery import handing_back, recovered
from node.store.writer import InlineWriter
from tests.builders.network import make_document
from tests.simulation.world import Node, World


async def burn(world: World, member: str, *, flag: bool = True) -> Node:
    """Lose everything but keys and registry, and begin to recover on an empty database."""
    node = world[member]
    await node.crash()
    for path in node.path.parent.glob(f"{node.path.name}*"):
        path.unlink()
    node.keys = replace(node.keys, sealing=(SealingKey.generate(),))
    node.create()
    connection = open_writer(node.path, node.keys.database_key)
    InlineWriter(connection).run_now(lambda c: recovered.begin(c, world.now))
    connection.close()
    publish(world, node, recovering=flag)
    await node.restart(restored=True)
    return node


def publish(world: World, node: Node, *, recovering: bool) -> None:
    """Put the member's next document into the registry that everybody goes by."""
    (key,) = node.keys.sealing
    said = Recovering(key.public.key_id, world.now) if recovering else None
    before = world.registry.member(node.member)
    document = make_document(
        world.registry.network_id, node.member, keys=node.keys, sequence=before.sequence + 1
    )
    turn = sealing_calendar([key.public.key_id], world.now)
    assert [one.key.key_id for one in document.sealing] == list(turn)
    document = replace(document, recovering=said, endpoint=before.endpoint)
    members = {**world.registry.members, node.member: document}
    world.registry = replace(world.registry, members=members)


def decide(world: World, at: str, member: str, *, allowed: bool = True, again: bool = False) -> str:
    """A person at `at` says whether `member` may have back what it had said."""
    node = world[at]
    connection = open_writer(node.path, node.keys.database_key)
    try:
        return InlineWriter(connection).run_now(
            lambda c: handing_back.decide(c, member, world.now, allowed=allowed, again=again)
        )
    finally:
        connection.close()


async def finish(world: World, member: str) -> None:
    """A person at the member ends the asking; it rebuilds."""
    node = world[member]
    connection = open_writer(node.path, node.keys.database_key)
    InlineWriter(connection).run_now(recovered.end)
    connection.close()
    publish(world, node, recovering=False)
    await world.settle()


async def recover(world: World, member: str, *peers: str) -> None:
    """The whole of it, with the word of these peers."""
    await burn(world, member)
    await _with_the_word_of(world, member, peers)


async def lose(world: World, member: str) -> None:
    """Its machine burns; it hears nothing for now."""
    await burn(world, member)
    await world[member].crash()


async def rebuild(world: World, member: str, *peers: str) -> None:
    """It comes up again, and these peers hand back what it had said."""
    await world[member].restart(restored=True)
    await _with_the_word_of(world, member, peers)


async def _with_the_word_of(world: World, member: str, peers: Sequence[str]) -> None:
    await world.settle()
    for peer in peers:
        assert decide(world, peer, member) == "decided"
    world.now += 61_000
    await world.settle()
    await finish(world, member)
