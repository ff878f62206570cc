"""Signed heads of the history, and the store's own small facts.

The chain of events shows any change made inside it; a signed head shows a chain that was rewritten
as a whole. A head also covers the messages for other members, so that none can be taken out or
changed before it stands in a signed log. Heads are signed by the log key, at most once a minute
while something happens, and at a clean stop; what they cover is read beside the writer.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from node.store.items.cases import EMPTY_CHAIN
from node.store.items.erasing import BURIED_LEAF
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.entry import leaf as entry_leaf

EMPTY_DIGEST = bytes(32)
SET_BACK: Final = "set_back"
"""The fact of a database that lacks what its server had confirmed, until a person knows it."""
MessageFacts = tuple[int, str, str, bytes, int, str | None, bytes | None]
"""seq, peer, lane, entry_id, kind, item, leaf of one row of messages_out."""


@dataclass(frozen=True, slots=True)
class Head:
    """The history up to event number `size`, and the messages up to number `messages`.

    `chain` is the value of the events' chain there, `digest` that of the messages' (32 bytes).
    """

    size: int
    chain: bytes
    messages: int
    digest: bytes


class History:
    """Heads and meta facts of one database."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def sign_head(self, sign: Callable[[Head], bytes]) -> Head | None:
        """Sign the present head if anything came since the last one; None: nothing new."""
        head = await self._readers.run(_present)
        if head is None:
            return None
        note = sign(head)
        row = (head.size, head.messages, head.digest, note)
        await self._writer.run(
            lambda c: c.execute("INSERT OR IGNORE INTO history_heads VALUES (?, ?, ?, ?)", row)
        )
        return head

    async def fact(self, name: str) -> str | None:
        """Return a fact about this database, such as when it was restored."""
        return await self._readers.run(lambda c: fact(c, name))

    async def set_fact(self, name: str, value: str | None) -> None:
        """Keep a fact about this database; None forgets it."""

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM meta WHERE name = ?", (name,))
            if value is not None:
                connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))

        await self._writer.run(job)


def fact(connection: Connection, name: str) -> str | None:
    """Return a fact about this database; None: it is none of it."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def first_learnt_ms(connection: Connection) -> int | None:
    """Return when the oldest event was learnt; None: there is none yet."""
    row = connection.execute(
        "SELECT learnt_ms FROM events WHERE seq > 0 ORDER BY seq LIMIT 1"
    ).fetchone()
    return None if row is None else int(row[0])


def _present(connection: Connection) -> Head | None:
    last = connection.execute(
        "SELECT size, messages, digest FROM history_heads ORDER BY size DESC, messages DESC LIMIT 1"
    ).fetchone()
    signed, messages, digest = last if last is not None else (0, 0, EMPTY_DIGEST)
    event = connection.execute("SELECT seq, chain FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    size, chain = event if event is not None else (0, EMPTY_CHAIN)
    rows = connection.execute(
        f"SELECT m.seq, m.peer, m.lane, m.entry_id, m.kind, m.item, m.entry, {BURIED_LEAF}"  # noqa: S608 - own
        " FROM messages_out m WHERE m.seq > ? ORDER BY m.seq",
        (messages,),
    )
    facts = ((*row[:6], leaf_of(row[6], row[7])) for row in rows)
    walked = deque(digests(facts, digest), maxlen=1)
    covered = walked[0] if walked else (messages, digest)
    return Head(size, chain, *covered) if (size, covered[0]) != (signed, messages) else None


def digests(rows: Iterable[MessageFacts], digest: bytes) -> Iterable[tuple[int, bytes]]:
    """Yield, message by message, its number and the chain over all up to it."""
    for facts in rows:
        packed = msgspec.msgpack.encode(facts)
        digest = hashlib.sha256(b"\x02" + digest + packed).digest()
        yield facts[0], digest


def leaf_of(entry: bytes | None, buried: bytes | None) -> bytes | None:
    """The leaf of a message, or that of the tombstone that is left of it."""
    return buried if entry is None else entry_leaf(entry)
