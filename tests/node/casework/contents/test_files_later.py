"""A verdict is of what its giver had before it: of no file that came later, whoever looks then.

What somebody else says of such a file makes no older verdict one on it (docs/threat-model.md).
"""

from __future__ import annotations

import msgspec
import pytest

from node.casework.contents.seeing import CLOCKS_MS
from node.casework.item import Informant, ItemState, Review
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import PreparedReport, prepare_report
from node.casework.working import record_assessment, record_hashes
from node.hashcheck.verdicts import findings
from node.ids import Ids
from protocol.facts import Assessment, Content, Sighting
from protocol.messages import Item, Sighted
from protocol.vocabulary import OutcomeWhat, Reason, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    POSTBOX,
    US,
    event_id,
    file,
    handed_on,
    item,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome, said_of
from tests.node.casework.contents.listed_items import later
from tests.node.casework.contents.spread import MINT, postbox, shared
from tests.node.casework.contents.test_files_withheld import told

HERE = "https://nl9.example/9.jpg"
OURS = verdict(member=US)


def place(*content: Content, given: tuple[Assessment, ...] = ()) -> ItemState:
    """Return an item that was reported here."""
    return item(3, *content, url=HERE, named=(), assessments=given)


def elsewhere(number: int, *content: Content, given: tuple[Assessment, ...] = ()) -> ItemState:
    """Return another item, at a place of its own."""
    url = f"https://nl{number}.example/{number}.jpg"
    return item(number, *content, url=url, named=(), assessments=given)


def could_not_assess(receiver: Receiver, state: ItemState) -> None:
    """Let a person here look, who cannot say."""
    draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.ERROR)
    receiver.book.now += 1
    record_assessment(receiver.book, state.id, draft, later(50), POSTBOX)


def sure_of(receiver: Receiver, state: ItemState, one: Content) -> bool:
    """Return whether companies are told that a file is illegal, by an item."""
    there = receiver.state(state.id)
    return any(found.sure for found in findings(there, one, {OURS.event_id}, US, near=False))


def named_by(member: str, given: Verdict) -> tuple[Receiver, ItemState, ItemState]:
    """Let a file come to a place that was judged here, and went on, and let who has it judge it."""
    here, innocent = place(given=(OURS,)), elsewhere(4, file(1))
    receiver = Receiver(handed_on(here), innocent)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE))
    receiver(member, said_of(here.id, verdict(given, member)))
    return receiver, here, innocent


def test_attack_older_verdict_of_ours_is_none_on_a_file_that_who_has_the_item_acquits() -> None:
    """It came later, with somebody's report; nobody here saw it."""
    receiver, here, innocent = named_by("fr-pdc", Verdict.NOT_ILLEGAL)
    assert receiver.state(here.id).unseen == ()
    assert not receiver.state(innocent.id).known


def test_attack_file_that_who_has_the_item_judged_is_told_to_companies_in_its_name() -> None:
    """What a person here said was of what stood there then."""
    receiver, here, _ = named_by("fr-pdc", Verdict.BASELINE)
    there = receiver.state(here.id)
    words = [one.source for one in findings(there, file(1), {OURS.event_id}, US, near=False)]
    assert words == ["network"]


def test_attack_file_that_who_has_the_item_cannot_assess_waits_still() -> None:
    """Who named it is told no verdict that it could take for one on that file."""
    first = Receiver(handed_on(place(given=(verdict(member="gb-iwf"),))))
    unable = verdict(Verdict.UNASSESSABLE, member="fr-pdc", number=901)
    first("fr-pdc", item_from("fr-pdc", 7, file(1), url=HERE, assessments=(unable,)))
    assert first.state(place().id).unseen == (0,)
    assert told(first.book) == []


def test_attack_later_word_of_an_author_is_no_correction_on_a_file_that_it_never_saw() -> None:
    """It could not assess that file elsewhere, and judged a page; then the file comes there."""
    unable = verdict(Verdict.UNASSESSABLE, member=US, number=901)
    page = msgspec.structs.replace(OURS, at_ms=NOW_MS + 1)
    innocent = elsewhere(4, file(1), given=(unable,))
    receiver = Receiver(place(given=(page,)), innocent)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE))
    assert receiver.state(place().id).unseen == (0,)
    assert not receiver.state(innocent.id).known


def report_to(member: str, item_id: str, content: Content) -> Sighted:
    """Return that somebody reported a place to a member, with a file."""
    sighting = Sighting(event_id(71, member), member, Source.PUBLIC, NOW_MS)
    return Sighted(item_id, sighting, content, None, child_at_risk=False)


