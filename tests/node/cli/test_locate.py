"""`hotline locate` explains itself: varied cases over a real name server and a real registry.

All verbs are typed once, in one small world, and each test looks at one answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from examples.demo.dns_server import Zone, ZoneServer
from node.cli.exits import Exit
from node.cli.locate import locate
from node.cli.main import run
from node.config.edit import change_file
from node.registry import admit
from node.setup.member import NewMember, make_member
from tests.builders.databases import BUILT_S, write_database
from tests.builders.umbrella import World, make_world

RANGES: dict[str, tuple[str | None, str | None, str | None]] = {
    "192.0.2.0/26": ("NL", "NL", "NL"),
    "192.0.2.64/26": ("NL", "DE", None),
    "192.0.2.128/26": ("GB", "UK", "GB"),
    "192.0.2.192/26": ("XK", "XK", "XK"),
    "198.51.100.0/26": ("EU", "EU", "AP"),
    "198.51.100.64/26": ("AP", "DE", "DE"),
    "198.51.100.128/26": ("NL", "NL", "DE"),
    "198.51.100.192/26": ("FR", None, None),
    "203.0.113.0/26": ("US", "US", "US"),
    "203.0.113.64/26": ("BR", "BR", "BR"),
    "203.0.113.128/26": ("NL", "NL", "NL"),
    "2001:db8:1::/48": ("NL", "NL", "NL"),
}
ZONE: Zone = {
    "six.example": [{"type": "AAAA", "ttl": 60, "data": "2001:db8:1::1"}],
    "xn--bcher-kva.example": [{"type": "A", "ttl": 60, "data": "192.0.2.129"}],
    "gateway.example": [{"type": "A", "ttl": 60, "data": "198.51.100.65"}],
    "www.example": [{"type": "CNAME", "ttl": 20, "data": "edge.cdn.example"}],
    "edge.cdn.example": [{"type": "CNAME", "ttl": 10, "data": "pop.cdn.example"}],
    "pop.cdn.example": [{"type": "A", "ttl": 5, "data": "192.0.2.9"}],
    "veiled.example": [{"type": "A", "ttl": 60, "data": "203.0.113.5"}],
    "shop.example": [{"type": "CNAME", "ttl": 60, "data": "s1.veil.example"}],
    "s1.veil.example": [{"type": "A", "ttl": 60, "data": "192.0.2.7"}],
    "known.veil.example": [{"type": "A", "ttl": 60, "data": "203.0.113.6"}],
    "anycast.example": [
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
        {"type": "A", "ttl": 60, "data": "203.0.113.70"},
    ],
    "quarrel.example": [{"type": "A", "ttl": 60, "data": "192.0.2.66"}],
    "inside.example": [
        {"type": "A", "ttl": 60, "data": "10.0.0.1"},
        {"type": "AAAA", "ttl": 60, "data": "64:ff9b::a9fe:a9fe"},
    ],
    "half-inside.example": [
        {"type": "A", "ttl": 60, "data": "127.0.0.1"},
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
    ],
    "ill.example": [{"type": "SERVFAIL"}],
    "txt-only.example": [{"type": "TXT", "ttl": 60, "data": "nothing"}],
    "dangling.example": [{"type": "CNAME", "ttl": 60, "data": "gone.example"}],
}
PROXIES = "built 2026-11-01T00:00:00Z\nrange 203.0.113.0/26 veil-range\nsuffix veil.example veil\n"
OVERRIDES = """
[[override]]
id = "origin-1"
kind = "origin"
name = "known.veil.example"
country = "DE"
author = "analyst-7"
reason = "told by the proxy, case 4711"
expires = 2099-01-01T00:00:00Z
"""
WATCH = "built 2026-11-01T00:00:00Z\nasn 64500 leases-out\n"
US, DUTCH, GERMAN = "gb-iwf", "nl-eokm", "de-eco"


class Case(NamedTuple):
    """What is typed, and what must come of it."""

    typed: str
    state: str
    country: str | None
    confidence: str
    member: str | None
    orphan: bool = False
    review: str | None = None


CASES = {
    "IPv6 only": Case("http://six.example/", "country", "NL", "high", DUTCH),
    "IDN, odd code UK": Case("http://B\u00dcCHER.example/x", "country", "GB", "high", US),
    "CNAME chain": Case("http://www.example/", "country", "NL", "high", DUTCH),
    "half inside": Case("http://half-inside.example/", "country", "NL", "high", DUTCH),
    "IPFS gateway": Case("http://gateway.example/ipfs/QmA", "country", "DE", "high", GERMAN),
    "bare IPv4": Case("192.0.2.1", "country", "NL", "high", DUTCH),
    "bare IPv6": Case("2001:db8:1::99", "country", "NL", "high", DUTCH),
    "IPv4-mapped": Case("::ffff:192.0.2.1", "country", "NL", "high", DUTCH),
    "odd spelling of IPv4": Case("http://0xC0000201/", "country", "NL", "high", DUTCH),
    "majority": Case("198.51.100.130", "country", "NL", "medium", DUTCH),
    "code AP beside DE": Case("198.51.100.70", "country", "DE", "high", GERMAN),
    "code XK, nobody's": Case("192.0.2.200", "country", "XK", "high", DUTCH, orphan=True),
    "orphan": Case("http://203.0.113.70:8080/a", "country", "BR", "high", DUTCH, orphan=True),
    "lone answer": Case("198.51.100.200", "country", "FR", "low", US, review="location_uncertain"),
    "codes EU and AP": Case(
        "198.51.100.1", "disputed", None, "low", US, review="location_uncertain"
    ),
    "two databases differ": Case(
        "http://quarrel.example/", "disputed", None, "low", US, review="location_uncertain"
    ),
    "anycast": Case(
        "http://anycast.example/", "disputed", None, "low", US, review="location_uncertain"
    ),
    "proxy by range": Case("http://veiled.example/", "hidden", None, "high", US),
    "proxy by CNAME": Case("http://shop.example/", "hidden", None, "high", US),
    "confirmed origin": Case("http://known.veil.example/", "country", "DE", "high", GERMAN),
    "watched network": Case("203.0.113.130", "country", "NL", "medium", DUTCH),
    "onion": Case("http://abcdefghij.onion/a", "none", None, "high", US),
    "I2P": Case("http://abcdefghij.i2p/", "none", None, "high", US),
    "IPFS": Case("ipfs://QmAbCdEf/", "none", None, "high", US),
    "account": Case("service:chatter/@someone", "none", None, "high", US),
    "inside by name": Case(
        "http://inside.example/", "none", None, "low", US, review="location_uncertain"
    ),
    "SERVFAIL": Case("http://ill.example/", "unresolved", None, "low", None),
    "no data": Case("http://txt-only.example/", "unresolved", None, "low", None),
    "no such name": Case("http://nowhere.example/", "unresolved", None, "low", None),
    "dangling CNAME": Case("http://dangling.example/", "unresolved", None, "low", None),
}
REFUSED = {
    "http://10.0.0.1/": ("host_not_public", "10.0.0.1", "private"),
    "64:ff9b::a00:1": ("host_not_public", "10.0.0.1", "private"),
    "http://[2002:7f00:1::]/": ("host_not_public", "127.0.0.1", "loopback"),
    "::1": ("host_not_public", "::1", "not-global-unicast"),
    "http://printer.local/": ("host_not_public", None, None),
    "hxxp://site.example/": ("scheme_defanged", None, None),
    "site.example": ("scheme_missing", None, None),
}
Answers = dict[tuple[str, ...], tuple[int, str]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Give exit code and output for everything that is typed, by its words."""
    return asyncio.run(_all_answers(tmp_path_factory.mktemp("locate")))


