"""What came to an item by one of its files is told of the item once nobody need look at another.

Whoever hears of a verdict on an item takes it for one on all its files (docs/threat-model.md).
"""

from __future__ import annotations

import msgspec
import pytest

from node.casework.casebook import Casebook
from node.casework.contents.listing import match_lists
from node.casework.contents.rejudging import rejudge
from node.casework.item import Informant, ItemState, Review
from node.casework.passing_on.custody import take_custody
from node.casework.passing_on.routing import Choice, Forwarding, hand_on, item_message
from node.casework.reports.draft import AssessmentDraft
from node.casework.reports.intake import carry_over
from node.casework.working import record_assessment
from node.matching.duplicates import Judgement
from node.matching.lists import Trust
from protocol.facts import Sighting
from protocol.messages import Item, Outcome, Sighted, read
from protocol.vocabulary import Disposition, OutcomeWhat, Reason, Source, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    country,
    event_id,
    file,
    handed_on,
    item,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome, said_of
from tests.node.casework.contents.listed_items import later, listed, load

GIVEN = verdict(member="fr-pdc")
KNOWN = item(1, file(1), url="https://nl1.example/1.jpg", assessments=(GIVEN,))
KNOWN_THERE = msgspec.structs.replace(
    KNOWN, informants=(Informant("fr-pdc", KNOWN.id),), named=(("fr-pdc", 0),)
)
OTHER = item(2, file(2), url="https://nl2.example/2.jpg")
REPORTER = Informant("gb-iwf", event_id(7, "gb-iwf"))
BOTH = item(3, file(1), file(2), url="https://nl3.example/3.jpg", informants=(REPORTER,), named=())
ONE = item(3, file(1), url="https://nl3.example/3.jpg", informants=(REPORTER,), named=())


PLACE = "https://nl3.example/3.jpg"


def told(made: Casebook) -> list[tuple[str, str]]:
    """Return to whom which verdicts were told of an item."""
    said = [(post.peer, read(post.entry)[1]) for post in made.posts]
    return [
        (peer, one.event_id)
        for peer, one in said
        if isinstance(one, Outcome) and one.what is OutcomeWhat.ASSESSED
    ]


def handed(state: ItemState) -> Item:
    """Return what the next member is told of an item."""
    return item_message(state, US, country("FR"), NOW_MS)


def judge(made: Casebook, state: ItemState) -> None:
    """Let a person here judge an item."""
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(made, state.id, draft, later(50), POSTBOX)


def test_verdict_on_the_only_file_is_told_at_once() -> None:
    """Nothing else could be meant."""
    made = book(KNOWN, ONE)
    rejudge(made, POSTBOX, ONE.id)
    assert told(made) == [("gb-iwf", GIVEN.event_id)]
    assert handed(made.loaded.items[ONE.id]).assessments == (GIVEN,)


def test_attack_verdict_on_one_file_is_told_of_no_item_with_another() -> None:
    """Neither to whom it came from, nor to whom it goes."""
    made = book(KNOWN, BOTH)
    rejudge(made, POSTBOX, BOTH.id)
    state = made.loaded.items[BOTH.id]
    assert (state.known, state.reviews) == (True, (Review.SUGGESTED_VERDICT,))
    assert (told(made), handed(state).assessments) == ([], ())


def test_attack_verdict_of_a_list_on_one_file_is_told_of_no_item_with_another() -> None:
    """It is ours, and still of that file alone."""
    made = load(book(BOTH), listed(1, Trust.AUTO, file(1)))
    match_lists(made, later(50), POSTBOX, [BOTH.id])
    state = made.loaded.items[BOTH.id]
    assert (state.known, state.reviews) == (True, (Review.SUGGESTED_VERDICT,))
    assert (told(made), handed(state).assessments) == ([], ())


def test_verdicts_of_lists_on_each_file_are_told() -> None:
    """Nobody need look."""
    made = load(book(BOTH), listed(1, Trust.AUTO, file(1)), listed(2, Trust.BENIGN, file(2)))
    match_lists(made, later(50), POSTBOX, [BOTH.id])
    state = made.loaded.items[BOTH.id]
    assert len(state.assessments) == 1
    assert {one for _, one in told(made)} == {state.assessments[0].event_id}


