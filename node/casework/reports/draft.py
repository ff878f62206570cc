"""What a source hands in, before the node has judged anything: drafts of reports and items.

These structures are the public JSON of `POST /api/v1/reports` and of NDJSON files (docs/api.md):
within v1 fields are added, never changed. They are typed and bounded here; what a value *means*
(canonical location, country, duplicate) is decided elsewhere. `workuser` and `note` stay at the
node that received them: no message kind of `protocol/` has a place for them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol.fields import MAX_INTEGER, Code, Country, Labels, Member, MessageText
from protocol.vocabulary import Action, ItemKind, Matter, Reason, Source, Verdict

MAX_URL = 8192
MAX_REFERRER = 4096
MAX_ITEMS = 1000
MAX_HOLD_REASON = 500

ONE_LINE = r"^[^\x00-\x1f\x7f]*\Z"
"""No control character, as in a line of a CSV: people do not see them, and NUL is not storable."""
LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"
"""The same for texts of several lines, which also hold line breaks and tabs."""

_Short = Annotated[str, msgspec.Meta(pattern=ONE_LINE, min_length=1, max_length=200)]
_Text = Annotated[str, msgspec.Meta(pattern=LINES, max_length=4000)]
_Time = Annotated[
    str,
    msgspec.Meta(
        pattern=(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
            r"(Z|[+-][0-9]{2}:[0-9]{2})\Z"
        ),
        description="a time of RFC 3339 with its offset, such as 2026-11-23T18:00:00Z",
    ),
]


def _hex(digits: int) -> msgspec.Meta:
    return msgspec.Meta(
        pattern=rf"^[0-9a-fA-F]{{{digits}}}\Z", description=f"{digits} hexadecimal digits"
    )


def _line(most: int, least: int = 0) -> msgspec.Meta:
    return msgspec.Meta(pattern=ONE_LINE, min_length=least, max_length=most)


class _Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: immutable, unknown fields refused with their name."""


class HashesDraft(_Draft, frozen=True):
    """Content identity of one file, computed where it is held (`hotline hash`); never of HTML."""

    sha256: Annotated[str, _hex(64)] | None = None
    sha1: Annotated[str, _hex(40)] | None = None
    md5: Annotated[str, _hex(32)] | None = None
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)] | None = None
    pdq: Annotated[str, _hex(64)] | None = None
    pdq_quality: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None


class AccessDraft(_Draft, frozen=True):
    """What one needs to see the item: disguised sites show an innocent page otherwise."""

    referrer: Annotated[str, _line(MAX_REFERRER)] | None = None
    steps: _Text | None = None
    user_name: _Short | None = None
    password: _Short | None = None
    vantage: Country | None = None
    user_agent: Annotated[str, _line(256)] | None = None


class AssessmentDraft(_Draft, frozen=True):
    """A verdict of this hotline: `national` needs its law, `unassessable` its reason."""

    verdict: Verdict
    law: Code | None = None
    labels: Labels = ()
    reason: Reason | None = None
    at: _Time | None = None
    analyst: _Short | None = None


class ActionDraft(_Draft, frozen=True):
    """Something done about an item.

    `moved` may name the country that the analyst found; else the node locates the item again.
    """

    action: Action
    reason: Reason | None = None
    at: _Time | None = None
    country: Country | None = None
    analyst: _Short | None = None


class WrongFileDraft(_Draft, frozen=True):
    """One of an item's files that does not belong to it, by its `place` or one of its hashes."""

    place: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None
    hash: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z",
                description="32, 40 or 64 hexadecimal digits",
            ),
        ]
        | None
    ) = None
    analyst: _Short | None = None


class ProxyNoticeDraft(_Draft, frozen=True):
    """A notice to the proxy that hides an item, which was sent."""

    at: _Time | None = None
    analyst: _Short | None = None


class RetractionDraft(_Draft, frozen=True):
    """A notice or referral, by the id of its action, that was retracted where it had been sent."""

    action: Annotated[str, _line(128, 1)]
    analyst: _Short | None = None


class MessageDraft(_Draft, frozen=True):
    """What a person writes to a person of the member `to` about an item.

    `preview` answers with exactly what would be sent, and sends nothing.
    """

    to: Member
    text: MessageText
    preview: bool = True
    analyst: _Short | None = None


class HoldDraft(_Draft, frozen=True):
    """A person's word that an item is kept until a day, whoever wants it erased, and why."""

    reason: Annotated[str, msgspec.Meta(pattern=LINES, min_length=1, max_length=MAX_HOLD_REASON)]
    until: _Time
    analyst: _Short | None = None


class ItemDraft(_Draft, frozen=True):
    """One piece of content at one location: a `url`, or `service` + `account`, or hashes alone."""

    url: Annotated[str, _line(MAX_URL, 1)] | None = None
    service: Annotated[str, _line(128, 1)] | None = None
    account: _Short | None = None
    kind: ItemKind | None = None
    hashes: HashesDraft | None = None
    access: AccessDraft | None = None
    found: _Time | None = None
    assessments: Annotated[tuple[AssessmentDraft, ...], msgspec.Meta(max_length=8)] = ()


class ReportDraft(_Draft, frozen=True):
    """What a source handed in at one moment, with its items, wherever each is hosted.

    `identity` names the line it came from where there is no `reference` (for files:
    `<SHA-256 of the file>:<line>`), so that handing in the same file again changes nothing.
    """

    items: Annotated[tuple[ItemDraft, ...], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]
    source: Source
    reference: _Short | None = None
    identity: _Short | None = None
    matter: Matter | None = None
    received: _Time | None = None
    found_via: Code | None = None
    campaign: Code | None = None
    child_at_risk: bool = False
    workuser: Annotated[str, _line(320)] | None = None
    note: _Text | None = None
