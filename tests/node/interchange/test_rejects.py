"""The rejects file: what was refused can be mended and handed in again."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.reports.draft import ReportDraft
from node.interchange.errors import UnreadableFileError, WrongFileError
from node.interchange.files import open_reports
from node.interchange.lines import Line, Origin, Rejection, byte_lines
from node.interchange.rejects import RejectsFile, free_path, kept_once

HEADER = b"URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE\n"
WHY = Rejection("unknown_source", "SOURCE", "must be one of those")


def run(path: Path) -> tuple[list[Line], Path]:
    """Read the file at `path`; refused lines go to its rejects file, whose path is returned."""
    with open_reports(path) as reports:
        rejects = free_path(path, reports.rejects_format)
        with RejectsFile(rejects, reports.rejects_format) as out:
            good = []
            for line in reports.lines:
                if isinstance(line.what, Rejection):
                    out.write(line, line.what)
                else:
                    good.append(line)
    return good, rejects


def identities(lines: list[Line]) -> list[str | None]:
    """The identities of the lines that were read."""
    return [line.what.identity for line in lines if isinstance(line.what, ReportDraft)]


class TestPlaces:
    """Where the file stands, and how many there are."""

    def test_rejects_of_rejects_stand_beside_the_first_file_under_its_name(
        self, tmp_path: Path
    ) -> None:
        """Names do not grow with every try."""
        (tmp_path / "in.csv.rejects.csv").touch()
        path = free_path(tmp_path / "in.csv.rejects.csv", "csv")
        assert path.name == "in.csv.rejects-2.csv"

    def test_what_is_refused_again_word_for_word_stands_once(self, tmp_path: Path) -> None:
        """A file handed in every night with the same bad lines leaves one rejects file."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"https://a.example/;;;;nobody;\n")
        _, first = run(source)
        for again in (source, first, source):
            assert kept_once(run(again)[1]) == first
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", first.name]

    def test_what_is_still_wrong_after_mending_stands_beside_it(self, tmp_path: Path) -> None:
        """The first one is somebody's work."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"https://a.example/;;;;nobody;\nhttps://b.example/;;;;x;\n")
        _, first = run(source)
        first.write_bytes(first.read_bytes().replace(b"nobody", b"public"))
        second = kept_once(run(first)[1])
        assert (second.name, first.exists()) == ("in.csv.rejects-2.csv", True)

    def test_two_runs_that_end_at_once_leave_one_of_their_equal_rejects(
        self, tmp_path: Path
    ) -> None:
        """Each sees the file of the other; were both to give way, nobody could mend anything."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"https://a.example/;;;;nobody;\n")
        _, first = run(source)
        _, second = run(source)
        lone = kept_once(first)
        assert (lone, kept_once(second)) == (first, first)
        assert first.exists()


