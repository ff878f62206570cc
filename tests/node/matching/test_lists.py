"""Lists: what comes in meets what stands, whatever the order in which files come."""

from __future__ import annotations

from itertools import permutations, product

import msgspec
import pytest

from node.matching.contents import Likeness
from node.matching.lists import (
    Entry,
    Hit,
    Listed,
    Provenance,
    Settled,
    Standing,
    Terms,
    Trust,
    repeated,
    settle,
    settle_retraction,
)
from protocol.facts import Content
from protocol.vocabulary import Verdict
from tests.builders.cases import file, verdict

ONE = Entry(Content(md5=bytes(16)), "1")
OTHER = msgspec.structs.replace(ONE, category="2")


def standing(version: int) -> Standing:
    """Return ONE, as a version said it."""
    return Standing(7, version, ONE)


class TestEntries:
    """An entry that comes in."""

    def test_entry_that_nobody_knew_is_added(self) -> None:
        """The plain case."""
        assert settle(None, None, ONE, 1) is Settled.ADDED

    def test_same_word_of_the_same_version_changes_nothing(self) -> None:
        """The same file twice."""
        assert settle(standing(3), None, ONE, 3) is Settled.SAME

    def test_same_word_of_an_older_version_changes_nothing(self) -> None:
        """A file that was left lying."""
        assert settle(standing(3), None, ONE, 2) is Settled.SAME

    def test_same_word_of_a_newer_version_confirms(self) -> None:
        """So that what an older one says later counts for nothing."""
        assert settle(standing(3), None, ONE, 4) is Settled.CONFIRMED

    def test_other_word_of_a_newer_version_changes(self) -> None:
        """A category was corrected."""
        assert settle(standing(3), None, OTHER, 4) is Settled.CHANGED

    def test_other_word_of_an_older_version_is_passed_over(self) -> None:
        """What was corrected stays so."""
        assert settle(standing(3), None, OTHER, 2) is Settled.OLDER

    def test_two_words_of_one_version_conflict_and_the_first_stands(self) -> None:
        """Else a file with both would change the list at each import."""
        assert settle(standing(3), None, OTHER, 3) is Settled.CONFLICTING

    @pytest.mark.parametrize("version", [1, 2])
    def test_retraction_wins_over_the_same_version_and_older_ones(self, version: int) -> None:
        """Whether anything stands or not."""
        assert settle(None, 2, ONE, version) is Settled.STAYS_RETRACTED
        assert settle(standing(2), 2, ONE, version) is Settled.STAYS_RETRACTED

    def test_newer_version_lists_again_what_was_taken_back(self) -> None:
        """Its author has thought better of it."""
        assert settle(None, 2, ONE, 3) is Settled.ADDED


SIZED = Entry(Content(md5=bytes(16), length=5), "1", 1, "a")


def said(**changes: object) -> Entry:
    """Return SIZED with other words."""
    content = {name: changes.pop(name) for name in ("length", "sha1") if name in changes}
    whole = msgspec.structs.replace(SIZED.content, **content)
    return msgspec.structs.replace(SIZED, content=whole, **changes)


class TestRepeatedEntries:
    """One version names a content twice, as real lists do."""

    def test_of_two_dates_the_first_stands(self) -> None:
        """Nothing is wrong with the hashes."""
        assert repeated(SIZED, said(dated_ms=2)) == SIZED

    @pytest.mark.parametrize("length", [6, None])
    def test_of_two_lengths_neither_counts_whatever_the_order(self, length: int | None) -> None:
        """With a wrong one the file would be another; without, a person looks."""
        unsized = said(length=None)
        assert repeated(SIZED, said(length=length, dated_ms=2)) == unsized
        assert repeated(said(length=length), SIZED) == unsized
        assert settle(Standing(7, 3, SIZED), None, unsized, 3) is Settled.CHANGED
        assert settle(Standing(7, 3, unsized), None, repeated(unsized, SIZED), 3) is Settled.SAME

    @pytest.mark.parametrize(
        "other",
        [
            *(said(category="2"), said(external_id="b"), said(sha1=bytes(20))),
            *(said(category="2", length=6), said(category="2", dated_ms=2)),
        ],
    )
    def test_any_other_difference_conflicts(self, other: Entry) -> None:
        """Nobody can say which of the two its author means."""
        assert repeated(SIZED, other) == other
        assert settle(Standing(7, 3, SIZED), None, other, 3) is Settled.CONFLICTING

    def test_what_members_said_is_as_they_said_it(self) -> None:
        """The fuller word of a member outlasts the poorer."""
        given = said(given=verdict())
        poorer = msgspec.structs.replace(given, content=Content(md5=bytes(16)))
        assert repeated(given, poorer) == poorer
        assert settle(Standing(7, 3, given), None, poorer, 3) is Settled.CONFLICTING

    @pytest.mark.parametrize("version", [2, 3, 4])
    def test_one_event_id_says_one_thing(self, version: int) -> None:
        """However full the account of the file is with which a member says another verdict."""
        first, other = said(given=verdict()), said(given=verdict(Verdict.NOT_ILLEGAL))
        assert settle(Standing(7, 3, first), None, other, version) is Settled.CONFLICTING


