"""Verifying the outbox: that nothing vanished from it, and that each message is what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.evidence.findings import Findings
from node.evidence.story import Story
from node.store.audits.audit import Audit, MessageRow
from protocol import entry as entries
from protocol.disavowal import Disavow
from protocol.dispositions import Dispositions
from protocol.errors import ProtocolError
from protocol.messages import KINDS, DispositionNote, Message, Tombstone, read
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Disposition

if TYPE_CHECKING:
    from node.evidence.believed import Believed

_OF_NO_ITEM = (
    DispositionNote | Dispositions | Tombstone | Disavow | ContentVerdict | ContentVerdictWithdrawn
)

Told = dict[tuple[str, bytes], frozenset[str]]
"""What we answered: (member, leaf of its entry) to the disposition; more than one where a node was
lost twice and rebuilt from what it had said, since it judged the same entry in each life."""

_ALONE = {disposition: frozenset({str(disposition)}) for disposition in Disposition}


def _add(told: Told, entry: tuple[str, bytes], disposition: Disposition) -> None:
    said = _ALONE[disposition]  # one object for all: there may be millions of entries
    told[entry] = told[entry] | said if entry in told else said


def verify_messages(audit: Audit, believed: Believed, story: Story, findings: Findings) -> Told:
    """Every message stands in a log or waits, under the id and salt that our secret gives it."""
    told: Told = {}
    expected = 1
    for row in audit.messages():
        findings.count("messages")
        findings.expect(row.seq == expected, "messages_out", row.seq, "gap")
        expected = row.seq + 1
        message = _check_message(row, believed, story, findings)
        _check_place(row, findings)
        if message is None:
            continue
        _check_item(row, message, story, findings)
        if isinstance(message, DispositionNote):
            _add(told, (row.peer, message.leaf), message.disposition)
        elif isinstance(message, Dispositions):
            for one in message.cited:
                _add(told, (row.peer, one.leaf), message.disposition)
    for seq in audit.misplaced():
        findings.add("waiting_out", seq, "not_as_the_message_says")
    return told


def _check_message(
    row: MessageRow, believed: Believed, story: Story, findings: Findings
) -> Message | None:
    if row.entry is None:
        item = row.item or ""
        if row.came_back and row.leaf is not None:
            item = story.erased_with(row.leaf, item)
        erased = row.leaf in story.buried.get(item, ())
        findings.expect(erased, "messages_out", row.seq, "erased")
        return None
    try:
        entry, message = read(row.entry)
    except ProtocolError:
        findings.add("messages_out", row.seq, "entry")
        return None
    salt = entries.entry_salt(believed.node_secret, entry.id)
    findings.expect(entry.id == row.entry_id, "messages_out", row.seq, "entry_id")
    findings.expect(entry.salt == salt, "messages_out", row.seq, "salt")
    findings.expect(entry.kind == row.kind, "messages_out", row.seq, "kind")
    return message


def _check_item(row: MessageRow, message: Message, story: Story, findings: Findings) -> None:
    """The item that the outbox names is the one that the message speaks of.

    What came back before the item was here names it by the id that the message bears.
    """
    spoken_of = getattr(message, "item_id", None)
    if row.item is not None:
        before_it = row.came_back and row.item == spoken_of
        same = before_it or row.item in story.items(spoken_of)
        findings.expect(same, "messages_out", row.seq, "item")
    elif not (row.came_back or isinstance(message, _OF_NO_ITEM)):
        findings.add("messages_out", row.seq, "item")


def _check_place(row: MessageRow, findings: Findings) -> None:
    rule = KINDS.get(row.kind)
    fits = rule is not None and row.lane in {str(lane) for lane in rule.lanes}
    findings.expect(fits, "messages_out", row.seq, "lane")
    findings.expect(row.urgency in (0, 1, 2), "messages_out", row.seq, "urgency")
    stands = row.waiting in (0, 1) and (row.waiting == 1 or row.places > 0 or row.entry is None)
    findings.expect(stands, "messages_out", row.seq, "vanished_from_outbox")
