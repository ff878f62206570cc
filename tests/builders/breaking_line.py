"""A line to a PostgreSQL server that breaks at a statement which the test names.

It passes everything on. Statements that were prepared are known by what
they were prepared from.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from node.store.postgres.place import Postgres
from tests.builders.before_server import BeforeServer

_HEAD = struct.Struct("!cI")


class Line(BeforeServer):
    """`breaks_at` are the statements, in order, at which it breaks.

    The server still hears each of them, and its answer never comes. While `is_silent` who calls is
    let in and hears nothing, as from a machine that vanished.
    """

    def __init__(self, place: Postgres, folder: Path) -> None:
        super().__init__(place, folder)
        self.breaks_at: list[str] = []
        self.is_silent = False

    def serve(self, client: socket.socket) -> None:
        """Pass on what it says, and what it is answered."""
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            while self.is_silent:
                if not client.recv(1 << 20):
                    return
            server.connect(self.server)
            is_broken = threading.Event()
            answering = threading.Thread(target=_answer, args=(server, client, is_broken))
            answering.start()
            prepared: dict[bytes, bytes] = {}
            while said := client.recv(1 << 20):
                asked = b";".join(_asked(said, prepared)).decode()
                if self.breaks_at and self.breaks_at[0] in asked:
                    del self.breaks_at[0]
                    is_broken.set()
                server.sendall(said)
            server.shutdown(socket.SHUT_WR)
            answering.join()


def _answer(server: socket.socket, client: socket.socket, is_broken: threading.Event) -> None:
    with suppress(OSError):
        while (said := server.recv(1 << 20)) and not is_broken.is_set():
            client.sendall(said)
        client.shutdown(socket.SHUT_RDWR)


def _asked(said: bytes, prepared: dict[bytes, bytes]) -> Iterator[bytes]:
    """The statements of some messages; the first message of a connection has another form."""
    at = 0
    while at + _HEAD.size <= len(said):
        kind, length = _HEAD.unpack_from(said, at)
        body = said[at + _HEAD.size : at + 1 + length]
        if kind == b"P":
            name, prepared[name], _ = body.split(b"\0", 2)
            yield prepared[name]
        elif kind == b"B":
            yield prepared.get(body.split(b"\0", 2)[1], b"")
        elif kind == b"Q":
            yield body
        at += 1 + length


@contextmanager
def breaking(place: Postgres, folder: Path) -> Iterator[Line]:
    """Put a line before a place, for as long as the block lasts."""
    line = Line(place, folder)
    with line.listening():
        yield line