def test_attack_older_verdict_of_a_member_is_none_on_a_file_of_a_report_that_it_passes_on() -> None:
    """Nor once a person here has looked, who could not say."""
    innocent = elsewhere(4, file(1))
    receiver = Receiver(innocent)
    page = item_from("gb-iwf", 7, url=HERE, assessments=(verdict(member="gb-iwf"),))
    receiver("gb-iwf", page)
    receiver("gb-iwf", report_to("gb-iwf", page.item_id, file(1)))
    there = receiver.state(page.item_id)
    could_not_assess(receiver, there)
    assert receiver.state(there.id).unseen == ()
    assert not sure_of(receiver, there, file(1))
    assert not receiver.state(innocent.id).known


@pytest.mark.parametrize("by_item", [True, False], ids=["item", "sighted"])
def test_attack_file_that_is_here_and_is_reported_to_a_member_was_not_judged_by_it_before(
    *, by_item: bool
) -> None:
    """Another judged it, and takes that back."""
    theirs = verdict(member="fr-pdc", number=901)
    receiver = Receiver()
    first = item_from("fr-pdc", 8, file(1), url=HERE, assessments=(theirs,))
    receiver("fr-pdc", first)
    page = item_from("gb-iwf", 7, url=HERE, assessments=(verdict(member="gb-iwf"),))
    receiver("gb-iwf", page)
    again = item_from("gb-iwf", 7, file(1), url=HERE, revision=2)
    receiver("gb-iwf", again if by_item else report_to("gb-iwf", page.item_id, file(1)))
    gone = outcome(first.item_id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=theirs.event_id)
    receiver("fr-pdc", gone)
    there = receiver.state(first.item_id)
    assert (there.known, there.unseen) == (True, (0,))
    assert not sure_of(receiver, there, file(1))


def test_file_waits_no_more_once_a_member_that_named_it_judges() -> None:
    """Whoever was first: nobody need view it twice, and all hear of both verdicts."""
    here, other = place(file(1), file(2)), elsewhere(4, file(2))
    receiver = Receiver(here, other)
    first, second = verdict(member="gb-iwf"), verdict(member="fr-pdc", number=901)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE, assessments=(first,)))
    assert receiver.state(here.id).unseen == (1,)
    both = item_from("fr-pdc", 8, file(1), file(2), url=HERE)
    receiver("fr-pdc", both)
    receiver("fr-pdc", said_of(both.item_id, second))
    there = receiver.state(here.id)
    assert (there.unseen, there.reviews) == ((), ())
    assert [one.member for one in receiver.state(other.id).assessments] == ["fr-pdc"]
    assert ("fr-pdc", first.event_id) in told(receiver.book)


