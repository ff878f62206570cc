"""Keys are stolen, noticed and revoked; whoever holds a stolen one owns the net as well.

A note travels as between real nodes: whoever revokes hands it to the umbrella and to whom it
reaches; everybody asks the umbrella and another member with every look at the registry. What is
signed by a revoked key, and taken after the receiver verified the note, is a forgery. What a thief
says before cannot be told from its owner's word: that channel waits for a person (docs/protocol.md
§8.5, §14) and is judged no further; every other one is.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.registry import Registry
from protocol import entry, revocation
from protocol.checkpoint import Checkpoint
from protocol.errors import ProtocolError
from protocol.merkle import CompactRange
from protocol.revocation import Revocation
from tests.simulation.hostile import held_epochs, origin_of, present, some_entry
from tests.simulation.turning import (
    HOUR_MS,
    Stolen,
    Turned,
    replace_now,
    replace_sealing,
    state_theft,
    turn_sealing,
)

if TYPE_CHECKING:
    from keys.signing import SigningKey
    from tests.simulation.fleet import Fleet, FleetNode

UNKNOWN_KIND = 100
DAY_MS = 86_400_000


class Notes:
    """The revocation notes of one node; they lie beside the registry, and outlive its database."""

    def __init__(self) -> None:
        self.known: dict[Revocation, bytes] = {}
        self._believed: tuple[Registry, int, Registry] | None = None

    def take(self, raw: bytes, listed: Registry) -> None:
        """Verify a note as a node does; one that does not count yet may do so later."""
        with suppress(KeysError, ProtocolError):
            self.known[revocation.verify(raw, listed)] = raw

    def believed(self, listed: Registry, us: str) -> Registry:
        """The registry without what others revoked."""
        before = self._believed
        if before is not None and before[0] is listed and before[1] == len(self.known):
            return before[2]
        revoked = {
            said.member: frozenset(s.key_id for s in self.known if s.member == said.member)
            for said in self.known
        }
        found = revocation.apply(listed, revoked, us)
        self._believed = (listed, len(self.known), found)
        return found

    def own(self, member: str) -> frozenset[str]:
        """The ids of a member's keys that are known to be revoked."""
        return frozenset(said.key_id for said in self.known if said.member == member)


def ask_for_notes(world: Fleet, node: FleetNode) -> None:
    """What a look at the registry brings beside it: the umbrella's notes, and another member's."""
    others = [one for one in world.nodes.values() if one is not node and one.up]
    heard = [] if node.withheld else list(world.notes)
    if others:
        heard += world.chance.choice(others).notes.known.values()
    for raw in heard:
        node.notes.take(raw, node.listed())


def _owner(world: Fleet, chance: random.Random) -> FleetNode | None:
    up = [node for node in world.honest if node.up and not node.desk.closed()]
    return chance.choice(up) if up else None


async def key_stolen(world: Fleet, chance: random.Random) -> bool:
    """Somebody copies a member's log key; nobody knows."""
    node = _owner(world, chance)
    if node is not None:
        world.stolen.append(Stolen(node.member, node.keys.log))
    return node is not None


async def key_revoked(world: Fleet, chance: random.Random) -> bool:
    """A member replaces a key and revokes the old one; the thief tries it once more."""
    node = _owner(world, chance)
    if node is None:
        return False
    purpose = chance.choice(("log", "log", "receipt", "transport", "sealing"))
    key_id, own = replaced(world, chance, node, purpose)
    said = Revocation(node.view.network_id, node.member, key_id)
    member_key = node.keys.member
    assert member_key is not None
    signer = own if own is not None and chance.random() < 0.5 else member_key
    spread(world, chance, node, revocation.make(said, signer))
    if chance.random() < 0.7:
        await node.bounce()
    if purpose == "log" and chance.random() < 0.7:
        world.net.happened["thief_pushes"] += await _push_as(world, chance, world.stolen[-1])
    return True


def spread(world: Fleet, chance: random.Random, node: FleetNode, raw: bytes) -> None:
    """Hand a note to the umbrella and to whom it reaches."""
    world.notes.append(raw)
    for one in world.nodes.values():
        if one is node or (one.up and chance.random() < 0.7):
            one.notes.take(raw, one.listed())


