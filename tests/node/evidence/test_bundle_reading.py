"""What an export reads: the entries that it shows, and no others; of logs beside them, hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from node.casework.reports.draft import ItemDraft, ReportDraft
from node.evidence.bundle import export
from node.evidence.check import check
from node.matching.fingerprints import Fingerprints
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from protocol.vocabulary import Source
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
CROWD = 24
CROWDS = 4


class Counting:
    """A connection that counts the entries whose bytes are read through it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.entries = 0

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Execute, and count each value of a row that can be an entry."""
        return Rows(self._connection.execute(sql, values), self._count)

    def _count(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.entries += sum(isinstance(v, bytes) and len(v) > 100 and v[:1] == b"\x95" for v in row)
        return row


class Rows:
    """What a statement gives."""

    def __init__(self, cursor: Any, seen: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
        self._cursor = cursor
        self._seen = seen

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return map(self._seen, self._cursor)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All that is left."""
        return list(self)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next one."""
        row = self._cursor.fetchone()
        return None if row is None else self._seen(row)


@pytest.fixture
async def crowds(tmp_path: Path) -> tuple[World, list[str]]:
    """Give two members, of whom one handed over crowds that were answered as such; an item each."""
    world = World(tmp_path, [IWF, EOKM])
    await world.start()
    first = []
    for crowd in range(CROWDS):
        places = [f"https://nl{n}.example/{crowd}.jpg" for n in range(CROWD)]
        drafts = [ReportDraft(items=(ItemDraft(url=url),), source=Source.PUBLIC) for url in places]
        taken = await world[IWF].desk.submit(drafts, actor="a")
        await world.settle()
        world.now += 3_600_000
        first.append(taken[0].items[0].item_id)
    await world.close()
    return world, first


@pytest.mark.parametrize("who", [IWF, EOKM])
@pytest.mark.parametrize("number", [0, CROWDS - 1])
async def test_12_export_reads_the_entries_that_it_shows(
    crowds: tuple[World, list[str]], who: str, number: int
) -> None:
    """The item and the answer of its crowd, at either side, early in the log or late."""
    world, items = crowds
    node = world[who]
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        counting = Counting(connection)
        audit = Audit(counting)  # type: ignore[arg-type]
        raw = export(audit, items[number], who, world.registry, world.files, world.now)
    pin = sha256(world.files["metadata/1.root.json"]).digest()
    shown = check(raw, pin).proofs
    assert {one["kind"] for one in shown} == {"item", "dispositions"}
    assert counting.entries <= 2 * len(shown) + 1


async def test_item_is_shown_by_the_id_under_which_another_member_knows_it(tmp_path: Path) -> None:
    """A court asks with the id of whoever reported the place, too; here it is another's item."""
    world = World(tmp_path, [IWF, EOKM, "fr-pdc"])
    await world.start()
    known = []
    for reporter in ("fr-pdc", IWF):
        known.append((await world[reporter].submit("https://nl1.example/1.jpg")).items[0].item_id)
        await world.settle()
    await world.close()
    node, pin = world[EOKM], sha256(world.files["metadata/1.root.json"]).digest()
    fingerprints = Fingerprints(node.keys.fingerprint_secret)
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        raws = [
            export(
                Audit(connection),
                item,
                EOKM,
                world.registry,
                world.files,
                world.now,
                alias_key=fingerprints.item(item),
            )
            for item in known
        ]
    first, second = (check(raw, pin) for raw in raws)
    assert [second.proofs, second.item] == [first.proofs, known[1]]
