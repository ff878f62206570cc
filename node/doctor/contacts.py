"""Judging contacts of hosters and questions to proxies: what waits for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from node.doctor.findings import Finding, Severity, fine, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.jurisdiction.contacts import Hoster
    from node.jurisdiction.origins import Question

ORIGIN_WARNING_MS = 86_400_000


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


def check_origins(questions: Iterable[Question], now_ms: int) -> list[Finding]:
    """Judge questions to proxies that wait: a day is long, since the content stays up meanwhile."""
    waiting = [one for one in questions if one.waits]
    oldest = now_ms - min((one.asked_ms for one in waiting), default=now_ms)
    if oldest < ORIGIN_WARNING_MS:
        return [fine("origins", f"{len(waiting)} hosts wait for a proxy's word, none for long")]
    proxies = ", ".join(sorted({one.provider for one in waiting}))
    what = f"{len(waiting)} hosts wait for a proxy's word, the oldest for {span(oldest)}: {proxies}"
    mend = "hotline hoster origins; write to the proxy, and notify it in any case"
    return [Finding(Severity.WARNING, "origins", "origin_old", what, mend)]
