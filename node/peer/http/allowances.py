"""What one member may cost us over an hour and a day, so that a hostile one costs little.

Each allowance is a number of the network's policy, or the default here. It is a bucket that holds
the whole of its period and fills evenly: a peer that comes back after weeks may use all of it at
once. What is more than that (a push, where the network permits very little) passes when the bucket
is full, and is made up for. Over it, the peer is told `busy` and tries again later; an honest one
loses nothing. Of who is suspended or expelled little is taken, since nothing of it is judged.
Processor time is bounded by what causes it: requests (`quotas`), entries, bytes, and work that led
nowhere. Memory is lost with the process, and an allowance is then whole again.

Disk is bounded by a floor of free space below which nothing of peers is taken: the rest is kept
for what our own hotline takes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from node.peer.errors import OverQuotaError
from node.peer.http.quotas import TokenBucket
from node.store.errors import StoreFullError
from protocol.answers import AnswerCode

if TYPE_CHECKING:
    from keys.network import NetworkDocument

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LOOK_MS: Final = 1000


class Cost(StrEnum):
    """What is counted; each is named as in the policy of the network document."""

    BYTES = "peer_bytes_per_day"
    """Of the bodies of pushes, and of the answers to pulls, that were read."""
    ENTRIES = "peer_entries_per_day"
    """Of pushes that were read."""
    EPOCHS = "peer_epochs_per_hour"
    """Attempts to open one: a process opens one on each lane when it starts."""
    WASTE = "peer_wasted_per_hour"
    """Pushes that were read, opened or hashed for nothing."""


COMPARED: Final = frozenset({AnswerCode.WRONG_START, AnswerCode.CLOSED_EPOCH})
"""Answers to a head that may have taken hashing a whole epoch: these count as wasted, too."""


class Allowance(NamedTuple):
    """What is allowed in a period unless the network says otherwise."""

    default: int
    period_ms: int


ALLOWANCES: Final[Mapping[Cost, Allowance]] = {
    Cost.BYTES: Allowance(8 << 30, DAY_MS),
    Cost.ENTRIES: Allowance(5_000_000, DAY_MS),
    Cost.EPOCHS: Allowance(240, HOUR_MS),
    Cost.WASTE: Allowance(120, HOUR_MS),
}


AWAY_SHARE: Final = 64
"""Who is suspended or expelled may fill so small a part of the disk that others may."""
_OF_DISK: Final = frozenset({Cost.BYTES, Cost.ENTRIES})


class Allowances:
    """What each member has left.

    Args:
        network: gives the network document in force: its numbers, and who is active.
    """

    def __init__(self, network: Callable[[], NetworkDocument]) -> None:
        self._network = network
        self._buckets: dict[tuple[str, Cost, int], TokenBucket] = {}

    def spend(self, member: str, cost: Cost, amount: int, now_ms: int) -> None:
        """Take `amount` off what `member` has left, now (UTC).

        Raises:
            OverQuotaError: it has less than that left, and not all; nothing is taken off.
        """
        if not self._bucket(member, cost, now_ms).take(now_ms, amount):
            raise OverQuotaError

    def need(self, member: str, cost: Cost, now_ms: int) -> None:
        """See that `member` has at least 1 left, without taking it.

        Raises:
            OverQuotaError: it has nothing left.
        """
        if not self._bucket(member, cost, now_ms).holds(now_ms, 1):
            raise OverQuotaError

    def charge(self, member: str, cost: Cost, now_ms: int) -> None:
        """Take 1 off, if there is 1 left: it was spent already."""
        self._bucket(member, cost, now_ms).take(now_ms, 1)

    def owe(self, member: str, cost: Cost, amount: int, now_ms: int) -> None:
        """Take off what was spent before its amount was known, also what is not left."""
        self._bucket(member, cost, now_ms).owe(now_ms, amount)

    def _bucket(self, member: str, cost: Cost, now_ms: int) -> TokenBucket:
        default, period_ms = ALLOWANCES[cost]
        network = self._network()
        most = network.policy.get(cost, default)
        if cost in _OF_DISK and not network.is_active(member):
            most = -(-most // AWAY_SHARE)  # of little a little: it is taken, if slowly
        found = self._buckets.get((member, cost, most))
        if found is None:
            found = TokenBucket(most * 1000 / period_ms, most, now_ms)
            self._buckets[member, cost, most] = found
        return found


@dataclass(slots=True)
class DiskFloor:
    """Whether there is room for what peers send; looks at most once a second.

    Where a server keeps the store, no floor is known (`floor_bytes` 0): the server says when it is
    full, or may only be read.

    Attributes:
        floor_bytes: what must stay free for our own intake.
        free_bytes: gives the free space where the database lies.
    """

    floor_bytes: int
    free_bytes: Callable[[], int]
    _looked_ms: int | None = None
    _room: bool = True

    def need(self, now_ms: int) -> None:
        """See that there is room at `now_ms` (UTC).

        Raises:
            OverQuotaError: less than the floor is free.
        """
        if self._looked_ms is None or not 0 <= now_ms - self._looked_ms < LOOK_MS:
            self._looked_ms = now_ms
            self._room = self.free_bytes() >= self.floor_bytes
        if not self._room:
            raise OverQuotaError

    @contextmanager
    def keeping(self, now_ms: int) -> Iterator[None]:
        """Keep what a peer sent at `now_ms` (UTC): a store that is full puts it off, no more.

        Only the store itself knows of a server's disk, or of a limit of its own. Until the next
        look nothing more is read; then it is tried again, so it goes on by itself.

        Raises:
            OverQuotaError: the store is full, or may only be read; nothing was kept.
        """
        try:
            yield
        except StoreFullError:
            self._looked_ms = now_ms
            self._room = False
            raise OverQuotaError from None


def no_floor() -> DiskFloor:
    """Return a floor that is never reached, for who keeps nothing on a disk."""
    return DiskFloor(0, lambda: 0)
