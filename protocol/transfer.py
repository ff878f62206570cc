"""What of a message may go to one member, by the terms of the pair (§11.4).

Pure: a message comes out as it is, without the fields that are not permitted, or not at all. The
same function is asked before an entry is made and after one was opened.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from keys.transfers import TRANSFER_FIELDS
from protocol.disavowal import Disavow
from protocol.dispositions import Dispositions
from protocol.messages import (
    KINDS,
    Contents,
    DispositionNote,
    EpochOpen,
    Item,
    Message,
    Outcome,
    RegistrySeen,
    Sighted,
    Tombstone,
    Withdrawal,
)
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import OutcomeWhat

FIELDS: Final = frozenset(TRANSFER_FIELDS)
"""What terms can leave out. Ids, place, times, source and custody chain always go."""
_PATH: Final = re.compile("[/?#]")

_ALWAYS: Final = (
    EpochOpen,
    RegistrySeen,
    Tombstone,
    Disavow,
    DispositionNote,
    Dispositions,
    Withdrawal,
    ContentVerdictWithdrawn,
)
"""The channel's own kinds, answers, and what only takes back: no terms hold these up.

So does an `Outcome` that takes a verdict back.
"""


def goes_without_basis(message: Message) -> bool:
    """Whether `message` may go where the basis for sending is `none`."""
    if isinstance(message, Outcome):
        return message.what is OutcomeWhat.WITHDRAWN
    return isinstance(message, _ALWAYS)


def needs_basis(kind: int) -> bool:
    """Whether nothing of a known kind may go where the basis for sending is `none`."""
    return KINDS[kind].message not in (*_ALWAYS, Outcome)


def narrow(message: Message, permitted: AbstractSet[str]) -> Message | None:
    """Return what of `message` may go; the very same object if all of it; None if nothing.

    Args:
        message: what would be said.
        permitted: those of `FIELDS` that may go.
    """
    if permitted >= FIELDS:
        return message
    withheld = FIELDS - permitted
    if isinstance(message, Item):
        return _item(message, withheld)
    if isinstance(message, Sighted):
        return _sighted(message, withheld)
    if isinstance(message, Outcome):
        return _outcome(message, withheld)
    if isinstance(message, Contents | ContentVerdict):
        return None if withheld & {"content", "assessments"} else message
    return message


def _item(item: Item, withheld: AbstractSet[str]) -> Item | None:
    """Without its hashes an item is nothing if it has no place.

    User name and password in the address as reported are access data: the canonical form, which
    has none, stands in its place.
    """
    if "content" in withheld and item.location.canonical is None:
        return None
    lists = ("content", "assessments", "actions", "sightings")
    values = ("access", "found_via", "campaign")
    changes: dict[str, object] = {
        **{name: () for name in lists if name in withheld and getattr(item, name)},
        **{name: None for name in values if name in withheld and getattr(item, name) is not None},
    }
    if "access" in withheld and _may_hold_access(item.location.raw):
        place = item.location
        changes["location"] = msgspec.structs.replace(place, raw=place.canonical)
    if "evidence" in withheld and item.jurisdiction.evidence:
        changes["jurisdiction"] = msgspec.structs.replace(item.jurisdiction, evidence=())
    return msgspec.structs.replace(item, **changes) if changes else item


def _may_hold_access(raw: str | None) -> bool:
    """Whether user name or password may stand in an address, however it is spelled.

    They end with an `@` before the path begins; blanks and any slashes after the scheme, and what
    some parsers end a host with, do not hide it.
    """
    if raw is None:
        return False
    rest = raw.split(":", 1)[-1].lstrip("/\\\t\r\n")
    return "@" in _PATH.split(rest, maxsplit=1)[0]


def _sighted(sighted: Sighted, withheld: AbstractSet[str]) -> Sighted | None:
    """That a child is at risk always goes."""
    sighting = None if "sightings" in withheld else sighted.sighting
    content = None if "content" in withheld else sighted.content
    access = None if "access" in withheld else sighted.access
    left = (sighting, content, access)
    if not sighted.child_at_risk and all(fact is None for fact in left):
        return None
    if left == (sighted.sighting, sighted.content, sighted.access):
        return sighted
    return Sighted(sighted.item_id, *left, child_at_risk=sighted.child_at_risk)


def _outcome(outcome: Outcome, withheld: AbstractSet[str]) -> Outcome | None:
    if outcome.assessment is not None and "assessments" in withheld:
        return None
    if outcome.action is not None and "actions" in withheld:
        return None
    if outcome.moved is not None and outcome.moved.evidence and "evidence" in withheld:
        moved = msgspec.structs.replace(outcome.moved, evidence=())
        return msgspec.structs.replace(outcome, moved=moved)
    return outcome
