"""One id, two items: what is said under an id is not said of what another gave us under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from node.casework.events import ids_now_known
from node.casework.incoming.under_id import means
from node.casework.item import Custody, Informant, ItemState, TakenOff
from node.casework.passing_on.permits import Permits
from node.casework.passing_on.routing import Forwarding, route
from node.registry.changes import merge
from protocol.facts import Assessment, Hop, Location
from protocol.messages import DispositionNote, Item, Outcome, Sighted
from protocol.vocabulary import Disposition, Matter, OutcomeWhat
from tests.builders.cases import (
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    US,
    at,
    country,
    event_id,
    file,
    handed_on,
    ids,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome

GB, FR = "gb-iwf", "fr-pdc"
ITEM = event_id(1, GB)
OTHER_ID = event_id(2, GB)
TASK = ("id_of_two_items", f"{GB}/{ITEM}")
GIVEN = verdict(member=GB)
HONEST = item_from(GB, 1, file(1), assessments=(GIVEN,))
"""What GB hands over under its own id."""


def forged(**changes: Any) -> Item:
    """What FR, which was handed that item, hands over under GB's id: another place."""
    chain = (Hop(GB, NOW_MS), Hop(FR, NOW_MS))
    return item_from(GB, 1, **{"url": OTHER_PLACE, "custody": chain, **changes})


def known(**changes: Any) -> ItemState:
    """GB's item as it is here, told by GB."""
    return item(1, **{"informants": (Informant(GB, ITEM),), "told_hops": 1, **changes})


def assessed(given: Assessment, item_id: str = ITEM) -> Outcome:
    """The author says so itself."""
    return outcome(
        item_id,
        OutcomeWhat.ASSESSED,
        assessment=given,
        author=given.member,
        event_id=given.event_id,
    )


class TestWhoComesLater:
    """Whoever it is: what was here first stands, and what comes goes back to who sent it."""

    def test_10_9_item_whose_id_was_taken_goes_back_to_who_sent_it(self) -> None:
        """Named as what it is, before the people of both; nobody else has it now."""
        receiver = Receiver()
        receiver(FR, forged())
        assert receiver(GB, HONEST).disposition is Disposition.NOT_PERMITTED
        notes = [m for to, m in said(receiver.book) if to == GB and isinstance(m, DispositionNote)]
        assert [(n.item_id, n.reason, n.responsible) for n in notes] == [
            (ITEM, "another_item", None)
        ]
        assert receiver.book.tasks == [TASK]

    def test_10_9_nothing_that_came_with_it_stands_on_the_other(self) -> None:
        """No verdict in its author's name at a place of which it never spoke; no file, no word."""
        receiver = Receiver()
        receiver(FR, forged())
        before = receiver.state(ITEM)
        assert receiver(GB, HONEST).item is None
        assert receiver.state(ITEM) == before

    def test_10_9_honest_item_that_came_first_is_changed_by_no_other(self) -> None:
        """The rule asks nobody's name."""
        receiver = Receiver(known())
        assert receiver(FR, forged()).disposition is Disposition.NOT_PERMITTED
        assert receiver.state(ITEM) == known()
        assert receiver.book.tasks == [("id_of_two_items", f"{FR}/{ITEM}")]

    def test_10_9_whoever_knows_the_hashes_makes_no_one_item_of_two_places(self) -> None:
        """It was handed them with the item."""
        receiver = Receiver()
        receiver(FR, forged(content=(file(1),)))
        assert receiver(GB, HONEST).disposition is Disposition.NOT_PERMITTED

    def test_10_9_so_it_is_where_the_taken_id_was_joined_to_an_item_of_ours(self) -> None:
        """There it is an alias."""
        ours = item(5, finder=US, came_from=None, url=OTHER_PLACE)
        receiver = Receiver(ours)
        assert receiver(FR, forged()).disposition is Disposition.DUPLICATE
        assert receiver(GB, HONEST).disposition is Disposition.NOT_PERMITTED
        assert receiver.state(ours.id).assessments == ()

    def test_10_9_who_has_our_item_gives_no_other_back_in_its_place(self) -> None:
        """We handed it on, and it is there still."""
        receiver = Receiver(handed_on(known()))
        back = forged(custody=(Hop(GB, NOW_MS), Hop(US, NOW_MS), Hop(FR, NOW_MS)))
        assert receiver(FR, back).disposition is Disposition.NOT_PERMITTED
        assert receiver.state(ITEM).custody is Custody.HANDED_ON

    def test_10_9_another_item_under_an_id_of_ours_is_no_echo(self) -> None:
        """Who passes it on in good faith has it back, and nobody thinks that it is here."""
        ours = item(1, finder=US, came_from=None)
        receiver = Receiver(ours)
        other = item_from(US, 1, url=OTHER_PLACE, custody=(Hop(US, NOW_MS), Hop(FR, NOW_MS)))
        assert receiver(FR, other).disposition is Disposition.NOT_PERMITTED

    @pytest.mark.parametrize(("url", "number"), [(None, 2), (PLACE, 1)])
    def test_10_9_item_without_a_place_is_its_files(self, url: str | None, number: int) -> None:
        """Another file is another item; and what has a place is another one, too."""
        receiver = Receiver(known(location=at(None), content=(file(1),)))
        later = item_from(GB, 1, file(number), url=url)
        assert receiver(GB, later).disposition is Disposition.NOT_PERMITTED

    def test_10_9_item_of_another_matter_is_another(self) -> None:
        """It is counted, and nobody works on it: so GB's would be lost at its very place."""
        receiver = Receiver()
        receiver(FR, forged(url=PLACE, matter=Matter.ADULT))
        assert receiver(GB, HONEST).disposition is Disposition.NOT_PERMITTED


