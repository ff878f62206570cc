"""Verifying erasure: only what the history says was erased has lost its body, and all of it has."""

from __future__ import annotations

from node.evidence.findings import Findings
from node.evidence.story import Story
from node.store.audits.audit import Audit

Buried = dict[tuple[str, bytes], bytes]
"""Entries of other members that were erased: (member, leaf) to the entry's id."""


def verify_tombstones(audit: Audit, story: Story, findings: Findings) -> Buried:
    """Each leaf that an erasure names has its tombstone, and each tombstone an erased entry."""
    buried: Buried = {}
    named: dict[str, set[bytes]] = {}
    for row in audit.tombstones():
        findings.count("tombstones")
        place = f"{row.peer}/{row.leaf.hex()[:16]}"
        item = story.erased_with(row.leaf, row.item) if row.sent else row.item
        erased_ms = story.buried.get(item, {}).get(row.leaf)
        findings.expect(row.erased_ms == erased_ms, "tombstones", place, "time")
        if row.item != row.peer:  # of what became part of no item: see `verify_answers`
            findings.expect(row.bare > 0, "tombstones", place, "not_erased")
        named.setdefault(item, set()).add(row.leaf)
        if not row.sent:
            buried[row.peer, row.leaf] = row.entry_id
    for item in sorted(named.keys() | story.buried.keys()):
        same = named.get(item, set()) == set(story.buried.get(item, ()))
        findings.expect(same, "tombstones", item, "not_as_history_says")
    return buried
