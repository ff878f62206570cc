"""Two processes of one node on one server: one works, one stands by."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from keys.keyring import SEALING_GRACE_MS, sealing_name
from node import app
from node.beginning import destroy_sealing_keys_here, open_registry
from node.cli.exits import Exit
from node.config import load
from node.config.edit import change_file
from node.setup.opening import store_place
from node.store.opening import keep_out
from tests.node.cli.conftest import Typing
from tests.node.cli.test_on_server import joined as on_server
from tests.node.cli.test_on_server import submit
from tests.node.cli.test_run import refused, started

if TYPE_CHECKING:
    from pathlib import Path

joined = on_server


async def test_who_stands_by_takes_over_when_the_other_is_killed(
    joined: Typing, tmp_path: Path
) -> None:
    """Nothing that was answered is lost, and nothing is done a second time."""
    change_file(joined.config.source, "store", {"stand_by": True})
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(started(joined.config.source))
        await first.until("node_started")
        second = await stack.enter_async_context(started(joined.config.source))
        await second.until("standing_by")
        assert (await submit(joined, tmp_path, 1))[1]["accepted"] == 1
        first.send(signal.SIGKILL)
        await second.until("node_started")
        assert (await submit(joined, tmp_path, 1))[1]["repeated"] == 1
        assert (await submit(joined, tmp_path, 2))[1]["accepted"] == 1
    code, shown = await joined("verify")
    assert (code, shown["holds"], shown["counts"]["items"]) == (Exit.OK, True, 2)


async def test_rolling_restart(joined: Typing, tmp_path: Path) -> None:
    """One is told to stop, the other goes on; one that stands by stops when it is told to."""
    change_file(joined.config.source, "store", {"stand_by": True})
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(started(joined.config.source))
        await first.until("node_started")
        second = await stack.enter_async_context(started(joined.config.source))
        await second.until("standing_by")
        first.send(signal.SIGTERM)
        assert await first.ended() == Exit.OK
        await second.until("node_started")
        async with started(joined.config.source) as third:
            await third.until("standing_by")
            third.send(signal.SIGTERM)
            assert await third.ended() == Exit.OK
        assert (await submit(joined, tmp_path, 1))[1]["accepted"] == 1


async def test_sealing_keys_whose_time_is_over_are_destroyed_where_one_stands_by(
    joined: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that waits has a copy; a thief of its disk would open what was sealed to them."""
    change_file(joined.config.source, "store", {"stand_by": True})
    config, folder = load(joined.config.source), joined.config.member.keys_dir
    published = open_registry(config).current().member(config.member.id).sealing
    first = min(published, key=lambda one: one.not_after_ms)
    over_ms = first.not_after_ms + SEALING_GRACE_MS
    assert destroy_sealing_keys_here(config, over_ms - 1) == ()
    monkeypatch.setattr(app, "wall_clock", lambda: over_ms)
    before, stop = set(folder.iterdir()), asyncio.Event()
    lock = keep_out(store_place(config))
    waiting = asyncio.create_task(app.run(config, stop))
    until = time.monotonic() + 60
    try:
        while set(folder.iterdir()) == before:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
    finally:
        stop.set()
        await waiting
        lock.release()
    gone = {path.name for path in before - set(folder.iterdir())}
    assert gone == {sealing_name(first.key.key_id)}


async def test_file_has_nobody_standing_by(joined: Typing) -> None:
    """The setting is refused where it could do nothing."""
    text = joined.config.source.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("url =")]
    lines.insert(lines.index("[store]") + 1, "stand_by = true")
    joined.config.source.write_text("\n".join(lines))
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.CONFIGURATION, "config_invalid")
    assert "stand_by" in message
