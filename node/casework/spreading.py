"""What a person here says of files is told to every hotline, by its giver alone (protocol §6.6).

One question for all that can happen to an item: which verdict of ours on it is told, and of which
files, before and after. A verdict that was carried over, or follows from a list, is nobody's here
to tell. What stood before and stands no more is taken back first.

A file that comes once the verdict is given is not told with it until somebody here looked, whether
a report or another member names it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from node.casework.casebook import Casebook, Postbox
from node.casework.item import ItemState
from node.casework.permits import EntryTooLargeError, NotPermittedError
from protocol.facts import Assessment, Content
from protocol.messages import Message
from protocol.verdicts import MAX_PARTS, ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import ItemKind, Kind, Lane, Matter, Urgency, Verdict

_FIRST: Final = 0


def spread(
    book: Casebook,
    postbox: Postbox,
    before: ItemState,
    after: ItemState | None,
    *,
    looked: bool = False,
) -> None:
    """Tell what has changed of our verdict on an item and its files; None: the item ended.

    `looked`: a file that stood there before may have waited, and was not told.
    """
    old, new = told(before, book.us), None if after is None else told(after, book.us)
    if old is not None and (new is None or new.event_id != old.event_id):
        back = ContentVerdictWithdrawn(old.event_id, book.now)
        _say(book, postbox, Kind.CONTENT_VERDICT_WITHDRAWN, back, old.event_id, _FIRST)
    if new is None or after is None:
        return
    known = _files(before) if new == old and not looked else {}
    for part, content in _files(after).items():
        if known.get(part) != content:
            message = ContentVerdict(new, part, content)
            subject = f"{new.event_id}|{part}"
            _say(book, postbox, Kind.CONTENT_VERDICT, message, subject, message.fullness)


def told(state: ItemState, us: str) -> Assessment | None:
    """Return the verdict on an item that is told to all: the last that a person here gave on it.

    Given again it is the first one still; `unassessable` says nothing of a file.
    """
    if state.matter is not Matter.CSAM:
        return None
    without = {*state.carried, *(one.verdict for one in state.listed)}
    found: Assessment | None = None
    for given in state.assessments:
        if given.member != us or given.event_id in without:
            continue
        if found is None or (given.verdict, given.law) != (found.verdict, found.law):
            found = None if given.verdict is Verdict.UNASSESSABLE else given
    return found


def _files(state: ItemState) -> dict[int, Content]:
    """Return what is told of the files of an item, by their places; of a video no PDQ hash."""
    files = enumerate(state.content[:MAX_PARTS])
    if state.kind is not ItemKind.VIDEO:
        return dict(files)
    return {part: bare for part, one in files if (bare := _without_pdq(one)) is not None}


def _without_pdq(content: Content) -> Content | None:
    if content.sha256 is None and content.sha1 is None and content.md5 is None:
        return None
    return msgspec.structs.replace(content, pdq=None, pdq_quality=None)


def _say(
    book: Casebook, postbox: Postbox, kind: Kind, message: Message, subject: str, revision: int
) -> None:
    """Say it to all who read it; to whom the terms of the pair withhold it, it is not said."""
    for peer in postbox.listeners(Lane.BULK, kind):
        try:
            post = postbox.post(
                peer,
                kind,
                message,
                subject=subject,
                revision=revision,
                lane=Lane.BULK,
                urgency=Urgency.BULK,
            )
        except EntryTooLargeError as error:
            book.tasks.append((error.task, peer))
            continue
        except NotPermittedError:
            continue
        book.posts.append(post)
