"""`hotline submit`: every line is in, or in the rejects file with its reason."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from node.api.room import INTAKE_BYTES
from node.cli.exits import Exit
from node.cli.main import run
from node.config.edit import change_file

if TYPE_CHECKING:
    from pathlib import Path

    Typed = Any

HEADER = "URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE\n"
GOOD = "https://one.example/a;;;R1;public;website\n"
CANARY = "canary-gallery"


def written(tmp_path: Path, *lines: str, name: str = "reports.csv") -> Path:
    """Write a CSV file."""
    path = tmp_path / name
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


def leftovers(tmp_path: Path) -> list[Path]:
    """Give the rejects files that were made."""
    return list(tmp_path.glob("*.rejects*"))


async def test_good_lines_are_accepted_and_counted(running: Typed, tmp_path: Path) -> None:
    """Two lines, two items, no rejects file."""
    path = written(tmp_path, GOOD, "https://two.example/b;;;R2;public;website\n")
    code, shown = await running("submit", path)
    assert code == Exit.OK
    assert (shown["lines"], shown["accepted"], shown["rejected"]) == (2, 2, 0)
    assert shown["rejects_file"] is None
    assert leftovers(tmp_path) == []


async def test_same_file_again_changes_nothing(running: Typed, tmp_path: Path) -> None:
    """With a reference and without one."""
    path = written(tmp_path, GOOD, "https://two.example/b;;;;public;website\n")
    await running("submit", path)
    code, shown = await running("submit", path)
    assert code == Exit.OK
    assert (shown["accepted"], shown["repeated"]) == (0, 2)


async def test_same_address_under_another_reference_is_a_duplicate(
    running: Typed, tmp_path: Path
) -> None:
    """A sighting of the first item."""
    path = written(tmp_path, GOOD, "https://one.example/a;;;R9;public;website\n")
    _, shown = await running("submit", path)
    assert (shown["accepted"], shown["duplicates"]) == (2, 1)


async def test_bad_line_handed_in_again_leaves_one_rejects_file(
    running: Typed, tmp_path: Path
) -> None:
    """Of a file that is handed in every night."""
    path = written(tmp_path, GOOD, "https://two.example/;;;R2;nobody;website\n")
    _, first = await running("submit", path)
    _, again = await running("submit", path)
    assert first["rejects_file"] == again["rejects_file"]
    assert [str(one) for one in leftovers(tmp_path)] == [again["rejects_file"]]


async def test_bad_line_stops_no_good_one_and_can_be_mended(running: Typed, tmp_path: Path) -> None:
    """The rejects file, mended and submitted, completes the import."""
    bad = f"not an address {CANARY};;;R2;public;website\n"
    worse = "https://three.example/;;;R3;nobody;website\n"
    code, shown = await running("submit", written(tmp_path, bad, GOOD, worse))
    assert code == Exit.PROBLEM
    assert (shown["accepted"], shown["rejected"]) == (1, 2)
    rejects = tmp_path / "reports.csv.rejects.csv"
    assert shown["rejects_file"] == str(rejects)
    text = rejects.read_text()
    text = text.replace(f"not an address {CANARY}", "https://two.example/")
    rejects.write_text(text.replace("nobody", "public"))
    code, shown = await running("submit", rejects)
    assert (code, shown["accepted"], shown["rejected"]) == (Exit.OK, 2, 0)


async def test_rejected_values_are_not_shown(
    running: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reasons name the field and the mend; the value stands in the rejects file alone."""
    path = written(tmp_path, f"not an address {CANARY};;;R2;public;website\n")
    words = ["submit", str(path), "-c", str(running.config.source)]
    assert await asyncio.to_thread(run, words) == Exit.PROBLEM
    out, err = capsys.readouterr()
    assert err.startswith("line 2: ")
    assert CANARY not in out + err


