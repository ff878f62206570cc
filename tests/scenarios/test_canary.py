"""Canaries handed in at a real node show in no log, metric, error or file, in no spelling.

The whole demo searches the same way; here one node, made and run by the command line, is enough for
every place where a text that was handed in could be repeated.
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from examples.demo import canaries
from examples.demo.course import Course
from examples.demo.progress import Progress
from examples.demo.provoking import provoke
from tests.builders.authority import make_authority
from tests.scenarios.forked import ForkedVerbs
from tests.scenarios.strangers import (
    HIDING,
    Strangers,
    bring_lists,
    check_uploads,
    look_for_hosters,
    meet,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORD = "canary-1f0c7d2b94e8a635"
CANARY = {
    "word": WORD,
    "url": f"https://übung.nl.example/{WORD}/one.jpg",
    "location": f"https://xn--bung-zra.nl.example/{WORD}/one.jpg",
    "note": f"Synthetic note of {WORD}.",
    "workuser": f"{WORD}@gb-iwf.example",
    "password": f"secret of {WORD}",
    "sha256": "5bd1e995" * 8,
    "md5": "c6a4a793" * 4,
}
HIDDEN = {
    "word": WORD,
    "url": f"https://{WORD}.nl.example/{WORD}/two.jpg",
    "location": f"https://{WORD}.nl.example/{WORD}/two.jpg",
}
"""Of it the proxy that is asked for the origin says nonsense."""
REPORT: dict[str, Any] = {
    "source": "public",
    "reference": "R-1",
    "workuser": CANARY["workuser"],
    "note": CANARY["note"],
    "items": [
        {
            "url": CANARY["url"],
            "hashes": {"sha256": CANARY["sha256"], "md5": CANARY["md5"], "length": 4711},
            "access": {"password": CANARY["password"], "referrer": CANARY["url"]},
        }
    ],
}


@asynccontextmanager
async def network(folder: Path, records: dict[str, Any]) -> AsyncIterator[Course]:
    """Give a network of one member, made and not started; the zone has these records."""
    zone = folder / "zone.json"
    zone.write_text(json.dumps(records), encoding="utf-8")
    processes = ForkedVerbs(folder)
    entries = {"gb-iwf": {"name": "One", "jurisdictions": ["GB"]}}
    async with aiohttp.ClientSession() as http:
        made = Course(folder, http, processes, Progress())
        made.ledger = {"items": {}, "canaries": [CANARY]}
        try:
            await made.network.make(entries, "gb-iwf", zone)
            yield made
        finally:
            await processes.end()


@pytest.fixture
async def course(tmp_path: Path) -> AsyncIterator[Course]:
    """Give a network of one member that runs and has taken the canary in."""
    async with network(tmp_path, {"xn--bung-zra.nl.example": [{"type": "SERVFAIL"}]}) as made:
        await made.network.bring_up(made.members["gb-iwf"])
        await made.members["gb-iwf"].api.post("/api/v1/reports", REPORT, WORD)
        yield made


@pytest.fixture
async def met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Course, Strangers]]:
    """Give the same with everything turned on by which strangers are asked, or ask."""
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    strangers = await meet(authority, "xn--bung-zra.nl.example", CANARY)
    hidden = [{"type": "A", "ttl": 60, "data": HIDING}]
    records = {"xn--bung-zra.nl.example": hidden, f"{WORD}.nl.example": hidden}
    try:
        async with network(tmp_path, records) as made:
            made.ledger["canaries"].append(HIDDEN)
            strangers.know(made.members["gb-iwf"], tmp_path)
            await made.network.bring_up(made.members["gb-iwf"])
            yield made, strangers
    finally:
        await strangers.close()


class TestCanary:
    """Handed in, mistaken, asked for, stopped."""

    async def test_shows_nowhere(self, course: Course) -> None:
        """Neither what was right nor what was wrong is repeated by anything that speaks."""
        await provoke(course)
        await course.members["gb-iwf"].stop()
        assert await canaries.search(course)

    async def test_shows_nowhere_though_strangers_ask_and_are_asked(
        self, met: tuple[Course, Strangers]
    ) -> None:
        """A list, a register, a proxy and a hosting company have it in hand."""
        course, strangers = met
        member = course.members["gb-iwf"]
        told = await bring_lists(course, member, CANARY)
        assert (told["settled"]["added"], told["rejected"]) == (3, 9)
        hidden = {"source": "public", "items": [{"url": HIDDEN["url"]}]}
        await member.api.post("/api/v1/reports", REPORT, WORD)
        await member.api.post("/api/v1/reports", hidden, f"{WORD}-2")
        assert await check_uploads(course, member, strangers, CANARY) == "hit"
        (place,) = await look_for_hosters(member, strangers, CANARY)
        assert place["answered"] == "found"
        await member.stop()
        assert await canaries.search(course)

    async def test_shows_to_who_may_ask_for_it(self, course: Course) -> None:
        """The search would find it: the API's own answer holds it, and is exempt."""
        answer = await course.members["gb-iwf"].api.get("/api/v1/items")
        course.problems.append(json.dumps(answer))
        assert not await canaries.search(course)


class TestSearch:
    """In whatever spelling a program repeats a text without meaning to."""

    @pytest.mark.parametrize(
        "repeated",
        [
            "failed: https://übung.nl.example/" + WORD,
            "GET /%C3%BCbung.nl.example%2F" + WORD,
            r"'https://\u00fcbung.nl.example/'",
            "host=xn--bung-zra.nl.example",
            "b'" + CANARY["url"].encode().hex() + "'",
            "sha256=" + CANARY["sha256"].upper(),
            "https%3A%2F%2F%C3%BCbung.nl.example%2F" + WORD + "%2Fone.jpg",
        ],
    )
    def test_finds(self, repeated: str) -> None:
        """Each of these would betray the canary."""
        wanted = canaries.needles(canaries.secrets_of({"canaries": [CANARY]}))
        assert canaries.search_bytes(repeated.encode(), wanted)

    @pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
    def test_finds_base64_wherever_the_text_stands_in_it(self, before: str) -> None:
        """A longer text that holds the canary may be encoded as a whole."""
        wanted = canaries.needles(canaries.secrets_of({"canaries": [CANARY]}))
        encoded = base64.b64encode(f"{before}{CANARY['url']} and more".encode())
        assert canaries.search_bytes(encoded, wanted)

    def test_finds_a_digest_of_the_text(self) -> None:
        """A hash of an address tells everybody who can guess it."""
        wanted = canaries.needles(canaries.secrets_of({"canaries": [CANARY]}))
        digest = hashlib.sha256(CANARY["location"].encode()).hexdigest()
        assert canaries.search_bytes(digest.encode(), wanted)

    def test_finds_nothing_in_ids_and_codes(self) -> None:
        """What logs are made of stays searchable."""
        wanted = canaries.needles(canaries.secrets_of({"canaries": [CANARY]}))
        line = b'{"event": "node_started", "member": "gb-iwf", "item": "gb-iwf.01M8504K47NN0SQ"}'
        assert not canaries.search_bytes(line, wanted)
