"""Comparing ledgers: each member sees that its channels stand in the other's (§8.14).

Two members show each other, twice a day, where the channels between them stand in their witnessed
ledgers. What we hold a receipt for, and what we gave one for, must be there, with the root that our
own log has. What is missing is an alarm; what differs is evidence, for its owner signed both; and
what a member logged and never receipted is a receipt that was withheld.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.apart import apart_for_a_while
from node.peer.channels import pacing
from node.peer.channels.stolen import ByStolenKey, by_no_stolen_key
from node.peer.errors import (
    BadShowingError,
    PeerError,
    PeerRefusedError,
)
from node.peer.ledgers.ledger import MINUTE_MS, IsOurs, Revoked, ledger_minutes, signed_by
from node.peer.ledgers.ledger_exchange import SHOWING, Admission, LedgerTransport, to_call
from node.peer.ledgers.silence import Barred, Suspensions, has_no_ledger, is_away
from node.peer.ledgers.witnessing import Counts, candidates, counts_in
from protocol.errors import ProtocolError
from protocol.showing import Parties, Showing, ShownPlace, from_bytes, to_bytes, verify_showing
from protocol.vocabulary import Lane
from protocol.witness import WITNESSES

EVERY_MS: Final = 12 * 3_600_000
DAY_MS: Final = 24 * 3_600_000
PAUSE_MS: Final = 5 * 60_000
LONGEST_PAUSE_MS: Final = 3_600_000
GRACE: Final = 3
"""So many times the hour of the ledger may pass until a head has to stand in it."""


class Problem(StrEnum):
    """What a comparison found; each is the code of a task."""

    MISSING = "ledger_missing"
    """A channel does not stand in the other's ledger, or not as far as it must."""
    DIFFERS = "ledger_differs"
    """It stands there with another root than in our log."""
    UNKNOWN = "ledger_unknown"
    """It holds more of our own channel than we know of, or other than we signed it."""
    NOT_WITNESSED = "ledger_not_witnessed"
    """After a day it stands there under no witnessed head, though the network has witnesses."""
    WITHHELD = "receipt_withheld"
    """It logged what we sent, a day ago or more, and gave no receipt for it."""


PASSING: Final = frozenset({Problem.MISSING, Problem.NOT_WITNESSED, Problem.WITHHELD})
"""Those whose task closes by itself once a comparison is good."""


class Log(NamedTuple):
    """One epoch (8 bytes) of a channel with a peer; `sent`: by us."""

    sent: bool
    lane: Lane
    epoch: bytes


class Due(NamedTuple):
    """What must stand in the other's ledger: this epoch up to this size, or a later epoch."""

    log: Log
    size: int
    later: Collection[bytes]


class Followed(NamedTuple):
    """The state of an epoch of ours that the entry 0 of a later one names."""

    size: int
    root: bytes


class Ours(NamedTuple):
    """What our own log says at one size, or beyond it.

    `root` is None where our log does not reach so far. `receipted`: how far we hold receipts;
    `signed_ms`: when we signed that size, for what we sent (UTC). `followed`: how far this epoch
    went when another one of ours followed it, whoever had signed it so far.
    """

    root: bytes | None
    receipted: int
    signed_ms: int | None
    followed: Followed | None = None


class Checked(NamedTuple):
    """How the last comparisons with one peer went; times in ms UTC, None: never."""

    good_ms: int | None
    failures: int
    next_ms: int
    problem: str | None


NEVER: Final = Checked(None, 0, 0, None)


class Place(NamedTuple):
    """A size of a log."""

    log: Log
    size: int


class CrossStore(Suspensions, Protocol):
    """What comparing ledgers needs of the store; methods raise `StoreError`."""

    async def partners(self) -> set[str]:
        """Return the members with which we have a channel."""
        ...

    async def checks(self) -> dict[str, Checked]:
        """Return how the last comparison with each member went."""
        ...

    async def due(self, peer: str, before_ms: int, now_ms: int) -> list[Due]:
        """Return what was receipted, in either direction, until `before_ms` (UTC)."""
        ...

    async def ours(self, peer: str, places: Collection[Place]) -> dict[Place, Ours]:
        """Return what our logs say at places; left out is what would take too much hashing."""
        ...

    async def signed_from(self, peer: str, log: Log, size: int) -> list[bytes]:
        """Return what we receipted of an epoch at `size` and above, the largest first."""
        ...

    async def showing(
        self, network: str, us: str, peer: str, counts: Counts, is_ours: IsOurs
    ) -> Showing:
        """Return what our ledger says of our channels with a peer, witnessed where it is.

        By the cosignatures that `counts` takes, and heads that `is_ours` says are still our word.
        """
        ...

    async def keep_check(
        self,
        peer: str,
        checked: Checked,
        showing: bytes | None,
        found: Iterable[Problem],
        now_ms: int,
    ) -> None:
        """Remember how it went, put what was found before a person, keep what differs."""
        ...


