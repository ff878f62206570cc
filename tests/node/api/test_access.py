"""Who may call: bearer tokens, scopes, expiry, revocation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from node.api.access import CACHE_MS, Scope, digest_of, new_token

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

ITEM = "/api/v1/items/gb-iwf.01ARZ3NDEKTSV4RRFFQ69G5FAV"
NEEDS = [
    ("POST", "/api/v1/reports", Scope.REPORTS_WRITE),
    ("GET", "/api/v1/items", Scope.ITEMS_READ),
    ("GET", ITEM, Scope.ITEMS_READ),
    ("POST", ITEM + "/assessments", Scope.ITEMS_WRITE),
    ("POST", ITEM + "/actions", Scope.ITEMS_WRITE),
    ("POST", ITEM + "/hashes", Scope.ITEMS_WRITE),
    ("POST", ITEM + "/wrong-files", Scope.ITEMS_WRITE),
    ("GET", "/api/v1/changes", Scope.CHANGES_READ),
    ("GET", "/api/v1/tasks", Scope.ITEMS_READ),
    ("GET", "/api/v1/tokens", Scope.ADMIN),
    ("POST", "/api/v1/tokens", Scope.ADMIN),
    ("DELETE", "/api/v1/tokens/0123456789abcdef", Scope.ADMIN),
]


@pytest.fixture
async def stranger(local: Any, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    """Give a client that shows no token."""
    return await aiohttp_client(local.app())


@pytest.mark.parametrize(("method", "path", "scope"), NEEDS)
class TestEveryPath:
    """No path is forgotten."""

    async def test_without_a_token_nothing_opens(
        self, stranger: Client, method: str, path: str, scope: Scope
    ) -> None:
        """401 with a challenge (RFC 6750)."""
        del scope
        response = await stranger.request(method, path)
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await response.json())["code"] == "token_missing"

    async def test_all_other_scopes_do_not_open_it(
        self, stranger: Client, local: Any, method: str, path: str, scope: Scope
    ) -> None:
        """403 names the scope that is missing."""
        headers = await local.token(*set(Scope) - {scope, Scope.ADMIN})
        response = await stranger.request(method, path, headers=headers)
        body = await response.json()
        assert (response.status, body["code"], body["field"]) == (403, "scope_missing", scope)

    async def test_its_own_scope_opens_it(
        self, stranger: Client, local: Any, method: str, path: str, scope: Scope
    ) -> None:
        """Whatever else is wrong with the request then."""
        headers = await local.token(scope)
        response = await stranger.request(method, path, headers=headers)
        assert response.status not in {401, 403}


class TestTokens:
    """What a token must be."""

    @pytest.mark.parametrize(
        "header",
        ["hx_x", "Bearer", "Bearer ", "Basic aHg6eA==", "Bearer hx_unknown", "bearer \u00e9", ""],
    )
    async def test_what_is_no_known_token_is_refused(self, stranger: Client, header: str) -> None:
        """401, and the header is not repeated."""
        response = await stranger.get("/api/v1/items", headers={"Authorization": header})
        assert response.status == 401
        assert "hx_" not in await response.text()

    async def test_an_expired_token_is_told_so(self, stranger: Client, local: Any) -> None:
        """Up to the millisecond before, it opens."""
        headers = await local.token(Scope.ITEMS_READ, expires_ms=local.now + 1000)
        local.now += 999
        assert (await stranger.get("/api/v1/items", headers=headers)).status == 200
        local.now += 1
        response = await stranger.get("/api/v1/items", headers=headers)
        assert (response.status, (await response.json())["code"]) == (401, "token_expired")

    async def test_only_its_digest_is_kept(self, local: Any) -> None:
        """Whoever reads the database cannot call."""
        text, record = new_token("x", frozenset({Scope.ADMIN}), local.now)
        await local.access.add_token(record)
        rows = local.store.writer.run_now(lambda c: c.execute("SELECT * FROM tokens").fetchall())
        assert rows[0][0] == digest_of(text)
        assert text not in str(rows)
        assert len(text) == 46

    async def test_a_token_revoked_by_another_process_closes_within_a_second(
        self, stranger: Client, local: Any
    ) -> None:
        """What is remembered is remembered for `CACHE_MS` only."""
        text, record = new_token("x", frozenset({Scope.ITEMS_READ}), local.now)
        await local.access.add_token(record)
        headers = {"Authorization": f"Bearer {text}"}
        assert (await stranger.get("/api/v1/items", headers=headers)).status == 200
        await local.access.revoke_token(record.token_sha256, local.now)
        local.now += CACHE_MS
        response = await stranger.get("/api/v1/items", headers=headers)
        assert (await response.json())["code"] == "token_invalid"


class TestAdministration:
    """Making, listing, revoking."""

    async def test_a_made_token_works_and_is_shown_once(
        self, client: Client, stranger: Client
    ) -> None:
        """The list has its name and scopes, never its secret."""
        draft = {"name": "scart", "scopes": ["items:read"], "expires_days": 30}
        response = await client.post("/api/v1/tokens", json=draft)
        made = await response.json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        assert (await stranger.get("/api/v1/items", headers=headers)).status == 200
        listed = await (await client.get("/api/v1/tokens")).json()
        assert made["token"] not in str(listed)
        assert {one["name"] for one in listed["tokens"]} == {"tests", "scart"}

    async def test_a_revoked_token_closes_at_once(self, client: Client) -> None:
        """The next request with it is refused."""
        draft = {"name": "scart", "scopes": ["items:read"]}
        made = await (await client.post("/api/v1/tokens", json=draft)).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        assert (await client.get("/api/v1/items", headers=headers)).status == 200
        response = await client.delete(f"/api/v1/tokens/{made['token_id']}")
        assert "revoked" in await response.json()
        assert (await client.get("/api/v1/items", headers=headers)).status == 401

    async def test_a_token_cannot_lock_out_its_own_holder(self, client: Client) -> None:
        """409: it takes another one."""
        listed = await (await client.get("/api/v1/tokens")).json()
        response = await client.delete(f"/api/v1/tokens/{listed['tokens'][0]['token_id']}")
        assert (response.status, (await response.json())["code"]) == (409, "token_in_use")

    async def test_an_unknown_token_is_not_found(self, client: Client) -> None:
        """404."""
        response = await client.delete("/api/v1/tokens/0123456789abcdef")
        assert (response.status, (await response.json())["code"]) == (404, "unknown_token")

    @pytest.mark.parametrize(
        "draft",
        [
            {"name": "x", "scopes": []},
            {"name": "x", "scopes": ["everything"]},
            {"name": "X Y", "scopes": ["admin"]},
            {"name": "x\n", "scopes": ["admin"]},
            {"name": "x", "scopes": ["admin"], "expires_days": 0},
        ],
    )
    async def test_a_malformed_one_is_refused(self, client: Client, draft: dict[str, Any]) -> None:
        """400, nothing is made."""
        assert (await client.post("/api/v1/tokens", json=draft)).status == 400
