"""A bundle carries the revocation notes that concern it: who reads it offline judges by them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.signing import Signer, SigningKey
from keys.succession import succeeded
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError
from node.registry import repository
from protocol.revocation import Revocation, make
from tests.builders.network import NOW_MS, member_files, member_keys
from tests.node.evidence.tampered import signature_flipped
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over
from tests.second import files as second
from tests.second.basics import RefusedError

LOG = member_keys(IWF).log
OTHERS = ("fr-pdc", "at-sol")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give two members that have just started, and two that can witness."""
    made = Governed(tmp_path, (IWF, EOKM, *OTHERS))
    await made.start()
    yield made
    await made.close()


def note(world: Governed, member: str, key: Signer, by: Signer | None = None) -> bytes:
    """Give a note that revokes a member's key, signed by the key itself unless told otherwise."""
    said = Revocation(world.registry.network_id, member, key.public.key_id)
    return make(said, by or key)


def rotate(world: Governed) -> SigningKey:
    """Let gb-iwf publish another log key, with no word on when the old one was stolen."""
    before, key = world.registry, SigningKey.generate()
    document = succeeded(before.member(IWF), before.network_id, "log", key, world.now)
    written = member_files(replace(document, sequence=document.sequence + 1), 2)
    change = repository.accept(world.umbrella.state, written, world.umbrella.online, NOW_MS)
    world.umbrella = replace(world.umbrella, state=change.after)
    world.registry, world.files = world.umbrella.registry, world.umbrella.files
    return key


async def said_again(world: Governed) -> tuple[str, bytes]:
    """Hand an item over, revoke the log key, say it again under another; give item and note."""
    item = await hand_over(world, 1)
    revoked = note(world, IWF, LOG)
    world[IWF].delivery.log_key = rotate(world)
    await hand_over(world, 2)
    return item, revoked


@pytest.mark.parametrize("who", [IWF, EOKM])
@pytest.mark.parametrize("by", ["itself", "member key"])
async def test_12_what_a_revoked_key_signed_convinces_nobody_by_the_note_alone(
    world: Governed, who: str, by: str
) -> None:
    """No document says since when it was another's: it may have been so from its first day."""
    item = await hand_over(world, 1)
    keys = member_keys(who)
    key = keys.log if who == IWF else keys.receipt
    revoked = note(world, who, key, keys.member if by == "member key" else None)
    world.both_take(world.bundle(EOKM, item))
    world.both_find(world.bundle(EOKM, item, [revoked]), "checkpoint" if who == IWF else "receipt")


async def test_12_what_witnesses_saw_before_the_theft_counts_beside_the_note(
    world: Governed,
) -> None:
    """The note says that it is stolen, the document since when."""
    item = await hand_over(world, 1)
    await world[IWF].ledger.append_due(world.now)
    await world[IWF].witnessing.ask_due(world.now)
    revoked = note(world, IWF, LOG)
    before = world.umbrella, world.registry, world.files
    world.theft(IWF, "log", world.now + 1000)
    world.both_take(world.bundle(IWF, item, [revoked]))
    world.umbrella, world.registry, world.files = before
    world.theft(IWF, "log", world.now)
    world.both_find(world.bundle(IWF, item, [revoked]), "checkpoint")


async def test_attack_who_hands_over_and_then_revokes_his_key_owes_a_word(
    world: Governed,
) -> None:
    """Nothing that it signed counts, nor what witnesses saw; who reads it is told just that."""
    item = await hand_over(world, 1)
    await world[IWF].ledger.append_due(world.now)
    await world[IWF].witnessing.ask_due(world.now)
    (void,) = world.both_read(world.bundle(IWF, item, [note(world, IWF, LOG)])).void
    assert f"ledger at {world.now // 1000} s: ask the owner" in str(void)
    world.theft(IWF, "log", world.now + 1000)
    world.both_take(world.bundle(IWF, item, [note(world, IWF, LOG)]))


async def test_12_what_was_said_again_is_shown_under_the_good_key(world: Governed) -> None:
    """Of several checkpoints over an entry one is shown that no note touches."""
    item, revoked = await said_again(world)
    raw = world.bundle(EOKM, item, [revoked])
    world.both_take(raw)
    assert json.loads(raw)["revocations"] == [revoked.decode()]


