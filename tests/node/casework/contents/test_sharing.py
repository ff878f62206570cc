"""What members say of contents, from the entry in custody to the item and back, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest

from keys.registry import Registry
from node.casework.casebook import Casebook, Needs, Postbox
from node.casework.desk import Desk
from node.casework.events import EventKind, Withdrawn
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.showing.views import ItemView
from node.casework.telling import note
from node.ids import Ids
from node.matching.lists import Provenance, Terms, Trust
from node.store.channels.custody import Row
from node.store.contents.lists import find_list, keep_terms
from node.store.contents.member_lists import MOST_WORDS
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.facts import Assessment, Content
from protocol.messages import Message, Outcome, kind_of, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Action, Lane, Matter, OutcomeWhat, Source, Verdict
from tests.builders.cases import FINGERPRINTS, US, event_id, file, network, verdict
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from, outcome
from tests.node.cli.conftest import Britain

KEY = bytes(range(32))
IWF, PDC = "gb-iwf", "fr-pdc"


def said(
    sha256: int = 1,
    given: Verdict = Verdict.BASELINE,
    by: str = IWF,
    *,
    number: int = 900,
    part: int = 0,
    md5: int | None = None,
) -> ContentVerdict:
    """Return what `by` says of a file."""
    return ContentVerdict(verdict(given, by, number), part, file(sha256, md5=md5))


def later() -> ContentVerdict:
    """Return what `IWF` says of the file since, on another item: it is not illegal."""
    return said(given=Verdict.NOT_ILLEGAL, number=901)


def gone(by: str = IWF, number: int = 900) -> ContentVerdictWithdrawn:
    """Return that `by` takes a verdict back."""
    return ContentVerdictWithdrawn(event_id(number, by), NOW_MS)


def told_of(item_id: str, given: Assessment | None = None) -> Outcome:
    """Return that `IWF` judged an item, in the words of `said` if not in these."""
    given = given or said().assessment
    named = {"author": IWF, "event_id": given.event_id, "assessment": given}
    return outcome(item_id, OutcomeWhat.ASSESSED, **named)


@dataclass
class Office:
    """A desk over a store, that hears what other members say."""

    store: Store
    desk: Desk
    registry: Registry

    def __post_init__(self) -> None:
        self._next = count(1)

    async def hear(
        self,
        *messages: Message,
        by: str = IWF,
        lane: Lane = Lane.BULK,
        disavowed: bool = False,
        conflict: bool = False,
    ) -> None:
        """Judge entries of a member, all in one batch."""
        arrived = []
        for message in messages:
            number = next(self._next)
            made = entries.compose(
                bytes(32), kind_of(message), f"s{number}", 0, US, to_body(message)
            )
            raw = entries.encode(made)
            place = (bytes(8), number, entries.leaf(raw))
            arrived.append(Row(by, lane, *place, raw, disavowed, conflict, row=number))
        await self.desk.judge(arrived)

    async def report(
        self,
        number: int,
        *,
        sha256: int | None = 1,
        md5: str | None = None,
        length: int | None = None,
    ) -> ItemView:
        """Hand in a report of a file at a place of its own."""
        strong = None if sha256 is None else f"{sha256:064x}"
        hashes = HashesDraft(sha256=strong, md5=md5, length=length) if strong or md5 else None
        item = ItemDraft(url=f"https://gb1.example/{number}.jpg", hashes=hashes)
        draft = ReportDraft(items=(item,), source=Source.PUBLIC)
        (taken,) = await self.desk.submit([draft], actor="desk", batch=str(number))
        return await self.item(taken.items[0].item_id)

    async def by_other_hashes(self) -> list[ItemView]:
        """Hand in the file twice: the first time without the hash that others know it by."""
        weak = await self.report(1, sha256=None, md5=f"{5:032x}", length=9_000)
        return [weak, await self.report(2, md5=f"{5:032x}", length=9_000)]

    async def item(self, item_id: str) -> ItemView:
        """Return an item as it is now."""
        found = await self.desk.item(item_id)
        assert found is not None
        return found

    async def assess(self, item_id: str, given: Verdict) -> None:
        """Let a person here judge an item."""
        await self.desk.assess(item_id, AssessmentDraft(verdict=given), actor="analyst")

    async def found_by(self, member: str) -> str:
        """Let a member hand an item with the file over; return its id."""
        item = item_from(member, 1, file(1))
        await self.hear(item, by=member, lane=Lane.REPORTS)
        return item.item_id

    async def trust(self, by: str, *, may_use: bool = True, **trusts: Trust) -> None:
        """Let the operator say how far a member is followed."""
        terms = Terms(f"member/{by}", Provenance.MEMBER, may_use=may_use)
        await self.store.writer.run(lambda c: keep_terms(c, terms, trusts, NOW_MS))

    async def told(self, item_id: str, given: Assessment) -> None:
        """Let its author have said of the item itself what it says."""

        def decide(book: Casebook) -> None:
            note(book, item_id, EventKind.ASSESSED, given, given.at_ms)

        await self.store.cases.transact(Needs(items={item_id}), NOW_MS, decide)

    async def take_back(self, item_id: str) -> None:
        """Let an item lose its sightings."""

        def decide(book: Casebook) -> None:
            body = Withdrawn(US, None)
            book.record(item_id, EventKind.WITHDRAWN, body, at_ms=NOW_MS, actor=US)

        await self.store.cases.transact(Needs(items={item_id}), NOW_MS, decide)

    async def entries(self, by: str = IWF) -> dict[str, int]:
        """Return how many entries of a member stand, by category."""
        found = await self.store.writer.run(lambda c: find_list(c, f"member/{by}"))
        return {} if found is None else found.entries

    async def tasks(self) -> list[tuple[str, str]]:
        """Return what stands before a person, beside items."""
        return [(code, subject) for code, subject, _ in await self.store.queries.tasks()]

    async def look(self) -> None:
        """Let the node undo what was taken back."""
        unlisting = self.desk.correcting.unlisting(self.store.known_content)
        while await unlisting.due() or await unlisting.match_new():
            pass


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office in a network of three hotlines."""
    empty_store(tmp_path / "node.db", KEY)
    store = Store.inline(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    made = Office(store, None, network())  # type: ignore[arg-type]
    made.desk = Desk(
        store=store.cases,
        queries=store.queries,
        registry=lambda: made.registry,
        places=Britain(),
        fingerprints=FINGERPRINTS,
        postbox=Postbox(bytes(32)),
        ids=Ids(US),
        clock=lambda: NOW_MS,
        wake_delivery=lambda: None,
    )
    yield made
    await store.close()


def shown(item: ItemView) -> tuple[bool, list[tuple[str, str]], tuple[str, ...]]:
    """Return whether an item is known, by whose verdicts, and why a person looks at it."""
    return item.known, [(a.member, a.verdict) for a in item.assessments], item.reviews


def _is_possible(order: tuple[str, ...]) -> bool:
    return order.index("weak") < order.index("judged")


class TestKnown:
    """What another member judged need not be viewed here."""

    async def test_report_of_a_judged_file_is_known_in_its_judges_name(
        self, office: Office
    ) -> None:
        """Baseline goes with the content to whoever comes upon it; nothing is said as ours."""
        await office.hear(said())
        assert shown(await office.report(1)) == (True, [(IWF, "baseline")], ())
        assert shown(await office.report(2, sha256=2)) == (False, [], ())

    async def test_item_that_waits_is_known_as_soon_as_the_word_comes(self, office: Office) -> None:
        """Whichever came first, and in one batch with others."""
        item = await office.report(1)
        await office.hear(said(7, number=901), said(1, number=902), said(8, number=903))
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    async def test_word_goes_on_from_the_item_that_its_list_names(self, office: Office) -> None:
        """To one that has the file by other hashes alone, and was here before."""
        items = await office.by_other_hashes()
        await office.hear(said())
        for one in items:
            assert shown(await office.item(one.id)) == (True, [(IWF, "baseline")], ())

    async def test_verdict_of_an_item_goes_on_from_the_one_that_it_is_joined_to(
        self, office: Office
    ) -> None:
        """To one that has nothing in common with the item as it came."""
        items = await office.by_other_hashes()
        place = "https://gb1.example/2.jpg"
        joined = item_from(IWF, 1, url=place, assessments=(said().assessment,))
        await office.hear(joined, lane=Lane.REPORTS)
        for one in items:
            assert shown(await office.item(one.id)) == (True, [(IWF, "baseline")], ())

    async def test_national_verdict_abroad_is_a_suggestion(self, office: Office) -> None:
        """Another country's law is not ours (rule 2)."""
        await office.hear(said(given=Verdict.NATIONAL))
        assert shown(await office.report(1)) == (False, [], ("suggested_verdict",))

    async def test_national_verdict_counts_under_the_same_law(self, office: Office) -> None:
        """Two hotlines of one country judge by one law."""
        members = dict(office.registry.network.members)
        members[IWF] = replace(members[IWF], jurisdictions=("GB", "NL"))
        rules = {"NL": (US, IWF)}
        document = replace(office.registry.network, members=members, choice_rules=rules)
        office.registry = replace(office.registry, network=document)
        await office.hear(said(given=Verdict.NATIONAL))
        assert shown(await office.report(1)) == (True, [(IWF, "national")], ())

    async def test_one_weak_hash_only_suggests(self, office: Office) -> None:
        """Equal MD5 can be two files."""
        await office.hear(ContentVerdict(verdict(), 0, file(md5=1)))
        item = await office.report(1)
        later = HashesDraft(sha256=f"{1:064x}", md5=f"{1:032x}")
        after = await office.desk.add_hashes(item.id, later, actor="a")
        assert shown(after) == (False, [], ("suggested_verdict",))

    async def test_operator_says_how_far_a_member_is_followed(self, office: Office) -> None:
        """Before its first word, or after."""
        await office.trust(IWF, baseline=Trust.SUGGESTION)
        await office.hear(said())
        assert shown(await office.report(1)) == (False, [], ("suggested_verdict",))
        await office.trust(IWF, baseline=Trust.NONE)
        assert shown(await office.report(2)) == (False, [], ())

    async def test_member_that_is_followed_further_is_asked_about_items_that_are_here(
        self, office: Office
    ) -> None:
        """What only was suggested by its word stands by it now."""
        await office.trust(IWF, baseline=Trust.SUGGESTION)
        await office.hear(said())
        item = await office.report(1)
        await office.trust(IWF, baseline=Trust.AUTO)
        await office.look()
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    @pytest.mark.parametrize("less", [Trust.SUGGESTION, Trust.NONE])
    async def test_word_of_a_member_that_is_followed_less_far_stands_before_a_person(
        self, office: Office, less: Trust
    ) -> None:
        """It stands in the member's name and was told so: only the member takes it back."""
        await office.hear(said())
        item = await office.report(1)
        await office.trust(IWF, baseline=less)
        await office.look()
        left = (True, [(IWF, "baseline")], ("suggested_verdict",))
        assert shown(await office.item(item.id)) == left
        await office.hear(gone())
        await office.look()
        assert shown(await office.item(item.id)) == (False, [], ())

    async def test_member_that_is_followed_again_needs_no_person(self, office: Office) -> None:
        """As if it had always been."""
        await office.hear(said())
        item = await office.report(1)
        for trust in (Trust.NONE, Trust.AUTO):
            await office.trust(IWF, baseline=trust)
            await office.look()
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    async def test_verdict_heard_of_the_item_as_well_stands_once(self, office: Office) -> None:
        """Several files, or the same word again, are one verdict."""
        item = await office.report(1)
        await office.hear(said(), said(), said(2, part=1), said(1, part=2))
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())


