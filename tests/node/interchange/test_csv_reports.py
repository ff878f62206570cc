"""The CSV of today: what is read, what is refused, and that one line harms no other."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.reports.draft import ReportDraft
from node.interchange import csv_reports
from node.interchange.codes import SOURCES, TYPES
from node.interchange.csv_reports import HEADER, MAX_LINE_BYTES, Options
from node.interchange.errors import WrongFileError
from node.interchange.lines import Line, Rejection
from protocol.vocabulary import ItemKind, Source

SHA256 = "ab" * 32
URL = "https://pictures.example/a"
GOOD = f"{URL};;;;webform;website".encode()


def lines(content: bytes, options: Options = Options()) -> list[Line]:  # noqa: B008 - immutable
    """Read `content` as one file."""
    return list(csv_reports.read(io.BytesIO(content), SHA256, options))


def draft(row: str) -> ReportDraft:
    """Read one row that must be right."""
    (line,) = lines(HEADER + b"\n" + row.encode() + b"\n")
    assert isinstance(line.what, ReportDraft), line.what
    return line.what


def refusal(row: bytes, options: Options = Options()) -> Rejection:  # noqa: B008 - immutable
    """Read one row that must be refused, between two that are right."""
    before, wrong, after = lines(b"\n".join([GOOD, row, GOOD]) + b"\n", options)
    assert isinstance(before.what, ReportDraft)
    assert isinstance(after.what, ReportDraft)
    assert isinstance(wrong.what, Rejection), wrong.what
    return wrong.what


class TestColumns:
    """Each column has one meaning."""

    def test_every_column_reaches_its_field(self) -> None:
        """A complete row becomes a report with one item."""
        made = draft(f"{URL};https://portal.example/;jan@hotline.example;R-17;police;imageurl")
        assert made.items[0].url == URL
        assert made.items[0].kind is ItemKind.IMAGE
        assert made.items[0].access is not None
        assert made.items[0].access.referrer == "https://portal.example/"
        assert (made.workuser, made.reference) == ("jan@hotline.example", "R-17")
        assert made.source is Source.POLICE

    def test_empty_columns_stay_unknown(self) -> None:
        """Nothing is invented for what the row does not say."""
        made = draft(f"{URL};;;;public;")
        assert made == ReportDraft(items=made.items, source=Source.PUBLIC, identity=f"{SHA256}:2")
        assert made.items[0].access is None
        assert made.items[0].kind is None

    def test_a_row_with_a_reference_is_known_by_it_alone(self) -> None:
        """The position in the file means nothing where the source numbers its reports."""
        assert draft(f"{URL};;;R-17;public;").identity is None

    def test_site_types_are_kept_and_leave_the_kind_open(self) -> None:
        """A forum may show pages, pictures, anything."""
        made = draft(f"{URL};;;;helpwanted;forum")
        assert made.items[0].kind is None
        assert made.found_via == "helpwanted.site:forum"

    def test_words_may_be_written_in_capitals_and_with_spaces_around(self) -> None:
        """Spreadsheets and people do both."""
        assert draft(f" {URL} ; ; ; ; Police ; VideoUrl ").items[0].kind is ItemKind.VIDEO

    @pytest.mark.parametrize("word", SOURCES)
    @pytest.mark.parametrize("of_type", TYPES)
    def test_every_word_of_the_tables_makes_a_valid_draft(self, word: str, of_type: str) -> None:
        """What is read here is accepted by the node's own JSON reader."""
        made = draft(f"{URL};;;;{word};{of_type}")
        assert msgspec.json.decode(msgspec.json.encode(made), type=ReportDraft) == made


