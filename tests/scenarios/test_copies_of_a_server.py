"""G5, R1: a server's own copies, `pg_dump` and a base backup, bring a node back as its own do.

Two real nodes; the store of the receiver is in PostgreSQL. Under load it dies and is set back: what
came back is older than what it said since, and holds what was erased since.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from benchmarks.pair import Pair, running_pair, wait_for
from examples.demo.members import ApiProblemError
from node.config.edit import change_file
from node.store.postgres.place import Postgres
from tests.builders.memory import disks
from tests.builders.postgres import Cluster
from tests.scenarios.test_on_server import FEW, LINES, hand_in, items

pytestmark = pytest.mark.long

EPOCHS = "SELECT count(*) FROM epochs_out WHERE peer = 'gb-iwf' AND lane = 'status'"


class Dump:
    """`pg_dump` and `pg_restore`, as docs/operating/backups.md has them."""

    def __init__(self, postgres: Cluster, place: Postgres) -> None:
        self.postgres = postgres
        self.file = postgres.folder / "node.dump"
        postgres.run("pg_dump", "--format=custom", "--no-owner", f"--file={self.file}", place.url)

    @contextmanager
    def back(self) -> Iterator[str]:
        """Give the URL of what came back."""
        made = self.postgres.new()
        words = ("--no-owner", "--exit-on-error", f"--dbname={made.url}")
        self.postgres.run("pg_restore", *words, self.file)
        yield made.url


class BaseBackup:
    """`pg_basebackup`, started as a server of its own."""

    def __init__(self, postgres: Cluster, place: Postgres) -> None:
        self.name = place.url.partition("?")[0].rpartition("/")[2]
        near = disks() or Path("/tmp")  # noqa: S108 - `nobody` goes there
        folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir=near))
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        self.copy = Cluster(postgres.programs, folder, postgres.settings)
        words = ("-c", "fast", "-U", "hotline", "-D", folder / "data", "-h", postgres.folder)
        postgres.run("pg_basebackup", *words)

    @contextmanager
    def back(self) -> Iterator[str]:
        """Give the URL of what came back."""
        self.copy.start()
        try:
            yield self.copy.url(self.name)
        finally:
            self.copy.stop()
            shutil.rmtree(self.copy.folder, ignore_errors=True)


async def two_closed(pair: Pair) -> list[str]:
    """Two items that the receiver holds and closed."""
    page = await pair.receiver.api.get("/api/v1/items", limit=2)
    closed = [str(item["id"]) for item in page["items"]]
    for item in closed:
        draft = {"action": "removed", "analyst": "a"}
        await pair.receiver.api.post(f"/api/v1/items/{item}/actions", draft, item)
    await wait_for(pair.answered, 0.1)
    return closed


async def is_here(pair: Pair, item: str) -> bool:
    """Whether the receiver shows an item."""
    try:
        await pair.receiver.api.get(f"/api/v1/items/{item}")
    except ApiProblemError as problem:
        if problem.status != 404:
            raise
        return False
    return True


async def erased_again(pair: Pair, item: str) -> None:
    """Wait until the receiver shows an item no more."""
    async with asyncio.timeout(60):
        while await is_here(pair, item):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.1)


async def set_back(pair: Pair, url: str) -> None:
    """Let the receiver go on with a copy, as docs/operating/backups.md says; it dies at once."""
    change_file(pair.receiver.config, "store", {"url": url})
    await pair.receiver.hotline("restored")
    await pair.receiver.start()
    await pair.receiver.kill()
    await pair.receiver.start()


def epochs(url: str) -> int:
    """How many epochs the receiver opened towards the sender."""
    with psycopg.connect(url) as connection:
        row = connection.execute(EPOCHS.encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("kind", [Dump, BaseBackup])
async def test_g5_what_was_erased_after_a_servers_copy_is_erased_again(
    tmp_path: Path, postgres: Cluster, kind: type[Dump | BaseBackup]
) -> None:
    """Though the node is killed as it comes back; its epochs are new, nothing is lost or twice."""
    place = postgres.new()
    with ExitStack() as stack:
        async with running_pair(tmp_path, stores=(None, place.url)) as pair:
            before = await items(pair)
            await hand_in(pair, "before", FEW)
            await wait_for(pair.answered, 0.1)
            gone, kept = await two_closed(pair)
            copy = kind(postgres, place)
            await pair.receiver.hotline("erase", gone, "--cause", "retention", "--yes")
            burst = asyncio.create_task(hand_in(pair, "later", FEW))
            await wait_for(pair.answered, 0.1)
            pair.unwatch()
            await pair.receiver.kill()
            url = stack.enter_context(copy.back())
            opened = epochs(url)
            await set_back(pair, url)
            await burst
            await hand_in(pair, "more", FEW)
            pair.watch()
            await wait_for(pair.answered, 0.1)
            await erased_again(pair, gone)
            assert await is_here(pair, kept)
            handed, held = 3 * FEW * LINES, 3 * FEW * LINES - 1
            now = await items(pair)
            assert (now[0] - before[0], now[1] - before[1]) == (handed, held)
            assert epochs(url) > opened
            for member in (pair.sender, pair.receiver):
                assert (await member.hotline("verify"))["holds"]
            tasks = (await pair.receiver.hotline("tasks", "list"))["tasks"]
            assert [task["code"] for task in tasks] == ["outside_held"]
            pair.unwatch()
