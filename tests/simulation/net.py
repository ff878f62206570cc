"""A net that loses, delays, repeats, reorders, cuts and alters, and an attacker who sits in it.

A push that nothing touched goes straight to the peer's inbox; a request that was touched, or made
under another clock, goes through the real signatures, digests and replay memory of `node.peer`
first, as it would at a listener. What an attacker repeats without them (as if the gate had failed)
goes to the inbox itself: it must hold alone.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from keys.signing import VerifyKey
from node.peer.errors import (
    AlteredBodyError,
    BadAnswerError,
    ClocksDifferError,
    PeerRefusedError,
    PeerTimeoutError,
    PeerUnreachableError,
    RefusedRequestError,
    StaleRequestError,
)
from node.peer.http import signatures, wire
from node.peer.http.signatures import HttpRequest, HttpResponse
from node.peer.ledgers.ledger_exchange import LedgerExchange
from node.peer.transport import Reply
from protocol import answers
from protocol.answers import ANSWERS, Answer, AnswerCode, Position, Told
from protocol.checkpoint import read_checkpoint
from protocol.push import read_head
from protocol.vocabulary import Lane
from tests.simulation import ledgers
from tests.simulation.mortal import CrashedError
from tests.simulation.world import Wire

if TYPE_CHECKING:
    from keys.signing import SigningKey
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.robbing import Impostor

DAY_MS = 86_400_000
RATES = {
    "lose_request": 0.2,
    "lose_answer": 0.2,
    "delay": 0.15,
    "duplicate": 0.2,
    "repeat_old": 0.2,
    "replay": 0.2,
    "truncate": 0.1,
    "flip_bit": 0.1,
    "alter_answer": 0.1,
    "forge_sender": 0.1,
}
"""What may happen to a call, and how often at most while it may."""


@dataclass(frozen=True)
class Message:
    """One push as it was sent; `nonce` and `created_ms` are those of its signed request.

    A question has no path and no head; `sealed` is what it asks with.
    """

    sender: str
    peer: str
    path: str
    head: bytes
    sealed: bytes
    created_ms: int
    nonce: bytes


@dataclass
class Net:
    """The wires between all nodes, and what really happened on them."""

    world: Fleet
    rates: dict[str, float] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    sent: list[Message] = field(default_factory=list)
    late: list[tuple[int, Message]] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)
    rogue: Callable[[Message, Reply], Reply | None] | None = None
    """How a hostile member answers what it was sent; None: as the rules say."""
    withholds: bool = False
    """Whether the hostile member takes what comes, and gives no receipt, for ever."""
    tells_instead: bool = False
    """Whether a member that withholds receipts tells a state in their place; else nothing."""
    impostor: Impostor | None = None
    """Who answers in an honest member's place."""
    swallows: bool = False
    """Whether every push is lost now; questions are answered."""

    def strikes(self, name: str) -> bool:
        """Whether this happens now; it is counted."""
        happens = self.chance.random() < self.rates.get(name, 0.0)
        self.happened[name] += happens
        return happens

    async def push(self, message: Message) -> Reply:
        """Bring a push to its peer, or let something happen to it."""
        self.world.check_up(message.peer)
        await self._meanwhile(message)
        if self.swallows or self.strikes("lose_request"):
            raise PeerTimeoutError
        if self.strikes("delay"):
            due = self.world.now + self.chance.randrange(1_000, 5 * DAY_MS)
            self.late.append((due, message))
            raise PeerTimeoutError
        if self.impostor is not None and self.impostor.member == message.peer:
            return self.impostor.pushed(message)
        self.admit(message, self.altered(message))
        reply = await self.deliver(message)
        if self.strikes("duplicate"):
            reply = await self.deliver(message)
        return self.answered(message, reply)

    async def _meanwhile(self, message: Message) -> None:
        """What the attacker does while this is under way: he repeats what he has seen."""
        seen = [m for m in self.sent if (m.sender, m.peer) == (message.sender, message.peer)]
        self.sent.append(message)
        if seen and self.strikes("repeat_old"):
            await self.deliver(self.chance.choice(seen))
        if seen and self.strikes("replay"):
            self._replay(self.chance.choice(seen))

    def _replay(self, old: Message) -> None:
        """A request is made again, signature and all: what this process let in, it never does."""
        known = old.nonce in self.world[old.peer].let_in
        try:
            self.admit(old, old)
        except (PeerRefusedError, ClocksDifferError):
            return
        if known:
            self.world.oracle.wrong("accepted_forgeries", "a replayed request was let in")

    def altered(self, message: Message) -> Message:
        """What arrives of it, if something or somebody touches it on the way."""
        if self.strikes("truncate"):
            cut = self.chance.randrange(len(message.sealed))
            return replace(message, sealed=message.sealed[:cut])
        if self.strikes("flip_bit"):
            place = self.chance.randrange(len(message.head) + len(message.sealed))
            whole = bytearray(message.head + message.sealed)
            whole[place] ^= 1 << self.chance.randrange(8)
            end = len(message.head)
            return replace(message, head=bytes(whole[:end]), sealed=bytes(whole[end:]))
        others = sorted(set(self.world.nodes) - {message.sender, message.peer})
        if others and self.strikes("forge_sender"):
            forged = self.chance.choice(others)
            return replace(message, sender=forged)
        return message

    def admit(self, signed: Message, arrived: Message) -> None:
        """What the peer's listener asks of a request before its inbox sees it.

        Raises:
            PeerRefusedError, ClocksDifferError: as the sender is told.
        """
        node = self.world[arrived.peer]
        try:
            if signed is not arrived:
                _verify(self.world[signed.sender], node, signed, arrived)
            created_ms = signed.created_ms // 1000 * 1000
            node.replays.admit(signed.sender, signed.nonce, created_ms, node.clock())
            node.let_in.add(signed.nonce)
        except StaleRequestError:
            self.happened["clocks_refused"] += 1
            raise ClocksDifferError(signed.created_ms - node.clock()) from None
        except RefusedRequestError as error:
            raise PeerRefusedError(error.code) from None
        if signed != arrived:
            self.world.oracle.wrong("accepted_forgeries", "an altered push was let in")

    async def deliver(self, message: Message) -> Reply:
        """Hand a push to the peer's inbox; if that kills it, it comes back."""
        world = self.world
        if not world[message.peer].up:
            raise PeerUnreachableError
        if world.before_next_push == message.sender:
            world.before_next_push = None
            world.set_status(message.sender, "suspended")
            self.happened["suspended_mid_push"] += 1
        try:
            return await world.receive(
                message.sender, message.peer, message.path, message.head, message.sealed
            )
        except CrashedError as crashed:
            await world.revive(crashed.member)
            raise PeerUnreachableError from None

    async def deliver_late(self, *, everything: bool = False) -> None:
        """What was delayed arrives now if it is time; its sender has long given up waiting."""
        due = [entry for entry in self.late if everything or entry[0] <= self.world.now]
        self.late = [entry for entry in self.late if entry not in due]
        for _, message in sorted(due, key=lambda entry: entry[0]):
            if self.world[message.peer].up:
                self.happened["arrived_late"] += 1
                pair = (message.sender, message.peer)
                after = self.sent[self.sent.index(message) + 1 :]
                self.happened["reordered"] += any((m.sender, m.peer) == pair for m in after)
                await self.arrive(message)

    async def arrive(self, message: Message) -> None:
        """Hand a push to the peer's inbox while nobody waits for the answer, though it kills it."""
        with suppress(PeerUnreachableError):
            await self.deliver(message)

    def answered(self, message: Message, reply: Reply) -> Reply:
        """What the sender hears, if a hostile peer says it and the net lets it through."""
        if message.peer == self.world.hostile and self.withholds:
            if not self.tells_instead:
                raise PeerTimeoutError
            reply = _state_instead(message, reply)
        if message.peer == self.world.hostile and self.rogue is not None:
            reply = self.rogue(message, reply) or reply
        if self.strikes("lose_answer"):
            raise PeerTimeoutError
        if self.strikes("alter_answer"):
            altered = bytearray(reply.body)
            altered[self.chance.randrange(len(altered))] ^= 1
            self.check_answer(message, reply, bytes(altered))
        return reply

    def check_answer(self, message: Message, reply: Reply, body: bytes) -> None:
        """What the client asks of an answer: altered on the way, it never counts.

        Raises:
            CallError: it was not the peer's.
        """
        node = self.world[message.peer]
        signed = self.verify(message, reply, node.keys.transport)
        if hashlib.sha256(body).digest() != signed.body_sha256:
            raise BadAnswerError
        self.world.oracle.wrong("accepted_forgeries", "an altered answer counted")

    def verify(self, message: Message, reply: Reply, key: SigningKey) -> signatures.SignedAnswer:
        """Sign an answer under a member's transport key, and verify it as the client does.

        Raises:
            CallError: the sender does not believe this key.
        """
        sender, node = self.world[message.sender], self.world[message.peer]
        headers = CIMultiDict(
            {"Content-Type": wire.RECEIPT_TYPE, "Content-Digest": _digest(reply.body)}
        )
        request = signed_request(sender.keys.transport, message)
        response = HttpResponse(reply.status, headers, request)
        signatures.sign_answer(response, key, node.member, node.clock())
        return signatures.verify_answer(response, node.member, finder(sender))


