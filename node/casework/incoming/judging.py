"""What other members sent is judged: by itself, soon after custody, one bad entry never in the way.

Custody came first and covers opaque bytes. Here they are read, decided in one transaction a batch,
and answered; what cannot be judged is set aside in front of a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice

from keys.network import NetworkDocument
from keys.registry import Registry
from node.casework.casebook import Casebook, Needs
from node.casework.casestore import CaseStore
from node.casework.contents.sharing import want_told
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.needing import judging_needs
from node.casework.incoming.reading import READS, Parsed, is_readable, parse
from node.casework.incoming.receiving import Answer, Judge, set_aside
from node.casework.mistakes.mass import Bound, hold, tasks_of
from node.casework.passing_on.permits import renewed
from node.casework.passing_on.recalling import Recall
from node.casework.places.lookups import Places, known_at
from node.casework.postbox import Postbox
from node.casework.reports.submitting import in_stretches
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.store.errors import StoreError
from node.store.items.queries import Queries
from protocol.disavowal import Disavow
from protocol.facts import Location
from protocol.messages import Item

BATCH = 1000
"""Entries judged in one transaction: bounds memory, and how long others wait. Members and lanes
have their share of it in turns, so that a backlog of one holds up no other (protocol §10.8.5)."""
WRITES = 10_000
"""Events and messages after which the transaction of a batch ends, and the rest has one of its own:
what is told to many, or of many items, would hold up whoever writes."""
LOOKS = 200_000
"""Items looked at for the sake of others after which it ends likewise: some tenths of a second."""


class Judging:
    """Judges what is in custody, and what was kept for a later day."""

    def __init__(  # noqa: PLR0913 - the desk hands in its own parts
        self,
        *,
        store: CaseStore,
        queries: Queries,
        registry: Callable[[], Registry],
        fingerprints: Fingerprints,
        ids: Ids,
        clock: Callable[[], int],
        postbox: Callable[[], Postbox],
        places: Places,
        recall: Recall,
        after: Callable[[Casebook], Awaitable[None]],
        coming_back: Callable[[], bool],
    ) -> None:
        self._store = store
        self._queries = queries
        self._registry = registry
        self._fingerprints = fingerprints
        self._ids = ids
        self._clock = clock
        self._postbox = postbox
        self._places = places
        self._recall = recall
        self._after = after
        self._relearnt = False
        self._released: tuple[NetworkDocument, frozenset[str]] | None = None
        self._merged: NetworkDocument | None = None
        self._heirs: dict[str, frozenset[str]] = {}
        self._bound = Bound(queries.waits_for, coming_back=coming_back)

    async def due(self) -> int:
        """Judge the next entries that are in custody; returns how many.

        Before that, all is awake that had waited for an item, and what was set aside under another
        registry is let go: what came first is judged first.
        """
        registry = self._registry()
        if released := await self._release(registry):
            return released
        if woken := await self._wake_heirs(registry.network):
            return woken
        if self._queries.is_waking() and (woken := await self._store.wake()):
            return woken  # none: the share before was the last of it
        arrived = await self._queries.unjudged(BATCH)
        if not arrived:
            return await self._relearn() or await self._recall.due()
        await self._judge_all(arrived, registry)
        return len(arrived)

    async def these(self, arrived: Sequence[Arrived]) -> None:
        """Judge entries that are in custody, in this order."""
        registry = self._registry()
        await self._judge_all(arrived, registry)
        if self._registry() is not registry:
            self._released = None  # `due` may have been through by the newer one already

    async def _judge_all(self, arrived: Sequence[Arrived], registry: Registry) -> None:
        done, fits = 0, len(arrived)
        while part := arrived[done : done + fits]:
            try:
                judged = await self._judge(part, registry)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - whatever one entry does, the others are judged
                await self._judge_one_by_one(part, registry)
                judged = len(part)
            done += judged
            fits = judged if judged < len(part) else 2 * fits  # what follows may write less

    async def _relearn(self) -> int:
        """Let be judged what was kept since its form was unknown, once for each program."""
        if self._relearnt:
            return 0
        self._relearnt = True
        return await self._store.relearn(is_readable, READS, self._clock())

    async def _wake_heirs(self, network: NetworkDocument) -> int:
        """Judge again what a member said before we knew whom it took over from (§10.9.3)."""
        if network is self._merged:
            return 0
        heirs = network.heirs()
        new = sorted(heir for heir, gone in heirs.items() if self._heirs.get(heir) != gone)
        woken = await self._store.wake_said_by(new) if new else 0
        self._merged, self._heirs = network, heirs
        return woken

    async def _release(self, registry: Registry) -> int:
        """Let be judged what was set aside under another registry; returns how much.

        Once for each: what this one sets aside itself waits for the next. Whatever is judged until
        `due` comes here again is judged under this very registry.
        """
        standing = (registry.network, frozenset(registry.members))
        if standing == self._released:
            return 0
        back = [p for p in await self._queries.quarantined() if registry.is_active(p)]
        released = await self._store.release(sorted(back)) if back else 0
        self._released = standing
        return released

    async def _judge_one_by_one(self, arrived: Sequence[Arrived], registry: Registry) -> None:
        """An entry that this program cannot judge is set aside, in front of a person."""
        for one in arrived:
            try:
                await self._judge([one], registry)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - as above
                await self._store.judge(Needs(), self._clock(), partial(set_aside, one))

    async def _judge(self, arrived: Sequence[Arrived], registry: Registry) -> int:
        """Judge these in one transaction, or as many of the first as it can hold; return those."""
        parsed = _with_one_disavowal(await in_stretches(arrived, parse))
        now = self._clock()
        places = known_at(self._places, map(_location, parsed), now)
        held, counts = await self._bound.over(parsed, registry, now)
        heard = [one for number, one in enumerate(parsed) if number not in held]
        for one in heard:
            if isinstance(one.message, Disavow):
                await self._store.note_disavowed(one.arrived, one.message)
        judged = 0

        def decide(book: Casebook) -> list[Answer]:
            nonlocal judged
            answers: list[Answer] = []
            judge = Judge(book, registry, self._ids, self._postbox(), places)
            for number, one in enumerate(parsed):
                full = len(book.events) + len(book.posts) >= WRITES
                if full or book.crowds.looked >= LOOKS or book.disavowed:
                    break  # the rest is judged next; what it takes back counts once
                taker = held.get(number)
                answers.append(judge.judge(one) if taker is None else hold(one, taker))
            judge.finish()
            judged = len(answers)
            book.tasks.extend(tasks_of(taker for n, taker in held.items() if n < judged))
            return answers

        needs = judging_needs(heard, self._fingerprints)
        theirs = [one for one in heard if not (one.arrived.disavowed or one.arrived.conflict)]
        said = [(one.arrived.peer, one.message) for one in theirs]
        permits = renewed(self._postbox().permits, self._ids.member, registry)
        want_told(needs, said, permits, self._fingerprints)
        book = await self._store.judge(needs, now, decide)
        self._bound.keep(counts, now)
        await self._after(book)
        return judged


def _with_one_disavowal(parsed: list[Parsed]) -> list[Parsed]:
    """Return what comes before the second disavowal: each is made ready, whatever becomes of it."""
    said = (number for number, one in enumerate(parsed) if isinstance(one.message, Disavow))
    return parsed[: next(islice(said, 1, None), None)]


def _location(parsed: Parsed) -> Location | None:
    """Return where an item is that another member hands over; None: it hands over none."""
    return parsed.message.location if isinstance(parsed.message, Item) else None
