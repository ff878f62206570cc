"""A bare receiver: checks one Ed25519 signature a request, keeps rows durably, answers.

No node: no log, no receipt, no encryption, no duplicates beyond a primary key, no status back. It
shows what HTTP, one signature and SQLite cost in this language.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LIMIT_BYTES = 64 * 2**20


class Receiver:
    """One table behind one path."""

    def __init__(self, folder: Path) -> None:
        self._key = Ed25519PublicKey.from_public_bytes((folder / "public").read_bytes())
        self._rows = sqlite3.connect(folder / "data.db", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = FULL")
        self._rows.execute("CREATE TABLE objects (id TEXT PRIMARY KEY, record TEXT) STRICT")

    async def take(self, request: web.Request) -> web.Response:
        """Check, keep, answer."""
        body = await request.read()
        self._key.verify(bytes.fromhex(request.headers["Signature"]), body)
        records = json.loads(body)
        rows = [(one["id"], json.dumps(one)) for one in records]
        self._rows.execute("BEGIN IMMEDIATE")
        self._rows.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?)", rows)
        self._rows.execute("COMMIT")
        return web.json_response({"kept": len(rows)}, status=201)


def main(folder: Path, port: int) -> None:
    """Serve on loopback until stopped."""
    app = web.Application(client_max_size=LIMIT_BYTES)
    app.router.add_post("/reports", Receiver(folder).take)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
