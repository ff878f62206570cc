"""§8.9: a proof of a split history as a file; the good one convinces, no tampered one does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.evidence.errors import BrokenBundleError, UnknownForkError
from node.evidence.findings import Findings
from node.evidence.forks import check_fork, export_fork, is_fork, verify_forks
from node.peer.channels.forks import KeptFork
from tests.node.evidence.forked import (
    EOKM,
    FILES,
    IWF,
    ORIGIN,
    PIN,
    REGISTRY,
    TAMPERED,
    file_of,
    kept,
)


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


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=list(TAMPERED))
def test_tampered_proof_of_a_fork_proves_nothing(
    tamper: Callable[[dict[str, Any]], object],
) -> None:
    """Whatever is changed, nobody is accused."""
    file = json.loads(file_of(kept()))
    tamper(file)
    with pytest.raises(BrokenBundleError):
        check_fork(json.dumps(file).encode(), PIN)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"type":1}', b'{"type":"hx1-evidence"}', b'{"x":' * 5000],
    ids=["nothing", "list", "cut", "number", "bundle", "nested"],
)
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
