"""§8.9: two histories of one log are proof against who signed them, and against nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from node.peer.channels.forks import ForkKeeper, KeptFork
from node.store.channels.forks import kept_forks
from node.store.connection import open_reader
from protocol import push
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from protocol.fork import verify_fork
from protocol.vocabulary import Lane
from tests.simulation.world import World

IWF, EOKM, PDC = "gb-iwf", "nl-eokm", "fr-pdc"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give a world in which nl-eokm holds two pushes of gb-iwf."""
    made = World(tmp_path, [IWF, EOKM, PDC])
    await made.start()
    for number in range(5):
        await made[IWF].submit(f"https://nl{number}.example/1.jpg")
        await made.settle()
    yield made
    await made.close()


def held(world: World) -> tuple[bytes, int]:
    """Return the epoch that nl-eokm holds of gb-iwf, and its size."""
    with closing(open_reader(world[EOKM].path, world[EOKM].keys.database_key)) as connection:
        epoch, size = connection.execute(
            "SELECT epoch, size FROM channels_in WHERE peer = ? AND lane = 'reports'", (IWF,)
        ).fetchone()
        return epoch, size


async def show(world: World, size: int, root: bytes, *, signed_by: str = IWF) -> None:
    """Show nl-eokm a checkpoint of gb-iwf's log, signed by somebody's log key."""
    epoch, _ = held(world)
    channel = Channel(world.registry.network_id, IWF, EOKM, Lane.REPORTS)
    checkpoint = Checkpoint(channel.origin(epoch), size, root)
    note = sign_checkpoint(checkpoint, world[signed_by].keys.log)
    head = push.PushHead(push.SUITE, "00112233aabbccdd", note).to_bytes()
    path = push.push_path(checkpoint.origin, max(0, size - 1))
    await world.receive(IWF, EOKM, path, head, b"sealed")


def proofs(world: World) -> list[KeptFork]:
    """Return what nl-eokm keeps."""
    with closing(open_reader(world[EOKM].path, world[EOKM].keys.database_key)) as connection:
        return kept_forks(connection)


@pytest.mark.parametrize("size", range(1, 8))
async def test_8_9_proof_of_a_fork_is_kept_and_convinces_a_third_party(
    world: World, size: int
) -> None:
    """At every size that was ever held, between two pushes too."""
    assert held(world)[1] == 7
    await show(world, size, b"\x07" * 32)
    (kept,) = proofs(world)
    assert kept.peer == IWF
    assert verify_fork(kept.evidence, world.registry.member(IWF).log_keys).size == size
    assert world[EOKM].verify().holds


async def test_8_9_same_fork_shown_again_is_kept_once(world: World) -> None:
    """A stopped channel is stopped; nothing grows."""
    for _ in range(3):
        await show(world, 3, b"\x07" * 32)
    assert len(proofs(world)) == 1


async def test_8_9_late_checkpoint_of_an_honest_member_is_no_fork(world: World) -> None:
    """What it signed before it went on is true for ever."""
    old = world.sent[IWF, EOKM]
    for path, head, sealed in old:
        await world.receive(IWF, EOKM, path, head, sealed)
    assert proofs(world) == []


async def test_8_9_garbled_note_accuses_nobody(world: World) -> None:
    """Nobody can sign for another: what somebody else made up is not even compared."""
    await show(world, 3, b"\x07" * 32, signed_by=PDC)
    assert proofs(world) == []


async def test_8_9_suspicion_that_proves_nothing_is_not_kept(world: World) -> None:
    """Whatever made us suspect it: what an honest member signed early extends to what it signed."""
    keeper = ForkKeeper(world[EOKM].store.forks, lambda: world.registry, world.clock)
    for _, raw_head, _ in list(world.sent[IWF, EOKM])[:3]:
        note = push.read_head(raw_head).note
        checkpoint = verify_checkpoint(note, world.registry.member(IWF).log_keys).checkpoint
        assert not await keeper.suspect(IWF, checkpoint.origin.lane, checkpoint, note)
    assert proofs(world) == []
