"""Thieves of receipt, transport and sealing keys who own the net, and what they get by it.

Somebody sits between the members and answers in the place of one whose receipt and transport keys
he has: until its owner says so, what he receipts is believed, and he swallows it. When he is gone
the true receiver tells what it holds, and all of it is said again: nothing is lost by a stolen
receipt. He calls in its name, opens what was sealed to the key that he has, and, with a member that
colludes, makes evidence of what was never said. Nothing of that counts once the note is known.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from keys.errors import UnsealError
from keys.sealing import SealingKey
from keys.signing import SigningKey
from node.evidence.bundle import TYPE, VERSION, Bundle, Proof, encode64
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError
from node.peer.errors import RefusedRequestError
from node.peer.http.signatures import verify_request
from node.peer.transport import Reply
from protocol import answers, entry, push
from protocol.answers import ANSWERS, Answer, AnswerCode, Position, Told
from protocol.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from protocol.merkle import CompactRange
from protocol.messages import Withdrawal, to_body
from protocol.receipt import cosign
from protocol.recovery import Page, Recover, Scope
from protocol.revocation import Revocation, make
from protocol.vocabulary import Kind, Lane
from tests.simulation.mortal import CrashedError
from tests.simulation.net import Message, finder, signed_request
from tests.simulation.thief import replaced, spread
from tests.simulation.turning import HOUR_MS, Stolen, state_theft

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

HEAD_BYTES = 14
"""Of a push before its note: suite, key id, length of the note."""
TRIED = 6
"""Recorded pushes that a thief of a sealing key tries it on."""


@dataclass
class Impostor:
    """Sits in the net in front of a member, and answers under the keys that he stole from it."""

    world: Fleet
    member: str
    receipt: SigningKey
    transport: SigningKey
    receipts: set[bytes] = field(default_factory=set)
    """Those that he gave to members who knew that the key was revoked."""
    _held: dict[tuple[str, str], tuple[Position, bytes]] = field(default_factory=dict)

    def pushed(self, message: Message) -> Reply:
        """A receipt for a push that nobody holds.

        Raises:
            CallError: the sender sees that it is not the member's.
        """
        note = message.head[HEAD_BYTES:]
        checkpoint = read_checkpoint(note)
        receipt = cosign(checkpoint, self.receipt, self.world.now // 1000)
        origin = checkpoint.origin
        state = Position(origin.epoch, checkpoint.size, checkpoint.root)
        self._held[message.sender, str(origin.lane)] = state, note
        stolen = Stolen(self.member, self.receipt)
        left_ms = self.world.oracle.left_ms[str(origin), str(checkpoint.size)]
        if stolen.is_dead(self.world[message.sender], left_ms):  # else it served then (§3.9)
            self.receipts.add(receipt)
        return self._answer(message, Reply(200, receipt))

    def asked(self, message: Message, lane: Lane) -> Reply | None:
        """The state as he would have it; None: he lets the question pass.

        Raises:
            CallError: as `pushed`.
        """
        held = self._held.get((message.sender, str(lane)))
        if held is None:
            return None
        position, note = held
        code = AnswerCode.STATE
        told = Answer(1, code, Told(position, note, ()), message.sealed)
        return self._answer(message, Reply(ANSWERS[code].status, answers.to_bytes(told)))

    def _answer(self, message: Message, reply: Reply) -> Reply:
        world = self.world
        world.net.happened["impostor_answers"] += 1
        world.net.verify(message, reply, self.transport)
        if self._revoked(message.sender, self.transport):
            why = f"{message.sender} heard {self.member} under a revoked transport key"
            world.oracle.wrong("accepted_forgeries", why)
        world.oracle.deceived.add((message.sender, self.member))
        return reply

    def _revoked(self, sender: str, key: SigningKey) -> bool:
        node = self.world[sender]
        return Stolen(self.member, key).is_dead(node)


async def impostor(world: Fleet, chance: random.Random) -> bool:
    """A member's receipt and transport keys are stolen, and he who has them sits in the net."""
    sitting = world.net.impostor
    if sitting is not None:
        return await _found_out(world, chance, sitting)
    node = world.anybody(chance)
    if node is None or node.member == world.unreachable:
        return False
    keys = node.keys
    world.net.impostor = Impostor(world, node.member, keys.receipt, keys.transport)
    world.stolen += [
        Stolen(node.member, keys.receipt, "receipt"),
        Stolen(node.member, keys.transport, "transport"),
    ]
    return True


