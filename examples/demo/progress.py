"""Telling a person what happens, in short lines with the time since the beginning."""

from __future__ import annotations

import time

from rich.console import Console


class Progress:
    """Tells each step as it is done, and remembers how long each phase took."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.phases: list[tuple[str, float]] = []
        self._began = time.monotonic()
        self._phase_began = self._began

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def phase(self, name: str) -> None:
        """A phase is done."""
        now = time.monotonic()
        self.phases.append((name, now - self._phase_began))
        self._phase_began = now

    def step(self, text: str) -> None:
        """Tell a step."""
        self.console.print(f"{self.elapsed_s:5.1f} s  {text}", markup=False)

    def more(self, text: str) -> None:
        """Tell more about the step before."""
        self.console.print(f"         {text}", markup=False)
