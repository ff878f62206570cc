"""A person ends an item: it is erased here, and everybody concerned hears so.

What is under referral to the police or a legal hold is not erased, and an open case of ours is not
erased because its time is over. An item that we handed on is taken back first (`Withdrawal`), and
so are our verdicts on it: whether the other member erases it as well is for a person there to say,
and comes back as an outcome.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.spreading import hearers, spread
from node.casework.ending.holding import is_held, is_under_referral
from node.casework.errors import (
    ItemOpenError,
    ItemReportedAgainError,
    UnderLegalHoldError,
    UnderReferralError,
    UnknownItemError,
)
from node.casework.events import Erasure, Event, EventKind, Unlisted
from node.casework.item import Custody, Informant, ItemState, Listing, Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.undoing import has_verdict, take_carried_back
from node.casework.passing_on.rings import after
from node.casework.postbox import Postbox
from node.casework.telling import News, audience, handed_on_to, tell, tell_one
from node.ids import Ids
from protocol.messages import Withdrawal
from protocol.vocabulary import Kind, OutcomeWhat


class Cause(StrEnum):
    """Why an item is erased."""

    WITHDRAWAL = "withdrawal"
    ERROR = "error"
    RETENTION = "retention"


class ErasureDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says in order to erase an item."""

    cause: Cause


class ErasureView(msgspec.Struct, frozen=True):
    """What is left of an erased item: its id, and how many entries lost their bodies with it."""

    item_id: str
    cause: Cause
    entries: int


def erase(
    book: Casebook, item_id: str, draft: ErasureDraft, ids: Ids, postbox: Postbox
) -> ErasureView:
    """Erase an item by a person's word; there is no way back.

    Raises:
        UnknownItemError, UnderLegalHoldError, UnderReferralError, ItemOpenError,
        ItemReportedAgainError
    """
    state = book.find(item_id)
    if state is None:
        raise UnknownItemError
    check_erasable(state, draft.cause, book.now)
    unheard = _never_heard(book, state, postbox)
    if draft.cause is not Cause.RETENTION:
        _take_verdicts_back(book, state, postbox, unheard)
        reconsider(book, ids, postbox, leaving=state.id)
    else:
        _leave_to_others(book, state)
    event_id = ids.mint(book.now)
    to = handed_on_to(book, state)
    if to is not None and unheard is None and draft.cause is not Cause.RETENTION:
        subject = f"{state.id}|withdrawal|{event_id}"
        message = Withdrawal(state.id, None, book.now)
        book.say(postbox, to, Kind.WITHDRAWAL, message, subject=subject, item=state.id)
    _give_back(book, state, ids, postbox)
    news = News(event_id, OutcomeWhat.ERASED, None, book.us, book.now)
    tell(book, postbox, state, news, heard_from=unheard)
    event = book.erase(state, Erasure(event_id, str(draft.cause), book.loaded.leaves))
    return erasure_view(event)


def _leave_to_others(book: Casebook, state: ItemState) -> None:
    """Let verdicts that entries of lists gave here stand by these entries where they went.

    They stay, and are undone with the entry (`listing.unlist`): what ends now are the words that
    tell whose they are. Of several items the one that is likely to be here longest has them; where
    an entry gave one there as well, it stands by both.
    """
    by, book.by = book.by, None
    for one in state.listed:
        heirs = [
            (other, theirs)
            for other in book.loaded.items.values()
            if other.id != state.id and has_verdict(other, one.verdict or "")
            for theirs in other.listed
            if theirs.entry == one.entry
        ]
        if one.verdict is None or any(theirs.verdict == one.verdict for _, theirs in heirs):
            continue
        if heirs:
            heir, theirs = max(heirs, key=_lasts)
            if theirs.verdict is None:
                gone = Unlisted(theirs.entry, theirs.list)
                book.record(heir.id, EventKind.UNLISTED, gone, at_ms=book.now, actor=book.us)
            body = replace(theirs, verdict=one.verdict)
            book.record(heir.id, EventKind.LISTED, body, at_ms=book.now, actor=book.us)
    book.by = by


