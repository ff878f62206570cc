"""R3: no bytes from outside crash a parser, hang it, or pass it by another door."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest

import protocol
from tests.fuzzing.mutating import case
from tests.fuzzing.running import Outcome, one, run
from tests.fuzzing.target import Target
from tests.fuzzing.targets import targets

BY_NAME = {target.name: target for target in targets()}
PROTOCOL = Path(protocol.__file__).parent
OURS = {("merkle", "from_bytes"): "read from our own database alone"}
"""Parsers of the wire's forms that nothing from outside reaches, and why."""
Read = tuple[str, str]


def parsers() -> set[Read]:
    """Give each public function of `protocol/` that takes raw bytes: its module and name."""
    found = set()
    for path in PROTOCOL.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names = [name.arg for name in node.args.args if name.arg not in ("self", "cls")]
                if names[:1] == ["raw"]:
                    found.add((path.stem, node.name))
    return found


@contextmanager
def reached() -> Iterator[set[Read]]:
    """Note which functions of `protocol/` are called meanwhile."""
    found: set[Read] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.parent == PROTOCOL:
            found.add((path.stem, frame.f_code.co_name))

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_r3_every_parser_of_the_wire_is_reached_by_a_target() -> None:
    """A form that somebody adds, and nobody breaks, is where the next crash comes from."""
    with reached() as found:
        for target in targets():
            for seed in target.seeds:
                with suppress(*target.ends_in):
                    target.read(seed)
    assert len(parsers()) > 20
    assert parsers() - found == OURS.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_seeds_are_what_the_parser_takes(name: str) -> None:
    """Cases that begin with nonsense would never come far."""
    target = BY_NAME[name]
    taken = 0
    for seed in target.seeds:
        with suppress(*target.ends_in):
            target.read(seed)
            taken += 1
    assert taken > 0


@pytest.mark.parametrize("name", BY_NAME)
def test_broken_input_ends_in_a_named_error(name: str) -> None:
    """Whatever is done to it, and soon."""
    outcome = run(BY_NAME[name], 300, seed=7)
    assert (outcome.crashes, outcome.hangs) == ([], [])


@pytest.mark.long
@pytest.mark.parametrize("name", BY_NAME)
def test_much_broken_input_ends_in_a_named_error(name: str) -> None:
    """As before, with other cases, and more of them."""
    outcome = run(BY_NAME[name], 10_000, seed=8)
    assert (outcome.crashes, outcome.hangs) == ([], [])


def test_one_seed_gives_the_same_cases() -> None:
    """A finding repeats."""
    made = [[case(random.Random(3), [b"good input"]) for _ in range(20)] for _ in range(2)]  # noqa: S311 - not a secret
    assert made[0] == made[1]


def test_parser_that_crashes_is_found() -> None:
    """The harness itself can fail a parser."""

    def weak(raw: bytes) -> None:
        if raw[:1] == b"\xff":
            raise IndexError

    outcome = Outcome("weak")
    one(Target("weak", weak, (ValueError,), [b"\xff"]), b"\xff", outcome)
    assert outcome.crashes == ["IndexError /w=="]


def test_parser_that_hangs_is_found() -> None:
    """And interrupted."""

    def slow(raw: bytes) -> None:
        while raw:
            pass

    outcome = Outcome("slow")
    one(Target("slow", slow, (), [b"x"]), b"x", outcome, hang_s=0.05)
    assert outcome.hangs == ["eA=="]
