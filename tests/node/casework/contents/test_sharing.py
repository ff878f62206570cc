"""What members say of contents, from the entry in custody to the item and back, on a real store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from node.casework.reports.draft import (
    HashesDraft,
)
from node.matching.lists import Entry, Provenance, Retraction, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Lane, Verdict
from tests.builders.cases import FINGERPRINTS, US, file, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from
from tests.node.casework.contents.offices import IWF, Office, gone, said, shown, told_of


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
        joined = item_from(IWF, 1, file(1), url=place, assessments=(said().assessment,))
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
        """It stands in the member's name and was told so: only the member takes it back.

        Whichever item had it first; and it goes to no other unseen.
        """
        await office.hear(said())
        items = [await office.report(1), await office.report(2)]
        await office.trust(IWF, baseline=less)
        await office.look()
        left = (True, [(IWF, "baseline")], ("suggested_verdict",))
        assert [shown(await office.item(one.id)) for one in items] == [left] * 2
        assert not (await office.report(3)).known
        await office.hear(gone())
        await office.look()
        assert [shown(await office.item(one.id)) for one in items] == [(False, [], ())] * 2

    async def test_item_that_went_on_makes_none_known_unseen_by_a_word_that_is_followed_less_far(
        self, office: Office
    ) -> None:
        """No person here looks at it, but at what is reported since."""
        await office.hear(said())
        await office.report(1)
        await office.desk.locate_due()
        await office.trust(IWF, baseline=Trust.NONE)
        await office.look()
        left = (True, [(IWF, "baseline")], ("suggested_verdict",))
        assert shown(await office.report(2)) == left

    async def test_word_that_is_followed_less_far_stands_before_a_person_once_a_list_goes(
        self, office: Office
    ) -> None:
        """While that said so too, nobody need look."""
        terms = Terms("stock", Provenance.OWN)
        await office.store.writer.run(lambda c: keep_terms(c, terms, {"A": Trust.AUTO}, NOW_MS))
        entries: list[Entry | Retraction] = [Entry(file(1), "A", None, "x"), Retraction("x")]
        await office.hear(said())
        item = await office.report(1)
        await office.trust(IWF, baseline=Trust.NONE)
        await office.look()
        seen = []
        for one in entries:
            take = partial(take_in, fingerprints=FINGERPRINTS, into="stock", version=1, now_ms=1)
            await office.store.writer.run(partial(take, batch=[one]))
            await office.look()
            seen.append((await office.item(item.id)).reviews)
        assert seen == [(), ("suggested_verdict",)]

    async def test_word_on_an_item_itself_goes_with_the_file_however_far_its_list_is_followed(
        self, office: Office
    ) -> None:
        """By the rules of the network: it is part of what that item is."""
        judged = await office.found_by(IWF)
        await office.hear(told_of(judged), lane=Lane.STATUS)
        await office.hear(said())
        item = await office.report(1)
        await office.trust(IWF, baseline=Trust.NONE)
        await office.look()
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())

    async def test_member_that_is_followed_again_needs_no_person(self, office: Office) -> None:
        """As if it had always been."""
        await office.hear(said())
        items = [await office.report(1), await office.report(2)]
        for trust in (Trust.NONE, Trust.AUTO):
            await office.trust(IWF, baseline=trust)
            await office.look()
        left = (True, [(IWF, "baseline")], ())
        assert [shown(await office.item(one.id)) for one in items] == [left] * 2

    async def test_verdict_heard_of_the_item_as_well_stands_once(self, office: Office) -> None:
        """Several files, or the same word again, are one verdict."""
        item = await office.report(1)
        await office.hear(said(), said(), said(2, part=1), said(1, part=2))
        assert shown(await office.item(item.id)) == (True, [(IWF, "baseline")], ())
