"""What was handed to a member that cannot act any more: seen, and taken back where it is for good.

While a member is suspended, what it has or waits for stands still: a task says so. When it is
expelled or has merged into another, the member before it in the chain takes each open item back and
gives it to whoever answers for the country now; where that one is gone as well, the one before it,
as far as it knows the hand-overs between them. Nothing is sent to the one that is gone, and what
still waits for it in the outbox never leaves. A closed item stays closed, wherever it was closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

from keys.network import EXPELLED, Status
from keys.registry import Registry
from node.casework.casebook import Casebook, Needs, Postbox
from node.casework.custody import take_custody
from node.casework.item import Custody, ItemState, Review
from node.casework.rings import way
from node.casework.routing import route
from node.casework.telling import handed_on_to
from node.ids import Ids
from node.store.queries import ItemQuery

PAGE: Final = 500
"""Items looked at in one transaction."""


class Items(Protocol):
    """Where the items of a member are looked up."""

    async def items(self, wanted: ItemQuery) -> list[ItemState]:
        """Return a page of items in the order of their ids."""
        ...


Transact = Callable[[Needs, Callable[[Casebook], int]], Awaitable[int]]
"""Load, decide, keep, and wake whoever has work then."""


def is_stuck(book: Casebook, state: ItemState, member: str, gone: Collection[str] = ()) -> bool:
    """Whether `state` is open at `member`, and we are the one that handed it there.

    Or the last one before it that is not `gone` for good.
    """
    if (state.custody, state.responsible, state.closed_ms) != (Custody.HANDED_ON, member, None):
        return False
    on = way(book.us, state.steps)
    between = [step.to for step in on[:-1]] if on and on[-1].to == member else []
    return handed_on_to(book, state) in (member, *between[:1]) and all(
        one in gone for one in between
    )


def take_back(
    book: Casebook, item_id: str, registry: Registry, ids: Ids, postbox: Postbox
) -> ItemState:
    """Take an item back from a member that is gone, and let the responsible one have it."""
    state = take_custody(book, postbox, ids, item_id)
    if state.jurisdiction is None:
        book.raise_review(item_id, Review.LOCATION_UNCERTAIN)
        return book.loaded.items[item_id]
    return route(book, item_id, state.jurisdiction, None, registry, ids, postbox)


class Recall:
    """Looks, once for each change of a member's status, at what stands at that member."""

    def __init__(
        self,
        items: Items,
        transact: Transact,
        registry: Callable[[], Registry],
        ids: Ids,
        postbox: Callable[[], Postbox],
    ) -> None:
        self._items = items
        self._transact = transact
        self._registry = registry
        self._ids = ids
        self._postbox = postbox
        self._seen: dict[str, tuple[Status, str | None]] = {}
        self._gone: frozenset[str] = frozenset()

    async def due(self) -> int:
        """Do what is due; returns how many items were taken back."""
        registry = self._registry()
        done = 0
        gone = frozenset(m for m, e in registry.network.members.items() if e.status == EXPELLED)
        if gone != self._gone:  # what was handed on through one of them may be ours to take back
            self._gone = gone
            self._seen.clear()
        for member, entry in registry.network.members.items():
            if entry.status == "active":
                self._seen.pop(member, None)
            elif member != self._ids.member:
                done += await self._look(registry, member, entry.status)
        return done

    async def _look(self, registry: Registry, member: str, status: Status) -> int:
        """Look at the next page of what stands at `member`; the last one ends the search."""
        seen, after = self._seen.get(member, (None, ""))
        if seen != status:
            after = ""
        if after is None:
            return 0
        wanted = ItemQuery(after=after, limit=PAGE, custody="handed_on", responsible=member)
        page = await self._items.items(wanted)
        count = 0
        if page:
            needs = Needs(items={state.id for state in page})
            count = await self._transact(
                needs, lambda book: self._decide(book, sorted(needs.items), registry, member)
            )
        self._seen[member] = (status, page[-1].id if len(page) == PAGE else None)
        return count

    def _decide(self, book: Casebook, items: list[str], registry: Registry, member: str) -> int:
        here = (book.loaded.items.get(item_id) for item_id in items)
        stuck = [s.id for s in here if s is not None and is_stuck(book, s, member, self._gone)]
        gone = registry.network.members[member].status == EXPELLED
        if stuck:
            book.tasks.append(("member_expelled" if gone else "member_suspended", member))
        if not gone:
            return 0
        postbox = self._postbox()
        for item_id in stuck:
            take_back(book, item_id, registry, self._ids, postbox)
        return len(stuck)