class TestConflicts:
    """Members that contradict each other are settled by people, never by who came first."""

    @pytest.mark.parametrize("turned", [False, True])
    async def test_two_members_contradict_each_other(self, office: Office, *, turned: bool) -> None:
        """The same item, whichever word came first, and before or after the report."""
        words = [(said(), IWF), (said(given=Verdict.NOT_ILLEGAL, by=PDC), PDC)]
        before = await office.report(1)
        for word, by in reversed(words) if turned else words:
            await office.hear(word, by=by)
        for item in (await office.item(before.id), await office.report(2)):
            assert item.known
            assert [(a.member, a.verdict) for a in item.assessments] == [(IWF, "baseline")]
            assert "verdicts_differ" in item.reviews

    async def test_word_against_ours_is_before_a_person(self, office: Office) -> None:
        """Ours stays."""
        item = await office.report(1)
        await office.assess(item.id, Verdict.NOT_ILLEGAL)
        await office.hear(said())
        after = await office.item(item.id)
        assert "verdicts_differ" in after.reviews
        assert {(a.member, a.verdict) for a in after.assessments} == {
            (US, "not_illegal"),
            (IWF, "baseline"),
        }

    async def test_person_who_judged_in_spite_of_it_is_not_asked_again(
        self, office: Office
    ) -> None:
        """The look that it waited for was had."""
        await office.hear(said(given=Verdict.NOT_ILLEGAL))
        item = await office.report(1)
        assert shown(item) == (False, [], ("suggested_verdict",))
        await office.assess(item.id, Verdict.BASELINE)
        assert (await office.item(item.id)).reviews == ()

    async def test_conflict_ends_with_either_word(self, office: Office) -> None:
        """Nobody contradicts anybody any more."""
        item = await office.report(1)
        await office.hear(said())
        await office.hear(said(given=Verdict.NOT_ILLEGAL, by=PDC), by=PDC)
        assert (await office.item(item.id)).reviews == ("verdicts_differ",)
        await office.hear(gone(PDC), by=PDC)
        await office.look()
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    @pytest.mark.parametrize("turned", [False, True])
    async def test_word_of_one_that_another_contradicted_by_mistake_is_suggested_still(
        self, office: Office, *, turned: bool
    ) -> None:
        """The mistake is taken back: whoever spoke first, the item ends as if it had not been."""
        item = await office.report(1)
        words = [(PDC, Verdict.NATIONAL), (IWF, Verdict.NOT_ILLEGAL)]
        for by, given in reversed(words) if turned else words:
            await office.hear(said(given=given, by=by), by=by)
        assert "verdicts_differ" in (await office.item(item.id)).reviews
        await office.hear(gone())
        await office.look()
        assert shown(await office.item(item.id)) == (False, [], ("suggested_verdict",))

    async def test_conflict_that_a_person_settled_does_not_come_back(self, office: Office) -> None:
        """Who judged the item in spite of both words need not look again when one goes."""
        item = await office.report(1)
        await office.hear(said(given=Verdict.NATIONAL))
        await office.hear(said(given=Verdict.NOT_ILLEGAL, by=PDC), by=PDC)
        await office.assess(item.id, Verdict.BASELINE)
        await office.hear(gone())
        await office.look()
        assert (await office.item(item.id)).reviews == ()

    async def test_word_that_its_author_corrected_contradicts_nobody(self, office: Office) -> None:
        """The other member says what the author says now."""
        await office.hear(said(), later())
        await office.hear(said(given=Verdict.NOT_ILLEGAL, by=PDC), by=PDC)
        assert "verdicts_differ" not in (await office.report(1)).reviews

    async def test_member_contradicts_nobody_by_two_words_of_its_own(self, office: Office) -> None:
        """Of the item it said something else since."""
        item = await office.found_by(IWF)
        await office.hear(told_of(item), lane=Lane.STATUS)
        await office.hear(said(given=Verdict.NOT_ILLEGAL, number=899))
        assert shown(await office.item(item)) == (True, [(IWF, "baseline")], ())

    @pytest.mark.parametrize("trust", [Trust.SUGGESTION, Trust.NONE])
    async def test_correction_goes_after_the_word_however_far_it_is_followed_itself(
        self, office: Office, trust: Trust
    ) -> None:
        """It contradicts nobody else, and a person looks."""
        await office.trust(IWF, baseline=Trust.AUTO, not_illegal=trust)
        item = await office.report(1)
        await office.hear(said())
        await office.hear(later())
        both = [(IWF, "baseline"), (IWF, "not_illegal")]
        assert shown(await office.item(item.id)) == (True, both, ("withdrawal",))
        await office.look()
        assert shown(await office.item(item.id)) == (True, both, ("withdrawal",))

    @pytest.mark.parametrize("given", [Verdict.NOT_ILLEGAL, Verdict.BASELINE])
    async def test_only_word_that_it_is_illegal_doubts_what_was_closed_as_not_illegal(
        self, office: Office, given: Verdict
    ) -> None:
        """Who says the same doubts nothing, and no person need look."""
        item = await office.found_by(IWF)
        draft = ActionDraft(action=Action.NOT_ILLEGAL)
        await office.desk.act(item, draft, actor="analyst")
        await office.hear(said(given=given))
        doubted = "not_illegal_doubted" in (await office.item(item)).reviews
        assert doubted is (given is Verdict.BASELINE)

    @pytest.mark.parametrize("trust", [Trust.SUGGESTION, Trust.NONE])
    async def test_correction_goes_after_a_word_that_comes_later_than_it(
        self, office: Office, trust: Trust
    ) -> None:
        """It said of the item alone what it corrects since, of the file."""
        await office.trust(IWF, baseline=Trust.AUTO, not_illegal=trust)
        item = await office.found_by(IWF)
        await office.hear(later())
        await office.hear(told_of(item), lane=Lane.STATUS)
        both = [(IWF, "baseline"), (IWF, "not_illegal")]
        assert shown(await office.item(item)) == (True, both, ("withdrawal",))

    async def test_list_that_may_not_be_used_corrects_nothing(self, office: Office) -> None:
        """Its author may still say so of the item itself."""
        await office.trust(IWF, may_use=False)
        item = await office.found_by(IWF)
        await office.hear(told_of(item), lane=Lane.STATUS)
        await office.hear(later())
        assert shown(await office.item(item)) == (True, [(IWF, "baseline")], ())

    async def test_word_that_its_author_corrected_corrects_nothing(self, office: Office) -> None:
        """Only its latest does, and nobody need look at what is illegal as before."""
        item = await office.found_by(IWF)
        await office.hear(told_of(item), lane=Lane.STATUS)
        await office.hear(later(), said(number=902))
        twice = [(IWF, "baseline")] * 2
        assert shown(await office.item(item)) == (True, twice, ())

    async def test_correction_that_was_taken_back_of_the_item_corrects_nothing(
        self, office: Office
    ) -> None:
        """That it goes from the file is on its way."""
        item = await office.found_by(IWF)
        await office.hear(told_of(item), lane=Lane.STATUS)
        named = {"author": IWF, "event_id": later().assessment.event_id}
        await office.hear(outcome(item, OutcomeWhat.WITHDRAWN, **named), lane=Lane.STATUS)
        await office.hear(later())
        assert shown(await office.item(item)) == (True, [(IWF, "baseline")], ())

    async def test_nobody_looks_where_a_correction_says_that_it_is_illegal(
        self, office: Office
    ) -> None:
        """What was known by the word before was harmless."""
        item = await office.found_by(IWF)
        harmless = verdict(Verdict.NOT_ILLEGAL, IWF, 899)
        await office.hear(told_of(item, harmless), lane=Lane.STATUS)
        await office.hear(said())
        both = [(IWF, "not_illegal"), (IWF, "baseline")]
        assert shown(await office.item(item)) == (True, both, ())

    async def test_nobody_looks_where_a_word_that_corrects_nothing_is_followed(
        self, office: Office
    ) -> None:
        """An operator may follow a member in this too."""
        await office.trust(IWF, not_illegal=Trust.AUTO)
        await office.hear(later())
        assert shown(await office.report(1)) == (True, [(IWF, "not_illegal")], ())

    @pytest.mark.parametrize("turned", [False, True])
    async def test_of_one_members_words_on_a_file_the_latest_counts(
        self, office: Office, *, turned: bool
    ) -> None:
        """Of a report that comes then, whatever order they came in."""
        words = [said(), later()]
        for word in reversed(words) if turned else words:
            await office.hear(word)
        assert await office.entries() == {"baseline": 1, "not_illegal": 1}
        assert shown(await office.report(1)) == (False, [], ("suggested_verdict",))

    async def test_correction_that_may_be_of_another_file_waits_for_a_person(
        self, office: Office
    ) -> None:
        """One weak hash is no file."""
        hashes = HashesDraft(sha256=f"{1:064x}", md5=f"{1:032x}")
        draft = ReportDraft(
            items=(ItemDraft(url="https://gb1.example/1.jpg", hashes=hashes),), source=Source.PUBLIC
        )
        (taken,) = await office.desk.submit([draft], actor="desk", batch="1")
        await office.hear(said())
        await office.hear(ContentVerdict(later().assessment, 0, file(md5=1)))
        seen = await office.item(taken.items[0].item_id)
        assert [a.verdict for a in seen.assessments] == ["baseline"]

    @pytest.mark.parametrize("trust", [Trust.AUTO, Trust.SUGGESTION, Trust.NONE])
    async def test_earlier_word_counts_again_once_the_latest_is_withdrawn(
        self, office: Office, trust: Trust
    ) -> None:
        """On an item that came before it, between the two, and after both."""
        await office.trust(IWF, baseline=Trust.AUTO, not_illegal=trust)
        items = [await office.report(1)]
        await office.hear(said())
        items.append(await office.report(2))
        await office.hear(later())
        items.append(await office.report(3))
        await office.look()
        await office.hear(gone(number=901))
        await office.look()
        for one in items:
            seen = await office.item(one.id)
            assert [(a.member, a.verdict) for a in seen.assessments] == [(IWF, "baseline")]

    async def test_item_that_came_after_a_word_that_is_not_followed_hears_its_end(
        self, office: Office
    ) -> None:
        """The word before it had been silent there, and nothing else stood."""
        await office.trust(IWF, baseline=Trust.AUTO, not_illegal=Trust.NONE)
        await office.hear(said(), later())
        item = await office.report(1)
        await office.look()
        assert shown(await office.item(item.id)) == (False, [], ())
        await office.hear(gone(number=901))
        await office.look()
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    async def test_change_of_trust_asks_nothing_about_a_silent_word(self, office: Office) -> None:
        """It stands as it stood; the later word is what is followed otherwise."""
        item = await office.report(1)
        await office.hear(said())
        await office.hear(later())
        await office.trust(IWF, baseline=Trust.SUGGESTION, not_illegal=Trust.SUGGESTION)
        await office.look()
        assert (await office.item(item.id)).reviews == ("withdrawal",)

    async def test_word_that_comes_with_a_withdrawal_corrects_nothing(self, office: Office) -> None:
        """What it might go after is taken back: it is a word like any other."""
        item = await office.report(1)
        await office.hear(said())
        await office.hear(gone(), said(given=Verdict.NOT_ILLEGAL, number=901))
        await office.look()
        assert shown(await office.item(item.id)) == (False, [], ("suggested_verdict",))


