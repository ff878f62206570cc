"""Verifying the outbox and the answers: that nothing vanished, and that both say the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from node.casework.receiving import Judged
from node.evidence.findings import Findings
from node.store.audit import Audit, MessageRow, TakenRow
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.messages import KINDS, DispositionNote, from_body
from protocol.vocabulary import Kind

if TYPE_CHECKING:
    from node.evidence.believed import Believed

_REPEATS = frozenset({"repeat", "conflict"})


def verify_messages(audit: Audit, believed: Believed, findings: Findings) -> None:
    """Every message stands in a log or waits, under the id and salt that our secret gives it."""
    for row in audit.messages():
        findings.count("messages")
        if row.entry is None:
            continue
        try:
            entry = entries.decode(row.entry)
        except ProtocolError:
            findings.add("messages_out", row.seq, "entry")
            continue
        salt = entries.entry_salt(believed.node_secret, entry.id)
        findings.expect(entry.id == row.entry_id, "messages_out", row.seq, "entry_id")
        findings.expect(entry.salt == salt, "messages_out", row.seq, "salt")
        findings.expect(entry.kind == row.kind, "messages_out", row.seq, "kind")
        _check_place(row, entry.kind, findings)


def _check_place(row: MessageRow, kind: int, findings: Findings) -> None:
    rule = KINDS.get(kind)
    fits = rule is not None and row.lane in {str(lane) for lane in rule.lanes}
    findings.expect(fits, "messages_out", row.seq, "lane")
    stands = row.waiting in (0, 1) and (row.waiting == 1 or row.places > 0)
    findings.expect(stands, "messages_out", row.seq, "vanished_from_outbox")


def verify_answers(audit: Audit, believed: Believed, findings: Findings) -> None:
    """What we keep as our answer is what we told the sender; ids once taken are kept."""
    del believed
    told = _told(audit)
    ids = {(peer, entry_id): digest for peer, entry_id, digest in audit.taken_ids()}
    for row in audit.taken():
        findings.count("answers")
        _check_id(row, ids, findings)
        if row.judged == Judged.DONE and row.answer is not None and row.answer not in _REPEATS:
            said = told.get((row.peer, row.leaf))
            same = said == row.answer or (said is None and not _answered(row))
            findings.expect(same, "entries_in", row.leaf.hex()[:16], "answer")
        elif row.judged == Judged.DONE and row.answer is None:
            findings.expect(not _answered(row), "entries_in", row.leaf.hex()[:16], "unanswered")


def _told(audit: Audit) -> dict[tuple[str, bytes], str]:
    told = {}
    for row in audit.messages():
        if row.kind == Kind.DISPOSITION and row.entry is not None:
            try:
                entry = entries.decode(row.entry)
                message = from_body(entry.kind, entry.body, entry.version)
            except ProtocolError:
                continue
            if isinstance(message, DispositionNote):
                told[row.peer, message.leaf] = str(message.disposition)
    return told


def _answered(row: TakenRow) -> bool:
    """Whether entries of this kind are answered by a disposition."""
    if row.entry is None:
        return False
    try:
        rule = KINDS.get(entries.decode(row.entry).kind)
    except ProtocolError:
        return True
    return rule is None or rule.answered


def _check_id(row: TakenRow, ids: dict[tuple[str, bytes], bytes], findings: Findings) -> None:
    if row.entry is None or row.answer == "conflict":
        return
    try:
        entry = entries.decode(row.entry)
    except ProtocolError:
        return
    rule = KINDS.get(entry.kind)
    if rule is not None and entry.kind < Kind.ITEM:
        return
    digest = hashlib.sha256(bytes((entry.kind % 256,)) + entry.body).digest()[:16]
    kept = ids.get((row.peer, entry.id))
    findings.expect(kept == digest, "entry_ids_in", row.leaf.hex()[:16], "id_not_kept")
