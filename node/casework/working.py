"""What analysts record: verdicts, actions, later facts. Only the responsible member acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product
from typing import NamedTuple

from node.casework.casebook import Casebook
from node.casework.contents.assessing import assess
from node.casework.contents.hits import waits_for_a_look
from node.casework.contents.listing import match_lists
from node.casework.contents.spreading import spread, take_back
from node.casework.errors import (
    BeingLocatedError,
    DraftRejectedError,
    ItemClosedError,
    NotResponsibleError,
    UnknownItemError,
    UnknownVerdictError,
)
from node.casework.events import EventKind, Facts, Reopened, Retracted, Settled
from node.casework.folding import lacks
from node.casework.item import (
    FINAL_ACTIONS,
    Custody,
    ItemState,
    Review,
)
from node.casework.mistakes.reconsidering import NOTICES, doubt_notices, reconsider
from node.casework.mistakes.undoing import (
    has_verdict,
    is_illegal,
    take_everywhere_back,
)
from node.casework.passing_on.custody import is_unheard, take_custody
from node.casework.passing_on.routing import Forwarding, choose, keep_meanwhile, route
from node.casework.places.again import FOR_PEOPLE, raise_judged
from node.casework.places.beside import ANALYST
from node.casework.places.hidden import watch_hidden
from node.casework.postbox import Postbox
from node.casework.reports.draft import ActionDraft, AssessmentDraft, HashesDraft, RetractionDraft
from node.casework.reports.intake import add_facts
from node.casework.reports.prepare import check_action, check_assessment, read_hashes, read_time
from node.casework.telling import (
    ILLEGAL,
    REPORTED_AGAIN_UNSEEN,
    News,
    is_there_since,
    note,
    tell,
    tell_withheld,
)
from node.ids import Ids
from node.matching.contents import Likeness, is_same_account, likeness
from protocol.facts import ActionTaken, Content, Evidence, Jurisdiction
from protocol.vocabulary import Action, Confidence, HostingState, ItemKind, OutcomeWhat


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
    if state.unseen:  # of what went on nobody was asked to look; who judges it has
        book.raise_review(state.id, Review.SUGGESTED_VERDICT)
        state = book.loaded.items[state.id]
    waited = waits_for_a_look(book, state, {})
    if draft.verdict in ILLEGAL:  # what was told outside rests on this again
        settle(book, state.id, {Review.NOTICE_TO_RETRACT})
    settle(book, state.id, _SETTLED_BY_ASSESSING)
    assess(book, state.id, draft, ids, postbox, looked=Review.SUGGESTED_VERDICT in state.reviews)
    reconsider(book, ids, postbox)
    if waited:
        tell_withheld(book, postbox, state)
    if state.custody is Custody.HANDED_ON:  # nobody can act on it here: who judges it has looked
        settle(book, state.id, {Review.WITHDRAWAL})
    if Review.VERDICTS_DIFFER in state.reviews:  # this was the look that it waited for
        settle(book, state.id, {Review.VERDICTS_DIFFER})
    watch_hidden(book, state.id)
    return book.loaded.items[state.id]


class Given(NamedTuple):
    """What is known here of a verdict of ours by its id, whatever became of its item.

    Attributes:
        content: the files that it was told of.
        items: of which it was said, as far as they are here.
        is_gone: it was taken back from all.
    """

    content: tuple[Content, ...]
    items: tuple[str, ...]
    is_gone: bool


UNKNOWN = Given((), (), is_gone=False)


def withdraw_verdict(
    book: Casebook,
    item_id: str,
    event_id: str,
    ids: Ids,
    postbox: Postbox,
    given: Given = UNKNOWN,
) -> ItemState:
    """Take a verdict of this member back, wherever it went, and undo what followed from it.

    So it is taken back from all who were told of it (`given`), whatever item has it now.

    Raises:
        UnknownItemError, UnknownVerdictError
    """
    state = _known(book, item_id)
    found = next((one for one in state.assessments if one.event_id == event_id), None)
    if found is None or found.member != book.us:
        raise UnknownVerdictError
    before = dict(book.loaded.items)
    take_everywhere_back(book, postbox, state.id, event_id)
    _spread_undone(book, postbox, before)
    if given.content and not given.is_gone:
        _say_once(book, postbox, event_id)
    reconsider(book, ids, postbox)
    return book.loaded.items[state.id]


def withdraw_everywhere(
    book: Casebook, event_id: str, given: Given, ids: Ids, postbox: Postbox
) -> list[str]:
    """Take a verdict of ours back by its id: from all items here, and from all who were told.

    All are told even if nothing is known of it here, as after the loss of a disk; once.
    """
    items = sorted(one.id for one in book.loaded.items.values() if has_verdict(one, event_id))
    before = dict(book.loaded.items)
    if items:
        take_everywhere_back(book, postbox, items[0], event_id)
    _spread_undone(book, postbox, before)
    if not given.is_gone:
        _say_once(book, postbox, event_id)
    reconsider(book, ids, postbox)
    return items


def _say_once(book: Casebook, postbox: Postbox, event_id: str) -> None:
    """Take it back from all, unless this decision has: no item that it was said of may be left."""
    if not any(getattr(one, "event_id", None) == event_id for one in book.shared):
        take_back(book, postbox, event_id)


def alike(book: Casebook, contents: Sequence[Content]) -> list[str]:
    """Return the items that have one of these files; of a PDQ hash alone, those with that alone."""
    return sorted(
        state.id
        for state in book.loaded.items.values()
        if likeness(state.content, contents, pictures=False) is Likeness.SAME
        or any(is_same_account(*pair) for pair in product(state.content, contents))
    )


def disprove(book: Casebook, contents: Sequence[Content], ids: Ids, postbox: Postbox) -> list[str]:
    """Take our verdicts that these files are illegal back from every item; return those items.

    Then lists are asked again, which now know that the files are harmless.
    """
    items = alike(book, contents)
    before = dict(book.loaded.items)
    for item_id in items:
        for one in book.loaded.items[item_id].assessments:
            still = any(a.event_id == one.event_id for a in book.loaded.items[item_id].assessments)
            if one.member == book.us and one.verdict in ILLEGAL and still:
                take_everywhere_back(book, postbox, item_id, one.event_id)
    undone = _spread_undone(book, postbox, before)
    reconsider(book, ids, postbox)
    match_lists(book, ids, postbox, items)
    return undone


def _spread_undone(book: Casebook, postbox: Postbox, before: Mapping[str, ItemState]) -> list[str]:
    """Tell all what this decision took back; the items that it was taken from."""
    events = (event for event in book.events if event.kind is EventKind.VERDICT_WITHDRAWN)
    undone = sorted({event.item for event in events})
    for item_id in undone:
        spread(book, postbox, before[item_id], book.loaded.items[item_id])
    return undone


def record_retraction(book: Casebook, item_id: str, draft: RetractionDraft) -> ItemState:
    """Record that a notice or referral was retracted where it had been sent.

    Raises:
        UnknownItemError, DraftRejectedError: it is none that waits for that.
    """
    state = _known(book, item_id)
    if draft.action not in state.to_retract:
        mend = "give the id of a notice or referral whose retraction is due"
        raise DraftRejectedError("action", mend)
    body = Retracted(draft.action)
    state = book.record(state.id, EventKind.RETRACTED, body, at_ms=book.now, actor=book.us)
    if not state.to_retract:
        settle(book, state.id, {Review.NOTICE_TO_RETRACT})
    return book.loaded.items[state.id]


def record_action(
    book: Casebook,
    item_id: str,
    draft: ActionDraft,
    forwarding: Forwarding,
) -> ItemState:
    """Record what was done; `moved` gives the item on, located again or to the named country.

    Also one that is handed on of which nothing comes any more (protocol §10.10.2): it is taken back
    first. One that is being located is this member's once police were told of it, or a person said
    where it is: neither waits for name servers.

    Raises:
        UnknownItemError, DraftRejectedError, NotResponsibleError, ItemClosedError
        BeingLocatedError: nobody is responsible yet, and the action can wait.
    """
    check_action(draft)
    state = _known(book, item_id)
    unheard = is_unheard(book, forwarding.registry, state)
    if unheard and draft.action is Action.MOVED:  # a person asked, and nobody has it
        state = take_custody(book, forwarding.postbox, forwarding.ids, state.id)
    if state.custody is Custody.LOCATING and draft.action in _AT_ONCE:
        state = keep_meanwhile(book, state.id)
    _may_act(state, draft.action)
    at_ms = read_time("at", draft.at, book.now)
    event_id = forwarding.ids.mint(book.now)
    action = ActionTaken(event_id, book.us, draft.action, draft.reason, at_ms)
    was_closed_ms = state.closed_ms or 0
    state = note(book, state.id, EventKind.ACTED, action, at_ms)
    news = News(event_id, OutcomeWhat.ACTED, action, book.us, at_ms)
    tell(book, forwarding.postbox, state, news)
    looked_at = unheard or not _GOING_ROUND.isdisjoint(state.reviews)
    unsure = Review.PERHAPS_BACK in state.reviews and state.closed_ms is not None
    seen, is_closed = draft.action is Action.SEEN_ONLINE, state.closed_ms is not None
    by_clock = seen and not is_closed and at_ms < was_closed_ms  # others' clocks may say otherwise
    if by_clock or (unsure and draft.action is Action.INACCESSIBLE):
        _reopen(book, forwarding, state, at_ms)
    is_no_look = draft.action is Action.LEA_NOTIFIED or (seen and is_closed)
    settled = _SETTLED_BY_CHECKING if draft.action in _CHECKS else _SETTLED_BY_ACTING
    settle(book, state.id, _SETTLED_BY_REFERRING if is_no_look else settled)
    _watch_closure(book, state.id, draft.action)
    if draft.action in NOTICES and book.loaded.items[state.id].known:
        doubt_notices(book, state.id)  # its verdict was corrected while it was written
    watch_hidden(book, state.id)
    if draft.action is Action.MOVED and draft.country is not None:
        found = _analysts_word(draft.country, at_ms)
        chosen = choose(forwarding.registry, book.us, state, found, by_hand=looked_at)
        route(book, state.id, found, None, forwarding, chosen=chosen)
    return book.loaded.items[state.id]


_SETTLED_BY_ASSESSING = frozenset({Review.SUGGESTED_VERDICT, Review.NOT_ILLEGAL_DOUBTED})
_SETTLED_BY_ACTING = frozenset(Review) - {
    Review.SUGGESTED_VERDICT,
    Review.VERDICTS_DIFFER,
    Review.NOTICE_TO_RETRACT,
    Review.PROXY_TO_NOTIFY,
}
"""Who acts has looked at the item; verdicts are looked at by who assesses.

