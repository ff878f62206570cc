"""Judging our ledger: whether others have seen its newest head. Pure; times in ms UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity, fine, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.peer.ledgers.witnessing import Standing

HOUR_MS = 3_600_000
UNWITNESSED_WARNING_MS = 6 * HOUR_MS
"""Heads are signed once an hour, and a witness that is away is replaced within minutes."""


def check_ledger(
    signed_ms: int | None, stands: Standing, problems: Mapping[str, str], now_ms: int
) -> list[Finding]:
    """Judge how our newest head, of `signed_ms`, is witnessed; `problems`: witness -> code."""
    if signed_ms is None:
        return [fine("ledger", "nothing to witness yet")]
    if not stands.lacking:
        return [fine("ledger", f"witnessed by {', '.join(stands.by)}")]
    findings = []
    if stands.too_few:
        what = f"not witnessed for {', '.join(stands.too_few)}: the network has too few members"
        mend = "nothing at this node: times are their authors' words until more members witness"
        findings.append(Finding(Severity.NOTE, "ledger", "witnesses_too_few", what, mend))
    missing = [one for one in stands.lacking if one not in stands.too_few]
    age_ms = now_ms - signed_ms
    if missing and age_ms >= UNWITNESSED_WARNING_MS:
        failed = "".join(f"; {one}: {code}" for one, code in sorted(problems.items()))
        what = f"not witnessed for {', '.join(missing)} since {span(age_ms)}{failed}"
        mend = "hotline peers; others are asked by themselves; call those that refuse"
        findings.append(Finding(Severity.WARNING, "ledger", "ledger_unwitnessed", what, mend))
    return findings or [fine("ledger", "its newest head is being witnessed")]


def check_memory(lacking: Sequence[str]) -> list[Finding]:
    """Judge our memory as a witness; `lacking`: ids of keys under which we forgot what we signed.

    See docs/protocol.md §8.12.9.
    """
    if not lacking:
        return []
    what = f"this node was restored, and forgot what it cosigned with {', '.join(lacking)}"
    mend = "it cosigns no ledger until: bring member.key; hotline keys rotate witness"
    mend += " --after-restore"
    return [Finding(Severity.WARNING, "ledger", "witness_forgot", what, mend)]