async def test_ndjson_with_items_and_hashes(running: Typed, tmp_path: Path) -> None:
    """The documented JSON goes the same way."""
    draft = {
        "source": "public",
        "reference": "N1",
        "items": [
            {"url": "https://one.example/a", "hashes": {"sha256": "ab" * 32, "length": 7}},
            {"url": "https://two.example/b"},
        ],
    }
    path = tmp_path / "reports.ndjson"
    path.write_text(json.dumps(draft) + "\n")
    code, shown = await running("submit", path)
    assert code == Exit.OK
    assert (shown["accepted"], sum(shown["outcomes"].values())) == (1, 2)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff\xfe\x00", "file_wrong"),
        (b"PK\x03\x04", "file_wrong"),
        (b"URL,REFERER,SOURCE\n", "file_wrong"),
    ],
)
async def test_foreign_file_is_refused_as_a_whole(
    running: Typed, tmp_path: Path, raw: bytes, code: str
) -> None:
    """Nothing of it is handed in."""
    (tmp_path / "odd").write_bytes(raw)
    found, shown = await running("submit", tmp_path / "odd")
    assert (found, shown["error"]["code"]) == (Exit.INPUT, code)


async def test_missing_file(running: Typed, tmp_path: Path) -> None:
    """Named as unreadable."""
    found, shown = await running("submit", tmp_path / "none")
    assert (found, shown["error"]["code"]) == (Exit.INPUT, "file_unreadable")


async def test_node_that_does_not_run_takes_nothing(typed: Typed, tmp_path: Path) -> None:
    """The file stays, the exit code tells, no rejects file is made."""
    found, shown = await typed("submit", written(tmp_path, GOOD))
    assert (found, shown["error"]["code"]) == (Exit.UNREACHABLE, "not_running")
    assert leftovers(tmp_path) == []


async def test_unknown_default_source_is_a_usage_error(typed: Typed, tmp_path: Path) -> None:
    """The message lists the sources."""
    found, shown = await typed("submit", written(tmp_path, GOOD), "--source", "nobody")
    assert found == Exit.USAGE
    assert "public" in shown["error"]["message"]


async def test_many_lines_go_in_several_batches(running: Typed, tmp_path: Path) -> None:
    """More than one batch keeps order and count."""
    lines = [f"https://site{n}.example/;;;M{n};public;website\n" for n in range(4100)]
    _, shown = await running("submit", written(tmp_path, *lines))
    assert (shown["lines"], shown["accepted"]) == (4100, 4100)


async def test_a_refusal_by_the_node_names_the_column(
    running: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever mends a CSV thinks in its columns."""
    path = written(tmp_path, "hxxp://one.example/;;;R2;public;website\n")
    words = ["submit", str(path), "-c", str(running.config.source)]
    assert await asyncio.to_thread(run, words) == Exit.PROBLEM
    assert "line 2: URL: scheme_defanged" in capsys.readouterr().err
    assert b"; URL; scheme_defanged: " in (tmp_path / "reports.csv.rejects.csv").read_bytes()


async def test_batches_keep_within_the_largest_body(running: Typed, tmp_path: Path) -> None:
    """A node that takes little at once gets more and smaller batches."""
    change_file(running.config.source, "api", {"max_body_bytes": 65_536})
    lines = [f"https://site{n}.example/{'x' * 500};;;M{n};public;website\n" for n in range(300)]
    code, shown = await running("submit", written(tmp_path, *lines))
    assert (code, shown["accepted"]) == (Exit.OK, 300)


class Breaking:
    """A way to the node on which the second answer of each connection is cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cuts = 0
        self.others: list[asyncio.StreamWriter] = []

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        forth = asyncio.create_task(self._copy(reader, there_writer))
        answers = 0
        while piece := await there_reader.read(1 << 16):
            answers += piece.count(b"HTTP/1.1 200")
            if answers > 1:
                self.cuts += 1
                break
            writer.write(piece)
        forth.cancel()
        writer.close()
        there_writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 16):
            writer.write(piece)