def taken_back() -> tuple[Receiver, Item]:
    """Let a member that told of both files judge them, and take that back."""
    test = Receiver(place(file(1), file(2)))
    first, second = verdict(member="gb-iwf"), verdict(member="fr-pdc", number=901)
    test("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE, assessments=(first,)))
    both = item_from("fr-pdc", 8, file(1), file(2), url=HERE, assessments=(second,))
    test("fr-pdc", both)
    assert test.state(place().id).reviews == ()
    gone = outcome(both.item_id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=second.event_id)
    test("fr-pdc", gone)
    return test, both


def test_file_waits_again_once_that_member_takes_its_verdict_back() -> None:
    """It was the look."""
    there = taken_back()[0].state(place().id)
    assert there.unseen == (1,)
    assert Review.SUGGESTED_VERDICT in there.reviews


def test_file_waits_still_where_that_member_cannot_assess_it_afterwards() -> None:
    """It may say so of a page that did not load."""
    test, both = taken_back()
    unable = verdict(Verdict.UNASSESSABLE, member="fr-pdc", number=902)
    test("fr-pdc", said_of(both.item_id, msgspec.structs.replace(unable, at_ms=NOW_MS + 1)))
    assert test.state(place().id).unseen == (1,)


def test_attack_hand_over_that_crossed_ours_brings_no_verdict_on_our_file() -> None:
    """Its sender judged the page before ours was there, and had no file of it."""
    innocent = elsewhere(4, file(1))
    here = place(file(1))
    there = handed_on(msgspec.structs.replace(here, named=(("fr-pdc", 0),)))
    receiver = Receiver(there, innocent)
    before = msgspec.structs.replace(verdict(member="fr-pdc"), at_ms=NOW_MS - HOUR_MS)
    receiver("fr-pdc", item_from("fr-pdc", 7, url=HERE, assessments=(before,)))
    assert receiver.state(here.id).known
    assert receiver.state(here.id).unseen == (0,)
    assert not sure_of(receiver, here, file(1))
    assert not receiver.state(innocent.id).known


def test_attack_hand_over_that_crossed_ours_is_of_no_more_since_its_sender_judged_the_file() -> (
    None
):
    """Elsewhere: from there its verdict was carried to our item, of which it had not heard."""
    first = verdict(member="fr-pdc", number=901)
    theirs = msgspec.structs.replace(first, at_ms=NOW_MS - 2 * HOUR_MS)
    judged = elsewhere(4, file(1), given=(theirs,))
    carried = {"assessments": (theirs,), "carried": (theirs.event_id,), "named": (("fr-pdc", 0),)}
    here = msgspec.structs.replace(place(file(1)), **carried)
    receiver = Receiver(handed_on(here), judged)
    page = msgspec.structs.replace(verdict(member="fr-pdc"), at_ms=NOW_MS - HOUR_MS)
    receiver("fr-pdc", item_from("fr-pdc", 7, url=HERE, assessments=(page,)))
    assert page.event_id not in {one.event_id for one in receiver.state(judged.id).assessments}


@pytest.mark.parametrize("number", [7, 3], ids=["its_own", "ours"])
def test_attack_item_that_is_handed_over_again_brings_no_verdict_on_what_came_to_it_meanwhile(
    number: int,
) -> None:
    """It was told of before; what we handed over was under way when its sender judged it."""
    here = msgspec.structs.replace(place(file(1)), named=(("fr-pdc", 0),))
    known = (Informant("fr-pdc", item(number).id),)
    receiver = Receiver(handed_on(msgspec.structs.replace(here, informants=known)))
    before = msgspec.structs.replace(verdict(member="fr-pdc"), at_ms=NOW_MS - HOUR_MS)
    again = item_from("fr-pdc", number, file(2), url=HERE, item_id=item(number).id)
    receiver("fr-pdc", msgspec.structs.replace(again, assessments=(before,)))
    assert not sure_of(receiver, here, file(1))


def reported(by: str, number: int, at_ms: int, seen_by: str | None = None) -> Sighted:
    """Return what a member tells of a report with a file, which came to it, or to another, then."""
    first = seen_by or by
    seen = Sighting(minted(first, at_ms), first, Source.PUBLIC, NOW_MS - HOUR_MS)
    return Sighted(item(number).id, seen, file(1), None, child_at_risk=False)


def minted(member: str, at_ms: int) -> str:
    """Return an id that a member gave to something then."""
    return Ids(member, bytes).mint(at_ms)


def given_at(member: str, at_ms: int) -> Assessment:
    """Return a verdict of a member, given and recorded then."""
    return msgspec.structs.replace(
        verdict(member=member), event_id=minted(member, at_ms), at_ms=at_ms
    )


def with_a_page() -> tuple[Receiver, Item]:
    """Return a node that was handed a page without a file."""
    receiver = Receiver()
    page = item_from("gb-iwf", 7, url=HERE)
    receiver("gb-iwf", page)
    return receiver, page


@pytest.mark.parametrize(("since", "waits"), [(-1, (0,)), (0, ()), (1, ())])
def test_attack_first_verdict_that_a_report_with_a_file_overtook_is_none_on_that_file(
    since: int, waits: tuple[int, ...]
) -> None:
    """Lanes overtake one another: the page was judged before the report came, found long ago."""
    receiver, page = with_a_page()
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS))
    receiver("gb-iwf", said_of(page.item_id, given_at("gb-iwf", NOW_MS + since)))
    state = receiver.state(page.item_id)
    assert (state.unseen, Review.SUGGESTED_VERDICT in state.reviews) == (waits, bool(waits))
    assert sure_of(receiver, item(7), file(1)) is not bool(waits)


def test_verdict_that_is_said_to_be_old_is_of_what_stood_there_when_it_was_recorded() -> None:
    """A person may say of a verdict that it was given long before; the file stood there."""
    receiver, page = with_a_page()
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS))
    old = msgspec.structs.replace(given_at("gb-iwf", NOW_MS + 1), at_ms=NOW_MS - HOUR_MS)
    receiver("gb-iwf", said_of(page.item_id, old))
    assert receiver.state(page.item_id).unseen == ()


