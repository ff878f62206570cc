"""The order in which a channel's epochs followed each other, whatever the clock did meanwhile.

Who looks for the newest epoch of a channel (docs/protocol.md §8.14) goes by when each was opened. A
clock that was ahead and was put right would make an older one look newer, and an honest member
would be missed in its own ledger for ever. So no epoch is kept as opened before one that it came
after.
"""

from __future__ import annotations

from typing import Literal

from node.store.seam import Connection


def opened_ms(
    connection: Connection,
    table: Literal["epochs_in", "epochs_out"],
    peer: str,
    lane: str,
    now_ms: int,
) -> int:
    """Return the time to keep for an epoch opened at `now_ms` (UTC): after all before it."""
    (last_ms,) = connection.execute(
        f"SELECT max(opened_ms) FROM {table} WHERE peer = ? AND lane = ?",  # noqa: S608 - own names
        (peer, lane),
    ).fetchone()
    return now_ms if last_ms is None else max(now_ms, last_ms + 1)
