"""A theft that is found out while it can be mended: the owner disavows what the thief signed.

The thief of a log key speaks once on a channel, and is believed; the owner replaces and revokes the
key, and its node starts anew, so that it sees what it never signed. When the world heals a person
says "compromised", and the next epoch disavows the range (docs/protocol.md §8.15). Then that
channel is judged as every other: nothing of the owner is lost, nobody honest is accused, and what
the thief said stands before a person. Where a disk is lost or a thief sits in the net besides,
nobody can tell these apart, and the channel counts as robbed.

The same key signs heads of the owner's ledger. A witness that does not know of the theft cosigns
what extends the ledger, and its owner hears of it (§8.12.7); one that does never cosigns.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from node.peer.errors import RefusedRequestError
from node.store.ledgers.ledger import leaf_hashes
from protocol import entry
from protocol.checkpoint import Checkpoint
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.merkle import CompactRange, consistency_path
from protocol.revocation import Revocation, make
from protocol.vocabulary import Lane
from protocol.witness import Submission
from tests.simulation.hostile import held_epochs, origin_of, present, some_entry
from tests.simulation.ledgers import cosigned_epochs
from tests.simulation.looking import looked_into, rows
from tests.simulation.mortal import CrashedError
from tests.simulation.thief import UNKNOWN_KIND, replaced, spread
from tests.simulation.turning import Stolen

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

Pair = tuple[str, str]
UNKNOWN_HISTORY = "unknown_history"


class Disowned(NamedTuple):
    """What a thief said in a member's name: where, which entry, and how often disks had been lost.

    `start` is where his range begins.
    """

    lane: str
    epoch: bytes
    start: int
    entry_id: bytes
    disks: tuple[int, int]


async def disowned(world: Fleet, chance: random.Random) -> bool:
    """A thief of a log key speaks once; the owner finds out and revokes the key."""
    pairs = [
        (owner, victim)
        for owner in world.honest
        for victim in world.honest
        if _able(world, owner, victim) and held_epochs(victim, owner.member)
    ]
    if not pairs:
        return False
    owner, victim = chance.choice(pairs)
    pair = (owner.member, victim.member)
    lane, epoch, leaves = chance.choice(held_epochs(victim, owner.member))
    identity = chance.randbytes(32)
    said = some_entry(chance, kind=UNKNOWN_KIND, body=b"\x90", identity=identity)
    edge = CompactRange().extend([*leaves, entry.leaf(said)])
    origin = origin_of(world, *pair, lane, epoch)
    checkpoint = Checkpoint(origin, edge.size, edge.root)
    reply = await present(world, checkpoint, owner.keys.log, len(leaves), [said])
    if reply is None or reply.status != HTTP_OK:
        world.oracle.robbed.add(pair)  # it died over it, or its owner was ahead of the thief
        return False
    disks = _disks(world, pair)
    world.oracle.disowned[pair] = Disowned(lane, epoch, len(leaves), identity, disks)
    await _revoke(world, chance, owner)
    return True


HTTP_OK = 200


def _able(world: Fleet, owner: FleetNode, victim: FleetNode) -> bool:
    pair = (owner.member, victim.member)
    known = world.oracle.robbed | world.oracle.deceived | world.oracle.disowned.keys()
    whole = owner is not victim and owner.up and victim.up and not owner.desk.closed()
    return whole and pair not in known and not any(_disks(world, pair))


def _disks(world: Fleet, pair: Pair) -> tuple[int, int]:
    return world.oracle.disks[pair[0]], world.oracle.disks[pair[1]]


async def _revoke(world: Fleet, chance: random.Random, owner: FleetNode) -> None:
    """Replace the key with a stopped node, and let everybody know."""
    key_id, _ = replaced(world, chance, owner, "log")
    member_key = owner.keys.member
    assert member_key is not None
    note = make(Revocation(owner.view.network_id, owner.member, key_id), member_key)
    spread(world, chance, owner, note)
    for node in world.nodes.values():
        node.notes.take(note, node.listed())
    await owner.bounce()


async def end_thefts(world: Fleet) -> None:
    """Whose witness is ahead of it revokes its log key; its ledger goes on in another epoch."""
    chance = world.chance_for("end of thefts")
    for member in sorted({owner for owner, _ in world.oracle.ledgers_robbed}):
        await _revoke(world, chance, world[member])


async def people_disavow(world: Fleet, node: FleetNode, stopped: dict[Pair, str]) -> bool:
    """Say "compromised" of the channels on which a thief spoke; whether there was one."""
    acted = False
    for (owner, peer), theft in sorted(world.oracle.disowned.items()):
        place = (peer, theft.lane)
        if owner == node.member and stopped.get(place) == UNKNOWN_HISTORY:
            await node.say_compromised(peer, Lane(theft.lane))
            acted = True
    return acted


def settle_thefts(world: Fleet) -> None:
    """Where something else befell the channel besides, nobody can tell the two apart."""
    oracle = world.oracle
    for pair, theft in list(oracle.disowned.items()):
        if theft.disks != _disks(world, pair) or pair in oracle.robbed | oracle.deceived:
            del oracle.disowned[pair]
            oracle.robbed.add(pair)


def judge_disowned(world: Fleet) -> Iterator[tuple[str, str]]:
    """G7: what a thief said stands before people on both sides, as nobody's word."""
    for (owner, victim), theft in sorted(world.oracle.disowned.items()):
        if not world.expelled.isdisjoint({owner, victim}):
            continue  # what they say to each other has no effect
        found = rows(
            world[victim], "SELECT count(*) FROM disavowed_entries WHERE peer = ? AND lane = ?"
            " AND epoch = ? AND idx = ?", owner, theft.lane, theft.epoch, theft.start,
        )  # fmt: skip
        if found != [(1,)]:
            yield "accepted_forgeries", f"{victim}: a thief's word is still {owner}'s"
        world.net.happened["disavowed"] += found == [(1,)]
        for node, peer, code in (
            (world[owner], victim, "history_disowned"),
            (world[victim], owner, "history_disavowed"),
        ):
            place = f"{peer}/{theft.lane}/{theft.epoch.hex()}/%"
            told = rows(
                node, "SELECT count(*) FROM tasks WHERE code = ? AND subject LIKE ?"
                " AND closed_ms IS NULL", code, place,
            )  # fmt: skip
            if told == [(0,)]:
                yield "accepted_forgeries", f"{node.member}: nobody is told {code} of {peer}"


