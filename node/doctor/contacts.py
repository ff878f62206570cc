"""Judging contacts of hosters: which wait for a person for too long, and who has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from node.doctor.findings import Finding, Severity, fine, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.jurisdiction.contacts import Hoster


class ContactFigures(NamedTuple):
    """How many hosters stand how; of contacts that wait, how many are overdue, and since when."""

    verified: int
    unverified: int
    unknown: int
    overdue: int
    oldest_due_ms: int | None


def figures(hosters: Iterable[Hoster], now_ms: int) -> ContactFigures:
    """Count hosters by standing, and contacts past their deadline at `now_ms` (UTC)."""
    known = list(hosters)
    standings = [one.standing for one in known]
    overdue = [c.due_ms for one in known for c in one.waiting if c.due_ms <= now_ms]
    return ContactFigures(
        standings.count("verified"),
        standings.count("unverified"),
        standings.count("unknown_contact"),
        len(overdue),
        min(overdue, default=None),
    )


def check_contacts(found: ContactFigures, now_ms: int) -> list[Finding]:
    """Judge what waits past its deadline; what waits within it stands among the tasks."""
    if found.oldest_due_ms is None:
        known = found.verified + found.unverified + found.unknown
        return [fine("contacts", f"{known} hosters, no contact waits past its deadline")]
    what = f"{found.overdue} contacts of hosters wait for a person past their deadline, the oldest"
    what += f" for {span(now_ms - found.oldest_due_ms)}: nothing can be sent to them"
    mend = "hotline hoster contacts; call each, then hotline hoster verify"
    return [Finding(Severity.WARNING, "contacts", "contact_overdue", what, mend)]