def test_verdict_is_told_once_the_other_file_is_judged_as_well() -> None:
    """Whichever was first."""
    made = book(KNOWN, OTHER, BOTH)
    rejudge(made, POSTBOX, BOTH.id)
    assert told(made) == []
    judge(made, OTHER)
    own = made.loaded.items[OTHER.id].assessments[0]
    assert {one for _, one in told(made)} == {GIVEN.event_id, own.event_id}
    assert set(handed(made.loaded.items[BOTH.id]).assessments) == {GIVEN, own}


def test_verdict_of_the_person_who_looked_is_told_and_what_waited_for_the_look() -> None:
    """As if the look had come first."""
    made = book(KNOWN, BOTH)
    rejudge(made, POSTBOX, BOTH.id)
    judge(made, BOTH)
    own = made.loaded.items[BOTH.id].assessments[-1]
    assert told(made) == [("gb-iwf", own.event_id), ("gb-iwf", GIVEN.event_id)]
    assert own in handed(made.loaded.items[BOTH.id]).assessments
    judge(made, BOTH)
    assert len(told(made)) == 3  # its own new word alone


def test_verdict_that_was_told_of_no_reporter_s_file_is_told_once_somebody_looked() -> None:
    """Whose word it is that the item is illegal is no less to be heard than ours."""
    receiver = Receiver(item(3, file(1), url=PLACE, named=()))
    receiver("fr-pdc", item_from("fr-pdc", 8, file(1), url=PLACE))
    receiver("gb-iwf", item_from("gb-iwf", 7, url=PLACE))
    given = verdict(member="gb-iwf")
    receiver("gb-iwf", said_of(item_from("gb-iwf", 7).item_id, given))
    assert told(receiver.book) == []
    judge(receiver.book, item(3))
    assert ("fr-pdc", given.event_id) in told(receiver.book)


def test_verdict_of_who_has_the_item_reaches_who_named_the_file_that_waited() -> None:
    """It went there with that file: what its holder says of it is the look."""
    judged = item(3, file(1), url=PLACE, assessments=(verdict(member=US),), named=())
    first = Receiver(judged)
    first("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url=PLACE))
    receiver = Receiver(handed_on(first.state(judged.id)))
    given = verdict(member="fr-pdc")
    receiver("fr-pdc", said_of(judged.id, given))
    assert receiver.state(judged.id).unseen == ()
    heard = {given.event_id, judged.assessments[0].event_id}
    assert {one for peer, one in told(receiver.book) if peer == "gb-iwf"} == heard
    gone = outcome(judged.id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=given.event_id)
    receiver("fr-pdc", gone)
    assert receiver.state(judged.id).unseen == (1,)  # that was the look


def test_verdict_that_was_told_by_hearsay_is_told_under_an_id_of_its_own_once_it_comes() -> None:
    """Other bytes under one id are a conflict at who gets them (protocol §5.3)."""
    first = Receiver(BOTH)
    theirs = item_from("gb-iwf", 10, file(1), file(2), url=PLACE)
    first("gb-iwf", theirs)
    first("gb-iwf", said_of(theirs.item_id, GIVEN))
    assert told(first.book) == [("gb-iwf", GIVEN.event_id)]
    both = item(6, file(1), file(2), url="https://nl6.example/6.jpg", assessments=(GIVEN,))
    later_on = book(both, first.state(BOTH.id), now=NOW_MS + 9)
    rejudge(later_on, POSTBOX, both.id)
    assert later_on.loaded.items[BOTH.id].carried == (GIVEN.event_id,)
    before = {post.entry_id for post in first.book.posts}
    assert not before & {post.entry_id for post in later_on.posts}


def test_that_nobody_can_assess_it_is_told_whatever_waits() -> None:
    """Of no file could that be taken for a verdict, and it takes back what was heard before."""
    given = verdict(member="fr-pdc")
    receiver = Receiver(item(3, file(1), url=PLACE, named=()))
    theirs = item_from("fr-pdc", 8, file(1), url=PLACE, assessments=(given,))
    receiver("fr-pdc", theirs)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url=PLACE))
    assert receiver.state(item(3).id).unseen == (1,)
    unable = msgspec.structs.replace(
        given,
        event_id=event_id(901, "fr-pdc"),
        verdict=Verdict.UNASSESSABLE,
        reason=Reason.GEOBLOCKED,
        at_ms=given.at_ms + 1,
    )
    receiver("fr-pdc", said_of(theirs.item_id, unable))
    assert told(receiver.book) == [("gb-iwf", unable.event_id)]


