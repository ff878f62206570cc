"""Whoever holds the registry's online keys, or a mirror, shows members different registries.

A split: from one version on some members are shown one registry and some another, both signed with
all the right keys. A roll-back: a mirror serves the registry of the beginning again, to the real
TUF client. What each member works under it says in its own logs (docs/protocol.md §3.5), so who
holds two words about one version has seen the split; that must stand before people, and changes
nothing by itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from node.registry.errors import MirrorsFailedError
from node.registry.fetch import fetch_verified
from node.registry.transport import MirrorError
from tests.builders.network import NOW_MS, Umbrella
from tests.protocol import oracle as second
from tests.simulation.looking import rows
from tests.simulation.oracle import Disk, read_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.registry.transport import Get
    from tests.simulation.fleet import Fleet

REGISTRY_SEEN = 2
KIND_AT = 2
SPLIT = "registry_split"
POLICY = "shown_to_some"
"""A number in the network document that only differs; nobody asks for it."""


def serving(umbrella: Umbrella) -> Get:
    """A mirror of this registry."""

    def get(path: str, max_bytes: int) -> bytes:
        raw = umbrella.files.get(path)
        if raw is None or len(raw) > max_bytes:
            raise MirrorError(404 if raw is None else None, too_large=raw is not None)
        return raw

    return get


async def registry_split(world: Fleet, chance: random.Random) -> bool:
    """From here on some members are shown another registry of the same version."""
    up = [node for node in world.honest if node.up]
    if world.other is not None or len(up) < 2:  # one at a time
        return False
    network = world.umbrella.registry.network
    if chance.random() < 0.3:  # the other one suspends somebody
        victim = chance.choice(sorted(network.members.keys() - world.expelled))
        entry = replace(network.members[victim], status="suspended")
        network = replace(network, members={**network.members, victim: entry})
    other = replace(network, policy={**network.policy, POLICY: 2})
    world.other = world.umbrella.govern(other)
    world.govern(policy={**world.umbrella.registry.network.policy, POLICY: 1})
    aside = chance.sample(up, chance.randrange(1, len(up)))
    for node in up:
        node.aside = node in aside
        node.look_at(world.shown_to(node).registry)
        world.net.happened["shown_aside"] += node.aside
    return True


def mend_split(world: Fleet) -> None:
    """Everybody is shown one registry again, a newer one; the real client takes it."""
    if world.other is None:
        return
    world.govern(policy={**world.umbrella.registry.network.policy, POLICY: 3})
    for node in world.nodes.values():
        if node.aside:
            fetch_verified(serving(world.umbrella), world.umbrella.pin, world.other.files, NOW_MS)
            break  # the others' client would do the same
    for node in world.nodes.values():
        node.aside = False
        node.wants_registry = True
    world.other = None
    world.was_split = True


async def registry_rolled_back(world: Fleet, chance: random.Random) -> bool:
    """A mirror serves the registry of the beginning to a member that has a newer one."""
    newer = [node for node in world.honest if node.view.seen > world.first.registry.seen]
    if not newer:
        return False
    node = chance.choice(newer)
    known = next((u for u in (world.umbrella, world.other) if u and u.registry is node.view), None)
    if known is None:
        return False
    try:
        fetch_verified(serving(world.first), known.pin, known.files, NOW_MS)
    except MirrorsFailedError:
        world.net.happened["rollback_refused"] += 1
        return True
    world.oracle.wrong("accepted_forgeries", f"{node.member} took an older registry")
    return True


def judge_views(world: Fleet, disks: Mapping[str, Disk]) -> Iterator[tuple[str, str]]:
    """G5: who holds two words about one version of the registry has it before a person."""
    for node in world.honest:
        disk = disks[node.member]
        words = list(disk.raw)
        if not world.oracle.disks[node.member]:  # else peers may have brought its words back to it
            words += [raw for (raw,) in rows(node, _OWN)]
        split = any(len(contents) > 1 for contents in _said(words).values())
        stands = any(code == SPLIT for code, _ in disk.tasks)
        world.net.happened["split_seen"] += split
        if split and not stands:
            yield "undetected_forks", f"{node.member}: two registries of one version"
        if stands and not (split or world.was_split):
            yield "accused_honest", f"{node.member}: sees a split registry where there was none"


_OWN = "SELECT entry FROM log_out WHERE message IS NULL AND entry IS NOT NULL"
"""What a node said itself that belongs to the channel, not to an item."""


def _said(entries: Iterable[bytes]) -> dict[int, set[bytes]]:
    """What is said of each timestamp version in the entries that a node holds or wrote."""
    found: dict[int, set[bytes]] = {}
    for raw in entries:
        if raw[KIND_AT : KIND_AT + 1] == bytes((REGISTRY_SEEN,)) and read_entry(raw)[1]:
            body = second.unpack(raw)[4]
            if isinstance(body, list) and len(body) == 3:
                found.setdefault(body[1], set()).add(body[2])
    return found


SPLITTING = {"registry_split": registry_split, "registry_rolled_back": registry_rolled_back}
BY_SPLITS = ("shown_aside", "split_seen", "rollback_refused")
