"""The thin loops: what fails in one turn holds up nothing else of that turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from node.loops import Wake, keep_going, work_at_desk

if TYPE_CHECKING:
    from node.casework.desk import Desk


class Troubled:
    """A desk that fails at judging."""

    def __init__(self) -> None:
        self.located = 0

    async def judge_due(self) -> int:
        """Fail."""
        raise LookupError

    async def locate_due(self) -> int:
        """Locate one."""
        self.located += 1
        return 1


async def test_items_are_located_though_judging_fails() -> None:
    """The failure is its caller's to log."""
    desk = Troubled()
    with pytest.raises(LookupError):
        await work_at_desk(cast("Desk", desk), Wake())
    assert desk.located == 1


class Unwritable:
    """A log that cannot be written."""

    def exception(self, *_: object, **__: object) -> None:
        """Fail as a full disk does."""
        raise OSError


async def test_loop_goes_on_though_its_trouble_cannot_be_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk is trouble of the loop and of the log at once."""
    monkeypatch.setattr("node.loops.FIRST_PAUSE_S", 0.0)
    again = asyncio.Event()
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            again.set()
        raise LookupError

    loop = asyncio.create_task(keep_going("delivery", step, cast("Any", Unwritable())))
    await asyncio.wait_for(again.wait(), 10)
    assert not loop.done()
    loop.cancel()


async def test_g11_a_loop_that_others_wake_is_not_woken_before_its_pause_is_over() -> None:
    """A member can say each moment that our registry is not the newest."""
    wake = Wake(0.01)
    wake()
    waiting = asyncio.create_task(wake.wait(60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting


async def test_what_wakes_a_loop_in_its_pause_is_not_forgotten() -> None:
    """It goes on once the pause is over, and not after all of its time."""
    wake = Wake(0.01)
    waiting = asyncio.create_task(wake.wait(3600.0))
    await asyncio.sleep(0)
    wake()
    await waiting