class Times(NamedTuple):
    """Now, until when what was receipted has to stand in a ledger, what is a day old; ms UTC.

    `must_be_witnessed`: whether what is old must be, since the network has the members for it.
    """

    now_ms: int
    due_ms: int
    old_ms: int
    must_be_witnessed: bool


async def compare(
    store: CrossStore,
    peer: str,
    us: str,
    places: Sequence[ShownPlace],
    times: Times,
    by_stolen_key: ByStolenKey = by_no_stolen_key,
) -> set[Problem]:
    """Return what is wrong with what `peer` showed.

    Of its own channels another root says nothing where all that we hold of it from there on only a
    stolen key signed. What would take too much hashing counts as not shown.

    Raises:
        StoreError: our own log could not be read.
    """
    found: set[Problem] = set()
    at = {place: Place(_log(place, us), place.size) for place in places}
    ours = await store.ours(peer, frozenset(at.values()))
    places = [place for place in at if at[place] in ours]
    for place in places:
        log = at[place].log
        faults = _faults(log, place, ours[at[place]], times)
        if Problem.DIFFERS in faults and not log.sent:
            notes = await store.signed_from(peer, log, place.size)
            if notes and all(by_stolen_key(peer, note) for note in notes):
                faults = set()
        found |= faults
    for due in await store.due(peer, times.due_ms, times.now_ms):
        if not _covering(due, us, places):
            found.add(Problem.MISSING)
    for due in await store.due(peer, times.old_ms, times.now_ms) if times.must_be_witnessed else ():
        covering = _covering(due, us, places)
        if covering and all(place.witnessed_s is None for place in covering):
            found.add(Problem.NOT_WITNESSED)
    return found


def _log(place: ShownPlace, us: str) -> Log:
    return Log(place.origin.sender == us, place.origin.lane, place.origin.epoch)


def _faults(log: Log, place: ShownPlace, ours: Ours, times: Times) -> set[Problem]:
    if log.sent and ours.root != place.root and (ours.root is None or place.size > ours.receipted):
        return set() if _is_followed(place, ours.followed) else {Problem.UNKNOWN}
    if ours.root is None:
        return set()
    if ours.root != place.root:
        return {Problem.DIFFERS}
    is_old = ours.signed_ms is not None and ours.signed_ms <= times.old_ms
    withheld = log.sent and place.size > ours.receipted and is_old
    return {Problem.WITHHELD} if withheld else set()


def _is_followed(place: ShownPlace, followed: Followed | None) -> bool:
    """Whether an epoch of ours went on from there: a person has said what it is."""
    if followed is None:
        return False
    return place.size < followed.size or (place.size, place.root) == followed


def _covering(due: Due, us: str, places: Sequence[ShownPlace]) -> list[ShownPlace]:
    """Return what was shown of this channel as far as is due, or of a later epoch of it."""
    return [
        place
        for place in places
        if (place.origin.sender == us, place.origin.lane) == due.log[:2]
        and (
            (place.origin.epoch == due.log.epoch and place.size >= due.size)
            or place.origin.epoch in due.later
        )
    ]


class Judged(NamedTuple):
    """What became of what was shown: whether it verified, and the worst that was found, a code."""

    verified: bool
    problem: str | None


