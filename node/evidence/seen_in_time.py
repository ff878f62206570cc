"""When witnesses saw in our ledger what one of our keys signed (docs/protocol.md §3.9, §8.12).

What they saw before a key was stolen was its owner's, whoever has the key now. Only the signer's
own ledger counts, and of the others' we keep none: what they signed they can show themselves, in an
evidence bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.evidence.weight import Trust
from node.peer.ledgers.witnessing import counts_in
from node.store.audits.audit import Audit
from protocol.checkpoint import Checkpoint
from protocol.errors import ProtocolError
from protocol.witness import cosigners, witnessed_at

if TYPE_CHECKING:
    from node.evidence.believed import Believed
    from node.store.audits.witness_audit import PlaceRow


class OurLedger:
    """Our ledger and the cosignatures on it, as an audit finds them."""

    def __init__(self, audit: Audit, believed: Believed) -> None:
        self._rows = audit.witnesses.believing(counts_in(believed.registry))
        self._us = believed.us
        self._witnesses = Trust(believed.registry, believed.revoked).witnesses()
        self._ends = believed.registry.witness_ends

    def held_ms(self, peer: str, checkpoint: Checkpoint) -> int | None:
        """Since when two that are no party to the channel had seen this there (ms UTC); or None."""
        times = [
            since
            for place in self._rows.places(str(checkpoint.origin))
            if (place.size, place.root) == (checkpoint.size, checkpoint.root)
            and (since := self._since_s(place, peer)) is not None
        ]
        return 1000 * min(times) if times else None

    def _since_s(self, place: PlaceRow, peer: str) -> int | None:
        parties = (self._us, peer)
        head = self._rows.witnessed_head(place.epoch, place.idx, parties)
        if head is None:
            return None
        try:
            times = cosigners(self._rows.cosigned_note(head, peer), self._witnesses, self._ends)
        except ProtocolError:
            return None  # a finding of its own
        return witnessed_at(times, parties)
