"""Files that verbs make for people, on a disk that is full."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.cli.ceremony import _write as write_of_a_ceremony
from node.cli.evidence import write_file as write_evidence
from node.cli.list_export import _write as write_pieces
from node.cli.new_file import new_file
from node.cli.output import CliError
from node.interchange.errors import InterchangeError

ROOM = 100


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes: what comes after is refused, as by a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "write",
    [write_evidence, write_of_a_ceremony, lambda file, raw: write_pieces(file, iter([raw]))],
    ids=["evidence", "ceremony", "list"],
)
def test_a_full_disk_leaves_no_half_file_in_the_way(
    tmp_path: Path, write: Callable[[Path, bytes], object]
) -> None:
    """The same verb makes it whole once there is room, under the same name."""
    target, raw = tmp_path / "made.json", b"x" * 2 * ROOM
    with room_for(ROOM), pytest.raises((CliError, InterchangeError), match="cannot be written"):
        write(target, raw)
    assert not target.exists()
    write(target, raw)
    assert target.read_bytes() == raw


def test_a_file_that_stands_is_neither_written_over_nor_taken_away(tmp_path: Path) -> None:
    """It is somebody's."""
    target = tmp_path / "made.json"
    target.write_bytes(b"another")
    with pytest.raises(CliError, match="stands already"):
        write_evidence(target, b"x")
    assert target.read_bytes() == b"another"


KILLED = """
import os, signal, sys
from pathlib import Path
from node.cli.new_file import new_file
with new_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_verb_leaves_no_half_file_under_its_name(tmp_path: Path) -> None:
    """Half a bundle would be carried to a court; the same verb makes it whole."""
    target = tmp_path / "made.json"
    killed = subprocess.run([sys.executable, "-c", KILLED, target], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    write_evidence(target, b"whole")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("made.json", b"whole")]


def test_what_a_person_keeps_beside_it_is_left_alone(tmp_path: Path) -> None:
    """By a name that a person may give: another program's half of that very file."""
    theirs = tmp_path / "made.json.partial"
    theirs.write_bytes(b"theirs")
    write_evidence(tmp_path / "made.json", b"ours")
    assert theirs.read_bytes() == b"theirs"


def test_of_two_that_make_one_file_one_is_refused(tmp_path: Path) -> None:
    """The one that came second, at once; what the first makes it leaves alone."""
    target = tmp_path / "made.json"
    with new_file(target) as file:
        file.write(b"first")
        with pytest.raises(CliError, match="stands already"):
            write_evidence(target, b"second")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("made.json", b"first")]


def another(part: Path) -> None:
    """Take a part for one that was left, and make another."""
    part.unlink()
    part.write_bytes(b"another's")


def test_who_fails_takes_away_its_own_part_alone(tmp_path: Path) -> None:
    """Where the file system knows no locks another may be making it anew."""
    target, part = tmp_path / "made.json", tmp_path / ".made.json.hotline"
    with pytest.raises(FileExistsError), new_file(target):
        another(part)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [
        (".made.json.hotline", b"another's")
    ]
