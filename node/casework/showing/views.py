"""What the local API shows of an item: JSON with the words of the glossary.

Within v1 fields are added, never changed. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from node.casework.item import Custody, Hold, ItemState, KeptMessage, Listing, Look, ProxyNotice
from node.casework.passing_on.routing import flag
from protocol.facts import (
    Access,
    ActionTaken,
    Assessment,
    Content,
    Jurisdiction,
    Location,
    Sighting,
)


class HashesView(msgspec.Struct, omit_defaults=True):
    """The hashes of one file, in hex, and its place among those that the item has had."""

    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    length: int | None = None
    pdq: str | None = None
    pdq_quality: int | None = None
    place: int | None = None


class AccessView(msgspec.Struct, omit_defaults=True):
    """What one needs to see the item."""

    referrer: str | None = None
    steps: str | None = None
    user_name: str | None = None
    password: str | None = None
    vantage: str | None = None
    user_agent: str | None = None


class SightingView(msgspec.Struct):
    """One observation by one member."""

    id: str
    member: str
    source: str
    found: str


class AssessmentView(msgspec.Struct):
    """One member's verdict."""

    member: str
    verdict: str
    law: str | None
    labels: tuple[str, ...]
    reason: str | None
    at: str
    id: str = ""


class ActionView(msgspec.Struct):
    """Something that was done.

    `retraction`: of a notice or referral of ours by a verdict that stands no more: `due`, `done`.
    """

    member: str
    action: str
    reason: str | None
    at: str
    id: str = ""
    retraction: str | None = None


class EvidenceView(msgspec.Struct):
    """One input to the jurisdiction."""

    input: str
    source: str
    version: str
    answer: str | None


class JurisdictionView(msgspec.Struct):
    """Where the item is hosted, and why we think so."""

    state: str
    country: str | None
    confidence: str
    evidence: tuple[EvidenceView, ...]


class HopView(msgspec.Struct):
    """One link of the custody chain."""

    member: str
    received: str


class MessageView(msgspec.Struct):
    """A message about the item between persons of two members.

    `item`: the id under which it speaks of the item, which is the one that its addressee knows.
    """

    id: str
    item: str
    author: str
    to: str
    text: str
    at: str


class HoldView(msgspec.Struct):
    """A legal hold that was not lifted: by whom and why it is kept, and until when."""

    id: str
    by: str
    reason: str
    since: str
    until: str


class SuggestionView(msgspec.Struct):
    """Another item whose verdict may fit, and how near its file comes."""

    item: str
    closeness: str


class ListedView(msgspec.Struct):
    """What a list of known content says of an item, and how far this hotline follows it."""

    list: str
    version: int
    category: str
    counts_as: str
    police: bool
    external_id: str | None
    closeness: str | None = None
    place: int | None = None


class LookView(msgspec.Struct):
    """Where this node itself found the item when it looked last."""

    at: str
    state: str
    country: str | None


class ProxyNoticeView(msgspec.Struct):
    """A notice to a proxy that hid the item; `retraction` as of actions."""

    id: str
    proxy: str
    at: str
    retraction: str | None


class ItemView(msgspec.Struct):
    """One item as this node knows it."""

    id: str
    report: str
    finder: str
    matter: str
    kind: str
    url: str | None
    canonical: str | None
    service: str | None
    account: str | None
    hashes: tuple[HashesView, ...]
    access: AccessView | None
    source: str
    found: str
    received: str
    child_at_risk: bool
    custody: str
    responsible: str | None
    orphan: bool
    came_from: str | None
    chain: tuple[HopView, ...]
    aliases: tuple[str, ...]
    jurisdiction: JurisdictionView | None
    disposition: str | None
    disposition_by: str | None
    known: bool
    assessments: tuple[AssessmentView, ...]
    actions: tuple[ActionView, ...]
    sightings: tuple[SightingView, ...]
    closed: str | None
    closed_by: str | None
    review: str | None
    revision: int
    reviews: tuple[str, ...]
    also_at: tuple[str, ...]
    last_seen_online: str | None
    messages: tuple[MessageView, ...]
    holds: tuple[HoldView, ...]
    disavowed_by: tuple[str, ...] = ()
    listed: tuple[ListedView, ...] = ()
    new_to_police: bool | None = None
    flag: str | None = None
    located_again: str | None = None
    located_again_for: str | None = None
    looked: LookView | None = None
    proxy_notices: tuple[ProxyNoticeView, ...] = ()
    suggestions: tuple[SuggestionView, ...] = ()
    wrong_files: tuple[HashesView, ...] = ()
    also_access: tuple[AccessView, ...] = ()


