"""A node that was lost and comes back: what it does instead of its work until it is whole again.

While it asks it takes into custody what its peers say again, and neither judges, places nor says
anything. When a person has ended the asking it rebuilds, and from then on works as ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from node.casework.rebuilt.rebuilding import Rebuilding
from node.peer.recovery.recovering import ASKING, Recovering
from node.peer.recovery.replaying import Replaying
from node.store.recovery.recovered import Recovered
from protocol.recovery import Page, Recover, Standing, StandingCode
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from keys.registry import Registry
    from keys.sealing import SealingKey
    from node.casework.desk import Desk
    from node.matching.fingerprints import Fingerprints
    from node.peer.transport import RecoverTransport
    from node.store.sqlite import Store


@dataclass(slots=True, kw_only=True)
class ComingBack:
    """The steps of one node that comes back, once it has looked; `over`: nothing is to be done.

    `on_whole` is called when it is rebuilt: its channels stand on rows that were not there before.
    """

    store: Recovered
    asking: Recovering
    rebuilding: Rebuilding
    replaying: Replaying
    on_whole: Callable[[], Awaitable[None]]
    over: bool = True

    async def look(self) -> None:
        """See whether there is anything to do, before the first step."""
        self.over = await self.store.phase() is None

    async def replay(self) -> int:
        """After a restore, erase again what we had said that we erased; how many peers to ask.

        Raises:
            StoreError: something could not be read or erased; call again.
        """
        return await self.replaying.ask_due() if self.over else 0

    async def brought(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Take what a peer brings that cannot be asked: all, or our erasures after a restore.

        Raises:
            StoreError: nothing was kept.
        """
        asked = await self.asking.brought(peer, lane, brought)
        if asked == Standing(1, StandingCode.NOT_RECOVERING) and lane is Lane.STATUS:
            return await self.replaying.brought(peer, lane, brought)
        return asked

    async def step(self) -> int | None:
        """Do what is due; return how many pages came, or None when the node is whole.

        Raises:
            StoreError: something could not be kept; call again.
        """
        if self.over:
            return None
        phase = await self.store.phase()
        if phase == ASKING:
            return await self.asking.ask_due()
        if phase is not None:
            await self.rebuilding.run()
            await self.on_whole()
        self.over = True
        return None


def build_coming_back(  # noqa: PLR0913 - part of the composition root
    *,
    us: str,
    store: Store,
    desk: Desk,
    fingerprints: Fingerprints,
    transport: RecoverTransport,
    registry: Callable[[], Registry],
    sealing_key: Callable[[str], SealingKey | None],
    node_secret: bytes,
    clock: Callable[[], int],
    jitter: Callable[[int], int],
    on_registry_behind: Callable[[], None],
    on_whole: Callable[[], Awaitable[None]],
) -> ComingBack:
    """Put the parts together, and close the desk until the node is whole."""
    rebuilding = Rebuilding(
        us=us,
        store=store.recovered,
        history=store.queries,
        cases=store.cases,
        desk=desk,
        registry=registry,
        fingerprints=fingerprints,
        node_secret=node_secret,
        clock=clock,
    )
    seams = _Seams(
        us, transport, registry, sealing_key, node_secret, clock, jitter, on_registry_behind
    )
    made = ComingBack(
        store=store.recovered,
        asking=seams.asking(store),
        rebuilding=rebuilding,
        replaying=seams.replaying(store, rebuilding),
        on_whole=on_whole,
    )
    desk.closed = lambda: not made.over
    return made


class _Seams(NamedTuple):
    """What asking peers needs, whatever is asked."""

    us: str
    transport: RecoverTransport
    registry: Callable[[], Registry]
    sealing_key: Callable[[str], SealingKey | None]
    node_secret: bytes
    clock: Callable[[], int]
    jitter: Callable[[int], int]
    on_registry_behind: Callable[[], None]

    def asking(self, store: Store) -> Recovering:
        return Recovering(store=store.recovered, **self._asdict())

    def replaying(self, store: Store, rebuilding: Rebuilding) -> Replaying:
        return Replaying(facts=store.history, erase_again=rebuilding.erase_again, **self._asdict())