async def _found_out(world: Fleet, chance: random.Random, sitting: Impostor) -> bool:
    """The owner revokes what was stolen, while he goes on; or he goes."""
    owner = world[sitting.member]
    if not owner.up or owner.keys.receipt is not sitting.receipt or chance.random() < 0.3:
        world.oracle.thief_is_gone()
        return False
    member_key = owner.keys.member
    assert member_key is not None
    for purpose in ("receipt", "transport"):
        key_id, _ = replaced(world, chance, owner, purpose)
        said = Revocation(owner.view.network_id, owner.member, key_id)
        spread(world, chance, owner, make(said, member_key))
    return True


async def thief_calls(world: Fleet, chance: random.Random) -> bool:
    """A thief calls in a member's name: he asks, has recovered what he can, repeats old pushes."""
    keys = [one for one in world.stolen if one.purpose == "transport"]
    owner = world.anybody(chance)
    if not keys and owner is not None:
        keys = [Stolen(owner.member, owner.keys.transport, "transport")]
        world.stolen += keys
    victims = [node for node in world.honest if node.up]
    if not keys or not victims:
        return False
    stolen, victim = chance.choice(keys), chance.choice(victims)
    if victim.member == stolen.member:
        return False
    dead = stolen.is_dead(victim)
    nonce = chance.randbytes(16)
    call = Message(stolen.member, victim.member, "", b"", nonce, victim.clock(), nonce)
    try:
        verify_request(signed_request(stolen.key, call), finder(victim))
    except RefusedRequestError:
        world.net.happened["thief_refused"] += dead
        return True
    if dead:
        why = f"{victim.member} let a call of {stolen.member} in under a dead transport key"
        world.oracle.wrong("accepted_forgeries", why)
    await _have(world, chance, stolen.member, victim)
    return True


async def _have(world: Fleet, chance: random.Random, member: str, victim: FleetNode) -> None:
    """What a call that is let in gets him: sizes and roots, and no entry of anybody."""
    lane = chance.choice(list(Lane))
    asked = Recover(1, Scope.EVERYTHING, None, 0)
    try:
        await victim.inbox.question(member, lane, chance.randbytes(16))
        found = await victim.handing_back.serve(member, lane, asked)
    except CrashedError as crashed:
        await world.revive(crashed.member)
        return
    if isinstance(found, Page) and victim.view.member(member).recovering is None:
        world.oracle.wrong("exposed", f"{victim.member} handed back to a thief of {member}")
    old = [m for m in world.net.sent if (m.sender, m.peer) == (member, victim.member)]
    if old:
        await world.net.arrive(chance.choice(old))


async def sealing_stolen(world: Fleet, chance: random.Random) -> bool:
    """Somebody copies a member's sealing keys, and opens what he recorded: that, and no more."""
    node = world.anybody(chance)
    if node is None:
        return False
    world.sealing_stolen |= {(node.member, key.public.key_id) for key in node.keys.sealing}
    seen = [message for message in world.net.sent if message.head]
    for message in chance.sample(seen, min(TRIED, len(seen))):
        for key in node.keys.sealing:
            opened = opens(key, message)
            meant = message.head[2:10].hex() == key.public.key_id
            world.net.happened["thief_read"] += opened
            if opened and not (meant and message.peer == node.member):
                world.oracle.wrong("exposed", f"a key of {node.member} opens what is another's")
    return True