class TestRoundTrip:
    """Mend the rejects, hand them in: the rest is added, nothing twice."""

    def test_refused_lines_stand_in_it_as_they_stood(self, tmp_path: Path) -> None:
        """Verbatim, whatever is wrong with them, under the same header."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"one\x00\xff\r\nhttps://a.example/;;;;public;\ntwo;2\n")
        _, rejects = run(source)
        kept = [line for line in rejects.read_bytes().split(b"\n") if not line.startswith(b"#")]
        assert kept == [HEADER.strip(), b"one\x00\xff\r", b"two;2", b""]

    def test_a_mended_line_keeps_the_identity_of_its_origin(self, tmp_path: Path) -> None:
        """Even if the mended file is mended and handed in several times."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"\nhttps://a.example/;;;;nobody;\nhttps://b.example/;;;;x;\n")
        _, rejects = run(source)
        half = rejects.read_bytes().replace(b";;;;nobody;", b";;;;public;")
        rejects.write_bytes(half)
        first, second_rejects = run(rejects)
        second_rejects.write_bytes(second_rejects.read_bytes().replace(b";;;;x;", b";;;;police;"))
        second, _ = run(second_rejects)
        with open_reports(source) as reports:
            sha256 = reports.sha256
        assert identities(first) == [f"{sha256}:3"]
        assert identities(second) == [f"{sha256}:4"]

    def test_a_line_added_by_hand_gets_an_identity_of_its_own(self, tmp_path: Path) -> None:
        """A note speaks for the one line below it."""
        path = tmp_path / "in.csv"
        note = f"# line 7 of {'ab' * 32}; SOURCE; unknown_source: must be\n".encode()
        path.write_bytes(HEADER + note + b"https://a.example/;;;;public;\n" * 2)
        good, _ = run(path)
        with open_reports(path) as reports:
            assert identities(good) == [f"{'ab' * 32}:7", f"{reports.sha256}:4"]

    @pytest.mark.parametrize("save", [lambda n: b'"' + n + b'";;;;;', lambda n: n + b";;;;;\r"])
    def test_a_note_survives_a_spreadsheet(self, tmp_path: Path, save: object) -> None:
        """Spreadsheets quote it and fill up the columns."""
        assert callable(save)
        path = tmp_path / "in.csv"
        note = save(f"# line 7 of {'ab' * 32}; SOURCE".encode())
        path.write_bytes(HEADER + note + b"\nhttps://a.example/;;;;public;\n")
        good, _ = run(path)
        assert identities(good) == [f"{'ab' * 32}:7"]

    def test_ndjson_lines_make_the_same_round(self, tmp_path: Path) -> None:
        """Notes stand in NDJSON too; readers pass over them."""
        source = tmp_path / "in.ndjson"
        source.write_bytes(b'{"source":"nobody","items":[{"url":"https://a.example/"}]}\n')
        _, rejects = run(source)
        rejects.write_bytes(rejects.read_bytes().replace(b'"nobody"', b'"public"'))
        good, _ = run(rejects)
        with open_reports(source) as reports:
            assert identities(good) == [f"{reports.sha256}:1"]

    def test_a_line_too_long_to_keep_leaves_a_note(self, tmp_path: Path) -> None:
        """The note says where to find it."""
        source = tmp_path / "in.csv"
        source.write_bytes(HEADER + b"x" * 100_000 + b"\n")
        _, rejects = run(source)
        assert b"# line 2 of " in rejects.read_bytes()
        assert len(rejects.read_bytes()) < 1000

    @given(rows=st.lists(st.binary(min_size=1, max_size=60), max_size=8))
    def test_any_refused_line_is_found_again_byte_for_byte(self, rows: list[bytes]) -> None:
        """Reading a rejects file again gives the same lines and the same origins."""
        import tempfile  # noqa: PLC0415 - hypothesis and tmp_path do not go together

        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in.csv"
            source.write_bytes(HEADER + b"\n".join(rows))
            try:
                _, rejects = run(source)
            except WrongFileError:
                return
            if not rejects.exists():
                return
            _, again = run(rejects)
            assert again.read_bytes() == rejects.read_bytes()


class TestSafety:
    """The file holds addresses."""

    def test_a_run_that_is_killed_leaves_whole_lines(self, tmp_path: Path) -> None:
        """Half an address, handed in, would take the place of the whole one."""
        path = tmp_path / "in.csv.rejects.csv"
        rejects = RejectsFile(path, "csv")
        raw = b"https://a.example/" + b"x" * 3000
        for number in range(1, 5):
            rejects.write(Line(number, WHY, raw, Origin("ab" * 32, number)), WHY)
        copied = [line for line in path.read_bytes().splitlines() if line.startswith(b"https:")]
        rejects.close()
        assert copied == [raw] * 4

    def test_a_full_disk_leaves_whole_lines(self, tmp_path: Path) -> None:
        """What has no place is said to have none, and no half of it stands."""
        path = tmp_path / "in.csv.rejects.csv"
        raw = b"https://a.example/" + b"x" * 3000
        script = f"""
import resource, signal
from pathlib import Path
from node.interchange.errors import UnreadableFileError
from node.interchange.lines import Line, Origin, Rejection
from node.interchange.rejects import RejectsFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
why = Rejection("unknown_source", "SOURCE", "must be one")
try:
    with RejectsFile(Path({str(path)!r}), "csv") as rejects:
        for number in range(9):
            rejects.write(Line(number, why, {raw!r}, Origin("ab" * 32, number)), why)
except UnreadableFileError as error:
    print(error)
"""
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        copied = [line for line in path.read_bytes().splitlines() if line.startswith(b"https:")]
        assert told.stdout == b"rejects: cannot be written (File too large)\n"
        assert copied == [raw] * 3
        assert path.read_bytes().endswith(b"x\n")

    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        """Mode 0600 from the first byte."""
        source = tmp_path / "in.csv"
        source.write_bytes(b"broken\n")
        _, rejects = run(source)
        assert rejects.stat().st_mode & 0o777 == 0o600

    def test_an_earlier_rejects_file_is_never_overwritten(self, tmp_path: Path) -> None:
        """Somebody may be mending it."""
        source = tmp_path / "in.csv"
        source.write_bytes(b"broken\n")
        _, first = run(source)
        _, second = run(source)
        assert first != second
        assert first.exists()

    def test_no_file_is_made_when_nothing_was_refused(self, tmp_path: Path) -> None:
        """An empty one would look like work."""
        source = tmp_path / "in.csv"
        source.write_bytes(b"https://a.example/;;;;public;\n")
        _, rejects = run(source)
        assert not rejects.exists()


