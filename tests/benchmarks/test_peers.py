"""What the node is compared with is counted by what its database holds, not by what it says."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from benchmarks.peers import taking
from benchmarks.peers.http import Bare
from benchmarks.peers.peer import Record
from examples.demo.processes import DemoError, Processes, free_ports


class Forgetful(Bare):
    """A receiver that is sent fewer records than it answers for."""

    def message(self, records: Sequence[Record]) -> bytes:
        """Leave the last one out."""
        return super().message(records[:-1])


class Broken(Bare):
    """A program that ends at once."""

    def command(self) -> tuple[str, ...]:
        """Return what fails."""
        return (sys.executable, "-c", "raise SystemExit(3)")


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    """What runs, until the test ends."""
    running = Processes(tmp_path)
    yield running
    await running.end()


async def started(kind: type[Bare], processes: Processes, folder: Path) -> Bare:
    """Start one on a free port."""
    peer = kind(folder / "data", free_ports(1)[0])
    await peer.start(processes)
    return peer


async def test_every_record_is_found_in_the_database(processes: Processes, tmp_path: Path) -> None:
    """In bulk and singly, the count of rows is what was sent."""
    peer = await started(Bare, processes, tmp_path)
    assert await taking.bulk(peer, 30, "bulk") > 0
    assert await taking.singles(peer, 20, "single") > 0
    assert len(await taking.latency(peer, 5, "late", 1)) == 5
    assert peer.kept() == 55


async def test_a_peer_that_loses_a_record_gives_no_figure(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are not what is counted."""
    monkeypatch.setattr(taking, "ARRIVE_S", 0.1)
    peer = await started(Forgetful, processes, tmp_path)
    with pytest.raises(TimeoutError):
        await taking.bulk(peer, 10, "bulk")


async def test_a_peer_that_does_not_start_is_named(processes: Processes, tmp_path: Path) -> None:
    """Not waited for until the end of time."""
    with pytest.raises(DemoError, match="bare did not start"):
        await started(Broken, processes, tmp_path)
