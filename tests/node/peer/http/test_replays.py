"""What is remembered of requests, for how long, and what a clock that jumps does to it."""

from __future__ import annotations

import pytest

from node.peer.errors import OverQuotaError, ReplayedRequestError, StaleRequestError
from node.peer.http.replays import KEPT, REMEMBERED_MS, Replays

START_MS = 1_790_000_000_500
SECOND_MS = 1000
HOUR_MS = 3_600_000
NONCE = bytes(16)


def whole(time_ms: int) -> int:
    """A time as it is signed."""
    return time_ms - time_ms % SECOND_MS


def test_the_second_of_our_start_is_admitted() -> None:
    """A request is signed in whole seconds."""
    Replays(START_MS).admit("gb-iwf", NONCE, whole(START_MS), START_MS)


def test_the_second_before_our_start_is_not() -> None:
    """A restart does not open the window again."""
    with pytest.raises(StaleRequestError):
        Replays(START_MS).admit("gb-iwf", NONCE, whole(START_MS) - SECOND_MS, START_MS)


def test_a_nonce_is_remembered_longer_than_its_request_lives() -> None:
    """At no time is a request fresh and its nonce forgotten."""
    replays = Replays(START_MS)
    ahead = whole(START_MS) + 30 * SECOND_MS
    replays.admit("gb-iwf", NONCE, ahead, START_MS)
    for later_s in range(2 * REMEMBERED_MS // SECOND_MS):
        with pytest.raises((ReplayedRequestError, StaleRequestError)):
            replays.admit("gb-iwf", NONCE, ahead, START_MS + later_s * SECOND_MS)


def test_nonces_are_forgotten_in_the_end() -> None:
    """Memory does not grow with the uptime."""
    replays = Replays(START_MS, per_sender=2)
    for number in range(100):
        now_ms = START_MS + number * REMEMBERED_MS
        replays.admit("gb-iwf", bytes([number]) * 16, whole(now_ms), now_ms)


def test_a_full_memory_refuses_and_forgets_nothing() -> None:
    """Filling it does not make room for a replay."""
    replays = Replays(START_MS, per_sender=1)
    replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)
    with pytest.raises(OverQuotaError):
        replays.admit("gb-iwf", b"\1" * 16, whole(START_MS), START_MS)
    with pytest.raises(ReplayedRequestError):
        replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)


def test_one_senders_memory_is_not_anothers() -> None:
    """A hostile member fills its own."""
    replays = Replays(START_MS, per_sender=1)
    replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)
    replays.admit("de-eco", NONCE, whole(START_MS), START_MS)


def test_a_clock_set_back_counts_as_a_start() -> None:
    """What was made before that moment is refused, what is made after it is not."""
    replays = Replays(START_MS)
    replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)
    back_ms = START_MS - HOUR_MS
    with pytest.raises(StaleRequestError):
        replays.admit("gb-iwf", b"\1" * 16, whole(back_ms) - SECOND_MS, back_ms)
    replays.admit("gb-iwf", b"\2" * 16, whole(back_ms), back_ms)


def test_a_clock_set_back_frees_what_was_remembered_ahead_of_it() -> None:
    """A sender that filled its share while we were ahead is not refused for as long."""
    replays = Replays(START_MS, per_sender=1)
    ahead_ms = START_MS + HOUR_MS
    replays.admit("gb-iwf", NONCE, whole(ahead_ms), ahead_ms)
    replays.admit("gb-iwf", b"\1" * 16, whole(START_MS), START_MS)


def test_a_clock_that_was_ahead_for_a_while_opens_nothing() -> None:
    """It made us forget; so nothing from before it was set right is admitted."""
    replays = Replays(START_MS, per_sender=1)
    replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)
    ahead_ms = START_MS + HOUR_MS
    replays.admit("gb-iwf", b"\1" * 16, whole(ahead_ms), ahead_ms)
    right_ms = START_MS + 10 * SECOND_MS
    with pytest.raises(StaleRequestError):
        replays.admit("gb-iwf", NONCE, whole(START_MS), right_ms)
    replays.admit("gb-iwf", b"\2" * 16, whole(right_ms), right_ms)


@pytest.mark.parametrize("ahead_ms", [0, HOUR_MS])
def test_attack_a_clock_that_was_set_back_comes_to_a_time_again_and_lets_nothing_in_twice(
    ahead_ms: int,
) -> None:
    """Nor if it was ahead between: what was made then is fresh once more, and is not new."""
    replays = Replays(START_MS)
    replays.admit("gb-iwf", NONCE, whole(START_MS), START_MS)
    between_ms, back_ms = START_MS + ahead_ms, START_MS - REMEMBERED_MS
    replays.admit("gb-iwf", b"\1" * 16, whole(between_ms), between_ms)
    replays.admit("gb-iwf", b"\2" * 16, whole(back_ms), back_ms)
    for later_s in range(2 * REMEMBERED_MS // SECOND_MS):
        with pytest.raises((ReplayedRequestError, StaleRequestError)):
            replays.admit("gb-iwf", NONCE, whole(START_MS), back_ms + later_s * SECOND_MS)


def test_g11_of_old_nonces_so_many_are_remembered_and_not_all() -> None:
    """Memory does not grow with what a member asked in a year."""
    replays = Replays(START_MS)
    for number in range(KEPT + 100):
        now_ms = START_MS + number * REMEMBERED_MS
        replays.admit("gb-iwf", number.to_bytes(16), whole(now_ms), now_ms)
    assert len(replays._seen["gb-iwf"]) <= KEPT + 2
