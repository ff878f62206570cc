"""Contract of a store, a version of a list that is all of it: what it does not name goes."""

from __future__ import annotations

from node.matching.lists import Entry, Settled
from node.store.contents.list_taking import take_away
from node.store.contents.list_tombstones import retractions_of
from node.store.contents.list_whole import begin_whole, count_older, end_whole, older
from node.store.contents.lists import entries_of
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS
from tests.builders.network import NOW_MS
from tests.contract.test_store_lists import content, entry, hits, listed, look, take


async def take_rest_away(store: Store, name: str, version: int) -> int:
    """Take back all that this version does not name; how many."""
    numbers = await look(store, lambda c: older(c, name, version, 0, 100))
    return await store.writer.run(
        lambda c: take_away(c, FINGERPRINTS, name, version, numbers, NOW_MS)
    )


async def standing(store: Store, name: str) -> list[Entry]:
    """Return what stands in a list."""
    return [one for _, one in await look(store, lambda c: list(entries_of(c, name)))]


async def test_what_only_older_versions_name_goes(store: Store) -> None:
    """What the version confirms, changes or brings stays; other lists are not touched."""
    name, other = await listed(store), await listed(store, "other")
    await take(store, other, 1, entry(1))
    ids = {number: str(number) for number in range(1, 5)}
    await take(store, name, 1, *(entry(n, external_id=ids[n]) for n in (1, 2, 3)))
    changed = entry(2, category="2", external_id="2")
    await take(store, name, 2, entry(1, external_id="1"), changed, entry(4, external_id="4"))
    assert await look(store, lambda c: count_older(c, name, 2)) == 1
    assert await take_rest_away(store, name, 2) == 1
    assert [one.external_id for one in await standing(store, name)] == ["1", "2", "4"]
    assert await hits(store, content(3)) == ()
    assert len(await standing(store, other)) == 1
    assert await look(store, lambda c: [(v, said) for v, said, _ in retractions_of(c, name)]) == [
        (2, "3")
    ]


async def test_older_files_do_not_bring_it_back_and_newer_ones_do(store: Store) -> None:
    """As if its author had taken it back with that version."""
    name = await listed(store)
    await take(store, name, 1, entry(1), entry(2, external_id="b"))
    await take_rest_away(store, name, 3)
    back = (entry(1), entry(2, external_id="b"), entry(2, external_id="c"))
    assert await take(store, name, 3, *back) == [Settled.STAYS_RETRACTED] * 3
    assert await take(store, name, 4, *back) == [Settled.ADDED] * 3


async def test_file_that_the_version_names_under_another_id_stays_listed(store: Store) -> None:
    """The author numbered anew: the old entry goes, the file does not."""
    name = await listed(store)
    await take(store, name, 1, entry(1, external_id="old"))
    await take(store, name, 2, entry(1, external_id="new"))
    assert await take_rest_away(store, name, 2) == 1
    assert [one.external_id for one in await hits(store, content(1))] == ["new"]
    assert await take(store, name, 2, entry(1, external_id="new")) == [Settled.SAME]


async def test_what_was_named_meanwhile_is_not_taken_away(store: Store) -> None:
    """Numbers are read in one transaction and taken away in another."""
    name = await listed(store)
    await take(store, name, 1, entry(1))
    numbers = await look(store, lambda c: older(c, name, 2, 0, 9))
    await take(store, name, 2, entry(1))
    assert (
        await store.writer.run(lambda c: take_away(c, FINGERPRINTS, name, 2, numbers, NOW_MS)) == 0
    )
    assert len(await hits(store, content(1))) == 1


async def test_what_stood_before_is_counted_once(store: Store) -> None:
    """An import that goes on compares with what stood when it began; of each list by itself."""
    name, other = await listed(store), await listed(store, "other")
    await take(store, name, 1, entry(1), entry(2))
    begin = {one: lambda c, one=one: begin_whole(c, one, 2) for one in (name, other)}
    assert await store.writer.run(begin[name]) == 2
    await take(store, name, 2, entry(1))
    assert await store.writer.run(begin[other]) == 0
    await store.writer.run(lambda c: end_whole(c, other))
    assert await store.writer.run(begin[name]) == 2
    await store.writer.run(lambda c: end_whole(c, name))
    assert await store.writer.run(begin[name]) == 1


async def test_they_are_read_in_pieces(store: Store) -> None:
    """Millions may go."""
    name = await listed(store)
    await take(store, name, 1, *(entry(n) for n in range(1, 6)))
    assert await look(store, lambda c: older(c, name, 2, 0, 2)) == [1, 2]
    assert await look(store, lambda c: older(c, name, 2, 2, 9)) == [3, 4, 5]
