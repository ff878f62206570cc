"""What one member may cost over hours and days, and what must stay free on the disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keys.network import MemberEntry, NetworkDocument, Status
from node.peer.errors import OverQuotaError
from node.peer.http.allowances import DAY_MS, HOUR_MS, Allowances, Cost, DiskFloor, no_floor
from node.store.errors import AwayError, StoreFullError
from tests.builders.network import NOW_MS

MEMBERS = {one: MemberEntry(one, ("hotline",)) for one in ("gb-iwf", "de-eco")}


def permitting(**policy: int) -> Allowances:
    """Return what each member has left in a network with such a policy."""
    network = NetworkDocument("demo", MEMBERS, policy=policy)
    return Allowances(lambda: network)


def test_the_network_says_how_much() -> None:
    """A new number counts at once."""
    policy = {"peer_entries_per_day": 10}
    allowances = Allowances(lambda: NetworkDocument("demo", MEMBERS, policy=policy))
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
    allowances = permitting(**{cost: 100})
    allowances.spend("gb-iwf", cost, 100, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", cost, 100, NOW_MS + period_ms - 1)
    allowances.spend("gb-iwf", cost, 100, NOW_MS + period_ms)


def test_one_member_does_not_spend_what_is_anothers() -> None:
    """Nor one cost what is another's."""
    allowances = permitting(peer_epochs_per_hour=1, peer_wasted_per_hour=1)
    allowances.spend("gb-iwf", Cost.EPOCHS, 1, NOW_MS)
    allowances.spend("de-eco", Cost.EPOCHS, 1, NOW_MS)
    allowances.need("gb-iwf", Cost.WASTE, NOW_MS)


def test_what_was_refused_takes_nothing_off() -> None:
    """A push that is too large for now leaves room for a small one."""
    allowances = permitting(peer_bytes_per_day=10)
    allowances.spend("gb-iwf", Cost.BYTES, 4, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", Cost.BYTES, 7, NOW_MS)
    allowances.spend("gb-iwf", Cost.BYTES, 6, NOW_MS)


def test_g1_what_is_more_than_a_whole_period_passes_and_is_made_up_for() -> None:
    """Where a network permits less than one push, the channel would stand still for ever."""
    allowances = permitting(peer_bytes_per_day=10)
    allowances.spend("gb-iwf", Cost.BYTES, 25, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", Cost.BYTES, 25, NOW_MS + DAY_MS)
    allowances.spend("gb-iwf", Cost.BYTES, 25, NOW_MS + 3 * DAY_MS)


@pytest.mark.parametrize("status", ["suspended", "expelled"])
def test_g11_of_who_is_away_little_is_taken(status: Status) -> None:
    """Nothing of it is judged; as much as of the others would fill the disk for them, too."""
    gone = {**MEMBERS, "gb-iwf": replace(MEMBERS["gb-iwf"], status=status)}
    network = NetworkDocument("demo", gone, policy={"peer_entries_per_day": 6400})
    allowances = Allowances(lambda: network)
    allowances.spend("de-eco", Cost.ENTRIES, 6400, NOW_MS)
    allowances.spend("gb-iwf", Cost.ENTRIES, 100, NOW_MS)
    with pytest.raises(OverQuotaError):
        allowances.spend("gb-iwf", Cost.ENTRIES, 1, NOW_MS)
    little = NetworkDocument("demo", gone, policy={"peer_entries_per_day": 10})
    Allowances(lambda: little).spend("gb-iwf", Cost.ENTRIES, 3, NOW_MS)


def test_waste_is_charged_when_it_is_known() -> None:
    """Needing does not take; charging does."""
    allowances = permitting(peer_wasted_per_hour=1)
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