def disowned_ids(world: Fleet, pair: Pair) -> set[bytes]:
    """The ids of what a thief said there: judged by `judge_disowned`."""
    theft = world.oracle.disowned.get(pair)
    return set() if theft is None else {theft.entry_id}


def own_until(world: Fleet, pair: Pair, place: tuple[str, bytes]) -> int:
    """Below which index an epoch is its sender's own."""
    theft = world.oracle.disowned.get(pair)
    return sys.maxsize if theft is None or place != theft[:2] else theft.start


async def ledger_robbed(world: Fleet, chance: random.Random) -> bool:
    """Somebody hands a witness a head of a member's ledger under a log key that he stole."""
    world.keeps_ledgers = True
    pairs = [
        (owner, witness)
        for owner in world.honest
        for witness in world.honest
        if owner is not witness and owner.up and witness.up and cosigned_epochs(witness, owner)
    ]
    if not pairs:
        return False
    owner, witness = chance.choice(pairs)
    thefts = [one for one in world.stolen if one.purpose == "log" and one.member == owner.member]
    stolen = chance.choice([*thefts, Stolen(owner.member, owner.keys.log)])
    world.stolen.append(stolen)
    epoch, size = cosigned_epochs(witness, owner)[0]
    with looked_into(owner) as connection:
        leaves = leaf_hashes(connection, epoch, size)
    if len(leaves) < size:
        return False
    said = LoggedHead(f"hx1/{owner.view.network_id}/x/y", 1, chance.randbytes(32))
    edge = CompactRange().extend([*leaves, said.leaf])
    head = LedgerHead(
        LedgerOrigin(owner.view.network_id, owner.member, epoch), edge.size, edge.root
    )
    path = consistency_path([*leaves, said.leaf], size, edge.size)
    body = Submission(size, tuple(path), sign_ledger_head(head, stolen.key)).to_bytes()
    knew = stolen.is_dead(witness)
    try:
        answer = await witness.witness.add_checkpoint(owner.member, body)
    except RefusedRequestError:
        world.net.happened["thief_refused"] += knew
        return True
    except CrashedError as crashed:
        world.oracle.ledgers_robbed.add((owner.member, witness.member))
        await world.revive(crashed.member)
        return True
    if isinstance(answer, bytes):
        world.oracle.ledgers_robbed.add((owner.member, witness.member))
    if knew and isinstance(answer, bytes):
        why = f"{witness.member} cosigned {owner.member}'s ledger under a dead key"
        world.oracle.wrong("accepted_forgeries", why)
    return True


DISOWNING = {"disowned": disowned, "ledger_robbed": ledger_robbed}
BY_OWNERS = ("disavowed",)
"""What follows from a theft that is found out in time, when its owner has said so."""
