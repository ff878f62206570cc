"""Keys that turn while their node runs, with messages under way, and what goes wrong around that.

A successor is published first and used when its turn has begun and the node's own view has it
(docs/protocol.md §3.8), as `hotline keys rotate` and `node.keeping` do it with files. Around the
turn the node may die or come back from a backup, in which the keys may be those of before as well.
What was replaced is retired a week later; whoever kept a copy tries it again (`thief.py`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from keys.errors import UnknownKeyError
from keys.keyring import SEALING_GRACE_MS, SEALING_PERIOD_MS, MemberKeys
from keys.sealing import SealingKey
from keys.signing import SigningKey
from keys.succession import carried, in_use, succeeded
from protocol.versions import spoken
from tests.builders.network import NOW_MS, default_endpoint, member_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.member import MemberDocument
    from tests.simulation.fleet import Fleet, FleetNode

HOUR_MS: Final = 3_600_000
Turned = Literal["log", "receipt", "transport"]
TURNED: Final[tuple[Turned, ...]] = ("log", "receipt", "transport")
MONTHS: Final = 24
"""For so long a member publishes keys to seal to; here the last of them stands for all."""
SEALING: Final = 0.25
"""How often it is a key to seal to that turns."""
AROUND: Final = ("", "", "crash", "restored", "rolled_back", "old_keys")


@dataclass(frozen=True)
class Stolen:
    """A copy of a member's key that somebody else has."""

    member: str
    key: SigningKey
    purpose: Turned = "log"

    @property
    def key_id(self) -> str:
        """The id of the key."""
        return self.key.public.key_id

    def is_dead(self, node: FleetNode, at_ms: int | None = None) -> bool:
        """Whether a node knows that it is revoked, or that its turn was over at `at_ms`; now."""
        return self.key_id in node.notes.own(self.member) or self.is_retired(node, at_ms)

    def is_retired(self, node: FleetNode, at_ms: int | None = None) -> bool:
        """Whether its turn is over, by the registry and the clock of who is to believe it."""
        turn = node.view.member(self.member).turn(self.key_id)
        return turn.is_over(node.clock() if at_ms is None else at_ms)


@dataclass
class Drawer:
    """The key files of one node beside those in use, and what is to happen at its next turn.

    `ends`: when each sealing key's time is over (ms UTC), by key id. `around`: what happens when
    the next key is taken up; `due`: that happens now. `of_backup`: the keys that lie beside the
    last backup.
    """

    coming: dict[Turned, SigningKey] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    around: str = ""
    due: str = ""
    of_backup: tuple[MemberKeys, Mapping[Turned, SigningKey]] | None = None


@cache
def fresh_key(purpose: str, member: str, number: int) -> SigningKey:
    """A fresh key, made once in a process."""
    del member, number
    return SigningKey.generate(hybrid=purpose != "transport")


@cache
def fresh_sealing_key(member: str, number: int) -> SealingKey:
    """A fresh key to seal to, made once in a process."""
    del member, number
    return SealingKey.generate()


def next_document(world: Fleet, node: FleetNode) -> MemberDocument:
    """A member's document over the keys that it uses, with what others still need beside them."""
    registry = world.umbrella.registry
    end_ms = NOW_MS + MONTHS * SEALING_PERIOD_MS
    ids = [key.public.key_id for key in node.keys.sealing]
    reachable = node.member != world.unreachable
    node.document_sequence += 1
    fresh = node.keys.document(
        network=registry.network_id,
        member=node.member,
        sequence=node.document_sequence,
        endpoint=default_endpoint(node.member) if reachable else None,
        reachable=reachable,
        capabilities=spoken(),
        sealing_not_after_ms={i: node.drawer.ends.get(i, end_ms) for i in ids},
    )
    fresh = replace(fresh, recovering=node.recovering)
    return carried(fresh, registry.member(node.member), node.clock())


def publish(world: Fleet, node: FleetNode, document: MemberDocument | None = None) -> None:
    """The umbrella takes a member's document; None: over the keys that it uses now."""
    document = document or next_document(world, node)
    version = world.umbrella.state.role(node.member)[0] + 1
    world.umbrella = world.umbrella.accept(member_files(document, version, key=node.keys.member))


