"""How much each key may ask: in a minute by a bucket that refills, in a day by what was counted.

What is counted is in memory, and added to the store every few seconds and at the end: a crash
forgives the last seconds. Days are UTC.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from node.api.problems import ApiError
from node.hashcheck.contract import DAY_MS, Counts, Key

MINUTE_MS: Final = 60_000
_SECOND_MS: Final = 1000
_PROBED: Final = "so many pictures that look alike that a person looks"


class Quotas:
    """The quotas of all keys."""

    def __init__(self) -> None:
        self._buckets: dict[bytes, tuple[float, int]] = {}
        self._today: dict[bytes, Counts] = {}
        self._fresh: defaultdict[bytes, Counts] = defaultdict(Counts)
        self._day = -1

    def begin(self, day: int, today: dict[bytes, Counts]) -> None:
        """Begin with what was counted on a day already."""
        self._day, self._today = day, dict(today)

    def take(self, key: Key, checks: int, near: int, now_ms: int) -> None:
        """Let so many checks through, so many of them with a PDQ hash.

        Raises:
            ApiError: 429 `quota_spent` with `Retry-After`; nothing was counted.
        """
        self._turn_over(now_ms)
        contract, spent = key.contract, self.today(key)
        tomorrow_s = self._tomorrow_s(now_ms)
        if spent.checks + checks > contract.per_day:
            raise _spent("entries", "as many checks as the contract permits in a day", tomorrow_s)
        if near and spent.near + near > contract.near_per_day:
            raise _spent("pdq", "as many PDQ hashes as the contract permits in a day", tomorrow_s)
        if near and spent.near_reviews >= contract.near_reviews_per_day:
            raise _spent("pdq", _PROBED, tomorrow_s)
        self._take_from_bucket(key, checks, now_ms)
        self.add(key, Counts(checks, near))

    def grant(self, key: Key, reviews: int, now_ms: int) -> None:
        """Let so many pictures of a request that had some be answered `review`.

        A request that goes beyond what is left is refused whole, and takes all of it: so it can
        be learnt once a day that it was too much. One that was let in while something was left
        is refused as a later one is, whatever was found: else the refusal were an answer.

        Raises:
            ApiError: 429 `quota_spent` with `Retry-After`.
        """
        left = key.contract.near_reviews_per_day - self.today(key).near_reviews
        self.add(key, Counts(near_reviews=max(0, min(reviews, left))))
        if left <= 0 or reviews > left:
            raise _spent("pdq", _PROBED, self._tomorrow_s(now_ms))

    def _tomorrow_s(self, now_ms: int) -> int:
        return ((self._day + 1) * DAY_MS - now_ms) // _SECOND_MS + 1

    def _take_from_bucket(self, key: Key, checks: int, now_ms: int) -> None:
        most = key.contract.per_minute
        if checks > most:
            what = "more at once than the contract permits in a minute"
            raise _spent("entries", what, 60, "ask about fewer at once")
        left, at_ms = self._buckets.get(key.key_sha256, (float(most), now_ms))
        left = min(float(most), left + max(0, now_ms - at_ms) * most / MINUTE_MS)
        if checks > left:
            wait_s = int((checks - left) * MINUTE_MS / most / _SECOND_MS) + 1
            raise _spent("entries", "as many checks as the contract permits in a minute", wait_s)
        self._buckets[key.key_sha256] = left - checks, now_ms

    def add(self, key: Key, more: Counts) -> None:
        """Count what was asked, or answered."""
        self._today[key.key_sha256] = self.today(key).plus(more)
        self._fresh[key.key_sha256] = self._fresh[key.key_sha256].plus(more)

    def today(self, key: Key) -> Counts:
        """Return what was counted of a key today."""
        return self._today.get(key.key_sha256, Counts())

    def fresh(self) -> tuple[int, dict[bytes, Counts]]:
        """Return the day, and what was counted since this was last asked: to be kept."""
        fresh, self._fresh = dict(self._fresh), defaultdict(Counts)
        return self._day, fresh

    def give_back(self, fresh: dict[bytes, Counts]) -> None:
        """Take back what could not be kept: it is counted again."""
        for key, more in fresh.items():
            self._fresh[key] = self._fresh[key].plus(more)

    def _turn_over(self, now_ms: int) -> None:
        """Begin a new day; what the last seconds of the old one counted goes to the new.

        A clock that is set back over midnight begins none: it would forgive all that was counted.
        By more than a day, it had gone wrong before, and nobody is to wait for a day so far off.
        """
        day = now_ms // DAY_MS
        if day > self._day or day < self._day - 1:
            self._day, self._today = day, {}


def _spent(field: str, what: str, wait_s: int, then: str = "ask again later") -> ApiError:
    mend = f"{what} were asked; {then}, or ask the hotline for a larger contract"
    return ApiError("quota_spent", mend, field, {"Retry-After": str(max(1, wait_s))})
