"""The sites of the synthetic world: hosts, where they truly are, and what name servers say.

Every host is a `.example` name, an overlay address made of random letters, or an address of a
documentation range. `make_sites(random)` gives some 300 sites, the same for the same seed, and
`zone(sites)` the records that `dns_server.py` serves, before and after the one site moves.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, NamedTuple

from examples.demo import places

if TYPE_CHECKING:
    from random import Random

    from examples.demo.dns_server import Record, Zone

BASE32 = string.ascii_lowercase + "234567"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_FIRST = "amber basalt cedar delta ember fjord granite harbor indigo juniper kelp lagoon"
_SECOND = "arch bay cove dune field gate hill isle lane mill pond reef"
_IDN = "bücher größe køb œuvre şehir čaj ñandú łąka żaba ålesund ölberg übung"


class Hosting(NamedTuple):
    """Where a site truly is: what every node must find."""

    state: str
    country: str | None = None
    candidates: tuple[str, ...] = ()


class Site(NamedTuple):
    """A host. `spelled` is how people write it, `sort` what it is an example of.

    `records` are what name servers say about it, `extra` what they say about its chain's names.
    """

    host: str
    spelled: str
    sort: str
    hosting: Hosting
    records: tuple[Record, ...] = ()
    extra: tuple[tuple[str, tuple[Record, ...]], ...] = ()
    scheme: str = "http"


NOWHERE = Hosting("none")


def in_country(country: str) -> Hosting:
    """Say that a site is in one country."""
    return Hosting("country", country)


def a(address: str, ttl: int = 20) -> Record:
    """Make an address record of either family."""
    return {"type": "AAAA" if ":" in address else "A", "ttl": ttl, "data": address}


def cname(target: str, ttl: int = 20) -> Record:
    """Make an alias record."""
    return {"type": "CNAME", "ttl": ttl, "data": target}


class _Maker:
    """Makes sites with fresh names and addresses."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._made = 0
        self.sites: list[Site] = []

    def host(self, prefix: str = "") -> str:
        """Return a host name that nothing else has."""
        self._made += 1
        words = f"{self._random.choice(_FIRST.split())}-{self._random.choice(_SECOND.split())}"
        return f"{prefix}{words}-{self._made}.example"

    def address(self, *keys: str) -> tuple[Record, ...]:
        """Return one address record in each of the places."""
        return tuple(a(places.address(key, self._random.randrange(4096))) for key in keys)

    def add(
        self,
        sort: str,
        hosting: Hosting,
        records: tuple[Record, ...] = (),
        extra: tuple[tuple[str, tuple[Record, ...]], ...] = (),
        names: tuple[str, str] | None = None,
    ) -> None:
        """Add one site; `names` are (host in A-labels, as people write it)."""
        host, spelled = names or (self.host(),) * 2
        scheme = self._random.choice(("http", "https"))
        self.sites.append(Site(host, spelled, sort, hosting, records, extra, scheme))


def make_sites(random: Random) -> list[Site]:
    """Make all sites."""
    make = _Maker(random)
    _plain(make)
    _odd_families(make)
    _odd_names(make, random)
    _orphans_and_disputes(make)
    _veiled(make)
    _nowhere(make)
    _overlays(make, random)
    make.add("moving", in_country("NL"), (a(places.address("NL", 60), ttl=1),))
    make.add("servfail", Hosting("unresolved"), ({"type": "SERVFAIL"},))
    return make.sites


def _plain(make: _Maker) -> None:
    for country, count in (("NL", 60), ("DE", 40), ("GB", 30), ("FR", 25)):
        for number in range(count):
            key = country if number % 2 else f"{country}-2"
            make.add("plain", in_country(country), make.address(key))


