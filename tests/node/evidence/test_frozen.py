"""`evidence_v1.json`: what one release exported, every later one and the second verifier take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from node.evidence.check import check
from node.evidence.contradictions import check_contradiction
from node.evidence.errors import BrokenBundleError
from node.evidence.forks import check_fork
from tests.second import contradiction, files

V1: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "evidence_v1.json").read_bytes()
)


def file_of(kind: str) -> tuple[bytes, bytes]:
    """Give a file as it was exported, and the pin."""
    return V1[kind]["file"].encode(), bytes.fromhex(V1[kind]["pin"])


def plain(proved: Any) -> Any:
    """As JSON writes it."""
    return json.loads(json.dumps(proved))


@pytest.mark.parametrize("kind", ["bundle", "bundle_in_part", "bundle_of_a_verdict"])
def test_12_bundle_of_an_earlier_release_proves_what_it_proved(kind: str) -> None:
    """Courts take years; the words of a receipt stay, and what is void stays void."""
    (raw, pin), proves = file_of(kind), V1[kind]["proves"]
    assert plain([one._asdict() for one in files.check_bundle(raw, pin)]) == proves
    names = ("from", "to", "lane", "item", "receipt_time_s", "witnessed_by", "witnessed_s", "binds")
    read = [[one[name] for name in names] for one in check(raw, pin).proofs]
    assert read == [list(one.values()) for one in proves]
    assert all(one["binds"] for one in proves) is (kind != "bundle_in_part")


def test_8_9_fork_of_an_earlier_release_accuses_whom_it_accused() -> None:
    """Of the same two sizes."""
    raw, pin = file_of("fork")
    assert plain(files.check_fork(raw, pin)) == V1["fork"]["proves"]
    proven = check_fork(raw, pin)
    assert [proven.accused, *proven.sizes] == V1["fork"]["proves"]


def test_8_14_contradiction_of_an_earlier_release_accuses_whom_it_accused() -> None:
    """Of the same channel."""
    raw, pin = file_of("contradiction")
    assert plain(contradiction.check_contradiction(raw, pin)) == V1["contradiction"]["proves"]
    proven = check_contradiction(raw, pin)
    assert [proven.accused, proven.origin] == V1["contradiction"]["proves"][:2]


@pytest.mark.parametrize("kind", [name for name in V1 if name != "source"])
def test_12_file_of_an_earlier_release_needs_its_pin(kind: str) -> None:
    """It brings its registry, and never the pin."""
    raw, pin = file_of(kind)
    judge = {"fork": check_fork, "contradiction": check_contradiction}.get(kind, check)
    with pytest.raises(BrokenBundleError):
        judge(raw, bytes(len(pin)))
