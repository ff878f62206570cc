"""Looks for what must never show: addresses, hashes, notes, people, in any spelling.

Some lines of the synthetic world are canaries: they stand in the report files like others, go
through the whole demo, and are then looked for in every log, every metric, every error and in the
files of the nodes themselves (the database is encrypted). Exempt are the files of rejected lines
and the output that somebody asked for.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from examples.demo.course import Course

PLAIN = "as it is"
SHORTEST = 8
"""Shorter needles would be found by chance."""


class Needle(NamedTuple):
    """Bytes that must not be found, and what they are."""

    raw: bytes
    what: str


def needles(secrets: dict[str, str]) -> list[Needle]:
    """Return every spelling of some secrets, each under its name."""
    found = {
        Needle(raw, f"{name}, {how}")
        for name, text in secrets.items()
        for raw, how in _spellings(text)
        if len(raw) >= SHORTEST
    }
    return sorted(found)


def _spellings(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield a text as it is, and as programs write it without meaning to."""
    raw = text.encode()
    yield raw, PLAIN
    yield text.lower().encode(), "in lower case"
    yield text.upper().encode(), "in upper case"
    yield json.dumps(text)[1:-1].encode(), "in JSON"
    yield repr(text)[1:-1].encode("utf-8"), "as Python shows it"
    for safe in ("", "/", "/:?=&"):
        yield quote(text, safe=safe).encode(), "percent-encoded"
        yield quote(text, safe=safe).lower().encode(), "percent-encoded"
    yield raw.hex().encode(), "in hex"
    yield raw.hex().upper().encode(), "in hex"
    yield from _base64(raw)
    digest = hashlib.sha256(raw)
    yield digest.hexdigest().encode(), "as SHA-256"
    yield digest.digest(), "as SHA-256"
    yield from ((b, f"SHA-256 {how}") for b, how in _base64(digest.digest()))


def _base64(raw: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield base64 wherever the text may begin in a longer one, without its uncertain ends."""
    for before in range(3):
        padded = b"\0" * before + raw
        encoded = base64.b64encode(padded)
        first = -(-before * 8 // 6)
        last = len(padded) * 8 // 6
        yield encoded[first:last], "in base64"
        yield encoded[first:last].translate(bytes.maketrans(b"+/", b"-_")), "in base64"


def search_bytes(raw: bytes, wanted: Iterable[Needle]) -> list[str]:
    """Return what of the needles is found."""
    return [needle.what for needle in wanted if needle.raw in raw]


def secrets_of(ledger: dict[str, Any]) -> dict[str, str]:
    """Return the canaries of a world: whole, and the parts by which one would know them."""
    found: dict[str, str] = {}
    for number, canary in enumerate(ledger["canaries"]):
        for name, text in canary.items():
            found[f"canary {number} {name}"] = text
            if name in {"url", "location"}:
                parts = urlsplit(text)
                found[f"canary {number} host of {name}"] = parts.hostname or ""
                found[f"canary {number} path of {name}"] = parts.path
    return found


async def search(course: Course) -> bool:
    """Look into everything; tells whether nothing was found."""
    spellings = needles(secrets_of(course.ledger))
    written = spellings + _everything_else(course.ledger)
    plain = [needle for needle in spellings if needle.what.endswith(PLAIN)]
    places = 0
    bad: list[str] = []
    for name, raw, wanted in (
        *((name, raw, written) for name, raw in _told(course)),
        *((name, raw, plain) for name, raw in _kept(course)),
    ):
        places += 1
        bad += [f"{name}: {what}" for what in search_bytes(raw, wanted)]
    for line in bad[:20]:
        course.tell.console.print(f"canary found in {line}", markup=False)
    what = f"{len(written)} spellings in {places} logs, metrics, errors and files of the nodes"
    course.tell.step(f"searched for what must not show, {what}: {len(bad)} found")
    return not bad


def _everything_else(ledger: dict[str, Any]) -> list[Needle]:
    """Every location and hash of the whole world, as it is."""
    found = set()
    for key, item in ledger["items"].items():
        content = item["content"] or {}
        for name in ("sha256", "sha1", "md5", "pdq"):
            if name in content:
                found.add(Needle(content[name].encode(), f"{name} of {key}"))
        if item["location"] is not None:
            found.add(Needle(item["location"].encode(), f"location of {key}"))
    return sorted(found)


def _told(course: Course) -> Iterator[tuple[str, bytes]]:
    """Yield what the nodes told: logs, errors, metrics, problems of the API."""
    for path in sorted((course.folder / "logs").iterdir()):
        yield path.name, path.read_bytes()
    for member in course.members.values():
        for number, text in enumerate(member.metrics):
            yield f"metrics of {member.id}, {number}", text.encode()
    for number, text in enumerate(course.problems):
        yield f"problem {number} of an API", text.encode()


def _kept(course: Course) -> Iterator[tuple[str, bytes]]:
    """Yield what the nodes keep on disk: databases are encrypted, with their journals.

    On a server, the columns are that only the node may read: its own files are searched too.
    """
    for folder in (*course.members, "umbrella"):
        for path in _files(course.folder / folder):
            yield str(path.relative_to(course.folder)), path.read_bytes()
    if course.on_server is not None:
        for path in _files(course.on_server.files):
            yield f"server/{path.relative_to(course.on_server.files)}", path.read_bytes()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
