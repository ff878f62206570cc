"""§8.11: a member logs the heads of its channels, and the honest never contradict themselves."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from node.peer.ledgers.ledger import LedgerKeeper
from node.store.connection import open_reader
from node.store.errors import StoreError
from node.store.ledgers.ledger import LedgerLeaf, ledger_leaves, ledger_notes
from protocol.ledger import LedgerHead, LedgerOrigin, verify_ledger_head
from protocol.merkle import root_of
from tests.simulation.world import World

IWF, EOKM, PDC = "gb-iwf", "nl-eokm", "fr-pdc"
HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give a world in which gb-iwf handed one item to nl-eokm."""
    made = World(tmp_path, [IWF, EOKM, PDC])
    await made.start()
    await hand_over(made, 1)
    yield made
    await made.close()


async def hand_over(world: World, number: int) -> None:
    """Let gb-iwf hand one more item to nl-eokm."""
    await world[IWF].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()


def keeper(world: World, first: int = 1) -> LedgerKeeper:
    """Give a fresh process that keeps gb-iwf's ledger; its epochs are numbered from `first`."""
    node, numbers = world[IWF], itertools.count(first)
    return LedgerKeeper(
        IWF, node.store.ledger, node.registry, node.keys.log, lambda: next(numbers).to_bytes(8)
    )


def leaves(world: World) -> list[LedgerLeaf]:
    """Read gb-iwf's ledger."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        return ledger_leaves(connection)


def heads(world: World) -> list[LedgerHead]:
    """Read and verify every head that gb-iwf signed."""
    keys = world.registry.member(IWF).log_keys
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        return [verify_ledger_head(row.note, keys) for row in ledger_notes(connection)]


async def test_8_11_both_directions_stand_in_the_ledger(world: World) -> None:
    """What was sent and what was received, at their last sizes, under one signed head."""
    head = await keeper(world).append_due(world.now)
    assert head is not None
    logged = [leaf.head for leaf in leaves(world)]
    directions = {tuple(one.origin.split("/")[2:5]) for one in logged}
    assert {(IWF, EOKM, "reports"), (EOKM, IWF, "status")} <= directions
    assert head.root == root_of([one.leaf for one in logged])
    assert heads(world) == [head]


async def test_8_11_what_did_not_change_is_not_logged_again(world: World) -> None:
    """An idle node signs nothing."""
    ledger = keeper(world)
    await ledger.append_due(world.now)
    assert await ledger.append_due(world.now + HOUR_MS) is None


async def test_8_11_it_grows_once_an_hour_at_most(world: World) -> None:
    """However much happens meanwhile; then the new heads go under the same epoch."""
    ledger = keeper(world)
    start = world.now
    first = await ledger.append_due(start)
    await hand_over(world, 2)
    assert await ledger.append_due(start + HOUR_MS - 1) is None
    second = await ledger.append_due(start + HOUR_MS)
    assert first is not None
    assert second is not None
    assert second.origin == first.origin
    assert second.size > first.size
    assert second.root == root_of([leaf.head.leaf for leaf in leaves(world)])


async def test_8_11_it_looks_once_an_hour_at_most(world: World) -> None:
    """Also while nothing changes: looking costs something at a node with a long history."""
    ledger, start = keeper(world), world.now
    await ledger.append_due(start)
    assert await ledger.append_due(start + HOUR_MS) is None
    await hand_over(world, 2)
    assert await ledger.append_due(start + HOUR_MS + 60_000) is None
    assert await ledger.append_due(start + 2 * HOUR_MS) is not None


async def test_8_11_a_clock_that_was_ahead_does_not_stop_it(world: World) -> None:
    """A head signed in the future is no reason to wait for it."""
    ledger = keeper(world)
    await ledger.append_due(world.now + 1000 * HOUR_MS)
    await hand_over(world, 2)
    assert await ledger.append_due(world.now) is not None


async def test_g3_a_push_without_a_receipt_stands_in_the_ledger(world: World) -> None:
    """Whoever withholds a receipt does not undo that something was sent."""
    await keeper(world).append_due(world.now)
    world.faults.lose_answer = 1.0
    await world[IWF].submit("https://nl2.example/2.jpg")
    await world[IWF].work()
    await keeper(world, 9).append_due(world.now + HOUR_MS)
    log = f"/{IWF}/{EOKM}/reports/"
    sent = [leaf.head.size for leaf in leaves(world) if log in leaf.head.origin]
    assert len(sent) == 2


async def test_g5_another_process_begins_an_epoch_and_names_the_one_before(world: World) -> None:
    """It never signs in an epoch that it did not begin: no two histories of one epoch."""
    before = await keeper(world).append_due(world.now)
    await hand_over(world, 2)
    after = await keeper(world, 2).append_due(world.now + HOUR_MS)
    assert before is not None
    assert after is not None
    assert after.origin == LedgerOrigin(world.registry.network_id, IWF, (2).to_bytes(8))
    first = next(leaf for leaf in leaves(world) if leaf.epoch == after.origin.epoch)
    assert first.head == before.logged


async def test_g5_two_processes_cannot_write_one_place(world: World) -> None:
    """Even if chance gave both one epoch: the second fails and signs nothing that is kept."""
    await keeper(world).append_due(world.now)
    await hand_over(world, 2)
    with pytest.raises(StoreError):
        await keeper(world).append_due(world.now + HOUR_MS)
    assert len(heads(world)) == 1


async def test_8_11_what_a_ledger_says_is_verified(world: World) -> None:
    """`hotline verify` walks it."""
    await keeper(world).append_due(world.now)
    await hand_over(world, 2)
    await keeper(world, 2).append_due(world.now + HOUR_MS)
    findings = world[IWF].verify()
    assert findings.holds, findings.found
    assert findings.counts["ledger_heads"] == 2
