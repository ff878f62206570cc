"""Evidence bundles: the good one passes offline, no tampered one does. docs/protocol.md §12."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.evidence.bundle import export
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError, NothingToShowError
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from protocol.dispositions import Dispositions
from protocol.messages import read
from protocol.vocabulary import Disposition, Kind
from tests.node.evidence.conftest import HERE, Made
from tests.node.evidence.tampered import LEDGER, TAMPERED, WEAKENED
from tests.second.basics import RefusedError
from tests.second.files import check_bundle
from tests.simulation.world import World

NOW_MS = 1_790_000_000_000
IWF = "gb-iwf"


def make(made: Made, item: str | None = None, us: str = HERE) -> bytes:
    """Export the bundle of the item with the longest story."""
    connection = open_reader(made.path, made.keys.database_key)
    try:
        return export(Audit(connection), item or made.item, us, made.registry, made.files, NOW_MS)
    finally:
        connection.close()


@pytest.fixture
def bundle(made: Made) -> dict[str, Any]:
    """Give a good bundle, as JSON."""
    read: dict[str, Any] = json.loads(make(made))
    return read


@pytest.fixture
def pin(made: Made) -> bytes:
    """Give the fingerprint of the network's first root."""
    return hashlib.sha256(made.files["metadata/1.root.json"]).digest()


def test_good_bundle_passes_with_nothing_but_the_pin(made: Made, pin: bytes) -> None:
    """Offline: no database, no keys, no configuration."""
    checked = check(make(made), pin)

    assert checked.item == made.item
    assert checked.witnessed.startswith("witnessed by at-sol, ")
    assert checked.witnessed.endswith("Z")
    assert {p["kind"] for p in checked.proofs} >= {"item", "outcome", "disposition"}
    assert all(p["receipted"] for p in checked.proofs)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_bundle_does_not_pass(name: str, bundle: dict[str, Any], pin: bytes) -> None:
    """And the refusal names the step and the place."""
    before = json.dumps(bundle)
    TAMPERED[name](bundle)
    assert json.dumps(bundle) != before

    with pytest.raises(BrokenBundleError) as refused:
        check(json.dumps(bundle).encode(), pin)

    assert refused.value.step
    assert refused.value.place


@pytest.mark.parametrize("name", LEDGER)
def test_12_what_is_wrong_in_the_ledger_part_is_named_as_such(
    name: str, bundle: dict[str, Any], pin: bytes
) -> None:
    """Its step is the ledger's, or the file's form; its place is in a ledger part."""
    LEDGER[name](bundle)
    with pytest.raises(BrokenBundleError) as refused:
        check(json.dumps(bundle).encode(), pin)
    assert refused.value.step in {"1", "8"}
    assert "ledger" in refused.value.place


@pytest.mark.parametrize("name", WEAKENED)
def test_12_without_two_that_are_no_party_nothing_is_witnessed(
    name: str, bundle: dict[str, Any], pin: bytes
) -> None:
    """It still proves who said what; when is its signers' own word again."""
    before = check(json.dumps(bundle).encode(), pin)
    WEAKENED[name](bundle)
    after = check(json.dumps(bundle).encode(), pin)
    outside = [p for p in after.proofs if p["witnessed"]]
    assert all("fr-pdc" in {p["from"], p["to"]} for p in outside)
    assert len(outside) < len(before.proofs)
    assert after.witnessed != before.witnessed


def test_g7_witnessed_time_is_when_two_had_seen_it(bundle: dict[str, Any], pin: bytes) -> None:
    """By name, and by their clocks, not by that of a party."""
    for proof in check(json.dumps(bundle).encode(), pin).proofs:
        assert proof["witnessed"]
        assert len(proof["witnessed_by"]) >= 2
        assert not {proof["from"], proof["to"]} & set(proof["witnessed_by"])
        assert proof["witnessed_s"] >= proof["receipt_time_s"]


def test_bundle_that_is_cut_off_does_not_pass(made: Made, pin: bytes) -> None:
    """Half a file proves nothing."""
    with pytest.raises(BrokenBundleError):
        check(make(made)[:-20], pin)


def test_pin_of_another_network_does_not_pass(made: Made) -> None:
    """What counts is the root that a person pinned, not the one in the bundle."""
    with pytest.raises(BrokenBundleError):
        check(make(made), bytes(32))