class TestRetractions:
    """A retraction that comes in."""

    def test_it_ends_what_stands_of_the_same_version(self) -> None:
        """One file that lists and takes back."""
        assert settle_retraction(2, None, 2) is Settled.RETRACTED

    def test_it_is_noted_before_the_entry_comes(self) -> None:
        """Files may come in any order."""
        assert settle_retraction(None, None, 2) is Settled.RETRACTED

    def test_it_loses_to_a_newer_version_that_lists_again(self) -> None:
        """An old file that is read late."""
        assert settle_retraction(3, None, 2) is Settled.OLDER

    @pytest.mark.parametrize("noted", [2, 3])
    def test_it_is_the_same_if_one_as_new_is_noted(self, noted: int) -> None:
        """Twice changes nothing."""
        assert settle_retraction(None, noted, 2) is Settled.SAME

    def test_newer_one_is_noted_over_an_older_one(self) -> None:
        """What came between stays out from now on."""
        assert settle_retraction(None, 1, 2) is Settled.RETRACTED


def test_order_of_files_makes_no_difference() -> None:
    """Listed, corrected, taken back, listed again: the last version has the last word."""
    words = [(1, ONE), (2, OTHER), (3, None), (4, ONE)]
    for length in range(1, 5):
        ends = set()
        for order in permutations(words[:length]):
            stands: Standing | None = None
            gone: int | None = None
            for version, entry in order:
                if entry is None:
                    newest = None if stands is None else stands.version
                    what = settle_retraction(newest, gone, version)
                    if what is Settled.RETRACTED:
                        stands, gone = None, version
                    continue
                what = settle(stands, gone, entry, version)
                if what in (Settled.ADDED, Settled.CHANGED, Settled.CONFIRMED):
                    stands = Standing(1, version, entry)
            ends.add(stands and (stands.version, stands.entry.category))
        assert ends == {None if length == 3 else (length, words[length - 1][1].category)}  # type: ignore[union-attr]


class TestWhatAHitCountsAs:
    """Trust of the category, and how sure it is that it is the file."""

    @pytest.mark.parametrize(
        ("trust", "like", "weak", "counts"),
        [
            (Trust.AUTO, Likeness.SAME, False, Trust.AUTO),
            (Trust.AUTO, Likeness.PERHAPS, False, Trust.SUGGESTION),
            (Trust.AUTO, Likeness.PERHAPS, True, Trust.AUTO),
            (Trust.SUGGESTION, Likeness.SAME, False, Trust.SUGGESTION),
            (Trust.SUGGESTION, Likeness.PERHAPS, True, Trust.SUGGESTION),
            (Trust.NONE, Likeness.SAME, True, Trust.NONE),
        ],
    )
    def test_one_weak_hash_only_suggests_unless_the_list_is_trusted_for_it(
        self,
        trust: Trust,
        like: Likeness,
        weak: bool,  # noqa: FBT001 - parametrized
        counts: Trust,
    ) -> None:
        """MD5 collisions can be made by anybody."""
        terms = Terms("a", Provenance.HOTLINE, trusts_weak=weak)
        assert Hit(1, terms, 1, "1", trust, like).counts_as is counts

    def test_list_that_may_not_be_used_counts_for_nothing(self) -> None:
        """Kept for its retractions, or until its terms are settled."""
        for trust, like in product(Trust, (Likeness.SAME, Likeness.PERHAPS)):
            terms = Terms("a", Provenance.POLICE, may_use=False, trusts_weak=True)
            assert Hit(1, terms, 1, "1", trust, like).counts_as is Trust.NONE


class TestWhatAnEntrySaysOfAFile:
    """It is the file, perhaps the file, or another one."""

    ENTRY = Entry(file(1, md5=2, pdq=0), "A1", 1_700_000_000_000, "42/a")
    LISTED = Listed(9, Terms("icse", Provenance.POLICE), 3, ENTRY, Trust.AUTO)

    def test_it_knows_the_file(self) -> None:
        """A hit names the entry, its list and version, and how far that is followed."""
        assert self.LISTED.hit(file(1)) == Hit(
            9, self.LISTED.terms, 3, "A1", Trust.AUTO, Likeness.SAME, "42/a", self.ENTRY.content
        )

    def test_one_weak_hash_is_perhaps_the_file(self) -> None:
        """Then the hit says so, and counts for less."""
        hit = self.LISTED.hit(file(md5=2))
        assert hit is not None
        assert (hit.likeness, hit.counts_as) == (Likeness.PERHAPS, Trust.SUGGESTION)

    def test_another_file_is_none_of_its_business(self) -> None:
        """Though MD5 be the same."""
        assert self.LISTED.hit(file(3, md5=2)) is None

    def test_a_picture_that_looks_the_same_is_not_known_by_it(self) -> None:
        """Near is not equal; near-duplicates are asked for elsewhere."""
        assert self.LISTED.hit(file(3, pdq=0)) is None
        assert self.LISTED.hit(file(pdq=0)) is None
