"""What looks like an entry of a list: its word is suggested to a person, and no more follows."""

from __future__ import annotations

from itertools import permutations, product

import msgspec
import pytest
from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.listing import match_anew, match_lists, unlist
from node.casework.events import EventKind
from node.casework.item import Informant, ItemState, Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.reports.draft import HashesDraft
from node.casework.working import record_hashes
from node.matching.contents import Closeness, picture_of
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust, list_of
from protocol.facts import Content
from protocol.vocabulary import Action, ItemKind, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    POSTBOX,
    US,
    book,
    closed,
    file,
    ids,
    item,
    said,
    verdict,
)
from tests.node.casework.contents.listed_items import later, same

ITEM = item(1).id
PICTURE = file(5, pdq=0)
"""The file of an entry."""


def bits(count: int) -> int:
    """Return a PDQ hash so many bits from that of the entry."""
    return (1 << count) - 1


def listed(
    number: int = 1,
    trust: Trust = Trust.AUTO,
    content: Content = PICTURE,
    *,
    name: str = "icse",
    given: Verdict | None = None,
    may_use: bool = True,
    trusts_weak: bool = False,
) -> Listed:
    """Return an entry of police that stands, or of a member where it says a verdict."""
    theirs = None if given is None else verdict(given, "fr-pdc", 700 + number)
    known = Provenance.POLICE if given is None else Provenance.MEMBER
    terms = Terms(
        name if given is None else list_of("fr-pdc"),
        known,
        may_use=may_use,
        trusts_weak=trusts_weak,
    )
    return Listed(number, terms, 3, Entry(content, "A", None, f"{number}/a", theirs), trust)


def load(made: Casebook, *entries: Listed) -> Casebook:
    """Let these entries stand, found by hashes, by what looks alike, and where they spoke."""
    found: dict[bytes, list[Listed]] = {}
    pictures = {
        picture
        for state in made.loaded.items.values()
        for one in state.content
        if (picture := picture_of(one)) is not None
    }
    for one in entries:
        keys = [*FINGERPRINTS.content(one.entry.content), FINGERPRINTS.entry(one.number)]
        for key in (*keys, *pictures):
            found.setdefault(key, []).append(one)
    made.loaded.listed = {key: tuple(some) for key, some in found.items()}
    return made


def matched(state: ItemState, *entries: Listed) -> Casebook:
    """Return what lists make of an item."""
    made = load(book(state), *entries)
    match_lists(made, ids(), POSTBOX, [state.id])
    return made


NEAR = item(1, file(9, pdq=bits(20)))
"""Another file of a picture that looks like the entry's."""


@pytest.mark.parametrize("trust", [Trust.AUTO, Trust.AUTO_2, Trust.AUTO_3, Trust.SUGGESTION])
def test_what_looks_like_an_entry_stands_before_a_person(trust: Trust) -> None:
    """However far the list is followed; the event says by which entry, and how near."""
    state = matched(NEAR, listed(trust=trust)).loaded.items[ITEM]
    assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))
    (noted,) = state.listed
    assert (noted.list, noted.trust, noted.closeness) == (
        "icse",
        Trust.SUGGESTION,
        Closeness.NEAR_20,
    )


def test_members_word_is_suggested_as_well() -> None:
    """A person abroad judged the picture, in another file."""
    state = matched(NEAR, listed(given=Verdict.BASELINE)).loaded.items[ITEM]
    assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))


def test_nobody_else_hears_of_it() -> None:
    """It is no word, only a question to a person here."""
    reported = replace(NEAR, informants=(Informant("gb-iwf", ITEM),))
    assert said(matched(reported, listed())) == []


def test_police_do_not_have_what_only_looks_like_theirs() -> None:
    """Even where one weak hash would be enough."""
    assert matched(NEAR, listed(trusts_weak=True)).loaded.items[ITEM].new_to_police is True


def test_members_do_not_contradict_each_other_by_what_looks_alike() -> None:
    """They speak of two files."""
    denied = replace(NEAR, assessments=(verdict(Verdict.NOT_ILLEGAL, member="gb-iwf"),))
    assert matched(denied, listed(given=Verdict.BASELINE)).loaded.items[ITEM].reviews == ()
    acquits = Entry(file(9), "A", None, "2/a", verdict(Verdict.NOT_ILLEGAL, "gb-iwf", 702))
    terms = Terms(list_of("gb-iwf"), Provenance.MEMBER)
    own = Listed(2, terms, 3, acquits, Trust.SUGGESTION)
    state = matched(NEAR, listed(given=Verdict.BASELINE), own).loaded.items[ITEM]
    assert state.reviews == (Review.SUGGESTED_VERDICT,)


