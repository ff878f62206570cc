"""Contract of a store, HashCheck: keys, counts, hits, complaints and what is blocked by them."""

from __future__ import annotations

import msgspec

from node.hashcheck.contract import (
    Complaint,
    ComplaintState,
    Contract,
    Counts,
    Decision,
    Hit,
    Key,
    Scope,
    Why,
)
from node.store.contents.hashcheck import COMPLAINED
from node.store.sqlite import Store
from tests.builders.cases import event_id, file
from tests.builders.network import NOW_MS
from tests.contract.stores import Place

CONTRACT = Contract("pics", tuple(Scope), ("own",), 100, 1000, 10, 5)
KEY = Key(bytes(32), CONTRACT, NOW_MS, NOW_MS + 1000)
OTHER = Key(b"\1" * 32, CONTRACT, NOW_MS + 1, NOW_MS + 1000)
STRANGER = Key(
    b"\2" * 32, msgspec.structs.replace(CONTRACT, hoster="clips"), NOW_MS + 1, NOW_MS + 1000
)
HIT = Hit(file(1, md5=2), (file(1, sha1=7, md5=1),), ("gb-iwf.x",))
STATE = ComplaintState("pics", KEY.key_id, Why.OTHER_FILE, "stock", Hit(file(9), (), ()))


async def complained(store: Store, reference: str = event_id(1)) -> Complaint:
    """Keep a hit and complain of it."""
    await store.hashchecks.keep_hits(KEY.key_sha256, [(reference, HIT)], NOW_MS)
    made = await store.hashchecks.complain(KEY, reference, event_id(2), STATE, NOW_MS)
    assert made is not None
    return made


async def say(store: Store, *, upheld: bool, at_ms: int = NOW_MS) -> None:
    """Decide that complaint."""
    word = Decision(upheld=upheld, by="anna", reason="why", at_ms=at_ms)
    assert await store.hashchecks.decide(event_id(2), word, at_ms) is not None


async def test_keys_are_kept_and_revoked_once(store: Store) -> None:
    """The time of the first revocation stays."""
    for key in (OTHER, KEY):
        await store.hashchecks.add_key(key)
    assert await store.hashchecks.keys() == [KEY, OTHER]
    for at_ms in (5, 6):
        await store.hashchecks.revoke_key(KEY.key_sha256, at_ms)
    assert store.hashchecks.find_key(KEY.key_sha256) == KEY._replace(revoked_ms=5)
    assert store.hashchecks.find_key(b"\2" * 32) is None


async def test_counts_add_up_by_day(store: Store) -> None:
    """Quotas go on where they were after a restart."""
    one, two = Counts(1, 2, 3, 4, 5), Counts(10, 20, 30, 40, 50)
    await store.hashchecks.count(7, {KEY.key_sha256: one})
    await store.hashchecks.count(7, {KEY.key_sha256: two, OTHER.key_sha256: one})
    await store.hashchecks.count(8, {KEY.key_sha256: one})
    found = await store.hashchecks.counts(7)
    assert found == {
        KEY.key_sha256: one.plus(two).plus(one),
        OTHER.key_sha256: one,
    }
    assert await store.hashchecks.counts(8) == {KEY.key_sha256: one}


async def test_a_hit_asked_again_keeps_its_reference(store: Store) -> None:
    """A file uploaded a thousand times is one row, for each company its own."""
    for key in (KEY, OTHER, STRANGER):
        await store.hashchecks.add_key(key)
    keep = store.hashchecks.keep_hits
    assert await keep(KEY.key_sha256, [("a", HIT), ("b", HIT)], NOW_MS) == ["a", "a"]
    assert await keep(STRANGER.key_sha256, [("c", HIT)], NOW_MS) == ["c"]
    assert await keep(OTHER.key_sha256, [("b", HIT)], NOW_MS) == ["a"]
    assert await keep(KEY.key_sha256, [("d", HIT)], NOW_MS + 5) == ["a"]
    assert await store.hashchecks.forget_before(NOW_MS + 5, 0, 0) == 1
    assert await keep(KEY.key_sha256, [("e", HIT)], NOW_MS) == ["a"]


async def test_a_complaint_holds_the_hit_and_opens_a_task(store: Store) -> None:
    """Once, whoever complains twice; the hit may be erased meanwhile."""
    made = await complained(store)
    assert made.state == msgspec.structs.replace(STATE, hit=HIT)
    again = await store.hashchecks.complain(KEY, event_id(1), event_id(3), STATE, NOW_MS + 1)
    assert again == made
    assert await store.queries.tasks() == [(COMPLAINED, made.complaint_id, NOW_MS)]
    await store.hashchecks.forget_before(NOW_MS + 1, NOW_MS + 1, 0)
    assert await store.hashchecks.complaint(made.complaint_id) == made