class TestFiles:
    """A file of another sort is refused as a whole, with the mend."""

    @pytest.mark.parametrize(
        ("content", "mend"),
        [
            ("URL;".encode("utf-16"), "UTF-16"),
            ("URL;REFERER".encode("utf-16-le"), "UTF-8"),
            (b"PK\x03\x04....", "export"),
            (b"\x1f\x8b....", "unpack"),
            (b"%PDF-1.7", "PDF"),
        ],
    )
    def test_it_says_what_the_file_is(self, tmp_path: Path, content: bytes, mend: str) -> None:
        """Instead of thousands of wrong lines."""
        path = tmp_path / "in.csv"
        path.write_bytes(content)
        with pytest.raises(WrongFileError, match=mend):
            run(path)

    def test_a_missing_file_is_named_as_such(self, tmp_path: Path) -> None:
        """The error says that it cannot be opened."""
        with pytest.raises(UnreadableFileError, match="No such file"):
            run(tmp_path / "in.csv")

    def test_what_is_no_regular_file_is_refused(self) -> None:
        """It is read twice, so it must stand still."""
        with pytest.raises(UnreadableFileError, match="regular"):
            run(Path("/dev/null"))

    def test_a_file_that_grows_while_it_is_read_is_refused(self, tmp_path: Path) -> None:
        """Its fingerprint would not be that of its lines."""
        path = tmp_path / "in.csv"
        path.write_bytes(b"https://a.example/;;;;public;\n")
        with open_reports(path) as reports:
            with path.open("ab") as more:
                more.write(b"https://b.example/;;;;public;\n")
            with pytest.raises(UnreadableFileError, match="changed"):
                list(reports.lines)

    @pytest.mark.parametrize(
        ("name", "content", "form"),
        [
            ("a.csv", b"", "csv"),
            ("a.txt", b"https://a.example/;;;;public;", "csv"),
            ("a.txt", b'{"source":1}', "ndjson"),
            ("a.json", b'{"source":1}', "json"),
            ("a.txt", b" [", "json"),
            ("a.ndjson", b"# line 3 of", "ndjson"),
        ],
    )
    def test_the_format_is_recognised(
        self, tmp_path: Path, name: str, content: bytes, form: str
    ) -> None:
        """By its first byte, then by its suffix."""
        path = tmp_path / name
        path.write_bytes(content)
        with open_reports(path) as reports:
            assert reports.form == form


@given(
    content=st.binary(max_size=200).map(lambda raw: raw.replace(b"a", b"\n")),
    limit=st.integers(1, 30),
)
def test_lines_are_those_of_a_plain_split(content: bytes, limit: int) -> None:
    """Reading in pieces gives the same lines, over-long ones as None."""
    expected = content.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    found = list(byte_lines(io.BytesIO(content), limit))
    wanted = [
        (number, line if len(line) <= limit else None)
        for number, line in enumerate(expected, start=1)
    ]
    assert found == wanted
