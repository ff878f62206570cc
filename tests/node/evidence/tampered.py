"""Bundles that somebody tampered with, each in one way; no verifier may take one of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from tests.node.evidence.conftest import HERE

Tamper = Callable[[dict[str, Any]], None]


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
