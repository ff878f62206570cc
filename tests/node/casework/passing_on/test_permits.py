"""§11.1 at the desk: what may not be said to a member is never made into an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from keys.transfers import NOTHING, TRANSFER_FIELDS, Transfers, TransferTerms
from node.casework.item import Custody, Review
from node.casework.passing_on.permits import EntryTooLargeError, NotPermittedError, Permits
from node.casework.passing_on.routing import Forwarding, route
from node.casework.reports.draft import AssessmentDraft
from node.casework.telling import News, tell
from node.casework.working import record_assessment
from node.peer.channels.sending import may_send
from protocol.facts import Access, ActionTaken, Hop
from protocol.messages import Message, Outcome, kind_of
from protocol.vocabulary import Action, Disposition, Kind, Lane, OutcomeWhat, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    country,
    event_id,
    file,
    ids,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, answer, item_from, outcome, said_of
from tests.protocol.samples import MESSAGES, raw_entry

WITHOUT_ACCESS = TransferTerms("adequacy", tuple(f for f in TRANSFER_FIELDS if f != "access"))
WITHOUT_CONTENT = TransferTerms("adequacy", tuple(f for f in TRANSFER_FIELDS if f != "content"))
NO_BASIS = TransferTerms(NOTHING, TRANSFER_FIELDS)

if TYPE_CHECKING:
    from keys.network import Role
    from keys.registry import Registry


def with_role(member: str, role: Role) -> Registry:
    """The three hotlines, one of which has another role."""
    registry = network()
    members = dict(registry.network.members)
    members[member] = replace(members[member], roles=(role,))
    rules = replace(registry.network, members=members, fallback_members=())
    return replace(registry, network=rules)


def test_11_1_police_keep_an_item_for_a_hotline_abroad() -> None:
    """Nothing is written for sending; the item stands before a person here."""
    registry = with_role(US, "police")
    ours = item(1, came_from=None, custody=Custody.LOCATING, responsible=None)
    made = book(ours)
    postbox = POSTBOX.under(Permits(US, registry))
    state = route(made, ours.id, country("FR"), None, Forwarding(registry, ids(), postbox))
    assert not made.posts
    assert (state.custody, state.responsible) == (Custody.HERE, US)
    assert Review.CANNOT_BE_SENT in state.reviews


def test_11_1_police_report_to_the_hotline_that_a_rule_gives_their_territory() -> None:
    """It does not list the territory itself; nobody else is responsible there."""
    rules = with_role(US, "police").network
    entry = replace(rules.members[US], jurisdictions=("GG",))
    rules = replace(rules, members={**rules.members, US: entry}, choice_rules={"GG": ("gb-iwf",)})
    registry = replace(network(), network=rules)
    assert Permits(US, registry).says("gb-iwf", Lane.REPORTS, Kind.ITEM)
    assert Permits("gb-iwf", registry).hears(US, Lane.REPORTS, Kind.ITEM)
    assert may_send(registry, US, "gb-iwf", Lane.REPORTS)
    assert not Permits(US, registry).says("fr-pdc", Lane.REPORTS, Kind.ITEM)
    assert not Permits(US, registry).are_neighbours("gb-iwf")


def test_11_1_an_outcome_for_an_aggregator_becomes_a_task() -> None:
    """A member that told of an item as a hotline, and is an aggregator now, hears no more of it."""
    heard = Receiver()
    heard("gb-iwf", item_from("gb-iwf"))
    state = heard.state(event_id(1, "gb-iwf"))
    made = book(state)
    done = ActionTaken(event_id(9), US, Action.REMOVED, None, NOW_MS)
    news = News(done.event_id, OutcomeWhat.ACTED, done, US, NOW_MS)
    tell(made, POSTBOX.under(Permits(US, with_role("gb-iwf", "aggregator"))), state, news)
    assert said(made) == []
    assert made.tasks == [("not_permitted_to_say", "gb-iwf")]


def test_11_1_an_item_from_police_abroad_has_no_effect() -> None:
    """Whatever their node let through, ours asks again after opening."""
    receiver = Receiver(registry=with_role("gb-iwf", "police"))
    told = receiver("gb-iwf", item_from("gb-iwf"))
    assert told.disposition is Disposition.NOT_PERMITTED
    assert receiver.book.find(event_id(1, "gb-iwf")) is None


def test_11_1_an_outcome_from_an_aggregator_has_no_effect() -> None:
    """It answers; it tells nothing."""
    receiver = Receiver(item(1), registry=with_role("gb-iwf", "aggregator"))
    receiver("gb-iwf", outcome(item(1).id, OutcomeWhat.REOPENED))
    assert not receiver.book.events
    assert receiver.book.tasks == [("entry_not_permitted", "gb-iwf")]


def test_11_1_to_a_member_that_is_not_listed_nothing_is_said() -> None:
    """Not even an answer."""
    permits = Permits(US, network())
    with pytest.raises(NotPermittedError):
        permits.say("xx-nobody", Lane.STATUS, answer(None, Disposition.NEW))
    assert not permits.hears("xx-nobody", Lane.STATUS, Kind.DISPOSITION)


def on_terms(sender: str, receiver: str, terms: TransferTerms) -> Registry:
    """The three hotlines, two of which have terms of their own."""
    registry = network()
    transfers = Transfers(pairs={(sender, receiver): terms})
    return replace(registry, network=replace(registry.network, transfers=transfers))


PASSWORD = Access(None, None, "guest", "open sesame", None, None)


def test_rule_12_a_field_that_is_not_permitted_is_not_sent() -> None:
    """The registry holds the fields permitted per pair; the rest of the item goes."""
    ours = item(1, came_from=None, custody=Custody.LOCATING, responsible=None, access=PASSWORD)
    made = book(ours)
    postbox = POSTBOX.under(Permits(US, on_terms(US, "fr-pdc", WITHOUT_ACCESS)))
    route(made, ours.id, country("FR"), None, Forwarding(network(), ids(), postbox))
    handed = [message for peer, message in said(made) if peer == "fr-pdc"]
    assert [getattr(message, "access", PASSWORD) for message in handed] == [None]
    assert made.loaded.items[ours.id].access == PASSWORD


def judged_abroad(registry: Registry, *, since: bool) -> Receiver:
    """An item with a file, handed on under these terms, and judged by who has it.

    `since`: the file was reported once the item had gone on.
    """
    files = () if since else (file(5),)
    ours = item(
        1, *files, finder=US, hops=(Hop(US, NOW_MS),), came_from=None, named=(),
        custody=Custody.LOCATING, responsible=None,
    )  # fmt: skip
    postbox = POSTBOX.under(Permits(US, registry))
    receiver = Receiver(ours, registry=registry, postbox=postbox)
    route(receiver.book, ours.id, country("FR"), None, Forwarding(registry, ids(), postbox))
    if since:
        receiver("gb-iwf", item_from("gb-iwf", 2, file(5)))
    receiver("fr-pdc", said_of(ours.id, verdict(member="fr-pdc")))
    return receiver


@pytest.mark.parametrize("since", [False, True])
def test_6_4_verdict_of_who_was_told_no_files_is_of_none_of_them(*, since: bool) -> None:
    """It judged what it found at the place; whoever reported the hashes may have named any."""
    receiver = judged_abroad(on_terms(US, "fr-pdc", WITHOUT_CONTENT), since=since)
    elsewhere = item_from("gb-iwf", 3, file(5), url="https://nl2.example/")
    assert receiver("gb-iwf", elsewhere).disposition is Disposition.NEW_SUGGESTED
    assert receiver.state(elsewhere.item_id).assessments == ()


def test_6_4_file_that_went_nowhere_with_its_item_stands_before_a_person_here() -> None:
    """Nobody else can look at it, and until then the verdict is not told to who named the file."""
    receiver = judged_abroad(on_terms(US, "fr-pdc", WITHOUT_CONTENT), since=True)
    state = receiver.state(event_id(1))
    assert Review.SUGGESTED_VERDICT in state.reviews
    told = [m for peer, m in said(receiver.book) if peer == "gb-iwf" and isinstance(m, Outcome)]
    assert [one for one in told if one.assessment is not None] == []
    draft, postbox = AssessmentDraft(verdict=Verdict.BASELINE), POSTBOX
    record_assessment(receiver.book, state.id, draft, ids(), postbox)
    told = [m for peer, m in said(receiver.book) if peer == "gb-iwf" and isinstance(m, Outcome)]
    assert {one.author for one in told if one.assessment is not None} == {US, "fr-pdc"}


def test_6_4_verdict_of_who_was_told_the_files_is_of_them() -> None:
    """As before: it was handed the item with them."""
    receiver = judged_abroad(network(), since=False)
    elsewhere = item_from("gb-iwf", 3, file(5), url="https://nl2.example/")
    assert receiver("gb-iwf", elsewhere).disposition is Disposition.NEW_KNOWN


def test_rule_12_the_same_item_goes_whole_to_another_member() -> None:
    """Terms are those of one pair, in one direction."""
    ours = item(1, came_from=None, custody=Custody.LOCATING, responsible=None, access=PASSWORD)
    for registry in (
        on_terms("fr-pdc", US, WITHOUT_ACCESS),
        on_terms(US, "gb-iwf", WITHOUT_ACCESS),
    ):
        made = book(ours)
        route(
            made,
            ours.id,
            country("FR"),
            None,
            Forwarding(network(), ids(), POSTBOX.under(Permits(US, registry))),
        )
        assert [getattr(m, "access", None) for p, m in said(made) if p == "fr-pdc"] == [PASSWORD]


def test_rule_12_without_a_basis_the_item_stays_before_a_person() -> None:
    """Nothing is lost, nothing is sent."""
    ours = item(1, came_from=None, custody=Custody.LOCATING, responsible=None)
    made = book(ours)
    postbox = POSTBOX.under(Permits(US, on_terms(US, "fr-pdc", NO_BASIS)))
    state = route(made, ours.id, country("FR"), None, Forwarding(network(), ids(), postbox))
    assert "fr-pdc" not in [peer for peer, _ in said(made)]
    assert (state.custody, state.responsible) == (Custody.HERE, US)
    assert Review.CANNOT_BE_SENT in state.reviews


def test_rule_12_what_is_not_permitted_is_not_read_either() -> None:
    """Another node sent it all the same: the item is taken without it, before a person."""
    receiver = Receiver(registry=on_terms("gb-iwf", US, WITHOUT_ACCESS))
    told = receiver("gb-iwf", item_from("gb-iwf", access=PASSWORD))
    assert told.disposition is Disposition.NEW
    assert receiver.state(event_id(1, "gb-iwf")).access is None
    assert receiver.book.tasks == [("field_not_permitted", "gb-iwf")]


def test_rule_12_an_item_sent_without_a_basis_has_no_effect() -> None:
    """It is answered `not_permitted`, so its sender keeps it before a person."""
    receiver = Receiver(registry=on_terms("gb-iwf", US, NO_BASIS))
    told = receiver("gb-iwf", item_from("gb-iwf"))
    assert told.disposition is Disposition.NOT_PERMITTED
    assert receiver.book.find(event_id(1, "gb-iwf")) is None
    ((_, note),) = said(receiver.book)
    assert getattr(note, "reason", None) == "transfer"


def test_rule_12_outcomes_left_out_by_agreement_leave_no_task() -> None:
    """The holders of the network decided so; nobody has to look."""
    heard = Receiver()
    heard("gb-iwf", item_from("gb-iwf"))
    state = heard.state(event_id(1, "gb-iwf"))
    made = book(state)
    done = ActionTaken(event_id(9), US, Action.REMOVED, None, NOW_MS)
    news = News(done.event_id, OutcomeWhat.ACTED, done, US, NOW_MS)
    without = TransferTerms("contract", ("content",))
    tell(made, POSTBOX.under(Permits(US, on_terms(US, "gb-iwf", without))), state, news)
    assert (said(made), made.tasks) == ([], [])


def narrowed(entry_bytes: int) -> Registry:
    """The three hotlines, in a network that permits entries of this size."""
    registry = network()
    limits = replace(registry.network.limits, entry_bytes=entry_bytes)
    return replace(registry, network=replace(registry.network, limits=limits))


@pytest.mark.parametrize("room", [0, -1])
def test_g1_an_outcome_larger_than_the_network_permits_becomes_a_task(room: int) -> None:
    """Written all the same, it would be refused with all that goes with it, or wait for ever."""
    heard = Receiver()
    heard("gb-iwf", item_from("gb-iwf"))
    state = heard.state(event_id(1, "gb-iwf"))
    done = ActionTaken(event_id(9), US, Action.REMOVED, None, NOW_MS)
    news = News(done.event_id, OutcomeWhat.ACTED, done, US, NOW_MS)
    free = book(state)
    tell(free, POSTBOX.under(Permits(US, network())), state, news)
    size = len(free.posts[0].entry)
    made = book(state)
    tell(made, POSTBOX.under(Permits(US, narrowed(size + room))), state, news)
    assert len(made.posts) == (1 if room == 0 else 0)
    assert made.tasks == ([] if room == 0 else [("too_large_to_say", "gb-iwf")])


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_g1_no_kind_is_written_larger_than_the_network_permits(message: Message) -> None:
    """Whatever is said goes through one door."""
    kind = Kind(kind_of(message))
    lane = next(one for one in Lane if Permits(US, network()).hears("gb-iwf", one, kind))
    size = len(raw_entry(message)) - 40  # its newest form; an older one is shorter by a time
    with pytest.raises(EntryTooLargeError):
        POSTBOX.under(Permits(US, narrowed(size))).post(
            "gb-iwf", kind, message, subject="subject", lane=lane
        )
