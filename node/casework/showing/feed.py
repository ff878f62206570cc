"""Cursors of the change feed: whole numbers that survive a restore without losing anything.

An event's number says where it stands in this database's history. A database that was restored from
a backup goes on from an earlier number, so that numbers come a second time for other events. The
cursor therefore also says which restore its history follows: a reader that had seen more than the
backup holds is told from where to read again, instead of silently missing what came after. Counting
the restores would not do: a copy does not know of those that it did not live through, such as an
earlier one of the same backup. So each has a tag: the second at which it was, of some 24 days. Tags
have no order; the history has its restores in the order in which they were.

    cursor = tag * 2**32 + event number        (below 2**53: every language reads it exactly)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.casework.errors import CursorGoneError

_SHIFT: Final = 32
_NUMBERS: Final = (1 << _SHIFT) - 1
_COUNTED: Final = 1 << 8
"""Restores were counted before, in units of 2**40: what a cursor says of them holds."""
_TAG_MS: Final = 1000
_LAST_TAG: Final = (1 << 21) - 1


def restore_tag(now_ms: int) -> int:
    """Return where the cursors of what follows a restore begin, without the number of its event.

    A second of some 24 days, so that what two restores of the same backup write is not taken for
    one another, however soon the second follows.
    """
    return (1 + now_ms // _TAG_MS % _LAST_TAG) << _SHIFT


@dataclass(frozen=True, slots=True)
class Feed:
    """The restores of this history, in their order: the tag of each, and the last event held."""

    restores: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, fact: str | None) -> Feed:
        """Read what `node.store.backup` keeps in the database: cursors with commas between.

        Those of before had no tags, and are counted; or had one of ten minutes, which several may
        share.
        """
        found: dict[int, int] = {}
        for place, written in enumerate(filter(None, (fact or "").split(",")), 1):
            tag, held = int(written) >> _SHIFT or place * _COUNTED, int(written) & _NUMBERS
            while tag in found:
                tag = tag % _LAST_TAG + 1
            found[tag] = held
        return cls(tuple(found.items()))

    def cursor(self, number: int) -> int:
        """Return the cursor that stands for an event's number."""
        tag = self.restores[-1][0] if self.restores else 0
        return tag << _SHIFT | number

    def number(self, cursor: int) -> int:
        """Return the number of the event after which a reader goes on.

        Raises:
            CursorGoneError: it had seen more than a backup holds that was restored since, or
                follows a restore that is none of this history's.
        """
        tag, number = cursor >> _SHIFT, cursor & _NUMBERS
        tags = [0, *(known for known, _ in self.restores)]
        if tag not in tags:
            raise CursorGoneError(self.cursor(0))
        since = self.restores[tags.index(tag) :]
        held = min((held for _, held in since), default=number)
        if number > held:
            raise CursorGoneError(self.cursor(held))
        return number
