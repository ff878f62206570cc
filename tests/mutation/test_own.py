"""How a mutant ended, and which tests are its own, is reckoned right: else the figures are not."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from mutmut.mutation.file_mutation import mutate_file_contents

from tests.mutation.own import ALSO, NOT_REACHED, Forking, in_a_fork, own_tests, to_try
from tests.mutation.reckoning import ROOT, is_dead

PLENTY_S = 60
CODE = """
def held(number):
    return number + 1

def idle(number):
    return number + 1
"""
TESTS = """
import pytest
import small

@pytest.fixture(scope="session")
def made():
    return small.held(1)

def test_that_makes_it_first(made):
    pass

def test_that_looks_at_it(made):
    assert made > 1
"""


def give_up() -> bool:
    """End as a test that fails outside any test."""
    raise KeyboardInterrupt


def die() -> bool:
    """End as a library does that finds its memory in disorder."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return True


def wait_for_ever() -> bool:
    """Wait for what never comes."""
    while True:
        signal.pause()


def test_what_passes_lives() -> None:
    """No test failed."""
    assert not is_dead(in_a_fork(lambda: True, PLENTY_S, PLENTY_S))


@pytest.mark.parametrize("work", [lambda: False, give_up, die])
def test_what_fails_in_any_way_is_dead(work: object) -> None:
    """By an assertion, by an error that pytest does not catch, and by a fault in a library."""
    assert callable(work)
    assert is_dead(in_a_fork(work, PLENTY_S, PLENTY_S))


def test_what_no_longer_ends_is_dead() -> None:
    """Whether or not it uses the processor while it waits."""
    assert is_dead(in_a_fork(wait_for_ever, PLENTY_S, 0.05))
    assert is_dead(-signal.SIGXCPU)


def test_what_a_mutant_starts_ends_with_it() -> None:
    """A thousand of them leave no process behind."""
    read, write = os.pipe()

    def leave_a_child() -> bool:
        if os.fork() == 0:
            wait_for_ever()
        return True

    assert in_a_fork(leave_a_child, PLENTY_S, PLENTY_S) == 0
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


def test_a_fork_changes_nothing_here() -> None:
    """The next mutant finds everything as the first did."""
    seen: dict[str, str] = {}
    assert in_a_fork(lambda: bool(seen.setdefault("changed", "there")), PLENTY_S, PLENTY_S) == 0
    assert seen == {}


def test_only_what_lived_or_was_not_run_is_tried_again() -> None:
    """A mutant that ended in any other way was noticed."""
    exits = {"lived": 0, "failed": 1, "ended": -signal.SIGALRM, "not run": None}
    assert to_try(exits, left=True) == ["lived", "not run"]
    assert to_try(exits, left=False) == list(exits)


def test_a_modules_own_tests_are_called_after_it() -> None:
    """And no others, but those that are named: `test_hsm_uri.py` is of `keys.hsm_uri`."""
    assert own_tests("keys.hsm", ROOT) == [
        "tests/keys/test_hsm.py",
        "tests/keys/test_hsm_hangs.py",
        "tests/keys/test_hsm_strict.py",
    ]
    assert own_tests("protocol.push", ROOT) == [
        "tests/protocol/test_push.py",
        "tests/protocol/test_vectors.py",
    ]


@pytest.mark.parametrize("module", ALSO)
def test_tests_that_are_named_exist(module: str) -> None:
    """Else a module is measured with less than is thought."""
    assert all(Path(ROOT, "tests", name).exists() for name in ALSO[module])


def test_each_mutant_meets_every_test_that_reaches_it_and_is_told_as_it_ended(
    tmp_path: Path,
) -> None:
    """Also by what was made for another test: the first that uses `made` looks at nothing.

    Minus is noticed, two more are not, and what no test reaches lives.
    """
    changed = mutate_file_contents("small.py", CODE)
    (tmp_path / "small.py").write_text(changed.code)
    (tmp_path / "test_small.py").write_text(TESTS)
    meta = tmp_path / "meta"
    mutants = {f"small.{name}": None for name in changed.mutant_names}
    meta.write_text(json.dumps({"exit_code_by_key": mutants}))

    def run() -> bool:
        sys.path.insert(0, str(tmp_path))
        arguments = ["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
        return pytest.main(arguments, plugins=[Forking(meta, left=False)]) == 0

    assert in_a_fork(run, PLENTY_S, PLENTY_S) == 0
    assert json.loads(meta.read_text())["exit_code_by_key"] == {
        "small.x_held__mutmut_1": 1,
        "small.x_held__mutmut_2": 0,
        "small.x_idle__mutmut_1": NOT_REACHED,
        "small.x_idle__mutmut_2": NOT_REACHED,
    }
