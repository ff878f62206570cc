"""A node that was lost and comes back: what it does instead of its work until it is whole again.

While it asks it takes into custody what its peers say again, and neither judges, places nor says
anything. When a person has ended the asking it rebuilds, and from then on works as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.casework.rebuilding import Rebuilding
from node.peer.recovering import Recovering
from node.store.recovered import ASKING, Recovered


@dataclass(slots=True, kw_only=True)
class ComingBack:
    """The steps of one node that comes back; `over` as soon as it has no more to do."""

    store: Recovered
    asking: Recovering
    rebuilding: Rebuilding
    over: bool = False

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
        self.over = True
        return None
