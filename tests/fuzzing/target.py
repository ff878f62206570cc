"""What a parser under test is: what it reads, what it may end in, and good inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One parser: `read` is called with each case; only errors of `ends_in` may leave it."""

    name: str
    read: Callable[[bytes], object]
    ends_in: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
