"""What is shown: everything of an item, and of a change nothing that could identify content."""

from __future__ import annotations

import json

import msgspec
import pytest

from node.casework.events import (
    Answered,
    Body,
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
    Again,
    Cause,
    Hold,
    Informant,
    ItemState,
    KeptMessage,
    Listing,
    Look,
    ProxyNotice,
    ReportFacts,
    Review,
    TakenOff,
)
from node.casework.showing import change_views
from node.casework.showing.change_views import change_view
from node.casework.showing.views import ItemView, item_view
from node.matching.lists import Trust
from protocol.facts import (
    Access,
    ActionTaken,
    Evidence,
    Hop,
    Jurisdiction,
    Location,
    Sighting,
)
from protocol.vocabulary import (
    Action,
    Confidence,
    Disposition,
    HostingState,
    Matter,
    Source,
    Verdict,
)
from tests.builders.cases import US, event_id, file, item, verdict
from tests.builders.network import NOW_MS

URL = "https://canary.example/secret/path.jpg"
SHA = 0xCAFEBABE << 200
PERSON = "worker@canary.example"
HOSTED = Jurisdiction(
    HostingState.COUNTRY, "NL", Confidence.HIGH, (Evidence("203.0.113.77", URL, "1", URL),)
)
SEEN = Sighting(event_id(2), US, Source.PUBLIC, NOW_MS)
ACCESS = Access(referrer=URL, steps=URL, user_name=PERSON, password="canary-password")
STATE = msgspec.structs.replace(
    item(1, file(SHA), url=URL, access=ACCESS, jurisdiction=HOSTED),
    also_at=(Location(URL, 1, URL),),
)
REPORT = ReportFacts(event_id(5), Source.PUBLIC, "R-1", Matter.CSAM, NOW_MS, PERSON, URL)

EVENTS: dict[EventKind, Body] = {
    EventKind.RECORDED: Recorded(STATE, REPORT),
    EventKind.SIGHTED: Sighted(
        (SEEN,),
        Informant("fr-pdc", event_id(2)),
        child_at_risk=True,
        outcome=Disposition.DUPLICATE,
        also_at=Location(URL, 1, URL),
        report=REPORT,
    ),
    EventKind.FACTS: Facts((file(SHA),), ACCESS),
    EventKind.LOCATED: Located(HOSTED, NOW_MS),
    EventKind.KEPT: Kept(US, orphan=True, hops=(Hop(US, 1),), jurisdiction=HOSTED),
    EventKind.HANDED_ON: HandedOn("fr-pdc", orphan=False, hops=(Hop(US, 1),), jurisdiction=HOSTED),
    EventKind.ANSWERED: Answered("fr-pdc", Disposition.NEW, "fr-pdc"),
    EventKind.ASSESSED: verdict(Verdict.NATIONAL),
    EventKind.CARRIED_OVER: verdict(Verdict.NATIONAL),
    EventKind.ACTED: ActionTaken(event_id(7), US, Action.REMOVED, None, NOW_MS),
    EventKind.RESPONSIBLE: Responsible(event_id(9), "fr-pdc", HOSTED),
    EventKind.RAISED: Raised(Review.PERHAPS_BACK),
    EventKind.SETTLED: Settled(Review.PERHAPS_BACK),
    EventKind.REOPENED: Reopened(event_id(9)),
    EventKind.WITHDRAWN: Withdrawn("gb-iwf", None),
    EventKind.HELD: Hold(event_id(9), "legal", "order 12", NOW_MS, NOW_MS + 1),
    EventKind.LIFTED: Lifted(event_id(9)),
    EventKind.LISTED: Listing(
        entry=7,
        list="icse",
        version=1,
        category="baseline",
        trust=Trust.AUTO,
        police=True,
        external_id="canary-id",
    ),
    EventKind.UNLISTED: Unlisted(7, "icse"),
    EventKind.NOTICES_DOUBTED: NoticesDoubted((event_id(7),)),
    EventKind.RETRACTED: Retracted(event_id(7)),
    EventKind.PROXY_NOTIFIED: ProxyNotice(event_id(9), "veil", NOW_MS),
    EventKind.FILE_TAKEN_OFF: TakenOff(0, file(SHA)),
    EventKind.LOOK_DUE: LookDue(Again(Cause.CHECK, NOW_MS)),
    EventKind.LOCATED_AGAIN: LocatedAgain(
        HOSTED, orphan=True, looked=Look(NOW_MS, HostingState.COUNTRY, "NL"), due_ms=NOW_MS
    ),
    EventKind.VERDICT_WITHDRAWN: VerdictWithdrawn(event_id(9, "gb-iwf"), "gb-iwf"),
    EventKind.MESSAGE: KeptMessage(event_id(6), STATE.id, US, "fr-pdc", f"{URL} {PERSON}", NOW_MS),
    EventKind.ERASED: Erasure(event_id(9), "withdrawal", (bytes.fromhex("cafebabe" * 8),)),
    EventKind.ERASED_THERE: ErasedThere(event_id(9), "gb-iwf"),
    EventKind.BURIED: Burial((bytes.fromhex("cafebabe" * 8),)),
    EventKind.EXPIRED: Expiry((bytes.fromhex("cafebabe" * 8),)),
}
CANARIES = ("canary", "203.0.113.77", "cafebabe", "secret", "worker")


