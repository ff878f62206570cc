"""What the holders of a network decide while traffic runs: countries, expulsions, mergers.

Who is expelled is no more among the honest of a world: nobody there does anything, nothing that is
for it need arrive, and what it says has no effect. Its node runs on. Two standing members are left
in every world.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from keys.transfers import TRANSFER_FIELDS, Transfers, TransferTerms
from node.registry import changes

if TYPE_CHECKING:
    from keys.network import NetworkDocument
    from tests.simulation.fleet import Fleet

LEAST = 2
"""Standing members that are left."""


async def countries_change(world: Fleet, chance: random.Random) -> bool:
    """Two members change their countries, or one answers for the other's as well, before it."""
    if len(world.honest) < LEAST:
        return False
    network = world.umbrella.registry.network
    one, other = (node.member for node in chance.sample(world.honest, 2))
    ours, theirs = (network.members[member].jurisdictions for member in (one, other))
    if chance.random() < 0.5:
        network = _answers_for(network, one, theirs)
        network = _answers_for(network, other, ours)
    else:
        network = _answers_for(network, one, tuple(dict.fromkeys((*ours, *theirs))))
    world.decide(network)
    return set(ours) != set(theirs)


def _answers_for(
    network: NetworkDocument, member: str, countries: tuple[str, ...]
) -> NetworkDocument:
    """Let a member answer for these countries, before whoever else does."""
    first = {}
    for code in countries:
        listing = (m for m, entry in network.members.items() if code in entry.jurisdictions)
        after = network.choice_rules.get(code) or tuple(listing)
        first[code] = tuple(dict.fromkeys((member, *after)))
    return changes.set_countries(network, member, countries, first)


async def expelled(world: Fleet, chance: random.Random) -> bool:
    """A membership ends for good, in the midst of whatever is under way."""
    return _ends(world, chance, lambda network, gone, _: changes.expel(network, gone, {}))


async def merged(world: Fleet, chance: random.Random) -> bool:
    """A membership ends; another member takes over what it did."""
    return _ends(world, chance, partial(changes.merge, choice_rules={}))


def _ends(
    world: Fleet,
    chance: random.Random,
    change: Callable[[NetworkDocument, str, str], NetworkDocument],
) -> bool:
    """End the membership of one of the honest, beside whom another one is active."""
    network = world.umbrella.registry.network
    active = [node.member for node in world.honest if network.is_active(node.member)]
    if len(world.honest) <= LEAST or len(active) < LEAST:
        return False
    gone, heir = chance.sample(active, 2)
    end(world, gone, heir, change)
    return True


def end(
    world: Fleet,
    gone: str,
    heir: str,
    change: Callable[[NetworkDocument, str, str], NetworkDocument],
) -> None:
    """End this membership; `heir` takes orphans if nobody else does."""
    network = change(world.umbrella.registry.network, gone, heir)
    if not network.fallback_members:
        network = replace(network, fallback_members=(heir,))
    world.decide(network)
    world.expelled.add(gone)


OPTIONAL = ("campaign", "evidence", "found_via", "sightings")
"""Fields without which every item and outcome is told all the same."""


async def terms_change(world: Fleet, chance: random.Random) -> bool:
    """What one member, or all, may send is narrowed or widened; some hear of it later than others.

    Not a kind of the standard worlds, whose seeds name what they hold: `test_terms.py` has its own.
    """
    sender, receiver = chance.sample(sorted(world.nodes), 2)
    pair = (sender, receiver) if chance.random() < 0.5 else None
    left_out = set(chance.sample(OPTIONAL, chance.choice([0, 2, 3])))
    fields = tuple(one for one in TRANSFER_FIELDS if one not in left_out)
    network = world.umbrella.registry.network
    changed = changes.set_terms(network, TransferTerms("contract", fields), pair)
    world.decide(changed)
    return changed != network


def widen_terms(world: Fleet) -> None:
    """All may send all again, if it was not so."""
    if world.umbrella.registry.network.transfers != Transfers():
        world.govern(transfers=Transfers())


GOVERNING = {"countries_change": countries_change, "expelled": expelled, "merged": merged}
