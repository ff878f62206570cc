"""What must hold of verdicts that members share, when all has come to rest.

Whoever has heard of a file from the one who judged it knows that judgement, as it stands now.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from node.casework.events import EventKind
from node.casework.item import ItemState, Review
from node.matching.lists import Entry, list_of
from protocol.vocabulary import Verdict
from tests.simulation.looking import rows

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

File = tuple[bytes, str]
"""The SHA-256 of a file, and a verdict."""
_ADDED = "SELECT 1 FROM events WHERE item = ? AND kind = ? AND actor = ?"
_STANDING = """
SELECT e.state FROM list_entries e
JOIN list_categories c ON c.id = e.category JOIN lists l ON l.id = c.list WHERE l.name = ?
"""


def judge_shared(world: Fleet, disks: dict[str, Disk]) -> list[tuple[str, str]]:
    """Each honest member knows what each other one says of files, unless a disk was lost."""
    wrongs = []
    oracle = world.oracle
    for sender in world.honest:
        if oracle.disks[sender.member] or oracle.erased[sender.member].names:
            continue
        said = _said(disks[sender.member], sender.member)
        for receiver in world.honest:
            pair = (sender.member, receiver.member)
            if sender is receiver or oracle.disks[receiver.member] or pair in oracle.robbed:
                continue
            heard = _heard(receiver, sender.member)
            unheard = {item for file in said.keys() - heard for item in said[file]}
            items = disks[sender.member].items
            if any(not _may_wait(sender, items[item]) for item in unheard):
                wrongs.append(("lost", f"{receiver.member}: unheard verdicts of {sender.member}"))
            if heard - said.keys():
                wrongs.append(("lost", f"{receiver.member}: old verdicts of {sender.member} stand"))
    for node in world.honest:
        standing = {number for (number,) in rows(node, "SELECT number FROM list_entries")}
        states = disks[node.member].items.values()
        if any(one.entry not in standing for state in states for one in state.listed):
            wrongs.append(("lost", f"{node.member}: an entry that ended still counts"))
    return wrongs


def _said(disk: Disk, us: str) -> dict[File, list[str]]:
    """Return the files that a person of a member judged, and how; each with the items it is of."""
    said: dict[File, list[str]] = defaultdict(list)
    for state in disk.items.values():
        verdict = _last_word(state, us)
        for one in state.content if verdict is not None else ():
            if one.sha256 is not None:
                said[one.sha256, str(verdict)].append(state.id)
    return said


def _may_wait(node: FleetNode, state: ItemState) -> bool:
    """Whether a file of an item may wait for a look, or be one that nobody here saw (§6.6.1)."""
    by_others = rows(node, _ADDED, state.id, int(EventKind.FACTS), node.member)
    return Review.SUGGESTED_VERDICT in state.reviews or bool(by_others)


def _last_word(state: ItemState, us: str) -> Verdict | None:
    own = [a for a in state.assessments if a.member == us and a.event_id not in state.carried]
    last = own[-1].verdict if own else None
    return None if last is Verdict.UNASSESSABLE else last


def _heard(node: FleetNode, member: str) -> set[File]:
    found = rows(node, _STANDING, list_of(member))
    entries = [msgspec.msgpack.decode(raw, type=Entry) for (raw,) in found]
    return {
        (one.content.sha256, str(one.given.verdict))
        for one in entries
        if one.content.sha256 is not None and one.given is not None
    }
