"""A stolen witness key gives time to nothing: to both verifiers, and to whoever asks a witness."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.turns import Turn
from node.evidence.check import check
from node.peer.witnessing import candidates
from node.registry import repository
from tests.builders.network import NOW_MS, member_files
from tests.node.evidence.test_stolen import EOKM, IWF, PLACE, Governed
from tests.second import files as second

PDC, ECO = "fr-pdc", "de-eco"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give four members; gb-iwf's ledger is witnessed by two that are no party."""
    made = Governed(tmp_path, (IWF, EOKM, PDC, ECO))
    await made.start()
    yield made
    await made.close()


def stolen(world: Governed, member: str) -> None:
    """Let a member say that its witness key was stolen."""
    before = world.registry.member(member)
    turns = {before.witness_keys[0].key_id: Turn(compromised_ms=NOW_MS)}
    document = replace(before, turns=turns, sequence=before.sequence + 1)
    change = repository.accept(
        world.umbrella.state, member_files(document, 2), world.umbrella.online, NOW_MS
    )
    world.umbrella = replace(world.umbrella, state=change.after)
    world.registry, world.files = world.umbrella.registry, world.umbrella.files


async def test_g7_a_stolen_witness_key_backdates_nothing(world: Governed) -> None:
    """The bundle still proves who said what; its time is nobody's word any more."""
    result = await world[IWF].submit(PLACE.format(1))
    await world.settle()
    world.now += 3_600_000
    await world[IWF].keep_ledger()
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    raw = world.bundle(IWF, result.items[0].item_id)
    assert check(raw, pin).witnessed.startswith(f"witnessed by {ECO}, {PDC} at ")
    assert all(one.witnessed_s is not None for one in second.check_bundle(raw, pin))
    stolen(world, PDC)
    raw = world.bundle(IWF, result.items[0].item_id)
    assert check(raw, pin).witnessed == "not witnessed"
    assert all(one.witnessed_s is None for one in second.check_bundle(raw, pin))
    assert PDC not in candidates(world.registry, IWF)
    assert world[IWF].verify().holds