def shown(kind: EventKind) -> str:
    """What the change feed says of an event, as it is sent."""
    event = Event(STATE.id, kind, NOW_MS, NOW_MS + 1, US, EVENTS[kind])
    return msgspec.json.encode(change_view(7, event)).decode()


def test_every_kind_of_event_is_shown() -> None:
    """A new one that nobody describes is noticed here."""
    assert set(EVENTS) == set(EventKind)
    assert {type(body) for body in EVENTS.values()} == set(change_views._DETAILS)


@pytest.mark.parametrize("kind", EventKind)
def test_change_tells_no_address_hash_or_person(kind: EventKind) -> None:
    """Who may read the feed may not read items by it."""
    told = shown(kind).lower()
    assert [canary for canary in CANARIES if canary in told] == []


@pytest.mark.parametrize("kind", EventKind)
def test_change_tells_what_when_and_by_whom(kind: EventKind) -> None:
    """In words and UTC."""
    told = json.loads(shown(kind))
    assert told["cursor"] == 7
    assert (told["what"], told["item"], told["by"]) == (kind.name.lower(), STATE.id, US)
    assert told["at"] == "2026-09-21T14:13:20.000Z"
    assert told["learnt"] == "2026-09-21T14:13:20.001Z"


def test_erased_event_keeps_its_place_in_the_feed() -> None:
    """The cursor passes over it without a gap."""
    left = change_view(7, Erased(STATE.id, EventKind.RECORDED, NOW_MS, NOW_MS, US))
    assert (left.cursor, left.what, left.detail) == (7, "recorded", {"erased": True})


class TestItem:
    """The item as this node knows it."""

    def view(self, **changes: object) -> ItemView:
        """Show an item."""
        return item_view(msgspec.structs.replace(STATE, **changes))

    def test_hashes_are_shown_in_hex(self) -> None:
        """As they were handed in."""
        assert self.view().hashes[0].sha256 == f"{SHA:064x}"

    def test_unknown_is_null_and_not_an_empty_text(self) -> None:
        """Two different things."""
        view = item_view(item(1, url=None))
        assert (view.url, view.access, view.jurisdiction, view.closed) == (None, None, None, None)

    def test_every_reason_for_a_review_is_shown(self) -> None:
        """The oldest stands first."""
        view = self.view(reviews=(Review.HOP_CAP, Review.WITHDRAWAL))
        assert (view.review, view.reviews) == (Review.HOP_CAP, (Review.HOP_CAP, Review.WITHDRAWAL))

    def test_addresses_of_aliases_are_shown(self) -> None:
        """Each needs its line in the notice."""
        assert self.view().also_at == (URL,)

    def test_chain_of_custody_is_shown(self) -> None:
        """Who had it, and since when."""
        chain = self.view(hops=(Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS + 1))).chain
        assert [(hop.member, hop.received) for hop in chain] == [
            ("gb-iwf", "2026-09-21T14:13:20.000Z"),
            (US, "2026-09-21T14:13:20.001Z"),
        ]

    def test_view_is_the_same_for_the_same_state(self) -> None:
        """And can be read by any JSON parser."""
        raw = msgspec.json.encode(self.view())
        assert raw == msgspec.json.encode(self.view())
        assert json.loads(raw)["id"] == STATE.id

    def test_reporter_data_is_not_part_of_an_item(self) -> None:
        """It stays in the report."""
        view = msgspec.json.encode(item_view(item())).decode()
        assert "workuser" not in view
        assert "note" not in view


def test_state_has_no_field_that_is_forgotten_in_the_view() -> None:
    """Or it is named here, with its reason."""
    internal = {
        "to_retract",  # of actions: `retraction`
        "retracted",
        "location",  # url, canonical, service, account
        "content",  # hashes
        "hops",  # chain
        "informants",  # who is told: aliases, chain and sightings show it
        "due_ms",  # located_again
        "again",  # located_again_for
        "told_online_ms",  # a work list's
        "heard",  # ids of events
        "said",  # a bound's
        "carried",  # ids of events: the history says carried_over
        "steps",  # ids of events: who has it is shown
        "hearsay",  # ids of events: the history says who told
        "silent",  # ids of events: the history says what took them back
        "relayed",  # ids of sightings: the history says who told
        "taken_off",  # wrong_files
        "kind_said",  # what hashes of a page mean
        "unseen",  # places; reviews shows that somebody has to look
        "erased_at",  # a ring's
        "handed_ms",  # a ring's
        "named",  # places by member: whose verdicts are of them
        "since",  # since when a member has a file, by its report of it
        "looks",  # by whose verdict a file was looked at: the history says when
        "told_hops",  # a chain's
        "untold",  # whose verdicts are of its files: `unseen`
        "sent",  # hashes; for hand-overs that cross
        "found_via",  # statistics'
        "campaign",  # statistics'
        "report_id",  # report
        "found_ms",  # found
        "received_ms",  # received
        "answer",  # disposition
        "answered_by",  # disposition_by
        "closed_ms",  # closed
    }
    shown_fields = {one.name for one in msgspec.structs.fields(ItemView)}
    state_fields = {one.name for one in msgspec.structs.fields(ItemState)}
    assert state_fields - shown_fields == internal
