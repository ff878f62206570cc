"""Content behind a proxy: who asks it for the origin, until when, and that it is notified.

Rules upheld (rule 6 of docs/glossary.md):

* The evidence of a hidden item says which proxy is asked where which host stands, and since when.
  Past the deadline the item stands before a person of the member that has it (`origin_unknown`),
  once: there is always one who is responsible.
* An item that is judged illegal and hidden is notified to its proxy, in parallel: it stands before
  a person (`proxy_to_notify`) until somebody has recorded that notice, once for each proxy.
* So it is where an address of the host is a proxy's and others are not: those say where it stands,
  and the proxy is notified beside the hoster.
* Once the host is known, nobody need ask any more, and its hoster is whom to notify.

What was told to a proxy stays at this node: others hear of notices to hosters.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from node.casework.casebook import Casebook
from node.casework.errors import (
    AlreadyNotifiedError,
    ItemClosedError,
    NotHiddenError,
    NotResponsibleError,
    UnknownItemError,
)
from node.casework.events import EventKind, Settled
from node.casework.item import Custody, ItemState, ProxyNotice, Review
from node.casework.places.beside import speaking
from node.casework.reports.draft import ProxyNoticeDraft
from node.casework.reports.prepare import read_time
from node.casework.telling import ILLEGAL
from node.ids import Ids
from protocol.facts import Evidence, Jurisdiction
from protocol.fields import MAX_EVIDENCE
from protocol.vocabulary import HostingState, Verdict

ASKED = "origin:asked"
"""Source of the line that says which host's origin is asked for; its answer is the proxy."""
BESIDE = "proxy:beside"
"""Source of a line that names an address of a proxy beside others; its answer is the proxy."""
WAITS = "waits"
OVERDUE = "overdue"
UNKNOWN_PROXY = "unknown"
_SEEN = frozenset({HostingState.COUNTRY, HostingState.DISPUTED})


def asked(
    found: Jurisdiction, host: str, provider: str, since_ms: int, *, overdue: bool
) -> Jurisdiction:
    """Return a hidden place with the line that says who is asked where `host` stands, since when.

    `since_ms` in UTC; `overdue`: the deadline is over.
    """
    day = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat(timespec="minutes")
    told = f"{host} since {day}"
    line = Evidence(told[:160], ASKED, OVERDUE if overdue else WAITS, provider[:96])
    return msgspec.structs.replace(found, evidence=(line, *found.evidence)[:MAX_EVIDENCE])


def _is_hidden(found: Jurisdiction | None) -> bool:
    return found is not None and found.state is HostingState.HIDDEN


def _line(found: Jurisdiction | None) -> Evidence | None:
    if found is None or not _is_hidden(found):
        return None
    return next((line for line in speaking(found) if line.source == ASKED), None)


def is_overdue(found: Jurisdiction | None) -> bool:
    """Whether nobody has said in time where this hidden place stands."""
    line = _line(found)
    return line is not None and line.version == OVERDUE


def host_asked(found: Jurisdiction | None) -> str | None:
    """Return the host whose origin is asked for; None: this place is not hidden."""
    line = _line(found)
    return None if line is None else line.input.partition(" ")[0]


def proxy_of(state: ItemState) -> str | None:
    """Return the proxy that an item is served by, hidden or beside others; None: by none."""
    found = state.jurisdiction
    if not _is_hidden(found):
        lines = () if found is None or found.state not in _SEEN else speaking(found)
        return next((line.answer for line in lines if line.source == BESIDE), None)
    line = _line(found)
    return UNKNOWN_PROXY if line is None or line.answer is None else line.answer


def notice_is_due(state: ItemState, us: str) -> bool:
    """Whether the proxy of an item that is held illegal here was not notified yet."""
    open_here = state.custody is Custody.HERE and state.closed_ms is None and state.sightings
    if not open_here or not _is_held_illegal(state, us) or (proxy := proxy_of(state)) is None:
        return False
    return all(
        one.proxy != proxy or one.notice_id in state.retracted for one in state.proxy_notices
    )


def _is_held_illegal(state: ItemState, us: str) -> bool:
    """Whether our verdict says so, or another's that counts everywhere while we have none."""
    in_force = state.in_force
    ours = [one for one in in_force if one.member == us]
    if ours:
        return ours[0].verdict in ILLEGAL
    return any(one.verdict is Verdict.BASELINE for one in in_force)


def watch_hidden(book: Casebook, item_id: str) -> None:
    """Put the notice to the proxy before a person if it is due; settle what is not any more."""
    state = book.loaded.items.get(item_id)
    if state is None:
        return
    if notice_is_due(state, book.us):
        book.raise_review(item_id, Review.PROXY_TO_NOTIFY)
    elif Review.PROXY_TO_NOTIFY in state.reviews:
        _settle(book, item_id, Review.PROXY_TO_NOTIFY)
    if Review.ORIGIN_UNKNOWN in state.reviews and not _is_hidden(state.jurisdiction):
        _settle(book, item_id, Review.ORIGIN_UNKNOWN)


def _settle(book: Casebook, item_id: str, review: Review) -> None:
    book.record(item_id, EventKind.SETTLED, Settled(review), at_ms=book.now, actor=book.us)


def record_proxy_notice(
    book: Casebook, item_id: str, draft: ProxyNoticeDraft, ids: Ids
) -> ItemState:
    """Record that a person notified the proxy that serves an item; once for each proxy.

    Raises:
        UnknownItemError, NotResponsibleError, ItemClosedError, DraftRejectedError
        NotHiddenError: no proxy serves it.
        AlreadyNotifiedError: it was notified before, and not retracted.
    """
    state = book.find(item_id)
    if state is None:
        raise UnknownItemError
    at_ms = read_time("at", draft.at, book.now)
    if state.custody is not Custody.HERE:
        raise NotResponsibleError
    if state.closed_ms is not None:
        raise ItemClosedError
    proxy = proxy_of(state)
    if proxy is None:
        raise NotHiddenError
    told = [one for one in state.proxy_notices if one.notice_id not in state.retracted]
    if any(one.proxy == proxy for one in told):
        raise AlreadyNotifiedError
    body = ProxyNotice(ids.mint(book.now), proxy, at_ms)
    book.record(state.id, EventKind.PROXY_NOTIFIED, body, at_ms=at_ms, actor=book.us)
    watch_hidden(book, state.id)
    return book.loaded.items[state.id]
