"""Quotas: what goes through, what has to wait, and for how long."""

from __future__ import annotations

import pytest

from node.api.problems import ApiError
from node.hashcheck.contract import DAY_MS, Contract, Counts, Key, Scope
from node.hashcheck.quotas import MINUTE_MS, Quotas

CONTRACT = Contract("pics", tuple(Scope), ("own",), 60, 100, 10, 5)
KEY = Key(bytes(32), CONTRACT, 0, DAY_MS)
OTHER = KEY._replace(key_sha256=b"\1" * 32)
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def wait_s(quotas: Quotas, checks: int, near: int = 0, now_ms: int = NOON_MS) -> int:
    """Take; 0 if it went through, else after how many seconds to come again."""
    try:
        quotas.take(KEY, checks, near, now_ms)
    except ApiError as error:
        return int(error.headers["Retry-After"]) if error.code == "quota_spent" else -1
    return 0


def test_a_minute_refills_evenly() -> None:
    """A burst of all of it, then one a second; another key has its own."""
    quotas = Quotas()
    assert wait_s(quotas, 60) == 0
    assert wait_s(quotas, 10) == 11
    assert wait_s(quotas, 10, now_ms=NOON_MS + 10_000) == 0
    assert wait_s(quotas, 1, now_ms=NOON_MS + 10_000) == 2
    quotas.take(OTHER, 60, 0, NOON_MS)


def test_a_day_ends_at_midnight() -> None:
    """UTC; what was refused was not counted."""
    quotas = Quotas()
    assert wait_s(quotas, 60) == 0
    later = NOON_MS + MINUTE_MS
    assert wait_s(quotas, 41, now_ms=later) == 12 * 3600 - 60 + 1
    assert wait_s(quotas, 40, now_ms=later) == 0
    assert wait_s(quotas, 1, now_ms=later + MINUTE_MS) > 40_000
    assert wait_s(quotas, 1, now_ms=NOON_MS + DAY_MS // 2) == 0


def test_a_clock_set_back_over_midnight_forgives_nothing() -> None:
    """A step of some milliseconds is common; it must not give a second day, nor a third."""
    quotas = Quotas()
    midnight_ms = NOON_MS + DAY_MS // 2
    quotas.take(KEY, 10, 10, midnight_ms)
    for now_ms in (midnight_ms - 5, midnight_ms + 5):
        assert wait_s(quotas, 1, near=1, now_ms=now_ms) > 80_000


def test_a_clock_that_was_far_ahead_locks_nobody_out() -> None:
    """Once it is right again, the right day begins."""
    quotas = Quotas()
    quotas.take(KEY, 10, 10, NOON_MS + 300 * DAY_MS)
    assert wait_s(quotas, 1, near=1) == 0


def test_more_at_once_than_a_minute_permits_never_goes_through() -> None:
    """It says so, instead of letting somebody wait for ever."""
    assert wait_s(Quotas(), 61) == 60
    with pytest.raises(ApiError, match="ask about fewer at once"):
        Quotas().take(KEY, 61, 0, NOON_MS)


def test_pictures_have_a_quota_of_their_own() -> None:
    """Probing is asking for many pictures that are almost the same."""
    quotas = Quotas()
    assert wait_s(quotas, 10, near=10) == 0
    assert wait_s(quotas, 1, near=1) > 40_000
    assert wait_s(quotas, 1) == 0


def test_pictures_that_look_alike_have_one_too() -> None:
    """After so many a person looks before more is told of pictures."""
    quotas = Quotas()
    quotas.take(KEY, 1, 1, NOON_MS)
    quotas.add(KEY, Counts(near_reviews=5))
    assert wait_s(quotas, 1, near=1) > 40_000
    assert wait_s(quotas, 1) == 0


def granted(quotas: Quotas, reviews: int) -> bool:
    """Whether so many pictures may be answered `review`."""
    try:
        quotas.grant(KEY, reviews, NOON_MS)
    except ApiError as error:
        return error.field != "pdq"
    return True


def test_requests_side_by_side_share_what_is_left() -> None:
    """All were let in while something was left; after that nothing is told, not even `none`."""
    quotas = Quotas()
    for _ in range(4):
        quotas.take(KEY, 1, 1, NOON_MS)
    assert [granted(quotas, reviews) for reviews in (0, 5, 1, 0)] == [True, True, False, False]


def test_too_many_pictures_at_once_take_all_that_is_left() -> None:
    """Else a refusal, that costs nothing, would tell for every heap how many of it are known."""
    quotas = Quotas()
    quotas.take(KEY, 10, 6, NOON_MS)
    assert not granted(quotas, 6)
    assert quotas.today(KEY).near_reviews == 5
    assert wait_s(quotas, 1, near=1) > 40_000


def test_what_was_counted_before_a_restart_counts() -> None:
    """Stopping the node gives nobody a second day."""
    quotas = Quotas()
    quotas.begin(20_000, {KEY.key_sha256: Counts(checks=99)})
    assert wait_s(quotas, 2) > 40_000
    assert wait_s(quotas, 1) == 0


def test_what_is_counted_is_given_once_to_be_kept() -> None:
    """And again if it could not be kept."""
    quotas = Quotas()
    quotas.take(KEY, 2, 1, NOON_MS)
    quotas.add(KEY, Counts(hits=1))
    day, fresh = quotas.fresh()
    assert (day, fresh) == (20_000, {KEY.key_sha256: Counts(2, 1, 1)})
    assert quotas.fresh() == (20_000, {})
    quotas.give_back(fresh)
    assert quotas.fresh() == (20_000, fresh)


def test_a_clock_set_back_gives_and_takes_nothing() -> None:
    """The bucket goes by time that has passed."""
    quotas = Quotas()
    assert wait_s(quotas, 59) == 0
    assert wait_s(quotas, 1, now_ms=NOON_MS - 5000) == 0
    assert wait_s(quotas, 1, now_ms=NOON_MS - 5000) > 0
