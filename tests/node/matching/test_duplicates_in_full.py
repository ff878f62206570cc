"""The whole table of duplicates: every situation of one item that was seen before (§10.2).

The rows are written down once more, as conditions that say everything themselves: in each of the
situations (where, which hashes are alike, what became of the item, when it was found, who judged it
how, and what else counts) exactly one of them holds, and `judge` says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import msgspec
import pytest

from node.casework.item import Custody, ItemState, Review
from node.matching.contents import Likeness, likeness
from node.matching.duplicates import NOT_ILLEGAL_STANDS_MS, Incoming, Judgement, judge
from protocol.facts import Assessment, Content
from protocol.vocabulary import Action, Disposition, ItemKind, Matter, Source, Verdict
from tests.builders.cases import (
    HOUR_MS,
    OTHER_PLACE,
    PLACE,
    US,
    at,
    closed,
    file,
    handed_on,
    item,
    verdict,
)
from tests.builders.network import NOW_MS

GONE_MS = NOW_MS + HOUR_MS
"""When the closed items ended."""
LATER = NOW_MS + 2 * HOUR_MS
OURS = file(1, sha1=1, md5=1, length=1, pdq=0)

ALIKE: dict[str, tuple[tuple[Content, ...], tuple[Content, ...]]] = {
    # how the files stand to each other: (of the item, of what comes in)
    "same": ((OURS,), (OURS,)),
    "same by weak hashes": ((file(sha1=1, md5=1),), (file(sha1=1, md5=1),)),
    "perhaps": ((OURS,), (file(md5=1),)),
    "near": ((OURS,), (file(2, sha1=2, md5=2, length=2, pdq=1),)),
    "collision": ((OURS,), (file(2, sha1=1, md5=1, length=1),)),
    "other": ((OURS,), (file(2, pdq=(1 << 32) - 1),)),
    "nothing in common": ((file(1),), (file(sha1=1),)),
    "missing there": ((), (OURS,)),
    "missing here": ((OURS,), ()),
    "missing on both sides": ((), ()),
}
SAME = {"same", "same by weak hashes"}
DIFFERENT = {"collision", "other"}
PLACES = {
    # where the item is, and what comes in
    "same": (PLACE, PLACE),
    "alias": (PLACE + "?size=2", PLACE),
    "other": (OTHER_PLACE, PLACE),
    "nowhere": (None, None),
    "nowhere there": (None, PLACE),
    "nowhere here": (PLACE, None),
}
FOUND = {"before": GONE_MS - 1, "when": GONE_MS, "after": GONE_MS + 1}
SAID: dict[str, tuple[Assessment, ...]] = {
    "nothing": (),
    "baseline by another": (verdict(Verdict.BASELINE, "fr-pdc"),),
    "national by another": (verdict(Verdict.NATIONAL, "fr-pdc"),),
    "not illegal by another": (verdict(Verdict.NOT_ILLEGAL, "fr-pdc"),),
    "national by us": (verdict(Verdict.NATIONAL, US),),
    "unassessable": (verdict(Verdict.UNASSESSABLE, "fr-pdc"),),
    "corrected by its author": (
        verdict(Verdict.BASELINE, "fr-pdc", 1),
        msgspec.structs.replace(verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 2), at_ms=NOW_MS + 1),
    ),
    "three members, one of them baseline": (
        verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 1),
        verdict(Verdict.NATIONAL, "de-eco", 2),
        verdict(Verdict.BASELINE, "gb-iwf", 3),
    ),
}
CARRIES = {"baseline by another", "national by us", "three members, one of them baseline"}
SUGGESTS = {"national by another", "not illegal by another", "corrected by its author"}


class Case(NamedTuple):
    """One situation: what was seen before, and what comes in."""

    place: str
    alike: str
    course: str
    found: str
    said: str
    matter: Matter
    video: bool
    police: bool
    placeholder: bool
    erased: bool


def cases() -> Iterator[Case]:
    """Every situation that can be; courses that say the same of others are not multiplied."""
    for place, alike, course, said, placeholder in product(
        PLACES, ALIKE, MADE, SAID, (False, True)
    ):
        for found, matter, video, police, erased in VARIATIONS:
            yield Case(
                place, alike, course, found, said, matter, video, police, placeholder, erased
            )


VARIATIONS = [
    (found, matter, video, police, erased)
    for found, matter, video, police, erased in product(
        FOUND, (Matter.CSAM, Matter.SPAM), (False, True), (False, True), (False, True)
    )
    if sum((found != "after", matter is not Matter.CSAM, video, police, erased)) <= 2
]
"""Each of these facts alone, and each two of them together."""


@cache
def before(place: str, alike: str, course: str, said: str, matter: Matter) -> ItemState:
    """Return the item that was seen before."""
    made = item(1, *ALIKE[alike][0], url=PLACES[place][0], assessments=SAID[said], matter=matter)
    return MADE[course](made)


MADE: dict[str, Callable[[ItemState], ItemState]] = {
    "open": lambda made: made,
    "locating": lambda made: msgspec.structs.replace(made, custody=Custody.LOCATING),
    "gone": lambda made: closed(made, Action.REMOVED, GONE_MS),
    "gone just now": lambda made: closed(made, Action.REMOVED, LATER),
    "gone tomorrow": lambda made: closed(made, Action.UNAVAILABLE, LATER + 1),
    "not illegal": lambda made: closed(made, Action.NOT_ILLEGAL, LATER - NOT_ILLEGAL_STANDS_MS),
    "long not illegal": lambda made: closed(
        made, Action.NOT_ILLEGAL, LATER - NOT_ILLEGAL_STANDS_MS - 1
    ),
    "handed on": handed_on,
    "handed on and closed": lambda made: handed_on(closed(made)),
    "withdrawn": lambda made: msgspec.structs.replace(made, sightings=()),
}


def look(case: Case) -> Judgement:
    """Judge it, as the store shows it: by place, and by a hash in common or a near picture."""
    known = before(case.place, case.alike, case.course, case.said, case.matter)
    incoming = Incoming(
        at(PLACES[case.place][1]),
        ALIKE[case.alike][1],
        ItemKind.VIDEO if case.video else ItemKind.IMAGE,
        FOUND[case.found],
        Matter.CSAM,
        Source.POLICE if case.police else Source.PUBLIC,
        was_here=case.erased,
        placeholder=case.placeholder,
    )
    here = [known] if case.place == "same" else []
    shares = {*SAME, "perhaps", "near", "collision"}
    return judge(incoming, here, [known] if case.alike in shares else [], US, LATER)


def is_here(case: Case) -> bool:
    """Whether it is about the item itself: at its place; without one, by the same content."""
    if case.course == "withdrawn" or case.matter is not Matter.CSAM:
        return False
    return case.place == "same" or (case.place == "nowhere" and case.alike in SAME)


def near(case: Case) -> bool:
    """Whether another file shows the same picture."""
    return case.alike == "near" and not case.video


def different(case: Case) -> bool:
    """Whether it is another file, and not a near picture either."""
    return case.alike in DIFFERENT or (case.alike == "near" and case.video)


def joins(case: Case) -> bool:
    """Whether it is joined to the item if nothing stranger holds."""
    return is_here(case) and not different(case)


def is_open(case: Case) -> bool:
    """Whether the item is ours to act on."""
    return case.course in ("open", "locating")


def is_gone(case: Case) -> bool:
    """Whether it was closed as gone."""
    return case.course in ("gone", "gone just now", "gone tomorrow")


def is_innocent(case: Case) -> bool:
    """Whether it was closed as not illegal."""
    return case.course in ("not illegal", "long not illegal")


def is_away(case: Case) -> bool:
    """Whether another member has it."""
    return case.course in ("handed on", "handed on and closed")


def shows_placeholder(case: Case) -> bool:
    """Whether the host shows, at the item's place, what it shows for a removed file."""
    return case.placeholder and case.alike not in SAME