ADDRESS = "http://192.0.2.1/a.jpg"
MAPPED = "http://[::ffff:c000:201]/a.jpg"
LOGIN = "https://user:word@nl1.example/album/1.jpg"
POOR = file(pdq=1, quality=10)


@pytest.mark.parametrize(
    ("here", "later"),
    [
        (known(), item_from(GB, 1)),
        (known(), item_from(GB, 1, file(1))),
        (known(content=(file(1),)), item_from(GB, 1, file(2))),
        (known(), item_from(GB, 1, url="HTTPS://NL1.example:443/album/1.jpg")),
        (known(location=Location("https://old.example/?a=%7e", 0, PLACE)), item_from(GB, 1)),
        (known(location=Location(PLACE, 1, LOGIN)), item_from(GB, 1)),
        (known(location=at(OTHER_PLACE), also_at=(at(PLACE),)), item_from(GB, 1)),
        (known(location=at(ADDRESS)), item_from(GB, 1, url=MAPPED)),
        (
            known(location=at(None), content=(file(1),)),
            item_from(GB, 1, file(2), file(1), url=None),
        ),
        (known(location=at(None), content=(POOR,)), item_from(GB, 1, POOR, url=None)),
        (known(location=at(None)), item_from(GB, 1, file(1), url=None)),
        (
            known(location=at(None), content=(file(2),), taken_off=(TakenOff(0, file(1)),)),
            item_from(GB, 1, file(1), url=None),
        ),
    ],
    ids=[
        "the same",
        "more hashes",
        "another file",
        "another spelling",
        "older form",
        "no access",
        "also there",
        "mapped address",
        "more files",
        "poor picture",
        "no file left",
        "file taken off",
    ],
)
def test_10_9_same_item_is_a_revision(here: ItemState, later: Item) -> None:
    """However it is spelled, and whatever else is known of it by now."""
    receiver = Receiver(here)
    later = msgspec.structs.replace(later, custody=(Hop(GB, NOW_MS), Hop(FR, NOW_MS)))
    assert receiver(FR, later).disposition is Disposition.REVISION
    assert receiver.book.tasks == []


class TestOneMoreLine:
    """The same file at the same path with another query is one item under several ids (`alias`)."""

    LINE = f"{PLACE}?visitor=2"
    HERE = known(
        id=OTHER_ID, content=(file(1),), informants=(Informant(FR, ITEM),), aliases=(ITEM,)
    )

    def test_item_that_was_joined_so_is_known_by_its_id(self) -> None:
        """Its line of the notice is kept."""
        receiver = Receiver(self.HERE)
        assert receiver(FR, forged(url=self.LINE, content=(file(1),))).disposition is (
            Disposition.REVISION
        )
        assert receiver.state(OTHER_ID).also_at == (at(self.LINE),)

    def test_line_that_was_joined_stays_so_when_the_item_has_gone_on(self) -> None:
        """Its sender was told so; it may say it again."""
        receiver = Receiver(handed_on(self.HERE, GB))
        line = forged(url=self.LINE, content=(file(1),))
        assert receiver(FR, line).disposition is Disposition.FORWARDED

    def test_another_file_there_is_another_item(self) -> None:
        """Nobody would find it."""
        receiver = Receiver(self.HERE)
        other = forged(url=self.LINE, content=(file(2),))
        assert receiver(FR, other).disposition is Disposition.NOT_PERMITTED

    def test_under_its_own_id_an_item_has_one_place(self) -> None:
        """The one that its finder gave it; only what was joined has another."""
        receiver = Receiver(known(content=(file(1),)))
        line = forged(url=self.LINE, content=(file(1),))
        assert receiver(FR, line).disposition is Disposition.NOT_PERMITTED

    def test_line_of_what_went_on_goes_back_to_who_sent_it(self) -> None:
        """The holder would never hear of it."""
        receiver = Receiver(handed_on(self.HERE))
        line = item_from(GB, 1, file(1), url=self.LINE)
        assert receiver(GB, line).disposition is Disposition.NOT_PERMITTED


