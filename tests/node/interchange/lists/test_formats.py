"""Every format: what is written is read again, and what is broken is refused where it is."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from node.interchange.errors import UnreadableFileError, WrongFileError
from node.interchange.lines import Rejection
from node.interchange.lists import ncmec, tables, vics
from node.interchange.lists.fields import ListLine
from node.interchange.lists.files import ListFormat, ListRejects, open_list, written
from node.interchange.lists.json_stream import MAX_VALUE
from node.matching.lists import Entry, Retraction
from protocol.facts import Content
from tests.fuzzing.lists import CASES, ENTRIES, seed

FORMATS: tuple[ListFormat, ...] = ("vics-2.0", "vics-1.3", "icse", "ncmec", "csv")
LOST = {
    "vics-2.0": {"external_id": None},
    "vics-1.3": {"external_id": None},
    "icse": {"dated_ms": None},
}
"""What a format has no place for."""


def entries_in(raw: bytes, read: object) -> list[object]:
    """Return what stands in bytes, in order."""
    return [line.what for line in read(io.BytesIO(raw))]  # type: ignore[operator]


def stored(tmp_path: Path, form: ListFormat, raw: bytes) -> list[ListLine]:
    """Return what stands in a file, which is recognised."""
    path = tmp_path / "list"
    path.write_bytes(raw)
    with open_list(path) as opened:
        assert opened.form == form
        return list(opened.lines)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_recognised_and_read_again(tmp_path: Path, form: ListFormat) -> None:
    """As far as the format has a place for it."""
    found = [line.what for line in stored(tmp_path, form, seed(form))]
    expected = [msgspec.structs.replace(one, **LOST.get(form, {})) for one in ENTRIES]
    if form == "icse":
        short = [expected[0], expected[2]]
        expected = [
            Entry(
                Content(md5=e.content.md5, sha1=e.content.sha1), "not_baseline", None, e.external_id
            )
            for e in short
        ]
    if form == "ncmec":
        own = "nl-eokm/" + "ef" * 32
        first = msgspec.structs.replace(expected[0].content, length=None)
        expected[0] = msgspec.structs.replace(expected[0], content=first)
        expected[1] = msgspec.structs.replace(expected[1], external_id=own)
    told = [Retraction("42/gone")] if form in ("ncmec", "csv") else []
    assert found == [*expected, *told]


MANY = 20_000
"""Entries that take more than 6 MiB together."""


@pytest.mark.parametrize("form", FORMATS)
def test_file_of_any_size_takes_little_memory(form: ListFormat) -> None:
    """Ten million entries are read as ten are."""
    entry = Entry(Content(md5=b"\x07" * 16), "1", None, "42/a")

    class Endless(io.RawIOBase):
        """A file that is made while it is read."""

        def __init__(self) -> None:
            self._pieces = written(form, (entry for _ in range(MANY)), iter(()), "nl-eokm")
            self._rest = b""

        def read(self, size: int = -1) -> bytes:
            while len(self._rest) < size and (piece := next(self._pieces, b"")):
                self._rest += piece
            piece, self._rest = self._rest[:size], self._rest[size:]
            return piece

    read = {
        "icse": tables.read_icse,
        "ncmec": ncmec.read_entries,
        "csv": tables.read_plain,
    }.get(form, vics.read_media)
    tracemalloc.start()
    count = sum(isinstance(line.what, Entry) for line in read(Endless()))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == MANY
    assert peak < 2 << 20


def broken_at_the_end(form: ListFormat) -> Iterator[bytes]:
    """Yield a good file without its last part, and one with a byte that is no text."""
    good = seed(form)
    yield good[:-20]
    yield good[:-20] + b"\xff" + good[-20:]


@pytest.mark.parametrize("form", ["vics-2.0", "vics-1.3", "ncmec"])
def test_broken_document_gives_what_stands_before_and_names_the_place(
    tmp_path: Path, form: ListFormat
) -> None:
    """What was taken stays; the rest comes when it is mended."""
    for raw in broken_at_the_end(form):
        path = tmp_path / "list"
        path.write_bytes(raw)
        found = []
        with open_list(path) as opened, pytest.raises(WrongFileError) as caught:
            found += [line.what for line in opened.lines]
        assert "entry" in str(caught.value) or "document" in str(caught.value)


class TestVics:
    """Project VIC."""

    def test_media_of_cases_are_read_and_nothing_else_of_them(self) -> None:
        """Names, paths, Exif and cases are passed over."""
        (found,) = entries_in(CASES, vics.read_media)
        assert found == Entry(Content(md5=b"\xab" * 16), "2")

    def test_other_hashes_are_found_by_their_names(self) -> None:
        """SHA-256, and PDQ with its quality; PhotoDNA is passed over."""
        raw = vics_file(
            '{"Category":1,"AlternativeHashes":[{"HashName":"SHA-256","HashValue":"'
            + "ab" * 32
            + '"},{"HashName":"PhotoDNA","HashValue":"x"},{"HashName":"PDQ","HashValue":"'
            + "cd" * 32
            + '"},{"HashName":"PDQ-Quality","HashValue":"77"}]}'
        )
        (found,) = entries_in(raw, vics.read_media)
        assert isinstance(found, Entry)
        assert found.content == Content(sha256=b"\xab" * 32, pdq=b"\xcd" * 32, pdq_quality=77)

    def test_entry_that_nobody_has_put_into_a_category_is_refused(self) -> None:
        """Such files list what was found on a disk, not what is known."""
        (found,) = entries_in(
            vics_file('{"Category":null,"MD5":"%s"}' % ("ab" * 16)), vics.read_media
        )
        assert isinstance(found, Rejection)
        assert found[:2] == ("missing", "Category")

    def test_refused_entry_does_not_hold_up_the_next(self) -> None:
        """Nor is it counted out."""
        good = '{"Category":1,"MD5":"%s"}' % ("ab" * 16)
        found = list(vics.read_media(io.BytesIO(vics_file("7", good, '{"MD5":1}', good))))
        assert [line.number for line in found] == [1, 2, 3, 4]
        assert [isinstance(line.what, Entry) for line in found] == [False, True, False, True]

    @pytest.mark.parametrize(
        "raw",
        [
            b"[]",
            b'{"value":[]}',
            b'{"value":[],"@odata.context":"http://a/2.0.xml/US/$metadata#Media"}',
            b'{"@odata.context":"http://a/9.0.xml/US/$metadata#Media","value":[]}',
            b'{"@odata.context":7,"value":[]}',
            b'{"@odata.context":"http://a/2.0.xml/US/$metadata#Media"}',
            b'{"@odata.context":"http://a/2.0.xml/US/$metadata#Media","value":[]} x',
            b'{"@odata.context":"http://a/2.0.xml/US/$metadata#Media","value":{}}',
            b"",
        ],
    )
    def test_other_documents_are_refused_whole(self, raw: bytes) -> None:
        """By what they lack."""
        with pytest.raises(WrongFileError):
            entries_in(raw, vics.read_media)

    def test_version_that_was_asked_for_is_held(self) -> None:
        """Categories of another could mean something else."""
        with pytest.raises(WrongFileError):
            list(vics.read_media(io.BytesIO(seed("vics-1.3")), "2.0"))

    @pytest.mark.parametrize(
        "bomb",
        [
            '{"a":"' + "x" * (MAX_VALUE + (1 << 19)) + '"}',
            "[" * 100_000,
            '{"a":' * 50_000,
            "9" * (MAX_VALUE + (1 << 19)),
        ],
        ids=["long", "deep", "deeper", "number"],
    )
    def test_entry_that_never_ends_is_refused_in_bounds(self, bomb: str) -> None:
        """Of size, depth and digits."""
        with pytest.raises(WrongFileError):
            entries_in(vics_file(bomb), vics.read_media)


def vics_file(*media: str) -> bytes:
    """Return a document of these media."""
    context = '{"@odata.context":"http://a.example/2.0.xml/Default/$metadata#Media","value":['
    return (context + ",".join(media) + "]}").encode()


def xml_file(*entries: str, head: str = "") -> bytes:
    """Return a document of these entries."""
    return (
        f'<?xml version="1.0"?>{head}<queryResult xmlns="{ncmec.NAMESPACE}"><images count="1">'
        f"{''.join(entries)}</images><paging><next>/v2/entries?a</next></paging></queryResult>"
    ).encode()


class TestNcmec:
    """XML, with everything that XML can do to who reads it."""

    def test_entry_is_named_by_its_member_and_id(self) -> None:
        """Two members may use one id."""
        entry = (
            '<image><member id="42">Example</member><timestamp>2017-10-24T15:00:00Z</timestamp>'
            "<id>image1</id><classification>A1</classification><fingerprints>"
            f"<md5>{'a1' * 16}</md5><pdna>...</pdna></fingerprints></image>"
        )
        assert entries_in(xml_file(entry), ncmec.read_entries) == [
            Entry(Content(md5=b"\xa1" * 16), "A1", 1_508_857_200_000, "42/image1")
        ]

    def test_slash_in_a_member_makes_no_name_of_another_member(self) -> None:
        """One would change and take back what is the other's; written, each is its own again."""
        two = (
            '<deletedImage><member id="a/b"/><id>c</id></deletedImage>'
            '<deletedImage><member id="a"/><id>b/c</id></deletedImage>'
            '<deletedImage><member id="a%2Fb"/><id>c</id></deletedImage>'
        )
        found = entries_in(xml_file(two), ncmec.read_entries)
        names = [one.external_id for one in found if isinstance(one, Retraction)]
        assert names == ["a%2Fb/c", "a/b/c", "a%252Fb/c"]
        gone = iter([(1, name, 0) for name in names if name is not None])
        again = b"".join(written("ncmec", iter(()), gone, "nl-eokm"))
        assert entries_in(again, ncmec.read_entries) == found

    def test_video_without_a_classification_has_a_category_of_its_own(self) -> None:
        """For which the operator says what it is worth."""
        entry = f'<video><member id="1"/><id>v</id><md5>{"a1" * 16}</md5></video>'
        (found,) = entries_in(xml_file(entry), ncmec.read_entries)
        assert isinstance(found, Entry)
        assert found.category == "unclassified"

    def test_deleted_entry_takes_back(self) -> None:
        """By member and id alone."""
        entry = '<deletedVideo><member id="43">x</member><id>v4</id></deletedVideo>'
        assert entries_in(xml_file(entry), ncmec.read_entries) == [Retraction("43/v4")]

    @pytest.mark.parametrize(
        "entry",
        [
            "<image><id>a</id></image>",
            '<image><member id="1"/></image>',
            f'<image><member id="1"/><id>a</id><id>b</id><md5>{"a1" * 16}</md5></image>',
            f'<image><member id="1"/><id>{"a" * 5000}</id><md5>{"a1" * 16}</md5></image>',
            '<image><member id="1"/><id>a</id><md5>secret</md5></image>',
        ],
    )
    def test_bad_entry_is_refused_by_itself(self, entry: str) -> None:
        """And no value of it is repeated."""
        good = f'<image><member id="1"/><id>g</id><md5>{"a1" * 16}</md5></image>'
        bad, fine = entries_in(xml_file(entry, good), ncmec.read_entries)
        assert isinstance(bad, Rejection)
        assert "secret" not in bad.reason
        assert isinstance(fine, Entry)

    @pytest.mark.parametrize(
        "head",
        [
            '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
            '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE a [<!ENTITY % a SYSTEM "http://a.example/">%a;]>',
            "<!DOCTYPE a>",
        ],
    )
    def test_document_type_is_refused_before_anything_is_read(self, head: str) -> None:
        """Entities name files, or grow without end."""
        with pytest.raises(WrongFileError, match="DOCTYPE"):
            entries_in(xml_file(head=head), ncmec.read_entries)

    def test_entity_that_nobody_declared_is_refused(self) -> None:
        """Nothing is made up for it."""
        with pytest.raises(WrongFileError):
            entries_in(xml_file("<image>&a;</image>"), ncmec.read_entries)

    def test_depth_is_bounded(self) -> None:
        """Each level costs memory."""
        with pytest.raises(WrongFileError, match="deeply"):
            entries_in(xml_file("<a>" * 100), ncmec.read_entries)

    @pytest.mark.parametrize("start", ['<image a="', "<!-- ", "<image" + " " * 20])
    def test_token_that_never_ends_is_refused_in_bounds(self, start: str) -> None:
        """The parser would hold all of it."""
        raw = xml_file(start + "x" * (4 << 20))
        with pytest.raises(WrongFileError):
            entries_in(raw, ncmec.read_entries)

    def test_other_document_is_refused(self) -> None:
        """By its first element."""
        with pytest.raises(WrongFileError, match="queryResult"):
            entries_in(b"<html></html>", ncmec.read_entries)