class TestHeader:
    """The header may be missing; a wrong one means another file."""

    def test_a_file_without_header_is_read(self) -> None:
        """The first row counts as line 1."""
        (line,) = lines(GOOD)
        assert isinstance(line.what, ReportDraft)
        assert line.number == 1

    @pytest.mark.parametrize(
        "header",
        [HEADER.lower(), b"\xef\xbb\xbf" + HEADER, HEADER + b"\r", HEADER.replace(b";", b" ; ")],
        ids=["lower case", "with mark", "CRLF", "spaces"],
    )
    def test_the_header_is_recognised_in_its_guises(self, header: bytes) -> None:
        """Case, spaces, line ends and the UTF-8 mark do not matter."""
        (line,) = lines(header + b"\n" + GOOD)
        assert isinstance(line.what, ReportDraft)

    @pytest.mark.parametrize(
        "header",
        [
            b"REFERER;URL;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE",
            b"URL,REFERER,WORKUSER-EMAIL,REFERENCE,SOURCE,TYPE",
            b"URL\tREFERER",
            b"URL;TYPE",
            HEADER + b";NOTE",
        ],
    )
    def test_columns_named_in_another_way_refuse_the_file(self, header: bytes) -> None:
        """Reading on would file referrers as items."""
        with pytest.raises(WrongFileError, match="header"):
            lines(header + b"\n" + GOOD)

    def test_a_second_header_in_the_file_is_an_ordinary_wrong_line(self) -> None:
        """Files are sometimes joined with their headers."""
        assert refusal(HEADER).code == "unknown_source"


class TestWrongLines:
    """A bad line is named and never stops the good ones."""

    @pytest.mark.parametrize(
        ("row", "code", "field"),
        [
            (b"https://a.example/x;y;;;;public;", "columns", None),
            (b"https://a.example/", "columns", None),
            (b";;;;public;", "missing", "URL"),
            (b"https://a.example/;;;;;", "missing", "SOURCE"),
            (b"https://a.example/;;;;somebody;", "unknown_source", "SOURCE"),
            (b"https://a.example/;;;;public;castle", "unknown_type", "TYPE"),
            (b'"https://a.example/;;;;public;', "quotes", None),
            (b'"https://a.example/"x;;;;public;', "quotes", None),
            (b"https://a.example/\x00;;;;public;", "control_character", None),
            (b"https://a.example/\rx;;;;public;", "control_character", None),
            (b"https://a.example/\xe9;;;;public;", "encoding", None),
            (b"https://a.example/;;;" + b"r" * 201 + b";public;", "too_long", "REFERENCE"),
            (b"https://a.example/" + b"u" * 8192 + b";;;;public;", "too_long", "URL"),
            (b"https://a.example/" + b"u" * MAX_LINE_BYTES, "line_too_long", None),
        ],
    )
    def test_the_fault_is_named(self, row: bytes, code: str, field: str | None) -> None:
        """Code and column say what to mend."""
        found = refusal(row)
        assert (found.code, found.field) == (code, field)

    def test_reasons_never_repeat_a_value(self) -> None:
        """A reason is shown and logged where addresses must not be."""
        for row in (
            b"https://canary.example/;canary;canary;canary;canary;",
            b"https://canary.example/;canary;canary;canary;public;canary",
            b'"https://canary.example/;;;;canary;',
        ):
            assert "canary" not in repr(refusal(row))

    def test_an_open_quote_spoils_its_own_line_only(self) -> None:
        """Otherwise one stray quote would swallow the rest of the file."""
        found = lines(b'"https://a.example/;;;;public;\n' + GOOD + b"\n" + GOOD)
        assert [isinstance(line.what, Rejection) for line in found] == [True, False, False]

    def test_an_endless_line_is_passed_over_in_bounded_memory(self) -> None:
        """The line after it is read as ever."""
        found = lines(GOOD + b"\n" + b"x" * (5 * MAX_LINE_BYTES) + b"\n" + GOOD)
        assert [line.number for line in found] == [1, 2, 3]
        assert isinstance(found[1].what, Rejection)
        assert found[1].raw == b""

    def test_blank_lines_and_rows_of_separators_are_passed_over_but_counted(self) -> None:
        """Spreadsheets end their files with such rows."""
        (line,) = lines(b"\n;;;;;\r\n   \n" + GOOD)
        assert line.number == 4


