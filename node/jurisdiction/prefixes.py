"""Values by address range, the most specific range first. Pure; built once, then only asked."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Generic, TypeVar

from node.jurisdiction.addresses import effective

V = TypeVar("V")


class Prefixes(Generic[V]):
    """A map from ranges to values. IPv4 inside IPv6 is looked up as IPv4."""

    def __init__(self) -> None:
        self._ranges: dict[tuple[int, int], dict[int, tuple[str, V]]] = {}
        self._lengths: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self._ranges.values()))

    def add(self, prefix: str, value: V) -> str:
        """Add a range, replacing what it had; return its plain spelling.

        Raises:
            ValueError: not a range, or with bits set beyond its length.
        """
        network = ip_network(prefix)
        bits = network.max_prefixlen
        key = (network.prefixlen, bits)
        first = int(network.network_address) >> (bits - network.prefixlen)
        self._ranges.setdefault(key, {})[first] = (str(network), value)
        self._lengths = tuple(sorted(self._ranges, reverse=True))
        return str(network)

    def values(self) -> Iterator[V]:
        """Yield all values."""
        return (value for those in self._ranges.values() for _, value in those.values())

    def get(self, address: str) -> tuple[str, V] | None:
        """Return the most specific range that holds `address`, with its value.

        Raises:
            ValueError: not an address.
        """
        return next(self.holding(address), None)

    def holding(self, address: str) -> Iterator[tuple[str, V]]:
        """Yield the ranges that hold `address` with their values, the most specific first.

        Raises:
            ValueError: not an address.
        """
        reached: IPv4Address | IPv6Address = effective(address)
        bits, value = reached.max_prefixlen, int(reached)
        for length, width in self._lengths:
            if width == bits:
                found = self._ranges[length, width].get(value >> (bits - length))
                if found is not None:
                    yield found
