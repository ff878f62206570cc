"""The map of the synthetic world: which documentation prefix lies where, in three databases' eyes.

Only documentation ranges are used (RFC 5737, RFC 3849). `PLACES` says for each prefix where it
truly is and what each of the three databases answers: mostly they agree, sometimes one differs
(a majority), sometimes all differ (disputed), sometimes one is silent or writes an odd code. The
files made from it stand in `examples/world/`; make them anew with

    python examples/demo/places.py examples/world

Each database has another record form in use: `{"country": {"iso_code": "NL"}}`,
`{"country_code": "NL"}`, `{"country": "NL"}`. The bytes depend on nothing but this module.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

BUILT_S = {"alpha": 1_793_491_200, "beta": 1_792_800_000, "gamma": 1_790_812_800}
"""When each database says that it was built: 1 November, 24 October, 1 October 2026."""

PROXY_BUILT = "2026-11-01T00:00:00Z"
PROVIDER = "veil-cdn"
PROXY_RANGES = ("198.51.100.128/26", "2001:db8:6::/48")
PROXY_SUFFIX = "edge.veil-cdn.example"


class Place(NamedTuple):
    """A prefix, the key that sites use to be there, and the answers of the three databases."""

    key: str
    prefix: str
    alpha: str | None
    beta: str | None
    gamma: str | None


def _agreed(key: str, prefix: str, country: str) -> Place:
    return Place(key, prefix, country, country, country)


PLACES = (
    _agreed("NL", "192.0.2.0/26", "NL"),
    _agreed("DE", "192.0.2.64/26", "DE"),
    _agreed("GB", "192.0.2.128/26", "GB"),
    _agreed("FR", "192.0.2.192/26", "FR"),
    _agreed("US", "198.51.100.0/27", "US"),
    _agreed("CA", "198.51.100.32/27", "CA"),
    _agreed("BR", "198.51.100.64/28", "BR"),
    Place("GB-odd", "198.51.100.80/28", "GB", "UK", "GB"),
    Place("NL-most", "198.51.100.96/27", "NL", "NL", "DE"),
    _agreed("veiled", "198.51.100.128/26", "US"),
    Place("quarrel", "198.51.100.192/28", "NL", "DE", "FR"),
    Place("DE-two", "198.51.100.208/28", "DE", "EU", "DE"),
    Place("FR-lone", "198.51.100.224/28", "FR", None, None),
    Place("nobody", "198.51.100.240/28", None, None, None),
    _agreed("NL-2", "203.0.113.0/26", "NL"),
    _agreed("DE-2", "203.0.113.64/26", "DE"),
    _agreed("GB-2", "203.0.113.128/27", "GB"),
    _agreed("FR-2", "203.0.113.160/27", "FR"),
    Place("GR-odd", "203.0.113.192/28", "GR", "EL", "GR"),
    _agreed("NL-6", "2001:db8:1::/48", "NL"),
    _agreed("DE-6", "2001:db8:2::/48", "DE"),
    _agreed("GB-6", "2001:db8:3::/48", "GB"),
    _agreed("FR-6", "2001:db8:4::/48", "FR"),
    _agreed("US-6", "2001:db8:5::/48", "US"),
    _agreed("veiled-6", "2001:db8:6::/48", "US"),
    Place("DE-most-6", "2001:db8:7::/48", "NL", "DE", "DE"),
)
BY_KEY = {place.key: place for place in PLACES}

_FORMS: dict[str, Callable[[str], Any]] = {
    "alpha": lambda code: {"country": {"iso_code": code}},
    "beta": lambda code: {"country_code": code},
    "gamma": lambda code: {"country": code},
}


def address(key: str, number: int) -> str:
    """Return the `number`th usable address of a place, going round if there are fewer."""
    network = ipaddress.ip_network(BY_KEY[key].prefix)
    usable = min(network.num_addresses - 2, 4096)
    return str(network[1 + number % usable])


def proxy_list() -> str:
    """Return the text of the proxy list."""
    ranges = (f"range {prefix} {PROVIDER}" for prefix in PROXY_RANGES)
    lines = (
        "# Proxies of the synthetic world",
        f"built {PROXY_BUILT}",
        *ranges,
        f"suffix {PROXY_SUFFIX} {PROVIDER}",
    )
    return "\n".join(lines) + "\n"


def write_database(path: Path, name: str) -> None:
    """Write the database `name` (alpha, beta, gamma) as an MMDB file."""
    from mmdb_writer import MMDBWriter  # noqa: PLC0415 -- a tool for making, not for running
    from netaddr import IPSet  # type: ignore[import-untyped]  # noqa: PLC0415 -- as above

    class Writer(MMDBWriter):
        """As the library's, with a fixed build date."""

        def _build_meta(self) -> dict[str, Any]:
            return {**super()._build_meta(), "build_epoch": BUILT_S[name]}

    writer = Writer(
        ip_version=6,
        ipv4_compatible=True,
        database_type=f"Synthetic-{name}-Country",
        languages=["en"],
        description={"en": "Synthetic countries of documentation ranges"},
    )
    for place in PLACES:
        code = getattr(place, name)
        if code is not None:
            writer.insert_network(IPSet([place.prefix]), _FORMS[name](code))
    writer.to_db_file(str(path))


def main() -> None:
    """Write all files into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in BUILT_S:
        write_database(folder / f"{name}.mmdb", name)
    (folder / "proxies.txt").write_text(proxy_list(), encoding="utf-8")


if __name__ == "__main__":
    main()
