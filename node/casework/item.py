"""What is known of one item, as a value.

Three independent axes, never merged into one status: *custody* (who is responsible, through whom it
came), *verdict* (all assessments; the one in force is derived), *course* (the actions taken). The
state is the fold of the item's events (`folding.py`), and is stored as a MessagePack array.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from node.matching.contents import Closeness
from node.matching.lists import Trust
from protocol.facts import (
    Access,
    ActionTaken,
    Assessment,
    Content,
    Hop,
    Jurisdiction,
    Location,
    Sighting,
)
from protocol.vocabulary import (
    Action,
    Disposition,
    HostingState,
    ItemKind,
    Matter,
    Source,
    Verdict,
)

FINAL_ACTIONS = frozenset({Action.REMOVED, Action.UNAVAILABLE, Action.NOT_ILLEGAL})
ENDS_OR_REOPENS = FINAL_ACTIONS | {Action.SEEN_ONLINE}
REFUSALS = frozenset(
    {
        Disposition.MALFORMED,
        Disposition.UNKNOWN_KIND,
        Disposition.UNKNOWN_VERSION,
        Disposition.NOT_PERMITTED,
        Disposition.NOT_HERE,
        Disposition.CONFLICT,
    }
)


class Custody(StrEnum):
    """Where the responsibility for an item stands at this node."""

    LOCATING = "locating"
    HERE = "here"
    HANDED_ON = "handed_on"
    COUNTED = "counted"


class Review(StrEnum):
    """Why an item stands in front of a person."""

    PERHAPS_BACK = "perhaps_back"
    SUGGESTED_VERDICT = "suggested_verdict"
    VERDICTS_DIFFER = "verdicts_differ"
    LOCATION_UNCERTAIN = "location_uncertain"
    HOP_CAP = "hop_cap"
    CAME_BACK = "came_back"
    REFUSED_BY_PEER = "refused_by_peer"
    WITHDRAWAL = "withdrawal"
    MEMBER_SUSPENDED = "member_suspended"
    CANNOT_BE_SENT = "cannot_be_sent"
    REPLACED = "replaced"
    PERHAPS_GONE = "perhaps_gone"
    NOT_ILLEGAL_DOUBTED = "not_illegal_doubted"
    NOTICE_TO_RETRACT = "notice_to_retract"
    ORIGIN_UNKNOWN = "origin_unknown"
    PROXY_TO_NOTIFY = "proxy_to_notify"


class Cause(StrEnum):
    """Why an item that is here is to be located again."""

    ACCEPTED = "accepted"
    REFERRAL = "referral"
    CHECK = "check"
    PERHAPS_BACK = "perhaps_back"
    ORIGIN_TOLD = "origin_told"


class Value(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Base of what is stored: immutable, positional."""


class Informant(Value, frozen=True):
    """A member that told us of the item, by the id it knows: it is told what becomes of it."""

    member: str
    item_id: str


class Step(Value, frozen=True):
    """One hand-over of the item: `by` gave it to `to`, or took it back (`to` is `by`)."""

    event_id: str
    by: str
    to: str


class Look(Value, frozen=True):
    """What this node itself found when it last looked where the item is hosted, and when."""

    at_ms: int
    state: HostingState
    country: str | None


class ProxyNotice(Value, frozen=True):
    """A person told the proxy that hides the item; this stays at this node."""

    notice_id: str
    proxy: str
    at_ms: int


class Again(Value, frozen=True):
    """The item is to be located again: why, and since when (UTC)."""

    cause: Cause
    since_ms: int


class KeptMessage(Value, frozen=True):
    """A message about the item from one member's person to another's, as it was sent.

    `item` is the id that it speaks of, which its addressee knows.
    """

    message_id: str
    item: str
    author: str
    to: str
    text: str
    at_ms: int


class Suggestion(Value, frozen=True):
    """Whose verdict is suggested, and how near that item's file comes. Stays at this node."""

    item: str
    closeness: Closeness


MAX_SUGGESTIONS = 16
"""Kept with one item, the first: a person need not compare it with more."""


class Hold(Value, frozen=True):
    """A person's word that the item is kept, whoever wants it erased, until a day or the lifting.

    `by` and `reason` stay at this node.
    """

    hold_id: str
    by: str
    reason: str
    from_ms: int
    until_ms: int


