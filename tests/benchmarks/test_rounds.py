"""A round of `make bench`, made small: each part comes to all its figures."""

from pathlib import Path

import pytest

from benchmarks.__main__ import Bench, as_installed, work
from benchmarks.clients import run
from benchmarks.profiles import PARTS, UNITS, Profile

SMALL = Profile(
    rounds=1, items=2_000, reports=20, posts=64, waiting=500, helps=1, stored=2_000, hashes=50_000
)


def names_of(part: str) -> set[str]:
    """The figures that a part has to give."""
    return {name for name in UNITS if name == part or name.startswith(f"{part}.")}


def taken(parts: tuple[str, ...], folder: Path) -> set[str]:
    """The figures that one round of these parts gave."""
    bench = Bench(SMALL, frozenset(parts), folder)
    run(work(bench, SMALL.rounds))
    return {figure.name for figure in bench.figures}


def test_a_part_without_nodes_comes_to_its_figures(tmp_path: Path) -> None:
    """It runs on the event loop of the bench, beside which nothing may start another one."""
    assert taken(("P4",), tmp_path) == names_of("P4")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_all_parts_come_to_their_figures_in_one_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pair of nodes after another: what a part leaves behind is what the next one meets."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "")
    as_installed(tmp_path / "bytecode")
    wanted = set().union(*(names_of(part) for part in PARTS))
    assert taken(PARTS, tmp_path / "work") == wanted