A notice to the proxy stays to be sent until it is recorded.
"""

_SETTLED_BY_CHECKING = (
    _SETTLED_BY_ACTING
    - FOR_PEOPLE
    - {
        Review.LOCATION_UNCERTAIN,
        Review.ORIGIN_UNKNOWN,
    }
)
"""Who told police, or looked whether it is still there, did not decide whose it is; many have their
systems do so of each item."""

_SETTLED_BY_REFERRING = _SETTLED_BY_CHECKING - {Review.PERHAPS_BACK}
"""Whether what was gone is there again is seen by a look alone, and one since it was gone."""

_CHECKS = frozenset({Action.LEA_NOTIFIED, Action.SEEN_ONLINE, Action.INACCESSIBLE})

_AT_ONCE = frozenset({Action.LEA_NOTIFIED, Action.MOVED})
"""Not even until it is known whose the item is does one wait with these."""
_GOING_ROUND = frozenset({Review.CAME_BACK, Review.HOP_CAP})
"""No machine hands on what waits for these; a person who moves it has called the other side."""
_ONLY_WHILE_OPEN = frozenset({Action.MOVED, Action.HOST_NOTIFIED, Action.HOST_CLAIMED})


def _may_act(state: ItemState, action: Action) -> None:
    if state.custody is Custody.LOCATING:
        raise BeingLocatedError
    if state.custody is not Custody.HERE:
        raise NotResponsibleError
    if state.closed_ms is not None and action in _ONLY_WHILE_OPEN:
        raise ItemClosedError


def _watch_closure(book: Casebook, item_id: str, action: Action) -> None:
    """A closure that what is known of the item speaks against stands before a person."""
    state = book.loaded.items[item_id]
    ours = [one for one in state.in_force if one.member == book.us]
    if action in FINAL_ACTIONS and is_there_since(state, book.now):
        raise_judged(book, item_id, Review.PERHAPS_BACK, None)
    elif action is Action.NOT_ILLEGAL and is_illegal(ours):
        book.raise_review(item_id, Review.NOT_ILLEGAL_DOUBTED)


def _reopen(book: Casebook, forwarding: Forwarding, state: ItemState, at_ms: int) -> None:
    """What may be back and cannot be looked at is open: else nobody would look again."""
    event_id = forwarding.ids.mint(book.now)
    body = Reopened(event_id)
    after = book.record(state.id, EventKind.REOPENED, body, at_ms=at_ms, actor=book.us)
    news = News(event_id, OutcomeWhat.REOPENED, None, book.us, at_ms)
    tell(book, forwarding.postbox, after, news)


def _analysts_word(country: str, at_ms: int) -> Jurisdiction:
    evidence = Evidence("analyst", ANALYST, str(at_ms), country)
    return Jurisdiction(HostingState.COUNTRY, country, Confidence.HIGH, (evidence,))


def record_hashes(
    book: Casebook, item_id: str, draft: HashesDraft, ids: Ids, postbox: Postbox
) -> ItemState:
    """Add hashes that were computed later; matching runs again and the holder abroad is told.

    Raises:
        UnknownItemError, DraftRejectedError
    """
    state = _known(book, item_id)
    if state.kind is ItemKind.PAGE and state.kind_said:
        mend = "hashes are of a file, and this item is a page: hand the file in as a report"
        raise DraftRejectedError("hashes", mend)
    missing = lacks(state, Facts(read_hashes(draft, "hashes"), None), by_a_person=True)
    if missing is not None:
        add_facts(book, state.id, missing, postbox)
        match_lists(book, ids, postbox)
        reconsider(book, ids, postbox)  # a benign list may know it now
    return book.loaded.items[state.id]


def settle(book: Casebook, item_id: str, reasons: AbstractSet[Review]) -> None:
    """A person has looked: for these reasons the item no longer stands in front of one."""
    for review in book.loaded.items[item_id].reviews:
        if review in reasons:
            body = Settled(review)
            book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)
            book.over.append((REPORTED_AGAIN_UNSEEN, item_id))
