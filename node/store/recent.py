"""The items that were written last, at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from node.casework.item import ItemState

RECENT = 10_000
"""Items kept at hand: some 30 MB, and what is on its way to others and back."""


class Recent:
    """The items that were written last, so that the answer to an item need not read it again.

    Only a cache of what the one writer wrote, asked and filled on its thread alone; emptied when
    anything is rolled back.
    """

    def __init__(self, at_most: int = RECENT) -> None:
        self._states: dict[str, ItemState] = {}
        self._at_most = at_most
        self.get = self._states.get
        self.clear = self._states.clear

    def keep(self, states: Mapping[str, ItemState]) -> None:
        """Remember what was written; the oldest go when there are too many."""
        for item, state in states.items():
            self._states.pop(item, None)
            self._states[item] = state
        for item in list(islice(self._states, max(0, len(self._states) - self._at_most))):
            del self._states[item]

    def drop(self, items: Iterable[str]) -> None:
        """Forget what was erased."""
        for item in items:
            self._states.pop(item, None)
