"""Shared verdicts that say more than before, and those of a member that means harm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from node.casework.reports.draft import (
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.matching.lists import Trust
from node.store.contents.member_lists import MOST_WORDS
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Matter, Source, Verdict
from tests.builders.cases import US, file, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.contents.offices import IWF, PDC, Office, gone, said, shown

if TYPE_CHECKING:
    from protocol.facts import Content
    from protocol.messages import Message


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
