"""One thing the doctor has to say: how bad, where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(IntEnum):
    """How bad it is: `critical` stops work or loses it, `warning` will, `note` is worth knowing."""

    OK = 0
    NOTE = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        severity: how bad.
        check: the check that found it, such as `keys`.
        code: stable word for scripts.
        what: one sentence for people; ids, codes and numbers only.
        mend: what to do, best a command; empty when all is well.
    """

    severity: Severity
    check: str
    code: str
    what: str
    mend: str = ""


def fine(check: str, what: str) -> Finding:
    """Say that a check found nothing wrong."""
    return Finding(Severity.OK, check, "ok", what)


def worst(findings: Iterable[Finding]) -> Severity:
    """Give the worst severity among findings; `OK` if there are none."""
    return max((finding.severity for finding in findings), default=Severity.OK)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort: the worst first, otherwise in the order of the checks."""
    return sorted(findings, key=lambda finding: -finding.severity)


def span(span_ms: int) -> str:
    """Say a span of time as people do, in its largest unit of which it has two or more."""
    seconds = max(0, span_ms) // 1000
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
