"""Verifying the history, and everything that is derived from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from node.casework.events import Event, EventKind, decode_body
from node.casework.item import ItemState, Said, decode_state, encode
from node.evidence.findings import Findings
from node.evidence.heads import verify_head
from node.evidence.story import Story
from node.matching.fingerprints import content_keys
from node.store.audits.audit import ITEM_COLUMNS, Audit, EventRow, HeadRow
from node.store.history import EMPTY_DIGEST, Head, digests
from node.store.items.cases import EMPTY_CHAIN, event_leaf, item_row
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from keys.signing import VerifyKey
    from node.evidence.believed import Believed
    from node.matching.fingerprints import Fingerprints

_CHANGED = ITEM_COLUMNS.index("changed_seq")
_UNREADABLE = (msgspec.MsgspecError, ValueError)


def verify_history(audit: Audit, believed: Believed, findings: Findings) -> Story:
    """Walk the events; compare heads, items, reports and keys with what they say."""
    story = Story(believed.us, believed.fingerprints.item)
    chains: dict[int, bytes] = {0: EMPTY_CHAIN}
    heads = audit.heads()
    wanted = {head.size for head in heads}
    bare: list[tuple[str, int]] = []
    chain, expected = EMPTY_CHAIN, 1
    for row in audit.events():
        findings.count("events")
        findings.expect(row.seq == expected, "events", row.seq, "gap")
        expected = row.seq + 1
        chain = _check_chain(row, chain, findings)
        if row.seq in wanted:
            chains[row.seq] = chain
        _fold(row, story, bare, findings)
    kept = set(audit.keys())
    for key, item in kept:
        if item in story.erased:
            story.keys.setdefault(key, set()).add(item)
    _verify_bare(bare, story, findings)
    _verify_heads(audit, believed, heads, chains, findings)
    _verify_items(audit, story, findings)
    _verify_reports(audit, story, findings)
    _verify_keys(kept, story, believed.fingerprints, findings)
    _verify_lines(audit, story, findings)
    return story


def _check_chain(row: EventRow, before: bytes, findings: Findings) -> bytes:
    chain = hashlib.sha256(b"\x01" + before + row.leaf).digest()
    findings.expect(chain == row.chain, "events", row.seq, "chain")
    if row.body is not None:
        event = Event(row.item, row.kind, row.at_ms, row.learnt_ms, row.actor, None)  # type: ignore[arg-type]
        same = event_leaf(row.seq, event, row.body) == row.leaf
        findings.expect(same, "events", row.seq, "leaf")
    return row.chain


def _fold(row: EventRow, story: Story, bare: list[tuple[str, int]], findings: Findings) -> None:
    if row.body is None:
        bare.append((row.item, row.seq))
        return
    try:
        kind = EventKind(row.kind)
        body = decode_body(kind, row.body)
        story.take(Event(row.item, kind, row.at_ms, row.learnt_ms, row.actor, body), row.seq)
    except _UNREADABLE:
        findings.add("events", row.seq, "unreadable")


def _verify_bare(bare: list[tuple[str, int]], story: Story, findings: Findings) -> None:
    """Only what a later event erased has no body; and an erased item is found by its own id."""
    for item, seq in bare:
        last, _ = story.erased.get(item, (0, 0))
        findings.expect(seq < last, "events", seq, "erased")
    ended = story.erased.keys() | {item for item, _ in story.ended}
    for item, seq in story.loose:
        findings.expect(item in ended, "events", seq, "item")
    for item in sorted(story.erased):
        found = item in story.keys.get(story.key_of(item), ())
        findings.expect(found, "item_keys", item, "missing")


def _verify_heads(
    audit: Audit,
    believed: Believed,
    heads: list[HeadRow],
    chains: dict[int, bytes],
    findings: Findings,
) -> None:
    """Each head is signed, and says what the events and the messages say."""
    wanted = {head.messages for head in heads}
    messages = ((*row[:3], *row[5:8], row.leaf) for row in audit.messages())
    ours = {n: digest for n, digest in digests(messages, EMPTY_DIGEST) if n in wanted}
    ours.setdefault(0, EMPTY_DIGEST)
    for row in heads:
        findings.count("heads")
        head = _signed(row.note, believed)
        named = (row.size, row.messages, row.digest)
        same = head is not None and named == (head.size, head.messages, head.digest)
        findings.expect(same, "history_heads", row.size, "signature")
        if head is not None:
            holds = chains.get(head.size) == head.chain
            findings.expect(holds, "history_heads", row.size, "events")
            holds = ours.get(head.messages) == head.digest
            findings.expect(holds, "history_heads", row.size, "messages")


def _signed(note: bytes, believed: Believed) -> Head | None:
    heads = (_verified(note, believed, key) for key in believed.log_keys)
    return next((head for head in heads if head is not None), None)


def _verified(note: bytes, believed: Believed, key: VerifyKey) -> Head | None:
    try:
        return verify_head(note, believed.registry.network_id, believed.us, key)
    except ProtocolError:
        return None


def _verify_items(audit: Audit, story: Story, findings: Findings) -> None:
    seen = set()
    for row in audit.items():
        findings.count("items")
        item = row[0]
        seen.add(item)
        state = story.states.get(item)
        if state is None:
            findings.add("items", item, "not_in_history")
            continue
        standing = dict(story.standing[item])
        last = next(reversed(standing))
        seq = row[_CHANGED] if row[_CHANGED] in standing else last
        told = standing[seq]
        written = row[-1] and encode(told)  # one that was not written is what history says
        should = item_row(state, seq, written)
        for name, is_, ought in zip(ITEM_COLUMNS, row, should, strict=True):
            same = is_ == ought or (name == "state" and _was_so_written(is_, told))
            findings.expect(same, "items", item, f"{name}_not_as_history_says")
    for item in story.states.keys() - seen:
        findings.add("items", item, "missing")


def _was_so_written(raw: bytes, told: ItemState) -> bool:
    """Whether an earlier program wrote this state: it ends where later fields begin, all unset.

    What members had said until then it did not count, so that the count may be behind; nor did it
    keep which verdicts an `unassessable` had taken back that was withdrawn itself, nor of which
    actions another had told than who did them.
    """
    ought = encode(told)
    all_said = {one.member: one for one in told.said}
    try:
        state = decode_state(raw)
        behind = all(_is_behind(one, all_said.get(one.member)) for one in state.said)
        silent = state.silent or told.silent
        done = {one.event_id for one in told.actions}
        by_others = [one for one in told.hearsay if one in state.hearsay or one in done]
        hearsay = told.hearsay if by_others == list(told.hearsay) else state.hearsay
        now = msgspec.structs.replace(state, said=told.said, silent=silent, hearsay=hearsay)
        same = encode(now) == ought
        return behind and same and len(raw) <= len(ought)
    except (*_UNREADABLE, TypeError):
        return False


def _is_behind(said: Said, all_said: Said | None) -> bool:
    ought = all_said or Said(said.member, 0)
    return said.number <= ought.number and said.answers <= ought.answers


def _verify_reports(audit: Audit, story: Story, findings: Findings) -> None:
    seen = set()
    in_use = {state.report_id for state in story.states.values()}
    for report_id, source, reference, state in audit.reports():
        findings.count("reports")
        seen.add(report_id)
        ought = story.reports.get(report_id)
        if ought is None:
            needed = bool(story.erased) and report_id in in_use  # who opened it was erased
            findings.expect(needed, "reports", report_id, "not_in_history")
            continue
        same = (source, reference, state) == (ought.source, ought.reference, encode(ought))
        findings.expect(same, "reports", report_id, "not_as_history_says")
    for report_id in story.reports.keys() - seen:
        findings.add("reports", report_id, "missing")


def _verify_keys(
    kept: set[tuple[bytes, str]], story: Story, fingerprints: Fingerprints, findings: Findings
) -> None:
    """By its keys a duplicate is recognised: one that is missing would let it in as new.

    Those of an erased item stay, and nobody can tell any more which they were. So do those of
    verdicts that were taken back.
    """
    states = [state for state in story.states.values() if state.id not in story.erased]
    may_be = {(fingerprints.verdict(one), state.id) for state in states for one in state.heard}
    ought = {(key, state.id) for state in states for key in _keys(state, fingerprints)}
    alike = {(fingerprints.entry(entry), item) for entry, item in story.alike}
    ought |= {(key, item) for key, item in alike if item not in story.erased}
    are = {(key, item) for key, item in kept if item not in story.erased}
    findings.count("keys", len(are))
    for _, item in sorted(ought - are):
        findings.add("item_keys", item, "missing")
    for _, item in sorted(are - ought - may_be):
        findings.add("item_keys", item, "not_as_history_says")


def _keys(state: ItemState, fingerprints: Fingerprints) -> Iterable[bytes]:
    for place in (state.location, *state.also_at):
        location = fingerprints.location(place)
        if location is not None:
            yield location
    yield from content_keys(fingerprints, state.content)
    for alias in state.aliases:
        yield fingerprints.item(alias)
    for given in state.assessments:
        yield fingerprints.verdict(given.event_id)


def _verify_lines(audit: Audit, story: Story, findings: Findings) -> None:
    """By its line a report is recognised when it is handed in again: each has its own."""
    lines = Counter(item for _, item in audit.lines())
    findings.count("lines", lines.total())
    for item in sorted(lines.keys() | story.lines.keys()):
        if item in story.erased:
            continue
        findings.expect(lines[item] == story.lines[item], "intake_lines", item, "number")
