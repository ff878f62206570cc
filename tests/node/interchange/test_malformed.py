"""Malformed input in quantity (R3): every line is a valid draft or a rejection, nothing else."""

from __future__ import annotations

import io
import random

import msgspec
import pytest

from node.casework.reports.draft import ReportDraft
from node.interchange import csv_reports, ndjson_reports
from node.interchange.errors import WrongFileError
from node.interchange.lines import Line, Rejection

SHA256 = "ab" * 32
CSV_SEEDS = (
    b"https://a.example/x;https://b.example/;a@b.example;R-1;public;website\n",
    b'"https://a.example/;""x""";;;;helpwanted;imageurl\r\n',
    b"https://\xc3\xa4.example/;;;;iccam;\n",
    b"# line 7 of " + b"ab" * 32 + b"; URL\n;;;;;\n",
)
JSON_SEEDS = (
    b'{"source":"public","reference":"R-1","items":[{"url":"https://a.example/","kind":"page",'
    b'"hashes":{"md5":"' + b"ab" * 16 + b'","length":870.0},"assessments":[{"verdict":"baseline",'
    b'"at":"2026-11-23T18:00:00Z","labels":["a"]}]}],"child_at_risk":false}\n',
    b'{"source":"police","items":[{"service":"x","account":"y"}],"note":"\\u00e9\\ud83d\\ude00"}\n',
)
PIECES = (
    *(bytes([number]) for number in (0, 9, 10, 13, 34, 35, 44, 59, 92, 123, 125, 91, 93, 128, 255)),
    b'"', b'""', b";;", b"null", b"1e999", b"-1", b"[" * 600, b"\\ud800", b"\xef\xbb\xbf",
    b"\xe2\x80\xa8", b"x" * 9000, b"URL", b'{"a":', b"870.5", b"public",
)  # fmt: skip


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Cut, double, overwrite or insert, once to four times."""
    line = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(line) + 1)
        match chance.randrange(4):
            case 0:
                line[place : place + chance.randint(1, 12)] = b""
            case 1:
                line[place:place] = line[place : place + chance.randint(1, 40)]
            case 2:
                line[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                line[place:place] = chance.choice(PIECES)
    return bytes(line)


def check(lines: list[Line]) -> None:
    """A draft survives its own encoding; a rejection has a code and a reason in ASCII."""
    for line in lines:
        if isinstance(line.what, Rejection):
            assert line.what.code
            assert line.what.reason.isascii()
        else:
            raw = msgspec.json.encode(line.what)
            assert msgspec.json.decode(raw, type=ReportDraft) == line.what


def run(cases: int, seed: int) -> None:
    """Read `cases` mutated lines of each format, fifty to a file."""
    chance = random.Random(seed)  # noqa: S311 - a replayable choice, not a secret
    for _ in range(cases // 50):
        rows = b"".join(mutated(chance.choice(CSV_SEEDS), chance) for _ in range(50))
        try:
            check(list(csv_reports.read(io.BytesIO(rows), SHA256)))
        except WrongFileError:
            continue
    for _ in range(cases // 50):
        rows = b"".join(mutated(chance.choice(JSON_SEEDS), chance) for _ in range(50))
        check(list(ndjson_reports.read(io.BytesIO(rows), SHA256)))


def test_mutated_files_are_read_or_refused() -> None:
    """A first look at each change."""
    run(5_000, seed=1)


@pytest.mark.long
def test_a_million_mutated_lines_are_read_or_refused() -> None:
    """The figure of R3."""
    run(500_000, seed=2)
