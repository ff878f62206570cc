"""Who an item went to is what we know of our own hand-overs, whatever chain it came with."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.item import Custody, Informant
from node.casework.passing_on.chains import handed_to
from node.casework.passing_on.routing import Forwarding, item_message, route
from node.casework.rebuilt.recovered import Rebuilder
from protocol.entry import compose, encode
from protocol.facts import ActionTaken, Hop
from protocol.messages import Item, Outcome, form_of, to_body
from protocol.vocabulary import Action, Disposition, Kind, OutcomeWhat
from tests.builders.cases import POSTBOX, US, country, event_id, handed_on, ids, item, network
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, answer, item_from, outcome
from tests.node.casework.circle import registry

GB, FR, DE, PL = "gb-iwf", "fr-pdc", "de-eco", "pl-dyz"
ITEM = event_id(1, GB)
FORGED = [(GB, US, GB), (US, GB), (US,), (GB, US), (GB, FR, US, GB)]
"""Chains by which a reporter makes itself, or another, one that had the item after us."""


def chain(*members: str) -> tuple[Hop, ...]:
    """Who is said to have had it."""
    return tuple(Hop(member, NOW_MS) for member in members)


def gone(author: str) -> Outcome:
    """A member says that it had the content removed."""
    done = ActionTaken(event_id(77, author), author, Action.REMOVED, None, NOW_MS)
    return outcome(ITEM, OutcomeWhat.ACTED, author=author, event_id=done.event_id, action=done)


def handed_over(*members: str) -> Receiver:
    """Our item once a member handed it over by this chain, and we handed it on to FR."""
    receiver = Receiver()
    receiver(GB, item_from(GB, 1, custody=chain(*members), finder=members[0]))
    route(receiver.book, ITEM, country("FR"), None, Forwarding(network(), ids(), POSTBOX))
    if receiver.state(ITEM).custody is not Custody.HANDED_ON:  # it names FR: a person decides
        hops = (*receiver.state(ITEM).hops, Hop(FR, NOW_MS))
        receiver.book.loaded.items[ITEM] = msgspec.structs.replace(
            receiver.state(ITEM), custody=Custody.HANDED_ON, responsible=FR, hops=hops
        )
    return receiver


@pytest.mark.parametrize("members", [(GB,), *FORGED])
class TestForgedChain:
    """The reporter writes the chain of what it hands over, whatever way the item took."""

    def test_reporter_does_not_close_what_is_with_another(self, members: tuple[str, ...]) -> None:
        """We never handed it there."""
        receiver = handed_over(*members)
        assert receiver(GB, gone(GB)).disposition is Disposition.NOT_PERMITTED
        assert receiver.state(ITEM).closed_ms is None

    def test_reporter_does_not_answer_for_the_holder(self, members: tuple[str, ...]) -> None:
        """Nor name who is responsible."""
        receiver = handed_over(*members)
        note = answer(ITEM, Disposition.NEW, responsible=GB)
        assert receiver(GB, note).disposition is Disposition.NOT_PERMITTED
        assert (receiver.state(ITEM).answer, receiver.state(ITEM).responsible) == (None, FR)

    def test_holder_is_heard(self, members: tuple[str, ...]) -> None:
        """Whatever came before."""
        receiver = handed_over(*members)
        receiver(FR, gone(FR))
        assert receiver.state(ITEM).closed_ms is not None


def test_sender_that_leaves_itself_out_stands_in_the_chain() -> None:
    """We know who handed it to us, and so does whoever has it next."""
    hops = handed_over(DE).state(ITEM).hops
    assert [hop.member for hop in hops] == [DE, GB, US, FR]


def test_what_an_earlier_version_recorded_is_read_as_it_was() -> None:
    """It did not keep how much was told: what follows ourselves counts."""
    assert handed_to(US, handed_on(item(1))) == {FR}
    assert handed_to(US, item(1)) == frozenset()
    assert handed_to(US, item(1, hops=chain(GB))) == frozenset()


def test_chain_that_was_told_stays_so_when_we_come_back_after_a_loss() -> None:
    """Our own message holds what we were told, and we hand it on from there."""
    before = handed_over(GB, US, GB).state(ITEM)
    said = item_message(before, US, country("FR"), NOW_MS)
    version, kind = form_of(said)
    raw = encode(compose(bytes(32), kind, ITEM, 0, FR, to_body(said), version))
    receiver = Receiver()
    assert kind == Kind.ITEM
    assert Rebuilder(receiver.book, network()).take(FR, raw) == ITEM
    assert handed_to(US, receiver.state(ITEM)) == {FR}


class TestBackThroughUs:
    """Under its id, by a chain that goes through our present hand-over (§10.5.5)."""

    AWAY = handed_on(item(1, informants=(Informant(GB, ITEM),)))

    def back(self, peer: str) -> Item:
        """`peer` says that FR handed it there."""
        return item_from(GB, 1, custody=chain(GB, US, FR, peer))

    def test_10_5_who_had_no_part_in_it_hands_it_back(self) -> None:
        """At once, whatever news of it is late."""
        receiver = Receiver(self.AWAY, registry=registry())
        assert receiver(PL, self.back(PL)).disposition is Disposition.DUPLICATE
        assert receiver.state(ITEM).custody is Custody.HERE

    def test_10_5_reporter_takes_nothing_from_who_has_it(self) -> None:
        """It is told where the item went, so it can write the chain alone."""
        receiver = Receiver(self.AWAY)
        assert receiver(GB, self.back(GB)).disposition is Disposition.FORWARDED
        state = receiver.state(ITEM)
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, FR)
