"""Judging what other members sent: custody was given first, this is what becomes of each entry.

Every entry gets exactly one outcome: judged (with a disposition for the kinds that are answered),
parked until the item it speaks of is known, or quarantined. A bad entry never holds up the next.

Who may say what is asked twice: the table of roles, lanes and kinds, and whether this sender is
part of this item's story at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from typing import Any

import msgspec

from keys.network import EXPELLED
from keys.registry import Registry
from keys.signing import VerifyKey
from node.casework.casebook import Casebook
from node.casework.contents.listing import match_lists
from node.casework.contents.sharing import concerned, is_own
from node.casework.incoming.answering import Answering
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.bounding import REASON, is_over, refuse
from node.casework.incoming.handover import Handover
from node.casework.incoming.hearing import (
    hear_disposition,
    hear_dispositions,
    hear_outcome,
)
from node.casework.incoming.naming import Disavowed
from node.casework.incoming.needing import erased_ms_of
from node.casework.incoming.reading import Parsed
from node.casework.incoming.under_id import REASON as ANOTHER
from node.casework.incoming.under_id import is_other_item, refuse_other
from node.casework.item import ItemState
from node.casework.messaging import hear_message
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.undoing import put_before_a_person
from node.casework.mistakes.withdrawing import hear_verdict_withdrawn, hear_withdrawal
from node.casework.passing_on.custody import see_who_else_has_it
from node.casework.passing_on.permits import renewed
from node.casework.passing_on.routing import Forwarding
from node.casework.postbox import Postbox
from node.casework.rebuilt.late import comes_before_our_word, take_late
from node.ids import Ids
from protocol import entry as entries
from protocol.checkpoint import verify_checkpoint
from protocol.correspondence import PeerMessage
from protocol.disavowal import Disavow
from protocol.dispositions import Dispositions
from protocol.errors import ProtocolError
from protocol.facts import Jurisdiction
from protocol.messages import (
    KINDS,
    DispositionNote,
    Item,
    ItemV2,
    Message,
    Outcome,
    Sighted,
    UnknownMessage,
    Withdrawal,
)
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Disposition, OutcomeWhat


class Judged(IntEnum):
    """Where an entry stands (stored numbers)."""

    WAITING = 0
    DONE = 1
    PARKED = 2
    QUARANTINED = 3


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What became of an entry; `erased_ms`: if it waits, the tombstones that it may wait for."""

    arrived: Arrived
    judged: Judged
    disposition: Disposition | None = None
    waits_for: str | None = None
    item: str | None = None
    erased_ms: int | None = None


NOT_JUDGED = "entry_not_judged"
"""Task: the program failed at an entry."""
HANDED_OVER = "handed_over_in_quarantine"
"""Task: a member that is suspended or gone handed items over, which it says it has no more."""


def set_aside(arrived: Arrived, book: Casebook) -> list[Answer]:
    """Keep an entry that cannot be judged, for a person and for a later version."""
    book.tasks.append((NOT_JUDGED, arrived.peer))
    conflict = Disposition.CONFLICT if arrived.conflict else None
    return [Answer(arrived, Judged.QUARANTINED, conflict)]


