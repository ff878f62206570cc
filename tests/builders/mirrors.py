"""Mirrors in memory: honest, lagging, lying, silent; a `Transport` of the registry client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from node.registry.transport import Get, MirrorError, check_mirror

UMBRELLA = "http://127.0.0.1:9"


@dataclass
class Mirrors:
    """What each base address serves; None: nobody answers there.

    Attributes:
        serving: files by base address.
        asked: base addresses in the order in which they were asked.
        fetched: paths in the order in which they were fetched.
    """

    serving: dict[str, Mapping[str, bytes] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, base_url: str) -> Iterator[Get]:
        """Begin with one mirror."""
        self.asked.append(check_mirror(base_url))
        files = self.serving.get(base_url)

        def get(path: str, most: int) -> bytes:
            if files is None:
                raise MirrorError
            self.fetched.append(path)
            raw = files.get(path)
            if raw is None:
                raise MirrorError(404)
            if len(raw) > most:
                raise MirrorError(too_large=True)
            return raw

        yield get
