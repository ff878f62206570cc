"""The mixed load of a soak, and what must have come of it in the end.

Whoever hands in asks again under the same key until he is answered, as every client must. What was
handed in, and done, is counted here and nowhere else; in the end it is held against what both
members show through their local APIs.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.floor import HOSTS, url_of
from benchmarks.pair import Pair, run_hash
from examples.demo.members import Api, Member

RUN = "soak"
NDJSON, JSON = "application/x-ndjson", "application/json"
REPEATED = 20
"""One line in so many is about an item that was handed in before, under a reference of its own."""
WORKED_ON = 25
"""One item in so many is assessed and acted on by an analyst of the receiver."""
STEPS = (
    ("assessments", {"verdict": "baseline", "analyst": "analyst-1"}),
    ("actions", {"action": "host_notified"}),
    ("actions", {"action": "removed", "reason": "checked"}),
)
AGAIN_S = 0.2
PASSING = frozenset({409, 429, 503})
"""Not now: under way already, too much at once, or the store cannot."""
PAGE = 500
DONE = 300


@dataclass
class Tally:
    """What was answered as durable: lines by item, and items that were worked on."""

    lines: Counter[int] = field(default_factory=Counter)
    worked: dict[str, int] = field(default_factory=dict)
    put_off: int = 0

    @property
    def items(self) -> int:
        """How many distinct items were handed in."""
        return len(self.lines)


def line(number: int, nth: int) -> bytes:
    """Return the `nth` report about an item as a line of NDJSON."""
    item = {"url": url_of(number, RUN), "hashes": {"sha256": run_hash(RUN, number)}}
    told = {"items": [item], "source": "public", "reference": f"{RUN}-{number:08d}-{nth}"}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


class Load:
    """Clients of both members, until told to stop."""

    def __init__(self, pair: Pair, lines_a_second: int) -> None:
        self.tally = Tally()
        self._pair = pair
        self._rate = lines_a_second
        self._next = HOSTS
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Hand in no more; what is under way is answered first."""
        self._stop.set()

    async def bulk(self) -> None:
        """Hand in a body of lines each second; late if the node is, then as fast as it answers."""
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        number = 0
        while not self._stop.is_set():
            made = self._lines(self._rate)
            body = b"".join(line(item, nth) for item, nth in made)
            await self._until_durable(body, NDJSON, f"bulk-{number}")
            self.tally.lines.update(item for item, _ in made)
            number, due = number + 1, max(due + 1, loop.time() - 1)
            await self._pause(due - loop.time())

    async def singles(self, client: int) -> None:
        """Hand in one report after the other, some five a second."""
        number = 0
        while not self._stop.is_set():
            ((item, nth),) = self._lines(1)
            await self._until_durable(line(item, nth), JSON, f"single-{client}-{number}")
            self.tally.lines[item] += 1
            number += 1
            await self._pause(0.2)

    async def analyst(self) -> None:
        """Follow the change feed of the receiver, and work on one item in many."""
        api, seen = self._pair.receiver.api, 0
        cursor = await _newest(api)
        while not self._stop.is_set():
            try:
                page = await api.get("/api/v1/changes", after=cursor, limit=PAGE, wait=1)
            except (aiohttp.ClientError, TimeoutError):
                await self._pause(AGAIN_S)
                continue
            cursor = page["cursor"]
            for change in page["changes"]:
                seen += change["what"] == "recorded"
                if change["what"] == "recorded" and not seen % WORKED_ON:
                    await self._work_on(api, change["item"])

    async def _work_on(self, api: Api, item: str) -> None:
        for number, (verb, body) in enumerate(STEPS):
            path = f"/api/v1/items/{item}/{verb}"
            await self._post(api, path, json.dumps(body).encode(), JSON, f"{item}-{number}")
        self.tally.worked[item] = len(STEPS)

    def _lines(self, count: int) -> list[tuple[int, int]]:
        """Choose what to hand in next: item, and how often it was before."""
        chosen = []
        for _ in range(count):
            self._next += 1
            again = self._next - REPEATED * 50
            if self._next % REPEATED == 0 and again > HOSTS:
                chosen.append((again, self._next))
                self._next += 1
            else:
                chosen.append((self._next, 0))
        return chosen

    async def _until_durable(self, body: bytes, form: str, key: str) -> None:
        await self._post(self._pair.sender.api, "/api/v1/reports", body, form, key)

    async def _post(self, api: Api, path: str, body: bytes, form: str, key: str) -> None:
        """Ask until it is answered; under one key nothing is done twice."""
        headers = {
            "Authorization": f"Bearer {api.token}",
            "Content-Type": form,
            "Idempotency-Key": key,
        }
        while True:
            try:
                async with self._pair.http.post(api.url + path, data=body, headers=headers) as got:
                    text = await got.text()
                    if got.status < DONE:
                        assert '"rejected"' not in text, text[:300]
                        return
                    assert got.status in PASSING, text[:300]
                    self.tally.put_off += got.status == 429  # noqa: PLR2004 - HTTP's own word
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(AGAIN_S)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        try:
            await asyncio.wait_for(self._stop.wait(), max(0.0, seconds))
        except TimeoutError:
            return


