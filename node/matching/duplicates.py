"""What is a duplicate and what only looks like one: the table, as one pure function.

`judge` compares what came in with the items that share its location or a hash with it and says
which row of the table holds (docs/protocol.md §10.2). It decides; it changes nothing. Rows that
need a check or a look are answered with the reason to put the item in front of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from node.casework.contents.seeing import seen
from node.casework.item import Custody, ItemState, Review
from node.matching.contents import Likeness, distance, likeness
from protocol.facts import Assessment, Content, Location
from protocol.vocabulary import Action, Disposition, ItemKind, Matter, Source, Verdict

NOT_ILLEGAL_STANDS_MS = 365 * 86_400_000
"""How long `not_illegal` answers new reports by itself; then a person looks once more."""


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """What came in, as far as the table needs it.

    Attributes:
        was_here: an item with its location or content was erased here.
        placeholder: its content is what hosts show in the place of a removed file.
        left: closed items that were handed on and with which nobody does anything any more: they
            are as if erased, but that their verdicts are known.
    """

    location: Location | None
    content: tuple[Content, ...]
    kind: ItemKind
    found_ms: int
    matter: Matter = Matter.CSAM
    source: Source = Source.PUBLIC
    was_here: bool = False
    placeholder: bool = False
    left: frozenset[str] = frozenset()


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """The row that holds.

    Attributes:
        disposition: the row's word.
        item: the item it is joined to, or whose verdict is carried over or suggested, or that it
            replaces.
        review: why the joined item, or the new one, stands in front of a person.
        replaces: the item at the same location whose content is no longer what is found there.
    """

    disposition: Disposition
    item: str | None = None
    review: Review | None = None
    replaces: str | None = None

    @property
    def joins(self) -> bool:
        """Whether no new item is made."""
        return self.disposition in JOINING


JOINING = frozenset(
    {
        Disposition.DUPLICATE,
        Disposition.LATE_DUPLICATE,
        Disposition.PERHAPS_BACK,
        Disposition.JOINED,
        Disposition.JOINED_PERHAPS_BACK,
        Disposition.VARIANT,
        Disposition.ALIAS,
        Disposition.PLACEHOLDER,
        Disposition.COUNTED,
        Disposition.FORWARDED,
    }
)


def judge(
    new: Incoming,
    same_location: Sequence[ItemState],
    same_content: Sequence[ItemState],
    us: str,
    now_ms: int,
) -> Judgement:
    """Say which row of the table holds for `new` at the member `us`.

    `same_location` are the items known at its canonical location, `same_content` those that share
    a hash with it or look like it, wherever; of equal ones that were judged the oldest will do.
    Their order does not matter.
    """
    if not same_location and not same_content:
        return Judgement(Disposition.NEW_AGAIN if new.was_here else Disposition.NEW)
    here, elsewhere = _sort(new, same_location, same_content)
    for item in _liveliest_first(new, here):
        joined = join(new, item, now_ms)
        if joined is not None:
            return joined
    if not new.placeholder:
        found = _alias(new, elsewhere, now_ms) or _known(new, here, elsewhere, us)
        if found is not None:
            return found
    replaced = _replaced(here)
    if replaced is not None:
        return Judgement(Disposition.NEW_REPLACING, replaced, replaces=replaced)
    again = new.was_here or any(not item.sightings or item.id in new.left for item in same_location)
    return Judgement(Disposition.NEW_AGAIN if again else Disposition.NEW)


def _sort(
    new: Incoming, same_location: Sequence[ItemState], same_content: Sequence[ItemState]
) -> tuple[list[ItemState], list[ItemState]]:
    """Items at the location of `new`, and items elsewhere; without those that have ended.

    Where neither has a location, the same content is the same place. What is not CSAM is counted,
    not routed: a report of another matter is never swallowed by it, nor swallows it.
    """
    at = {item.id for item in same_location}
    nowhere = _canonical(new.location) is None
    stand = [item for item in same_location if item.id not in new.left]
    here = [item for item in stand if not _is_unseen_there(new, item)]
    elsewhere = [item for item in same_location if item.id in new.left]
    for item in same_content:
        if item.id in at:
            continue
        alike = nowhere and _canonical(item.location) is None and _like(new, item) is Likeness.SAME
        (here if alike and item.id not in new.left else elsewhere).append(item)
    return (
        [item for item in here if item.sightings and item.matter is new.matter],
        [item for item in elsewhere if item.sightings and item.matter in (new.matter, Matter.CSAM)],
    )


def _is_unseen_there(new: Incoming, item: ItemState) -> bool:
    """Whether an item found not to be illegal has this address by another's word alone (`alias`).

    That the same file is there as well nobody here has seen: what comes without a hash to compare
    may be of anything. Another query is often another page.
    """
    return (
        item.closed_by is Action.NOT_ILLEGAL
        and item.closed_ms is not None
        and _canonical(item.location) != _canonical(new.location)
        and _like(new, item) is Likeness.UNKNOWN
    )


def _canonical(location: Location | None) -> str | None:
    return None if location is None else location.canonical


def _like(new: Incoming, item: ItemState) -> Likeness:
    pictures = ItemKind.VIDEO not in (new.kind, item.kind)
    return likeness(item.content, new.content, pictures=pictures)


def _liveliest_first(new: Incoming, items: Iterable[ItemState]) -> list[ItemState]:
    """Open items before closed ones, the surer before the less sure, the latest closed first."""
    return sorted(
        items,
        key=lambda item: (
            item.closed_ms is not None,
            _like(new, item),
            -(item.closed_ms or 0),
            item.id,
        ),
    )


def join(new: Incoming, item: ItemState, now_ms: int) -> Judgement | None:
    """Return the row that joins `new` to an item at its location; None: another content."""
    like = _like(new, item)
    if like is Likeness.OTHER and not new.placeholder:
        return None
    if item.custody is Custody.HANDED_ON:
        return Judgement(Disposition.FORWARDED, item.id)
    if new.placeholder and like is not Likeness.SAME:
        open_still = item.closed_ms is None
        review = Review.PERHAPS_GONE if open_still else None
        return Judgement(Disposition.PLACEHOLDER, item.id, review)
    if item.closed_ms is None:
        return _join_open(new, item, like)
    if item.closed_by is Action.NOT_ILLEGAL:
        doubt = _doubt(new, like, now_ms - item.closed_ms)
        return Judgement(Disposition.COUNTED, item.id, doubt)
    return _join_gone(new, item, like, item.closed_ms, now_ms)


def _join_open(new: Incoming, item: ItemState, like: Likeness) -> Judgement:
    if like is Likeness.SAME or not (new.content or item.content):
        return Judgement(Disposition.DUPLICATE, item.id)
    if like is Likeness.NEAR:
        suggested = Review.SUGGESTED_VERDICT if item.known else None
        return Judgement(Disposition.VARIANT, item.id, suggested)
    return Judgement(Disposition.JOINED, item.id)


def _join_gone(
    new: Incoming, item: ItemState, like: Likeness, gone_ms: int, now_ms: int
) -> Judgement:
    """Closed as gone: only the same content, found before, is nothing to look at.

    Gone in the future, by a clock that was wrong, says nothing of before and after.
    """
    if like is Likeness.SAME and new.found_ms < gone_ms <= now_ms:
        return Judgement(Disposition.LATE_DUPLICATE, item.id)
    word = {Likeness.SAME: Disposition.PERHAPS_BACK, Likeness.NEAR: Disposition.VARIANT}
    disposition = word.get(like, Disposition.JOINED_PERHAPS_BACK)
    return Judgement(disposition, item.id, Review.PERHAPS_BACK)


def _doubt(new: Incoming, like: Likeness, age_ms: int) -> Review | None:
    """Why a decision of this age that something is not illegal is looked at again.

    An assessment that differs is noticed where assessments are recorded.
    """
    old = age_ms > NOT_ILLEGAL_STANDS_MS
    if new.source is Source.POLICE or old or like is Likeness.NEAR:
        return Review.NOT_ILLEGAL_DOUBTED
    return None


def _alias(new: Incoming, elsewhere: Sequence[ItemState], now_ms: int) -> Judgement | None:
    """Same host and path with another query, and the same content: one item.

    Decided by the member that holds the item; another hands its own on, with its address.
    """
    aliases = [
        item
        for item in elsewhere
        if item.custody in (Custody.HERE, Custody.LOCATING)
        and item.matter is new.matter
        and same_path(new.location, item.location)
        and _like(new, item) is Likeness.SAME
    ]
    for item in _liveliest_first(new, aliases):
        joined = join(new, item, now_ms)
        if joined is not None and joined.disposition is Disposition.DUPLICATE:
            return Judgement(Disposition.ALIAS, item.id)
        return joined
    return None


def same_path(one: Location | None, other: Location | None) -> bool:
    """Whether two addresses differ in their query alone."""
    ours, theirs = _canonical(one), _canonical(other)
    if ours is None or theirs is None:
        return False
    here = host_and_path(ours)
    return bool(here) and here == host_and_path(theirs)


def host_and_path(canonical: str) -> str:
    """Return what stands between scheme and query; empty for what is no address on a host.

    It takes any text: what older versions took from other members is no address at all.
    """
    return canonical.partition("://")[2].partition("?")[0]


def _known(
    new: Incoming, here: Sequence[ItemState], elsewhere: Sequence[ItemState], us: str
) -> Judgement | None:
    """Content that was judged at another place: its verdict comes with it, or is suggested."""
    judged = sorted((i for i in elsewhere if i.known), key=lambda item: item.id)
    replaced = _replaced(here)
    for item in judged:
        if item.matter is new.matter and _brings(new, item, us):
            return Judgement(Disposition.NEW_KNOWN, item.id, replaces=replaced)
    alike = [item for item in judged if _like(new, item) <= Likeness.NEAR]
    if not alike:
        return None
    nearest = min(alike, key=lambda i: (_like(new, i), distance(new.content, i.content), i.id))
    return Judgement(Disposition.NEW_SUGGESTED, nearest.id, Review.SUGGESTED_VERDICT, replaced)


def _brings(new: Incoming, item: ItemState, us: str) -> bool:
    if _like(new, item) is not Likeness.SAME or not is_seen(item, new.content):
        return False
    return any(carries(a, item, us) and is_of_files(a, item, new.content) for a in item.vouched)


def is_of_files(assessment: Assessment, item: ItemState, content: Sequence[Content]) -> bool:
    """Whether a verdict on `item` was said of these files, which are not all that it has.

    What came to it by one of several files was not said of the others, which may be harmless ones
    beside it; nobody knows any more by which. It goes where all of them are. What a member said
    that reported it goes with the files that this one told of.
    """
    if assessment.event_id in item.by_one_file:
        return all(
            likeness((one,), content, pictures=False) is Likeness.SAME for one in item.content
        )
    places = seen(item, assessment)
    files = zip(item.places, item.content, strict=True)
    meant = [one for place, one in files if place in places]
    if len(meant) == len(item.content):
        return True
    return likeness(meant, content, pictures=False) is Likeness.SAME


def is_seen(item: ItemState, content: Sequence[Content]) -> bool:
    """Whether these files are such of an item as stood there when it was judged, or were looked at.

    Of one that is here a person is asked (`carries`); of one that went on who has it looks.
    """
    if not item.unseen:
        return True
    files = zip(item.places, item.content, strict=True)
    seen = [one for place, one in files if place not in item.unseen]
    return likeness(seen, content, pictures=False) is Likeness.SAME


def carries(assessment: Assessment, item: ItemState, us: str) -> bool:
    """Whether a verdict on `item` goes with its content to another place (rule 2).

    `baseline` does, whoever gave it; our own verdicts do; those of others under their own law are
    suggestions, and so is everything while the item itself waits for somebody to compare.
    """
    return Review.SUGGESTED_VERDICT not in item.reviews and goes_on(assessment, us)


def goes_on(assessment: Assessment, us: str) -> bool:
    """Whether a verdict goes with the content, as far as that is for the verdict to say."""
    if assessment.verdict is Verdict.UNASSESSABLE:
        return False
    return assessment.verdict is Verdict.BASELINE or assessment.member == us


def _replaced(here: Sequence[ItemState]) -> str | None:
    """The item whose content is no longer what is found at its location: open before closed."""
    order = sorted(here, key=lambda i: (i.closed_ms is not None, -(i.closed_ms or 0), i.id))
    return order[0].id if order else None
