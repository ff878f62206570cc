"""Questions to proxies where hosts stand (`node.asking.origins.OriginStore`).

Found by a keyed fingerprint of the host; what is asked and answered is the body. While questions
wait for a proxy's answer, the task `origin_unanswered` names the proxy; `origin_given_up` does once
one of them was given up, until a person closes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from node.jurisdiction.origins import FORGET_MS, Question
from node.matching.fingerprints import Fingerprints
from node.store.seam import Connection
from node.store.tasks import close_task, open_task
from node.store.writer import Readers, Writer

UNANSWERED = "origin_unanswered"
GIVEN_UP = "origin_given_up"
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
        self, questions: Sequence[Question], waiting: Mapping[str, int], now_ms: int
    ) -> None:
        """See `OriginStore.keep`; answers that are long over are forgotten."""
        rows = [
            (
                self._fingerprints.host(one.host),
                one.asked_ms,
                one.expires_ms,
                msgspec.msgpack.encode(one),
            )
            for one in questions
        ]

        left = sorted({one.provider for one in questions if one.given_up_ms is not None})

        def job(connection: Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO origin_questions (key, asked_ms, expires_ms, body)"
                " VALUES (?, ?, ?, ?)",
                rows,
            )
            connection.execute(
                "DELETE FROM origin_questions WHERE expires_ms < ?", (now_ms - FORGET_MS,)
            )
            for provider in left:
                open_task(connection, GIVEN_UP, provider, now_ms)
            for provider, count in waiting.items():
                (open_task if count else close_task)(connection, UNANSWERED, provider, now_ms)

        await self._writer.run(job)


def all_questions(connection: Connection) -> list[Question]:
    """Return all questions, the longest waiting first."""
    rows = connection.execute("SELECT body FROM origin_questions ORDER BY asked_ms, key").fetchall()
    return [_decoder.decode(row[0]) for row in rows]
