"""A file that its giver had judged elsewhere before it came to an item needs no other look (§6.4).

Its verdict goes with the content to the item once the file is there, and is told at its old time;
so it is told later than a verdict on a page, which a report overtook, would have been.
"""

from __future__ import annotations

import msgspec

from node.casework.contents.listing import match_lists
from node.casework.contents.seeing import CLOCKS_MS
from node.casework.item import Informant, ItemState
from node.casework.passing_on.routing import Choice, Forwarding, hand_on
from node.casework.reports.draft import AssessmentDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import PreparedReport, prepare_report
from node.casework.working import record_assessment
from protocol.facts import Assessment, Content
from protocol.messages import Outcome
from protocol.vocabulary import Disposition, Lane, Source, Verdict
from tests.builders.cases import HOUR_MS, PLACE, POSTBOX, country, file, handed_on, ids, item
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, said_of
from tests.node.casework.circle import MEMBERS, Circle, Member, drawn, registry
from tests.node.casework.contents.accounts import draft_of
from tests.node.casework.contents.listed_items import load, said_by
from tests.node.casework.contents.test_files_later import (
    HERE,
    given_at,
    place,
    reported,
    sure_of,
)

GB, NL = MEMBERS[:2]
ELSEWHERE = "https://other.example/1.jpg"


def report(member: Member, url: str, *content: Content) -> ItemState:
    """Hand a report in."""
    member.tick()
    hashes = draft_of(content[0]) if content else None
    draft = ReportDraft(items=(ItemDraft(url=url, hashes=hashes),), source=Source.PUBLIC)
    line = f"line:{member.minute}"
    made = prepare_report(draft, member.book.fingerprints, member.book.now, line)
    assert isinstance(made, PreparedReport)
    (taken,) = take_reports(member.book, [made], member.ids, member.postbox)
    return member.book.loaded.items[taken.items[0].item_id]


def judge_elsewhere(member: Member) -> None:
    """A person there judges the file at another place."""
    other = report(member, ELSEWHERE, file(1))
    member.tick()
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(member.book, other.id, draft, member.ids, member.postbox)


def hand_page_on(circle: Circle) -> None:
    """The first member hands a page of the place to the second; later a report brings the file."""
    member = circle[GB]
    forwarding = Forwarding(registry(), member.ids, member.postbox)
    hand_on(member.book, report(member, PLACE), Choice(NL), country("NL"), forwarding)
    circle.settle(drawn(0))


def of_place(member: Member) -> ItemState:
    """What the member has of the place."""
    (one,) = (s for s in member.items() if s.location and s.location.canonical == PLACE)
    return one


def test_verdict_of_who_passes_a_report_on_is_on_the_file_that_it_judged_elsewhere() -> None:
    """Nobody need look at one file twice (rule 2)."""
    circle = Circle((GB, NL))
    judge_elsewhere(circle[GB])
    hand_page_on(circle)
    report(circle[GB], PLACE, file(1))
    circle.send()
    circle.deliver(GB, NL, Lane.REPORTS)
    circle.settle(drawn(0))
    there = of_place(circle[NL])
    assert (there.known, there.unseen, there.reviews) == (True, (), ())


def test_verdict_that_was_carried_here_too_is_on_the_file_once_it_is_said_of_the_item() -> None:
    """Both items came from the member that judged the file on the one of them."""
    receiver = Receiver()
    given = given_at("gb-iwf", NOW_MS - HOUR_MS)
    receiver("gb-iwf", item_from("gb-iwf", 9, file(1), url=ELSEWHERE, assessments=(given,)))
    page = item_from("gb-iwf", 7, url=HERE)
    receiver("gb-iwf", page)
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS))
    receiver("gb-iwf", told_later(page.item_id, given, NOW_MS))
    assert receiver.state(page.item_id).unseen == ()


def test_verdict_that_who_has_the_item_shares_is_on_the_file_once_it_is_said_of_the_item() -> None:
    """It is known here by the list of that member, whose word says of which file it is."""
    told_by = (Informant("gb-iwf", item(7).id),)
    here = handed_on(msgspec.structs.replace(place(), informants=told_by))
    given = given_at("fr-pdc", NOW_MS - HOUR_MS)
    receiver = Receiver(msgspec.structs.replace(here, answer=Disposition.NEW))
    load(receiver.book, said_by(given))
    receiver.book.now += 10 * CLOCKS_MS
    receiver("gb-iwf", reported("gb-iwf", 7, receiver.book.now))
    match_lists(receiver.book, ids(), POSTBOX, [here.id])
    receiver("fr-pdc", told_later(here.id, given, receiver.book.now + CLOCKS_MS))
    assert receiver.state(here.id).unseen == ()
    assert sure_of(receiver, here, file(1))


def told_later(item_id: str, given: Assessment, told_ms: int) -> Outcome:
    """Return a member's word that an old verdict of its is one on an item."""
    return msgspec.structs.replace(said_of(item_id, given), learnt_ms=told_ms)


def test_attack_old_verdict_that_is_told_once_another_looked_is_none_on_the_file() -> None:
    """It waited there for that look; what the other one saw takes nothing from it."""
    receiver = Receiver()
    page = item_from("gb-iwf", 7, url=HERE)
    receiver("gb-iwf", page)
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS))
    acquits = msgspec.structs.replace(given_at("fr-pdc", NOW_MS + 1), verdict=Verdict.NOT_ILLEGAL)
    receiver("gb-iwf", said_of(page.item_id, acquits))
    given = given_at("gb-iwf", NOW_MS - HOUR_MS)
    receiver("gb-iwf", told_later(page.item_id, given, NOW_MS + 2))
    assert not sure_of(receiver, item(7), file(1))


def test_attack_old_verdict_that_is_told_of_one_file_is_none_on_another() -> None:
    """Both came with reports; it was told before the second did, which overtook it."""
    receiver = Receiver()
    page = item_from("gb-iwf", 7, url=HERE)
    receiver("gb-iwf", page)
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS))
    other = msgspec.structs.replace(reported("gb-iwf", 7, NOW_MS + 2), content=file(2))
    receiver("gb-iwf", other)
    given = given_at("gb-iwf", NOW_MS - HOUR_MS)
    receiver("gb-iwf", told_later(page.item_id, given, NOW_MS + 1))
    assert not sure_of(receiver, item(7), file(2))


def test_attack_old_verdict_of_who_has_the_item_is_none_on_a_file_that_was_on_the_way_to_it() -> (
    None
):
    """It may tell it by another file, that was reported there and of which it does not tell."""
    told_by = (Informant("gb-iwf", item(7).id),)
    here = handed_on(msgspec.structs.replace(place(), informants=told_by))
    receiver = Receiver(msgspec.structs.replace(here, answer=Disposition.NEW))
    receiver.book.now += 10 * CLOCKS_MS
    receiver("gb-iwf", reported("gb-iwf", 7, receiver.book.now))
    given = given_at("fr-pdc", NOW_MS - HOUR_MS)
    receiver("fr-pdc", told_later(here.id, given, receiver.book.now + CLOCKS_MS))
    assert receiver.state(here.id).unseen == (0,)
    assert not sure_of(receiver, here, file(1))
