"""Files that are harmless by other hashes than those that were asked about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from node.matching.contents import Closeness, Likeness
from node.matching.linked import by_entries, said_of
from node.matching.lists import MIN_BYTES, QUORUM, Entry, Listed, Provenance, Terms, Trust
from protocol.facts import Content
from tests.builders.cases import file

WHOLE = file(1, sha1=1, md5=1, length=90_000)
NSRL = file(sha1=1, md5=1, length=90_000)


def listed(
    number: int, content: Content, trust: Trust = Trust.AUTO, *, may_use: bool = True
) -> Listed:
    """Return an entry of a list of its own."""
    made = Terms(f"list-{number}", Provenance.HOTLINE, may_use=may_use)
    return Listed(number, made, 1, Entry(content, "A"), trust)


def said(asked: Content, *entries: Listed) -> list[tuple[int, Trust]]:
    """Return how far each of these entries counts of a file, where all are found by their keys."""

    def named(files: Sequence[Content]) -> list[Listed]:
        return [one for one in entries if any(one.hit(each) for each in files)]

    hits = said_of(asked, named([asked]), named, MIN_BYTES)
    return [(hit.number, hit.counts_as) for hit in hits]


@pytest.mark.parametrize("trust", Trust)
def test_looked_at_are_the_files_that_entries_would_hold_illegal_unseen(trust: Trust) -> None:
    """Nothing hangs on what others name besides."""
    found = by_entries([listed(1, WHOLE, trust), listed(2, NSRL, Trust.NONE)])
    assert found == ([WHOLE] if trust in QUORUM else [])


def test_file_is_harmless_by_what_holds_it_illegal() -> None:
    """The benign list has no SHA-256, the report nothing else: the other list names both."""
    illegal, benign = listed(1, WHOLE), listed(2, NSRL, Trust.BENIGN)
    assert said(file(1), illegal) == [(1, Trust.AUTO)]
    assert said(file(1), illegal, benign) == [(1, Trust.SUGGESTION)]
    assert said(WHOLE, illegal, benign) == [(1, Trust.SUGGESTION), (2, Trust.BENIGN)]


@pytest.mark.parametrize(
    "benign",
    [
        listed(2, file(sha1=1), Trust.BENIGN),
        listed(2, file(2, sha1=1, md5=1), Trust.BENIGN),
        listed(2, NSRL, Trust.BENIGN, may_use=False),
        listed(2, NSRL, Trust.SUGGESTION),
        listed(2, NSRL, Trust.AUTO),
    ],
    ids=["one weak hash", "another file", "not to be used", "suggests", "no benign list"],
)
def test_what_does_not_surely_acquit_that_file_changes_nothing(benign: Listed) -> None:
    """The entry counts as if nothing else stood there."""
    assert said(file(1), listed(1, WHOLE), benign) == [(1, Trust.AUTO)]


def test_any_of_several_entries_may_say_that_it_is_harmless() -> None:
    """Whichever comes first: by one that does not, nothing is decided."""
    benign = listed(9, NSRL, Trust.BENIGN)
    poor = replace(benign, number=8, entry=Entry(file(7, md5=1), "A"))
    for others in ((benign, poor), (poor, benign)):
        entries = [listed(1, file(1)), listed(2, WHOLE), *others]
        expected = [(1, Trust.SUGGESTION), (2, Trust.SUGGESTION)]
        assert said(file(1), *entries) == expected


def test_what_only_suggests_makes_nothing_harmless() -> None:
    """Its hashes may be of another file."""
    suggests, benign = listed(2, WHOLE, Trust.SUGGESTION), listed(3, NSRL, Trust.BENIGN)
    assert said(file(1), listed(1, file(1)), suggests, benign) == [
        (1, Trust.AUTO),
        (2, Trust.SUGGESTION),
    ]


def test_each_entry_speaks_once_in_the_order_of_numbers() -> None:
    """By however many hashes it was found."""
    entries = [listed(3, WHOLE), listed(1, file(1)), listed(3, WHOLE)]
    assert said(WHOLE, *entries) == [(1, Trust.AUTO), (3, Trust.AUTO)]


def test_what_only_looks_like_it_is_heard_where_it_is_asked_for() -> None:
    """Of a video nothing looks like it."""
    near = listed(1, file(5, pdq=1))
    alike = file(6, pdq=0)
    assert said_of(alike, [near], lambda _: [near], MIN_BYTES) == []
    found = said_of(alike, [near], lambda _: [near], MIN_BYTES, pictures=True)
    assert [(hit.likeness, hit.closeness) for hit in found] == [(Likeness.NEAR, Closeness.NEAR_10)]


def test_size_from_which_lists_count_unseen_is_the_operators() -> None:
    """As told by whoever asks."""
    small = listed(1, file(1, length=5_000))
    for least, counts in ((5_000, Trust.AUTO), (5_001, Trust.SUGGESTION)):
        (hit,) = said_of(file(1), [small], lambda _: [small], least)
        assert hit.counts_as is counts
