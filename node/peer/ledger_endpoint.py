"""The listener's side of what is said about ledgers: a head that asks for our cosignature.

`gate` has verified who calls. Bodies are small and read whole; what they say is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.peer import wire
from node.peer.bodies import Body, Patience
from node.peer.errors import BadSubmissionError, EncodedBodyError
from node.peer.wire import Wire
from node.peer.witness import HeldSize, Witness
from protocol.witness import MAX_SUBMISSION_BYTES

if TYPE_CHECKING:
    from aiohttp import web

    from node.peer.signatures import SignedRequest


@dataclass(frozen=True, slots=True)
class LedgerEndpoint:
    """Answers verified members about ledgers."""

    witness: Witness
    patience: Patience = field(default_factory=Patience)

    async def add_checkpoint(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Cosign a head of the caller's ledger (C2SP tlog-witness)."""
        if request.headers.get("Content-Type") != wire.SUBMISSION_TYPE:
            raise EncodedBodyError
        size = request.content_length or 0
        if size > MAX_SUBMISSION_BYTES:
            raise BadSubmissionError
        body = Body(request.content, size, self.patience)
        raw = await body.rest(caller.body_sha256)
        answer = await self.witness.add_checkpoint(caller.member, raw)
        if isinstance(answer, HeldSize):
            return wire.held_size(answer.size)
        return Wire(wire.OK, wire.COSIGNATURE_TYPE, answer)