def is_alias(case: Case) -> bool:
    """Whether another query to the same path gives the same file, of an item that we have."""
    ours = case.course not in ("withdrawn", "handed on", "handed on and closed")
    csam = case.matter is Matter.CSAM
    return case.place == "alias" and case.alike in SAME and ours and csam and not case.placeholder


def elsewhere(case: Case) -> bool:
    """Whether it is at another place, so that only the content may be known."""
    if case.course == "withdrawn" or case.placeholder or is_alias(case) or is_here(case):
        return False
    return case.place != "same" and case.matter is Matter.CSAM


def known(case: Case) -> bool:
    """Whether the same content was judged, by a verdict that goes with it."""
    return elsewhere(case) and case.alike in SAME and case.said in CARRIES


def suggested(case: Case) -> bool:
    """Whether a verdict may fit, and a person says so."""
    same = case.alike in SAME and case.said in SUGGESTS
    perhaps = (case.alike == "perhaps" or near(case)) and case.said in CARRIES | SUGGESTS
    return elsewhere(case) and (same or perhaps)


def at_hand(case: Case) -> bool:
    """Whether the table's rows about the item itself are to be read."""
    return (joins(case) or (is_here(case) and case.placeholder)) and not is_away(case)


def plainly(case: Case) -> bool:
    """As `at_hand`, and it is no placeholder that is shown there."""
    return at_hand(case) and not shows_placeholder(case)