def _odd_families(make: _Maker) -> None:
    for country, count in (("NL", 6), ("DE", 4), ("GB", 3), ("FR", 3)):
        for _ in range(count):
            make.add("ipv6_only", in_country(country), make.address(f"{country}-6"))
            make.add("dual", in_country(country), make.address(country, f"{country}-6"))
            target = make.host("pool.")
            chain = ((target, make.address(country)),)
            make.add("chain", in_country(country), (cname(target),), chain)
    for key, country in (
        ("NL-most", "NL"),
        ("DE-most-6", "DE"),
        ("DE-two", "DE"),
        ("GB-odd", "GB"),
    ):
        for _ in range(4):
            make.add("majority", in_country(country), make.address(key))


def _odd_names(make: _Maker, random: Random) -> None:
    for number, word in enumerate(_IDN.split()):
        label = f"xn--{word.encode('punycode').decode('ascii')}"
        country = ("NL", "DE", "GB", "FR")[number % 4]
        names = (f"{label}.{country.lower()}.example", f"{word}.{country.lower()}.example")
        make.add("idn", in_country(country), make.address(country), names=names)
    for country in ("NL", "DE", "GB"):
        four = places.address(country, random.randrange(60))
        six = f"[{places.address(f'{country}-6', random.randrange(4096))}]"
        make.add("address", in_country(country), names=(four, four))
        make.add("address", in_country(country), names=(six, six))


def _orphans_and_disputes(make: _Maker) -> None:
    orphans = (
        ("US", "US", 6),
        ("CA", "CA", 4),
        ("BR", "BR", 3),
        ("GR-odd", "GR", 2),
        ("US-6", "US", 2),
    )
    for key, country, count in orphans:
        for _ in range(count):
            make.add("orphan", in_country(country), make.address(key))
    for _ in range(4):
        make.add("disputed", Hosting("disputed", None, ("DE", "FR", "NL")), make.address("quarrel"))
        make.add("disputed", Hosting("disputed", None, ("DE", "NL")), make.address("NL", "DE-2"))
    for _ in range(2):
        make.add("disputed", Hosting("disputed", None, ("GB", "US")), make.address("GB", "US-6"))
        make.add("disputed", Hosting("disputed"), make.address("nobody"))
        make.add("uncertain", in_country("FR"), make.address("FR-lone"))


def _veiled(make: _Maker) -> None:
    hidden = Hosting("hidden")
    for _ in range(8):
        make.add("hidden", hidden, make.address("veiled"))
        target = make.host().replace(".example", f".{places.PROXY_SUFFIX}")
        make.add("hidden", hidden, (cname(target),), ((target, make.address("US")),))
    for _ in range(2):
        make.add("hidden", hidden, make.address("veiled-6"))


def _nowhere(make: _Maker) -> None:
    for _ in range(4):
        make.add("dangling", NOWHERE, (cname(make.host("gone.")),))
    for _ in range(3):
        make.add("nxdomain", NOWHERE)
    make.add("no_data", NOWHERE, ({"type": "TXT", "ttl": 60, "data": "nothing"},))
    make.add("internal", NOWHERE, (a("10.9.8.7"),))
    make.add("internal", NOWHERE, (a("64:ff9b::a00:1"),))


def _overlays(make: _Maker, random: Random) -> None:
    for _ in range(6):
        host = "".join(random.choices(BASE32, k=56)) + ".onion"
        make.add("onion", NOWHERE, names=(host, host))
    for _ in range(2):
        host = "".join(random.choices(BASE32, k=52)) + ".b32.i2p"
        make.add("i2p", NOWHERE, names=(host, host))
    for _ in range(3):
        host = "Qm" + "".join(random.choices(BASE58, k=44))
        make.add("ipfs", NOWHERE, names=(host, host))
        make.sites[-1] = make.sites[-1]._replace(scheme="ipfs")


def zone(sites: list[Site], *, moved: bool = False) -> Zone:
    """Return what the name server says; with `moved`, the moving site stands in DE."""
    names: Zone = {}
    for site in sites:
        if site.records:
            names[site.host] = list(site.records)
        for name, records in site.extra:
            names[name] = list(records)
        if moved and site.sort == "moving":
            names[site.host] = [a(places.address("DE", 60), ttl=1)]
    return names
