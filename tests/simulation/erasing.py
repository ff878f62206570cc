"""People erase items: one somewhere begins, whoever holds it by the same id follows.

Nobody erases at another member (docs/protocol.md §8.8): the person there does, when a withdrawal
or the news stands before it, and once more where a backup brought the item back. The oracle
remembers by which names each member knew what it erased, and which entries were about it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import CaseworkError
from node.casework.item import ItemState
from node.store.items.queries import ItemQuery
from tests.protocol import oracle as second
from tests.simulation.looking import looked_into
from tests.simulation.mortal import CrashedError

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

Wrong = tuple[str, str]
OUTCOME = 33
CARRYING = frozenset({16, 17, OUTCOME, 35})
"""Item, Sighted, Outcome, PeerMessage: kinds that say more than ids and codes."""
SAID_OF_ERASURE = frozenset({15, 16, 17})
"""Events that stay with an erased item: erased here, erased there, what came late is buried."""


@dataclass
class Erased:
    """What people erased at one member. A disk that is lost forgets it (§14 of the protocol)."""

    names: dict[str, int] = field(default_factory=dict)
    """Each name of what was erased, and the number of the disk that it was last erased on."""
    leaves: dict[bytes, int] = field(default_factory=dict)
    """Entries that were about it when it was erased, and on which disk of the member."""
    given_back: set[bytes] = field(default_factory=set)
    """What was said with the erasure itself: which of several members has the item again."""


def names_of(state: ItemState) -> set[str]:
    """Every id under which an item is known, here and at those who told of it."""
    return {state.id, *state.aliases, *(i.item_id for i in state.informants)}


async def erase(world: Fleet, chance: random.Random) -> bool:
    """A person erases an item; what the rules forbid stays."""
    up = [node for node in world.honest if node.up and not node.desk.closed()]
    node = chance.choice(up) if up else None
    found = [] if node is None else await node.store.queries.items(ItemQuery())
    if node is None or not found:
        return False
    return await erase_at(world, node, chance.choice(found), chance.choice(list(Cause)))


async def erase_at(world: Fleet, node: FleetNode, state: ItemState, cause: Cause) -> bool:
    """Erase at one member, and once more if the node died over it; whether it was erased."""
    known = world.oracle.erased[node.member]
    about = _leaves_about(node, names_of(state))
    for _ in range(2):
        try:
            await node.desk.erase(state.id, ErasureDraft(cause), actor="head")
        except CrashedError as crashed:
            await world.revive(crashed.member)
            if await node.desk.item(state.id) is not None:
                continue
        except CaseworkError as error:
            world.trace.append(f"refused {error.code}")
            return False
        break
    disk = world.oracle.disks[node.member]
    known.names.update(dict.fromkeys(names_of(state), disk))
    known.leaves.update(dict.fromkeys(about, disk))
    known.given_back.update({*_leaves_about(node, names_of(state))} - {*about})
    world.oracle.gone_by_word |= names_of(state)
    world.oracle.sighted_in_gone |= {one.sighting_id for one in state.sightings}
    return True


async def people_follow(world: Fleet) -> bool:
    """Whoever still holds what was erased, by the same id, erases it too; whether anybody did."""
    followed = False
    for node in (one for one in world.honest if not one.desk.closed()):
        for state in await node.store.queries.items(ItemQuery(limit=10_000)):
            here = state.id in world.oracle.erased[node.member].names
            if here or state.id in world.oracle.gone_by_word:
                followed |= await erase_at(world, node, state, Cause.WITHDRAWAL)
    return followed


def judge_erasures(world: Fleet) -> Iterator[Wrong]:
    """§8.8: no body is left, what was about it has its tombstone, and nothing else is gone."""
    for node in world.honest:
        with looked_into(node) as connection:
            execute = connection.execute
            for rule in (_no_body_left, _tombstones_stand, _nothing_else_gone):
                for what, why in rule(world, node, execute):
                    yield what, f"{node.member}: {why}"


def _no_body_left(world: Fleet, node: FleetNode, execute: Any) -> Iterator[Wrong]:
    known, present = world.oracle.erased[node.member], world.oracle.disks[node.member]
    names = known.names
    here = {item for (item,) in execute("SELECT id FROM items").fetchall()}
    for item in sorted(here & names.keys()):
        yield "erased", f"{item} is here again"
    erased = {name for name, disk in names.items() if disk == present}
    alive = _alive(world, node)
    for leaf, kind, item in _bodies(execute):
        said_with_it = kind == OUTCOME and leaf in known.given_back
        if kind in CARRYING and item in erased - alive and not said_with_it:
            yield "erased", f"an entry of kind {kind} about {item} has its body"
    for item, kind in execute("SELECT item, kind FROM events WHERE body IS NOT NULL").fetchall():
        if item in erased and kind not in SAID_OF_ERASURE:
            yield "erased", f"an event of kind {kind} of {item} has its body"


def _tombstones_stand(world: Fleet, node: FleetNode, execute: Any) -> Iterator[Wrong]:
    buried = {leaf for (leaf,) in execute("SELECT leaf FROM tombstones").fetchall()}
    present = world.oracle.disks[node.member]
    for leaf, disk in world.oracle.erased[node.member].leaves.items():
        if disk == present and leaf not in buried:
            yield "erased", "an erased entry has no tombstone"
    for leaf, kind, _ in _bodies(execute):
        if leaf in buried:
            yield "erased", f"an entry of kind {kind} has a tombstone and a body"


def _nothing_else_gone(world: Fleet, node: FleetNode, execute: Any) -> Iterator[Wrong]:
    erased = world.oracle.erased[node.member].names
    for (item,) in execute("SELECT DISTINCT item FROM events WHERE body IS NULL").fetchall():
        if item not in erased:
            yield "lost", f"an event of {item}, which nobody erased, has no body"
    never_came = world.oracle.gone_by_word - _alive(world, node)
    for (item,) in execute("SELECT DISTINCT item FROM tombstones").fetchall():
        if item not in never_came and item not in erased:
            yield "lost", f"entries about {item}, which nobody erased, are buried"
    bare = execute(
        "SELECT count(*) FROM entries_in e WHERE entry IS NULL AND NOT EXISTS (SELECT 1"
        " FROM tombstones t WHERE t.sent = 0 AND t.peer = e.peer AND t.leaf = e.leaf)"
        " UNION ALL SELECT count(*) FROM messages_out m WHERE entry IS NULL AND NOT EXISTS (SELECT"
        " 1 FROM tombstones t WHERE t.sent = 1 AND t.peer = m.peer AND t.entry_id = m.entry_id)"
    ).fetchall()
    if any(count for (count,) in bare):
        yield "lost", "an entry has neither a body nor a tombstone"


def _alive(world: Fleet, node: FleetNode) -> set[str]:
    """Names of items that are here: an id that was erased may have become another's alias."""
    return {name for state in world.oracle.disk_of(node).items.values() for name in names_of(state)}


