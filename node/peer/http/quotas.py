"""How much one peer may ask of us at once, so that a hostile one costs little.

Counted for verified members only; strangers share one small allowance, for refusals that we sign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from node.peer.errors import OverQuotaError
from protocol.vocabulary import Lane

MIB: Final = 1 << 20
ROUNDING: Final = 1e-6
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Quota:
    """The allowance of each peer, and two of all together.

    Attributes:
        requests_per_s: on average.
        burst: requests at once after a pause.
        concurrent: requests being worked on.
        body_bytes: bytes of bodies being read or worked on, and of long answers being taken; a page
            of a recovery on each lane, and pushes beside them.
        all_body_bytes: the same, of all peers together.
        strangers_per_s: refusals signed for callers that could not be verified.
        fruitless_per_s: requests that bring no new entries (questions, repeats, what is refused).
        fruitless_burst: the same at once after a pause.
        hold_s: how long the answer to a request over quota is held back, so that who asks too often
            asks less often; one connection waits for its own answers.
    """

    requests_per_s: float = 300.0
    burst: float = 2000.0
    concurrent: int = 8
    body_bytes: int = 64 * MIB
    all_body_bytes: int = 256 * MIB
    strangers_per_s: float = 20.0
    fruitless_per_s: float = 5.0
    fruitless_burst: float = 200.0
    hold_s: float = 1.0


class TokenBucket:
    """Lets `per_s` through a second on average, `burst` after a pause."""

    __slots__ = ("_at_ms", "_burst", "_per_s", "_tokens")

    def __init__(self, per_s: float, burst: float, now_ms: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at_ms = now_ms

    def take(self, now_ms: int, amount: float = 1) -> bool:
        """Whether `amount` more may pass at `now_ms`; a clock that goes back gives nothing.

        What is more than it ever holds passes when it is full, and is made up for: else never.
        """
        if not self.holds(now_ms, min(amount, max(self._burst, 1))):
            return False
        self._tokens -= amount
        return True

    def owe(self, now_ms: int, amount: float) -> None:
        """Take `amount` at `now_ms`, below nothing too: nothing passes until it is made up for."""
        self.holds(now_ms)
        self._tokens -= amount

    def holds(self, now_ms: int, amount: float = 1) -> bool:
        """Whether `amount` more could pass at `now_ms`; nothing is taken."""
        passed_s = max(0, now_ms - self._at_ms) / 1000
        self._at_ms = now_ms
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_s)
        return self._tokens + ROUNDING >= amount


class HourlyQuota:
    """Lets each member do something costly so often in an hour, `per_hour` times at once."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._buckets: dict[str, TokenBucket] = {}

    def spend(self, member: str, now_ms: int) -> None:
        """Count one time of `member`.

        Raises:
            OverQuotaError: it did it too often.
        """
        fresh = TokenBucket(self._per_hour / HOUR_S, self._per_hour, now_ms)
        if not self._buckets.setdefault(member, fresh).take(now_ms):
            raise OverQuotaError


class Quotas:
    """What every peer is using now."""

    def __init__(self, quota: Quota, now_ms: int) -> None:
        self._quota = quota
        self._buckets: dict[str, TokenBucket] = {}
        self._fruitless: dict[str, TokenBucket] = {}
        self._strangers = TokenBucket(quota.strangers_per_s, quota.strangers_per_s, now_ms)
        self._running: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._channels: set[tuple[str, Lane]] = set()

    def stranger(self, now_ms: int) -> bool:
        """Whether a caller that could not be verified is worth a signature now."""
        return self._strangers.take(now_ms)

    @property
    def hold_s(self) -> float:
        """How long the answer to a request over quota is held back, seconds."""
        return self._quota.hold_s

    def fruitless(self, member: str, now_ms: int) -> None:
        """Count a request of `member` that brought no new entries."""
        self._fruitless_of(member, now_ms).take(now_ms)

    def _fruitless_of(self, member: str, now_ms: int) -> TokenBucket:
        quota = self._quota
        new = TokenBucket(quota.fruitless_per_s, quota.fruitless_burst, now_ms)
        return self._fruitless.setdefault(member, new)

    @contextmanager
    def request(self, member: str, now_ms: int) -> Iterator[None]:
        """Count one request of `member` while it is worked on.

        Raises:
            OverQuotaError: too many a second, too many for nothing, or too many at once.
        """
        quota = self._quota
        bucket = self._buckets.get(member)
        if bucket is None:
            bucket = TokenBucket(quota.requests_per_s, quota.burst, now_ms)
            self._buckets[member] = bucket
        if (
            self._running[member] >= quota.concurrent
            or not self._fruitless_of(member, now_ms).holds(now_ms)
            or not bucket.take(now_ms)
        ):
            raise OverQuotaError
        self._running[member] += 1
        try:
            yield
        finally:
            self._running[member] -= 1

    @contextmanager
    def held(self, member: str, size: int) -> Iterator[None]:
        """Count what `member` sends, or has to take from us, as long as it is in memory.

        Raises:
            OverQuotaError: too many bytes are on their way.
        """
        own, all_ = self._bytes[member] + size, self._bytes.total() + size
        if own > self._quota.body_bytes or all_ > self._quota.all_body_bytes:
            raise OverQuotaError
        self._bytes[member] += size
        try:
            yield
        finally:
            self._bytes[member] -= size

    @contextmanager
    def push(self, member: str, lane: Lane) -> Iterator[None]:
        """Count one push; the next of the same channel has to wait for its end.

        Raises:
            OverQuotaError: one is under way already.
        """
        channel = (member, lane)
        if channel in self._channels:
            raise OverQuotaError
        self._channels.add(channel)
        try:
            yield
        finally:
            self._channels.discard(channel)
