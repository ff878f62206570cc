"""A world in which a mistaken verdict was given, and one in which it never was."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from node.casework.contents.candidates import same_content
from node.casework.contents.listing import match_lists
from node.casework.contents.rejudging import differ, rejudge, watch_verdicts
from node.casework.events import EventKind, Recorded
from node.casework.incoming.hearing import hear_outcome
from node.casework.item import Informant, ItemState, Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.withdrawing import hear_verdict_withdrawn
from node.casework.passing_on.routing import Forwarding
from node.casework.reports.draft import AssessmentDraft
from node.casework.reports.intake import carry_over
from node.casework.working import (
    record_assessment,
    withdraw_verdict,
)
from node.ids import Ids
from node.matching.duplicates import Incoming, judge
from node.matching.lists import Trust
from protocol.vocabulary import OutcomeWhat, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    file,
    item,
    looked_up,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.builders.pictures import flipped, picture
from tests.node.casework.arriving import outcome
from tests.node.casework.contents.listed_items import listed, load

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from protocol.facts import Content

LOOK = int.from_bytes(picture(1), "big")


NEAR = int.from_bytes(flipped(picture(1), range(5)), "big")


PICTURES = (*(file(10 + at, pdq=LOOK if at % 2 else NEAR) for at in range(4)), file(14))

"""Files of their own that look alike: verdicts are suggested. What waits for a person to compare is
not carried over, so the two are shown apart."""


HEARD = ("fr-pdc", "gb-iwf")


def mint(first: int) -> Ids:
    """Return a mint of its own."""
    numbers = count(first)
    return Ids(US, lambda size: next(numbers).to_bytes(size, "big"))


def known(number: int, *content: Content, **changes: Any) -> ItemState:
    """Return an item at a place of its own, of which two members told us."""
    made = item(number, *content, url=f"https://nl{number}.example/{number}.jpg", **changes)
    informants = tuple(Informant(member, made.id) for member in HEARD)
    return msgspec.structs.replace(made, informants=informants)


class World:
    """A casebook of items, in which things happen one after another."""

    def __init__(self, *content: Content, standing: bool = False) -> None:
        self.book: Casebook = book()
        looked_up(self.book, *content)
        if standing:
            load(self.book, listed(), listed(2, Trust.SUGGESTION, file(3), name="other"))
        self.ids = mint(1)
        self.items: list[str] = []
        for number, one in enumerate(content, start=1):
            self.arrives(known(number, one))

    def arrives(self, state: ItemState) -> None:
        """A report of something new."""
        incoming = Incoming(state.location, state.content, state.kind, state.found_ms)
        elsewhere = same_content(self.book, state.location, state.content, ())
        judgement = judge(incoming, [], elsewhere, US, NOW_MS)
        recorded = Recorded(state, None)
        self.book.record(state.id, EventKind.RECORDED, recorded, at_ms=NOW_MS, actor=US)
        looked_up(self.book, *PICTURES)
        carry_over(self.book, POSTBOX, state.id, judgement)
        match_lists(self.book, self.ids, POSTBOX, [state.id])
        self.items.append(state.id)

    def assess(self, at: int, given: Verdict) -> str:
        """A person here judges; the id of the verdict."""
        self.book.now += 1
        draft = AssessmentDraft(verdict=given)
        state = record_assessment(self.book, self.items[at], draft, self.ids, POSTBOX)
        return [one.event_id for one in state.assessments if one.member == US][-1]

    def hear(self, at: int, given: Verdict, member: str, number: int) -> str:
        """Another member judges; the id of its verdict."""
        self.book.now += 1
        said_there = msgspec.structs.replace(verdict(given, member, number), at_ms=self.book.now)
        self._hear(at, member, said_there.event_id, OutcomeWhat.ASSESSED, said_there)
        return said_there.event_id

    def take_back(self, at: int, verdict_id: str, member: str) -> None:
        """Its author takes a verdict back."""
        if member == US:
            withdraw_verdict(self.book, self.items[at], verdict_id, self.ids, POSTBOX)
        else:
            self._hear(at, member, verdict_id, OutcomeWhat.WITHDRAWN, None)

    def _hear(self, at: int, member: str, event: str, what: OutcomeWhat, given: Any) -> None:
        state = self.book.loaded.items[self.items[at]]
        message = outcome(state.id, what, event_id=event, author=member, assessment=given)
        message = msgspec.structs.replace(message, at_ms=self.book.now)
        if what is OutcomeWhat.WITHDRAWN:
            hear_verdict_withdrawn(self.book, POSTBOX, state, member, message)
        else:
            hear_outcome(self.book, Forwarding(network(), self.ids, POSTBOX), member, message)
        reconsider(self.book, self.ids, POSTBOX)

    def state(self, at: int) -> ItemState:
        """Return an item as it is."""
        return self.book.loaded.items[self.items[at]]

    def look(self) -> None:
        """Judge all content again, so that it does not matter when it is next judged by itself."""
        for item_id in self.items:
            rejudge(self.book, POSTBOX, item_id)
            watch_verdicts(self.book, item_id)
            match_lists(self.book, self.ids, POSTBOX, [item_id])

    def end(self) -> list[object]:
        """Return how all items stand, without ids and history."""
        self.look()
        return [_bare(self.book.loaded.items[one]) for one in self.items]


_LOOKS = {Review.WITHDRAWAL}

"""That somebody took a word back is itself for a person to see."""


def _answered(state: ItemState) -> set[Review]:
    """Return the reviews that came to nothing by themselves: a person may still see them."""
    ended = set() if differ(state) else {Review.VERDICTS_DIFFER}
    return ended | ({Review.SUGGESTED_VERDICT} if state.known else set())


def _bare(state: ItemState) -> object:
    return (
        sorted((one.member, one.verdict) for one in state.in_force),
        state.known,
        sorted(set(state.reviews) - _LOOKS - _answered(state)),
        () if state.known else sorted((one.item, one.closeness) for one in state.suggestions),
        sorted((one.entry, one.trust) for one in state.listed),
        state.closed_by,
    )
