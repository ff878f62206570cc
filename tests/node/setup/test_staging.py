"""A set-up is whole or did not happen."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from keys.errors import UnsafeKeyFileError
from node.setup.errors import AlreadySetUpError, SetupRunningError
from node.setup.staging import COMPLETE, STAGE, prepare

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("keys", "node.db", "node.toml")


class PowerCut(BaseException):
    """Stands for the end of the process."""


def fill(path: Path, names: tuple[str, ...] = NAMES) -> None:
    """Make the files a set-up would make."""
    for name in names:
        (path / name).write_text(name)


def fail(path: Path) -> None:
    """Begin a file and die."""
    path.write_text("begun")
    raise PowerCut


def test_failed_set_up_leaves_no_directory_of_its_own(tmp_path: Path) -> None:
    """An empty folder would look as if something had been made."""
    with pytest.raises(PowerCut), prepare(tmp_path / "node", NAMES) as stage:
        fail(stage.path / "keys")
    assert standing(tmp_path) == set()


def test_failed_set_up_leaves_a_directory_that_was_there(tmp_path: Path) -> None:
    """It is not ours to remove."""
    with pytest.raises(PowerCut), prepare(tmp_path, NAMES) as stage:
        fail(stage.path / "keys")
    assert tmp_path.is_dir()


def standing(directory: Path) -> set[str]:
    """Name all that stands in a directory."""
    return {path.name for path in directory.iterdir()}


def test_all_files_appear_and_nothing_else(tmp_path: Path) -> None:
    """The stage is gone when the set-up is done."""
    with prepare(tmp_path / "node", NAMES) as stage:
        fill(stage.path)
        stage.finish()
    assert standing(tmp_path / "node") == set(NAMES)


def test_new_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    """Keys and database lie in it."""
    with prepare(tmp_path / "node", NAMES) as stage:
        assert stat.S_IMODE(stage.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "node").stat().st_mode) == 0o700


def test_stage_of_a_dead_attempt_is_thrown_away(tmp_path: Path) -> None:
    """A kill -9 while files were made: the next attempt begins afresh."""
    dead = tmp_path / STAGE
    dead.mkdir()
    fill(dead, ("keys",))
    with prepare(tmp_path, NAMES) as stage:
        assert standing(stage.path) == set()


@pytest.mark.parametrize("moved", range(len(NAMES) + 1))
def test_interrupted_move_is_finished_by_the_next_attempt(tmp_path: Path, moved: int) -> None:
    """A kill -9 between any two renames: nothing is lost, nothing is made anew."""
    dead = tmp_path / STAGE
    dead.mkdir()
    fill(dead)
    (dead / COMPLETE).touch()
    for name in NAMES[:moved]:
        (dead / name).rename(tmp_path / name)
    with prepare(tmp_path, NAMES) as stage:
        assert stage.is_complete
        stage.finish()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {n: n for n in NAMES}


def test_interrupted_move_survives_a_second_interruption(tmp_path: Path) -> None:
    """A complete stage is never thrown away."""
    dead = tmp_path / STAGE
    dead.mkdir()
    fill(dead)
    (dead / COMPLETE).touch()
    with pytest.raises(PowerCut), prepare(tmp_path, NAMES) as stage:
        fail(stage.path / "more")
    with prepare(tmp_path, NAMES) as stage:
        stage.finish()
    assert standing(tmp_path) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_is_not_touched(tmp_path: Path, name: str) -> None:
    """A second init, or an init over a foreign file, is refused by name."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(AlreadySetUpError, match=name), prepare(tmp_path, NAMES):
        pass
    assert (tmp_path / name).read_text() == "mine"
    assert standing(tmp_path) == {name}


def test_unrelated_files_do_not_matter(tmp_path: Path) -> None:
    """A directory prepared by the system's packaging may hold other things."""
    (tmp_path / "README").write_text("hello")
    with prepare(tmp_path, NAMES) as stage:
        fill(stage.path)
        stage.finish()
    assert standing(tmp_path) == {"README", *NAMES}


def test_two_attempts_at_once(tmp_path: Path) -> None:
    """The second is told to wait and disturbs nothing."""
    with prepare(tmp_path, NAMES) as stage:
        with pytest.raises(SetupRunningError), prepare(tmp_path, NAMES):
            pass
        fill(stage.path)
        stage.finish()
    assert standing(tmp_path) == set(NAMES)


def test_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    """Somebody else could replace the keys."""
    tmp_path.chmod(0o777)
    with pytest.raises(UnsafeKeyFileError, match="chmod 700"), prepare(tmp_path, NAMES):
        pass


@pytest.mark.parametrize("handed_over", [False, True])
def test_file_for_another_directory_is_handed_over_once(
    tmp_path: Path, *, handed_over: bool
) -> None:
    """An interrupted hand-over is finished too, and a foreign file is never replaced."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "node").mkdir()
    target = tmp_path / "etc" / "node.toml"
    dead = tmp_path / "node" / STAGE
    dead.mkdir()
    fill(dead)
    (dead / COMPLETE).touch()
    if handed_over:
        target.write_text("node.toml")
    with prepare(tmp_path / "node", NAMES, {"node.toml": target}) as stage:
        stage.finish()
    assert target.read_text() == "node.toml"
    assert standing(tmp_path / "node") == {"keys", "node.db"}
