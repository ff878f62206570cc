"""`POST /api/v1/reports`: one report, or a stream of them, taken in with bounded memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from node.api import bodies
from node.api.access import StoredAnswer
from node.api.calls import encode, headers_of, json_answer, log_failure, once
from node.api.duplex import DuplexAnswer
from node.api.idempotency import line_identity, read_key
from node.api.problems import ApiError, of_error
from node.api.room import held_at_most
from node.api.service import ItemAnswer, LineAnswer, ReportAnswer
from node.casework.reports.draft import ReportDraft
from node.interchange import json_numbers
from node.interchange.json_faults import explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiohttp import web

    from node.api.access import Reserved
    from node.api.calls import Call
    from node.api.service import Submitted

MAX_REPORT_BYTES: Final = 1 << 22
MAX_KEYED_BULK_BYTES: Final = 1 << 22
CHUNK_LINES: Final = 1000
CHUNK_ITEMS: Final = 2000
CHUNK_BYTES: Final = 1 << 22
"""What one transaction takes in: no more than a push carries, so that delivery keeps up with it."""
BULK_HELD_BYTES: Final = 3 * CHUNK_BYTES
"""Of a bulk body three chunks are in memory: one is made durable, one waits, one is read."""

_decoder: Final = msgspec.json.Decoder(ReportDraft)


async def submit_reports(call: Call) -> web.StreamResponse:
    """Take one report (JSON) or any number (NDJSON)."""
    form = bodies.content_type(call.request, bodies.JSON, bodies.NDJSON)
    take: Callable[[Call], Awaitable[web.StreamResponse]] = _single
    bound = MAX_REPORT_BYTES
    if form == bodies.NDJSON:
        keyed = read_key(call.request.headers.getall("Idempotency-Key", [])) is not None
        take, bound = (_keyed_bulk, MAX_KEYED_BULK_BYTES) if keyed else (_bulk, BULK_HELD_BYTES)
    with call.parts.room.reserve(held_at_most(call.request, bound)):
        return await take(call)


async def _single(call: Call) -> web.Response:
    raw = await bodies.whole(call.request, min(MAX_REPORT_BYTES, call.parts.max_body_bytes))
    draft = bodies.decode(_decoder, raw)
    named = _known_by_key(draft, _identity(call), 1)

    async def work(_: Reserved | None) -> StoredAnswer:
        result = await call.parts.gathering.submit(named, call.actor)
        if result.status == "rejected":
            raise ApiError(result.code or "draft_rejected", result.detail or "", result.field)
        return json_answer(_report_answer(result), 200 if result.status == "repeated" else 201)

    return await once(call, raw, work)


async def _keyed_bulk(call: Call) -> web.Response:
    """Read all of a small body first: whether it is the same one shows only at its end."""
    raw = await bodies.whole(call.request, min(MAX_KEYED_BULK_BYTES, call.parts.max_body_bytes))

    async def arrived() -> AsyncIterator[bytes]:
        yield raw

    async def work(_: Reserved | None) -> StoredAnswer:
        answers = [part async for _, part in _answers(call, arrived())]
        return StoredAnswer(200, bodies.NDJSON, b"".join(answers))

    return await once(call, raw, work)


async def _bulk(call: Call) -> web.StreamResponse:
    answer, line, last = DuplexAnswer(call.request, headers_of(bodies.NDJSON)), 1, b""
    try:
        async for number, part in _answers(
            call, bodies.pieces(call.request, call.parts.max_body_bytes)
        ):
            line = number + 1
            await answer.put(part)
    except ConnectionError:
        raise
    except Exception as error:
        if not answer.started:
            raise
        problem = of_error(error)
        log_failure(call.request, error, problem.status)
        code, field, detail = problem.code, problem.field, problem.detail
        stopped = LineAnswer(line, "stopped", code=code, field=field, detail=detail)
        last = encode(stopped) + b"\n"
    return await answer.finish(last)


class _Chunk:
    """Lines that are taken in together: their drafts, and a place in the answer for each."""

    def __init__(self) -> None:
        self.answers: list[LineAnswer | int] = []
        self.drafts: list[ReportDraft] = []
        self._items = 0
        self._bytes = 0

    def add(self, number: int, raw: bytes | None, identity: str | None) -> None:
        what = _read_line(number, raw)
        if isinstance(what, LineAnswer):
            self.answers.append(what)
            return
        self.answers.append(number)
        self.drafts.append(_known_by_key(what, identity, number))
        self._items += len(what.items)
        self._bytes += len(raw or b"")

    @property
    def full(self) -> bool:
        return (
            len(self.answers) >= CHUNK_LINES
            or self._items >= CHUNK_ITEMS
            or self._bytes >= CHUNK_BYTES
        )

    async def taken(self, call: Call) -> bytes:
        """Take the drafts in and return the answers, one a line, in order."""
        results: Sequence[Submitted] = ()
        if self.drafts:
            results = await call.parts.desk.submit(self.drafts, actor=call.actor)
        coming = iter(results)
        lines = [a if isinstance(a, LineAnswer) else _line(a, next(coming)) for a in self.answers]
        return b"".join([encode(line) + b"\n" for line in lines])


async def _answers(call: Call, arriving: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the answer piece by piece, each with the last line it covers, when that is durable.

    While one chunk is being made durable the next is read and prepared, and no more than that.
    """
    taking: asyncio.Queue[asyncio.Task[tuple[int, bytes]] | None] = asyncio.Queue(1)
    reader = asyncio.create_task(_read_chunks(call, arriving, taking))
    try:
        while (task := await taking.get()) is not None:
            yield await task
        await reader
    finally:
        reader.cancel()
        begun = [] if taking.empty() else [taking.get_nowait()]
        await asyncio.gather(reader, *filter(None, begun), return_exceptions=True)


