"""How far the first start of a newer program has come, for who waits for it, or breaks it off.

One thread opens a store and says here what it does; another reads it, and may say that it is to
end. What was done until then stays, and the next start goes on behind it.
"""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """What is being done: a word, and how much of it is done, in units of its own."""

    name: str
    done: int = 0
    of: int = 0
    """0: nobody knows before."""


class BrokenOffError(Exception):
    """It was broken off before the store was open; nothing is wrong with it."""


class Upgrade:
    """Where the opening of a store stands."""

    def __init__(self) -> None:
        self.step: Step | None = None
        """What is being done now; None: nothing that takes long by the size of the store."""
        self.is_broken_off = False

    def break_off(self) -> None:
        """Let it end as soon as it can."""
        self.is_broken_off = True

    def reach(self, step: Step | None) -> None:
        """Say what is done next.

        Raises:
            BrokenOffError: it is to end.
        """
        if self.is_broken_off:
            raise BrokenOffError
        self.step = step
