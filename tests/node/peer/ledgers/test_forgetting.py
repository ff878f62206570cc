"""§8.12.9 and §8.12.10: a witness that was set back, and witness keys that are replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from keys.signing import SigningKey
from keys.succession import succeeded
from keys.turns import TURN_GRACE_MS
from node.peer.errors import InconsistentHeadError, UnknownLedgerError
from node.peer.ledgers.forgetting import Forgotten, lacks_memory, may_cosign
from node.peer.ledgers.witness import HeldSize, Witness
from node.peer.ledgers.witnessing import Given, counting
from node.store import backup as copies
from node.store.connection import open_reader
from node.store.ledgers.witness import forgotten
from node.store.seam import Connection
from protocol.witness import cosigners
from tests.node.peer.ledgers.test_witness import EOKM, FORKED, IWF, LEAVES, Owner
from tests.simulation.world import World

HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give an owner, gb-iwf, and a witness, nl-eokm."""
    world = World(tmp_path, [IWF, EOKM])
    await world.start()
    yield world
    await world.close()


def rotate(world: World, *, ended_ms: int | None = None) -> SigningKey:
    """Give nl-eokm another witness key; `ended_ms`: when the turns before it are said to end."""
    before, key = world.registry, SigningKey.generate()
    document = succeeded(before.member(EOKM), before.network_id, "witness", key, world.now)
    if ended_ms is not None:
        turns = {
            key_id: turn if key_id == key.public.key_id else replace(turn, until_ms=ended_ms)
            for key_id, turn in document.turns.items()
        }
        document = replace(document, turns=turns)
    members = MappingProxyType({**before.members, EOKM: document})
    world.registry = replace(before, members=members)
    return key


def use(world: World, key: SigningKey) -> None:
    """Let nl-eokm cosign with it."""
    node = world[EOKM]
    node.witness = Witness(
        EOKM, node.store.witness, node.registry, lambda: key, node.clock, node.registry_behind
    )


def save(world: World, tmp_path: Path) -> Path:
    """Make a backup of the witness."""
    node, path = world[EOKM], tmp_path / "backup.db"
    copies.backup(node.path, node.keys.database_key, path, bytes(32))
    return path


async def set_back(world: World, saved: Path) -> Forgotten:
    """Restore the witness from its backup; give what it knows of what it forgot."""
    node = world[EOKM]
    await node.crash()
    for ending in ("", "-wal", "-shm"):
        node.path.with_name(node.path.name + ending).unlink(missing_ok=True)
    copies.restore(saved, bytes(32), node.path, node.keys.database_key, world.now)
    await node.restart(restored=True)
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        left = forgotten(connection)
    assert left is not None
    return left


def counted(world: World, note: bytes) -> dict[str, int]:
    """Who cosigned a head, as everybody judges it."""
    return cosigners(note, world.registry.witness_keys, world.registry.witness_ends)


async def answered(owner: Owner, old: int, new: int) -> bytes:
    """Give a head with the cosignature that the witness answers it with."""
    lines = await owner.hand_in(old, new)
    assert isinstance(lines, bytes)
    return owner.note(new) + lines


