"""What is made or said once although its answer was lost: keys, tokens, words on complaints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from node.api.access import Mint, Reserved, Scope
from node.hashcheck.contract import ComplaintState, Contract, Hit, Key, Why
from node.hashcheck.contract import Scope as HashCheckScope
from node.store.contents.hashcheck import COMPLAINED
from node.store.items.access import Access
from tests.builders.cases import file
from tests.node.api.conftest import Client, LocalNode

AGAIN = {"Idempotency-Key": "made-once"}
KEYS, TOKENS = "/api/v1/hashcheck/keys", "/api/v1/tokens"
DRAFTS: dict[str, dict[str, Any]] = {
    KEYS: {"hoster": "pics", "ends": "2099-12-31T00:00:00Z"},
    TOKENS: {"name": "scart", "scopes": ["items:read"], "expires_days": 30},
}
LOST = "UPDATE idempotency SET status = NULL, content_type = NULL, response = NULL"
WAITS = "SELECT state FROM hashcheck_complaints"
UNSAID = "UPDATE hashcheck_complaints SET decided_ms = NULL, state = ?"
KEPT = "SELECT key, response FROM idempotency"


async def posted(
    client: Client, path: str, draft: dict[str, Any], headers: dict[str, str]
) -> tuple[int, bytes, str | None]:
    """Post; give status, body and whether it was said before."""
    answer = await client.post(path, json=draft, headers=headers)
    return answer.status, await answer.read(), answer.headers.get("Idempotency-Replayed")


async def made_of(client: Client, path: str) -> list[dict[str, Any]]:
    """List what was made, but for the token that these tests call with."""
    (listed,) = (await (await client.get(path)).json()).values()
    return [one for one in listed if one.get("name") != "tests"]


def test_who_has_the_database_alone_cannot_make_a_secret_anew() -> None:
    """All else that it follows from stands there."""
    reserved = Reserved(bytes(32), 1, None, fresh=True)
    made = {Mint(bytes([of]) * 32).secret("hk_", bytes(32), "k", reserved) for of in range(2)}
    assert len(made) == 2


def test_what_makes_secrets_shows_none_of_its_own() -> None:
    """Not in a log, whoever writes it there."""
    assert "hidden" not in repr(Mint(b"hidden"))


@pytest.mark.parametrize("path", [KEYS, TOKENS])
class TestSecrets:
    """A secret is shown again to its own request, and kept nowhere."""

    async def test_the_same_request_again_makes_no_second_one(
        self, client: Client, path: str
    ) -> None:
        """The answer is the same, with the secret in it."""
        first = await posted(client, path, DRAFTS[path], AGAIN)
        again = await posted(client, path, DRAFTS[path], AGAIN)
        assert (first[0], first[2]) == (201, None)
        assert again == (*first[:2], "true")
        assert len(await made_of(client, path)) == 1

    async def test_two_at_once_are_one(self, client: Client, path: str) -> None:
        """Both are answered with it."""
        both = await asyncio.gather(*(posted(client, path, DRAFTS[path], AGAIN) for _ in range(2)))
        assert len({body for _, body, _ in both}) == 1
        assert len(await made_of(client, path)) == 1

    async def test_another_request_under_its_key_is_refused(
        self, client: Client, path: str
    ) -> None:
        """And makes nothing."""
        await posted(client, path, DRAFTS[path], AGAIN)
        other = {**DRAFTS[path], "scopes": ["check"] if path == KEYS else ["admin"]}
        assert (await posted(client, path, other, AGAIN))[0] == 409
        assert len(await made_of(client, path)) == 1

    async def test_the_secret_is_kept_with_no_answer(
        self, client: Client, local: LocalNode, path: str
    ) -> None:
        """Whoever has the database could ask with it."""
        await posted(client, path, DRAFTS[path], AGAIN)
        rows = await local.store.writer.run(lambda c: c.execute(KEPT).fetchall())
        assert rows == [("made-once", None)]

    async def test_after_a_crash_before_it_was_kept_it_is_made(
        self,
        client: Client,
        local: LocalNode,
        aiohttp_client: Callable[..., Awaitable[Client]],
        path: str,
    ) -> None:
        """By another process of the node, with the secret that the first would have shown."""
        first = await posted(client, path, DRAFTS[path], AGAIN)
        table = "hashcheck_keys" if path == KEYS else "tokens WHERE name = 'scart'"
        await local.store.writer.run(lambda c: c.execute(f"DELETE FROM {table}"))
        local.access = Access(local.store.writer, local.store.readers)
        head = {"Authorization": client._session.headers["Authorization"]}
        later = await aiohttp_client(local.app(), headers=head)
        local.now += 1000
        assert await posted(later, path, DRAFTS[path], AGAIN) == first

    async def test_once_its_key_is_forgotten_another_is_made(
        self, client: Client, local: LocalNode, path: str
    ) -> None:
        """As with every request."""
        first = await posted(client, path, DRAFTS[path], AGAIN)
        local.now += 1000
        await local.access.forget_before(local.now)
        assert (await posted(client, path, DRAFTS[path], AGAIN))[1] != first[1]
        assert len(await made_of(client, path)) == 2

    async def test_each_key_and_each_caller_has_one_of_its_own(
        self, client: Client, local: LocalNode, path: str
    ) -> None:
        """Also in the same millisecond: who is shown another's could ask in its name."""
        other = await local.token(Scope.ADMIN)
        callers = (AGAIN, {"Idempotency-Key": "another"}, AGAIN | other)
        made = {(await posted(client, path, DRAFTS[path], head))[1] for head in callers}
        assert len(made) == 3

    async def test_without_a_key_each_request_makes_one(self, client: Client, path: str) -> None:
        """As before."""
        bodies = {(await posted(client, path, DRAFTS[path], {}))[1] for _ in range(2)}
        assert len(bodies) == 2


