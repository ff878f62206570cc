"""What the local API takes and gives about HashCheck: keys of hosting companies, and complaints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.api.parameters import Name
from node.casework.mistakes.correcting import Disproved
from node.casework.reports.draft import LINES
from node.hashcheck.contract import Complaint, Counts, Decision, Key, Scope, Status
from protocol.facts import Content

MOST: Final = 1 << 40
NOTHING: Final = Disproved((), ())
Quota = Annotated[int, Meta(ge=1, le=MOST)]
Source = Annotated[
    str,
    Meta(pattern=r"^(own|network|list:[!-~]{1,64})\Z", description="own, network, or list:NAME"),
]


class KeyDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made, with what was agreed. `ends`: when the contract is over.

    `sources`: by whose word it is answered: `own`, `network`, `list:NAME`.
    """

    hoster: Name
    ends: Annotated[datetime, Meta(tz=True)]
    sources: Annotated[tuple[Source, ...], Meta(min_length=1, max_length=64)] = ("own",)
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(Scope))] = tuple(Scope)
    per_minute: Quota = 60_000
    per_day: Quota = 10_000_000
    near_per_day: Annotated[int, Meta(ge=0, le=MOST)] = 0
    near_reviews_per_day: Quota = 100


class KeyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as it is kept, and how much it asked in the last 30 days; the key is shown once."""

    key_id: str
    hoster: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...]
    per_minute: int
    per_day: int
    near_per_day: int
    near_reviews_per_day: int
    created: str
    ends: str
    checks: int
    near: int
    hits: int
    reviews: int
    revoked: str | None = None
    key: str | None = None


class KeysPage(msgspec.Struct, frozen=True):
    """All keys, oldest first."""

    keys: tuple[KeyView, ...]


class ComplaintsParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which complaints to list."""

    open: Annotated[bool, Meta(description="Only those that wait for a person.")] | UnsetType = (
        UNSET
    )


class DecisionDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of a complaint; reason and name stay at this node."""

    decision: Literal["uphold", "reject"]
    reason: Annotated[str, Meta(pattern=LINES, min_length=1, max_length=1000)]
    analyst: Name | UnsetType = UNSET


class DecisionView(msgspec.Struct, frozen=True):
    """What a person said, and when."""

    decision: str
    by: str
    reason: str
    at: str


class HashesView(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hashes of one file."""

    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    length: int | None = None


class ComplaintView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A complaint about a hit.

    `hashes` are those that were asked; `found` is by what it was a hit: items, and lists with the
    number of the entry. Upheld, our verdicts were taken from the items `undone`; on those of
    `stands` another member's stands.
    """

    complaint_id: str
    reference: str
    status: Status
    hoster: str
    key_id: str
    why: str
    opened: str
    hashes: HashesView
    found: tuple[str, ...]
    text: str | None = None
    decisions: tuple[DecisionView, ...] = ()
    undone: tuple[str, ...] = ()
    stands: tuple[str, ...] = ()


class ComplaintsPage(msgspec.Struct, frozen=True):
    """Complaints, oldest first."""

    complaints: tuple[ComplaintView, ...]


def key_view(key: Key, counts: Counts) -> KeyView:
    """Return what is shown of a key."""
    contract = key.contract
    return KeyView(
        key_id=key.key_id,
        hoster=contract.hoster,
        scopes=tuple(contract.scopes),
        sources=contract.sources,
        per_minute=contract.per_minute,
        per_day=contract.per_day,
        near_per_day=contract.near_per_day,
        near_reviews_per_day=contract.near_reviews_per_day,
        created=_time(key.created_ms),
        ends=_time(key.ends_ms),
        checks=counts.checks,
        near=counts.near,
        hits=counts.hits,
        reviews=counts.reviews,
        revoked=None if key.revoked_ms is None else _time(key.revoked_ms),
    )


def complaint_view(complaint: Complaint, disproved: Disproved = NOTHING) -> ComplaintView:
    """Return what the hotline's own people are shown of a complaint, and of what it undid."""
    state = complaint.state
    return ComplaintView(
        complaint_id=complaint.complaint_id,
        reference=complaint.reference,
        status=complaint.status,
        hoster=state.hoster,
        key_id=state.key_id,
        why=state.why,
        opened=_time(complaint.opened_ms),
        hashes=_hashes(state.hit.asked),
        found=state.hit.found,
        text=state.text,
        decisions=tuple(_decision(one) for one in state.decisions),
        undone=disproved.undone,
        stands=disproved.stands,
    )


def _decision(one: Decision) -> DecisionView:
    word = "uphold" if one.upheld else "reject"
    return DecisionView(word, one.by, one.reason, _time(one.at_ms))


def _hashes(content: Content) -> HashesView:
    digests = (content.sha256, content.sha1, content.md5)
    sha256, sha1, md5 = (None if one is None else one.hex() for one in digests)
    return HashesView(sha256, sha1, md5, content.length)


def _time(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}Z"
