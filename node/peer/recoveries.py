"""The listener's side of a recovery: a small request whose answer is a page, or how it stands.

`gate` has verified who calls; what is handed back counts against the bytes that the member has left
for the day. Nothing that is asked here changes a channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.peer import wire
from node.peer.allowances import Allowances, Cost
from node.peer.bodies import Patience, whole_body
from node.peer.wire import Wire
from protocol import recovery
from protocol.answers import AnswerCode
from protocol.errors import ProtocolError
from protocol.recovery import Standing
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from aiohttp import web

    from node.peer.signatures import SignedRequest
    from node.peer.transport import Recoveries


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
        self.allowances.spend(member, Cost.BYTES, len(page), self.clock())
        return Wire(wire.OK, wire.PAGE_TYPE, page)
