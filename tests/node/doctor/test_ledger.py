"""The doctor on our ledger: witnessed, about to be, not by anybody, or not possible here."""

from __future__ import annotations

import pytest

from node.doctor.findings import Severity
from node.doctor.ledger import HOUR_MS, check_ledger
from node.peer.ledgers.witnessing import standing

NOW = 1_790_000_000_000
TIMES = {"fr-pdc": 1_789_999_000, "de-eco": 1_789_999_001}
ABLE = ["nl-eokm", "fr-pdc", "de-eco"]


def found(
    cosigned: dict[str, int], able: list[str], hours: float, problems: dict[str, str] | None = None
) -> list[tuple[Severity, str, str]]:
    """Judge gb-iwf's ledger, which has channels with nl-eokm and fr-pdc."""
    stands = standing("gb-iwf", {"nl-eokm", "fr-pdc"}, cosigned, able)
    signed_ms = NOW - int(hours * HOUR_MS)
    return [
        (one.severity, one.code, one.what)
        for one in check_ledger(signed_ms, stands, problems or {}, NOW)
    ]


def test_witnessed_for_everybody_is_fine() -> None:
    """And it says by whom."""
    ((severity, _, what),) = found({**TIMES, "nl-eokm": 1_789_999_002}, ABLE, 100)
    assert severity is Severity.OK
    assert what == "witnessed by fr-pdc, de-eco, nl-eokm"


def test_a_new_head_may_take_its_time() -> None:
    """Witnesses are asked one after the other, and others where one is away."""
    assert [one[0] for one in found({}, ABLE, 1)] == [Severity.OK]


def test_a_head_that_nobody_has_seen_for_hours_is_a_warning() -> None:
    """With for whom, and what witnesses answered."""
    ((severity, code, what),) = found(TIMES, ABLE, 7, {"nl-eokm": "unknown_ledger"})
    assert (severity, code) == (Severity.WARNING, "ledger_unwitnessed")
    assert "for fr-pdc since" in what
    assert "nl-eokm: unknown_ledger" in what


@pytest.mark.parametrize("hours", [0, 1000])
def test_a_network_that_is_too_small_is_told_plainly(hours: float) -> None:
    """It is nobody's fault, and no warning comes each day."""
    ((severity, code, what),) = found({"fr-pdc": 5}, ["nl-eokm", "fr-pdc"], hours)
    assert (severity, code) == (Severity.NOTE, "witnesses_too_few")
    assert "too few members" in what


def test_before_the_first_head_there_is_nothing_to_say() -> None:
    """A new node."""
    stands = standing("gb-iwf", set(), {}, ABLE)
    (finding,) = check_ledger(None, stands, {}, NOW)
    assert finding.severity is Severity.OK
