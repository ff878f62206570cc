"""A pooler before a PostgreSQL server that gives one session to all, as pgbouncer may.

`pool_mode = transaction` with a pool of one, and no more of the protocol than a test needs: each
message that asks for an answer is passed on with what came before it, and its answer back.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from node.store.postgres.place import Postgres
from tests.builders.before_server import BeforeServer

_LENGTH = struct.Struct("!I")
_ASKS = (b"Q", b"S")
_READY = b"Z"
_END = b"X"


class Pooler(BeforeServer):
    """It has one session with the server."""

    def __init__(self, place: Postgres, folder: Path) -> None:
        super().__init__(place, folder)
        self._session = socket.socket(socket.AF_UNIX)
        self._session.connect(self.server)
        self._turn = threading.Lock()
        self._greeting = b""

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def serve(self, client: socket.socket) -> None:
        """Give the session to one that called, for each of its questions."""
        with client, suppress(OSError):
            startup = _exactly(client, 4)
            startup += _exactly(client, _LENGTH.unpack(startup)[0] - 4)
            with self._turn:
                self._greeting = self._greeting or self._asked(startup)
            client.sendall(self._greeting)
            said = b""
            while (kind := _exactly(client, 1)) != _END:
                said += kind + _rest(client)
                if kind in _ASKS:
                    with self._turn:
                        answer = self._asked(said)
                    client.sendall(answer)
                    said = b""

    def _asked(self, said: bytes) -> bytes:
        """Pass on what was said, and return all of the answer."""
        self._session.sendall(said)
        answer, kind = b"", b""
        while kind != _READY:
            kind = _exactly(self._session, 1)
            answer += kind + _rest(self._session)
        return answer


def _rest(connection: socket.socket) -> bytes:
    length = _exactly(connection, 4)
    return length + _exactly(connection, _LENGTH.unpack(length)[0] - 4)


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise ConnectionError
        found += more
    return found


@contextmanager
def pooled(place: Postgres, folder: Path) -> Iterator[Postgres]:
    """Give a place behind a pooler for as long as the block lasts."""
    pooler = Pooler(place, folder)
    with closing(pooler), pooler.listening():
        yield pooler.place
