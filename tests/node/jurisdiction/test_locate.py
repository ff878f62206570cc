"""From a location to a jurisdiction, with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import pytest

from node.jurisdiction.answers import MAX_ADDRESSES
from node.jurisdiction.countries import Databases
from node.jurisdiction.explaining import explain
from node.jurisdiction.locate import (
    ABSENT_LOOKS,
    FAILED_LONG,
    LAST_RETRY_MS,
    LONGEST_RETRY_MS,
    Located,
    Locator,
)
from node.jurisdiction.locations import canonical
from node.jurisdiction.origins import Origins, Question
from node.jurisdiction.overrides import Override, Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from examples.demo.dns_server import Zone, ZoneServer
    from node.jurisdiction.countries import DatabaseSource
    from node.jurisdiction.names import Resolver

NOW = 1_800_000_000_000


@pytest.fixture
def proxies(tmp_path: Path) -> ProxyList:
    """Give a list of proxies: by range and by name."""
    path = tmp_path / "proxies.txt"
    path.write_text(
        "built 2026-11-01T00:00:00Z\nrange 203.0.113.0/24 veil\nsuffix cdn.example cdn\n",
        encoding="utf-8",
    )
    return ProxyList.open(ProxySource(path, "proxies"))


@pytest.fixture
def locator(resolver: Resolver, databases: Databases, proxies: ProxyList) -> Locator:
    """Give a locator over the test zone, two agreeing databases and one proxy list."""
    return Locator(resolver, databases, [proxies])


async def locate(locator: Locator, url: str) -> Located:
    """Locate `url` at `NOW`."""
    return await locator.locate(canonical(url), NOW)


def rows(located: Located, kind: str) -> list[tuple[str | int | None, ...]]:
    """Return the evidence rows of one kind, without the kind."""
    return [row[1:] for row in located.evidence if row[0] == kind]


class TestStates:
    """One state for each thing found."""

    @pytest.mark.parametrize(
        ("url", "state", "country"),
        [
            ("http://plain.example/", "country", "NL"),
            ("http://both.example/", "country", "NL"),
            ("http://six.example/", "country", "NL"),
            ("http://half-inside.example/", "country", "NL"),
            ("http://192.0.2.1:8080/", "country", "NL"),
            ("http://[2001:db8:1::5]/", "country", "NL"),
            ("http://two-lands.example/", "disputed", None),
            ("http://veiled.example/", "hidden", None),
            ("http://203.0.113.9/", "hidden", None),
            ("http://www.example/", "hidden", None),
            ("http://nowhere.example/", "unresolved", None),
            ("http://txt-only.example/", "unresolved", None),
            ("http://dangling.example/", "unresolved", None),
            ("http://loop-a.example/", "unresolved", None),
            ("http://inside.example/", "none", None),
            ("http://abcdef.onion/", "none", None),
            ("http://abcdef.i2p/", "none", None),
            ("ipfs://QmAbCdEf/", "none", None),
            ("service:chatter/someone", "none", None),
            ("http://ill.example/", "unresolved", None),
        ],
    )
    async def test_each_thing_found_has_its_state(
        self, locator: Locator, url: str, state: str, country: str | None
    ) -> None:
        """The table at the head of the module."""
        located = await locate(locator, url)
        assert (located.state, located.country) == (state, country)

    async def test_candidates_of_a_dispute_are_named(self, locator: Locator) -> None:
        """A site in several countries is nobody's by chance."""
        located = await locate(locator, "http://two-lands.example/")
        assert (located.candidates, located.confidence) == (("DE", "NL"), "low")

    async def test_a_special_literal_without_the_switch_is_nowhere(
        self, databases: Databases, server: ZoneServer
    ) -> None:
        """Documentation ranges are no place unless the operator says so."""
        from node.jurisdiction.names import Resolver as Plain  # noqa: PLC0415

        plain = Plain([f"127.0.0.1:{server.port}"])
        located = await locate(Locator(plain, databases), "http://192.0.2.1/")
        await plain.close()
        assert located.state == "none"
        assert rows(located, "refused") == [("192.0.2.1", "documentation")]