def _bodies(execute: Any) -> Iterator[tuple[bytes, int, str | None]]:
    """Leaf, kind and item of each entry that has its body, read without the node's code.

    What is in quarantine nobody has read: of who comes back it is judged, and goes then; of who was
    expelled it goes once its time is over (`keep_refused_days`).
    """
    held = "SELECT entry FROM entries_in WHERE entry IS NOT NULL AND judged <> 3"
    rows = execute(held).fetchall()
    rows += execute("SELECT entry FROM messages_out WHERE entry IS NOT NULL").fetchall()
    for (entry,) in rows:
        yield _leaf(entry), *_kind_and_item(entry)


def _kind_and_item(raw: bytes) -> tuple[int, str | None]:
    try:
        _, kind, _, _, body = second.unpack(raw)
    except Exception:  # noqa: BLE001 - whatever a hostile member wrote
        return 0, None
    item = body[0] if isinstance(body, list) and body else None
    if kind == OUTCOME and ("erased" in body or "withdrawn" in body):
        return 0, None  # that it was erased, or a verdict taken back: this stays, as proof
    return kind, item if isinstance(item, str) else None


def _leaves_about(node: FleetNode, names: set[str]) -> list[bytes]:
    with looked_into(node) as connection:
        return [
            leaf
            for leaf, kind, item in _bodies(connection.execute)
            if kind in CARRYING and item in names
        ]


def _leaf(raw: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + raw).digest()
