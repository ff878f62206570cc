"""Whether a signed request is fresh and new.

A request lives for a minute, give or take the difference of two clocks; its nonce is remembered for
longer than that, per sender and bounded: a sender that fills its share is refused, never forgotten.
Memory is lost with the process, so a request made before the process started is refused: a restart
does not open the window again. Setting the clock back counts as a start; but it comes once more to
the times over which it was set back, so the newest nonces are remembered whatever their age.
"""

from __future__ import annotations

from typing import Final

from node.peer.errors import OverQuotaError, ReplayedRequestError, StaleRequestError

MAX_AGE_MS: Final = 60_000
SLACK_MS: Final = 30_000
REMEMBERED_MS: Final = 300_000
PER_SENDER: Final = 100_000
KEPT: Final = 4_096
"""Of one sender so many are remembered however old they are: some 500 KB."""


class Replays:
    """The nonces of the last five minutes, and the newest ones.

    Args:
        start_ms: when this process began to listen, UTC.
        max_age_ms: how long a request may be under way.
        slack_ms: how far two clocks may differ.
        per_sender: nonces of one sender that are remembered at once.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        max_age_ms: int = MAX_AGE_MS,
        slack_ms: int = SLACK_MS,
        per_sender: int = PER_SENDER,
    ) -> None:
        self._not_before_ms = _whole_second(start_ms)
        self._max_age_ms = max_age_ms
        self._slack_ms = slack_ms
        self._per_sender = per_sender
        self._kept = min(KEPT, per_sender - 1)
        self._seen: dict[str, dict[bytes, int]] = {}

    def admit(self, sender: str, nonce: bytes, created_ms: int, now_ms: int) -> None:
        """Take note of a request whose signature was verified.

        Args:
            sender: member id.
            nonce: as signed.
            created_ms: as signed, in whole seconds.
            now_ms: UTC.

        Raises:
            StaleRequestError: not made now, or made before we started.
            ReplayedRequestError: the sender used this nonce before.
            OverQuotaError: the sender made more requests than are remembered.
        """
        self._not_before_ms = min(self._not_before_ms, _whole_second(now_ms))
        earliest = now_ms - self._max_age_ms - self._slack_ms
        if not max(earliest, self._not_before_ms) <= created_ms <= now_ms + self._slack_ms:
            raise StaleRequestError
        seen = self._seen.setdefault(sender, {})
        self._forget(seen, now_ms)
        if nonce in seen:
            raise ReplayedRequestError
        if len(seen) >= self._per_sender:
            raise OverQuotaError
        seen[nonce] = now_ms

    def _forget(self, seen: dict[bytes, int], now_ms: int) -> None:
        """Drop what is too old to be admitted again, and admit nothing from before it.

        What a clock remembered that was ahead goes too, so that it fills nobody's share for long.
        """
        horizon = now_ms - max(REMEMBERED_MS, self._max_age_ms + 2 * self._slack_ms)
        while len(seen) > self._kept:
            oldest = next(iter(seen))
            if horizon <= seen[oldest] <= now_ms + self._slack_ms:
                return
            if seen.pop(oldest) < horizon:
                self._not_before_ms = max(self._not_before_ms, horizon + self._slack_ms)


def _whole_second(time_ms: int) -> int:
    return time_ms - time_ms % 1000
