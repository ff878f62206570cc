"""Bundles that somebody tampered with, each in one way; no verifier may take one of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from protocol.checkpoint import read_checkpoint
from protocol.ledger import (
    LedgerHead,
    LedgerOrigin,
    LoggedHead,
    sign_ledger_head,
    verify_ledger_head,
)
from protocol.witness import cosign_head
from tests.builders.network import member_keys
from tests.node.evidence.conftest import HERE

Tamper = Callable[[dict[str, Any]], object]


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


def signed_twice(bundle: dict[str, Any]) -> None:
    """Let one key sign the timestamp twice, rightly both times."""
    path = "metadata/timestamp.json"
    metadata = json.loads(base64.b64decode(bundle["registry"][path]))
    metadata["signatures"] *= 2
    raw = json.dumps(metadata, sort_keys=True, separators=(",", ":")).encode()
    bundle["registry"][path] = base64.b64encode(raw).decode()


def lost(name: str) -> Tamper:
    """Return a tampering that takes registry files away."""

    def tamper(bundle: dict[str, Any]) -> None:
        for path in [path for path in bundle["registry"] if name in path]:
            del bundle["registry"][path]

    return tamper


def ledger(field: str, change: Callable[[Any], Any]) -> Tamper:
    """Return a tampering of one field of the first ledger part."""

    def tamper(bundle: dict[str, Any]) -> None:
        part = next(p["ledger"] for p in bundle["proofs"] if p["ledger"])
        part[field] = change(part[field])

    return tamper


def signature_flipped(note: str, number: int) -> str:
    """Return a note with the last byte of one of its signatures changed."""
    text, signatures = note.split("\n\n", 1)
    lines = signatures.splitlines()
    front, _, encoded = lines[number].rpartition(" ")
    lines[number] = f"{front} {flipped(encoded)}"
    return text + "\n\n" + "\n".join(lines) + "\n"


def another_root(note: str) -> str:
    """Return a head with another root under the same signatures."""
    lines = note.split("\n")
    return "\n".join([*lines[:2], "A" * 43 + "=", *lines[3:]])


def later(note: str) -> str:
    """Return a head whose first cosignature says another time in both halves."""
    text, signatures = note.split("\n\n", 1)
    lines = signatures.splitlines()
    for number in (2, 3):
        front, _, encoded = lines[number].rpartition(" ")
        raw = bytearray(base64.b64decode(encoded))
        raw[11] ^= 1
        lines[number] = f"{front} {base64.b64encode(raw).decode()}"
    return text + "\n\n" + "\n".join(lines) + "\n"


def doubled(note: str, number: int) -> str:
    """Return a note with one of its signature lines there twice."""
    return note + note.split("\n\n", 1)[1].splitlines(keepends=True)[number]


def ledger_of_another(bundle: dict[str, Any]) -> None:
    """Put in a ledger of a third member that really holds the checkpoint, signed and cosigned."""
    proof = next(p for p in bundle["proofs"] if "fr-pdc" not in {p["sender"], p["receiver"]})
    said = read_checkpoint(proof["checkpoint"].encode())
    leaf = LoggedHead(str(said.origin), said.size, said.root).leaf
    origin, key = LedgerOrigin(said.origin.network, "fr-pdc", bytes(8)), member_keys("fr-pdc").log
    note = sign_ledger_head(LedgerHead(origin, 1, leaf), key)
    head = verify_ledger_head(note, [key.public])
    for witness in ("at-sol", HERE, "gb-iwf"):
        signer = member_keys(witness).witness
        assert signer is not None
        note += cosign_head(head, witness, signer, 1)
    proof["ledger"] = {
        "owner": "fr-pdc",
        "epoch": bytes(8).hex(),
        "index": 0,
        "size": 1,
        "path": [],
        "head": note.decode(),
    }


def everywhere_upper(bundle: dict[str, Any]) -> None:
    """Spell the epoch of every proof in upper case, so that they agree with each other."""
    for proof in bundle["proofs"]:
        proof["epoch"] = proof["epoch"].upper()


LEDGER: dict[str, Tamper] = {
    "ledger_of_another_that_holds_it": ledger_of_another,
    "ledger_of_the_other_party": ledger("owner", lambda _: "gb-iwf"),
    "ledger_of_a_third_member": ledger("owner", lambda _: "at-sol"),
    "ledger_of_nobody": ledger("owner", lambda _: "xx-nobody"),
    "ledger_epoch": ledger("epoch", lambda epoch: "ff" + epoch[2:]),
    "ledger_epoch_in_another_spelling": ledger("epoch", lambda epoch: epoch + " "),
    "ledger_index": ledger("index", lambda index: index + 1),
    "ledger_index_before_the_first": ledger("index", lambda _: -1),
    "ledger_size": ledger("size", lambda size: size + 1),
    "ledger_path": ledger("path", lambda path: [flipped(path[0]), *path[1:]]),
    "ledger_path_too_short": ledger("path", lambda path: path[1:]),
    "ledger_path_too_long": ledger("path", lambda path: [*path, path[0]]),
    "ledger_path_is_not_base64": ledger("path", lambda path: ["!!", *path[1:]]),
    "ledger_head_root": ledger("head", another_root),
    "ledger_head_without_ed25519": ledger("head", lambda note: without_line(note, 0)),
    "ledger_head_without_mldsa": ledger("head", lambda note: without_line(note, 1)),
    "ledger_head_that_its_owner_did_not_sign": ledger(
        "head", lambda note: without_line(without_line(note, 0), 0)
    ),
    "ledger_head_is_the_checkpoint": lambda b: b["proofs"][0]["ledger"].update(
        head=b["proofs"][0]["checkpoint"]
    ),
    "ledger_head_garbage": ledger("head", lambda _: "garbage"),
    "ledger_head_with_extension": ledger(
        "head", lambda note: note.replace("\n\n", "\nextension\n\n", 1)
    ),
    "ledger_field_missing": lambda b: b["proofs"][0]["ledger"].pop("head"),
    "ledger_field_more": lambda b: b["proofs"][0]["ledger"].update(witnessed=True),
    "ledger_is_a_word": first("ledger", lambda _: "witnessed"),
    "ledgers_of_two_entries_swapped": lambda b: swap(b, "ledger"),
}
"""Each in the ledger part (§12); all are found, and named as such."""

TAMPERED: dict[str, Tamper] = LEDGER | {
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
    "epoch_in_upper_case": everywhere_upper,
    "epoch_with_a_space": first("epoch", lambda epoch: f"{epoch[:2]} {epoch[2:]}"),
    "epoch_with_a_line_end": first("epoch", lambda epoch: epoch + "\n"),
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
    "timestamp_signed_twice": signed_twice,
    "snapshot": registry("snapshot"),
    "targets": registry("targets.json"),
    "member_role": registry(HERE),
    "network_document": registry("network.json"),
    "no_root": lost("root"),
    "no_member_documents": lost("members/"),
}


def cosigned_by(note: str, kept: Callable[[str], bool]) -> str:
    """Return a head with those cosignatures alone whose names `kept` takes."""
    text, signatures = note.split("\n\n", 1)
    lines = signatures.splitlines(keepends=True)
    left = [*lines[:2], *(line for line in lines[2:] if kept(line))]
    return text + "\n\n" + "".join(left)


def everywhere(change: Callable[[str], str]) -> Tamper:
    """Return a change of the head of every ledger part."""

    def tamper(bundle: dict[str, Any]) -> None:
        for proof in bundle["proofs"]:
            if proof["ledger"]:
                proof["ledger"]["head"] = change(proof["ledger"]["head"])

    return tamper


COSIGNATURE: dict[str, Callable[[str], str]] = {
    "without_ed25519": lambda note: without_line(note, 2),
    "without_mldsa": lambda note: without_line(note, 3),
    "another_ed25519": lambda note: signature_flipped(note, 2),
    "another_mldsa": lambda note: signature_flipped(note, 3),
    "another_time": later,
    "twice": lambda note: doubled(note, 2),
}
"""Each in the first cosignature of a head: that one is none then, and nothing else is touched."""


def uncosigned(note: str) -> str:
    """Return a head without its first cosignature."""
    return without_line(without_line(note, 2), 2)


WEAKENED: dict[str, Tamper] = {
    "no_ledger": lambda b: [p.update(ledger=None) for p in b["proofs"]],
    "ledger_left_out": lambda b: [p.pop("ledger") for p in b["proofs"]],
    "no_cosignature": everywhere(lambda note: cosigned_by(note, lambda _: False)),
    "one_that_is_no_party": everywhere(
        lambda note: cosigned_by(note, lambda line: "at-sol" in line or "gb-iwf" in line)
    ),
    "cosigned_under_another_name": everywhere(
        lambda note: note.replace("/fr-pdc/witness", "/xx-nobody/witness")
    ),
}
"""What takes evidence away without forging any: it holds, and is not witnessed where it was."""