class Listing(Value, frozen=True):
    """What an entry of a list of known content said of the item, and what followed from it.

    `entry` is the number of that entry (`node.matching.lists`); `trust` is how far it counted;
    `police` that police have it; `verdict` the id of the verdict that this member gave by it,
    `raised` the reasons for which it put the item before a person; `closeness` how near it comes,
    where it is another file that looks alike; `place` of which of the item's files it is (None: an
    older version noted it).
    """

    entry: int
    list: str
    version: int
    category: str
    trust: Trust
    police: bool
    external_id: str | None = None
    verdict: str | None = None
    raised: tuple[Review, ...] = ()
    closeness: Closeness | None = None
    place: int | None = None


class TakenOff(Value, frozen=True):
    """A person's word that a file does not belong to an item; its place there stays empty.

    `content`: what was known of it; None: a person added it anew since.
    """

    place: int
    content: Content | None


class ReportFacts(Value, frozen=True):
    """What a source handed in here as one report. Nothing of this crosses a border."""

    id: str
    source: Source
    reference: str | None
    matter: Matter
    received_ms: int
    workuser: str | None
    note: str | None


class Said(Value, frozen=True):
    """How many events the words of one member left, its answers, and what it passed on."""

    member: str
    number: int
    answers: int = 0
    passed_on: int = 0


