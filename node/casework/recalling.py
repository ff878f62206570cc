"""What was handed to a member that cannot act any more: seen, and taken back where it is for good.

While a member is suspended, what it has or waits for stands still: a task says so. When it is
expelled or has merged into another, the member that handed it there takes each open item back and
gives it to whoever answers for the country now. Nothing is sent to the one that is gone, and what
still waits for it in the outbox never leaves. A closed item stays closed, wherever it was closed.

What went on from the one that is gone is handed, by the same member, to who had it last by all that
is known. Whether the hand-over in between ever arrived nobody can tell here: it may wait where it
never leaves, or lie in quarantine. Who has the item knows its id, and joins the two; and from then
on its outcomes come here, which went through the one that is gone before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from keys.network import EXPELLED, Status
from keys.registry import Registry
from node.casework.apart import Apart, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.custody import take_custody
from node.casework.item import Custody, ItemState, Review
from node.casework.routing import Choice, Forwarding, route
from node.casework.telling import handed_on_to
from node.store.queries import ItemQuery

PAGE: Final = 500
"""Items looked at in one transaction."""


class Items(Protocol):
    """Where the items of a member are looked up."""

    async def items(self, wanted: ItemQuery) -> list[ItemState]:
        """Return a page of items in the order of their ids."""
        ...


def is_stuck(book: Casebook, state: ItemState, member: str) -> bool:
    """Whether we handed `state` to `member` and it is open: there, or wherever it went since."""
    handed_on = state.custody is Custody.HANDED_ON and state.closed_ms is None
    return handed_on and handed_on_to(book, state) == member


def take_back(book: Casebook, item_id: str, forwarding: Forwarding) -> ItemState:
    """Take an item back from a member that is gone, and let the responsible one have it.

    That is the one to which it went on from there, if that is a member still.
    """
    told = book.loaded.items[item_id]
    holder = None
    if told.responsible not in (None, book.us) and not _is_gone(
        forwarding.registry, told.responsible
    ):
        holder = Choice(told.responsible, told.orphan)
    state = take_custody(book, forwarding.postbox, forwarding.ids, item_id)
    if state.jurisdiction is None:
        book.raise_review(item_id, Review.LOCATION_UNCERTAIN)
        return book.loaded.items[item_id]
    return route(book, item_id, state.jurisdiction, None, forwarding, chosen=holder)


def _is_gone(registry: Registry, member: str) -> bool:
    """Whether this is no member, or none any more."""
    entry = registry.network.members.get(member)
    return entry is None or entry.status == EXPELLED


class Recall:
    """Looks, once for each change of a member's status, at what stands at that member."""

    def __init__(
        self,
        items: Items,
        transact: Transact,
        forwarding: Callable[[], Forwarding],
    ) -> None:
        self._items = items
        self._transact = transact
        self._apart = Apart(transact)
        self._forwarding = forwarding
        self._seen: dict[str, tuple[Status, str | None]] = {}

    async def due(self) -> int:
        """Do what is due; returns how many items were taken back."""
        forwarding = self._forwarding()
        done = 0
        for member, entry in forwarding.registry.network.members.items():
            if entry.status == "active":
                self._seen.pop(member, None)
            elif member != forwarding.ids.member:
                done += await self._look(forwarding, member, entry.status)
        return done

    async def _look(self, forwarding: Forwarding, member: str, status: Status) -> int:
        """Look at the next page of what stands at `member`; the last one ends the search."""
        seen, after = self._seen.get(member, (None, ""))
        if seen != status:
            after = ""
        if after is None:
            return 0
        wanted = ItemQuery(after=after, limit=PAGE, custody="handed_on", handed_to=member)
        page = await self._items.items(wanted)
        count = 0

        async def recall(items: Sequence[str]) -> None:
            nonlocal count
            count += await self._transact(
                Needs(items=set(items)),
                lambda book: self._decide(book, items, forwarding, member),
            )

        await self._apart.each(sorted(state.id for state in page), str, recall)
        self._seen[member] = (status, page[-1].id if len(page) == PAGE else None)
        return count

    def _decide(
        self, book: Casebook, items: Sequence[str], forwarding: Forwarding, member: str
    ) -> int:
        here = (book.loaded.items.get(item_id) for item_id in items)
        stuck = [s.id for s in here if s is not None and is_stuck(book, s, member)]
        gone = _is_gone(forwarding.registry, member)
        if not gone:  # what went on from there is no affair of a member that comes back
            stuck = [one for one in stuck if book.loaded.items[one].responsible == member]
        if stuck:
            book.tasks.append(("member_expelled" if gone else "member_suspended", member))
        if not gone:
            return 0
        for item_id in stuck:
            take_back(book, item_id, forwarding)
        return len(stuck)
