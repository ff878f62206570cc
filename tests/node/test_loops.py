"""The thin loops: what fails in one turn holds up nothing else of that turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from node.loops import Wake, work_at_desk

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
