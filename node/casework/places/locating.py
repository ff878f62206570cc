"""Looking where items are hosted: those that are due, and one that somebody is about to act on.

The look-ups go on outside of any transaction; what they found is decided in one (`again.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from node.casework.aside import SetAside, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.errors import ItemMovedError, PlaceDoubtedError
from node.casework.item import Custody, ItemState, Review
from node.casework.passing_on.routing import Forwarding
from node.casework.places.again import (
    FOR_PEOPLE,
    is_stale,
    is_to_be_located,
    look,
    look_behind,
    place_due,
)
from node.casework.places.hidden import host_asked
from node.casework.places.lookups import AT_ONCE, Found, LookUps, Places
from node.casework.reports.draft import ActionDraft
from node.casework.reports.prepare import check_action, read_time
from protocol.vocabulary import Action

if TYPE_CHECKING:
    from node.store.items.queries import Queries

FRESH_MS = 86_400_000
"""How old the last look may be before a notice or a check, unless the operator says otherwise."""
WAIT_S = 10.0
"""How long a person who records a notice waits for the look-up; then it goes by what is known."""
_DOUBTS = FOR_PEOPLE | {Review.LOCATION_UNCERTAIN}


class Locating:
    """Locates for one desk; `fresh_ms`: how old the last look may be at a notice (0: any age)."""

    def __init__(
        self,
        queries: Queries,
        places: Places,
        transact: Transact,
        forwarding: Callable[[], Forwarding],
        fresh_ms: int,
    ) -> None:
        self._queries = queries
        self._look_ups = LookUps(places)
        self._transact = transact
        self._aside = SetAside(transact)
        self._forwarding = forwarding
        self.fresh_ms = fresh_ms

    async def due(self, now_ms: int) -> int:
        """Place the items that are due, the urgent first; returns how many have an answer.

        A name server that is slow holds up only what it was asked for, and an item at which this
        program fails none other.
        """
        aside = self._aside.aside
        due = await self._queries.to_locate(now_ms, AT_ONCE + len(aside))
        found = await self._look_ups.answers((s for s in due if s.id not in aside), now_ms)
        forwarding = self._forwarding()

        async def place(items: Sequence[str]) -> None:
            def decide(book: Casebook) -> None:
                for item_id in items:
                    place_due(book, item_id, *found[item_id], forwarding)

            await self._transact(Needs(items=set(items)), decide)

        await self._aside.each(list(found), str, place)
        return len(found)

    async def behind(self, hosts: Collection[str]) -> None:
        """Have the hidden items of these hosts located again: somebody was told where they are."""
        after = ""
        while page := await self._queries.hidden(after, AT_ONCE):
            after = page[-1].id
            items = [one.id for one in page if host_asked(one.jurisdiction) in hosts]
            if items:

                def decide(book: Casebook, items: Collection[str] = items) -> None:
                    for item_id in items:
                        look_behind(book, item_id)

                await self._transact(Needs(items=set(items)), decide)

    async def before(self, state: ItemState | None, draft: ActionDraft, now_ms: int) -> None:
        """Before a notice on an item whose last look is old, look where it is hosted now.

        Raises:
            DraftRejectedError: the draft makes no sense.
            ItemMovedError: it went on to another member.
            PlaceDoubtedError: what was found speaks against its place, and a person must look.
        """
        check_action(draft)
        at_ms = read_time("at", draft.at, now_ms)
        if draft.action is not Action.HOST_NOTIFIED or state is None:
            return
        looked_at = state.closed_ms is not None or not _DOUBTS.isdisjoint(state.reviews)
        waits = state.due_ms is not None and state.again is None
        stale = is_stale(state, at_ms, now_ms, self.fresh_ms)
        if looked_at or waits or not stale or not is_to_be_located(state):
            return
        found = await self._look_ups.one(state, now_ms, WAIT_S)
        if found is not None:
            await self._look(state.id, found)

    async def _look(self, item_id: str, found: Found) -> None:
        forwarding = self._forwarding()

        def decide(book: Casebook) -> ItemState | None:
            now = book.loaded.items.get(item_id)
            if now is not None and is_to_be_located(now) and now.closed_ms is None:
                look(book, item_id, *found, forwarding)
            return book.loaded.items.get(item_id)

        state: ItemState | None = await self._transact(Needs(items={item_id}), decide)
        if state is None:
            return  # erased meanwhile: whoever records the notice hears so
        if state.custody is Custody.HANDED_ON and state.responsible is not None:
            raise ItemMovedError(state.responsible)
        if not _DOUBTS.isdisjoint(state.reviews):
            raise PlaceDoubtedError
