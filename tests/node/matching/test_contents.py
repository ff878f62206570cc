"""Two accounts of a file: what their hashes say, and what they cannot say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.matching.contents import (
    Closeness,
    Likeness,
    closeness,
    compare,
    distance,
    is_among,
    is_one_file,
    is_same_account,
    likeness,
    merge,
    place_among,
)
from protocol.facts import Content
from tests.builders.cases import file

BITS_31 = (1 << 31) - 1
BITS_32 = (1 << 32) - 1

TABLE = {
    "equal SHA-256": (file(1), file(1), Likeness.SAME),
    "equal SHA-256, whatever a mistyped MD5 says": (
        file(1, md5=1),
        file(1, md5=2),
        Likeness.SAME,
    ),
    "different SHA-256": (file(1), file(2), Likeness.OTHER),
    "different SHA-256 behind colliding MD5 and SHA-1": (
        file(1, md5=7, sha1=7, length=7),
        file(2, md5=7, sha1=7, length=7),
        Likeness.OTHER,
    ),
    "MD5 and SHA-1": (file(md5=1, sha1=1), file(md5=1, sha1=1), Likeness.SAME),
    "MD5 and SHA-1, one side knowing more": (
        file(9, md5=1, sha1=1),
        file(md5=1, sha1=1),
        Likeness.SAME,
    ),
    "MD5 and length": (file(md5=1, length=5), file(md5=1, length=5), Likeness.SAME),
    "MD5 and length, SHA-1 contradicting": (
        file(md5=1, length=5, sha1=1),
        file(md5=1, length=5, sha1=2),
        Likeness.OTHER,
    ),
    "MD5 equal, length different": (file(md5=1, length=5), file(md5=1, length=6), Likeness.OTHER),
    "MD5 alone": (file(md5=1), file(md5=1), Likeness.PERHAPS),
    "MD5 alone, the other knowing its SHA-256": (file(md5=1), file(3, md5=1), Likeness.PERHAPS),
    "SHA-1 alone": (file(sha1=1), file(sha1=1), Likeness.PERHAPS),
    "SHA-1 and length": (file(sha1=1, length=5), file(sha1=1, length=5), Likeness.PERHAPS),
    "different MD5": (file(md5=1), file(md5=2), Likeness.OTHER),
    "no hash in common": (file(1), file(md5=1), Likeness.UNKNOWN),
    "no hash in common, one length": (
        file(1, length=5),
        file(md5=1, length=5),
        Likeness.UNKNOWN,
    ),
    "no hash in common, two lengths": (file(1, length=5), file(md5=1, length=6), Likeness.OTHER),
    "PDQ at the threshold": (file(1, pdq=0), file(2, pdq=BITS_31), Likeness.NEAR),
    "PDQ beyond the threshold": (file(1, pdq=0), file(2, pdq=BITS_32), Likeness.OTHER),
    "PDQ of no quality": (file(1, pdq=0, quality=49), file(2, pdq=0), Likeness.OTHER),
    "PDQ of just enough quality": (file(1, pdq=0, quality=50), file(2, pdq=0), Likeness.NEAR),
    "PDQ alone, near": (file(pdq=0), file(pdq=1), Likeness.NEAR),
    "PDQ alone, far": (file(pdq=0), file(pdq=BITS_32), Likeness.OTHER),
    "PDQ alone, of no quality": (file(pdq=0, quality=1), file(pdq=0), Likeness.UNKNOWN),
    "PDQ far does not overrule SHA-256": (file(1, pdq=0), file(1, pdq=BITS_32), Likeness.SAME),
    "PDQ near does not overrule an equal weak hash": (
        file(md5=1, pdq=0),
        file(md5=1, pdq=1),
        Likeness.PERHAPS,
    ),
}


@pytest.mark.parametrize(("one", "other", "expected"), TABLE.values(), ids=TABLE.keys())
def test_two_files_stand_to_each_other_as_their_hashes_say(
    one: Content, other: Content, expected: Likeness
) -> None:
    """Whichever of the two came first."""
    assert compare(one, other) is expected
    assert compare(other, one) is expected


def test_pdq_says_nothing_of_videos() -> None:
    """A frame hash is not a film."""
    assert compare(file(1, pdq=0), file(2, pdq=0), pictures=False) is Likeness.OTHER


def test_items_with_several_files_are_as_alike_as_their_likest_pair() -> None:
    """A variant that was joined before is recognised again."""
    assert likeness((file(1), file(2)), (file(3), file(2))) is Likeness.SAME


@pytest.mark.parametrize(("pictures", "found"), [({}, "NEAR"), ({"pictures": False}, "OTHER")])
def test_items_look_alike_unless_pictures_say_nothing(
    pictures: dict[str, bool], found: str
) -> None:
    """Of videos they say nothing, and whoever compares says so."""
    ours, theirs = (file(1, pdq=0),), (file(2, pdq=1),)
    assert likeness(ours, theirs, **pictures) is Likeness[found]


def test_files_that_contradict_outweigh_files_that_nobody_can_compare() -> None:
    """Else a stranger's hash without counterpart would join anything."""
    assert likeness((file(1), file(md5=1)), (file(md5=2),)) is Likeness.OTHER


def test_nothing_can_be_said_where_one_side_has_no_file() -> None:
    """The commonest case: a page or file without hashes."""
    assert likeness((), (file(1),)) is Likeness.UNKNOWN


numbers = st.none() | st.integers(0, 2)


@st.composite
def files(draw: st.DrawFn) -> Content:
    """Files of few different hashes, so that they meet."""
    sha256, sha1, md5, length = (draw(numbers) for _ in range(4))
    pdq = draw(st.none() | st.sampled_from([0, BITS_31, BITS_32]))
    if sha256 is sha1 is md5 is pdq is None:
        sha256 = 0
    return file(sha256, sha1=sha1, md5=md5, length=length, pdq=pdq)