class NetWire(Wire):
    """The transport of one node in a fleet."""

    world: Fleet

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Send a push into the net."""
        net = self.world.net
        created_ms = self.world[self.sender].clock()
        nonce = net.chance.randbytes(16)
        self.world.oracle.signed(self.sender, head[14:])
        self.world.oracle.sealed(self.sender, peer, head[2:10].hex())
        return await net.push(Message(self.sender, peer, path, head, sealed, created_ms, nonce))

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for a channel's state through the net."""
        net, world = self.world.net, self.world
        world.check_up(peer)
        created_ms = world[self.sender].clock()
        message = Message(self.sender, peer, "", b"", nonce, created_ms, net.chance.randbytes(16))
        if net.strikes("lose_request"):
            raise PeerTimeoutError
        if net.impostor is not None and net.impostor.member == peer:
            said = net.impostor.asked(message, lane)
            if said is not None:
                return said
        net.admit(message, message)
        world.nodes[peer].delivery.contact(self.sender)
        answer = await world.nodes[peer].inbox.question(self.sender, lane, nonce)
        reply = Reply(ANSWERS[answer.code].status, answers.to_bytes(answer))
        return net.answered(message, reply)

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """Pull through the net: it loses, repeats and alters on both ways."""
        del wait_s
        net, world = self.world.net, self.world
        world.check_up(peer)
        created_ms = world[self.sender].clock()
        message = Message(self.sender, peer, path, b"", body, created_ms, net.chance.randbytes(16))
        if net.strikes("lose_request"):
            raise PeerTimeoutError
        net.admit(message, net.altered(message))
        world.nodes[peer].delivery.contact(self.sender)
        try:
            reply = await world.serve(self.sender, peer, path, body)
            if net.strikes("duplicate"):
                reply = await world.serve(self.sender, peer, path, body)
        except CrashedError as crashed:
            await world.revive(crashed.member)
            raise PeerUnreachableError from None
        return net.answered(message, reply)

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Hand a head of our ledger to a witness through the net."""
        return await ledgers.add_checkpoint(self.world, self.sender, peer, body)

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Show something of our ledger and be shown it of theirs through the net."""
        return await ledgers.exchange(self.world, (self.sender, peer), about, body)


