"""Corrections: what a person, or a list, takes back, and what becomes of it here.

The decisions are in `working`, `listing` and `reconsidering`; here they get what they need loaded,
in one transaction each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from node.casework.casebook import Casebook, Needs
from node.casework.contents.introducing import Introducing, SharedStore
from node.casework.contents.unlisting import EndedStore, Unlisting
from node.casework.contents.wanting import want_alike
from node.casework.contents.wrong_files import bearers, take_off
from node.casework.errors import ForeignVerdictError
from node.casework.incoming.hearing import credible
from node.casework.item import ItemState
from node.casework.mistakes.undoing import has_verdict, is_illegal
from node.casework.postbox import Postbox
from node.casework.reports.draft import RetractionDraft, WrongFileDraft
from node.casework.showing.views import ItemView
from node.casework.working import (
    UNKNOWN,
    Given,
    alike,
    disprove,
    record_retraction,
    withdraw_everywhere,
    withdraw_verdict,
)
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from protocol.facts import Content
from protocol.fields import is_subject_id
from protocol.vocabulary import Kind


class Disproved(NamedTuple):
    """What became of items with a file that is harmless after all.

    Attributes:
        undone: from these items our verdicts were taken.
        stands: on these another member's verdict stands, which is its own to take back.
    """

    undone: tuple[str, ...]
    stands: tuple[str, ...]


class VerdictWithdrawnView(msgspec.Struct, frozen=True):
    """What became of a verdict that was taken back by its id.

    Attributes:
        verdict_id: its id.
        known: whether anything was known of it here.
        items: from these items here it was taken.
        told: to so many members it is said now; none: it was taken back before.
    """

    verdict_id: str
    known: bool
    items: tuple[str, ...]
    told: int


class GivenQueries(Protocol):
    """Where verdicts of this member are looked up."""

    async def given(self, event_id: str) -> Given:
        """Return what is known of one, also once its item is gone."""
        ...


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
        queries: GivenQueries,
        check_open: Callable[[], None],
    ) -> None:
        self._work_on = work_on
        self._transact = transact
        self._ids = ids
        self._postbox = postbox
        self._fingerprints = fingerprints
        self._queries = queries
        self._check_open = check_open

    async def withdraw(self, item_id: str, verdict_id: str, *, actor: str) -> ItemView:
        """Take a verdict of this member back, wherever it went; what followed is undone.

        Raises:
            UnknownItemError, UnknownVerdictError, StoreError
        """
        needs = Needs(named={item_id: self._fingerprints.item(item_id)}, alike={item_id})
        needs.keys.add(self._fingerprints.verdict(verdict_id))  # the file is not always there still
        known = is_subject_id(verdict_id)
        given = await self._queries.given(verdict_id) if known else UNKNOWN
        return await self._work_on(
            item_id,
            actor,
            lambda book: withdraw_verdict(
                book, item_id, verdict_id, self._ids, self._postbox(), given=given
            ),
            beside=await self._bearing(needs, verdict_id),
        )

    async def withdraw_everywhere(self, verdict_id: str, *, actor: str) -> VerdictWithdrawnView:
        """Take a verdict of this member back by its id alone, though its item is gone.

        Raises:
            RecoveringError, ForeignVerdictError, StoreError
        """
        self._check_open()
        if not (is_subject_id(verdict_id) and credible(verdict_id, self._ids.member)):
            raise ForeignVerdictError
        return await self._withdraw(verdict_id, actor, await self._queries.given(verdict_id))

    async def withdraw_again(self, verdict_id: str) -> None:
        """Take back what we had taken back before the disk was lost, wherever it stands.

        Some may have been told that it stands, and not yet that it does not: so all are told, and
        the store leaves out who was (§8.13.7). Done twice, it changes nothing.

        Raises:
            StoreError
        """
        given = await self._queries.given(verdict_id)
        await self._withdraw(verdict_id, None, given._replace(is_gone=False))

    async def _withdraw(
        self, verdict_id: str, actor: str | None, given: Given
    ) -> VerdictWithdrawnView:
        needs = Needs(items=set(given.items), alike=set(given.items))
        want_alike(needs, given.content, self._fingerprints)
        needs.keys.add(self._fingerprints.verdict(verdict_id))
        found = await self._bearing(needs, verdict_id)
        needs = Needs(items=set(found), keys=needs.keys, alike=set(found))

        def decide(book: Casebook) -> VerdictWithdrawnView:
            book.by = actor
            items = withdraw_everywhere(book, verdict_id, given, self._ids, self._postbox())
            told = sum(post.kind == Kind.CONTENT_VERDICT_WITHDRAWN for post in book.posts)
            return VerdictWithdrawnView(verdict_id, given != UNKNOWN, tuple(items), told)

        done: VerdictWithdrawnView = await self._transact(needs, decide)
        return done

    async def _bearing(self, needs: Needs, verdict_id: str) -> set[str]:
        """Return the items that have a verdict: it went from each to those that are like that."""

        def look(book: Casebook) -> set[str]:
            return {s.id for s in book.loaded.items.values() if has_verdict(s, verdict_id)}

        return await self._along(needs, look)

    async def _along(self, needs: Needs, look: Callable[[Casebook], set[str]]) -> set[str]:
        """Return what is found from item to item, each with all that are like it."""
        named, found = needs.named, set[str]()
        while more := await self._transact(needs, look) - found:
            found |= more
            needs = Needs(items=set(found), named=named, alike={*named, *found})
        return found

    async def retract(self, item_id: str, draft: RetractionDraft, *, actor: str) -> ItemView:
        """Record that a notice or referral was retracted where it had been sent.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        return await self._work_on(
            item_id, draft.analyst or actor, lambda book: record_retraction(book, item_id, draft)
        )

    async def take_off(self, item_id: str, draft: WrongFileDraft, *, actor: str) -> ItemView:
        """Take a file off an item to which it does not belong; what followed is undone.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        needs = Needs(named={item_id: self._fingerprints.item(item_id)}, alike={item_id})
        return await self._work_on(
            item_id,
            draft.analyst or actor,
            lambda book: take_off(book, item_id, draft, self._ids, self._postbox()),
            beside=await self._along(needs, lambda book: bearers(book, item_id)),
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

    def introducing(self, shared: SharedStore) -> Introducing:
        """Return what tells members that come later what stands."""
        return Introducing(shared=shared, transact=self._transact, postbox=self._postbox)
