"""The composition of a running node: what it takes for granted of the machine that it runs on."""

from __future__ import annotations

from pathlib import Path

from node.config import Config, parse
from node.running import disk_floor
from tests.builders.network import NOW_MS


def config(tmp_path: Path, store: str = "") -> Config:
    """Give a node that keeps a terabyte free."""
    lines = ("[member]", 'id = "gb-iwf"', 'unlock = "env:HOTLINE_UNLOCK"', "[peer]")
    return parse("\n".join((*lines, "disk_floor_mib = 1000000", store)), tmp_path / "node.toml")


def test_floor_is_that_of_the_disk_on_which_the_store_lies(tmp_path: Path) -> None:
    """What is left on it is kept for our own intake."""
    floor = disk_floor(config(tmp_path))
    assert floor.floor_bytes == 1_000_000 << 20
    assert floor.free_bytes() > 0


def test_disk_here_says_nothing_of_a_store_on_a_server(tmp_path: Path) -> None:
    """A small disk beside a large server stops nothing."""
    url = 'url = "postgresql://hotline@db.example/hotline?sslmode=verify-full"'
    floor = disk_floor(config(tmp_path, f"[store]\n{url}"))
    assert floor.floor_bytes == 0
    floor.need(NOW_MS)
