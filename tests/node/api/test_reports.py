"""`POST /api/v1/reports`: single reports, bulk bodies, repeated requests."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from node.api import reports
from node.api.access import Scope
from node.store.errors import StoreFullError

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

PATH = "/api/v1/reports"
NDJSON = {"Content-Type": "application/x-ndjson"}


def report(host: str = "a", **more: Any) -> dict[str, Any]:
    """A report of one item."""
    return {"source": "public", "items": [{"url": f"https://{host}.example/x"}], **more}


def bulk(*lines: Any) -> bytes:
    """A bulk body: bytes stand as they are, all else as JSON."""
    parts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return b"\n".join(parts)


async def answers(response: Any) -> list[dict[str, Any]]:
    """Read an NDJSON answer."""
    return [json.loads(line) for line in (await response.read()).splitlines()]


class TestSingle:
    """One report in JSON."""

    async def test_a_report_is_accepted_with_the_ids_of_its_items(self, client: Client) -> None:
        """201: the report and each item have an id of this member."""
        response = await client.post(PATH, json=report())
        body = await response.json()
        assert response.status == 201
        assert body["status"] == "accepted"
        assert body["report_id"].startswith("gb-iwf.")
        assert body["items"][0]["outcome"] == "new"

    async def test_another_address_under_the_same_identity_is_another_item(
        self, client: Client
    ) -> None:
        """It is not lost, and what it says is said of no other; again it is repeated."""
        first = await (await client.post(PATH, json=report(identity="row 1"))).json()
        other = report("b", identity="row 1")
        other["items"][0]["assessments"] = [{"verdict": "baseline"}]
        second = await (await client.post(PATH, json=other)).json()
        assert second["items"][0]["outcome"] == "new"
        assert second["report_id"] != first["report_id"]
        item = await client.get(f"/api/v1/items/{first['items'][0]['item_id']}")
        assert (await item.json())["assessments"] == []
        for body, before in ((other, second), (report(identity="row 1"), first)):
            again = await client.post(PATH, json=body)
            told = await again.json()
            assert (again.status, told["report_id"]) == (200, before["report_id"])
            assert told["items"][0]["item_id"] == before["items"][0]["item_id"]

    async def test_an_alias_handed_in_by_its_identity_again_is_repeated(
        self, client: Client
    ) -> None:
        """Its item stands at the other address."""
        file = {"hashes": {"sha256": "5b" * 32}}
        bodies = [report(identity=f"row {n}") for n in (1, 2)]
        for n, body in enumerate(bodies):
            body["items"][0] |= file | {"url": f"https://a.example/x.jpg?n={n}"}
            assert (await client.post(PATH, json=body)).status == 201
        for body in bodies:
            assert (await client.post(PATH, json=body)).status == 200

    async def test_an_alias_under_the_identity_of_its_item_is_repeated(
        self, client: Client
    ) -> None:
        """So stands what earlier versions joined: by its identity alone, whatever its address."""
        file = {"hashes": {"sha256": "5b" * 32}}
        answers = []
        for n in (1, 2, 2):
            body = report(identity="row 1")
            body["items"][0] |= file | {"url": f"https://a.example/x.jpg?n={n}"}
            answers.append(await client.post(PATH, json=body))
        assert [one.status for one in answers] == [201, 200, 200]
        told = [await one.json() for one in answers]
        assert len({one["report_id"] for one in told}) == 1
        items = [one["items"][0] for one in told]
        assert len({one["item_id"] for one in items}) == 1
        shown = await client.get(f"/api/v1/items/{items[0]['item_id']}")
        assert len((await shown.json())["sightings"]) == 1

    async def test_the_same_reference_again_is_repeated(self, client: Client) -> None:
        """200: nothing changed, the ids are those of the first time."""
        first = await (await client.post(PATH, json=report(reference="R-1"))).json()
        response = await client.post(PATH, json=report(reference="R-1"))
        again = await response.json()
        assert response.status == 200
        assert again["status"] == "repeated"
        assert again["items"][0]["item_id"] == first["items"][0]["item_id"]

    async def test_the_same_address_with_another_reference_is_a_sighting(
        self, client: Client
    ) -> None:
        """It is a duplicate of the item that is there."""
        first = await (await client.post(PATH, json=report(reference="R-1"))).json()
        again = await (await client.post(PATH, json=report(reference="R-2"))).json()
        assert again["items"][0] == {
            "item_id": first["items"][0]["item_id"],
            "outcome": "duplicate",
            "same_as": first["items"][0]["item_id"],
        }

    async def test_what_makes_no_sense_is_refused_with_field_and_mend(self, client: Client) -> None:
        """422: the form was right, the meaning was not."""
        response = await client.post(PATH, json={"source": "public", "items": [{"kind": "page"}]})
        body = await response.json()
        assert response.status == 422
        assert response.content_type == "application/problem+json"
        assert (body["code"], body["field"]) == ("no_place", "items[0]")

    @pytest.mark.parametrize("field", ["reference", "note"])
    async def test_a_control_character_is_refused_by_its_field(
        self, client: Client, field: str
    ) -> None:
        """422, as a line of a CSV is refused; kept, it would break a store on PostgreSQL."""
        response = await client.post(PATH, json={**report(), field: "a\0b"})
        body = await response.json()
        assert (response.status, body["code"]) == (422, "control_character")
        assert body["field"] == field

    @pytest.mark.parametrize("country", ["QQ", "EU"])
    async def test_a_vantage_that_is_no_country_is_refused(
        self, client: Client, country: str
    ) -> None:
        """Nobody could look from there."""
        item = {"url": "https://a.example/", "access": {"vantage": country}}
        response = await client.post(PATH, json={"source": "public", "items": [item]})
        assert response.status == 422
        assert (await response.json())["field"] == "items[0].access.vantage"

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            (b"", "bad_json", None),
            (b"{", "bad_json", None),
            (b"[1]", "invalid_value", None),
            (b'{"source":"public"}', "missing", "items"),
            (b'{"source":"public","items":[{}],"sauce":1}', "unknown_field", "sauce"),
            (b'{"source":"somebody","items":[{}]}', "invalid_value", "source"),
            (b'{"x":' + b"[" * 200_000, "unknown_field", "x"),
            (b'{"note":' + b"[" * 200_000, "invalid_value", "note"),
            (b'{"source":"public","note":"\xff"}', "bad_json", None),
            (b'{"source":"public","source":"police","items":[{}]}', "field_twice", "source"),
        ],
    )
    async def test_a_malformed_report_names_its_fault(
        self, client: Client, body: bytes, code: str, field: str | None
    ) -> None:
        """400: a stable code and the field."""
        headers = {"Content-Type": "application/json"}
        response = await client.post(PATH, data=body, headers=headers)
        problem = await response.json()
        assert response.status == 400
        assert (problem["code"], problem.get("field")) == (code, field)

    @pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-16", ""])
    async def test_a_body_of_another_type_is_refused(self, client: Client, kind: str) -> None:
        """415 names the types that are taken."""
        headers = {"Content-Type": kind} if kind else {}
        data: Any = b"{}"
        response = await client.post(
            PATH, data=data, headers=headers, skip_auto_headers=["Content-Type"]
        )
        assert response.status == 415
        assert (await response.json())["code"] == "wrong_content_type"

    async def test_a_body_that_is_too_large_is_refused_before_it_is_read(
        self, local: Any, aiohttp_client: Callable[..., Awaitable[Client]]
    ) -> None:
        """413, by its announced length."""
        client = await aiohttp_client(
            local.app(max_body_bytes=1000), headers=await local.token(Scope.REPORTS_WRITE)
        )
        response = await client.post(PATH, json=report(note="n" * 1000))
        assert response.status == 413
        assert (await response.json())["code"] == "body_too_large"

    async def test_a_compressed_body_counts_unpacked(
        self, local: Any, aiohttp_client: Callable[..., Awaitable[Client]]
    ) -> None:
        """A small bomb is refused like a large body."""
        client = await aiohttp_client(
            local.app(max_body_bytes=1000), headers=await local.token(Scope.REPORTS_WRITE)
        )
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        bomb = gzip.compress(b" " * 1_000_000)
        assert len(bomb) < 1100
        response = await client.post(PATH, data=bomb[:], headers=headers)
        assert response.status == 413

    async def test_broken_compression_is_the_callers_fault(self, client: Client) -> None:
        """400, never a server error."""
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        response = await client.post(PATH, data=b"not gzip at all", headers=headers)
        assert response.status == 400


class TestBulk:
    """Any number of reports, one a line."""

    async def test_every_line_gets_its_answer_in_order(self, client: Client) -> None:
        """Line numbers count from 1; blank lines count and are passed over."""
        body = bulk(report("a"), b"", report("b"), b"{", {"source": "public", "items": [{}]})
        response = await client.post(PATH, data=body, headers=NDJSON)
        found = await answers(response)
        assert response.status == 200
        assert [(line["line"], line["status"]) for line in found] == [
            (1, "accepted"),
            (3, "accepted"),
            (4, "rejected"),
            (5, "rejected"),
        ]
        assert [line.get("code") for line in found[2:]] == ["bad_json", "no_place"]

    async def test_a_bulk_larger_than_a_chunk_is_answered_whole(self, client: Client) -> None:
        """Every line, once, in order."""
        count = reports.CHUNK_LINES * 2 + 7
        body = bulk(*(report(f"h{number}") for number in range(count)))
        found = await answers(await client.post(PATH, data=body, headers=NDJSON))
        assert [line["line"] for line in found] == list(range(1, count + 1))
        assert {line["status"] for line in found} == {"accepted"}

    async def test_a_client_that_reads_along_gets_answers_before_its_end(
        self, client: Client
    ) -> None:
        """The answer to the first chunk comes while the rest is not sent yet."""
        first_answer = asyncio.Event()
        chunk = bulk(*(report(f"h{n}") for n in range(reports.CHUNK_LINES))) + b"\n"

        async def body() -> AsyncIterator[bytes]:
            yield chunk
            await first_answer.wait()
            yield bulk(report("last"))

        response = await client.post(PATH, data=body(), headers=NDJSON)
        assert json.loads(await response.content.readline())["line"] == 1
        first_answer.set()
        rest = (await response.content.read()).splitlines()
        assert json.loads(rest[-1])["line"] == reports.CHUNK_LINES + 1

    async def test_a_client_that_reads_only_at_the_end_gets_everything(
        self, client: Client, local: Any
    ) -> None:
        """Neither side waits for the other, though the answers fill every buffer between them."""
        count = 150_000
        body = b"{}\n" * count
        head = f"POST {PATH} HTTP/1.1\r\nHost: local\r\nContent-Type: application/x-ndjson\r\n"
        token = (await local.token(Scope.REPORTS_WRITE))["Authorization"]
        head += f"Authorization: {token}\r\nContent-Length: {len(body)}\r\n"
        head += "Connection: close\r\n\r\n"
        reader, writer = await asyncio.open_connection(client.host, client.port, limit=1 << 10)
        writer.write(head.encode())
        for start in range(0, len(body), 1 << 14):
            writer.write(body[start : start + (1 << 14)])
            await writer.drain()
        answer = await reader.read(-1)
        writer.close()
        assert answer.count(b'"status":"rejected"') == count

    async def test_the_same_bulk_again_changes_nothing(self, client: Client) -> None:
        """Lines with a reference are known by it."""
        body = bulk(report("a", reference="1"), report("b", reference="2"))
        await client.post(PATH, data=body, headers=NDJSON)
        found = await answers(await client.post(PATH, data=body, headers=NDJSON))
        assert [line["status"] for line in found] == ["repeated", "repeated"]

    async def test_an_over_long_line_harms_no_other(self, client: Client) -> None:
        """It is passed over in bounded memory."""
        body = bulk(report("a"), b"x" * (reports.MAX_REPORT_BYTES + 1), report("b"))
        response = await client.post(PATH, data=io.BytesIO(body), headers=NDJSON)
        found = await answers(response)
        assert [line.get("code") for line in found] == [None, "line_too_long", None]

    async def test_an_empty_bulk_is_answered_with_nothing(self, client: Client) -> None:
        """No line, no answer; and no error."""
        response = await client.post(PATH, data=b"\n\n", headers=NDJSON)
        assert (response.status, await response.read()) == (200, b"")

    async def test_a_bulk_that_grows_too_large_stops_where_it_says(
        self, local: Any, aiohttp_client: Callable[..., Awaitable[Client]]
    ) -> None:
        """Lines before the stop are in; a retry goes on from there."""
        client = await aiohttp_client(
            local.app(max_body_bytes=600_000), headers=await local.token(Scope.REPORTS_WRITE)
        )
        lines = bulk(*(report(f"h{n}", reference=f"R-{n}") for n in range(9000)))

        async def body() -> AsyncIterator[bytes]:
            for start in range(0, len(lines), 10_000):
                yield lines[start : start + 10_000]

        response = await client.post(PATH, data=body(), headers=NDJSON)
        found = await answers(response)
        assert found[-1]["status"] == "stopped"
        assert found[-1]["code"] == "body_too_large"
        assert found[-1]["line"] == len(found)


class _Breaking:
    """A desk that fails from its second batch on."""

    def __init__(self, desk: Any, error: Exception) -> None:
        self._desk = desk
        self._error = error
        self._batches = 0

    async def submit(self, drafts: Any, *, actor: str) -> Any:
        """Take the first batch in, fail on the others."""
        self._batches += 1
        if self._batches > 1:
            raise self._error
        return await self._desk.submit(drafts, actor=actor)


class TestBulkThatBreaks:
    """What goes wrong in the middle of an answer is said in the answer."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (RuntimeError("canary"), "internal"),
            (StoreFullError(StoreFullError.__doc__), "store_full"),
        ],
    )
    async def test_the_answer_ends_with_where_to_go_on(
        self,
        local: Any,
        aiohttp_client: Callable[..., Awaitable[Client]],
        error: Exception,
        code: str,
    ) -> None:
        """The first chunk is in and answered; the next line to send is named."""
        local.desk = _Breaking(local.desk, error)
        client = await aiohttp_client(local.app(), headers=await local.token(Scope.REPORTS_WRITE))
        body = bulk(*(report(f"h{n}") for n in range(reports.CHUNK_LINES + 1)))
        response = await client.post(PATH, data=body, headers=NDJSON)
        found = await answers(response)
        assert response.status == 200
        assert [line["status"] for line in found[:-1]] == ["accepted"] * reports.CHUNK_LINES
        last = found[-1]
        assert (last["line"], last["status"]) == (reports.CHUNK_LINES + 1, "stopped")
        assert last["code"] == code
        assert "canary" not in str(last)

    async def test_what_fails_before_the_first_line_is_a_problem(
        self, local: Any, aiohttp_client: Callable[..., Awaitable[Client]]
    ) -> None:
        """There is no answer yet that could say it."""
        local.desk = _Breaking(local.desk, StoreFullError(StoreFullError.__doc__))
        local.desk._batches = 1
        client = await aiohttp_client(local.app(), headers=await local.token(Scope.REPORTS_WRITE))
        response = await client.post(PATH, data=bulk(report()), headers=NDJSON)
        assert response.status == 503