class TestQuotes:
    """A quoted field may hold what would otherwise separate."""

    def test_a_quoted_field_may_hold_semicolons_and_doubled_quotes(self) -> None:
        """The address arrives as it is, without the quoting."""
        made = draft('"https://a.example/x;y=""1""";;;;public;')
        assert made.items[0].url == 'https://a.example/x;y="1"'

    def test_a_quote_inside_an_unquoted_field_is_text(self) -> None:
        """Addresses hold quotes at times."""
        assert draft('https://a.example/"x";;;;public;').items[0].url == 'https://a.example/"x"'


class TestEncoding:
    """UTF-8; cp1252 only when asked for."""

    def test_cp1252_is_read_when_asked_for(self) -> None:
        """The byte E9 is an accented e there."""
        (line,) = lines(b"https://a.example/\xe9;;;;public;", Options(encoding="cp1252"))
        assert isinstance(line.what, ReportDraft)
        assert line.what.items[0].url == "https://a.example/\u00e9"

    def test_the_identity_of_a_line_does_not_depend_on_the_encoding(self) -> None:
        """Handing in the file again as cp1252 repeats the lines that were already in."""
        (utf8,) = lines(GOOD)
        (cp1252,) = lines(GOOD, Options(encoding="cp1252"))
        assert utf8.what == cp1252.what

    def test_a_file_marked_as_utf8_is_not_read_as_cp1252(self) -> None:
        """It would be read, and be wrong."""
        with pytest.raises(WrongFileError, match="encoding"):
            lines(b"\xef\xbb\xbf" + GOOD, Options(encoding="cp1252"))

    def test_unicode_line_separators_do_not_end_a_line(self) -> None:
        """Only a line feed does: line numbers must agree with the editor's."""
        assert len(lines("https://a.example/\u2028x;;;;public;\n".encode() + GOOD)) == 2


class TestDefaultSource:
    """The source may be said once for a file that leaves it out."""

    def test_it_fills_empty_columns_only(self) -> None:
        """A row that says its source keeps it."""
        rows = f"{URL};;;;;\n{URL};;;;police;".encode()
        found = lines(rows, Options(default_source="webform"))
        assert [line.what.source for line in found if isinstance(line.what, ReportDraft)] == [
            Source.PUBLIC,
            Source.POLICE,
        ]

    def test_an_unknown_one_is_refused(self) -> None:
        """Before any line is read."""
        with pytest.raises(ValueError, match="default_source"):
            lines(GOOD, Options(default_source="somebody"))


_cell = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60).map(
    str.strip
)


@given(
    rows=st.lists(
        st.tuples(
            _cell.map(lambda text: "https://a.example/" + text),
            _cell,
            _cell,
            _cell,
            st.sampled_from(sorted(SOURCES)),
            st.sampled_from(sorted(TYPES)),
        ),
        min_size=1,
        max_size=5,
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read_back(
    rows: list[tuple[str, str, str, str, str, str]], ending: str
) -> None:
    """Any text in any column survives writing by another program and reading here."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator=ending).writerows(rows)
    found = lines(HEADER + ending.encode() + out.getvalue().encode())
    for row, line in zip(rows, found, strict=True):
        assert isinstance(line.what, ReportDraft), line.what
        item = line.what.items[0]
        referrer = item.access.referrer if item.access else None
        read = (item.url, referrer, line.what.workuser, line.what.reference)
        assert read == (row[0].strip(), row[1] or None, row[2] or None, row[3] or None)


@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_by_name(content: bytes) -> None:
    """Garbage gives rejections or a refused file, never another error; drafts are always valid."""
    try:
        found = lines(content)
    except WrongFileError:
        return
    for line in found:
        if isinstance(line.what, ReportDraft):
            msgspec.json.decode(msgspec.json.encode(line.what), type=ReportDraft)
        else:
            assert line.what.reason.isascii()
