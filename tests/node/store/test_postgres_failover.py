"""A real failover under a running node: the primary dies, its streaming standby is promoted.

The URL of the store names both servers, as libpq takes it; so the node also meets the standby while
it still is one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from node.store import opening
from node.store.errors import AwayError, SetBackError, StoreError
from node.store.postgres.connection import PAUSE_S
from node.store.postgres.place import Postgres
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.memory import disks
from tests.builders.postgres import Cluster, _environment, _ordinary, running_cluster
from tests.contract.stores import KEY, record_items

pytestmark = pytest.mark.long

TRIES = 600
BEFORE = 8
"""Tries that meet the standby while it still is one."""


@dataclass
class Servers:
    """A primary, its standby, and a store on both."""

    primary: Cluster
    standby: Cluster
    place: Postgres

    def copy(self) -> None:
        """Make the standby of what the primary holds, and let it follow."""
        subprocess.run(
            (
                *(self.primary.programs / "pg_basebackup", "-R", "-c", "fast", "-U", "hotline"),
                *("-D", self.standby.folder / "data", "-h", self.primary.folder),
            ),
            check=True,
            capture_output=True,
            env=_environment(self.primary.programs),
            cwd="/",
            **_ordinary(),
        )
        self.standby.start()

    async def follow(self) -> None:
        """Wait until the standby has all."""
        with psycopg.connect(self.primary.url("postgres"), autocommit=True) as administrator:
            behind = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
            while administrator.execute(behind).fetchone() is None:  # noqa: ASYNC110 - a server's
                await asyncio.sleep(0.02)


@pytest.fixture
def servers(postgres: Cluster) -> Iterator[Servers]:
    """Give two servers of which the second is not made yet."""
    near = disks() or Path("/tmp")  # noqa: S108 - `nobody` goes there
    folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir=near))
    with running_cluster(postgres.programs) as primary:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        standby = Cluster(primary.programs, folder, primary.settings)
        url = primary.new().url
        opening.create_database(Postgres(url), KEY)
        try:
            yield Servers(primary, standby, Postgres(f"{url},{folder}"))
        finally:
            standby.stop(signal.SIGQUIT)
            shutil.rmtree(folder, ignore_errors=True)


async def codes_until(store: Store, number: int, servers: Servers) -> list[str]:
    """Record until it is kept or the node must end, promoting meanwhile; give what was said."""
    said: list[str] = []
    for attempt in range(TRIES):
        try:
            await record_items(store, number)
        except StoreError as error:
            said += [error.code] if error.code not in said else []
            if error.ends_node:
                return said
        else:
            return said
        if attempt == BEFORE:
            servers.standby.do("SELECT pg_promote()")
            said.append("promoted")
        await asyncio.sleep(0.05)
    raise AssertionError(said)


async def test_standby_that_has_all_is_gone_on_with_once_it_is_promoted(servers: Servers) -> None:
    """Until then it is away."""
    servers.copy()
    store = Store.open(servers.place, KEY, US, FINGERPRINTS)
    await record_items(store, 1)
    await servers.follow()
    servers.primary.stop(signal.SIGQUIT)
    said = await codes_until(store, 2, servers)
    assert said == ["store_away", "promoted"]
    assert (await store.queries.figures())["items"] == 2
    await store.show_life()
    assert store.writer.room.missing() == []
    await store.close()


async def test_primary_that_was_only_restarted_is_gone_on_with_beside_its_standby(
    servers: Servers,
) -> None:
    """A session with the standby would take nothing for ever, and tell what was long ago."""
    servers.copy()
    store = Store.open(servers.place, KEY, US, FINGERPRINTS)
    await record_items(store, 1)
    await servers.follow()
    with servers.primary.stopped(signal.SIGQUIT):
        for _ in range(BEFORE):
            with pytest.raises(AwayError):
                await record_items(store, 2)
            with pytest.raises(AwayError):
                await store.queries.figures()
            await asyncio.sleep(PAUSE_S)
    servers.standby.do("SELECT pg_wal_replay_pause()")
    assert await codes_until(store, 2, servers) in ([], ["store_away"])
    assert (await store.queries.figures())["items"] == 2
    await store.close()


async def test_standby_that_was_behind_ends_the_node_once_it_is_promoted(servers: Servers) -> None:
    """Not before: it might still catch up."""
    store = Store.open(servers.place, KEY, US, FINGERPRINTS)
    servers.copy()
    await record_items(store, 1)
    await servers.follow()
    servers.standby.stop()
    await record_items(store, 2)
    servers.primary.stop(signal.SIGQUIT)
    servers.standby.start()
    said = await codes_until(store, 3, servers)
    assert said == ["store_away", "promoted", "store_set_back"]
    await store.close()
    with pytest.raises(SetBackError):
        Store.open(servers.place, KEY, US, FINGERPRINTS)