@pytest.mark.parametrize("late", [False, True], ids=["at_once", "later"])
def test_verdict_that_came_by_one_file_and_is_said_of_the_item_itself_is_told(
    *,
    late: bool,
) -> None:
    """Its author named each file: nobody need look, and nobody had heard of it."""
    receiver = Receiver(KNOWN, BOTH)
    rejudge(receiver.book, POSTBOX, BOTH.id)
    both = (file(1), file(2))
    theirs = item_from("fr-pdc", 8, *both, url=PLACE, assessments=() if late else (GIVEN,))
    receiver("fr-pdc", theirs)
    if late:
        receiver("fr-pdc", said_of(theirs.item_id, GIVEN))
    assert receiver.state(BOTH.id).reviews == ()
    assert told(receiver.book) == [("gb-iwf", GIVEN.event_id)]


def test_of_an_item_that_went_on_it_is_told_to_nobody_either() -> None:
    """Who has it looks at the other file, if nothing else makes that known there."""
    made = book(KNOWN, handed_on(BOTH))
    rejudge(made, POSTBOX, BOTH.id)
    assert made.loaded.items[BOTH.id].known
    assert told(made) == []


def went_on_known_by_one_file() -> tuple[Casebook, ItemState]:
    """Return an item that was handed on before one of its two files became known."""
    made = book(KNOWN, handed_on(BOTH))
    rejudge(made, POSTBOX, BOTH.id)
    return made, made.loaded.items[BOTH.id]


def test_file_of_an_item_that_comes_back_waits_for_a_look_beside_one_that_became_known() -> None:
    """While it was elsewhere nobody was asked here."""
    made, _ = went_on_known_by_one_file()
    take_custody(made, POSTBOX, later(60), BOTH.id)
    assert Review.SUGGESTED_VERDICT in made.loaded.items[BOTH.id].reviews


def test_attack_item_that_became_known_by_one_file_goes_on_without_the_verdict() -> None:
    """It was elsewhere when the verdict came, and is back."""
    made, _ = went_on_known_by_one_file()
    here = take_custody(made, POSTBOX, later(60), BOTH.id)
    made.posts.clear()
    hand_on(made, here, Choice("fr-pdc"), country("FR"), Forwarding(network(), later(70), POSTBOX))
    (item_told,) = [one for post in made.posts if isinstance(one := read(post.entry)[1], Item)]
    assert item_told.assessments == ()


def test_attack_verdict_on_one_file_that_its_author_silenced_is_told_with_no_item() -> None:
    """Its author could not say of the item; once it takes that back, all files were judged."""
    unable = msgspec.structs.replace(
        verdict(Verdict.UNASSESSABLE, member="fr-pdc", number=901), at_ms=GIVEN.at_ms + 1
    )
    named = msgspec.structs.replace(BOTH, assessments=(unable,), named=(("fr-pdc", 1),))
    made = Receiver(KNOWN, named)
    rejudge(made.book, POSTBOX, BOTH.id)
    state = made.state(BOTH.id)
    assert GIVEN in state.assessments
    made("gb-iwf", item_from("gb-iwf", 8, file(1), file(2), url=PLACE))
    assert GIVEN.event_id not in {one for _, one in told(made.book)}
    onward = Forwarding(network(), later(60), POSTBOX)
    hand_on(made.book, made.state(BOTH.id), Choice("fr-pdc"), country("FR"), onward)
    (item_told,) = [one for post in made.book.posts if isinstance(one := read(post.entry)[1], Item)]
    assert GIVEN not in item_told.assessments


def test_later_reporter_hears_of_it_no_more_than_the_first_one() -> None:
    """What is told of the item so far leaves it out."""
    made = Receiver(KNOWN, BOTH)
    rejudge(made.book, POSTBOX, BOTH.id)
    made("fr-pdc", item_from("fr-pdc", 8, file(1), file(2), url="https://nl3.example/3.jpg"))
    assert told(made.book) == []


def test_attack_file_that_was_reported_later_goes_on_without_the_verdict() -> None:
    """The verdict is ours, and older than the file: the next member looks at both."""
    judged = item(
        3, file(1), url="https://nl3.example/3.jpg", assessments=(verdict(member=US),), named=()
    )
    receiver = Receiver(judged)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url="https://nl3.example/3.jpg"))
    state = receiver.state(judged.id)
    assert (state.unseen, handed(state).assessments) == ((1,), ())
    assert told(receiver.book) == []  # who named it would take it for one on that file


