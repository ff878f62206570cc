"""Clients that cost next to nothing: requests are bytes made beforehand, connections stay open.

They run on the machine that is being measured, so what they use the node can't. One request is in
flight on a connection; the answer is read by its `Content-Length`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

R = TypeVar("R")
OK = (200, 201, 202)
_END = b"\r\n\r\n"


def run(main: Coroutine[Any, Any, R]) -> R:
    """Run `main` as nodes run: on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def post(path: str, body: bytes, token: str = "") -> bytes:
    """Return the bytes of a POST of JSON."""
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return request("POST", path, head, body)


def request(method: str, path: str, head: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join(lines).encode() + _END + body


class Connection(asyncio.Protocol):
    """One connection that is kept open."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment] # uvloop's has another base

    def data_received(self, data: bytes) -> None:
        """Finish the request when all of its answer is here."""
        self._got += data
        end = self._got.find(_END)
        if end < 0 or self._answer is None:
            return
        head = bytes(self._got[:end]).lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(self._got) < end + len(_END) + length:
            return
        whole, self._got = bytes(self._got), bytearray()
        status = int(whole[9:12])
        if status in OK:
            self._answer.set_result(whole[end + len(_END) :])
        else:
            self._answer.set_exception(AssertionError(f"answered {status}: {whole[-300:]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            AssertionError: the answer is not a success.
        """
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """Open a connection to a listener on loopback."""
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Connection, "127.0.0.1", port))[1]


async def rate(port: int, requests: Iterable[bytes], clients: int) -> float:
    """Let `clients` send the requests, each its next when the last is answered; answers/s."""
    waiting, connections = deque(requests), [await connect(port) for _ in range(clients)]
    count = len(waiting)

    async def work(one: Connection) -> None:
        while waiting:
            await one.ask(waiting.popleft())

    started = time.perf_counter()
    await asyncio.gather(*(work(one) for one in connections))
    seconds = time.perf_counter() - started
    for one in connections:
        one.close()
    return count / seconds


class Pool:
    """Connections for requests that do not wait for each other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def open(self, count: int) -> None:
        """Open some before anything is measured."""
        self._idle += [await connect(self._port) for _ in range(count)]

    async def ask(self, request: bytes) -> bytes:
        """Send a request on an idle connection."""
        one = self._idle.pop() if self._idle else await connect(self._port)
        answer = await one.ask(request)
        self._idle.append(one)
        return answer

    def close(self) -> None:
        """Close them; nothing is in flight by then."""
        for one in self._idle:
            one.close()