class TestTables:
    """CSV."""

    def test_columns_come_in_any_order_and_number(self) -> None:
        """The header says which is which."""
        raw = b"\xef\xbb\xbfcategory;md5\r\n1;" + b"ab" * 16 + b"\r\n\r\n"
        assert entries_in(raw, tables.read_plain) == [Entry(Content(md5=b"\xab" * 16), "1")]

    @pytest.mark.parametrize(
        "header",
        [b"md5;category;file_name", b"md5,category", b"md5;md5", b"", b"\xff"],
    )
    def test_unknown_column_refuses_the_file(self, header: bytes) -> None:
        """It may hold what must not be kept, or shift the others."""
        with pytest.raises(WrongFileError):
            entries_in(header + b"\n", tables.read_plain)

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (b"a;b;c", "columns"),
            (b"\xff;1", "encoding"),
            (b'"a;1', "quotes"),
            (b"x" * 20_000, "line_too_long"),
            (b"zz;1", "bad_hash"),
        ],
    )
    def test_bad_line_is_refused_by_itself(self, line: bytes, code: str) -> None:
        """With its number."""
        raw = b"md5;category\n" + line + b"\n" + b"ab" * 16 + b';"a;b"\n'
        bad, good = tables.read_plain(io.BytesIO(raw))
        assert isinstance(bad.what, Rejection)
        assert (bad.number, bad.what.code) == (2, code)
        assert isinstance(good.what, Entry)
        assert good.what.category == "a;b"

    def test_retracted_line_takes_back(self) -> None:
        """By its hashes or its id."""
        raw = b"id;md5;category;retracted\nx;;;true\n;" + b"ab" * 16 + b";1;yes\n"
        assert entries_in(raw, tables.read_plain) == [
            Retraction("x"),
            Retraction(None, Content(md5=b"\xab" * 16)),
        ]

    @pytest.mark.parametrize("form", ["csv", "icse"])
    @pytest.mark.parametrize(
        "name", ["=1+1", "+a", "-a", "@a", "\uff1da", "'=a", "'a", "''a", "-", "a='b", '=";"']
    )
    def test_attack_a_formula_is_written_as_text_and_read_as_it_was(
        self, tmp_path: Path, form: ListFormat, name: str
    ) -> None:
        """Whoever opens the file in a spreadsheet runs nothing."""
        entry = Entry(Content(md5=b"a" * 16), "not_baseline", None, name)
        raw = b"".join(written(form, iter((entry,)), iter(()), "nl-eokm"))
        cells = next(csv.reader([raw.decode().splitlines()[1]], delimiter=";"))
        assert not any(cell[:1] in tuple("=+-@\uff1d") for cell in cells if cell)
        assert [line.what for line in stored(tmp_path, form, raw)] == [entry]

    @pytest.mark.parametrize("form", ["csv", "icse"])
    @pytest.mark.parametrize("name", ["a,=1+1", 'a, "@b"', "a,'=b", "=1,-1", ",\uff0b1", "a,b,'c"])
    def test_attack_a_formula_behind_a_comma_is_text_where_columns_end_at_commas(
        self, tmp_path: Path, form: ListFormat, name: str
    ) -> None:
        """Some spreadsheets part every table there; the id is read as it was."""
        entry = Entry(Content(md5=b"a" * 16), "not_baseline", None, name)
        raw = b"".join(written(form, iter((entry,)), iter(()), "nl-eokm"))
        for cell in raw.decode().splitlines()[1].split(","):
            assert not cell.lstrip(' "').startswith(tuple("=+-@\uff0b"))
        assert [line.what for line in stored(tmp_path, form, raw)] == [entry]

    def test_number_below_zero_is_written_as_it_is(self) -> None:
        """It is no formula; a category may be one."""
        entry = Entry(Content(md5=b"a" * 16), "-1", None, "7")
        assert b";-1;;7;" in b"".join(written("csv", iter((entry,)), iter(()), "nl-eokm"))

    def test_icse_says_baseline_or_not(self) -> None:
        """And everything else in it is passed over."""
        raw = ";".join(tables.ICSE_COLUMNS).encode() + b"\n"
        raw += b"AB" * 16 + b";;pd;77;;yes;;A series name;3;;Image;True\n"
        assert entries_in(raw, tables.read_icse) == [
            Entry(Content(md5=b"\xab" * 16), "baseline", None, "77")
        ]

    def test_icse_without_its_columns_is_refused(self) -> None:
        """Nothing is guessed."""
        with pytest.raises(WrongFileError):
            entries_in(b"MD5;SHA1\n", tables.read_icse)


