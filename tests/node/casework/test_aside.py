"""What this program fails at is set aside before a person, and the others are worked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from node.casework.aside import TASK, SetAside
from node.casework.casebook import Casebook, Needs
from node.store.errors import StoreError
from tests.builders.cases import book


class Work:
    """Works at letters; fails at some, if they are among those of one turn."""

    def __init__(self, *fails_at: str, error: type[Exception] = LookupError) -> None:
        self.book: Casebook = book()
        self.at_work = SetAside(self._transact)
        self.turns: list[str] = []
        self._fails_at, self._error = fails_at, error

    async def _transact(self, _needs: Needs, decide: Callable[[Casebook], Any]) -> Any:
        return decide(self.book)

    async def _do(self, ones: Sequence[str]) -> None:
        self.turns.append("".join(ones))
        if not set(ones).isdisjoint(self._fails_at):
            raise self._error

    async def each(self, ones: str) -> None:
        """Work at these."""
        await self.at_work.each(ones, str, self._do)


async def test_all_are_worked_at_together() -> None:
    """As long as none fails."""
    work = Work()
    await work.each("abc")
    assert (work.turns, work.book.tasks) == (["abc"], [])


async def test_one_that_fails_is_set_aside_before_a_person() -> None:
    """The others are worked at; it is not tried again."""
    work = Work("b")
    await work.each("abc")
    await work.each("bd")
    assert work.turns == ["abc", "a", "b", "c", "d"]
    assert work.book.tasks == [(TASK, "b")]


async def test_store_that_fails_sets_nothing_aside() -> None:
    """All is due again."""
    work = Work("b", error=StoreError)
    with pytest.raises(StoreError):
        await work.each("abc")
    assert (work.at_work.aside, work.book.tasks) == (set(), [])
