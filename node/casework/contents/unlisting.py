"""Entries of lists that stand no more: what followed from them is undone, a few at a time.

Whoever takes an entry back, a file or a person, only says so in the store; the node finds it here
and records the compensating events. Which entry was undone is noted in the same transaction. One at
which this program fails stands before a person, and the others are undone.
Entries that came are asked about afterwards (`relisting`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from node.casework.aside import SetAside, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.contents.listing import match_anew, unlist
from node.casework.contents.relisting import NewcomerStore, match_newcomers
from node.casework.item import ItemState
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.undoing import take_everywhere_back
from node.casework.postbox import Postbox
from node.ids import Ids

AT_ONCE = 200
"""Entries that are undone in one transaction."""


class Ended(NamedTuple):
    """An entry that stands no more, by its number, and by what it was found.

    Or a member's verdict that was taken back: then no entry had the number, and its one key is
    that of the verdict. `beside`: the keys of others that share one with it: what they say of a
    file may count further now (`node.matching.linked`).
    """

    entry: int
    keys: tuple[bytes, ...]
    beside: tuple[bytes, ...] = ()


class EndedStore(NewcomerStore, Protocol):
    """What undoing, and asking the items that were here before, need of the store."""

    async def ended_entries(self, limit: int) -> Sequence[Ended]:
        """Return entries that ended and are not undone yet, the oldest first."""
        ...


class Unlisting:
    """Undoes what is due."""

    def __init__(
        self,
        *,
        ended: EndedStore,
        transact: Transact,
        ids: Ids,
        postbox: Callable[[], Postbox],
    ) -> None:
        self._ended = ended
        self._transact = transact
        self._aside = SetAside(transact)
        self._ids = ids
        self._postbox = postbox

    async def match_new(self) -> bool:
        """Ask the items that are here about the next entries that came; whether there were any.

        Raises:
            StoreError: the same entries are asked about again.
        """
        return await match_newcomers(
            self._ended, self._transact, self._aside, self._ids, self._postbox
        )

    async def due(self) -> int:
        """Undo some of what is due; how many entries, 0: nothing was.

        Raises:
            StoreError: nothing was kept.
        """
        aside = self._aside.aside
        ended = await self._ended.ended_entries(AT_ONCE + len(aside))
        ended = [one for one in ended if _subject(one) not in aside][:AT_ONCE]
        await self._aside.each(ended, _subject, self._undo)
        return len(ended)

    async def _undo(self, ended: Sequence[Ended]) -> None:
        keys = {key for one in ended for key in (*one.keys, *one.beside)}
        found: set[str] = await self._transact(Needs(keys=keys), partial(_items, keys))
        needs = Needs(items=found, keys=keys, alike=set(found))

        def decide(book: Casebook) -> None:
            gone = {one.entry for one in ended}
            _take_back(book, self._postbox(), keys)
            others = [one for one in found if not _is_listed(book.loaded.items.get(one), gone)]
            unlist(book, self._ids, self._postbox(), gone)
            match_anew(book, self._ids, self._postbox(), others)
            reconsider(book, self._ids, self._postbox())
            book.undone.extend(gone)

        await self._transact(needs, decide)


def _is_listed(state: ItemState | None, entries: Collection[int]) -> bool:
    return state is not None and any(one.entry in entries for one in state.listed)


def _subject(one: Ended) -> str:
    return f"entry/{one.entry}"


def _items(keys: Collection[bytes], book: Casebook) -> set[str]:
    return {
        item
        for item, state in book.loaded.items.items()
        if state.listed or any(True for _ in _taken_back(book, state, keys))
    }


def _taken_back(book: Casebook, state: ItemState, keys: Collection[bytes]) -> Iterator[str]:
    """Yield which verdicts on an item their authors took back, whatever way they came there."""
    for given in state.assessments:
        if book.fingerprints.verdict(given.event_id) in keys:
            yield given.event_id


def _take_back(book: Casebook, postbox: Postbox, keys: Collection[bytes]) -> None:
    for item_id in sorted(book.loaded.items):
        for event_id in dict.fromkeys(_taken_back(book, book.loaded.items[item_id], keys)):
            take_everywhere_back(book, postbox, item_id, event_id)
