"""`hotline status` on the ledger: who witnessed it, and if nobody, why."""

from __future__ import annotations

from typing import Any

import pytest

from node.cli.status import ledger_text

NOW = 1_790_000_000_000
AGO = "signed 10 minutes ago"
FOR = "not witnessed for fr-pdc, nl-eokm"
SIGNED: dict[str, Any] = {
    "signed_ms": NOW - 600_000,
    "witnessed_s": None,
    "witnesses": [],
    "not_witnessed_for": ["fr-pdc", "nl-eokm"],
    "too_few_witnesses_for": [],
    "problems": {},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signed_ms": None}, "no head yet"),
        (
            {"witnessed_s": NOW // 1000, "witnesses": ["de-eco", "at-sol"]},
            f"{AGO}, witnessed by de-eco, at-sol",
        ),
        (
            {"too_few_witnesses_for": ["fr-pdc", "nl-eokm"]},
            f"{AGO}; {FOR}: the network has too few members",
        ),
        (
            {"problems": {"de-eco": "peer_unreachable"}},
            f"{AGO}; {FOR}; de-eco peer_unreachable",
        ),
    ],
)
def test_status_says_how_the_ledger_stands(change: dict[str, Any], said: str) -> None:
    """In one line."""
    assert ledger_text(SIGNED | change, NOW) == f"ledger: {said}"
