"""Fields of an entry: what is taken, what is refused, and that no message repeats a value."""

from __future__ import annotations

import hashlib

import pytest

from node.interchange.lists.fields import (
    Fields,
    ListLine,
    RefusedError,
    date,
    entry,
    read,
    retraction,
    shown,
    yes,
)
from node.interchange.lists.tables import PLAIN
from node.matching.lists import Entry

MD5 = "aB" * 16
GOOD = Fields(md5=MD5, category="1")


def refusal(**changes: object) -> tuple[str, str | None, str]:
    """Return why an entry is refused."""
    with pytest.raises(RefusedError) as caught:
        entry(GOOD._replace(**changes), PLAIN)
    return caught.value.rejection


class TestHashes:
    """A hash is itself, or is refused by its field."""

    def test_case_of_digits_makes_no_difference(self) -> None:
        """Both are in use."""
        assert entry(GOOD, PLAIN).content.md5 == bytes.fromhex("ab" * 16)

    @pytest.mark.parametrize(
        "bad", ["ab", "ab" * 17, "zz" * 16, "a b" * 16, 7, ["a"], "ab " * 10 + "ab"]
    )
    def test_what_is_no_hash_is_refused_and_not_repeated(self, bad: object) -> None:
        """By its field, with the mend."""
        code, field, reason = refusal(md5=bad)
        assert (code, field) == ("bad_hash", "md5")
        assert str(bad) not in reason

    @pytest.mark.parametrize("sort", ["sha256", "sha1", "md5"])
    def test_hash_of_an_empty_file_is_refused(self, sort: str) -> None:
        """Real lists hold it, and it matches every empty file."""
        empty = hashlib.new(sort, b"").hexdigest()
        assert refusal(**{sort: empty})[:2] == ("no_content", sort)

    def test_hash_of_zeros_is_none(self) -> None:
        """Some tools write it where they have none; beside a good hash it is passed over."""
        assert refusal(md5="0" * 32)[:2] == ("no_content", "md5")
        assert entry(GOOD._replace(sha1="0" * 40), PLAIN) == entry(GOOD, PLAIN)

    def test_entry_without_any_hash_is_refused(self) -> None:
        """It names nothing."""
        assert refusal(md5="")[:2] == ("missing", "pdq")

    def test_pdq_without_its_quality_is_left_out_and_that_is_told(self) -> None:
        """Nobody knows what it is worth; the entry stands by its other hashes."""
        line = read(7, lambda: entry(GOOD._replace(pdq="ab" * 32, pdq_quality=""), PLAIN))
        assert line == ListLine(7, entry(GOOD, PLAIN), None, unrated=True)
        rated = read(7, lambda: entry(GOOD._replace(pdq="ab" * 32, pdq_quality="80"), PLAIN))
        assert isinstance(rated.what, Entry)
        assert (rated.what.content.pdq_quality, rated.unrated) == (80, False)
        zeros = read(7, lambda: entry(GOOD._replace(pdq="0" * 64), PLAIN))
        assert zeros == ListLine(7, entry(GOOD, PLAIN))

    def test_entry_without_quality_and_date_is_told_of_both(self) -> None:
        """Neither hides the other."""
        line = read(7, lambda: entry(GOOD._replace(pdq="ab" * 32, date="soon"), PLAIN))
        assert line.without is not None
        assert line.unrated

    def test_pdq_alone_without_its_quality_is_refused_by_that(self) -> None:
        """A hash was written; what is missing is another field."""
        assert refusal(md5="", pdq="ab" * 32)[:2] == ("missing", "pdq_quality")
        with pytest.raises(RefusedError) as caught:
            retraction(Fields(pdq="ab" * 32), PLAIN)
        assert caught.value.rejection.field == "pdq_quality"

    @pytest.mark.parametrize("bad", ["-1", "1.5", "x", 1 << 60, True])
    def test_length_that_is_none_is_refused(self, bad: object) -> None:
        """It decides with a weak hash."""
        assert refusal(length=bad)[:2] == ("invalid_value", "length")

    def test_length_of_nothing_is_absent(self) -> None:
        """Tools write 0 where they do not know."""
        assert entry(GOOD._replace(length=0), PLAIN).content.length is None


class TestTheRest:
    """Category, time, id."""

    @pytest.mark.parametrize("bad", [None, "", " ", 1.5, True, ["1"]])
    def test_category_must_be_said(self, bad: object) -> None:
        """An entry that nobody has put anywhere is not known."""
        assert refusal(category=bad)[:2] == ("missing", "category")

    @pytest.mark.parametrize("bad", ["*", "a\nb", "x" * 65])
    def test_category_is_a_short_word(self, bad: str) -> None:
        """An asterisk stands for all of them."""
        assert refusal(category=bad)[:2] == ("invalid_value", "category")

    def test_number_is_a_category(self) -> None:
        """As in VICS."""
        assert entry(GOOD._replace(category=0), PLAIN).category == "0"

    @pytest.mark.parametrize(
        ("raw", "at_ms"),
        [
            ("2026-01-01T00:00:00Z", 1_767_225_600_000),
            ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
            ("2026-01-01", 1_767_225_600_000),
            ("", None),
            (None, None),
        ],
    )
    def test_time_is_read_in_utc(self, raw: object, at_ms: int | None) -> None:
        """Nothing stands for no time."""
        assert date(raw, "date") == at_ms
        assert date(shown(at_ms), "date") == at_ms

    @pytest.mark.parametrize(
        "bad",
        ["1950-01-01", "1970-01-01", "0001-01-01T00:00:00+23:00", "yesterday", 8, ["a"], "2" * 129],
    )
    def test_entry_whose_date_cannot_be_read_is_taken_without_and_says_so(
        self, bad: object
    ) -> None:
        """Its hashes count; that its date was lost is for whoever made the list to know."""
        line = read(7, lambda: entry(GOOD._replace(date=bad), PLAIN))
        assert line.what == entry(GOOD, PLAIN)
        assert line.without is not None
        assert (line.number, line.without[:2]) == (7, ("bad_date", "date"))
        assert str(bad) not in line.without.reason

    @pytest.mark.parametrize("bad", ["x" * 129, "a\0b", 1.5])
    def test_id_is_short_and_printable(self, bad: object) -> None:
        """It is shown in complaints."""
        assert refusal(external_id=bad)[:2] == ("invalid_value", "id")

    @pytest.mark.parametrize(
        ("raw", "is_so"), [("True", True), ("no", False), ("", False), (True, True)]
    )
    def test_yes_and_no_are_read_as_tables_say_them(self, raw: object, is_so: bool) -> None:  # noqa: FBT001 - parametrized
        """Booleans as texts are the rule there."""
        assert yes(raw, "x") is is_so

    def test_what_is_neither_is_refused(self) -> None:
        """By its column."""
        line = read(3, lambda: entry(GOOD._replace(category=yes("perhaps", "Baseline")), PLAIN))
        assert line.number == 3
        assert line.what[1] == "Baseline"  # type: ignore[index]

    def test_retraction_names_something(self) -> None:
        """An id, or a hash."""
        with pytest.raises(RefusedError):
            retraction(Fields(), PLAIN)
        assert retraction(Fields(external_id="x"), PLAIN).external_id == "x"
