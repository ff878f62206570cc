"""The steps in which a recovered member's items come back, before anything is served or said.

1. What we handed on: each item stands in our own message.
2. What was said to us, which our peers have said again: judged as ever, what we had called new
   first.
3. What else we had said: verdicts, actions, sightings, messages. Then what those said to us of
   whom only this tells that they have an item.
4. What we had taken back goes from wherever it went in step 2.
5. What we had erased is erased again: nobody but us may say so, and it is we who said it.
6. Who told of an item hears what it had not heard of it.

Each batch is one transaction, so that a process that dies goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from keys.registry import Registry
from node.casework.casebook import Casebook, Needs
from node.casework.casestore import CaseStore
from node.casework.desk import Desk
from node.casework.ending.erasing import Cause
from node.casework.events import Erasure
from node.casework.incoming.arrivals import Arrived
from node.casework.rebuilt.own_erasure import OwnErasure
from node.casework.rebuilt.recovered import (
    NOT_REBUILT,
    OTHERS,
    OWN_ITEMS,
    Rebuilder,
    is_told,
    item_ids,
)
from node.casework.rebuilt.unheard import tell_unheard, told_of
from node.casework.rebuilt.whereabouts import have_it_there, last_whereabouts
from node.casework.rebuilt.words import file_of, read, said_by_us
from node.ids import time_of
from node.matching.fingerprints import Fingerprints, content_keys
from node.store.errors import StoreError
from protocol.messages import Item, Outcome
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import Kind, OutcomeWhat

BATCH = 500


class Came(Protocol):
    """One entry of ours that came back: to whom it was said, and its bytes."""

    @property
    def peer(self) -> str:
        """To whom."""
        ...

    @property
    def entry(self) -> bytes:
        """As it was said."""
        ...


Plan = Callable[[Sequence[Came]], Needs]
Take = Callable[[Casebook, Sequence[Came]], Sequence[str | None]]
ItemIds = Callable[[str, str], Iterable[bytes]]
"""The ids that our hand-overs of an item to a member can have."""


class Rebuilt(Protocol):
    """What the rebuilding needs of the store. Methods raise `StoreError`."""

    async def take(self, step: int, limit: int, now_ms: int, plan: Plan, decide: Take) -> int:
        """Let the next entries of a step have their effect; return how many."""
        ...

    async def told_new(
        self, after: Arrived | None, limit: int
    ) -> tuple[list[Arrived], Arrived | None]:
        """Of the next entries that wait for a judgement, return those that we had called new.

        With the entry after which to go on; None: there are no more.
        """
        ...

    async def said(self, kind: Kind, item: str | None = None) -> list[tuple[str, bytes]]:
        """Return every message of a kind that came back and stands in the outbox, and to whom.

        `item`: only those about this one.
        """
        ...

    async def handed_on(self) -> list[str]:
        """Return the ids of the items that are handed on from here."""
        ...

    async def complete(self, now_ms: int, item_ids: ItemIds) -> None:
        """Put logs and receipts in their places; from here on the node works as ever."""
        ...


class History(Protocol):
    """What the history tells of erasures. Raises `StoreError`."""

    async def has_erased(self, item_id: str, alias_key: bytes, at_ms: int) -> bool:
        """Whether the item with this id or alias was erased here at that very time (ms UTC)."""
        ...


@dataclass(slots=True, kw_only=True)
class Rebuilding:
    """Rebuilds one member's items from what has come back."""

    us: str
    store: Rebuilt
    history: History
    cases: CaseStore
    desk: Desk
    registry: Callable[[], Registry]
    fingerprints: Fingerprints
    node_secret: bytes
    clock: Callable[[], int]

    async def run(self) -> None:
        """Rebuild; whatever was done before is not done again.

        Raises:
            StoreError: the batch at hand was not kept; call again.
        """
        await self._take(OWN_ITEMS)
        await self._judge_first()
        await self._judge_all()
        await self._take(OTHERS)
        await self._judge_all()  # what waited for our word of where an item went
        told = await self.store.said(Kind.OUTCOME)
        gone = (said_by_us(self.us, raw, OutcomeWhat.WITHDRAWN) for _, raw in told)
        ended = {word.event_id for word in gone if word is not None}
        ended |= await self._withdrawn_from_all()
        for verdict_id in sorted(ended):
            await self.desk.correcting.withdraw_again(verdict_id)
        for word in last_whereabouts(self.us, (raw for _, raw in told)):
            await self._have_it_where_it_was(word)
        left = [one for one in told if not await self.erase_again(one[1], one[0], last=False)]
        for peer, raw in left:
            await self.erase_again(raw, peer, last=True)
        await self._tell_unheard(told)
        await self.store.complete(self.clock(), partial(item_ids, self.node_secret))

    async def _tell_unheard(self, told: Sequence[tuple[str, bytes]]) -> None:
        """Who told of an item hears what it had not heard of it."""
        heard = told_of(told)
        names = list({**heard, **dict.fromkeys(await self.store.handed_on())})

        def decide(book: Casebook, some: Sequence[str]) -> None:
            found = {state.id: state for state in map(book.find, some) if state is not None}
            for state in found.values():
                known = [one for name in (state.id, *state.aliases) for one in heard.get(name, ())]
                tell_unheard(book, self.desk.forwarding.postbox, state, known)

        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            needs = Needs(named={one: self.fingerprints.item(one) for one in some})
            await self.cases.transact(needs, self.clock(), partial(decide, some=some))

    async def _withdrawn_from_all(self) -> set[str]:
        """Return the verdicts that we had taken back by their files, whatever became of items."""
        said = await self.store.said(Kind.CONTENT_VERDICT_WITHDRAWN)
        words = (read(raw) for _, raw in said)
        return {one.event_id for one in words if isinstance(one, ContentVerdictWithdrawn)}

    async def _judge_first(self) -> None:
        """What had been new here is first again: the item keeps its id, and duplicates join it."""
        arrived, after = await self.store.told_new(None, BATCH)
        while after:
            if arrived:
                await self.desk.judge(arrived)
            arrived, after = await self.store.told_new(after, BATCH)

    async def _judge_all(self) -> None:
        while await self.desk.judge_due():
            pass

    async def _take(self, step: int) -> None:
        registry = self.registry()

        def decide(book: Casebook, came: Sequence[Came]) -> list[str | None]:
            rebuilder = Rebuilder(book, registry)
            return [rebuilder.take(one.peer, one.entry) for one in came]

        while await self._take_batch(step, decide):
            pass

    async def _take_batch(self, step: int, decide: Take) -> int:
        """One entry that cannot have its effect any more holds up no other."""
        for limit, way in ((BATCH, decide), (1, decide), (1, _leave)):
            try:
                return await self.store.take(step, limit, self.clock(), self._plan, way)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001, S112 - the next way takes less; the last leaves a task
                continue
        return 0

    def _plan(self, came: Sequence[Came]) -> Needs:
        needs = Needs()
        for one in came:
            item = _spoken_of(one.entry)
            if item is not None:
                needs.named[item] = self.fingerprints.item(item)
            needs.keys.update(content_keys(self.fingerprints, file_of(one.entry)))
        return needs

    async def _have_it_where_it_was(self, word: Outcome) -> None:
        """By our last word of where an item is: what that rests on need not have come back.

        A hand-over may have waited for a member that was away: it is said again, and who has the
        item knows it by its id. What we had taken back since we handed it on is here.
        """
        view = await self.desk.item(word.item_id)
        if view is None:
            return
        handed = [] if word.moved else await self.store.said(Kind.ITEM, view.id)
        read_again = (read(raw) for _, raw in handed)
        at_ms = time_of(word.event_id)
        went_on = any(isinstance(one, Item) and one.revision > at_ms for one in read_again)

        def decide(book: Casebook) -> None:
            have_it_there(book, self.desk.forwarding, word, went_on=went_on)

        needs = Needs(named={word.item_id: self.fingerprints.item(word.item_id)})
        await self.cases.transact(needs, self.clock(), decide)

    async def erase_again(self, raw: bytes, told: str, *, last: bool) -> bool:
        """If this is our word that we erased an item, what came back of it goes.

        Returns whether nothing is left to be done of it.

        `told`: whom we told so: it must be part of the item's story (§8.13.7). All that are hear of
        a true erasure. Nobody is told twice. Where more has been joined since, a person decides.
        `last`: what makes it so may be shown no more: what is in doubt stands before a person.
        """
        word = said_by_us(self.us, raw, OutcomeWhat.ERASED)
        if word is None:
            return True
        said = OwnErasure(word.item_id, word.event_id, word.at_ms)
        view = await self.desk.item(said.item_id)
        said_of = self.fingerprints.item(said.item_id)
        if view is None or await self.history.has_erased(said.item_id, said_of, said.at_ms):
            return True  # what is here came after that
        key = self.fingerprints.item(view.id)
        needs = Needs(named={view.id: key}, keys={key}, leaves_of=view.id)

        def decide(book: Casebook) -> bool:
            state = book.find(view.id)
            if state is None:
                return True
            is_heard = is_told(self.registry(), state, told)
            is_sure = is_heard and said.is_about_all(state, self.us, told)
            if is_sure:
                body = Erasure(said.event_id, str(Cause.RETENTION), book.loaded.leaves)
                book.erase(state, body)
            elif last:
                book.tasks.append((NOT_REBUILT, told))
            return is_sure

        done, _ = await self.cases.transact(needs, self.clock(), decide)
        return done


def _leave(book: Casebook, came: Sequence[Came]) -> list[str | None]:
    book.tasks += [(NOT_REBUILT, one.peer) for one in came]
    return [None] * len(came)


def _spoken_of(raw: bytes) -> str | None:
    item: str | None = getattr(read(raw), "item_id", None)
    return item
