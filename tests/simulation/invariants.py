"""What must hold when the faults have stopped and everything has come to rest.

Each function judges one guarantee from the disks alone, and says what is wrong as (counter, why);
the counters are those of the last line of `make simulate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from node.casework.item import ItemState
from node.store.channels.forks import kept_forks
from tests.protocol import oracle as second
from tests.simulation.both_sides import judge_both_sides
from tests.simulation.burying import judge_buried
from tests.simulation.disowning import disowned_ids, judge_disowned, own_until
from tests.simulation.erasing import judge_erasures
from tests.simulation.holding import judge_holders
from tests.simulation.inheriting import judge_inherited
from tests.simulation.ledgers import judge_ledgers
from tests.simulation.looking import looked_into
from tests.simulation.oracle import CHANNEL_KINDS, Disk
from tests.simulation.sharing import judge_shared, judge_withdrawn
from tests.simulation.splitting import judge_views
from tests.simulation.turning import judge_turns

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

Wrong = tuple[str, str]
Disks = dict[str, Disk]
ONE_EFFECT = {"repeat", "conflict"}


def judge(world: Fleet) -> tuple[list[Wrong], int]:
    """Return everything that is wrong, and how many items went with their only disk."""
    disks = {member: world.oracle.disk_of(node) for member, node in world.nodes.items()}
    for member, node in world.nodes.items():
        world.oracle.harvest(node, disks[member])
    gone, wrongs = _items(world, disks)
    wrongs += world.oracle.wrongs
    for rule in (
        _came_back,
        _delivered,
        _once,
        _never_forged,
        _no_void_receipts,
        _nobody_accused,
        _forks_seen,
        judge_buried,
        judge_both_sides,
        judge_holders,
        judge_inherited,
        judge_shared,
        judge_withdrawn,
    ):
        wrongs += rule(world, disks)
    wrongs += judge_erasures(world)
    wrongs += judge_turns(world)
    wrongs += judge_disowned(world)
    wrongs += judge_views(world, disks)
    wrongs += judge_ledgers(world, disks)
    for node in world.honest:
        wrongs += _logs_agree(world, node)
        wrongs += [
            ("unverified", str(found))
            for found in node.verify().found
            if not (found.why == "conflict" and _gave_twice(world, node, found.place))
        ]
    return wrongs, gone


def _gave_twice(world: Fleet, node: FleetNode, place: str) -> bool:
    """Whether this is what a hostile member said under an id of before, at a node that was rebuilt.

    What was told of the one before the loss stands, though the other came first this time.
    """
    lost = bool(world.oracle.disks[node.member])
    return lost and world.hostile is not None and place.startswith(world.hostile)


def _items(world: Fleet, disks: Disks) -> tuple[int, list[Wrong]]:
    """G1: an item that was taken stands somewhere, unless its only disk or a person ended it."""
    oracle, wrongs = world.oracle, []
    gone = 0
    for item, handed in {h.item: h for h in oracle.handed}.items():
        if item in oracle.gone_by_word:
            continue
        at_finder = disks[handed.member].has(item)
        if at_finder or any(disk.has(item) for disk in disks.values()):
            if not at_finder and handed.disk == oracle.disks[handed.member]:
                wrongs.append(("lost", f"{item} is not where it was found"))
        elif item in oracle.gone | oracle.sighted_in_gone:
            gone += 1
        else:
            wrongs.append(("lost", f"{item} stands nowhere"))
    return gone, wrongs


def _pairs(world: Fleet) -> Iterator[tuple[str, str]]:
    """Every sender and receiver, but where a thief was believed and a person must say so."""
    for one in world.honest:
        for other in world.honest:
            if one is not other and (one.member, other.member) not in world.oracle.robbed:
                yield one.member, other.member


def _came_back(world: Fleet, disks: Disks) -> list[Wrong]:
    """G9: what a member that recovered had said, and a peer with its disk holds, it has again.

    Of what was erased there it has the leaf; what a thief said in its name was not its word.
    """
    wrongs = []
    for node in world.honest:
        for peer, ended in node.comeback.whole.items():
            now = (world.oracle.disks[peer], world.oracle.disks[node.member])
            robbed = (node.member, peer) in world.oracle.robbed
            if now != ended.disks or peer in world.outside or robbed:
                continue
            held = disks[peer].custody.keys() - disks[peer].erased
            said = ended.held & {i for m, i in held if m == node.member}
            missing = said - {i for p, i in disks[node.member].posted if p == peer}
            if missing:
                wrongs.append(("lost", f"{node.member} <- {peer}: {len(missing)} not back"))
    return wrongs


def _delivered(world: Fleet, disks: Disks) -> list[Wrong]:
    """G1: what one honest member has for another, that one holds and has judged."""
    wrongs = []
    for sender, receiver in _pairs(world):
        posted, held = disks[sender].posted, disks[receiver].custody
        for (peer, identity), kind in posted.items():
            if peer != receiver or kind in CHANNEL_KINDS or (sender, identity) in held:
                continue
            if (peer, identity) not in disks[sender].buried:  # else erased before it arrived
                wrongs.append(("lost", f"{sender} -> {receiver}: a message of kind {kind}"))
        waiting = disks[sender].waiting.get(receiver, 0)
        if waiting:
            wrongs.append(("lost", f"{sender} -> {receiver}: {waiting} wait"))
    if not world.oracle.disks and not world.outside and not world.oracle.robbed:
        idle = [
            node.member
            for node in world.honest
            if disks[node.member].parked - world.oracle.gone_by_word
        ]
        wrongs += [("lost", f"{member}: entries wait or are parked") for member in idle]
    return wrongs


def _once(world: Fleet, disks: Disks) -> list[Wrong]:
    """G2: one effect for each thing, however often it came."""
    wrongs = []
    for node in world.honest:
        disk = disks[node.member]
        for (sender, _), answers in disk.custody.items():
            effects = [a for a in answers if a not in ONE_EFFECT]
            if len(effects) > 1 and not _gave_twice(world, node, sender):
                wrongs.append(("twice", f"{node.member}: an entry of {sender} had {len(effects)}"))
        for state in disk.items.values():
            wrongs += _facts_once(node.member, state)
        wrongs += _reports_once(world, node, disk)
    return wrongs


def _facts_once(member: str, state: ItemState) -> Iterator[Wrong]:
    lists = (
        [a.event_id for a in state.assessments],
        [a.event_id for a in state.actions],
        [s.sighting_id for s in state.sightings],
    )
    for ids in lists:
        if len(ids) != len(set(ids)):
            yield "twice", f"{member}: {state.id} says something twice"


def _reports_once(world: Fleet, node: FleetNode, disk: Disk) -> Iterator[Wrong]:
    """Each reference that was handed in here is one sighting here."""
    if world.oracle.disks[node.member]:
        return
    erased = world.oracle.erased[node.member].names
    handed = {
        h.reference for h in world.oracle.handed if h.member == node.member and h.item not in erased
    }
    seen = {
        s.sighting_id
        for state in disk.items.values()
        for s in state.sightings
        if s.member == node.member
    }
    if len(seen) > len(handed) and not erased:  # what was erased may come back under another id
        yield "twice", f"{node.member}: {len(handed)} reports became {len(seen)} sightings"
    if len(seen) < len(handed):
        yield "lost", f"{node.member}: {len(handed)} reports became {len(seen)} sightings"


def _never_forged(world: Fleet, disks: Disks) -> list[Wrong]:
    """G5, G6: what stands in an honest member's name, it has written."""
    wrongs = []
    for sender, receiver in _pairs(world):
        wrote = world.oracle.wrote[sender] | disowned_ids(world, (sender, receiver))
        for peer, identity in disks[receiver].custody:
            if peer == sender and identity not in wrote:
                wrongs.append(("accepted_forgeries", f"{receiver} holds what {sender} never said"))
    return wrongs


