"""Entries from other members, judged in a casebook: what tests of receiving are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.casework.incoming.receiving import Answer, Judge
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from protocol import entry as entries
from protocol.entry import leaf
from protocol.facts import Assessment, Content, Hop, Jurisdiction, Sighting
from protocol.messages import DispositionNote, Item, Message, Outcome, form_of, to_body
from protocol.vocabulary import (
    Disposition,
    ItemKind,
    Kind,
    Lane,
    Matter,
    OutcomeWhat,
    Source,
)
from tests.builders.cases import PLACE, POSTBOX, at, book, country, event_id, ids, network
from tests.builders.network import NOW_MS

SECRET = b"\x07" * 32
THEIRS = Postbox(SECRET)
_LANES = {Kind.ITEM: Lane.REPORTS, Kind.SIGHTED: Lane.REPORTS}


def item_from(
    member: str = "gb-iwf",
    number: int = 1,
    *content: Content,
    url: str | None = PLACE,
    hosted: Jurisdiction | None = None,
    **changes: Any,
) -> Item:
    """An item that `member` found and hands over."""
    item_id = event_id(number, member)
    made = Item(
        item_id=item_id,
        report_id=event_id(number + 500, member),
        revision=1,
        matter=Matter.CSAM,
        item_kind=ItemKind.IMAGE,
        location=at(url),
        content=content,
        access=None,
        source=Source.PUBLIC,
        found_via=None,
        campaign=None,
        found_ms=NOW_MS,
        received_ms=NOW_MS,
        child_at_risk=False,
        finder=member,
        custody=(Hop(member, NOW_MS),),
        jurisdiction=hosted or country("NL"),
        assessments=(),
        actions=(),
        sightings=(Sighting(item_id, member, Source.PUBLIC, NOW_MS),),
    )
    return msgspec.structs.replace(made, **changes)


def outcome(item_id: str, what: OutcomeWhat = OutcomeWhat.REOPENED, **changes: Any) -> Outcome:
    """What became of an item; nothing but that it was reopened, unless told otherwise."""
    made = Outcome(
        item_id=item_id,
        event_id=event_id(70, "fr-pdc"),
        author="fr-pdc",
        what=OutcomeWhat.REOPENED,
        assessment=None,
        action=None,
        moved=None,
        responsible=None,
        at_ms=NOW_MS,
        learnt_ms=NOW_MS,
    )
    return msgspec.structs.replace(made, what=what, **changes)


def said_of(item_id: str, given: Assessment) -> Outcome:
    """Return a member's word that it judged an item, told as soon as it was given."""
    return outcome(
        item_id,
        OutcomeWhat.ASSESSED,
        author=given.member,
        event_id=given.event_id,
        assessment=given,
        learnt_ms=given.at_ms,
    )


def answer(item_id: str | None, disposition: Disposition, **changes: Any) -> DispositionNote:
    """A receiver's answer to an entry of ours."""
    made = DispositionNote(
        Lane.REPORTS, bytes(8), 1, bytes(32), None, disposition, item_id, None, None, NOW_MS
    )
    return msgspec.structs.replace(made, **changes)


class Receiver:
    """Judges what arrives, one after another, in one casebook."""

    def __init__(
        self, *known: ItemState, registry: Registry | None = None, postbox: Postbox = POSTBOX
    ) -> None:
        self.book: Casebook = book(*known)
        self.registry = registry or network()
        self._postbox = postbox
        self._ids = ids()

    def __call__(
        self,
        peer: str,
        message: Message,
        lane: Lane | None = None,
        revision: int = 0,
        *,
        let_go: bool = False,
    ) -> Answer:
        """Judge one message from `peer`."""
        version, kind = form_of(message)
        subject = getattr(message, "item_id", None) or "nothing"
        body = to_body(message)
        said = entries.compose(SECRET, kind, subject, revision, peer, body, version)
        lane = lane or _LANES.get(Kind(kind), Lane.STATUS)
        return self.raw(peer, entries.encode(said), lane, let_go=let_go)

    def raw(
        self, peer: str, entry: bytes, lane: Lane = Lane.REPORTS, *, let_go: bool = False
    ) -> Answer:
        """Judge the bytes of one entry from `peer`; `let_go`: a person lets it go on."""
        arrived = Arrived(peer, lane, bytes(8), 3, leaf(entry), entry, let_go=let_go)
        judge = Judge(self.book, self.registry, self._ids, self._postbox)
        answer = judge.judge(parse(arrived))
        judge.finish()
        return answer

    def state(self, item_id: str) -> ItemState:
        """Return an item as it is now, by any of its ids."""
        found = self.book.find(item_id)
        assert found is not None
        return found