def alias_or_plainly(case: Case) -> bool:
    """Rows that hold for an alias as for the place itself."""
    return plainly(case) or is_alias(case)


def late(case: Case) -> bool:
    """Whether it was found before the item was gone, by clocks that can be believed."""
    before_it = case.course == "gone" and case.found == "before"
    return before_it or case.course == "gone just now"


def doubted(case: Case) -> bool:
    """Whether a decision that it is not illegal is looked at again."""
    return case.police or case.course == "long not illegal" or near(case)


THE_ITEM = item(1).id
Row = tuple[str, Callable[[Case], bool], Callable[[Case], Judgement]]
ROWS: tuple[Row, ...] = (
    (
        "handed on to another member: forwarded",
        lambda c: is_here(c) and is_away(c) and (joins(c) or c.placeholder),
        lambda _: Judgement(Disposition.FORWARDED, THE_ITEM),
    ),
    (
        "a placeholder at the place of an open item: perhaps it is gone",
        lambda c: at_hand(c) and shows_placeholder(c) and is_open(c),
        lambda _: Judgement(Disposition.PLACEHOLDER, THE_ITEM, Review.PERHAPS_GONE),
    ),
    (
        "a placeholder at the place of a closed item: no news",
        lambda c: at_hand(c) and shows_placeholder(c) and not is_open(c),
        lambda _: Judgement(Disposition.PLACEHOLDER, THE_ITEM),
    ),
    (
        "same place, same content, or neither has any, open: a duplicate",
        lambda c: plainly(c) and is_open(c) and c.alike in {*SAME, "missing on both sides"},
        lambda _: Judgement(Disposition.DUPLICATE, THE_ITEM),
    ),
    (
        "same place, near content, open: a variant, its verdict suggested",
        lambda c: plainly(c) and is_open(c) and near(c),
        lambda c: Judgement(
            Disposition.VARIANT,
            THE_ITEM,
            Review.SUGGESTED_VERDICT if c.said in CARRIES | SUGGESTS else None,
        ),
    ),
    (
        "same place, content missing on one side or a weak hash alone, open: joined by place",
        lambda c: (
            plainly(c)
            and is_open(c)
            and c.alike
            in {
                "perhaps",
                "nothing in common",
                "missing there",
                "missing here",
            }
        ),
        lambda _: Judgement(Disposition.JOINED, THE_ITEM),
    ),
    (
        "same content under another query: an alias",
        lambda c: is_alias(c) and is_open(c),
        lambda _: Judgement(Disposition.ALIAS, THE_ITEM),
    ),
    (
        "same content, gone, found before: late",
        lambda c: alias_or_plainly(c) and c.alike in SAME and late(c),
        lambda _: Judgement(Disposition.LATE_DUPLICATE, THE_ITEM),
    ),
    (
        "same content, gone, found after, or the clock was wrong: perhaps back",
        lambda c: alias_or_plainly(c) and c.alike in SAME and is_gone(c) and not late(c),
        lambda _: Judgement(Disposition.PERHAPS_BACK, THE_ITEM, Review.PERHAPS_BACK),
    ),
    (
        "same place, near content, gone: a variant that is perhaps back",
        lambda c: plainly(c) and near(c) and is_gone(c),
        lambda _: Judgement(Disposition.VARIANT, THE_ITEM, Review.PERHAPS_BACK),
    ),
    (
        "same place, content not known to be the same, gone: an analyst looks",
        lambda c: plainly(c) and is_gone(c) and c.alike not in SAME and not near(c),
        lambda _: Judgement(Disposition.JOINED_PERHAPS_BACK, THE_ITEM, Review.PERHAPS_BACK),
    ),
    (
        "closed as not illegal: counted, and looked at again for a reason",
        lambda c: alias_or_plainly(c) and is_innocent(c),
        lambda c: Judgement(
            Disposition.COUNTED, THE_ITEM, Review.NOT_ILLEGAL_DOUBTED if doubted(c) else None
        ),
    ),
    (
        "other place, same content, a verdict that goes with it: known",
        known,
        lambda _: Judgement(Disposition.NEW_KNOWN, THE_ITEM),
    ),
    (
        "other place, a verdict under another law, or content that is only alike: suggested",
        suggested,
        lambda _: Judgement(Disposition.NEW_SUGGESTED, THE_ITEM, Review.SUGGESTED_VERDICT),
    ),
    (
        "same place, other content: a new item that replaces the old one",
        lambda c: is_here(c) and different(c) and not c.placeholder,
        lambda _: Judgement(Disposition.NEW_REPLACING, THE_ITEM, replaces=THE_ITEM),
    ),
    (
        "nothing of the above, and it was here once: new again",
        lambda c: nothing(c) and was_here(c),
        lambda _: Judgement(Disposition.NEW_AGAIN),
    ),
    (
        "nothing of the above: new",
        lambda c: nothing(c) and not was_here(c),
        lambda _: Judgement(Disposition.NEW),
    ),
)


