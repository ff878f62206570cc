"""A log that cannot be written ends nothing, and says afterwards what it lost."""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest
import structlog

from node.telemetry.logs import configure, logger

if TYPE_CHECKING:
    from collections.abc import Iterator

START = """
from node.telemetry.logs import catch_uncaught, configure, logger
configure("info", "json", "gb-iwf")
catch_uncaught()
logger().info("node_started")
print("goes on")
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was: configuration is per process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def full() -> Iterator[TextIO]:
    """Give a log on a disk that has no room."""
    with Path("/dev/full").open("w") as stream:
        yield stream


def lines(text: str) -> list[dict[str, Any]]:
    """Read lines back."""
    return [json.loads(line) for line in text.splitlines()]


def test_lines_that_were_lost_are_counted_in_the_next(full: TextIO, tmp_path: Path) -> None:
    """Once, and none of them comes later."""
    configure("info", "json", "gb-iwf", full)
    for _ in range(3):
        logger().info("lost")
    with (tmp_path / "log").open("w") as room:
        os.dup2(room.fileno(), full.fileno())
    logger().info("kept")
    logger().info("kept")
    told, *kept = lines((tmp_path / "log").read_text())
    assert (told["event"], told["count"], told["level"]) == ("log_lines_lost", 3, "warning")
    assert told["member"] == "gb-iwf"
    assert [line["event"] for line in kept] == ["kept", "kept"]


def test_line_that_was_cut_off_ends_before_the_next(tmp_path: Path) -> None:
    """The last bytes of room: what follows can be read."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "log").open("w") as stream:
        configure("info", "json", "gb-iwf", stream)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
        try:
            logger().info("kept")
            logger().info("lost")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        logger().info("kept")
    first, torn, *after = (tmp_path / "log").read_text().splitlines()
    assert 0 < len(torn) < len(first)
    assert [line["event"] for line in lines("\n".join(after))] == ["log_lines_lost", "kept"]


def test_collector_that_died_behind_its_pipe_ends_nothing() -> None:
    """Nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        configure("info", "json", "gb-iwf", stream)
        logger().info("lost")


def test_stream_that_is_closed_ends_nothing() -> None:
    """It has no descriptor any more."""
    stream = io.StringIO()
    configure("info", "json", "gb-iwf", stream)
    stream.close()
    logger().info("lost")


@pytest.mark.parametrize("place", ["/dev/full", None], ids=["full", "none"])
def test_process_starts_though_its_log_cannot_be_written(place: str | None) -> None:
    """Its stderr is a file on a full disk, or is not there at all."""
    closed = "" if place else "2>&-"
    with Path(place or os.devnull).open("w") as stderr:
        command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, START]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, check=True)
    assert done.stdout == b"goes on\n"
