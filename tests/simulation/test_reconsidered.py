"""§8.8: what an erasure makes others reconsider is not said of the item that is erased."""

from __future__ import annotations

from tests.simulation.plan import Plan
from tests.simulation.running import run_plan

MEMBERS = ("gb-iwf", "nl-eokm", "fr-pdc")
STEPS = (
    (0, "submit"), (1, "hashes"), (4, "wait"), (8, "act"), (9, "submit"), (10, "submit"),
    (11, "submit"), (17, "submit"), (27, "assess"), (28, "erase"), (29, "work"), (30, "wait"),
    (31, "hashes"), (32, "work"), (33, "submit"), (34, "erase"), (35, "submit"), (40, "suspend"),
    (41, "work"), (42, "wait"), (43, "hashes"), (81, "registry_withheld"), (82, "key_revoked"),
    (83, "erase"), (84, "submit"), (85, "rotate_sealing"), (86, "assess"),
)  # fmt: skip
"""An item is erased whose verdict another of the same content had, which has one of its own too."""


def test_8_8_no_verdict_is_carried_over_to_an_item_while_it_is_erased() -> None:
    """What were said of it then would have its body for ever."""
    result = run_plan(Plan(3272, MEMBERS, None, (), STEPS))
    assert result.happened["key_revoked"] == 1
    assert result.wrongs == []
