"""The registry files that a node serves to others: the newest few verified states, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

PREFIX: Final = "/registry/v1"
KEPT_STATES: Final = 3

Lookup = Callable[[str], bytes | None]
"""Gives a file of the registry by its path, such as `metadata/timestamp.json`; may read a disk."""


class KeptFiles:
    """The files of the newest few verified states.

    A reader that fetched a timestamp goes on to the snapshot it names, and must still find it when
    the registry has moved on meanwhile.
    """

    def __init__(self) -> None:
        self._states: tuple[Mapping[str, bytes], ...] = ()

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Serve a newly verified state, and forget the oldest."""
        if not self._states or files != self._states[0]:
            self._states = (files, *self._states[: KEPT_STATES - 1])

    def __call__(self, name: str) -> bytes | None:
        """Look a file up, the newest state first."""
        return next((state[name] for state in self._states if name in state), None)
