"""Who hosts at an address, and whom to tell: asked over real HTTPS, kept in a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from node.asking.build import OpenDirectory, open_directory
from node.asking.https import Bounds, Https
from node.asking.rdap import Rdap
from node.config.places import HostersSection
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.directory import (
    BLOCK,
    DAY_MS,
    FAILURE_MS,
    NEGATIVE_MS,
    PARTIAL_MS,
    Answer,
    Found,
)
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.rdap import Bootstrap
from node.jurisdiction.watching import WatchList
from node.store.sqlite import Store
from tests.builders.authority import Authority
from tests.builders.databases import write_database
from tests.builders.network import NOW_MS
from tests.builders.registers import (
    ANSWERS,
    Register,
    abuse,
    entity,
    holder,
    network,
    write_bootstrap,
)

AT = "192.0.2.7"
SHORT = Bounds(connect_s=3.0, total_s=3.0, body_bytes=1 << 16)
REFERRING = network("192.0.2.0", "192.0.2.255", "NET-1", holder(entity("AB1", "abuse")))
Opener = Callable[..., OpenDirectory]
FILE = """
[[hoster]]
id = "fast"
name = "Fast, as we know it"
{about}
reseller_of = "carrier"
contacts = ["desk@fast.example"]
author = "analyst-7"
reason = "told us"
expires = 2099-01-01T00:00:00Z

