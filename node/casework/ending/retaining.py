"""Retention: what is over and old enough is erased by itself, in small steps.

An item's class says how long it is kept after the last thing that happened to it: closed as gone,
closed as not illegal, only counted, or handed on and never heard to be closed. What is open here,
under referral or under a legal hold is never over; nor is what was told of once more since it was
closed, before a person has looked: one is told so once its time is over. Entries of other members
that became part of no item are kept for a period of their own, and so are our own words that came
back in a recovery, of items that came no more. Erasing is the same as by a person's word, for the
cause `retention` (`erasing.py`): proofs still verify, tombstones stay, all concerned are told.

Ages are by this node's clock, and a clock that runs ahead would erase what is young. So nothing is
erased while the registry in force was not signed within three days of now by that clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol

from keys.network import EXPELLED
from keys.registry import Registry
from node.casework.aside import SetAside, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.ending.erasing import (
    Cause,
    ErasureDraft,
    check_erasable,
    erase,
    is_reported_again,
)
from node.casework.errors import CaseworkError
from node.casework.events import Event, EventKind, Expiry
from node.casework.incoming.naming import Span
from node.casework.item import Custody, ItemState
from node.casework.postbox import Postbox
from node.casework.telling import REPORTED_AGAIN_UNSEEN
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from protocol.vocabulary import Action

PAGE: Final = 200
"""Items looked at in one step; each that is over is erased in a transaction of its own."""
TRUSTED_MS: Final = 3 * 86_400_000
ACTOR: Final = "retention"


class Periods(NamedTuple):
    """How long items are kept after the last thing that happened to them (ms); 0: for ever.

    `refused_ms`: how long entries of other members that became part of no item are kept.
    """

    closed_ms: int
    not_illegal_ms: int
    counted_ms: int
    handed_on_ms: int
    refused_ms: int = 0


class Aged(NamedTuple):
    """An item, and when something last happened to it (ms UTC).

    None: too young to be looked at, or a task is open that it was reported again, or a child is at
    risk, while another has it.
    """

    id: str
    state: ItemState | None
    changed_ms: int


class AgedItems(Protocol):
    """Where items, and entries that became part of none, are looked up with their age."""

    async def aged(self, after: str, limit: int, before_ms: int) -> list[Aged]:
        """Return the items after an id, in the order of ids; with states if old enough."""
        ...

    async def refused(
        self, after: int, before_ms: int, expelled: frozenset[str]
    ) -> tuple[Span, int] | None:
        """Return the next rows of entries, and how many became part of no item; None: no more."""
        ...

    async def unplaced(self, after: int, before_ms: int) -> tuple[int, list[str]] | None:
        """Return the next rows of our own words that came back, and the items not here by id."""
        ...


def period_of(state: ItemState, periods: Periods) -> int:
    """Return how long an item of this class is kept (ms); 0: for ever."""
    if state.custody is Custody.COUNTED:
        return periods.counted_ms
    if state.closed_ms is None:
        return periods.handed_on_ms if state.custody is Custody.HANDED_ON else 0
    return periods.not_illegal_ms if state.closed_by is Action.NOT_ILLEGAL else periods.closed_ms


def is_old(state: ItemState, changed_ms: int, periods: Periods, now_ms: int) -> bool:
    """Whether the time of an item is over at `now_ms`, whoever may need it still."""
    period_ms = period_of(state, periods)
    return bool(period_ms) and changed_ms + period_ms <= now_ms


def is_over(state: ItemState, changed_ms: int, periods: Periods, now_ms: int) -> bool:
    """Whether the time of an item is over at `now_ms`, and nobody needs it any more."""
    if not is_old(state, changed_ms, periods, now_ms):
        return False
    try:
        check_erasable(state, Cause.RETENTION, now_ms)
    except CaseworkError:
        return False
    return True


class Retention:
    """Walks all items and entries, page by page, and erases those whose time is over."""

    def __init__(
        self,
        *,
        items: AgedItems,
        transact: Transact,
        fingerprints: Fingerprints,
        ids: Ids,
        postbox: Callable[[], Postbox],
        clock: Callable[[], int],
        registry: Callable[[], Registry],
        periods: Periods,
    ) -> None:
        self._items = items
        self._transact = transact
        self._aside = SetAside(transact)
        self._fingerprints = fingerprints
        self._ids = ids
        self._postbox = postbox
        self._clock = clock
        self._registry = registry
        self.issued_ms: Callable[[], int] = lambda: registry().issued_ms
        self._periods = periods
        self._after: str | None = ""
        self._after_row = self._after_word = 0
        self._expelled: frozenset[str] = frozenset()
        self._unseen: dict[str, int] = {}
        self.erased = self.refused = 0

    async def due(self) -> bool:
        """Look at the next pages; whether there are more.

        The walk of items begins anew after the last. That of entries goes on as more become old,
        and begins anew when another member is expelled.
        """
        now_ms = self._clock()
        if abs(now_ms - self.issued_ms()) > TRUSTED_MS:
            return False
        more = await self._due_entries(now_ms) or await self._due_words(now_ms)
        return await self._due_items(now_ms) or more

    async def _due_items(self, now_ms: int) -> bool:
        kept_ms = [period for period in self._periods[:4] if period]
        if not kept_ms:
            return False
        page = await self._items.aged(self._after or "", PAGE, now_ms - min(kept_ms))
        aged = [(one.state, one.changed_ms) for one in page if one.state is not None]
        for state, changed_ms in aged:
            if is_over(state, changed_ms, self._periods, now_ms):
                await self._aside.each([state], lambda one: one.id, self._erase_all)
            elif is_reported_again(state) and is_old(state, changed_ms, self._periods, now_ms):
                await self._tell_unseen(state.id, changed_ms)
        self._after = page[-1].id if len(page) == PAGE else None
        return self._after is not None

    async def _due_entries(self, now_ms: int) -> bool:
        """Erase what became part of no item among the next rows of entries in custody."""
        if not self._periods.refused_ms:
            return False
        members = self._registry().network.members
        expelled = frozenset(name for name, one in members.items() if one.status == EXPELLED)
        if expelled != self._expelled:
            self._after_row, self._expelled = 0, expelled
        before_ms = now_ms - self._periods.refused_ms
        found = await self._items.refused(self._after_row, before_ms, expelled)
        if found is None:
            return False
        span, count = found
        if count:
            self.refused += await self._transact(Needs(refused=span), _name_refused)
        self._after_row = span.to
        return True

    async def _due_words(self, now_ms: int) -> bool:
        """Erase what we had said, before our disk was lost, of items that came no more."""
        if not self._periods.refused_ms:
            return False
        found = await self._items.unplaced(self._after_word, now_ms - self._periods.refused_ms)
        if found is None:
            return False
        self._after_word, items = found
        for item in items:
            needs = Needs(named={item: self._fingerprints.item(item)}, leaves_of=item)
            self.refused += await self._transact(needs, partial(_name_words, item=item))
        return True

    async def _tell_unseen(self, item_id: str, changed_ms: int) -> None:
        """Say to a person that an item is kept for him.

        Once for all that is known of it, for what is learnt later anew; after a restart once more.
        """
        if self._unseen.get(item_id) != changed_ms:
            self._unseen[item_id] = changed_ms
            await self._transact(
                Needs(items={item_id}),
                lambda book: book.tasks.append((REPORTED_AGAIN_UNSEEN, item_id)),
            )

    async def _erase_all(self, seen: Iterable[ItemState]) -> None:
        for state in seen:
            self.erased += await self._erase(state)

    async def _erase(self, seen: ItemState) -> int:
        """Erase an item, unless something has happened to it since it was looked at."""
        needs = Needs(items={seen.id}, leaves_of=seen.id)
        needs.keys.add(self._fingerprints.item(seen.id))
        if any(one.verdict for one in seen.listed):  # another that has it answers for it then
            needs.alike.add(seen.id)

        def decide(book: Casebook) -> int:
            state = book.loaded.items.get(seen.id)
            if state is None or state.revision != seen.revision:
                return 0
            book.by = ACTOR
            erase(book, seen.id, ErasureDraft(Cause.RETENTION), self._ids, self._postbox())
            return 1

        erased: int = await self._transact(needs, decide)
        return erased


def _name_refused(book: Casebook) -> int:
    """Let the history name the leaves of what was loaded; the store takes the bodies away."""
    leaves: dict[str, list[bytes]] = {}
    for one in book.loaded.refused:
        leaves.setdefault(one.peer, []).append(one.leaf)
    for peer, gone in sorted(leaves.items()):
        body, actor = Expiry(tuple(gone)), f"{book.us}/{ACTOR}"
        book.events.append(Event(peer, EventKind.EXPIRED, book.now, book.now, actor, body))
    return len(book.loaded.refused)


def _name_words(book: Casebook, item: str) -> int:
    """Let the history name our words of an item that is not here; with one that is they go."""
    leaves = book.loaded.leaves
    if book.find(item) is None and leaves:
        actor = f"{book.us}/{ACTOR}"
        event = Event(item, EventKind.EXPIRED, book.now, book.now, actor, Expiry(leaves))
        book.events.append(event)
        book.unheard_of.append(item)
        return len(leaves)
    return 0
