"""From the configuration to a directory of hosters: files opened and checked, registers set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from keys.unlock import Unlock
from node.asking.contacts import ContactFinder, SoughtStore, keep_finding
from node.asking.https import Bounds, Https, Pauses
from node.asking.origins import OriginApi, OriginAsker, OriginStore, keep_asking
from node.asking.rdap import AT_ONE_REGISTER, Rdap
from node.asking.redirects import RedirectFollower
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.build import Jurisdiction, open_jurisdiction
from node.jurisdiction.datafiles import file_stamp
from node.jurisdiction.directory import DAY_MS, HOUR_MS, Directory, HosterStore, Terms
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.hosters import Hosters
from node.jurisdiction.origins import Origins
from node.jurisdiction.rdap import Bootstrap, origin

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Collection
    from pathlib import Path

    from node.config import Config
    from node.config.places import HostersSection
    from node.jurisdiction.watching import WatchList


class Books(Protocol):
    """What the store must keep for those who ask by themselves."""

    @property
    def origins(self) -> OriginStore:
        """Questions to proxies."""
        ...

    @property
    def hosters(self) -> SeekingBook:
        """Hosters, and those who are looked for."""
        ...


class Book(HosterStore, Pauses, Protocol):
    """What the store must keep."""


class SeekingBook(Book, Protocol):
    """The same, with what is looked for."""

    @property
    def sought(self) -> SoughtStore:
        """Who is looked for."""
        ...


def open_places(config: Config) -> Jurisdiction:
    """Open everything that locating needs, with what asks proxies and sites, if that is allowed.

    Raises:
        JurisdictionError: a data file or resolver cannot be used.
    """
    providers = [one.provider for one in config.hosters.origins]
    origins = Origins(providers, deadline_ms=config.hosters.origin_hours * HOUR_MS)
    jurisdiction = open_jurisdiction(config.jurisdiction, origins)
    if config.jurisdiction.follow_redirects:
        jurisdiction.redirects = RedirectFollower(
            jurisdiction.resolver,
            ports=config.jurisdiction.redirect_ports,
            own=config.jurisdiction.own_ranges,
        )
    return jurisdiction


def open_origins(
    section: HostersSection,
    origins: Origins,
    store: OriginStore,
    policy: AddressPolicy,
    forget: Callable[[str], None],
    *,
    bounds: Bounds | None = None,
    context: ssl.SSLContext | None = None,
) -> OriginAsker:
    """Make what asks the proxies of a configuration; none of them may redirect.

    Raises:
        KeysError: a secret header cannot be had.
    """
    apis = [
        OriginApi(one.provider, one.url, {name: _secret(ref) for name, ref in one.headers})
        for one in section.origins
    ]
    allowed = {origin(one.url) for one in section.origins}
    bounds = replace(bounds or Bounds(), hops=0)
    https = Https(lambda server: server in allowed, bounds, context)
    keep_ms = section.origin_days * DAY_MS
    return OriginAsker(origins, apis, https, store, policy, keep_ms, forget)


@dataclass(slots=True)
class Asking:
    """Whom a running node asks by itself: proxies for origins, registers for contacts."""

    asker: OriginAsker | None = None
    finder: ContactFinder | None = None
    opened: OpenDirectory | None = None

    def steps(self, clock: Callable[[], int]) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Return the steps of its loops with their names."""
        found = []
        if self.asker is not None:
            found.append(("origins", keep_asking(self.asker, clock)))
        if self.finder is not None:
            found.append(("contacts", keep_finding(self.finder, clock)))
        return found

    async def close(self) -> None:
        """Close what is open."""
        for one in (self.asker, self.opened):
            if one is not None:
                await one.close()


def open_asking(
    config: Config,
    store: Books,
    jurisdiction: Jurisdiction,
    on_told: Callable[[Collection[str]], Awaitable[None]],
) -> Asking:
    """Make what asks by itself, as far as a configuration allows it.

    `on_told` is called with the hosts of which a person recorded where they stand.

    Raises:
        DataFileError: a file of hosters or registers cannot be used.
        KeysError: a secret header cannot be had.
    """
    section, made = config.hosters, Asking()
    policy = jurisdiction.resolver.policy
    if jurisdiction.origins is not None:
        forget = jurisdiction.locator.forget
        made.asker = open_origins(section, jurisdiction.origins, store.origins, policy, forget)
        made.asker.on_told = on_told
    if section.rdap and section.rdap_a_day:
        made.opened = open_directory(section, store.hosters, jurisdiction.data.watch, policy)
        made.finder = finder_of(section, store.hosters.sought, made.opened, jurisdiction)
    return made


def finder_of(
    section: HostersSection, sought: SoughtStore, opened: OpenDirectory, jurisdiction: Jurisdiction
) -> ContactFinder:
    """Make what looks contacts up, by the data files that are in use at each time."""
    own = OwnHosters(section.file)

    def refresh() -> None:
        opened.directory.use(own.now(), jurisdiction.data.watch)

    return ContactFinder(sought, opened.directory, refresh, section.rdap_a_day)


class OwnHosters:
    """The operator's file of hosters as it stands; one that cannot be used changes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._hosters = Hosters() if path is None else Hosters.open(path)
        self._stamp = None if path is None else file_stamp(path)

    def now(self) -> Hosters:
        """Return what the file says, read again if it was replaced."""
        if self._path is not None:
            try:
                stamp = file_stamp(self._path)
                if stamp != self._stamp:
                    self._hosters, self._stamp = Hosters.open(self._path), stamp
            except DataFileError:
                pass  # `hotline doctor` tells
        return self._hosters


def _secret(reference: str) -> str:
    return Unlock.from_config(reference, name="hosters.origins").pin()


@dataclass(slots=True)
class OpenDirectory:
    """A directory and the connections that it asks by."""

    directory: Directory
    https: Https | None

    async def close(self) -> None:
        """Close what is open."""
        if self.https is not None:
            await self.https.close()


def open_directory(
    section: HostersSection,
    book: Book,
    watch: WatchList,
    policy: AddressPolicy,
    *,
    bounds: Bounds | None = None,
    context: ssl.SSLContext | None = None,
) -> OpenDirectory:
    """Make the directory of a configuration; registers are asked only if it says so.

    Raises:
        DataFileError: a file is missing or not what it should be.
    """
    hosters = Hosters() if section.file is None else Hosters.open(section.file)
    terms = Terms(section.keep_days * DAY_MS, section.verify_hours * HOUR_MS)
    if not section.rdap:
        return OpenDirectory(Directory(book, hosters, watch, terms, policy=policy), None)
    paths = (section.rdap_ipv4, section.rdap_ipv6)
    bootstrap = Bootstrap.open([path for path in paths if path is not None])
    allowed = bootstrap.everybody() | {origin(server) for server in section.rdap_servers}
    https = Https(
        lambda server: server in allowed, bounds, context, book, at_one_server=AT_ONE_REGISTER
    )
    registers = Rdap(bootstrap, https)
    made = Directory(book, hosters, watch, terms, registers=registers, policy=policy)
    return OpenDirectory(made, https)
