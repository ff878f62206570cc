"""`hotline verify` asks the witnessed ledger what our own keys signed before they were stolen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.store.connection import open_writer
from tests.builders.network import member_keys
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over

WHAT = {
    (IWF, "log"): "void_checkpoints_sent",
    (EOKM, "receipt"): "void_receipts_held",
}
"""Whose key of which purpose; what is void of it at its owner."""

SIGNED = pytest.mark.parametrize(("who", "purpose"), WHAT)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give two members that have just started, and two that can witness."""
    made = Governed(tmp_path, (IWF, EOKM, "fr-pdc", "at-sol"))
    await made.start()
    yield made
    await made.close()


async def handed_over(world: Governed, who: str) -> None:
    """Hand an item over, and let the ledger of one side be witnessed."""
    await hand_over(world, 1)
    await world[who].ledger.append_due(world.now)
    await world[who].witnessing.ask_due(world.now)


@SIGNED
async def test_3_9_what_witnesses_saw_before_the_theft_is_not_void_at_its_owner(
    world: Governed, who: str, purpose: str
) -> None:
    """By the time of the witnesses: what they saw at that time, or later, stays void."""
    await handed_over(world, who)
    before = world.umbrella, world.registry, world.files
    for at_ms, void in ((world.now + 1000, 0), (world.now, 1), (world.now - 1000, 1)):
        world.theft(who, purpose, at_ms)
        assert world.void(who, WHAT[who, purpose]) == void
        world.umbrella, world.registry, world.files = before


@SIGNED
async def test_3_9_without_two_witnesses_it_stays_void(
    world: Governed, who: str, purpose: str
) -> None:
    """One that is no party is not enough; a revoked key of one of two is none."""
    await handed_over(world, who)
    world.theft(who, purpose, world.now + 1000)
    witness = member_keys("at-sol").witness
    assert witness is not None
    believed = replace(
        world[who].believed(), revoked={"at-sol": frozenset({witness.public.key_id})}
    )
    assert world[who].verify(believed).counts[WHAT[who, purpose]] == 1
    connection = open_writer(world[who].path, world[who].keys.database_key)
    connection.execute("DELETE FROM ledger_cosignatures WHERE witness = 'at-sol'")
    connection.close()
    assert world.void(who, WHAT[who, purpose]) == 1


@SIGNED
async def test_3_9_a_note_without_a_time_leaves_it_void(
    world: Governed, who: str, purpose: str
) -> None:
    """It may have been another's when the witnesses saw it."""
    await handed_over(world, who)
    keys = member_keys(who)
    key = keys.log if purpose == "log" else keys.receipt
    believed = replace(world[who].believed(), revoked={who: frozenset({key.public.key_id})})
    assert world[who].verify(believed).counts[WHAT[who, purpose]] == 1


async def test_3_9_of_another_member_only_its_own_ledger_would_tell(world: Governed) -> None:
    """Ours holds what we were sent, and says nothing of when its sender signed it."""
    await handed_over(world, EOKM)
    world.theft(IWF, "log", world.now + 1000)
    assert world.void(EOKM, "void_checkpoints_held") == 1
