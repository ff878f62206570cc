"""Proofs of split histories, right and tampered with; a tampered one accuses nobody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from node.evidence.forks import export_fork
from node.peer.channels.forks import KeptFork
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.fork import ForkEvidence, fork_nodes
from protocol.ledger import LedgerHead, LedgerOrigin, sign_ledger_head
from protocol.merkle import root_of
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS, make_network

IWF, EOKM = "gb-iwf", "nl-eokm"
REGISTRY, KEYS, FILES = make_network([IWF, EOKM, "fr-pdc"])
PIN = hashlib.sha256(FILES["metadata/1.root.json"]).digest()
LEAVES = [bytes([n]) * 32 for n in range(9)]
ORIGIN = Channel(REGISTRY.network_id, IWF, EOKM, Lane.REPORTS).origin(bytes(8))


def signed(size: int, root: bytes, signer: str = IWF) -> bytes:
    """Return a note of gb-iwf's log."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), KEYS[signer].log)


def kept(smaller: int = 5, larger: int = 9, *, honest: bool = False, peer: str = IWF) -> KeptFork:
    """Return a proof as a node keeps it; `honest`: of a log that never forked."""
    root = root_of(LEAVES[:smaller]) if honest else b"\x07" * 32
    one, other = Checkpoint(ORIGIN, smaller, root), Checkpoint(ORIGIN, larger, root_of(LEAVES))
    nodes = () if smaller == larger else fork_nodes(LEAVES, one, other)
    notes = signed(smaller, root), signed(larger, root_of(LEAVES[:larger]))
    return KeptFork(1, peer, ForkEvidence(*notes, nodes), NOW_MS)


def kept_ledger(smaller: int = 5, larger: int = 9, *, honest: bool = False) -> KeptFork:
    """Return a proof that gb-iwf split its ledger, as a witness keeps it."""
    origin, key = LedgerOrigin(REGISTRY.network_id, IWF, bytes(8)), KEYS[IWF].log
    root = root_of(LEAVES[:smaller]) if honest else b"\x07" * 32
    one, other = LedgerHead(origin, smaller, root), LedgerHead(origin, larger, root_of(LEAVES))
    nodes = () if smaller == larger else fork_nodes(LEAVES, one, other)
    notes = sign_ledger_head(one, key), sign_ledger_head(other, key)
    return KeptFork(1, IWF, ForkEvidence(*notes, nodes), NOW_MS)


def file_of(fork: KeptFork) -> bytes:
    """Return the file."""
    return export_fork([fork], 1, EOKM, REGISTRY, FILES)


def flipped(text: str) -> str:
    """Return base64 of the same length with one bit changed."""
    raw = bytearray(base64.b64decode(text))
    raw[0] ^= 1
    return base64.b64encode(raw).decode()


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another accused": lambda f: f.update(accused=EOKM),
    "unknown accused": lambda f: f.update(accused="xx-nobody"),
    "another network": lambda f: f.update(network="demo-0000000000000000"),
    "another version": lambda f: f.update(version=2),
    "another type": lambda f: f.update(type="hx1-evidence"),
    "unknown field": lambda f: f.update(more=1),
    "no nodes": lambda f: f.update(nodes=[]),
    "a node changed": lambda f: f["nodes"].__setitem__(0, flipped(f["nodes"][0])),
    "a node too many": lambda f: f["nodes"].append(f["nodes"][0]),
    "a node that is no base64": lambda f: f["nodes"].__setitem__(0, "not base64"),
    "notes exchanged": lambda f: f.update(
        smaller_note=f["larger_note"], larger_note=f["smaller_note"]
    ),
    "one note twice": lambda f: f.update(smaller_note=f["larger_note"]),
    "a root changed": lambda f: f.update(smaller_note=f["smaller_note"].replace("Bwc", "Cwc", 1)),
    "a signature stripped": lambda f: f.update(
        larger_note=f["larger_note"].rstrip("\n").rpartition("\n")[0] + "\n"
    ),
    "signed by another member": lambda f: f.update(
        smaller_note=signed(5, b"\x07" * 32, "fr-pdc").decode()
    ),
    "a registry file missing": lambda f: f["registry"].pop("metadata/timestamp.json"),
    "a registry file changed": lambda f: f["registry"].update(
        {"metadata/timestamp.json": flipped(f["registry"]["metadata/timestamp.json"])}
    ),
}
