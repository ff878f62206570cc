"""Hosters, their contacts, and what registers said of ranges (`node.jurisdiction.directory`).

A hoster is one row; what is told of it and what a person decides on its contacts is worked in by
pure functions (`node.jurisdiction.contacts`) inside the writer's transaction, so nothing of two who
write at once is lost. With it goes what a person must see: the task `contact_unverified` while a
contact waits, `contact_unknown` while there is none.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from node.jurisdiction.contacts import Hoster, decided, met
from node.jurisdiction.directory import DAY_MS, Range, Told, holding
from node.store.bulk import select_in
from node.store.items.tasks import close_task, open_task
from node.store.places.sought import SoughtBook
from node.store.seam import Connection
from node.store.writer import Readers, Writer

UNVERIFIED = "contact_unverified"
UNKNOWN = "contact_unknown"
_FORGET_MS = 30 * DAY_MS
_RANGES = (
    "SELECT prefix, outcome, hoster, asked_ms, expires_ms, handle, parent FROM hoster_ranges"
    " WHERE prefix IN ({})"
)
_decoder = msgspec.msgpack.Decoder(Hoster)


class HosterBook:
    """Reads on a connection of its own, writes in the one writer. `sought`: who is looked for."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self.sought = SoughtBook(writer, readers)
        self._writer = writer
        self._readers = readers

    async def range_of(self, address: str, now_ms: int) -> Range | None:
        """See `HosterStore.range_of`. What was asked in the future counts as old."""
        found = await self._ranges(address)
        return next((one for one in found if one.asked_ms <= now_ms < one.expires_ms), None)

    async def last_of(self, address: str) -> Range | None:
        """See `HosterStore.last_of`."""
        return next((one for one in await self._ranges(address) if one.hoster is not None), None)

    async def hoster(self, key: str) -> Hoster | None:
        """See `HosterStore.hoster`."""
        return await self._readers.run(lambda connection: _read(connection, key))

    async def keep(self, told: Told, found: Range | None, now_ms: int) -> Hoster:
        """See `HosterStore.keep`."""

        def job(connection: Connection) -> Hoster:
            if found is not None:
                _keep_range(connection, found, now_ms)
            known = _read(connection, told.key)
            made = met(
                known,
                told.key,
                told.name,
                told.contacts,
                told.named_by,
                now_ms,
                told.verify_ms,
                told.source,
            )
            if made is not known:
                _write(connection, made, now_ms)
            return made

        return await self._writer.run(job)

    async def keep_range(self, found: Range) -> None:
        """See `HosterStore.keep_range`."""
        await self._writer.run(lambda connection: _keep_range(connection, found, found.asked_ms))

    async def decide(
        self,
        key: str,
        address: str,
        decision: Literal["verified", "refused"],
        by: str,
        now_ms: int,
    ) -> Hoster | None:
        """Keep what a person decided on a contact; None: there is no such hoster or contact."""

        def job(connection: Connection) -> Hoster | None:
            known = _read(connection, key)
            made = None if known is None else decided(known, address, decision, by, now_ms)
            if made is not None:
                _write(connection, made, now_ms)
            return made

        return await self._writer.run(job)

    async def paused_until(self, server: str) -> int:
        """See `node.asking.https.Pauses`."""
        row = await self._readers.run(
            lambda c: c.execute(
                "SELECT until_ms FROM paused_servers WHERE server = ?", (server,)
            ).fetchone()
        )
        return 0 if row is None else int(row[0])

    async def pause(self, server: str, until_ms: int) -> None:
        """See `node.asking.https.Pauses`."""
        await self._writer.run(
            lambda c: (
                c.execute(
                    "INSERT OR REPLACE INTO paused_servers (server, until_ms) VALUES (?, ?)",
                    (server, until_ms),
                ).rowcount
            )
        )

    async def _ranges(self, address: str) -> list[Range]:
        """Return what is kept of ranges that hold an address, the smallest first."""
        spelt = holding(address)

        def query(connection: Connection) -> list[Range]:
            rows = [Range(*row) for row in select_in(connection, _RANGES, spelt)]
            return sorted(rows, key=lambda one: spelt.index(one.prefix))

        return await self._readers.run(query)


def all_hosters(connection: Connection) -> list[Hoster]:
    """Return all hosters, in the order of their keys."""
    rows = connection.execute("SELECT body FROM hosters ORDER BY key").fetchall()
    return [_decoder.decode(row[0]) for row in rows]


def _read(connection: Connection, key: str) -> Hoster | None:
    row: Any = connection.execute("SELECT body FROM hosters WHERE key = ?", (key,)).fetchone()
    return None if row is None else _decoder.decode(row[0])


def _write(connection: Connection, hoster: Hoster, now_ms: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO hosters (key, changed_ms, body) VALUES (?, ?, ?)",
        (hoster.key, hoster.changed_ms, msgspec.msgpack.encode(hoster)),
    )
    unknown = hoster.standing == "unknown_contact"
    for code, waits in ((UNVERIFIED, bool(hoster.waiting)), (UNKNOWN, unknown)):
        (open_task if waits else close_task)(connection, code, hoster.key, now_ms)


def _keep_range(connection: Connection, found: Range, now_ms: int) -> None:
    """Keep a range, and forget failures and unknown blocks that are long over."""
    connection.execute(
        "INSERT OR REPLACE INTO hoster_ranges"
        " (prefix, known, outcome, hoster, asked_ms, expires_ms, handle, parent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            found.prefix, int(found.hoster is not None), found.outcome, found.hoster,
            found.asked_ms, found.expires_ms, found.handle, found.parent,
        ),
    )  # fmt: skip
    connection.execute(
        "DELETE FROM hoster_ranges WHERE known = 0 AND expires_ms < ?",
        (now_ms - _FORGET_MS,),
    )
