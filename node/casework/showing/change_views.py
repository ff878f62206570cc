"""What the local API says of what changed: one line of the feed for each event.

Codes and ids, never an address or a hash. Within v1 fields are added, never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from node.casework.events import (
    Answered,
    Burial,
    Erased,
    ErasedThere,
    Erasure,
    Event,
    EventKind,
    Expiry,
    Facts,
    HandedOn,
    Kept,
    Lifted,
    Located,
    LocatedAgain,
    LookDue,
    NoticesDoubted,
    Raised,
    Recorded,
    Reopened,
    Responsible,
    Retracted,
    Settled,
    Sighted,
    Unlisted,
    VerdictWithdrawn,
    Withdrawn,
)
from node.casework.item import (
    Hold,
    KeptMessage,
    Listing,
    Look,
    ProxyNotice,
    Suggestion,
    TakenOff,
)
from node.casework.showing.views import moment
from protocol.facts import ActionTaken, Assessment, Jurisdiction


class ChangeView(msgspec.Struct):
    """One thing that happened: `cursor` orders all of them without a gap."""

    cursor: int
    item: str
    what: str
    at: str
    learnt: str
    by: str
    detail: dict[str, Any]


def change_view(seq: int, event: Event | Erased) -> ChangeView:
    """Return what the change feed says of one event: codes and ids, never an address or a hash."""
    return ChangeView(
        seq,
        event.item,
        EventKind(event.kind).name.lower(),
        moment(event.at_ms),
        moment(event.learnt_ms),
        event.actor,
        {"erased": True} if isinstance(event, Erased) else _DETAILS[type(event.body)](event.body),
    )


def _hosted(found: Jurisdiction | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {"state": found.state, "country": found.country, "confidence": found.confidence}


def _looked(found: Look | None) -> dict[str, Any]:
    return {} if found is None else {"state": found.state, "country": found.country}


def _suggested(by: Suggestion | None) -> dict[str, Any]:
    return {} if by is None else {"suggested_by": by.item, "closeness": by.closeness}


_DETAILS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Recorded: lambda b: {"came_from": b.state.came_from, "report": b.state.report_id},
    Sighted: lambda b: {
        "outcome": b.outcome,
        "by": [sighting.member for sighting in b.sightings],
        "child_at_risk": b.child_at_risk,
    },
    Facts: lambda b: {"hashes": len(b.content), "access": b.access is not None},
    Located: lambda b: _hosted(b.jurisdiction),
    Kept: lambda b: {"responsible": b.responsible, "orphan": b.orphan} | _hosted(b.jurisdiction),
    HandedOn: lambda b: {"to": b.to, "orphan": b.orphan} | _hosted(b.jurisdiction),
    Answered: lambda b: {"disposition": b.disposition, "responsible": b.responsible},
    Assessment: lambda b: {"verdict": b.verdict, "law": b.law, "reason": b.reason},
    ActionTaken: lambda b: {"action": b.action, "reason": b.reason},
    Responsible: lambda b: {"responsible": b.member},
    Raised: lambda b: {"review": b.review} | _suggested(b.suggestion),
    Settled: lambda b: {"review": b.review},
    Reopened: lambda _: {},
    Withdrawn: lambda b: {"member": b.member},
    VerdictWithdrawn: lambda b: {"member": b.member},
    KeptMessage: lambda b: {"author": b.author, "to": b.to, "message": b.message_id},
    Hold: lambda b: {"hold": b.hold_id, "until": moment(b.until_ms)},
    Lifted: lambda b: {"hold": b.hold_id},
    Listing: lambda b: (
        {"list": b.list, "version": b.version, "category": b.category}
        | {"counts_as": b.trust, "police": b.police}
        | ({} if b.closeness is None else {"closeness": b.closeness})
    ),
    Unlisted: lambda b: {"list": b.list},
    NoticesDoubted: lambda b: {"actions": list(b.actions)},
    Retracted: lambda b: {"action": b.action},
    LookDue: lambda b: {"cause": b.again.cause},
    LocatedAgain: lambda b: _looked(b.looked) | {"orphan": b.orphan},
    TakenOff: lambda b: {"place": b.place},
    ProxyNotice: lambda b: {"notice": b.notice_id, "proxy": b.proxy},
    Erasure: lambda b: {"cause": b.cause},
    ErasedThere: lambda b: {"member": b.member},
    Burial: lambda b: {"entries": len(b.leaves)},
    Expiry: lambda b: {"entries": len(b.leaves)},
}
