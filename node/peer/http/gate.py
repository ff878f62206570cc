"""Who is calling, and the signature under what he is told.

The order keeps callers cheap (docs/protocol.md §9):

1. the host that was meant; a body as it is, with its length (line and headers are bounded by the
   parser);
2. the signature over the headers, by a key that the registry lists for the member it names;
3. the time and the nonce, which is remembered from here on; the path must be the sender's own.

No byte of a body is looked at here, and until all of it is done nothing changes and whoever calls
is told no more than a code. Everything is signed, refusals too, as far as there is a request
signature to bind the answer to and strangers do not ask for too many.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from http_message_signatures import HTTPMessageSignaturesException
from multidict import CIMultiDict

from keys.errors import KeysError
from keys.registry import Registry
from keys.signing import Signer, VerifyKey
from node.peer.errors import (
    EncodedBodyError,
    ForeignChannelError,
    InternalFaultError,
    OverQuotaError,
    RefusedRequestError,
    UnheardSenderError,
    UnsizedBodyError,
    WrongAuthorityError,
)
from node.peer.http import signatures, wire
from node.peer.http.bodies import Patience
from node.peer.http.quotas import Quotas
from node.peer.http.replays import Replays
from node.peer.http.signatures import FindKey, HttpRequest, HttpResponse, SignedRequest
from node.peer.http.wire import Wire
from node.telemetry.logs import logger
from protocol.answers import AnswerCode

Handler = Callable[[web.Request, SignedRequest], Awaitable[Wire]]

_AS_ANSWER: Final[dict[type[RefusedRequestError], AnswerCode]] = {
    OverQuotaError: AnswerCode.BUSY,
    UnheardSenderError: AnswerCode.REGISTRY_BEHIND,
}
"""Refusals that delivery knows as answers about a channel: later; refresh the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Lets verified members in to handlers, and signs what goes out.

    Attributes:
        us: our member id.
        registry: gives the verified registry in force.
        transport_key: signs every answer.
        clock: gives the time, ms UTC.
        quotas: what each caller may use.
        replays: what was seen before.
        on_contact: called with the member for each verified request within its quota.
        on_registry_behind: called when somebody signed with a key that we do not know.
        on_refused: called with the code of each refusal.
        patience: how long a caller may take over a long answer.
    """

    us: str
    registry: Callable[[], Registry]
    transport_key: Signer
    clock: Callable[[], int]
    quotas: Quotas
    replays: Replays
    on_contact: Callable[[str], object]
    on_registry_behind: Callable[[], None]
    on_refused: Callable[[str], None]
    patience: Patience = field(default_factory=Patience)

    def endpoint(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return an aiohttp handler: verify, work, sign."""

        async def handle(request: web.Request) -> web.Response:
            now_ms = self.clock()
            try:
                caller = self._verify(request, now_ms)
            except RefusedRequestError as error:
                return self._refuse_stranger(request, error, now_ms)
            except Exception as error:  # noqa: BLE001 - our fault; nobody learns anything of it
                logger().error("peer_request_failed", exc_info=error)
                return self._refuse_stranger(request, InternalFaultError(), now_ms)
            reply = await self._work(handler, request, caller, now_ms)
            if len(reply.body) > wire.MAX_REPLY_BYTES:
                return await self._hand_over(request, caller, reply)
            return self._signed(request, reply)

        return handle

    def _verify(self, request: web.Request, now_ms: int) -> SignedRequest:
        headers = request.headers
        # 1. The host that was meant, a body as it is, with its length.
        if _without_default_port(headers.get("Host", "").lower()) != self._authority():
            raise WrongAuthorityError
        if "Content-Encoding" in headers:
            raise EncodedBodyError
        has_content = request.method in signatures.METHODS_WITH_CONTENT
        if "Transfer-Encoding" in headers or has_content != bool(request.content_length):
            raise UnsizedBodyError
        # 2. The signature.
        caller = signatures.verify_request(_as_signed(request), self._serving(now_ms))
        # 3. Now, once, and by the sender itself.
        self.replays.admit(caller.member, caller.nonce, caller.created_ms, now_ms)
        if request.match_info.get("caller", caller.member) != caller.member:
            raise ForeignChannelError
        return caller

    def _serving(self, now_ms: int) -> FindKey:
        def find(member: str, key_id: str) -> VerifyKey:
            return self.registry().member(member).signing_key("transport", key_id, now_ms)

        return find

    def _authority(self) -> str | None:
        try:
            endpoint = self.registry().member(self.us).endpoint
        except KeysError:
            return None
        return endpoint and _without_default_port(endpoint.removeprefix("https://"))

    async def _work(
        self, handler: Handler, request: web.Request, caller: SignedRequest, now_ms: int
    ) -> Wire:
        member, size = caller.member, min(request.content_length or 0, wire.max_page_bytes())
        try:
            with self.quotas.request(member, now_ms), self.quotas.held(member, size):
                self.on_contact(member)
                reply = await handler(request, caller)
                if not wire.is_fruitful(reply):
                    self.quotas.fruitless(member, now_ms)
                return reply
        except RefusedRequestError as error:
            if isinstance(error, OverQuotaError):
                await asyncio.sleep(self.quotas.hold_s)
            else:
                self.quotas.fruitless(caller.member, now_ms)
            self.on_refused(error.code)
            logger().info("peer_request_refused", peer=caller.member, code=error.code)
            return _refused(request, error)
        except Exception as error:  # noqa: BLE001 - our fault; the peer learns nothing of it
            logger().error("peer_request_failed", peer=caller.member, exc_info=error)
            return wire.refusal(InternalFaultError())

    async def _hand_over(
        self, request: web.Request, caller: SignedRequest, reply: Wire
    ) -> web.Response:
        """Send a long answer, which counts until it is taken; who takes it too slowly is cut."""
        size, response = len(reply.body), self._signed(request, reply)
        try:
            with self.quotas.held(caller.member, size):
                async with asyncio.timeout(self.patience.seconds(size)):
                    await response.prepare(request)
                    await response.write_eof()
        except OverQuotaError as error:
            self.on_refused(error.code)
            return self._signed(request, _refused(request, error))
        except (TimeoutError, OSError):
            if request.transport is not None:
                request.transport.abort()
        return response

    def _refuse_stranger(
        self, request: web.Request, error: RefusedRequestError, now_ms: int
    ) -> web.Response:
        """Refuse a caller that was not verified; without a signature once too many ask."""
        self.on_refused(error.code)
        if "Signature" not in request.headers or not self.quotas.stranger(now_ms):
            return _bare(error)
        logger().info("stranger_refused", code=error.code)
        if isinstance(error, UnheardSenderError):
            self.on_registry_behind()
        try:
            response = self._signed(request, _refused(request, error))
        except HTTPMessageSignaturesException:
            return _bare(error)
        response.force_close()
        return response

    def _signed(self, request: web.Request, reply: Wire) -> web.Response:
        digest = signatures.digest_field(hashlib.sha256(reply.body).digest())
        headers = CIMultiDict({"Content-Type": reply.media_type, "Content-Digest": digest})
        response = HttpResponse(reply.status, headers, _as_signed(request))
        signatures.sign_answer(response, self.transport_key, self.us, self.clock())
        return web.Response(status=reply.status, body=reply.body, headers=headers)


def _refused(request: web.Request, error: RefusedRequestError) -> Wire:
    code = _AS_ANSWER.get(type(error))
    if code is None or "lane" not in request.match_info:
        return wire.refusal(error)
    return wire.answer(code, wire.question_nonce(request.query_string))


def _bare(error: RefusedRequestError) -> web.Response:
    """Refuse with a status alone."""
    response = web.Response(status=error.status)
    response.force_close()
    return response


def _as_signed(request: web.Request) -> HttpRequest:
    url = f"https://{request.headers.get('Host', '')}{request.raw_path}"
    return HttpRequest(request.method, url, CIMultiDict(request.headers))


def _without_default_port(authority: str) -> str:
    return authority.removesuffix(":443")
