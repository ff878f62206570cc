"""Entries without a body: each must have been erased by the history, or have come back so.

What came back bodiless when the node was recovered is its peer's word (docs/protocol.md §8.13.6).
It is taken, counted and named by channel, and only in the very place for which the recovery
recorded it. A body that is missing without either record was destroyed by somebody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

from node.casework.rebuilt.recovered import item_ids
from node.evidence.findings import Findings
from node.store.audits.recovery_audit import RecoveryAudit

Log = tuple[str, str, bytes]
"""One epoch of one channel: peer, lane, epoch."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What explains that an entry has no body.

    Attributes:
        leaves: of what the history says was erased.
        bare: by log and place, the leaf of what came back without a body.
    """

    leaves: AbstractSet[bytes]
    bare: Mapping[tuple[Log, int], bytes] = field(default_factory=dict)

    def explains(self, log: Log, place: int, leaf: bytes, findings: Findings) -> bool:
        """Whether a body may be missing there; one that came back so is counted."""
        if leaf in self.leaves:
            return True
        if self.bare.get((log, place)) != leaf:
            return False
        findings.count("bodiless_after_recovery")
        channel = f"{log[0]}/{log[1]}"
        findings.bodiless[channel] = findings.bodiless.get(channel, 0) + 1
        return True


def came_back_bare(
    recovery: RecoveryAudit, node_secret: bytes, findings: Findings
) -> dict[tuple[Log, int], bytes]:
    """Return what came back bodiless, by log and place.

    Of each channel there must be as many as its recovery counted when the pages came. Which of them
    the peer had never told us of is said.
    """
    findings.unsaid.update(recovery.without_word(partial(item_ids, node_secret)))
    bare, found, recorded = {}, Counter[tuple[str, str]](), recovery.counted()
    for row in recovery.bare():
        found[row.peer, row.lane] += 1
        if row.is_erased:
            bare[(row.peer, row.lane, row.epoch), row.place] = row.leaf
    for channel in sorted(found.keys() | recorded.keys()):
        same = found[channel] == recorded.get(channel, 0)
        findings.expect(same, "recovered", "/".join(channel), "bodiless")
    return bare