class TestIdempotencyKey:
    """The same request again has one effect and one answer."""

    async def test_the_same_request_gets_the_same_bytes_again(self, client: Client) -> None:
        """And says that it is a replay."""
        headers = {"Idempotency-Key": "k-1"}
        first = await client.post(PATH, json=report(), headers=headers)
        again = await client.post(PATH, json=report(), headers=headers)
        assert (again.status, await again.read()) == (first.status, await first.read())
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"

    async def test_another_body_under_the_same_key_is_a_conflict(self, client: Client) -> None:
        """409, and nothing is taken in."""
        headers = {"Idempotency-Key": "k-1"}
        await client.post(PATH, json=report("a"), headers=headers)
        response = await client.post(PATH, json=report("b"), headers=headers)
        assert response.status == 409
        assert (await response.json())["code"] == "idempotency_conflict"
        items = await (await client.get("/api/v1/items")).json()
        assert len(items["items"]) == 1

    async def test_keys_of_other_tokens_are_other_keys(self, client: Client, local: Any) -> None:
        """Two systems may both count from 1."""
        headers = {"Idempotency-Key": "k-1"}
        await client.post(PATH, json=report("a"), headers=headers)
        other = await local.token(Scope.REPORTS_WRITE)
        response = await client.post(PATH, json=report("b"), headers=headers | other)
        assert response.status == 201

    async def test_two_at_once_are_one(self, client: Client) -> None:
        """The second waits for the first and gets its answer."""
        headers = {"Idempotency-Key": "k-1"}
        both = await asyncio.gather(
            *(client.post(PATH, json=report(), headers=headers) for _ in range(4))
        )
        bodies = {await response.read() for response in both}
        assert len(bodies) == 1
        assert sum("Idempotency-Replayed" in response.headers for response in both) == 3

    async def test_a_crash_before_the_answer_was_kept_leaves_nothing_twice(
        self, client: Client, local: Any
    ) -> None:
        """The key stands reserved, the report is in: the retry finds it and repeats."""
        headers = {"Idempotency-Key": "k-1"}
        first = await (await client.post(PATH, json=report(), headers=headers)).json()
        await local.store.writer.run(
            lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
        )
        again = await client.post(PATH, json=report(), headers=headers)
        body = await again.json()
        assert (again.status, body["status"]) == (200, "repeated")
        assert body["items"][0]["item_id"] == first["items"][0]["item_id"]

    async def test_a_bulk_under_a_key_is_answered_the_same_again(self, client: Client) -> None:
        """Byte for byte, rejected lines too."""
        headers = {"Idempotency-Key": "k-1", **NDJSON}
        body = bulk(report("a"), report("a"), b"{")
        first = await client.post(PATH, data=body, headers=headers)
        again = await client.post(PATH, data=body, headers=headers)
        assert await again.read() == await first.read()
        assert again.headers["Idempotency-Replayed"] == "true"

    async def test_a_refused_request_may_be_mended_under_a_new_key_or_sent_again(
        self, client: Client
    ) -> None:
        """It had no effect, so nothing is kept of it."""
        headers = {"Idempotency-Key": "k-1"}
        wrong = {"source": "public", "items": [{"url": "nowhere"}]}
        for _ in range(2):
            response = await client.post(PATH, json=wrong, headers=headers)
            assert response.status == 422
            assert "Idempotency-Replayed" not in response.headers

    @pytest.mark.parametrize("key", ["", " ", "k" * 256, "k k", "k\u00e9"])
    async def test_a_malformed_key_is_refused(self, client: Client, key: str) -> None:
        """400, before anything is done."""
        response = await client.post(PATH, json=report(), headers={"Idempotency-Key": key})
        assert response.status == 400
        assert (await response.json())["code"] == "bad_idempotency_key"

    async def test_keys_are_forgotten_only_after_their_time(
        self, client: Client, local: Any
    ) -> None:
        """What is younger than the bound stays."""
        headers = {"Idempotency-Key": "k-1"}
        await client.post(PATH, json=report(), headers=headers)
        assert await local.access.forget_before(local.now) == 0
        assert await local.access.forget_before(local.now + 1) == 1