class TestFiles:
    """The file itself."""

    def test_pipe_or_missing_file_is_refused(self, tmp_path: Path) -> None:
        """It is read twice."""
        os.mkfifo(tmp_path / "pipe")
        for name in ("pipe", "nothing"):
            with pytest.raises(UnreadableFileError), open_list(tmp_path / name):
                pass

    def test_file_that_changes_while_it_is_read_is_refused(self, tmp_path: Path) -> None:
        """Its SHA-256 would be of something else."""
        path = tmp_path / "list"
        path.write_bytes(seed("csv"))
        with open_list(path) as opened:
            next(opened.lines)
            path.write_bytes(seed("csv") + b"\n")
            with pytest.raises(UnreadableFileError):
                list(opened.lines)

    def test_refusals_are_noted_without_what_was_refused(self, tmp_path: Path) -> None:
        """For the owner alone, and never over another file."""
        rejects = ListRejects(tmp_path / "rejects")
        rejects.close()
        assert not rejects.path.exists()
        rejects.write(7, Rejection("bad_hash", "MD5", "must be 32 hexadecimal digits, or empty"))
        rejects.close()
        assert msgspec.json.decode(rejects.path.read_bytes()) == {
            "entry": 7,
            "field": "MD5",
            "code": "bad_hash",
            "reason": "must be 32 hexadecimal digits, or empty",
        }
        assert rejects.path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(UnreadableFileError):
            ListRejects(rejects.path).write(1, Rejection("a", None, "b"))

    def test_a_run_that_is_killed_leaves_whole_refusals(self, tmp_path: Path) -> None:
        """What it noted stands as soon as it is noted, and no half of it."""
        rejects = ListRejects(tmp_path / "rejects")
        why = Rejection("bad_hash", "MD5", "x" * 3000)
        for number in range(1, 5):
            rejects.write(number, why)
        copied = rejects.path.read_bytes().split(b"\n")
        rejects.close()
        assert [msgspec.json.decode(one)["entry"] for one in copied[:-1]] == [1, 2, 3, 4]
        assert copied[-1] == b""

    def test_a_full_disk_is_said_and_leaves_whole_refusals(self, tmp_path: Path) -> None:
        """Closing the file says nothing else in its place."""
        path = tmp_path / "rejects"
        script = f"""
import resource, signal
from pathlib import Path
from node.interchange.errors import UnreadableFileError
from node.interchange.lines import Rejection
from node.interchange.lists.files import ListRejects
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
rejects = ListRejects(Path({str(path)!r}))
try:
    try:
        for number in range(9):
            rejects.write(number, Rejection("bad_hash", "MD5", "x" * 3000))
        rejects.keep()
    finally:
        rejects.close()
except UnreadableFileError as error:
    print(error)
"""
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert told.stdout == b"rejects: cannot be written (File too large)\n"
        copied = path.read_bytes().split(b"\n")
        assert [msgspec.json.decode(one)["entry"] for one in copied[:-1]] == [0, 1, 2]
        assert copied[-1] == b""
