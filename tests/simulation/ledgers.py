"""Ledgers, witnesses and cross-checks among the other faults, and a member that lies about its own.

An hour in which everybody logs its heads, has them cosigned and compares (docs/protocol.md §8.11
to §8.14) is a step like any other; a world that had one has two days of them when it has healed. By
then each honest ledger is witnessed as far as the members go, nobody honest stands accused, and
what the hostile member did stands before people where it must: two heads of one size at a witness,
another root than was signed, a channel left out, a receipt that was withheld.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from node.peer.errors import (
    NotCallableError,
    PeerRefusedError,
    PeerTimeoutError,
    RefusedRequestError,
)
from node.peer.ledgers.ledger_exchange import SHOWING, LedgerExchange
from node.peer.ledgers.witness import HeldSize
from node.peer.ledgers.witnessing import candidates, standing, times_of
from node.store.items.decisions import close_task
from node.store.ledgers.witnessing import figures
from protocol.checkpoint import Origin
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.merkle import CompactRange
from protocol.showing import Showing, ShownHead, ShownLeaf, from_bytes, to_bytes
from protocol.witness import Submission
from tests.simulation.colluding import (
    answered_to,
    cosigned_falsely,
    judge_liars,
    judge_second,
    said_to,
    too_few_keep_the_rules,
)
from tests.simulation.looking import looked_into, rows
from tests.simulation.mortal import CrashedError
from tests.simulation.turning import mend_keys

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

HOUR_MS = 3_600_000
HEALING_H = (0, 1, 3, 13, 13, 13)
"""Hours between the times at which everybody works at ledgers when a world has healed."""
LOOKS, LOOK_MS = 3, 60_000
"""Of the looks of an hour, so many are played: in the place of a witness that fails at the first,
and again a minute later, others are asked at the next (§8.12.8)."""
OF_THE_HONEST = (
    "ledger_missing",
    "ledger_differs",
    "ledger_not_witnessed",
    "ledger_forked",
    "witness_ahead",
    "receipt_withheld",
)
"""Tasks that say of a member, or let think of it, what only the hostile one does."""

OF_OLD_DISKS = ("receipt_withheld",)
"""Of them, what a member whose disk was lost may lack until it says something there again."""

AHEAD = "ledger_unknown"
"""The task of an owner of whose channel another holds more than it knows of."""

BY_A_THIEF = ("witness_ahead", "ledger_forked")
"""Of them, what an owner and its witness see of a head that a thief of the log key signed."""


async def ledger_hour(world: Fleet, chance: random.Random) -> bool:
    """Everybody logs what changed, asks witnesses, and compares with whom it is time to."""
    del chance
    world.keeps_ledgers = True
    world.now += HOUR_MS
    await work_at_ledgers(world)
    return True


async def work_at_ledgers(world: Fleet) -> None:
    """What the loops of every node do about ledgers in the first minutes of an hour."""
    for look in range(LOOKS):
        world.now += LOOK_MS if look else 0
        await _look(world)


async def _look(world: Fleet) -> None:
    for node in world.nodes.values():
        if node.up:
            await _insist(world, node)
    for node in world.nodes.values():
        if node.up:
            try:
                world.net.happened["compared"] += await node.crosscheck.check_due(node.clock())
            except CrashedError as crashed:
                await world.revive(crashed.member)


async def _insist(world: Fleet, node: FleetNode) -> None:
    try:
        world.net.happened["cosigned"] += await node.keep_ledger()
    except CrashedError as crashed:
        await world.revive(crashed.member)


async def heal_ledgers(world: Fleet) -> None:
    """Two days in which nothing fails, and people look at their keys."""
    if world.keeps_ledgers:
        for hours in HEALING_H:
            world.now += hours * HOUR_MS
            mend_keys(world)
            await world.settle()
            await work_at_ledgers(world)
            await _people_heed(world)
        for node in world.honest:
            for origin, size in sorted(_unlogged(node)):
                world.oracle.wrong("unlogged", f"{node.member}: {origin} at {size}")
        await world.settle()


async def _people_heed(world: Fleet) -> None:
    """Say "restored" of a disk that was an old one, where others hold more of what it said (§8.14).

    So it is where nothing was to be said on a channel since: it has not stopped.
    """
    for node in world.honest:
        told = rows(node, "SELECT subject FROM tasks WHERE code = ? AND closed_ms IS NULL", AHEAD)
        if world.oracle.disks[node.member] and told:
            await node.say_restored()
            for (peer,) in told:
                await node.store.writer.run(partial(close_task, code=AHEAD, subject=peer, now_ms=1))


def _unlogged(node: FleetNode) -> set[tuple[str, str]]:
    """The last heads of channels that stand in no ledger of the node's own."""
    last: dict[str, int] = {}
    for sql in ("SELECT note FROM checkpoints_out", "SELECT checkpoint FROM receipts_in"):
        for (note,) in rows(node, sql):
            origin, size = note.decode().split("\n", 2)[:2]
            last[origin] = max(last.get(origin, 0), int(size))
    logged = set(rows(node, "SELECT origin, size FROM ledger_leaves"))
    return {(origin, str(size)) for origin, size in last.items() if (origin, size) not in logged}


