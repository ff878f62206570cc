"""From the configuration to a locator: data files opened and checked, resolvers set.

`Jurisdiction.take_up` opens files that were replaced and puts them in the place of the old ones
between two decisions: nothing waits, and a file that cannot be used changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Databases
from node.jurisdiction.datafiles import DataFile, file_stamp
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.locate import Located, Locator
from node.jurisdiction.mmdb import DatabaseSource, Mmdb, open_mmdb
from node.jurisdiction.names import Resolver
from node.jurisdiction.overrides import Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.redirects import led_from, with_hops
from node.jurisdiction.status import DataAge, ages
from node.jurisdiction.watching import AnycastList, WatchList, names_network

if TYPE_CHECKING:
    from pathlib import Path

    from node.config.places import JurisdictionSection
    from node.jurisdiction.locations import Location
    from node.jurisdiction.origins import Origins
    from node.jurisdiction.redirects import Redirects

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(slots=True)
class Data:
    """All data files, open. `stamp` tells whether a file was replaced since."""

    stamp: Stamp
    databases: Databases
    proxies: tuple[ProxyList, ...]
    overrides: Overrides
    watch: WatchList

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files that grow old; overrides end one by one instead."""
        watch, networks, anycast = self.watch.file, self.watch.networks, self.watch.anycast
        return (
            *self.databases.files,
            *(() if networks is None else (networks.file,)),
            *(proxy.file for proxy in self.proxies),
            *(() if watch is None else (watch,)),
            *(() if anycast is None else (anycast.file,)),
        )

    @property
    def idle(self) -> tuple[tuple[str, int], ...]:
        """Lists with entries for networks that match nothing without an ASN database: how many."""
        if self.watch.networks is not None:
            return ()
        found = [(proxy.file.name, proxy.asns) for proxy in self.proxies]
        if self.watch.file is not None:
            found.append((self.watch.file.name, self.watch.asns))
        return tuple(one for one in found if one[1])

    def close(self) -> None:
        """Close all files."""
        self.databases.close()
        if self.watch.networks is not None:
            self.watch.networks.reader.close()


@dataclass(slots=True)
class Jurisdiction:
    """A locator and what it stands on."""

    locator: Locator
    resolver: Resolver
    data: Data
    section: JurisdictionSection
    origins: Origins | None = None
    redirects: Redirects | None = None

    @property
    def databases(self) -> Databases:
        """The voters."""
        return self.data.databases

    def ages(self, now_ms: int) -> tuple[DataAge, ...]:
        """Return how old each data file is."""
        return ages(self.data.files, now_ms, self.section.max_age_days)

    def is_behind(self, section: JurisdictionSection) -> bool:
        """Whether a data file was replaced, or the configuration names others, since they opened.

        Raises:
            DataFileError: one is missing.
        """
        return section != self.section or stamp(section) != self.data.stamp

    def take_up(self, data: Data, section: JurisdictionSection) -> None:
        """Judge by this data from now on; the resolvers stay what they were at the start."""
        before, self.data, self.section = self.data, data, section
        self.locator.use(data.databases, data.proxies, data.overrides, data.watch)
        before.close()

    async def look(self, location: Location, now_ms: int) -> tuple[Located, Location]:
        """Locate once; return the finding, and where it leads if redirects are followed."""
        if self.redirects is None:
            return await self.locator.locate(location, now_ms), location
        trail = await self.redirects.follow(location, now_ms)
        located = with_hops(await self.locator.locate(trail.last, now_ms), trail)
        first = await self.locator.locate(location, now_ms)
        return led_from(located, location, first, trail), trail.last

    async def close(self) -> None:
        """Close resolver and files, and what follows redirects."""
        if self.redirects is not None:
            await self.redirects.close()
        await self.resolver.close()
        self.data.close()


def stamp(section: JurisdictionSection) -> Stamp:
    """Return what the file system says of each data file.

    Raises:
        DataFileError: one is missing.
    """
    return tuple(file_stamp(path) for path in _paths(section))


def _paths(section: JurisdictionSection) -> list[Path]:
    lists = (
        section.asn_database,
        section.proxy_list,
        section.watch_list,
        section.anycast_list,
        section.overrides,
    )
    return [*(ref.path for ref in section.databases), *(path for path in lists if path is not None)]


def open_data(section: JurisdictionSection) -> Data:
    """Open and check all data files.

    Raises:
        DataFileError: one is missing, damaged or not the one that was pinned.
    """
    before = stamp(section)
    proxies: tuple[ProxyList, ...] = ()
    if section.proxy_list is not None:
        path, sha256 = section.proxy_list, section.proxy_list_sha256
        proxies = (ProxyList.open(ProxySource(path, path.stem, sha256)),)
    overrides = Overrides()
    if section.overrides is not None:
        overrides = Overrides.open(section.overrides, section.overrides_sha256)
    watch = WatchList.open(section.watch_list, None, section.watch_list_sha256)
    if section.anycast_list is not None:
        watch.anycast = AnycastList.open(section.anycast_list, section.anycast_list_sha256)
    databases = Databases.open(
        DatabaseSource(ref.path, ref.name, ref.sha256) for ref in section.databases
    )
    if section.asn_database is not None:
        try:
            watch.networks = _networks(section.asn_database, section.asn_database_sha256)
        except DataFileError:
            databases.close()
            raise
    return Data(before, databases, proxies, overrides, watch)


def _networks(path: Path, sha256: str | None) -> Mmdb:
    opened = open_mmdb(DatabaseSource(path, path.stem, sha256))
    if opened.is_of_others(names_network):
        opened.reader.close()
        raise DataFileError(
            f"jurisdiction data {path.stem!r}: names no network (ASN) anywhere; "
            "set asn_database to a database of networks"
        )
    return opened


def open_jurisdiction(config: JurisdictionSection, origins: Origins | None = None) -> Jurisdiction:
    """Open everything that locating needs; `origins`: what proxies said of whom they hide.

    Raises:
        DataFileError: a data file is missing, damaged or not the one that was pinned.
        ServerAddressError: a resolver is not an address.
    """
    data = open_data(config)
    resolver = Resolver(
        config.resolvers,
        timeout_s=config.dns_timeout_ms / 1000,
        policy=AddressPolicy(allow_documentation_ranges=config.allow_documentation_ranges),
    )
    locator = Locator(
        resolver,
        data.databases,
        data.proxies,
        overrides=data.overrides,
        watch=data.watch,
        origins=origins,
        absent_looks=config.absent_looks,
    )
    return Jurisdiction(locator, resolver, data, config, origins)
