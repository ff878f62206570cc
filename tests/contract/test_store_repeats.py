"""Contract of a store, what came twice: it goes with the first, and no other is looked at."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

from node.casework.incoming.naming import Disavowed
from node.casework.incoming.receiving import Judged
from node.store.channels.repeats import repeats_of
from node.store.items.erasing import leaves_about
from node.store.items.tasks import close_task
from node.store.recovery.disavowing import AT_ONCE, LEAVES, keep, note_leaves
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.disavowal import Disavow
from protocol.merkle import EMPTY_ROOT
from protocol.messages import to_body
from protocol.vocabulary import Kind
from tests.builders.cases import US, item
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, take
from tests.contract.stores import Place
from tests.contract.test_store_refused import became
from tests.contract.test_store_upgrade import as_of

BEFORE: Final = 12
"""The schema that knew repeats by their sender alone."""
OF_THE_FIRST: Final = len(("itself", "under another salt", "another content"))


def salted(number: int, salt: bytes, body: bytes = b"\xc0") -> bytes:
    """Return the entry with the `number`th id, under another salt."""
    parts = entries.Entry(1, Kind.ITEM, number.to_bytes(32, "big"), salt, body)
    return entries.encode(parts)


async def said_three_times(store: Store) -> Sender:
    """Let an entry of an item come, then the same, and another content under its id."""
    one = Sender()
    await take(store, one.push(1))
    await became(store, Judged.DONE, None, item=item(1).id)
    two = one.next_epoch(b"epoch--2")
    await take(store, two.push_raw(salted(1, b"s" * 16), salted(1, b"t" * 16, b"\xc3")))
    return two


async def leaves(store: Store) -> int:
    """How many entries an erasure of the item would take the bodies of."""
    return await store.readers.run(lambda c: len(leaves_about(c, item(1).id, frozenset())))


async def test_8_8_other_salts_and_contents_under_its_id_go_with_an_entry(store: Store) -> None:
    """They name no item, and say the same person's data again."""
    await said_three_times(store)
    assert await leaves(store) == OF_THE_FIRST


async def test_8_8_what_came_twice_under_another_id_stays(store: Store) -> None:
    """However much its sender said again."""
    sender = await said_three_times(store)
    await take(store, sender.push(7))
    await take(store, sender.next_epoch(b"epoch--3").push(7))
    assert await leaves(store) == OF_THE_FIRST


async def test_r6_no_repeat_of_another_entry_is_read(store: Store) -> None:
    """A sender that was set back says all again, by the hundred thousand."""
    sender = await said_three_times(store)
    await take(store, sender.push(7))
    await take(store, sender.next_epoch(b"epoch--3").push(7))
    ids = [(1).to_bytes(32, "big")]
    rows = await store.readers.run(lambda c: repeats_of(c, PEER, ids))
    assert len(rows) == OF_THE_FIRST - 1


async def test_r11_what_came_twice_before_an_upgrade_goes_too(place: Place) -> None:
    """It is read from what was kept, once."""
    store = place.open()
    await said_three_times(store)
    await store.close()
    as_of(place, BEFORE)
    store = place.open()
    assert await leaves(store) == OF_THE_FIRST
    await store.close()


async def test_r11_what_was_disavowed_before_an_upgrade_is_its_own_once_said_again(
    place: Place,
) -> None:
    """Byte for byte: then it is judged after all (§8.15)."""
    store, one = place.open(), Sender()
    await take(store, one.push(1, 2))
    await became(store, Judged.QUARANTINED, None)
    two = one.next_epoch(b"epoch--2")
    await take(store, two.push(3))
    disavow = "INSERT INTO disavowed_in VALUES (?, ?, 'reports', ?, 0, 3)"
    await store.writer.run(lambda c: c.execute(disavow, (1, PEER, b"epoch--1")))
    await store.close()
    as_of(place, BEFORE)
    store = place.open()
    await take(store, two.push(2))
    judged = "SELECT idx FROM entries_in WHERE judged = 0 AND epoch = ? ORDER BY idx"
    rows = await store.readers.run(lambda c: c.execute(judged, (b"epoch--1",)).fetchall())
    assert rows == [(2,)]
    await store.close()


async def test_8_15_what_is_said_again_after_it_was_disavowed_is_judged_after_all(
    store: Store,
) -> None:
    """It waited for a person; it is its sender's own word now."""
    one = Sender()
    await take(store, one.push(1, 2))
    await became(store, Judged.QUARANTINED, None)
    two = one.next_epoch(b"epoch--2")
    message = Disavow(b"epoch--1", 0, EMPTY_ROOT, one.state.size, one.state.root)
    body = to_body(message)
    said = entries.encode(entries.compose(bytes(32), Kind.DISAVOW, b"x", 0, US, body))
    await take(store, two.push_raw(said))
    (by,) = await store.queries.unjudged(1)
    disavowed = [Disavowed(by, message, lambda _: False)]
    await store.cases.note_disavowed(by, message)
    await store.writer.run(lambda c: keep(c, disavowed, NOW_MS))
    await became(store, Judged.DONE, None)
    await take(store, two.push(2))
    judged = "SELECT idx FROM entries_in WHERE judged = 0 AND epoch = ? ORDER BY idx"
    rows = await store.readers.run(lambda c: c.execute(judged, (b"epoch--1",)).fetchall())
    assert rows == [(2,)]


