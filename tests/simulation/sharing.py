"""What must hold of verdicts that members share or take back, when all has come to rest.

Whoever has heard of a file from the one who judged it knows that judgement, as it stands now: what
its author said of the file last, over all its items, is the latest that the receiver's list says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from node.casework.events import EventKind
from node.casework.item import ItemState, Review
from node.matching.lists import Entry, list_of
from protocol.vocabulary import Verdict
from tests.simulation.holding import story_of
from tests.simulation.looking import rows

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

_ASSESSED = "SELECT body FROM events WHERE kind = ? ORDER BY seq DESC"
_TAKEN_BACK = "SELECT body FROM events WHERE kind = ? AND body IS NOT NULL"
_ADDED = "SELECT 1 FROM events WHERE item = ? AND kind = ? AND actor NOT LIKE ?"
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
        said = _said(sender, disks[sender.member])
        for receiver in world.honest:
            pair = (sender.member, receiver.member)
            if sender is receiver or oracle.disks[receiver.member] or pair in oracle.robbed:
                continue
            heard = _heard(receiver, sender.member)
            items = disks[sender.member].items
            differ = [
                items[item]
                for file, (verdict, item) in said.items()
                if heard.get(file) is not verdict
            ]
            if any(not _may_wait(sender, state) for state in differ):
                wrongs.append(("lost", f"{receiver.member}: unheard verdicts of {sender.member}"))
            if any(_lacks(state, sender, heard) for state in disks[receiver.member].items.values()):
                wrongs.append(("lost", f"{receiver.member}: items lack words of {sender.member}"))
            if heard.keys() - said.keys():
                wrongs.append(("lost", f"{receiver.member}: old verdicts of {sender.member} stand"))
    for node in world.honest:
        standing = {number for (number,) in rows(node, "SELECT number FROM list_entries")}
        states = disks[node.member].items.values()
        if any(one.entry not in standing for state in states for one in state.listed):
            wrongs.append(("lost", f"{node.member}: an entry that ended still counts"))
    return wrongs


def judge_withdrawn(world: Fleet, disks: dict[str, Disk]) -> Iterator[tuple[str, str]]:
    """What its author took back stands nowhere: on no item, and in no list (rule 10).

    But by the word of others, where one of the story is expelled or lost its disk, gives no receipt
    (so that no more is pushed there), or somebody did not hear the author since a thief had its
    keys: they would have passed it on.
    """
    for author in world.honest:
        gone = _withdrawn(world, author)
        robbed = any(sender == author.member for sender, _ in world.oracle.robbed)
        for node in world.honest:
            if (author.member, node.member) in world.oracle.robbed:
                continue
            for state in disks[node.member].items.values():
                missing = world.expelled | {m for m, disk in world.oracle.disks.items() if disk}
                if world.hostile is not None and world.net.withholds:
                    missing |= {world.hostile}  # what comes after that never reaches it
                passed_on = missing.isdisjoint(story_of(state)) and not robbed
                excused = () if passed_on else state.hearsay
                stand = {one.event_id for one in state.assessments} - {*excused}
                if not gone.isdisjoint(stand):
                    yield "withdrawn", f"{node.member}: {state.id} by {author.member}"
            for (raw,) in rows(node, _STANDING, list_of(author.member)):
                given = msgspec.msgpack.decode(raw, type=Entry).given
                if given is not None and given.event_id in gone:
                    yield "withdrawn", f"{node.member}: stands in the list of {author.member}"


def _withdrawn(world: Fleet, node: FleetNode) -> set[str]:
    """Return the verdicts that a member took back, by its disk, and by who did it on this one."""
    disk, member = world.oracle.disks[node.member], node.member
    here = {one for one, on in world.oracle.withdrawn[member].items() if on == disk}
    found = rows(node, _TAKEN_BACK, int(EventKind.VERDICT_WITHDRAWN))
    words = [msgspec.msgpack.decode(raw) for (raw,) in found]
    return here | {event_id for event_id, author in words if author == member}


def _said(node: FleetNode, disk: Disk) -> dict[bytes, tuple[Verdict | None, str]]:
    """Return what a person of a member said last of each file, and the item it was said of.

    In the order in which it was recorded; None: that it cannot be assessed after all.
    """
    recorded = rows(node, _ASSESSED, int(EventKind.ASSESSED))
    order = {msgspec.msgpack.decode(raw)[0]: -at for at, (raw,) in enumerate(recorded)}
    words = [
        (order[given.event_id], given.verdict, state)
        for state in disk.items.values()
        for given in state.assessments
        if given.member == node.member and given.event_id not in state.carried
    ]
    return {
        one.sha256: (None if verdict is Verdict.UNASSESSABLE else verdict, state.id)
        for _, verdict, state in sorted(words, key=lambda word: word[0])
        for one in state.content
        if one.sha256 is not None
    }


def _lacks(state: ItemState, sender: FleetNode, heard: dict[bytes, Verdict]) -> bool:
    """Whether the item has a file that its author holds illegal, and not the author's word."""
    files = {one.sha256 for one in state.content if one.sha256 is not None}
    illegal = any(heard.get(file) is Verdict.BASELINE for file in files)
    return illegal and all(given.member != sender.member for given in state.assessments)


def _may_wait(node: FleetNode, state: ItemState) -> bool:
    """Whether a file of an item may wait for a look, or be one that nobody here saw (§6.4).

    Where the item had gone on, it may be that another looked, and that the word here is older.
    """
    by_others = rows(node, _ADDED, state.id, int(EventKind.FACTS), f"{node.member}/%")
    elsewhere = any(by != node.member for _, by, _ in state.looks)
    waits = Review.SUGGESTED_VERDICT in state.reviews
    return waits or bool(by_others or state.unseen or elsewhere)


def _heard(node: FleetNode, member: str) -> dict[bytes, Verdict]:
    """Return what the list of a member says of each file: its latest word."""
    found = rows(node, _STANDING, list_of(member))
    entries = [msgspec.msgpack.decode(raw, type=Entry) for (raw,) in found]
    words = sorted(
        (given.at_ms, given.event_id, given.verdict, one.content.sha256)
        for one in entries
        if (given := one.given) is not None and one.content.sha256 is not None
    )
    return {sha256: verdict for _, _, verdict, sha256 in words}
