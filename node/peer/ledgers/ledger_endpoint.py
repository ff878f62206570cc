"""The listener's side of ledgers: a head that asks for our cosignature, a ledger that is shown.

`gate` has verified who calls. Bodies are small and read whole; what they say is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from keys.errors import HsmError
from node.peer.errors import BadSubmissionError, InternalFaultError, RefusedRequestError
from node.peer.http import wire
from node.peer.http.bodies import Patience, whole_body
from node.peer.http.wire import Wire
from node.peer.ledgers.crosscheck import Crosscheck
from node.peer.ledgers.ledger_exchange import LINEAGE, SHOWING, LedgerExchange
from node.peer.ledgers.lineage import Lineages
from node.peer.ledgers.witness import HeldSize, Witness
from node.telemetry.logs import logger
from protocol.witness import MAX_SUBMISSION_BYTES

if TYPE_CHECKING:
    from aiohttp import web

    from node.peer.http.gate import Handler
    from node.peer.http.signatures import SignedRequest


@dataclass(frozen=True, slots=True)
class LedgerEndpoint:
    """Answers verified members about ledgers."""

    witness: Witness
    crosscheck: Crosscheck
    lineages: Lineages
    patience: Patience = field(default_factory=Patience)

    async def add_checkpoint(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Cosign a head of the caller's ledger (C2SP tlog-witness)."""
        raw = await self._body(
            request, caller, wire.SUBMISSION_TYPE, MAX_SUBMISSION_BYTES, BadSubmissionError
        )
        answer = await self.witness.add_checkpoint(caller.member, raw)
        if isinstance(answer, HeldSize):
            return wire.held_size(answer.size)
        return Wire(wire.OK, wire.COSIGNATURE_TYPE, answer)

    def exchanges(self, owner: str) -> Iterator[tuple[str, Handler]]:
        """Give the path of each exchange about the ledger of `owner`, and what answers there."""
        yield SHOWING.path(owner), partial(self._exchange, SHOWING, self.crosscheck.answer)
        yield LINEAGE.path(owner), partial(self._exchange, LINEAGE, self.lineages.answer)

    async def _exchange(
        self,
        about: LedgerExchange,
        answer: Callable[[str, bytes], Awaitable[bytes]],
        request: web.Request,
        caller: SignedRequest,
    ) -> Wire:
        """Be shown something of the caller's ledger, and show the same of ours."""
        raw = await self._body(request, caller, about.media_type, about.max_bytes, about.refusal)
        try:
            shown = await answer(caller.member, raw)
        except HsmError as error:  # nothing can be signed now: it asks again, and accuses nobody
            logger().error("no_ledger_shown", peer=caller.member, code=error.code)
            return wire.refusal(InternalFaultError())
        return Wire(wire.OK, about.media_type, shown)

    async def _body(
        self,
        request: web.Request,
        caller: SignedRequest,
        media_type: str,
        most: int,
        refusal: type[RefusedRequestError],
    ) -> bytes:
        raw = await whole_body(request, caller, media_type, most, self.patience)
        if raw is None:
            raise refusal
        return raw
