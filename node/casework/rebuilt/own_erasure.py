"""What a rebuilt member had said that it erased, and whether that is all that came back of it."""

from __future__ import annotations

from typing import NamedTuple

from node.casework.item import ItemState


class OwnErasure(NamedTuple):
    """Our word to a member that we erased an item, by the id that it knows; `at_ms` in UTC."""

    item_id: str
    event_id: str
    at_ms: int

    def is_about_all(self, state: ItemState, us: str, told: str) -> bool:
        """Whether what we erased is all that this item is now.

        What came since may have been joined to it, or it to an item of a third member that was new
        here when the erased one was forgotten: of those nobody said that they are erased.
        """
        if any(sighting.found_ms > self.at_ms for sighting in state.sightings):
            return False
        recorder, _, _ = state.id.partition(".")
        return state.id == self.item_id or recorder in (us, told)