class TestCrowds:
    """What a host has beyond the addresses that are judged stands nobody knows where."""

    async def test_addresses_that_are_left_out_are_told_and_take_a_step(
        self, locator: Locator
    ) -> None:
        """The 65th may stand in another country: it is not passed over in silence."""
        located = await locate(locator, "http://crowd.example/")
        assert (located.country, located.confidence) == ("NL", "medium")
        assert len(rows(located, "address")) == MAX_ADDRESSES
        assert rows(located, "left_out") == [(6,)]
        told = explain(canonical("http://crowd.example/"), located)
        assert told.left_out == 6
        assert "more than are looked at" in told.because

    async def test_a_veil_over_what_was_judged_is_not_sure_to_hide_the_rest(
        self, locator: Locator
    ) -> None:
        """Behind a name of a proxy everything is; behind addresses, those alone."""
        located = await locate(locator, "http://veiled-crowd.example/")
        assert (located.state, located.confidence) == ("hidden", "medium")

    async def test_attack_internal_addresses_crowd_no_public_one_out(
        self, locator: Locator
    ) -> None:
        """Else who answers with 64 of them first would stand nowhere."""
        located = await locate(locator, "http://inside-first.example/")
        assert (located.state, located.country) == ("country", "NL")
        assert rows(located, "left_out") == [(5,)]


class TestFailures:
    """Not knowing is not the same as nowhere."""

    async def test_unresolved_says_when_to_ask_again(self, locator: Locator) -> None:
        """Half a minute after the first failure."""
        located = await locate(locator, "http://ill.example/")
        assert located.retry_ms == NOW + 30_000

    async def test_retries_space_out_and_after_hours_to_a_day(self, locator: Locator) -> None:
        """Doubling, capped; and again where they fail for hours: each look is kept."""
        place = canonical("http://ill.example/")
        waits = [
            ((await locator.locate(place, NOW, attempts=n)).retry_ms or 0) - NOW for n in range(40)
        ]
        assert waits[:4] == [30_000, 60_000, 120_000, 240_000]
        assert waits[7] == waits[FAILED_LONG] == LAST_RETRY_MS
        assert waits[FAILED_LONG + 1] == 2 * LAST_RETRY_MS
        assert waits[-1] == LONGEST_RETRY_MS

    async def test_what_recovers_is_located(
        self, locator: Locator, rewrite_zone: Callable[[Zone], None]
    ) -> None:
        """At the time it said, the answer is there."""
        place = canonical("http://ill.example/")
        located = await locator.locate(place, NOW)
        rewrite_zone({"ill.example": [{"type": "A", "ttl": 60, "data": "198.51.100.1"}]})
        assert located.retry_ms is not None
        assert (await locator.locate(place, located.retry_ms)).country == "DE"


class TestAbsentNames:
    """A name without addresses is looked at again before anybody believes it."""

    @pytest.mark.parametrize("host", ["nowhere", "txt-only", "dangling", "loop-a"])
    async def test_what_stays_absent_goes_to_a_person(self, locator: Locator, host: str) -> None:
        """Asked again as often as is set, then `none` with low confidence."""
        place = canonical(f"http://{host}.example/")
        looks = [await locator.locate(place, NOW, attempts=n) for n in range(ABSENT_LOOKS + 1)]
        assert {look.state for look in looks[:-1]} == {"unresolved"}
        assert all(look.retry_ms is not None for look in looks[:-1])
        assert (looks[-1].state, looks[-1].confidence) == ("none", "low")
        assert looks[-1].retry_ms is None

    async def test_a_name_that_comes_back_meanwhile_is_located(
        self, locator: Locator, rewrite_zone: Callable[[Zone], None]
    ) -> None:
        """What was away for a minute is not held up for ever."""
        place = canonical("http://nowhere.example/")
        first = await locator.locate(place, NOW)
        rewrite_zone({"nowhere.example": [{"type": "A", "ttl": 60, "data": "198.51.100.1"}]})
        assert first.retry_ms is not None
        assert (await locator.locate(place, first.retry_ms, attempts=1)).country == "DE"

    async def test_a_name_known_to_be_absent_is_asked_about_all_the_same(
        self, locator: Locator
    ) -> None:
        """Also for the next item on the same site: the cached denial decides nothing."""
        place = canonical("http://nowhere.example/")
        await locator.locate(place, NOW, attempts=ABSENT_LOOKS)
        assert locator.locate_cached(place, NOW) is None

    async def test_only_internal_addresses_are_an_answer_and_a_person_looks(
        self, locator: Locator
    ) -> None:
        """A resolver that filters says so of what is reported; nobody would ever look again."""
        located = await locate(locator, "http://inside.example/")
        assert (located.state, located.confidence) == ("none", "low")

    @pytest.mark.parametrize("host", ["ill", "nowhere", "dangling", "inside"])
    async def test_what_people_know_counts_where_no_server_names_an_address(
        self, resolver: Resolver, databases: Databases, host: str
    ) -> None:
        """At the first look already, and without asking once that was answered."""
        name = f"{host}.example"
        rule = Override("r", "rule", name, "GB", "a-7", "seen", NOW + 1)
        locator = Locator(resolver, databases, overrides=Overrides((rule,)))
        located = await locate(locator, f"http://{name}/")
        assert (located.country, located.confidence, located.retry_ms) == ("GB", "high", None)
        assert locator.locate_cached(canonical(f"http://{name}/"), NOW) is located
        assert explain(canonical(f"http://{name}/"), located).because.startswith("people")
        assert (await locator.locate(canonical(f"http://{name}/"), NOW + 1)).country is None


