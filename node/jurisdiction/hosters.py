"""Hosters that people of this hotline know better than registers: a TOML file that they keep.

Each entry is signed by its author's pseudonym and ends by itself (ADR 0027)::

    [[hoster]]
    id = "fast-hosting"
    name = "Fast Hosting B.V."
    handle = "ORG-FH1-RIPE"              # of the register: this entry stands for that entity
    ranges = ["192.0.2.0/24"]            # and for whatever stands in these ranges,
    asns = [64500]                       # or in these networks
    reseller_of = "big-carrier"          # id of the hoster whose machines it rents
    contacts = ["abuse@fast.example", "https://fast.example/abuse"]
    author = "analyst-7"
    reason = "told us on the telephone, note 12"
    expires = 2026-12-31T00:00:00Z

`handle`, `ranges`, `asns`, `reseller_of` and `contacts` may be left out. The most specific range
wins, then the network, then the handle. Its contacts wait for a second person like any other: who
wrote them down may have mistyped. A chain of resellers that leads back into itself is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.contacts import MAX_CONTACTS, read_contact
from node.jurisdiction.entries import SIGNED, Entry, read_entries
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from node.jurisdiction.datafiles import DataFile

NAME = "hosters"
HANDLE = re.compile(r"(?!own:)[A-Za-z0-9](?: ?[A-Za-z0-9._:/-]){0,127}")
"""What a handle of a register looks like; it becomes a task's subject, and people type it.

RFC 9083 leaves it open. Organisations have words (`ORG-FH1-RIPE`, in Brazil a number with a slash);
networks have one at ARIN alone, elsewhere their range: `192.0.2.0 - 192.0.2.255`, `2001:db8::/32`.
"""
MAX_CHAIN = 8
_MAY = frozenset({"handle", "ranges", "asns", "reseller_of", "contacts"})
_MUST = SIGNED | {"name"}
_MAX_ASN = (1 << 32) - 1


class Known(NamedTuple):
    """One entry; `expires_ms` (UTC) is its end."""

    id: str
    name: str
    handle: str | None
    ranges: tuple[str, ...]
    asns: tuple[int, ...]
    reseller_of: str | None
    contacts: tuple[str, ...]
    author: str
    reason: str
    expires_ms: int

    @property
    def key(self) -> str:
        """The handle under which it is kept, apart from all handles of registers."""
        return f"own:{self.id}"


class Hosters:
    """The entries of one file; those that are over are kept to be shown, and never found."""

    def __init__(self, entries: tuple[Known, ...] = (), file: DataFile | None = None) -> None:
        self.entries = entries
        self.file = file
        self._by_id = {one.id: one for one in entries}
        self._handles: dict[str, list[Known]] = {}
        self._asns: dict[int, list[Known]] = {}
        self._ranges: Prefixes[list[Known]] = Prefixes()
        by_range: dict[str, list[Known]] = {}
        for one in entries:
            if one.handle is not None:
                self._handles.setdefault(one.handle, []).append(one)
            for asn in one.asns:
                self._asns.setdefault(asn, []).append(one)
            for prefix in one.ranges:
                by_range.setdefault(prefix, []).append(one)
        for prefix, those in by_range.items():
            self._ranges.add(prefix, those)

    @classmethod
    def open(cls, path: Path) -> Hosters:
        """Read and check a file.

        Raises:
            DataFileError: it is missing, not TOML, an entry is incomplete, or resellers name
                each other in a ring or somebody who is not there.
        """
        made = cls(*read_entries(path, NAME, "hoster", _entry))
        for number, one in enumerate(made.entries, start=1):
            made._check_chain(one, number)
        return made

    def at(self, address: str, asn: int | None, now_ms: int) -> Known | None:
        """Return the entry in force for the most specific range of `address`, else for its network.

        Raises:
            ValueError: not an address.
        """
        found = (_in_force(those, now_ms) for _, those in self._ranges.holding(address))
        by_range = next((one for one in found if one is not None), None)
        if by_range is not None or asn is None:
            return by_range
        return _in_force(self._asns.get(asn, ()), now_ms)

    def named(self, handle: str, now_ms: int) -> Known | None:
        """Return the entry in force that stands for an entity of a register."""
        return _in_force(self._handles.get(handle, ()), now_ms)

    def chain(self, known: Known) -> tuple[Known, ...]:
        """Return whose machines it rents, the nearest first."""
        found: list[Known] = []
        while known.reseller_of is not None and len(found) < MAX_CHAIN:
            known = self._by_id[known.reseller_of]
            found.append(known)
        return tuple(found)

    def _check_chain(self, known: Known, number: int) -> None:
        seen = {known.id}
        at = known
        while at.reseller_of is not None:
            above = self._by_id.get(at.reseller_of)
            if above is None or above.id in seen or len(seen) > MAX_CHAIN:
                raise DataFileError(
                    f"{NAME}, entry {number}: reseller_of: write the id of another entry;"
                    f" no rings, at most {MAX_CHAIN} above each other"
                )
            seen.add(above.id)
            at = above


def _in_force(those: Iterable[Known], now_ms: int) -> Known | None:
    last = max(those, key=lambda one: one.expires_ms, default=None)
    return last if last is not None and now_ms < last.expires_ms else None


def _entry(entry: Entry) -> Known:
    """Read one table."""
    raw = entry.raw
    if raw.keys() - _MUST - _MAY or _MUST - raw.keys():
        entry.wrong(
            "give id, name, author, reason, expires; handle, ranges, asns, reseller_of, contacts"
            " if you know them; no other key"
        )
    handle = entry.word("handle", HANDLE, "the register's handle") if entry.has("handle") else None
    above = entry.text("reseller_of") if entry.has("reseller_of") else None
    return Known(
        entry.id(),
        entry.text("name"),
        handle,
        tuple(entry.range("ranges", one) for one in entry.list("ranges")),
        tuple(_asn(entry, one) for one in entry.list("asns")),
        above,
        _contacts(entry),
        entry.text("author"),
        entry.text("reason"),
        entry.end(),
    )


def _asn(entry: Entry, raw: object) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw <= _MAX_ASN:
        entry.wrong("asns: write numbers of networks, as 64500")
    return raw


def _contacts(entry: Entry) -> tuple[str, ...]:
    found = [read_contact(one) for one in entry.list("contacts") if isinstance(one, str)]
    if len(found) != len(entry.list("contacts")) or None in found or len(found) > MAX_CONTACTS:
        entry.wrong(
            f"contacts: write e-mail or https addresses without a query, at most {MAX_CONTACTS}"
        )
    return tuple(one[0] for one in found if one is not None)
