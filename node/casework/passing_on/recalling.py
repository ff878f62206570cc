"""What was handed to a member that cannot act on it: seen, and taken back where it is for good.

While a member is suspended, what it has or waits for stands still: a task says so. When it is
expelled or has merged into another, the member that handed it there takes each open item back and
gives it to whoever answers for the country now. Nothing is sent to the one that is gone, and what
still waits for it in the outbox never leaves. A closed item stays closed, wherever it was closed;
one that was reported since stands before a person here.

So it is where a member is there still, but may not be sent items any more, since its roles, its
countries or ours, or the terms of the pair changed. What it gave a receipt for it keeps, as long as
it is one that holds items; all else is taken back, and goes nowhere while this lasts. Once it may
have items again, a person asks it about what is open and was taken back: it may have that still.

What went on from the one that is gone is handed, by the same member, to who had it last by all that
is known; where that one is gone as well, to who had handed it there, which takes it back. Whether
the hand-over in between ever arrived nobody can tell here: it may wait where it
never leaves, or lie in quarantine. Who has the item knows its id, and joins the two; and from then
on its outcomes come here, which went through the one that is gone before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Final, Protocol

from keys.network import EXPELLED
from keys.registry import Registry
from node.casework.aside import SetAside, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.item import REFUSALS, Custody, ItemState
from node.casework.passing_on.custody import HELD_TWICE, MEMBER_SUSPENDED, take_back
from node.casework.passing_on.permits import HOLDERS, Permits
from node.casework.passing_on.routing import Forwarding
from node.casework.telling import REPORTED_IN_VAIN, handed_on_to, is_reported_since, is_with_nobody
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Kind, Lane

_TASKS: Final = {
    EXPELLED: "member_expelled",
    "suspended": MEMBER_SUSPENDED,
    "closed": "handover_not_permitted",
}
PAGE: Final = 500
"""Items looked at in one transaction."""


class Items(Protocol):
    """Where the items of a member are looked up."""

    async def items(self, wanted: ItemQuery) -> list[ItemState]:
        """Return a page of items in the order of their ids."""
        ...

    async def subjects(self, code: str) -> list[str]:
        """Return what the open tasks of a code are about."""
        ...

    async def stood(self, code: str) -> dict[str, list[tuple[int, int | None]]]:
        """Return when each task of a code was opened and closed (None: it is open), by subject."""
        ...


def is_stuck(book: Casebook, state: ItemState, member: str) -> bool:
    """Whether we handed `state` to `member` and it is open: there, or wherever it went since."""
    handed_on = state.custody is Custody.HANDED_ON and state.closed_ms is None
    return handed_on and handed_on_to(book, state) == member


def taken_back_ms(us: str, state: ItemState, member: str) -> int | None:
    """When (UTC) an open item came back from `member` by our word alone; None: it is there again.

    Or it did not come so: that one handed it on or back, refused it, or erased it.
    """
    last = state.hops[-1].member
    gave_on = any(step.by == member for step in state.steps)
    refused = state.answered_by == member and state.answer in REFUSALS
    gone = gave_on or refused or member in state.erased_at
    if state.closed_ms is not None or last == member or gone:
        return None
    ways = pairwise(state.hops)
    back = [to.received_ms for by, to in ways if (by.member, to.member) == (member, us)]
    return back[-1] if back else None


def _keeps(standing: str, roles: Collection[str]) -> bool:
    """Whether a member to which nothing may go keeps what it gave a receipt for."""
    return standing == "closed" and not HOLDERS.isdisjoint(roles)


def _standing(permits: Permits, member: str) -> str:
    """A member's status; `closed` where it is active, and no item may go to it from us."""
    if member == permits.us:
        return "active"
    status = permits.registry.network.members[member].status
    if status != "active":
        return status
    return status if permits.says(member, Lane.REPORTS, Kind.ITEM) else "closed"


