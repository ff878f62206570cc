"""Where databases are likely to be wrong: leased blocks and networks that the operator watches.

Whoever leases an address block out, or hides behind one leased, lets the registers say what suits
him; nothing public tells where such a block truly stands. So a place in it keeps its country, and
its confidence falls by one step (`locate`). A watch list is a text file, `#` begins a comment::

    built 2026-11-01T00:00:00Z
    asn 64500 leases-out
    range 198.51.100.0/24 leased

The word after it says why, and becomes evidence. Which network (ASN) announces an address is read
from an ASN database (MMDB), if one is configured; without one only ranges count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.addresses import effective
from node.jurisdiction.datafiles import DataFile, read_list, take_lines
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from pathlib import Path

    from node.jurisdiction.mmdb import Mmdb

_ASN = re.compile(r"(?:AS|as)?(\d{1,10})")
_MAX_ASN = (1 << 32) - 1
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


class WatchList:
    """One list in memory, and the ASN database that its `asn` entries need."""

    def __init__(self, file: DataFile | None = None, networks: Mmdb | None = None) -> None:
        self.file = file
        self.networks = networks
        self._asns: dict[int, str] = {}
        self._ranges: Prefixes[str] = Prefixes()

    @classmethod
    def open(cls, path: Path | None, networks: Mmdb | None) -> WatchList:
        """Read and check a list; without a path nothing is watched.

        Raises:
            DataFileError: missing, or a line that says nothing; the message has its number.
        """
        if path is None:
            return cls(None, networks)
        what = f"watch list {path.stem!r}"
        file, entries = read_list(path, path.stem, what)
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
        number = record.get("autonomous_system_number", record.get("asn"))
        found = _ASN.fullmatch(str(number))
        if found is None:
            return None
        named = record.get("autonomous_system_organization", record.get("name"))
        organisation = named if isinstance(named, str) and named else None
        file = self.networks.file
        return Announced(file.name, file.built_ms, prefix, int(found[1]), organisation)

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
            self._ranges.add(entry, reason)
            return
        found = _ASN.fullmatch(entry)
        if found is None or int(found[1]) > _MAX_ASN:
            raise ValueError
        self._asns[int(found[1])] = reason
