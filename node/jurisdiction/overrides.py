"""What people of this hotline know better than databases: rules and confirmed origins.

A TOML file that the operator keeps, each entry signed by its author's pseudonym and ending by
itself::

    [[override]]
    id = "origin-17"
    kind = "origin"                # the proxy told where it is; or "rule"
    name = "shop.site.example"     # this host and all below it; or range = "192.0.2.0/24"
    country = "NL"
    author = "analyst-7"
    reason = "told by the proxy, case 4711"
    expires = 2026-12-31T00:00:00Z

An override by name decides the location, also where a proxy stands before it; the most specific
name wins. One by range stands for the vote on the addresses in it and lifts no veil. From its end
on it does not count. Two in force for one name or range that say different countries decide
nothing: the place is disputed, and a person looks. Matched name or range, kind, id, country and end
are evidence that travels; author and reason stay at this node (docs/glossary.md: pseudonyms, no
free text across borders).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from node.jurisdiction.codes import read_country
from node.jurisdiction.entries import SIGNED, Entry, read_entries
from node.jurisdiction.listed import ListedError, read_name
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from pathlib import Path

    from node.jurisdiction.datafiles import DataFile

NAME = "overrides"
_KEYS = SIGNED | {"kind", "country"}


class Override(NamedTuple):
    """One entry; `entry` is the name or range it is about, `expires_ms` (UTC) its end."""

    id: str
    kind: Literal["rule", "origin"]
    entry: str
    country: str
    author: str
    reason: str
    expires_ms: int


class Overrides:
    """The entries of one file; those that are over are kept to be shown, and never found."""

    def __init__(self, entries: tuple[Override, ...] = (), file: DataFile | None = None) -> None:
        self.entries = entries
        self.file = file
        self._names: dict[str, list[Override]] = {}
        self._ranges: Prefixes[list[Override]] = Prefixes()
        self._of: dict[str, list[Override]] = {}
        for one in entries:
            self._of.setdefault(one.entry, []).append(one)
        for entry, those in self._of.items():
            if "/" in entry:
                self._ranges.add(entry, those)
            else:
                self._names[entry] = those

    @classmethod
    def open(cls, path: Path, sha256: str | None = None) -> Overrides:
        """Read and check a file; its build date is the time it was last changed.

        Raises:
            DataFileError: it is missing, not the one with this `sha256`, not TOML, or an entry is
                incomplete; the message has the entry's number and the field.
        """
        return cls(*read_entries(path, NAME, "override", _entry, sha256))

    def by_name(self, host: str, now_ms: int) -> Override | None:
        """Return the override in force for the most specific name that `host` is or ends in."""
        name = host
        while name and self._names:
            found = _in_force(self._names.get(name, ()), now_ms)
            if found is not None:
                return found
            name = name.partition(".")[2]
        return None

    def by_address(self, address: str, now_ms: int) -> Override | None:
        """Return the override in force for the most specific range that holds `address`.

        Raises:
            ValueError: not an address.
        """
        candidates = (_in_force(those, now_ms) for _, those in self._ranges.holding(address))
        return next((one for one in candidates if one is not None), None)

    def against(self, rule: Override, now_ms: int) -> tuple[Override, ...]:
        """Return those in force for the same name or range that say another country."""
        return tuple(
            one
            for one in self._of[rule.entry]
            if one.country != rule.country and now_ms < one.expires_ms
        )

    def contradictions(self, now_ms: int) -> list[tuple[str, ...]]:
        """Return the ids of those in force that contradict each other, by name or range."""
        found = []
        for those in self._of.values():
            rule = _in_force(those, now_ms)
            against = () if rule is None else self.against(rule, now_ms)
            if rule is not None and against:
                found.append((rule.id, *(one.id for one in against)))
        return found


def _in_force(those: list[Override] | tuple[()], now_ms: int) -> Override | None:
    """Return the one that ends last of those that are not over."""
    last = max(those, key=lambda one: one.expires_ms, default=None)
    return last if last is not None and now_ms < last.expires_ms else None


def _entry(entry: Entry) -> Override:
    """Read one table."""
    raw = entry.raw
    about = {"name", "range"} & raw.keys()
    if len(about) != 1 or raw.keys() - _KEYS - about or _KEYS - raw.keys():
        entry.wrong("give id, kind, name or range, country, author, reason, expires; no other key")
    kind: Literal["rule", "origin"] = "origin" if raw["kind"] == "origin" else "rule"
    if raw["kind"] != kind:
        entry.wrong("kind: write rule or origin")
    country = read_country(raw["country"]) if isinstance(raw["country"], str) else None
    if country is None:
        entry.wrong("country: write an ISO 3166-1 alpha-2 code")
    place = _name(entry) if "name" in raw else entry.range("range", raw["range"])
    author, reason = entry.text("author"), entry.text("reason")
    return Override(entry.id(), kind, place, country, author, reason, entry.end())


def _name(entry: Entry) -> str:
    """Read a host name as locations have it, in A-labels."""
    raw = entry.raw["name"]
    try:
        return read_name(raw if isinstance(raw, str) else "")
    except ListedError as error:
        entry.wrong(f"name: {error}")