[[hoster]]
id = "carrier"
name = "Big Carrier"
author = "analyst-7"
reason = "told us"
expires = 2099-01-01T00:00:00Z
"""


async def find(opened: OpenDirectory, address: str = AT, now_ms: int = NOW_MS) -> Found:
    """Ask the directory."""
    return await opened.directory.find(address, now_ms)


def contacts(found: Found) -> list[str]:
    """Return the contacts that were found."""
    assert found.hoster is not None
    return [one.address for one in found.hoster.contacts]


class TestAnswers:
    """What a register says is kept, by range, as long as it holds."""

    async def test_hoster_and_contact_are_found(
        self, open_with: Opener, register: Register
    ) -> None:
        """By one question about the address, and nothing else told."""
        found = await find(open_with())
        assert found.answered == "found"
        assert found.hoster is not None
        assert (found.hoster.key, found.hoster.name) == ("ORG-FH1-EXAMPLE", "Fast Hosting B.V.")
        assert contacts(found) == ["abuse@fast.example"]
        assert found.hoster.standing == "unverified"
        assert register.asked == ["ip/192.0.2.7"]

    @pytest.mark.parametrize("name", ANSWERS)
    async def test_each_register_is_understood_and_kept(
        self, open_with: Opener, register: Register, name: str
    ) -> None:
        """Also by the next process."""
        register.networks = [ANSWERS[name]]
        at = "2001:db8::1" if "IPv6" in name else AT
        for _ in range(2):
            found = await find(open_with(), at)
            assert found.answered == "found"
            assert found.hoster is not None
            assert found.hoster.name == "Fast Hosting B.V."
            assert contacts(found) == ["abuse@fast.example"]
        assert len(register.asked) == 1

    @pytest.mark.parametrize("wrapped", ["::ffff:192.0.2.7", "64:ff9b::c000:207"])
    async def test_ipv4_in_ipv6_is_asked_as_ipv4(
        self, open_with: Opener, register: Register, wrapped: str
    ) -> None:
        """What traffic reaches is what is hosted."""
        await find(open_with(), wrapped)
        assert register.asked == ["ip/192.0.2.7"]

    async def test_ipv6_is_found(self, open_with: Opener) -> None:
        """By its own bootstrap file."""
        assert contacts(await find(open_with(), "2001:db8:7::1")) == ["abuse@fast.example"]

    async def test_all_of_a_range_is_asked_once_and_again_when_old(
        self, open_with: Opener, register: Register
    ) -> None:
        """Also by the next process: it stands in the store."""
        await find(open_with(keep_days=2))
        await find(open_with(), "192.0.2.200", NOW_MS + 2 * DAY_MS - 1)
        assert len(register.asked) == 1
        await find(open_with(), AT, NOW_MS + 2 * DAY_MS)
        assert len(register.asked) == 2

    async def test_a_range_says_nothing_of_its_neighbours(
        self, open_with: Opener, register: Register
    ) -> None:
        """Half a block is a half."""
        register.networks = [network("192.0.2.0", "192.0.2.127", "NET-1", holder(abuse()))]
        opened = open_with()
        assert (await find(opened)).answered == "found"
        assert (await find(opened, "192.0.2.200")).answered == "not_found"
        assert (await find(opened)).answered == "found"
        assert len(register.asked) == 2

    async def test_a_wide_network_says_nothing_of_its_customers(
        self, open_with: Opener, register: Register
    ) -> None:
        """Whichever is asked about first: a register names the smallest network that holds it."""
        carrier = network("192.0.0.0", "192.0.3.255", "NET-C", holder(abuse("lir@carrier.example")))
        desk = abuse("desk@customer.example")
        customer = {**holder(desk), "handle": "ORG-CU1-EXAMPLE"}
        register.networks = [network("192.0.2.128", "192.0.2.255", "NET-2", customer), carrier]
        opened = open_with()
        assert contacts(await find(opened)) == ["lir@carrier.example"]
        assert contacts(await find(opened, "192.0.2.200")) == ["desk@customer.example"]
        assert contacts(await find(opened)) == ["lir@carrier.example"]
        assert contacts(await find(opened, "192.0.2.201")) == ["desk@customer.example"]
        assert len(register.asked) == 2

    async def test_a_contact_that_is_only_named_is_asked_for(
        self, open_with: Opener, register: Register
    ) -> None:
        """The abuse-c of a register that shortens its answers."""
        register.networks = [
            network("192.0.2.0", "192.0.2.255", "NET-1", holder(entity("AB1", "abuse")))
        ]
        register.entities["AB1"] = abuse("c@fast.example", "AB1")
        assert contacts(await find(open_with())) == ["c@fast.example"]
        assert register.asked == ["ip/192.0.2.7", "entity/AB1"]

    async def test_no_contact_is_a_state(
        self, open_with: Opener, register: Register, store: Store
    ) -> None:
        """And stands before a person."""
        register.networks = [network("192.0.2.0", "192.0.2.255", "NET-1", holder())]
        found = await find(open_with())
        assert found.hoster is not None
        assert found.hoster.standing == "unknown_contact"
        assert [one[:2] for one in await store.queries.tasks()] == [
            ("contact_unknown", "ORG-FH1-EXAMPLE")
        ]


class TestNobodyKnows:
    """What a register does not know, or fails to say, is kept shortly."""

    async def test_an_unknown_block_is_asked_again_after_a_day(
        self, open_with: Opener, register: Register
    ) -> None:
        """The smallest that is announced on its own is asked about once."""
        opened = open_with()
        assert (await find(opened, "198.51.100.1")).answered == "not_found"
        found = await find(opened, "198.51.100.250", NOW_MS + NEGATIVE_MS - 1)
        assert found.answered == "not_found"
        assert found.range is not None
        assert found.range.prefix == f"198.51.100.0/{BLOCK[4]}"
        assert found.range.asked_ms == NOW_MS
        assert len(register.asked) == 1
        await find(opened, "198.51.100.1", NOW_MS + NEGATIVE_MS)
        assert len(register.asked) == 2

    async def test_a_block_that_nobody_knows_is_asked_nobody(
        self, open_with: Opener, tmp_path: Path, register: Register
    ) -> None:
        """No server stands for it in the bootstrap files."""
        lists = write_bootstrap(tmp_path / "other.json", {"198.51.100.0/24": [register.base]})
        assert (await find(open_with(rdap_ipv4=lists))).answered == "failed"
        assert register.asked == []

    @pytest.mark.parametrize(
        "mood",
        [
            {"status": 500},
            {"status": 503},
            {"text": "<html>"},
            {"body": b"0" * (1 << 17)},
            {"text": "{}", "headers": {"Content-Encoding": "gzip"}},
            {"text": '{"objectClassName": "ip network", "handle": "X"}'},
        ],
    )
    async def test_what_is_no_answer_is_a_failure_that_passes(
        self, open_with: Opener, register: Register, mood: Mapping[str, Any]
    ) -> None:
        """Errors, other pages, endless bodies; asked again a quarter of an hour later."""
        register.mood = web.Response(**mood)
        opened = open_with()
        found = await find(opened)
        assert (found.answered, found.hoster) == ("failed", None)
        assert (await find(opened, AT, NOW_MS + FAILURE_MS - 1)).answered == "failed"
        assert len(register.asked) == 1
        assert (await find(opened, AT, NOW_MS + FAILURE_MS)).answered == "found"

    async def test_while_a_register_fails_its_last_word_stands_with_its_age(
        self, open_with: Opener, register: Register
    ) -> None:
        """Better an old contact that a person verified than none."""
        opened = open_with()
        await find(opened)
        register.mood = web.Response(status=500)
        found = await find(opened, AT, NOW_MS + 40 * DAY_MS)
        assert found.answered == "failed"
        assert found.range is not None
        assert found.range.asked_ms == NOW_MS
        assert contacts(found) == ["abuse@fast.example"]

    async def test_a_certificate_that_is_not_good_is_a_failure(
        self, section: HostersSection, store: Store, register: Register
    ) -> None:
        """Here: one that the system's authorities do not know."""
        policy = AddressPolicy(allow_documentation_ranges=True)
        opened = open_directory(section, store.hosters, WatchList(), policy)
        assert (await find(opened)).answered == "failed"
        assert register.asked == []
        await opened.close()


