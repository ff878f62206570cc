"""`make mutate OWN=1`: each mutant against its module's own tests, in a process forked for it.

mutmut starts a process that imports everything for every few mutants, and runs whatever tests reach
a function: on a busy machine four mutants in a minute. Here pytest collects the module's own tests
once, and a process forked from it runs them, until one fails. What is found is written where mutmut
writes it (`mutants/`), so that `reckoning.py` reads either.

The parent runs no test: a token's module, its threads and what fixtures make outlive no fork. What
runs while tests are collected runs unchanged, as under mutmut.

`python -m tests.mutation.own MODULE`, with `mutants/` as the working directory, is how `run_own`
starts it; exits with 1 if the tests fail where nothing is changed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from mutmut.__main__ import create_file_mutants
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name as function_of

from tests.mutation.reckoning import ROOT, is_dead, is_in

ALSO: Final = {
    "keys.keyring": ("keys/test_hsm.py",),
    "keys._tuf": (
        "keys/test_network.py",
        "keys/test_registry.py",
        "keys/test_registry_keys.py",
        "keys/test_registry_members.py",
        "keys/test_member_role.py",
    ),
    "node.matching.lists": ("node/matching/test_weighing.py", "node/matching/test_listed_alike.py"),
    "protocol.push": ("protocol/test_vectors.py",),
}
"""Tests of a module, below `tests/`, that are not called after it."""

UNDER_TEST: Final = "MUTANT_UNDER_TEST"
"""Where the changed code reads which change is to be in force."""

CLEAN: Final = ""
"""The name of no mutant: the code as it is."""

STATS: Final = "stats"
"""The code as it is, which notes what of it is reached."""

NOT_REACHED: Final = 33
"""What mutmut writes of a mutant that no test reaches; it lives."""


def own_tests(module: str, below: Path) -> list[str]:
    """Return the files of a module's own tests: `test_NAME.py`, `test_NAME_*.py` and `ALSO`.

    Of those with a longer name, the ones that are another module's are not among them.

    Args:
        module: such as `keys.hsm`.
        below: where the folder `tests` stands.
    """
    *package, name = module.split(".")
    folder = below.joinpath("tests", *package)
    found = {*folder.glob(f"test_{name}.py")}
    for path in folder.glob(f"test_{name}_*.py"):
        if not below.joinpath(*package, path.name.removeprefix("test_")).exists():
            found.add(path)
    found |= {below / "tests" / other for other in ALSO.get(module, ())}
    return sorted(str(path.relative_to(below)) for path in found)


def to_try(exits: Mapping[str, int | None], *, left: bool) -> list[str]:
    """Return the mutants to run tests against: all of them, or those that nothing killed yet."""
    return [name for name, code in exits.items() if not (left and is_dead(code))]


def in_a_fork(work: Callable[[], bool], cpu_s: int, wall_s: float) -> int:
    """Do something in a process of its own; return how that ended.

    Returns:
        0 if it was done, 1 if it was not or raised, and what signal ended it, with a minus: SIGXCPU
        and SIGALRM where it took too long.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            faulthandler.disable()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            _, most_s = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, most_s))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, wall_s)
            code = 0 if work() else 1
        finally:
            # Whatever was raised: nothing of the parent's may run here, neither handlers nor tests.
            os._exit(code)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it started and left behind
    return os.waitstatus_to_exitcode(status)


class Reached:
    """A plugin of pytest that notes which functions each test reaches.

    What a fixture reaches counts for each test that uses it, since each can be the first to.

    Attributes:
        functions: by test: as mutmut calls them in the names of mutants.
        seconds: by test: how long it took.
    """

    def __init__(self, hits: set[str]) -> None:
        """Start with nothing. `hits`: where the changed code notes what it reaches."""
        self._hits = hits
        self._fixtures: dict[str, set[str]] = {}
        self.functions: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Tell what is reached in here from what was before."""
        before = set(self._hits)
        self._hits.clear()
        try:
            return (yield)
        finally:
            self._fixtures.setdefault(fixturedef.argname, set()).update(self._hits)
            self._hits |= before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Note what one test reached, by itself and by its fixtures."""
        self._hits.clear()
        begin = time.monotonic()
        done = yield
        self.seconds[item.nodeid] = time.monotonic() - begin
        fixtures = getattr(item, "fixturenames", ())
        self.functions[item.nodeid] = sorted(
            self._hits.union(*(self._fixtures.get(name, set()) for name in fixtures))
        )
        return done


