"""§8.9: a proof of a split history as a file; the good one convinces, no tampered one does."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from node.evidence.errors import BrokenBundleError, UnknownForkError
from node.evidence.findings import Findings
from node.evidence.forks import check_fork, export_fork, is_fork, verify_forks
from node.peer.forks import KeptFork
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.fork import ForkEvidence, fork_nodes
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


def file_of(fork: KeptFork) -> bytes:
    """Return the file."""
    return export_fork([fork], 1, EOKM, REGISTRY, FILES)


@pytest.mark.parametrize(("smaller", "larger"), [(9, 9), (5, 9), (8, 9), (1, 9), (4, 9)])
def test_proof_of_a_fork_holds_offline(smaller: int, larger: int) -> None:
    """With nothing but the file and the network's fingerprint."""
    raw = file_of(kept(smaller, larger))
    assert is_fork(raw)
    proven = check_fork(raw, PIN)
    assert (proven.accused, proven.sizes) == (IWF, (smaller, larger))
    assert proven.origin == str(ORIGIN)


def test_honest_log_proves_nothing() -> None:
    """Two sizes of one history are no contradiction."""
    with pytest.raises(BrokenBundleError, match="extends"):
        check_fork(file_of(kept(honest=True)), PIN)


def test_other_network_proves_nothing() -> None:
    """Whoever pinned another root is not convinced."""
    with pytest.raises(BrokenBundleError, match="pinned root"):
        check_fork(file_of(kept()), bytes(32))


def test_unknown_number_is_said_so() -> None:
    """With where to find the right one."""
    with pytest.raises(UnknownForkError, match="evidence forks"):
        export_fork([kept()], 2, EOKM, REGISTRY, FILES)


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


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=list(TAMPERED))
def test_tampered_proof_of_a_fork_proves_nothing(
    tamper: Callable[[dict[str, Any]], object],
) -> None:
    """Whatever is changed, nobody is accused."""
    file = json.loads(file_of(kept()))
    tamper(file)
    with pytest.raises(BrokenBundleError):
        check_fork(json.dumps(file).encode(), PIN)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"type":1}', b'{"type":"hx1-evidence"}'])
def test_anything_else_is_not_taken_for_a_proof(raw: bytes) -> None:
    """`evidence verify` takes both kinds of files."""
    assert not is_fork(raw)


@pytest.mark.parametrize(
    "fork", [kept(honest=True), kept(peer=EOKM)], ids=["honest log", "another member"]
)
def test_kept_proof_that_proves_nothing_is_found(fork: KeptFork) -> None:
    """`hotline verify` looks at each."""
    findings = Findings()
    verify_forks([fork], REGISTRY, findings)
    assert [(f.where, f.why) for f in findings.found] == [("forks", "proves_nothing")]


def test_kept_proof_that_holds_is_counted() -> None:
    """And nothing is said against it."""
    findings = Findings()
    verify_forks([kept(), kept(9, 9)], REGISTRY, findings)
    assert findings.holds
    assert findings.counts["forks"] == 2