class TestSilence:
    """A register that does not answer costs its own questions, once, and nobody else's."""

    async def test_it_is_left_for_a_while_and_others_are_asked(
        self, open_with: Opener, register: Register, authority: Authority, tmp_path: Path
    ) -> None:
        """Else whatever waits behind it would wait for each question anew."""
        other = Register(authority)
        other.networks = [network("203.0.113.0", "203.0.113.255", "NET-3", holder(abuse()))]
        await other.start()
        lists = write_bootstrap(
            tmp_path / "two.json",
            {
                "192.0.2.0/24": [register.base],
                "198.51.100.0/24": [register.base],
                "203.0.113.0/24": [other.base],
            },
        )
        opened = open_with(bounds=SHORT, rdap_ipv4=lists)
        register.gate = asyncio.Event()
        assert (await find(opened)).answered == "failed"
        register.gate.set()
        assert (await find(opened, "198.51.100.1")).answered == "failed"
        assert "ip/198.51.100.1" not in register.asked
        assert (await find(opened, "203.0.113.9")).answered == "found"
        await find(opened, "198.51.100.1", NOW_MS + FAILURE_MS)
        assert "ip/198.51.100.1" in register.asked
        await other.stop()

    async def test_no_more_than_two_questions_are_under_way_at_one(
        self, open_with: Opener, register: Register, authority: Authority, tmp_path: Path
    ) -> None:
        """Registers shut out who opens more connections at once than they permit."""
        other = Register(authority)
        other.networks = [network("203.0.113.0", "203.0.113.255", "NET-3", holder(abuse()))]
        await other.start()
        lists = write_bootstrap(
            tmp_path / "two.json",
            {
                "192.0.2.0/24": [register.base],
                "198.51.100.0/24": [register.base],
                "203.0.113.0/24": [other.base],
            },
        )
        opened = open_with(rdap_ipv4=lists)
        register.gate = asyncio.Event()
        asked = (AT, "198.51.100.1", *(f"2001:db8:{one}::1" for one in range(6)))
        asking = [asyncio.create_task(find(opened, one)) for one in asked]
        await register.reached.wait()
        assert (await find(opened, "203.0.113.9")).answered == "found"
        assert len(register.asked) <= 2
        register.gate.set()
        await asyncio.gather(*asking)
        assert len(register.asked) == len(asked)
        await other.stop()

    async def test_one_address_takes_no_longer_however_many_servers_know_it(
        self, section: HostersSection, register: Register, authority: Authority
    ) -> None:
        """The time is for all questions about it together."""
        assert section.rdap_ipv4 is not None
        register.gate = asyncio.Event()
        https = Https(lambda _: True, context=authority.client)
        rdap = Rdap(Bootstrap.open([section.rdap_ipv4]), https, one_address_s=0.1)
        assert await rdap.ask(AT, NOW_MS) == Answer("failed")
        register.gate.set()
        await https.close()