def test_reporter_of_the_judged_file_alone_hears_the_verdict() -> None:
    """It knows of no other."""
    judged = item(
        3, file(1), url="https://nl3.example/3.jpg", assessments=(verdict(member=US),), named=()
    )
    receiver = Receiver(judged)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url="https://nl3.example/3.jpg"))
    receiver("fr-pdc", item_from("fr-pdc", 8, file(1), url="https://nl3.example/3.jpg"))
    assert told(receiver.book) == [("fr-pdc", judged.assessments[0].event_id)]


def test_attack_file_of_a_later_report_is_not_judged_by_who_passes_it_on() -> None:
    """A stranger reported it to the member that had judged the place before."""
    theirs = verdict(member="gb-iwf")
    receiver = Receiver(item(4, file(2), url="https://nl4.example/4.jpg"))
    place = "https://nl3.example/3.jpg"
    first = item_from("gb-iwf", 7, file(1), url=place, assessments=(theirs,))
    receiver("gb-iwf", first)
    seen = Sighting(event_id(71, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)
    receiver("gb-iwf", Sighted(first.item_id, seen, file(2), None, child_at_risk=False))
    state = receiver.state(first.item_id)
    assert (state.unseen, state.reviews) == ((1,), (Review.SUGGESTED_VERDICT,))
    assert not receiver.state(item(4).id).known


def test_verdict_on_one_file_that_a_later_word_silenced_is_told_once_that_is_taken_back() -> None:
    """Nobody had heard it: when it came another file waited."""
    receiver = Receiver(KNOWN_THERE, BOTH)
    rejudge(receiver.book, POSTBOX, BOTH.id)
    corrects = verdict(Verdict.NOT_ILLEGAL, member="fr-pdc", number=902, at_ms=NOW_MS + 1)
    receiver("fr-pdc", said_of(KNOWN_THERE.id, corrects))
    judge(receiver.book, receiver.state(BOTH.id))
    assert ("gb-iwf", GIVEN.event_id) not in told(receiver.book)
    taken_back = outcome(
        KNOWN_THERE.id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=corrects.event_id
    )
    receiver("fr-pdc", taken_back)
    assert ("gb-iwf", GIVEN.event_id) in told(receiver.book)


def test_hashes_that_the_judging_member_adds_itself_are_of_what_it_saw() -> None:
    """Its people took them where they judged."""
    theirs = verdict(member="gb-iwf")
    receiver = Receiver()
    first = item_from("gb-iwf", 7, assessments=(theirs,))
    receiver("gb-iwf", first)
    receiver("gb-iwf", Sighted(first.item_id, None, file(1), None, child_at_risk=False))
    assert receiver.state(first.item_id).reviews == ()


def test_attack_item_that_shows_two_accounts_to_be_one_file_spares_no_look_at_another() -> None:
    """What is carried on over a new item is watched as well."""
    both = item(3, file(sha1=1, md5=1), file(2), url="https://nl3.example/3.jpg")
    new = item(5, file(1, sha1=1, md5=1), url="https://nl5.example/5.jpg")
    made = book(KNOWN, both, new)
    carry_over(made, POSTBOX, new.id, Judgement(Disposition.NEW_KNOWN, KNOWN.id))
    state = made.loaded.items[both.id]
    assert (state.known, state.reviews) == (True, (Review.SUGGESTED_VERDICT,))


@pytest.mark.parametrize("corrects", [True, False], ids=["correction", "first_word"])
def test_correction_to_not_illegal_waits_for_no_look(*, corrects: bool) -> None:
    """Who heard that it is illegal, before the file came, hears that it is not."""
    place = "https://nl3.example/3.jpg"
    first = (verdict(member="fr-pdc", number=901),) if corrects else ()
    receiver = Receiver(item(3, file(1), url=place, named=(), assessments=(verdict(member=US),)))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url=place))
    theirs = item_from("fr-pdc", 8, file(1), url=place, assessments=first)
    receiver("fr-pdc", theirs)
    later_word = verdict(Verdict.NOT_ILLEGAL, member="fr-pdc", number=902, at_ms=NOW_MS + 1)
    receiver(
        "fr-pdc",
        Outcome(
            theirs.item_id,
            later_word.event_id,
            "fr-pdc",
            OutcomeWhat.ASSESSED,
            later_word,
            None,
            None,
            None,
            NOW_MS,
            NOW_MS,
        ),
    )
    heard = {one for peer, one in told(receiver.book) if peer == "gb-iwf"}
    assert (later_word.event_id in heard) == corrects
