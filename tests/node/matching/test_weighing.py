"""How far lists count beside each other: what stands between a wrong entry and a takedown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from node.matching.contents import Likeness
from node.matching.linked import said_of
from node.matching.lists import (
    MIN_BYTES,
    QUORUM,
    Entry,
    Hit,
    Listed,
    Provenance,
    Terms,
    Trust,
    weigh,
)
from protocol.facts import Assessment, Content
from protocol.vocabulary import Verdict
from tests.builders.cases import file, verdict


def hit(
    name: str = "a",
    trust: Trust = Trust.AUTO,
    *,
    likeness: Likeness = Likeness.SAME,
    length: int | None = None,
    given: Assessment | None = None,
    weak: bool = False,
) -> Hit:
    """Return what one list says of a file."""
    terms = Terms(name, Provenance.HOTLINE, trusts_weak=weak)
    return Hit(1, terms, 1, "A", trust, likeness, None, file(1), given, length)


def counts(*hits: Hit) -> list[Trust]:
    """Return how far each counts."""
    return [one.counts_as for one in weigh(hits)]


class TestQuorum:
    """So many lists, each for itself."""

    @pytest.mark.parametrize(("trust", "quorum"), QUORUM.items())
    def test_as_many_must_say_it_as_the_operator_asks_for(self, trust: Trust, quorum: int) -> None:
        """One fewer, and a person looks."""
        lists = [hit(f"list-{at}", trust) for at in range(quorum)]
        assert counts(*lists) == [Trust.AUTO] * quorum
        assert counts(*lists[1:]) == [Trust.SUGGESTION] * (quorum - 1)

    def test_one_list_that_says_it_twice_is_one(self) -> None:
        """By two entries."""
        assert counts(hit(trust=Trust.AUTO_2), hit(trust=Trust.AUTO_2)) == [Trust.SUGGESTION] * 2

    @pytest.mark.parametrize(
        "other",
        [
            hit("b", Trust.SUGGESTION),
            hit("b", Trust.NONE),
            hit("b", Trust.AUTO, likeness=Likeness.PERHAPS),
            hit("b", Trust.AUTO, given=verdict(Verdict.NOT_ILLEGAL)),
        ],
        ids=["suggests", "not followed", "perhaps another file", "says the contrary"],
    )
    def test_who_does_not_say_it_for_sure_is_not_counted(self, other: Hit) -> None:
        """Each source stands for itself."""
        assert counts(hit(trust=Trust.AUTO_2), other)[0] is Trust.SUGGESTION

    def test_a_member_counts_as_a_list(self) -> None:
        """Its person has looked."""
        theirs = hit("member/gb-iwf", given=verdict())
        assert counts(hit(trust=Trust.AUTO_2), theirs) == [Trust.AUTO, Trust.AUTO]

    def test_a_list_that_counts_alone_needs_nobody(self) -> None:
        """That another asks for two changes nothing for it."""
        assert counts(hit(), hit("b", Trust.AUTO_3)) == [Trust.AUTO, Trust.SUGGESTION]


class TestLatest:
    """One author's words on one file."""

    @staticmethod
    def word(number: int, at_ms: int, by: str = "gb-iwf", *, perhaps: bool = False) -> Hit:
        """Return a word of a member."""
        given = verdict(member=by, number=number, at_ms=at_ms)
        like = Likeness.PERHAPS if perhaps else Likeness.SAME
        made = hit(f"member/{by}", given=given, likeness=like, weak=perhaps)
        return msgspec.structs.replace(made, number=number)

    def test_only_the_latest_speaks(self) -> None:
        """Whatever the order; of one time the greater id."""
        words = [self.word(2, 7), self.word(1, 7), self.word(3, 6), self.word(4, 1, "fr-pdc")]
        said = [(one.number, one.silent, one.silences) for one in weigh(words)]
        assert said == [
            (2, False, True),
            (1, True, False),
            (3, True, False),
            (4, False, False),
        ]
        assert counts(*words) == [Trust.AUTO, Trust.NONE, Trust.NONE, Trust.AUTO]

    def test_silent_word_is_none_of_those_that_must_say_it(self) -> None:
        """Its author says otherwise now."""
        later = msgspec.structs.replace(
            self.word(2, 2), given=verdict(Verdict.NOT_ILLEGAL, number=2, at_ms=2)
        )
        quorum = msgspec.structs.replace(hit("b", Trust.AUTO_2), number=9)
        assert counts(self.word(1, 1), later, quorum)[2] is Trust.SUGGESTION

    @pytest.mark.parametrize(("perhaps", "silent"), [((1,), True), ((2,), False), ((1, 2), True)])
    def test_word_that_may_be_of_another_file_silences_none_that_is_of_this_one(
        self, perhaps: tuple[int, ...], *, silent: bool
    ) -> None:
        """One weak hash is no file."""
        words = [self.word(number, number, perhaps=number in perhaps) for number in (1, 2)]
        assert [one.silent for one in weigh(words)] == [silent, False]


