"""Three nodes as real processes: a mistake is taken back, and so is all that followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from examples.demo.members import Member
from examples.demo.network import Network
from examples.demo.processes import Processes, free_ports

pytestmark = pytest.mark.long

MEMBERS = {"gb-iwf": ("GB", 130), "nl-eokm": ("NL", 2), "fr-pdc": ("FR", 194)}
"""Country of each member, and where in 192.0.2.0/24 that is."""
FILE = {"sha256": "5a" * 32, "md5": "5a" * 16, "length": 48_213}
OTHER = {"sha256": "6b" * 32, "length": 50_000}
WAIT_S = 60.0


@dataclass
class Office:
    """Three members, what each reported, and where each answers hosting companies."""

    members: dict[str, Member]
    ports: dict[str, int]
    http: aiohttp.ClientSession
    _numbers: Any = field(default_factory=lambda: count(1))

    async def report(self, member: str, country: str, hashes: dict[str, Any] = FILE) -> str:
        """A member hands a file in that is hosted somewhere, at an address of its own; the item."""
        number = next(self._numbers)
        item = {"url": f"https://{country.lower()}.example/{number}.jpg", "hashes": hashes}
        report = {"source": "public", "reference": f"r-{number}", "items": [item]}
        taken = await self.members[member].api.post("/api/v1/reports", report, f"report-{number}")
        found: str = taken["items"][0]["item_id"]
        return found

    async def do(self, member: str, item: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """Record something about an item."""
        path, key = f"/api/v1/items/{item}/{what}", f"do-{next(self._numbers)}"
        done: dict[str, Any] = await self.members[member].api.post(path, body, key)
        return done

    async def item(self, member: str, item: str) -> dict[str, Any]:
        """Return an item as a member knows it; nothing where it does not."""
        async with self.http.get(
            f"{self.members[member].api.url}/api/v1/items/{item}",
            headers={"Authorization": f"Bearer {self.members[member].token}"},
        ) as answer:
            return await answer.json() if answer.ok else {"custody": None, "assessments": ()}

    async def verdicts(self, item: str) -> dict[str, list[str]]:
        """Return whose verdicts stand on an item, at each member that knows it."""
        shown = {name: await self.item(name, item) for name in self.members}
        return {
            name: sorted(f"{one['member']} {one['verdict']}" for one in known["assessments"])
            for name, known in shown.items()
            if known["custody"] is not None
        }

    async def check(self, member: str, key: str, **hashes: Any) -> dict[str, Any]:
        """A hosting company asks a member about a file."""
        answer = await self.ask(member, key, "check", {"entries": [hashes]})
        (told,) = answer["answers"]
        return dict(told)

    async def answers(self, member: str, key: str, word: str) -> bool:
        """Whether a hosting company is answered so about the file; nodes follow within a second."""
        return bool((await self.check(member, key, **FILE))["answer"] == word)

    async def ask(self, member: str, key: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """A hosting company asks something of a member."""
        url = f"http://127.0.0.1:{self.ports[member]}/hashcheck/v1/{what}"
        headers = {"Authorization": f"Bearer {key}"}
        async with self.http.post(url, json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.ok, told
            return told

    async def hashcheck_key(self, member: str, *sources: str) -> str:
        """A member makes a key for a hosting company."""
        words = [word for source in sources for word in ("--source", source)]
        ends = ("--ends", "2099-12-31")
        made = await self.members[member].hotline(
            "hashcheck", "key", "create", "--hoster", "pictures-hosting", *ends, *words
        )
        key: str = made["key"]
        return key


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look again until it holds; other processes have no event to wait for."""
    async with asyncio.timeout(WAIT_S):
        while not await holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.1)


@asynccontextmanager
async def three_nodes(folder: Path) -> AsyncIterator[Office]:
    """Make the network, start everything; stop everything at the end."""
    processes = Processes(folder)
    zone = folder / "zone.json"
    zone.write_text(
        json.dumps(
            {
                f"{country.lower()}.example": [
                    {"type": "A", "ttl": 600, "data": f"192.0.2.{address}"}
                ]
                for country, address in MEMBERS.values()
            }
        )
    )
    entries = {
        name: {"name": name, "jurisdictions": [country]} for name, (country, _) in MEMBERS.items()
    }
    async with aiohttp.ClientSession() as http:
        network = Network(folder, http, processes)
        try:
            await network.make(entries, "gb-iwf", zone)
            ports = dict(zip(MEMBERS, free_ports(len(MEMBERS)), strict=True))
            for name, member in network.members.items():
                text = member.config.read_text()
                lines = f"[public]\nenabled = true\nlisten_port = {ports[name]}\n"
                text = text.replace("[public]\n", lines)
                member.config.write_text(text)
                await network.bring_up(member)
            yield Office(network.members, ports, http)
        finally:
            await processes.end()


def reviews(item: dict[str, Any]) -> set[str]:
    """Return why an item stands before a person."""
    return set(item["reviews"])


