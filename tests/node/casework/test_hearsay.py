"""A verdict told by another than its author: it stands where it was told, and counts no further."""

from __future__ import annotations

from msgspec.structs import replace

from node.casework.contents.listing import match_lists
from node.casework.item import Informant, ItemState, Review
from node.casework.mistakes.undoing import take_everywhere_back
from node.hashcheck.verdicts import is_baseline
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust
from protocol.facts import Assessment, Content, Hop
from protocol.messages import Outcome
from protocol.vocabulary import OutcomeWhat, Verdict
from tests.builders.cases import (
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    event_id,
    handed_on,
    happened,
    ids,
    item,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome
from tests.node.casework.contents.listed_items import load

GB, FR = "gb-iwf", "fr-pdc"
"""The author, and the one that speaks for it."""
FILE = Content(b"\x09" * 32, None, None, None, None, None)
GIVEN = verdict(member=GB)
CHANGED = replace(verdict(Verdict.NOT_ILLEGAL, GB, 901), at_ms=NOW_MS + 1)
STORY = (Informant(GB, item(1).id), Informant(FR, item(1).id))
TOLD = item(1, FILE, informants=STORY)
"""Of which both may tell."""
THIRD = replace(TOLD, informants=(*STORY, Informant("de-eco", TOLD.id)))
"""Of which a third one hears."""
OTHER = item(3, FILE, url="https://nl3.example/3.jpg", informants=(Informant(FR, item(3).id),))
"""Another item with the same file."""
LISTED = Listed(
    1,
    Terms(f"member/{GB}", Provenance.MEMBER),
    1,
    Entry(FILE, "baseline", None, f"{GIVEN.event_id}/0", GIVEN),
    Trust.AUTO,
)
"""What the author's list says of the file."""
JUDGED = replace(TOLD, assessments=(GIVEN,))


def given(one: Assessment = GIVEN, item_id: str = TOLD.id) -> Outcome:
    """The news that its author gave a verdict."""
    named = {"author": one.member, "event_id": one.event_id, "assessment": one}
    return outcome(item_id, OutcomeWhat.ASSESSED, **named)


def taken_back(one: Assessment = GIVEN, item_id: str = TOLD.id) -> Outcome:
    """The news that its author took it back."""
    named = {"author": one.member, "event_id": one.event_id}
    return outcome(item_id, OutcomeWhat.WITHDRAWN, **named)


def stand(receiver: Receiver, state: ItemState = TOLD) -> list[Assessment]:
    """The verdicts on an item now."""
    return list(receiver.state(state.id).assessments)


def news(receiver: Receiver, what: OutcomeWhat, to: str) -> int:
    """How often a member is told of a verdict, or that one was taken back."""
    told = [m for peer, m in said(receiver.book) if peer == to and isinstance(m, Outcome)]
    return [m.what for m in told].count(what)


class TestGiven:
    """A verdict that another tells of."""

    def test_verdict_given_in_anothers_name_stays_on_its_item(self) -> None:
        """It stands there as told, and goes to no item with the same file."""
        receiver = Receiver(TOLD, OTHER)
        receiver(FR, given())
        assert stand(receiver) == [GIVEN]
        assert stand(receiver, OTHER) == []

    def test_verdict_given_in_anothers_name_makes_no_later_item_known(self) -> None:
        """A person looks, as at any word that is none."""
        receiver = Receiver(TOLD)
        receiver(FR, given())
        receiver(FR, item_from(FR, 7, FILE, url="https://nl7.example/7.jpg"))
        state = receiver.state(event_id(7, FR))
        assert (state.assessments, state.reviews) == ((), (Review.SUGGESTED_VERDICT,))

    def test_verdict_in_anothers_name_inside_an_item_is_hearsay(self) -> None:
        """It goes nowhere with the file; the sender's own does."""
        theirs = verdict(member=FR, number=5)
        receiver = Receiver(OTHER)
        receiver(FR, item_from(FR, 7, FILE, url=PLACE, assessments=(GIVEN, theirs)))
        arrived = receiver.state(event_id(7, FR))
        receiver(FR, item_from(FR, 8, FILE, url="https://nl8.example/8.jpg"))
        assert arrived.vouched == (theirs,)
        assert arrived.assessments == (GIVEN, theirs)
        assert receiver.state(event_id(8, FR)).assessments == (theirs,)

    def test_verdict_in_anothers_name_inside_a_joined_item_is_hearsay(self) -> None:
        """As in one that is new here."""
        receiver = Receiver(TOLD, OTHER)
        receiver(FR, item_from(FR, 7, FILE, url=PLACE, assessments=(GIVEN,)))
        assert receiver.state(TOLD.id).hearsay == (GIVEN.event_id,)
        assert stand(receiver, OTHER) == []

    def test_hearsay_is_no_hit_of_hashcheck(self) -> None:
        """Until its author has spoken."""
        receiver = Receiver(TOLD)
        receiver(FR, given())
        heard = is_baseline(receiver.state(TOLD.id))
        receiver(GB, given())
        assert (heard, is_baseline(receiver.state(TOLD.id))) == (False, True)

    def test_author_that_speaks_itself_makes_hearsay_its_word(self) -> None:
        """In its own words, and it goes with the file from then on; told on once."""
        receiver = Receiver(THIRD, OTHER)
        receiver(FR, given(replace(GIVEN, verdict=Verdict.NOT_ILLEGAL)))
        receiver(GB, given())
        state = receiver.state(TOLD.id)
        assert (state.assessments, state.hearsay) == ((GIVEN,), ())
        assert stand(receiver, OTHER) == [GIVEN]
        assert news(receiver, OutcomeWhat.ASSESSED, "de-eco") == 1

    def test_own_verdict_of_the_sender_goes_with_the_file_as_ever(self) -> None:
        """Also where others repeat it."""
        receiver = Receiver(TOLD, OTHER)
        receiver(GB, given())
        receiver(FR, given())
        assert receiver.state(TOLD.id).hearsay == ()
        assert stand(receiver, OTHER) == [GIVEN]

    def test_word_that_came_with_the_file_takes_the_place_of_hearsay(self) -> None:
        """It goes again with what it came from."""
        third = (*OTHER.informants, Informant("de-eco", OTHER.id))
        receiver = Receiver(TOLD, replace(OTHER, informants=third))
        receiver(FR, given(item_id=OTHER.id))
        receiver(GB, given())
        assert news(receiver, OutcomeWhat.ASSESSED, "de-eco") == 1
        state = receiver.state(OTHER.id)
        assert (state.vouched, state.carried) == ((GIVEN,), (GIVEN.event_id,))
        receiver(GB, taken_back())
        assert stand(receiver, OTHER) == []

    def test_word_in_its_authors_list_takes_the_place_of_hearsay(self) -> None:
        """It has the id that it had: said once more it would be taken for something else."""
        receiver = Receiver(THIRD)
        receiver(FR, given())
        load(receiver.book, LISTED)
        match_lists(receiver.book, ids(), POSTBOX, [TOLD.id])
        assert receiver.state(TOLD.id).vouched == (GIVEN,)
        assert news(receiver, OutcomeWhat.ASSESSED, "de-eco") == 1

    def test_author_that_hands_the_item_over_makes_hearsay_its_word(self) -> None:
        """As if it had told it alone, and it goes with the file; told on once."""
        receiver = Receiver(THIRD, OTHER)
        receiver(FR, given())
        receiver(GB, item_from(GB, 7, FILE, url=PLACE, assessments=(GIVEN,)))
        assert receiver.state(TOLD.id).vouched == (GIVEN,)
        assert stand(receiver, OTHER) == [GIVEN]
        assert news(receiver, OutcomeWhat.ASSESSED, "de-eco") == 1

    def test_what_came_with_the_file_is_said_of_the_item_by_its_author_alone(self) -> None:
        """Else another could keep it there when it goes from where it came from."""
        receiver = Receiver(replace(OTHER, assessments=(GIVEN,), carried=(GIVEN.event_id,)))
        receiver(FR, given(item_id=OTHER.id))
        receiver(FR, item_from(FR, 7, FILE, url="https://nl3.example/3.jpg", assessments=(GIVEN,)))
        assert receiver.state(OTHER.id).carried == (GIVEN.event_id,)

    def test_word_along_the_chain_is_told_on(self) -> None:
        """From who has it now to who found it, as hearsay."""
        hops = (Hop(GB, NOW_MS), *TOLD.hops[1:])
        chain = handed_on(replace(TOLD, hops=hops, informants=STORY[:1]))
        receiver = Receiver(chain)
        theirs = verdict(member="de-eco")
        receiver(FR, given(theirs))
        assert stand(receiver) == [theirs]
        assert news(receiver, OutcomeWhat.ASSESSED, GB) == 1


class TestCorrected:
    """A correction that another tells of."""

    def test_correction_in_anothers_name_corrects_nothing(self) -> None:
        """The author's own word stays in force, here and elsewhere; a person looks."""
        beside = replace(OTHER, assessments=(GIVEN,), carried=(GIVEN.event_id,))
        receiver = Receiver(JUDGED, beside)
        receiver(FR, given(CHANGED))
        state = receiver.state(TOLD.id)
        assert (state.in_force, state.reviews) == ((GIVEN,), (Review.WITHDRAWAL,))
        assert stand(receiver, OTHER) == [GIVEN]

    def test_correction_inside_an_item_stands_before_a_person(self) -> None:
        """As one that is told alone."""
        receiver = Receiver(JUDGED)
        receiver(FR, item_from(FR, 7, FILE, url=PLACE, assessments=(CHANGED,)))
        state = receiver.state(TOLD.id)
        assert (state.in_force, state.reviews) == ((GIVEN,), (Review.WITHDRAWAL,))

    def test_author_corrects_itself_as_ever(self) -> None:
        """Also what others told of before."""
        receiver = Receiver(TOLD)
        receiver(FR, given())
        receiver(GB, given(CHANGED))
        assert receiver.state(TOLD.id).in_force == (CHANGED,)

    def test_hearsay_corrects_hearsay(self) -> None:
        """Along a chain the latest counts, as at its author."""
        receiver = Receiver(TOLD)
        receiver(FR, given())
        receiver(FR, given(CHANGED))
        assert receiver.state(TOLD.id).in_force == (CHANGED,)


class TestTakenBack:
    """That a verdict was taken back, as another tells it."""

    def test_verdict_taken_back_in_anothers_name_stays(self) -> None:
        """Nobody is told so; a person looks."""
        receiver = Receiver(JUDGED)
        receiver(FR, taken_back())
        state = receiver.state(TOLD.id)
        assert (state.assessments, state.reviews) == ((GIVEN,), (Review.WITHDRAWAL,))
        assert news(receiver, OutcomeWhat.WITHDRAWN, FR) == 0

    def test_hearsay_goes_by_hearsay(self) -> None:
        """Along the chain as it came; once."""
        receiver = Receiver(THIRD)
        receiver(FR, given())
        receiver(FR, taken_back())
        receiver(FR, taken_back(), revision=1)
        assert stand(receiver) == []
        assert happened(receiver.book).count("verdict_withdrawn") == 1
        assert news(receiver, OutcomeWhat.WITHDRAWN, "de-eco") == 1

    def test_hearsay_goes_by_no_hearsay_while_its_author_says_it_of_the_file(self) -> None:
        """Whether or not its list is followed; a person looks."""
        receiver = Receiver(TOLD)
        load(receiver.book, replace(LISTED, trust=Trust.SUGGESTION))
        receiver(FR, given())
        receiver(FR, taken_back())
        state = receiver.state(TOLD.id)
        assert (state.assessments, state.reviews) == ((GIVEN,), (Review.WITHDRAWAL,))

    def test_hearsay_that_went_stays_away_while_its_author_is_silent(self) -> None:
        """What comes late by another way."""
        receiver = Receiver(TOLD)
        receiver(FR, taken_back())
        receiver(FR, given())
        assert stand(receiver) == []

    def test_verdict_killed_before_it_came_stands_when_its_author_speaks(self) -> None:
        """And goes with its file."""
        receiver = Receiver(TOLD, OTHER)
        receiver(FR, taken_back())
        receiver(GB, given())
        assert stand(receiver) == stand(receiver, OTHER) == [GIVEN]

    def test_verdict_killed_on_another_item_still_comes_with_its_file(self) -> None:
        """It is the author's own word there."""
        receiver = Receiver(TOLD, OTHER)
        receiver(FR, taken_back(item_id=OTHER.id))
        receiver(GB, given())
        assert stand(receiver, OTHER) == [GIVEN]

    def test_author_takes_back_what_hearsay_had_killed_before(self) -> None:
        """For good: nothing brings it back."""
        receiver = Receiver(TOLD)
        receiver(FR, taken_back())
        receiver(GB, taken_back())
        receiver(GB, given())
        assert stand(receiver) == []

    def test_author_takes_back_what_had_come_back(self) -> None:
        """Who was told once that it went is not told again."""
        receiver = Receiver(THIRD)
        receiver(FR, taken_back())
        receiver(GB, given())
        receiver(GB, taken_back(), revision=1)
        assert stand(receiver) == []
        assert news(receiver, OutcomeWhat.WITHDRAWN, "de-eco") == 1

    def test_person_looks_at_what_is_here_where_its_author_takes_back_from_all(self) -> None:
        """It had come with the item; what was handed on is for who has it."""
        away = handed_on(replace(item(3, FILE, url=OTHER_PLACE), assessments=(GIVEN,)))
        receiver = Receiver(JUDGED, away)
        for one in (JUDGED, away):
            take_everywhere_back(receiver.book, POSTBOX, one.id, GIVEN.event_id)
        assert receiver.state(JUDGED.id).reviews == (Review.WITHDRAWAL,)
        assert receiver.state(away.id).reviews == ()

    def test_author_takes_back_from_all_what_had_come_back(self) -> None:
        """By the file alone; who was told once that it went is not told again."""
        receiver = Receiver(THIRD)
        receiver(FR, taken_back())
        receiver(GB, given())
        take_everywhere_back(receiver.book, POSTBOX, TOLD.id, GIVEN.event_id)
        assert stand(receiver) == []
        assert news(receiver, OutcomeWhat.WITHDRAWN, "de-eco") == 1

    def test_hearsay_on_another_item_keeps_no_verdict_that_its_author_takes_back(self) -> None:
        """Whoever says that it was said there."""
        carried = replace(item(4, FILE, url="https://nl4.example/4.jpg"), assessments=(GIVEN,))
        carried = replace(carried, carried=(GIVEN.event_id,))
        told = replace(OTHER, assessments=(GIVEN,), hearsay=(GIVEN.event_id,))
        receiver = Receiver(JUDGED, told, carried)
        receiver(GB, taken_back())
        assert stand(receiver, OTHER) == stand(receiver, carried) == []