class TestWordsUnderAnId:
    """That GB stands in its chain is the word of who handed the item over."""

    @staticmethod
    def squatted(**changes: Any) -> Receiver:
        """FR's other item is here under GB's id."""
        receiver = Receiver()
        receiver(FR, forged(**changes))
        return receiver

    def test_10_9_verdict_waits_until_its_author_hands_the_item_over(self) -> None:
        """It was said of what stands under the id at its author's."""
        receiver = self.squatted()
        heard = receiver(GB, assessed(GIVEN))
        assert (heard.disposition, heard.waits_for) == (Disposition.PARKED, ITEM)
        assert receiver.state(ITEM).assessments == ()

    def test_10_9_hearsay_of_another_item_does_not_become_the_authors_own_word(self) -> None:
        """FR says what GB says; GB says it of another place."""
        receiver = self.squatted(assessments=(GIVEN,))
        receiver(GB, assessed(GIVEN))
        assert receiver.state(ITEM).vouched == ()

    def test_10_9_it_counts_once_that_item_has_come(self) -> None:
        """News may be quicker than a hand-over; what waits is judged when that comes."""
        receiver = self.squatted(url=PLACE)
        assert receiver(GB, assessed(GIVEN)).disposition is Disposition.PARKED
        receiver(GB, item_from(GB, 1))
        assert ITEM in ids_now_known(receiver.book.events[1:])
        receiver(GB, assessed(GIVEN))
        assert receiver.state(ITEM).vouched == (GIVEN,)

    def test_10_9_reporter_of_this_item_may_mean_another_by_that_id(self) -> None:
        """It told us of it by an id of its own; by the other one FR did."""
        receiver = Receiver(
            known(id=OTHER_ID, informants=(Informant(GB, OTHER_ID),), url=OTHER_PLACE)
        )
        assert receiver(FR, forged()).disposition is Disposition.DUPLICATE
        assert receiver(GB, assessed(GIVEN)).disposition is Disposition.PARKED
        assert receiver(GB, assessed(GIVEN, OTHER_ID)).disposition is None
        assert receiver.state(OTHER_ID).vouched == (GIVEN,)

    def test_10_9_sighting_of_that_other_item_is_none_of_this(self) -> None:
        """Its item came before on the same lane, and was refused."""
        receiver = Receiver(
            known(id=OTHER_ID, informants=(Informant(GB, OTHER_ID),), url=OTHER_PLACE)
        )
        receiver(FR, forged())
        seen = Sighted(ITEM, None, file(9), None, child_at_risk=False)
        assert receiver(GB, seen).disposition is Disposition.NOT_PERMITTED

    def test_10_9_end_of_a_verdict_that_waits_waits_after_it(self) -> None:
        """In the order in which they came."""
        receiver = self.squatted()
        end = outcome(ITEM, OutcomeWhat.WITHDRAWN, author=GB, event_id=GIVEN.event_id)
        assert receiver(GB, end).disposition is Disposition.PARKED

    def test_end_of_a_verdict_that_stands_is_heard(self) -> None:
        """What its author takes back goes, by whatever way it came."""
        receiver = self.squatted(assessments=(GIVEN,))
        end = outcome(ITEM, OutcomeWhat.WITHDRAWN, author=GB, event_id=GIVEN.event_id)
        receiver(GB, end)
        assert receiver.state(ITEM).assessments == ()

    def test_who_has_the_item_of_us_is_heard(self) -> None:
        """It knows it by the id by which it was handed over."""
        receiver = self.squatted()
        route(receiver.book, ITEM, country("GB"), None, Forwarding(network(), ids(), POSTBOX))
        hops = (*receiver.state(ITEM).hops, Hop(GB, NOW_MS))
        away = {"custody": Custody.HANDED_ON, "responsible": GB, "hops": hops}
        receiver.book.loaded.items[ITEM] = msgspec.structs.replace(receiver.state(ITEM), **away)
        receiver(GB, assessed(GIVEN))
        assert receiver.state(ITEM).vouched == (GIVEN,)

    def test_who_reported_what_we_found_may_speak_of_it_by_our_id(self) -> None:
        """Nobody hands us anything else under an id that we minted."""
        ours = item(1, finder=US, came_from=None, informants=(Informant(GB, ITEM),))
        receiver = Receiver(ours)
        receiver(GB, assessed(GIVEN, ours.id))
        assert receiver.state(ours.id).vouched == (GIVEN,)

    def test_who_took_over_from_its_reporter_is_heard(self) -> None:
        """It speaks for it, by the id by which that one handed it over."""
        registry = network()
        gone = merge(registry.network, GB, FR, {})
        hops = (Hop(FR, NOW_MS), Hop(GB, NOW_MS), Hop(US, NOW_MS))
        receiver = Receiver(known(hops=hops, told_hops=2))
        judge = replace(registry, network=gone)
        postbox = POSTBOX.under(Permits(US, judge))
        assert means(US, postbox, receiver.state(ITEM), FR, ITEM)
        assert not means(US, POSTBOX, receiver.state(ITEM), FR, ITEM)

    def test_what_waits_for_an_item_is_judged_when_it_is_handed_there(self) -> None:
        """Who has it of us means it."""
        receiver = Receiver(known())
        route(receiver.book, ITEM, country("FR"), None, Forwarding(network(), ids(), POSTBOX))
        assert ids_now_known(receiver.book.events) == [ITEM]
