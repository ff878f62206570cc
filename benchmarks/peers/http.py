"""The peers that speak HTTP: OpenTAXII, the named standard; and a bare receiver, the ceiling."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.clients import Connection, connect, request
from benchmarks.peers.environments import python_of
from benchmarks.peers.peer import Peer, Record, dumped

SERVERS = Path(__file__).parent / "servers"
TAXII = "application/taxii+json;version=2.1"


class HttpLane:
    """One connection that is kept open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, message: bytes) -> None:
        """Send a request; returns with its answer."""
        await self._connection.ask(message)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class _HttpPeer(Peer):
    async def lane(self) -> HttpLane:
        """Open a connection."""
        return HttpLane(await connect(self.port))


class OpenTaxii(_HttpPeer):
    """OpenTAXII 0.9.3 on SQLite, one worker: STIX indicators into an open collection."""

    name = "opentaxii"
    items = 4_000
    singles = 1_000
    table = ("data.db", "opentaxii_stixobject")

    def prepare(self) -> None:
        """Make its environment, which takes a minute the first time."""
        self._python = python_of(self.name)

    def ready(self) -> bool:
        """Whether the collection is made: gunicorn listens before that."""
        path = self.folder / "path"
        return path.exists() and path.stat().st_size > 0

    def command(self) -> tuple[str, ...]:
        """Return gunicorn's command line in OpenTAXII's own environment."""
        return (
            "env", f"PEER_FOLDER={self.folder}", str(self._python), "-m", "gunicorn",
            "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread", "--threads", "1",
            "--keep-alive", "60", "--timeout", "300", "--log-level", "error",
            "--chdir", str(SERVERS), "opentaxii_app:app",
        )  # fmt: skip

    def message(self, records: Sequence[Record]) -> bytes:
        """Return a POST of an envelope of indicators."""
        body = dumped({"objects": [_indicator(one) for one in records]})
        path = (self.folder / "path").read_text()
        return request("POST", path, {"Content-Type": TAXII, "Accept": TAXII}, body)


def _indicator(record: Record) -> dict[str, object]:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{record['uuid']}",
        "created": record["found"],
        "modified": record["found"],
        "valid_from": record["found"],
        "name": record["reference"],
        "description": record["note"],
        "indicator_types": ["malicious-activity"],
        "pattern_type": "stix",
        "pattern": f"[url:value = '{record['url']}' AND "
        f"file:hashes.'SHA-256' = '{record['sha256']}']",
    }


class Bare(_HttpPeer):
    """aiohttp, one Ed25519 signature a request, SQLite with `synchronous=FULL`."""

    name = "bare"

    def prepare(self) -> None:
        """Make the sender's key."""
        self._key = Ed25519PrivateKey.generate()
        (self.folder / "public").write_bytes(self._key.public_key().public_bytes_raw())

    def command(self) -> tuple[str, ...]:
        """Return its command line in the project's environment."""
        return (sys.executable, str(SERVERS / "bare.py"), str(self.folder), str(self.port))

    def message(self, records: Sequence[Record]) -> bytes:
        """Return a signed POST of a list."""
        body = dumped([{"id": one["uuid"], **one} for one in records])
        head: Mapping[str, str] = {
            "Content-Type": "application/json",
            "Signature": self._key.sign(body).hex(),
        }
        return request("POST", "/reports", head, body)
