"""Lines beside a signature that looks wrong once its signer lists another key (§8.4.2, §12)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from keys.signing import SigningKey
from keys.succession import succeeded
from node.registry import repository
from protocol import note
from protocol.checkpoint import read_checkpoint
from protocol.receipt import cosigner_name
from tests.builders.network import NOW_MS, member_files
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over

PDC, ECO = "fr-pdc", "de-eco"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give four members that have just started."""
    made = Governed(tmp_path, (IWF, EOKM, PDC, ECO))
    await made.start()
    yield made
    await made.close()


def listed(world: Governed, member: str, purpose: Literal["log", "receipt"]) -> SigningKey:
    """Let a member list one more key of a purpose, as in any rotation, and give it."""
    before, key = world.registry, SigningKey.generate()
    document = succeeded(before.member(member), before.network_id, purpose, key, world.now)
    written = member_files(replace(document, sequence=document.sequence + 1), 2)
    change = repository.accept(world.umbrella.state, written, world.umbrella.online, NOW_MS)
    world.umbrella = replace(world.umbrella, state=change.after)
    world.registry, world.files = world.umbrella.registry, world.umbrella.files
    return key


@pytest.mark.parametrize("who", [IWF, EOKM])
async def test_g3_attack_what_was_signed_is_not_taken_back_by_a_line_planted_beside_it(
    world: Governed, who: str
) -> None:
    """Both verifiers hold the signer to it, whichever of sender and receiver it is."""
    item = await hand_over(world, 1)
    before = world.both_read(world.bundle(EOKM, item))
    key = listed(world, who, "log" if who == IWF else "receipt")
    bundle = json.loads(world.bundle(EOKM, item))
    proof = next(one for one in bundle["proofs"] if one["sender"] == IWF)
    field = "checkpoint" if who == IWF else "receipt"
    origin = read_checkpoint(proof["checkpoint"].encode()).origin
    name = str(origin) if who == IWF else cosigner_name(origin.network, EOKM)
    kind = note.ED25519 if who == IWF else note.ED25519_COSIGNATURE
    taken = note.parse(proof[field].encode())
    line = note.NoteSignature(name, note.key_hash(name, kind, key.public.ed25519), bytes(72))
    proof[field] = note.render(taken.text, [line, *taken.signatures]).decode()
    after = world.both_read(json.dumps(bundle).encode())
    assert [one["binds"] for one in after.proofs] == [one["binds"] for one in before.proofs]
    assert after.void == []
