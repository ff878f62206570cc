"""What a person here says of files is told to every hotline, by its giver alone (protocol §6.6).

One question for all that can happen to an item: which verdicts of ours on it are told, and of which
files, before and after. A verdict that was carried over, or follows from a list, is nobody's here
to tell. What stands no more is taken back first. What is only corrected is not: of one author's
words on a file the latest counts, and the one before counts again once the correction is gone.

A file that comes once the verdict is given is not told with it until somebody here looked, whether
a report or another member names it.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from node.casework.casebook import Casebook
from node.casework.contents.seeing import seen
from node.casework.item import ItemState
from node.casework.passing_on.permits import EntryTooLargeError, NotPermittedError
from node.casework.postbox import Postbox
from node.ids import time_of
from protocol.facts import Assessment, Content
from protocol.fields import MAX_TIME_MS
from protocol.messages import kind_of
from protocol.verdicts import MAX_PARTS, ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import ItemKind, Kind, Lane, Matter, Urgency, Verdict

_FIRST: Final = 0
_Word: TypeAlias = ContentVerdict | ContentVerdictWithdrawn


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
    old, new = told(before, book.us), () if after is None else told(after, book.us)
    for gone in old:
        if gone not in new:
            take_back(book, postbox, gone.event_id)
    if not new or after is None:
        return
    known = files_told(before, new[-1]) if old[-1:] == new[-1:] and not looked else {}
    urgency = _urgency(before, new[-1])
    for part, content in files_told(after, new[-1]).items():
        if known.get(part) != content:
            _say(book, postbox, ContentVerdict(new[-1], part, content), urgency)


def _urgency(before: ItemState, given: Assessment) -> Urgency:
    """Return how long a verdict may wait: who heard otherwise of the file is not to go by that.

    A list that is followed less far suggests its word, and may be a member's.
    """
    differs = any(one.verdict is not given.verdict for one in before.assessments)
    suggested = given.verdict is not Verdict.BASELINE and bool(before.listed)
    return Urgency.NORMAL if differs or suggested else Urgency.BULK


def told(state: ItemState, us: str) -> tuple[Assessment, ...]:
    """Return the verdicts on an item that all are told, which a person here gave; the last counts.

    One that says what the one before said is told as well: of another item with the file something
    else may have been said in between, which it answers. `unassessable` says nothing of a file, and
    takes back what was said before, for good.
    """
    if state.matter is not Matter.CSAM:
        return ()
    without = {*state.carried, *state.silent, *(one.verdict for one in state.listed)}
    found: list[Assessment] = []
    for given in state.assessments:
        if given.member != us:
            continue
        if given.verdict is Verdict.UNASSESSABLE:
            found.clear()
        elif given.event_id not in without:
            found.append(given)
    return tuple(found)


def hearers(book: Casebook, postbox: Postbox, given: Assessment) -> frozenset[str]:
    """Return who hears what becomes of a verdict of ours by the file, wherever it stands.

    Nobody does of one that was not told so, or that the terms of the pair withhold.
    """
    said = [state for state in book.loaded.items.values() if given in told(state, book.us)]
    files = [(part, one) for state in said for part, one in files_told(state, given).items()]
    return frozenset(
        peer
        for peer in postbox.listeners(Lane.BULK, Kind.CONTENT_VERDICT)
        if any(_may_be_told(postbox, peer, ContentVerdict(given, *file)) for file in files)
    )


def _may_be_told(postbox: Postbox, peer: str, message: ContentVerdict) -> bool:
    try:
        postbox.post(peer, Kind.CONTENT_VERDICT, message, subject="", lane=Lane.BULK)
    except NotPermittedError:
        return False
    return True


def files_told(state: ItemState, given: Assessment) -> dict[int, Content]:
    """Return what is told of the files of an item with a verdict, by their places.

    Of a video no PDQ hash.
    """
    all_files = zip(state.places, state.content, strict=True)
    looked_at = seen(state, given)
    files = [(at, one) for at, one in all_files if at < MAX_PARTS and at in looked_at]
    if state.kind is not ItemKind.VIDEO:
        return dict(files)
    return {part: bare for part, one in files if (bare := _without_pdq(one)) is not None}


def _without_pdq(content: Content) -> Content | None:
    if content.sha256 is None and content.sha1 is None and content.md5 is None:
        return None
    return msgspec.structs.replace(content, pdq=None, pdq_quality=None)


def take_back(book: Casebook, postbox: Postbox, event_id: str) -> None:
    """Take a verdict of ours back from all, with whatever files it was about.

    By the verdict's own time: however often that is said, it is one entry (§5.3, §6.6.4).
    """
    at_ms = min(time_of(event_id), MAX_TIME_MS)
    _say(book, postbox, ContentVerdictWithdrawn(event_id, at_ms), Urgency.NORMAL)


def _say(book: Casebook, postbox: Postbox, message: _Word, urgency: Urgency) -> None:
    """Say it to all who read it, and keep it for those who will."""
    kind = Kind(kind_of(message))
    if postbox.shares or kind is Kind.CONTENT_VERDICT_WITHDRAWN:
        book.shared.append(message)
    for peer in postbox.listeners(Lane.BULK, kind):
        tell_one(book, postbox, peer, message, urgency)


def tell_one(book: Casebook, postbox: Postbox, peer: str, message: _Word, urgency: Urgency) -> None:
    """Say it to one member; to whom the terms of the pair withhold it, it is not said.

    `Urgency.BULK` waits for more to go with it (`node.peer.channels.sending`).
    """
    subject, revision = _named(message)
    try:
        post = postbox.post(
            peer,
            Kind(kind_of(message)),
            message,
            subject=subject,
            revision=revision,
            lane=Lane.BULK,
            urgency=urgency,
        )
    except EntryTooLargeError as error:
        book.tasks.append((error.task, peer))
    except NotPermittedError:
        return
    else:
        book.posts.append(post)


def _named(message: _Word) -> tuple[str, int]:
    """Return the subject and revision of its entry (§6.6.3)."""
    if isinstance(message, ContentVerdictWithdrawn):
        return message.event_id, _FIRST
    return f"{message.assessment.event_id}|{message.part}", message.fullness
