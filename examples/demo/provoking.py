"""Mistakes that hold a canary: whoever answers them must not repeat what was handed in."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

    from examples.demo.course import Course

BAD = 400
ANSWER_S = 10.0
JSON = "application/json"
NDJSON = "application/x-ndjson"


class Mistake(NamedTuple):
    """A request that cannot be right."""

    method: str
    path: str
    body: str | None = None
    media_type: str = JSON
    token: str | None = None


def mistakes(url: str, word: str) -> Iterator[Mistake]:
    """Yield requests that hold an address and a word where neither belongs."""
    reports, items = "/api/v1/reports", "/api/v1/items"
    for body in (
        {"source": "public", "items": [{"url": url, word: 1}]},
        {"source": word, "items": [{"url": url}]},
        {"source": "public", "items": [{"url": url, "found": word}]},
        {"source": "public", "items": [{"url": f"hxxp://{word}.example/"}]},
        {"source": "public", "items": [{"url": url, "hashes": {"sha256": word}}]},
        {"source": "public", "items": [{"url": url}], "received": "1999-01-01T00:00:00Z"},
    ):
        yield Mistake("POST", reports, json.dumps(body))
        yield Mistake("POST", reports, json.dumps(body) + "\n", NDJSON)
    yield Mistake("POST", reports, f'{{"source": "{url}')
    yield Mistake("POST", reports, url, word.replace("-", "/", 1))
    yield Mistake("POST", f"{items}/{word}/actions", json.dumps({"action": word}))
    yield Mistake("POST", f"{items}/{word}/assessments", json.dumps({"verdict": url}))
    yield Mistake("GET", f"{items}/{word}")
    yield Mistake("GET", f"{items}?country={word}")
    yield Mistake("GET", f"{items}?{word}=1")
    yield Mistake("GET", f"/api/v1/changes?after={word}")
    yield Mistake("GET", f"/{word}")
    yield Mistake("GET", items, token=word)
    yield Mistake(word, items)


async def provoke(course: Course) -> None:
    """Make every mistake at one node, and keep what is answered."""
    canary = next(one for one in course.ledger["canaries"] if "url" in one)
    member = next(iter(course.members.values()))
    refused = 0
    for mistake in mistakes(canary["url"], canary["word"]):
        refused += await _make(course, member.api.url, mistake, member.token)
    for path in (f"/{canary['word']}", f"/hx1/channels/{canary['word']}/reports"):
        refused += await _make(course, member.endpoint, Mistake("GET", path), "")
    refused += await _no_http(course, canary["url"])
    refused += await _wrong_words(course, canary)
    (course.folder / "problems.txt").write_text("\n\n".join(course.problems), encoding="utf-8")
    course.tell.step(f"{refused} mistakes made on purpose, each with a secret in it, and refused")


async def _make(course: Course, base: str, mistake: Mistake, token: str) -> int:
    """Make one mistake; keeps the answer, with its headers."""
    headers = {
        "Authorization": f"Bearer {mistake.token or token}",
        "Content-Type": mistake.media_type,
    }
    url = URL(base + mistake.path, encoded=True)
    async with _request(course.http, mistake, url, headers) as answer:
        text = await answer.text()
        told = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        course.problems.append(f"{answer.status}\n{told}\n{text}")
        return int(answer.status >= BAD or '"rejected"' in text)


def _request(
    http: aiohttp.ClientSession, mistake: Mistake, url: URL, headers: dict[str, str]
) -> Any:
    body = None if mistake.body is None else mistake.body.encode()
    # The peer listener shows a certificate that only the registry vouches for.
    return http.request(mistake.method, url, data=body, headers=headers, ssl=False)


async def _no_http(course: Course, text: str) -> int:
    """Send what no listener can read, with a secret in the line at fault."""
    member = next(iter(course.members.values()))
    word = text.encode()
    lines = (
        b"GET /%b HTTP/9.9\r\n\r\n" % word,
        b"%b / HTTP/1.1\r\n\r\n" % word,
        b"GET / HTTP/1.1\r\nHost: a\r\n%b bad: x\r\n\r\n" % word,
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n\r\n" % word,
        b"POST /api/v1/reports HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n"
        % word,
    )
    for line in lines:
        reader, writer = await asyncio.open_connection("127.0.0.1", member.api_port)
        writer.write(line)
        async with asyncio.timeout(ANSWER_S):
            course.problems.append((await reader.read(1 << 16)).decode("latin-1"))
        writer.close()
    return len(lines)


async def _wrong_words(course: Course, canary: dict[str, str]) -> int:
    """Type wrong words at the command line; what it says of them goes to the logs."""
    member = next(iter(course.members.values()))
    file = course.folder / "mistake.csv"
    file.write_text(f"{canary['url']};;;\n", encoding="utf-8")
    several = (
        ("submit", str(file)),
        ("submit", str(file), "--format", "json"),
        ("submit", str(file), "--source", canary["word"]),
        ("evidence", "export", canary["word"]),
        ("token", "revoke", canary["word"]),
        ("token", "create", "--name", canary["url"], "--scope", canary["word"]),
    )
    for words in several:
        await member.hotline(*words, expect=tuple(range(1, 9)))
    return len(several)
