"""The PostgreSQL server beside two nodes: where their stores are, and what grows in it.

Autovacuum is on, and the server flushes as in operation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import psycopg

from benchmarks.vitals import growth
from tests.builders.postgres import Cluster, find_postgres, running_cluster

SETTINGS: Final = {
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "autovacuum": "on",
    "autovacuum_naptime": "10s",
    "max_connections": "40",
}
_DEAD: Final = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables"
_SERVER: Final = """
SELECT (SELECT coalesce(sum(size), 0)::float8 / 1e6 FROM pg_ls_waldir()),
    (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hotline%'),
    (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hotline%'
        AND xact_start < now() - interval '30 seconds')
"""


class ServerVital(NamedTuple):
    """The server at one moment; `old`: sessions whose transaction is older than 30 s."""

    dead_rows: int
    wal_mb: float
    sessions: int
    old: int


class Watched:
    """What was seen of a server whose databases hold the stores of nodes."""

    def __init__(self, cluster: Cluster, stores: Sequence[str]) -> None:
        self.seen: list[ServerVital] = []
        self._databases = [psycopg.connect(url, autocommit=True) for url in stores]
        self._server = psycopg.connect(cluster.url("postgres"), autocommit=True)

    def note(self) -> None:
        """Look once."""
        found = [one.execute(_DEAD).fetchone() for one in self._databases]
        dead = sum(int(row[0]) for row in found if row is not None)
        row = self._server.execute(_SERVER).fetchone()
        assert row is not None
        self.seen.append(ServerVital(dead, float(row[0]), int(row[1]), int(row[2])))

    def most(self, name: str) -> float:
        """Return the largest value of a figure."""
        return max((float(getattr(one, name)) for one in self.seen), default=0.0)

    def growth(self, name: str) -> float:
        """Return by how much a figure grew over the second half of the time."""
        return growth([float(getattr(one, name)) for one in self.seen])

    def told(self) -> str:
        """Return what grew, in the words of the last line of a soak."""
        return (
            f"dead_rows={self.most('dead_rows'):.0f}"
            f" dead_rows_growth={self.growth('dead_rows'):.0f}"
            f" server_wal_mb={self.most('wal_mb'):.0f} sessions={self.most('sessions'):.0f}"
            f" sessions_growth={self.growth('sessions'):.0f}"
            f" old_transactions={self.most('old'):.0f}"
        )


@contextmanager
def benchmark_server() -> Iterator[Cluster]:
    """Run a server for as long as the block lasts."""
    programs = find_postgres()
    if programs is None:
        sys.exit("this needs PostgreSQL; make parts")
    with running_cluster(programs, SETTINGS) as cluster:
        yield cluster