def _no_void_receipts(world: Fleet, disks: Disks) -> list[Wrong]:
    """G3, G7: no receipt counts whose key the sender knew to be a thief's."""
    del disks
    if not world.oracle.void:
        return []
    wrongs = []
    for node in world.honest:
        with looked_into(node) as connection:
            kept = connection.execute(
                "SELECT receipt FROM checkpoints_out WHERE receipt IS NOT NULL"
            ).fetchall()
        if world.oracle.void & {receipt for (receipt,) in kept}:
            wrongs.append(("accepted_forgeries", f"{node.member} keeps a thief's receipt"))
    return wrongs


def _nobody_accused(world: Fleet, disks: Disks) -> list[Wrong]:
    """G5: an honest member never looks like one that forked."""
    wrongs = []
    honest = world.nodes.keys() - {world.hostile}  # of who is expelled, too, nobody says it
    for node in world.honest:
        member = node.member
        disk = disks[member]
        robbed = world.oracle.robbed
        stopped = {(p, c) for p, c in disk.stopped_out.items() if (member, p[0]) not in robbed}
        stopped |= {(p, c) for p, c in disk.stopped_in.items() if (p[0], member) not in robbed}
        for (peer, lane), code in sorted(stopped):
            if peer in honest:
                wrongs.append(("accused_honest", f"{member}: {peer}/{lane} stopped, {code}"))
        for code, subject in sorted(disk.tasks):
            peer = subject.split("/")[0]
            if peer in honest and _accuses(world, code, peer, member):
                wrongs.append(("accused_honest", f"{member}: {code} about {subject}"))
        wrongs += [
            ("accused_honest", f"{member}: keeps proof against {peer}")
            for peer in sorted(honest & _accused(world.nodes[member]))
            if (peer, member) not in robbed | world.oracle.ledgers_robbed
        ]
    return wrongs


