"""What erasing a tenth of a large table costs a PostgreSQL server, and what partitions change.

    python -m benchmarks.erasure [--rows 1000000]

Twice: the history as the store has it, and the same table in eight partitions by its number. It is
filled, three events an item; then every tenth item loses its bodies, each in a transaction of its
own, as retention does. Printed for each layout: seconds to fill and to erase, size before, after,
and once as many events came as were erased; dead rows; whether autovacuum came by itself, with its
standard thresholds; seconds of a VACUUM by hand.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from typing import Any, Final

import psycopg

from benchmarks.server import benchmark_server
from benchmarks.soak import say
from node.store.postgres.opening import create
from tests.builders.postgres import Cluster

PARTS: Final = 8
ITEM: Final = 3
TENTH: Final = 10
AUTOVACUUM_S: Final = 30.0
"""Three of its rounds."""
_FILL: Final = r"""
INSERT INTO events SELECT n, 'nl-eokm.' || md5(((n - 1) / 3)::text), 1, n, n, 'nl-eokm/analyst-1',
    '\x53'::bytea || decode(repeat(md5(n::text), 12), 'hex'), sha256(n::text::bytea),
    sha256((-n)::text::bytea)
FROM generate_series(%s::bigint, %s::bigint) n
"""
_SIZE: Final = """
SELECT sum(pg_total_relation_size(oid)) / 1e6 FROM pg_class
WHERE relname ~ '^events(_[0-9]+)?$' AND relkind = 'r'
"""
_SEEN: Final = """
SELECT sum(n_dead_tup)::bigint, sum(autovacuum_count)::bigint FROM pg_stat_user_tables
WHERE relname ~ '^events(_[0-9]+)?$'
"""
_ERASE: Final = "UPDATE events SET body = NULL WHERE item = %s AND kind NOT IN (7, 8, 9)"

Server = psycopg.Connection[Any]


def partition(server: Server, rows: int) -> None:
    """Put the same table in partitions into the place of the history."""
    server.execute("ALTER TABLE events RENAME TO plain")
    server.execute("DROP INDEX events_by_item")
    server.execute(
        "CREATE TABLE events (LIKE plain INCLUDING DEFAULTS, PRIMARY KEY (seq))"
        " PARTITION BY RANGE (seq)"
    )
    step = -(-rows // PARTS)
    bounds = [*range(1, PARTS * step + 1, step), 10 * PARTS * step]
    for number, (first, end) in enumerate(pairwise(bounds)):
        server.execute(
            f"CREATE TABLE events_{number} PARTITION OF events"
            f" FOR VALUES FROM ({first}) TO ({end})".encode()
        )
    server.execute("CREATE INDEX events_by_item ON events (item, seq)")


def one(server: Server, sql: str) -> tuple[float, ...]:
    """Return the only row of an answer."""
    row = server.execute(sql.encode()).fetchone()
    assert row is not None
    return tuple(float(value or 0) for value in row)


def timed(server: Server, sql: str, *given: int) -> float:
    """Run a statement; return the seconds it took."""
    began = time.monotonic()
    server.execute(sql.encode(), given or None)
    return time.monotonic() - began


def erase(server: Server, rows: int) -> float:
    """Erase every tenth item, each in a transaction; return the seconds."""
    asked = "SELECT 'nl-eokm.' || md5(n::text) FROM generate_series(0, %s, %s) n"
    items = server.execute(asked, [rows // ITEM - 1, TENTH]).fetchall()
    began = time.monotonic()
    for item in items:
        server.execute(_ERASE, item)
    return time.monotonic() - began


def measure(cluster: Cluster, rows: int, *, partitioned: bool) -> None:
    """Fill, erase and tell."""
    place = cluster.new()
    create(place, bytes(32))
    with psycopg.connect(place.url, autocommit=True, prepare_threshold=0) as server:
        if partitioned:
            partition(server, rows)
        filled = timed(server, _FILL, 1, rows)
        server.execute("VACUUM ANALYZE events")
        (before,) = one(server, _SIZE)
        erased = erase(server, rows)
        (after,) = one(server, _SIZE)
        time.sleep(AUTOVACUUM_S)
        dead, came = one(server, _SEEN)
        vacuum = timed(server, "VACUUM events")
        server.execute(_FILL, [rows + 1, rows + rows // TENTH])
        (later,) = one(server, _SIZE)
    say(
        f"{'partitions' if partitioned else 'one table'}: rows={rows} fill_s={filled:.1f}"
        f" erase_s={erased:.1f} mb={before:.0f} after_erasing={after:.0f}"
        f" after_as_many_came={later:.0f} dead={dead:.0f} autovacuums={came:.0f}"
        f" vacuum_s={vacuum:.2f}"
    )


def main() -> None:
    """Read the options and measure both layouts."""
    parser = argparse.ArgumentParser(prog="erasure", description="Erasing a tenth on a server")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with benchmark_server() as cluster:
        for partitioned in (False, True):
            measure(cluster, options.rows, partitioned=partitioned)


if __name__ == "__main__":
    main()
