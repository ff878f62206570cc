"""Ages of data files are values."""

from __future__ import annotations

import pytest

from node.jurisdiction.datafiles import DataFile
from node.jurisdiction.status import ages

DAY_MS = 86_400_000
BUILT = 1_790_000_000_000
FILE = DataFile("one", "/data/one.mmdb", "0" * 64, BUILT)


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(0, "fresh"), (60, "fresh"), (61, "old"), (-1, "fresh"), (-2, "from_future")],
)
def test_age_is_judged_by_the_given_clock(days: int, verdict: str) -> None:
    """Old is an alarm; a file from tomorrow is a time zone, from next week a wrong clock."""
    (age,) = ages([FILE], BUILT + days * DAY_MS, max_age_days=60)
    assert (age.name, age.age_days, age.verdict) == ("one", days, verdict)
