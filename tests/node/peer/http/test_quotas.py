"""What one peer may use."""

from __future__ import annotations

import pytest

from keys.network import Limits
from node.peer.errors import OverQuotaError
from node.peer.http import wire
from node.peer.http.quotas import Quota, Quotas, TokenBucket
from protocol.vocabulary import Lane

NOW_MS = 1_790_000_000_000


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    """Two at once, then one every half second."""
    bucket = TokenBucket(2, 2, NOW_MS)
    assert [bucket.take(NOW_MS) for _ in range(3)] == [True, True, False]
    assert [bucket.take(NOW_MS + 500) for _ in range(2)] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    """A peer that was quiet for a day is not owed a day."""
    bucket = TokenBucket(10, 2, NOW_MS)
    assert [bucket.take(NOW_MS + 86_400_000) for _ in range(3)] == [True, True, False]


def test_a_clock_set_back_gives_nothing_and_blocks_nothing() -> None:
    """The bucket goes on from the new time."""
    bucket = TokenBucket(1, 1, NOW_MS)
    assert bucket.take(NOW_MS)
    assert not bucket.take(NOW_MS - 3_600_000)
    assert bucket.take(NOW_MS - 3_600_000 + 1000)


def test_requests_at_once_are_bounded() -> None:
    """And free again when they are done, however they end."""
    quotas = Quotas(Quota(concurrent=1), NOW_MS)
    with quotas.request("gb-iwf", NOW_MS), pytest.raises(OverQuotaError):
        quotas.request("gb-iwf", NOW_MS).__enter__()
    with pytest.raises(KeyError), quotas.request("gb-iwf", NOW_MS):
        raise KeyError
    with quotas.request("gb-iwf", NOW_MS):
        pass


def test_bytes_of_all_peers_are_bounded() -> None:
    """Many small allowances are not a large memory."""
    quotas = Quotas(Quota(body_bytes=100, all_body_bytes=150), NOW_MS)
    with quotas.held("gb-iwf", 100):
        with pytest.raises(OverQuotaError):
            quotas.held("de-eco", 100).__enter__()
        with quotas.held("de-eco", 50):
            pass


def test_a_channel_takes_one_push_at_a_time() -> None:
    """Its other lanes are other channels."""
    quotas = Quotas(Quota(), NOW_MS)
    with quotas.push("gb-iwf", Lane.REPORTS):
        with pytest.raises(OverQuotaError):
            quotas.push("gb-iwf", Lane.REPORTS).__enter__()
        with quotas.push("gb-iwf", Lane.STATUS):
            pass
    with quotas.push("gb-iwf", Lane.REPORTS):
        pass


def test_bytes_count_as_long_as_they_are_in_memory() -> None:
    """A peer that asks for much and takes nothing fills its own allowance, not our memory."""
    quotas = Quotas(Quota(body_bytes=100, all_body_bytes=150), NOW_MS)
    with quotas.held("gb-iwf", 80), pytest.raises(OverQuotaError):
        quotas.held("gb-iwf", 30).__enter__()
    with quotas.held("gb-iwf", 100):
        pass


def test_g9_a_recovery_on_every_lane_has_room_beside_pushes() -> None:
    """Pages are as long as the largest bucket where one entry more would not fit another."""
    pushes = wire.max_push_bytes(Limits())
    assert Quota().body_bytes >= len(Lane) * (wire.max_page_bytes() + pushes)
