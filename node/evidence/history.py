"""Verifying the history, and everything that is derived from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from node.casework.casebook import content_keys
from node.casework.events import Event, EventKind, Recorded, Sighted, decode_body, evolve
from node.casework.item import ItemState, ReportFacts, encode
from node.evidence.findings import Findings
from node.evidence.heads import verify_head
from node.store.audit import ITEM_COLUMNS, Audit, EventRow
from node.store.cases import EMPTY_CHAIN, event_leaf, item_row
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from node.evidence.believed import Believed
    from node.matching.fingerprints import Fingerprints

_UNREADABLE = (msgspec.MsgspecError, ValueError)


def verify_history(audit: Audit, believed: Believed, findings: Findings) -> None:
    """Walk the events; compare heads, items, reports and keys with what they say."""
    states: dict[str, ItemState] = {}
    changed: dict[str, int] = {}
    reports: dict[str, ReportFacts] = {}
    chains: dict[int, bytes] = {}
    wanted = {size for size, _ in audit.heads()}
    chain, expected = EMPTY_CHAIN, 1
    for row in audit.events():
        findings.count("events")
        findings.expect(row.seq == expected, "events", row.seq, "gap")
        expected = row.seq + 1
        chain = _check_chain(row, chain, findings)
        if row.seq in wanted:
            chains[row.seq] = chain
        _fold(row, states, reports, findings)
        changed[row.item] = row.seq
    _verify_heads(audit, believed, chains, findings)
    _verify_items(audit, states, findings)
    _verify_reports(audit, reports, findings)
    _verify_keys(audit, states, believed.fingerprints, findings)


def _check_chain(row: EventRow, before: bytes, findings: Findings) -> bytes:
    chain = hashlib.sha256(b"\x01" + before + row.leaf).digest()
    findings.expect(chain == row.chain, "events", row.seq, "chain")
    if row.body is not None:
        event = Event(row.item, row.kind, row.at_ms, row.learnt_ms, row.actor, None)  # type: ignore[arg-type]
        same = event_leaf(row.seq, event, row.body) == row.leaf
        findings.expect(same, "events", row.seq, "leaf")
    return row.chain


def _fold(
    row: EventRow,
    states: dict[str, ItemState],
    reports: dict[str, ReportFacts],
    findings: Findings,
) -> None:
    if row.body is None:
        return
    try:
        kind = EventKind(row.kind)
        body = decode_body(kind, row.body)
        event = Event(row.item, kind, row.at_ms, row.learnt_ms, row.actor, body)
        states[row.item] = evolve(states.get(row.item), event)
    except _UNREADABLE:
        findings.add("events", row.seq, "unreadable")
        return
    if isinstance(body, Recorded | Sighted) and body.report is not None:
        reports[body.report.id] = body.report


def _verify_heads(
    audit: Audit, believed: Believed, chains: dict[int, bytes], findings: Findings
) -> None:
    for size, note in audit.heads():
        findings.count("heads")
        findings.expect(
            any(_head_holds(note, size, chains, believed, key) for key in believed.log_keys),
            "history_heads",
            size,
            "signature_or_chain",
        )


def _head_holds(
    note: bytes, size: int, chains: dict[int, bytes], believed: Believed, key: object
) -> bool:
    try:
        head = verify_head(note, believed.registry.network_id, believed.us, key)  # type: ignore[arg-type]
    except ProtocolError:
        return False
    return head.size == size and chains.get(size) == head.chain


def _verify_items(audit: Audit, states: dict[str, ItemState], findings: Findings) -> None:
    seen = set()
    for row in audit.items():
        findings.count("items")
        item = row[0]
        seen.add(item)
        state = states.get(item)
        if state is None:
            findings.add("items", item, "not_in_history")
            continue
        should = item_row(state, row[ITEM_COLUMNS.index("changed_seq")])
        for name, is_, ought in zip(ITEM_COLUMNS, row, should, strict=True):
            findings.expect(is_ == ought, "items", item, f"{name}_not_as_history_says")
    for item in states.keys() - seen:
        findings.add("items", item, "missing")


def _verify_reports(audit: Audit, reports: dict[str, ReportFacts], findings: Findings) -> None:
    seen = set()
    for report_id, source, reference, state in audit.reports():
        findings.count("reports")
        seen.add(report_id)
        ought = reports.get(report_id)
        if ought is None:
            findings.add("reports", report_id, "not_in_history")
            continue
        same = (source, reference, state) == (ought.source, ought.reference, encode(ought))
        findings.expect(same, "reports", report_id, "not_as_history_says")
    for report_id in reports.keys() - seen:
        findings.add("reports", report_id, "missing")


def _verify_keys(
    audit: Audit, states: dict[str, ItemState], fingerprints: Fingerprints, findings: Findings
) -> None:
    """By its keys a duplicate is recognised: one that is missing would let it in as new."""
    ought = {(key, state.id) for state in states.values() for key in _keys(state, fingerprints)}
    are = set(audit.keys())
    findings.count("keys", len(are))
    for _, item in sorted(ought - are):
        findings.add("item_keys", item, "missing")
    for _, item in sorted(are - ought):
        findings.expect(item not in states, "item_keys", item, "not_as_history_says")
    for _, item in audit.lines():
        findings.count("lines")
        findings.expect(item in states, "intake_lines", item, "no_such_item")


def _keys(state: ItemState, fingerprints: Fingerprints) -> Iterable[bytes]:
    location = fingerprints.location(state.location)
    if location is not None:
        yield location
    yield from content_keys(fingerprints, state.content)
    for alias_location in state.also_at:
        key = fingerprints.location(alias_location)
        if key is not None:
            yield key
    for alias in state.aliases:
        yield fingerprints.item(alias)