async def _all_answers(folder: Path) -> Answers:
    targets = [*(case.typed for case in CASES.values()), *REFUSED]
    typed: list[tuple[str, ...]] = [
        ("http://known.veil.example/",),
        ("203.0.113.130",),
        ("http://www.example/",),
        ("http://10.0.0.1/",),
        ("192.0.2.200",),
        ("http://a.veil.example/", "--offline", "--json"),
    ]
    found: Answers = {}
    async with _place(folder) as (config, asked):
        for target in targets:
            found[target, "--json"] = await asyncio.to_thread(_look, config, target)
        for words in typed:
            found[words] = await asyncio.to_thread(_type, [*words, "-c", str(config)])
        before = sum(asked().values())
        offline = ("http://six.example/", "--offline", "--json")
        found[offline] = await asyncio.to_thread(_type, [*offline, "-c", str(config)])
        found["asked by --offline",] = (sum(asked().values()) - before, "")
        change_file(config, "jurisdiction", {"follow_redirects": True})
        inside = ("http://inside.example/a",)
        found[inside] = await asyncio.to_thread(_type, [*inside, "-c", str(config)])
    return found


def _look(config: Path, target: str) -> tuple[int, str]:
    """Run the verb itself: to read its words again each time would take most of the time."""
    result = locate(config, target, offline=False)
    return result.exit, json.dumps(result.data)


