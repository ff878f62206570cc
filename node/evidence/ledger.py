"""Verifying the ledger: heads from leaves, their signatures, and every leaf against its log.

And that its epochs go on from each other (docs/protocol.md §8.11.6): each begins with the very head
at which the one before it ended, the first with no such leaf; and none grows once another began.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from keys.errors import KeysError
from node.evidence.findings import Findings
from protocol.errors import ProtocolError
from protocol.ledger import (
    LedgerHead,
    LedgerOrigin,
    LoggedHead,
    is_ledger_origin,
    verify_ledger_head,
)
from protocol.merkle import CompactRange

if TYPE_CHECKING:
    from node.evidence.believed import Believed
    from node.store.audits.audit import Audit
    from node.store.ledgers.ledger import LedgerNote

WHERE = "ledger"


def verify_ledger(audit: Audit, believed: Believed, findings: Findings) -> None:
    """See that the ledger is whole, signed, and says what the logs say."""
    notes = audit.ledger_notes()
    heads = _verify_leaves(audit, believed, notes, findings)
    before: LoggedHead | None = None
    begun: set[bytes] = set()
    for expected, row in enumerate(notes, start=1):
        findings.expect(row.number == expected, WHERE, row.number, "gap")
        head, first = heads.get((row.epoch, row.size), (None, None))
        if head is None:
            findings.add(WHERE, row.number, "beyond_leaves")
            continue
        findings.count("ledger_heads")
        findings.expect(_signed(row, head, believed), WHERE, row.number, "head")
        if row.epoch not in begun:
            findings.expect(_follows(first, before), WHERE, row.number, "opening")
        elif before is not None and before.origin != str(head.origin):
            findings.add(WHERE, row.number, "epoch_over")
        begun.add(row.epoch)
        before = head.logged


def _follows(first: LoggedHead | None, before: LoggedHead | None) -> bool:
    """Whether the first leaf of an epoch is the last head of the one before it, if there is one."""
    if before is not None:
        return first == before
    return first is not None and not is_ledger_origin(first.origin)


def _verify_leaves(
    audit: Audit, believed: Believed, notes: list[LedgerNote], findings: Findings
) -> dict[tuple[bytes, int], tuple[LedgerHead, LoggedHead]]:
    """Walk the leaves; return the head at each signed size, with its epoch's first leaf."""
    signed, heads = audit.signed_heads(), {}
    sizes = {(row.epoch, row.size) for row in notes}
    network, us = believed.registry.network_id, believed.us
    for epoch, leaves in groupby(audit.ledger_leaves(), key=lambda one: one.epoch):
        edge, origin = CompactRange(), LedgerOrigin(network, us, epoch)
        first: LoggedHead | None = None
        for leaf in leaves:
            place = f"{epoch.hex()}/{leaf.place}"
            first = first or leaf.head
            findings.count("ledger_leaves")
            findings.expect(leaf.place == edge.size, WHERE, place, "gap")
            said = leaf.head in signed or (leaf.place == 0 and is_ledger_origin(leaf.head.origin))
            findings.expect(said, WHERE, place, "contradicts_log")
            edge = edge.append(leaf.head.leaf)
            if (epoch, edge.size) in sizes:
                heads[epoch, edge.size] = LedgerHead(origin, edge.size, edge.root), first
        covered = (epoch, edge.size) in sizes
        findings.expect(covered, WHERE, epoch.hex(), "beyond_head")
    return heads


def _signed(row: LedgerNote, head: LedgerHead, believed: Believed) -> bool:
    try:
        return verify_ledger_head(row.note, believed.log_keys) == head
    except (ProtocolError, KeysError):
        return False
