"""When the next push goes: after a failure, and after a crowd.

A push that carried a crowd but was not full is followed by the next one a moment later, so that its
fixed cost (signatures, sealing, a request, two flushes) serves more entries. A report that comes
alone makes nobody wait, nor does a backlog, whose pushes are full, nor a child at risk.
"""

from __future__ import annotations

from collections.abc import Callable

BACKOFF_FIRST_MS = 5_000
BACKOFF_CAP_MS = 15 * 60_000
CROWD = 8
"""Entries that make a crowd."""
CROWD_MS = 250
"""From one crowded push to the next, at least."""


def is_crowd(entries: int, full: int) -> bool:
    """Whether a push of so many entries, with room for `full`, lets the next one gather."""
    return CROWD <= entries < full // 2


def is_due(now_ms: int, next_ms: int, cap_ms: int = BACKOFF_CAP_MS) -> bool:
    """Whether what was put off until `next_ms` is to be done now.

    Nothing is put off by more than `cap_ms`: a time further away was set by a clock that has been
    put back since, and waiting for it would hold reports up for as long as it was wrong.
    """
    return not 0 < next_ms - now_ms <= cap_ms


def is_past(now_ms: int, since_ms: int, after_ms: int) -> bool:
    """Whether `after_ms` have passed since `since_ms`; a time in the future is as good as none.

    It was kept by a clock that has been put back since.
    """
    return not 0 <= now_ms - since_ms < after_ms


def backoff_ms(attempts: int, jitter: Callable[[int], int], cap_ms: int = BACKOFF_CAP_MS) -> int:
    """Return the pause after `attempts` failures in a row: full jitter, at most 15 minutes."""
    ceiling = min(cap_ms, BACKOFF_FIRST_MS << min(attempts - 1, 20))
    return jitter(ceiling) + 1
