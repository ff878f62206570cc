"""R3: no bytes from outside crash a parser, hang it, or pass it by another door."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from tests.fuzzing.mutating import case
from tests.fuzzing.running import Outcome, one, run
from tests.fuzzing.target import Target
from tests.fuzzing.targets import targets

BY_NAME = {target.name: target for target in targets()}


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
