"""Hashes became known later: what is known of this content elsewhere is judged again.

A verdict on the same content at another address is carried over (rule 2): nobody need view it
again. Nothing is joined or closed by a hash that came late; two open items of one content at
different addresses stay two items.
"""

from __future__ import annotations

from node.casework.casebook import Casebook, content_keys
from node.casework.events import EventKind
from node.casework.item import Review


def rejudge(book: Casebook, item_id: str) -> None:
    """Carry over verdicts on the content that this item is now known to have."""
    state = book.loaded.items[item_id]
    keys = content_keys(book.fingerprints, state.content)
    others = {o.id: o for key in keys for o in book.by_key(key) if o.id != item_id}
    for other in sorted(others):
        for assessment in others[other].assessments:
            if not book.loaded.items[item_id].has_heard(assessment.event_id):
                book.record(
                    item_id,
                    EventKind.ASSESSED,
                    assessment,
                    at_ms=assessment.at_ms,
                    actor=assessment.member,
                )
    watch_verdicts(book, item_id)


def watch_verdicts(book: Casebook, item_id: str) -> None:
    """Verdicts that contradict each other go to a person, whatever order they came in."""
    verdicts = {a.verdict for a in book.loaded.items[item_id].assessments}
    legal = {v for v in verdicts if v == "not_illegal"}
    illegal = {v for v in verdicts if v in ("baseline", "national")}
    if legal and illegal:
        book.raise_review(item_id, Review.VERDICTS_DIFFER)
