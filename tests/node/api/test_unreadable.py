"""What never becomes a request is answered as every error is, and repeats nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest

from node.api.access import Scope
from node.api.app import refuse_unreadable
from node.listening import serve

CANARY = b"canary-4711"
POST = b"POST /api/v1/reports HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
BROTLI = b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"
Address = tuple[str, int]


@pytest.fixture
async def address(local: Any) -> AsyncIterator[Address]:
    """Give the address of the local listener, opened as a node opens it."""
    runner = await serve(local.app(), "127.0.0.1", 0, refusal=refuse_unreadable)
    yield runner.addresses[0][:2]
    await runner.cleanup()


async def ask(address: Address, request: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Send bytes; return status, headers (names in lower case) and the document."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert CANARY not in head + body
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (
            POST + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
            415,
            "wrong_content_encoding",
        ),
        (b"CANARY /" + CANARY + b" HTTP/1.1\r\nHost: a.example\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /api/v1/items?after=" + CANARY * 900 + b" HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nX: " + CANARY * 900 + b"\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: " + CANARY + b"\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: -1\r\n\r\n", 400, "bad_request"),
        (POST + b"Expect: " + CANARY + b"\r\nContent-Length: 0\r\n\r\n", 417, "expectation_failed"),
        (
            b"GET /x HTTP/1.1\r\nHost: a\r\nExpect: " + CANARY + b"\r\n\r\n",
            417,
            "expectation_failed",
        ),
    ],
)
async def test_what_cannot_be_read_is_a_problem(
    address: Address, request_bytes: bytes, status: int, code: str
) -> None:
    """One form for every error; programs read `code` whatever went wrong."""
    answered, headers, problem = await ask(address, request_bytes)
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"


async def test_an_unknown_method_is_told_the_known_ones(address: Address) -> None:
    """405 comes with `Allow`."""
    _, headers, _ = await ask(address, b"FROB / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert headers["allow"] == "DELETE, GET, POST"


async def test_a_compression_that_is_not_taken_is_told_those_that_are(address: Address) -> None:
    """415 comes with `Accept-Encoding` (RFC 9110 section 12.5.3)."""
    _, headers, problem = await ask(address, POST + BROTLI)
    assert headers["accept-encoding"] == "gzip, deflate"
    assert problem["field"] == "Content-Encoding"


async def test_broken_compression_writes_no_error_to_the_log(
    address: Address, local: Any, log: StringIO
) -> None:
    """Whoever watches for errors of the node is not woken by a caller's mistake."""
    token = (await local.token(Scope.ADMIN))["Authorization"].encode()
    request = POST + b"Authorization: " + token + b"\r\nConnection: close\r\n"
    broken = b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\nnot gzip at all"
    status, _, problem = await ask(address, request + broken)
    assert (status, problem["code"]) == (400, "bad_body")
    assert '"level": "error"' not in log.getvalue()


async def test_two_idempotency_keys_are_refused(address: Address, local: Any) -> None:
    """Which of them is meant is not for the node to guess."""
    token = (await local.token(Scope.ADMIN))["Authorization"].encode()
    request = POST + b"Authorization: " + token + b"\r\nConnection: close\r\n"
    keys = b"Idempotency-Key: k-1\r\nIdempotency-Key: k-2\r\n"
    body = b'{"source":"public","items":[{"url":"https://a.example/"}]}'
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    status, _, problem = await ask(address, request + keys + length + body)
    assert (status, problem["code"]) == (400, "bad_idempotency_key")
    assert problem["field"] == "Idempotency-Key"
