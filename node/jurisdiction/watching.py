"""Where databases are likely to be wrong: leased blocks and networks that the operator watches.

Whoever leases an address block out, or hides behind one leased, lets the registers say what suits
him; nothing public tells where such a block truly stands. So a place in it keeps its country, and
its confidence falls by one step (`locate`). A watch list is a text file, `#` begins a comment::

    built 2026-11-01T00:00:00Z
    asn 64500 leases-out
    range 198.51.100.0/24 leased

The word after it says why, and becomes evidence. Which network (ASN) announces an address is read
from an ASN database (MMDB), if one is configured; without one only ranges count.

An anycast list names ranges that are announced from many places at once: an address in one stands
in no single country, whatever databases say (`locate`: disputed). It is a text file of prefixes,
one a line, as the public anycast censuses publish them, under the same first line::

    built 2026-11-01T00:00:00Z
    198.51.100.0/24
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.addresses import effective
from node.jurisdiction.datafiles import DataFile, read_list, take_lines
from node.jurisdiction.listed import ListedError, read_asn, read_range
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from pathlib import Path

    from node.jurisdiction.mmdb import Mmdb

ANYCAST = "anycast"
"""The reason that an entry of an anycast list gives."""
_WORDS_OF_ENTRY = 3


class Watched(NamedTuple):
    """What matched: the list, when it was built, its entry, and the word that says why."""

    list_name: str
    built_ms: int
    entry: str
    reason: str


class Announced(NamedTuple):
    """Which network announces an address, as one database says."""

    database: str
    built_ms: int
    prefix: str
    asn: int
    organisation: str | None


def names_network(record: object) -> bool:
    """Whether a record says which network (ASN) announces an address."""
    return isinstance(record, dict) and _asn(record) is not None


def _asn(record: dict[str, object]) -> int | None:
    number = record.get("autonomous_system_number", record.get("asn"))
    try:
        return read_asn(str(number))
    except ListedError:
        return None


class AnycastList:
    """Ranges that are announced from many places at once."""

    def __init__(self, file: DataFile) -> None:
        self.file = file
        self._ranges: Prefixes[None] = Prefixes()

    @classmethod
    def open(cls, path: Path, sha256: str | None = None) -> AnycastList:
        """Read and check a list.

        Raises:
            DataFileError: missing, not the one with this `sha256`, or a line that is no range; the
                message has its number.
        """
        what = f"anycast list {path.stem!r}"
        file, entries = read_list(path, path.stem, what, sha256)
        made = cls(file)
        take_lines(entries, made._add, what, "write one prefix a line, as 192.0.2.0/24")
        return made

    def holding(self, address: str) -> Watched | None:
        """Return the most specific range that holds `address`.

        Raises:
            ValueError: not an address.
        """
        found = self._ranges.get(address)
        return found and Watched(self.file.name, self.file.built_ms, found[0], ANYCAST)

    def _add(self, words: list[str]) -> None:
        (prefix,) = words
        self._ranges.add(read_range(prefix), None)


class WatchList:
    """One list in memory, the ASN database that `asn` entries need, and the anycast list."""

    def __init__(self, file: DataFile | None = None, networks: Mmdb | None = None) -> None:
        self.file = file
        self.networks = networks
        self.anycast: AnycastList | None = None
        self._asns: dict[int, str] = {}
        self._ranges: Prefixes[str] = Prefixes()

    @classmethod
    def open(cls, path: Path | None, networks: Mmdb | None, sha256: str | None = None) -> WatchList:
        """Read and check a list; without a path nothing is watched.

        Raises:
            DataFileError: missing, not the one with this `sha256`, or a line that says nothing; the
                message has its number.
        """
        if path is None:
            return cls(None, networks)
        what = f"watch list {path.stem!r}"
        file, entries = read_list(path, path.stem, what, sha256)
        made = cls(file, networks)
        take_lines(entries, made._add, what, "write `asn NUMBER WORD` or `range PREFIX WORD`")
        return made

    def announced(self, address: str) -> Announced | None:
        """Return which network announces `address`, if a database is here and says so.

        Raises:
            ValueError: not an address.
        """
        if self.networks is None:
            return None
        record, prefix = self.networks.get(effective(address))
        if not isinstance(record, dict):
            return None
        asn = _asn(record)
        if asn is None:
            return None
        named = record.get("autonomous_system_organization", record.get("name"))
        organisation = named if isinstance(named, str) and named else None
        file = self.networks.file
        return Announced(file.name, file.built_ms, prefix, asn, organisation)

    @property
    def asns(self) -> int:
        """How many entries need an ASN database."""
        return len(self._asns)

    def anycast_at(self, address: str) -> Watched | None:
        """Return the range of the anycast list that holds `address`, if a list is here.

        Raises:
            ValueError: not an address.
        """
        return None if self.anycast is None else self.anycast.holding(address)

    def watched(self, address: str, announced: Announced | None) -> tuple[Watched, ...]:
        """Return the entries that hold `address` or the network that announces it.

        Raises:
            ValueError: not an address.
        """
        if self.file is None:
            return ()
        found = []
        if announced is not None and (reason := self._asns.get(announced.asn)) is not None:
            found.append((f"asn {announced.asn}", reason))
        if (held := self._ranges.get(address)) is not None:
            found.append(held)
        return tuple(Watched(self.file.name, self.file.built_ms, *one) for one in found)

    def _add(self, words: list[str]) -> None:
        if len(words) != _WORDS_OF_ENTRY or words[0] not in {"asn", "range"}:
            raise ValueError
        kind, entry, reason = words
        if kind == "range":
            self._ranges.add(read_range(entry), reason)
        else:
            self._asns[read_asn(entry)] = reason
