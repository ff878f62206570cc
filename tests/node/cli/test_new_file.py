"""Files that verbs make for people, on a disk that is full."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.cli.ceremony import _write as write_of_a_ceremony
from node.cli.evidence import write_file as write_evidence
from node.cli.lists import _write as write_pieces
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
