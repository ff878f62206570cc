"""What one member may cost over hours and days, and what must stay free on the disk."""

from __future__ import annotations

import pytest

from node.peer.errors import OverQuotaError
from node.peer.http.allowances import DAY_MS, HOUR_MS, Allowances, Cost, DiskFloor, no_floor
from node.store.errors import AwayError, StoreFullError
from tests.builders.network import NOW_MS


def test_the_network_says_how_much() -> None:
    """A new number counts at once."""
    policy = {"peer_entries_per_day": 10}
    allowances = Allowances(lambda: policy)
    allowances.spend("gb-iwf", Cost.ENTRIES, 10, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", Cost.ENTRIES, 1, NOW_MS)
    policy["peer_entries_per_day"] = 20
    allowances.spend("gb-iwf", Cost.ENTRIES, 20, NOW_MS)


@pytest.mark.parametrize(
    ("cost", "period_ms"),
    [
        (Cost.BYTES, DAY_MS),
        (Cost.ENTRIES, DAY_MS),
        (Cost.EPOCHS, HOUR_MS),
        (Cost.WASTE, HOUR_MS),
    ],
)
def test_an_allowance_is_whole_again_after_its_period(cost: Cost, period_ms: int) -> None:
    """And not before."""
    allowances = Allowances(lambda: {cost: 100})
    allowances.spend("gb-iwf", cost, 100, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", cost, 100, NOW_MS + period_ms - 1)
    allowances.spend("gb-iwf", cost, 100, NOW_MS + period_ms)


def test_one_member_does_not_spend_what_is_anothers() -> None:
    """Nor one cost what is another's."""
    allowances = Allowances(lambda: {Cost.EPOCHS: 1, Cost.WASTE: 1})
    allowances.spend("gb-iwf", Cost.EPOCHS, 1, NOW_MS)
    allowances.spend("de-eco", Cost.EPOCHS, 1, NOW_MS)
    allowances.need("gb-iwf", Cost.WASTE, NOW_MS)


def test_what_was_refused_takes_nothing_off() -> None:
    """A push that is too large for now leaves room for a small one."""
    allowances = Allowances(lambda: {Cost.BYTES: 10})
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", Cost.BYTES, 11, NOW_MS)
    allowances.spend("gb-iwf", Cost.BYTES, 10, NOW_MS)


def test_waste_is_charged_when_it_is_known() -> None:
    """Needing does not take; charging does."""
    allowances = Allowances(lambda: {Cost.WASTE: 1})
    allowances.need("gb-iwf", Cost.WASTE, NOW_MS)
    allowances.charge("gb-iwf", Cost.WASTE, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.need("gb-iwf", Cost.WASTE, NOW_MS)


def test_the_floor_holds_and_is_looked_at_once_a_second() -> None:
    """A full disk refuses; a freed one is noticed; a clock set back does not blind it."""
    free = [10]
    floor = DiskFloor(10, lambda: free[-1])
    floor.need(NOW_MS)
    free.append(9)
    floor.need(NOW_MS + 999)
    with pytest.raises(OverQuotaError):
        floor.need(NOW_MS + 1000)
    free.append(10)
    floor.need(NOW_MS - DAY_MS)


def test_without_a_disk_there_is_no_floor() -> None:
    """For listeners that keep nothing."""
    no_floor().need(NOW_MS)


def refused_by_the_store(floor: DiskFloor, now_ms: int) -> None:
    """Try to keep something in a store that is full."""
    with pytest.raises(OverQuotaError), floor.keeping(now_ms):
        raise StoreFullError


def test_a_store_that_is_full_puts_off_and_is_tried_again_by_itself() -> None:
    """Only it knows of the disk of a server; between two tries no body is read for nothing."""
    floor = no_floor()
    refused_by_the_store(floor, NOW_MS)
    with pytest.raises(OverQuotaError):
        floor.need(NOW_MS + 999)
    floor.need(NOW_MS + 1000)
    refused_by_the_store(floor, NOW_MS + 1000)
    with pytest.raises(OverQuotaError):
        floor.need(NOW_MS + 1001)


def test_another_trouble_of_the_store_is_no_full_disk() -> None:
    """It is a fault, and stands in the log as one."""
    floor = no_floor()
    with pytest.raises(AwayError), floor.keeping(NOW_MS):
        raise AwayError
    floor.need(NOW_MS)