async def _newest(api: Api) -> int:
    """Return where the change feed ends: what warmed the names stands before it."""
    cursor, page = 0, {"changes": [None]}
    while page["changes"]:
        page = await api.get("/api/v1/changes", after=cursor, limit=PAGE)
        cursor = page["cursor"]
    return cursor


@dataclass(frozen=True)
class Outcome:
    """What is not as it must be, counted over both members."""

    lost: int
    twice: int


async def compare(pair: Pair, tally: Tally, told: Callable[[str], None]) -> Outcome:
    """Read every item of both members and hold it against what was handed in and done."""
    lost = twice = 0
    for member in (pair.sender, pair.receiver):
        shown = await shown_by(member)
        missing, doubled = differences(tally, shown, at_work=member is pair.receiver)
        told(f"{member.id}: {len(shown)} items shown; {missing} lost, {doubled} twice")
        lost, twice = lost + missing, twice + doubled
    return Outcome(lost, twice)


@dataclass(frozen=True)
class Shown:
    """What a member shows of one item: its id here, sightings, and deeds."""

    id: str
    sightings: int
    deeds: int


async def shown_by(member: Member) -> list[tuple[int, Shown]]:
    """Return each item of a soak that a member shows, by its number."""
    return [
        (number, Shown(one["id"], len(one["sightings"]), _deeds(one)))
        async for one in _items(member.api)
        for number in _number(one)
    ]


def differences(tally: Tally, shown: list[tuple[int, Shown]], *, at_work: bool) -> tuple[int, int]:
    """Count what is missing and what is there too often at one member.

    Args:
        tally: what must be there.
        shown: what is.
        at_work: whether deeds are known by this member's own ids.
    """
    lost = twice = 0
    standing = Counter(number for number, _ in shown)
    lost += sum(number not in standing for number in tally.lines)
    twice += sum(count - 1 for count in standing.values())
    deeds = sum(one.deeds for _, one in shown)
    for number, one in shown:
        lost += max(0, tally.lines[number] - one.sightings)
        twice += max(0, one.sightings - tally.lines[number])
    if at_work:
        by_id = {one.id: one.deeds for _, one in shown}
        for item, count in tally.worked.items():
            lost += max(0, count - by_id.get(item, 0))
            twice += max(0, by_id.get(item, 0) - count)
    else:
        expected = sum(tally.worked.values())
        lost, twice = lost + max(0, expected - deeds), twice + max(0, deeds - expected)
    return lost, twice


async def _items(api: Api) -> AsyncIterator[dict[str, Any]]:
    after = ""
    while True:
        page = await api.get("/api/v1/items", after=after, limit=PAGE)
        for item in page["items"]:
            yield item
        after = page.get("next")
        if after is None:
            return


def _number(item: dict[str, Any]) -> list[int]:
    """Return the number of an item of a soak; nothing for those that warmed the names."""
    digest = item["hashes"][0]["sha256"]
    number = int(digest[-16:], 16)
    return [number] if digest == run_hash(RUN, number) else []


def _deeds(item: dict[str, Any]) -> int:
    return len(item["assessments"]) + len(item["actions"])
