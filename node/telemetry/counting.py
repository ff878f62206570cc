"""Counting at the seams: each class does what the part inside it does, and moves a metric.

Nothing here decides anything; the composition root puts them around the real parts. Rooms stay free
of metrics, and a simulated world runs without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from node.peer.errors import CallError
from node.telemetry.logs import logger
from protocol import answers
from protocol.channel import Refusal
from protocol.errors import ProtocolError
from protocol.vocabulary import HostingState

if TYPE_CHECKING:
    from node.api.service import Changed, Desk, Submitted
    from node.casework.casebook import Casebook, Needs
    from node.casework.casestore import CaseStore
    from node.casework.ending.erasing import ErasureDraft, ErasureView
    from node.casework.incoming.arrivals import Arrived
    from node.casework.incoming.receiving import Answer
    from node.casework.item import ItemState
    from node.casework.mistakes.correcting import Correcting
    from node.casework.places.lookups import Places
    from node.casework.reports.draft import (
        ActionDraft,
        AssessmentDraft,
        HashesDraft,
        HoldDraft,
        MessageDraft,
        ProxyNoticeDraft,
        ReportDraft,
    )
    from node.casework.showing.views import HoldView, ItemView, MessageView
    from node.peer.channels.inbox import Decide, Held, InboxStore
    from node.peer.transport import PullTransport, Reply, Transport
    from node.store.items.queries import ItemQuery
    from node.telemetry.metrics import Metrics
    from protocol.channel import Told
    from protocol.checkpoint import VerifiedCheckpoint
    from protocol.disavowal import Disavow
    from protocol.facts import Jurisdiction, Location
    from protocol.vocabulary import Lane

R = TypeVar("R")
HTTP_OK = 200


def _answered(body: bytes) -> str:
    """The code of an answer to a push; of one that nobody can read: that there was one."""
    try:
        return str(answers.from_bytes(body).code)
    except ProtocolError:
        return "answer"


@contextmanager
def _failures_logged() -> Iterator[None]:
    """Log what this program did not foresee; what it refuses, or the store does, has a code."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "code"):
            logger().error("decision_failed", exc_info=error)
        raise


class CountedPlaces:
    """`node.casework.places.lookups.Places`, counting findings by state."""

    def __init__(self, inner: Places, metrics: Metrics) -> None:
        self._inner = inner
        self._located = {state: metrics.items_located.labels(str(state)) for state in HostingState}

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """See `Places.locate`."""
        found = await self._inner.locate(state, now_ms)
        self._located[found[0].state].inc()
        return found

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """See `Places.known`."""
        found = self._inner.known(location, now_ms)
        if found is not None:
            self._located[found.state].inc()
        return found


class CountedTransport:
    """`node.peer.transport.Transport`, counting and timing pushes."""

    def __init__(self, inner: Transport, metrics: Metrics, now_s: Callable[[], float]) -> None:
        self._inner = inner
        self._metrics = metrics
        self._now_s = now_s

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """See `Transport.push`."""
        lane, started, code = path.split("/")[_LANE], self._now_s(), "failed"
        try:
            reply = await self._inner.push(peer, path, head, sealed)
            code = "receipt" if reply.status == HTTP_OK else _answered(reply.body)
        except CallError as error:
            code = error.code
            raise
        else:
            self._metrics.push_seconds.labels(lane).observe(self._now_s() - started)
            return reply
        finally:
            self._metrics.pushes.labels(peer, lane, code).inc()

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """See `Transport.ask`."""
        return await self._inner.ask(peer, lane, nonce)


class CountedPulls:
    """`node.peer.transport.PullTransport`, counting pulls."""

    def __init__(self, inner: PullTransport, metrics: Metrics) -> None:
        self._inner = inner
        self._pulls = metrics.pulls

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """See `PullTransport.pull`."""
        code = "failed"
        try:
            reply = await self._inner.pull(peer, path, body, wait_s)
            code = "offer" if reply.status == HTTP_OK else "answer"
        except CallError as error:
            code = error.code
            raise
        else:
            return reply
        finally:
            self._pulls.labels(peer, path.split("/")[_LANE], code).inc()


_LANE = 4
"""Where the lane stands in `/hx1/channels/<from>/<lane>/<epoch>/<start>`, split at slashes."""


class CountedInbox:
    """`node.peer.channels.inbox.InboxStore`, counting entries taken under receipt."""

    def __init__(self, inner: InboxStore, metrics: Metrics) -> None:
        self._inner = inner
        self._taken = metrics.entries_taken

    async def held(self, peer: str, lane: Lane, checkpoint: VerifiedCheckpoint) -> Held:
        """See `InboxStore.held`."""
        return await self._inner.held(peer, lane, checkpoint)

    async def told(self, peer: str, lane: Lane) -> tuple[Told, str | None]:
        """See `InboxStore.told`."""
        return await self._inner.told(peer, lane)

    async def last_receipt(self, peer: str, lane: Lane) -> bytes | None:
        """See `InboxStore.last_receipt`."""
        return await self._inner.last_receipt(peer, lane)

    async def own_root(self, peer: str, lane: Lane, epoch: bytes, size: int) -> bytes:
        """See `InboxStore.own_root`."""
        return await self._inner.own_root(peer, lane, epoch, size)

    async def signed_from(self, peer: str, lane: Lane, epoch: bytes, size: int) -> list[bytes]:
        """See `InboxStore.signed_from`."""
        return await self._inner.signed_from(peer, lane, epoch, size)

    async def take(
        self,
        peer: str,
        lane: Lane,
        checkpoint: VerifiedCheckpoint,
        note: bytes,
        now_ms: int,
        decide: Decide,
    ) -> bytes | Refusal:
        """See `InboxStore.take`."""
        count = 0

        def counting(held: Held) -> Any:
            nonlocal count
            decided = decide(held)
            count = 0 if isinstance(decided, bytes | Refusal) else len(decided[2])
            return decided

        result = await self._inner.take(peer, lane, checkpoint, note, now_ms, counting)
        self._taken.labels(peer, str(lane)).inc(count)
        return result

    async def stop(self, peer: str, lane: Lane, code: str, now_ms: int) -> None:
        """See `InboxStore.stop`."""
        await self._inner.stop(peer, lane, code, now_ms)


