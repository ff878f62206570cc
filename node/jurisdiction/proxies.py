"""Who hides where a site is hosted: ranges, networks and names of proxies and CDNs.

A list is a text file, one entry a line, `#` begins a comment::

    built 2026-11-01T00:00:00Z
    range 198.51.100.128/26 shield-cdn
    range 2001:db8:c0de::/48 shield-cdn
    asn 64500 shield-cdn
    suffix edge.shield-cdn.example shield-cdn

`built` comes once, before the entries. A `range` matches addresses, the most specific one first; an
`asn` matches what that network announces, as the ASN database says, where no range does; a `suffix`
matches the asked host and every name of its CNAME chains, at label borders. Provider names are
single words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.datafiles import DataFile, read_list, take_lines
from node.jurisdiction.listed import read_asn, read_name, read_range
from node.jurisdiction.prefixes import Prefixes

if TYPE_CHECKING:
    from pathlib import Path

_WORDS_OF_ENTRY = 3


class ProxySource(NamedTuple):
    """A configured list; `sha256` in hex, None to trust whatever stands at `path`."""

    path: Path
    name: str
    sha256: str | None = None


class Proxy(NamedTuple):
    """What matched: the list, when it was built, its entry, and who the provider is."""

    list_name: str
    built_ms: int
    entry: str
    provider: str


class ProxyList:
    """One list in memory."""

    def __init__(self, file: DataFile) -> None:
        self.file = file
        self._suffixes: dict[str, str] = {}
        self._asns: dict[int, str] = {}
        self._ranges: Prefixes[str] = Prefixes()

    @classmethod
    def open(cls, source: ProxySource) -> ProxyList:
        """Read and check a list.

        Raises:
            DataFileError: missing, not the configured one, or a line that says nothing; the
                message has the line's number.
        """
        what = f"proxy list {source.name!r}"
        file, entries = read_list(source.path, source.name, what, source.sha256)
        made = cls(file)
        mend = "write `range PREFIX PROVIDER`, `asn NUMBER PROVIDER` or `suffix NAME PROVIDER`"
        take_lines(entries, made._add, what, mend)
        return made

    def by_address(self, address: str) -> Proxy | None:
        """Return the most specific range that holds `address`.

        Raises:
            ValueError: not an address.
        """
        found = self._ranges.get(address)
        return None if found is None else Proxy(self.file.name, self.file.built_ms, *found)

    @property
    def asns(self) -> int:
        """How many entries need an ASN database."""
        return len(self._asns)

    def by_asn(self, asn: int) -> Proxy | None:
        """Return the entry for a network."""
        provider = self._asns.get(asn)
        if provider is None:
            return None
        return Proxy(self.file.name, self.file.built_ms, f"asn {asn}", provider)

    def by_name(self, name: str) -> Proxy | None:
        """Return the most specific suffix that `name` ends in."""
        while name:
            provider = self._suffixes.get(name)
            if provider is not None:
                return Proxy(self.file.name, self.file.built_ms, name, provider)
            name = name.partition(".")[2]
        return None

    def _add(self, words: list[str]) -> None:
        if len(words) != _WORDS_OF_ENTRY or words[0] not in {"range", "asn", "suffix"}:
            raise ValueError
        kind, entry, provider = words
        if kind == "suffix":
            self._suffixes[read_name(entry.strip("."))] = provider
        elif kind == "asn":
            self._asns[read_asn(entry)] = provider
        else:
            self._ranges.add(read_range(entry), provider)
