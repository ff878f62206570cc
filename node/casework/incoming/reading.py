"""Reading what other members sent: an entry says something, or names the field that is at fault.

A place is read in this node's canonical form, made anew from the raw one: two nodes may spell by
different versions of the rules, and what a hostile member calls the canonical form of an address
may be another address, or none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from node.casework.incoming.arrivals import Arrived
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import VERSION, canonical, canonical_service
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.facts import Location
from protocol.messages import FORMS, Item, Message, from_body, is_known


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """What an entry says, or that it says nothing intelligible (`fault`: the field)."""

    arrived: Arrived
    kind: int
    entry_id: bytes | None
    message: Message | None
    fault: str | None = None


def parse(arrived: Arrived) -> Parsed:
    """Read an entry; never raises: what cannot be read is answered `malformed`."""
    kind, entry_id = 0, None
    try:
        entry = entries.decode(arrived.entry)
        kind, entry_id = entry.kind, entry.id
        message = from_body(entry.kind, entry.body, entry.version)
        return Parsed(arrived, kind, entry_id, in_our_form(message))
    except ProtocolError as error:
        return Parsed(arrived, kind, entry_id, None, getattr(error, "field", None) or "entry")


READS: Final = " ".join(f"{form.version}/{int(form.kind)}" for form in sorted(FORMS))
"""Every form that `is_readable` knows."""


def is_readable(raw: bytes) -> bool:
    """Whether this program knows the form of an entry that it kept."""
    try:
        entry = entries.decode(raw)
    except ProtocolError:
        return False
    return is_known(entry.version, entry.kind)


def in_our_form(message: Message) -> Message:
    """Return what was said, with the place of an item in our own canonical form (§6.3)."""
    if not isinstance(message, Item):
        return message
    place = place_in_our_form(message.location)
    same = place is message.location
    return message if same else msgspec.structs.replace(message, location=place)


def place_in_our_form(told: Location) -> Location:
    """Return a place in our own canonical form; the very same object if it is in that."""
    if told.canonical is None:
        return told
    here = _our_form(told, told.canonical)
    if (here, VERSION) == (told.canonical, told.canonical_version):
        return told
    return msgspec.structs.replace(told, canonical=here, canonical_version=VERSION)


def _our_form(told: Location, canonical_there: str) -> str:
    """Return our canonical form of what was reported, else of what its sender made of it.

    What is no address by our rules either way stays as it was told, and is located nowhere.
    """
    for spelled in (told.raw, canonical_there):
        with suppress(UnlocatableError, ValueError):
            if told.service is not None and told.account is not None:
                return canonical_service(told.service, told.account).canonical
            if spelled is not None:
                return canonical(spelled).canonical
    return canonical_there
