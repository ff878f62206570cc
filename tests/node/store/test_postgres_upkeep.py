"""What a server leaves in its pages is seen, also of bodies that lie beside their table."""

from __future__ import annotations

import os

import psycopg

from node.store.postgres.sealing import Seal
from node.store.postgres.upkeep import MANY_DEAD, NEGLECTED
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY

FEW = NEGLECTED.replace(str(MANY_DEAD), "1").encode()
LONG = 100_000


def test_dead_pieces_of_long_bodies_are_counted(postgres: Cluster) -> None:
    """The rows of the table are few, and what was erased of them is not."""
    place, sealed = postgres.emptied(KEY), Seal(KEY).close
    short = sealed(b"a")
    with psycopg.connect(place.url, autocommit=True) as server:
        server.execute("INSERT INTO reports VALUES ('at-stopline.1', 'public', NULL, %s)", [short])
        server.execute("UPDATE reports SET state = %s", [sealed(os.urandom(LONG))])
        server.execute("UPDATE reports SET state = %s", [short])
    with psycopg.connect(place.url) as server:  # a session that ends tells what it counted
        said = [row[0] for row in server.execute(FEW)]
    assert "what is long in reports has more dead rows than others" in said
