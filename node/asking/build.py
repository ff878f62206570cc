"""From the configuration to a directory of hosters: files opened and checked, registers set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from keys.unlock import Unlock
from node.asking.https import Bounds, Https, Pauses
from node.asking.origins import OriginApi, OriginAsker, OriginStore
from node.asking.rdap import Rdap
from node.asking.redirects import RedirectFollower
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.build import Jurisdiction, open_jurisdiction
from node.jurisdiction.directory import DAY_MS, HOUR_MS, Directory, HosterStore, Terms
from node.jurisdiction.hosters import Hosters
from node.jurisdiction.origins import Origins
from node.jurisdiction.rdap import Bootstrap, origin

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from node.config import Config
    from node.config.places import HostersSection
    from node.jurisdiction.watching import WatchList


class Book(HosterStore, Pauses, Protocol):
    """What the store must keep."""


def open_places(config: Config) -> Jurisdiction:
    """Open everything that locating needs, with what asks proxies and sites, if that is allowed.

    Raises:
        JurisdictionError: a data file or resolver cannot be used.
    """
    providers = [one.provider for one in config.hosters.origins]
    origins = Origins(providers) if providers else None
    jurisdiction = open_jurisdiction(config.jurisdiction, origins)
    if config.jurisdiction.follow_redirects:
        jurisdiction.redirects = RedirectFollower(jurisdiction.resolver)
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
    https = Https(lambda server: server in allowed, bounds, context, book)
    registers = Rdap(bootstrap, https)
    made = Directory(book, hosters, watch, terms, registers=registers, policy=policy)
    return OpenDirectory(made, https)
