"""Cursors of the change feed: whole numbers that survive a restore without losing anything.

An event's number says where it stands in this database's history. A database that was restored from
a backup goes on from an earlier number, so that numbers come a second time for other events. The
cursor therefore also counts the restores: a reader that had seen more than the backup holds is told
from where to read again, instead of silently missing what came after.

    cursor = restores * 2**40 + event number        (below 2**53: every language reads it exactly)
"""

from __future__ import annotations

from dataclasses import dataclass

from node.casework.errors import CursorGoneError

_SHIFT = 40
_NUMBERS = (1 << _SHIFT) - 1


@dataclass(frozen=True, slots=True)
class Feed:
    """The restores of this history: for each, the last event that the backup held."""

    restores: tuple[int, ...] = ()

    @classmethod
    def of(cls, fact: str | None) -> Feed:
        """Read what `node.store.backup` keeps in the database: numbers with commas between."""
        return cls(tuple(int(number) for number in (fact or "").split(",") if number))

    def cursor(self, number: int) -> int:
        """Return the cursor that stands for an event's number."""
        return len(self.restores) << _SHIFT | number

    def number(self, cursor: int) -> int:
        """Return the number of the event after which a reader goes on.

        Raises:
            CursorGoneError: it had seen more than a backup holds that was restored since.
        """
        seen, number = cursor >> _SHIFT, cursor & _NUMBERS
        if seen > len(self.restores):
            raise CursorGoneError(self.cursor(0))
        held = min(self.restores[seen:], default=number)
        if number > held:
            raise CursorGoneError(self.cursor(held))
        return number
