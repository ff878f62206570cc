"""A line to a PostgreSQL server that breaks at a statement which the test names.

It listens in a folder and passes everything on. Statements that were prepared are known by what
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

_HEAD = struct.Struct("!cI")


class Line:
    """`place` is that behind it; `breaks_at` are the statements, in order, at which it breaks.

    The server still hears each of them, and its answer never comes. While `is_silent` who calls is
    let in and hears nothing, as from a machine that vanished.
    """

    def __init__(self, place: Postgres, folder: Path) -> None:
        name, _, before = place.url.partition("?host=")
        self.place = Postgres(f"{name}?host={folder}")
        self.breaks_at: list[str] = []
        self.is_silent = False
        self._server = f"{before}/.s.PGSQL.5432"
        self._listener = socket.create_server(str(folder / ".s.PGSQL.5432"), family=socket.AF_UNIX)

    def run(self) -> None:
        """Pass on what comes, until it is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            while self.is_silent:
                if not client.recv(1 << 20):
                    return
            server.connect(self._server)
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
    threading.Thread(target=line.run, daemon=True).start()
    try:
        yield line
    finally:
        line.close()