class TestNobodyReports:
    """All sightings of an item were taken back; it is still here, before a person."""

    async def test_correction_goes_after_the_word_that_stands(self, office: Office) -> None:
        """Though nothing else that lists say comes to it any more."""
        items = [await office.report(1), await office.report(2, sha256=2)]
        await office.hear(said())
        for one in items:
            await office.take_back(one.id)
        await office.hear(later(), said(2, number=902))
        assert [shown(await office.item(one.id))[:2] for one in items] == [
            (True, [(IWF, "baseline"), (IWF, "not_illegal")]),
            (False, []),
        ]

    async def test_verdict_that_came_with_it_goes_when_it_is_taken_back(
        self, office: Office
    ) -> None:
        """Its author says of the file alone that it does not hold any more (§6.4, §6.6.4)."""
        item = await office.report(1)
        given = said()

        def decide(book: Casebook) -> None:
            body = given.assessment
            book.record(item.id, EventKind.ASSESSED, body, at_ms=NOW_MS, actor=IWF)

        await office.store.cases.transact(Needs(items={item.id}), NOW_MS, decide)
        await office.take_back(item.id)
        await office.hear(given)
        await office.hear(gone())
        await office.look()
        assert shown(await office.item(item.id))[:2] == (False, [])


class TestWithdrawn:
    """What was taken back is as if it had never been said."""

    async def test_items_are_as_if_it_had_not_been_said(self, office: Office) -> None:
        """Of every file that the verdict was about, and for later reports."""
        items = [await office.report(1), await office.report(2, sha256=2)]
        before = [shown(one) for one in items]
        await office.hear(said(), said(2, part=1))
        assert all([(await office.item(one.id)).known for one in items])
        await office.hear(gone())
        await office.look()
        assert [shown(await office.item(one.id)) for one in items] == before
        assert not (await office.report(3)).known
        assert await office.entries() == dict.fromkeys(await office.entries(), 0)

    @pytest.mark.parametrize("trust", [Trust.AUTO, Trust.SUGGESTION, Trust.NONE])
    @pytest.mark.parametrize("shared", [True, False])
    async def test_verdict_that_came_by_another_way_goes_too(
        self, office: Office, trust: Trust, *, shared: bool
    ) -> None:
        """Told of the item itself, and of one whose file was never shared; nobody else's goes."""
        await office.trust(IWF, baseline=trust)
        items = [await office.report(1), await office.report(2, sha256=None)]
        for one in items:
            await office.told(one.id, said().assessment)
            await office.told(one.id, said(by=PDC, number=901).assessment)
        if shared:
            await office.hear(said())
        await office.hear(gone())
        await office.look()
        for one in items:
            after = await office.item(one.id)
            assert [a.member for a in after.assessments] == [PDC]

    async def test_verdict_that_is_told_once_more_goes_when_its_end_is_told_once_more(
        self, office: Office
    ) -> None:
        """Its author went back to a day before it had taken it back."""
        item = await office.report(1)
        await office.hear(said(), gone())
        await office.look()
        await office.told(item.id, said().assessment)
        await office.hear(gone())
        await office.look()
        assert (await office.item(item.id)).assessments == ()

    async def test_verdict_of_an_item_goes_from_what_only_a_third_item_is_like(
        self, office: Office
    ) -> None:
        """It went there from one to the next; its author takes it back of the first alone."""
        given = said().assessment
        first = item_from(IWF, 1, file(1), assessments=(given,))
        await office.hear(first, lane=Lane.REPORTS)
        weak = HashesDraft(md5=f"{5:032x}", length=9_000)
        full = HashesDraft(sha256=f"{1:064x}", md5=f"{5:032x}", length=9_000)
        items = [first.item_id]
        for number, hashes in enumerate((full, weak), 2):
            draft = ItemDraft(url=f"https://gb1.example/{number}.jpg", hashes=hashes)
            report = ReportDraft(items=(draft,), source=Source.PUBLIC)
            (taken,) = await office.desk.submit([report], actor="desk", batch=str(number))
            items.append(taken.items[0].item_id)
        assert [(await office.item(one)).known for one in items] == [True] * 3
        end = outcome(first.item_id, OutcomeWhat.WITHDRAWN, author=IWF, event_id=given.event_id)
        await office.hear(end, lane=Lane.STATUS)
        assert [(await office.item(one)).known for one in items] == [False] * 3

    async def test_what_looks_like_an_item_that_no_list_named_is_suggested_no_more(
        self, office: Office
    ) -> None:
        """Its author had told the verdict with the item alone, and takes it back by its files."""
        given = said().assessment
        first = item_from(IWF, 1, file(1, pdq=0), assessments=(given,))
        await office.hear(first, lane=Lane.REPORTS)
        hashes = HashesDraft(sha256=f"{2:064x}", pdq=f"{7:064x}", pdq_quality=100)
        draft = ItemDraft(url="https://gb1.example/2.jpg", hashes=hashes)
        report = ReportDraft(items=(draft,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([report], actor="desk", batch="2")
        near = taken.items[0].item_id
        assert (await office.item(near)).reviews == ("suggested_verdict",)
        await office.hear(gone())
        await office.look()
        assert not (await office.item(first.item_id)).known
        assert (await office.item(near)).reviews == ()

    @pytest.mark.parametrize("seen", [True, False])
    async def test_word_that_stands_here_already_is_noted_however_far_its_author_is_followed(
        self, office: Office, *, seen: bool
    ) -> None:
        """For its end; also where nobody reports the item any more."""
        await office.trust(IWF, baseline=Trust.NONE)
        item = await office.report(1)
        await office.told(item.id, said().assessment)
        if not seen:
            await office.take_back(item.id)
        await office.hear(said())
        await office.look()
        after = await office.item(item.id)
        assert [(one.list, str(one.counts_as)) for one in after.listed] == [
            (f"member/{IWF}", "none")
        ]

    async def test_withdrawal_that_comes_first_keeps_the_verdict_out(self, office: Office) -> None:
        """For ever; another verdict on the same file comes in."""
        await office.hear(gone())
        await office.hear(said(), said(2, part=3))
        assert not (await office.report(1)).known
        await office.hear(said(number=901))
        assert (await office.report(2)).known

    async def test_other_verdict_on_the_same_file_stands(self, office: Office) -> None:
        """Of the same member: only one of two was taken back."""
        await office.hear(said(), said(number=901))
        item = await office.report(1)
        await office.hear(gone())
        await office.look()
        after = await office.item(item.id)
        assert (after.known, len(after.assessments)) == (True, 1)


@pytest.mark.parametrize(
    "order",
    [one for one in permutations(("weak", "strong", "both", "judged")) if _is_possible(one)],
)
async def test_verdict_reaches_what_only_a_third_item_shows_to_be_the_same_file(
    office: Office, order: tuple[str, ...]
) -> None:
    """And goes from it again, in whatever order the items and the verdict came."""
    forms: dict[str, dict[str, Any]] = {
        "weak": {"sha256": None, "md5": f"{5:032x}", "length": 9_000},
        "strong": {"sha256": 1},
        "both": {"sha256": 1, "md5": f"{5:032x}", "length": 9_000},
    }
    items: dict[str, str] = {}
    for number, one in enumerate(order):
        if one == "judged":
            await office.assess(items["weak"], Verdict.BASELINE)
        else:
            items[one] = (await office.report(number, **forms[one])).id
    assert [(await office.item(one)).known for one in items.values()] == [True] * 3
    (given,) = (await office.item(items["strong"])).assessments
    await office.desk.correcting.withdraw(items["strong"], given.id, actor="analyst")
    assert [(await office.item(one)).known for one in items.values()] == [False] * 3


async def test_verdict_that_is_heard_of_an_item_goes_on_as_far_as_hashes_lead(
    office: Office,
) -> None:
    """From one account of the file to the next, of which the first has no hash of the last."""
    weak = item_from(IWF, 1, file(md5=5, length=9_000))
    await office.hear(weak, lane=Lane.REPORTS)
    both, strong = (
        await office.report(1, md5=f"{5:032x}", length=9_000),
        await office.report(2),
    )
    await office.hear(told_of(weak.item_id), lane=Lane.STATUS)
    items = (weak.item_id, both.id, strong.id)
    assert [(await office.item(one)).known for one in items] == [True] * 3


class TestFuller:
    """More hashes of a file come later."""

    @pytest.mark.parametrize("turned", [False, True])
    async def test_fuller_word_outlasts_the_poorer(self, office: Office, *, turned: bool) -> None:
        """Whatever order they come in: one entry, found by each of its hashes."""
        poorer, fuller = said(), said(md5=5)
        for word in (fuller, poorer) if turned else (poorer, fuller):
            await office.hear(word)
        assert await office.entries() == {"baseline": 1}
        await office.report(1)
        hashes = HashesDraft(md5=f"{5:032x}")
        item = ItemDraft(url="https://gb1.example/md5.jpg", hashes=hashes)
        draft = ReportDraft(items=(item,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([draft], actor="desk", batch="md5")
        assert "suggested_verdict" in (await office.item(taken.items[0].item_id)).reviews

    @pytest.mark.parametrize("trust", [Trust.AUTO, Trust.SUGGESTION])
    async def test_item_that_was_known_stays_known(self, office: Office, trust: Trust) -> None:
        """Nobody took anything back, so nobody is told so, and no person need look."""
        item = await office.report(1)
        await office.hear(said())
        await office.trust(IWF, baseline=trust)
        await office.hear(said(md5=5))
        await office.look()
        after = await office.item(item.id)
        assert shown(after)[:2] == (True, [(IWF, "baseline")])
        assert [one.version for one in after.listed] == [2]
        asked = ("suggested_verdict",) if trust is Trust.SUGGESTION else ()
        assert shown(after)[2] == asked

    async def test_fuller_word_that_was_corrected_meanwhile_raises_no_question(
        self, office: Office
    ) -> None:
        """It is silent, and stands as it stood."""
        item = await office.report(1)
        await office.hear(said())
        await office.hear(said(given=Verdict.NATIONAL, number=901))
        before = shown(await office.item(item.id))
        await office.hear(said(md5=5))
        await office.look()
        assert shown(await office.item(item.id)) == before

    async def test_fuller_word_is_taken_back_as_the_poorer_would_be(self, office: Office) -> None:
        """It is one verdict, whichever account of the file it stood by."""
        item = await office.report(1)
        await office.hear(said())
        await office.hear(said(md5=5))
        await office.look()
        await office.hear(gone())
        await office.look()
        assert shown(await office.item(item.id)) == (False, [], ())

    async def test_file_that_the_fuller_word_shows_to_be_another_is_known_no_more(
        self, office: Office
    ) -> None:
        """The verdict is not of this item's file."""
        hashes = HashesDraft(sha256=f"{1:064x}", md5=f"{5:032x}", length=9_000)
        draft = ItemDraft(url="https://gb1.example/1.jpg", hashes=hashes)
        report = ReportDraft(items=(draft,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([report], actor="desk", batch="1")
        item = await office.item(taken.items[0].item_id)
        given = verdict(member=IWF, number=900)
        await office.hear(ContentVerdict(given, 0, file(md5=5, length=9_000)))
        assert (await office.item(item.id)).known
        await office.hear(ContentVerdict(given, 0, file(2, md5=5, length=9_000)))
        await office.look()
        assert not (await office.item(item.id)).known


class TestHostile:
    """What a member may not say has no effect."""

    @pytest.mark.parametrize(
        "word",
        [said(by=PDC), ContentVerdict(verdict(member=US), 0, file(1)), gone(PDC), gone(US)],
        ids=["another's", "ours", "another's taken back", "ours taken back"],
    )
    async def test_nobody_speaks_for_another(self, office: Office, word: Message) -> None:
        """An event bears its author's name."""
        await office.hear(said(by=PDC), by=PDC)
        await office.hear(word)
        await office.look()
        assert await office.entries() == {}
        assert await office.entries(PDC) == {"baseline": 1}
        assert await office.tasks() == [("entry_not_permitted", IWF)]

    async def test_disavowed_word_is_nobodys(self, office: Office) -> None:
        """Who signed it was a thief."""
        await office.hear(said(), disavowed=True)
        assert await office.entries() == {}

    async def test_second_entry_under_an_id_that_was_used_says_nothing(
        self, office: Office
    ) -> None:
        """It is answered `conflict`: it has no effect (§5.3)."""
        await office.hear(said(), conflict=True)
        assert await office.entries() == {}

    async def test_suspended_member_is_not_heard(self, office: Office) -> None:
        """What it says waits."""
        members = dict(office.registry.network.members)
        members[IWF] = replace(members[IWF], status="suspended")
        document = replace(office.registry.network, members=members)
        office.registry = replace(office.registry, network=document)
        await office.hear(said())
        assert await office.entries() == {}

    async def test_member_fills_no_memory(self, office: Office) -> None:
        """Over the network's bound nothing more is taken of it, and a person is told, once."""
        document = replace(office.registry.network, policy={"peer_contents": 2})
        office.registry = replace(office.registry, network=document)
        await office.hear(*(said(n, number=900 + n) for n in range(1, 5)))
        await office.hear(said(9, number=999))
        assert await office.entries() == {"baseline": 2}
        assert await office.tasks() == [("contents_over_bound", IWF)]
        await office.hear(gone(number=901))
        await office.hear(said(9, number=998))
        assert await office.entries() == {"baseline": 2}
        assert (await office.report(1, sha256=9)).known

    async def test_fuller_account_of_a_file_that_is_taken_needs_no_room(
        self, office: Office
    ) -> None:
        """It is the same file; nobody is told of a member that keeps the bound."""
        document = replace(office.registry.network, policy={"peer_contents": 2})
        office.registry = replace(office.registry, network=document)
        await office.hear(said(1, number=901), said(2, number=902))
        fuller = ContentVerdict(said(1, number=901).assessment, 0, file(1, sha1=1, md5=1))
        await office.hear(fuller)
        assert await office.entries() == {"baseline": 2}
        assert await office.tasks() == []
        assert await office.store.known_content.hits([file(sha1=1, md5=1)])

    async def test_two_accounts_of_a_file_that_come_at_once_are_one_file(
        self, office: Office
    ) -> None:
        """The bound is of files."""
        document = replace(office.registry.network, policy={"peer_contents": 1})
        office.registry = replace(office.registry, network=document)
        fuller = ContentVerdict(said(1).assessment, 0, file(1, sha1=1))
        await office.hear(said(1), fuller)
        assert await office.tasks() == []

    async def test_what_is_taken_back_makes_room_for_what_is_said_after_it(
        self, office: Office
    ) -> None:
        """Both may come at once."""
        document = replace(office.registry.network, policy={"peer_contents": 1})
        office.registry = replace(office.registry, network=document)
        full = file(1, sha1=1, md5=1, length=9, pdq=1)
        await office.hear(ContentVerdict(verdict(number=901), 0, full))
        taken_back = ContentVerdictWithdrawn(verdict(number=901).event_id, NOW_MS)
        await office.hear(taken_back, ContentVerdict(verdict(number=902), 0, full))
        assert await office.entries() == {"baseline": 1}
        assert await office.tasks() == []

    async def test_verdicts_on_one_file_have_a_bound(self, office: Office) -> None:
        """Each costs time at every item with the file; a fuller account is none more."""
        many = [said(number=1_000 + n) for n in range(MOST_WORDS)]
        await office.hear(*many)
        assert await office.tasks() == []
        await office.hear(said(number=3_000), said(2, number=3_001), said(number=1_000, md5=5))
        assert await office.entries() == {"baseline": MOST_WORDS + 1}
        assert await office.tasks() == [("contents_over_bound", IWF)]
        assert await office.store.known_content.hits([file(md5=5)])
        await office.hear(said(by=PDC), by=PDC)
        assert await office.entries(PDC) == {"baseline": 1}
        await office.hear(gone(number=1_001))
        await office.hear(said(number=3_002))
        assert await office.entries() == {"baseline": MOST_WORDS + 1}

    async def test_correction_is_taken_however_much_was_said(self, office: Office) -> None:
        """What contradicts a member's verdicts on a file has room of its own."""
        item = await office.report(1)
        await office.hear(*(said(number=1_000 + n) for n in range(MOST_WORDS)))
        assert (await office.item(item.id)).known
        await office.hear(said(given=Verdict.NOT_ILLEGAL, number=3_000))
        assert await office.entries() == {"baseline": MOST_WORDS, "not_illegal": 1}
        assert await office.tasks() == []
        seen = await office.item(item.id)
        assert seen.reviews == ("withdrawal",)
        assert seen.assessments[-1].verdict == "not_illegal"

    async def test_other_matters_are_not_touched(self, office: Office) -> None:
        """What is not CSAM is counted, not judged by lists."""
        content: Content = file(1)
        await office.hear(ContentVerdict(verdict(), 0, content))
        item = ItemDraft(url="https://gb1.example/spam.jpg", hashes=HashesDraft(sha256=f"{1:064x}"))
        draft = ReportDraft(items=(item,), source=Source.PUBLIC, matter=Matter.SPAM)
        (taken,) = await office.desk.submit([draft], actor="desk", batch="spam")
        assert not (await office.item(taken.items[0].item_id)).known
