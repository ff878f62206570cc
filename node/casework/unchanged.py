"""Whether an item is still as it was when somebody read it, and decided by what he read.

An item's tag is a digest of what is shown of it, less what comes and goes by itself and means
nothing to who decides: when it was looked for and will be again, the evidence of its place, who
else saw it, under what ids others know it, how a receiver answered, how many events there were.
So a look before a notice that finds the item where it was does not change the tag; a verdict, an
action, a message, a file, a hold, another place do, and whatever puts it before a person.

Who may decide only on what he read says so around his call (`expecting`); the desk checks it in the
transaction of the decision, where nothing comes between.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec

from node.casework.errors import ChangedSinceError
from node.casework.places.hidden import ASKED
from node.casework.showing.views import item_view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from node.casework.item import ItemState
    from node.casework.showing.views import ItemView, JurisdictionView

_BY_ITSELF: Final = frozenset(
    {
        "aliases",
        "disavowed_by",
        "disposition",
        "disposition_by",
        "last_seen_online",
        "located_again",
        "located_again_for",
        "looked",
        "revision",
        "sightings",
    }
)
_BYTES: Final = 16
_expected: ContextVar[AbstractSet[str] | None] = ContextVar("expected_tags", default=None)


def tag_of(view: ItemView) -> str:
    """Return the tag of an item as it is shown: 32 hexadecimal digits."""
    shown: dict[str, Any] = {
        name: value
        for name, value in msgspec.structs.asdict(view).items()
        if name not in _BY_ITSELF
    }
    shown["jurisdiction"] = _place(view.jurisdiction)
    return hashlib.sha256(msgspec.json.encode(shown)).digest()[:_BYTES].hex()


def _place(found: JurisdictionView | None) -> tuple[Any, ...]:
    """What a person decides by: where it is, how sure that is, and what proxy hides it."""
    if found is None:
        return ()
    hidden_by = [line.answer for line in found.evidence if line.source == ASKED]
    return found.state, found.country, found.confidence, hidden_by


def expected() -> AbstractSet[str] | None:
    """Return the tags that an item may have to be decided about; None: whatever it is now."""
    return _expected.get()


@contextmanager
def expecting(tags: AbstractSet[str] | None) -> Iterator[None]:
    """Have what is decided inside hold only for an item that has one of these tags."""
    before = _expected.set(tags)
    try:
        yield
    finally:
        _expected.reset(before)


def check_unchanged(state: ItemState | None, tags: AbstractSet[str] | None) -> None:
    """Pass an item that has one of `tags`; what is not here is for others to miss.

    Raises:
        ChangedSinceError: it changed since.
    """
    if state is not None and tags is not None and tag_of(item_view(state)) not in tags:
        raise ChangedSinceError
