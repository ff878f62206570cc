"""A register that speaks RDAP on loopback, and a directory over a real store that may ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.asking.build import OpenDirectory, open_directory
from node.asking.https import Bounds
from node.config.places import HostersSection
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.watching import WatchList
from node.store.sqlite import Store
from tests.builders.authority import Authority, make_authority
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.empty import empty_store
from tests.builders.registers import Register, abuse, holder, network, write_bootstrap

KEY = bytes(range(32))
BOUNDS = Bounds(connect_s=20.0, total_s=20.0, body_bytes=1 << 16)
Opener = Callable[..., OpenDirectory]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a certificate for 127.0.0.1."""
    return make_authority(tmp_path)


@pytest.fixture
async def register(authority: Authority) -> AsyncIterator[Register]:
    """Give a register that knows Fast Hosting at 192.0.2.0/24 and 2001:db8::/32."""
    made = Register(authority)
    six = ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "NET-6")
    made.networks = [
        network("192.0.2.0", "192.0.2.255", "NET-1", holder(abuse())),
        network(*six, holder(abuse())),
    ]
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Give an empty store."""
    empty_store(tmp_path / "node.db", KEY)
    opened = Store.inline(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    yield opened
    await opened.close()


@pytest.fixture
def section(tmp_path: Path, register: Register) -> HostersSection:
    """Give a configuration that asks `register` about all of the documentation ranges."""
    ranges = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8")
    return HostersSection(
        rdap=True,
        rdap_ipv4=write_bootstrap(tmp_path / "ipv4.json", {one: [register.base] for one in ranges}),
        rdap_ipv6=write_bootstrap(tmp_path / "ipv6.json", {"2001:db8::/32": [register.base]}),
    )


@pytest.fixture
async def open_with(
    section: HostersSection, store: Store, authority: Authority
) -> AsyncIterator[Opener]:
    """Give `open_with(key=value, ...)`: a directory by `section` with these changes."""
    opened: list[OpenDirectory] = []

    def make(
        watch: WatchList | None = None, bounds: Bounds = BOUNDS, **changes: object
    ) -> OpenDirectory:
        made = open_directory(
            replace(section, **changes),  # type: ignore[arg-type]
            store.hosters,
            watch or WatchList(),
            AddressPolicy(allow_documentation_ranges=True),
            bounds=bounds,
            context=authority.client,
        )
        opened.append(made)
        return made

    yield make
    for one in opened:
        await one.close()
