"""The listener's side of a recovery: a small request whose answer is a page, or how it stands.

And the same turned round, for members that only pull: they bring the page, and are told what is
asked for next.

`gate` has verified who calls; what is handed back counts against the bytes that the member has left
for the day; the last page may be longer than what is left. Nothing that is asked here changes a
channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.peer.http import wire
from node.peer.http.allowances import Allowances, Cost
from node.peer.http.bodies import Patience, whole_body
from node.peer.http.wire import Wire
from protocol import recovery
from protocol.answers import AnswerCode
from protocol.errors import ProtocolError
from protocol.recovery import Standing
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from aiohttp import web

    from node.peer.http.signatures import SignedRequest
    from node.peer.transport import Brought, Recoveries


@dataclass(frozen=True, slots=True)
class RecoverEndpoint:
    """Answers verified members that lost their node."""

    recoveries: Recoveries
    allowances: Allowances
    patience: Patience
    clock: Callable[[], int]

    async def recover(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Hand the next page back, or say how the asking stands."""
        raw = await whole_body(
            request, caller, wire.RECOVER_TYPE, recovery.MAX_REQUEST_BYTES, self.patience
        )
        if raw is None:
            return wire.answer(AnswerCode.TOO_LARGE)
        try:
            asked = recovery.read_request(raw)
        except ProtocolError:
            return wire.answer(AnswerCode.MALFORMED)
        member, lane = caller.member, Lane(request.match_info["lane"])
        self.allowances.need(member, Cost.BYTES, self.clock())
        found = await self.recoveries.serve(member, lane, asked)
        if isinstance(found, Standing):
            return Wire(wire.OK, wire.STANDING_TYPE, recovery.to_bytes(found))
        page = found.to_bytes()
        self.allowances.owe(member, Cost.BYTES, len(page), self.clock())
        return Wire(wire.OK, wire.PAGE_TYPE, page)


@dataclass(frozen=True, slots=True)
class BroughtEndpoint:
    """Takes from verified members what we had said to them, after we lost our node."""

    brought: Brought
    allowances: Allowances
    patience: Patience
    clock: Callable[[], int]

    async def take(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Take a page, or how the asking stands; answer what is asked for next."""
        is_page = request.headers.get("Content-Type") == wire.PAGE_TYPE
        media_type = wire.PAGE_TYPE if is_page else wire.STANDING_TYPE
        most = wire.max_page_bytes() if is_page else recovery.MAX_STANDING_BYTES
        member, lane = caller.member, Lane(request.match_info["lane"])
        self.allowances.need(member, Cost.BYTES, self.clock())
        raw = await whole_body(request, caller, media_type, most, self.patience)
        if raw is None:
            return wire.answer(AnswerCode.TOO_LARGE)
        self.allowances.owe(member, Cost.BYTES, len(raw), self.clock())
        try:
            said = recovery.read_page(raw) if is_page else recovery.read_standing(raw)
        except ProtocolError:
            return wire.answer(AnswerCode.MALFORMED)
        asked = await self.brought.brought(member, lane, said)
        answer = wire.STANDING_TYPE if isinstance(asked, Standing) else wire.RECOVER_TYPE
        return Wire(wire.OK, answer, recovery.to_bytes(asked))
