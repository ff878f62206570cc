"""Contract of a store: what waits is woken in bounded steps, none of which is the last word."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.receiving import Answer
from node.casework.mistakes.mass import waiting_of
from node.store.channels.ending import keep_tombstones
from node.store.channels.waking import ROWS, waking
from node.store.items.decisions import let_go
from node.store.sqlite import Store
from protocol.vocabulary import Lane
from tests.builders.cases import item
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, arrive
from tests.contract.stores import Place, record_items

PARK = "UPDATE entries_in SET judged = 2, waits_for = ? WHERE judged = 0"
AWAKE = "SELECT count(*) FROM entries_in WHERE judged = 0"
MORE = 10
ERASED_MS = NOW_MS - 5


async def crowd(store: Store, waits_for: str) -> None:
    """Let more wait for one thing than one transaction wakes."""
    await arrive(store, Sender(), *range(1, ROWS + MORE + 1))
    await store.writer.run(lambda c: c.execute(PARK, (waits_for,)))


def ended(book: Casebook) -> list[Answer]:
    """Find that its sender erased the item before it came."""
    book.ended.append((item(1).id, PEER))
    return []


async def awake(store: Store) -> int:
    """Count what waits to be judged."""
    row = await store.readers.run(lambda c: c.execute(AWAKE).fetchone())
    return int(row[0])


async def test_g11_one_transaction_wakes_a_bounded_number(store: Store) -> None:
    """Else one member holds up whoever writes, by one item for which it let very much wait."""
    await crowd(store, item(1).id)
    await record_items(store, 1)
    assert await awake(store) == ROWS
    assert store.queries.is_waking()
    assert await store.cases.wake() == MORE
    assert await awake(store) == ROWS + MORE
    assert not store.queries.is_waking()


async def test_g1_what_is_left_to_wake_outlasts_a_power_cut(place: Place, tmp_path: Path) -> None:
    """It stands in the transaction that woke the first of it."""
    store = place.open()
    await crowd(store, item(1).id)
    await record_items(store, 1)
    survivor = place.as_the_power_fails(tmp_path / "survivor").open()
    assert await survivor.readers.run(waking) == {item(1).id}
    assert await survivor.cases.wake() == MORE
    assert await survivor.readers.run(waking) == set()
    await survivor.close()
    await store.close()


async def test_what_wakes_meanwhile_waits_behind_it(store: Store) -> None:
    """Nothing is forgotten that another transaction wakes before the first is through."""
    await crowd(store, item(1).id)
    await arrive(store, Sender(epoch=b"epoch--9", peer="fr-pdc"), 1)
    await store.writer.run(lambda c: c.execute(PARK, (item(2).id,)))
    await record_items(store, 1)
    await record_items(store, 2)
    while store.queries.is_waking():
        await store.cases.wake()
    assert await awake(store) == ROWS + MORE + 1


@pytest.mark.parametrize("way", ["ended", "tombstone"])
async def test_g11_what_ended_wakes_in_steps_as_well(store: Store, way: str) -> None:
    """By a word of its sender, or by the tombstone in its log."""
    await crowd(store, item(1).id)
    if way == "ended":
        await store.cases.judge(Needs(), NOW_MS, ended)
    else:
        await store.writer.run(
            lambda c: c.execute(
                "INSERT INTO erased_unsent SELECT peer, ?, seq FROM entries_in", (ERASED_MS,)
            )
        )
        await store.writer.run(lambda c: keep_tombstones(c, PEER, [ERASED_MS]))
    assert await awake(store) == ROWS
    assert await store.cases.wake() == MORE


async def held(store: Store, way: str) -> None:
    """Let more than one transaction wakes wait for a person, or for its sender's reinstatement.

    The first stays where it is: it has lost its body.
    """
    await crowd(store, waiting_of(PEER))
    if way != "taken back":
        await store.writer.run(
            lambda c: c.execute(
                "UPDATE entries_in SET judged = 3, waits_for = NULL, answer = 'quarantined'"
                " WHERE judged = 2"
            )
        )
    await store.writer.run(
        lambda c: c.execute(
            "UPDATE entries_in SET entry = NULL WHERE idx = 1 AND peer = ?", (PEER,)
        )
    )


async def go(store: Store, way: str) -> int:
    """Let it go on."""
    if way == "back":
        return await store.cases.release([PEER])
    return await store.writer.run(lambda c: let_go(c, PEER, NOW_MS))


WAYS = ["taken back", "handed over", "back"]


@pytest.mark.parametrize("way", WAYS)
async def test_g11_what_is_let_go_on_wakes_in_steps(store: Store, way: str) -> None:
    """A person's word, or a reinstatement, else holds up whoever writes for seconds."""
    await held(store, way)
    assert await go(store, way) == ROWS
    assert await awake(store) == ROWS
    assert store.queries.is_waking()
    assert await store.cases.wake() == MORE - 1
    assert not store.queries.is_waking()
    going = await store.queries.unjudged(ROWS + MORE)
    assert [one.index for one in going] == sorted(one.index for one in going)
    assert {one.let_go for one in going} == {way != "back"}


@pytest.mark.parametrize("way", WAYS)
async def test_g1_what_is_let_go_on_outlasts_a_power_cut(
    place: Place, tmp_path: Path, way: str
) -> None:
    """Between two of the steps: its task is closed, so nobody would let it go once more."""
    store = place.open()
    await held(store, way)
    await go(store, way)
    survivor = place.as_the_power_fails(tmp_path / "survivor").open()
    assert survivor.queries.is_waking()
    assert await survivor.cases.wake() == MORE - 1
    assert await awake(survivor) == ROWS + MORE - 1
    await survivor.close()
    await store.close()


async def test_10_9_what_a_member_said_of_items_wakes_and_nothing_else(store: Store) -> None:
    """Neither another member's words, nor what waits for a person."""
    await crowd(store, item(1).id)
    await arrive(store, Sender(epoch=b"epoch--9", peer="fr-pdc"), 1)
    await store.writer.run(lambda c: c.execute(PARK, (item(1).id,)))
    await arrive(store, Sender(Lane.STATUS), 1)
    await store.writer.run(lambda c: c.execute(PARK, (waiting_of(PEER),)))
    assert await store.cases.wake_said_by([PEER]) == ROWS
    assert await store.cases.wake() == MORE
    assert await store.cases.wake() == 0
    assert {one.peer for one in await store.queries.unjudged(ROWS + MORE)} == {PEER}
    assert await awake(store) == ROWS + MORE


async def test_what_only_a_newer_program_can_wake_is_left_to_it(store: Store) -> None:
    """An older one that stood by took over between two shares: it goes on with what it knows."""
    foreign = '[["by_seal",["fr-pdc",7,[1]]],["later",[0.5]],{"of":"another form"}]'
    await store.history.set_fact("waking", foreign)
    assert await store.cases.wake() == 0
    await crowd(store, item(1).id)
    await record_items(store, 1)
    assert await store.readers.run(waking) == {item(1).id}
    assert await store.cases.wake() == MORE
    assert await awake(store) == ROWS + MORE
    assert await store.cases.wake() == 0
    assert await store.history.fact("waking") == foreign