STATES = {
    "plain": NEAR,
    "judged": replace(NEAR, assessments=(verdict(member="gb-iwf"),)),
    "unassessable": replace(NEAR, assessments=(verdict(Verdict.UNASSESSABLE),)),
    "denied": replace(NEAR, assessments=(verdict(Verdict.NOT_ILLEGAL, member=US),)),
    "closed": closed(NEAR, Action.NOT_ILLEGAL),
}
FOLLOWED = {Trust.AUTO, Trust.AUTO_2, Trust.AUTO_3, Trust.SUGGESTION}


@pytest.mark.parametrize("given", [None, *Verdict])
@pytest.mark.parametrize("state", STATES)
def test_every_case_of_what_looks_alike(state: str, given: Verdict | None) -> None:
    """Followed, usable, of a picture, near and good enough, of what nobody judged: else nothing.

    And a harmless file acquits nothing, a member's word that one is not illegal neither.
    """
    for trust, may_use, kind, apart, quality, weak in product(
        Trust, (True, False), ItemKind, (0, 31, 32), (49, 50), (True, False)
    ):
        content = file(9, pdq=bits(apart), quality=quality)
        before = replace(STATES[state], content=(content,), kind=kind)
        entry = listed(trust=trust, given=given, may_use=may_use, trusts_weak=weak)
        after = matched(before, entry).loaded.items[ITEM]
        alike = kind is not ItemKind.VIDEO and apart <= 31 and quality >= 50
        counts = may_use and trust in FOLLOWED and given is not Verdict.NOT_ILLEGAL
        asks = alike and counts and state in ("plain", "unassessable")
        assert after.assessments == before.assessments
        assert after.reviews == ((Review.SUGGESTED_VERDICT,) if asks else ())
        assert len(after.listed) == int(alike and counts)


def test_entry_of_low_quality_is_like_nothing() -> None:
    """Its hash says nothing."""
    poor = listed(content=file(5, pdq=0, quality=49))
    assert matched(NEAR, poor).events == []


def test_nearest_file_of_an_item_says_how_near() -> None:
    """It has two, and the nearer one came second."""
    two = replace(NEAR, content=(file(9, pdq=bits(25)), file(8, pdq=bits(5))))
    (noted,) = matched(two, listed()).loaded.items[ITEM].listed
    assert noted.closeness is Closeness.NEAR_10


def test_harmless_file_acquits_nothing_that_looks_like_it() -> None:
    """Stock pictures are cut and mounted into others."""
    own = listed(2, content=file(9), name="hotline")
    benign = listed(1, Trust.BENIGN, name="stock")
    assert matched(NEAR, benign, own).loaded.items[ITEM].known


def test_what_looks_alike_counts_for_no_quorum() -> None:
    """Two lists must name the file itself."""
    own = listed(2, Trust.AUTO_2, file(9), name="hotline")
    state = matched(NEAR, listed(1, Trust.AUTO_2), own).loaded.items[ITEM]
    assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))


def test_hash_that_comes_later_makes_it_the_entrys_file() -> None:
    """The suggestion goes, the verdict comes."""
    made = load(book(item(1, file(pdq=bits(3)))), listed())
    match_lists(made, ids(), POSTBOX, [ITEM])
    assert made.loaded.items[ITEM].reviews == (Review.SUGGESTED_VERDICT,)
    pdq = bits(3).to_bytes(32, "big").hex()
    draft = HashesDraft(sha256=(5).to_bytes(32, "big").hex(), pdq=pdq, pdq_quality=100)
    record_hashes(made, ITEM, draft, later(50), POSTBOX)
    state = made.loaded.items[ITEM]
    assert (state.known, state.reviews) == (True, ())
    assert [(one.trust, one.closeness) for one in state.listed] == [(Trust.AUTO, None)]


class TestTakenBack:
    """What followed goes with the entry."""

    @pytest.mark.parametrize("state", STATES)
    def test_item_is_what_it_was(self, state: str) -> None:
        """Whatever it was."""
        before = STATES[state]
        made = matched(before, listed())
        assert len(made.loaded.items[ITEM].listed) == 1
        load(made)
        unlist(made, later(70), POSTBOX, [1])
        assert same(made.loaded.items[ITEM], before)

    def test_item_is_found_by_the_entry_from_now_on(self) -> None:
        """Its hashes are gone by the time that it is undone."""
        made = matched(NEAR, listed(7))
        assert made.new_keys == [(FINGERPRINTS.entry(7), ITEM)]

    def test_suggestion_of_another_entry_stays(self) -> None:
        """Its own is taken back, not the other's."""
        both = listed(1), listed(2, name="ncmec")
        made = matched(NEAR, *both)
        load(made, both[1])
        unlist(made, later(70), POSTBOX, [1])
        state = made.loaded.items[ITEM]
        assert [one.entry for one in state.listed] == [2]
        assert state.reviews == (Review.SUGGESTED_VERDICT,)