class Recall:
    """Looks, once for each change of a member's standing, at what stands at that member."""

    def __init__(
        self,
        items: Items,
        transact: Transact,
        forwarding: Callable[[], Forwarding],
    ) -> None:
        self._items = items
        self._transact = transact
        self._aside = SetAside(transact)
        self._forwarding = forwarding
        self._seen: dict[str, tuple[str, str | None]] = {}
        self._inactive: dict[str, str] = {}
        self._closed: set[str] = set()  # and were not active again since, whatever they were
        self._looked_under: Registry | None = None

    async def due(self) -> int:
        """Do what is due; returns how many items were taken back."""
        forwarding = self._forwarding()
        if self._looked_under is not forwarding.registry:
            await self._see_who_is_back(forwarding)
            if self._looked_under is None:  # which of them were, when this node ran last, it forgot
                self._closed = set(await self._items.stood(_TASKS["closed"]))
            members = forwarding.registry.network.members
            permits = Permits(forwarding.ids.member, forwarding.registry)
            standings = {member: _standing(permits, member) for member in members}
            self._closed |= {m for m, one in standings.items() if one == "closed"}
            for member in [m for m in self._closed if standings.get(m) == "active"]:
                await self._see_what_it_kept(forwarding, member)
                self._closed.discard(member)
            self._inactive = {m: one for m, one in standings.items() if one != "active"}
            self._looked_under = forwarding.registry
            self._seen = {m: seen for m, seen in self._seen.items() if m in self._inactive}
        done = 0
        for member, standing in self._inactive.items():
            done += await self._look(forwarding, member, standing)
        return done

    async def _see_who_is_back(self, forwarding: Forwarding) -> None:
        """What was reported in vain is looked at by who has it, once that one is active again."""
        named = await self._items.subjects(REPORTED_IN_VAIN)

        def decide(book: Casebook, items: Sequence[str]) -> int:
            here = [s for s in map(book.loaded.items.get, items) if s is not None]
            back = [s for s in here if not is_with_nobody(book, forwarding.postbox, s)]
            book.over += [(REPORTED_IN_VAIN, state.id) for state in back]
            return len(back)

        async def look(items: Sequence[str]) -> None:
            await self._transact(Needs(items=set(items)), lambda book: decide(book, items))

        for start in range(0, len(named), PAGE):
            await self._aside.each(named[start : start + PAGE], str, look)

    async def _see_what_it_kept(self, forwarding: Forwarding, member: str) -> None:
        """What was taken back from a member that may have items again it may hold still."""
        us = forwarding.ids.member
        narrowed = (await self._items.stood(_TASKS["closed"])).get(member, [])
        asked = await self._items.stood(HELD_TWICE)

        def is_kept(state: ItemState) -> bool:
            """Whether it was taken back while nothing might go there, and nobody asked since."""
            back_ms = taken_back_ms(us, state, member)
            if back_ms is None or not any(
                opened <= back_ms and (closed is None or back_ms <= closed)
                for opened, closed in narrowed
            ):
                return False
            return all(opened < back_ms for opened, _ in asked.get(f"{member}/{state.id}", ()))

        def decide(book: Casebook, items: Sequence[str]) -> None:
            here = (s for s in map(book.loaded.items.get, items) if s is not None)
            book.tasks += [(HELD_TWICE, f"{member}/{state.id}") for state in here if is_kept(state)]

        async def ask(items: Sequence[str]) -> None:
            await self._transact(Needs(items=set(items)), lambda book: decide(book, items))

        after: str | None = ""
        while after is not None:
            page = await self._items.items(ItemQuery(after, PAGE, handed_to=member))
            kept = [state.id for state in page if is_kept(state)]
            await self._aside.each(kept, str, ask)
            after = page[-1].id if len(page) == PAGE else None

    async def _look(self, forwarding: Forwarding, member: str, standing: str) -> int:
        """Look at the next page of what stands at `member`; the last one ends the search."""
        seen, after = self._seen.get(member, (None, ""))
        if seen != standing:
            after = ""
        if after is None:
            return 0
        roles = forwarding.registry.network.members[member].roles
        wanted = ItemQuery(
            after=after,
            limit=PAGE,
            custody="handed_on",
            handed_to=member,
            unreceipted=_keeps(standing, roles),
        )
        page = await self._items.items(wanted)
        count = 0

        async def recall(items: Sequence[str]) -> None:
            nonlocal count
            count += await self._transact(
                Needs(items=set(items)),
                lambda book: self._decide(book, items, forwarding, member, standing),
            )

        await self._aside.each(sorted(state.id for state in page), str, recall)
        self._seen[member] = (standing, page[-1].id if len(page) == PAGE else None)
        return count

    def _decide(
        self,
        book: Casebook,
        items: Sequence[str],
        forwarding: Forwarding,
        member: str,
        standing: str,
    ) -> int:
        here = [s for s in map(book.loaded.items.get, items) if s is not None]
        stuck = [s for s in here if is_stuck(book, s, member)]
        if standing != "closed":  # nobody there looks at what was reported since it was closed
            there = (s for s in here if handed_on_to(book, s) == member)
            book.reminders += [(REPORTED_IN_VAIN, s.id) for s in there if is_reported_since(s)]
        roles = forwarding.registry.network.members[member].roles
        if standing == "suspended" or _keeps(standing, roles):
            # What went on from there is no affair of one that comes back.
            stuck = [s for s in stuck if s.responsible == member]
        if stuck:
            book.tasks.append((_TASKS[standing], member))
        if standing == "suspended":
            return 0
        for state in stuck:
            take_back(book, state.id, forwarding, member)
        return len(stuck)