def _accuses(world: Fleet, code: str, peer: str, us: str) -> bool:
    """Whether a task says something of a member that only the hostile one does.

    Who lost a disk may say under an old id what it said otherwise before, until it says so. What a
    thief said under its key was taken for its word.
    """
    if (peer, us) in world.oracle.robbed:
        return False
    if code == "entry_unknown_kind" and (peer, us) in world.oracle.disowned:
        return False
    if code == "entry_conflict":
        return not world.oracle.unsaid[peer]
    if code == "peer_lost_entries":
        return not world.oracle.disks[peer] and (us, peer) not in world.oracle.deceived
    return code in {"entry_malformed", "entry_not_permitted", "entry_unknown_kind"}


def _forks_seen(world: Fleet, disks: Disks) -> list[Wrong]:
    """G5: a fork that was shown to an honest member stands before a person there.

    Where a machine was switched off for good nobody is left to ask, or to be told.
    """
    villain, oracle = world.hostile or "", world.oracle
    forks = sorted(one for one in oracle.forks if one[0] not in world.off)
    wrongs = [
        ("undetected_forks", f"{victim}: {villain}/{lane}")
        for victim, lane in forks
        if (villain, lane) not in disks[victim].stopped_in and not oracle.disks[victim]
    ]
    wrongs += [
        ("undetected_forks", f"{victim}: no proof against {villain}")
        for victim in sorted({victim for victim, _ in forks if not oracle.disks[victim]})
        if villain not in _accused(world.nodes[victim])
    ]
    denied = sorted(one for one in oracle.denied.items() if one[0][0] not in world.off)
    for (victim, lane), disk in denied:
        seen = ("peer_lost_entries", f"{villain}/{lane}") in disks[victim].tasks
        seen = seen or (villain, lane) in disks[victim].stopped_out
        seen = seen or world.net.withholds  # then it cannot be asked what it holds
        if not seen and disk == oracle.disks[victim] and _still_denied(world, victim, lane):
            wrongs.append(("undetected_forks", f"{victim}: {villain}/{lane} denied receipts"))
    return wrongs


def _accused(node: FleetNode) -> set[str]:
    """The members against whom a node keeps proof of a fork."""
    with looked_into(node) as connection:
        return {fork.peer for fork in kept_forks(connection)}


def _still_denied(world: Fleet, victim: str, lane: str) -> bool:
    """Whether the hostile member lacks what it receipted; a repeated push may bring it back."""
    villain = world[world.hostile or ""]
    held = _log(villain, "entries_in", victim)
    receipted = _receipted(world[victim], villain.member)
    return any(
        len(held.get(place, ())) < size for place, size in receipted.items() if place[0] == lane
    )


def _logs_agree(world: Fleet, node: FleetNode) -> Iterator[Wrong]:
    """G3, G5: each receipt stands on leaves that the receiver holds, and both have one tree."""
    for other in world.honest:
        if other is node:
            continue
        ours, theirs = _log(node, "log_out", other.member), _log(other, "entries_in", node.member)
        if (node.member, other.member) in world.oracle.robbed:
            continue
        for place, leaves in theirs.items():
            mine = ours.get(place)
            if mine is None:
                continue
            both = min(len(mine), len(leaves)) if world.oracle.disks[node.member] else len(leaves)
            both = min(both, own_until(world, (node.member, other.member), place))
            if second.tree(mine[:both]) != second.tree(leaves[:both]):
                yield "accused_honest", f"{node.member} -> {other.member}: two trees"
        deceived = (node.member, other.member) in world.oracle.deceived
        if world.oracle.disks[other.member] or deceived:
            continue  # a thief gave these receipts; that all arrived is judged all the same
        for place, size in _receipted(node, other.member).items():
            if len(theirs.get(place, ())) < size:
                yield "lost", f"{node.member} -> {other.member}: receipted and not held"


def _log(node: FleetNode, table: str, peer: str) -> dict[tuple[str, bytes], list[bytes]]:
    logs: dict[tuple[str, bytes], list[bytes]] = {}
    with looked_into(node) as connection:
        for lane, epoch, leaf in connection.execute(
            f"SELECT lane, epoch, leaf FROM {table} WHERE peer = ? ORDER BY lane, epoch, idx",
            (peer,),
        ):
            logs.setdefault((lane, epoch), []).append(leaf)
    return logs


def _receipted(node: FleetNode, peer: str) -> dict[tuple[str, bytes], int]:
    with looked_into(node) as connection:
        rows = connection.execute(
            "SELECT lane, epoch, max(size) FROM checkpoints_out WHERE peer = ?"
            " AND receipt IS NOT NULL GROUP BY lane, epoch",
            (peer,),
        )
        return {(lane, epoch): size for lane, epoch, size in rows}
