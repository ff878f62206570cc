"""Cosignatures on our ledger, on the embedded store.

Implements `node.peer.ledgers.witnessing.CosignatureStore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from node.peer.ledgers.forgetting import Forgotten
from node.peer.ledgers.witnessing import AHEAD, Ask, Given, SignedHead
from node.store.items.tasks import open_task
from node.store.ledgers.ledger import leaf_hashes
from node.store.ledgers.witness import forgotten
from node.store.seam import Connection
from node.store.writer import Readers, Writer


class CosignatureRow(NamedTuple):
    """One cosignature: the number of the head, who gave it, its lines, its time."""

    head: int
    witness: str
    lines: bytes
    time_s: int


class LedgerFigures(NamedTuple):
    """Our ledger as operators see it: when its newest head was signed (ms UTC), what stands on it.

    `signed_ms` is None before the first head. `given`: the cosignatures on it. `asks`: how the last
    request to each witness went. `forgotten`: what a restore left of our own memory as a witness.
    """

    signed_ms: int | None
    given: tuple[Given, ...]
    partners: frozenset[str]
    asks: Mapping[str, Ask]
    forgotten: Forgotten | None = None


class Cosignatures:
    """What witnesses said of our ledger."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def newest(self) -> SignedHead | None:
        """See `CosignatureStore.newest`."""
        return await self._readers.run(newest_head)

    async def partners(self) -> set[str]:
        """See `CosignatureStore.partners`."""
        return await self._readers.run(partners)

    async def asks(self) -> dict[str, Ask]:
        """See `CosignatureStore.asks`."""
        return await self._readers.run(asks)

    async def last_size(self, epoch: bytes, witness: str) -> int:
        """See `CosignatureStore.last_size`."""
        row = await self._readers.run(
            lambda c: c.execute(
                "SELECT coalesce(max(h.size), 0) FROM ledger_cosignatures s"
                " JOIN ledger_heads h ON h.number = s.head WHERE h.epoch = ? AND s.witness = ?",
                (epoch, witness),
            ).fetchone()
        )
        return int(row[0])

    async def leaves(self, epoch: bytes, size: int) -> list[bytes]:
        """See `CosignatureStore.leaves`."""
        return await self._readers.run(lambda c: leaf_hashes(c, epoch, size))

    async def keep(self, number: int, witness: str, lines: bytes, time_s: int, now_ms: int) -> None:
        """See `CosignatureStore.keep`."""

        def job(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO ledger_cosignatures VALUES (?, ?, ?, ?)",
                (number, witness, lines, time_s),
            )
            _remember(connection, witness, Ask(0, 0, None), now_ms)

        await self._writer.run(job)

    async def failed(self, witness: str, ask: Ask, now_ms: int) -> None:
        """See `CosignatureStore.failed`."""

        def job(connection: Connection) -> None:
            _remember(connection, witness, ask, now_ms)
            if ask.problem == AHEAD:
                open_task(connection, AHEAD, witness, now_ms)

        await self._writer.run(job)


def _remember(connection: Connection, witness: str, ask: Ask, now_ms: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO witness_asks VALUES (?, ?, ?, ?, ?)",
        (witness, now_ms, ask.failures, ask.next_ms, ask.problem),
    )


def newest_head(connection: Connection) -> SignedHead | None:
    """Return our newest head, with who cosigned it."""
    row = connection.execute(
        "SELECT number, note FROM ledger_heads ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    return SignedHead(row[0], row[1], given(connection, *row))


def cosigned(connection: Connection, number: int) -> list[CosignatureRow]:
    """Return the cosignatures on one head, the earliest first."""
    rows = connection.execute(
        "SELECT head, witness, lines, time_s FROM ledger_cosignatures WHERE head = ?"
        " ORDER BY time_s, witness",
        (number,),
    )
    return [CosignatureRow(*row) for row in rows]


def given(connection: Connection, number: int, note: bytes) -> tuple[Given, ...]:
    """Return what was given on one head, the earliest first; `note` is that head's."""
    return tuple(Given(one.witness, note, *one[2:]) for one in cosigned(connection, number))


def cosignatures(connection: Connection) -> list[CosignatureRow]:
    """Return every cosignature on our ledger, by head and witness."""
    rows = connection.execute(
        "SELECT head, witness, lines, time_s FROM ledger_cosignatures ORDER BY head, witness"
    )
    return [CosignatureRow(*row) for row in rows]


def partners(connection: Connection) -> set[str]:
    """Return the members with which we have a channel, in either direction."""
    rows = connection.execute("SELECT peer FROM channels_out UNION SELECT peer FROM channels_in")
    return {peer for (peer,) in rows}


def figures(connection: Connection) -> LedgerFigures:
    """Return our ledger as operators see it."""
    row = connection.execute(
        "SELECT number, note, signed_ms FROM ledger_heads ORDER BY number DESC LIMIT 1"
    ).fetchone()
    on_it = () if row is None else given(connection, *row[:2])
    signed_ms = None if row is None else row[2]
    known = frozenset(partners(connection))
    return LedgerFigures(signed_ms, on_it, known, asks(connection), forgotten(connection))


def asks(connection: Connection) -> dict[str, Ask]:
    """Return how the last request to each witness went."""
    rows = connection.execute("SELECT witness, failures, next_ms, problem FROM witness_asks")
    return {row[0]: Ask(*row[1:]) for row in rows}
