"""After a restore: what we had said that we erased is erased again (docs/protocol.md §8.13).

A backup from before an erasure has the item still. That we erased it we had said to every member
concerned, in our own signed log; so each peer is asked, at the first contact after the restore, for
that and nothing else; one that cannot be asked comes by itself. What it handed over after the
backup, and we erased, comes again later: so it is asked once more. Only our own word counts, proved
as in a recovery, and said to a member of the item's story: a peer that lies can keep it back, and
make us erase nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.apart import apart
from node.peer.channels import pacing
from node.peer.errors import CallError, PeerError
from node.peer.recovery.recovering import ROUND_MS, FindSealingKey, channels, open_page
from node.peer.transport import RecoverTransport
from protocol import recovery
from protocol.checkpoint import Channel
from protocol.entry import decode, is_made_with
from protocol.errors import ProtocolError
from protocol.recovery import Held, Page, Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Lane

CAP_MS = 600_000
AGAIN_MS = 25 * 3_600_000
"""A sender asks for the state of its channel every day (§8.5.4). So by then what a peer said after
the backup is here again, and what of it we had erased can be erased."""
_FACT = "erasures "


class Facts(Protocol):
    """What asking needs of the store: small facts of this database. Raises `StoreError`."""

    async def fact(self, name: str) -> str | None:
        """Return a fact."""
        ...

    async def set_fact(self, name: str, value: str | None) -> None:
        """Keep a fact."""
        ...


class EraseAgain(Protocol):
    """What an entry that is shown is given to. Raises `StoreError`."""

    def __call__(self, raw: bytes, told: str, *, last: bool) -> Awaitable[object]:
        """Erase again what this says that we erased, and said to `told`; see `Rebuilding`."""
        ...


@dataclass(slots=True, kw_only=True)
class Replaying:
    """Asks every peer twice after a restore; `erase_again` is given each entry that it shows.

    What is in doubt is put before a person the second time: who else is to show it, or is to say
    again what came after the backup, has done so by then.
    """

    us: str
    facts: Facts
    transport: RecoverTransport
    registry: Callable[[], Registry]
    sealing_key: FindSealingKey
    node_secret: bytes
    erase_again: EraseAgain
    clock: Callable[[], int]
    jitter: Callable[[int], int]
    on_registry_behind: Callable[[], None] = lambda: None
    _attempts: dict[str, int] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _next_ms: dict[str, int] = field(default_factory=dict)

    async def ask_due(self) -> int:
        """Ask the peers whose turn it is since the restore; return how many of them still wait.

        Raises:
            StoreError: something could not be read or erased; call again.
        """
        restored = await self.facts.fact("restored_ms")
        if restored is None:
            return 0
        now_ms = self.clock()
        peers = [p for p, lane in channels(self.registry(), self.us) if lane is Lane.STATUS]
        waiting = [p for p in peers if await self._is_to_be_asked(p, restored)]
        due = [peer for peer in waiting if pacing.is_due(now_ms, self._next_ms.get(peer, 0))]
        done = await asyncio.gather(*(self._ask(peer, restored) for peer in due))
        return len(waiting) - sum(done)

    async def brought(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Take what a peer brings that cannot be asked; return what is asked for next (§8.13.10).

        A page that is not believed moves nothing: the same is asked for again.

        Raises:
            StoreError: something could not be read or erased.
        """
        restored = await self.facts.fact("restored_ms")
        unasked = (peer, lane) in channels(self.registry(), self.us, reachable=False)
        if restored is None or not unasked or not await self._is_to_be_asked(peer, restored):
            return Standing(1, StandingCode.NOT_RECOVERING)
        held = self._held.get(peer, Held())
        if isinstance(brought, Standing):
            if brought.code is StandingCode.END:
                await self._answered(peer, restored)
                return Standing(1, StandingCode.NOT_RECOVERING)
        else:
            try:
                held = await self._take(peer, held, brought)
            except (ProtocolError, KeysError):
                self.on_registry_behind()
            self._held[peer] = held
        return Recover(1, Scope.ERASURES, held.epoch, held.edge.size)

    async def _ask(self, peer: str, restored: str) -> bool:
        """Ask one peer for all of it, or for what it gives in one go; whether that was all.

        Never raises for the peer's trouble.
        """
        try:
            if not await apart(peer, self._pages(peer)):
                return False
        except (PeerError, ProtocolError, KeysError) as error:
            if not isinstance(error, PeerError):  # a line's fault says nothing of what came before
                self._held.pop(peer, None)
            if isinstance(error, CallError) and error.refresh:
                self.on_registry_behind()
            attempts = self._attempts.get(peer, 0) + 1
            pause_ms = pacing.backoff_ms(attempts, self.jitter, CAP_MS)
            self._attempts[peer], self._next_ms[peer] = attempts, self.clock() + pause_ms
            return False
        await self._answered(peer, restored)
        return True

    async def _is_to_be_asked(self, peer: str, restored: str) -> bool:
        """Whether it has not answered since the restore, or once and long ago.

        The fact is when we were restored, and beside it when the first answer came.
        """
        found = await self.facts.fact(_FACT + peer)
        at, _, first_ms = (found or "").partition(" ")
        if at != restored:
            return True
        return bool(first_ms) and pacing.is_past(self.clock(), int(first_ms), AGAIN_MS)

    async def _answered(self, peer: str, restored: str) -> None:
        self._held.pop(peer, None)
        is_first = await self._is_first(peer, restored)
        value = f"{restored} {self.clock()}" if is_first else restored
        await self.facts.set_fact(_FACT + peer, value)

    async def _is_first(self, peer: str, restored: str | None) -> bool:
        """Whether it has not answered since the restore."""
        found = await self.facts.fact(_FACT + peer)
        return found is None or found.partition(" ")[0] != restored

    async def _pages(self, peer: str) -> bool:
        """Take pages until there are no more, or for long enough; whether these were all."""
        path, began_ms = recovery.recover_path(self.us, Lane.STATUS), self.clock()
        while not pacing.is_past(self.clock(), began_ms, ROUND_MS):
            held = self._held.get(peer, Held())
            asked = Recover(1, Scope.ERASURES, held.epoch, held.edge.size)
            found = await self.transport.recover(peer, path, recovery.to_bytes(asked))
            if isinstance(found, Standing):
                if found.code is StandingCode.END:
                    return True
                raise NotShownError(NotShownError.__doc__)
            self._held[peer] = await self._take(peer, held, found)
        return False

    async def _take(self, peer: str, held: Held, page: Page) -> Held:
        """Erase again what a page shows, once it is verified; return where it ends.

        Raises:
            ProtocolError, KeysError: it is not what we had signed, or does not open.
        """
        registry = self.registry()
        channel = Channel(registry.network_id, self.us, peer, Lane.STATUS)
        after, _, elements = open_page(registry, channel, held, page, self.sealing_key)
        last = not await self._is_first(peer, await self.facts.fact("restored_ms"))
        for one in elements:
            if one.entry is not None and is_made_with(self.node_secret, decode(one.entry)):
                await self.erase_again(one.entry, peer, last=last)
        return after


class NotShownError(ProtocolError):
    """A peer does not show what we had said that we erased; it is asked again."""

    code = "erasures_not_shown"