class TestEvidence:
    """Everything that led to the answer, as plain values."""

    async def test_every_input_is_in_the_evidence(self, locator: Locator) -> None:
        """Rule, names, addresses and ballots."""
        located = await locate(locator, "http://plain.example/")
        built = 1_790_000_000_000
        assert located.evidence == (
            ("rule", "jurisdiction", 7),
            ("names", "ok", NOW),
            ("address", "192.0.2.1", 60),
            ("ballot", "192.0.2.1", "one", built, "192.0.2.0/24", "NL", "NL"),
            ("ballot", "192.0.2.1", "two", built, "192.0.2.0/24", "NL", "NL"),
        )

    async def test_an_address_of_a_proxy_hides_no_other_address(self, locator: Locator) -> None:
        """One more record would take a site out of the hands of the country that it stands in."""
        located = await locate(locator, "http://half-veiled.example/")
        assert (located.state, located.country, located.confidence) == ("country", "NL", "medium")
        assert {ballot[0] for ballot in rows(located, "ballot")} == {"192.0.2.1", "192.0.2.2"}
        assert rows(located, "beside") == [("203.0.113.5", "veil")]
        assert rows(located, "proxy")[0][0] == "203.0.113.5"

    async def test_what_the_others_dispute_names_their_countries(self, locator: Locator) -> None:
        """Nobody votes on the address of the proxy."""
        located = await locate(locator, "http://half-veiled-lands.example/")
        assert located.state == "disputed"
        assert located.candidates == ("DE", "NL")

    async def test_chain_and_proxy_are_in_the_evidence(self, locator: Locator) -> None:
        """What hides it, by which list."""
        located = await locate(locator, "http://www.example/")
        assert rows(located, "cname") == [("edge.cdn.example", 20), ("pop.cdn.example", 10)]
        assert rows(located, "proxy")[0] == (
            "edge.cdn.example",
            "proxies",
            1_793_491_200_000,
            "cdn.example",
            "cdn",
        )

    async def test_evidence_is_plain_data(self, locator: Locator) -> None:
        """It travels in MessagePack and comes back equal."""
        located = await locate(locator, "http://half-inside.example/")
        packed = msgpack.packb(located.evidence)
        assert msgpack.unpackb(packed, use_list=False) == located.evidence