async def add_checkpoint(world: Fleet, owner: str, witness: str, body: bytes) -> bytes | int:
    """Hand a head to a witness through the net."""
    net = world.net
    world.check_up(witness)
    if net.strikes("lose_request"):
        raise PeerTimeoutError
    try:
        answer = cosigned_falsely(world, owner, witness, body)
        if answer is None:
            answer = await world[witness].witness.add_checkpoint(owner, body)
    except RefusedRequestError as error:
        raise PeerRefusedError(error.code) from None
    except CrashedError as crashed:
        await world.revive(crashed.member)
        raise PeerTimeoutError from None
    if net.strikes("lose_answer"):
        raise PeerTimeoutError
    return answer.size if isinstance(answer, HeldSize) else answer


async def exchange(
    world: Fleet, between: tuple[str, str], about: LedgerExchange, body: bytes
) -> bytes:
    """Show something of one ledger and be shown it of another through the net.

    `between`: caller and peer. Where its channels stand, the hostile member may say falsely.
    """
    caller, peer = between
    net = world.net
    world.check_up(peer)
    if peer == world.unreachable:
        raise NotCallableError
    if net.strikes("lose_request"):
        raise PeerTimeoutError
    if about == SHOWING and caller == world.hostile:
        body = _shown_by(world, peer, body)
    body, seen = said_to(world, between, about, body)
    answering = world[peer].crosscheck if about == SHOWING else world[peer].lineages
    try:
        answer = await answering.answer(caller, body)
    except RefusedRequestError as error:
        raise PeerRefusedError(error.code) from None
    except CrashedError as crashed:
        await world.revive(crashed.member)
        raise PeerTimeoutError from None
    if net.strikes("lose_answer"):
        raise PeerTimeoutError
    answer = answered_to(world, between, about, answer, seen)
    false = about == SHOWING and peer == world.hostile
    return _shown_by(world, caller, answer) if false else answer


def _shown_by(world: Fleet, victim: str, true: bytes) -> bytes:
    """What the hostile member shows in place of the truth."""
    if world.ledger_lie == "omits":
        return to_bytes(Showing(1, ()))
    if world.ledger_lie != "differs":
        return true
    ours = [
        leaf
        for head in from_bytes(true).heads
        for leaf in head.leaves
        if Origin.parse(leaf.origin).sender == victim
    ]
    known = [leaf for leaf in ours if _remembers(world[victim], leaf)]
    if not known:
        return true
    world.oracle.shown_false[victim] = world.oracle.disks[victim]
    villain = world[world.hostile or ""]
    false = LoggedHead(known[0].origin, known[0].size, bytes(32))
    origin = LedgerOrigin(villain.view.network_id, villain.member, bytes(8))
    head = LedgerHead(origin, 1, CompactRange().extend([false.leaf]).root)
    note = sign_ledger_head(head, villain.keys.log)
    shown = ShownHead(note, (ShownLeaf(*false, 0, ()),))
    return to_bytes(Showing(1, (shown,)))