def rotate(world: Fleet, node: FleetNode, purpose: Turned, from_ms: int) -> SigningKey:
    """Publish a successor that is to be used from `from_ms` on, by the member's own clock."""
    key = fresh_key(purpose, node.member, node.document_sequence)
    document = next_document(world, node)
    network_id = world.umbrella.registry.network_id
    publish(world, node, succeeded(document, network_id, purpose, key, from_ms))
    return key


def replace_now(world: Fleet, node: FleetNode, purpose: Turned) -> SigningKey:
    """Publish a successor and use it at once, with a stopped node; return what it replaces."""
    before: SigningKey = getattr(node.keys, purpose)
    key = rotate(world, node, purpose, node.clock())
    node.drawer.coming.pop(purpose, None)
    node.keys = with_key(node.keys, purpose, key)
    return before


def replace_sealing(world: Fleet, node: FleetNode) -> None:
    """Publish another key to seal to, and destroy those before it."""
    node.sealing.forget([key.public.key_id for key in node.keys.sealing])
    key = fresh_sealing_key(node.member, node.document_sequence)
    node.keys = replace(node.keys, sealing=(key,))
    publish(world, node)


def state_theft(world: Fleet, node: FleetNode, key_id: str, since_ms: int) -> None:
    """The owner publishes since when a key of its was another's."""
    document = next_document(world, node)
    stolen = replace(document.turn(key_id), compromised_ms=since_ms)
    publish(world, node, replace(document, turns={**document.turns, key_id: stolen}))


def with_key(keys: MemberKeys, purpose: Turned, key: SigningKey) -> MemberKeys:
    """The same keys with another one of this purpose."""
    return replace(keys, **{purpose: key})  # type: ignore[arg-type] # each purpose has a field


async def key_turn(world: Fleet, chance: random.Random) -> bool:
    """A successor is published; the node takes it up while it runs, at once or half a day later."""
    node = world.anybody(chance)
    if node is None:
        return False
    lead_ms = chance.choice([0, HOUR_MS, 12 * HOUR_MS])
    if chance.random() < SEALING:
        turn_sealing(world, node, node.clock() + lead_ms)
        return True
    purpose = chance.choice(TURNED)
    if purpose in node.drawer.coming:
        return False  # one at a time, as `hotline keys rotate` has it
    node.drawer.around = chance.choice(AROUND)
    if node.drawer.around not in ("", "crash"):
        node.save()
    node.drawer.coming[purpose] = rotate(world, node, purpose, node.clock() + lead_ms)
    return True


async def old_keys_back(world: Fleet, chance: random.Random) -> bool:
    """A key turns at once; then disk and keys of just before the turn come back."""
    node = world.anybody(chance)
    idle = [] if node is None else [one for one in TURNED if one not in node.drawer.coming]
    if node is not None and idle:
        purpose = chance.choice(idle)
        node.save()
        node.drawer.coming[purpose] = rotate(world, node, purpose, node.clock())
        node.drawer.around, node.wants_registry = "old_keys", True
    return False  # counted when it happens


def turn_sealing(world: Fleet, node: FleetNode, end_ms: int) -> None:
    """Another key to seal to, beside the present ones, whose time ends soon."""
    key = fresh_sealing_key(node.member, node.document_sequence)
    for old in node.keys.sealing:
        before_ms = node.drawer.ends.get(old.public.key_id, end_ms)
        node.drawer.ends[old.public.key_id] = min(before_ms, end_ms)
    node.keys = replace(node.keys, sealing=(*node.keys.sealing, key))
    publish(world, node)


def take_up(world: Fleet, node: FleetNode) -> None:
    """What a running node does about its keys after each look at the registry."""
    document, now_ms = node.view.member(node.member), node.clock()
    revoked = node.notes.own(node.member)
    for purpose, key in list(node.drawer.coming.items()):
        if in_use(document, purpose, now_ms, revoked) != key.public.key_id:
            continue
        world.stolen.append(Stolen(node.member, getattr(node.keys, purpose), purpose))
        node.keys = with_key(node.keys, purpose, key)
        del node.drawer.coming[purpose]
        world.net.happened["key_taken_up"] += 1
        node.drawer.due, node.drawer.around = node.drawer.around, ""
    world.net.happened["sealing_destroyed"] += _destroy(node, document, now_ms)
    node.use_keys()


