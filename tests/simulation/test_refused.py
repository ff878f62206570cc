"""What became part of no item loses its body in time, and everything verifies (§8.8.7)."""

from __future__ import annotations

from functools import partial

import pytest

from node.casework.ending.retaining import Periods
from node.casework.reports.draft import ActionDraft
from node.store.seam import Connection
from protocol.entry import Entry, encode
from protocol.vocabulary import Action
from tests.simulation.looking import rows
from tests.simulation.recovering import recover
from tests.simulation.test_destroyed import tasks
from tests.simulation.world import Node, World

GB, NL = "gb-iwf", "nl-eokm"
DAY_MS = 86_400_000
SECRET = b"of no use to anybody"
BODILESS = "SELECT count(*) FROM entries_in WHERE entry IS NULL"

MALFORMED = encode(Entry(1, 16, b"\x01" * 32, bytes(16), b"\xc4\x14" + SECRET))
UNKNOWN = encode(Entry(1, 101, b"\x02" * 32, bytes(16), b"\xc4\x14" + SECRET))
CONFLICT = encode(Entry(1, 16, b"\x01" * 32, bytes(16), b"\xc4\x15!" + SECRET))
NO_ENTRY = b"\xff" + SECRET
SAID = (MALFORMED, UNKNOWN, CONFLICT, NO_ENTRY, MALFORMED)


def say(raw: bytes, connection: Connection) -> None:
    """Put bytes into the outbox for gb-iwf."""
    (seq,) = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM messages_out").fetchone()
    entry_id = raw[5:37].ljust(32, b"x")
    connection.execute(
        "INSERT INTO messages_out VALUES (?, ?, 'reports', 1, ?, ?, NULL, ?, 0)",
        (seq, GB, entry_id, raw[2], raw),
    )
    connection.execute("INSERT INTO waiting_out VALUES (?, 'reports', 1, ?)", (GB, seq))


async def refused(world: World) -> Node:
    """gb-iwf, that got an item and five entries of no use, two years later."""
    made = await world[NL].submit("https://gb1.example/1.jpg")
    await world.settle()
    for raw in SAID:
        await world[NL].store.writer.run(partial(say, raw))
        await world.settle()
    node = world[GB]
    answers = "SELECT answer FROM entries_in WHERE idx > 1 AND lane = 'reports' AND item IS NULL"
    told = [answer for (answer,) in rows(node, answers) if answer is not None]
    assert sorted(told) == ["conflict", "malformed", "malformed", "repeat", "unknown_kind"]
    await node.desk.act(made.items[0].item_id, ActionDraft(action=Action.SEEN_ONLINE), actor="a")
    await world.settle()
    return node


async def erase_old(world: World, node: Node) -> int:
    """Let a day pass, and retention run with a period of a day."""
    world.now += DAY_MS
    made = node.desk.retention(Periods(0, 0, 0, 0, DAY_MS))
    made.issued_ms = lambda: world.now
    while await made.due():
        pass
    return made.refused


async def test_logs_and_answers_verify_without_the_bodies(world: World) -> None:
    """Also what came again, and what nobody could read; the item keeps its own."""
    node = await refused(world)
    assert node.verify().found == []
    assert await erase_old(world, node) == len(SAID)
    assert rows(node, BODILESS) == [(len(SAID),)]
    kept = rows(node, "SELECT entry FROM entries_in WHERE entry IS NOT NULL")
    assert not any(SECRET in entry for (entry,) in kept)
    assert node.verify().found == []
    changes = (await node.desk.changes(0, 100, 0)).changes
    assert ("expired", NL) in [(one.what, one.item) for one in changes]


@pytest.mark.parametrize("table", ["tombstones", "events", "entries_in"])
async def test_body_that_is_missing_without_the_history_is_found(world: World, table: str) -> None:
    """Whoever takes one away cannot call it retention; nor does one come back."""
    node = await refused(world)
    if table == "tombstones":
        await erase_old(world, node)
        change = f"DELETE FROM {table} WHERE item = '{NL}'"
    elif table == "events":
        change = "UPDATE entries_in SET entry = NULL WHERE answer = 'malformed'"
    else:
        await erase_old(world, node)
        change = "UPDATE entries_in SET entry = x'00' WHERE answer = 'unknown_kind'"
    await node.store.writer.run(lambda c: c.execute(change))
    assert node.verify().found != []


async def test_its_sender_is_not_alarmed_when_it_gets_the_places_back(world: World) -> None:
    """It was told at the time that nothing became of them: that is a word (§8.13.6)."""
    node = await refused(world)
    await erase_old(world, node)
    await recover(world, NL, GB)
    assert ("erased_without_word", f"{GB}/reports") not in await tasks(world[NL])
    assert world[NL].verify().unsaid == {}


async def test_attack_bytes_that_nobody_can_read_come_again_once_they_are_gone(
    world: World,
) -> None:
    """They are the same still: no effect, no second body, and nothing that waits for ever."""
    node = await refused(world)
    await erase_old(world, node)
    await world[NL].store.writer.run(partial(say, NO_ENTRY))
    await world.settle()
    last = "SELECT judged, answer, entry FROM entries_in WHERE lane = 'reports' ORDER BY seq DESC"
    assert rows(node, last)[0] == (1, "repeat", None)
    assert node.verify().found == []