async def test_12_notes_that_concern_nothing_in_it_stay_out(world: Governed) -> None:
    """Other members' log keys, keys that sign no evidence, keys that nobody lists any more."""
    item, revoked = await said_again(world)
    mine = member_keys(IWF)
    foreign = [
        note(world, "fr-pdc", member_keys("fr-pdc").log),
        note(world, IWF, mine.transport),
        note(world, IWF, SigningKey.generate()),
    ]
    said = json.loads(world.bundle(EOKM, item, [*foreign, revoked]))
    assert said["revocations"] == [revoked.decode()]
    without = world.bundle(EOKM, item, foreign)
    assert "revocations" not in json.loads(without)  # version N-1 knows no such field


async def test_12_a_revoked_witness_key_says_nothing(world: Governed) -> None:
    """A thief of it can state any time; two others are needed."""
    item = await hand_over(world, 1)
    await world[IWF].ledger.append_due(world.now)
    await world[IWF].witnessing.ask_due(world.now)
    witness = member_keys("at-sol").witness
    assert witness is not None
    pin = sha256(world.files["metadata/1.root.json"]).digest()
    before = world.bundle(IWF, item)
    after = world.bundle(IWF, item, [note(world, "at-sol", witness)])
    for raw, witnessed in ((before, True), (after, False)):
        assert all(one["witnessed"] is witnessed for one in check(raw, pin).proofs)
        assert all((s.witnessed_s is None) != witnessed for s in second.check_bundle(raw, pin))


async def test_12_a_note_at_hand_counts_as_one_in_the_bundle(world: Governed) -> None:
    """Nobody can see offline that one was left out; who has a node asks its own."""
    item = await hand_over(world, 1)
    raw, pin = world.bundle(EOKM, item), sha256(world.files["metadata/1.root.json"]).digest()
    assert check(raw, pin, [b"garbage"]).void == []
    (void,) = check(raw, pin, [note(world, IWF, LOG)]).void
    assert void.step == "5"


Tamper = Callable[[list[str], Governed], Any]
TAMPERED: dict[str, Tamper] = {
    "a_note_altered": lambda notes, _: [signature_flipped(notes[0], 0)],
    "a_note_about_another_key": lambda notes, _: [notes[0].replace(LOG.public.key_id, "0" * 16)],
    "a_note_of_another_member": lambda notes, _: [notes[0].replace(IWF, EOKM)],
    "a_note_of_another_network": lambda notes, w: [
        notes[0].replace(w.registry.network_id, "demo-0123456789abcdef")
    ],
    "a_note_signed_by_somebody_else": lambda _, w: [
        note(w, IWF, LOG, member_keys(EOKM).log).decode()
    ],
    "a_note_signed_by_another_key_of_the_member": lambda _, w: [
        note(w, IWF, LOG, member_keys(IWF).receipt).decode()
    ],
    "a_note_about_a_transport_key": lambda notes, w: [
        *notes, note(w, IWF, member_keys(IWF).transport).decode()
    ],
    "a_note_twice": lambda notes, _: [*notes, *notes],
    "a_note_and_the_same_by_the_member_key": lambda notes, w: [
        *notes, note(w, IWF, LOG, member_keys(IWF).member).decode()
    ],
    "a_note_without_its_signature": lambda notes, _: [notes[0].split("\n\n")[0] + "\n\n"],
    "a_note_with_a_line_more": lambda notes, _: ["x" + notes[0]],
    "a_note_that_is_too_large": lambda notes, _: [notes[0] + notes[0].split("\n\n")[1] * 9],
    "garbage": lambda _notes, _: ["garbage"],
    "a_number": lambda _notes, _: [7],
    "a_word": lambda notes, _: notes[0],
    "nothing": lambda _notes, _: None,
}  # fmt: skip


async def test_12_no_note_that_was_tampered_with_passes(world: Governed) -> None:
    """Each in one way; neither verifier takes one of them, ours names the notes."""
    item, revoked = await said_again(world)
    pin = sha256(world.files["metadata/1.root.json"]).digest()
    good = json.loads(world.bundle(EOKM, item, [revoked]))
    for name, tamper in TAMPERED.items():
        raw = json.dumps(good | {"revocations": tamper(good["revocations"], world)}).encode()
        with pytest.raises(BrokenBundleError) as refused:
            check(raw, pin)
        assert refused.value.step in {"1", "10"}, name
        assert "revocations" in refused.value.place, name
        with pytest.raises(RefusedError):
            second.check_bundle(raw, pin)
