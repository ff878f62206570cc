"""Tokens, answered requests and open tasks in the embedded store (`node.api.access.AccessStore`).

Only the SHA-256 of a token is kept. An `Idempotency-Key` is reserved by an insertion that does
nothing if the key is there: of two that come at once, the second finds what the first put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from node.api.access import Reserved, Scope, StoredAnswer, TokenRecord
from node.store.items.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.store.seam import Connection
    from node.store.writer import Readers, Writer

_SELECT = "SELECT token_sha256, name, scopes, created_ms, expires_ms, revoked_ms FROM tokens"


class Access:
    """Reads on a connection of its own, writes in the node's one writer."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def find_token(self, token_sha256: bytes) -> TokenRecord | None:
        """See `AccessStore.find_token`."""

        def query(connection: Connection) -> Any:
            return connection.execute(
                _SELECT + " WHERE token_sha256 = ?", (token_sha256,)
            ).fetchone()

        row = self._readers.look_up(query)
        return None if row is None else _token(row)

    async def add_token(self, token: TokenRecord) -> None:
        """See `AccessStore.add_token`."""
        await self._writer.run(lambda connection: insert_token(connection, token))

    async def list_tokens(self) -> Sequence[TokenRecord]:
        """See `AccessStore.list_tokens`."""

        def query(connection: Connection) -> list[Any]:
            return connection.execute(_SELECT + " ORDER BY created_ms, token_sha256").fetchall()

        return [_token(row) for row in await self._readers.run(query)]

    async def revoke_token(self, token_sha256: bytes, now_ms: int) -> None:
        """See `AccessStore.revoke_token`."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE tokens SET revoked_ms = ? WHERE token_sha256 = ? AND revoked_ms IS NULL",
                (now_ms, token_sha256),
            )

        await self._writer.run(job)

    async def reserve(
        self,
        token_sha256: bytes,
        key: str,
        body_sha256: bytes,
        now_ms: int,
        item: str | None = None,
    ) -> Reserved:
        """See `AccessStore.reserve`."""

        def job(connection: Connection) -> Reserved:
            fresh = connection.execute(
                "INSERT INTO idempotency (token_sha256, key, body_sha256, created_ms)"
                " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (token_sha256, key, body_sha256, now_ms),
            ).rowcount
            if fresh == 1:
                if item is not None:
                    connection.execute(
                        "INSERT INTO answers_about (token_sha256, key, item) VALUES (?, ?, ?)",
                        (token_sha256, key, item),
                    )
                return Reserved(body_sha256, now_ms, None, fresh=True)
            row = connection.execute(
                "SELECT body_sha256, created_ms, status, content_type, response FROM idempotency"
                " WHERE token_sha256 = ? AND key = ?",
                (token_sha256, key),
            ).fetchone()
            answer = None if row[2] is None else StoredAnswer(row[2], row[3], row[4])
            return Reserved(row[0], row[1], answer, fresh=False)

        return await self._writer.run(job)

    async def release(self, token_sha256: bytes, key: str) -> None:
        """See `AccessStore.release`."""

        def job(connection: Connection) -> None:
            gone = connection.execute(
                "DELETE FROM idempotency WHERE token_sha256 = ? AND key = ? AND status IS NULL",
                (token_sha256, key),
            ).rowcount
            if gone == 1:
                connection.execute(
                    "DELETE FROM answers_about WHERE token_sha256 = ? AND key = ?",
                    (token_sha256, key),
                )

        await self._writer.run(job)

    async def answered(self, token_sha256: bytes, key: str, answer: StoredAnswer) -> None:
        """See `AccessStore.answered`."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE idempotency SET status = ?, content_type = ?, response = ?"
                " WHERE token_sha256 = ? AND key = ? AND status IS NULL",
                (answer.status, answer.content_type, answer.body, token_sha256, key),
            )

        await self._writer.run(job)

    async def forget_before(self, before_ms: int) -> int:
        """See `AccessStore.forget_before`."""

        def job(connection: Connection) -> int:
            connection.execute(
                "DELETE FROM answers_about WHERE (token_sha256, key) IN"
                " (SELECT token_sha256, key FROM idempotency WHERE created_ms < ?)",
                (before_ms,),
            )
            return connection.execute(
                "DELETE FROM idempotency WHERE created_ms < ?", (before_ms,)
            ).rowcount

        return await self._writer.run(job)

    async def open_tasks(self, limit: int) -> Sequence[tuple[str, str, int]]:
        """See `AccessStore.open_tasks`."""
        return await Queries(self._readers).tasks(limit)


def forget_about(connection: Connection, item: str) -> None:
    """Forget, inside the caller's transaction, what was answered under a key and shows an item."""
    connection.execute(
        "DELETE FROM idempotency WHERE (token_sha256, key) IN"
        " (SELECT token_sha256, key FROM answers_about WHERE item = ?)",
        (item,),
    )
    connection.execute("DELETE FROM answers_about WHERE item = ?", (item,))


def token_digests(connection: Connection) -> set[bytes]:
    """Return the SHA-256 of every token that was ever made, revoked ones too."""
    return {bytes(row[0]) for row in connection.execute("SELECT token_sha256 FROM tokens")}


def insert_token(connection: Connection, token: TokenRecord) -> None:
    """Keep a new token, inside the caller's transaction (`hotline init` has no event loop)."""
    connection.execute(
        "INSERT INTO tokens (token_sha256, name, scopes, created_ms, expires_ms, revoked_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            token.token_sha256,
            token.name,
            " ".join(sorted(token.scopes)),
            token.created_ms,
            token.expires_ms,
            token.revoked_ms,
        ),
    )


def _token(row: Sequence[Any]) -> TokenRecord:
    scopes = frozenset(Scope(word) for word in row[2].split())
    return TokenRecord(bytes(row[0]), row[1], scopes, row[3], row[4], row[5])
