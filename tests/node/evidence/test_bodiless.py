"""`hotline verify` after a recovery: what came back without a body is counted, by channel."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.node.evidence.conftest import Made
from tests.simulation.recovering import recover
from tests.simulation.test_recovering import EOKM, IWF, OWN
from tests.simulation.world import World

BARE = "kind IS NULL"
WHERE = "recovered_entries"


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a member that was recovered; of two items that it had handed on one was erased there."""
    return asyncio.run(_make(tmp_path_factory.mktemp("recovered")))


async def _make(folder: Path) -> Made:
    world = World(folder, [EOKM, IWF])
    await world.start()
    items = [(await world[EOKM].submit(OWN.format(n))).items[0].item_id for n in (1, 2)]
    await world.settle()
    await world[IWF].desk.act(items[0], ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await world[IWF].desk.erase(items[0], ErasureDraft(Cause.RETENTION), actor="head")
    await world.settle()
    await recover(world, EOKM, IWF)
    assert world[IWF].verify().bodiless == {}
    await world.close()
    node = world[EOKM]
    return Made(node.path, node.keys, world.registry, world.files, items[0])


@pytest.fixture
def made(recovered: Made, tmp_path: Path) -> Made:
    """Give a copy that a test may tamper with."""
    return recovered.copied(tmp_path / "node.db")


def found(made: Made) -> set[tuple[str, str]]:
    """What does not hold: where, and why."""
    return {(one.where, one.why) for one in made.verify().found}


def test_g9_what_came_back_without_a_body_is_counted_and_named(made: Made) -> None:
    """How many, in which channel; nothing is wrong with it, and nobody takes it for whole."""
    findings = made.verify()
    assert findings.holds
    assert findings.counts["bodiless_after_recovery"] == 1
    assert findings.bodiless == {f"{IWF}/reports": 1}


def test_g5_a_body_that_is_missing_without_a_record_is_found(made: Made) -> None:
    """Neither the history nor the recovery says that it was erased."""
    made.tamper("UPDATE messages_out SET entry = NULL WHERE kind = 16")
    assert ("sent", "erased") in found(made)
    assert made.verify().bodiless == {f"{IWF}/reports": 1}


def test_g5_a_record_that_was_made_up_is_found(made: Made) -> None:
    """The recovery counted what came without a body when it came."""
    made.tamper(
        "UPDATE messages_out SET entry = NULL WHERE kind = 16",
        f"UPDATE {WHERE} SET kind = NULL WHERE kind = 16",
    )
    assert ("recovered", "bodiless") in found(made)


@pytest.mark.parametrize("column", ["idx", "leaf", "epoch", "peer"])
def test_g5_a_record_of_another_place_explains_nothing(made: Made, column: str) -> None:
    """Where it came back so, and there alone."""
    other = {"idx": "idx + 900", "leaf": "zeroblob(32)", "epoch": "zeroblob(8)", "peer": "'fr-pdc'"}
    made.tamper(f"UPDATE {WHERE} SET {column} = {other[column]} WHERE {BARE}")
    assert ("sent", "erased") in found(made)


def test_g9_what_came_with_a_body_cannot_lose_it_as_if_it_had_not(made: Made) -> None:
    """An entry that we never salted says nothing, and has a body all the same."""
    made.tamper(f"UPDATE {WHERE} SET entry_id = x'' WHERE {BARE}")
    assert ("sent", "erased") in found(made)


def test_8_13_lost_records_of_what_came_back_bare_are_found(made: Made) -> None:
    """The count of the recovery stands beside them."""
    made.tamper(f"DELETE FROM {WHERE} WHERE {BARE}")
    assert found(made) >= {("recovered", "bodiless"), ("sent", "erased")}
