"""Questions to proxies where hosts stand (`node.asking.origins.OriginStore`).

Found by a keyed fingerprint of the host; what is asked and answered is the body. While questions
wait for a proxy's answer, the task `origin_unanswered` names the proxy, or `origin_to_ask` where
people ask it; `origin_given_up` does once one of them was given up, until a person closes it. What
a person recorded beside the node is told to it by the task `origin_told`, which it closes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from node.jurisdiction.origins import FORGET_MS, Question
from node.matching.fingerprints import Fingerprints
from node.store.items.tasks import close_task, open_task
from node.store.seam import Connection
from node.store.writer import Readers, Writer

UNANSWERED = "origin_unanswered"
TO_ASK = "origin_to_ask"
GIVEN_UP = "origin_given_up"
TOLD = "origin_told"
SUBJECT = "hosters"
"""Of the task that tells the node."""
_decoder = msgspec.msgpack.Decoder(Question)


class OriginBook:
    """Reads on a connection of its own, writes in the one writer."""

    def __init__(self, writer: Writer, readers: Readers, fingerprints: Fingerprints) -> None:
        self._writer = writer
        self._readers = readers
        self._fingerprints = fingerprints

    async def questions(self) -> list[Question]:
        """See `OriginStore.questions`; the longest waiting first."""
        return await self._readers.run(all_questions)

    async def keep(
        self,
        questions: Sequence[Question],
        waiting: Mapping[str, int],
        now_ms: int,
        by_hand: Mapping[str, int] | None = None,
    ) -> None:
        """See `OriginStore.keep`; answers that are long over are forgotten."""
        rows = [self._row(one) for one in questions]
        left = sorted({one.provider for one in questions if one.given_up_ms is not None})

        def job(connection: Connection) -> None:
            told = _told(connection)
            spoken = {self._fingerprints.host(one.host) for one in told}
            _put(connection, [row for row in rows if row[0] not in spoken])
            connection.execute(
                "DELETE FROM origin_questions WHERE expires_ms < ?", (now_ms - FORGET_MS,)
            )
            for provider in left:
                open_task(connection, GIVEN_UP, provider, now_ms)
            for provider, count in waiting.items():
                (open_task if count else close_task)(connection, UNANSWERED, provider, now_ms)
            for provider, count in (by_hand or {}).items():
                (open_task if count else close_task)(connection, TO_ASK, provider, now_ms)

        await self._writer.run(job)

    async def told(self) -> list[Question]:
        """See `OriginStore.told`."""
        return await self._readers.run(_told)

    async def heard(self, questions: Sequence[Question], now_ms: int) -> None:
        """See `OriginStore.heard`."""

        def job(connection: Connection) -> None:
            if _told(connection) == list(questions):
                close_task(connection, TOLD, SUBJECT, now_ms)

        await self._writer.run(job)

    async def tell(self, question: Question, now_ms: int) -> None:
        """Keep what a person was told, and let the node hear of it."""

        def job(connection: Connection) -> None:
            _put(connection, [self._row(question)])
            open_task(connection, TOLD, SUBJECT, now_ms)

        await self._writer.run(job)

    def _row(self, one: Question) -> tuple[bytes, int, int | None, bytes]:
        key = self._fingerprints.host(one.host)
        return key, one.asked_ms, one.expires_ms, msgspec.msgpack.encode(one)


def _put(connection: Connection, rows: Sequence[tuple[bytes, int, int | None, bytes]]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO origin_questions (key, asked_ms, expires_ms, body)"
        " VALUES (?, ?, ?, ?)",
        rows,
    )


def _told(connection: Connection) -> list[Question]:
    """Return what people recorded, while the node has not heard of it."""
    waits = connection.execute(
        "SELECT 1 FROM tasks WHERE code = ? AND subject = ? AND closed_ms IS NULL", (TOLD, SUBJECT)
    ).fetchone()
    if waits is None:
        return []
    return [one for one in all_questions(connection) if one.told_by is not None]


def all_questions(connection: Connection) -> list[Question]:
    """Return all questions, the longest waiting first."""
    rows = connection.execute("SELECT body FROM origin_questions ORDER BY asked_ms, key").fetchall()
    return [_decoder.decode(row[0]) for row in rows]