class TestBenign:
    """Files that are known to be harmless."""

    def test_nothing_counts_unseen_against_a_benign_list(self) -> None:
        """However many say it; what was suggested is suggested."""
        told = counts(hit(), hit("b"), hit("c", Trust.SUGGESTION), hit("stock", Trust.BENIGN))
        assert told == [Trust.SUGGESTION] * 3 + [Trust.BENIGN]

    def test_one_weak_hash_acquits_nothing(self) -> None:
        """Two files can be made to have the same MD5; unless its operator trusts the list so."""
        weak = hit("stock", Trust.BENIGN, likeness=Likeness.PERHAPS)
        assert counts(hit(), weak) == [Trust.AUTO, Trust.NONE]
        trusted = hit("stock", Trust.BENIGN, likeness=Likeness.PERHAPS, weak=True)
        assert counts(hit(), trusted)[0] is Trust.SUGGESTION

    def test_that_it_is_not_illegal_is_not_doubted(self) -> None:
        """A member says the same."""
        said = hit("member/gb-iwf", given=verdict(Verdict.NOT_ILLEGAL))
        assert counts(said, hit("stock", Trust.BENIGN)) == [Trust.AUTO, Trust.BENIGN]


class TestSmall:
    """A blank pixel stands in many lists."""

    def test_nothing_counts_unseen_of_a_small_file(self) -> None:
        """From the bound on it does, and where nobody knows."""
        assert counts(hit(length=MIN_BYTES - 1)) == [Trust.SUGGESTION]
        assert counts(hit(length=MIN_BYTES)) == counts(hit(length=None)) == [Trust.AUTO]

    def test_operator_says_what_is_too_small(self) -> None:
        """Whose hoster shows thumbnails, or whose lists are full of them."""
        for length, trust in ((4095, Trust.SUGGESTION), (4096, Trust.AUTO)):
            assert [one.counts_as for one in weigh([hit(length=length)], 4096)] == [trust]

    def test_any_list_that_surely_names_the_file_knows_its_length(self) -> None:
        """However far it is followed: the file is as small by whoever tells."""
        told = hit("b", Trust.NONE, length=43)
        assert counts(hit(), told) == [Trust.SUGGESTION, Trust.NONE]
        assert counts(hit(length=5000), told) == [Trust.SUGGESTION, Trust.NONE]
        perhaps = hit("b", Trust.NONE, length=43, likeness=Likeness.PERHAPS)
        unused = msgspec.structs.replace(
            told, terms=Terms("b", told.terms.provenance, may_use=False)
        )
        for other in (perhaps, unused):
            assert counts(hit(), other) == [Trust.AUTO, Trust.NONE]

    @pytest.mark.parametrize(
        ("ours", "theirs"), [(file(1, length=9), file(1)), (file(1), file(1, length=9))]
    )
    def test_either_may_know_the_length(self, ours: Content, theirs: Content) -> None:
        """The item, or the list."""
        terms = Terms("a", Provenance.HOTLINE)
        found = Listed(1, terms, 1, Entry(theirs, "A"), Trust.AUTO).hit(ours)
        assert found is not None
        assert counts(found) == [Trust.SUGGESTION]


def test_what_is_guarded_says_so() -> None:
    """Else what it brought about before would stay."""
    assert [one.guarded for one in weigh([hit(trust=Trust.AUTO_2)])] == [True]
    told = weigh([hit(), hit("b", Trust.SUGGESTION), hit("c", likeness=Likeness.PERHAPS)])
    assert not any(one.guarded for one in told)


def test_entries_that_share_a_hash_are_gone_through_once_for_a_file() -> None:
    """A list may name one hash a thousand times: once for each of them it took seconds, a file."""
    terms = Terms("a", Provenance.HOTLINE)
    entries = [
        Listed(number, terms, 1, Entry(file(1, md5=number), "A"), Trust.AUTO)
        for number in range(1, 51)
    ]
    asked: list[Content] = []

    def named(files: Sequence[Content]) -> list[Listed]:
        asked.extend(files)
        return entries

    assert len(said_of(file(1), entries, named, MIN_BYTES)) == len(entries)
    assert asked == [one.entry.content for one in entries]
