"""What an entry of a list says of a file that only looks like its own."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from node.matching.contents import Closeness, Likeness
from node.matching.lists import (
    Entry,
    Hit,
    Listed,
    Provenance,
    Terms,
    Trust,
    trusts_in_member,
    weigh,
)
from protocol.vocabulary import Verdict
from tests.builders.cases import file, verdict

TERMS = Terms("icse", Provenance.POLICE)
PICTURE = file(1, pdq=0)
LISTED = Listed(9, TERMS, 3, Entry(PICTURE, "A", None, "x"), Trust.AUTO)
FOLLOWED = {Trust.AUTO, Trust.AUTO_2, Trust.AUTO_3, Trust.SUGGESTION}
WORDS = [None, Verdict.BASELINE, Verdict.NATIONAL, Verdict.NOT_ILLEGAL]


def bits(count: int) -> int:
    """Return a PDQ hash so many bits from that of the entry."""
    return (1 << count) - 1


@pytest.mark.parametrize("given", WORDS)
def test_every_hit_counts_as_its_likeness_lets_it(given: Verdict | None) -> None:
    """By trust, permission and trust in weak hashes: looking alike tells and acquits nothing."""
    word = None if given is None else verdict(given)
    for trust, like, use, weak in product(
        Trust, (Likeness.SAME, Likeness.PERHAPS, Likeness.NEAR), (True, False), (True, False)
    ):
        terms = replace(TERMS, may_use=use, trusts_weak=weak)
        hit = Hit(1, terms, 1, "A", trust, like, given=word)
        sure = like is Likeness.SAME or (weak and like is Likeness.PERHAPS)
        ought = trust
        if like is Likeness.NEAR and given is Verdict.NOT_ILLEGAL:
            ought = Trust.NONE
        elif not sure:
            ought = Trust.SUGGESTION if trust in FOLLOWED else Trust.NONE
        assert hit.is_sure is sure
        assert hit.counts_as is (ought if use else Trust.NONE), (trust, like, use, weak)
        if like is Likeness.NEAR:
            entry = replace(LISTED.entry, given=word)
            listed = Listed(9, terms, 3, entry, trust)
            assert listed.counts_near is hit.counts_as


def test_entry_speaks_of_what_looks_like_it_where_pictures_are_asked_for() -> None:
    """With what every hit says, and how near it comes."""
    asked = file(2, pdq=bits(31), length=700)
    hit = LISTED.hit(asked, pictures=True)
    assert hit == Hit(
        9,
        TERMS,
        3,
        "A",
        Trust.AUTO,
        Likeness.NEAR,
        "x",
        PICTURE,
        None,
        700,
        closeness=Closeness.NEAR_31,
    )
    assert LISTED.hit(asked) is None
    assert LISTED.hit(asked, pictures=False) is None


@pytest.mark.parametrize(
    ("apart", "closeness"),
    [(0, "near_10"), (10, "near_10"), (11, "near_20"), (20, "near_20"), (21, "near_31")],
)
def test_bands_of_how_near_it_comes(apart: int, closeness: str) -> None:
    """In words for who compares."""
    hit = LISTED.hit(file(pdq=bits(apart)), pictures=True)
    assert hit is not None
    assert hit.closeness == closeness


def test_members_word_comes_with_what_looks_like_its_file() -> None:
    """A person reads whose verdict it is."""
    given = verdict(Verdict.BASELINE, "fr-pdc")
    told = replace(LISTED, entry=replace(LISTED.entry, given=given))
    for asked in (file(1), file(2, pdq=0)):
        hit = told.hit(asked, pictures=True)
        assert hit is not None
        assert hit.given == given


def test_members_are_followed_as_rule_2_says_unless_their_operator_says_otherwise() -> None:
    """`baseline` everywhere, `national` under one law; all else is for a person."""
    assert trusts_in_member() == {
        "baseline": Trust.AUTO,
        "national_here": Trust.AUTO,
        "national": Trust.SUGGESTION,
        "not_illegal": Trust.SUGGESTION,
    }


def test_entry_says_nothing_of_what_is_far_or_poor() -> None:
    """Thirty-two bits; a quality below fifty on either side."""
    assert LISTED.hit(file(2, pdq=bits(32)), pictures=True) is None
    assert LISTED.hit(file(2, pdq=0, quality=49), pictures=True) is None
    poor = replace(LISTED, entry=replace(LISTED.entry, content=file(1, pdq=0, quality=49)))
    assert poor.hit(file(2, pdq=0), pictures=True) is None
    assert poor.hit(file(2, pdq=0, quality=50), pictures=True) is None


def test_the_file_itself_says_nothing_of_nearness() -> None:
    """Nor does one weak hash."""
    for asked in (file(1, pdq=bits(40)), file(1)):
        hit = LISTED.hit(asked, pictures=True)
        assert hit is not None
        assert (hit.likeness, hit.closeness) == (Likeness.SAME, None)


def test_what_looks_alike_is_no_voice_in_a_quorum_and_guards_nothing() -> None:
    """Two lists must name the file; a harmless one that looks like it is another."""
    own = Hit(1, replace(TERMS, name="one"), 1, "A", Trust.AUTO_2, Likeness.SAME)
    near = Hit(2, replace(TERMS, name="two"), 1, "A", Trust.AUTO_2, Likeness.NEAR)
    harmless = Hit(3, replace(TERMS, name="stock"), 1, "A", Trust.BENIGN, Likeness.NEAR)
    assert [hit.trust for hit in weigh([own, near])] == [Trust.SUGGESTION, Trust.AUTO_2]
    assert [hit.counts_as for hit in weigh([own, near])] == [Trust.SUGGESTION] * 2
    alone = replace(own, trust=Trust.AUTO)
    assert weigh([alone, harmless])[0].counts_as is Trust.AUTO
