"""A node, what happens at it, and beside it an account of who had which file before them.

The account knows nothing of the node's code: it knows the files themselves, which of them whoever
gave a verdict saw, and which verdicts stand. What the node says of files must follow from that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from node.casework.casebook import Casebook
from node.casework.contents.seeing import CLOCKS_MS
from node.casework.item import Custody, ItemState
from node.casework.passing_on.routing import Choice, Forwarding, hand_on
from node.casework.reports.draft import AssessmentDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import PreparedReport, prepare_report
from node.casework.working import record_assessment, record_hashes, withdraw_verdict
from node.hashcheck.verdicts import _given_here, findings, is_baseline
from node.ids import Ids
from node.matching.contents import Likeness
from node.matching.lists import Trust
from protocol.facts import Assessment, Content, Hop, Sighting
from protocol.fields import MAX_CONTENTS
from protocol.messages import Item, Outcome, Sighted, read
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import OutcomeWhat, Reason, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    POSTBOX,
    US,
    book,
    country,
    event_id,
    looked_up,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome
from tests.node.casework.contents.accounts import FILES, account, draft_of, may_be
from tests.node.casework.contents.listed_items import listed, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOLDER: Final = "fr-pdc"
MEMBERS: Final = ("gb-iwf", HOLDER)
PLACES: Final = 5


@dataclass
class Word:
    """A verdict, with the files that its giver had before it."""

    given: Assessment
    of: str
    """The item of its giver: its later word on that one counts in the place of this."""
    saw: set[int]
    gone: bool = False


@dataclass
class Sight:
    """One node, and who saw what."""

    on_lists: tuple[int, ...] = ()
    states: dict[str, ItemState] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)
    landed: dict[str, set[int]] = field(default_factory=dict)
    told_of: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    went: dict[str, int] = field(default_factory=dict)
    """When an item was handed on last."""
    had: dict[str, set[int]] = field(default_factory=dict)
    """What was in an item that is back when it came."""
    overtaken: dict[tuple[str, str], tuple[int, set[int]]] = field(default_factory=dict)
    """When a report of an item was found, before which word of whom may come after it, and what
    that one had until then."""
    own: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """What a member named later by itself, not out of a report: all its words are of that, too."""
    computed: set[int] = field(default_factory=set)
    """Of which files a person here computed hashes."""
    lines: dict[bytes, str] = field(default_factory=dict)
    reports: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.ids = Ids(US, lambda size: next(numbers).to_bytes(size, "big"))
        self.number = 0
        self.now = NOW_MS

    # What happens

    def report(
        self,
        place: int,
        files: list[tuple[int, str]],
        given: Verdict | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Somebody hands a report in here; `again`: one that comes again under its reference."""
        hashes = None
        if files:
            hashes = draft_of(account(*files[0]))
        judged = () if given is None else (self._draft(given),)
        item = ItemDraft(url=self._url(place), hashes=hashes, assessments=judged)
        reference = f"R-{place}" if again else None
        draft = ReportDraft(items=(item,), source=Source.PUBLIC, reference=reference)
        made = prepare_report(draft, FINGERPRINTS, self.now + 1, f"line:{self.number}")
        assert isinstance(made, PreparedReport)
        taken: list[str] = []

        def decide(made_book: Casebook) -> None:
            (one,) = take_reports(made_book, [made], self.ids, POSTBOX)
            taken.append(one.items[0].item_id)

        def know() -> None:
            self._land(taken[0], {n for n, _ in files[:1]})
            if judged and again:  # a line says its verdict of its file
                self._ours_saw(taken[0], {n for n, _ in files[:1]})

        self._decide(decide, know)

    def hand(
        self, by: str, place: int, files: list[tuple[int, str]], given: Verdict | None = None
    ) -> None:
        """A member hands its item of a place over, with its verdict or without one."""
        item_id = event_id(100 + place, by)
        before = self.now - 1  # what went to it at the moment may have crossed this
        with_it = () if given is None else (self._verdict(by, given, before),)
        message = item_from(
            by,
            100 + place,
            *(account(*one) for one in files),
            url=self._url(place),
            assessments=with_it,
            revision=self.now,
            jurisdiction=country("NL"),
        )
        saw = {n for n, _ in files}
        for one in ((by, item_id), *((("", one) for one in self.states) if by == HOLDER else ())):
            self.overtaken.pop(one, None)  # what it brings of verdicts is all that it had said

        def know() -> None:
            self._land(item_id, saw)
            named = self.told_of.setdefault((by, item_id), set())
            named |= saw
            for one in with_it:
                self._word(one, item_id, named | self._once_had(by, item_id, before))

        self._hear(by, message, know)

    def judge(self, by: str, place: int, given: Verdict, *, late: bool = False) -> None:
        """A member judges its own item of a place; `late`: its last report overtook that."""
        item_id = event_id(100 + place, by)
        if (by, item_id) not in self.told_of:
            return
        at, had = self.now, self.told_of[by, item_id]
        if late and (by, item_id) in self.overtaken:
            at, had = self.overtaken[by, item_id]
        one = self._verdict(by, given, at)
        saw = had | self._once_had(by, item_id, at) | self.own.get((by, item_id), set())
        self._say(by, item_id, one, lambda: self._word(one, item_id, saw))

    def name(self, by: str, place: int, told: tuple[int, str], *, seen: bool) -> None:
        """A member names a file of its item later, as its own or out of somebody's report."""
        item_id = event_id(100 + place, by)
        if (by, item_id) not in self.told_of:
            return
        sighting = None
        if seen:
            self._overtake(by, item_id)
            sighting = Sighting(self._minted(by, self.now), by, Source.PUBLIC, self.now)
        message = Sighted(item_id, sighting, account(*told), None, child_at_risk=False)

        def know() -> None:
            self._land(item_id, {told[0]})
            self.told_of[by, item_id].add(told[0])
            if not seen:
                self.own.setdefault((by, item_id), set()).add(told[0])
                for word in self.words.values():
                    if word.given.member == by and self._find(word.of) == self._find(item_id):
                        word.saw.add(told[0])

        self._hear(by, message, know)

    def assess(self, at: int, given: Verdict) -> None:
        """A person here looks at an item and judges it."""
        state = self._item(at)
        if state is None:
            return
        draft = self._draft(given)

        def decide(made: Casebook) -> None:
            record_assessment(made, state.id, draft, self.ids, POSTBOX)

        self._decide(decide, lambda: None)

    def add_hashes(self, at: int, told: tuple[int, str]) -> None:
        """A person here computes the hashes of a file of an item."""
        state = self._item(at)
        if state is None:
            return
        hashes = draft_of(account(*told))

        def know() -> None:
            self._land(state.id, {told[0]})
            self._ours_saw(state.id, {told[0]})
            self.computed.add(told[0])

        self._decide(
            lambda made: record_hashes(made, state.id, hashes, self.ids, POSTBOX),
            know,
        )

    def take_back(self, which: int) -> None:
        """Whoever gave it takes a verdict back."""
        stand = sorted(one for one, word in self.words.items() if not word.gone)
        if not stand:
            return
        word = self.words[stand[which % len(stand)]]
        given = word.given
        if given.member == US:
            bears = [s for s in self.states.values() if any(a == given for a in s.assessments)]
            if not bears:
                return

            def decide(made: Casebook) -> None:
                withdraw_verdict(made, bears[0].id, given.event_id, self.ids, POSTBOX)

            word.gone = True
            self._decide(decide, lambda: None)
            return
        message = outcome(
            word.of,
            OutcomeWhat.WITHDRAWN,
            author=given.member,
            event_id=given.event_id,
            at_ms=self.now,
        )
        word.gone = True
        self._hear(given.member, message, lambda: None)

    def hand_on(self, at: int) -> None:
        """An item goes to another member."""
        state = self._item(at)
        if state is None or state.custody is Custody.HANDED_ON:
            return

        def decide(made: Casebook) -> None:
            forwarding = Forwarding(network(), self.ids, POSTBOX)
            hand_on(made, state, Choice(HOLDER), country("FR"), forwarding)

        self._decide(decide, lambda: None)
        self.went[state.id] = self.now

    def _overtake(self, by: str, item_id: str) -> None:
        """A report is found: of that member's item, and of ours of the place."""
        self.overtaken[by, item_id] = self.now - 1, set(self.told_of[by, item_id])
        state = self._find(item_id)
        if state is not None and by != HOLDER:
            self.overtaken["", state.id] = self.now + 1, set(self.landed[state.id])

    def holder_judges(self, at: int, given: Verdict, *, late: bool = False) -> None:
        """Who has an item from here judges it; `late`: a report passed on to it overtook that."""
        state = self._item(at)
        if state is None or state.custody is not Custody.HANDED_ON:
            return
        at_ms, saw = self.now, set(self.landed[state.id])
        mine = HOLDER, state
        if late and self.overtaken.get(("", state.id), (0, ()))[0] >= self.went[state.id]:
            at_ms, had = self.overtaken["", state.id]
            itself = (one for (by, of), one in self.own.items() if (by, self._find(of)) == mine)
            saw = set(had).union(*itself)
        one = self._verdict(HOLDER, given, at_ms)
        self._say(HOLDER, state.id, one, lambda: self._word(one, state.id, saw))

    def come_back(self, at: int) -> None:
        """Who has an item from here hands it back."""
        state = self._item(at)
        if state is None or state.custody is not Custody.HANDED_ON:
            return
        message = item_from(
            HOLDER,
            1,
            *state.content[:MAX_CONTENTS],
            url=None if state.location is None else state.location.canonical,
            item_id=state.id,
            finder=state.finder,
            custody=(*state.hops[:-1], Hop(HOLDER, self.now)),
            revision=self.now,
            sightings=state.sightings,
        )
        self._hear(HOLDER, message, lambda: None)

    # How it is done

    def _url(self, place: int) -> str:
        return f"https://nl{place}.example/{place}.jpg"

    def _draft(self, given: Verdict) -> AssessmentDraft:
        reason = Reason.ERROR if given is Verdict.UNASSESSABLE else None
        return AssessmentDraft(verdict=given, reason=reason)

    def _verdict(self, by: str, given: Verdict, at_ms: int | None = None) -> Assessment:
        at_ms = self.now if at_ms is None else at_ms
        made = verdict(given, by)
        return msgspec.structs.replace(made, event_id=self._minted(by, at_ms), at_ms=at_ms)

    def _minted(self, by: str, at_ms: int) -> str:
        return Ids(by, lambda size: self.number.to_bytes(size, "big")).mint(at_ms)

    def _item(self, at: int) -> ItemState | None:
        ids = sorted(self.states, key=lambda one: (self.states[one].received_ms, one))
        return self.states[ids[at % len(ids)]] if ids else None

    def _say(self, by: str, item_id: str, given: Assessment, know: Callable[[], None]) -> None:
        message = outcome(
            item_id,
            OutcomeWhat.ASSESSED,
            author=by,
            event_id=given.event_id,
            assessment=given,
            at_ms=given.at_ms,
        )
        self._hear(by, message, know)

    def _hear(self, by: str, message: Item | Sighted | Outcome, know: Callable[[], None]) -> None:
        def decide(made: Casebook) -> None:
            receiver = Receiver()
            receiver.book, receiver._ids = made, self.ids
            receiver(by, message)

        self._decide(decide, know)

    def _decide(self, decide: Callable[[Casebook], object], know: Callable[[], None]) -> None:
        self.number += 1
        self.now += 2 * CLOCKS_MS
        made = book(*self.states.values(), now=self.now)
        looked_up(made, *FILES)
        made.loaded.lines, made.loaded.reports = self.lines, self.reports
        if self.on_lists:
            load(made, *(listed(n + 1, Trust.AUTO, FILES[n]) for n in self.on_lists))
        before = {s.id: {a.event_id for a in s.assessments} for s in self.states.values()}
        away = [one for one, s in self.states.items() if s.custody is Custody.HANDED_ON]
        decide(made)
        self.states = dict(made.loaded.items)
        for one in away:
            if self.states[one].custody is not Custody.HANDED_ON:
                self.had[one] = set(self.landed[one])
        self.lines.update(made.new_lines)
        named = (one for one in made.new_reports if one.reference is not None)
        self.reports.update({(one.source, one.reference or ""): one.id for one in named})
        know()
        self._note_ours(before)
        self._check(made)

    def _note_ours(self, before: dict[str, set[str]]) -> None:
        """Note what a person here said in this decision: she saw what stands there."""
        for state in self.states.values():
            without = {*state.carried, *(one.verdict for one in state.listed)}
            for given in state.assessments:
                fresh = given.event_id not in {*before.get(state.id, ()), *without, *self.words}
                if given.member == US and fresh:
                    self._word(given, state.id, set(self.landed[state.id]))

    def _word(self, given: Assessment, of: str, saw: set[int]) -> None:
        self.words[given.event_id] = Word(given, of, saw)

    def _once_had(self, by: str, item_id: str, at_ms: int) -> set[int]:
        """Return the files of an item of ours that a member has, or had before it gave it back."""
        state = self._find(item_id)
        if by != HOLDER or state is None or state.id not in self.went:
            return set()
        if state.custody is Custody.HANDED_ON and self.went[state.id] <= at_ms:
            return self.landed[state.id]
        return self.had.get(state.id, set())

    def _ours_saw(self, item_id: str, files: set[int]) -> None:
        for word in self.words.values():
            if word.given.member == US and word.of == item_id:
                word.saw |= files

    def _land(self, item_id: str, files: set[int]) -> None:
        state = self._find(item_id)
        if state is not None:
            self.landed.setdefault(state.id, set()).update(files)

    def _find(self, item_id: str) -> ItemState | None:
        found = (s for s in self.states.values() if item_id in (s.id, *s.aliases))
        return next(found, None)

    # What must hold

    def stands(self, word: Word) -> bool:
        """Whether a word counts: it was not taken back, and its giver said nothing else since."""
        later = (
            other
            for other in self.words.values()
            if other.of == word.of and other.given.member == word.given.member
        )
        order = word.given.at_ms, word.given.event_id
        return not word.gone and not any(
            not other.gone and (other.given.at_ms, other.given.event_id) > order for other in later
        )

    def is_illegal(self, number: int) -> bool:
        """Whether somebody who saw a file holds it illegal, or a list does."""
        return number in self.on_lists or any(
            word.given.verdict is Verdict.BASELINE and number in word.saw and self.stands(word)
            for word in self.words.values()
        )

    def was_seen(self, content: Content) -> bool:
        """Whether somebody who judged, or could not, here, had that file; or a list names it."""
        numbers = may_be(content)
        if numbers & {*self.on_lists, *self.computed}:
            return True
        return any(
            numbers & word.saw
            and not word.gone
            and (word.given.member == US or word.given.verdict is not Verdict.UNASSESSABLE)
            for word in self.words.values()
        )

    def _check(self, made: Casebook) -> None:
        self._check_hash_check()
        self._check_carried()
        self._check_looked_at()
        self._check_posts(made)

    def _fault(self, text: str) -> None:
        self.faults.append(f"[{self.number}] {text}")

    def sure(self) -> set[tuple[str, int]]:
        """Return of which files companies are told that they are illegal, by which items."""
        ours = {one for state in self.states.values() for one in _given_here(state, US)}
        return {
            (state.id, number)
            for state in self.states.values()
            if is_baseline(state)
            for number, whole in enumerate(FILES)
            for found in findings(state, whole, ours, US, near=False)
            if found.sure and found.likeness is Likeness.SAME
        }

    def _check_hash_check(self) -> None:
        for item_id, number in self.sure():
            if not self.is_illegal(number):
                self._fault(f"HashCheck is sure of file {number} by {item_id}")

    def _check_carried(self) -> None:
        for state in self.states.values():
            for one in state.carried:
                word = self.words.get(one)
                files = set[int]().union(*(may_be(content) for content in state.content))
                if word is not None and not word.gone and not word.saw & files:
                    self._fault(f"{one} carried to {state.id} with files {files}: saw {word.saw}")

    def _check_looked_at(self) -> None:
        for state in self.states.values():
            here = state.custody in (Custody.HERE, Custody.LOCATING) and state.closed_ms is None
            if here and state.known and not state.reviews:
                for content in state.content:
                    if not self.was_seen(content):
                        self._fault(f"nobody looks at {may_be(content)} of {state.id}")

    def _check_posts(self, made: Casebook) -> None:
        for post in made.posts:
            message = read(post.entry)[1]
            if isinstance(message, ContentVerdict):
                word = self.words[message.assessment.event_id]
                if not may_be(message.content) & word.saw:
                    self._fault(f"shared {may_be(message.content)} of {word.saw}")
            elif isinstance(message, Item) and any(
                one.verdict is Verdict.BASELINE for one in _in_force(message)
            ):
                self._check_told(post.peer, message.item_id, message.content, "item")
            elif (
                isinstance(message, Outcome)
                and message.assessment is not None
                and message.assessment.verdict is Verdict.BASELINE
            ):
                self._check_told(
                    post.peer, message.item_id, self._had(post.peer, message.item_id), "outcome"
                )

    def _had(self, member: str, item_id: str) -> Iterable[Content]:
        """Return the files of an item that a member has by this id."""
        state = self._find(item_id)
        assert state is not None
        if item_id == state.id and state.custody is Custody.HANDED_ON and member == HOLDER:
            return state.content
        named = self.told_of.get((member, item_id), set())
        return tuple(one for one in state.content if may_be(one) <= named)

    def _check_told(self, peer: str, item_id: str, files: Iterable[Content], how: str) -> None:
        for content in files:
            if not self.was_seen(content):
                self._fault(f"{how} {item_id} tells {peer} of {may_be(content)}, which nobody saw")


def _in_force(message: Item) -> Iterable[Assessment]:
    """Return the last word of each member, as who gets the item takes it."""
    order = sorted(message.assessments, key=lambda one: (one.at_ms, one.event_id))
    return {one.member: one for one in order}.values()
