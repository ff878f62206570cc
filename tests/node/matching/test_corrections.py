"""What a newer version of a list says of a file that an older one knew by another name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.matching.corrections import correct, is_new_of, told_by
from node.matching.lists import Entry, Settled, Standing
from protocol.facts import Content
from tests.builders.cases import file, verdict

OLD = Entry(file(sha1=1, md5=1), "1")
NEW = Entry(file(1, sha1=1, md5=1), "0")


def standing(entry: Entry, version: int = 1) -> Standing:
    """Return an entry as a version said it."""
    return Standing(7, version, entry)


@pytest.mark.parametrize(
    ("known", "entry", "new"),
    [
        (None, NEW, True),
        (standing(NEW), NEW, False),
        (standing(NEW), replace(NEW, dated_ms=5, external_id="x"), False),
        (standing(NEW), replace(NEW, category="1"), True),
        (standing(NEW), replace(NEW, content=file(1, md5=1)), True),
        (None, replace(NEW, given=verdict()), False),
        (standing(NEW), replace(NEW, category="1", given=verdict()), False),
    ],
    ids=["unknown", "the same", "dated", "category", "hashes", "a member's", "a member's anew"],
)
def test_others_are_looked_for_where_something_new_is_said(
    known: Standing | None, entry: Entry, *, new: bool
) -> None:
    """A member's words are its own under their ids, whatever it said before."""
    assert is_new_of(known, entry) is new


@pytest.mark.parametrize(
    ("content", "digests"),
    [
        (file(1, sha1=2, md5=3), [file(1).sha256, file(md5=3).md5]),
        (file(1), [file(1).sha256]),
        (file(sha1=2, md5=3), [file(md5=3).md5]),
        (file(sha1=2, length=9), []),
    ],
)
def test_found_by_what_is_equal_wherever_it_is_one_file(
    content: Content, digests: list[bytes]
) -> None:
    """SHA-1 says so with MD5 alone, which is looked for anyhow."""
    assert told_by(content) == digests


@pytest.mark.parametrize("what", [Settled.ADDED, Settled.CHANGED])
def test_newer_word_goes_in_the_place_of_the_older_one(what: Settled) -> None:
    """Of all that is surely of the very file, and of nothing else."""
    beside = {
        "same": standing(OLD),
        "by length": standing(Entry(file(md5=1, length=9), "2")),
        "other": standing(Entry(file(2, md5=1), "1")),
        "weak": standing(Entry(file(sha1=1), "1")),
    }
    newer = replace(NEW, content=file(1, sha1=1, md5=1, length=9))
    assert correct(what, newer, 2, beside) == (Settled.CHANGED, ["same", "by length"])


@pytest.mark.parametrize("version", [1, 2, 3])
def test_version_says_which_word_is_newer(version: int) -> None:
    """Of one version both stand, whatever order files come in."""
    found = correct(Settled.ADDED, NEW, version, {"old": standing(OLD, 2)})
    assert (
        found
        == {
            1: (Settled.OLDER, []),
            2: (Settled.ADDED, []),
            3: (Settled.CHANGED, ["old"]),
        }[version]
    )


def test_what_a_newer_word_outlasts_replaces_nothing_older() -> None:
    """The newest one has."""
    beside = {"older": standing(OLD, 1), "newer": standing(replace(OLD, category="2"), 3)}
    assert correct(Settled.ADDED, NEW, 2, beside) == (Settled.OLDER, [])


@pytest.mark.parametrize("old", [replace(OLD, category="0"), replace(OLD, content=file(md5=1))])
@pytest.mark.parametrize("version", [1, 3])
def test_both_stand_where_nothing_is_corrected(old: Entry, version: int) -> None:
    """It says the same, or one weak hash is equal; whichever is newer."""
    assert correct(Settled.ADDED, NEW, 2, {"old": standing(old, version)}) == (Settled.ADDED, [])


@pytest.mark.parametrize(("version", "what"), [(1, Settled.ADDED), (3, Settled.OLDER)])
def test_what_has_an_id_is_its_authors_to_change_under_that(version: int, what: Settled) -> None:
    """An older entry comes in no more beside it."""
    old = standing(replace(OLD, external_id="x"), version)
    assert correct(Settled.ADDED, NEW, 2, {"old": old}) == (what, [])


@pytest.mark.parametrize("version", [1, 3])
def test_entry_with_an_id_corrects_what_has_none(version: int) -> None:
    """In whatever order the two come in."""
    named = replace(NEW, external_id="x")
    found = correct(Settled.ADDED, named, 2, {"old": standing(OLD, version)})
    assert found == ((Settled.CHANGED, ["old"]) if version == 1 else (Settled.ADDED, []))
