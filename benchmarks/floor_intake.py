"""The floor of P2 and P3: one report over HTTP, only what no design can avoid.

`POST /keep` (P3): read the JSON, encode, keep the row and its keys durably, answer. Whatever waits
while a commit runs goes into the next one, so sixteen clients share its flush. Nothing is signed or
sent; a design may do that later.

`POST /relay` (P2): the same and on to the receiver, answered when its receipt is verified. The
checkpoint is signed before the commit that keeps the row: the path has one flush on each side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web

from benchmarks.clients import run
from benchmarks.floor import Sender, item_of, load_keys, make_keys, name_of, process, receive, serve
from node.casework.reports.draft import ReportDraft
from protocol.messages import Item

_read = msgspec.json.Decoder(ReportDraft)


class Sharing:
    """What waits while the work runs is the next batch of it."""

    def __init__(self, work: Callable[[list[Item]], Awaitable[None]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def done(self, one: Item) -> None:
        """Return when the batch that holds `one` is done."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await answer

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._work([one for one, _ in batch])
            for _, answer in batch:
                answer.set_result(None)
        self._running = None


class Intake:
    """The sending process of the floor, with a listener of its own."""

    def __init__(self, sender: Sender, http: aiohttp.ClientSession) -> None:
        self._sender = sender
        self._http = http
        self._count = 0
        self._keeping = Sharing(self._keep_all)
        self._relaying = Sharing(self._relay_all)

    async def keep(self, request: web.Request) -> web.Response:
        """Answer when the report is durable."""
        one = self._item(await request.read())
        await self._keeping.done(one)
        return web.json_response({"id": one.item_id}, status=201)

    async def relay(self, request: web.Request) -> web.Response:
        """Answer when the receipt is verified."""
        one = self._item(await request.read())
        await self._relaying.done(one)
        return web.json_response({"id": one.item_id}, status=201)

    def _item(self, raw: bytes) -> Item:
        draft = _read.decode(raw).items[0]
        self._count += 1
        assert draft.hashes is not None
        sha256 = bytes.fromhex(str(draft.hashes.sha256))
        return item_of(name_of(self._count), str(draft.url), sha256)

    async def _keep_all(self, batch: list[Item]) -> None:
        made = [self._sender.encode(one) for one in batch]
        await asyncio.to_thread(self._sender.keep, batch, made)

    async def _relay_all(self, batch: list[Item]) -> None:
        checkpoint, body = await asyncio.to_thread(self._sender.cut, batch)
        await self._sender.push(self._http, checkpoint, body)


def take_in(pipe: Pipe, folder: Path, receiver_port: int) -> None:
    """Run the sending process until its parent goes away."""
    keys = load_keys(folder, "sender"), load_keys(folder, "receiver")
    sender = Sender(*keys, folder, receiver_port)

    async def work() -> None:
        async with aiohttp.ClientSession() as http:
            intake = Intake(sender, http)
            app = web.Application()
            app.router.add_post("/keep", intake.keep)
            app.router.add_post("/relay", intake.relay)
            await serve(app, pipe)

    run(work())


@contextmanager
def running_floor(folder: Path) -> Iterator[int]:
    """Run both processes; gives the port where reports are taken in."""
    make_keys(folder)
    with process(receive, folder) as receiver:  # noqa: SIM117 - the second needs the first
        with process(take_in, folder, receiver.port) as sender:
            yield sender.port