class TestBest:
    """Which of several countries counts if nobody decides: one that somebody names for the host."""

    @pytest.mark.parametrize(
        ("countries", "best"),
        [(("GB", "FR", "FR", "GB", "FR", "NL"), "FR"), (("GB", "FR"), "FR"), (("", ""), None)],
    )
    async def test_most_ballots_decide(
        self,
        resolver: Resolver,
        make_database: Callable[..., DatabaseSource],
        countries: tuple[str, ...],
        best: str | None,
    ) -> None:
        """Of equals the first by its code: two nodes with the same data say the same."""
        voters = Databases.open(
            make_database(f"db{n}", {"192.0.2.0/24": {"country": one}, f"2001:db8:{n}::/48": {}})
            for n, one in enumerate(countries)
        )
        located = await locate(Locator(resolver, voters), "http://192.0.2.1/")
        assert (located.state, located.best) == ("disputed", best)

    async def test_a_proxy_has_no_say_in_where_the_origin_is(
        self, resolver: Resolver, databases: Databases, proxies: ProxyList
    ) -> None:
        """It has 64 addresses in US; it told of one in NL and one in DE."""
        host = "veiled-crowd.example"
        told = ("192.0.2.1", "198.51.100.1")
        question = Question(
            host, "veil", NOW, NOW, addresses=told, answered_ms=NOW, expires_ms=NOW + 9
        )
        origins = Origins(["veil"], [question])
        located = await locate(
            Locator(resolver, databases, [proxies], origins=origins), f"http://{host}/"
        )
        assert (located.candidates, located.best) == (("DE", "NL"), "DE")

    @pytest.mark.parametrize(
        ("host", "best"), [("veiled-crowd.example", "AT"), ("plain.example", "NL")]
    )
    async def test_people_who_contradict_each_other_name_the_candidates(
        self, resolver: Resolver, databases: Databases, proxies: ProxyList, host: str, best: str
    ) -> None:
        """Databases tip the scales, those of what is no proxy's; in US nobody says it is."""
        rules = [
            Override(one, "rule", host, one, "a-7", "seen", NOW + 1) for one in ("AT", "NL", "US")
        ]
        overrides = Overrides(tuple(rules[: 2 if best == "NL" else 3]))
        located = await locate(
            Locator(resolver, databases, [proxies], overrides=overrides), f"http://{host}/"
        )
        assert (located.state, located.best) == ("disputed", best)

    async def test_what_people_deny_is_no_candidate(
        self, resolver: Resolver, databases: Databases
    ) -> None:
        """Databases place one of its addresses in DE, and a rule in GB."""
        rule = Override("r", "rule", "198.51.100.0/24", "GB", "a-7", "seen", NOW + 1)
        located = await locate(
            Locator(resolver, databases, overrides=Overrides((rule,))), "http://two-lands.example/"
        )
        assert (located.candidates, located.best) == (("GB", "NL"), "NL")


class TestCached:
    """The synchronous way, for the bulk path."""

    async def test_what_was_asked_is_located_at_once(self, locator: Locator) -> None:
        """The same value, without asking again."""
        located = await locate(locator, "http://plain.example/a")
        assert locator.locate_cached(canonical("http://plain.example/b"), NOW + 1) is located

    async def test_what_nobody_asked_is_left_open(self, locator: Locator) -> None:
        """The caller then has to wait for `locate`."""
        assert locator.locate_cached(canonical("http://plain.example/"), NOW) is None

    async def test_an_expired_answer_is_left_open(self, locator: Locator) -> None:
        """TTLs bind this way too."""
        await locate(locator, "http://plain.example/")
        assert locator.locate_cached(canonical("http://plain.example/"), NOW + 60_000) is None

    async def test_a_failure_is_left_open(self, locator: Locator) -> None:
        """Only `locate` knows when it is to be tried again."""
        await locate(locator, "http://ill.example/")
        assert locator.locate_cached(canonical("http://ill.example/"), NOW) is None

    async def test_a_new_answer_is_judged_anew(
        self, locator: Locator, rewrite_zone: Callable[[Zone], None]
    ) -> None:
        """A site that moved is not where it was."""
        place = canonical("http://plain.example/")
        await locator.locate(place, NOW)
        rewrite_zone({"plain.example": [{"type": "A", "ttl": 60, "data": "198.51.100.1"}]})
        await locator.locate(place, NOW + 60_000)
        located = locator.locate_cached(place, NOW + 60_001)
        assert located is not None
        assert located.country == "DE"

    async def test_addresses_and_overlays_need_no_names(self, locator: Locator) -> None:
        """Nothing has to be asked."""
        for url in ("http://192.0.2.1/", "http://abcdef.onion/"):
            assert locator.locate_cached(canonical(url), NOW) is not None
