"""P7 and P11: nodes whose databases hold very many items already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from benchmarks import measures, preset
from benchmarks.floor import HOSTS
from benchmarks.machine import rss_mb
from benchmarks.pair import Pair
from benchmarks.watch import database_of

FOLLOWED_PER_S = 5_000
"""Items that even a slow machine reads in a second at the first start after they were made."""


async def fill(pair: Pair, items: int, say: Callable[[str], None]) -> None:
    """Stop both nodes, put `items` items into each database, start them, warm the names again."""
    pair.unwatch()
    for member in (pair.sender, pair.receiver):
        await member.stop()
        await asyncio.to_thread(preset.fill, *database_of(member), items, say)
    for member in (pair.receiver, pair.sender):
        # The index of pictures has yet to follow what was written without it.
        await measures.restart(member, measures.READY_S + items / FOLLOWED_PER_S)
    pair.watch()
    await measures.bulk(pair, HOSTS, "again")


def memory_mb(pair: Pair) -> float:
    """Return the memory of the node that holds more, in MB."""
    running = [member.running for member in (pair.sender, pair.receiver)]
    return max(rss_mb(one.pid) for one in running if one is not None)
