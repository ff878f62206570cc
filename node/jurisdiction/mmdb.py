"""MMDB files: opened as what was configured, and asked for one address.

A file is read whole when it is opened, and the bytes that were hashed are those that answer: were
it mapped, whoever writes into it (`cp`, `rsync --inplace`) would end the process with SIGBUS, or
have it answer by other data under the old sha256.

A record that cannot be read is no answer: a damaged file must not hold up intake; `doctor` looks
for such records and names the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from operator import index
from pathlib import Path
from typing import NamedTuple

import maxminddb

from node.jurisdiction.datafiles import DataFile, read_whole
from node.jurisdiction.errors import DataFileError

_DAMAGES = (
    maxminddb.InvalidDatabaseError, ArithmeticError, AttributeError, LookupError, RecursionError,
    TypeError, ValueError, struct.error,
)  # fmt: skip
"""What the reader ends in on a damaged file: it unpacks what stands there."""


_YEAR_10000_MS = 253_402_300_800_000


class DatabaseSource(NamedTuple):
    """A configured MMDB file; `sha256` in hex, None to trust whatever stands at `path`."""

    path: Path
    name: str
    sha256: str | None = None


class Mmdb(NamedTuple):
    """One open file, in memory."""

    file: DataFile
    reader: maxminddb.Reader
    has_ipv6: bool

    def get(self, address: IPv4Address | IPv6Address) -> tuple[object, str]:
        """Return the record for `address` and its prefix; None and "" if there is none to read."""
        if address.version != 4 and not self.has_ipv6:  # noqa: PLR2004 -- IPv4
            return None, ""
        try:
            record, length = self.reader.get_with_prefix_len(address)
        except _DAMAGES:
            return None, ""
        return record, _prefix(address, length)

    def is_whole(self) -> bool:
        """Whether records everywhere can be read.

        It is a sample: a walk would never end in a tree that leads back into itself.
        """
        try:
            for address in _everywhere(with_ipv6=self.has_ipv6):
                self.reader.get(address)
        except _DAMAGES:
            return False
        return True

    def is_of_others(self, names: Callable[[object], bool]) -> bool:
        """Whether there are records in the same sample, and none in which `names` finds its thing.

        A file of countries in the place of one of networks opens, and would never answer.
        """
        found = False
        for address in _everywhere(with_ipv6=self.has_ipv6):
            record, _ = self.get(ip_address(address))
            if record is not None and names(record):
                return False
            found |= record is not None
        return found


def open_mmdb(source: DatabaseSource) -> Mmdb:
    """Open and check one file.

    Raises:
        DataFileError: missing, damaged, not an MMDB, or not the configured one.
    """
    whole, sha256 = read_whole(source.path, source.name, source.sha256)
    try:
        # The reader in C is eight times as fast, and on a damaged file it touches memory that is
        # not its own (`make fuzz ONLY=country_database`). Each address is looked up once.
        reader = maxminddb.open_database(whole, maxminddb.MODE_FD)
        metadata = reader.metadata()
        built_ms = index(metadata.build_epoch) * 1000
        _check_shown(built_ms)
    except _DAMAGES:
        raise DataFileError(
            f"jurisdiction data {source.name!r}: is not a readable MMDB file; get it again"
        ) from None
    file = DataFile(source.name, str(source.path), sha256, built_ms)
    return Mmdb(file, reader, metadata.ip_version != 4)  # noqa: PLR2004 -- IPv4


def _check_shown(built_ms: int) -> None:
    """Refuse a time that no calendar has: nothing could show it."""
    if not 0 <= built_ms < _YEAR_10000_MS:
        raise ValueError


def _everywhere(*, with_ipv6: bool) -> Iterator[str]:
    """Yield an address of each IPv4 /12 and, if asked, of each IPv6 /12 in use."""
    yield from (f"{first}.{second}.2.1" for first in range(256) for second in range(0, 256, 16))
    if with_ipv6:
        yield from (f"{first:x}::1" for first in range(0x2000, 0x4000, 16))


def _prefix(address: IPv4Address | IPv6Address, length: int) -> str:
    """Return the network of `length` bits around `address`; `ip_network` would be far slower."""
    spare = address.max_prefixlen - length
    return f"{type(address)(int(address) >> spare << spare)}/{length}"
