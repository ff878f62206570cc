"""A node with a history: made once, copied for each test that tampers with it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keys.keyring import MemberKeys
from keys.registry import Registry
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.evidence.believed import Believed
from node.evidence.findings import Findings
from node.evidence.heads import sign_head
from node.evidence.verify import verify
from node.matching.fingerprints import Fingerprints
from node.peer.ledgers.ledger import LedgerKeeper
from node.store.audits.audit import Audit
from node.store.connection import open_reader, open_writer
from protocol.vocabulary import Action, Verdict
from protocol.witness import Submission
from tests.simulation.world import World

HERE = "nl-eokm"
HOUR_MS = 3_600_000
EPOCH = bytes(range(8))


@dataclass(frozen=True)
class Made:
    """The database of one member, its keys, and what is believed of the network."""

    path: Path
    keys: MemberKeys
    registry: Registry
    files: Mapping[str, bytes]
    item: str

    def copied(self, path: Path) -> Made:
        """Copy the database to a new file."""
        for ending in ("", "-wal"):
            source = self.path.with_name(self.path.name + ending)
            if source.exists():
                shutil.copy(source, path.with_name(path.name + ending))
        return replace(self, path=path)

    def tamper(self, *statements: str) -> None:
        """Change the opened database as somebody with the key could."""
        connection = open_writer(self.path, self.keys.database_key)
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
            changed = connection.execute("SELECT changes()").fetchone()[0]
            assert changed > 0, "the tampering changed nothing: the test would prove nothing"
        connection.close()

    def verify(self) -> Findings:
        """Walk it."""
        secret = Fingerprints(self.keys.fingerprint_secret)
        connection = open_reader(self.path, self.keys.database_key)
        believed = Believed(HERE, self.registry, secret, self.keys.node_secret)
        findings = verify(Audit(connection), believed)
        connection.close()
        return findings


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a member that took, judged, assessed, acted, handed on, erased, was told outcomes."""
    return asyncio.run(make_member(tmp_path_factory.mktemp("world")))


async def make_member(folder: Path) -> Made:
    """Make a member with a history in a folder; see `original`."""
    world = World(folder, ["gb-iwf", "nl-eokm", "fr-pdc", "at-sol"])
    await world.start()
    items = []
    for number in range(4):
        result = await world["gb-iwf"].submit(
            f"https://nl{number}.example/{number}.jpg",
            sha256=f"{1 + number % 3:064x}",
            reference=f"R-{number}",
        )
        items.append(result.items[0].item_id)
    await world["fr-pdc"].submit("https://nl0.example/0.jpg", sha256=f"{1:064x}")
    await world[HERE].submit("https://nl9.example/9.jpg", reference="N-1")
    await world[HERE].submit("https://gb9.example/8.jpg", reference="N-2", sha256=f"{77:064x}")
    await world.settle()
    desk = world[HERE].desk
    await desk.assess(items[0], AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await desk.act(items[0], ActionDraft(action=Action.MOVED, country="FR"), actor="a")
    await desk.act(items[1], ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    ledger = LedgerKeeper(
        HERE,
        world[HERE].store.ledger,
        world[HERE].registry,
        world[HERE].keys.log,
        lambda: EPOCH,
    )
    await ledger.append_due(world.now)
    await world[HERE].witnessing.ask_due(world.now)
    await _show_ledger(world)
    await world["gb-iwf"].crash()
    await world["gb-iwf"].restart()
    await world.settle()
    gone = await world["gb-iwf"].submit("https://nl7.example/7.jpg", reference="R-7")
    await world.settle()
    await desk.erase(gone.items[0].item_id, ErasureDraft(Cause.WITHDRAWAL), actor="a")
    await world.settle()
    await world["fr-pdc"].desk.act(items[0], ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    node = world[HERE]
    world.now += HOUR_MS
    await ledger.append_due(world.now)
    await world[HERE].witnessing.ask_due(world.now)
    await _show_ledger(world)
    network = world.registry.network_id
    await node.store.history.sign_head(lambda head: sign_head(head, network, HERE, node.keys.log))
    await world.close()
    _divide(node.path, node.keys.database_key)
    return Made(node.path, node.keys, world.registry, world.files, items[0])


def _divide(path: Path, key: bytes) -> None:
    """Let some rows stand in the deltas and the rest in the tables, whatever their random keys."""
    ids = "SELECT substr(entry, 6, 32) FROM entries_in WHERE entry IS NOT NULL AND seq % 2 = 1"
    connection = open_writer(path, key)
    for table, columns, last in (
        ("item_keys", "key, item", "item = (SELECT max(id) FROM items)"),
        ("entry_ids_in", "peer, entry_id, digest", f"entry_id IN ({ids})"),
    ):
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_delta")
        connection.execute(f"DELETE FROM {table}_delta")
        for statement in (
            f"INSERT INTO {table}_delta ({columns}) SELECT {columns} FROM {table} WHERE {last}",
            f"DELETE FROM {table} WHERE {last}",
        ):
            assert connection.execute(statement).rowcount > 0
    connection.close()


async def _show_ledger(world: World) -> None:
    """Let this member witness the ledger of gb-iwf, whose process began a new epoch of it."""
    sender = world["gb-iwf"]
    await sender.ledger.append_due(world.now)
    head = await sender.store.cosignatures.newest()
    assert head is not None
    await sender.lineages.exchange(HERE)
    await world[HERE].witness.add_checkpoint("gb-iwf", Submission(0, (), head.note).to_bytes())


@pytest.fixture
def made(original: Made, tmp_path: Path) -> Made:
    """Give a copy that a test may tamper with."""
    return original.copied(tmp_path / "node.db")


Places = Callable[[Findings], set[str]]


@pytest.fixture
def places() -> Places:
    """Give a function that names where something does not hold."""
    return lambda findings: {finding.where for finding in findings.found}