class Judge:
    """Judges entries one after another in one casebook.

    `places`: where their items are hosted, as far as that is known without asking anybody.
    """

    def __init__(
        self,
        book: Casebook,
        registry: Registry,
        ids: Ids,
        postbox: Postbox,
        places: Mapping[str | None, Jurisdiction] | None = None,
    ) -> None:
        self.book = book
        self.registry = registry
        self.ids = ids
        self.postbox = postbox
        self.handover = Handover(book, registry, postbox, ids, places)
        self._forwarding = Forwarding(registry, ids, postbox)
        self._permits = renewed(postbox.permits, book.us, registry)
        self._answering = Answering(book, postbox, self._permits)

    def judge(self, parsed: Parsed) -> Answer:
        """Return what becomes of the entry, having recorded its effect and posted its answer."""
        arrived = parsed.arrived
        if arrived.conflict:
            return self._conflict(parsed)
        away = not self.registry.is_active(arrived.peer) and not self._is_let_in(parsed)
        if away or (self._is_stranded(parsed) and not self._is_to_be_had(parsed)):
            if isinstance(parsed.message, Item) and not arrived.set_aside:
                self.book.tasks.append((HANDED_OVER, arrived.peer))
            return Answer(arrived, Judged.QUARANTINED, Disposition.QUARANTINED)
        if arrived.disavowed:  # whoever said it: not the sender
            return self._hold(arrived)
        disposition, reason = self._decide(parsed)
        item_id = getattr(parsed.message, "item_id", None)
        if disposition is Disposition.PARKED:
            return Answer(arrived, Judged.PARKED, disposition, item_id, None, erased_ms_of(parsed))
        if reason == ANOTHER:
            item_id = None  # it became part of no item
        state = None if item_id is None else self.book.find(item_id)
        self._answer(parsed, disposition, reason, state)
        item = self._buried(parsed, item_id) if state is None else state.id
        if reason in _BY_REGISTRY and (state is not None or item is None) and _may_wait(parsed):
            return Answer(arrived, Judged.QUARANTINED, disposition, item=item)
        return Answer(arrived, Judged.DONE, disposition, item=item)

    def _is_to_be_had(self, parsed: Parsed) -> bool:
        """Whether we may take an item that we cannot refuse: by our roles, and by the terms."""
        message, peer = parsed.message, parsed.arrived.peer
        read = self._permits.read
        return self._permits.holds and (message is None or read(peer, message) is not None)

    def _is_stranded(self, parsed: Parsed) -> bool:
        return self._permits.is_stranded(parsed.arrived.peer, parsed.arrived.lane, parsed.kind)

    def _is_let_in(self, parsed: Parsed) -> bool:
        """Whether a person lets an item be judged that a member handed over which is gone now.

        Of one that is suspended nobody does: the registry says whether it comes back.
        """
        gone = self._is_gone(parsed.arrived.peer)
        return gone and parsed.arrived.let_go and isinstance(parsed.message, Item)

    def _is_gone(self, peer: str) -> bool:
        """Whether it is expelled: what is meant for one that is suspended waits (§11.3)."""
        entry = self.registry.network.members.get(peer)
        return entry is not None and entry.status == EXPELLED

    def _hold(self, arrived: Arrived) -> Answer:
        """Keep what its sender disavows before it was judged; no effect, and no answer."""
        place = f"{arrived.peer}/{arrived.lane}/{arrived.epoch.hex()}/{arrived.index}"
        self.book.tasks.append(("entry_disavowed", place))
        return Answer(arrived, Judged.QUARANTINED)

    def _conflict(self, parsed: Parsed) -> Answer:
        """Another entry had this id before: this one has no effect, and its sender hears so.

        An item that is here is not named: the first entry stands, so nobody takes it back.
        """
        arrived, message = parsed.arrived, parsed.message
        item_id = getattr(message, "item_id", None)
        state = None if item_id is None else self.book.find(item_id)
        gone = None if item_id is None else self.book.gone_id(item_id, arrived.peer)
        if gone is not None and isinstance(message, _CARRYING):
            self.book.bury(gone, arrived)
        if _is_answered(parsed) and not self._is_gone(arrived.peer):
            told = parsed if state is None else msgspec.structs.replace(parsed, message=None)
            self._answering.answer(told, Disposition.CONFLICT, None, None)
        return Answer(arrived, Judged.DONE, Disposition.CONFLICT)

    def _buried(self, parsed: Parsed, item_id: str | None) -> str | None:
        """Of an item that was erased no body is kept either that came too late (§8.8)."""
        message, arrived = parsed.message, parsed.arrived
        item = None if item_id is None else self.book.gone_id(item_id, arrived.peer)
        if item is None or not isinstance(message, Sighted | Outcome | PeerMessage):
            return None
        if isinstance(message, Outcome) and message.what in _IDS_ALONE:
            return None  # the proof that the other one erased it too, or took its verdict back
        self.book.bury(item, arrived)
        return item

    def _decide(self, parsed: Parsed) -> tuple[Disposition | None, str | None]:
        message, peer = parsed.message, parsed.arrived.peer
        if message is None:
            self.book.tasks.append(("entry_malformed", peer))
            return Disposition.MALFORMED, parsed.fault
        if isinstance(message, UnknownMessage):
            self.book.tasks.append(("entry_unknown_kind", peer))
            return _unknown(message), None
        hears = self._permits.let_in if self._is_let_in(parsed) else self._permits.hears
        heard = hears(peer, parsed.arrived.lane, parsed.kind)
        if not heard and not self._is_stranded(parsed):
            self._show("entry_not_permitted", parsed.arrived)
            return Disposition.NOT_PERMITTED, _ROLE
        readable = self._permits.read(peer, message)
        if readable is None:
            self._show("field_not_permitted", parsed.arrived)
        elif readable is not message:
            self.book.tasks.append(("field_not_permitted", peer))
        if readable is None:
            return Disposition.NOT_PERMITTED, _TRANSFER
        message = readable
        item_id = getattr(message, "item_id", None)
        state = None if item_id is None else self.book.find(item_id)
        if state is not None and (refused := self._refuse(peer, state, message)) is not None:
            return refused
        handler = _HANDLERS.get(type(message))
        disposition = None if handler is None else handler(self, parsed, message)
        over = disposition is Disposition.NOT_PERMITTED and isinstance(message, Item)
        return disposition, REASON if over else None

    def _show(self, code: str, arrived: Arrived) -> None:
        """Put before a person why it is refused; one that closed this very task knows."""
        if arrived.refused:
            self.book.still[code, arrived.peer] = arrived
        else:
            self.book.tasks.append((code, arrived.peer))

    def _refuse(
        self, peer: str, state: ItemState, message: Message
    ) -> tuple[Disposition, str | None] | None:
        """What has no effect on the item of which it bears the id, or not yet; None: it may."""
        if comes_before_our_word(self.book, state, peer, message):
            return Disposition.PARKED, None
        if isinstance(message, Item) and is_other_item(state, peer, message):
            return refuse_other(self.book, peer, message.item_id), ANOTHER
        if is_over(self.book, self.postbox, peer, state, message):
            return refuse(self.book, peer, state), REASON
        return None

    def _answer(
        self,
        parsed: Parsed,
        disposition: Disposition | None,
        reason: str | None,
        state: ItemState | None,
    ) -> None:
        if disposition is not None and _is_answered(parsed):
            self._answering.answer(parsed, disposition, reason, state)

    def finish(self) -> None:
        """To be called once all are judged: answers that go together are said, lists asked.

        In this order, so that the other member has our answer before a verdict of ours.
        """
        self._answering.finish()
        reconsider(self.book, self.ids, self.postbox)
        match_lists(self.book, self.ids, self.postbox)
        reconsider(self.book, self.ids, self.postbox)  # a benign list may know a file now

    def item(self, parsed: Parsed, message: Item) -> Disposition:
        """An item handed over."""
        peer, before = parsed.arrived.peer, self.book.find(message.item_id)
        disposition = self.handover.item(peer, self._permits.with_report(peer, message))
        state = self.book.find(message.item_id)
        if before is None and state is not None and not state.sightings:
            put_before_a_person(self.book, state)  # nothing here would go on with it by itself
        take_late(self.book, self._forwarding, message.item_id, before)
        let_in = self._is_let_in(parsed)
        see_who_else_has_it(self.book, self.registry, peer, message, before, let_in=let_in)
        return disposition

    def sighted(self, parsed: Parsed, message: Sighted) -> Disposition:
        """A later sighting, or later facts, of an item that was handed over."""
        return self.handover.sighted(parsed.arrived.peer, message)

    def disposition(self, parsed: Parsed, message: DispositionNote) -> Disposition | None:
        """The answer to an entry of ours."""
        return hear_disposition(self.book, self._forwarding, parsed.arrived.peer, message)

    def dispositions(self, parsed: Parsed, message: Dispositions) -> Disposition | None:
        """The answer to many entries of ours."""
        return hear_dispositions(self.book, self._forwarding, parsed.arrived.peer, message)

    def outcome(self, parsed: Parsed, message: Outcome) -> Disposition | None:
        """What became of an item, told by a member along the chain."""
        book, peer = self.book, parsed.arrived.peer
        state = book.find(message.item_id)
        if state is not None and message.what is OutcomeWhat.WITHDRAWN:
            return hear_verdict_withdrawn(book, self.postbox, state, peer, message)
        return hear_outcome(book, self._forwarding, peer, message)

    def withdrawal(self, parsed: Parsed, message: Withdrawal) -> Disposition | None:
        """A member takes its sighting back."""
        peer = parsed.arrived.peer
        untold = self._permits.withholds(peer, "sightings")
        return hear_withdrawal(self.book, self.postbox, peer, message, untold=untold)

    def message(self, parsed: Parsed, message: PeerMessage) -> Disposition | None:
        """A person of another member writes about an item."""
        return hear_message(self.book, parsed.arrived.peer, message)

    def verdict(
        self, parsed: Parsed, message: ContentVerdict | ContentVerdictWithdrawn
    ) -> Disposition | None:
        """A member shares its verdict on a content, or takes it back.

        It stands in the member's list already, or stands there no more (`Needs.told`). What
        followed from a verdict that is taken back is undone by whoever undoes it for all lists.
        """
        book, peer = self.book, parsed.arrived.peer
        if not is_own(peer, message):
            book.tasks.append(("entry_not_permitted", peer))
            return Disposition.NOT_PERMITTED
        if isinstance(message, ContentVerdict):
            if peer in book.loaded.full:
                book.tasks.append(("contents_over_bound", peer))
            match_lists(book, self.ids, self.postbox, concerned(book, message))
        return None

    def disavow(self, parsed: Parsed, message: Disavow) -> Disposition | None:
        """A member says which entries in its own log somebody else signed (§8.15)."""
        document = self.registry.member(parsed.arrived.peer)
        keys = [k for k in document.log_keys if document.turn(k.key_id).compromised_ms is None]
        counts = partial(_is_signed_by, keys)
        self.book.disavowed.append(Disavowed(parsed.arrived, message, counts))
        return None


