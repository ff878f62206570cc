"""Keyed fingerprints: equal things are found at this node, and guessed by nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.matching.fingerprints import BYTES, Fingerprints
from tests.builders.cases import at, file

OURS = Fingerprints(b"\x01" * 32)
THEIRS = Fingerprints(b"\x02" * 32)


def test_two_nodes_fingerprint_one_place_differently() -> None:
    """A copied database without its keys cannot be searched for guessed addresses."""
    assert OURS.location(at()) != THEIRS.location(at())


def test_nowhere_has_no_fingerprint() -> None:
    """Two reports without a place do not meet in it."""
    assert OURS.location(at(None)) is None
    assert OURS.location(None) is None


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
