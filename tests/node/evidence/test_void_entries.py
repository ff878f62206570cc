"""A bundle of which some signatures are void: what it proves all the same, entry by entry (§12)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.turns import Turn
from node.casework.reports.draft import ActionDraft
from node.cli.evidence import verify
from node.cli.exits import Exit
from node.evidence.bundle import export
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from protocol.checkpoint import read_checkpoint, sign_checkpoint
from protocol.receipt import cosign
from protocol.revocation import Revocation, make
from protocol.vocabulary import Action
from tests.builders.network import member_keys
from tests.node.evidence.conftest import HERE, Made
from tests.node.evidence.tampered import TAMPERED, signature_flipped
from tests.node.evidence.test_check import NOW_MS
from tests.node.evidence.test_notes_in_bundles import note, rotate
from tests.node.evidence.test_stolen import EOKM, IWF, PLACE, Governed, hand_over
from tests.node.evidence.test_stolen_witness import stated
from tests.second.basics import RefusedError
from tests.second.files import check_bundle

PDC = "fr-pdc"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give three members that have just started."""
    made = Governed(tmp_path, (IWF, EOKM, PDC))
    await made.start()
    yield made
    await made.close()


def pin_of(world: Governed) -> bytes:
    """Give the fingerprint of the network's first root."""
    return sha256(world.files["metadata/1.root.json"]).digest()


def both_refuse(raw: bytes, pin: bytes) -> BrokenBundleError:
    """Check that a bundle convinces neither verifier of anything."""
    with pytest.raises(BrokenBundleError) as refused:
        check(raw, pin)
    with pytest.raises(RefusedError):
        check_bundle(raw, pin)
    return refused.value


async def test_12_a_void_hand_over_takes_nothing_from_the_answer_beside_it(
    world: Governed,
) -> None:
    """What the receiver signed under a key of its own is proved, whoever stole the sender's."""
    item = await hand_over(world, 1)
    world.theft(IWF, "log")
    checked = world.both_read(world.bundle(EOKM, item))
    assert {(one["from"], tuple(one["binds"])) for one in checked.proofs} == {
        (IWF, ()),
        (EOKM, (EOKM, IWF)),
    }
    (void,) = [one for one in checked.proofs if one["void"]]
    assert (void["receipted"], void["receipt_time_s"], void["witnessed"]) == (False, None, False)


async def test_attack_void_entries_name_no_item_for_those_that_bind(world: Governed) -> None:
    """Else a thief could say of what his victim signed about one item that it is about another."""
    first, second = await hand_over(world, 1), await hand_over(world, 2)
    world.theft(IWF, "log")
    forged, true = (json.loads(world.bundle(EOKM, item)) for item in (first, second))
    void = [one for one in forged["proofs"] if one["sender"] == IWF]
    good = [one for one in true["proofs"] if one["sender"] == EOKM]
    refused = both_refuse(json.dumps(forged | {"proofs": [*good, *void]}).encode(), pin_of(world))
    assert (refused.step, refused.place) == ("5", f"proofs[{len(good)}].checkpoint")
    assert "stolen" in str(refused)


async def test_12_a_bundle_of_which_all_is_void_proves_nothing(world: Governed) -> None:
    """It is refused, as what was made up."""
    bundle = json.loads(world.bundle(EOKM, await hand_over(world, 1)))
    revoked = [note(world, member, member_keys(member).log).decode() for member in (IWF, EOKM)]
    raw = json.dumps(bundle | {"revocations": revoked}).encode()
    assert both_refuse(raw, pin_of(world)).step == "5"


@pytest.fixture(scope="module")
def partly(original: Made) -> tuple[bytes, bytes]:
    """Give the bundle of the item with the longest story, of which a note makes part void; its pin.

    Raises:
        AssertionError: all of it is void, or nothing: the tests would prove nothing.
    """
    key = member_keys(IWF).log
    stolen = make(Revocation(original.registry.network_id, IWF, key.public.key_id), key)
    pin = sha256(original.files["metadata/1.root.json"]).digest()
    with closing(open_reader(original.path, original.keys.database_key)) as connection:
        known = (original.registry, original.files, NOW_MS, [stolen])
        raw = export(Audit(connection), original.item, HERE, *known)
    checked = check(raw, pin)
    assert 0 < len(checked.void) < len(checked.proofs)
    return raw, pin


@pytest.mark.parametrize("name", TAMPERED)
def test_12_no_tampered_bundle_passes_because_entries_beside_it_are_void(
    name: str, partly: tuple[bytes, bytes]
) -> None:
    """What does not hold breaks the file, in an entry that is void or in another."""
    bundle: dict[str, Any] = json.loads(partly[0])
    TAMPERED[name](bundle)
    both_refuse(json.dumps(bundle).encode(), partly[1])


@pytest.mark.parametrize("field", ["checkpoint", "receipt", "entry"])
async def test_12_what_is_void_must_hold_all_the_same(world: Governed, field: str) -> None:
    """Else anybody could write it, and have it shown beside what a member signed."""
    item = await hand_over(world, 1)
    other = await hand_over(world, 2)
    world.theft(IWF, "log")
    bundle, foreign = (json.loads(world.bundle(EOKM, one)) for one in (item, other))
    (void,) = [one for one in bundle["proofs"] if one["sender"] == IWF]
    (another,) = [one for one in foreign["proofs"] if one["sender"] == IWF]
    void[field] = another[field]
    both_refuse(json.dumps(bundle).encode(), pin_of(world))


async def test_12_of_two_signatures_the_senders_is_shown_good_if_it_can_be(
    world: Governed,
) -> None:
    """It said the entry again under its new key; the receiver's receipts are void all the same."""
    item = await hand_over(world, 1)
    world[IWF].delivery.log_key = world.theft(IWF, "log")
    await hand_over(world, 2)
    revoked = note(world, EOKM, member_keys(EOKM).receipt)
    world.both_find(world.bundle(EOKM, item, [revoked]), "receipt")


