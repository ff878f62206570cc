"""Contacts that wait: within the deadline a figure, past it an alarm."""

from __future__ import annotations

from node.doctor.contacts import ORIGIN_WARNING_MS, check_contacts, check_origins, figures
from node.doctor.findings import Severity
from node.jurisdiction.contacts import Hoster, decided, met
from node.jurisdiction.origins import Question

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


def hoster(key: str, *contacts: str, found_ms: int = NOW) -> Hoster:
    """Return a hoster whose contacts must be verified within an hour."""
    return met(None, key, key, contacts, "rdap", found_ms, HOUR_MS)


def test_hosters_are_counted_by_standing() -> None:
    """Each once."""
    verified = decided(hoster("A", "a@x.example"), "a@x.example", "verified", "a-7", NOW)
    assert verified is not None
    found = figures([verified, hoster("B", "b@x.example"), hoster("C")], NOW)
    assert (found.verified, found.unverified, found.unknown, found.overdue) == (1, 1, 1, 0)


def test_within_the_deadline_all_is_well() -> None:
    """To the last millisecond."""
    found = figures([hoster("A", "a@x.example")], NOW + HOUR_MS - 1)
    (finding,) = check_contacts(found, NOW + HOUR_MS - 1)
    assert (finding.severity, finding.code) == (Severity.OK, "ok")


def test_past_the_deadline_it_is_an_alarm_without_names() -> None:
    """How many, and since when the oldest; whose they are stands in the list."""
    now = NOW + 3 * HOUR_MS
    waiting = [hoster("A", "a@x.example"), hoster("B", "b@x.example", found_ms=NOW + HOUR_MS)]
    (finding,) = check_contacts(figures(waiting, now), now)
    assert (finding.severity, finding.code) == (Severity.WARNING, "contact_overdue")
    assert "2 contacts" in finding.what
    assert "2 hours" in finding.what
    assert "x.example" not in finding.what


def test_a_question_that_waits_for_a_day_is_an_alarm_that_names_the_proxy() -> None:
    """Not the host; answered ones do not count."""
    told = Question("b.site7.example", "mask", 0, 0, answered_ms=1, expires_ms=2)
    waits = Question("a.site7.example", "veil", NOW, NOW)
    before, after = NOW + ORIGIN_WARNING_MS - 1, NOW + ORIGIN_WARNING_MS
    assert [one.severity for one in check_origins([told, waits], before)] == [Severity.OK]
    (finding,) = check_origins([told, waits], after)
    assert (finding.severity, finding.code) == (Severity.WARNING, "origin_old")
    assert "1 hosts" in finding.what
    assert "veil" in finding.what
    assert "site7" not in finding.what