def _type(words: list[str]) -> tuple[int, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        return run(["locate", *words]), out.getvalue()


@contextlib.asynccontextmanager
async def _place(folder: Path) -> AsyncIterator[tuple[Path, Callable[[], dict[Any, int]]]]:
    """Make a network of three members, one of them ours, with data files and a name server."""
    servers: list[TestServer] = []

    async def serve(app: web.Application) -> TestServer:
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return servers[-1]

    zone = folder / "zone.json"
    zone.write_text(json.dumps(ZONE), encoding="utf-8")
    names = ZoneServer(zone)
    await names.start()
    try:
        world = await _network(folder, serve)
        _configure(world.config.source, folder, names.port)
        yield world.config.source, lambda: names.asked
    finally:
        await names.stop()
        for server in servers:
            await server.close()


async def _network(
    folder: Path, serve: Callable[[web.Application], Awaitable[TestServer]]
) -> World:
    now_ms = time.time_ns() // 1_000_000
    world = await make_world(folder, serve, now_ms)
    for port, (member, country) in enumerate({DUTCH: "NL", GERMAN: "DE"}.items(), start=8450):
        made = make_member(
            NewMember(
                directory=folder / member,
                member=member,
                name=member,
                network=world.network_id,
                jurisdictions=(country,),
                endpoint=f"https://127.0.0.1:{port}",
            ),
            now_ms,
        )
        terms = admit.Terms(fallback=member == DUTCH)
        admit.admit(world.directory, made.request.read_bytes(), terms, world.keepers, now_ms)
    world.admit()
    await world.join()
    return world


def _configure(config: Path, folder: Path, port: int) -> None:
    """Write the data files, and name them in the configuration."""
    proxies = folder / "proxies.txt"
    proxies.write_text(PROXIES, encoding="utf-8")
    (folder / "overrides.toml").write_text(OVERRIDES, encoding="utf-8")
    (folder / "watch.txt").write_text(WATCH, encoding="utf-8")
    networks = {"203.0.113.128/26": {"autonomous_system_number": 64500}}
    scalars = {
        "overrides": str(folder / "overrides.toml"),
        "watch_list": str(folder / "watch.txt"),
        "asn_database": str(write_database(folder, "networks", networks).path),
        "proxy_list": str(proxies),
        "resolvers": [f"127.0.0.1:{port}"],
        "allow_documentation_ranges": True,
    }
    change_file(config, "jurisdiction", scalars)
    with config.open("a", encoding="utf-8") as file:
        for number, name in enumerate(("one", "two", "three")):
            said = {prefix: words[number] for prefix, words in RANGES.items()}
            rows = {prefix: {"country_code": word} for prefix, word in said.items() if word}
            source = write_database(folder, name, rows)
            file.write(f'[[jurisdiction.databases]]\nname = "{name}"\npath = "{source.path}"\n')


def told(answers: Answers, name: str) -> dict[str, Any]:
    """Return the JSON of one case."""
    data: dict[str, Any] = json.loads(answers[CASES[name].typed, "--json"][1])
    return data


class TestCases:
    """One place, one decision, one reason."""

    @pytest.mark.parametrize("name", CASES)
    def test_each_case_is_decided_and_has_a_responsible_member(
        self, answers: Answers, name: str
    ) -> None:
        """State, country, confidence, and who would have it by the registry."""
        data, case = told(answers, name), CASES[name]
        assert (data["state"], data["country"], data["confidence"]) == case[1:4]
        who = data["responsible"]
        assert (who["member"], who["orphan"], who["review"]) == case[4:]

    @pytest.mark.parametrize("name", CASES)
    def test_each_case_says_why(self, answers: Answers, name: str) -> None:
        """In words for people, with the version of the rule."""
        data = told(answers, name)
        assert data["because"]
        assert data["responsible"]["because"]
        assert data["rule_version"] == 7
        assert answers[CASES[name].typed, "--json"][0] == Exit.OK

    def test_the_cases_say_different_things(self, answers: Answers) -> None:
        """A reason that fits everything explains nothing."""
        assert len({told(answers, name)["because"] for name in CASES}) >= 14

    @pytest.mark.parametrize(("target", "what"), REFUSED.items())
    def test_what_intake_refuses_is_refused_with_its_range(
        self, answers: Answers, target: str, what: tuple[str, str | None, str | None]
    ) -> None:
        """An internal address, however wrapped, is named with the range that traffic reaches."""
        code, out = answers[target, "--json"]
        refused = json.loads(out)["refused"]
        assert code == Exit.INPUT
        assert (refused["code"], refused.get("reached"), refused.get("name")) == what


class TestEvidence:
    """Every input stands in the answer."""

    def test_names_stand_with_chain_ttl_and_time(self, answers: Answers) -> None:
        """From the host onward, each alias with the time that it holds."""
        data = told(answers, "CNAME chain")
        assert data["cname_chain"] == [
            {"target": "edge.cdn.example", "ttl_s": 20},
            {"target": "pop.cdn.example", "ttl_s": 10},
        ]
        assert (data["names"], data["addresses"][0]["ttl_s"]) == ("ok", 5)
        assert data["asked_ms"] > 0

    def test_each_database_stands_with_build_prefix_and_word(self, answers: Answers) -> None:
        """Its own word, and how it was read."""
        (address,) = told(answers, "IDN, odd code UK")["addresses"]
        assert address["ballots"][1] == {
            "database": "two",
            "built_ms": BUILT_S * 1000,
            "prefix": "192.0.2.128/26",
            "answer": "UK",
            "read_as": "GB",
        }

    def test_a_dispute_names_its_candidates(self, answers: Answers) -> None:
        """Those of all addresses."""
        assert told(answers, "anycast")["candidates"] == ["BR", "NL"]
        assert told(answers, "two databases differ")["candidates"] == ["DE", "NL"]
        assert told(answers, "codes EU and AP")["candidates"] == []

    def test_a_proxy_stands_with_list_entry_and_provider(self, answers: Answers) -> None:
        """By range and by name of the chain."""
        (by_range,) = told(answers, "proxy by range")["proxies"]
        (by_name,) = told(answers, "proxy by CNAME")["proxies"]
        assert (by_range["entry"], by_range["provider"]) == ("203.0.113.0/26", "veil-range")
        assert (by_name["matched"], by_name["entry"]) == ("s1.veil.example", "veil.example")

    def test_an_override_stands_with_author_reason_and_end(self, answers: Answers) -> None:
        """And the proxy that it looks behind stays in the evidence."""
        data = told(answers, "confirmed origin")
        (rule,) = data["overrides"]
        assert (rule["id"], rule["kind"], rule["author"]) == ("origin-1", "origin", "analyst-7")
        assert (rule["matched"], rule["reason"]) == (
            "known.veil.example",
            "told by the proxy, case 4711",
        )
        assert rule["expires_ms"] == 4_070_908_800_000
        assert len(data["proxies"]) == 2

    def test_a_watched_network_stands_with_its_number_and_the_word(self, answers: Answers) -> None:
        """What took a step of confidence."""
        data = told(answers, "watched network")
        assert data["addresses"][0]["network"]["asn"] == 64500
        assert [(one["entry"], one["reason"]) for one in data["watched"]] == [
            ("asn 64500", "leases-out")
        ]

    def test_refused_addresses_stand_beside_those_that_count(self, answers: Answers) -> None:
        """Nobody voted on them."""
        seen = told(answers, "half inside")["addresses"]
        assert [(one["address"], one["refused"]) for one in seen] == [
            ("192.0.2.1", None),
            ("127.0.0.1", "loopback"),
        ]

    def test_a_wrapped_address_shows_what_it_reaches(self, answers: Answers) -> None:
        """The vote is on the address inside."""
        (address,) = told(answers, "IPv4-mapped")["addresses"]
        assert (address["address"], address["reached"]) == ("::ffff:c000:201", "192.0.2.1")

    def test_failure_and_absence_are_told_apart(self, answers: Answers) -> None:
        """A name server that fails says nothing about the site."""
        words = [told(answers, name)["because"] for name in ("SERVFAIL", "no data", "no such name")]
        assert len(set(words)) == 3
        assert all("asked again" in word for word in words)
        assert all(told(answers, name)["retry_ms"] for name in ("SERVFAIL", "no such name"))


class TestWords:
    """The same for people."""

    def test_the_text_holds_the_whole_decision(self, answers: Answers) -> None:
        """Given, canonical, chain, ballots, vote, result, responsible member."""
        _, text = answers["http://www.example/",]
        for part in (
            "canonical    http://www.example/",
            "alias      edge.cdn.example  ttl 20 s",
            "address      192.0.2.9  ttl 5 s",
            "one of 2026-09-21 says NL for 192.0.2.0/26",
            "vote       NL, high",
            "hosted in    NL, confidence high, rule 7",
            f"responsible  {DUTCH}\n",
            "the one active hotline that lists NL",
        ):
            assert part in text, part

    def test_an_override_is_told_whose_it_is(self, answers: Answers) -> None:
        """Kind, id, place, end; author and reason."""
        _, text = answers["http://known.veil.example/",]
        assert "origin       origin-1: known.veil.example in known.veil.example is in DE" in text
        assert "analyst-7: told by the proxy, case 4711" in text

    def test_a_watched_network_is_told(self, answers: Answers) -> None:
        """With the list that names it."""
        _, text = answers["203.0.113.130",]
        assert "network    AS64500, by networks" in text
        assert "watched      203.0.113.130 in asn 64500 of watch: leases-out" in text

    def test_an_orphan_is_called_one(self, answers: Answers) -> None:
        """Kosovo has a code of its own, and no hotline here."""
        _, text = answers["192.0.2.200",]
        assert f"responsible  {DUTCH}, as an orphan" in text

    def test_a_refusal_names_code_and_range(self, answers: Answers) -> None:
        """And what intake would say."""
        _, text = answers["http://10.0.0.1/",]
        assert text.startswith("refused      host_not_public: location: ")
        assert "10.0.0.1: private (10.0.0.0/8, RFC 1918)" in text


class TestOffline:
    """`--offline` looks no names up."""

    def test_nobody_is_asked(self, answers: Answers) -> None:
        """Not one question reaches the name server."""
        assert answers["asked by --offline",][0] == 0
        data = json.loads(answers["http://six.example/", "--offline", "--json"][1])
        assert (data["state"], data["names"], data["retry_ms"]) == ("unresolved", "not_asked", None)

    def test_a_name_of_a_proxy_is_hidden_all_the_same(self, answers: Answers) -> None:
        """The list's suffixes need no name server."""
        data = json.loads(answers["http://a.veil.example/", "--offline", "--json"][1])
        assert (data["state"], data["proxies"][0]["provider"]) == ("hidden", "veil")


def test_with_redirects_allowed_each_hop_is_shown(answers: Answers) -> None:
    """Here the first one, which nobody connects to: its addresses are internal."""
    code, text = answers["http://inside.example/a",]
    assert code == Exit.OK
    assert "hop          1 inside.example at no address: no answer, special_address" in text
