"""Calling other members: `Transport` over HTTPS.

Rules upheld: the peer's TLS key is one that its member document pins, or nothing is sent; every
request is signed; only an answer that is signed by a transport key of the peer, for this request,
with a body of the signed digest and the right type, comes back. Everything else raises `CallError`
and has changed nothing. Answers are bounded in size and time; no redirect is followed, no proxy or
cookie is used, nothing is decompressed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
from aiohttp.resolver import ThreadedResolver
from multidict import CIMultiDict
from yarl import URL

from keys.errors import KeysError
from keys.member import MemberDocument
from keys.registry import Registry
from keys.signing import Signer, VerifyKey
from node.peer.errors import (
    BadAnswerError,
    CallError,
    ClocksDifferError,
    NotCallableError,
    PeerError,
    PeerRefusedError,
    PeerTimeoutError,
    PeerUnreachableError,
    StaleRequestError,
    WrongTlsKeyError,
)
from node.peer.http import signatures, wire
from node.peer.http.pins import PinMismatchError, PinnedContext
from node.peer.http.signatures import HttpRequest, HttpResponse
from node.peer.http.wire import Hello, Wire
from node.peer.ledgers.ledger_exchange import LedgerExchange
from node.peer.transport import Reply
from protocol import answers, recovery
from protocol.recovery import Page, Recover, Standing
from protocol.vocabulary import Lane

_PIECE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How long we wait for a peer, and for how much.

    Attributes:
        connect_s: for a connection with its TLS.
        silence_s: between two pieces of an answer.
        total_s: for the whole exchange.
        slowest_bytes_per_s: on top of it, what we send goes at least this fast.
        reply_bytes: of an answer.
        connections: to one peer at once.
        idle_s: a connection is kept for the next request; less than listeners keep theirs.
    """

    connect_s: float = 10.0
    silence_s: float = 30.0
    total_s: float = 60.0
    slowest_bytes_per_s: float = 65_536.0
    reply_bytes: int = wire.MAX_REPLY_BYTES
    connections: int = 8
    idle_s: float = 30.0

    def timeout(self, sent_bytes: int) -> aiohttp.ClientTimeout:
        """The timeouts of a request with a body of this length."""
        total = self.total_s + sent_bytes / self.slowest_bytes_per_s
        return aiohttp.ClientTimeout(
            total=total, sock_connect=self.connect_s, sock_read=self.silence_s
        )

    def waiting(self, wait_s: int, reply_bytes: int) -> Limits:
        """The same for an answer that may be held back, and be as long as a push."""
        return replace(
            self,
            silence_s=self.silence_s + wait_s,
            total_s=self.total_s + wait_s + reply_bytes / self.slowest_bytes_per_s,
            reply_bytes=reply_bytes,
        )


