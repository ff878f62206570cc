"""One file at many places: as much work for each word as there are places, and the same result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.casework.casebook import Casebook
from node.casework.contents.candidates import same_content
from node.casework.contents.crowds import Choices, Crowds
from node.casework.contents.rejudging import _carry, _carry_between, watch_verdicts
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.passing_on.routing import Forwarding, route
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment, withdraw_verdict
from node.ids import Ids
from node.matching.contents import Likeness, likeness, pictures_of
from node.matching.duplicates import Incoming, judge
from node.matching.fingerprints import content_keys
from protocol.facts import Assessment, Content, Hop, Location
from protocol.messages import Item, Outcome
from protocol.vocabulary import Disposition, ItemKind, Matter, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    POSTBOX,
    US,
    at,
    book,
    country,
    event_id,
    file,
    handed_on,
    ids,
    item,
    looked_up,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome, said_of

FEW, MANY = 40, 160
ONE_FILE = file(1, pdq=1)


def calls(do: Callable[[], object]) -> int:
    """Return how many functions are called meanwhile: work, whatever the machine."""
    number = 0

    def note(_frame: object, event: str, _what: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        do()
    finally:
        sys.setprofile(before)
    return number


def everywhere(number: int, *more: Assessment) -> Casebook:
    """Return a casebook with one file at so many places, of which another member told us."""
    states = [
        item(
            n,
            ONE_FILE,
            url=f"https://nl{n}.example/{n}.jpg",
            informants=(Informant("gb-iwf", event_id(n, "gb-iwf")),),
            assessments=more,
        )
        for n in range(1, number + 1)
    ]
    return looked_up(book(*states), ONE_FILE)


def minting() -> Ids:
    """Return a mint of its own."""
    numbers = count(1)
    return Ids(US, lambda size: next(numbers).to_bytes(size, "big"))


def say(made: Casebook, mint: Ids, what: Verdict) -> str:
    """Judge the first item; the id of the verdict."""
    draft = AssessmentDraft(verdict=what)
    state = record_assessment(made, event_id(1, "gb-iwf"), draft, mint, POSTBOX)
    return state.assessments[-1].event_id


def judging(made: Casebook) -> Receiver:
    """Return who judges what arrives in this casebook."""
    receiver = Receiver()
    receiver.book = made
    return receiver


class TestWork:
    """Four times as many places are four times as much work, not sixteen times."""

    def own(self, number: int, *, takes_back: bool) -> int:
        """Correct a verdict of our own, or take it back."""
        made, mint = everywhere(number), minting()
        first = say(made, mint, Verdict.BASELINE)
        if takes_back:
            item_id = event_id(1, "gb-iwf")
            return calls(lambda: withdraw_verdict(made, item_id, first, mint, POSTBOX))
        return calls(lambda: say(made, mint, Verdict.NOT_ILLEGAL))

    @pytest.mark.parametrize("takes_back", [False, True])
    def test_of_own_word_that_goes_is_that_of_its_places(self, *, takes_back: bool) -> None:
        """The verdict stands everywhere, and goes from everywhere."""
        assert self.own(MANY, takes_back=takes_back) < 6 * self.own(FEW, takes_back=takes_back)

    def hear(self, receiver: Receiver, word: Assessment, what: OutcomeWhat) -> int:
        """Hear another member say of the latest item, or take back, a verdict of its own."""
        given = word if what is OutcomeWhat.ASSESSED else None
        event = {"event_id": word.event_id, "author": "gb-iwf", "assessment": given}
        message: Outcome = outcome(max(receiver.book.loaded.items), what, **event)
        return calls(lambda: receiver("gb-iwf", message))

    def heard(self, number: int, correction: Verdict, *, takes_back: bool) -> int:
        """Hear another member correct its verdict, or take back the one that it corrected."""
        receiver = judging(everywhere(number))
        word = verdict(correction, "gb-iwf", 901, NOW_MS + 1)
        self.hear(receiver, verdict(), OutcomeWhat.ASSESSED)
        used = self.hear(receiver, word, OutcomeWhat.ASSESSED)
        states = receiver.book.loaded.items.values
        assert all({verdict(), word} == set(one.assessments) for one in states())
        if takes_back:
            used = self.hear(receiver, verdict(), OutcomeWhat.WITHDRAWN)
            assert all(verdict() not in one.assessments for one in states())
        return used

    @pytest.mark.parametrize("correction", [Verdict.NOT_ILLEGAL, Verdict.BASELINE])
    @pytest.mark.parametrize("takes_back", [False, True])
    def test_of_another_members_correction_is_that_of_its_places(
        self, correction: Verdict, *, takes_back: bool
    ) -> None:
        """It goes after the word that it corrects, and falls with it."""
        many = self.heard(MANY, correction, takes_back=takes_back)
        assert many < 6 * self.heard(FEW, correction, takes_back=takes_back)

    def handed_over(self, number: int, *given: Assessment) -> int:
        """Be handed ten items with the file, once it stands at so many places."""
        receiver = judging(everywhere(number, *given))
        receiver("gb-iwf", self.another(999))
        items = [self.another(1000 + n) for n in range(10)]
        return calls(lambda: [receiver("gb-iwf", one) for one in items])

    def another(self, number: int) -> Item:
        """Return an item at a place of its own."""
        return item_from("gb-iwf", number, ONE_FILE, url=f"https://nl{number}.example/")

    @pytest.mark.parametrize("given", [(), (verdict(),), (verdict(Verdict.NATIONAL),)])
    def test_of_an_item_more_is_no_more_than_before(self, given: tuple[Assessment, ...]) -> None:
        """Whether the file was judged, and its verdict comes with it or is suggested."""
        assert self.handed_over(MANY, *given) < 1.5 * self.handed_over(FEW, *given)


FILES = (
    *(file(1, pdq=1), file(1, md5=1), file(2, md5=1, pdq=3), file(md5=1, length=1)),
    *(file(md5=1), file(3, sha1=1, length=1), file(pdq=1)),
)
CONTENT = st.one_of(
    st.sampled_from([FILES[:1], FILES[:2], FILES[1:3]]),
    st.lists(st.sampled_from(FILES), max_size=2, unique=True).map(tuple),
)
URLS = (None, "https://nl1.example/a", "https://nl1.example/a?id=1", "https://nl2.example/a")
_WORDS = st.tuples(st.sampled_from(Verdict), st.sampled_from((US, "gb-iwf")), st.integers(900, 904))
WORDS = st.lists(_WORDS, min_size=1, max_size=3, unique_by=lambda word: word[1:])


@st.composite
def items(draw: st.DrawFn) -> list[ItemState]:
    """Draw items that have files, places and verdicts in common, and not."""
    return [_item(draw, number) for number in range(1, draw(st.integers(4, 9)))]


def _item(draw: st.DrawFn, number: int) -> ItemState:
    said = [verdict(what, who, n, NOW_MS + n) for what, who, n in draw(WORDS)]
    ids_of = [one.event_id for one in said if one.member != US]
    made = item(number, *draw(CONTENT), url=draw(st.sampled_from(URLS)))
    return msgspec.structs.replace(
        made,
        matter=Matter.CSAM if draw(st.integers(0, 5)) else Matter.SPAM,
        kind=draw(st.sampled_from((ItemKind.IMAGE, ItemKind.VIDEO))),
        custody=draw(st.sampled_from((Custody.HERE, Custody.HANDED_ON, Custody.COUNTED))),
        sightings=made.sightings if draw(st.integers(0, 3)) else (),
        reviews=draw(st.sampled_from(((), (), (Review.SUGGESTED_VERDICT,)))),
        assessments=tuple(said) if draw(st.integers(0, 2)) else (),
        hearsay=tuple(one for one in ids_of if not draw(st.integers(0, 3))),
        carried=tuple(one for one in ids_of if draw(st.booleans())),
        heard=draw(st.sampled_from(((), (event_id(900, "gb-iwf"),)))),
        closed_ms=draw(st.sampled_from((None, None, NOW_MS))),
    )


def _unseen(number: int, *said: Assessment, hearsay: tuple[str, ...] = ()) -> ItemState:
    """Return an item of one file of which nobody says any more that it is there."""
    return item(number, FILES[0], sightings=(), assessments=said, hearsay=hearsay)


_GB, _NL = verdict(number=900), verdict(member=US, number=900)
_GB_LATER = verdict(number=901, at_ms=NOW_MS + 1)
_NL_LATER = verdict(member=US, number=901, at_ms=NOW_MS + 1)
REACHED_WITH_LESS = [
    _unseen(1, _NL_LATER, _GB, hearsay=(_GB.event_id,)),
    item(3, FILES[0], assessments=(_GB,)),
    _unseen(6, _NL),
]
"""What reaches the third from the first is not all that the second has for it."""
BY_ANOTHER_FILE = [
    _unseen(1, _GB, hearsay=(_GB.event_id,)),
    item(2, *FILES[:2], assessments=(_GB_LATER,)),
    item(3, *FILES[:2], assessments=(_NL, _GB), hearsay=(_GB.event_id,)),
]
"""Of the third nobody knows by which of two files the word came; of the second it is its own."""


def all_with(made: Casebook, content: tuple[Content, ...]) -> list[ItemState]:
    """Return every item with a hash in common, or a picture that looks alike."""
    keys = content_keys(FINGERPRINTS, content)
    found = {state.id: state for key in keys for state in made.by_key(key)}
    alike = {one for pdq in pictures_of(content) for one in made.loaded.near.get(pdq, ())}
    for picture in alike:
        for one in made.loaded.by_picture.get(picture, ()):
            found[one] = made.loaded.items[one]
    return [found[one] for one in sorted(found)]


def test_what_a_key_leads_to_no_more_is_new_to_it_again() -> None:
    """Whatever is remembered of keys that lead to many: once they are fewer it does not hold."""
    crowds, many = Crowds(), [f"gb-iwf.{number}" for number in range(8)]
    assert not crowds.is_new(b"key", many[0], many)
    fewer = many[1:]
    assert crowds.is_new(b"key", "gb-iwf.8", fewer)
    fewer.append("gb-iwf.8")
    assert crowds.is_new(b"key", many[0], fewer)


class TestWhatIsLeftOut:
    """The result is that of looking at each item."""

    @given(items(), CONTENT, st.sampled_from(URLS), st.sampled_from(ItemKind), st.data())
    def test_table_says_what_it_would_say_of_all_items(
        self,
        known: list[ItemState],
        content: tuple[Content, ...],
        url: str | None,
        kind: ItemKind,
        data: st.DataObject,
    ) -> None:
        """Whatever of those at its location is another item."""
        made = looked_up(book(*known), *FILES)
        location: Location | None = None if url is None else at(url)
        matter = data.draw(st.sampled_from((Matter.CSAM, Matter.SPAM)))
        new = Incoming(location, content, kind, NOW_MS, matter, Source.PUBLIC)
        there = [one for one in known if url is not None and one.location == location]
        here = [one for one in there if data.draw(st.booleans())]
        some = same_content(made, location, content, {one.id for one in here})
        said = judge(new, here, some, US, NOW_MS)
        assert said == judge(new, here, all_with(made, content), US, NOW_MS)

    @example(REACHED_WITH_LESS, [0])
    @example(BY_ANOTHER_FILE, [2])
    @given(items(), st.lists(st.integers(0, 7), min_size=1, max_size=4))
    def test_verdicts_go_where_they_would_go_from_each_to_each(
        self, known: list[ItemState], order: list[int]
    ) -> None:
        """One item after another is asked, within one decision."""
        made, plain = book(*known), book(*known)
        for number in order:
            item_id = known[number % len(known)].id
            _carry_between(made, POSTBOX, item_id)
            _carry_each(plain, item_id)
        assert made.events == plain.events
        assert made.posts == plain.posts


def _carry_each(made: Casebook, item_id: str) -> None:
    """Carry between an item and each other one, and on from there, with no view of all of them."""
    due = [item_id]
    while due:
        here = due.pop()
        state = made.loaded.items[here]
        alike = [
            other.id
            for other in all_with(made, state.content)
            if other.id != here
            and other.matter is state.matter
            and likeness(other.content, state.content, pictures=False) is Likeness.SAME
        ]
        ways = [*((one, here) for one in alike), *((here, one) for one in alike)]
        for source, target in ways:
            other = made.loaded.items[target if source == here else source]
            if _carry(made, POSTBOX, source, target, only_later=not other.sightings):
                watch_verdicts(made, target)
                if target != here:
                    due.append(target)


def test_choices_follow_an_item_that_goes_to_who_judged_it() -> None:
    """What is asked of it is the same wherever it is."""
    told = (Informant("fr-pdc", event_id(7, "fr-pdc")),)
    given = (verdict(member="fr-pdc"), verdict(member=US))
    here = item(1, ONE_FILE, named=(), informants=told, assessments=given)
    away = handed_on(here, "fr-pdc")
    choices = Choices(US)
    choices.put(None, here)
    choices.put(here, away)
    choices.put(away, None)
    assert not choices.judged(())


def test_item_that_goes_to_a_member_that_judged_it_before_is_found_as_it_is_then() -> None:
    """What that one has of it is what it told of itself, from the hand-over on."""
    judged = item(
        1, file(1), finder=US, hops=(Hop(US, NOW_MS),), came_from=None,
        custody=Custody.LOCATING, responsible=None, named=(("gb-iwf", 0),),
        informants=(Informant("gb-iwf", event_id(9)),), assessments=(verdict(member="fr-pdc"),),
    )  # fmt: skip
    receiver = Receiver(judged)

    def comes(number: int) -> Disposition | None:
        elsewhere = item_from("gb-iwf", number, file(1), url=f"https://nl{number}.example/")
        return receiver("gb-iwf", elsewhere).disposition

    assert comes(3) is Disposition.NEW_KNOWN
    route(receiver.book, judged.id, country("FR"), None, Forwarding(network(), ids(), POSTBOX))
    assert comes(4) is Disposition.NEW_KNOWN
    later = verdict(member="fr-pdc", number=901, at_ms=NOW_MS + 1)
    receiver("fr-pdc", said_of(judged.id, later))
    assert comes(5) is Disposition.NEW_KNOWN
