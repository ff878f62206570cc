"""What loops ask at every turn is found by an index on a server, whatever it counted before."""

from __future__ import annotations

import psycopg
import pytest

from node.store.channels import custody
from node.store.items import queries
from node.store.postgres.opening import create
from tests.builders.postgres import Cluster

KEY = bytes(range(32))
_FILLED = (
    "INSERT INTO entries_in SELECT i, 'gb-iwf', 'reports', '\\x01', i, '\\x02', NULL, {}, NULL, i,"
    " NULL, NULL FROM generate_series({}, {}) i"
)


@pytest.fixture(scope="module")
def busy(postgres: Cluster) -> str:
    """Give the URL of a store of which the server believes that half of it waits."""
    place = postgres.new()
    create(place, KEY)
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(_FILLED.format(0, 1, 3_000).encode())
        connection.execute(_FILLED.format(1, 3_001, 6_000).encode())
        connection.execute("ANALYZE entries_in")
    return place.url


@pytest.mark.parametrize(
    "sql",
    [
        custody.UNJUDGED,
        custody._COUNTED.replace("?", "10"),
        custody._NEXT_SENDER.replace("?", "''"),
    ],
)
def test_p7_what_waits_is_found_without_walking_through_what_is_done(busy: str, sql: str) -> None:
    """It takes the plan by what it counted last, when a member had sent very much at once."""
    with psycopg.connect(busy) as connection:
        steps = [row[0] for row in connection.execute(f"EXPLAIN {sql}".encode())]
    assert any("entries_in_turns" in step for step in steps), steps


def test_what_else_is_asked_at_every_turn_has_the_order_of_its_index() -> None:
    """So a server has no reason to walk."""
    assert "ORDER BY urgency, due_ms" in queries._TO_LOCATE
    assert "ORDER BY peer" in queries._QUARANTINED
