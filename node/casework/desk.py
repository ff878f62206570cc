"""The desk: what a hotline hands in, asks and records, and the work that follows by itself.

Every method turns a request into one batch: prepare (pure), say what it needs, decide (pure) inside
the store's transaction, wake whoever has work now. `locate_due` and `judge_due` are the two steps
that nobody asks for: placing new items, and judging what other members sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from keys.registry import Registry
from node.casework.casebook import Casebook, Needs
from node.casework.casestore import CaseStore
from node.casework.contents.wanting import want_alike
from node.casework.ending.erasing import ErasureDraft, ErasureView, erase, erasure_view
from node.casework.ending.holding import lift_hold, put_hold
from node.casework.ending.retaining import Periods, Retention
from node.casework.errors import RecoveringError, UnknownItemError
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.judging import Judging
from node.casework.item import ItemState
from node.casework.messaging import write_message
from node.casework.mistakes.correcting import Correcting
from node.casework.passing_on.permits import Permits
from node.casework.passing_on.recalling import Recall
from node.casework.passing_on.routing import Forwarding
from node.casework.places.again import look_after, place_known
from node.casework.places.hidden import record_proxy_notice
from node.casework.places.locating import FRESH_MS, Locating
from node.casework.places.lookups import Places, known_places
from node.casework.postbox import Postbox
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    HoldDraft,
    MessageDraft,
    ProxyNoticeDraft,
    ReportDraft,
)
from node.casework.reports.intake import ReportTaken, intake_needs, take_reports
from node.casework.reports.prepare import PreparedReport, hashes_as_given, prepare_report
from node.casework.reports.submitting import Preparing, SubmitResult, accepted
from node.casework.showing.feed import Feed
from node.casework.showing.following import ChangesPage, Following
from node.casework.showing.views import (
    HoldView,
    ItemView,
    MessageView,
    hold_view,
    item_view,
    message_view,
)
from node.casework.unchanged import check_unchanged, expected
from node.casework.working import record_action, record_assessment, record_hashes
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.store.items.queries import ItemQuery, Queries

R = TypeVar("R")


class Desk:
    """One hotline's desk at its node."""

    def __init__(  # noqa: PLR0913 - the composition root hands in every part
        self,
        *,
        store: CaseStore,
        queries: Queries,
        registry: Callable[[], Registry],
        places: Places,
        fingerprints: Fingerprints,
        postbox: Postbox,
        ids: Ids,
        clock: Callable[[], int],
        wake_delivery: Callable[[], None],
        wake_desk: Callable[[], None] = lambda: None,
        fresh_ms: int = FRESH_MS,
    ) -> None:
        self._store, self._queries = store, queries
        self._registry, self._places = registry, places
        self._fingerprints, self._bare_postbox = fingerprints, postbox
        self._ids, self._clock = ids, clock
        self._wake_delivery, self._wake_desk = wake_delivery, wake_desk
        self.feed = Feed()
        self.closed: Callable[[], bool] = lambda: False
        self.locating = Locating(queries, places, self._decide, lambda: self.forwarding, fresh_ms)
        self._preparing, self._following = Preparing(), Following(queries)
        self._speaking: Postbox | None = None
        self.correcting = Correcting(
            work_on=self._work_on,
            transact=self._decide,
            ids=ids,
            postbox=lambda: self._postbox,
            fingerprints=fingerprints,
            queries=queries,
            check_open=self._check_open,
        )
        self._judging = Judging(
            store=store,
            queries=queries,
            registry=registry,
            fingerprints=fingerprints,
            ids=ids,
            clock=clock,
            postbox=lambda: self._postbox,
            places=places,
            recall=Recall(queries, self._decide, lambda: self.forwarding),
            after=self._after,
            coming_back=lambda: self.closed(),  # noqa: PLW0108 - set later, by who brings it back
        )

    def _check_open(self) -> None:
        """While a lost node comes back nobody works at it: what was here is not all here yet."""
        if self.closed():
            raise RecoveringError

    @property
    def forwarding(self) -> Forwarding:
        """What it takes to let another member have an item, as the registry in force permits."""
        return Forwarding(self._registry(), self._ids, self._postbox)

    @property
    def _postbox(self) -> Postbox:
        """The postbox as the registry in force permits it to speak."""
        registry, bare = self._registry(), self._bare_postbox
        speaking = self._speaking
        if (
            speaking is None
            or speaking.generation != bare.generation
            or not speaking.is_under(registry)
        ):
            speaking = self._speaking = bare.under(Permits(self._ids.member, registry))
        return speaking

    async def submit(
        self, drafts: Sequence[ReportDraft], *, actor: str, batch: str = ""
    ) -> list[SubmitResult]:
        """Take drafts in; durable on return. A bad draft is rejected and stops no other.

        `batch` names the request, so that lines without a reference are known when it comes again.

        Raises:
            RecoveringError, StoreError: nothing of this call was kept.
        """
        self._check_open()
        now = self._clock()

        def prepare(number: int, draft: ReportDraft) -> PreparedReport:
            named = draft.reference is not None or draft.identity is not None
            identity = "" if named else f"{batch or self._ids.mint(now)}:{number}"
            return prepare_report(draft, self._fingerprints, now, identity)

        made = await self._preparing.all(drafts, prepare)
        prepared = [one for one in made if isinstance(one, PreparedReport)]
        taken = iter(await self._take(prepared, now, actor))
        return [one if isinstance(one, SubmitResult) else accepted(next(taken)) for one in made]

    async def _take(
        self, prepared: list[PreparedReport], now: int, actor: str
    ) -> list[ReportTaken]:
        if not prepared:
            return []
        places = known_places(self._places, prepared, now)

        def decide(book: Casebook) -> list[ReportTaken]:
            book.by = actor
            taken = take_reports(book, prepared, self._ids, self._postbox)
            book.by = None
            place_known(book, places, self.forwarding)
            return taken

        needs = intake_needs(prepared, self._fingerprints)
        taken, book = await self._store.transact(needs, now, decide)
        await self._after(book)
        return taken

    async def assess(self, item_id: str, draft: AssessmentDraft, *, actor: str) -> ItemView:
        """Record a verdict of this member.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        return await self._work_on(
            item_id,
            draft.analyst or actor,
            lambda book: record_assessment(book, item_id, draft, self._ids, self._postbox),
        )

    async def act(self, item_id: str, draft: ActionDraft, *, actor: str) -> ItemView:
        """Record an action of this member; before a notice, look where the item is hosted now.

        Raises:
            UnknownItemError, DraftRejectedError, NotResponsibleError, ItemClosedError, StoreError
            BeingLocatedError, ItemMovedError, PlaceDoubtedError: it was not recorded
        """
        self._check_open()
        present = await self._queries.item(item_id, self._fingerprints.item(item_id))
        check_unchanged(present, expected())  # a refused request has no effect, not even a look
        await self.locating.before(present, draft, self._clock())

        def decide(book: Casebook) -> ItemState:
            before = book.find(item_id)
            state = record_action(book, item_id, draft, self.forwarding)
            if before is not None:
                look_after(book, before, draft.action, self.locating.fresh_ms)
            return book.loaded.items[state.id]

        return await self._work_on(item_id, draft.analyst or actor, decide)

    async def notify_proxy(self, item_id: str, draft: ProxyNoticeDraft, *, actor: str) -> ItemView:
        """Record a notice to the proxy that hides an item.

        Raises:
            UnknownItemError, DraftRejectedError, NotResponsibleError, ItemClosedError, StoreError
            NotHiddenError, AlreadyNotifiedError
        """
        return await self._work_on(
            item_id,
            draft.analyst or actor,
            lambda book: record_proxy_notice(book, item_id, draft, self._ids),
        )

    async def add_hashes(self, item_id: str, draft: HashesDraft, *, actor: str) -> ItemView:
        """Add hashes that were computed later; matching runs again.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        return await self._work_on(
            item_id,
            actor,
            lambda book: record_hashes(book, item_id, draft, self._ids, self._postbox),
            draft,
        )

    async def write(self, item_id: str, draft: MessageDraft, *, actor: str) -> MessageView:
        """Show a message to a peer as it would be sent; unless it is a preview, send it.

        Raises:
            UnknownItemError, DraftRejectedError, MessageUnreadableError, StoreError
        """
        by = draft.analyst or actor
        sent = await self._by(
            item_id, by, lambda book: write_message(book, item_id, draft, self._ids, self._postbox)
        )
        return message_view(sent)

    async def hold(self, item_id: str, draft: HoldDraft, *, actor: str) -> HoldView:
        """Put a legal hold on an item.

        Raises:
            UnknownItemError, DraftRejectedError, StoreError
        """
        by = draft.analyst or actor
        put = await self._by(
            item_id, by, lambda book: put_hold(book, item_id, draft, by, self._ids)
        )
        return hold_view(put)

    async def lift(self, item_id: str, hold_id: str, *, actor: str) -> HoldView:
        """Lift a legal hold; it is returned as it was.

        Raises:
            UnknownItemError, UnknownHoldError, StoreError
        """
        lifted = await self._by(item_id, actor, lambda book: lift_hold(book, item_id, hold_id))
        return hold_view(lifted)

    def retention(self, periods: Periods) -> Retention:
        """Return what erases by itself the items of this desk whose time is over."""
        return Retention(
            items=self._queries,
            transact=self._decide,
            fingerprints=self._fingerprints,
            ids=self._ids,
            postbox=lambda: self._postbox,
            clock=self._clock,
            registry=self._registry,
            periods=periods,
        )

    async def _by(
        self, item_id: str, by: str, decide: Callable[[Casebook], R], needs: Needs | None = None
    ) -> R:
        """Decide about one item, in somebody's name; `needs` if that needs more than the item."""
        self._check_open()
        tags = expected()

        def signed(book: Casebook) -> R:
            check_unchanged(book.find(item_id), tags)
            book.by = by
            return decide(book)

        named = needs or Needs(named={item_id: self._fingerprints.item(item_id)})
        return await self._decide(named, signed)

    async def erase(self, item_id: str, draft: ErasureDraft, *, actor: str) -> ErasureView:
        """Erase an item by a person's word: everybody concerned is told, bodies are gone on return.

        Raises:
            UnknownItemError, UnderReferralError, ItemOpenError, ItemReportedAgainError,
            StoreError
        """
        self._check_open()
        key = self._fingerprints.item(item_id)
        if (present := await self._queries.item(item_id, key)) is None:
            raise UnknownItemError
        needs = Needs(named={item_id: key}, leaves_of=present.id, alike={item_id})
        needs.keys.add(self._fingerprints.item(present.id))
        return await self._by(
            item_id,
            actor,
            lambda book: erase(book, item_id, draft, self._ids, self._postbox),
            needs,
        )

    async def erased(self, item_id: str) -> tuple[ErasureView, int] | None:
        """Return what is left of an item that was erased here, and when that was (ms UTC)."""
        event = await self._queries.erasure(item_id, self._fingerprints.item(item_id))
        return None if event is None else (erasure_view(event), event.learnt_ms)

    async def _work_on(
        self,
        item_id: str,
        by: str,
        decide: Callable[[Casebook], ItemState],
        hashes: HashesDraft | None = None,
        *,
        beside: Collection[str] = (),
    ) -> ItemView:
        named = {item_id: self._fingerprints.item(item_id)}
        needs = Needs(named=named, items=set(beside), alike=set(beside))
        current = await self._queries.item(item_id, self._fingerprints.item(item_id))
        content = () if current is None else current.content
        want_alike(needs, (*content, *hashes_as_given(hashes)), self._fingerprints)
        needs.alike_by.update(needs.keys)  # what is said here goes on from what it goes to
        return await self._view(await self._by(item_id, by, decide, needs))

    async def item(self, item_id: str) -> ItemView | None:
        """Return one item by its id or an alias; None if it is not known here."""
        state = await self._queries.item(item_id, self._fingerprints.item(item_id))
        return None if state is None else await self._view(state)

    async def _view(self, state: ItemState) -> ItemView:
        disavowed = await self._queries.disavowed([state.id])
        return item_view(state, disavowed.get(state.id, ()))

    async def items(self, wanted: ItemQuery) -> list[ItemView]:
        """Return a page of items.

        Raises:
            CursorGoneError, UnknownCursorError: as `changes`, for `changed_after`.
        """
        if wanted.changed_after is not None:
            cursor, field = wanted.changed_after, "changed_after"
            number = await self._following.number(self.feed, cursor, field)
            wanted = replace(wanted, changed_after=number)
        found = await self._queries.items(wanted)
        disavowed = await self._queries.disavowed([state.id for state in found])
        return [item_view(state, disavowed.get(state.id, ())) for state in found]

    async def changes(self, after: int, limit: int, wait_s: float) -> ChangesPage:
        """Return what changed after cursor `after`; waits up to `wait_s` while nothing has.

        Raises:
            CursorGoneError: the reader had seen more than the backup that was restored holds.
            UnknownCursorError: `after` lies past the newest change.
        """
        return await self._following.changes(self.feed, after, limit, wait_s)

    async def locate_due(self) -> int:
        """Place the items that are due, the urgent first; returns how many have an answer."""
        return await self.locating.due(self._clock())

    async def judge_due(self) -> int:
        """Judge entries that are in custody; returns how many."""
        return await self._judging.due()

    async def judge(self, arrived: Sequence[Arrived]) -> None:
        """Judge these entries, in this order."""
        await self._judging.these(arrived)

    async def _decide(self, needs: Needs, decide: Callable[[Casebook], R]) -> R:
        done, book = await self._store.transact(needs, self._clock(), decide)
        await self._after(book)
        return done

    async def _after(self, book: Casebook) -> None:
        """Wake whoever has work now: the feed's readers, delivery, the steps of this desk."""
        if any(state.due_ms is not None for state in book.changed.values()):
            self._wake_desk()
        if book.events:
            await self._following.tell()
        if book.posts:
            self._wake_delivery()
