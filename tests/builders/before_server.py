"""What stands before a PostgreSQL server in a test: it listens in a folder and is called instead.

What it does with whoever calls is in `breaking_line.py` and `pooler.py`.
"""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from node.store.postgres.place import Postgres


class BeforeServer(ABC):
    """`place` is that behind it, as whoever calls names it; `server` the socket of the server."""

    def __init__(self, place: Postgres, folder: Path) -> None:
        name, _, before = place.url.partition("?host=")
        self.place = Postgres(f"{name}?host={folder}")
        self.server = f"{before}/.s.PGSQL.5432"
        self._listener = socket.create_server(str(folder / ".s.PGSQL.5432"), family=socket.AF_UNIX)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let in whoever comes, for as long as the block lasts."""
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @abstractmethod
    def serve(self, client: socket.socket) -> None:
        """Answer one that called, until it goes."""
