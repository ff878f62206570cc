"""Corrections: what a person, or a list, takes back, and what becomes of it here.

The decisions are in `working`, `listing` and `reconsidering`; here they get what they need loaded,
in one transaction each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

from node.casework.casebook import Casebook, Needs, Postbox
from node.casework.draft import RetractionDraft
from node.casework.item import ItemState
from node.casework.undoing import has_verdict, is_illegal
from node.casework.unlisting import EndedStore, Unlisting
from node.casework.views import ItemView
from node.casework.wanting import want_alike
from node.casework.working import alike, disprove, record_retraction, withdraw_verdict
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from protocol.facts import Content


class Disproved(NamedTuple):
    """What became of items with a file that is harmless after all.

    Attributes:
        undone: from these items our verdicts were taken.
        stands: on these another member's verdict stands, which is its own to take back.
    """

    undone: tuple[str, ...]
    stands: tuple[str, ...]


class WorkOn(Protocol):
    """Decides about one item with all that is alike, in somebody's name."""

    def __call__(
        self,
        item_id: str,
        by: str,
        decide: Callable[[Casebook], ItemState],
        *,
        beside: Collection[str] = (),
    ) -> Awaitable[ItemView]:
        """Return the item as it is then; `beside`: others that are needed with all their like."""
        ...


class Correcting:
    """The part of the desk where words are taken back."""

    def __init__(
        self,
        *,
        work_on: WorkOn,
        transact: Callable[[Needs, Callable[[Casebook], Any]], Awaitable[Any]],
        ids: Ids,
        postbox: Callable[[], Postbox],
        fingerprints: Fingerprints,
    ) -> None:
        self._work_on = work_on
        self._transact = transact
        self._ids = ids
        self._postbox = postbox
        self._fingerprints = fingerprints

    async def withdraw(self, item_id: str, verdict_id: str, *, actor: str) -> ItemView:
        """Take a verdict of this member back, wherever it went; what followed is undone.

        Raises:
            UnknownItemError, UnknownVerdictError, StoreError
        """
        return await self._work_on(
            item_id,
            actor,
            lambda book: withdraw_verdict(book, item_id, verdict_id, self._ids, self._postbox()),
            beside=await self._bearing(item_id, verdict_id),
        )

    async def _bearing(self, item_id: str, verdict_id: str) -> set[str]:
        """Return the items that have a verdict: it went from each to those that are like that."""
        needs = Needs(named={item_id: self._fingerprints.item(item_id)}, alike={item_id})
        found: set[str] = set()

        def look(book: Casebook) -> set[str]:
            return {s.id for s in book.loaded.items.values() if has_verdict(s, verdict_id)}

        while more := await self._transact(needs, look) - found:
            found |= more
            needs = Needs(items=set(found), alike=set(found))
        return found

    async def retract(self, item_id: str, draft: RetractionDraft, *, actor: str) -> ItemView:
        """Record that a notice or referral was retracted where it had been sent.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        return await self._work_on(
            item_id, draft.analyst or actor, lambda book: record_retraction(book, item_id, draft)
        )

    async def disprove(self, contents: Sequence[Content], by: str) -> Disproved:
        """Take our verdicts on these files back from all items, and ask the lists again.

        Raises:
            StoreError: nothing was kept.
        """
        needs = Needs()
        want_alike(needs, contents, self._fingerprints)
        found = set(await self._transact(needs, lambda book: alike(book, contents)))
        needs = Needs(items=found, keys=needs.keys, alike=set(found))

        def decide(book: Casebook) -> Disproved:
            book.by = by
            undone = disprove(book, contents, self._ids, self._postbox())
            book.by = None
            here = [book.loaded.items[one] for one in alike(book, contents)]
            stands = [state.id for state in here if is_illegal(state.in_force)]
            return Disproved(tuple(undone), tuple(stands))

        done: Disproved = await self._transact(needs, decide)
        return done

    def unlisting(self, ended: EndedStore) -> Unlisting:
        """Return what undoes what followed from entries of lists that stand no more."""
        return Unlisting(ended=ended, transact=self._transact, ids=self._ids, postbox=self._postbox)
