"""Whom a node asks, and who asks it, each of them with a canary in hand: see `test_canary`.

A register of addresses, a proxy that knows whom it hides, a list of known content, a hosting
company. Each is made to answer and to hand in what is right, and what is wrong.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from examples.demo.processes import free_ports
from node.config.edit import change_file
from tests.builders.registers import Register, abuse, holder, network, write_bootstrap

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.course import Course
    from examples.demo.members import Member
    from tests.builders.authority import Authority

ANSWER_S = 30.0
ANY = tuple(range(9))
HIDING = "198.51.100.130"
"""An address of the proxy `veil-cdn` of the synthetic world."""
ORIGIN = "192.0.2.7"
ASKED_ABOUT = ("192.0.2.0/24", "198.51.100.0/24")


@dataclass
class Proxy:
    """A proxy's API on loopback: to the one host an answer, to the other nonsense with a canary."""

    told: str
    nonsense: str
    asked: set[str] = field(default_factory=set)
    both: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a question."""
        host = request.query["host"]
        self.asked.add(host)
        if len(self.asked) > 1:
            self.both.set()
        if host == self.told:
            return web.json_response({"addresses": [ORIGIN]})
        return web.Response(text=f'{{"addresses": "{self.nonsense}', status=200)


@dataclass
class Strangers:
    """Everybody outside, while they answer."""

    register: Register
    proxy: Proxy
    proxy_port: int
    public_port: int
    runner: web.AppRunner

    def know(self, member: Member, folder: Path) -> None:
        """Write them into a member's configuration."""
        known = {prefix: [self.register.base] for prefix in ASKED_ABOUT}
        lists = write_bootstrap(folder / "ipv4.json", known)
        public = {"enabled": True, "listen_port": self.public_port}
        change_file(member.config, "public", public)
        change_file(member.config, "hosters", {"rdap": True, "rdap_ipv4": str(lists)})
        asked = f"https://127.0.0.1:{self.proxy_port}/origin?host={{host}}"
        with member.config.open("a", encoding="utf-8") as file:
            file.write(f'\n[[hosters.origins]]\nprovider = "veil-cdn"\nurl = "{asked}"\n')

    async def close(self) -> None:
        """Let them go."""
        await self.register.stop()
        await self.runner.cleanup()


async def meet(authority: Authority, told: str, canary: dict[str, str]) -> Strangers:
    """Start them."""
    register = Register(authority)
    register.networks = [network("198.51.100.0", "198.51.100.255", "NET-1", holder(abuse()))]
    await register.start()
    proxy = Proxy(told, canary["url"])
    app = web.Application()
    app.router.add_get("/origin", proxy.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server)
    await site.start()
    (public,) = free_ports(1)
    return Strangers(register, proxy, runner.addresses[0][1], public, runner)


def _list_file(folder: Path, canary: dict[str, str]) -> Path:
    """Write a list with the canary in good lines, and in every column where it makes no sense."""
    word, url = canary["word"], canary["url"]
    lines = (
        "sha256;sha1;md5;length;pdq;pdq_quality;category;date;id;retracted",
        f"{canary['sha256']};;;4711;;;A;;{word}/a;",
        f"{canary['sha256']};;;4711;;;B;;{word}/a;",
        f";;{canary['md5']};;;;A;;{word}/b;",
        f"{word};;;;;;A;;{word}/c;",
        f";;{canary['sha256']};;;;A;;{word}/d;",
        f"{canary['sha256']};;;{word};;;A;;{word}/e;",
        f"{canary['sha256']};;;;{url};{word};A;;{word}/f;",
        f"{canary['sha256']};;;;;;A;{canary['note']};{word}/g;",
        f"{canary['sha256']};;;;;;A;;{word}/h;{url}",
        f"{canary['sha256']};{url};{word}",
        f"{url};;;;;;;;;;;;;;;;",
        canary["note"],
    )
    file = folder / "stock.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


