"""NDJSON and JSON documents: drafts, identities, faults that name the field, not the value."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.reports.draft import ReportDraft
from node.interchange import ndjson_reports
from node.interchange.errors import WrongFileError
from node.interchange.lines import Line, Rejection

SHA256 = "ab" * 32
GOOD = b'{"source":"public","items":[{"url":"https://a.example/"}]}'


def lines(content: bytes) -> list[Line]:
    """Read `content` as an NDJSON file."""
    return list(ndjson_reports.read(io.BytesIO(content), SHA256))


def refusal(row: bytes) -> Rejection:
    """Read one line that must be refused, between two that are right."""
    before, wrong, after = lines(b"\n".join([GOOD, row, GOOD]))
    assert isinstance(before.what, ReportDraft)
    assert isinstance(after.what, ReportDraft)
    assert isinstance(wrong.what, Rejection), wrong.what
    return wrong.what


class TestLines:
    """One report a line."""

    def test_a_line_without_reference_is_known_by_its_place(self) -> None:
        """File and line number make its identity."""
        _, second = lines(GOOD + b"\n" + GOOD)
        assert isinstance(second.what, ReportDraft)
        assert second.what.identity == f"{SHA256}:2"

    @pytest.mark.parametrize("field", ["reference", "identity"])
    def test_a_line_that_says_its_identity_keeps_it(self, field: str) -> None:
        """What the source gave is not replaced."""
        (line,) = lines(GOOD.replace(b'{"source', b'{"%s":"R-1","source' % field.encode(), 1))
        assert isinstance(line.what, ReportDraft)
        assert getattr(line.what, field) == "R-1"
        assert f"{SHA256}:1" not in (line.what.identity, line.what.reference)

    def test_the_utf8_mark_is_taken_off_the_first_line(self) -> None:
        """Some editors write it."""
        (line,) = lines(b"\xef\xbb\xbf" + GOOD)
        assert isinstance(line.what, ReportDraft)


class TestFaults:
    """Each fault names the field and the mend."""

    @pytest.mark.parametrize(
        ("row", "code", "field"),
        [
            (b'{"items":[{"url":"https://a.example/"}]}', "missing", "source"),
            (b'{"source":"public"}', "missing", "items"),
            (b'{"source":"public","items":[]}', "invalid_value", "items"),
            (b'{"source":"canary","items":[{}]}', "invalid_value", "source"),
            (b'{"source":"public","items":[{"url":1}]}', "invalid_value", "items[0].url"),
            (b'{"source":"public","items":[{"urls":1}]}', "unknown_field", "items[0].urls"),
            (b'{"source":"public","items":[{"http://canary":1}]}', "unknown_field", "items[0]"),
            (
                b'{"source":"public","items":[{"hashes":{"md5":"canary"}}]}',
                "invalid_value",
                "items[0].hashes.md5",
            ),
            (b'{"source":"public","canary', "bad_json", None),
            (b"canary", "bad_json", None),
            (b"[" * 100_000, "invalid_value", None),
            (b'{"a":' * 100_000, "unknown_field", "a"),
            (b'{"source":"public","note":"\xff"}', "bad_json", None),
            (b'{"source":"public","note":"\\ud800"}', "bad_json", None),
            (b"null", "invalid_value", None),
        ],
    )
    def test_the_fault_is_named(self, row: bytes, code: str, field: str | None) -> None:
        """Code and path say what to mend; values are not repeated."""
        found = refusal(row)
        assert (found.code, found.field) == (code, field)
        assert "canary" not in repr(found)

    def test_the_permitted_words_are_listed(self) -> None:
        """One need not look them up."""
        assert "helpline" in refusal(b'{"source":"x","items":[{}]}').reason

    def test_the_known_fields_are_listed(self) -> None:
        """A mistyped name is mended at once."""
        assert "found_via" in refusal(b'{"fuond_via":"x","source":"public","items":[{}]}').reason


class TestDocuments:
    """One JSON value in the whole file."""

    def read(self, content: bytes) -> list[Line]:
        """Read `content` as a JSON document."""
        return list(ndjson_reports.read_document(io.BytesIO(content), SHA256))

    def test_an_array_gives_its_drafts_by_place(self) -> None:
        """Places count from 1, like lines."""
        found = self.read(b"[\n" + GOOD + b",\n" + GOOD + b"]")
        identities = [line.what.identity for line in found if isinstance(line.what, ReportDraft)]
        assert identities == [f"{SHA256}:1", f"{SHA256}:2"]

    def test_a_single_report_may_be_spread_over_lines(self) -> None:
        """As an editor would show it."""
        (line,) = self.read(msgspec.json.format(GOOD, indent=2))
        assert isinstance(line.what, ReportDraft)

    def test_a_wrong_element_is_kept_on_one_line(self) -> None:
        """So that it fits into an NDJSON rejects file."""
        (line,) = self.read(b'[{"source":\n "x"}]')
        assert isinstance(line.what, Rejection)
        assert line.raw == b'{"source":"x"}'

    @pytest.mark.parametrize("content", [b"", b"[", b"[1,", b"[]]", b"\xff"])
    def test_a_broken_document_is_refused_as_a_whole(self, content: bytes) -> None:
        """Nobody can tell what else is missing."""
        with pytest.raises(WrongFileError, match="nothing of it was handed in"):
            self.read(content)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_name(content: bytes) -> None:
    """Garbage gives rejections, never another error."""
    for line in lines(content):
        if isinstance(line.what, Rejection):
            assert line.what.reason