class TestOthersWords:
    """What one register says takes nothing from what another one said."""

    @pytest.mark.parametrize("named", [["offender@elsewhere.example"], []])
    async def test_attack_a_lying_register_unverifies_no_contact_of_another_range(
        self,
        open_with: Opener,
        register: Register,
        authority: Authority,
        tmp_path: Path,
        store: Store,
        named: list[str],
    ) -> None:
        """It is asked about a range of its own, and answers in the name of another's hoster."""
        liar = Register(authority)
        desks = [abuse(one) for one in named]
        liar.networks = [network("198.51.100.0", "198.51.100.255", "NET-1", holder(*desks))]
        await liar.start()
        lists = write_bootstrap(
            tmp_path / "two.json",
            {"192.0.2.0/24": [register.base], "198.51.100.0/24": [liar.base]},
        )
        opened = open_with(rdap_ipv4=lists)
        await find(opened)
        await store.hosters.decide(
            "ORG-FH1-EXAMPLE", "abuse@fast.example", "verified", "analyst-7", NOW_MS
        )
        await find(opened, "198.51.100.7")
        found = await find(opened)
        assert found.hoster is not None
        assert [one.address for one in found.hoster.usable] == ["abuse@fast.example"]
        assert [one.address for one in found.hoster.waiting] == named
        await liar.stop()


class TestPauses:
    """A register that wants to be left alone is left alone."""

    @pytest.mark.parametrize(
        ("said", "pause_ms"),
        [
            ("120", 120_000),
            (None, 60_000),
            ("soon", 60_000),
            ("0", 1000),
            ("99999999999", DAY_MS),
            (format_datetime(datetime.fromtimestamp(NOW_MS / 1000 + 300, UTC)), 300_000),
        ],
    )
    async def test_it_is_asked_nothing_until_then(
        self, open_with: Opener, register: Register, said: str | None, pause_ms: int
    ) -> None:
        """About no address, and by no other process; seconds or a date, a day at most."""
        register.mood = web.Response(status=429, headers={"Retry-After": said} if said else {})
        assert (await find(open_with())).answered == "put_off"
        before = await find(open_with(), "198.51.100.1", NOW_MS + pause_ms - 1)
        assert before.answered == "put_off"
        assert len(register.asked) == 1
        assert (await find(open_with(), AT, NOW_MS + pause_ms)).answered == "found"

    async def test_a_server_that_is_busy_may_say_until_when(
        self, open_with: Opener, register: Register
    ) -> None:
        """503 with Retry-After."""
        register.mood = web.Response(status=503, headers={"Retry-After": "120"})
        assert (await find(open_with())).answered == "put_off"

    async def test_a_pause_in_the_middle_is_kept(
        self, open_with: Opener, register: Register
    ) -> None:
        """The network was found; about other addresses the register is asked nothing until then."""
        register.networks = [REFERRING]
        register.entity_mood = web.Response(status=429, headers={"Retry-After": "3600"})
        assert (await find(open_with())).answered == "found"
        assert (await find(open_with(), "198.51.100.1")).answered == "put_off"
        assert register.asked == ["ip/192.0.2.7", "entity/AB1"]