async def bring_lists(course: Course, member: Member, canary: dict[str, str]) -> dict[str, Any]:
    """Import a list with the canary; what the import says of it, and of files that are none."""
    terms = ("--list", "stock", "--provenance", "industry", "--may-share", "--trust", "*=auto")
    file = _list_file(course.folder, canary)
    told = await member.hotline("list", "import", str(file), *terms, expect=(1,))
    for name, text in (
        ("no-list.csv", f"{canary['url']};{canary['sha256']}\n"),
        ("no-list.json", f'{{"value": [{{"MD5": "{canary["word"]}", "{canary["url"]}'),
        ("no-list.xml", f"<{canary['word']}>{canary['url']}&{canary['word']};"),
    ):
        broken = course.folder / name
        broken.write_text(text, encoding="utf-8")
        await member.hotline("list", "import", str(broken), *terms, expect=ANY[1:])
    for words in (
        ("retract", "--list", "stock", "--sha256", canary["url"]),
        ("retract", "--list", "stock", "--md5", canary["word"], "--id", canary["word"]),
        ("set", "--list", "stock", "--trust", canary["url"]),
        ("set", "--list", "stock", "--provenance", canary["word"]),
    ):
        await member.hotline("list", *words, expect=ANY[1:])
    course.problems.append(json.dumps(told["settled"]))
    return told


@dataclass
class Company:
    """A hosting company with a key, at the public listener."""

    course: Course
    url: str
    key: str

    async def ask(self, path: str, body: Any, *, key: str | None = None) -> tuple[int, Any]:
        """Ask; whatever is answered must show nothing, and is kept to be searched."""
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        data = body if isinstance(body, str) else json.dumps(body)
        async with self.course.http.post(
            f"{self.url}/hashcheck/v1/{path}", data=data.encode(), headers=headers
        ) as answer:
            text = await answer.text()
            self.course.problems.append(f"{answer.status}\n{dict(answer.headers)}\n{text}")
            return answer.status, text


async def check_uploads(
    course: Course, member: Member, strangers: Strangers, canary: dict[str, str]
) -> str:
    """Let a hosting company ask about the canary and complain; what its hash was answered."""
    words = ("--hoster", "pics", "--ends", "2099-12-31", "--source", "own", "--source")
    made = await member.hotline("hashcheck", "key", "create", *words, "list:stock")
    company = Company(course, f"http://127.0.0.1:{strangers.public_port}", made["key"])
    sha256, word = canary["sha256"], canary["word"]
    _, text = await company.ask("check", {"entries": [{"sha256": sha256, "length": 4711}]})
    answer = json.loads(text)["answers"][0]
    for body in (
        {"entries": [{"sha256": word}]},
        {"entries": [{"sha256": sha256[:-2]}]},
        {"entries": [{"sha256": sha256, "length": canary["note"]}]},
        {"entries": [{word: canary["url"]}]},
        {"entries": sha256},
        f'{{"entries": [{{"sha256": "{sha256}", "{canary["url"]}',
    ):
        await company.ask("check", body)
    await company.ask("check", {"entries": [{"sha256": sha256}]}, key=word)
    await company.ask(word, {"entries": [{"md5": canary["md5"]}]})
    said = {"reference": answer["reference"], "why": "other", "text": canary["note"]}
    _, text = await company.ask("complaints", said)
    await company.ask("complaints", {**said, "reference": word})
    await company.ask("complaints", {**said, "why": canary["url"]})
    why = ("--reason", canary["note"], "--by", "anna")
    complaint = json.loads(text)["complaint_id"]
    await member.hotline("hashcheck", "complaints")
    await member.hotline("hashcheck", "complaints", "--uphold", word, *why, expect=ANY[1:])
    await member.hotline("hashcheck", "complaints", "--uphold", complaint, *why)
    return str(answer["answer"])


async def look_for_hosters(member: Member, strangers: Strangers, canary: dict[str, str]) -> Any:
    """Look up who hosts the canary, and what no register can say; what was found of the first."""
    found = await member.hotline("hoster", "show", canary["url"])
    register = strangers.register
    register.mood = web.Response(status=500, text=f"{canary['url']} {canary['note']}")
    await member.hotline("hoster", "show", f"https://192.0.2.9/{canary['word']}")
    await member.hotline("hoster", "show", f"hxxp://{canary['word']}/", expect=ANY)
    words = (canary["word"], canary["url"], "--by", "anna")
    await member.hotline("hoster", "verify", *words, expect=ANY[1:])
    await member.hotline("hoster", "contacts")
    async with asyncio.timeout(ANSWER_S):
        await strangers.proxy.both.wait()
    await member.hotline("hoster", "origins")
    return found["places"]
