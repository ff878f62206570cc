"""Reading request bodies: of the right type, bounded, line by line where they may be long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from node.api.problems import ApiError
from node.interchange import json_numbers
from node.interchange.json_faults import explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import StreamReader
    from multidict import MultiMapping

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
_NDJSON_NAMES: Final = frozenset({NDJSON, "application/ndjson", "application/jsonl"})
_CHARSETS: Final = frozenset({"utf-8", "us-ascii"})

SILENT_S: Final = 75.0
"""How long a body may be silent: its caller may be gone without a word, and the room that is kept
for it (`room.py`) would stay so for ever."""

T = TypeVar("T")


def content_type(request: web.Request, *permitted: str) -> str:
    """Return which of the permitted types the body has.

    Raises:
        ApiError: another one, or none is said.
    """
    said, charsets = read_content_type(request.headers.get("Content-Type", ""))
    found = NDJSON if said in _NDJSON_NAMES else said
    if found not in permitted or not charsets <= _CHARSETS:
        mend = f"must be {' or '.join(permitted)}, in UTF-8"
        headers = {"Accept-Post": ", ".join(permitted)}
        raise ApiError("wrong_content_type", mend, "Content-Type", headers)
    return found


def read_content_type(field: str) -> tuple[str, frozenset[str]]:
    """Return a media type and the charsets that stand beside it, all in lower case.

    aiohttp has the field read as that of a mail, which takes a time that grows with the square of
    its length: more than half a second for 8 KiB.
    """
    said, *parameters = field.lower().split(";")
    pairs = (one.partition("=") for one in parameters)
    charsets = (value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset")
    return said.strip(), frozenset(charsets)


async def pieces(request: web.Request, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, unpacked, up to `max_bytes`.

    Raises:
        ApiError: it is longer, cannot be read, or stopped coming.
    """
    left = max_bytes - (request.content_length or 0)
    if left < 0:
        raise _too_large(max_bytes)
    left = max_bytes
    content = request.content
    try:
        while piece := await _next(content):
            left -= len(piece)
            if left < 0:
                raise _too_large(max_bytes)
            yield piece
    except (HttpProcessingError, ClientError, web.RequestPayloadError):
        mend = "cannot be read: broken compression or chunks; send it again"
        raise ApiError("bad_body", mend) from None
    except TimeoutError:
        mend = f"nothing more of it came for {SILENT_S:.0f} s; send it again"
        raise ApiError("bad_body", mend) from None


async def _next(content: StreamReader) -> bytes:
    async with asyncio.timeout(SILENT_S):
        return await content.readany()


async def whole(request: web.Request, max_bytes: int) -> bytes:
    """Return the whole body.

    Raises:
        ApiError: longer than `max_bytes`, or it cannot be read.
    """
    return b"".join([piece async for piece in pieces(request, max_bytes)])


async def lines(
    arriving: AsyncIterator[bytes], max_line_bytes: int
) -> AsyncIterator[tuple[int, bytes | None]]:
    r"""Yield (number from 1, line without `\n`); None for a line longer than `max_line_bytes`."""
    number, rest, too_long = 1, b"", False
    async for piece in arriving:
        parts = piece.split(b"\n") if too_long else (rest + piece).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield number, None if too_long or len(part) > max_line_bytes else part
            number, too_long = number + 1, False
        if too_long or len(rest) > max_line_bytes:
            rest, too_long = b"", True
    if rest or too_long:
        yield number, None if too_long else rest


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """Decode a body.

    Raises:
        ApiError: naming the field and the mend, never the value.
    """
    try:
        return json_numbers.decode(decoder, raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ApiError(*_arguments(error, decoder.type)) from None


def query(request: web.Request, into: type[T]) -> T:
    """Read the query of the request into a structure.

    Raises:
        ApiError: a parameter is not known, stands twice, or has a value that is not permitted.
    """
    return parameters(request.query, into)


def parameters(query: MultiMapping[str], into: type[T]) -> T:
    """Read what stands in a query into a structure.

    Raises:
        ApiError: as `query`.
    """
    given: dict[str, Any] = {}
    for name, value in query.items():
        if name in given:
            raise ApiError("unknown_parameter", "a parameter stands twice; leave one away")
        given[name] = value
    try:
        return msgspec.convert(given, into, strict=False)
    except (msgspec.ValidationError, UnicodeError) as error:
        fault = explain(error, into)
        code = "unknown_parameter" if fault.code == "unknown_field" else "bad_parameter"
        raise ApiError(code, fault.mend, fault.field) from None


def _arguments(error: Exception, expected: Any) -> tuple[str, str, str | None]:
    fault = explain(error, expected)
    return fault.code, fault.mend, fault.field


def _too_large(max_bytes: int) -> ApiError:
    return ApiError("body_too_large", f"the body may have {max_bytes} bytes; send less at once")
