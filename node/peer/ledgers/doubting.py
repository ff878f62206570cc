"""Asking the owner of a ledger to lead from heads that others were shown (§8.16.7).

A head that is remembered elsewhere, and stands at another place than what we were shown, is a
doubt. Its owner is asked to lead from it to its newest head: by us, where we call it; and where it
calls us, by the answer, which says that head in the place of what we remember. What it shows next
goes on from there, as from any other. So a member that nobody can call is asked as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

import msgspec

from keys.registry import Registry
from node.peer.ledgers.ledger_exchange import LINEAGE, LedgerTransport
from protocol.errors import ProtocolError
from protocol.lineage import (
    NOTHING_SHOWN,
    Lineage,
    Owner,
    Remembered,
    SeenHead,
    follow,
    from_bytes,
    to_bytes,
)

ASKED_AT_ONCE: Final = 8
"""Doubts about one member that it is asked about in one exchange."""
REQUESTS: Final = 24
"""What that may take: chains may end early, and sixty requests are answered in an hour."""
LONG_MS: Final = 30 * 24 * 3_600_000
"""So long a chain may go on. Who makes his longer and longer is no better than who has none."""
EVADED: Final = 8
"""So often in a row a caller may show something else than it is asked, once that is long ago: an
answer of ours can be lost, and another process of its may call. And so often in a row the ledger of
one that we ask may grow between our questions, whenever that is: once is chance."""


class DoubtStore(Protocol):
    """What asking needs of the store; methods raise `StoreError`."""

    async def doubts(self, member: str, limit: int) -> list[tuple[bytes, int]]:
        """Return heads of a member's ledger that it is to be asked about, the oldest first.

        With each since when it waits (UTC).
        """
        ...

    async def asked(self, member: str, asked: Asked, alarm: str, now_ms: int) -> None:
        """Keep what became of doubts, in one transaction.

        If one is split, `alarm` stands before a person, a code.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of doubts about one member, by their notes.

    Attributes:
        settled: it leads from them to where it must.
        reached: it leads from them, and where to so far: its chain goes on another time.
        split: it does not lead from them to the head that it shows us.
    """

    settled: Collection[bytes] = ()
    reached: Mapping[bytes, bytes] = field(default_factory=dict)
    split: Collection[bytes] = ()


class Doubt(NamedTuple):
    """A head that another was shown, and since when it waits (UTC)."""

    head: Remembered
    heard_ms: int


class _Led(NamedTuple):
    """Where an owner led to; `goes_on`: its chain may go on from there.

    `is_unknown`: it says that it does not know the head, which it signed.
    """

    to: Remembered
    goes_on: bool
    is_unknown: bool = False


class _Question(NamedTuple):
    """What a caller was asked, and the newest head to which it had led us just before."""

    doubt: Doubt
    newest: Remembered


@dataclass(slots=True)
class Doubting:
    """Asks owners, and hears what they answer.

    Attributes:
        signed: gives what a member's head says, None: no key signed it that counts.
        keep_fork: keeps two heads of a member's that cannot both be true.
        alarm: gives the code under which a ledger that is split stands before a person.
    """

    store: DoubtStore
    registry: Callable[[], Registry]
    transport: LedgerTransport
    clock: Callable[[], int]
    signed: Callable[[str, bytes], Remembered | None]
    keep_fork: Callable[[str, Remembered, Remembered], Awaitable[None]]
    alarm: Callable[[str], str]
    _questions: dict[str, _Question] = field(default_factory=dict)
    _evaded: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    _grown: dict[str, Counter[bytes]] = field(default_factory=dict)

    async def ask(self, owner: str, before: Remembered | None) -> None:
        """Let an owner lead from heads that others were shown to the one that it shows us.

        It must know each. If its newest head was the same before and after, it must be the one that
        it leads to; else it is asked again, and not for ever.

        Raises:
            CallError: nothing that verifies came back; the doubts stand.
            StoreError: nothing was kept.
        """
        if before is None:
            return
        doubts, settled = await self._open(owner, before)
        asked = await self._ask(owner, doubts, before)
        await self._keep(owner, replace(asked, settled=[*settled, *asked.settled]))

    async def put(self, caller: str, newest: Remembered) -> SeenHead | None:
        """Return the head from which `caller` is to lead next; None: it is not doubted.

        It has just led us to its newest head.

        Raises:
            StoreError: nothing was kept.
        """
        doubts, settled = await self._open(caller, newest)
        await self._keep(caller, Asked(settled))
        if not doubts:
            return None
        self._questions[caller] = _Question(doubts[0], newest)
        return doubts[0].head.seen

    async def hear(self, caller: str, shown: Lineage) -> bool:
        """Whether this is what `caller` was asked for; if so it is judged.

        Raises:
            ProtocolError: it does not verify.
            StoreError: nothing was kept; it is asked again.
        """
        question = self._questions.pop(caller, None)
        if question is None or not shown.links:
            return False
        if shown.start not in (None, question.doubt.head.seen):
            await self._evades(caller, question.doubt)
            return False
        try:
            asked = self._answered(caller, question, shown)
        except ProtocolError:
            await self._evades(caller, question.doubt)
            raise
        if asked == Asked():
            await self._evades(caller, question.doubt)
            return True
        self._evaded.pop((caller, question.doubt.head.note), None)
        await self._keep(caller, asked)
        return True

    async def _evades(self, caller: str, doubt: Doubt) -> None:
        """It shows something else: by chance once, and not for ever."""
        self._evaded[caller, doubt.head.note] += 1
        if self._is_old(doubt) and self._evaded[caller, doubt.head.note] >= EVADED:
            await self._keep(caller, Asked(split=[doubt.head.note]))

    def _answered(self, caller: str, question: _Question, shown: Lineage) -> Asked:
        """What an answer says.

        Who does not know the head, or leads no further than to it, while the head that he showed
        before is another, has two ledgers. What leads elsewhere may have grown meanwhile.

        Raises:
            ProtocolError: it does not verify.
        """
        doubt, newest = question
        if shown.start is None:
            now = self.signed(caller, shown.links[-1].note)
            is_same = now is not None and now[:3] == newest[:3]
            return Asked(split=[doubt.head.note] if is_same else ())
        to = self._led(caller, shown, doubt.head)
        if to[:3] == newest[:3]:
            return Asked(settled=[doubt.head.note])
        if to[:3] == doubt.head[:3] or self._is_old(doubt):
            return Asked(split=[doubt.head.note])
        return Asked(reached={doubt.head.note: to.note})

    def _is_old(self, doubt: Doubt) -> bool:
        return doubt.heard_ms < self.clock() - LONG_MS

    async def _keep(self, owner: str, asked: Asked) -> None:
        if asked != Asked():
            await self.store.asked(owner, asked, self.alarm(owner), self.clock())

    async def _open(self, owner: str, newest: Remembered) -> tuple[list[Doubt], list[bytes]]:
        """The doubts about a member that it must be asked about, and those that are none.

        What its listed keys did not sign, or sign no more, accuses nobody.
        """
        doubts, settled = [], []
        for note, heard_ms in await self.store.doubts(owner, ASKED_AT_ONCE):
            said = self.signed(owner, note)
            if said is not None and said.seen == newest.seen and said.root != newest.root:
                await self.keep_fork(owner, newest, said)
            if said is None or said.seen == newest.seen:
                settled.append(note)
            else:
                doubts.append(Doubt(said, heard_ms))
        return doubts, settled

    async def _ask(self, owner: str, doubts: Sequence[Doubt], before: Remembered) -> Asked:
        """Ask about each; if its ledger has grown meanwhile, who led elsewhere is asked again."""
        requests = REQUESTS
        settled, split, unknown, reached = [], [], [], {}
        for doubt in doubts:
            led = _Led(doubt.head, goes_on=True)
            while led.goes_on and requests:
                requests -= 1
                led = await self._step(owner, led.to, before)
            if led.to[:3] == before[:3]:
                settled.append(doubt.head.note)
            elif led.is_unknown:
                unknown.append(doubt.head.note)
            elif not led.goes_on or self._is_old(doubt):
                split.append(doubt.head.note)
            elif led.to != doubt.head:
                reached[doubt.head.note] = led.to.note
        if not doubts:
            return Asked()
        after, _ = await self._led_from(owner, before)
        if after is None or after[:3] != before[:3]:
            settled, split, reached = [], self._too_often(owner, split), {}
        else:
            self._grown.pop(owner, None)
        return Asked(settled, reached, [*unknown, *split])

    def _too_often(self, owner: str, led_elsewhere: Sequence[bytes]) -> list[bytes]:
        """Those of which this was so again and again: a ledger grows by chance, not when asked."""
        often = self._grown.setdefault(owner, Counter())
        often.update(led_elsewhere)
        return [note for note in led_elsewhere if often[note] >= EVADED]

    async def _step(self, owner: str, start: Remembered, before: Remembered) -> _Led:
        """Let an owner lead on from a head; a chain may end early, and goes on when asked again."""
        to, is_unknown = await self._led_from(owner, start)
        if to is None or to[:3] == start[:3]:
            return _Led(start, goes_on=False, is_unknown=is_unknown)
        return _Led(to, goes_on=to[:3] != before[:3])

    async def _led_from(self, owner: str, start: Remembered) -> tuple[Remembered | None, bool]:
        """Return the head to which an owner leads from one that it signed; None: it does not.

        And whether it says that it does not know that one.
        """
        question = msgspec.structs.replace(NOTHING_SHOWN, seen=start.seen)
        raw = await self.transport.exchange(owner, LINEAGE, to_bytes(question))
        try:
            shown = from_bytes(raw)
            led = self._led(owner, shown, start)
        except ProtocolError:
            return None, False
        if shown.start == start.seen:
            return led, False
        return None, shown.start is None and bool(shown.links)

    def _led(self, owner: str, shown: Lineage, start: Remembered) -> Remembered:
        """Return the head that a chain ends at; if it begins elsewhere, `start`."""
        registry = self.registry()
        keys = registry.member(owner).log_keys
        return follow(shown, Owner(registry.network_id, owner, keys), start).remembered or start
