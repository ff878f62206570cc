"""Redirects: followed hop by hop to checked addresses, over real DNS and HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from examples.demo.dns_server import Zone, ZoneServer
from node.asking.https import Bounds
from node.asking.redirects import KEEP_MS, RedirectFollower
from node.casework.item import Review
from node.casework.passing_on.routing import by_deadline, is_uncertain
from node.casework.places.placing import Places
from node.config.places import JurisdictionSection
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.build import Data, Jurisdiction
from node.jurisdiction.countries import Databases
from node.jurisdiction.explaining import explain
from node.jurisdiction.locate import Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.names import NameCache, Resolver
from node.jurisdiction.overrides import Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.redirects import Hop, Trail, with_hops
from node.jurisdiction.watching import WatchList
from protocol.vocabulary import Confidence, HostingState
from tests.builders.authority import Authority, make_authority
from tests.builders.cases import item
from tests.builders.databases import write_database
from tests.builders.network import NOW_MS

ONE, TWO = "192.0.2.1", "198.51.100.2"
ZONE: Zone = {
    "one.example": [{"type": "A", "ttl": 60, "data": ONE}],
    "two.example": [{"type": "A", "ttl": 60, "data": TWO}],
    "six.example": [{"type": "AAAA", "ttl": 60, "data": "2001:db8::2"}],
    "inside.example": [{"type": "A", "ttl": 60, "data": "10.0.0.1"}],
    "nat.example": [{"type": "AAAA", "ttl": 60, "data": "64:ff9b::a00:1"}],
    "shared.example": [
        {"type": "A", "ttl": 60, "data": ONE},
        {"type": "A", "ttl": 60, "data": TWO},
    ],
    "half.example": [
        {"type": "A", "ttl": 60, "data": "127.0.0.1"},
        {"type": "A", "ttl": 60, "data": TWO},
    ],
}
DEADLINE_MS = 3_600_000
BOUNDS = Bounds(connect_s=20.0, total_s=20.0, hops=4)


class Sites:
    """All sites, on one port of loopback; each path of a host leads where the test says."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.leads: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.dialled: list[tuple[str, int]] = []
        self.before: Callable[[], None] = lambda: None
        self.ports: dict[int, int] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Answer: a redirect, or here it is."""
        place = f"{request.host}{request.path_qs}"
        self.asked.append((request.method, place))
        to = self.leads.get(place)
        if to is None:
            return web.Response(text="what nobody may read")
        return web.Response(status=302, headers={"Location": to})

    def dial(self, address: str, port: int) -> tuple[str, int]:
        """Lead a checked address to loopback, and remember it."""
        self.dialled.append((address, port))
        self.before()
        return "127.0.0.1", self.ports.get(port, 9)


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[Sites]:
    """Give sites that answer over HTTP (port 80) and HTTPS (443, for one.example and two)."""
    authority = make_authority(tmp_path, "one.example", "two.example")
    made = Sites(authority)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server).start()
    made.ports = dict(zip((80, 443), (at[1] for at in runner.addresses), strict=True))
    yield made
    await runner.cleanup()


@pytest.fixture
async def names(tmp_path: Path) -> AsyncIterator[Resolver]:
    """Give a resolver that asks a real name server."""
    (tmp_path / "zone.json").write_text(json.dumps(ZONE), encoding="utf-8")
    server = ZoneServer(tmp_path / "zone.json")
    await server.start()
    policy = AddressPolicy(allow_documentation_ranges=True)
    made = Resolver(
        [f"127.0.0.1:{server.port}"], timeout_s=5.0, cache=NameCache(min_ttl_s=0), policy=policy
    )
    yield made
    await made.close()
    await server.stop()


@pytest.fixture
async def follower(sites: Sites, names: Resolver) -> AsyncIterator[RedirectFollower]:
    """Give what follows redirects between `sites`."""
    made = RedirectFollower(names, BOUNDS, sites.authority.client, sites.dial)
    yield made
    await made.close()


async def follow(follower: RedirectFollower, url: str, now_ms: int = NOW_MS) -> Trail:
    """Follow a URL."""
    return await follower.follow(canonical(url), now_ms)


class TestTrails:
    """Where a location leads."""

    async def test_a_site_that_leads_nowhere_is_the_end(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """One hop; nothing but the head is asked for, under the site's own name."""
        trail = await follow(follower, "http://one.example/a?x=1")
        assert trail == Trail(
            canonical("http://one.example/a?x=1"), (Hop("one.example", ONE, 200, None),)
        )
        assert sites.asked == [("HEAD", "one.example/a?x=1")]
        assert sites.dialled == [(ONE, 80)]

    async def test_each_hop_is_recorded(self, follower: RedirectFollower, sites: Sites) -> None:
        """Relative, to another host, from http to https."""
        sites.leads = {
            "one.example/a": "/b?q=%41",
            "one.example/b?q=%41": "https://two.example/c#top",
        }
        sites.leads["one.example/b?q=A"] = sites.leads["one.example/b?q=%41"]
        trail = await follow(follower, "http://one.example/a")
        assert trail.last.canonical == "https://two.example/c"
        assert trail.hops == (
            Hop("one.example", ONE, 302, None),
            Hop("one.example", ONE, 302, None),
            Hop("two.example", TWO, 200, None),
        )
        assert sites.dialled == [(ONE, 80), (ONE, 80), (TWO, 443)]

    async def test_ipv6_is_followed_alike(self, follower: RedirectFollower, sites: Sites) -> None:
        """Hosts without IPv4 exist."""
        trail = await follow(follower, "http://six.example/")
        assert trail.hops == (Hop("six.example", "2001:db8::2", 200, None),)
        assert len(sites.asked) == 1

    async def test_the_same_is_followed_again_after_an_hour(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Many reports speak of one location."""
        for at in (NOW_MS, NOW_MS + KEEP_MS - 1, NOW_MS + KEEP_MS):
            await follow(follower, "http://one.example/a", at)
        assert len(sites.asked) == 2


class TestBounds:
    """A trail ends."""

    async def test_a_ring_ends_where_it_closes(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """The last site before it counts."""
        sites.leads = {"one.example/": "http://two.example/", "two.example/": "//one.example/"}
        trail = await follow(follower, "http://one.example/")
        assert trail.last.host == "two.example"
        assert [hop.problem for hop in trail.hops] == [None, "ring"]

    async def test_too_many_hops_end_too(self, follower: RedirectFollower, sites: Sites) -> None:
        """However long the chain is."""
        sites.leads = {f"one.example/{n}": f"/{n + 1}" for n in range(50)}
        trail = await follow(follower, "http://one.example/0")
        assert len(trail.hops) == len(sites.asked) == 4
        assert trail.hops[-1].problem == "too_many_hops"

    @pytest.mark.parametrize(
        ("to", "problem"),
        [
            ("http://localhost/", "host_not_public"),
            ("http://127.0.0.1/", "host_not_public"),
            ("http://[::ffff:10.0.0.1]/", "host_not_public"),
            ("http://0x7f.1/", "host_not_public"),
            ("javascript:alert(1)", "scheme_unsupported"),
            ("file:///etc/passwd", "scheme_unsupported"),
            ("http://", "url_malformed"),
        ],
    )
    async def test_what_is_no_public_location_is_not_followed(
        self, follower: RedirectFollower, sites: Sites, to: str, problem: str
    ) -> None:
        """The site that says so is where it ends; nobody else is asked."""
        sites.leads = {"one.example/": to}
        trail = await follow(follower, "http://one.example/")
        assert trail.last.host == "one.example"
        assert trail.hops[-1].problem == problem
        assert len(sites.dialled) == 1

    async def test_an_onion_address_is_an_end(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """It is a location, and nobody's to look up."""
        onion = "http://vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion/"
        sites.leads = {"one.example/": onion}
        trail = await follow(follower, "http://one.example/")
        assert trail.last.kind == "onion"
        assert len(sites.dialled) == 1


class TestAddresses:
    """The node cannot be led to look into its own network."""

    @pytest.mark.parametrize("host", ["inside.example", "nat.example"])
    async def test_internal_addresses_are_never_connected_to(
        self, follower: RedirectFollower, sites: Sites, host: str
    ) -> None:
        """Named by a redirect or at once, in whatever wrapping."""
        sites.leads = {"one.example/": f"http://{host}/"}
        trail = await follow(follower, "http://one.example/")
        assert trail.hops[-1] == Hop(host, None, None, "special_address")
        await follow(follower, f"http://{host}/x")
        assert [address for address, _ in sites.dialled] == [ONE]

    async def test_a_literal_inside_is_never_connected_to(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Locations never hold one; if one did, nobody would be asked."""
        place = canonical("http://192.0.2.1/")
        inside = msgspec.structs.replace(place, host="10.0.0.1", canonical="http://10.0.0.1/")
        assert (await follower.follow(place, NOW_MS)).hops[0].address == ONE
        trail = await follower.follow(inside, NOW_MS)
        assert trail.hops == (Hop("10.0.0.1", None, None, "special_address"),)
        assert sites.dialled == [(ONE, 80)]

    @pytest.mark.parametrize("target", ["two.example", TWO])
    async def test_attack_nobody_is_led_to_the_operator_s_own_public_addresses(
        self, sites: Sites, names: Resolver, target: str
    ) -> None:
        """A service there may trust this machine: neither by a redirect nor by a report."""
        own = ("198.51.100.0/24", "2001:db8::/32")
        guarded = RedirectFollower(names, BOUNDS, sites.authority.client, sites.dial, own=own)
        sites.leads = {"one.example/": f"http://{target}/admin?do=it"}
        trail = await follow(guarded, "http://one.example/")
        assert trail.hops[-1] == Hop(target, None, None, "own_address")
        assert trail.last.host == target
        await follow(guarded, f"http://{target}/x")
        await follow(guarded, "http://six.example/")
        assert [address for address, _ in sites.dialled] == [ONE]
        await guarded.close()

    async def test_an_address_of_others_beside_an_own_one_is_asked(
        self, sites: Sites, names: Resolver
    ) -> None:
        """Own addresses are passed over, as internal ones are."""
        guarded = RedirectFollower(
            names, BOUNDS, sites.authority.client, sites.dial, own=(f"{ONE}/32",)
        )
        trail = await follow(guarded, "http://shared.example/")
        assert trail.hops == (Hop("shared.example", TWO, 200, None),)
        await guarded.close()

    async def test_of_a_mixed_answer_only_the_public_address_is_used(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """The internal one stands first."""
        trail = await follow(follower, "http://half.example/")
        assert trail.hops == (Hop("half.example", TWO, 200, None),)
        assert sites.dialled == [(TWO, 80)]

    async def test_attack_slow_sites_hold_a_trail_no_longer_than_all_of_it_may_take(
        self, sites: Sites, names: Resolver
    ) -> None:
        """Hop after hop just within its time: here none is left, and nobody is asked."""
        hurried = RedirectFollower(names, BOUNDS, sites.authority.client, sites.dial, trail_s=0.0)
        place = canonical("http://one.example/")
        trail = await hurried.follow(place, NOW_MS)
        assert trail == Trail(place, (Hop("one.example", None, None, "no_answer"),))
        assert sites.dialled == []
        await hurried.close()

    async def test_dns_rebinding_leads_nowhere(
        self, follower: RedirectFollower, sites: Sites, tmp_path: Path
    ) -> None:
        """The name says 10.0.0.1 from the moment of connecting on: nobody asks it again."""
        zone = {"one.example": [{"type": "A", "ttl": 0, "data": "10.0.0.1"}]}

        def rebind() -> None:
            (tmp_path / "zone.json").write_text(json.dumps(zone), encoding="utf-8")

        sites.before = rebind
        trail = await follow(follower, "http://one.example/")
        assert trail.hops == (Hop("one.example", ONE, 200, None),)
        assert sites.dialled == [(ONE, 80)]

    async def test_a_name_without_addresses_is_an_end(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Nobody is asked."""
        trail = await follow(follower, "http://gone.example/")
        assert trail.hops == (Hop("gone.example", None, None, "no_address"),)
        assert sites.dialled == []


class TestPlacesThatAreNotThere:
    """A redirect into nothing does not erase the country of the site that answers it."""

    @pytest.mark.parametrize(
        ("to", "problem"),
        [
            ("http://inside.example/", "special_address"),
            ("http://nat.example/", "special_address"),
            ("http://inside.example:8080/", "special_address"),
            ("ftp://inside.example/", "special_address"),
            ("http://gone.example/", "no_address"),
            ("ftp://gone.example/", "no_address"),
            ("https://six.example/", "certificate"),
        ],
    )
    async def test_the_last_site_that_is_there_counts(
        self, follower: RedirectFollower, sites: Sites, to: str, problem: str
    ) -> None:
        """The hop says what was wrong with the place that it names."""
        sites.leads = {"one.example/": to}
        trail = await follow(follower, "http://one.example/")
        assert trail.last.canonical == "http://one.example/"
        assert [hop.problem for hop in trail.hops] == [None, problem]

    async def test_a_server_that_does_not_answer_does_not_count_either(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """It has a public address, and nobody listens there."""
        sites.leads = {"one.example/": "https://two.example/"}
        del sites.ports[443]
        trail = await follow(follower, "http://one.example/")
        assert trail.last.host == "one.example"
        assert trail.hops[-1] == Hop("two.example", TWO, None, "no_answer")

    async def test_a_way_of_several_hops_loses_only_its_last(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """What was reached on the way counts."""
        sites.leads = {"one.example/": "http://two.example/", "two.example/": "http://gone.example"}
        trail = await follow(follower, "http://one.example/")
        assert trail.last.host == "two.example"

    async def test_the_place_reported_stays_what_was_reported(
        self, follower: RedirectFollower
    ) -> None:
        """There is no site before it."""
        trail = await follow(follower, "http://inside.example/")
        assert trail.last.host == "inside.example"

    async def test_a_place_that_http_does_not_ask_counts_if_it_has_an_address(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Nobody connects to it."""
        sites.leads = {"one.example/": "ftp://two.example/a"}
        trail = await follow(follower, "http://one.example/")
        assert (trail.last.canonical, len(trail.hops)) == ("ftp://two.example/a", 1)
        assert sites.dialled == [(ONE, 80)]

    async def test_a_way_into_nothing_takes_a_step_of_confidence(
        self, follower: RedirectFollower, sites: Sites, names: Resolver, tmp_path: Path
    ) -> None:
        """The site says that the content is elsewhere, and nobody can see whether it is."""
        rows = {"192.0.2.0/24": {"country": "NL"}}
        databases = Databases.open(write_database(tmp_path, name, rows) for name in ("one", "two"))
        locator = Locator(names, databases)
        sites.leads = {"one.example/a": "http://inside.example/"}
        found = []
        for path in ("a", "b"):
            trail = await follow(follower, f"http://one.example/{path}")
            located = with_hops(await locator.locate(trail.last, NOW_MS), trail)
            told = explain(trail.last, located).because
            found.append((located.country, located.confidence, "redirects" in told))
        assert found == [("NL", "medium", True), ("NL", "high", False)]
        databases.close()

    async def test_attack_a_site_hides_behind_no_proxy_by_what_it_answers_this_node(
        self, follower: RedirectFollower, sites: Sites, names: Resolver, tmp_path: Path
    ) -> None:
        """It stands in the open, and leads this node alone to a page behind one: a person looks."""
        countries = {"192.0.2.0/24": {"country": "NL"}, "198.51.100.0/24": {"country": "US"}}
        databases = Databases.open(write_database(tmp_path, n, countries) for n in ("a", "b"))
        (tmp_path / "proxies.txt").write_text(
            "built 2026-11-01T00:00:00Z\nrange 198.51.100.0/24 veil\n", encoding="utf-8"
        )
        veils = [ProxyList.open(ProxySource(tmp_path / "proxies.txt", "proxies"))]
        places = Places(Locator(names, databases, veils), DEADLINE_MS, redirects=follower)
        sites.leads = {"one.example/a": "http://two.example/"}
        found, _ = await places.locate(item(1, url="http://one.example/a"), NOW_MS)
        assert (found.state, found.confidence) == (HostingState.HIDDEN, Confidence.LOW)
        assert is_uncertain(found)
        assert any(line.answer == "NL" and ONE in line.input for line in found.evidence)
        databases.close()

    @pytest.mark.parametrize(
        ("to", "found"),
        [
            (None, (HostingState.COUNTRY, "NL", Confidence.HIGH)),
            ("http://one.example/other", (HostingState.COUNTRY, "NL", Confidence.HIGH)),
            ("http://two.example/", (HostingState.COUNTRY, "US", Confidence.MEDIUM)),
            ("http://two.example:6379/", (HostingState.COUNTRY, "US", Confidence.LOW)),
            (f"http://{'a' * 56}.onion/", (HostingState.NONE, None, Confidence.LOW)),
        ],
    )
    async def test_attack_a_site_chooses_no_country_by_what_it_answers_this_node(
        self,
        follower: RedirectFollower,
        sites: Sites,
        names: Resolver,
        tmp_path: Path,
        to: str | None,
        found: tuple[HostingState, str | None, Confidence],
    ) -> None:
        """Browsers ask otherwise; where it stands itself is in the evidence, a person looks."""
        countries = {"192.0.2.0/24": {"country": "NL"}, "198.51.100.0/24": {"country": "US"}}
        databases = Databases.open(write_database(tmp_path, n, countries) for n in ("a", "b"))
        places = Places(Locator(names, databases), DEADLINE_MS, redirects=follower)
        if to is not None:
            sites.leads = {"one.example/a": to}
        state = item(1, url="http://one.example/a")
        place, due_ms = await places.locate(state, NOW_MS)
        assert (place.state, place.country, place.confidence) == found
        assert any(line.answer == "NL" and ONE in line.input for line in place.evidence)
        left = found[2] is Confidence.LOW
        assert (due_ms is not None) == left
        led = [line.input for line in place.evidence if line.source == "led"]
        assert led == ([] if place.country == "NL" else ["one.example country NL"])
        databases.close()

    async def test_the_site_that_leads_there_is_no_candidate_of_a_dispute(
        self, follower: RedirectFollower, sites: Sites, names: Resolver, tmp_path: Path
    ) -> None:
        """At the deadline a country counts that somebody names for where it leads."""
        databases = Databases.open(
            write_database(
                tmp_path,
                country,
                {"192.0.2.0/24": {"country": "AT"}, "198.51.100.0/24": {"country": country}},
            )
            for country in ("DE", "NL")
        )
        places = Places(Locator(names, databases), DEADLINE_MS, redirects=follower)
        sites.leads = {"one.example/a": "http://two.example/"}
        state = item(
            1, url="http://one.example/a", due_ms=NOW_MS, reviews=(Review.LOCATION_UNCERTAIN,)
        )
        place, _ = await places.locate(state, NOW_MS)
        assert by_deadline(place)
        assert place.country == "DE"
        databases.close()

    async def test_a_verb_looks_where_it_leads_as_the_node_does(
        self, follower: RedirectFollower, sites: Sites, names: Resolver, tmp_path: Path
    ) -> None:
        """Who hosts there is whom to tell, not who hosts the shortener."""
        countries = {"192.0.2.0/24": {"country": "NL"}, "198.51.100.0/24": {"country": "US"}}
        databases = Databases.open(write_database(tmp_path, n, countries) for n in ("a", "b"))
        data = Data((), databases, (), Overrides(), WatchList())
        locator, section = Locator(names, databases), JurisdictionSection()
        opened = Jurisdiction(locator, names, data, section, redirects=follower)
        sites.leads = {"one.example/a": "http://two.example/b"}
        located, last = await opened.look(canonical("http://one.example/a"), NOW_MS)
        assert (located.country, last.canonical) == ("US", "http://two.example/b")
        assert [row[1] for row in located.evidence if row[0] == "address"] == [TWO]
        databases.close()


class TestPorts:
    """This machine must not be sent to knock at other services."""

    @pytest.mark.parametrize("port", [22, 25, 8080, 65535])
    async def test_a_reported_url_with_another_port_is_not_asked(
        self, follower: RedirectFollower, sites: Sites, port: int
    ) -> None:
        """Whoever reports cannot have this machine knock there."""
        trail = await follow(follower, f"http://one.example:{port}/")
        assert trail.hops == (Hop("one.example", None, None, "port_not_allowed"),)
        assert sites.dialled == []

    async def test_a_redirect_to_another_port_is_where_the_way_ends(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Where it leads is known, and counts; it is not connected to."""
        sites.leads = {"one.example/": "http://two.example:6379/x"}
        trail = await follow(follower, "http://one.example/")
        assert trail.hops[-1] == Hop("two.example", None, None, "port_not_allowed")
        assert trail.last.canonical == "http://two.example:6379/x"
        assert sites.dialled == [(ONE, 80)]

    async def test_a_port_that_the_operator_allows_is_asked_at(
        self, sites: Sites, names: Resolver
    ) -> None:
        """If a URL names it."""
        sites.ports[8080] = sites.ports[80]
        allowing = RedirectFollower(
            names, BOUNDS, sites.authority.client, sites.dial, ports=(80, 443, 8080)
        )
        trail = await follow(allowing, "http://one.example:8080/")
        await allowing.close()
        assert [hop.status for hop in trail.hops] == [200]
        assert sites.dialled == [(ONE, 8080)]


class TestFailures:
    """A site that does not answer is where the trail ends."""

    async def test_a_port_where_nobody_listens(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """Its address is known all the same."""
        sites.ports = {}
        trail = await follow(follower, "http://one.example/")
        assert trail.hops == (Hop("one.example", ONE, None, "no_answer"),)
        assert sites.dialled == [(ONE, 80)]

    async def test_a_certificate_of_another_name(
        self, follower: RedirectFollower, sites: Sites
    ) -> None:
        """It is checked against the name of the site, not against where we connect to."""
        good = await follow(follower, "https://one.example/")
        bad = await follow(follower, "https://six.example/")
        assert good.hops[-1].status == 200
        assert bad.hops == (Hop("six.example", "2001:db8::2", None, "certificate"),)
        assert len(sites.asked) == 1


class TestPlacing:
    """Content stands where the last hop leads."""

    async def test_an_item_is_where_its_redirect_ends_and_the_way_is_evidence(
        self, follower: RedirectFollower, sites: Sites, names: Resolver, tmp_path: Path
    ) -> None:
        """The first site's country is not asked for."""
        rows = {"192.0.2.0/24": {"country": "NL"}, "198.51.100.0/24": {"country": "DE"}}
        sources = [write_database(tmp_path, name, rows) for name in ("one", "two")]
        databases = Databases.open(sources)
        sites.leads = {"one.example/a.jpg": "http://two.example/b.jpg"}
        places = Places(Locator(names, databases), redirects=follower)
        url = "http://one.example/a.jpg"
        state = item(1, url=url)
        assert places.known(state.location, NOW_MS) is None
        found, due = await places.locate(state, NOW_MS)
        assert (found.country, due) == ("DE", None)
        told = [one.input for one in found.evidence if one.source == "hop"]
        assert told == ["1 one.example 192.0.2.1 302", "2 two.example 198.51.100.2 200"]
        databases.close()
