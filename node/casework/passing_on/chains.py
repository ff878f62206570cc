"""The custody chain of an item: what a member told when it handed the item over, and what is ours.

A chain that comes with an item is its sender's word, and may name anybody at any place. So what
follows from where an item went is decided by our own hand-overs, which are appended to what was
told (`ItemState.told_hops`), and never by what stands before them. Pure.
"""

from __future__ import annotations

from node.casework.item import ItemState
from protocol.facts import Hop
from protocol.messages import Item


def with_sender(peer: str, message: Item) -> tuple[Hop, ...]:
    """Return the chain that came with an item; a sender that left itself out is part of it."""
    last = message.custody[-1]
    itself = () if last.member == peer else (Hop(peer, last.received_ms),)
    return (*message.custody, *itself)


def handed_to(us: str, state: ItemState) -> frozenset[str]:
    """The members that we ever handed the item to, by our own part of its chain."""
    if state.told_hops is not None:
        ours = state.hops[state.told_hops :]
    else:  # found here, or recorded by an earlier version
        members = [hop.member for hop in state.hops]
        ours = state.hops[members.index(us) :] if us in members else ()
    return frozenset(hop.member for hop in ours if hop.member != us)


def goes_through(peer: str, message: Item, state: ItemState) -> bool:
    """Whether an item that is known here comes to `peer` by the chain that it has here.

    So it is believed only of who has no other part in the item: who told us of it, or had it, can
    know the chain without having been handed the item by it.
    """
    chain, ours = members_of(message.custody), members_of(state.hops)
    has_part = peer in ours or any(informant.member == peer for informant in state.informants)
    return not has_part and chain[-1] == peer and chain[: len(ours)] == ours


def went_before(peer: str, message: Item, state: ItemState) -> bool:
    """Whether this is how the item once came to us, said again after it went back that way."""
    chain, ours = members_of(message.custody), members_of(state.hops)
    return chain[-1] == peer and len(chain) < len(ours) and ours[: len(chain)] == chain


def members_of(hops: tuple[Hop, ...]) -> list[str]:
    """Return who stands in a chain, in its order."""
    return [hop.member for hop in hops]


def order(chain: tuple[Hop, ...]) -> int:
    """Return a time (UTC, ms) by which hand-overs of one item come in order, whatever clocks said.

    The chain of a later one goes on from that of the one before.
    """
    return max(hop.received_ms for hop in chain) + len(chain)
