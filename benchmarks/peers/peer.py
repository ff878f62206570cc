"""What is asked of each peer: take records, say when they are kept, let them be counted."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Protocol

from benchmarks.clients import connect
from examples.demo.processes import DemoError, Processes, Running

Record = dict[str, object]
UP_S = 60.0
LOOK_S = 0.05


class Lane(Protocol):
    """One sender's way in; one message is under way on it."""

    async def send(self, message: bytes) -> None:
        """Send a message; returns when the other side has said that it is kept."""

    def close(self) -> None:
        """Give it up."""


class Peer(ABC):
    """A program that takes reports, on loopback, with its data in a folder of its own.

    What `message` does is done before the clock starts, what `Lane.send` does is measured.
    """

    name: ClassVar[str]
    batch: ClassVar[int] = 1000
    """Records a message in bulk."""
    items: ClassVar[int] = 20_000
    """Records in bulk a round: some seconds of it, also where it is slow."""
    singles: ClassVar[int] = 2_000
    """Records that come singly, a round."""
    lanes: ClassVar[int] = 2
    """Lanes for bulk: one message is under way while the next is sent, as at the node."""
    table: ClassVar[tuple[str, str]] = ("data.db", "objects")
    """The SQLite file of the receiver, and where a record is a row."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = port

    async def start(self, processes: Processes) -> None:
        """Run it and wait until it listens.

        Raises:
            DemoError: it ended, or never listened.
        """
        self.prepare()
        running = await processes.start(self.name, *self.command())
        await self.listening(running, self.port)

    async def listening(self, running: Running, port: int) -> None:
        """Wait until a process listens.

        Raises:
            DemoError: it ended, or never does.
        """
        async with asyncio.timeout(UP_S):
            while running.alive:
                if self.ready() and await _answers(port):
                    return
                await asyncio.sleep(LOOK_S)
        raise DemoError(f"{self.name} did not start; see {running.log}")

    def ready(self) -> bool:
        """Whether it has made what a message needs."""
        return True

    @abstractmethod
    def prepare(self) -> None:
        """Make what it needs before it runs."""

    @abstractmethod
    def command(self) -> tuple[str, ...]:
        """Return how it is run."""

    @abstractmethod
    async def lane(self) -> Lane:
        """Open a way in."""

    @abstractmethod
    def message(self, records: Sequence[Record]) -> bytes:
        """Return one message that carries these records."""

    def kept(self) -> int:
        """Count the records that its database holds."""
        file, table = self.table
        with closing(sqlite3.connect(f"file:{self.folder / file}?mode=ro", uri=True)) as rows:
            (count,) = rows.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
        return int(count)


def dumped(value: object) -> bytes:
    """Write JSON without needless spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


async def _answers(port: int) -> bool:
    try:
        (await connect(port)).close()
    except OSError:
        return False
    return True