def test_refusal_holds_nothing_of_the_bundle(bundle: dict[str, Any], pin: bytes) -> None:
    """No address and no hash in an error."""
    entry = bundle["proofs"][0]["entry"]
    TAMPERED["entry"](bundle)

    with pytest.raises(BrokenBundleError) as refused:
        check(json.dumps(bundle).encode(), pin)

    assert entry[:24] not in str(refused.value)
    assert "example" not in str(refused.value)


def test_item_that_never_left_has_no_bundle(made: Made) -> None:
    """What stays at home needs no evidence."""
    with pytest.raises(NothingToShowError):
        make(made, "nl-eokm.01M3250V00YFWB4SJBG5Y8EZVT")


def test_bundle_opens_one_item_only(made: Made) -> None:
    """Of its neighbours in the logs there are hashes, no addresses."""
    raw = make(made)
    opened = b"".join(base64.b64decode(p["entry"]) for p in json.loads(raw)["proofs"])

    assert b"nl0.example" in opened
    assert b"nl1.example" not in opened
    assert b"nl3.example" not in opened


def crowd_of(bundle: dict[str, Any]) -> dict[str, Any]:
    """Give the proof of the answer that the item got with others."""
    kind = Kind.DISPOSITIONS
    (found,) = [p for p in bundle["proofs"] if base64.b64decode(p["entry"])[2] == kind]
    return dict(found)


def test_10_4_answer_of_a_crowd_is_shown_without_the_others(
    made: Made, bundle: dict[str, Any], pin: bytes
) -> None:
    """It stands by the leaf of the item's own entry; no id, no address of a neighbour."""
    assert "dispositions" in {p["kind"] for p in check(make(made), pin).proofs}
    entry = base64.b64decode(crowd_of(bundle)["entry"])
    _, message = read(entry)
    assert isinstance(message, Dispositions)
    assert len(message.cited) > 1
    assert b"gb-iwf." not in entry


def test_10_4_answer_that_cites_no_entry_of_the_bundle_does_not_pass(
    bundle: dict[str, Any], pin: bytes
) -> None:
    """Else the answer to others could be shown for this item's."""
    kept = [p for p in bundle["proofs"] if base64.b64decode(p["entry"])[2] != Kind.ITEM]
    bundle["proofs"] = kept
    for refuses in (check, check_bundle):
        with pytest.raises((BrokenBundleError, RefusedError), match=r"answers no entry") as caught:
            refuses(json.dumps(bundle).encode(), pin)
        if isinstance(caught.value, BrokenBundleError):
            assert caught.value.step == "7"


@pytest.mark.parametrize("number", range(3))
async def test_10_4_answer_whose_entry_was_erased_is_not_shown_for_it(
    tmp_path: Path, number: int
) -> None:
    """What is left of an item after its erasure here holds, or there is nothing to show."""
    world = World(tmp_path, [IWF, HERE])
    await world.start()
    items = [
        (await world[IWF].submit(f"https://nl{n}.example/{n}.jpg", reference=f"R-{n}")).items[0]
        for n in range(3)
    ]
    await world.settle()
    for member, erased in ((HERE, items[0]), (IWF, items[1])):
        await world[member].desk.erase(erased.item_id, ErasureDraft(Cause.ERROR), actor="a")
        await world.settle()
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    for member in (IWF, HERE):
        node = world[member]
        made = Made(node.path, node.keys, world.registry, world.files, items[number].item_id)
        raw = make(made, us=member)
        kinds = [one["kind"] for one in check(raw, pin).proofs]
        assert len(check_bundle(raw, pin)) == len(kinds)
        has_body = items[number] is not (items[0] if member == HERE else items[1])
        assert ("dispositions" in kinds) == has_body
    await world.close()


async def test_g3_attack_probe_of_what_a_member_knows_stands_on_record(tmp_path: Path) -> None:
    """Who is told "duplicate" had handed it over: what it signed and what it holds prove so."""
    prober = "fr-pdc"
    world = World(tmp_path, [IWF, HERE, prober])
    await world.start()
    told = []
    for member in (IWF, prober):
        handed = await world[member].submit("https://nl1.example/1.jpg", sha256="ab" * 32)
        await world.settle()
        told.append(await world[member].state(handed.items[0].item_id))
    assert [state.answer for state in told] == [Disposition.NEW, Disposition.DUPLICATE]
    node = world[HERE]
    made = Made(node.path, node.keys, world.registry, world.files, told[0].id)
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    [probe] = [one for one in check(make(made), pin).proofs if one["from"] == prober]
    assert (probe["kind"], probe["receipted"]) == ("item", True)
    await world.close()
