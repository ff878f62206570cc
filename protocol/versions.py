"""Several versions side by side: what is said to whom, in which form (docs/protocol.md §13).

One table of forms is read whole; what is written is the newest form that the addressee's signed
member document lists. Nobody on the wire is asked, so nobody on the wire can lower it. An older
form is made here, and only where it loses nothing that matters to the receiver.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from keys.member import Capabilities
from protocol.entry import VERSIONS
from protocol.facts import Fact
from protocol.messages import FORMS, Item, ItemV2, Message, form_of
from protocol.vocabulary import Kind


def _item_v1(message: ItemV2) -> Item:
    """An item without the time at which it was last seen online."""
    return Item(*msgspec.structs.astuple(message)[:-1])


_OLDER: Final[Mapping[type[Fact], Callable[[Any], Message]]] = MappingProxyType({ItemV2: _item_v1})
"""How a form is said in the one before it; a form that is not here is the first of its kind."""


def spoken() -> Capabilities:
    """Return what this program reads and writes: what its node's member document says."""
    return Capabilities(VERSIONS, tuple(int(kind) for kind in Kind))


def is_read_by(message: Message, reader: Capabilities) -> bool:
    """Whether a member with these capabilities reads this very form of the message."""
    form = form_of(message)
    return form in FORMS and form.version in reader.versions and form.kind in reader.kinds


def worded_for(message: Message, reader: Capabilities | None) -> Message:
    """Return the newest form of `message` that `reader` reads; else its first form.

    The first form of what the addressee does not read at all is kept there, and answered (§7.3).
    None: the registry lists no document of the addressee.
    """
    while reader is None or not is_read_by(message, reader):
        older = _OLDER.get(type(message))  # type: ignore[arg-type]
        if older is None:
            break
        message = older(message)
    return message