class TestHalf:
    """A network whose contacts could not be had is better than none."""

    @pytest.mark.parametrize(
        "mood",
        [
            {"status": 429},
            {"status": 500},
            {"status": 302, "headers": {"Location": "http://elsewhere.example/"}},
            {"body": b"0" * (1 << 17)},
            {"text": "<html>"},
        ],
    )
    async def test_the_network_is_kept_for_a_day(
        self, open_with: Opener, register: Register, mood: Mapping[str, Any]
    ) -> None:
        """Then it is asked about again, and its contact found."""
        register.networks = [REFERRING]
        register.entities["AB1"] = abuse("c@fast.example", "AB1")
        register.entity_mood = web.Response(**mood)
        opened = open_with()
        found = await find(opened)
        assert (found.answered, contacts(found)) == ("found", [])
        assert (await find(opened, AT, NOW_MS + PARTIAL_MS - 1)).answered == "found"
        assert register.asked == ["ip/192.0.2.7", "entity/AB1"]
        assert contacts(await find(opened, AT, NOW_MS + PARTIAL_MS)) == ["c@fast.example"]

    async def test_a_contact_known_before_stands_as_it_was_decided(
        self, open_with: Opener, register: Register, store: Store
    ) -> None:
        """Nobody said that the hoster has it no more: a person need not verify it again."""
        register.networks = [REFERRING]
        register.entities["AB1"] = abuse("c@fast.example", "AB1")
        opened = open_with(keep_days=2)
        await find(opened)
        key = "ORG-FH1-EXAMPLE"
        await store.hosters.decide(key, "c@fast.example", "verified", "analyst-7", NOW_MS)
        register.entity_mood = web.Response(status=500)
        found = await find(opened, AT, NOW_MS + 2 * DAY_MS)
        assert len(register.asked) == 4
        assert found.hoster is not None
        assert [one.address for one in found.hoster.usable] == ["c@fast.example"]


class TestRedirects:
    """Followed only to servers that the operator knows, over https, a few hops far."""

    async def test_a_register_may_send_to_another_one(
        self, open_with: Opener, register: Register, authority: Authority
    ) -> None:
        """One that the bootstrap files name, or `rdap_servers`."""
        other = Register(authority)
        other.networks = register.networks
        await other.start()
        away = web.Response(status=302, headers={"Location": f"{other.base}ip/192.0.2.7"})
        register.mood = away
        assert (await find(open_with())).answered == "failed"
        assert other.asked == []
        register.mood = web.Response(status=302, headers=dict(away.headers))
        opened = open_with(rdap_servers=(f"https://127.0.0.1:{other.port}",))
        assert (await find(opened, AT, NOW_MS + FAILURE_MS)).answered == "found"
        assert other.asked == ["ip/192.0.2.7"]
        await other.stop()

    async def test_a_pause_is_for_the_server_that_asks_for_it(
        self, open_with: Opener, register: Register, authority: Authority
    ) -> None:
        """The register that led there is asked on; where it leads nobody goes until then."""
        other = Register(authority)
        other.networks = register.networks
        await other.start()
        opened = open_with(rdap_servers=(f"https://127.0.0.1:{other.port}",))
        to = {"Location": f"{other.base}ip/192.0.2.7"}
        register.mood = web.Response(status=302, headers=to)
        other.mood = web.Response(status=429, headers={"Retry-After": "3600"})
        found = await find(opened)
        assert found.range is not None
        assert (found.answered, found.range.expires_ms) == ("put_off", NOW_MS + 3_600_000)
        assert (await find(opened, "198.51.100.1")).answered == "not_found"
        register.mood = web.Response(status=302, headers=to)
        assert (await find(opened, "203.0.113.1")).answered == "put_off"
        assert other.asked == ["ip/192.0.2.7"]
        assert len(register.asked) == 3
        await other.stop()

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.1:{port}/rdap/ip/192.0.2.7",
            "https://user@127.0.0.1:{port}/rdap/ip/192.0.2.7",
            "https://localhost:{port}/rdap/ip/192.0.2.7",
            "file:///etc/passwd",
            "https://[::1/",
            "https://xn--example/rdap/ip/192.0.2.7",
            "https://[2001:db8::1]@/rdap/ip/192.0.2.7",
            "",
        ],
    )
    async def test_nowhere_else(self, open_with: Opener, register: Register, location: str) -> None:
        """In clear, with a name before it, to another name, to what is no address."""
        to = location.format(port=register.port)
        register.mood = web.Response(status=301, headers={"Location": to} if to else {})
        assert (await find(open_with())).answered == "failed"
        assert register.asked == ["ip/192.0.2.7"]

    async def test_a_ring_ends(self, open_with: Opener, register: Register) -> None:
        """After three hops."""
        register.leads_to_itself = True
        assert (await find(open_with())).answered == "failed"
        assert len(register.asked) == 4


