"""A verdict of this member: recorded, told to everybody concerned, carried where its files are."""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Casebook
from node.casework.contents.rejudging import rejudge
from node.casework.contents.spreading import spread
from node.casework.events import EventKind
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from node.casework.reports.draft import AssessmentDraft
from node.casework.reports.prepare import read_time
from node.casework.telling import News, note, tell
from node.ids import Ids
from node.matching.fingerprints import content_keys
from protocol.facts import Assessment
from protocol.vocabulary import OutcomeWhat, Verdict


def assess_all(
    book: Casebook,
    item_id: str,
    drafts: Iterable[tuple[AssessmentDraft, str]],
    ids: Ids,
    postbox: Postbox,
) -> None:
    """Record the verdicts that came with a report, in their order, each once (`was_said`)."""
    for draft, digits in drafts:
        if not was_said(book.loaded.items[item_id], digits):
            assess(book, item_id, draft, ids, postbox, digits=digits)


def was_said(state: ItemState, digits: str) -> bool:
    """Whether a verdict stands, or stood, on the item whose id ends so: it came with this line.

    What was taken back since does not come again with the file that it had been handed in with.
    """
    given = (one.event_id for one in state.assessments)
    return any(one.endswith(digits) for one in (*given, *state.heard))


def assess(
    book: Casebook,
    item_id: str,
    draft: AssessmentDraft,
    ids: Ids,
    postbox: Postbox,
    *,
    looked: bool = False,
    digits: str | None = None,
) -> ItemState:
    """Record this member's verdict, tell everybody concerned, carry it over where it goes.

    It is later than every word of ours on the item or its files, whatever a clock or `at` says:
    else the one that it corrects would count. `looked`: a file of the item waited for this look.
    `digits`: by what its id is to end.
    """
    said_ms = read_time("at", draft.at, book.now)
    before = dict(book.loaded.items)
    at_ms = max(said_ms, _last_word_ms(book, before[item_id]) + 1)
    event_id = ids.mint(book.now, digits)
    assessment = Assessment(
        event_id, book.us, draft.verdict, draft.law, draft.labels, draft.reason, at_ms
    )
    state = note(book, item_id, EventKind.ASSESSED, assessment, said_ms)
    spread(book, postbox, before[item_id], state, looked=looked)
    news = News(assessment.event_id, OutcomeWhat.ASSESSED, assessment, book.us, at_ms)
    tell(book, postbox, state, news)
    rejudge(book, postbox, item_id)
    for other, was in before.items() if draft.verdict is Verdict.UNASSESSABLE else ():
        now = book.loaded.items[other]
        if other != item_id and now is not was:  # it was carried there: nothing is said any more
            spread(book, postbox, was, now)
    return book.loaded.items[item_id]


def _last_word_ms(book: Casebook, state: ItemState) -> int:
    """Return the time of our latest word on the item, or on another one with a file of it."""
    keys = content_keys(book.fingerprints, state.content)
    alike = [state, *(other for key in keys for other in book.by_key(key))]
    return max(
        (a.at_ms for one in alike for a in one.assessments if a.member == book.us), default=0
    )