@pytest.mark.parametrize(("since", "waits"), [(-1, (0,)), (1, ())])
def test_report_of_another_is_dated_by_its_clock_which_may_differ_a_little(
    since: int, waits: tuple[int, ...]
) -> None:
    """It was on its way for some time besides, of which nothing is told."""
    receiver, page = with_a_page()
    receiver("gb-iwf", reported("gb-iwf", 7, NOW_MS, "be-clp"))
    judged_ms = NOW_MS - CLOCKS_MS + since
    receiver("gb-iwf", said_of(page.item_id, given_at("gb-iwf", judged_ms)))
    assert receiver.state(page.item_id).unseen == waits


def test_attack_file_that_goes_with_a_known_report_came_to_its_teller_after_that() -> None:
    """It waits there since a line was handed in again; the page was judged in between."""
    receiver, page = with_a_page()
    receiver.book.now += 10 * CLOCKS_MS
    (seen,) = page.sightings
    receiver("gb-iwf", Sighted(page.item_id, seen, file(1), None, child_at_risk=False))
    judged_ms = receiver.book.now - 2 * CLOCKS_MS
    receiver("gb-iwf", said_of(page.item_id, given_at("gb-iwf", judged_ms)))
    assert receiver.state(page.item_id).unseen == (0,)
    assert not sure_of(receiver, item(7), file(1))


def test_attack_report_of_days_to_come_keeps_no_verdict_from_its_file() -> None:
    """Whoever has the item told of the file first; its look would never count here."""
    receiver, page = with_a_page()
    far = (1 << 48) - 1
    receiver("gb-iwf", reported("gb-iwf", 7, far, "be-clp"))
    receiver("gb-iwf", said_of(page.item_id, given_at("gb-iwf", NOW_MS + 2 * CLOCKS_MS)))
    assert receiver.state(page.item_id).unseen == ()


@pytest.mark.parametrize(("since", "waits"), [(-1, (0,)), (1, ())])
def test_attack_verdict_of_who_has_the_item_is_none_on_a_file_that_was_on_the_way_to_it(
    since: int, waits: tuple[int, ...]
) -> None:
    """Another reported the place here, with a file, after the item had gone without one."""
    told_by = (Informant("gb-iwf", item(7).id),)
    here = handed_on(msgspec.structs.replace(place(), informants=told_by))
    receiver = Receiver(here)
    receiver.book.now += 10 * CLOCKS_MS
    receiver("gb-iwf", reported("gb-iwf", 7, receiver.book.now))
    judged_ms = receiver.book.now - CLOCKS_MS + since
    receiver("fr-pdc", said_of(here.id, given_at("fr-pdc", judged_ms)))
    assert receiver.state(here.id).unseen == waits
    assert sure_of(receiver, here, file(1)) is not bool(waits)


def test_attack_verdict_of_before_the_hand_over_is_none_on_the_file_that_went_with_it() -> None:
    """Who has the item looked, by a later one, and takes that back."""
    page, look = given_at("fr-pdc", NOW_MS - HOUR_MS), given_at("fr-pdc", NOW_MS + HOUR_MS)
    here = handed_on(place(file(1), given=(page,)))
    receiver = Receiver(here)
    receiver("fr-pdc", said_of(here.id, look))
    gone = outcome(here.id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=look.event_id)
    receiver("fr-pdc", gone)
    assert receiver.state(here.id).known
    assert not sure_of(receiver, here, file(1))


def test_next_verdict_of_who_has_the_item_is_the_look_at_the_file_that_was_on_the_way() -> None:
    """There it waits for a person, since it came to a judged item."""
    told_by = (Informant("gb-iwf", item(7).id),)
    here = handed_on(msgspec.structs.replace(place(), informants=told_by))
    receiver = Receiver(here)
    receiver.book.now += 10 * CLOCKS_MS
    receiver("gb-iwf", reported("gb-iwf", 7, receiver.book.now))
    receiver("fr-pdc", said_of(here.id, given_at("fr-pdc", receiver.book.now - 2 * CLOCKS_MS)))
    receiver("fr-pdc", said_of(here.id, given_at("fr-pdc", receiver.book.now)))
    assert receiver.state(here.id).unseen == ()
    assert sure_of(receiver, here, file(1))