def _remembers(node: FleetNode, leaf: ShownLeaf) -> bool:
    epoch = Origin.parse(leaf.origin).epoch
    ((size,),) = rows(
        node, "SELECT coalesce(max(size), 0) FROM checkpoints_out WHERE epoch = ?"
        " AND receipt IS NOT NULL", epoch,
    )  # fmt: skip
    return bool(size >= leaf.size)


async def ledger_lies(world: Fleet, chance: random.Random) -> bool:
    """From here on the hostile member's ledger leaves channels out, or says what nobody signed."""
    if world.hostile is None:
        return False
    world.ledger_lie = chance.choice(["omits", "differs"])
    world.keeps_ledgers = True
    return True


async def receipts_withheld(world: Fleet, chance: random.Random) -> bool:
    """From here on the hostile member takes what comes, and answers nobody, or no receipt."""
    if world.hostile is None:
        return False
    world.net.tells_instead = chance.random() < 0.5
    world.net.withholds = world.keeps_ledgers = True
    return True


async def ledger_split(world: Fleet, chance: random.Random) -> bool:
    """The hostile member hands a witness another ledger of the size that it has cosigned."""
    villain = None if world.hostile is None else world[world.hostile]
    if villain is None or not villain.up:
        return False
    world.keeps_ledgers = True
    if not any(cosigned_epochs(node, villain) for node in world.honest):
        await _insist(world, villain)  # else there is nothing to contradict
    able = [node for node in world.honest if node.up and cosigned_epochs(node, villain)]
    if not able:
        return False
    witness = chance.choice(able)
    epoch, size = cosigned_epochs(witness, villain)[0]
    origin = LedgerOrigin(villain.view.network_id, villain.member, epoch)
    note = sign_ledger_head(LedgerHead(origin, size, chance.randbytes(32)), villain.keys.log)
    try:
        await witness.witness.add_checkpoint(villain.member, Submission(size, (), note).to_bytes())
    except RefusedRequestError as error:
        if error.code == "inconsistent_head":
            world.oracle.split_shown[witness.member] = world.oracle.disks[witness.member]
            return True
    except CrashedError as crashed:
        await world.revive(crashed.member)
    else:
        world.oracle.wrong("undetected_forks", f"{witness.member} cosigned two ledgers")
    return False


def cosigned_epochs(witness: FleetNode, owner: FleetNode) -> list[tuple[bytes, int]]:
    """The newest epoch of a ledger that a witness cosigned, and how far."""
    found = rows(
        witness, "SELECT epoch, size FROM witnessed WHERE member = ? AND size > 0"
        " ORDER BY number DESC LIMIT 1", owner.member,
    )  # fmt: skip
    return [(epoch, size) for epoch, size in found]


def judge_ledgers(world: Fleet, disks: dict[str, Disk]) -> Iterator[tuple[str, str]]:
    """G3, G5: what the hostile member did stands before people, and nobody honest is accused."""
    if not world.keeps_ledgers:
        return
    yield from judge_second(world, disks)
    for node in world.honest:
        yield from _accused(world, node, disks[node.member])
        yield from _unwitnessed(world, node)
        if world.hostile is not None:
            yield from _unseen(world, node, disks[node.member], world.hostile)


def _accused(world: Fleet, node: FleetNode, disk: Disk) -> Iterator[tuple[str, str]]:
    honest = {one.member for one in world.honest} - world.lying_witnesses.keys()
    lost = world.oracle.disks
    for code, subject in sorted(disk.tasks):
        pairs = {(node.member, subject), (subject, node.member)}
        excused = bool(pairs & (world.oracle.robbed | world.oracle.deceived))
        excused = excused or (code in BY_A_THIEF and bool(pairs & world.oracle.ledgers_robbed))
        if code == "ledger_not_witnessed":  # a witness that forgot cosigns nothing (§8.12.9)
            excused = excused or sum(lost.values()) > 0
            excused = excused or too_few_keep_the_rules(world, subject, node.member)
        if code in OF_OLD_DISKS:
            excused = excused or lost[subject] + lost[node.member] > 0
        if subject in honest and code in OF_THE_HONEST and not excused:
            yield "accused_honest", f"{node.member}: {code} about {subject}"


