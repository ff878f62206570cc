"""Witnesses that lie, and a hostile member that keeps two ledgers with their help.

What the protocol promises against k of n that collude (docs/protocol.md §8.12, §8.16): one that
lies about time dates nothing back, since the second of two is the time, and one that lies ahead is
passed over; one that withholds, or answers some alone, holds nothing up where two others are there.
Two date what they are no party to as they like. However many cosign two ledgers of one member, its
honest peers find that out once two of them that were shown different ones have spoken: not by the
cosignatures but by comparing what they were shown, and asking the owner to lead from there.

Who lends a witness key is honest in all else: it is never to be accused of a fork.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from node.peer.errors import PeerTimeoutError
from node.peer.ledgers.ledger_exchange import LINEAGE, SHOWING, LedgerExchange
from node.peer.ledgers.witness import HeldSize
from node.peer.ledgers.witnessing import candidates, standing, times_of
from node.store.ledgers.witnessing import LedgerFigures
from protocol import lineage, showing
from protocol.checkpoint import Origin, read_checkpoint
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, VerifiedLedgerHead
from protocol.ledger import sign_ledger_head as signed
from protocol.lineage import Lineage, Link, SeenHead
from protocol.merkle import CompactRange, consistency_path, inclusion_path
from protocol.showing import Showing, ShownHead, ShownLeaf
from protocol.witness import WITNESSES, Submission, cosign_head, head_of, witnessed_at
from tests.simulation.looking import rows

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

DAY_MS = 86_400_000
OFF_MS = 30 * DAY_MS
"""So far off a lying witness dates, more than any clock in a world is wrong."""
CLOCKS_MS = 10 * DAY_MS
SPOKEN_MS = 24 * 3_600_000
"""So long before the end two must have spoken, that the owner was asked since."""
SHOWS_A_SPLIT = {"ledger_split", "ledger_forked", "ledger_set_back", "ledger_rebuilt"}
MOST_SHOWN = 20
BACK, AHEAD, WITHHOLDS, CHOOSES, SAYS_MORE = (
    "dates_back",
    "dates_ahead",
    "withholds",
    "answers_some",
    "says_more",
)
LIES = (BACK, AHEAD, WITHHOLDS, CHOOSES, SAYS_MORE)


@dataclass
class SecondLedger:
    """The other ledger of the hostile member.

    Attributes:
        epoch: 8 bytes; its one epoch.
        shown_to: who is shown it; all others are shown the one that the node keeps.
        helpers: whose witness keys cosign both.
        off_ms: how wrong the time in their cosignatures is.
        leads: whether its owner leads from heads of either; else it denies those of the other.
        parted: whether those of one side cannot reach those of the other yet.
        told: what each said last that it remembers.
        spoken: pairs that told each other of both, since when, and which disks they had then.
    """

    epoch: bytes
    shown_to: frozenset[str]
    helpers: tuple[str, ...]
    off_ms: int
    leads: bool
    parted: bool
    leaves: list[LoggedHead] = field(default_factory=list)
    told: dict[str, SeenHead | None] = field(default_factory=dict)
    spoken: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)


async def two_ledgers(world: Fleet, chance: random.Random) -> bool:
    """From here on the hostile member shows some members another ledger, cosigned by colluders."""
    if world.hostile is None or world.second is not None or len(world.honest) < 2:
        return False
    villain = world.hostile
    honest = [node.member for node in world.honest]
    fresh = [one for one in honest if not remembered_epochs(world[one], villain)] or honest
    some = chance.sample(fresh, chance.randrange(1, len(fresh) + 1))[: len(honest) - 1]
    world.second = SecondLedger(
        chance.randbytes(8),
        frozenset(some),
        tuple(chance.sample(honest, chance.randrange(len(honest) + 1))),
        chance.choice([0, -OFF_MS, OFF_MS]),
        leads=chance.random() < 0.5,
        parted=chance.random() < 0.7,
    )
    world.keeps_ledgers = True
    return True


async def witness_lies(world: Fleet, chance: random.Random) -> bool:
    """From here on a member lies as a witness, and keeps the rules in all else."""
    free = sorted(world.nodes.keys() - world.lying_witnesses.keys())
    if not free:
        return False
    world.lying_witnesses[chance.choice(free)] = chance.choice(LIES)
    world.keeps_ledgers = True
    return True


def cosigned_falsely(
    world: Fleet, owner: str, witness: str, body: bytes
) -> bytes | HeldSize | None:
    """What a lying witness answers; None: what the rules say.

    Raises:
        PeerTimeoutError: nothing. The hostile member asks nobody who is shown its other ledger.
    """
    second = world.second
    if second is not None and owner == world.hostile and witness in second.shown_to:
        raise PeerTimeoutError
    lie = world.lying_witnesses.get(witness)
    if lie is None:
        return None
    world.net.happened["witness_lied"] += 1
    if lie == WITHHOLDS or (lie == CHOOSES and owner < witness):
        raise PeerTimeoutError
    submission = Submission.parse(body)
    head = VerifiedLedgerHead(head_of(submission.note))
    if lie == SAYS_MORE:
        return HeldSize(head.size + 7)
    off_ms = {BACK: -OFF_MS, AHEAD: OFF_MS}.get(lie, 0)
    return _cosigned(world, head, witness, off_ms)


def _cosigned(world: Fleet, head: VerifiedLedgerHead, witness: str, off_ms: int) -> bytes:
    key = world[witness].keys.witness
    assert key is not None
    return cosign_head(head, witness, key, (world.now + off_ms) // 1000)


def said_to(
    world: Fleet, between: tuple[str, str], about: LedgerExchange, body: bytes
) -> tuple[bytes, SeenHead | None]:
    """What a caller says, and of a lineage what it remembers, before it goes on its way.

    Raises:
        PeerTimeoutError: the two cannot reach each other yet.
    """
    caller, peer = between
    seen = lineage.from_bytes(body).seen if about == LINEAGE else None
    second = world.second
    if second is None:
        return body, seen
    apart = (caller in second.shown_to) != (peer in second.shown_to)
    if second.parted and apart and world.hostile not in between:
        world.net.happened["parted"] += 1
        raise PeerTimeoutError
    if caller != world.hostile:
        return body, seen
    if about == LINEAGE and peer not in second.told:
        true = lineage.from_bytes(body)
        empty = msgspec.structs.replace(true, start=None, nodes=(), links=())
        return (lineage.to_bytes(empty) if peer in second.shown_to else body), seen
    return _shown(world, second, peer, about, body, second.told.get(peer)), seen


def answered_to(
    world: Fleet,
    between: tuple[str, str],
    about: LedgerExchange,
    answer: bytes,
    seen: SeenHead | None,
) -> bytes:
    """What comes back; who remembers different ledgers and told each other is written down."""
    caller, peer = between
    second, villain = world.second, world.hostile
    if second is None or villain is None:
        return answer
    if about == LINEAGE and caller == villain:
        second.told[peer] = lineage.from_bytes(answer).seen
    if peer == villain:
        return _shown(world, second, caller, about, answer, seen)
    if about == LINEAGE and caller != villain:
        epochs = [remembered_epochs(world[one], villain) for one in between]
        if all(epochs) and (epochs[0] == {second.epoch}) != (epochs[1] == {second.epoch}):
            world.net.happened["told_of_both"] += 1
            pair = (min(between), max(between))
            second.spoken.setdefault(pair, (world.now, _disks(world, pair)))
    return answer


def _shown(
    world: Fleet,
    second: SecondLedger,
    peer: str,
    about: LedgerExchange,
    true: bytes,
    seen: SeenHead | None,
) -> bytes:
    """What the hostile member shows a peer that said that it remembers `seen`."""
    of_second = seen is not None and seen.epoch == second.epoch
    if about == SHOWING:
        if peer not in second.shown_to:
            return true
        world.net.happened["shown_another"] += 1
        return _showing(world, second, peer)
    whole = lineage.from_bytes(true)
    if peer in second.shown_to:
        if seen is not None and not of_second and second.leads and whole.start == seen:
            return true
    elif not (of_second and second.leads):
        return true
    return lineage.to_bytes(_led(world, second, peer, whole, seen))


def _led(
    world: Fleet, second: SecondLedger, peer: str, true: Lineage, seen: SeenHead | None
) -> Lineage:
    if peer in second.shown_to:
        _grow(world, second, peer)
    if not second.leaves:
        return true
    size, hashes = len(second.leaves), [one.leaf for one in second.leaves]
    known = seen is not None and seen.epoch == second.epoch and 0 < seen.size <= size
    start = seen if known else None
    nodes = () if start is None else tuple(consistency_path(hashes, start.size, size))
    links = (Link(signed(_head(world, second), world[world.hostile or ""].keys.log), ()),)
    return msgspec.structs.replace(true, start=start, nodes=nodes, links=links)


def _grow(world: Fleet, second: SecondLedger, peer: str) -> None:
    """Log what is new in the channels with a peer, as it truly is."""
    villain = world[world.hostile or ""]
    for sql in (
        "SELECT note FROM checkpoints_out WHERE peer = ? AND receipt IS NOT NULL",
        "SELECT checkpoint FROM receipts_in WHERE peer = ?",
    ):
        for (note,) in rows(villain, f"{sql} ORDER BY size", peer):
            read = read_checkpoint(note)
            leaf = LoggedHead(str(read.origin), read.size, read.root)
            if leaf not in second.leaves:
                second.leaves.append(leaf)
    if not second.leaves:
        second.leaves.append(LoggedHead("hx1/nothing", 1, bytes(32)))


def _head(world: Fleet, second: SecondLedger) -> LedgerHead:
    origin = LedgerOrigin(world.umbrella.registry.network_id, world.hostile or "", second.epoch)
    root = CompactRange().extend([one.leaf for one in second.leaves]).root
    return LedgerHead(origin, len(second.leaves), root)


def _showing(world: Fleet, second: SecondLedger, peer: str) -> bytes:
    _grow(world, second, peer)
    head = _head(world, second)
    note = signed(head, world[world.hostile or ""].keys.log)
    for helper in second.helpers[:4]:
        note += _cosigned(world, VerifiedLedgerHead(head), helper, second.off_ms)
    hashes = [one.leaf for one in second.leaves]
    ours = [
        ShownLeaf(*one, index, tuple(inclusion_path(hashes, index, head.size)))
        for index, one in enumerate(second.leaves)
        if one.origin != "hx1/nothing" and peer in Origin.parse(one.origin)[1:3]
    ]
    if not ours:
        return showing.to_bytes(Showing(1, ()))
    return showing.to_bytes(Showing(1, (ShownHead(note, tuple(ours[-MOST_SHOWN:])),)))


def remembered_epochs(node: FleetNode, owner: str) -> set[bytes]:
    """The epoch of a member's ledger that a node was shown last, if it was shown any."""
    return {
        epoch for (epoch,) in rows(node, "SELECT epoch FROM ledgers_seen WHERE member = ?", owner)
    }