@given(one=files(), other=files(), pictures=st.booleans())
def test_likeness_is_symmetric_and_never_joins_contradicting_sha256(
    one: Content, other: Content, *, pictures: bool
) -> None:
    """Whatever else agrees."""
    found = compare(one, other, pictures=pictures)
    assert compare(other, one, pictures=pictures) is found
    if one.sha256 is not None and other.sha256 is not None and one.sha256 != other.sha256:
        assert found in (Likeness.NEAR, Likeness.OTHER)


@given(one=files(), pictures=st.booleans())
def test_a_file_with_an_identity_is_itself(one: Content, *, pictures: bool) -> None:
    """And one without is at best perhaps itself."""
    strong = one.sha256 is not None or (
        one.md5 is not None and (one.sha1 is not None or one.length is not None)
    )
    assert (compare(one, one, pictures=pictures) is Likeness.SAME) == strong


class TestCloseness:
    """In words for who compares two items."""

    @pytest.mark.parametrize(
        ("bits", "word"),
        [
            (0, Closeness.NEAR_10),
            (10, Closeness.NEAR_10),
            (11, Closeness.NEAR_20),
            (20, Closeness.NEAR_20),
            (21, Closeness.NEAR_31),
            (31, Closeness.NEAR_31),
            (32, None),
        ],
    )
    def test_pictures_stand_in_three_bands(self, bits: int, word: Closeness | None) -> None:
        """A person need not know what a bit is."""
        ours, theirs = file(1, pdq=0), file(2, pdq=(1 << bits) - 1)
        assert closeness([ours], [theirs]) is word

    def test_same_file_and_weak_hash_go_before_any_picture(self) -> None:
        """They say more."""
        ours = file(1, md5=1, pdq=0)
        assert closeness([ours], [file(1, pdq=0)]) is Closeness.SAME_FILE
        assert closeness([ours], [file(md5=1, pdq=0)]) is Closeness.ONE_WEAK_HASH

    def test_nearest_of_several_files_counts(self) -> None:
        """On either side, given in any way that can be walked once."""
        far, near = file(2, pdq=(1 << 25) - 1), file(3, pdq=(1 << 5) - 1)
        plain = file(4, pdq=0, quality=49)
        ours = file(1, pdq=0)
        assert closeness(iter([far, near, plain]), iter([ours])) is Closeness.NEAR_10
        assert closeness(iter([ours]), iter([far, near, plain])) is Closeness.NEAR_10
        assert distance(iter([ours]), iter([far, near, plain])) == 5
        assert distance(iter([far, near, plain]), iter([ours])) == 5

    def test_items_without_pictures_are_as_far_as_can_be(self) -> None:
        """No distance is smaller than one that is known."""
        assert distance([file(1)], [file(1, pdq=0)]) == 256
        assert closeness([file(1)], [file(2)]) is None


def test_two_accounts_are_one_where_both_are_one_picture_hash_and_nothing_else() -> None:
    """Any digest, or none of both, makes them two."""
    alone = file(pdq=3)
    assert is_same_account(alone, file(pdq=3, length=9))
    others = [file(pdq=2), file(1, pdq=3), file(sha1=1, pdq=3), file(md5=1, pdq=3), file(1)]
    for other in others:
        assert not is_same_account(alone, other)
        assert not is_same_account(other, alone)


@pytest.mark.parametrize(
    ("other", "one"),
    [
        (file(1, md5=2), True),
        (file(md5=1), True),
        (file(2, md5=1), False),
        (file(sha1=2), False),
        (file(2, pdq=3), False),
    ],
    ids=["same", "weak hash", "contradicted", "nothing in common", "picture"],
)
def test_within_an_item_a_weak_hash_makes_two_accounts_one_file_and_a_picture_none(
    other: Content, *, one: bool
) -> None:
    """Whichever of the two was here first."""
    known = file(1, md5=1, pdq=3)
    assert is_one_file(known, other) is is_one_file(other, known) is one
    assert is_among(other, (file(7), known)) is is_among(known, (other,)) is one
    assert place_among((file(7), known), other) == (1 if one else None)


def test_what_is_known_by_its_look_alone_is_among_what_looks_just_so_and_is_known_by_no_more() -> (
    None
):
    """Nothing tells them apart."""
    assert is_among(file(pdq=3), (file(pdq=3),))
    assert not is_among(file(pdq=3), (file(1, pdq=3), file(pdq=2)))
    assert not is_among(file(1), ())


class TestMerge:
    """What one item's files are, once somebody tells of them anew."""

    def test_what_is_known_stays_and_gaps_are_filled_where_the_file_stands(self) -> None:
        """An item's files keep their places."""
        known = (file(7), file(1, md5=1, length=0), file(8))
        more = file(1, sha1=2, md5=9, length=5, pdq=0, quality=0)
        filled = file(1, sha1=2, md5=1, length=0, pdq=0, quality=0)
        assert merge(known, (more,)) == (file(7), filled, file(8))

    def test_other_files_come_last_in_their_order(self) -> None:
        """Nothing is thrown away."""
        assert merge((file(3),), (file(2), file(3), file(1))) == (file(3), file(2), file(1))

    def test_accounts_that_come_together_are_joined_as_well(self) -> None:
        """One after the other."""
        assert merge((), (file(1), file(1, md5=2))) == (file(1, md5=2),)

    def test_the_first_that_a_weak_hash_is_enough_for_is_filled(self) -> None:
        """A later one may be the very same: places that were told stay what they were."""
        known = (file(sha1=1), file(6))
        assert merge(known, (file(6, sha1=1),)) == (file(6, sha1=1), file(6))