@pytest.mark.parametrize("after", list(product(Trust, (True, False))))
def test_item_ends_as_if_the_list_had_always_been_followed_as_it_is_now(
    after: tuple[Trust, bool],
) -> None:
    """From every trust and permission to this one, beside a list that names the file itself."""
    own = listed(2, Trust.SUGGESTION, file(9), name="hotline")

    def entry(said: tuple[Trust, bool]) -> Listed:
        return listed(trust=said[0], may_use=said[1])

    fresh = matched(NEAR, entry(after), own).loaded.items[ITEM]
    for before in product(Trust, (True, False)):
        made = load(matched(NEAR, entry(before), own), entry(after), own)
        match_anew(made, later(90), POSTBOX, [ITEM])
        reconsider(made, later(130), POSTBOX)
        state = made.loaded.items[ITEM]
        told = sorted((one.entry, one.trust, one.police, one.closeness) for one in state.listed)
        assert told == sorted(
            (one.entry, one.trust, one.police, one.closeness) for one in fresh.listed
        )
        assert (state.reviews, state.known) == (fresh.reviews, fresh.known)


HASHES = {"sha256": 9, "sha1": 9, "md5": 9, "length": 9}


class TestAnotherFile:
    """An entry that turns out to be of another file once more hashes are known."""

    ENTRY = listed(content=file(5, md5=9))
    """It has the MD5 of the item, and another SHA-256."""

    @pytest.mark.parametrize("weak", [True, False])
    def test_what_it_said_goes(self, *, weak: bool) -> None:
        """The suggestion; and the verdict, where one weak hash was enough."""
        entry = replace(self.ENTRY, terms=replace(self.ENTRY.terms, trusts_weak=weak))
        made = matched(item(1, file(md5=9)), entry)
        before = made.loaded.items[ITEM]
        assert (before.known, before.reviews) == (
            (True, ()) if weak else (False, (Review.SUGGESTED_VERDICT,))
        )
        draft = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}")
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        after = made.loaded.items[ITEM]
        assert (after.known, after.reviews, after.listed) == (False, (), ())
        assert after.new_to_police is True

    def test_what_only_looks_like_it_then_is_suggested(self) -> None:
        """The verdict goes all the same."""
        entry = listed(content=file(5, md5=9, pdq=0), trusts_weak=True)
        made = matched(item(1, file(md5=9, pdq=bits(4))), entry)
        assert made.loaded.items[ITEM].known
        draft = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}")
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        state = made.loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    @pytest.mark.parametrize("alike", [True, False])
    def test_members_verdict_stays_in_its_name_and_a_person_looks(self, *, alike: bool) -> None:
        """It was told on as the member's word, which the member alone takes back."""
        pdq = 0 if alike else None
        of = file(5, md5=9, length=9_000, pdq=pdq)
        entry = listed(content=of, given=Verdict.BASELINE)
        before = item(1, file(md5=9, length=9_000, pdq=pdq))
        reported = replace(before, informants=(Informant("gb-iwf", ITEM),))
        made = matched(reported, entry)
        assert made.loaded.items[ITEM].reviews == ()
        posts = len(made.posts)
        draft = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}")
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        events = len(made.events)
        for at in (70, 90):
            match_lists(made, later(at), POSTBOX, [ITEM])
            state = made.loaded.items[ITEM]
            assert (state.known, state.reviews) == (True, (Review.SUGGESTED_VERDICT,))
            (noted,) = state.listed
            assert noted.trust is (Trust.SUGGESTION if alike else Trust.NONE)
            assert noted.verdict == state.assessments[0].event_id
        assert (len(made.posts), len(made.events)) == (posts, events)
        assert (FINGERPRINTS.entry(1) in dict(made.new_keys)) is alike
        load(made)
        unlist(made, later(130), POSTBOX, [1])
        after = made.loaded.items[ITEM]
        assert (after.known, after.reviews, after.listed) == (False, (), ())

    def test_what_another_list_says_counts_then(self) -> None:
        """It had nothing to add while the first one stood."""
        weak = replace(self.ENTRY, terms=replace(self.ENTRY.terms, trusts_weak=True))
        other = listed(2, content=file(9), name="ncmec")
        made = matched(item(1, file(md5=9)), weak, other)
        draft = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}")
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        state = made.loaded.items[ITEM]
        assert (state.known, [one.list for one in state.listed]) == (True, ["ncmec"])

    def test_what_a_person_said_meanwhile_stays(self) -> None:
        """Somebody has looked at it."""
        judged = item(1, file(md5=9), assessments=(verdict(member=US),))
        made = matched(judged, self.ENTRY)
        draft = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}")
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        state = made.loaded.items[ITEM]
        assert (state.assessments, state.listed) == (judged.assessments, ())

    def test_of_what_is_not_loaded_nothing_is_taken_back(self) -> None:
        """Not to have asked is no answer."""
        made = matched(item(1, file(md5=9)), self.ENTRY)
        made.loaded.listed = {FINGERPRINTS.content(file(sha1=4))[0]: ()}
        match_lists(made, later(50), POSTBOX, [ITEM])
        assert len(made.loaded.items[ITEM].listed) == 1

    @pytest.mark.parametrize("order", list(permutations(["sha256", "sha1", "md5"])))
    def test_in_whatever_order_hashes_come_lists_say_the_same_in_the_end(
        self, order: tuple[str, ...]
    ) -> None:
        """Each with one that was known before; of eight entries that share some and not others."""
        entries = [
            listed(1 + number, content=file(**shared, pdq=7), name=f"list{number}")
            for number, shared in enumerate(
                {"sha256": a, "sha1": b, "md5": c} for a, b, c in product((9, 8), repeat=3)
            )
        ]
        whole = matched(item(1, file(9, sha1=9, md5=9, length=9)), *entries)
        made = load(book(item(1, file(length=9, **{order[0]: 9}))), *entries)
        match_lists(made, ids(), POSTBOX, [ITEM])
        known = {order[0]: 9}
        for at, name in enumerate(order[1:], start=1):
            known[name] = 9
            sizes = {"sha256": 64, "sha1": 40, "md5": 32}
            digests = {one: f"{9:0{sizes[one]}x}" for one in known}
            draft = msgspec.convert({"length": 9, **digests}, HashesDraft)
            record_hashes(made, ITEM, draft, later(100 * at), POSTBOX)
        state, ought = made.loaded.items[ITEM], whole.loaded.items[ITEM]
        assert sorted((one.entry, one.trust) for one in state.listed) == sorted(
            (one.entry, one.trust) for one in ought.listed
        )
        assert (state.known, state.reviews) == (ought.known, ought.reviews)