def _unwitnessed(world: Fleet, node: FleetNode) -> Iterator[tuple[str, str]]:
    """Every channel's head stands under a head that two others cosigned, where there are two.

    Whatever disk was lost, the owner's too: its ledger goes on in a new epoch, and is cosigned
    there. Who signed nothing, since the only other one answers nobody, has nothing to witness; a
    head that should be there and is not is `unlogged`. One exception, of the protocol's: a witness
    whose disk was lost cosigns nothing until its people end its key (§8.12.9), so who could witness
    is counted without it.
    """
    registry = world.umbrella.registry
    with looked_into(node) as connection:
        ledger = figures(connection)
    if ledger.signed_ms is None:
        return
    able = [
        one  # a witness that lost its disk cosigns nothing until its people give it another key
        for one in candidates(registry, node.member)
        if one not in {world.hostile, *world.lying_witnesses} and not world.oracle.disks[one]
    ]
    yield from judge_liars(world, node, ledger)
    stands = standing(node.member, ledger.partners, times_of(ledger.given), able)
    for partner in sorted(set(stands.lacking) - set(stands.too_few)):
        yield "unwitnessed", f"{node.member}: its channels with {partner}"


def _unseen(world: Fleet, node: FleetNode, disk: Disk, villain: str) -> Iterator[tuple[str, str]]:
    oracle, us = world.oracle, node.member
    seen = {code for code, subject in disk.tasks if subject == villain}
    if oracle.split_shown.get(us) == oracle.disks[us] and "ledger_forked" not in seen:
        yield "undetected_forks", f"{us}: {villain} showed two ledgers"
    if oracle.shown_false.get(us) == oracle.disks[us] and "ledger_differs" not in seen:
        yield "undetected_forks", f"{us}: {villain} logged another root"
    receipted = rows(
        node, "SELECT count(*) FROM checkpoints_out WHERE peer = ? AND receipt IS NOT NULL", villain
    )[0][0]  # fmt: skip
    if world.ledger_lie == "omits" and receipted and "ledger_missing" not in seen:
        yield "undetected_forks", f"{us}: {villain} left its channels out"
    if world.net.withholds and world.ledger_lie is None and not oracle.disks[us]:
        held = _held_unreceipted(node, world[villain])
        if held and "receipt_withheld" not in seen:
            yield "undetected_forks", f"{us}: {villain} withheld receipts"
        yield from _seen_to_wait(node, villain, held)


def _seen_to_wait(node: FleetNode, villain: str, lanes: list[str]) -> Iterator[tuple[str, str]]:
    """G1: what was pushed and not receipted is tried again, and `hotline peers` says that."""
    for lane in lanes:
        tried = rows(
            node, "SELECT 1 FROM channels_out WHERE peer = ? AND lane = ?"
            " AND (attempts > 0 OR stopped IS NOT NULL)", villain, lane,
        )  # fmt: skip
        if not tried:
            yield "lost", f"{node.member} -> {villain}/{lane}: no receipt, and nobody sees it"


def _held_unreceipted(node: FleetNode, villain: FleetNode) -> list[str]:
    """The lanes of which the hostile member holds more in the present epoch than it receipted."""
    found = []
    for lane, epoch, size in rows(
        villain, "SELECT lane, epoch, size FROM channels_in WHERE peer = ?",
        node.member,
    ):  # fmt: skip
        ((receipted,),) = rows(
            node, "SELECT coalesce(max(size), 0) FROM checkpoints_out WHERE peer = ? AND lane = ?"
            " AND epoch = ? AND receipt IS NOT NULL", villain.member, lane, epoch,
        )  # fmt: skip
        if size > receipted:
            found.append(lane)
    return found


LEDGERS = {
    "ledger_hour": ledger_hour,
    "ledger_lies": ledger_lies,
    "ledger_split": ledger_split,
    "receipts_withheld": receipts_withheld,
}
BY_LEDGERS = ("cosigned", "compared")