class HttpTransport:
    """The way to other members; use from one event loop, and close it.

    Args:
        us: our member id.
        registry: gives the verified registry in force.
        transport_key: signs every request.
        clock: gives the time, ms UTC.
        nonce: gives 16 fresh random bytes.
        limits: how long and how much.
    """

    def __init__(
        self,
        *,
        us: str,
        registry: Callable[[], Registry],
        transport_key: Signer,
        clock: Callable[[], int],
        nonce: Callable[[], bytes],
        limits: Limits | None = None,
    ) -> None:
        self._us = us
        self._registry = registry
        self._transport_key = transport_key
        self._clock = clock
        self._nonce = nonce
        self._limits = limits or Limits()
        self._contexts: dict[str, PinnedContext] = {}
        self._session: aiohttp.ClientSession | None = None

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Send one push; see `node.peer.transport.Transport`.

        Raises:
            CallError: nothing that counts came back.
        """
        reply = await self._call(peer, "PUT", path, (head, sealed), wire.PUSH_TYPE)
        receipted = reply.status == wire.OK
        if reply.media_type != (wire.RECEIPT_TYPE if receipted else wire.ANSWER_TYPE):
            raise BadAnswerError("answer: neither a receipt nor an answer to a push")
        return Reply(reply.status, reply.body)

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for the state of our channel to `peer`; see `node.peer.transport.Transport`.

        Raises:
            CallError: nothing that counts came back.
        """
        reply = await self._call(peer, "GET", wire.question_path(self._us, lane, nonce))
        if reply.media_type != wire.ANSWER_TYPE:
            raise BadAnswerError("answer: not an answer to a question about a channel")
        return Reply(reply.status, reply.body)

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """Send one pull; see `node.peer.transport.PullTransport`.

        Raises:
            CallError: nothing that counts came back.
        """
        most = wire.max_offer_bytes(self._registry().network.limits)
        limits = self._limits.waiting(wait_s, max(most, self._limits.reply_bytes))
        reply = await self._call(peer, "POST", path, (body,), wire.PULL_TYPE, limits)
        offered = reply.status == wire.OK
        if reply.media_type != (wire.OFFER_TYPE if offered else wire.ANSWER_TYPE):
            raise BadAnswerError("answer: neither an offer nor an answer to a pull")
        return Reply(reply.status, reply.body)

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Hand a head of our ledger to a witness; see `node.peer.transport.WitnessTransport`.

        Raises:
            CallError: nothing that counts came back, or the witness refuses.
        """
        path = wire.submission_path(self._us)
        reply = await self._call(peer, "POST", path, (body,), wire.SUBMISSION_TYPE)
        size = wire.read_size(reply.body)
        if reply[:2] == (wire.CONFLICT, wire.SIZE_TYPE) and size is not None:
            return size
        if reply[:2] != (wire.OK, wire.COSIGNATURE_TYPE):
            raise BadAnswerError("answer: neither a cosignature nor the size that is held")
        return reply.body

    async def recover(self, peer: str, path: str, body: bytes) -> Page | Standing:
        """Ask for what we said; see `node.peer.transport.RecoverTransport`.

        Raises:
            CallError: nothing that counts came back, or the peer is busy.
            ProtocolError: what came back is neither a page nor a standing.
        """
        limits = self._limits.waiting(0, wire.max_page_bytes())
        reply = await self._call(peer, "POST", path, (body,), wire.RECOVER_TYPE, limits)
        if reply.media_type == wire.PAGE_TYPE:
            return recovery.read_page(reply.body)
        if reply.media_type == wire.STANDING_TYPE:
            return recovery.read_standing(reply.body)
        if reply.media_type != wire.ANSWER_TYPE:
            raise BadAnswerError("answer: neither a page nor how the asking stands")
        raise PeerRefusedError(str(answers.from_bytes(reply.body).code))

    async def bring(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Bring back what a peer said; see `node.peer.recovery.bringing_back.BringTransport`.

        Raises:
            CallError: nothing that counts came back, or the peer is busy.
            ProtocolError: what came back is neither a request nor a standing.
        """
        path = recovery.bring_path(self._us, lane)
        if isinstance(brought, Page):
            body, media_type = brought.to_bytes(), wire.PAGE_TYPE
        else:
            body, media_type = recovery.to_bytes(brought), wire.STANDING_TYPE
        reply = await self._call(peer, "POST", path, (body,), media_type)
        if reply.media_type == wire.RECOVER_TYPE:
            return recovery.read_request(reply.body)
        if reply.media_type == wire.STANDING_TYPE:
            return recovery.read_standing(reply.body)
        if reply.media_type != wire.ANSWER_TYPE:
            raise BadAnswerError("answer: neither what is asked for nor how the asking stands")
        raise PeerRefusedError(str(answers.from_bytes(reply.body).code))

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Show and be shown what it is about.

        See `node.peer.ledgers.ledger_exchange.LedgerTransport`.

        Raises:
            CallError: nothing that counts came back, or the peer refuses.
        """
        path = about.path(self._us)
        limits = replace(self._limits, reply_bytes=about.max_bytes)
        reply = await self._call(peer, "POST", path, (body,), about.media_type, limits)
        if reply[:2] != (wire.OK, about.media_type):
            raise BadAnswerError("answer: not what members show each other of their ledgers")
        return reply.body

    async def hello(self, peer: str) -> Hello:
        """Ask a peer who and how it is.

        Raises:
            CallError: nothing that counts came back.
        """
        reply = await self._call(peer, "GET", wire.HELLO_PATH)
        hello = wire.read_hello(reply.body)
        if hello is None:
            raise BadAnswerError("answer: not a hello")
        return hello

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _document(self, peer: str) -> MemberDocument:
        """The document of a peer that may be called."""
        registry = self._registry()
        if not registry.is_active(peer):
            raise NotCallableError
        document = registry.member(peer)
        if document.endpoint is None or not document.reachable:
            raise NotCallableError
        return document

    async def _call(
        self,
        peer: str,
        method: str,
        path: str,
        parts: Sequence[bytes] = (),
        media_type: str = "",
        limits: Limits | None = None,
    ) -> Wire:
        """Make one signed request and return its verified answer; a refusal is raised."""
        limits = limits or self._limits
        document = self._document(peer)
        with _calling():
            request = HttpRequest(method, f"{document.endpoint}{path}", _headers(parts, media_type))
            signatures.sign_request(
                request, self._transport_key, self._us, self._clock(), self._nonce()
            )
            async with self._exchange(document, request, parts, limits) as response:
                arrived = HttpResponse(response.status, CIMultiDict(response.headers), request)
                signed = signatures.verify_answer(arrived, peer, self._find_key)
                body = await _read(response, limits.reply_bytes)
        if "Content-Encoding" in response.headers:
            raise BadAnswerError("answer: must not be compressed")
        if hashlib.sha256(body).digest() != signed.body_sha256:
            raise BadAnswerError("answer: its body is not the one that was signed")
        if response.headers["Content-Type"] == wire.REFUSAL_TYPE:
            raise self._refused(body, signed.created_ms)
        return Wire(response.status, response.headers["Content-Type"], body)

    def _refused(self, body: bytes, their_time_ms: int) -> CallError:
        reason = wire.read_refusal(body)
        if reason is None:
            return BadAnswerError("answer: not a refusal of the protocol")
        if reason == StaleRequestError.code:
            return ClocksDifferError(self._clock() - their_time_ms)
        return PeerRefusedError(reason)

    def _find_key(self, member: str, key_id: str) -> VerifyKey:
        return self._registry().member(member).signing_key("transport", key_id, self._clock())

    @asynccontextmanager
    async def _exchange(
        self,
        document: MemberDocument,
        request: HttpRequest,
        parts: Sequence[bytes],
        limits: Limits,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and give its response, whose body is still to be read."""
        response = await self._started().request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=_pieces(parts) if parts else None,
            ssl=self._context(document),
            allow_redirects=False,
            timeout=limits.timeout(sum(map(len, parts))),
        )
        try:
            yield response
        finally:
            if not response.content.at_eof():
                response.close()
            response.release()

    def _started(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = self._limits
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=limits.connections,
                    keepalive_timeout=limits.idle_s,
                    resolver=ThreadedResolver(),
                    ttl_dns_cache=60,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _context(self, document: MemberDocument) -> PinnedContext:
        """The TLS context for a member, kept while its pins stay: pooled connections hang on it."""
        context, pins = self._contexts.get(document.member), document.tls_serving(self._clock())
        if context is None or context.pins != pins:
            context = PinnedContext.of(pins)
            self._contexts[document.member] = context
        return context


@contextmanager
def _calling() -> Iterator[None]:
    """Whatever calling a peer raises is its failure: by what it publishes it stops no loop."""
    try:
        yield
    except (PeerError, KeysError):
        raise
    except Exception as error:  # noqa: BLE001
        raise _failure(error) from None


async def _pieces(parts: Sequence[bytes]) -> AsyncIterator[memoryview]:
    """A body in parts, piece by piece, without copying it together."""
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(view), _PIECE_BYTES):
            yield view[start : start + _PIECE_BYTES]


def _headers(parts: Sequence[bytes], media_type: str) -> CIMultiDict[str]:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    headers = CIMultiDict({"Content-Digest": signatures.digest_field(digest.digest())})
    if parts:
        headers["Content-Type"] = media_type
        headers["Content-Length"] = str(sum(map(len, parts)))
    return headers


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return the body as it came over the wire."""
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise BadAnswerError(f"answer: has more than {max_bytes} bytes")
    return b"".join(pieces)


def _failure(error: Exception) -> CallError:
    """What a failed exchange means; it holds no address."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return PeerTimeoutError()
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        mismatch = isinstance(error.certificate_error, PinMismatchError)
        return WrongTlsKeyError() if mismatch else PeerUnreachableError()
    if isinstance(error, ValueError):
        return PeerUnreachableError()  # its endpoint is no name or address
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return PeerUnreachableError()
    return BadAnswerError("answer: not HTTP")