class Forking:
    """A plugin of pytest that runs what was collected for each mutant: the tests that reach it.

    Args:
        meta: mutmut's file of what became of the module's mutants.
        left: whether only those that live are tried.
    """

    def __init__(self, meta: Path, *, left: bool) -> None:
        """Remember both."""
        self._meta = meta
        self._left = left
        self._cpu_s, self._wall_s = 600, 3600.0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests without a change, then with each; tell pytest that all is run.

        Raises:
            pytest.Session.Failed: they fail without one.
        """
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="m") as scratch:
            note = Path(scratch) / "reached"
            if not session.items or self._run(session, session.items, STATS, note) != 0:
                raise session.Failed("the tests fail where nothing is changed")
            seconds, functions = json.loads(note.read_text())
        session.items.sort(key=lambda item: seconds[item.nodeid])
        clean_s = time.monotonic() - begin
        # So long that a busy machine ends few that would have ended well.
        self._cpu_s, self._wall_s = int(3 * clean_s) + 30, 20 * clean_s + 120
        found = json.loads(self._meta.read_text())
        exits = found["exit_code_by_key"]
        cost: dict[str, float] = {}
        for test, reached in functions.items():
            for function in reached:
                cost[function] = cost.get(function, 0.0) + seconds[test]
        trying = to_try(exits, left=self._left)
        # The cheap ones first: whoever stops early knows the more.
        for name in sorted(trying, key=lambda one: cost.get(function_of(one), 0.0)):
            reaching = [i for i in session.items if function_of(name) in functions[i.nodeid]]
            exits[name] = self._try(session, reaching, name)
            self._meta.write_text(json.dumps(found, indent=4))
        return True

    def _try(self, session: pytest.Session, items: list[pytest.Item], mutant: str) -> int:
        """Run tests under one mutant; the one that kills it comes first under the next."""
        if not items:
            return NOT_REACHED
        with tempfile.TemporaryDirectory(prefix="m") as scratch:
            killer = Path(scratch) / "killer"
            code = self._run(session, items, mutant, killer)
            first = killer.read_text() if killer.exists() else ""
        session.items.sort(key=lambda item: item.nodeid != first)
        return code

    def _run(
        self, session: pytest.Session, items: list[pytest.Item], mutant: str, note: Path
    ) -> int:
        """Run tests in a fork; leave in a note which failed, or what they reached (`STATS`)."""
        reached = Reached(state()._stats)
        scratch = str(note.parent)

        def work() -> bool:
            os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = scratch
            tempfile.tempdir = None
            set_mutant_under_test(mutant)
            if mutant == STATS:
                session.config.pluginmanager.register(reached)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    note.write_text(item.nodeid)
                    return False
            if mutant == STATS:
                note.write_text(json.dumps([reached.seconds, reached.functions]))
            return True

        return in_a_fork(work, self._cpu_s, self._wall_s)


def make_mutants(only: Sequence[str], *, left: bool) -> list[str]:
    """Copy the code and the tests to `mutants/` and change the modules there; return their names.

    Args:
        only: modules or packages, in the order in which they are to be run; none: all.
        left: whether what is known of mutants is kept, where their function is as it was.
    """
    if not left:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    quiet = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(quiet):
        set_mutant_under_test("mutant_generation")
        for path in [*map(Path, config().source_paths), *map(Path, config().also_copy)]:
            _copy(path, "mutants" / path)
        modules = {
            ".".join(path.with_suffix("").parts): path
            for source in config().source_paths
            for path in sorted(Path(source).rglob("*.py"))
            if config().should_mutate(path)
        }
        names = [name for one in only or [""] for name in modules if not one or is_in(name, [one])]
        for name in names:
            shutil.copy2(modules[name], "mutants" / modules[name])
            failed = create_file_mutants(modules[name]).error
            if failed:
                raise failed
    return names


def _copy(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True, copy_function=_copy_unchanged)
    elif path.exists():
        shutil.copy2(path, to)


def _copy_unchanged(path: str, to: str) -> None:
    """Copy a file, but not over one that has been changed: what is said of its mutants stays so."""
    if not Path(f"{to}.meta").exists():
        shutil.copy2(path, to)


def run_own(only: Sequence[str], *, left: bool) -> bool:
    """Make the mutants and run each module's own tests against them; tell whether all could be."""
    done = True
    with (ROOT / "mutants.log").open("wb") as log:
        for name in make_mutants(only, left=left):
            command = [sys.executable, "-m", "tests.mutation.own", name, *["left"] * left]
            environment = {**os.environ, "PYTHONPATH": str(ROOT / "mutants"), UNDER_TEST: CLEAN}
            ended = subprocess.run(
                command, cwd=ROOT / "mutants", env=environment, stdout=log, stderr=log, check=False
            )
            done = done and ended.returncode == 0
    return done


def main(module: str, *left: str) -> int:
    """Run one module's own tests against each of its mutants, from within `mutants/`."""
    meta = Path(*module.split(".")).with_suffix(".py.meta")
    tests = own_tests(module, Path.cwd())
    if not json.loads(meta.read_text())["exit_code_by_key"]:
        return 0
    if not tests:
        sys.stdout.write(f"{module} has no tests of its own: say in ALSO which are\n")
        return 1
    # Nobody reads how a test failed in a fork, and to write it down takes longer than most tests.
    arguments = ["-q", "--tb=no", *config().pytest_add_cli_args, *tests]
    return int(pytest.main(arguments, plugins=[Forking(meta, left=bool(left))]) != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