def _lasts(heir: tuple[ItemState, Listing]) -> tuple[bool, bool, int, str]:
    state, theirs = heir
    return theirs.verdict is None, state.closed_ms is None, state.closed_ms or 0, state.id


def is_open_here(state: ItemState) -> bool:
    """Whether it is an open case of this member."""
    return state.custody in (Custody.HERE, Custody.LOCATING) and state.closed_ms is None


def is_reported_again(state: ItemState) -> bool:
    """Whether a person is to look at what is closed here, since somebody told of it once more."""
    return state.custody is Custody.HERE and not _REPORTED_AGAIN.isdisjoint(state.reviews)


_REPORTED_AGAIN = frozenset({Review.PERHAPS_BACK, Review.NOT_ILLEGAL_DOUBTED, Review.CAME_BACK})


def _give_back(book: Casebook, state: ItemState, ids: Ids, postbox: Postbox) -> None:
    """Of several that handed over one open item, say which one has it again: the last.

    Where there is one alone, that we erased it says so.
    """
    told = {one.member for one in state.informants} - {*state.erased_at}
    by = [hop.member for hop in state.hops if hop.member in told]
    if not is_open_here(state) or len(set(by)) <= 1:
        return
    event_id = ids.mint(after(book.us, state, book.now))
    what = OutcomeWhat.RESPONSIBLE_CHANGED
    tell(book, postbox, state, News(event_id, what, None, book.us, book.now, responsible=by[-1]))


def _never_heard(book: Casebook, state: ItemState, postbox: Postbox) -> Informant | None:
    """The member that the item was handed to, if nothing of it has left for there yet.

    It has nothing to forget, and what it were told of an unknown item would wait there for ever. A
    database that was restored does not know what left.
    """
    to = handed_on_to(book, state)
    if to is None or to not in book.loaded.unsaid_to or postbox.generation:
        return None
    handed = Informant(to, state.id)
    return None if handed in state.informants else handed


def _take_verdicts_back(
    book: Casebook, state: ItemState, postbox: Postbox, unheard: Informant | None
) -> None:
    """Say to all whom our verdicts on this item were told that they hold no more, on any item.

    One that was carried over to it was said of another, and stands as long as that one does. What
    becomes of it hears of its file who hears so of verdicts; to others nobody could say it of this
    item any more.
    """
    for given in state.assessments:
        if given.member != book.us:
            continue
        news = News(given.event_id, OutcomeWhat.WITHDRAWN, None, book.us, book.now)
        if given.event_id not in state.carried:
            tell(book, postbox, state, news, heard_from=unheard)
            take_carried_back(book, postbox, state.id, news)
            continue
        hear = hearers(book, postbox, given)
        for informant in audience(book, state):
            if informant != unheard and postbox.heir_of(informant.member) not in hear:
                tell_one(book, postbox, state, informant, news)
    spread(book, postbox, state, None)


def erasure_view(event: Event) -> ErasureView:
    """Return what is shown of an erasure."""
    assert isinstance(event.body, Erasure)
    return ErasureView(event.item, Cause(event.body.cause), len(event.body.leaves))


def check_erasable(state: ItemState, cause: Cause, now_ms: int) -> None:
    """Say no where others still need it.

    Raises:
        UnderLegalHoldError: a person put a hold on it.
        UnderReferralError: the police were told of it, and it is not closed.
        ItemOpenError: retention ends no case that is open here.
        ItemReportedAgainError: nor one that somebody told of once more, before a person looked.
    """
    if is_held(state, now_ms):
        raise UnderLegalHoldError
    if is_under_referral(state):
        raise UnderReferralError
    if cause is Cause.RETENTION and is_open_here(state):
        raise ItemOpenError
    if cause is Cause.RETENTION and is_reported_again(state):
        raise ItemReportedAgainError
