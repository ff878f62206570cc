"""What the sending side and its store say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.vocabulary import Lane


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Delivery state of one channel, as it stands on its row."""

    peer: str
    lane: Lane
    attempts: int
    next_attempt_ms: int
    problem: str | None
    stopped: str | None


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that belongs to the epoch itself (its opening, the registry it was made under)."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class Push:
    """One signed push: entries [start, size) of an epoch under the checkpoint `note`."""

    epoch: bytes
    start: int
    size: int
    note: bytes
    entries: list[bytes]