async def _read_chunks(
    call: Call,
    arriving: AsyncIterator[bytes],
    taking: asyncio.Queue[asyncio.Task[tuple[int, bytes]] | None],
) -> None:
    identity, chunk, number = _identity(call), _Chunk(), 0
    try:
        async for number, raw in bodies.lines(arriving, MAX_REPORT_BYTES):
            if raw is not None and not raw.strip():
                continue
            chunk.add(number, raw, identity)
            if chunk.full:
                await taking.put(asyncio.create_task(_taken(call, chunk, number)))
                chunk = _Chunk()
        if chunk.answers:
            await taking.put(asyncio.create_task(_taken(call, chunk, number)))
    except asyncio.CancelledError:
        raise  # nobody listens any more
    except BaseException:
        await taking.put(None)
        raise
    await taking.put(None)


async def _taken(call: Call, chunk: _Chunk, number: int) -> tuple[int, bytes]:
    return number, await chunk.taken(call)


def _read_line(number: int, raw: bytes | None) -> ReportDraft | LineAnswer:
    if raw is None:
        mend = f"is longer than {MAX_REPORT_BYTES} bytes; hand in fewer items a report"
        return LineAnswer(number, "rejected", code="line_too_long", detail=mend)
    try:
        return json_numbers.decode(_decoder, raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        code, field, mend = explain(error, ReportDraft)
        return LineAnswer(number, "rejected", code=code, field=field, detail=mend)


def _identity(call: Call) -> str | None:
    key = read_key(call.request.headers.getall("Idempotency-Key", []))
    return None if key is None else line_identity(call.token.token_sha256, key)


def _known_by_key(draft: ReportDraft, identity: str | None, number: int) -> ReportDraft:
    """Let a report without reference and identity be known by the key it was handed in under."""
    if identity is None or draft.reference is not None or draft.identity is not None:
        return draft
    return msgspec.structs.replace(draft, identity=f"{identity}:{number}")


def _items(items: Sequence[Any]) -> tuple[ItemAnswer, ...]:
    return tuple([ItemAnswer(item.item_id, item.outcome, item.same_as) for item in items])


def _report_answer(result: Submitted) -> ReportAnswer:
    return ReportAnswer(_status(result), result.report_id or "", _items(result.items))


def _line(number: int, result: Submitted) -> LineAnswer:
    if result.status == "rejected":
        return LineAnswer(
            number, "rejected", code=result.code, field=result.field, detail=result.detail
        )
    return LineAnswer(number, _status(result), result.report_id, _items(result.items))


def _status(result: Submitted) -> Literal["accepted", "repeated"]:
    return "repeated" if result.status == "repeated" else "accepted"