_ROLE, _TRANSFER = "role", "transfer"
_BY_REGISTRY = frozenset({_ROLE, _TRANSFER})
"""Reasons that another registry may take away."""


def _may_wait(parsed: Parsed) -> bool:
    """Whether what is not permitted is judged again under another registry (§11.5).

    Nobody tells its sender that it was refused, so nobody says it again.
    """
    return not _is_answered(parsed) and not isinstance(parsed.message, Disavow)


def _is_answered(parsed: Parsed) -> bool:
    """Whether an entry of this kind, or that nobody can read, is answered (§7.2)."""
    if parsed.message is None or isinstance(parsed.message, UnknownMessage):
        return True
    rule = KINDS.get(parsed.kind)
    return rule is not None and rule.answered


def _is_signed_by(keys: Sequence[VerifyKey], note: bytes) -> bool:
    try:
        verify_checkpoint(note, keys)
    except ProtocolError:
        return False
    return True


_CARRYING = (Item, Sighted, Outcome, PeerMessage)
"""What can say more than ids."""

_IDS_ALONE = frozenset({OutcomeWhat.ERASED, OutcomeWhat.WITHDRAWN})
"""News without a payload that stay, as proof, though the item was erased (§8.8)."""


def _unknown(message: UnknownMessage) -> Disposition:
    other = message.version not in entries.VERSIONS or message.kind in KINDS
    return Disposition.UNKNOWN_VERSION if other else Disposition.UNKNOWN_KIND


_Handler = Callable[[Judge, Parsed, Any], Disposition | None]
_HANDLERS: dict[type, _Handler] = {
    Item: Judge.item,
    ItemV2: Judge.item,
    Sighted: Judge.sighted,
    DispositionNote: Judge.disposition,
    Dispositions: Judge.dispositions,
    Outcome: Judge.outcome,
    Withdrawal: Judge.withdrawal,
    PeerMessage: Judge.message,
    ContentVerdict: Judge.verdict,
    ContentVerdictWithdrawn: Judge.verdict,
    Disavow: Judge.disavow,
}
