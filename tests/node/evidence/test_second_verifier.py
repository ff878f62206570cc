"""Two verifiers that share no code agree on every bundle and every proof of a fork, good or not.

The second one (`tests/second`) was written from docs/protocol.md and docs/registry.md with nothing
but the standard library and `cryptography`: where the two disagree, one of the three is wrong.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.evidence import check, forks
from node.evidence.errors import BrokenBundleError
from tests.node.evidence import forked, tampered
from tests.node.evidence.conftest import Made
from tests.node.evidence.test_check import make
from tests.protocol import oracle
from tests.second import basics, files
from tests.second.basics import RefusedError

SECOND = Path(basics.__file__).parent
ALLOWED = sys.stdlib_module_names | {"cryptography"}


def imported(path: Path) -> set[str]:
    """Name what a module imports."""
    names = set()
    for item in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(item, ast.Import):
            names |= {alias.name for alias in item.names}
        elif isinstance(item, ast.ImportFrom):
            names.add(item.module or ".")
    return names


def pin_of(made: Made) -> bytes:
    """Give the fingerprint of the network's first root."""
    return hashlib.sha256(made.files["metadata/1.root.json"]).digest()


@pytest.mark.parametrize("path", sorted(SECOND.glob("*.py")), ids=lambda path: path.name)
def test_second_verifier_shares_nothing_with_the_first(path: Path) -> None:
    """Standard library and `cryptography` only, and nothing that loads code by name."""
    names = imported(path)
    foreign = {
        name
        for name in names
        if name.split(".")[0] not in ALLOWED and not name.startswith("tests.second.")
    }
    assert not foreign
    assert not {"importlib", "runpy"} & names


def test_12_both_read_the_same_out_of_a_good_bundle(made: Made) -> None:
    """Who said what to whom about which item, and when it was receipted."""
    raw, pin = make(made), pin_of(made)
    first = [
        (
            p["from"],
            p["to"],
            p["lane"],
            p["item"],
            p["receipt_time_s"],
            tuple(p["witnessed_by"]),
            p["witnessed_s"],
            tuple(p["binds"]),
        )
        for p in check.check(raw, pin).proofs
    ]
    assert [tuple(one) for one in files.check_bundle(raw, pin)] == first


@pytest.mark.parametrize("name", tampered.WEAKENED)
def test_12_both_say_the_same_of_what_was_taken_away(name: str, made: Made) -> None:
    """Who witnessed what is left, and since when."""
    bundle, pin = json.loads(make(made)), pin_of(made)
    tampered.WEAKENED[name](bundle)
    raw = json.dumps(bundle).encode()
    first = [(tuple(p["witnessed_by"]), p["witnessed_s"]) for p in check.check(raw, pin).proofs]
    assert [(one.witnesses, one.witnessed_s) for one in files.check_bundle(raw, pin)] == first


@pytest.mark.parametrize("name", tampered.COSIGNATURE)
def test_12_a_cosignature_that_is_wrong_is_to_both_as_if_it_were_not_there(
    name: str, made: Made
) -> None:
    """Its witness could have made it so afterwards; others' words, and the entry, stand."""
    pin, told = pin_of(made), []
    for change in (tampered.COSIGNATURE[name], tampered.uncosigned):
        bundle = json.loads(make(made))
        tampered.everywhere(change)(bundle)
        raw = json.dumps(bundle).encode()
        first = [(tuple(p["witnessed_by"]), p["witnessed_s"]) for p in check.check(raw, pin).proofs]
        assert [(one.witnesses, one.witnessed_s) for one in files.check_bundle(raw, pin)] == first
        told.append(first)
    assert told[0] == told[1]
    whole = check.check(make(made), pin).proofs
    assert told[0] != [(tuple(p["witnessed_by"]), p["witnessed_s"]) for p in whole]


@pytest.mark.parametrize("name", tampered.TAMPERED)
def test_12_second_verifier_refuses_every_tampered_bundle(name: str, made: Made) -> None:
    """As the first one does."""
    bundle = json.loads(make(made))
    tampered.TAMPERED[name](bundle)
    with pytest.raises(RefusedError):
        files.check_bundle(json.dumps(bundle).encode(), pin_of(made))


def test_12_second_verifier_knows_the_pinned_network_only(made: Made) -> None:
    """A bundle brings its registry, never the pin."""
    with pytest.raises(RefusedError):
        files.check_bundle(make(made), bytes(32))


@pytest.mark.parametrize(("smaller", "larger"), [(9, 9), (5, 9), (8, 9), (1, 9), (4, 9)])
def test_8_9_both_are_convinced_by_a_proof_of_a_fork(smaller: int, larger: int) -> None:
    """Of one size, or of two."""
    raw = forked.file_of(forked.kept(smaller, larger))
    proven = forks.check_fork(raw, forked.PIN)
    assert files.check_fork(raw, forked.PIN) == (proven.accused, *proven.sizes)


