"""A world whose nodes keep everything in databases of a real PostgreSQL, one for each member.

Its nodes die as those with files do (`tests.simulation.mortal`), and in one more way that only a
server knows: `unanswered`, the COMMIT is kept and the answer to it never comes. The node lives on,
and has to find out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from keys.keyring import MemberKeys
from node.evidence.believed import Believed
from node.evidence.findings import Findings
from node.evidence.verify import verify
from node.matching.fingerprints import Fingerprints
from node.store import sqlite
from node.store.audits.audit import Audit
from node.store.opening import open_locked, open_reader
from node.store.postgres.tenant import TenantConnection
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.writer import InlineReaders, Job
from tests.builders.postgres import Cluster
from tests.simulation.mortal import MortalWriter, R
from tests.simulation.world import DELTA_ROWS, Node, World

UNANSWERED = "unanswered"


def cut_off(connection: TenantConnection) -> psycopg.Connection[Any]:
    """Take the session away from a writer, as a network does that fails; return the session."""
    raw = connection._raw
    connection._raw = psycopg.connect(raw.info.dsn)
    connection._raw.close()
    return raw


class MortalTenant(MortalWriter):
    """Dies as a process does: its session ends in the middle of whatever it was."""

    _connection: TenantConnection

    def run_now(self, job: Job[R]) -> R:
        """Run `job`, unless the node dies over it or its answer is lost."""
        at = self._world.crash_at
        if at is None or at[1] != UNANSWERED or at[0] != self._world.commits + 1:
            return super().run_now(job)
        self._world.crash_at = None
        self._world.commits += 1
        return super(MortalWriter, self).run_now(partial(self._unanswered, job))

    def _unanswered(self, job: Job[R], connection: Connection) -> R:
        """Do it and keep it; but what asked for it hears nothing."""
        result = job(connection)
        raw = cut_off(self._connection)
        raw.execute("COMMIT")
        raw.close()
        return result

    def _roll_back(self) -> None:
        """A process that is gone takes nothing back: the server sees its session end."""
        if self._dead:
            self._connection.close()
        super()._roll_back()


class ServerNode(Node):
    """One member's node, its store in a database of its own."""

    world: ServerWorld

    def create(self) -> None:
        """Take the member's database, emptied."""
        self.place = self.world.cluster.emptied(self.keys.database_key, self.member)

    def verify(self, believed: Believed | None = None) -> Findings:
        """Walk everything that this node keeps."""
        connection = open_reader(self.place, self.keys.database_key)
        try:
            return verify(Audit(connection), believed or self.believed())
        finally:
            connection.close()

    def _open(self, fingerprints: Fingerprints) -> Store:
        key = self.keys.database_key
        connection, lock = open_locked(self.place, key)
        assert isinstance(connection, TenantConnection)
        writer = MortalTenant(connection, self.world, self.member)
        readers = InlineReaders(open_reader(self.place, key))
        return sqlite._assemble(writer, readers, self.member, fingerprints, lock, DELTA_ROWS)


class ServerWorld(World):
    """A world of nodes on one server."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        super().__init__(folder)

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> ServerNode:
        """One member's node."""
        return ServerNode(self, member, keys, path)
