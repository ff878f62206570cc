"""Members that contradict each other about a file: people settle it."""

from __future__ import annotations

import pytest

from node.casework.reports.draft import (
    ActionDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.matching.lists import Trust
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Action, Lane, OutcomeWhat, Source, Verdict
from tests.builders.cases import US, file, verdict
from tests.node.casework.arriving import outcome
from tests.node.casework.contents.offices import IWF, PDC, Office, gone, later, said, shown, told_of


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
