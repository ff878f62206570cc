"""P10: from a URL as handed in to its hosting jurisdiction with evidence, names cached; one core.

What is timed is what the node does with each item on its bulk path: the canonical location, the
location as a fact of the protocol, and where it is hosted in the words that travel. Names have been
asked already, three databases vote, a proxy list, a watch list with its ASN database and overrides
are loaded. Time is the processor's.

* `P10`: 1,000 hosts, as in the setting of P1: the decision of a host is remembered while it holds.
* `P10.fresh`: each URL on a host and addresses of its own, so that everything is looked up.

`libraries` is what no design can avoid, on the same URLs: the WHATWG parser, the answer of the name
looked up by host, and each database asked for each address. It keeps no raw form, decides nothing
and has no evidence.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ada_url
import maxminddb

from node.casework.places.placing import Places
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.answers import NameAnswer
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.locate import Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.names import NameCache, Resolver
from node.jurisdiction.overrides import Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.watching import WatchList
from protocol.facts import Location

WORLD = Path(__file__).resolve().parent.parent / "examples" / "world"
VOTERS = ("alpha", "beta", "gamma")
NOW_MS = 1_800_000_000_000
HOSTS = 1000
FRESH = 4000
"""URLs of `P10.fresh`: each takes some ten look-ups in files, by a reader in Python."""


def measure(count: int, seed: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Return for each figure URLs a second and those of the libraries, both by processor time."""
    rng = random.Random(seed)  # noqa: S311 -- made data, the same in each run
    found = {}
    for name, hosts in (("P10", HOSTS), ("P10.fresh", FRESH)):
        answers = _answers(hosts, rng)
        urls = _urls(sorted(answers), count if name == "P10" else hosts, rng)
        places = _places(answers, folder)
        if name == "P10":  # the first look at each host is P10.fresh's
            _locate(places, urls[:HOSTS])
        ours = _rate(urls, partial(_locate, places))
        found[name] = ours, _rate(urls, _libraries(answers))
    return found


def _rate(urls: list[str], work: Callable[[list[str]], None]) -> float:
    begun = time.process_time()
    work(urls)
    return len(urls) / (time.process_time() - begun)


def _locate(places: Places, urls: list[str]) -> None:
    for url in urls:
        place = canonical(url)
        fact = Location(canonical=place.canonical, raw=place.raw)
        if places.known(fact, NOW_MS) is None:
            raise RuntimeError("a name was not cached: nothing is measured")


def _libraries(answers: dict[str, NameAnswer]) -> Callable[[list[str]], None]:
    readers = [
        maxminddb.open_database(WORLD / f"{name}.mmdb", maxminddb.MODE_MMAP) for name in VOTERS
    ]

    def work(urls: list[str]) -> None:
        for url in urls:
            host = ada_url.normalize_url(url).split("/", 3)[2]
            for address, _ in answers[host].addresses:
                for reader in readers:
                    reader.get(address)
        for reader in readers:
            reader.close()

    return work


def _answers(count: int, rng: random.Random) -> dict[str, NameAnswer]:
    """Give answers of the name servers: one or two addresses, an alias at each fourth."""
    found = {}
    for number in range(count):
        host = f"h{number}.site{rng.randrange(1000)}.example"
        low = f"2001:db8:{rng.randrange(1, 8)}:{number >> 16:x}::{number & 0xFFFF:x}"
        v4 = f"192.0.2.{rng.randrange(256)}"
        addresses = ((low, 60),) if number % 2 else ((v4, 60), (low, 60))
        chain = (("edge.host.example", 60),) if number % 4 == 0 else ()
        found[host] = NameAnswer(
            host, "ok", addresses, (), chain, partial=False, asked_ms=NOW_MS, expires_ms=NOW_MS
        )
    return found


def _urls(hosts: list[str], count: int, rng: random.Random) -> list[str]:
    """Give distinct URLs as hotlines hand them in, spread over all hosts."""
    return [
        f"http{'s' * (number % 2)}://{hosts[number % len(hosts)]}"
        f"/{rng.randrange(1 << 32):08x}/{rng.randrange(1 << 32):08x}/img_{number}.jpg?s={number}"
        for number in range(count)
    ]


def _places(answers: dict[str, NameAnswer], folder: Path) -> Places:
    cache = NameCache(max_ttl_s=3600)
    for answer in answers.values():
        cache.keep(answer)
    policy = AddressPolicy(allow_documentation_ranges=True)
    watch = folder / "watch.txt"
    watch.write_text("built 2026-11-01T00:00:00Z\nasn 64500 x\nrange 192.0.2.0/28 x\n", "utf-8")
    overrides = folder / "overrides.toml"
    overrides.write_text(
        '[[override]]\nid = "r1"\nkind = "rule"\nname = "site7.example"\ncountry = "NL"\n'
        'author = "a"\nreason = "b"\nexpires = 2099-01-01T00:00:00Z\n',
        encoding="utf-8",
    )
    networks = open_mmdb(DatabaseSource(WORLD / "alpha.mmdb", "alpha"))
    locator = Locator(
        Resolver(policy=policy, cache=cache),
        Databases.open(DatabaseSource(WORLD / f"{name}.mmdb", name) for name in VOTERS),
        [ProxyList.open(ProxySource(WORLD / "proxies.txt", "proxies"))],
        overrides=Overrides.open(overrides),
        watch=WatchList.open(watch, networks),
    )
    return Places(locator)
