"""The listener's side of a pull: a small request whose answer is a push.

`gate` has verified who calls. The body is read whole, since it is small; what it says is judged by
`Pulls.pull`, which may hold it back. What is offered counts against the bytes of the caller's day,
apart from what it pushes: the same is sealed and sent as often as it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.peer.http import wire
from node.peer.http.allowances import Allowances, Cost
from node.peer.http.bodies import Patience, whole_body
from node.peer.http.wire import Wire
from protocol import pull as pulling
from protocol.answers import Answer, AnswerCode
from protocol.errors import ProtocolError
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from node.peer.http.signatures import SignedRequest
    from node.peer.transport import Pulls


@dataclass(frozen=True, slots=True)
class PullEndpoint:
    """Answers the pulls of verified members."""

    pulls: Pulls
    patience: Patience
    allowances: Allowances
    clock: Callable[[], int]

    async def pull(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Serve what waits for the caller."""
        raw = await whole_body(
            request, caller, wire.PULL_TYPE, pulling.MAX_PULL_BYTES, self.patience
        )
        if raw is None:
            return wire.answer(AnswerCode.TOO_LARGE)
        try:
            asked = pulling.from_bytes(raw)
        except ProtocolError:
            return wire.answer(AnswerCode.MALFORMED)
        if pulling.path_epoch(asked.answer).hex() != request.match_info["epoch"]:
            return wire.answer(AnswerCode.MALFORMED)
        lane = Lane(request.match_info["lane"])
        self.allowances.need(caller.member, Cost.BYTES, self.clock())
        answer = await self.pulls.pull(caller.member, lane, asked)
        if isinstance(answer, Answer):
            return wire.answered(answer)
        offer = answer.to_bytes()
        self.allowances.owe(caller.member, Cost.BYTES, len(offer), self.clock())
        return Wire(wire.OK, wire.OFFER_TYPE, offer)