async def test_a_mistaken_verdict_withdrawn_and_every_consequence_undone_over_three_nodes(
    tmp_path: Path,
) -> None:
    """Carried over, told on, notified by, answered from: in the end as if it had never been."""
    async with three_nodes(tmp_path) as office:
        key = await office.hashcheck_key("nl-eokm", "own", "network")
        first = await office.report("gb-iwf", "NL")
        spared = await office.report("gb-iwf", "FR", OTHER)
        wrong = await office.do("gb-iwf", first, "assessments", {"verdict": "baseline"})
        right = await office.do("gb-iwf", spared, "assessments", {"verdict": "baseline"})

        async def told(item: str, *members: str) -> bool:
            stand = await office.verdicts(item)
            return all(stand.get(name) == ["gb-iwf baseline"] for name in members)

        await until(lambda: told(first, "gb-iwf", "nl-eokm"))
        await until(lambda: told(spared, "gb-iwf", "fr-pdc"))
        copy = await office.report("fr-pdc", "NL")  # known there by the verdict on the first
        await until(lambda: told(copy, "nl-eokm", "fr-pdc"))
        third = await office.report("gb-iwf", "FR")
        await until(lambda: told(third, "gb-iwf", "fr-pdc"))
        for item in (first, copy):
            await office.do("nl-eokm", item, "actions", {"action": "host_notified"})
        await until(lambda: office.answers("nl-eokm", key, "hit"))

        (given,) = wrong["assessments"]
        gb = office.members["gb-iwf"].api
        async with office.http.delete(
            f"{gb.url}/api/v1/items/{first}/assessments/{given['id']}",
            headers={"Authorization": f"Bearer {gb.token}"},
        ) as answered:
            assert answered.ok, await answered.text()

        async def gone() -> bool:
            stand = [await office.verdicts(item) for item in (first, copy, third)]
            return not any(verdicts for one in stand for verdicts in one.values())

        await until(gone)
        assert (await office.check("nl-eokm", key, **FILE)) == {"answer": "none"}
        assert await told(spared, "gb-iwf", "fr-pdc")
        assert right["known"]
        for item in (first, copy):
            shown = await office.item("nl-eokm", item)
            assert not shown["known"]
            assert reviews(shown) == {"withdrawal", "notice_to_retract"}
            (due,) = [one for one in shown["actions"] if one["retraction"] == "due"]
            shown = await office.do("nl-eokm", item, "retractions", {"action": due["id"]})
            assert reviews(shown) == {"withdrawal"}
        again = await office.report("fr-pdc", "NL")  # nobody need believe that it is known
        assert not (await office.item("fr-pdc", again))["known"]
        for member in office.members.values():
            assert (await member.hotline("verify"))["holds"]


async def test_a_complaint_that_removes_an_entry_everywhere(tmp_path: Path) -> None:
    """A list with a stock picture; a hosting company complains, a person decides, all hear it."""
    async with three_nodes(tmp_path) as office:
        gb, nl = office.members["gb-iwf"], office.members["nl-eokm"]
        stock = tmp_path / "list.csv"
        stock.write_text(f"sha256;length;category\n{FILE['sha256']};{FILE['length']};A\n")
        words = ("--provenance", "hotline", "--trust", "A=auto", "--may-share")
        await gb.hotline("list", "import", str(stock), "--list", "shared", "--version", "1", *words)
        asks_gb = await office.hashcheck_key("gb-iwf", "own", "list:shared")
        asks_nl = await office.hashcheck_key("nl-eokm", "own", "network")
        first = await office.report("gb-iwf", "NL")

        async def told(item: str, *members: str) -> bool:
            stand = await office.verdicts(item)
            return all(stand.get(name) == ["gb-iwf baseline"] for name in members)

        await until(lambda: told(first, "gb-iwf", "nl-eokm"))
        copy = await office.report("fr-pdc", "NL")  # known at nl by the list of gb
        await until(lambda: told(copy, "nl-eokm", "fr-pdc"))
        await office.do("nl-eokm", copy, "actions", {"action": "host_notified"})
        await until(lambda: office.answers("gb-iwf", asks_gb, "hit"))
        await until(lambda: office.answers("nl-eokm", asks_nl, "hit"))

        answer = await office.check("gb-iwf", asks_gb, **FILE)
        body = {"reference": answer["reference"], "why": "not_illegal"}
        made = await office.ask("gb-iwf", asks_gb, "complaints", body)
        (waiting,) = (await gb.hotline("hashcheck", "complaints"))["complaints"]
        assert waiting["complaint_id"] == made["complaint_id"]
        said = ("--uphold", made["complaint_id"], "--reason", "a stock picture", "--by", "anna")
        decided = await gb.hotline("hashcheck", "complaints", *said)
        assert (decided["status"], decided["undone"]) == ("upheld", [first])
        assert await office.answers("gb-iwf", asks_gb, "none")

        async def gone() -> bool:
            stand = [await office.verdicts(item) for item in (first, copy)]
            return not any(verdicts for one in stand for verdicts in one.values())

        await until(gone)
        assert await office.answers("nl-eokm", asks_nl, "none")
        assert "notice_to_retract" in reviews(await office.item("nl-eokm", copy))
        (shared,) = [
            one for one in (await gb.hotline("list", "status"))["lists"] if one["name"] == "shared"
        ]
        assert shared["entries"] == 0
        await gb.hotline("list", "import", str(stock), "--list", "shared", "--version", "2")
        again = await office.report("gb-iwf", "NL", {"sha256": FILE["sha256"]})
        assert not (await office.item("gb-iwf", again))["known"]
        assert await office.answers("gb-iwf", asks_gb, "none")
        for member in (gb, nl):
            assert (await member.hotline("verify"))["holds"]