def test_file_that_is_told_more_fully_beside_a_new_one_waits_for_nobody() -> None:
    """It is the one that was judged."""
    one, other = file(1, md5=1, length=9_001), file(2)
    receiver = Receiver()
    judged = item_from("gb-iwf", 7, file(1), url=HERE, assessments=(verdict(),))
    receiver("gb-iwf", judged)
    receiver("fr-pdc", item_from("fr-pdc", 8, one, other, url=HERE))
    assert receiver.state(judged.item_id).unseen == (1,)


def test_attack_hashes_of_another_file_that_come_with_one_of_the_judged_file_wait_for_a_look() -> (
    None
):
    """At one place a weak hash is enough to take both for one file."""
    innocent = Content(md5=b"\x09" * 16, length=9_001)
    illegal = Content(sha256=b"\x01" * 32, sha1=b"\x05" * 20)
    receiver = Receiver(elsewhere(4, innocent))
    judged = item_from("gb-iwf", 7, illegal, url=HERE, assessments=(verdict(member="gb-iwf"),))
    receiver("gb-iwf", judged)
    both = msgspec.structs.replace(innocent, sha1=illegal.sha1)
    receiver("fr-pdc", item_from("fr-pdc", 8, both, url=HERE))
    assert receiver.state(judged.item_id).unseen == (0,)
    assert not sure_of(receiver, item(7), innocent)
    assert not receiver.state(item(4).id).known


def test_file_waits_again_where_who_looked_can_say_nothing_of_it_but_that_it_did_not_load() -> None:
    """A member took back its verdict on the file; what it said of the page before is none."""
    receiver = Receiver()
    page = item_from("gb-iwf", 7, url=HERE, assessments=(verdict(Verdict.NOT_ILLEGAL, number=900),))
    receiver("gb-iwf", page)
    late = msgspec.structs.replace(verdict(number=901), at_ms=NOW_MS + 1)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE, assessments=(late,)))
    unable = verdict(Verdict.UNASSESSABLE, number=902)
    unable = msgspec.structs.replace(unable, at_ms=NOW_MS + 2)
    receiver("gb-iwf", said_of(page.item_id, unable))
    taken_back = outcome(
        page.item_id, OutcomeWhat.WITHDRAWN, author="gb-iwf", event_id=late.event_id
    )
    receiver("gb-iwf", taken_back)
    assert receiver.state(page.item_id).unseen == (0,)


def test_who_tells_again_of_an_item_with_a_file_that_is_here_has_it() -> None:
    """So what waits for a look is told to nobody that would take it for judged."""
    here = msgspec.structs.replace(place(file(1)), finder=US)
    receiver = Receiver(here)
    receiver("fr-pdc", item_from("fr-pdc", 7, url=HERE))
    receiver("fr-pdc", item_from("fr-pdc", 7, file(1), url=HERE))
    assert ("fr-pdc", 0) in (receiver.state(here.id).named or ())


def test_verdict_of_who_has_the_item_since_is_the_look() -> None:
    """Whatever it had said before of a page of its own."""
    here = place(file(1))
    there = handed_on(msgspec.structs.replace(here, named=(("fr-pdc", 0),)))
    receiver = Receiver(there)
    before = msgspec.structs.replace(verdict(member="fr-pdc"), at_ms=NOW_MS - HOUR_MS)
    receiver("fr-pdc", item_from("fr-pdc", 7, url=HERE, assessments=(before,)))
    receiver("fr-pdc", said_of(here.id, verdict(member="fr-pdc", number=901)))
    assert receiver.state(here.id).unseen == ()
    assert sure_of(receiver, here, file(1))


def test_attack_known_file_stays_known_where_a_page_without_it_could_not_be_assessed() -> None:
    """A page did not load; later it is reported with a file that was judged elsewhere before."""
    unable = msgspec.structs.replace(
        verdict(Verdict.UNASSESSABLE, member=US, number=901), at_ms=NOW_MS + 1
    )
    known = elsewhere(4, file(1), given=(OURS,))
    receiver = Receiver(place(given=(unable,)), known)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=HERE))
    assert receiver.state(known.id).vouched == (OURS,)
    assert sure_of(receiver, known, file(1))


def test_that_a_file_cannot_be_assessed_takes_back_what_was_said_of_it_elsewhere() -> None:
    """Once the file was there, that is a word on it."""
    known = elsewhere(4, file(1), given=(OURS,))
    receiver = Receiver(place(), known)
    receiver("gb-iwf", item_from("gb-iwf", 7, Content(sha1=b"\x01" * 20), url=HERE))
    receiver("fr-pdc", item_from("fr-pdc", 8, file(1), url=HERE))
    could_not_assess(receiver, place())
    assert not receiver.state(known.id).known


