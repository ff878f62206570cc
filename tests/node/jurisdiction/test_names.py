"""Names against a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.errors import ServerAddressError
from node.jurisdiction.names import NameCache, Resolver, check_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.demo.dns_server import Zone, ZoneServer

NOW = 1_800_000_000_000


class TestAnswers:
    """What each sort of name becomes."""

    async def test_both_families_are_asked(self, resolver: Resolver) -> None:
        """All A and AAAA addresses, sorted, with TTL and time."""
        answer = await resolver.resolve("both.example", NOW)
        assert answer.addresses == (("192.0.2.1", 60), ("192.0.2.2", 60), ("2001:db8:1::1", 30))
        assert (answer.state, answer.partial, answer.asked_ms) == ("ok", False, NOW)

    async def test_ipv6_only_hosts_resolve(self, resolver: Resolver) -> None:
        """A host without A records is a host."""
        answer = await resolver.resolve("six.example", NOW)
        assert answer.addresses == (("2001:db8:1::1", 60),)
        assert (answer.state, answer.partial) == ("ok", False)

    async def test_the_cname_chain_is_kept(self, resolver: Resolver) -> None:
        """Each target with its TTL, in order."""
        answer = await resolver.resolve("www.example", NOW)
        assert answer.cname_chain == (("edge.cdn.example", 20), ("pop.cdn.example", 10))
        assert answer.addresses == (("192.0.2.9", 5),)

    @pytest.mark.parametrize(
        ("host", "state"),
        [
            ("nowhere.example", "nxdomain"),
            ("txt-only.example", "no_data"),
            ("dangling.example", "nxdomain"),
            ("empty-end.example", "no_data"),
            ("loop-a.example", "no_data"),
        ],
    )
    async def test_nothing_there_is_said(self, resolver: Resolver, host: str, state: str) -> None:
        """Absences are answers without addresses, and no failures."""
        answer = await resolver.resolve(host, NOW)
        assert (answer.state, answer.addresses, answer.is_failure) == (state, (), False)

    async def test_servfail_is_a_failure(self, resolver: Resolver) -> None:
        """SERVFAIL is not absence."""
        answer = await resolver.resolve("ill.example", NOW)
        assert (answer.state, answer.is_failure) == ("servfail", True)

    async def test_silence_is_a_failure(self, server: ZoneServer) -> None:
        """A name server that does not answer has not said that there is nothing."""
        resolver = Resolver([f"127.0.0.1:{server.port}"], timeout_s=0.05, attempts=1)
        answer = await resolver.resolve("mute.example", NOW)
        await resolver.close()
        assert (answer.state, answer.is_failure) == ("timeout", True)

    async def test_a_short_silence_after_quick_answers_is_no_failure(
        self, server: ZoneServer
    ) -> None:
        """c-ares asks a quick server again after 250 ms, and soon gives up; we do not."""
        resolver = Resolver([f"127.0.0.1:{server.port}"])
        for number in range(20):
            await resolver.resolve(f"quick-{number}.example", NOW)
        answering = server.answer
        missed: Counter[bytes] = Counter()

        def slow(wire: bytes, limit: int | None) -> bytes | None:
            missed[wire[2:]] += 1
            return answering(wire, limit) if missed[wire[2:]] > 2 else None

        server.answer = slow  # type: ignore[method-assign]
        answer = await resolver.resolve("both.example", NOW)
        await resolver.close()
        assert (answer.state, answer.partial) == ("ok", False)

    async def test_nobody_listening_is_a_failure(self) -> None:
        """A dead resolver says nothing about the name."""
        resolver = Resolver(["127.0.0.1:1"], timeout_s=0.1, attempts=1)
        answer = await resolver.resolve("plain.example", NOW)
        await resolver.close()
        assert answer.is_failure

    async def test_internal_addresses_are_kept_apart(self, resolver: Resolver) -> None:
        """Also inside NAT64; the reason stands beside them."""
        answer = await resolver.resolve("inside.example", NOW)
        assert answer.addresses == ()
        assert answer.refused == (("10.0.0.1", "private"), ("64:ff9b::a00:1", "private"))

    async def test_public_addresses_beside_internal_ones_count(self, resolver: Resolver) -> None:
        """A rebinding trick does not hide the real host."""
        answer = await resolver.resolve("half-inside.example", NOW)
        assert answer.addresses == (("192.0.2.1", 60),)
        assert answer.refused == (("127.0.0.1", "loopback"),)

    async def test_documentation_ranges_are_refused_by_default(self, server: ZoneServer) -> None:
        """The switch is for tests and the demo."""
        resolver = Resolver([f"127.0.0.1:{server.port}"])
        answer = await resolver.resolve("plain.example", NOW)
        await resolver.close()
        assert (answer.addresses, answer.refused) == ((), (("192.0.2.1", "documentation"),))

    async def test_an_answer_too_large_for_udp_is_fetched_by_tcp(self, server: ZoneServer) -> None:
        """Truncated answers are not accepted as they are."""
        resolver = Resolver(
            [f"127.0.0.1:{server.port}"], policy=AddressPolicy(allow_documentation_ranges=True)
        )
        answer = await resolver.resolve("many.example", NOW)
        await resolver.close()
        assert len(answer.addresses) == 59

    @pytest.mark.parametrize("host", ["xn--bcher-kva.example", "xn--pokxncvks.example"])
    async def test_idn_hosts_resolve_by_their_a_labels(self, resolver: Resolver, host: str) -> None:
        """Names come from canonical locations, so in A-labels, or what stands for none."""
        assert (await resolver.resolve(host, NOW)).state == "ok"


class TestMemory:
    """How long, how much, and by whose clock."""

    async def test_an_answer_holds_for_its_smallest_ttl(
        self, server: ZoneServer, resolver: Resolver
    ) -> None:
        """The chain's TTLs count as well as the addresses'."""
        await resolver.resolve("www.example", NOW)
        assert resolver.cached("www.example", NOW + 4_999) is not None
        assert resolver.cached("www.example", NOW + 5_000) is None
        await resolver.resolve("www.example", NOW + 4_999)
        assert server.asked["www.example", "A"] == 1

    async def test_an_answer_from_the_future_does_not_hold(self, resolver: Resolver) -> None:
        """The clock was put back: it would hold for as long as the clock was ahead."""
        await resolver.resolve("www.example", NOW)
        assert resolver.cached("www.example", NOW - 1) is None

    async def test_a_move_is_seen_when_the_answer_expired(
        self, rewrite_zone: Callable[[Zone], None], resolver: Resolver
    ) -> None:
        """Nothing below our cache remembers longer, whatever the wall clock says."""
        await resolver.resolve("plain.example", NOW)
        rewrite_zone({"plain.example": [{"type": "A", "ttl": 60, "data": "198.51.100.1"}]})
        still = await resolver.resolve("plain.example", NOW + 59_999)
        moved = await resolver.resolve("plain.example", NOW + 60_000)
        assert still.addresses == (("192.0.2.1", 60),)
        assert moved.addresses == (("198.51.100.1", 60),)

    async def test_no_data_is_forgotten_soon(
        self, rewrite_zone: Callable[[Zone], None], resolver: Resolver
    ) -> None:
        """c-ares alone would keep an empty answer for an hour."""
        assert (await resolver.resolve("txt-only.example", NOW)).state == "no_data"
        rewrite_zone({"txt-only.example": [{"type": "A", "ttl": 60, "data": "192.0.2.1"}]})
        assert (await resolver.resolve("txt-only.example", NOW + 60_000)).state == "ok"

    async def test_failures_are_kept_shortly(self, resolver: Resolver) -> None:
        """Long enough to spare the servers, short enough to recover."""
        await resolver.resolve("ill.example", NOW)
        assert resolver.cached("ill.example", NOW + 14_999) is not None
        assert resolver.cached("ill.example", NOW + 15_000) is None

    async def test_a_zero_ttl_is_kept_for_the_minimum(self, resolver: Resolver) -> None:
        """One import does not ask for the same host a thousand times."""
        await resolver.resolve("short.example", NOW)
        assert resolver.cached("short.example", NOW + 1_999) is not None

    async def test_many_askers_are_one_question(
        self, server: ZoneServer, resolver: Resolver
    ) -> None:
        """Single flight per host."""
        answers = await asyncio.gather(*(resolver.resolve("both.example", NOW) for _ in range(50)))
        assert len({id(answer) for answer in answers}) == 1
        assert server.asked["both.example", "A"] == 1

    async def test_one_asker_giving_up_does_not_fail_the_others(self, resolver: Resolver) -> None:
        """A cancelled request leaves the shared question running."""
        first = asyncio.create_task(resolver.resolve("both.example", NOW))
        second = asyncio.create_task(resolver.resolve("both.example", NOW))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).state == "ok"

    async def test_hosts_in_flight_are_bounded_and_all_answered(self, server: ZoneServer) -> None:
        """More hosts than slots wait their turn."""
        resolver = Resolver([f"127.0.0.1:{server.port}"], concurrency=2)
        hosts = [f"host-{n}.example" for n in range(20)]
        answers = await asyncio.gather(*(resolver.resolve(host, NOW) for host in hosts))
        await resolver.close()
        assert {answer.state for answer in answers} == {"nxdomain"}

    async def test_the_cache_is_bounded(self, server: ZoneServer) -> None:
        """The oldest host goes first."""
        cache = NameCache(capacity=2)
        resolver = Resolver([f"127.0.0.1:{server.port}"], cache=cache)
        for host in ("plain.example", "six.example", "both.example"):
            await resolver.resolve(host, NOW)
        await resolver.close()
        assert len(cache) == 2
        assert resolver.cached("plain.example", NOW) is None

    async def test_closing_ends_what_is_in_flight(self, resolver: Resolver) -> None:
        """Nobody waits for ever on a closed resolver."""
        waiting = asyncio.create_task(resolver.resolve("mute.example", NOW))
        await asyncio.sleep(0)
        await resolver.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


class TestServers:
    """How name servers may be written."""

    @pytest.mark.parametrize(
        "server", ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[::1]:53"]
    )
    def test_addresses_with_and_without_port_are_servers(self, server: str) -> None:
        """The three forms of the configuration."""
        assert check_server(server) == server

    @pytest.mark.parametrize(
        "server", ["", "dns.example", "dns.example:53", "192.0.2.53:0", "192.0.2.53:70000", "[x]:1"]
    )
    def test_anything_else_is_refused(self, server: str) -> None:
        """A name cannot be asked before there is somebody to ask."""
        with pytest.raises(ServerAddressError, match=r"^resolvers: write"):
            check_server(server, field="resolvers")
