"""What a hostile member does, and an attacker who owns the net but no key of an honest member.

The hostile member runs a real node, so that it is believed; beside it, it signs what it likes with
its own keys, writes what it likes into its own outbox, and answers as it likes.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from node.peer.errors import PeerTimeoutError
from node.peer.transport import Reply
from protocol import answers, entry, push
from protocol.answers import ANSWERS, NOTHING, Answer, AnswerCode, Told
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.merkle import CompactRange
from protocol.vocabulary import Kind, Lane
from tests.simulation.looking import rows
from tests.simulation.mortal import CrashedError
from tests.simulation.net import Message
from tests.simulation.oracle import read_entry

if TYPE_CHECKING:
    from keys.signing import SigningKey
    from tests.simulation.fleet import Fleet, FleetNode

Act = Callable[["Fleet", random.Random], Awaitable[bool]]


def _villain(world: Fleet) -> FleetNode | None:
    node = None if world.hostile is None else world[world.hostile]
    return node if node is not None and node.up else None


async def present(
    world: Fleet,
    checkpoint: Checkpoint,
    key: SigningKey,
    start: int,
    entries: list[bytes],
    *,
    keep_lines: int = 9,
) -> Reply | None:
    """Push this under that signature to the inbox that it names; None: it is down."""
    origin = checkpoint.origin
    victim = world[origin.receiver]
    if not victim.up:
        return None
    note = sign_checkpoint(checkpoint, key)
    text, _, lines = note.decode().partition("\n\n")
    kept = lines.splitlines(keepends=True)[:keep_lines]
    note = f"{text}\n\n{''.join(kept)}".encode()
    sealing = world.umbrella.registry.member(victim.member).sealing_key_at(world.now)
    info = push.seal_info(
        push.Purpose.PUSH, push.SUITE, sealing.key_id, checkpoint, start, checkpoint.size
    )
    head = push.PushHead(push.SUITE, sealing.key_id, note).to_bytes()
    path = push.push_path(origin, start)
    try:
        return await world.receive(
            origin.sender, origin.receiver, path, head, sealing.seal(info, push.frame(entries))
        )
    except CrashedError as crashed:
        await world.revive(crashed.member)
        return None


def held_epochs(victim: FleetNode, sender: str) -> list[tuple[str, bytes, list[bytes]]]:
    """The open epochs that a member holds of another: lane, epoch, leaves."""
    found = []
    for lane, epoch, size in rows(
        victim, "SELECT lane, epoch, size FROM channels_in WHERE peer = ? AND stopped IS NULL"
        " ORDER BY lane", sender,
    ):  # fmt: skip
        leaves = rows(
            victim, "SELECT leaf FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ?"
            " AND idx < ? ORDER BY idx", sender, lane, epoch, size,
        )  # fmt: skip
        found.append((lane, epoch, [leaf for (leaf,) in leaves]))
    return found


def origin_of(world: Fleet, sender: str, receiver: str, lane: str, epoch: bytes) -> Any:
    """The origin of an epoch."""
    network = world.umbrella.registry.network_id
    return Channel(network, sender, receiver, Lane(lane)).origin(epoch)


async def fork(world: Fleet, chance: random.Random) -> bool:
    """Another root is signed for a size that the victim holds."""
    villain = _villain(world)
    victim = chance.choice(world.honest)
    held = [] if villain is None or not victim.up else held_epochs(victim, villain.member)
    if villain is None or not held:
        return False
    lane, epoch, leaves = chance.choice(held)
    size = chance.randrange(1, len(leaves) + 1)
    origin = origin_of(world, villain.member, victim.member, lane, epoch)
    checkpoint = Checkpoint(origin, size, chance.randbytes(32))
    reply = await present(world, checkpoint, villain.keys.log, size - 1, [b"x"])
    if reply is None:
        return False
    world.oracle.forks.add((victim.member, lane))
    return True


async def graft(world: Fleet, chance: random.Random) -> bool:
    """A larger checkpoint that does not extend what was signed before."""
    villain = _villain(world)
    victim = chance.choice(world.honest)
    held = [] if villain is None or not victim.up else held_epochs(victim, villain.member)
    if villain is None or not held:
        return False
    lane, epoch, leaves = chance.choice(held)
    origin = origin_of(world, villain.member, victim.member, lane, epoch)
    checkpoint = Checkpoint(origin, len(leaves) + 1, chance.randbytes(32))
    reply = await present(world, checkpoint, villain.keys.log, len(leaves), [b"x"])
    return reply is not None


async def impersonate(world: Fleet, chance: random.Random) -> bool:
    """Somebody else speaks for an honest member: with a key of his own, or half a signature."""
    victim, sender = chance.sample(world.honest, 2)
    held = held_epochs(victim, sender.member) if victim.up else []
    if not held:
        return False
    lane, epoch, leaves = chance.choice(held)
    said = b"\x95\x01\x10\xc4\x20" + chance.randbytes(32) + b"\xc4\x10" + bytes(16) + b"\x90"
    edge = CompactRange().extend([*leaves, entry.leaf(said)])
    origin = origin_of(world, sender.member, victim.member, lane, epoch)
    checkpoint = Checkpoint(origin, len(leaves) + 1, edge.root)
    stolen = chance.random() < 0.5
    key = sender.keys.log if stolen else victim.keys.log
    lines = 1 if stolen else 9  # of the two halves of a signature, one alone
    reply = await present(world, checkpoint, key, len(leaves), [said], keep_lines=lines)
    if reply is not None and reply.status == 200:
        world.oracle.wrong("accepted_forgeries", f"{victim.member} took it for {sender.member}'s")
    return reply is not None


async def garbage_body(world: Fleet, chance: random.Random) -> bool:
    """A checkpoint that was receipted comes again, around another body."""
    seen = [m for m in world.net.sent if world[m.peer].up]
    if not seen:
        return False
    old = chance.choice(seen)
    if old.sender != world.hostile and not _is_receipted(world, old):
        return False
    junk = chance.randbytes(len(old.sealed))
    await world.net.arrive(
        Message(old.sender, old.peer, old.path, old.head, junk, old.created_ms, old.nonce)
    )
    return True


def _is_receipted(world: Fleet, message: Message) -> bool:
    text = message.head[14:].decode().split("\n\n", 1)[0]
    return (message.peer, text) in world.oracle.receipts


async def bad_entries(world: Fleet, chance: random.Random) -> bool:
    """Entries that are no entries, of unknown kinds, or of ids that were used for other things."""
    villain = _villain(world)
    if villain is None:
        return False
    peer = chance.choice(world.honest).member
    said = rows(villain, "SELECT entry FROM messages_out WHERE peer = ? ORDER BY seq", peer)
    choices = [
        chance.randbytes(chance.randrange(1, 90)),
        some_entry(chance, kind=chance.choice([16, 17, 32, 33, 34, 77]), body=b"\x91\xc0"),
        some_entry(chance, kind=100, body=b"\x90"),
        b"\x95\x07" + some_entry(chance, kind=16, body=b"\x90")[2:],
    ]
    if said:
        kind, identity = read_entry(chance.choice(said)[0])
        if len(identity) == 32 and 0 <= kind < 128:
            choices += 2 * [some_entry(chance, kind=kind, body=b"\x91\x05", identity=identity)]
    raw = chance.choice(choices)

    def put(connection: Any) -> None:
        (seq,) = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM messages_out").fetchone()
        lane = chance.choice(["reports", "status"])
        connection.execute(
            "INSERT INTO messages_out VALUES (?, ?, ?, 1, ?, ?, NULL, ?, 0)",
            (seq, peer, lane, chance.randbytes(32), int(Kind.TOMBSTONE), raw),  # goes on each lane
        )
        connection.execute("INSERT INTO waiting_out VALUES (?, ?, 1, ?)", (peer, lane, seq))

    try:
        await villain.store.writer.run(put)
    except CrashedError as crashed:
        await world.revive(crashed.member)
    return True


def some_entry(
    chance: random.Random, *, kind: int, body: bytes, identity: bytes | None = None
) -> bytes:
    """An entry of that kind with that body; by its id nobody knows it unless one is given."""
    name = identity or chance.randbytes(32)
    return b"\x95\x01" + bytes((kind,)) + b"\xc4\x20" + name + b"\xc4\x10" + bytes(16) + body


async def denies(world: Fleet, chance: random.Random) -> bool:
    """The hostile member gives receipts, then behaves as if it had never held what they cover."""
    villain = _villain(world)
    if villain is None:
        return False
    if villain.backup is None or chance.random() < 0.5:
        villain.save()
        return False
    before = {node.member: _receipted_by(node, villain.member) for node in world.honest}
    await villain.roll_back(said=False)
    for member, sizes in before.items():
        for (lane, epoch), size in sizes.items():
            held = rows(
                villain, "SELECT count(*) FROM entries_in WHERE peer = ? AND lane = ?"
                " AND epoch = ?", member, lane, epoch,
            )[0][0]  # fmt: skip
            if held < size:
                world.oracle.denied[member, lane] = world.oracle.disks[member]
    return True


def _receipted_by(node: FleetNode, peer: str) -> dict[tuple[str, bytes], int]:
    found = rows(
        node, "SELECT lane, epoch, max(size) FROM checkpoints_out WHERE peer = ?"
        " AND receipt IS NOT NULL GROUP BY lane, epoch", peer,
    )  # fmt: skip
    return {(lane, epoch): size for lane, epoch, size in found}


def _withhold(message: Message, reply: Reply) -> Reply | None:
    del message, reply
    raise PeerTimeoutError


def _garbage(message: Message, reply: Reply) -> Reply | None:
    del reply
    return Reply(200, message.nonce * 20)


def _busy(message: Message, reply: Reply) -> Reply | None:
    del message, reply
    code = AnswerCode.BUSY
    return Reply(ANSWERS[code].status, answers.to_bytes(Answer(1, code, None, None)))


def _nothing(message: Message, reply: Reply) -> Reply | None:
    """It says that it holds nothing, whatever it gave receipts for."""
    del reply
    code = AnswerCode.WRONG_START if message.path else AnswerCode.STATE
    nonce = None if message.path else message.sealed
    answer = Answer(1, code, Told(NOTHING, None, ()), nonce)
    return Reply(ANSWERS[code].status, answers.to_bytes(answer))


def wavering() -> Callable[[Message, Reply], Reply | None]:
    """It says now that it holds nothing, now what it holds, so that there is no end of it."""
    truths: list[Told] = []
    turn = 0

    def answer(message: Message, reply: Reply) -> Reply | None:
        nonlocal turn
        turn += 1
        if not message.path:
            told = answers.from_bytes(reply.body).told
            truths[:] = truths if told is None or told == EMPTY else [told]
        if turn % 2 or not truths:
            return _nothing(message, reply)
        code = AnswerCode.WRONG_START if message.path else AnswerCode.STATE
        nonce = None if message.path else message.sealed
        said = Answer(1, code, truths[0], nonce)
        return Reply(ANSWERS[code].status, answers.to_bytes(said))

    return answer


EMPTY = Told(NOTHING, None, ())


async def answers_badly(world: Fleet, chance: random.Random) -> bool:
    """From now on, or until next time: receipts withheld or denied, garbage, always busy."""
    if _villain(world) is None:
        return False
    world.net.rogue = chance.choice([_withhold, _garbage, _busy, _nothing, wavering(), None])
    return world.net.rogue is not None


async def takes_part(world: Fleet, chance: random.Random) -> bool:
    """The hostile member reports as everybody does, so that there is something to betray."""
    villain = _villain(world)
    if villain is None:
        return False
    country = chance.choice([node.member[:2] for node in world.honest])
    number = chance.randrange(10)
    try:
        await villain.submit(f"https://{country}{number}.example/{number}.jpg")
    except CrashedError as crashed:
        await world.revive(crashed.member)
    return True


HOSTILE: dict[str, Act] = {
    "fork": fork,
    "graft": graft,
    "impersonate": impersonate,
    "garbage_body": garbage_body,
    "bad_entries": bad_entries,
    "denies": denies,
    "answers_badly": answers_badly,
    "takes_part": takes_part,
}