def test_informants_word_that_it_has_the_file_counts_under_every_id_that_it_gave() -> None:
    """A second hand-over of the place takes nothing back of what was told before."""
    here = place(file(1))
    told_us = msgspec.structs.replace(
        here, informants=(Informant("gb-iwf", event_id(7, "gb-iwf")),), named=(("gb-iwf", 0),)
    )
    receiver = Receiver(told_us)
    receiver("gb-iwf", item_from("gb-iwf", 8, url=HERE, assessments=(verdict(member="gb-iwf"),)))
    assert receiver.state(here.id).unseen == ()


def line(receiver: Receiver, *, hashes: bool, judged: bool = False) -> ItemState:
    """Hand a line of a report in, which comes a second time with the hashes of a file."""
    receiver.book.now += 1
    sha256 = HashesDraft(sha256=f"{1:064x}") if hashes else None
    given = (AssessmentDraft(verdict=Verdict.BASELINE),) if judged else ()
    one = ItemDraft(url=HERE, hashes=sha256, assessments=given)
    draft = ReportDraft(items=(one,), source=Source.PUBLIC, reference="R-1")
    prepared = prepare_report(draft, FINGERPRINTS, receiver.book.now, "file:1")
    assert isinstance(prepared, PreparedReport)
    (taken,) = take_reports(receiver.book, [prepared], MINT, postbox())
    return receiver.state(taken.items[0].item_id)


def judged_page(innocent: ItemState) -> tuple[Receiver, ItemState]:
    """Let a person here judge a page of a report."""
    receiver = Receiver(innocent)
    page = line(receiver, hashes=False)
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(receiver.book, page.id, draft, MINT, postbox())
    return receiver, page


def test_attack_file_that_a_report_names_once_it_comes_again_waits_for_a_look() -> None:
    """It is one line; what was judged is the page that it named first."""
    innocent = elsewhere(4, file(1))
    receiver, page = judged_page(innocent)
    there = line(receiver, hashes=True)
    assert (there.id, there.unseen, there.reviews) == (page.id, (0,), (Review.SUGGESTED_VERDICT,))
    assert not receiver.state(innocent.id).known
    assert shared(receiver.book) == []


def test_file_of_a_line_that_comes_again_with_its_verdict_is_what_was_judged() -> None:
    """So a case system says which file it is, once it knows."""
    other = elsewhere(4, file(1))
    receiver, _ = judged_page(other)
    assert line(receiver, hashes=True, judged=True).unseen == ()
    assert receiver.state(other.id).known


def test_attack_file_that_came_once_a_page_could_not_be_assessed_waits_beside_a_known_one() -> None:
    """Who could not load the page looked at nothing that came there since."""
    unable = verdict(Verdict.UNASSESSABLE, member=US, number=901)
    known = elsewhere(4, file(1), given=(verdict(member="fr-pdc"),))
    receiver = Receiver(place(given=(unable,)), known)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url=HERE))
    there = receiver.state(place().id)
    assert (there.known, there.reviews) == (True, (Review.SUGGESTED_VERDICT,))
    assert told(receiver.book) == [("gb-iwf", unable.event_id)]


def test_hashes_that_a_person_adds_are_no_part_of_what_who_had_the_item_judged() -> None:
    """It had a page of us, without a file."""
    here = handed_on(item(3, url=HERE, named=()))
    receiver = Receiver(here)
    receiver("fr-pdc", said_of(here.id, verdict(member="fr-pdc")))
    draft = HashesDraft(sha256=f"{1:064x}")
    record_hashes(receiver.book, here.id, draft, MINT, postbox())
    assert not sure_of(receiver, here, file(1))


def test_correction_that_comes_with_an_item_that_is_handed_over_again_is_heard() -> None:
    """Also of a place that was found here first."""
    here = item(3, url=HERE, named=(), finder=US, came_from=None)
    receiver = Receiver(here)
    first, last = verdict(member="fr-pdc"), verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 901, NOW_MS + 1)
    receiver("fr-pdc", item_from("fr-pdc", 8, file(1), url=HERE, assessments=(first,)))
    again = item_from("fr-pdc", 8, file(1), url=HERE, assessments=(first, last), revision=2)
    receiver("fr-pdc", again)
    assert receiver.state(here.id).in_force == (last,)
