"""Tokens and answered requests in the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.api.access import Scope, StoredAnswer, TokenRecord
from node.matching.fingerprints import Fingerprints
from node.store.items.access import Access
from node.store.opening import Place
from node.store.sqlite import Store
from tests.builders.empty import empty_store

KEY = bytes(range(32))
TOKEN = TokenRecord(b"t" * 32, "scart", frozenset({Scope.ADMIN, Scope.ITEMS_READ}), 1000, 2000)
ANSWER = StoredAnswer(201, "application/json", b'{"a":1}')


@pytest.fixture(params=["inline", "open", "on a server"])
async def access(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Access]:
    """Give access over a new store, with and without threads, in a file and on a server."""
    place: Place
    if request.param == "on a server":
        place = request.getfixturevalue("postgres").emptied(KEY)
    else:
        empty_store(place := tmp_path / "node.db", KEY)
    opened = Store.inline if request.param == "inline" else Store.open
    store = opened(place, KEY, "gb-iwf", Fingerprints(KEY))
    yield Access(store.writer, store.readers)
    await store.close()


async def test_a_token_comes_back_as_it_was_kept(access: Access) -> None:
    """All of it, scopes and times too."""
    await access.add_token(TOKEN)
    assert await access.find_token(TOKEN.token_sha256) == TOKEN
    assert list(await access.list_tokens()) == [TOKEN]


async def test_an_unknown_token_is_none(access: Access) -> None:
    """Nothing is made up."""
    assert await access.find_token(b"x" * 32) is None


async def test_the_first_revocation_stands(access: Access) -> None:
    """Revoking again does not move its time."""
    await access.add_token(TOKEN)
    await access.revoke_token(TOKEN.token_sha256, 1500)
    await access.revoke_token(TOKEN.token_sha256, 1700)
    token = await access.find_token(TOKEN.token_sha256)
    assert token is not None
    assert token.revoked_ms == 1500


async def test_the_first_to_reserve_a_key_has_it(access: Access) -> None:
    """The second sees when and for what it was reserved."""
    first = await access.reserve(b"t", "k", b"body", 1000)
    second = await access.reserve(b"t", "k", b"other", 2000)
    assert (first.fresh, first.answer) == (True, None)
    assert (second.fresh, second.body_sha256, second.created_ms) == (False, b"body", 1000)


async def test_of_many_that_reserve_at_once_one_is_first(access: Access) -> None:
    """Whatever shares a commit."""
    found = await asyncio.gather(*(access.reserve(b"t", "k", b"b", n) for n in range(20)))
    assert sum(one.fresh for one in found) == 1


async def test_with_a_key_it_is_forgotten_which_item_its_answer_shows(access: Access) -> None:
    """So the key can be used again, about another one."""
    await access.reserve(b"t", "k", b"body", 1000, "gb-iwf.1")
    assert await access.forget_before(2000) == 1
    assert (await access.reserve(b"t", "k", b"body", 3000, "gb-iwf.2")).fresh


async def test_a_released_key_can_be_used_for_another_request(access: Access) -> None:
    """Also about another item; one that has its answer is not released."""
    await access.reserve(b"t", "k", b"body", 1000, "gb-iwf.1")
    await access.release(b"t", "k")
    assert (await access.reserve(b"t", "k", b"other", 3000, "gb-iwf.2")).fresh
    await access.answered(b"t", "k", ANSWER)
    await access.release(b"t", "k")
    assert (await access.reserve(b"t", "k", b"other", 1)).answer == ANSWER


async def test_an_answer_is_kept_byte_for_byte_and_never_replaced(access: Access) -> None:
    """The first one stands."""
    await access.reserve(b"t", "k", b"body", 1000)
    await access.answered(b"t", "k", ANSWER)
    await access.answered(b"t", "k", StoredAnswer(200, "text/plain", b"other"))
    assert (await access.reserve(b"t", "k", b"body", 1)).answer == ANSWER


async def test_forgetting_takes_the_old_and_leaves_the_young(access: Access) -> None:
    """The bound itself is young."""
    for number in range(3):
        await access.reserve(b"t", f"k{number}", b"body", 1000 + number)
    assert await access.forget_before(1001) == 1
    assert (await access.reserve(b"t", "k0", b"body", 1)).fresh
    assert not (await access.reserve(b"t", "k1", b"body", 1)).fresh
