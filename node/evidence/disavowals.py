"""Verifying what members disavow: it is kept as they said it; and what binds them all the same.

A member that disavows takes nothing back: what it signed with a key that is believed, or what
witnesses saw before its key was stolen, counts whatever it says (docs/protocol.md §3.9, §8.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from node.evidence.findings import Findings
from node.evidence.weight import Log, Weighed
from node.store.audits.audit import Audit

Limits = Mapping[Log, int]
"""By log, from which size on its sender disavows what stands in it."""


def disavowed_sent(audit: Audit) -> Limits:
    """What we disavow of our own logs."""
    said = audit.disavowed.sent()
    return _smallest(((peer, lane, one.epoch), one.start) for peer, lane, one in said)


def disavowed_held(audit: Audit) -> Limits:
    """What others disavow of theirs."""
    return _smallest(((one.peer, one.lane, one.epoch), one.first) for one in audit.disavowed.kept())


def _smallest(found: Iterable[tuple[Log, int]]) -> Limits:
    limits: dict[Log, int] = {}
    for log, size in found:
        limits[log] = min(size, limits.get(log, size))
    return limits


def count_in_vain(weighed: Weighed, findings: Findings) -> None:
    """Say how many disavowed logs hold a signature that counts all the same; nothing of none."""
    vain = sum(
        any(good and size > first for size, good in weighed.seen.get(log, ()))
        for log, first in weighed.disavowed.items()
    )
    if vain:
        findings.count("disavowed_in_vain", vain)


def verify_disavowed(audit: Audit, findings: Findings) -> None:
    """See that what is kept as disavowed is what the entries in custody say."""
    kept, said = set(audit.disavowed.kept()), set(audit.disavowed.follows())
    for row in sorted(kept ^ said):
        findings.add("disavowed_in", row.entry, "not_as_said")
    if kept:
        findings.count("disavowed_entries", audit.disavowed.entries())
