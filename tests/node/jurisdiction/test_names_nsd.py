"""Names against NSD, an authoritative server that is not ours: the same answers mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.names import NameCache, Resolver
from tests.builders.nsd import find_nsd, running_nsd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import NoReturn

NOW = 1_800_000_000_000
MANY = "\n".join(f"many IN A 192.0.2.{n}" for n in range(1, 60))
RECORDS = f"""
both 40 IN A 192.0.2.1
both IN A 192.0.2.2
both 30 IN AAAA 2001:db8:1::1
six IN AAAA 2001:db8:1::1
www 20 IN CNAME edge.cdn
edge.cdn 10 IN CNAME pop.cdn
pop.cdn 5 IN A 192.0.2.9
txt-only IN TXT "nothing"
dangling IN CNAME gone
loop-a IN CNAME loop-b
loop-b IN CNAME loop-a
moved 50 IN DNAME pop
www.pop 15 IN A 192.0.2.8
*.any IN A 192.0.2.7
xn--bcher-kva IN A 192.0.2.6
inside IN A 10.0.0.1
inside IN AAAA 64:ff9b::a00:1
long-{"x" * 58} IN A 192.0.2.5
{MANY}
"""


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, part_missing: Callable[[str, str], NoReturn]
) -> Iterator[str]:
    """Give NSD with the records above, as a configuration names a server."""
    program = find_nsd()
    if program is None:
        part_missing("NSD", "run tests/parts.sh, or on Debian: apt-get install nsd")
    with running_nsd(program, tmp_path_factory.mktemp("nsd"), RECORDS) as server:
        yield server


@pytest.fixture
async def resolver(server: str) -> AsyncIterator[Resolver]:
    """Give a resolver that asks it and accepts documentation ranges."""
    policy = AddressPolicy(allow_documentation_ranges=True)
    made = Resolver([server], timeout_s=5.0, cache=NameCache(), policy=policy)
    yield made
    await made.close()


async def test_both_families_come_with_their_own_ttls(resolver: Resolver) -> None:
    """A and AAAA, each set of records with the time that it holds."""
    answer = await resolver.resolve("both.example", NOW)
    assert [address for address, _ in answer.addresses] == [
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8:1::1",
    ]
    assert dict(answer.addresses)["2001:db8:1::1"] == 30
    assert (answer.state, answer.partial) == ("ok", False)


async def test_a_host_with_ipv6_alone_is_a_host(resolver: Resolver) -> None:
    """NSD answers the question for A with no data, and its SOA."""
    answer = await resolver.resolve("six.example", NOW)
    assert (answer.state, answer.addresses) == ("ok", (("2001:db8:1::1", 60),))


async def test_a_chain_comes_whole_and_in_order(resolver: Resolver) -> None:
    """The server put the whole chain into one answer."""
    answer = await resolver.resolve("www.example", NOW)
    assert answer.cname_chain == (("edge.cdn.example", 20), ("pop.cdn.example", 10))
    assert answer.addresses == (("192.0.2.9", 5),)


async def test_a_renamed_subtree_is_followed(resolver: Resolver) -> None:
    """DNAME (RFC 6672): the server makes the CNAME that our resolver reads."""
    answer = await resolver.resolve("www.moved.example", NOW)
    assert [name for name, _ in answer.cname_chain] == ["www.pop.example"]
    assert answer.addresses == (("192.0.2.8", 15),)


async def test_a_wildcard_answers_for_the_name_that_was_asked(resolver: Resolver) -> None:
    """RFC 4592: the answer's owner is the name in the question."""
    answer = await resolver.resolve("whatever.any.example", NOW)
    assert (answer.host, answer.addresses) == ("whatever.any.example", (("192.0.2.7", 60),))


async def test_an_answer_of_59_addresses_comes_whole(resolver: Resolver) -> None:
    """It is larger than a datagram without EDNS may be."""
    assert len((await resolver.resolve("many.example", NOW)).addresses) == 59


@pytest.mark.parametrize(
    ("host", "state"),
    [
        ("nowhere.example", "nxdomain"),
        ("txt-only.example", "no_data"),
        ("dangling.example", "nxdomain"),
        ("loop-a.example", "no_data"),
        ("any.example", "no_data"),
    ],
)
async def test_absence_is_an_answer(resolver: Resolver, host: str, state: str) -> None:
    """No failure: an item there is hosted nowhere now."""
    answer = await resolver.resolve(host, NOW)
    assert (answer.state, answer.addresses, answer.is_failure) == (state, (), False)


@pytest.mark.parametrize("host", ["ill.example", "www.ill.example", "www.refused.invalid"])
async def test_a_zone_that_cannot_be_served_is_a_failure(resolver: Resolver, host: str) -> None:
    """SERVFAIL of a broken zone, REFUSED for a foreign one: neither says that nothing is there."""
    answer = await resolver.resolve(host, NOW)
    assert (answer.addresses, answer.is_failure) == ((), True)


async def test_internal_addresses_of_a_real_answer_are_kept_apart(resolver: Resolver) -> None:
    """The node is not to be used to probe its own network."""
    answer = await resolver.resolve("inside.example", NOW)
    assert answer.addresses == ()
    assert answer.refused == (("10.0.0.1", "private"), ("64:ff9b::a00:1", "private"))


@pytest.mark.parametrize("host", ["xn--bcher-kva.example", f"long-{'x' * 58}.example"])
async def test_names_at_their_limits_are_asked_as_they_are(resolver: Resolver, host: str) -> None:
    """A-labels, and a label of 63 octets (RFC 1035 §2.3.4)."""
    assert (await resolver.resolve(host, NOW)).state == "ok"
