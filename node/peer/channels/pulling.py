"""Fetching: a member that cannot be called calls, and takes what waits for it elsewhere.

One exchange is one pull (docs/protocol.md §9.8): we say how far we hold the channel, with our
receipt for it, and how long the sender may wait for something; what comes back goes through the
same inbox as a push, by the same order of work. State stands on the inbox's rows; memory holds only
the sender's last question and how its last offer was refused.

Pauses after a failure are capped at a minute: whoever cannot be called cannot know that something
urgent waits. Nothing that a sender answers stops us; it is asked again. What a sender may cost is
bounded as where it pushes (`allowances`): over a bound, or where the disk has no room, we pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.apart import apart
from node.peer.channels import pacing
from node.peer.channels.inbox import Admitted, Inbox
from node.peer.channels.sending import may_send
from node.peer.errors import BadAnswerError, CallError, PeerError
from node.peer.http.allowances import COMPARED, Allowances, Cost, DiskFloor, no_floor
from node.peer.transport import PullTransport
from protocol import answers, pull
from protocol.answers import ANSWERS, Answer, AnswerCode, Then
from protocol.errors import ProtocolError
from protocol.pull import Offered, Pull
from protocol.push import Purpose
from protocol.vocabulary import Lane

HTTP_OK = 200
WAIT_S = 25
"""How long a sender may hold a pull back while nothing waits."""
PAUSE_MS = 1000
"""From one pull that brought nothing to the next, at least."""
CAP_MS = 60_000


@dataclass(slots=True)
class _Channel:
    """What this process knows of one channel that it pulls on."""

    nonce: bytes | None = None
    refusal: Answer | None = None
    attempts: int = 0
    next_attempt_ms: int = 0
    busy: bool = False


class _PauseError(Exception):
    """The sender has nothing for us now, and said why."""

    def __init__(self, code: AnswerCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, kw_only=True)
class Pulling:
    """Pulls for one member, if the registry says that it cannot be called.

    `jitter(n)` returns a whole number below n. `wait_s`: 0 for a caller with a clock of its own.
    `floor` tells when there is no room on the disk for what others send.
    """

    us: str
    inbox: Inbox
    transport: PullTransport
    registry: Callable[[], Registry]
    clock: Callable[[], int]
    jitter: Callable[[int], int]
    on_registry_behind: Callable[[], None] = lambda: None
    wait_s: int = WAIT_S
    floor: DiskFloor = field(default_factory=no_floor)
    _allowances: Allowances = field(init=False)
    _channels: dict[tuple[str, Lane], _Channel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._allowances = Allowances(lambda: self.registry().network)

    def due(self, now_ms: int) -> list[tuple[str, Lane]]:
        """Return the channels to pull on now."""
        found = []
        for pair in _pairs(self.registry(), self.us):
            channel = self._channels.setdefault(pair, _Channel())
            if not channel.busy and pacing.is_due(now_ms, channel.next_attempt_ms):
                found.append(pair)
        return found

    async def pull_due(self) -> int:
        """Pull on every channel that is due; returns how many entries were taken."""
        due = self.due(self.clock())
        return sum(await asyncio.gather(*(self.pull(peer, lane) for peer, lane in due)))

    async def pull(self, peer: str, lane: Lane) -> int:
        """Pull on one channel until nothing waits or something fails; returns entries taken.

        Never raises for the peer's trouble.
        """
        channel = self._channels.setdefault((peer, lane), _Channel())
        if channel.busy:
            return 0
        channel.busy, taken = True, 0
        try:
            while True:
                asked, started_ms = channel.nonce is not None, self.clock()
                entries = await apart(peer, self._exchange(peer, lane, channel), _PauseError)
                taken += entries
                if not entries and asked:
                    channel.next_attempt_ms = started_ms + PAUSE_MS
                    return taken
        except _PauseError as pause:
            self._pause(channel, refresh=ANSWERS[pause.code].then is Then.REFRESH)
        except (PeerError, ProtocolError, KeysError) as error:
            if isinstance(error, BadAnswerError | ProtocolError):
                self._allowances.charge(peer, Cost.WASTE, self.clock())
            self._pause(channel, refresh=isinstance(error, CallError) and error.refresh)
        finally:
            channel.busy = False
        return taken

    def _pause(self, channel: _Channel, *, refresh: bool) -> None:
        if refresh:
            self.on_registry_behind()
        channel.attempts += 1
        pause_ms = pacing.backoff_ms(channel.attempts, self.jitter, CAP_MS)
        channel.next_attempt_ms = self.clock() + pause_ms

    async def _exchange(self, peer: str, lane: Lane, channel: _Channel) -> int:
        """Make one pull; returns how many entries it brought.

        Raises:
            OverQuotaError: its sender has cost us enough for now, or the disk has no room.
        """
        self.floor.need(now_ms := self.clock())
        for cost in (Cost.WASTE, Cost.BYTES, Cost.ENTRIES):
            self._allowances.need(peer, cost, now_ms)
        request = await self._request(peer, lane, channel)
        path = pull.pull_path(self.us, lane, request.answer)
        reply = await self.transport.pull(peer, path, pull.to_bytes(request), request.wait_s)
        self._allowances.owe(peer, Cost.BYTES, len(reply.body), self.clock())
        channel.refusal = None
        if reply.status != HTTP_OK:
            raise _PauseError(answers.from_bytes(reply.body).code)
        offer = pull.read_offer(reply.body)
        channel.nonce = offer.nonce
        entries = 0 if offer.push is None else await self._take(peer, lane, channel, offer.push)
        channel.attempts = 0
        return entries

    async def _request(self, peer: str, lane: Lane, channel: _Channel) -> Pull:
        answer = channel.refusal
        if answer is None:
            answer = await self.inbox.question(peer, lane, channel.nonce)
        else:
            answer = msgspec.structs.replace(answer, nonce=channel.nonce)
        told = answer.told is not None and answer.told.position.epoch is not None
        receipt = await self.inbox.last_receipt(peer, lane) if told else None
        return Pull(1, self.wait_s if channel.refusal is None else 0, receipt, answer)

    async def _take(self, peer: str, lane: Lane, channel: _Channel, offered: Offered) -> int:
        """Take an offered push as if it had been sent to us; how it was refused is told next.

        Raises:
            BadAnswerError: we hold it already, and have said so.
        """
        found = await self.inbox.precheck(
            peer, lane, offered.epoch, offered.start, offered.head, Purpose.PULL
        )
        if isinstance(found, bytes):
            raise BadAnswerError("offer: follows another state than was told")
        entries = 0
        if isinstance(found, Admitted):
            entries = found.entries
            found = await self._take_admitted(found, offered)
        if isinstance(found, Answer):
            if found.code in COMPARED:
                self._allowances.charge(peer, Cost.WASTE, self.clock())
            channel.refusal = found
            raise _PauseError(found.code)
        return entries

    async def _take_admitted(self, admitted: Admitted, offered: Offered) -> Answer | bytes:
        """Keep an admitted push, within what its sender has left."""
        peer, now_ms = admitted.sender, self.clock()
        if offered.start == 0:
            self._allowances.spend(peer, Cost.EPOCHS, 1, now_ms)
        self._allowances.spend(peer, Cost.ENTRIES, admitted.entries, now_ms)
        with self.floor.keeping(now_ms):
            taken = await self.inbox.take(admitted, offered.sealed)
        if isinstance(taken, Answer) and taken.code is not AnswerCode.BUSY:
            self._allowances.charge(peer, Cost.WASTE, now_ms)
        return taken


def _pairs(registry: Registry, us: str) -> list[tuple[str, Lane]]:
    """Every channel to pull on: of each active member that can be called, if we cannot."""
    if us not in registry.members or registry.members[us].reachable:
        return []
    return [
        (peer, lane)
        for peer, document in sorted(registry.members.items())
        if document.reachable and registry.is_active(peer)
        for lane in Lane
        if may_send(registry, peer, us, lane)
    ]
