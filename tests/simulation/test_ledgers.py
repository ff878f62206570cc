"""Ledgers on a bad wire, with crashes: nobody honest is accused, and all is witnessed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from keys.sealing import SealingKey
from node.peer.ledgers.witnessing import candidates, standing, times_of
from node.store.connection import open_reader
from node.store.ledgers.witnessing import figures
from tests.simulation.fleet import Fleet
from tests.simulation.ledgers import heal_ledgers, judge_ledgers
from tests.simulation.plan import Plan
from tests.simulation.running import run_plan
from tests.simulation.world import Faults, Node, World

FIVE = ["gb-iwf", "nl-eokm", "fr-pdc", "de-eco", "at-sol"]
HOUR_MS = 3_600_000
HOURS = 18
ACCUSING = ("ledger_%", "receipt_withheld", "witness_ahead")


async def an_hour(world: World) -> None:
    """Let everybody work once, keep its ledger, and compare; somebody may die of it."""
    for node in world.nodes.values():
        await node.work()
        await node.keep_ledger()
        await node.crosscheck.check_due(world.now)
    world.now += HOUR_MS


def accused(node: Node) -> list[tuple[str, str]]:
    """Read which members a node has accused of anything about ledgers, ever."""
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        return [
            row
            for code in ACCUSING
            for row in connection.execute(
                "SELECT code, subject FROM tasks WHERE code LIKE ?", (code,)
            )
        ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_g5_honest_members_are_never_accused(tmp_path: Path, seed: int) -> None:
    """Requests and answers are lost, old pushes come again, processes die; then all is well."""
    faults = Faults(lose_request=0.2, lose_answer=0.2, repeat=0.1)
    world = World(tmp_path, FIVE, seed=seed, faults=faults)
    await world.start()
    for hour in range(HOURS):
        sender, addressee = world.chance.sample(FIVE, 2)
        await world[sender].submit(f"https://{addressee[:2]}{hour}.example/{hour}.jpg")
        if world.chance.random() < 0.3:
            victim = world[world.chance.choice(FIVE)]
            await victim.crash()
            await victim.restart()
        await an_hour(world)
    assert {"lose_request", "lose_answer", "repeat"} <= set(faults.counted)
    world.faults = Faults()
    await world.settle()
    for _ in range(HOURS):
        await an_hour(world)
    for node in world.nodes.values():
        assert accused(node) == []
        assert node.verify().holds
        with closing(open_reader(node.path, node.keys.database_key)) as connection:
            ledger = figures(connection)
        able = candidates(world.registry, node.member)
        assert standing(node.member, ledger.partners, times_of(ledger.given), able).lacking == ()
    await world.close()


def stands(node: Node) -> list[tuple[str, str]]:
    """Read of what a node accuses others now."""
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        sql = "SELECT code, subject FROM tasks WHERE code LIKE ? AND closed_ms IS NULL"
        return [row for code in ACCUSING for row in connection.execute(sql, (code,))]


async def test_8_14_a_clock_that_was_put_right_between_epochs_accuses_nobody(
    tmp_path: Path,
) -> None:
    """Its epochs keep the order in which they were opened, at both ends of the channel."""
    world = World(tmp_path, FIVE[:3])
    await world.start()
    await world["gb-iwf"].submit("https://nl1.example/1.jpg")
    await world.settle()
    await world["gb-iwf"].crash()
    world.now -= 6 * HOUR_MS
    await world["gb-iwf"].restart()
    await world.settle()
    for _ in range(26):
        await an_hour(world)
    assert {node.member: stands(node) for node in world.nodes.values() if stands(node)} == {}
    await world.close()


async def test_8_12_others_witness_in_the_place_of_one_that_lost_its_disk(tmp_path: Path) -> None:
    """It is the first to be asked, each hour, and refuses (§8.12.9): the next one is asked then."""
    world = Fleet(tmp_path, tuple(FIVE), 1, None)
    await world.start()
    await world["gb-iwf"].submit("https://nl1.example/1.jpg")
    await world.settle()
    order = [c for c in candidates(world.umbrella.registry, "gb-iwf") if c != "nl-eokm"]
    await world[order[0]].burn(SealingKey.generate())
    await world.settle()
    world.keeps_ledgers = True
    await heal_ledgers(world)
    assert (
        list(judge_ledgers(world, {n.member: world.oracle.disk_of(n) for n in world.honest})) == []
    )
    await world.close()


def test_member_that_never_signed_anything_lacks_no_witness() -> None:
    """It has something for a member that answers nobody, so it could not open a channel."""
    steps = ((1, "receipts_withheld"), (19, "submit"))
    members = ("gb-iwf", "nl-eokm", "fr-pdc", "xx-bad")
    assert run_plan(Plan(30453, members, "xx-bad", (), steps)).wrongs == []


def test_8_11_what_stood_under_a_stolen_key_alone_is_said_again_under_the_next() -> None:
    """A channel that was logged before the theft, and had nothing new since, is not missed."""
    steps = ((0, "submit"), (11, "ledger_hour"), (19, "ledger_robbed"))
    members = ("gb-iwf", "nl-eokm", "fr-pdc", "de-eco")
    assert run_plan(Plan(6600, members, None, (), steps, "fr-pdc")).wrongs == []