def _digest(body: bytes) -> str:
    return signatures.digest_field(hashlib.sha256(body).digest())


def signed_request(key: SigningKey, message: Message) -> HttpRequest:
    """The request by which this was sent, signed by that transport key."""
    body = message.head + message.sealed
    headers = CIMultiDict(
        {
            "Content-Digest": _digest(body),
            "Content-Type": wire.PUSH_TYPE,
            "Content-Length": str(len(body)),
        }
    )
    endpoint = f"https://{message.peer}.example:8441"
    request = HttpRequest("PUT", f"{endpoint}{message.path or '/'}", headers)
    signatures.sign_request(request, key, message.sender, message.created_ms, message.nonce)
    return request


def finder(node: FleetNode) -> signatures.FindKey:
    """Which transport keys a node believes now."""

    def find(member: str, key_id: str) -> VerifyKey:
        return node.registry().member(member).signing_key("transport", key_id, node.clock())

    return find


def _state_instead(message: Message, reply: Reply) -> Reply:
    """It took a push, and says that it holds it, in the place of the receipt."""
    if not message.head or reply.status != ANSWERS[AnswerCode.STATE].status:
        return reply
    note = read_head(message.head).note
    held = read_checkpoint(note)
    told = Told(Position(held.origin.epoch, held.size, held.root), note, ())
    code = AnswerCode.WRONG_START
    return Reply(ANSWERS[code].status, answers.to_bytes(Answer(1, code, told, None)))


def _verify(sender: FleetNode, receiver: FleetNode, signed: Message, arrived: Message) -> None:
    """Sign what was sent; verify what arrived under that signature.

    Raises:
        RefusedRequestError: it is not what was signed.
    """
    request = signed_request(sender.keys.transport, signed)
    if arrived.sender != signed.sender:
        forged = request.headers["Signature-Input"].replace(signed.sender, arrived.sender)
        request.headers["Signature-Input"] = forged
    caller = signatures.verify_request(request, finder(receiver))
    body = hashlib.sha256(arrived.head + arrived.sealed).digest()
    if body != caller.body_sha256:
        raise AlteredBodyError