async def complaint(local: LocalNode) -> str:
    """Have a complaint wait for a person; give the path of its decision."""
    contract = Contract("pics", tuple(HashCheckScope), ("own",), 9, 9, 9, 9)
    key, asked = Key(bytes(32), contract, local.now, local.now + 1), file(1)
    found, store = Hit(asked, (asked,), ()), local.store.hashchecks
    reference, name = "gb-iwf." + "0" * 26, "gb-iwf." + "1" * 26
    await store.add_key(key)
    await store.keep_hits(key.key_sha256, [(reference, found)], local.now)
    state = ComplaintState("pics", key.key_id, Why.NOT_ILLEGAL, None, found)
    await store.complain(key, reference, name, state, local.now)
    return f"/api/v1/hashcheck/complaints/{name}/decision"


class TestDecision:
    """A colleague's later word stands, though the answer to an earlier one was lost."""

    UPHELD = ({"decision": "uphold", "reason": "a stock picture", "analyst": "anna"}, AGAIN)
    REJECTED = ({"decision": "reject", "reason": "it is illegal", "analyst": "bert"},)

    async def decisions(self, local: LocalNode) -> list[bool]:
        """What was said of the one complaint."""
        (one,) = await local.hashcheck.complaints(open_only=False)
        return [said.upheld for said in one.state.decisions]

    async def test_an_earlier_word_that_is_sent_again_overrules_nobody(
        self, client: Client, local: LocalNode
    ) -> None:
        """What the colleague had blocked or let go stays so."""
        path = await complaint(local)
        first = await posted(client, path, *self.UPHELD)
        local.now += 1000
        await posted(client, path, *self.REJECTED, {})
        assert await posted(client, path, *self.UPHELD) == (*first[:2], "true")
        assert await self.decisions(local) == [True, False]

    async def test_after_a_crash_before_its_answer_was_kept(
        self, client: Client, local: LocalNode
    ) -> None:
        """The complaint is shown as it stands."""
        path = await complaint(local)
        await posted(client, path, *self.UPHELD)
        local.now += 1000
        await posted(client, path, *self.REJECTED, {})
        await local.store.writer.run(lambda c: c.execute(LOST))
        status, body, _ = await posted(client, path, *self.UPHELD)
        assert (status, b'"status":"rejected"' in body) == (200, True)
        assert await self.decisions(local) == [True, False]

    async def test_after_a_clock_that_was_put_back_before_it_was_recorded(
        self, client: Client, local: LocalNode
    ) -> None:
        """The node ended in between, and the machine's time was corrected by two seconds."""
        path, run = await complaint(local), local.store.writer.run
        (before,) = await run(lambda c: c.execute(WAITS).fetchone())
        await posted(client, path, *self.UPHELD)
        asked = f"{LOST}, created_ms = created_ms + 2000"
        await run(lambda c: c.execute(asked))
        await run(lambda c: c.execute(UNSAID, (before,)))
        await posted(client, path, *self.UPHELD)
        local.now += 1000
        await posted(client, path, *self.REJECTED, {})
        await run(lambda c: c.execute(LOST))
        _, body, _ = await posted(client, path, *self.UPHELD)
        assert b'"status":"rejected"' in body
        assert await self.decisions(local) == [True, False]

    async def test_what_was_said_before_a_clock_was_put_back_is_another_word(
        self, client: Client, local: LocalNode
    ) -> None:
        """Said once more and broken off, it is done: a harmless file would be answered for ever."""
        path, run = await complaint(local), local.store.writer.run
        await posted(client, path, *self.UPHELD)
        await posted(client, path, *self.REJECTED, {})
        (before,) = await run(lambda c: c.execute(WAITS).fetchone())
        local.now -= 5000
        once_more = (self.UPHELD[0], {"Idempotency-Key": "once-more"})
        await posted(client, path, *once_more)
        await run(lambda c: c.execute(LOST))
        await run(lambda c: c.execute(UNSAID, (before,)))
        _, body, _ = await posted(client, path, *once_more)
        assert b'"status":"upheld"' in body
        assert await self.decisions(local) == [True, False, True]

    async def test_it_is_no_word_on_what_the_company_complained_of_since(
        self, client: Client, local: LocalNode
    ) -> None:
        """Nobody has looked at its new grounds: they wait for a person."""
        path = await complaint(local)
        await posted(client, path, *self.REJECTED, AGAIN)
        (one,) = await local.hashcheck.complaints(open_only=False)
        (key,) = await local.store.hashchecks.keys()
        said = one.state.again(Why.OTHER_FILE, "it is another file")
        assert said is not None
        await local.store.hashchecks.complain(key, one.reference, "", said, local.now)
        await local.store.writer.run(lambda c: c.execute(LOST))
        status, body, _ = await posted(client, path, *self.REJECTED, AGAIN)
        assert (status, b'"status":"open"' in body) == (200, True)
        assert await self.decisions(local) == [False]

    @pytest.mark.parametrize("times", [1, 2])
    async def test_a_word_that_was_broken_off_is_said_again(
        self, client: Client, local: LocalNode, times: int
    ) -> None:
        """Its task waits for what an upheld complaint takes back, and is closed after that."""
        path = await complaint(local)
        await posted(client, path, *self.UPHELD)
        (one,) = await local.hashcheck.complaints(open_only=False)
        for _ in range(times):
            await local.store.hashchecks.open_task(COMPLAINED, one.complaint_id, local.now)
            await local.store.writer.run(lambda c: c.execute(LOST))
            status, body, _ = await posted(client, path, *self.UPHELD)
            assert (status, b'"status":"upheld"' in body) == (200, True)
            assert await local.access.open_tasks(10) == []
