"""The ledger part of a proof: where a checkpoint stands in a witnessed ledger, and since when.

It gives time that is nobody's own word: two members that are neither the sender nor the receiver
saw a head of the ledger under which this checkpoint is a leaf (docs/protocol.md §8.12, §12).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from protocol.merkle import inclusion_path
from protocol.witness import witnessed_at

if TYPE_CHECKING:
    from node.store.audits.witness_audit import HeadRow, PlaceRow, WitnessAudit


class LedgerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head of the ledger of `owner`, and the path to the leaf of the proof's checkpoint.

    `head` is the note with its owner's signature and the cosignatures of witnesses.
    """

    owner: str
    epoch: str
    index: int
    size: int
    path: tuple[str, ...]
    head: str


def find_part(
    witnesses: WitnessAudit, us: str, peer: str, origin: str, index: int, receipted: Iterable[int]
) -> tuple[int, LedgerPart] | None:
    """Return the size of a checkpoint over entry `index`, and where our ledger witnesses it.

    Of several, one that was receipted, then the smallest, under the first head that is witnessed.
    """
    bound = set(receipted)
    places = [place for place in witnesses.places(origin) if place.size > index]
    for place in sorted(places, key=lambda one: (one.size not in bound, one.size)):
        head = witnesses.witnessed_head(place.epoch, place.idx, (us, peer))
        if head is not None:
            note = witnesses.cosigned_note(head, peer)
            return place.size, _part(witnesses, us, place, head, note)
    return None


def _part(
    witnesses: WitnessAudit, us: str, place: PlaceRow, head: HeadRow, note: bytes
) -> LedgerPart:
    leaves = witnesses.leaf_hashes(place.epoch, head.size)
    path = inclusion_path(leaves, place.idx, head.size)
    return LedgerPart(
        owner=us,
        epoch=place.epoch.hex(),
        index=place.idx,
        size=head.size,
        path=tuple(base64.b64encode(node).decode() for node in path),
        head=note.decode(),
    )


def seen(times: Mapping[str, int], parties: tuple[str, str]) -> tuple[list[str], int | None]:
    """Return since when a head is witnessed for a channel (POSIX s), and by whom until then."""
    since = witnessed_at(times, parties)
    if since is None:
        return [], None
    by = [w for w in sorted(times, key=lambda w: (times[w], w)) if w not in parties]
    return [witness for witness in by if times[witness] <= since], since
