"""Who hides where a site is hosted: ranges and names of proxies and CDNs.

A list is a text file, one entry a line, `#` begins a comment::

    built 2026-11-01T00:00:00Z
    range 198.51.100.128/26 shield-cdn
    range 2001:db8:c0de::/48 shield-cdn
    suffix edge.shield-cdn.example shield-cdn

`built` comes once, before the entries. A `range` matches addresses, the most specific one first; a
`suffix` matches the asked host and every name of its CNAME chain, at label borders. Provider names
are single words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.datafiles import DataFile, read_list, take_lines
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
        mend = "write `range PREFIX PROVIDER` or `suffix NAME PROVIDER`"
        take_lines(entries, made._add, what, mend)
        return made

    def by_address(self, address: str) -> Proxy | None:
        """Return the most specific range that holds `address`.

        Raises:
            ValueError: not an address.
        """
        found = self._ranges.get(address)
        return None if found is None else Proxy(self.file.name, self.file.built_ms, *found)

    def by_name(self, name: str) -> Proxy | None:
        """Return the most specific suffix that `name` ends in."""
        while name:
            provider = self._suffixes.get(name)
            if provider is not None:
                return Proxy(self.file.name, self.file.built_ms, name, provider)
            name = name.partition(".")[2]
        return None

    def _add(self, words: list[str]) -> None:
        if len(words) != _WORDS_OF_ENTRY or words[0] not in {"range", "suffix"}:
            raise ValueError
        kind, entry, provider = words
        if kind == "suffix":
            self._suffixes[entry.strip(".").lower()] = provider
            return
        self._ranges.add(entry, provider)