@pytest.mark.parametrize(("smaller", "larger"), [(9, 9), (5, 9), (8, 9)])
def test_8_12_both_are_convinced_by_a_proof_of_a_split_ledger(smaller: int, larger: int) -> None:
    """Of one size, or of two; an honest ledger is accused by neither."""
    raw = forked.file_of(forked.kept_ledger(smaller, larger))
    proven = forks.check_fork(raw, forked.PIN)
    assert (proven.accused, proven.origin.split("/")[3]) == (forked.IWF, "ledger")
    assert files.check_fork(raw, forked.PIN) == (proven.accused, *proven.sizes)
    honest = forked.file_of(forked.kept_ledger(smaller, larger, honest=True))
    if smaller != larger:
        with pytest.raises(BrokenBundleError):
            forks.check_fork(honest, forked.PIN)
        with pytest.raises(RefusedError):
            files.check_fork(honest, forked.PIN)


@pytest.mark.parametrize(("smaller", "larger"), [(5, 9), (8, 9), (1, 9), (4, 9)])
def test_8_9_neither_accuses_an_honest_log(smaller: int, larger: int) -> None:
    """Two sizes of one history are no contradiction."""
    raw = forked.file_of(forked.kept(smaller, larger, honest=True))
    with pytest.raises(BrokenBundleError):
        forks.check_fork(raw, forked.PIN)
    with pytest.raises(RefusedError):
        files.check_fork(raw, forked.PIN)


@pytest.mark.parametrize("tamper", forked.TAMPERED.values(), ids=list(forked.TAMPERED))
def test_8_9_second_verifier_refuses_every_tampered_proof(
    tamper: Callable[[dict[str, Any]], object],
) -> None:
    """As the first one does."""
    file = json.loads(forked.file_of(forked.kept()))
    tamper(file)
    with pytest.raises(RefusedError):
        files.check_fork(json.dumps(file).encode(), forked.PIN)


@pytest.mark.parametrize(
    "raw",
    ["cc7f", "cd00ff", "d1ff80", "d0e0", "c401", "d901", "d91f", "dc0001c0", "0000", "c1", "80",
     "ca", "a1ff", "a100", "91" * 17 + "c0", ""],
)  # fmt: skip
def test_4_2_second_verifier_reads_one_form_only(raw: str) -> None:
    """Longer forms, what follows, what is cut off, maps, floats, wrong text, too deep."""
    with pytest.raises(RefusedError):
        basics.unpack(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 127, 128, 255, 256, 2**16, 2**32, 2**64 - 1, -1, -32, -33, -128, -129,
     -(2**15) - 1, -(2**31) - 1, -(2**63), b"", b"x" * 255, b"x" * 256, b"x" * 2**16, "", "é" * 16,
     "x" * 31, "x" * 32, "x" * 256, "x" * 2**16, [], [1] * 15, [1] * 16, [[b"a", "b"], [None]]],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_4_1_second_verifier_reads_every_value(value: object) -> None:
    """At each length where the form changes."""
    assert basics.unpack(oracle.pack(value)) == value


AMBIGUOUS: dict[str, Callable[[bytes], bytes]] = {
    "in_another_encoding": lambda raw: raw.decode().encode("utf-16"),
    "after_a_byte_order_mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "with_its_network_twice": lambda raw: raw.replace(b'"network"', b'"network":"x","network"', 1),
    "with_half_a_character": lambda raw: re.sub(rb'("made_by": ?")', rb"\1\\ud800", raw, count=1),
    "with_a_file_of_the_registry_twice": lambda raw: raw.replace(
        b'"metadata/1.root.json"', b'"metadata/1.root.json":"","metadata/1.root.json"', 1
    ),
}
"""Files out of which two readers could read two things, and what makes them so."""


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_12_both_refuse_a_bundle_that_can_be_read_in_two_ways(name: str, made: Made) -> None:
    """Else it shows one thing to a court, and another to who looks into it with other eyes."""
    raw, pin = AMBIGUOUS[name](make(made)), pin_of(made)
    with pytest.raises(BrokenBundleError):
        check.check(raw, pin)
    with pytest.raises(RefusedError):
        files.check_bundle(raw, pin)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_8_9_both_refuse_a_proof_that_can_be_read_in_two_ways(name: str) -> None:
    """Of a fork; a contradiction is read in the same way."""
    raw = AMBIGUOUS[name](forked.file_of(forked.kept()))
    with pytest.raises(BrokenBundleError):
        forks.check_fork(raw, forked.PIN)
    with pytest.raises(RefusedError):
        files.check_fork(raw, forked.PIN)
