"""Sealing keys whose time is over are destroyed, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from keys.keyring import (
    SEALING_GRACE_MS,
    SEALING_PERIOD_MS,
    MemberKeys,
    add_sealing_key,
    load_sealing_keys,
)
from keys.member import MemberDocument
from keys.sealing import SealingKey
from keys.unlock import Unlock
from node.keeping import destroy_expired, let_go
from node.peer.channels.sealing import SealingRing
from tests.builders.network import NOW_MS, make_document, member_keys

Kept = tuple[Path, Unlock, MemberDocument]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Give a directory of keys, what opens it, and the document that names them."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"s" * 44)
    unlock = Unlock.from_config(f"file:{secret}")
    keys: MemberKeys = member_keys("gb-iwf")
    keys.save(tmp_path / "keys", unlock)
    return tmp_path / "keys", unlock, make_document("test-0123456789abcdef", "gb-iwf")


def left(kept: Kept) -> set[str]:
    """Name the sealing keys that stand on disk."""
    return {key.public.key_id for key in load_sealing_keys(kept[0], kept[1])}


def test_key_is_destroyed_a_week_after_its_time(kept: Kept) -> None:
    """Not a moment earlier: somebody may still seal to it."""
    directory, _, document = kept
    first = document.sealing_key_at(NOW_MS).key_id
    over = NOW_MS + SEALING_PERIOD_MS + SEALING_GRACE_MS
    assert destroy_expired(directory, document, over - 1) == ()
    assert destroy_expired(directory, document, over) == (first,)
    assert first not in left(kept)


def test_keys_whose_turn_is_still_to_come_are_kept(kept: Kept) -> None:
    """Half a year later the other half stands."""
    directory, _, document = kept
    destroy_expired(directory, document, NOW_MS + 6 * SEALING_PERIOD_MS + SEALING_GRACE_MS)
    assert left(kept) == {p.key.key_id for p in document.sealing[6:]}


def test_key_that_nobody_has_heard_of_is_kept(kept: Kept) -> None:
    """It was made by a publication that did not go through, and is published next."""
    directory, unlock, document = kept
    fresh = SealingKey.generate()
    add_sealing_key(directory, unlock, fresh)
    destroy_expired(directory, document, NOW_MS + 100 * SEALING_PERIOD_MS)
    assert left(kept) == {fresh.public.key_id}


def test_key_that_another_process_destroyed_is_forgotten_by_who_works(kept: Kept) -> None:
    """`publish`, or one that stands by on this machine, was first: memory still opens it."""
    directory, unlock, document = kept
    first = document.sealing_key_at(NOW_MS).key_id
    ring = SealingRing(load_sealing_keys(directory, unlock), lambda: ())
    over = NOW_MS + SEALING_PERIOD_MS + SEALING_GRACE_MS
    destroy_expired(directory, document, over)
    let_go(directory, document, ring.forget, over - 1)
    assert ring.find(first) is not None
    let_go(directory, document, ring.forget, over)
    assert ring.find(first) is None


def test_second_look_finds_nothing_to_do(kept: Kept) -> None:
    """It comes round every hour."""
    directory, _, document = kept
    over = NOW_MS + SEALING_PERIOD_MS + SEALING_GRACE_MS
    destroy_expired(directory, document, over)
    assert destroy_expired(directory, document, over) == ()