def replaced(
    world: Fleet, chance: random.Random, node: FleetNode, purpose: str
) -> tuple[str, SigningKey | None]:
    """Give a member another key of this purpose; return the id of the old one, and what signs.

    With luck the owner knows since when a log or receipt key was another's, and publishes it.
    """
    if purpose == "sealing":
        old_sealing = node.keys.sealing[-1]
        world.sealing_stolen.add((node.member, old_sealing.public.key_id))
        replace_sealing(world, node)
        node.view = world.umbrella.registry
        node.use_keys()
        return old_sealing.public.key_id, None
    turned: Turned = "log" if purpose == "log" else "receipt"
    if purpose == "transport":
        turned = "transport"
    old = replace_now(world, node, turned)
    world.stolen.append(Stolen(node.member, old, turned))
    if turned != "transport" and chance.random() < 0.5:
        state_theft(world, node, old.public.key_id, node.clock() - HOUR_MS)
    node.view = world.umbrella.registry
    node.use_keys()
    return old.public.key_id, old


async def thief_pushes(world: Fleet, chance: random.Random) -> bool:
    """The thief goes on where a member's log ends at another, under the key that he holds."""
    logs = [one for one in world.stolen if one.purpose == "log"]
    if not logs:
        await key_stolen(world, chance)
        return False
    return await _push_as(world, chance, chance.choice(logs))


async def weeks_pass(world: Fleet, chance: random.Random) -> bool:
    """Eight days in which nobody does anything but the nodes; then a retired key is tried.

    A key to seal to whose time ended when they began is destroyed in them.
    """
    owner = _owner(world, chance)
    if owner is not None:
        turn_sealing(world, owner, owner.clock())
        world.stolen.append(Stolen(owner.member, replace_now(world, owner, "log")))
        owner.use_keys()
    for _ in range(2):
        world.now += 4 * DAY_MS
        await world.round()
    retired = [
        (stolen, victim)
        for stolen in world.stolen
        for victim in _victims(world, stolen)
        if stolen.purpose == "log" and stolen.is_retired(victim)
    ]
    if retired:
        stolen, victim = chance.choice(retired)
        await _push_as(world, chance, stolen, victim)
    return True


def _victims(world: Fleet, stolen: Stolen) -> list[FleetNode]:
    return [one for one in world.honest if one.up and one.member != stolen.member]


async def _push_as(
    world: Fleet, chance: random.Random, stolen: Stolen, victim: FleetNode | None = None
) -> bool:
    victims = _victims(world, stolen)
    victim = victim or (chance.choice(victims) if victims else None)
    held = [] if victim is None else held_epochs(victim, stolen.member)
    if victim is None or not held:
        return False
    lane, epoch, leaves = chance.choice(held)
    said = some_entry(chance, kind=UNKNOWN_KIND, body=b"\x90")
    edge = CompactRange().extend([*leaves, entry.leaf(said)])
    origin = origin_of(world, stolen.member, victim.member, lane, epoch)
    checkpoint = Checkpoint(origin, len(leaves) + 1, edge.root)
    retired = stolen.is_retired(victim)
    knew = stolen.is_dead(victim)
    reply = await present(world, checkpoint, stolen.key, len(leaves), [said])
    if not knew:  # what he signed is its word there, also where it shows as a fork, or dies over it
        world.oracle.robbed.add((stolen.member, victim.member))
    if reply is None:
        return False
    refused = knew and reply.status != HTTP_OK
    world.net.happened["retired_refused" if retired else "thief_refused"] += refused
    if knew and reply.status == HTTP_OK:
        gone = "retired" if retired else "revoked"
        why = f"{victim.member} took what was said under a {gone} key of {stolen.member}"
        world.oracle.wrong("accepted_forgeries", why)
    return True


HTTP_OK = 200
THIEF = {
    "key_stolen": key_stolen,
    "key_revoked": key_revoked,
    "thief_pushes": thief_pushes,
    "weeks_pass": weeks_pass,
}