class TestNotAsked:
    """Some are never asked about, and nobody at all unless it was turned on."""

    @pytest.mark.parametrize(
        "address", ["10.0.0.1", "127.0.0.1", "::1", "64:ff9b::a00:1", "fe80::1", "169.254.0.1"]
    )
    async def test_special_addresses_are_never_asked_about(
        self, open_with: Opener, register: Register, address: str
    ) -> None:
        """Wrapped or not: nobody hosts there, and it would tell what our network looks like."""
        found = await find(open_with(), address)
        assert found.answered == "special"
        assert found.special is not None
        assert register.asked == []

    async def test_documentation_ranges_are_special_too(
        self, section: HostersSection, store: Store, register: Register
    ) -> None:
        """Unless a trial says otherwise."""
        opened = open_directory(section, store.hosters, WatchList(), AddressPolicy())
        assert (await find(opened)).answered == "special"
        assert register.asked == []
        await opened.close()

    async def test_registers_are_off_until_they_are_turned_on(
        self, open_with: Opener, register: Register
    ) -> None:
        """What is in the store is shown all the same."""
        found = await find(open_with(rdap=False))
        assert (found.answered, found.hoster) == ("not_asked", None)
        assert register.asked == []
        await find(open_with())
        assert contacts(await find(open_with(rdap=False))) == ["abuse@fast.example"]


class TestTogether:
    """However many ask, one question is under way."""

    async def test_all_who_ask_about_a_block_share_one_question(
        self, open_with: Opener, register: Register
    ) -> None:
        """A batch of reports about one hoster is the common case."""
        register.gate = asyncio.Event()
        opened = open_with()
        asking = [asyncio.create_task(find(opened, f"192.0.2.{n}")) for n in range(1, 30)]
        await register.reached.wait()
        register.gate.set()
        found = await asyncio.gather(*asking)
        assert {one.answered for one in found} == {"found"}
        assert len(register.asked) == 1


class TestOperator:
    """What people know goes before registers, and says whose it is."""

    def known(self, tmp_path: Path, about: str) -> Path:
        """Write the operator's file."""
        path = tmp_path / "hosters.toml"
        path.write_text(FILE.format(about=about), encoding="utf-8")
        return path

    async def test_a_range_of_ours_is_not_asked_about(
        self, open_with: Opener, register: Register, tmp_path: Path
    ) -> None:
        """Its contact waits for a person like any other; the chain leads to the carrier."""
        found = await find(open_with(file=self.known(tmp_path, 'ranges = ["192.0.2.0/24"]')))
        assert found.answered == "operator"
        assert contacts(found) == ["desk@fast.example"]
        assert found.hoster is not None
        assert (found.hoster.key, found.hoster.standing) == ("own:fast", "unverified")
        assert found.known is not None
        assert found.known.author == "analyst-7"
        assert [one.id for one in found.chain] == ["carrier"]
        assert register.asked == []

    async def test_an_entity_of_a_register_may_be_ours(
        self, open_with: Opener, register: Register, tmp_path: Path
    ) -> None:
        """By its handle: the register says which range, we say who."""
        about = 'handle = "ORG-FH1-EXAMPLE"'
        found = await find(open_with(file=self.known(tmp_path, about)))
        assert (found.answered, contacts(found)) == ("operator", ["desk@fast.example"])
        assert found.range is not None
        assert found.range.handle == "NET-1"
        assert len(register.asked) == 1

    async def test_a_network_may_be_ours(
        self, open_with: Opener, register: Register, tmp_path: Path
    ) -> None:
        """Which network announces it, the operator's database says, offline."""
        rows = {
            "192.0.2.0/24": {
                "autonomous_system_number": 64500,
                "autonomous_system_organization": "FAST",
            }
        }
        mmdb = open_mmdb(write_database(tmp_path, "asn", rows))
        opened = open_with(WatchList(None, mmdb), file=self.known(tmp_path, "asns = [64500]"))
        found = await find(opened)
        assert found.answered == "operator"
        assert found.announced is not None
        assert (found.announced.asn, found.announced.organisation) == (64500, "FAST")
        assert register.asked == []
        mmdb.reader.close()
