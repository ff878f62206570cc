"""Evidence bundles: the good one passes offline, no tampered one does. docs/protocol.md §12."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from node.evidence.bundle import export
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError, NothingToShowError
from node.store.audit import Audit
from node.store.connection import open_reader
from tests.node.evidence.conftest import HERE, Made

NOW_MS = 1_790_000_000_000
Tamper = Callable[[dict[str, Any]], None]


def make(made: Made, item: str | None = None) -> bytes:
    """Export the bundle of the item with the longest story."""
    connection = open_reader(made.path, made.keys.database_key)
    try:
        return export(Audit(connection), item or made.item, HERE, made.registry, made.files, NOW_MS)
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


def flipped(text: str) -> str:
    """Return base64 of the same length with the last byte of what it holds changed."""
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


def without_line(note: str, number: int) -> str:
    """Return a signed note without one of its signature lines."""
    text, signatures = note.split("\n\n", 1)
    lines = signatures.splitlines(keepends=True)
    del lines[number]
    return text + "\n\n" + "".join(lines)


def swap(bundle: dict[str, Any], field: str) -> None:
    """Exchange a field between the first proof and one of another log."""
    first = bundle["proofs"][0]
    other = next(p for p in bundle["proofs"] if p["checkpoint"] != first["checkpoint"])
    first[field], other[field] = other[field], first[field]


def first(field: str, change: Callable[[Any], Any]) -> Tamper:
    """Return a tampering of one field of the first proof that has it."""

    def tamper(bundle: dict[str, Any]) -> None:
        proof = next(p for p in bundle["proofs"] if p[field])
        proof[field] = change(proof[field])

    return tamper


def whole(field: str, value: Any) -> Tamper:
    """Return a tampering of a field of the bundle itself."""
    return lambda bundle: bundle.update({field: value})


def registry(name: str) -> Tamper:
    """Return a tampering of the first registry file whose name holds `name`."""

    def tamper(bundle: dict[str, Any]) -> None:
        path = next(path for path in bundle["registry"] if name in path)
        bundle["registry"][path] = flipped(bundle["registry"][path])

    return tamper


def lost(name: str) -> Tamper:
    """Return a tampering that takes registry files away."""

    def tamper(bundle: dict[str, Any]) -> None:
        for path in [path for path in bundle["registry"] if name in path]:
            del bundle["registry"][path]

    return tamper


TAMPERED: dict[str, Tamper] = {
    "type": whole("type", "hx1-other"),
    "version": whole("version", 2),
    "network": whole("network", "demo-0123456789abcdef"),
    "no_proofs": whole("proofs", []),
    "no_registry": whole("registry", {}),
    "unknown_field": whole("ledger", "x"),
    "item_is_a_number": whole("item", 7),
    "sender": first("sender", lambda _: "de-eco"),
    "sender_is_the_receiver": first("sender", lambda one: "gb-iwf" if one == HERE else HERE),
    "item": whole("item", "gb-iwf.01M3250V00YFWB4SJBG5Y8EZVT"),
    "receiver": first("receiver", lambda _: "de-eco"),
    "lane": first("lane", lambda lane: "status" if lane == "reports" else "reports"),
    "unknown_lane": first("lane", lambda _: "urgent"),
    "epoch": first("epoch", lambda epoch: epoch[:-1] + ("0" if epoch[-1] != "0" else "1")),
    "epoch_is_not_hex": first("epoch", lambda _: "zz"),
    "index": first("index", lambda index: index - 1),
    "index_beyond": first("index", lambda _: 10**6),
    "size": first("size", lambda size: size + 1),
    "entry": first("entry", flipped),
    "entry_is_not_base64": first("entry", lambda _: "!!"),
    "entry_in_another_spelling": first("entry", lambda text: text + "\n"),
    "empty_entry": first("entry", lambda _: ""),
    "path": first("path", lambda path: [flipped(path[0]), *path[1:]]),
    "path_too_long": first("path", lambda path: [*path, path[0]]),
    "path_too_short": first("path", lambda path: path[1:]),
    "checkpoint_size": first("checkpoint", lambda note: note.replace("\n", "\n1", 1)),
    "checkpoint_without_ed25519": first("checkpoint", lambda note: without_line(note, 0)),
    "checkpoint_without_mldsa": first("checkpoint", lambda note: without_line(note, 1)),
    "checkpoint_unsigned": first("checkpoint", lambda note: note.split("\n\n")[0] + "\n\n"),
    "checkpoint_with_extension": first(
        "checkpoint", lambda note: note.replace("\n\n", "\nextension\n\n", 1)
    ),
    "receipt_is_the_checkpoint": lambda b: b["proofs"][0].update(
        receipt=b["proofs"][0]["checkpoint"]
    ),
    "receipt_without_ed25519": first("receipt", lambda note: without_line(note, 0)),
    "receipt_without_mldsa": first("receipt", lambda note: without_line(note, 1)),
    "receipt_garbage": first("receipt", lambda _: "garbage"),
    "receipts_swapped": lambda b: swap(b, "receipt"),
    "checkpoints_swapped": lambda b: swap(b, "checkpoint"),
    "entries_swapped": lambda b: swap(b, "entry"),
    "witnessed_by_nobody": first("checkpoint", lambda note: note + note.split("\n\n")[1]),
    "root": registry("1.root"),
    "timestamp": registry("timestamp"),
    "snapshot": registry("snapshot"),
    "targets": registry("targets.json"),
    "member_role": registry(HERE),
    "network_document": registry("network.json"),
    "no_root": lost("root"),
    "no_member_documents": lost("members/"),
}


def test_good_bundle_passes_with_nothing_but_the_pin(made: Made, pin: bytes) -> None:
    """Offline: no database, no keys, no configuration."""
    checked = check(make(made), pin)

    assert checked.item == made.item
    assert checked.witnessed == "not witnessed"
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
