"""DNS answers: what is there, what is not, and what nobody knows."""

from __future__ import annotations

import pycares
import pytest
from aiodns import error

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.answers import MAX_CHAIN, Half, failed, join, read

OK = Half("ok", (("192.0.2.1", 60),))
POLICY = AddressPolicy(allow_documentation_ranges=True)


def a(name: str, address: str) -> pycares.DNSRecord:
    """Make an A record."""
    return pycares.DNSRecord(name, pycares.QUERY_TYPE_A, 1, 60, pycares.ARecordData(address))


def cname(name: str, target: str) -> pycares.DNSRecord:
    """Make a CNAME record."""
    data = pycares.CNAMERecordData(target)
    return pycares.DNSRecord(name, pycares.QUERY_TYPE_CNAME, 1, 60, data)


@pytest.mark.parametrize(
    ("errno", "state"),
    [
        (error.ARES_ENODATA, "no_data"),
        (error.ARES_ENOTFOUND, "nxdomain"),
        (error.ARES_EBADNAME, "nxdomain"),
        (error.ARES_ESERVFAIL, "servfail"),
        (error.ARES_EREFUSED, "servfail"),
        (error.ARES_EFORMERR, "servfail"),
        (error.ARES_EBADRESP, "servfail"),
        (error.ARES_ETIMEOUT, "timeout"),
        (error.ARES_ECONNREFUSED, "timeout"),
        (9999, "servfail"),
    ],
)
def test_error_numbers_mean_one_state(errno: int, state: str) -> None:
    """Only "no data" and "no such name" say that there is nothing."""
    assert failed(errno).state == state


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        ("no_data", "no_data", "no_data"),
        ("nxdomain", "nxdomain", "nxdomain"),
        ("no_data", "nxdomain", "no_data"),
        ("no_data", "servfail", "servfail"),
        ("nxdomain", "servfail", "servfail"),
        ("no_data", "timeout", "timeout"),
        ("nxdomain", "timeout", "timeout"),
        ("servfail", "timeout", "timeout"),
    ],
)
def test_a_failed_half_never_becomes_nothing(one: str, other: str, state: str) -> None:
    """Without an address from elsewhere a failure outweighs an absence, in either order."""
    halves = Half(one), Half(other)  # type: ignore[arg-type]
    assert join("site.example", halves, POLICY, 0).state == state
    assert join("site.example", halves[::-1], POLICY, 0).state == state


def test_an_address_with_a_failed_half_is_partial() -> None:
    """The address counts; that the other half is unknown is said."""
    answer = join("site.example", (OK, Half("servfail")), POLICY, 0)
    assert (answer.state, answer.partial, answer.is_failure) == ("ok", True, False)


def test_only_refused_addresses_with_a_failed_half_is_a_failure() -> None:
    """The half that failed might have had the public address."""
    inside = Half("ok", (("10.0.0.1", 60),))
    assert join("site.example", (inside, Half("timeout")), POLICY, 0).is_failure


def test_records_beside_the_chain_do_not_count() -> None:
    """A name server cannot slip in addresses of other names."""
    records = [a("other.example", "192.0.2.66"), a("site.example", "192.0.2.1")]
    assert read("Site.example", records).records == (("192.0.2.1", 60),)


def test_the_chain_is_followed_in_any_order() -> None:
    """Resolvers do not promise an order of records."""
    records = [
        a("c.example", "192.0.2.1"),
        cname("b.example", "C.example"),
        cname("a.example", "b.example"),
    ]
    half = read("a.example", records)
    assert [target for target, _ in half.chain] == ["b.example", "c.example"]
    assert half.records == (("192.0.2.1", 60),)


def test_a_chain_without_end_is_no_address() -> None:
    """A dangling CNAME looks like success to c-ares."""
    half = read("a.example", [cname("a.example", "b.example")])
    assert (half.state, half.chain) == ("no_data", (("b.example", 60),))


def test_a_loop_ends() -> None:
    """Following is bounded."""
    records = [
        cname("a.example", "b.example"),
        cname("b.example", "a.example"),
        a("a.example", "192.0.2.1"),
    ]
    half = read("a.example", records)
    assert (half.state, len(half.chain)) == ("no_data", MAX_CHAIN)


def test_the_same_address_in_two_spellings_is_one() -> None:
    """Addresses are normalised and sorted, with the smaller TTL."""
    halves = (
        Half("ok", (("2001:DB8:0::1", 60),)),
        Half("ok", (("2001:db8::1", 30), ("192.0.2.1", 9))),
    )
    answer = join("site.example", halves, POLICY, 0)
    assert answer.addresses == (("192.0.2.1", 9), ("2001:db8::1", 30))


def test_repr_does_not_name_the_host() -> None:
    """Answers may reach log lines and tracebacks."""
    assert "site" not in repr(join("site.example", (OK, OK), POLICY, 0))


@pytest.mark.parametrize("proxy_first", [True, False])
def test_the_chains_of_both_questions_are_kept_where_they_differ(*, proxy_first: bool) -> None:
    """A proxy may stand on the shorter one."""
    short = Half("ok", (("192.0.2.1", 60),), (("edge.veil.example", 60),))
    long = Half("ok", (("2001:db8::1", 60),), (("a.plain.example", 60), ("b.plain.example", 60)))
    halves = (short, long) if proxy_first else (long, short)
    chain = join("site.example", halves, POLICY, 0).cname_chain
    assert sorted(chain) == [
        ("a.plain.example", 60), ("b.plain.example", 60), ("edge.veil.example", 60)
    ]  # fmt: skip
    assert chain[: len(halves[0].chain)] == halves[0].chain


def test_a_chain_that_both_questions_share_stands_once() -> None:
    """With the shorter of its TTLs, by which the answer ends."""
    one = Half("ok", (("192.0.2.1", 60),), (("a.example", 60), ("b.example", 20)))
    other = Half("ok", (("2001:db8::1", 60),), (("a.example", 30), ("b.example", 40)))
    answer = join("site.example", (one, other), POLICY, 0)
    assert answer.cname_chain == (("a.example", 30), ("b.example", 20))