async def test_12_a_bundle_is_called_by_a_name_that_is_proved(world: Governed) -> None:
    """Of two ids of one item that stands which an entry bears that binds somebody."""
    own = (await world[EOKM].submit(PLACE.format(1))).items[0].item_id
    await world.settle()
    theirs = await hand_over(world, 1)
    await world[EOKM].desk.act(own, ActionDraft(action=Action.MOVED, country="FR"), actor="a")
    await world.settle()
    assert json.loads(world.bundle(EOKM, own))["item"] == own
    world.theft(EOKM, "log")
    revoked = note(world, PDC, member_keys(PDC).log)
    raw = world.bundle(EOKM, own, [revoked])
    assert json.loads(raw)["item"] == theirs
    assert world.both_read(raw).void


async def test_12_the_exit_status_says_that_a_bundle_holds_in_part(
    world: Governed, tmp_path: Path
) -> None:
    """Other than of one that holds, and of one that does not."""
    item = await hand_over(world, 1)
    good = world.bundle(EOKM, item)
    world.theft(IWF, "log")
    partly = world.bundle(EOKM, item)
    results = {}
    for name, raw in (("good", good), ("partly", partly), ("broken", partly[:-20])):
        (tmp_path / name).write_bytes(raw)
        results[name] = verify(tmp_path / "none.toml", tmp_path / name, pin_of(world).hex())
    said = {name: (one.exit, one.data["holds"]) for name, one in results.items()}
    assert said == {
        "good": (Exit.OK, True),
        "partly": (Exit.PARTLY, False),
        "broken": (Exit.PROBLEM, False),
    }
    assert results["partly"].data["partly"]
    text = results["partly"].text
    assert "VOID: proves nothing" in text
    assert "checkpoint: is by a key that was stolen, and no witness saw it before (step 5)" in text
    assert "verified=partly (1 of 2 entries prove less than they show" in text


def lines_of(signed: bytes) -> str:
    """Give the signature lines of a note."""
    return signed.decode().split("\n\n", 1)[1]


async def test_12_of_two_that_signed_one_counts_that_counts(tmp_path: Path) -> None:
    """One key that is revoked without a word; one that was its owner's when witnesses saw it."""
    world = Governed(tmp_path, (IWF, EOKM, PDC, "at-sol"))
    await world.start()
    key, revoked = rotate(world), member_keys(IWF).log
    world[IWF].delivery.log_key = key
    item = await hand_over(world, 1)
    await world[IWF].ledger.append_due(world.now)
    await world[IWF].witnessing.ask_due(world.now)
    stated(world, IWF, Turn(compromised_ms=world.now + 1000), key.public.key_id)
    bundle = json.loads(world.bundle(IWF, item, [note(world, IWF, revoked)]))
    (proof,) = [one for one in bundle["proofs"] if one["sender"] == IWF]
    said = read_checkpoint(proof["checkpoint"].encode())
    proof["checkpoint"] += lines_of(sign_checkpoint(said, revoked))
    assert world.both_read(json.dumps(bundle).encode()).void == []
    await world.close()


@pytest.mark.parametrize(
    ("stolen", "shown"), [((9, 5), 0), ((5, 9), 1), ((9, None), 1), ((None, None), 0)]
)
async def test_12_of_two_that_cosigned_one_gives_the_time(
    tmp_path: Path, stolen: tuple[int | None, ...], shown: int
) -> None:
    """Both say which: it may cosign under two keys, with two times."""
    world = Governed(tmp_path, (IWF, EOKM, PDC, "at-sol"))
    await world.start()
    item = await hand_over(world, 1)
    await world[EOKM].ledger.append_due(world.now)
    await world[EOKM].witnessing.ask_due(world.now)
    keys = [world[EOKM].keys.receipt, world.theft(EOKM, "receipt")]
    for one, seconds in zip(keys, stolen, strict=True):
        turn = Turn(compromised_ms=None if seconds is None else world.now + seconds * 1000)
        stated(world, EOKM, turn, one.public.key_id)
    bundle = json.loads(world.bundle(EOKM, item))
    (proof,) = [one for one in bundle["proofs"] if one["sender"] == IWF]
    said = read_checkpoint(proof["checkpoint"].encode())
    times = [world.now // 1000 - 20, world.now // 1000 - 10]
    proof["receipt"] = said.text + "\n" + lines_of(cosign(said, keys[0], times[0]))
    proof["receipt"] += lines_of(cosign(said, keys[1], times[1]))
    checked = world.both_read(json.dumps(bundle).encode())
    (read,) = [one for one in checked.proofs if one["from"] == IWF]
    assert read["receipt_time_s"] == times[shown]
    await world.close()


@pytest.mark.parametrize("line", range(4))
async def test_8_6_of_two_keys_the_one_whose_line_is_wrong_cosigned_nothing(
    world: Governed, line: int
) -> None:
    """One of them is stolen: the receipt is void exactly where the other's is wrong (§8.4.2)."""
    item = await hand_over(world, 1)
    key = world.theft(EOKM, "receipt")
    bundle = json.loads(world.bundle(IWF, item))
    (proof,) = [one for one in bundle["proofs"] if one["sender"] == IWF]
    said = read_checkpoint(proof["checkpoint"].encode())
    proof["receipt"] += lines_of(cosign(said, key, world.now // 1000))
    assert world.both_read(json.dumps(bundle).encode()).void == []
    proof["receipt"] = signature_flipped(proof["receipt"], line)
    void = world.both_read(json.dumps(bundle).encode()).void
    assert len(void) == (0 if line < 2 else 1)
