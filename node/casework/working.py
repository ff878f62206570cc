"""What analysts record: verdicts, actions, later facts. Only the responsible member acts."""

from __future__ import annotations

from keys.registry import Registry
from node.casework.casebook import Casebook, Postbox
from node.casework.draft import ActionDraft, AssessmentDraft, HashesDraft
from node.casework.errors import ItemClosedError, NotResponsibleError, UnknownItemError
from node.casework.events import (
    EventKind,
    Facts,
    Settled,
    lacks,
)
from node.casework.intake import add_facts, assess
from node.casework.item import (
    FINAL_ACTIONS,
    Custody,
    ItemState,
    Review,
)
from node.casework.prepare import check_action, check_assessment, read_hashes, read_time
from node.casework.rejudging import watch_verdicts
from node.casework.routing import route
from node.casework.telling import News, note, tell
from node.ids import Ids
from protocol.facts import ActionTaken, Evidence, Jurisdiction
from protocol.vocabulary import Action, Confidence, HostingState, OutcomeWhat


def _known(book: Casebook, item_id: str) -> ItemState:
    state = book.find(item_id)
    if state is None:
        raise UnknownItemError
    return state


def record_assessment(
    book: Casebook, item_id: str, draft: AssessmentDraft, ids: Ids, postbox: Postbox
) -> ItemState:
    """Record this member's verdict; anybody may assess, wherever the item is.

    Raises:
        UnknownItemError, DraftRejectedError
    """
    check_assessment(draft, "assessment")
    state = _known(book, item_id)
    assess(book, state.id, draft, ids, postbox)
    if state.review is Review.SUGGESTED_VERDICT:
        settle(book, state.id)
    watch_verdicts(book, state.id)
    return book.loaded.items[state.id]


def record_action(
    book: Casebook,
    item_id: str,
    draft: ActionDraft,
    registry: Registry,
    ids: Ids,
    postbox: Postbox,
) -> ItemState:
    """Record what was done; `moved` gives the item on, located again or to the named country.

    Raises:
        UnknownItemError, DraftRejectedError, NotResponsibleError, ItemClosedError
    """
    check_action(draft)
    state = _known(book, item_id)
    _may_act(state, draft.action)
    at_ms = read_time("at", draft.at, book.now)
    event_id = ids.mint(book.now)
    action = ActionTaken(event_id, book.us, draft.action, draft.reason, at_ms)
    was_in_review = state.review
    state = note(book, state.id, EventKind.ACTED, action, at_ms)
    news = News(event_id, OutcomeWhat.ACTED, action, book.us, at_ms)
    tell(book, postbox, state, news)
    if was_in_review in _SETTLED_BY_ACTING:
        settle(book, state.id)
    if draft.action is Action.MOVED and draft.country is not None:
        found = _analysts_word(draft.country, at_ms)
        route(book, state.id, found, None, registry, ids, postbox)
    return book.loaded.items[state.id]


_SETTLED_BY_ACTING = (Review.PERHAPS_BACK, Review.LOCATION_UNCERTAIN)


def _may_act(state: ItemState, action: Action) -> None:
    if state.custody is not Custody.HERE:
        raise NotResponsibleError
    correcting = action in FINAL_ACTIONS or action is Action.SEEN_ONLINE
    if state.closed_ms is not None and not correcting and action is Action.MOVED:
        raise ItemClosedError


def _analysts_word(country: str, at_ms: int) -> Jurisdiction:
    evidence = Evidence("analyst", "analyst", str(at_ms), country)
    return Jurisdiction(HostingState.COUNTRY, country, Confidence.HIGH, (evidence,))


def record_hashes(book: Casebook, item_id: str, draft: HashesDraft, postbox: Postbox) -> ItemState:
    """Add hashes that were computed later; matching runs again and the holder abroad is told.

    Raises:
        UnknownItemError, DraftRejectedError
    """
    state = _known(book, item_id)
    missing = lacks(state, Facts(read_hashes(draft, "hashes"), None))
    if missing is not None:
        add_facts(book, state.id, missing, postbox)
    return book.loaded.items[state.id]


def settle(book: Casebook, item_id: str) -> None:
    """A person has looked: the item no longer stands in front of one."""
    review = book.loaded.items[item_id].review
    if review is not None:
        book.record(item_id, EventKind.SETTLED, Settled(review), at_ms=book.now, actor=book.us)
