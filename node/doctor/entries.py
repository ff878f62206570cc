"""Judging what people of this hotline wrote down: overrides and hosters, each with an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity, fine, span

if TYPE_CHECKING:
    from collections.abc import Iterable

SOON_MS = 7 * 86_400_000
SHOWN = 5


def check_entries(what: str, ends: Iterable[tuple[str, int]], now_ms: int) -> list[Finding]:
    """Judge the entries of one file by their ends: what is over, and what will be within a week.

    Args:
        what: how people call an entry: `override`, `hoster`.
        ends: id and end (ms UTC) of each.
        now_ms: UTC.
    """
    entries = sorted(ends, key=lambda one: one[1])
    if not entries:
        return []
    over = [name for name, end in entries if end <= now_ms]
    soon = [(name, end) for name, end in entries if now_ms < end < now_ms + SOON_MS]
    findings = []
    if soon:
        text = f"{len(soon)} entries end within a week, the first in {span(soon[0][1] - now_ms)}: "
        text += _some([name for name, _ in soon])
        mend = "ask again whether each is still so; then give it a later end, or let it go"
        findings.append(Finding(Severity.WARNING, f"{what}s", f"{what}_ends", text, mend))
    if over:
        text = f"{len(over)} entries are over and count no more: {_some(over)}"
        mend = "take them out of the file"
        findings.append(Finding(Severity.NOTE, f"{what}s", f"{what}_over", text, mend))
    return findings or [fine(f"{what}s", f"{len(entries)} entries, none ends within a week")]


def check_contradictions(contradictions: Iterable[tuple[str, ...]]) -> list[Finding]:
    """Name the overrides in force that say different countries of one place."""
    mend = "find out which is right, and take the other out of the file"
    return [
        Finding(
            Severity.WARNING,
            "overrides",
            "override_contradicts",
            f"{', '.join(ids)} contradict each other: their place is disputed",
            mend,
        )
        for ids in contradictions
    ]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