class TestMadeKnown:
    """What one list suggests is answered by another that is followed further."""

    @pytest.mark.parametrize("first", [file(9), PICTURE], ids=["same file", "looks alike"])
    @pytest.mark.parametrize("given", [None, Verdict.BASELINE])
    def test_nobody_need_compare_any_more(self, first: Content, given: Verdict | None) -> None:
        """Whichever entry came first."""
        suggests = listed(1, Trust.SUGGESTION, first, name="one")
        tells = listed(2, content=file(9), name="two", given=given)
        for entries in ((suggests, tells), (replace(suggests, number=3), tells)):
            state = matched(NEAR, *entries).loaded.items[ITEM]
            assert (state.known, state.reviews) == (True, ())

    def test_when_that_is_taken_back_it_is_suggested_again(self) -> None:
        """As in a world without it."""
        suggests = listed(1, Trust.SUGGESTION, name="one")
        made = matched(NEAR, suggests, listed(2, content=file(9), name="two"))
        load(made, suggests)
        unlist(made, later(70), POSTBOX, [2])
        reconsider(made, later(90), POSTBOX)
        state = made.loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    def test_what_another_item_suggests_stays(self) -> None:
        """Perhaps it goes by another law, which no list knows of."""
        waits = replace(NEAR, reviews=(Review.SUGGESTED_VERDICT,))
        state = matched(waits, listed(2, content=file(9), name="two")).loaded.items[ITEM]
        assert (state.known, state.reviews) == (True, (Review.SUGGESTED_VERDICT,))

    def test_not_illegal_answers_nothing(self) -> None:
        """A member acquits what a list suggests to be illegal: a person decides."""
        suggests = listed(1, Trust.SUGGESTION, file(9), name="one")
        acquits = listed(2, content=file(9), given=Verdict.NOT_ILLEGAL)
        made = matched(NEAR, suggests, acquits)
        assert Review.SUGGESTED_VERDICT in made.loaded.items[ITEM].reviews
        assert [e.kind for e in made.events].count(EventKind.SETTLED) == 0


def test_noted_closeness_outlives_the_state() -> None:
    """It is stored, and read back."""
    state = matched(NEAR, listed()).loaded.items[ITEM]
    raw = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(raw, type=ItemState) == state
