"""The parts that messages are made of: what one member tells another about an item.

Structs are positional on the wire, in the order of their fields (docs/protocol.md §6.3). Fields
that are unknown are None, never an empty text. Times are milliseconds UTC; hashes are raw bytes.
Rules that bind several fields of one part are checked here, on decoding and on construction.
"""

from typing import Annotated, TypeAlias

import msgspec

from protocol.fields import (
    MAX_ACCESS_BYTES,
    MAX_EVIDENCE,
    MAX_EVIDENCE_BYTES,
    MAX_LOCATION_BYTES,
    Address,
    Code,
    Count,
    Country,
    Labels,
    Line,
    LongText,
    Md5,
    Member,
    Pdq,
    Quality,
    Sha1,
    Sha256,
    ShortText,
    SubjectId,
    TimeMs,
)
from protocol.vocabulary import Action, Confidence, HostingState, Reason, Source, Verdict


class Fact(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base of everything positional: exactly its fields, in their order, immutable."""


class Location(Fact, frozen=True):
    """Where an item is: a canonical address, or service and account, or nothing at all.

    `canonical` is the sender's canonical form under rules of version `canonical_version`; `raw`
    stays as evidence, at most 8192 bytes of UTF-8. All are None for a report that has only hashes.
    """

    canonical: Address | None = None
    canonical_version: Count = 1
    raw: Address | None = None
    service: Line | None = None
    account: ShortText | None = None

    def __post_init__(self) -> None:
        canonical, raw = self.canonical, self.raw
        if canonical is None:
            if raw is not None or self.service is not None or self.account is not None:
                raise ValueError("canonical: must be present when anything else of it is")
            return
        if not canonical.isascii() or "\0" in canonical:
            raise ValueError("canonical: must be ASCII without U+0000")
        if (self.service is None) != (self.account is None):
            raise ValueError("service: must stand together with account, or both be absent")
        for text in (raw, self.service, self.account):
            if text is not None and not _is_plain(text, MAX_LOCATION_BYTES):
                raise ValueError("raw: must have at most 8192 bytes and no U+0000")


class Content(Fact, frozen=True):
    """The hashes of one file: digests as bytes, `length` in bytes, PDQ with its quality 0..100."""

    sha256: Sha256 | None = None
    sha1: Sha1 | None = None
    md5: Md5 | None = None
    length: Count | None = None
    pdq: Pdq | None = None
    pdq_quality: Quality | None = None

    def __post_init__(self) -> None:
        if self.sha256 is None and self.sha1 is None and self.md5 is None and self.pdq is None:
            raise ValueError("sha256: at least one hash must be present")
        if (self.pdq is None) != (self.pdq_quality is None):
            raise ValueError("pdq_quality: must stand together with pdq, or both be absent")


class Access(Fact, frozen=True):
    """What one needs to see the item; at most 8192 bytes of UTF-8 in all."""

    referrer: LongText | None = None
    steps: LongText | None = None
    user_name: ShortText | None = None
    password: ShortText | None = None
    vantage: Country | None = None
    user_agent: ShortText | None = None

    def __post_init__(self) -> None:
        texts = (self.referrer, self.steps, self.user_name, self.password, self.user_agent)
        present = [text for text in texts if text is not None]
        if not present and self.vantage is None:
            raise ValueError("referrer: an empty access must be left out instead")
        if not _is_plain("".join(present), MAX_ACCESS_BYTES):
            raise ValueError("steps: access must have at most 8192 bytes and no U+0000")


class Hop(Fact, frozen=True):
    """One link of the custody chain: `member` received the item at `received_ms`."""

    member: Member
    received_ms: TimeMs


class Evidence(Fact, frozen=True):
    """One input to a jurisdiction: what was asked, of which source and version, what it said.

    For example an address, a database and its build date, a country code. At most 384 bytes of
    UTF-8 in all.
    """

    input: ShortText
    source: Line
    version: Line
    answer: Line | None = None

    def __post_init__(self) -> None:
        whole = self.input + self.source + self.version + (self.answer or "")
        if whole.isascii() and len(whole) <= MAX_EVIDENCE_BYTES and "\0" not in whole:
            return  # of every line: a call less counts
        if not _is_plain(whole, MAX_EVIDENCE_BYTES):
            raise ValueError("input: a line of evidence has at most 384 bytes and no U+0000")


EvidenceList: TypeAlias = Annotated[tuple[Evidence, ...], msgspec.Meta(max_length=MAX_EVIDENCE)]


class Jurisdiction(Fact, frozen=True):
    """Where an item is hosted, as far as the sender could tell, with the evidence for it."""

    state: HostingState
    country: Country | None
    confidence: Confidence
    evidence: EvidenceList = ()

    def __post_init__(self) -> None:
        if (self.country is None) == (self.state is HostingState.COUNTRY):
            raise ValueError("country: must be present exactly when the state is 'country'")


class Assessment(Fact, frozen=True):
    """A verdict by one member. `law` names the law of a `national` verdict, as a code."""

    event_id: SubjectId
    member: Member
    verdict: Verdict
    law: Code | None
    labels: Labels
    reason: Reason | None
    at_ms: TimeMs

    def __post_init__(self) -> None:
        if (self.law is None) == (self.verdict is Verdict.NATIONAL):
            raise ValueError("law: must be present exactly when the verdict is 'national'")
        if self.reason is None and self.verdict is Verdict.UNASSESSABLE:
            raise ValueError("reason: must be present when the verdict is 'unassessable'")


class ActionTaken(Fact, frozen=True):
    """Something one member did about an item, or found to have been done."""

    event_id: SubjectId
    member: Member
    action: Action
    reason: Reason | None
    at_ms: TimeMs


class Moved(Fact, frozen=True):
    """An item is hosted elsewhere now: `to_member` takes it over, with the evidence for it."""

    to_member: Member
    country: Country | None
    evidence: EvidenceList


class Sighting(Fact, frozen=True):
    """One observation of an item by one member at one time."""

    sighting_id: SubjectId
    member: Member
    source: Source
    found_ms: TimeMs


class KnownContent(Fact, frozen=True):
    """One content of a shared list with the verdict of the member that assessed it."""

    content: Content
    member: Member
    verdict: Verdict
    law: Code | None
    labels: Labels


def _is_plain(text: str, max_bytes: int) -> bool:
    """Whether `text` has no U+0000 and at most `max_bytes` in UTF-8; both stores rely on it."""
    if "\0" in text:
        return False
    return len(text) <= max_bytes if text.isascii() else len(text.encode()) <= max_bytes