async def test_g5_witness_that_was_set_back_cosigns_no_fork(world: World, tmp_path: Path) -> None:
    """It forgot the head that an owner hides, and would cosign another one."""
    honest, forked = Owner(world, LEAVES), Owner(world, FORKED)
    await answered(honest, 0, 3)
    saved = save(world, tmp_path)
    world.now += HOUR_MS
    hidden = await answered(honest, 3, 7)
    await set_back(world, saved)
    for owner in (forked, honest):
        with pytest.raises(UnknownLedgerError):
            await owner.hand_in(3, 9)
    assert counted(world, hidden) == {EOKM: world.now // 1000}


async def test_g5_what_it_forgot_counts_for_nothing_once_it_cosigns_again(
    world: World, tmp_path: Path
) -> None:
    """So of two heads that contradict each other one at most is witnessed by it."""
    honest, forked = Owner(world, LEAVES), Owner(world, FORKED)
    first = await answered(honest, 0, 3)
    world.now += HOUR_MS
    second = await answered(honest, 3, 5)
    saved = save(world, tmp_path)
    world.now += HOUR_MS
    hidden = await answered(honest, 5, 7)
    left = await set_back(world, saved)
    world.now += HOUR_MS
    use(world, rotate(world, ended_ms=left.since_ms))
    assert counted(world, hidden) == {}
    assert list(counted(world, first)) == [EOKM]
    assert counted(world, second) == {}, "given in the second at which its memory ends"
    with pytest.raises(InconsistentHeadError):
        await forked.hand_in(5, 9)
    again = await answered(honest, 5, 9)
    assert counted(world, again) == {EOKM: world.now // 1000}


async def test_g5_another_key_alone_does_not_bring_memory_back(
    world: World, tmp_path: Path
) -> None:
    """While anything counts that it forgot, it cosigns nothing."""
    owner = Owner(world, LEAVES)
    await answered(owner, 0, 3)
    saved = save(world, tmp_path)
    left = await set_back(world, saved)
    world.now += HOUR_MS
    use(world, rotate(world))
    with pytest.raises(UnknownLedgerError):
        await owner.hand_in(3, 7)
    use(world, rotate(world, ended_ms=left.since_ms + 1))
    with pytest.raises(UnknownLedgerError):
        await owner.hand_in(3, 7)
    use(world, rotate(world, ended_ms=left.since_ms))
    assert await answered(owner, 3, 7)


async def test_g5_old_key_stays_silent_after_a_restore(world: World, tmp_path: Path) -> None:
    """Also where the document has another one already, which the process has not taken up."""
    owner = Owner(world, LEAVES)
    left = await set_back(world, save(world, tmp_path))
    rotate(world, ended_ms=left.since_ms)
    with pytest.raises(UnknownLedgerError):
        await owner.hand_in(0, 3)


async def test_8_12_crash_without_a_restore_forgets_nothing(world: World) -> None:
    """A witness that was killed goes on with its key; only a restore takes its memory."""
    owner = Owner(world, LEAVES)
    await owner.hand_in(0, 3)
    await world[EOKM].crash()
    await world[EOKM].restart()
    assert await owner.is_cosigned(3, 7)


async def test_8_12_times_of_a_witness_never_go_back(world: World) -> None:
    """So all that it forgot was given at its last remembered time or later."""
    owner = Owner(world, LEAVES)
    late_s = world.now // 1000
    await owner.hand_in(0, 3)
    world.now -= 48 * HOUR_MS
    assert counted(world, await answered(owner, 3, 7)) == {EOKM: late_s}
    world.now += 49 * HOUR_MS
    assert await owner.is_cosigned(7, 9)


async def test_8_12_person_says_when_a_snapshot_was_taken(world: World) -> None:
    """A disk that was set back by others may have cosigned since: its last time says nothing."""
    await Owner(world, LEAVES).hand_in(0, 3)
    node = world[EOKM]
    for stated_ms in (0, world.now - HOUR_MS, world.now + HOUR_MS):

        def say(connection: Connection, at_ms: int = stated_ms) -> None:
            copies.mark_restored(connection, world.now, remembers_until_ms=at_ms)

        await node.store.writer.run(say)
        left = await node.store.witness.forgotten()
        assert left == Forgotten(min(stated_ms, world.now // 1000 * 1000), world.now)


class TestRotation:
    """§8.12.10: a witness key is replaced while it works."""

    async def test_both_keys_count_while_their_turns_overlap(self, world: World) -> None:
        """What was cosigned under the old one stays witnessed for good."""
        owner = Owner(world, LEAVES)
        first = await answered(owner, 0, 3)
        new = rotate(world)
        overlapping = await answered(owner, 3, 5)
        use(world, new)
        latest = await answered(owner, 5, 7)
        world.now += 2 * TURN_GRACE_MS
        for note in (first, overlapping, latest):
            assert list(counted(world, note)) == [EOKM]

    async def test_retired_key_signs_nothing_new(self, world: World) -> None:
        """Neither does its owner use it, nor does anybody believe what bears a later time."""
        owner = Owner(world, LEAVES)
        await answered(owner, 0, 3)
        registry = world.registry
        rotate(world)
        rotated, world.now = world.registry, world.now + TURN_GRACE_MS
        with pytest.raises(UnknownLedgerError):
            await owner.hand_in(3, 7)
        world.registry = registry  # a process that has not heard of it
        late = await answered(owner, 3, 7)
        world.registry = rotated
        assert counted(world, late) == {}
        head, at_s = owner.note(7), world.now // 1000
        given = Given(EOKM, head, late[len(head) :], at_s)
        assert counting(rotated, [given]) == {}, "though another key of its has its turn"
        assert counting(registry, [given]) == {EOKM: at_s}

    async def test_owner_that_hears_late_is_told_the_size_that_is_held(self, world: World) -> None:
        """Another key has the memory of the one before."""
        owner = Owner(world, LEAVES)
        await answered(owner, 0, 7)
        use(world, rotate(world))
        assert await owner.hand_in(0, 9) == HeldSize(7)
        assert await answered(owner, 7, 9)


def test_8_12_stolen_and_ended_keys_lack_nothing(world: World) -> None:
    """Under them nothing counts that was forgotten."""
    left = Forgotten(world.now, world.now + 1)
    document = world.registry.member(EOKM)
    (key,) = document.witness_keys
    assert lacks_memory(document, None) == []
    assert lacks_memory(document, left) == [key.key_id]
    rotate(world, ended_ms=left.since_ms)
    assert lacks_memory(world.registry.member(EOKM), left._replace(restored_ms=world.now)) == []
    turn = replace(document.turn(key.key_id), compromised_ms=1)
    stolen = replace(document, turns={key.key_id: turn})
    assert lacks_memory(stolen, left) == []
    assert not may_cosign(stolen, key.key_id, None, world.now)


def test_8_12_old_key_stays_silent_also_where_its_turn_ends_tomorrow(world: World) -> None:
    """A clock that was ahead gave times of tomorrow: they are remembered, and the key is not."""
    (key,) = world.registry.member(EOKM).witness_keys
    left = Forgotten(world.now + HOUR_MS, world.now)
    new = rotate(world, ended_ms=left.since_ms)
    document = world.registry.member(EOKM)
    assert not may_cosign(document, key.key_id, left, world.now)
    assert may_cosign(document, new.public.key_id, left, world.now)