async def test_only_the_company_that_was_answered_complains(store: Store) -> None:
    """A reference that leaked is of no use to another, before a complaint and after."""
    for key in (KEY, OTHER, STRANGER):
        await store.hashchecks.add_key(key)
    await store.hashchecks.keep_hits(KEY.key_sha256, [(event_id(1), HIT)], NOW_MS)
    assert await store.hashchecks.complain(STRANGER, event_id(1), "x", STATE, NOW_MS) is None
    made = await store.hashchecks.complain(OTHER, event_id(1), event_id(2), STATE, NOW_MS)
    assert made is not None
    assert await store.hashchecks.complain(KEY, event_id(1), "x", STATE, NOW_MS) == made
    assert await store.hashchecks.complain(STRANGER, event_id(1), "x", STATE, NOW_MS) is None
    assert await store.hashchecks.complain(KEY, event_id(9), "x", STATE, NOW_MS) is None


async def test_pictures_alone_have_references_of_their_own(store: Store) -> None:
    """They are for review at most, and have no digest to be known by."""
    hits = [(name, Hit(file(pdq=pdq), (file(1),), ())) for name, pdq in (("a", 5), ("b", 6))]
    assert await store.hashchecks.keep_hits(KEY.key_sha256, hits, NOW_MS) == ["a", "b"]
    assert await store.hashchecks.keep_hits(KEY.key_sha256, hits[1:], NOW_MS) == ["b"]


async def test_upheld_complaint_blocks_what_the_hit_met(store: Store) -> None:
    """By any of their hashes, until a person says otherwise."""
    await complained(store)
    assert await store.hashchecks.blocked([file(1)]) == []
    await say(store, upheld=True)
    for asked in (file(1), file(md5=1), file(sha1=7)):
        assert await store.hashchecks.blocked([file(5), asked]) == [*HIT.known]
    assert await store.hashchecks.blocked([file(2, md5=2)]) == []
    assert await store.hashchecks.blocked([file(md5=2)]) == []
    await say(store, upheld=False)
    assert await store.hashchecks.blocked([file(1)]) == []
    (kept,) = await store.hashchecks.complaints(open_only=False)
    assert [one.upheld for one in kept.state.decisions] == [True, False]
    word = Decision(upheld=True, by="anna", reason="why", at_ms=NOW_MS)
    assert await store.hashchecks.decide(event_id(77), word, NOW_MS) is None


async def test_complaint_stands_before_a_person_until_all_that_follows_is_done(
    store: Store,
) -> None:
    """Broken off between the word and what it undoes, it is not forgotten."""
    await complained(store)
    await say(store, upheld=True)
    assert [subject for _, subject, _ in await store.queries.tasks()] == [event_id(2)]
    (waits,) = await store.hashchecks.complaints(open_only=True)
    assert (waits.complaint_id, waits.status) == (event_id(2), "upheld")
    await store.hashchecks.close(event_id(2), NOW_MS)
    assert await store.queries.tasks() == []
    assert await store.hashchecks.complaints(open_only=True) == []


async def test_what_is_over_is_erased(store: Store) -> None:
    """Rejected complaints and old counts go; the block list stays."""
    await complained(store)
    await say(store, upheld=True)
    await store.hashchecks.count(7, {KEY.key_sha256: Counts(1)})
    await store.hashchecks.forget_before(NOW_MS + 1, NOW_MS + 1, 8)
    assert len(await store.hashchecks.complaints(open_only=False)) == 1
    assert await store.hashchecks.counts(0) == {}
    await say(store, upheld=False)
    await store.hashchecks.forget_before(NOW_MS + 1, NOW_MS, 8)
    assert len(await store.hashchecks.complaints(open_only=False)) == 1
    await store.hashchecks.forget_before(NOW_MS + 1, NOW_MS + 1, 8)
    assert await store.hashchecks.complaints(open_only=False) == []


async def test_what_was_upheld_outlives_the_process(place: Place) -> None:
    """Killed without a word."""
    store = place.open()
    await complained(store)
    await say(store, upheld=True)
    await store.close()
    again = place.open()
    assert len(await again.hashchecks.blocked([file(1)])) == 1
    await again.close()
