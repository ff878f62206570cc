"""Whether the logs in a database still are what was signed: every head computed from its leaves.

Signatures, receipts and what entries say are `hotline verify`'s; a copy can break none of these
without breaking a leaf, a note or an edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Final

from node.store.audits.audit import Audit, CheckpointRow, LogRow
from node.store.errors import MoveDiffersError
from protocol.checkpoint import parse_lines
from protocol.errors import ProtocolError
from protocol.merkle import CompactRange

_END: Final = b"\n\n"


def check_heads(audit: Audit) -> int:
    """Compute the head of each log in both directions, and of the ledger; return how many.

    Raises:
        MoveDiffersError: one is not what was signed, or what its channel goes on from.
    """
    checked = 0
    edges: dict[tuple[str, str, str, bytes], CompactRange] = {}
    for side, log, rows, signed in _logs(audit):
        edges[side, *log] = _walked(log, rows, signed)
        checked += 1
    ends = [("sent", *row[:5]) for row in audit.sent_state()]
    ends += [("held", *row) for row in audit.held_state()]
    for side, peer, lane, epoch, size, edge in ends:
        if epoch is None:
            continue
        found = edges.get((side, peer, lane, epoch), CompactRange())
        _expect((size, edge) == (found.size, found.to_bytes()), f"{peer}/{lane}")
    return checked + _check_ledger(audit)


def _logs(
    audit: Audit,
) -> Iterator[tuple[str, tuple[str, str, bytes], Iterator[LogRow], list[CheckpointRow]]]:
    for epoch in audit.sent_epochs():
        log = epoch[:3]
        yield "sent", log, audit.sent(*log), audit.sent_checkpoints(*log)
    for epoch in audit.held_epochs():
        log = epoch[:3]
        yield "held", log, audit.held(*log), audit.held_checkpoints(*log)


def _walked(
    log: tuple[str, str, bytes], rows: Iterable[LogRow], signed: list[CheckpointRow]
) -> CompactRange:
    """Return the edge at the end of a log, whose notes are right at every size."""
    peer, lane, _ = log
    edge, leaves = CompactRange(), iter(rows)
    for note in signed:
        edge = edge.extend(row.leaf for row in islice(leaves, note.size - edge.size))
        _expect(_says(note.note) == (edge.size, edge.root), f"{peer}/{lane}")
    return edge.extend(row.leaf for row in leaves)


def _check_ledger(audit: Audit) -> int:
    notes = {(row.epoch, row.size): row.note for row in audit.ledger_notes()}
    checked = 0
    for epoch, leaves in groupby(audit.ledger_leaves(), key=lambda one: one.epoch):
        edge = CompactRange()
        for leaf in leaves:
            edge = edge.append(leaf.head.leaf)
            note = notes.get((epoch, edge.size))
            _expect(note is None or _says(note) == (edge.size, edge.root), "ledger")
        checked += 1
    return checked


def _says(note: bytes) -> tuple[int, bytes] | None:
    """What a signed note says of size and root; None for one that was damaged."""
    try:
        _, size, root = parse_lines(note.partition(_END)[0].decode() + "\n")
    except (ProtocolError, UnicodeDecodeError):
        return None
    return size, root


def _expect(holds: bool, where: str) -> None:  # noqa: FBT001 - what is expected is said first
    if not holds:
        mend = "hotline verify names what is wrong"
        raise MoveDiffersError(f"store: a log of {where} is not what was signed; {mend}")