async def test_lost_answers_are_fetched_again_and_nothing_is_doubled(
    running: Typed, tmp_path: Path
) -> None:
    """Every second answer is lost after its lines were taken in."""
    way = Breaking(running.config.api.listen_port)
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    change_file(running.config.source, "api", {"listen_port": port})
    lines = [f"https://site{n}.example/;;;M{n};public;website\n" for n in range(6001)]
    code, shown = await running("submit", written(tmp_path, *lines))
    server.close()
    assert way.cuts > 0
    assert (code, shown["lines"], shown["rejected"]) == (Exit.OK, 6001, 0)
    assert shown["accepted"] + shown["repeated"] == 6001
    assert shown["outcomes"]["new"] + shown["outcomes"]["repeated"] == 6001


class Revoking:
    """Takes one batch in and refuses the token from then on."""

    REFUSAL = b'{"title":"Unauthorized","status":401,"code":"token_invalid","detail":"was revoked"}'

    def __init__(self) -> None:
        self.batches = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        self.batches += 1
        numbers = range(1, body.count(b"\n") + 1)
        lines = b"".join(b'{"line":%d,"status":"accepted"}\n' % number for number in numbers)
        status, answer = (b"200 OK", lines) if self.batches == 1 else (b"401 No", self.REFUSAL)
        writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\n" % status)
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
        await writer.drain()
        writer.close()


async def test_an_import_that_is_broken_off_says_what_was_in(
    running: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else nobody knows whether it was nothing, or nearly all."""
    server = await asyncio.start_server(Revoking().answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    change_file(running.config.source, "api", {"listen_port": port})
    lines = [f"https://site{n}.example/;;;M{n};public;website\n" for n in range(2001)]
    path = written(tmp_path, *lines)
    code = await asyncio.to_thread(run, ["submit", str(path), "-c", str(running.config.source)])
    server.close()
    assert code not in {Exit.OK, Exit.PROBLEM}
    assert "accepted 2000, repeated 0, duplicates 0, rejected 0 so far" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", HEADER])
async def test_a_file_without_reports_is_said_to_have_none(
    running: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """A person may have taken the wrong file; a script that runs every night has not failed."""
    path = tmp_path / "reports.csv"
    path.write_text(content)
    words = ["submit", str(path), "-c", str(running.config.source)]
    assert await asyncio.to_thread(run, words) == Exit.OK
    assert "the file holds no reports" in capsys.readouterr().out


class Freeing(Breaking):
    """A way to the node whose intake others fill, until the first 429 goes along it."""

    HEAD = (
        "POST /api/v1/reports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n"
    )
    EACH = 1 << 23

    async def fill(self, token: str) -> None:
        """Begin to hand in as much as there is room for, and no byte of it."""
        head = self.HEAD.format(token, self.EACH).encode()
        for _ in range(INTAKE_BYTES // self.EACH):
            await self._other(head)
        while not await self._refused(head):  # it took the place of one, who was sent away for it
            await self._other(head)

    async def _other(self, head: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head)
        self.others.append(writer)

    async def _refused(self, head: bytes) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head + b"\n" * self.EACH)
        try:
            return b" 429 " in await reader.readline()
        except ConnectionError:  # sent away before it had said all, and quicker than its answer
            return True
        finally:
            writer.close()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection; when a refusal comes along it the others go home."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        forth = asyncio.create_task(self._copy(reader, there_writer))
        while piece := await there_reader.read(1 << 16):
            if piece.startswith(b"HTTP/1.1 429"):
                self.cuts += 1
                for other in self.others:
                    other.close()
            writer.write(piece)
        forth.cancel()
        writer.close()
        there_writer.close()


async def test_import_waits_while_others_fill_the_intake(
    running: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slows down and does not fail, from its first line on, however long they take."""
    monkeypatch.setattr("node.cli.submit.PATIENCE_S", 0.0)
    way = Freeing(running.config.api.listen_port)
    await way.fill(running.config.api.token_file.read_text().strip())
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    change_file(running.config.source, "api", {"listen_port": port})
    code, shown = await running("submit", written(tmp_path, GOOD))
    server.close()
    assert way.cuts > 0
    assert (code, shown["accepted"]) == (Exit.OK, 1)
