"""Pages of a recovery that the network's limits of today would not permit as a push (§8.13.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from node.peer.recovery.recovering import open_page
from protocol import entry as entries
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.merkle import EMPTY_ROOT, root_of
from protocol.messages import EpochOpen, to_body
from protocol.push import Purpose
from protocol.recovery import Element, Held, Page
from protocol.vocabulary import Kind, Lane
from tests.simulation.world import World

EOKM, IWF = "nl-eokm", "gb-iwf"
EPOCH = b"\1" * 8


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give two members."""
    made = World(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


async def test_g9_push_of_wider_limits_comes_back_under_narrower_ones(world: World) -> None:
    """Its sender signed it so, and nobody can cut it anew."""
    keys = world[EOKM].keys
    opening = entries.compose(
        keys.node_secret, Kind.EPOCH_OPEN, EPOCH, 0, IWF, to_body(EpochOpen(None, 0, EMPTY_ROOT))
    )
    said = [entries.encode(opening), *(number.to_bytes(60, "big") for number in range(4000))]
    assert len(said) > world.registry.network.limits.push_entries
    channel = Channel(world.registry.network_id, EOKM, IWF, Lane.STATUS)
    root = root_of([entries.leaf(one) for one in said])
    note = sign_checkpoint(Checkpoint(channel.origin(EPOCH), len(said), root), keys.log)
    places = [Element(entries.leaf(one), one).to_bytes() for one in said]
    push = Push(EPOCH, 0, len(said), note, places, 0)
    _, head, sealed = seal(push, keys.sealing[0].public, Purpose.RECOVER)
    known = {key.public.key_id: key for key in keys.sealing}
    page = Page(0, b"", head, sealed)
    after, _, elements = open_page(world.registry, channel, Held(), page, known.get)
    assert after.position.size == len(elements) == len(said)
