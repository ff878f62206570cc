"""Answering entries in custody: alone, or a crowd that gets the same answer with one message.

Items that were handed over together are judged together, and most of them get the same word. They
are answered with one `Dispositions` (docs/protocol.md §10.4) where the addressee reads it; who does
not is answered entry by entry, and so is what bears a reason or waits for another answer.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from node.casework.passing_on.permits import NotPermittedError
from protocol.dispositions import ALONE, Cited, Dispositions
from protocol.entry import HEAD_BYTES
from protocol.fields import MAX_CITED
from protocol.messages import DispositionNote, Item
from protocol.versions import is_read_by
from protocol.vocabulary import Disposition, Kind, Lane

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from node.casework.incoming.reading import Parsed
    from node.casework.item import ItemState
    from node.casework.passing_on.permits import Permits
    from node.casework.postbox import Postbox

UNKNOWN = frozenset({Disposition.UNKNOWN_KIND, Disposition.UNKNOWN_VERSION})
"""Answers that are followed by another when this program has learnt to read the entry (§10.1)."""

_FRAME_BYTES = HEAD_BYTES + 128
"""Of an entry that answers a crowd, all but what it cites."""
_CITED_BYTES = 44
"""One citation at its longest: an array of two, a number of 9 bytes, a hash of 34."""


class _Crowd(NamedTuple):
    """What entries must have in common to be answered with one message."""

    peer: str
    lane: Lane
    epoch: bytes
    disposition: Disposition
    responsible: str | None
    urgency: int


_Alone: TypeAlias = tuple["Parsed", Disposition, str | None, str | None, int, str | None]
"""What is answered how: entry, code, reason, who is responsible, urgency, item."""


class Answering:
    """The answers that one batch of judgements brings about."""

    def __init__(self, book: Casebook, postbox: Postbox, permits: Permits) -> None:
        self._book = book
        self._postbox = postbox
        self._permits = permits
        entry_bytes = permits.registry.network.limits.entry_bytes
        self._most = min(MAX_CITED, (entry_bytes - _FRAME_BYTES) // _CITED_BYTES)
        self._crowds: dict[_Crowd, list[tuple[Parsed, str]]] = {}
        self._alone: list[_Alone] = []
        self._readers: dict[str, bool] = {}

    def answer(
        self,
        parsed: Parsed,
        disposition: Disposition,
        reason: str | None,
        state: ItemState | None,
    ) -> None:
        """Answer one entry, alone or with its crowd; see `finish`."""
        arrived = parsed.arrived
        if (
            state is None
            or reason is not None
            or disposition in ALONE
            or not isinstance(parsed.message, Item)
            or not self._may_crowd(arrived.peer)
        ):
            responsible = None if state is None else state.responsible
            urgency = 1 if state is None else state.urgency
            item = None if state is None else state.id
            self._alone.append((parsed, disposition, reason, responsible, urgency, item))
            return
        crowd = _Crowd(
            arrived.peer,
            arrived.lane,
            arrived.epoch,
            disposition,
            state.responsible,
            state.urgency,
        )
        self._crowds.setdefault(crowd, []).append((parsed, state.id))

    def finish(self) -> None:
        """Say what was gathered; a crowd of one is answered as ever.

        Crowds go first: the answer to an item, before that to what came after it about the item.
        """
        for crowd, members in self._crowds.items():
            members.sort(key=lambda one: one[0].arrived.index)
            for start in range(0, len(members), self._most):
                self._say_to(crowd, members[start : start + self._most])
        self._crowds.clear()
        for answer in self._alone:
            self._say_alone(*answer)
        self._alone.clear()

    def _may_crowd(self, peer: str) -> bool:
        """Whether this member reads answers of crowds, and each of ours may be new to it.

        A node that was lost once has said some of its answers before, and must tell which.
        """
        may = self._readers.get(peer)
        if may is None:
            reader = self._postbox.reads(peer)
            sample = Dispositions(
                Lane.REPORTS, bytes(8), Disposition.NEW, None, 0, (Cited(0, bytes(32)),)
            )
            may = (
                not self._book.loaded.was_lost
                and reader is not None
                and is_read_by(sample, reader)
                and self._most > 1
            )
            self._readers[peer] = may
        return may

    def _postbox_for(self, peer: str) -> Postbox:
        """Who may hear no answers now is answered later: nothing else says what became of it."""
        if self._permits.says(peer, Lane.STATUS, Kind.DISPOSITION):
            return self._postbox
        self._book.tasks.append((NotPermittedError.task, peer))
        return self._postbox.to_wait()

    def _say_to(self, crowd: _Crowd, members: list[tuple[Parsed, str]]) -> None:
        if len(members) == 1:
            parsed, item = members[0]
            self._say_alone(parsed, crowd.disposition, None, crowd.responsible, crowd.urgency, item)
            return
        cited = tuple(Cited(one.arrived.index, one.arrived.leaf) for one, _ in members)
        message = Dispositions(
            crowd.lane,
            crowd.epoch,
            crowd.disposition,
            crowd.responsible,
            self._book.now,
            cited,
        )
        leaves = hashlib.sha256(b"".join([one.leaf for one in cited])).digest()
        self._book.say(
            self._postbox_for(crowd.peer),
            crowd.peer,
            Kind.DISPOSITIONS,
            message,
            subject=leaves,
            urgency=crowd.urgency,
        )

    def _say_alone(
        self,
        parsed: Parsed,
        disposition: Disposition,
        reason: str | None,
        responsible: str | None,
        urgency: int,
        item: str | None,
    ) -> None:
        arrived = parsed.arrived
        note = DispositionNote(
            arrived.lane,
            arrived.epoch,
            arrived.index,
            arrived.leaf,
            parsed.entry_id,
            disposition,
            getattr(parsed.message, "item_id", None),
            responsible,
            reason,
            self._book.now,
        )
        self._book.say(
            self._postbox_for(arrived.peer),
            arrived.peer,
            Kind.DISPOSITION,
            note,
            subject=arrived.leaf if disposition in UNKNOWN else b"judged" + arrived.leaf,
            item=item,
            urgency=urgency,
        )