class Crosscheck:
    """Shows and compares; one per process.

    Args:
        us: our member id.
        store: logs, ledger, and how it went before.
        registry: gives the verified registry in force.
        transport: the way to others.
        exchange: shows a member how our ledger goes on and follows its own (§8.16); `CallError`.
        clock: gives the time, ms UTC.
        revoked: gives the ids of our own keys that were revoked, and may be listed still.
        by_stolen_key: tells what only stolen keys of others signed.
    """

    def __init__(
        self,
        us: str,
        store: CrossStore,
        registry: Callable[[], Registry],
        transport: LedgerTransport,
        exchange: Callable[[str], Awaitable[None]],
        clock: Callable[[], int],
        revoked: Revoked = frozenset,
        by_stolen_key: ByStolenKey = by_no_stolen_key,
    ) -> None:
        self._us = us
        self._by_stolen_key = by_stolen_key
        self._store = store
        self._registry = registry
        self._transport = transport
        self._exchange = exchange
        self._clock = clock
        self._revoked = revoked
        self._admission = Admission(SHOWING, registry)
        self._barred = Barred(us, store)

    async def answer(self, caller: str, raw: bytes) -> bytes:
        """Judge what `caller` shows, and return what we show it.

        Raises:
            UnknownLedgerError: it is suspended, and is told nothing.
            OverQuotaError: it asks more often than twelve times an hour.
            BadShowingError: it shows nothing that verifies; a person is told if that goes on.
            StoreError: nothing was kept.
        """
        now_ms = self._clock()
        self._admission.admit(caller, now_ms)
        judged = await self._judge(caller, raw, now_ms)
        if not judged.verified:
            raise BadShowingError(judged.problem)
        return await self._ours(caller)

    async def check_due(self, now_ms: int) -> int:
        """Compare with every member whose turn it is; return with how many it was good.

        Raises:
            StoreError: what was found was not kept; it is compared again.
        """
        registry, checks = self._registry(), await self._store.checks()
        good = 0
        await self._barred.see(registry, now_ms)
        if not registry.is_active(self._us):
            return good  # nobody shows us anything, and nobody is to blame
        for peer in sorted(await self._store.partners() | to_call(registry, self._us)):
            before = checks.get(peer, NEVER)
            if registry.is_active(peer) and pacing.is_due(now_ms, before.next_ms, EVERY_MS):
                good += await self._check(peer, before, now_ms)
        return good

    async def _check(self, peer: str, before: Checked, now_ms: int) -> bool:
        """Show and be shown; a member that can't be called comes by itself, or is missed."""
        try:
            judged = await apart_for_a_while(peer, self._compared(peer, now_ms))
        except (PeerError, ProtocolError, KeysError) as error:
            await self._failed(peer, before, error, now_ms)
            return False
        return judged.problem is None

    async def _compared(self, peer: str, now_ms: int) -> Judged:
        await self._exchange(peer)
        raw = await self._transport.exchange(peer, SHOWING, await self._ours(peer))
        return await self._judge(peer, raw, now_ms)

    async def _judge(self, peer: str, raw: bytes, now_ms: int) -> Judged:
        """Compare what a peer shows with our logs, and keep the result."""
        registry = self._registry()
        keys = registry.member(peer).log_keys
        ends = registry.witness_ends  # who is gone counts, too: an epoch may be over
        witnesses = {who: one.witness_keys for who, one in registry.members.items()}
        parties = Parties(registry.network_id, peer, self._us, keys, witnesses, ends)
        able = [one for one in candidates(registry, peer) if one != self._us]
        grace_ms = GRACE * ledger_minutes(registry) * MINUTE_MS
        witnessed = len(able) >= WITNESSES and not await self._barred.lately(peer, now_ms)
        times = Times(now_ms, now_ms - grace_ms, now_ms - DAY_MS, witnessed)
        before = (await self._store.checks()).get(peer, NEVER)
        try:
            places = verify_showing(from_bytes(raw), parties)
        except ProtocolError as error:
            found = await self._overdue(peer, before, now_ms)
            await self._keep(peer, before, error.code, found, now_ms)
            return Judged(verified=False, problem=error.code)
        found = await compare(self._store, peer, self._us, places, times, self._by_stolen_key)
        worst = min(found, key=list(Problem).index, default=None)
        good_ms = before.good_ms if found else now_ms
        problem = None if worst is None else str(worst)
        checked = Checked(good_ms, 0, now_ms + EVERY_MS, problem)
        await self._store.keep_check(peer, checked, raw, found, now_ms)
        return Judged(verified=True, problem=problem)

    async def _failed(
        self, peer: str, before: Checked, error: PeerError | ProtocolError | KeysError, now_ms: int
    ) -> None:
        """Remember that nothing was shown; what may be the line's fault alarms nobody by itself."""
        code = error.reason if isinstance(error, PeerRefusedError) else error.code
        receipted = partial(self._store.due, peer, now_ms=now_ms)
        found: set[Problem] = set()  # `hotline peers` and the outbox say who is away
        if not (
            has_no_ledger(self._registry(), peer, before.good_ms)
            or await is_away(error, receipted, before.good_ms, now_ms)
        ):
            found = await self._overdue(peer, before, now_ms)
        await self._keep(peer, before, code, found, now_ms)

    async def _overdue(self, peer: str, before: Checked, now_ms: int) -> set[Problem]:
        """Whether something receipted a day ago was never shown since, though it might be."""
        good_ms = before.good_ms
        fresh = good_ms is not None and not pacing.is_past(now_ms, good_ms, DAY_MS)
        excused = fresh or await self._barred.lately(peer, now_ms)
        if excused or not await self._store.due(peer, now_ms - DAY_MS, now_ms):
            return set()
        return {Problem.MISSING}

    async def _keep(
        self, peer: str, before: Checked, code: str, found: set[Problem], now_ms: int
    ) -> None:
        pause = min(PAUSE_MS << min(before.failures, 10), LONGEST_PAUSE_MS)
        failed = Checked(before.good_ms, before.failures + 1, now_ms + pause, code)
        await self._store.keep_check(peer, failed, None, found, now_ms)

    async def _ours(self, peer: str) -> bytes:
        registry = self._registry()
        counts, revoked = counts_in(registry, gone_too=True), self._revoked()
        keys = registry.member(self._us).log_keys
        is_ours = signed_by([key for key in keys if key.key_id not in revoked])
        showing = await self._store.showing(registry.network_id, self._us, peer, counts, is_ours)
        return to_bytes(showing)