def opens(key: SealingKey, message: Message) -> bool:
    """Whether this key opens a recorded push."""
    checkpoint = read_checkpoint(message.head[HEAD_BYTES:])
    start = int(message.path.rsplit("/", 1)[1])
    info = push.seal_info(
        push.Purpose.PUSH, push.SUITE, key.public.key_id, checkpoint, start, checkpoint.size
    )
    try:
        key.open(info, message.sealed)
    except UnsealError:
        return False
    return True


def _said_to_be_stolen(world: Fleet) -> list[Stolen]:
    """The log and receipt keys whose owner has said since when they were another's."""
    listed = world.umbrella.registry
    return [
        one
        for one in world.stolen
        if one.purpose in ("log", "receipt")
        and listed.member(one.member).turn(one.key_id).compromised_ms is not None
    ]


def _found_stolen(world: Fleet, chance: random.Random) -> list[Stolen]:
    """A member finds out that a key was stolen an hour ago, revokes it and says since when."""
    owner = world.anybody(chance)
    if owner is None or owner.keys.member is None:
        return []
    key_id, _ = replaced(world, chance, owner, chance.choice(("log", "receipt")))
    if not _said_to_be_stolen(world):
        state_theft(world, owner, key_id, owner.clock() - HOUR_MS)
        owner.view = world.umbrella.registry
    said = Revocation(owner.view.network_id, owner.member, key_id)
    spread(world, chance, owner, make(said, owner.keys.member))
    return _said_to_be_stolen(world)


async def backdated(world: Fleet, chance: random.Random) -> bool:
    """A hostile member and a thief make evidence of what a member never said, or never took.

    The owner has said since when the key was another's. No ledger bears their story out, so that
    nobody believes it, whatever time they write into it.
    """
    if world.hostile is None:
        return False
    dead = _said_to_be_stolen(world) or _found_stolen(world, chance)
    if not dead:
        return False
    listed = world.umbrella.registry
    stolen, villain = chance.choice(dead), world[world.hostile]
    pair = (stolen.member, villain.member)
    sender, receiver = pair if stolen.purpose == "log" else pair[::-1]
    log = stolen.key if stolen.purpose == "log" else villain.keys.log
    receipt = villain.keys.receipt if stolen.purpose == "log" else stolen.key
    item = f"{sender}.01J0000000000000000000{chance.randrange(1000):04d}"
    body = to_body(Withdrawal(item, None, world.now - 1))
    said = entry.encode(entry.compose(bytes(32), Kind.WITHDRAWAL, item.encode(), 0, receiver, body))
    from tests.simulation.hostile import origin_of  # noqa: PLC0415 - each knows the other

    origin = origin_of(world, sender, receiver, "status", chance.randbytes(8))
    checkpoint = Checkpoint(origin, 1, CompactRange().extend([entry.leaf(said)]).root)
    time_s = listed.issued_ms // 1000 - 90 * 86_400
    proof = Proof(
        sender,
        receiver,
        "status",
        origin.epoch.hex(),
        0,
        1,
        encode64(said),
        (),
        sign_checkpoint(checkpoint, log).decode(),
        cosign(checkpoint, receipt, time_s).decode(),
    )
    files = {name: encode64(raw) for name, raw in world.umbrella.files.items()}
    bundle = Bundle(
        TYPE, VERSION, listed.network_id, item, villain.member, time_s * 1000, (proof,), files
    )
    try:
        void = check(msgspec.json.encode(bundle), world.umbrella.pin).void
    except BrokenBundleError as error:
        void = [error]
        if error.step not in ("5", "6"):
            raise
    if not void:
        world.oracle.wrong("accepted_forgeries", f"evidence under a stolen key of {stolen.member}")
    return True


ROBBING = {
    "impostor": impostor,
    "thief_calls": thief_calls,
    "sealing_stolen": sealing_stolen,
    "backdated": backdated,
}
BY_ROBBERS = ("impostor_answers", "thief_read")