def moment(ms: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _maybe(ms: int | None) -> str | None:
    return None if ms is None else moment(ms)


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


def _hashes(content: Content, place: int) -> HashesView:
    return HashesView(
        _hex(content.sha256),
        _hex(content.sha1),
        _hex(content.md5),
        content.length,
        _hex(content.pdq),
        content.pdq_quality,
        place,
    )


def _wrong_files(state: ItemState) -> tuple[HashesView, ...]:
    gone = state.taken_off
    return tuple(_hashes(one.content, one.place) for one in gone if one.content is not None)


def _sighting(one: Sighting) -> SightingView:
    return SightingView(one.sighting_id, one.member, one.source, moment(one.found_ms))


def _assessment(one: Assessment) -> AssessmentView:
    said = (one.verdict, one.law, one.labels, one.reason)
    return AssessmentView(one.member, *said, moment(one.at_ms), one.event_id)


def _action(one: ActionTaken, state: ItemState) -> ActionView:
    retraction = _retraction(one.event_id, state)
    at = moment(one.at_ms)
    return ActionView(one.member, one.action, one.reason, at, one.event_id, retraction)


def _retraction(told: str, state: ItemState) -> str | None:
    due = "due" if told in state.to_retract else None
    return "done" if told in state.retracted else due


def _proxy_notice(one: ProxyNotice, state: ItemState) -> ProxyNoticeView:
    retraction = _retraction(one.notice_id, state)
    return ProxyNoticeView(one.notice_id, one.proxy, moment(one.at_ms), retraction)


def message_view(one: KeptMessage) -> MessageView:
    """Return what is shown of a message."""
    return MessageView(one.message_id, one.item, one.author, one.to, one.text, moment(one.at_ms))


def hold_view(one: Hold) -> HoldView:
    """Return what is shown of a legal hold."""
    return HoldView(one.hold_id, one.by, one.reason, moment(one.from_ms), moment(one.until_ms))


def _listed(one: Listing) -> ListedView:
    of = one.trust, one.police, one.external_id, one.closeness, one.place
    return ListedView(one.list, one.version, one.category, *of)


def _jurisdiction(found: Jurisdiction | None) -> JurisdictionView | None:
    if found is None:
        return None
    evidence = tuple(EvidenceView(e.input, e.source, e.version, e.answer) for e in found.evidence)
    return JurisdictionView(found.state, found.country, found.confidence, evidence)


def _look(found: Look | None) -> LookView | None:
    return None if found is None else LookView(moment(found.at_ms), found.state, found.country)


def _where(location: Location | None) -> dict[str, str | None]:
    if location is None:
        return dict.fromkeys(("url", "canonical", "service", "account"))
    return {
        "url": location.raw,
        "canonical": location.canonical,
        "service": location.service,
        "account": location.account,
    }


def _access(access: Access) -> AccessView:
    return AccessView(*msgspec.structs.astuple(access))


def item_view(state: ItemState, disavowed_by: tuple[str, ...] = ()) -> ItemView:
    """Return what is shown of an item, and which members disavow what they said of it (§8.15)."""
    return ItemView(
        id=state.id,
        report=state.report_id,
        finder=state.finder,
        matter=state.matter,
        kind=state.kind,
        **_where(state.location),
        hashes=tuple(map(_hashes, state.content, state.places)),
        access=None if state.access is None else _access(state.access),
        source=state.source,
        found=moment(state.found_ms),
        received=moment(state.received_ms),
        child_at_risk=state.child_at_risk,
        custody=state.custody,
        responsible=state.responsible,
        orphan=state.orphan,
        came_from=state.came_from,
        chain=tuple(HopView(h.member, moment(h.received_ms)) for h in state.hops),
        aliases=state.aliases,
        jurisdiction=_jurisdiction(state.jurisdiction),
        disposition=state.answer,
        disposition_by=state.answered_by,
        known=state.known,
        assessments=tuple(_assessment(a) for a in state.assessments),
        actions=tuple(_action(a, state) for a in state.actions),
        sightings=tuple(_sighting(s) for s in state.sightings),
        closed=_maybe(state.closed_ms),
        closed_by=state.closed_by,
        review=state.review,
        revision=state.revision,
        reviews=state.reviews,
        also_at=tuple(place.raw or "" for place in state.also_at),
        last_seen_online=_maybe(state.last_seen_online_ms),
        messages=tuple(message_view(one) for one in state.messages),
        holds=tuple(map(hold_view, state.holds)),
        listed=tuple(map(_listed, state.listed)),
        new_to_police=state.new_to_police,
        disavowed_by=disavowed_by,
        flag=flag(state.jurisdiction),
        located_again=_maybe(state.due_ms if state.custody is Custody.HERE else None),
        located_again_for=None if state.again is None else state.again.cause,
        looked=_look(state.looked),
        proxy_notices=tuple(_proxy_notice(one, state) for one in state.proxy_notices),
        suggestions=tuple(SuggestionView(s.item, s.closeness) for s in state.suggestions),
        wrong_files=_wrong_files(state),
        also_access=tuple(_access(one) for _, one in state.also_access),
    )