class CountedCases:
    """`node.casework.casestore.CaseStore`, counting dispositions, logging what a decision fails at.

    Casework sets it aside before a person, and goes on; it knows no log.
    """

    def __init__(self, inner: CaseStore, metrics: Metrics) -> None:
        self._inner = inner
        self._dispositions = metrics.dispositions

    async def transact(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], R]
    ) -> tuple[R, Casebook]:
        """See `CaseStore.transact`."""
        with _failures_logged():
            return await self._inner.transact(needs, now_ms, decide)

    async def judge(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], list[Answer]]
    ) -> Casebook:
        """See `CaseStore.judge`."""
        answers: list[Answer] = []

        def keeping(book: Casebook) -> list[Answer]:
            nonlocal answers
            answers = decide(book)
            return answers

        with _failures_logged():
            book = await self._inner.judge(needs, now_ms, keeping)
        for code, count in Counter(a.disposition for a in answers if a.disposition).items():
            self._dispositions.labels(str(code)).inc(count)
        return book

    async def release(self, peers: Sequence[str]) -> int:
        """See `CaseStore.release`."""
        return await self._inner.release(peers)

    async def note_disavowed(self, by: Arrived, message: Disavow) -> None:
        """See `CaseStore.note_disavowed`."""
        await self._inner.note_disavowed(by, message)

    async def wake_said_by(self, peers: Sequence[str]) -> int:
        """See `CaseStore.wake_said_by`."""
        return await self._inner.wake_said_by(peers)

    async def wake(self) -> int:
        """See `CaseStore.wake`."""
        return await self._inner.wake()

    async def relearn(self, is_known: Callable[[bytes], bool], forms: str, now_ms: int) -> int:
        """See `CaseStore.relearn`."""
        return await self._inner.relearn(is_known, forms, now_ms)


class CountedDesk:
    """`node.api.service.Desk`, counting what is handed in."""

    def __init__(self, inner: Desk, metrics: Metrics) -> None:
        self._inner = inner
        self._items = metrics.items_submitted
        self._rejected = metrics.lines_rejected

    async def submit(self, drafts: Sequence[ReportDraft], *, actor: str) -> Sequence[Submitted]:
        """See `Desk.submit`."""
        results = await self._inner.submit(drafts, actor=actor)
        outcomes = Counter(item.outcome for result in results for item in result.items)
        for outcome, count in outcomes.items():
            self._items.labels(str(outcome)).inc(count)
        codes = Counter(result.code for result in results if result.status == "rejected")
        for code, count in codes.items():
            self._rejected.labels(code or "rejected").inc(count)
        return results

    async def assess(self, item_id: str, draft: AssessmentDraft, *, actor: str) -> ItemView:
        """See `Desk.assess`."""
        return await self._inner.assess(item_id, draft, actor=actor)

    async def act(self, item_id: str, draft: ActionDraft, *, actor: str) -> ItemView:
        """See `Desk.act`."""
        return await self._inner.act(item_id, draft, actor=actor)

    async def notify_proxy(self, item_id: str, draft: ProxyNoticeDraft, *, actor: str) -> ItemView:
        """See `Desk.notify_proxy`."""
        return await self._inner.notify_proxy(item_id, draft, actor=actor)

    @property
    def correcting(self) -> Correcting:
        """See `Desk.correcting`."""
        return self._inner.correcting

    async def add_hashes(self, item_id: str, draft: HashesDraft, *, actor: str) -> ItemView:
        """See `Desk.add_hashes`."""
        return await self._inner.add_hashes(item_id, draft, actor=actor)

    async def write(self, item_id: str, draft: MessageDraft, *, actor: str) -> MessageView:
        """See `Desk.write`."""
        return await self._inner.write(item_id, draft, actor=actor)

    async def hold(self, item_id: str, draft: HoldDraft, *, actor: str) -> HoldView:
        """See `Desk.hold`."""
        return await self._inner.hold(item_id, draft, actor=actor)

    async def lift(self, item_id: str, hold_id: str, *, actor: str) -> HoldView:
        """See `Desk.lift`."""
        return await self._inner.lift(item_id, hold_id, actor=actor)

    async def erase(self, item_id: str, draft: ErasureDraft, *, actor: str) -> ErasureView:
        """See `Desk.erase`."""
        return await self._inner.erase(item_id, draft, actor=actor)

    async def erased(self, item_id: str) -> tuple[ErasureView, int] | None:
        """See `Desk.erased`."""
        return await self._inner.erased(item_id)

    async def item(self, item_id: str) -> ItemView | None:
        """See `Desk.item`."""
        return await self._inner.item(item_id)

    async def items(self, wanted: ItemQuery) -> Sequence[ItemView]:
        """See `Desk.items`."""
        return await self._inner.items(wanted)

    async def changes(self, after: int, limit: int, wait_s: float) -> Changed:
        """See `Desk.changes`."""
        return await self._inner.changes(after, limit, wait_s)
