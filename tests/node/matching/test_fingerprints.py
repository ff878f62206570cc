"""Keyed fingerprints: equal things are found at this node, and guessed by nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.matching.fingerprints import BYTES, REMEMBERED, Fingerprints, content_keys
from protocol.facts import Content
from tests.builders.cases import PLACE, at, file

OURS = Fingerprints(b"\x01" * 32)
THEIRS = Fingerprints(b"\x02" * 32)


@pytest.fixture
def ours() -> Fingerprints:
    """Give the fingerprints of a node that has just started."""
    return Fingerprints(b"\x01" * 32)


class TestWhatIsStored:
    """Fingerprints lie in stores, and the next version must find by them what this one stored."""

    def test_of_an_item(self, ours: Fingerprints) -> None:
        """By its own id or an alias."""
        assert ours.item("gb-iwf.01").hex() == "db041c323c65e3025ef287143ecf7d82"

    def test_of_what_looks_like_an_entry(self, ours: Fingerprints) -> None:
        """By the number of the entry."""
        assert ours.entry(7).hex() == "a055c736f45cbb4bc6e18c81355742d8"

    def test_of_a_picture_alone(self, ours: Fingerprints) -> None:
        """By its PDQ hash, all of it."""
        alone = Content(pdq=bytes(range(32)), pdq_quality=90)
        assert [key.hex() for key in ours.account(alone)] == ["3e2cbba8d89032453cbe2f4c290e0625"]

    def test_of_a_host(self, ours: Fingerprints) -> None:
        """As locations spell it."""
        assert ours.host("nl1.example").hex() == "68ff7ccb78806d78ee3ed2dcdf99c657"

    def test_of_a_location(self, ours: Fingerprints) -> None:
        """Of its canonical form."""
        found = ours.location(at(PLACE))
        assert found is not None
        assert found.hex() == "464c71314f91d486dbc89a1c923a2542"

    def test_of_a_file(self, ours: Fingerprints) -> None:
        """SHA-256, SHA-1 and MD5, in this order."""
        assert [key.hex() for key in ours.content(file(1, sha1=2, md5=3))] == [
            "a97451482eabd9950db71412be237b81",
            "eff9dbd1c9fee904f98a089ba7bb37a0",
            "bb1e4e32af54e3aaa9aac79982695cc9",
        ]

    def test_of_an_entry_of_a_list(self, ours: Fingerprints) -> None:
        """By the number of the list here, and the name that its author gave the entry."""
        assert ours.listed(7, b"42/a").hex() == "0b82eb245b719b0fbc617cfbf3f36b53"

    def test_of_a_verdict(self, ours: Fingerprints) -> None:
        """By its id, as long as anybody may take it back."""
        assert ours.verdict("gb-iwf.01").hex() == "257b079cc8f6d1486ce61b6103647d14"

    def test_of_a_verdict_that_was_handed_in(self, ours: Fingerprints) -> None:
        """By its line and its words: once it is taken back, it comes no more."""
        assert ours.said(b"line", b"words").hex() == "f2805b376b638fe1d4b4ead6baf3104d"

    def test_of_a_line_handed_in(self, ours: Fingerprints) -> None:
        """Who and which in plain, so that lines lie together; what it names under the key."""
        whose, number, where = ours.line("public", "R-1", PLACE).split(b"\0", 2)
        assert (whose, number) == (b"public", b"R-1")
        assert where.hex() == "d2200e015d697306ee9b880f8f8ed133"


@pytest.mark.parametrize("one", [file(1), file(sha1=2), file(md5=3)], ids=["32", "20", "16"])
def test_a_hash_alone_is_found_where_the_file_is(ours: Fingerprints, one: Content) -> None:
    """Its length names it: whoever asks for a bare hash finds what was stored of a file."""
    (digest,) = filter(None, (one.sha256, one.sha1, one.md5))
    assert [ours.digest(digest)] == ours.content(one)


def test_bytes_of_no_hash_have_no_key(ours: Fingerprints) -> None:
    """Nothing is looked up by half a hash."""
    with pytest.raises(KeyError):
        ours.digest(bytes(19))


def test_an_item_is_found_by_every_file_of_it(ours: Fingerprints) -> None:
    """Whichever of them is met again; and of none there is no key."""
    one, other = file(1, md5=3), file(2)
    assert content_keys(ours, [one, other]) == [*ours.content(one), *ours.content(other)]
    assert content_keys(ours, [one]) == ours.content(one)
    assert content_keys(ours, []) == []


def test_what_a_batch_asks_again_is_at_hand(ours: Fingerprints) -> None:
    """When it loads, judges and records: hashed once."""
    assert ours.location(at(PLACE)) is ours.location(at(PLACE))
    assert ours.item("gb-iwf.01") is ours.item("gb-iwf.01")
    assert ours.content(file(1)) is ours.content(file(1))


def test_what_is_at_hand_is_bounded(ours: Fingerprints) -> None:
    """However many places and files come by; and what was let go is found as before."""
    first = ours.location(at(PLACE)), ours.content(file(1, md5=1))
    for number in range(REMEMBERED):
        ours.location(at(f"https://nl1.example/{number}"))
        ours.content(file(number))
        ours.item(f"gb-iwf.{number}")
    assert max(len(ours._items), len(ours._places), len(ours._contents)) <= REMEMBERED
    assert (ours.location(at(PLACE)), ours.content(file(1, md5=1))) == first


def test_two_nodes_fingerprint_one_place_differently() -> None:
    """A copied database without its keys cannot be searched for guessed addresses."""
    assert OURS.location(at()) != THEIRS.location(at())


def test_nowhere_has_no_fingerprint() -> None:
    """Two reports without a place do not meet in it."""
    assert OURS.location(at(None)) is None
    assert OURS.location(None) is None
    assert OURS.places(None) == OURS.places(at(None)) == []


def test_a_file_is_found_by_each_of_its_hashes() -> None:
    """Strongest first; what they have in common is said later."""
    keys = OURS.content(file(1, sha1=2, md5=3))
    assert keys == [
        *OURS.content(file(1)),
        *OURS.content(file(sha1=2)),
        *OURS.content(file(md5=3)),
    ]


def test_length_and_pdq_alone_find_nothing() -> None:
    """Length is no hash, and near is not equal."""
    assert OURS.content(file(pdq=1, length=5)) == []


def test_the_same_bytes_mean_different_things_in_different_places() -> None:
    """An id that spells an address is not that address."""
    text = "https://nl1.example/album/1.jpg"
    assert OURS.item(text) != OURS.location(at(text))
    assert OURS.content(file(md5=1)) != OURS.content(file(sha1=1))


lines = st.tuples(st.sampled_from(["public", "line"]), st.text("a\0:", max_size=4), st.text("ab"))


@given(lines, lines)
def test_lines_are_joined_unambiguously(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """No choice of separators in a source's own number makes two lines one."""
    assert (OURS.line(*one) == OURS.line(*other)) == (one == other)
    assert len(OURS.item(one[1])) == BYTES


def test_account_of_a_picture_alone_has_a_key_of_its_own() -> None:
    """Any digest is what it is known by instead."""
    of = Fingerprints(bytes(32))
    one, other = file(pdq=1), file(pdq=2)
    assert of.account(one) == of.account(file(pdq=1)) != of.account(other)
    assert of.content(one) == []
    assert of.account(file(3, pdq=1)) == of.content(file(3))


def test_items_that_look_like_an_entry_have_a_key_for_each_entry() -> None:
    """Of nothing else."""
    of = Fingerprints(bytes(32))
    keys = {of.entry(1), of.entry(2), of.entry(1 << 40), of.listed(1, b""), of.item("1")}
    assert len(keys) == 5
    assert of.entry(1) != Fingerprints(bytes([1] * 32)).entry(1)