def nothing(case: Case) -> bool:
    """Whether no item that stands has anything to do with it."""
    return not is_here(case) and not is_alias(case) and not known(case) and not suggested(case)


def was_here(case: Case) -> bool:
    """Whether an item at that place was erased, or has nothing that supports it any more."""
    return case.erased or (case.place == "same" and case.course == "withdrawn")


def test_in_every_situation_exactly_one_row_holds_and_the_judgement_is_that() -> None:
    """The table is complete, without contradiction, and what the code says."""
    used: Counter[str] = Counter()
    for case in cases():
        rows = [(name, says(case)) for name, holds, says in ROWS if holds(case)]
        assert len(rows) == 1, (case, rows)
        assert look(case) == rows[0][1], (case, rows[0])
        used[rows[0][0]] += 1
    assert set(used) == {name for name, _, _ in ROWS}


HASHES = ("sha256", "sha1", "md5", "length")
RELATIONS = ("missing", "missing there", "missing here", "equal", "different")
PICTURES = {
    # PDQ and quality: (ours, theirs)
    "missing": ((None, 100), (None, 100)),
    "one alone": ((0, 100), (None, 100)),
    "near": ((0, 50), ((1 << 31) - 1, 50)),
    "far": ((0, 100), ((1 << 32) - 1, 100)),
    "near, ours plain": ((0, 49), (0, 100)),
    "near, theirs plain": ((0, 100), (0, 49)),
}


def account(relations: tuple[str, ...], picture: str, side: int) -> Content | None:
    """Return the account of a file that has its hashes so; None: it says nothing at all."""
    absent = {"missing", "missing here" if side else "missing there"}
    hashes = {
        name: None if relation in absent else (1 + side if relation == "different" else 1)
        for name, relation in zip(HASHES, relations, strict=True)
    }
    pdq, quality = PICTURES[picture][side]
    if pdq is None and not any(hashes[name] for name in HASHES[:3]):
        return None
    return file(**hashes, pdq=pdq, quality=quality)


def wanted(relations: tuple[str, ...], picture: str) -> Likeness:
    """Say it once more, as the glossary does."""
    by = dict(zip(HASHES, relations, strict=True))
    looks = {"near": Likeness.NEAR, "far": Likeness.OTHER}.get(picture)
    if by["sha256"] == "equal":
        return Likeness.SAME
    if by["sha256"] == "different":
        return looks or Likeness.OTHER
    weak = [by[name] for name in HASHES[1:]]
    if "different" in weak:
        return looks or Likeness.OTHER
    if by["md5"] == "equal" and "equal" in (by["sha1"], by["length"]):
        return Likeness.SAME
    if "equal" in (by["md5"], by["sha1"]):
        return Likeness.PERHAPS
    return looks or Likeness.UNKNOWN


@pytest.mark.parametrize("picture", PICTURES)
def test_every_combination_of_hashes_says_what_the_glossary_says(picture: str) -> None:
    """Missing on either side, equal, different: all of them, whichever side is which."""
    seen: Counter[Likeness] = Counter()
    for relations in product(RELATIONS, repeat=len(HASHES)):
        ours, theirs = (account(relations, picture, side) for side in (0, 1))
        one, other = (() if made is None else (made,) for made in (ours, theirs))
        says = wanted(relations, picture) if one and other else Likeness.UNKNOWN
        if picture in ("near", "far") and says is Likeness.UNKNOWN:
            raise AssertionError(relations)
        assert likeness(one, other) is says, relations
        assert likeness(other, one) is says, relations
        seen[says] += 1
    assert seen[Likeness.SAME] > 0


def test_a_video_is_never_like_another_by_its_picture() -> None:
    """Whatever the other hashes say stays."""
    for relations in product(RELATIONS, repeat=len(HASHES)):
        ours, theirs = (account(relations, "near", side) for side in (0, 1))
        assert ours is not None
        assert theirs is not None
        says = wanted(relations, "missing")
        assert likeness((ours,), (theirs,), pictures=False) is says, relations
