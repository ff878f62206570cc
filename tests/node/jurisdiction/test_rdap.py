"""What registers answer: the network around the address, its abuse contacts, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.jurisdiction.errors import DataFileError, RdapAnswerError
from node.jurisdiction.rdap import MAX_ENTITIES, Bootstrap, Network, read_entity, read_network
from tests.builders.registers import (
    ANSWERS,
    ASSIGNED,
    abuse,
    card,
    entity,
    holder,
    maintainer,
    network,
    organisation,
    write_bootstrap,
)

AT = "192.0.2.7"


def read(answer: object, address: str = AT) -> Network:
    """Read an answer about an address."""
    return read_network(json.dumps(answer).encode(), address)


def simple(*entities: Any, **more: Any) -> dict[str, Any]:
    """Return the answer about 192.0.2.0/24."""
    return network("192.0.2.0", "192.0.2.255", "NET-1", *entities, **more)


class TestNetworks:
    """RFC 9083 section 5.4."""

    def test_network_holder_and_contact_are_read(self) -> None:
        """The hoster is the registrant; its country is not asked for."""
        found = read(simple(holder(), abuse(), parentHandle="NET-0"))
        assert found == Network(
            "192.0.2.0/24", "NET-1", "NET-0", "ORG-FH1-EXAMPLE", "Fast Hosting B.V.",
            ("abuse@fast.example",), (),
        )  # fmt: skip

    def test_a_network_without_registrant_is_its_own_hoster(self) -> None:
        """By its own handle and name."""
        found = read(simple(abuse()))
        assert (found.hoster, found.name) == ("NET-1", "NAME-NET-1")

    @pytest.mark.parametrize("register", ANSWERS)
    def test_each_register_is_read(self, register: str) -> None:
        """Whatever its handles look like: RFC 9083 leaves that open."""
        answer = ANSWERS[register]
        found = read(answer, "2001:db8::1" if "IPv6" in register else AT)
        assert found.handle == answer["handle"]
        assert (found.name, found.contacts) == ("Fast Hosting B.V.", ("abuse@fast.example",))
        assert found.parent == answer.get("parentHandle")

    def test_a_maintainer_is_no_hoster(self) -> None:
        """It keeps entries of many, whose contacts would become those of one hoster."""
        found = read(ASSIGNED)
        assert (found.hoster, found.name) == (ASSIGNED["handle"], ASSIGNED["name"])
        assert found.contacts == ("abuse@fast.example",)
        named = (
            maintainer("ROSTELECOM"),
            maintainer("Mnt-Fast"),
            entity("MAINT-AU-FAST", "registrant"),
        )
        for one in named:
            assert read(simple(one, holder())).hoster == "ORG-FH1-EXAMPLE"

    def test_an_organisation_is_the_hoster_before_a_person(self) -> None:
        """Also one whose only name is its handle, or that is only named."""
        person = entity("P1-EXAMPLE", "registrant", card("Some Person"))
        brand = entity("FAST", "registrant", card("FAST", ("kind", "org")))
        assert read(simple(person, organisation("ORG-2"))).hoster == "ORG-2"
        assert read(simple(person, brand)).hoster == "FAST"
        only_named = read(simple(entity("ORG-3", "registrant")))
        assert (only_named.hoster, only_named.name) == ("ORG-3", "ORG-3")

    def test_of_an_odd_range_the_part_with_the_address_counts(self) -> None:
        """Ranges of registers need not be prefixes."""
        found = read(network("192.0.2.4", "192.0.2.20", "NET-1", holder()))
        assert found.prefix == "192.0.2.4/30"

    def test_ipv6_is_read_alike(self) -> None:
        """And IPv4 in IPv6 as the IPv4 it reaches."""
        six = network("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "NET-6", abuse())
        assert read(six, "2001:db8:1::1").prefix == "2001:db8::/32"
        assert read(simple(), "::ffff:192.0.2.7").prefix == "192.0.2.0/24"

    @pytest.mark.parametrize(
        ("first", "last", "address"),
        [
            ("9.0.0.0", "9.255.255.255", "9.9.9.9"),
            ("0.0.0.1", "255.255.255.254", "9.9.9.9"),
            ("9.9.9.1", "10.9.9.0", "9.9.9.9"),
            ("2a00::", "2a00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2a00::1"),
            ("2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "2a00::1"),
        ],
    )
    def test_what_a_register_has_from_iana_is_no_hosters(
        self, first: str, last: str, address: str
    ) -> None:
        """The whole range is measured, however small the part around the address."""
        with pytest.raises(RdapAnswerError, match="no hoster's"):
            read(network(first, last, "NET-1", abuse()), address)

    @pytest.mark.parametrize(
        ("first", "last", "prefix"),
        [("9.0.0.0", "9.255.255.254", "9.0.0.0/9"), ("9.0.0.0", "9.127.255.255", "9.0.0.0/9")],
    )
    def test_a_great_network_is_somebodys(self, first: str, last: str, prefix: str) -> None:
        """Carriers have many."""
        assert read(network(first, last, "NET-1", abuse()), "9.9.9.9").prefix == prefix

    @pytest.mark.parametrize(
        "name",
        ["IANA-BLK", "non-ripe-ncc-managed-address-block", "ERX-NETBLOCK", "IANA-NETBLOCK-8"],
    )
    def test_a_block_that_another_register_knows_is_no_hosters(self, name: str) -> None:
        """However small it is; by its name, its handle, or who holds it."""
        for answer in (
            {**simple(abuse()), "name": name},
            {**simple(abuse()), "handle": name},
            simple(abuse(), entity("ORG-IANA1-RIPE", "registrant", card("IANA"))),
        ):
            with pytest.raises(RdapAnswerError, match="another register"):
                read(answer)

    def test_a_name_is_one_line_of_what_can_be_printed(self) -> None:
        """It is shown on a terminal."""
        odd = entity("ORG-1", "registrant", card("Fast\x1b[2J\nHosting \u202e"))
        assert read(simple(odd)).name == "Fast [2J Hosting"

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"[]",
            b"\xff",
            b"[" * 100_000,
            json.dumps({"objectClassName": "entity", "handle": "NET-1"}).encode(),
            json.dumps({**simple(), "handle": "own:fast"}).encode(),
            json.dumps({**simple(), "handle": "a  b"}).encode(),
            json.dumps({**simple(), "handle": "-a"}).encode(),
            json.dumps({**simple(), "handle": "a\nb"}).encode(),
            json.dumps({**simple(), "handle": "a\x1b[2J"}).encode(),
            json.dumps({**simple(), "handle": "a "}).encode(),
            json.dumps({**simple(), "startAddress": "192.0.2.8"}).encode(),
            json.dumps({**simple(), "startAddress": "2001:db8::"}).encode(),
            json.dumps({**simple(), "startAddress": 7}).encode(),
            json.dumps({**simple(), "endAddress": None}).encode(),
            json.dumps(network("0.0.0.1", "255.255.255.255", "IANA")).encode(),
            json.dumps(network("128.0.0.0", "255.255.255.255", "IANA")).encode(),
        ],
    )
    def test_what_is_no_network_around_the_address_is_refused(self, answer: bytes) -> None:
        """Another's network would put a stranger's contact under the report."""
        with pytest.raises(RdapAnswerError):
            read_network(answer, AT)


class TestContacts:
    """Role `abuse`, wherever it stands."""

    def test_contacts_nested_in_the_holder_are_found(self) -> None:
        """As registers nest them, several levels deep."""
        inner = entity("TEAM-1", "technical", card("Team"), abuse("deep@fast.example"))
        found = read(simple(holder(abuse("abuse@fast.example"), inner)))
        assert found.contacts == ("abuse@fast.example", "deep@fast.example")

    def test_the_nearest_to_the_network_comes_first(self) -> None:
        """Of a reseller's customer rather than of the carrier."""
        found = read(simple(holder(abuse("far@carrier.example")), abuse("near@fast.example")))
        assert found.contacts[0] == "near@fast.example"

    def test_other_roles_are_not_told(self) -> None:
        """A technical contact may be the offender himself."""
        technical = entity("T-1", "technical", card("T", ("email", "root@fast.example")))
        assert read(simple(holder(technical))).contacts == ()

    def test_an_entity_that_is_only_named_is_to_be_asked_for(self) -> None:
        """The `abuse-c` of a register that shortens its answers; a few at most."""
        many = [entity(f"AB{n}-EXAMPLE", "abuse") for n in range(9)]
        assert read(simple(*many)).referred == ("AB0-EXAMPLE", "AB1-EXAMPLE")

    def test_forms_are_contacts_too(self) -> None:
        """After addresses (RFC 8605)."""
        both = card("A", ("contact-uri", "https://fast.example/a"), ("email", "a@fast.example"))
        found = read(simple(entity("A-1", "abuse", both)))
        assert found.contacts == ("a@fast.example", "https://fast.example/a")

    def test_the_walk_is_bounded(self) -> None:
        """Whatever a register piles up."""
        wide = [entity(f"X{n}", "technical") for n in range(MAX_ENTITIES)]
        assert read(simple(*wide, abuse())).contacts == ()
        deep = abuse()
        for n in range(50):
            deep = entity(f"D{n}", "technical", None, deep)
        assert read(simple(deep)).contacts == ()

    @pytest.mark.parametrize(
        "odd",
        [
            {"roles": "abuse", "vcardArray": card("A", ("email", "a@fast.example"))},
            {"roles": ["abuse"], "vcardArray": "vcard"},
            {"roles": ["abuse"], "vcardArray": ["vcard", "x"]},
            {"roles": ["abuse"], "vcardArray": ["vcard", [["email"], ["email", {}, "text", 7]]]},
            {"roles": ["abuse"], "entities": {"a": 1}},
            {"roles": [["abuse"]]},
        ],
    )
    def test_odd_entities_are_passed_over(self, odd: dict[str, Any]) -> None:
        """One that nobody can read does not hide the next."""
        assert read(simple(odd, abuse())).contacts == ("abuse@fast.example",)

    def test_an_entity_is_read_with_what_stands_in_it(self) -> None:
        """Its own addresses first."""
        own = entity(
            "AB1", "abuse", card("A", ("email", "a@fast.example")), abuse("b@fast.example")
        )
        assert read_entity(json.dumps(own).encode()) == ("a@fast.example", "b@fast.example")
        with pytest.raises(RdapAnswerError):
            read_entity(json.dumps(simple()).encode())