async def test_g11_range_as_long_as_its_channel_is_made_ready_step_by_step(store: Store) -> None:
    """One disavowal would hold up whoever writes for as long as the channel is."""
    one = Sender()
    await take(store, one.push(*range(LEAVES + 1)))
    two = one.next_epoch(b"epoch--2")
    await take(store, two.push(LEAVES + 2))
    by = (await store.queries.unjudged(10_000))[-1]
    message = Disavow(b"epoch--1", 0, EMPTY_ROOT, one.state.size, one.state.root)
    noted = "SELECT count(*) FROM disavowed_leaves"
    after = await store.writer.run(lambda c: note_leaves(c, by, message, 0))
    rows = await store.readers.run(lambda c: c.execute(noted).fetchall())
    assert (rows, after) == ([(LEAVES,)], LEAVES)
    await store.cases.note_disavowed(by, message)
    rows = await store.readers.run(lambda c: c.execute(noted).fetchall())
    assert rows == [(one.state.size,)]


async def test_8_15_range_that_does_not_count_is_not_made_ready(store: Store) -> None:
    """However long it says that it is."""
    one = Sender()
    await take(store, one.push(1))
    (by,) = await store.queries.unjudged(10)
    endless = Disavow(b"epoch--1", 0, EMPTY_ROOT, 2**53 - 1, one.state.root)
    await store.cases.note_disavowed(by, endless)
    assert not await store.readers.run(
        lambda c: c.execute("SELECT 1 FROM disavowed_leaves").fetchall()
    )


NAMED = "SELECT count(*) FROM tasks WHERE code = 'entry_disavowed' AND closed_ms IS NULL"
MORE = 10


async def disavow_whole(store: Store, first: int) -> int:
    """Let a member disavow an epoch whose entries from `first` on were about items; its size."""
    one = Sender()
    await take(store, one.push(*range(LEAVES + MORE)))
    await take(store, one.next_epoch(b"epoch--2").push(LEAVES + MORE + 1))
    by = (await store.queries.unjudged(2 * LEAVES))[-1]
    await store.writer.run(
        lambda c: c.execute(
            "UPDATE entries_in SET judged = 1, item = 'nl-eokm.' || idx"
            " WHERE epoch = ? AND idx >= ?",
            (b"epoch--1", first),
        )
    )
    message = Disavow(b"epoch--1", 0, EMPTY_ROOT, one.state.size, one.state.root)
    await store.cases.note_disavowed(by, message)
    said = Disavowed(by, message, lambda _: False)
    await store.writer.run(lambda c: keep(c, [said], NOW_MS))
    return one.state.size


async def named(store: Store) -> int:
    """Count the items that stand before a person for it."""
    return int((await store.readers.run(lambda c: c.execute(NAMED).fetchone()))[0])


async def test_g11_what_a_long_range_touched_is_named_step_by_step(
    place: Place, tmp_path: Path
) -> None:
    """As it was made ready; a power cut between two of the steps forgets nothing."""
    store = place.open()
    size = await disavow_whole(store, LEAVES)
    assert store.queries.is_waking()
    assert await named(store) == 0
    survivor = place.as_the_power_fails(tmp_path / "survivor").open()
    assert survivor.queries.is_waking()
    assert await survivor.cases.wake() == size - LEAVES
    assert not survivor.queries.is_waking()
    assert await named(survivor) == size - LEAVES
    assert await survivor.cases.wake() == 0
    await survivor.close()
    await store.close()


async def test_8_15_of_one_range_so_many_items_are_named_and_no_more(store: Store) -> None:
    """However many steps it takes."""
    await disavow_whole(store, 0)
    while store.queries.is_waking():
        await store.cases.wake()
    assert await named(store) == AT_ONCE


async def test_8_15_what_is_disavowed_again_is_named_once(store: Store) -> None:
    """A member could say so of a long range ten thousand times, and everybody waited so long."""
    one, counts = Sender(), partial(Disavowed, counts=lambda _: False)
    await take(store, one.push(*range(LEAVES + MORE)))
    inner = one.state
    await take(store, one.push(LEAVES + MORE))
    await take(store, one.next_epoch(b"epoch--2").push(*range(LEAVES + 20, LEAVES + 24)))
    said = (await store.queries.unjudged(2 * LEAVES))[-4:]
    await store.writer.run(
        lambda c: c.execute(
            "UPDATE entries_in SET judged = 1, item = 'nl-eokm.' || (idx / ?) WHERE epoch = ?",
            (inner.size, b"epoch--1"),
        )
    )
    small = Disavow(b"epoch--1", 0, EMPTY_ROOT, inner.size, inner.root)
    large = Disavow(b"epoch--1", 0, EMPTY_ROOT, one.state.size, one.state.root)
    items = ["nl-eokm.0", None, "nl-eokm.1", None]
    for by, message, about in zip(said, (small, small, large, small), items, strict=True):
        await store.cases.note_disavowed(by, message)
        job = partial(keep, said=[counts(by, message)], now_ms=NOW_MS)
        await store.writer.run(job)
        assert store.queries.is_waking() is (by is said[0])
        while store.queries.is_waking():
            await store.cases.wake()
        assert await named(store) == (about is not None)
        close = partial(close_task, code="entry_disavowed", subject=about or "", now_ms=NOW_MS)
        await store.writer.run(close)
        assert await named(store) == 0


async def test_8_15_what_an_earlier_version_left_to_be_named_is_named(store: Store) -> None:
    """Its notes say nothing of who disavows; else nothing would be judged after the upgrade."""
    size = await disavow_whole(store, LEAVES)
    (kept,) = await store.readers.run(
        lambda c: c.execute("SELECT value FROM meta WHERE name = 'naming'").fetchone()
    )
    notes = [{k: v for k, v in one.items() if k != "by"} for one in json.loads(kept)]
    sql = "UPDATE meta SET value = ? WHERE name = 'naming'"
    await store.writer.run(lambda c: c.execute(sql, (json.dumps(notes),)))
    assert await store.cases.wake() == size - LEAVES
    assert not store.queries.is_waking()
    assert await named(store) == size - LEAVES
