"""From the configuration to a locator: data files opened and checked, resolvers set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.locate import Locator
from node.jurisdiction.names import Resolver
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.status import DataAge, ages

if TYPE_CHECKING:
    from node.config.sections import JurisdictionSection


@dataclass(slots=True)
class Jurisdiction:
    """A locator and what it stands on."""

    locator: Locator
    resolver: Resolver
    databases: Databases
    proxies: tuple[ProxyList, ...]
    max_age_days: int

    def ages(self, now_ms: int) -> tuple[DataAge, ...]:
        """Return how old each data file is."""
        files = (*self.databases.files, *(proxy.file for proxy in self.proxies))
        return ages(files, now_ms, self.max_age_days)

    async def close(self) -> None:
        """Close resolver and files."""
        await self.resolver.close()
        self.databases.close()


def open_jurisdiction(config: JurisdictionSection) -> Jurisdiction:
    """Open everything that locating needs.

    Raises:
        DataFileError: a data file is missing, damaged or not the one that was pinned.
        ServerAddressError: a resolver is not an address.
    """
    databases = Databases.open(
        DatabaseSource(ref.path, ref.name, ref.sha256) for ref in config.databases
    )
    proxies: tuple[ProxyList, ...] = ()
    if config.proxy_list is not None:
        proxies = (ProxyList.open(ProxySource(config.proxy_list, config.proxy_list.stem)),)
    resolver = Resolver(
        config.resolvers,
        timeout_s=config.dns_timeout_ms / 1000,
        policy=AddressPolicy(allow_documentation_ranges=config.allow_documentation_ranges),
    )
    locator = Locator(resolver, databases, proxies, absent_looks=config.absent_looks)
    return Jurisdiction(locator, resolver, databases, proxies, config.max_age_days)
