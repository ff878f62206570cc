"""Two federated Synapses: the only ready-made pair of servers that hand things to each other.

Records travel as events in rooms that a user of each server has joined; up to 100 of them in one
event, since an event holds 64 KiB. A message counts when it stands in the *other* server's
database, as at the node. Nobody waits for more than one event a lane: unthrottled senders make the
receiver drop its queue and fetch what is missing later, or never.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from yarl import URL

from benchmarks.peers.certificates import make_certificate
from benchmarks.peers.environments import python_of
from benchmarks.peers.peer import Peer, Record, dumped
from examples.demo.processes import Processes, free_ports

ROOMS = 4
ARRIVE_S = 60.0
LOOK_S = 0.005
TYPE = "example.hotline.reports"
_RUN = "python -m synapse.app.homeserver -c homeserver.yaml"
_RECORDS = "event_json AS e, json_each(e.json, '$.content.records')"
_MANY = {"per_second": 100_000, "burst_count": 100_000}


@dataclass(frozen=True)
class Server:
    """One homeserver: where it lives, its two listeners, its user's token once there is one."""

    folder: Path
    client_port: int
    federation_port: int

    @property
    def name(self) -> str:
        """What Matrix calls it."""
        return f"localhost:{self.federation_port}"

    def write(self, python: Path) -> tuple[str, ...]:
        """Write its configuration; returns how it is run."""
        self.folder.mkdir()
        make_certificate(self.folder, "tls", "localhost")
        (self.folder / "log.yaml").write_text("{version: 1, root: {level: ERROR}}\n")
        (self.folder / "homeserver.yaml").write_text(json.dumps(self._settings(), indent=1))
        return (
            "env", f"PATH={python.parent}:/usr/bin:/bin", "sh", "-c",
            f"cd '{self.folder}' && {_RUN} --generate-keys && exec {_RUN}",
        )  # fmt: skip

    def _settings(self) -> dict[str, object]:
        """Nothing limited, nobody asked beside the other: YAML holds JSON."""
        here = str(self.folder)
        return {
            "server_name": self.name,
            "pid_file": f"{here}/pid",
            "listeners": [
                self._listener(self.client_port, "client", tls=False),
                self._listener(self.federation_port, "federation", tls=True),
            ],
            "database": {"name": "sqlite3", "args": {"database": f"{here}/data.db"}},
            "log_config": f"{here}/log.yaml",
            "media_store_path": f"{here}/media",
            "signing_key_path": f"{here}/signing.key",
            "tls_certificate_path": f"{here}/tls.crt",
            "tls_private_key_path": f"{here}/tls.key",
            "macaroon_secret_key": "bench",
            "form_secret": "bench",
            "report_stats": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_verify_certificates": False,
            "ip_range_blacklist": [],
            "federation_ip_range_blacklist": [],
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "presence": {"enabled": False},
            "rc_message": _MANY,
            "rc_registration": _MANY,
            "rc_joins": {"local": _MANY, "remote": _MANY},
            "rc_joins_per_room": _MANY,
            "rc_room_creation": _MANY,
            "rc_federation": {"sleep_limit": 100_000, "reject_limit": 100_000, "concurrent": 20},
            "federation_rr_transactions_per_room_per_second": 100_000,
        }

    @staticmethod
    def _listener(port: int, resource: str, *, tls: bool) -> dict[str, object]:
        return {
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": tls,
            "resources": [{"names": [resource], "compress": False}],
        }  # fmt: skip


class Client:
    """A user's way to one server; its answers come in chunks, which aiohttp reads."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/_matrix/client/v3/"
        self._http = aiohttp.ClientSession()
        self._token = ""

    async def register(self, user: str) -> None:
        """Make the user and be it from now on."""
        body = {"username": user, "password": "bench", "auth": {"type": "m.login.dummy"}}
        self._token = str((await self.ask("POST", "register", dumped(body)))["access_token"])

    def again(self) -> Client:
        """Return another connection of the same user."""
        other = Client(0)
        other._url, other._token = self._url, self._token
        return other

    async def ask(self, method: str, path: str, body: bytes = b"{}") -> dict[str, object]:
        """Ask, and return the answer.

        Raises:
            AssertionError: the server refuses.
        """
        head = {"Content-Type": "application/json"}
        if self._token:
            head["Authorization"] = f"Bearer {self._token}"
        url = URL(self._url + path, encoded=True)
        async with self._http.request(method, url, data=body, headers=head) as response:
            answer: dict[str, object] = await response.json()
        assert response.ok, answer
        return answer

    def close(self) -> None:
        """Close the connection."""
        task = asyncio.ensure_future(self._http.close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()
"""What closes in the background; the loop itself holds no strong reference."""


class RoomLane:
    """A client of the sending server, and a look into the receiving one's database."""

    def __init__(self, client: Client, rooms: Sequence[str], database: Path) -> None:
        self._client = client
        self._rooms = itertools.cycle(rooms)
        self._database = sqlite3.connect(f"file:{database}?mode=ro", uri=True)

    async def send(self, message: bytes) -> None:
        """Send an event; returns when it stands in the other server's database.

        Raises:
            TimeoutError: it never does.
        """
        path = f"rooms/{quote(next(self._rooms))}/send/{TYPE}/{uuid4()}"
        event = (await self._client.ask("PUT", path, message))["event_id"]
        async with asyncio.timeout(ARRIVE_S):
            while not self._arrived(event):  # noqa: ASYNC110 - another process's file
                await asyncio.sleep(LOOK_S)

    def _arrived(self, event: object) -> bool:
        question = "SELECT 1 FROM events WHERE event_id = ?"
        return self._database.execute(question, (event,)).fetchone() is not None

    def close(self) -> None:
        """Close both."""
        self._client.close()
        self._database.close()


class Synapse(Peer):
    """Synapse 1.163 twice, on SQLite, federating over TLS."""

    name = "synapse"
    batch = 90
    items = 4_500
    singles = 200
    lanes = 16
    table = ("b/data.db", f"{_RECORDS} WHERE json_extract(e.json, '$.type') = '{TYPE}'")

    def prepare(self) -> None:
        """Write the configuration of both servers."""
        self._python = python_of(self.name)
        first, second, third = free_ports(3)
        self._a = Server(self.folder / "a", self.port, first)
        self._b = Server(self.folder / "b", second, third)
        self._rooms: list[str] = []
        self._number = itertools.count()

    def command(self) -> tuple[str, ...]:
        """Return how the sending server is run."""
        return self._a.write(self._python)

    async def start(self, processes: Processes) -> None:
        """Run both, make a user on each, and rooms that both have joined."""
        await super().start(processes)
        other = await processes.start("synapse-b", *self._b.write(self._python))
        await self.listening(other, self._b.client_port)
        self._ours, theirs = Client(self.port), Client(self._b.client_port)
        await self._ours.register("sender")
        await theirs.register("receiver")
        for _ in range(ROOMS):
            made = await self._ours.ask("POST", "createRoom", dumped({"preset": "public_chat"}))
            room = str(made["room_id"])
            await theirs.ask("POST", f"join/{quote(room)}?server_name={quote(self._a.name)}")
            self._rooms.append(room)
        theirs.close()
        self._ours.close()

    async def lane(self) -> RoomLane:
        """Open a connection to the sending server, and one to the receiver's database."""
        first = next(self._number) % ROOMS
        rooms = self._rooms[first:] + self._rooms[:first]
        return RoomLane(self._ours.again(), rooms, self._b.folder / "data.db")

    def message(self, records: Sequence[Record]) -> bytes:
        """Return what one event holds."""
        return dumped({"records": list(records)})