def _destroy(node: FleetNode, document: MemberDocument, now_ms: int) -> int:
    """Destroy the sealing keys whose time ended a week ago; how many it has that were."""
    over = {
        published.key.key_id
        for published in document.sealing
        if published.key.key_id in node.drawer.ends  # else its member publishes the next in time
        and published.not_after_ms + SEALING_GRACE_MS <= now_ms
    }
    left = tuple(key for key in node.keys.sealing if key.public.key_id not in over)
    destroyed = len(node.keys.sealing) - len(left)
    if destroyed:
        node.keys = replace(node.keys, sealing=left)
        node.sealing.forget(over)
    return destroyed


async def interrupt(world: Fleet, node: FleetNode) -> None:
    """What happens to a node that has just taken up a key."""
    what, node.drawer.due = node.drawer.due, ""
    world.net.happened["turn_interrupted"] += 1
    if what == "crash" or node.backup is None:
        await node.bounce()
        return
    if what == "old_keys" and node.drawer.of_backup is not None:
        world.net.happened["keys_of_backup"] += 1
        keys, coming = node.drawer.of_backup
        node.keys, node.drawer.coming = keys, dict(coming)
    await node.roll_back(said=what != "rolled_back")


def mend_keys(world: Fleet) -> None:
    """People see that a key in use serves no more, and publish another.

    So it is after the keys of an old backup came back; `hotline keys status` and the doctor say it.
    The turn of such a key may end only days after the faults did, so people look again as days go.
    """
    for node in world.honest:
        document = world.umbrella.registry.member(node.member)
        for purpose in TURNED:
            if not _serves(document, purpose, node, world.now):
                replace_now(world, node, purpose)
        if not _can_open(node, world.umbrella.registry.member(node.member), world.now):
            turn_sealing(world, node, world.now)
        if node.up:
            node.use_keys()


def _serves(document: MemberDocument, purpose: Turned, node: FleetNode, now_ms: int) -> bool:
    key_id = getattr(node.keys, purpose).public.key_id
    serving = {key.key_id for key in document.serving(purpose, now_ms)}
    return key_id in serving - node.notes.own(node.member)


def _can_open(node: FleetNode, document: MemberDocument, now_ms: int) -> bool:
    """Whether a member has every key that others may seal to from now on."""
    lasting = {key.key.key_id for key in document.sealing if key.not_after_ms > now_ms}
    try:
        wanted = lasting | {document.sealing_key_at(now_ms).key_id}
    except UnknownKeyError:  # its last one was revoked
        return False
    return wanted <= {key.public.key_id for key in node.keys.sealing}


def judge_turns(world: Fleet) -> Iterator[tuple[str, str]]:
    """G7: every key in use serves, and no successor lies idle whose turn has begun."""
    for node in world.honest:
        document = world.umbrella.registry.member(node.member)
        for purpose in TURNED:
            if not _serves(document, purpose, node, world.now):
                yield "idle_key", f"{node.member}: its {purpose} key serves no more"
        for purpose, key in node.drawer.coming.items():
            if _has_begun(document, purpose, key.public.key_id, world.now):
                yield "idle_key", f"{node.member}: its next {purpose} key was never taken up"
        if not _can_open(node, document, world.now):
            yield "idle_key", f"{node.member}: others seal to a key that it has no more"


def _has_begun(document: MemberDocument, purpose: Turned, key_id: str, now_ms: int) -> bool:
    """Whether this key's turn began, and no other's after it; of two at once the greater id's."""
    ids = [published.key.key_id for published in document.published(purpose)]
    begun = [(document.turn(i).from_ms, i) for i in ids if document.turn(i).from_ms <= now_ms]
    return max(begun, default=(0, ""))[1] == key_id


TURNING = {"key_turn": key_turn, "old_keys_back": old_keys_back}
"""Kinds of faults; what follows from them is counted under `BY_TURNS`."""
BY_TURNS = (
    *("key_taken_up", "turn_interrupted", "keys_of_backup", "retired_refused"),
    "sealing_destroyed",
)
