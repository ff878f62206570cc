"""Who comes later is told what this member said of contents before (docs/protocol.md §6.6).

A hotline that is admitted, or learns to read the kind, has heard nothing of it. It is told what
stands, piece by piece, in the words in which the others were. Rules upheld:

* A piece at a time, and none while as much waits for that member: one that is away fills no disk.
  So a piece waits for no other to go with it: the next one comes once it has gone.
* How far it was told is durable, and noted after it waits to go: what is said twice by that has the
  id that it had, and is taken once.
* Who does not hear it any more begins anew if it hears it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from node.casework.casebook import Casebook, Needs
from node.casework.contents.spreading import tell_one
from node.casework.postbox import Postbox
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Kind, Lane, Urgency

AT_ONCE: Final = 500
"""Verdicts on a file that are told in one transaction, and that wait for one member by this."""
Place: TypeAlias = tuple[str, int]
"""The id of a verdict and the place of a file: in this order they are told."""
START: Final[Place] = ("", 0)


class Behind(NamedTuple):
    """A member that was not told all yet, and up to where it was."""

    peer: str
    told: Place


class SharedStore(Protocol):
    """What telling it needs to read and to keep."""

    async def behind(self, listeners: Sequence[str], limit: int) -> Behind | None:
        """Return one of these that was not told all, and for whom less than `limit` waits.

        Who is none of them any more is forgotten.
        """
        ...

    async def standing(self, after: Place, limit: int) -> Sequence[ContentVerdict]:
        """Return what stands after a place, in this order."""
        ...

    async def note(self, peer: str, told: Place | None) -> None:
        """Keep up to where a member was told; None: all."""
        ...


class Introducing:
    """Tells what is due."""

    def __init__(
        self,
        *,
        shared: SharedStore,
        transact: Callable[[Needs, Callable[[Casebook], Any]], Awaitable[Any]],
        postbox: Callable[[], Postbox],
    ) -> None:
        self._shared = shared
        self._transact = transact
        self._postbox = postbox

    async def due(self, at_once: int = AT_ONCE) -> bool:
        """Tell the next piece to a member that is behind; whether anything was told.

        Raises:
            StoreError: the same piece is told again.
        """
        postbox = self._postbox()
        listeners = postbox.listeners(Lane.BULK, Kind.CONTENT_VERDICT)
        while behind := await self._shared.behind(listeners, at_once):
            peer, after = behind
            said = await self._shared.standing(after, at_once)
            if said:
                await self._transact(Needs(), partial(_tell, postbox, peer, said))
            last = said[-1] if len(said) == at_once else None
            told = None if last is None else (last.assessment.event_id, last.part)
            await self._shared.note(peer, told)
            if said:
                return True
        return False


def _tell(postbox: Postbox, peer: str, said: Sequence[ContentVerdict], book: Casebook) -> None:
    for message in said:
        tell_one(book, postbox, peer, message, Urgency.NORMAL)
