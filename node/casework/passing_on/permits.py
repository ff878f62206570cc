"""What one registry permits us to say to a member, and a member to say to us (protocol.md §11).

The same table is asked on both sides: before an entry is made, and after one was opened. What may
not be said is never made into an entry: an item stays with us before a person, all else leaves a
task. Fields that the terms of the pair leave out are not
sent, and are not read where they come all the same.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from keys.network import EXPELLED
from keys.registry import Registry
from keys.transfers import NOTHING
from protocol.errors import UnsayableError
from protocol.facts import Sighting
from protocol.governance import Party, is_permitted, party
from protocol.messages import KINDS, Item, Message, kind_of
from protocol.transfer import goes_without_basis, narrow, needs_basis
from protocol.vocabulary import Kind, Lane

HOLDERS: Final = frozenset({"hotline", "police"})
"""Roles of members that hold items; others hold them no more."""

_ANYWHERE: Final = frozenset({"any"})
"""Stands for countries where those of two members are not to be compared."""


class NotPermittedError(UnsayableError):
    """The network does not permit us to say this to that member; `task` is what it leaves."""

    code: ClassVar[str] = "not_permitted"
    task: ClassVar[str] = "not_permitted_to_say"


class WithheldError(NotPermittedError):
    """By the terms of this pair nothing is left of the message: not sending it is as agreed."""

    code: ClassVar[str] = "withheld"


class EntryTooLargeError(NotPermittedError):
    """The message is larger than the network permits an entry to be."""

    code: ClassVar[str] = "entry_too_large"
    task: ClassVar[str] = "too_large_to_say"


class Permits:
    """The permissions of member `us` under one registry."""

    def __init__(self, us: str, registry: Registry) -> None:
        self.registry = registry
        self.us = us
        self._parties: dict[str, Party] = {}
        self._asked: dict[tuple[str, str, Lane, int], bool] = {}
        self._listeners: dict[tuple[Lane, int], tuple[str, ...]] = {}
        self._withheld: dict[tuple[str, Lane], frozenset[int]] = {}
        self._pairs: dict[tuple[str, str], tuple[bool, frozenset[str]]] = {}

    def say(self, peer: str, lane: Lane, message: Message) -> Message:
        """Return `message` as it may be said to `peer`.

        Raises:
            NotPermittedError: it may not be said to that member at all.
        """
        if not self._may(self.us, peer, lane, kind_of(message)):
            raise NotPermittedError("entry: roles and countries do not permit it to this member")
        based, fields = self._terms(self.us, peer)
        if not based and not goes_without_basis(message):
            raise NotPermittedError("entry: there is no basis for sending to this member")
        left = narrow(message, fields)
        if left is None:
            raise WithheldError("entry: its fields are not permitted to this member")
        return left

    def says(self, peer: str, lane: Lane, kind: int) -> bool:
        """Whether an entry of this known kind may go to `peer` on `lane` at all, as things are now.

        What was made under an earlier registry is asked again when it is to go.
        """
        based, _ = self._terms(self.us, peer)
        return self._may(self.us, peer, lane, kind) and (based or not needs_basis(kind))

    def withheld(self, peer: str, lane: Lane) -> frozenset[int]:
        """Return the kinds of which no entry may go to `peer` on `lane` now."""
        place = (peer, lane)
        if place not in self._withheld:
            kinds = (int(kind) for kind in KINDS if not self.says(peer, lane, kind))
            self._withheld[place] = frozenset(kinds)
        return self._withheld[place]

    def read(self, peer: str, message: Message) -> Message | None:
        """Return what of a message from `peer` may be used here; None: nothing."""
        based, fields = self._terms(peer, self.us)
        if not based and not goes_without_basis(message):
            return None
        return narrow(message, fields)

    def with_report(self, peer: str, message: Item) -> Item:
        """Return an item with its finder's own sighting where the terms withhold all of them.

        Without any it would be one that nobody reports any more. All that it says the item says,
        too; its id is that of the item (`intake`), so that the finder can take it back.
        """
        if message.sightings or not self.withholds(peer, "sightings"):
            return message
        first = Sighting(message.item_id, message.finder, message.source, message.found_ms)
        return msgspec.structs.replace(message, sightings=(first,))

    def withholds(self, peer: str, field: str) -> bool:
        """Whether the terms keep this field of what `peer` says from us."""
        return field not in self._terms(peer, self.us)[1]

    def keeps_back(self, peer: str, field: str) -> bool:
        """Whether the terms keep this field of what we say from `peer`."""
        return field not in self._terms(self.us, peer)[1]

    def hears(self, peer: str, lane: Lane, kind: int) -> bool:
        """Whether `peer` may say an entry of this kind to us on `lane`."""
        return self._may(peer, self.us, lane, kind)

    def is_stranded(self, peer: str, lane: Lane, kind: int) -> bool:
        """Whether this is an item that `peer` may hand over no more, and that we cannot refuse.

        It was receipted before roles changed, and no answer goes to its sender any more.
        """
        if (lane, kind) != (Lane.REPORTS, Kind.ITEM) or self.hears(peer, lane, kind):
            return False
        return not self._may(self.us, peer, Lane.STATUS, Kind.DISPOSITION)

    def let_in(self, peer: str, lane: Lane, kind: int) -> bool:
        """Whether `peer`, which is gone, may say this to us by its roles alone.

        Its countries are others' since, so they tell no more what it was permitted.
        """
        theirs, ours = (Party(self._party(one).roles, _ANYWHERE) for one in (peer, self.us))
        return is_permitted(theirs, ours, lane, kind)

    @property
    def holds(self) -> bool:
        """Whether our roles let us hold items."""
        return not HOLDERS.isdisjoint(self._party(self.us).roles)

    def listeners(self, lane: Lane, kind: int) -> tuple[str, ...]:
        """Return the other members that may hear this kind on `lane` from us, and read it.

        One that is suspended hears it when the registry has it back (protocol §11.3).
        """
        asked = (lane, kind)
        if asked not in self._listeners:
            self._listeners[asked] = tuple(
                peer
                for peer, entry in sorted(self.registry.network.members.items())
                if peer != self.us
                and entry.status != EXPELLED
                and self._may(self.us, peer, lane, kind)
                and (reader := self.registry.reads(peer)) is not None
                and kind in reader.kinds
            )
        return self._listeners[asked]

    def are_neighbours(self, peer: str) -> bool:
        """Whether `peer` lists a country that we list too, so that its law is ours."""
        listed = self.registry.network.members
        ours, theirs = (listed[m].jurisdictions if m in listed else () for m in (self.us, peer))
        return not set(ours).isdisjoint(theirs)

    def _terms(self, sender: str, receiver: str) -> tuple[bool, frozenset[str]]:
        """Whether there is a basis for what `sender` sends `receiver`, and which fields may go."""
        pair = (sender, receiver)
        known = self._pairs.get(pair)
        if known is None:
            terms = self.registry.network.transfers.between(sender, receiver)
            known = self._pairs[pair] = (terms.basis != NOTHING, frozenset(terms.fields))
        return known

    def _may(self, sender: str, receiver: str, lane: Lane, kind: int) -> bool:
        asked = (sender, receiver, lane, kind)
        if asked not in self._asked:
            ends = (self._party(sender), self._party(receiver))
            self._asked[asked] = is_permitted(*ends, lane, kind)
        return self._asked[asked]

    def _party(self, member: str) -> Party:
        found = self._parties.get(member)
        if found is None:
            network = self.registry.network
            entry = network.members.get(member)
            found = party(())
            if entry is not None:
                found = party(entry.roles, network.answers_for(member))
            self._parties[member] = found
        return found


def renewed(permits: Permits | None, us: str, registry: Registry) -> Permits:
    """Return these permissions if they are those of `registry`, with what was found of it; or new.

    What one registry permits is found once, and asked for at every entry.
    """
    if permits is not None and permits.registry is registry:
        return permits
    return Permits(us, registry)


def fitting(permits: Permits | None, raw_entry: bytes) -> bytes:
    """Return an entry that is no larger than the network permits; under none, any.

    Raises:
        EntryTooLargeError: its receiver would refuse it, and all that goes with it.
    """
    if permits is not None and len(raw_entry) > permits.registry.network.limits.entry_bytes:
        raise EntryTooLargeError("entry: is larger than the network permits (entry_bytes)")
    return raw_entry
