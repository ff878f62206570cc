"""Files in which providers say where their addresses stand, read as hostile input.

========  ==========================================================================
`format`   what it is
========  ==========================================================================
geofeed    RFC 8805: `prefix,country,region,city,postal` a line, `#` begins a comment
aws        `ip-ranges.json`
google     `cloud.json`
azure      `ServiceTags_*.json`
oracle     `public_ip_ranges.json`
========  ==========================================================================

Rules upheld:

* What is not in one country counts for nothing: global services, anycast (content delivery, global
  accelerators), local zones of AWS (some stand in another country than their region), regions that
  the tables do not know. A prefix that the file puts in two places counts for nothing either.
* Special, internal and absurdly wide ranges are refused, and so are lines that say nothing. They
  are counted, the rest of the file stands (RFC 8805 section 2.1.1).
* A file that is not of its format is refused whole; the message names the field, never a value.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple, TypeVar

import msgspec

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.codes import read_country
from node.jurisdiction.listed import WIDEST
from node.jurisdiction.prefixes import Prefixes

MAX_BYTES: Final = 64 << 20
MAX_PREFIXES: Final = 500_000
_MAX_LINE: Final = 1000
_EVERYWHERE: Final = frozenset({"CLOUDFRONT", "CLOUDFRONT_ORIGIN_FACING", "GLOBALACCELERATOR"})

T = TypeVar("T")
Told = tuple[str, str | None]
"""A prefix as it stands there, and its region or country; None: in no one country."""


class PublishedFileError(Exception):
    """A file or description cannot be used; the message says which and what to mend."""


class Published(NamedTuple):
    """What one file says.

    `places` has every prefix, also those in no one country (None): they hide wider ones. `placed`
    are the others, sorted. `unplaced`, `contradicted` and `refused` count what was left out, and
    `unknown_regions` are regions that the tables do not know.
    """

    places: Prefixes[str | None]
    placed: tuple[str, ...]
    unplaced: int
    contradicted: int
    refused: int
    unknown_regions: tuple[str, ...]


class _AwsRange(msgspec.Struct):
    region: str
    service: str
    network_border_group: str
    ip_prefix: str = ""
    ipv6_prefix: str = ""


class _Aws(msgspec.Struct):
    prefixes: list[_AwsRange]
    ipv6_prefixes: list[_AwsRange]


class _GoogleRange(msgspec.Struct):
    scope: str
    ipv4Prefix: str = ""  # noqa: N815 -- the names are theirs
    ipv6Prefix: str = ""  # noqa: N815 -- the names are theirs


class _Google(msgspec.Struct):
    prefixes: list[_GoogleRange]


class _AzureRanges(msgspec.Struct):
    region: str
    addressPrefixes: list[str]  # noqa: N815 -- the names are theirs


class _AzureTag(msgspec.Struct):
    name: str
    properties: _AzureRanges


class _Azure(msgspec.Struct):
    values: list[_AzureTag]


class _OracleRange(msgspec.Struct):
    cidr: str


class _OracleRegion(msgspec.Struct):
    region: str
    cidrs: list[_OracleRange]


class _Oracle(msgspec.Struct):
    regions: list[_OracleRegion]


def read(
    raw: bytes, form: str, regions: Mapping[str, str], *, policy: AddressPolicy | None = None
) -> Published:
    """Read a file of a provider.

    Args:
        raw: the file.
        form: its format, one of `FORMATS`.
        regions: country by name of region; not asked for a geofeed, which names countries.
        policy: which addresses count as public.

    Raises:
        PublishedFileError: it is not of its format, or too large.
    """
    if len(raw) > MAX_BYTES:
        raise PublishedFileError(f"is larger than {MAX_BYTES >> 20} MiB")
    reading = _Reading(policy or AddressPolicy())
    for prefix, where in FORMATS[form](raw, reading):
        country = where
        if form != "geofeed" and where is not None:
            country = regions.get(where)
            if country is None:
                reading.unknown.add(where)
        reading.take(prefix, country)
    return reading.done()


class _Reading:
    """What was taken of a file so far."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._found: dict[IPv4Network | IPv6Network, str | None] = {}
        self._contradicted: set[IPv4Network | IPv6Network] = set()
        self.refused = 0
        self.unknown: set[str] = set()

    def take(self, prefix: str, country: str | None) -> None:
        network = self._public(prefix)
        if network is None:
            self.refused += 1
            return
        before = self._found.setdefault(network, country)
        if country is None:
            self._found[network] = None
        elif before not in {None, country}:
            self._contradicted.add(network)
        if len(self._found) > MAX_PREFIXES:
            raise PublishedFileError(f"names more than {MAX_PREFIXES} prefixes")

    def _public(self, prefix: str) -> IPv4Network | IPv6Network | None:
        try:
            network = ip_network(prefix)
        except ValueError:
            return None
        ends = (str(network[0]), str(network[-1]))
        if network.prefixlen < WIDEST[network.version] or any(map(self._policy.refused, ends)):
            return None
        return network

    def done(self) -> Published:
        places: Prefixes[str | None] = Prefixes()
        placed = []
        for network, country in self._found.items():
            sure = None if network in self._contradicted else country
            spelt = places.add(str(network), sure)
            if sure is not None:
                placed.append(spelt)
        against = self._contradicted
        return Published(
            places=places,
            placed=tuple(sorted(placed)),
            unplaced=len(self._found) - len(placed) - len(against),
            contradicted=len(against),
            refused=self.refused,
            unknown_regions=tuple(sorted(self.unknown)),
        )


def _geofeed(raw: bytes, reading: _Reading) -> Iterator[Told]:
    """Yield the lines of a geofeed; a country that is left out means "do not locate"."""
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise PublishedFileError("is not UTF-8 text") from None
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        words = next(csv.reader([text[:_MAX_LINE]]), [])
        country = read_country(words[1]) if len(words) > 1 else None
        if country is None and (len(words) < 2 or words[1].strip()):  # noqa: PLR2004 -- RFC 8805
            reading.refused += 1
            continue
        yield words[0].strip(), country


def _aws(raw: bytes, _: _Reading) -> Iterator[Told]:
    found = _decode(raw, _Aws)
    for one in (*found.prefixes, *found.ipv6_prefixes):
        settled = one.network_border_group == one.region and one.region != "GLOBAL"
        where = one.region if settled and one.service not in _EVERYWHERE else None
        yield one.ip_prefix or one.ipv6_prefix, where


def _google(raw: bytes, _: _Reading) -> Iterator[Told]:
    for one in _decode(raw, _Google).prefixes:
        yield one.ipv4Prefix or one.ipv6Prefix, None if one.scope == "global" else one.scope


def _azure(raw: bytes, _: _Reading) -> Iterator[Told]:
    """Yield the regions of the whole cloud; tags of single services repeat parts of them."""
    for tag in _decode(raw, _Azure).values:
        if tag.name.startswith("AzureCloud."):
            for prefix in tag.properties.addressPrefixes:
                yield prefix, tag.properties.region or None


def _oracle(raw: bytes, _: _Reading) -> Iterator[Told]:
    for region in _decode(raw, _Oracle).regions:
        for one in region.cidrs:
            yield one.cidr, region.region


def _decode(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise PublishedFileError(f"is not of its format: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise PublishedFileError("is not JSON") from None


FORMATS: Final[Mapping[str, Callable[[bytes, _Reading], Iterator[Told]]]] = {
    "geofeed": _geofeed,
    "aws": _aws,
    "google": _google,
    "azure": _azure,
    "oracle": _oracle,
}