class TestBootstrap:
    """RFC 9224: whom to ask."""

    def test_the_most_specific_range_says_who_knows(self, tmp_path: Path) -> None:
        """Only https counts; the slash at the end may be missing."""
        four = {
            "192.0.0.0/8": ["https://one.example/rdap", "http://one.example/rdap/"],
            "192.0.2.0/24": ["https://two.example:8443/"],
            "198.51.100.0/24": ["http://clear.example/"],
        }
        six = {"2001:db8::/32": ["https://six.example/"]}
        made = Bootstrap.open(
            [write_bootstrap(tmp_path / "4.json", four), write_bootstrap(tmp_path / "6.json", six)]
        )
        assert made.servers("192.9.9.9") == ("https://one.example/rdap/",)
        assert made.servers("192.0.2.1") == ("https://two.example:8443/",)
        assert made.servers("198.51.100.1") == ()
        assert made.servers("203.0.113.1") == ()
        assert made.servers("2001:db8::1") == ("https://six.example/",)
        assert made.everybody() == {
            "https://one.example:443", "https://two.example:8443", "https://six.example:443",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("url", "base"),
        [
            ("hTTps://A.example/rdap", "https://a.example/rdap/"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
            ("https://a.example:x/", None),
            ("https://a.example:0/", None),
            ("https://a.example:70000/", None),
            ("https://user@a.example/", None),
            ("https://a.example/?q=1", None),
            ("https://a.example/\n", None),
            ("https://", None),
        ],
    )
    def test_a_server_has_one_plain_spelling_or_is_passed_over(
        self, tmp_path: Path, url: str, base: str | None
    ) -> None:
        """Redirects are compared with it."""
        path = write_bootstrap(tmp_path / "4.json", {"192.0.2.0/24": [url]})
        assert Bootstrap.open([path]).servers("192.0.2.1") == ((base,) if base else ())

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            '{"services": [["192.0.2.0/24", ["https://a.example/"]]]}',
            '{"services": [[["192.0.2.1/24"], ["https://a.example/"]]]}',
            '{"services": [[["192.0.2.0/24"], [7]]]}',
            '{"services": [[["192.0.2.0/24"]]]}',
            '{"services": 3}',
        ],
    )
    def test_a_file_that_is_none_is_refused_by_name(self, tmp_path: Path, text: str) -> None:
        """Never read as "nobody knows"."""
        path = tmp_path / "ipv4.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataFileError, match=r"^bootstrap file 'ipv4': "):
            Bootstrap.open([path])