class ItemState(Value, frozen=True):
    """Everything known of one item, at one moment."""

    id: str
    report_id: str
    finder: str
    matter: Matter
    kind: ItemKind
    location: Location | None
    content: tuple[Content, ...]
    access: Access | None
    source: Source
    found_via: str | None
    campaign: str | None
    found_ms: int
    received_ms: int
    child_at_risk: bool
    came_from: str | None
    hops: tuple[Hop, ...]
    sightings: tuple[Sighting, ...]
    informants: tuple[Informant, ...] = ()
    aliases: tuple[str, ...] = ()
    custody: Custody = Custody.LOCATING
    responsible: str | None = None
    jurisdiction: Jurisdiction | None = None
    orphan: bool = False
    due_ms: int | None = None
    answer: Disposition | None = None
    answered_by: str | None = None
    assessments: tuple[Assessment, ...] = ()
    actions: tuple[ActionTaken, ...] = ()
    heard: tuple[str, ...] = ()
    closed_ms: int | None = None
    closed_by: Action | None = None
    reviews: tuple[Review, ...] = ()
    revision: int = 0
    also_at: tuple[Location, ...] = ()
    told_online_ms: int | None = None
    messages: tuple[KeptMessage, ...] = ()
    holds: tuple[Hold, ...] = ()
    steps: tuple[Step, ...] = ()  # the latest known hand-over of each member
    erased_at: tuple[str, ...] = ()
    """Members that say that they erased it, and to which it was not handed from here since."""
    handed_ms: int = 0  # the latest hand-over by which it came here; in the order of hand-overs
    carried: tuple[str, ...] = ()  # ids of verdicts that this node carried over from elsewhere
    sent: tuple[Content, ...] | None = None
    """The hashes that it was last handed on with, where others have come since; None: none have."""
    suggestions: tuple[Suggestion, ...] = ()  # while a verdict is suggested: from which items
    listed: tuple[Listing, ...] = ()  # what lists say of it, the oldest word first
    to_retract: tuple[str, ...] = ()  # ids of our notices and referrals that rest on no verdict
    retracted: tuple[str, ...] = ()  # ids of those that were retracted where they had been sent
    looked: Look | None = None
    """Where this node itself found it last; None: it stands where another member found it."""
    again: Again | None = None
    """Why it is to be located again while it is here (`due_ms` says when); None: it is not."""
    proxy_notices: tuple[ProxyNotice, ...] = ()  # which proxies were told, while it was hidden
    hearsay: tuple[str, ...] = ()
    """Ids of verdicts (given, or taken back) and actions that another than their author told of."""
    silent: tuple[str, ...] = ()
    """Ids of verdicts that an `unassessable` took back, which is withdrawn itself since."""
    said: tuple[Said, ...] = ()
    taken_off: tuple[TakenOff, ...] = ()  # files that a person said do not belong to it
    unseen: tuple[int, ...] = ()  # places of files that came once it was judged: nobody looked here
    kind_said: bool = False
    """Whether a report here said of what kind it is; else it was guessed, or a member said so."""
    relayed: tuple[tuple[str, str], ...] = ()
    """Sightings that another than who saw it told of: (id, who told), each who did."""
    told_hops: int | None = None  # how many of `hops` came with it (`chains.handed_to`)
    looks: tuple[tuple[int, str, int], ...] = ()  # (place, by whom, when): see `seeing`
    named: tuple[tuple[str, int], ...] | None = None  # (member, place) it has: see `seeing`
    also_access: tuple[tuple[str, Access], ...] = ()  # (who says so, how else one sees it)
    untold: bool = False  # it was handed on without its files, as the terms say: see `seeing`
    since: tuple[tuple[str, int, int], ...] = ()  # (member, place, ms) not before: see `seeing`

    @property
    def places(self) -> tuple[int, ...]:
        """The place of each of its files: whatever goes, the others keep theirs."""
        gone = {one.place for one in self.taken_off}
        every = range(len(self.content) + len(gone))
        return tuple(n for n in every if n not in gone) if gone else tuple(every)

    @property
    def country(self) -> str | None:
        """The hosting country, where it is one."""
        return self.jurisdiction.country if self.jurisdiction is not None else None

    @property
    def urgency(self) -> int:
        """0 while somebody may be abused now, else 1."""
        return 0 if self.child_at_risk else 1

    @property
    def review(self) -> Review | None:
        """The oldest reason why the item stands in front of a person; None: it does not."""
        return self.reviews[0] if self.reviews else None

    @property
    def in_force(self) -> tuple[Assessment, ...]:
        """The latest verdict of each member that gave one: an author may correct itself.

        What another says of it corrects no word of its own.
        """
        given, told = self.assessments, frozenset(self.hearsay)
        if len(given) <= 1:
            return given
        order = sorted(given, key=lambda a: (a.event_id not in told, a.at_ms, a.event_id))
        return tuple({a.member: a for a in order}.values())

    @property
    def vouched(self) -> tuple[Assessment, ...]:
        """The verdicts in force that their authors themselves gave, as far as this node knows."""
        return tuple(a for a in self.in_force if not self.is_hearsay(a))

    @property
    def by_one_file(self) -> frozenset[str]:
        """Ids of verdicts that came to it by one of its several files; which one is not kept."""
        if len(self.content) <= 1:
            return frozenset()
        by_lists = (one.verdict for one in self.listed if one.verdict is not None)
        return frozenset((*self.carried, *by_lists))

    @property
    def last_seen_online_ms(self) -> int | None:
        """When somebody last saw it online, as far as this node was told (rule 9); None: never."""
        seen = [a.at_ms for a in self.actions if a.action is Action.SEEN_ONLINE]
        if self.told_online_ms is not None:
            seen.append(self.told_online_ms)
        return max(seen) if seen else None

    @property
    def known(self) -> bool:
        """Whether some member has judged this content, so that nobody need view it again."""
        return any(a.verdict is not Verdict.UNASSESSABLE for a in self.in_force)

    def lacks_suggestion(self, suggestion: Suggestion | None) -> bool:
        """Whether this suggestion would be new here, and is not one too many."""
        told = {one.item for one in self.suggestions}
        return (
            suggestion is not None and suggestion.item not in told and len(told) < MAX_SUGGESTIONS
        )

    @property
    def new_to_police(self) -> bool | None:
        """Whether a file of it is in no list of police; None: without hashes nobody can tell."""
        named = {one.place for one in self.listed if one.police}
        whole = None in named and len(self.content) == 1
        return not (whole or named.issuperset(self.places)) if self.content else None

    def is_hearsay(self, given: Assessment) -> bool:
        """Whether a verdict stands here by the word of another than its author."""
        return given.event_id in self.hearsay

    def has_heard(self, event_id: str) -> bool:
        """Whether the event with this network-wide id is part of the state, and not as hearsay."""
        return event_id not in self.hearsay and self.has_been_told(event_id)

    def has_been_told(self, event_id: str) -> bool:
        """Whether the event with this network-wide id is part of the state, by whose word ever."""
        return (
            event_id in self.heard
            or any(a.event_id == event_id for a in self.assessments)
            or any(a.event_id == event_id for a in self.actions)
        )


_state_decoder = msgspec.msgpack.Decoder(ItemState)
encode = msgspec.msgpack.Encoder().encode


def decode_state(raw: bytes) -> ItemState:
    """Read a stored state back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the stored bytes are not a state (damage or
        tampering).
    """
    return _state_decoder.decode(raw)
