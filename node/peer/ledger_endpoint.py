"""The listener's side of ledgers: a head that asks for our cosignature, a ledger that is shown.

`gate` has verified who calls. Bodies are small and read whole; what they say is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.peer import wire
from node.peer.bodies import Patience, whole_body
from node.peer.crosscheck import Crosscheck
from node.peer.errors import (
    BadLineageError,
    BadShowingError,
    BadSubmissionError,
    RefusedRequestError,
)
from node.peer.lineage import Lineages
from node.peer.wire import Wire
from node.peer.witness import HeldSize, Witness
from protocol.lineage import MAX_LINEAGE_BYTES
from protocol.showing import MAX_SHOWING_BYTES
from protocol.witness import MAX_SUBMISSION_BYTES

if TYPE_CHECKING:
    from aiohttp import web

    from node.peer.signatures import SignedRequest


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

    async def show(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Be shown the caller's ledger, and show ours."""
        raw = await self._body(
            request, caller, wire.SHOWING_TYPE, MAX_SHOWING_BYTES, BadShowingError
        )
        return Wire(wire.OK, wire.SHOWING_TYPE, await self.crosscheck.answer(caller.member, raw))

    async def show_epochs(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Be shown how the caller's ledger goes on, and show how ours does."""
        raw = await self._body(
            request, caller, wire.LINEAGE_TYPE, MAX_LINEAGE_BYTES, BadLineageError
        )
        return Wire(wire.OK, wire.LINEAGE_TYPE, await self.lineages.answer(caller.member, raw))

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
