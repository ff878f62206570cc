"""Witness keys that were stolen, or whose turn has ended: what they still give time to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from keys.signing import SigningKey
from keys.succession import succeeded
from keys.turns import Turn
from node.evidence.check import check
from node.peer.ledgers.witness import Witness
from node.peer.ledgers.witnessing import candidates
from node.registry import changes, repository
from node.store.audits.witness_audit import WitnessAudit
from node.store.connection import open_reader
from protocol.ledger import verify_ledger_head
from protocol.witness import MAX_WITNESSED_BYTES, cosign_head
from tests.builders.network import NOW_MS, member_files, member_keys
from tests.node.evidence.test_stolen import EOKM, IWF, PLACE, Governed
from tests.second import files as second

PDC, ECO, SOL = "fr-pdc", "de-eco", "at-sol"
BEFORE_S = 1_735_689_600
"""Before the network was."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give four members; gb-iwf's ledger is witnessed by two that are no party."""
    made = Governed(tmp_path, (IWF, EOKM, PDC, ECO))
    await made.start()
    yield made
    await made.close()


def expel(world: Governed, *members: str) -> None:
    """Let the umbrella expel these."""
    network = world.registry.network
    for member in members:
        network = changes.expel(network, member, {})
    world.umbrella = world.umbrella.govern(network)
    world.registry, world.files = world.umbrella.registry, world.umbrella.files


def stated(world: Governed, member: str, turn: Turn, key_id: str | None = None) -> None:
    """Let a member say that of a key, of its witness key if of no other."""
    before = world.registry.member(member)
    turns = {**before.turns, key_id or before.witness_keys[0].key_id: turn}
    document = replace(before, turns=turns, sequence=before.sequence + 1)
    files = member_files(document, world.umbrella.state.role(member)[0] + 1)
    change = repository.accept(world.umbrella.state, files, world.umbrella.online, NOW_MS)
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
    stated(world, PDC, Turn(compromised_ms=NOW_MS))
    raw = world.bundle(IWF, result.items[0].item_id)
    assert check(raw, pin).witnessed == "not witnessed"
    assert all(one.witnessed_s is None for one in second.check_bundle(raw, pin))
    assert PDC not in candidates(world.registry, IWF)
    assert world[IWF].verify().holds


@pytest.mark.parametrize(("after_ms", "counts"), [(1, True), (0, False), (-1000, False)])
async def test_8_12_a_key_gives_time_until_the_end_of_its_turn(
    world: Governed, after_ms: int, counts: object
) -> None:
    """For good what it cosigned before, nothing what it cosigned later: to both verifiers."""
    result = await world[IWF].submit(PLACE.format(1))
    await world.settle()
    world.now += 3_600_000
    await world[IWF].keep_ledger()
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    before = world.bundle(IWF, result.items[0].item_id)
    stated(world, PDC, Turn(until_ms=world.now // 1000 * 1000 + after_ms))
    raw = world.bundle(IWF, result.items[0].item_id)
    assert check(raw, pin).witnessed.startswith("witnessed by") is counts
    assert all((one.witnessed_s is not None) is counts for one in second.check_bundle(raw, pin))
    assert check(before, pin).witnessed.startswith("witnessed by"), "the registry it brings"
    findings = world[IWF].verify()
    assert findings.holds
    assert ("cosignatures_that_count_no_more" in findings.counts) is not counts


@pytest.mark.parametrize("early", [False, True])
async def test_8_12_an_owner_asks_again_for_what_counts_no_more(
    world: Governed, early: object
) -> None:
    """And its peers are shown what counts; also where another key of the witness had its turn."""
    await world[IWF].submit(PLACE.format(1))
    await world.settle()
    world.now += 3_600_000
    assert await world[IWF].keep_ledger() == 2
    key = SigningKey.generate()
    before = world.registry
    from_ms = 0 if early else world.now + 1000
    document = succeeded(before.member(PDC), before.network_id, "witness", key, from_ms)
    old = before.member(PDC).witness_keys[0].key_id
    turns = {**document.turns, old: replace(document.turn(old), until_ms=1)}
    members = {**before.members, PDC: replace(document, turns=turns)}
    world.registry = replace(before, members=members)
    node = world[PDC]
    node.witness = Witness(
        PDC, node.store.witness, node.registry, lambda: key, node.clock, node.registry_behind
    )
    world.now += 60_000
    assert await world[EOKM].crosscheck.check_due(world.now) == 1
    assert await world[IWF].witnessing.ask_due(world.now) == 1
    connection = open_reader(world[IWF].path, world[IWF].keys.database_key)
    with closing(connection):
        given = WitnessAudit(connection).cosignatures()
    assert {one.witness: one.time_s for one in given}[PDC] == world.now // 1000


async def test_8_12_an_owner_asks_others_in_place_of_an_expelled_witness(tmp_path: Path) -> None:
    """The bundle from before is read by the registry in it; the one after has two others."""
    world = Governed(tmp_path, (IWF, EOKM, PDC, ECO, SOL))
    await world.start()
    try:
        result = await world[IWF].submit(PLACE.format(1))
        await world.settle()
        world.now += 3_600_000
        await world[IWF].keep_ledger()
        item = result.items[0].item_id
        before = world.bundle(IWF, item)
        gone = world.both_read(before).proofs[0]["witnessed_by"][0]
        expel(world, gone)
        assert world.both_read(world.bundle(IWF, item)).witnessed == "not witnessed"
        assert world.both_read(before).witnessed.startswith("witnessed by")
        world.now += 3_600_000
        await world[IWF].witnessing.ask_due(world.now)
        (proof, *_) = world.both_read(world.bundle(IWF, item)).proofs
        assert proof["witnessed_s"] == world.now // 1000
        assert gone not in proof["witnessed_by"]
        assert world[IWF].verify().holds
    finally:
        await world.close()


async def test_g7_attack_an_expelled_witness_backdates_nothing(world: Governed) -> None:
    """It cosigns now, with a time from before, beside one that is active: to both verifiers."""
    result = await world[IWF].submit(PLACE.format(1))
    await world.settle()
    world.now += 3_600_000
    await world[IWF].keep_ledger()
    bundle = json.loads(world.bundle(IWF, result.items[0].item_id))
    for proof in bundle["proofs"]:
        if proof["ledger"] is not None:
            times = {PDC: BEFORE_S, ECO: BEFORE_S}
            proof["ledger"]["head"] = recosigned(world, proof["ledger"]["head"], times)
    lies = world.both_read(json.dumps(bundle).encode())
    assert BEFORE_S in {one["witnessed_s"] for one in lies.proofs}, "two that lie together"
    expel(world, PDC)
    files = json.loads(world.bundle(IWF, result.items[0].item_id))["registry"]
    shown = world.both_read(json.dumps({**bundle, "registry": files}).encode())
    assert shown.witnessed == "not witnessed"


def recosigned(world: Governed, note: str, times: Mapping[str, int]) -> str:
    """Give a head with other cosignatures in place of those that it has."""
    log_keys = world.registry.member(IWF).log_keys
    head = verify_ledger_head(note.encode(), log_keys, MAX_WITNESSED_BYTES)
    text, _, lines = note.rpartition("\n\n")
    owned = [one for one in lines.splitlines() if not one.split(" ")[1].endswith("/witness")]
    keys = {one: member_keys(one).witness for one in times}
    given = [cosign_head(head, one, key, times[one]) for one, key in keys.items() if key]
    return text + "\n\n" + "\n".join(owned) + "\n" + b"".join(given).decode()