def _disks(world: Fleet, members: tuple[str, ...]) -> int:
    return sum(world.oracle.disks[one] for one in members)


def judge_second(world: Fleet, disks: Mapping[str, Disk]) -> Iterator[tuple[str, str]]:
    """G5: who heard of both, and could ask their owner since, has it before a person."""
    second, villain = world.second, world.hostile
    if second is None or villain is None:
        return
    for pair, (at_ms, lost) in sorted(second.spoken.items()):
        asked = any(_has_channel(world[one], villain) for one in pair)
        inside = world.outside.isdisjoint(pair)
        if not (asked and inside) or at_ms > world.now - SPOKEN_MS or lost != _disks(world, pair):
            continue
        told = {code for one in pair for code, subject in disks[one].tasks if subject == villain}
        world.net.happened["second_judged"] += 1
        if not told & SHOWS_A_SPLIT:
            yield "undetected_forks", f"{'/'.join(pair)}: {villain} keeps two ledgers"


def _has_channel(node: FleetNode, peer: str) -> bool:
    sql = "SELECT 1 FROM channels_out WHERE peer = ? UNION SELECT 1 FROM channels_in WHERE peer = ?"
    return bool(rows(node, sql, peer, peer))


def judge_liars(world: Fleet, node: FleetNode, ledger: LedgerFigures) -> Iterator[tuple[str, str]]:
    """G7: one witness that lies dates nothing back, and what it dates ahead is no time."""
    lies = world.lying_witnesses
    if not lies or ledger.signed_ms is None:
        return
    for partner in sorted(ledger.partners):
        at_s = witnessed_at(times_of(ledger.given), (node.member, partner))
        back = [one for one, lie in lies.items() if lie == BACK]
        if len(back) == 1 and at_s is not None and at_s * 1000 < ledger.signed_ms - CLOCKS_MS:
            yield "accepted_forgeries", f"{node.member}: {back[0]} dated a head back"
    timely = {one: at for one, at in times_of(ledger.given).items() if lies.get(one) != AHEAD}
    able = [
        one
        for one in candidates(world.umbrella.registry, node.member)
        if one != world.hostile and one not in lies and not world.oracle.disks[one]
    ]
    stands = standing(node.member, ledger.partners, timely, able)
    for partner in sorted(set(stands.lacking) - set(stands.too_few)):
        yield "unwitnessed", f"{node.member}: a time to come counts for {partner}"


def too_few_keep_the_rules(world: Fleet, owner: str, reader: str) -> bool:
    """Whether a ledger can't be witnessed for a channel: all but one of its witnesses may lie."""
    able = set(candidates(world.umbrella.registry, owner)) - {reader}
    return bool(world.lying_witnesses) and len(able - world.lying_witnesses.keys()) < WITNESSES


COLLUDING = {"two_ledgers": two_ledgers, "witness_lies": witness_lies}
BY_COLLUDERS = ("shown_another", "told_of_both", "second_judged", "witness_lied", "parted")
