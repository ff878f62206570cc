"""A node with lists, from the command line's word to the item and back, on a real store."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from node.casework.desk import Desk
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.ending.retaining import Periods
from node.casework.postbox import Postbox
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.showing.views import ItemView
from node.ids import Ids
from node.matching.lists import MIN_BYTES, Entry, Provenance, Retraction, Terms, Trust
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from node.store.contents.list_taking import take_away, take_in
from node.store.contents.list_whole import older
from node.store.contents.lists import keep_terms
from node.store.sqlite import Store
from protocol.facts import Content
from protocol.vocabulary import Action, Source, Verdict
from tests.builders.cases import FINGERPRINTS, US, file, network
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.node.cli.conftest import Britain

KEY = bytes(range(32))
PICTURE = f"{random.Random(5).getrandbits(256):064x}"  # noqa: S311 - no secret
ENTRY = Entry(file(1, md5=1), "A", None, "42/a")


TERMS = Terms("iwf", Provenance.POLICE)


@dataclass
class Office:
    """A desk over a store with one list, followed in category A."""

    store: Store
    desk: Desk
    now: int = NOW_MS

    async def lists(self, version: int, *batch: Entry | Retraction) -> None:
        """Take these into the list, as a command does."""
        await self.store.writer.run(
            lambda c: take_in(c, FINGERPRINTS, "iwf", version, batch, NOW_MS)
        )

    async def report(self, number: int, *, sha256: int | None = 1, again: bool = False) -> ItemView:
        """Hand in a report of a file at a place of its own."""
        hashes = None if sha256 is None else HashesDraft(sha256=f"{sha256:064x}")
        item = ItemDraft(url=f"https://gb1.example/{number}.jpg", hashes=hashes)
        draft = ReportDraft(items=(item,), source=Source.PUBLIC)
        batch = f"{number}/{again}"
        (taken,) = await self.desk.submit([draft], actor="desk", batch=batch)
        return await self.item(taken.items[0].item_id)

    async def twice(self) -> tuple[ItemView, ItemView]:
        """Hand in a file twice; while another list suggests it, no verdict goes with it."""
        await self.follow(Terms("other", Provenance.INDUSTRY), B=Trust.SUGGESTION)
        suggested = [Entry(file(2), "B")]
        await self.store.writer.run(lambda c: take_in(c, FINGERPRINTS, "other", 1, suggested, 1))
        first = await self.report(1, sha256=2)
        self.now += 1000  # asked in this order
        return first, await self.report(2, sha256=2)

    async def pictures(self) -> tuple[str, str]:
        """Hand in two pictures that look alike, the first of them in category A of the list."""
        made = []
        for number, pdq in ((1, PICTURE), (99, f"{int(PICTURE, 16) ^ 7:064x}")):
            hashes = HashesDraft(sha256=f"{number:064x}", pdq=pdq, pdq_quality=90)
            item = ItemDraft(url=f"https://gb1.example/p{number}.jpg", hashes=hashes)
            draft = ReportDraft(items=(item,), source=Source.PUBLIC)
            (taken,) = await self.desk.submit([draft], actor="desk", batch=f"p{number}")
            made.append(taken.items[0].item_id)
        return made[0], made[1]

    async def item(self, item_id: str) -> ItemView:
        """Return an item as it is now."""
        found = await self.desk.item(item_id)
        assert found is not None
        return found

    async def follow(self, terms: Terms = TERMS, **trusts: Trust) -> None:
        """Let the operator say how far a list is followed."""
        await self.store.writer.run(lambda c: keep_terms(c, terms, trusts, NOW_MS))

    async def look(self) -> None:
        """Let the node look at its lists until nothing is left to do."""
        unlisting = self.desk.correcting.unlisting(self.store.known_content)
        while await unlisting.due() or await unlisting.match_new():
            await self.store.known_content.refresh(calm=True)


@pytest.fixture(params=["memory", "store"])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office; look-ups are answered from memory, or by the store."""
    empty_store(tmp_path / "node.db", KEY)
    store = Store.inline(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    registry = network()
    desk = Desk(
        store=store.cases,
        queries=store.queries,
        registry=lambda: registry,
        places=Britain(),
        fingerprints=FINGERPRINTS,
        postbox=Postbox(bytes(32)),
        ids=Ids(US),
        clock=lambda: made.now,
        wake_delivery=lambda: None,
    )
    made = Office(store, desk)
    await made.follow(A=Trust.AUTO, B=Trust.SUGGESTION)
    await made.lists(1, ENTRY, Entry(file(2), "B"))
    if request.param == "memory":
        assert await store.known_content.refresh()
    yield made
    await store.close()


async def test_report_of_listed_content_is_known_when_it_is_taken(office: Office) -> None:
    """By the list, and not new to police."""
    item = await office.report(1)
    assert (item.known, item.new_to_police) == (True, False)
    assert [(one.list, one.category, one.external_id) for one in item.listed] == [
        ("iwf", "A", "42/a")
    ]
    suggested = await office.report(2, sha256=2)
    assert (suggested.known, suggested.reviews) == (False, ("suggested_verdict",))
    other = await office.report(3, sha256=3)
    assert (other.known, other.new_to_police, other.listed) == (False, True, ())


async def test_hash_that_comes_later_is_looked_up(office: Office) -> None:
    """By any of its hashes."""
    item = await office.report(1, sha256=None)
    assert item.new_to_police is None
    later = await office.desk.add_hashes(item.id, HashesDraft(md5=f"{1:032x}"), actor="a")
    assert (later.known, later.reviews) == (False, ("suggested_verdict",))
    later = await office.desk.add_hashes(
        item.id, HashesDraft(md5=f"{1:032x}", sha256=f"{1:064x}"), actor="a"
    )
    assert later.known


async def test_retraction_undoes_what_its_verdict_suggested(office: Office) -> None:
    """Of what looks like the file, which the list does not name."""
    known, near = await office.pictures()
    assert (await office.item(near)).reviews == ("suggested_verdict",)
    await office.lists(2, Retraction("42/a"))
    await office.look()
    assert not (await office.item(known)).known
    assert (await office.item(near)).reviews == ()


async def test_retraction_undoes_what_the_entry_had_brought_about(office: Office) -> None:
    """At every item that bears it, once; the next report finds nothing."""
    items = [await office.report(1), await office.report(2)]
    await office.lists(1, Retraction("42/a"))
    await office.look()
    for item in items:
        after = await office.item(item.id)
        assert (after.known, after.listed, after.new_to_police) == (False, (), True)
        assert after.reviews == ()
    assert not (await office.report(3)).known
    assert await office.desk.correcting.unlisting(office.store.known_content).due() == 0


@pytest.mark.parametrize("by_person", [True, False])
async def test_retraction_undoes_it_where_the_item_that_was_listed_first_is_erased(
    office: Office, *, by_person: bool
) -> None:
    """Its time was over, the verdict stood on: an item that is left says by which entry."""
    first, second = await office.report(1), await office.report(2)
    await office.desk.locate_due()
    office.now += 1000
    third = await office.report(3)
    if by_person:
        await office.desk.erase(first.id, ErasureDraft(Cause.RETENTION), actor="anna")
    else:
        office.now += 1000
        retention = office.desk.retention(Periods(0, 0, 0, handed_on_ms=2000))
        await retention.due()
        assert retention.erased == 2
        assert await office.desk.item(second.id) is None
    assert await office.desk.item(first.id) is None
    left = await office.item(third.id)
    assert (left.known, len(left.listed)) == (True, 1)
    await office.lists(1, Retraction("42/a"))
    await office.look()
    after = await office.item(third.id)
    assert (after.known, after.listed, after.new_to_police) == (False, (), True)
    assert not (await office.report(4)).known


async def test_so_it_does_where_the_entry_gave_a_verdict_on_each_of_them(office: Office) -> None:
    """None goes on while another list suggests it; then each goes to the other, too."""
    first, second = await office.twice()
    await office.desk.locate_due()
    await office.lists(2, Entry(file(2), "A"))
    await office.look()
    assert len((await office.item(second.id)).assessments) == 2
    await office.desk.erase(first.id, ErasureDraft(Cause.RETENTION), actor="anna")
    await office.lists(2, Retraction(None, file(2)))
    await office.look()
    after = await office.item(second.id)
    assert (after.known, after.reviews) == (False, ("suggested_verdict",))


async def test_both_go_after_a_person_was_asked_about_another_file_too(office: Office) -> None:
    """That the item waits for a person is noted at one of the two words; the other stays."""
    first, second = await office.twice()
    await office.lists(2, Entry(file(2), "A"))
    await office.look()
    for action in (Action.LEA_NOTIFIED, Action.REMOVED):
        await office.desk.act(first.id, ActionDraft(action=action), actor="anna")
    await office.desk.erase(first.id, ErasureDraft(Cause.RETENTION), actor="anna")
    another = HashesDraft(sha256=f"{7:064x}")
    asked = await office.desk.add_hashes(second.id, another, actor="anna")
    assert (len(asked.assessments), asked.reviews) == (2, ("suggested_verdict",))
    await office.lists(2, Retraction(None, file(2)))
    await office.look()
    after = await office.item(second.id)
    assert (after.known, after.assessments) == (False, ())


async def test_entry_that_changes_says_its_new_word(office: Office) -> None:
    """The verdict goes, the suggestion comes."""
    item = await office.report(1)
    await office.lists(2, Entry(ENTRY.content, "B", None, "42/a"))
    await office.look()
    after = await office.item(item.id)
    assert (after.known, after.reviews) == (False, ("suggested_verdict",))
    assert [(one.category, one.version) for one in after.listed] == [("B", 2)]


async def test_history_tells_who_said_so_and_holds_together(office: Office, tmp_path: Path) -> None:
    """The change feed names the list; the store is sound after all of it."""
    item = await office.report(1)
    await office.lists(1, Retraction("42/a"))
    await office.look()
    page = await office.desk.changes(0, 100, 0)
    told = [(one.what, one.detail.get("list")) for one in page.changes if one.item == item.id]
    assert [one for one in told if one[1]] == [("listed", "iwf"), ("unlisted", "iwf")]
    assert [kind for kind, _ in told][-2:] == ["unlisted", "verdict_withdrawn"]
    reader = open_reader(tmp_path / "node.db", KEY)
    assert Audit(reader).damaged() is None
    reader.close()


class TestNewcomers:
    """Items that were here before a list came."""

    async def test_an_item_that_was_here_is_known_by_a_list_that_comes_later(
        self, office: Office
    ) -> None:
        """By the same rules as at intake: what police or others know need not be viewed again."""
        here, other = await office.report(7, sha256=7), await office.report(8, sha256=8)
        await office.lists(2, Entry(file(7), "A", None, "42/b"), Entry(file(9), "A"))
        await office.look()
        item = await office.item(here.id)
        assert (item.known, item.new_to_police) == (True, False)
        assert [(one.list, one.external_id) for one in item.listed] == [("iwf", "42/b")]
        assert (await office.item(other.id)).listed == ()

    async def test_asking_again_changes_nothing(self, office: Office) -> None:
        """A piece that is asked twice after a crash leaves the history as it is."""
        here = await office.report(7, sha256=7)
        await office.lists(2, Entry(file(7), "A"))
        await office.look()
        before = await office.store.queries.last_event()
        await office.store.known_content.note_matched(0)
        await office.look()
        assert await office.store.queries.last_event() == before
        assert len((await office.item(here.id)).listed) == 1

    async def test_it_goes_on_where_it_was(self, office: Office) -> None:
        """Piece after piece, and an entry that came meanwhile is not left out."""
        here = [await office.report(n, sha256=n) for n in (7, 8)]
        await office.lists(2, Entry(file(7), "A"), Entry(file(6), "A"))
        store = office.store.known_content
        await office.look()
        assert await store.newcomers(9) is None
        await office.lists(3, Entry(file(8), "A"))
        piece = await store.newcomers(9)
        assert piece is not None
        assert piece.keys == {*FINGERPRINTS.content(file(8))}
        await office.look()
        assert [(await office.item(one.id)).known for one in here] == [True, True]

    async def test_entries_of_which_no_item_has_a_hash_are_passed_without_a_decision(
        self, office: Office
    ) -> None:
        """Ten million entries must cost the exchange next to nothing."""
        await office.look()
        await office.lists(2, *(Entry(file(n), "A") for n in range(100, 200)))
        piece = await office.store.known_content.newcomers(60)
        assert piece is not None
        assert (piece.matched_to, piece.keys) == (62, frozenset())

    async def test_a_suggestion_stands_before_a_person_and_a_denial_is_doubted(
        self, office: Office
    ) -> None:
        """The trust of the category decides, and a list never overrules a person."""
        here, denied = await office.report(7, sha256=7), await office.report(8, sha256=8)
        draft = AssessmentDraft(verdict=Verdict.NOT_ILLEGAL)
        await office.desk.assess(denied.id, draft, actor="a")
        await office.lists(2, Entry(file(7), "B"), Entry(file(8), "A"))
        await office.look()
        assert (await office.item(here.id)).reviews == ("suggested_verdict",)
        assert (await office.item(denied.id)).reviews == ("not_illegal_doubted",)


def shown(item: ItemView) -> tuple[bool, tuple[str, ...], list[str]]:
    """Return whether an item is known, why a person looks at it, and how far lists count."""
    return item.known, item.reviews, [str(one.counts_as) for one in item.listed]


async def test_what_a_whole_version_does_not_name_is_undone(office: Office) -> None:
    """Its entries went as if they had been taken back."""
    items = [await office.report(1), await office.report(2, sha256=2)]
    await office.lists(2, Entry(file(2), "B"))
    await office.store.writer.run(
        lambda c: take_away(c, FINGERPRINTS, "iwf", 2, older(c, "iwf", 2, 0, 9), NOW_MS)
    )
    await office.look()
    after = [await office.item(one.id) for one in items]
    assert [(one.known, one.reviews) for one in after] == [
        (False, ()),
        (False, ("suggested_verdict",)),
    ]


class TestTrust:
    """The operator follows a category further, or less far: items that are here follow."""

    async def test_items_that_are_here_are_known_when_a_category_is_followed(
        self, office: Office
    ) -> None:
        """Nothing need be imported anew, and nobody views what the list vouches for."""
        here = await office.report(2, sha256=2)
        await office.follow(B=Trust.AUTO)
        await office.look()
        assert shown(await office.item(here.id)) == (True, (), ["auto"])

    async def test_verdict_of_a_list_that_counts_for_less_is_taken_back_everywhere(
        self, office: Office
    ) -> None:
        """The items are as if the category had been a suggestion when they came."""
        here = [await office.report(1), await office.report(2)]
        await office.follow(A=Trust.SUGGESTION)
        await office.look()
        fresh = await office.report(3)
        assert shown(fresh) == (False, ("suggested_verdict",), ["suggestion"])
        assert [shown(await office.item(one.id)) for one in here] == [shown(fresh)] * 2

    async def test_list_that_is_not_followed_any_more_leaves_nothing_but_that_police_have_it(
        self, office: Office
    ) -> None:
        """Verdicts and suggestions go; that the file is not new to police is no matter of trust."""
        here = [await office.report(1), await office.report(2, sha256=2)]
        await office.follow(A=Trust.NONE, B=Trust.NONE)
        await office.look()
        after = [await office.item(one.id) for one in here]
        assert [shown(one) for one in after] == [(False, (), ["none"])] * 2
        assert [one.new_to_police for one in after] == [False, False]

    async def test_a_list_that_may_not_be_used_any_more_leaves_nothing(
        self, office: Office
    ) -> None:
        """Its terms count like its trust."""
        here = await office.report(1)
        await office.follow(replace(TERMS, may_use=False))
        await office.look()
        after = await office.item(here.id)
        assert (*shown(after), after.new_to_police) == (False, (), [], True)

    async def test_provenance_that_was_wrong_says_no_more_what_is_new_to_police(
        self, office: Office
    ) -> None:
        """What stands in a hotline's list is new to police."""
        here = await office.report(1)
        await office.follow(replace(TERMS, provenance=Provenance.HOTLINE))
        await office.look()
        after = await office.item(here.id)
        assert (after.known, after.new_to_police) == (True, True)

    async def test_a_weak_hash_counts_when_the_list_is_trusted_with_it(
        self, office: Office
    ) -> None:
        """And suggests again when it is not."""
        here = await office.report(1, sha256=None)
        await office.desk.add_hashes(here.id, HashesDraft(md5=f"{1:032x}"), actor="a")
        for weak, is_known in ((True, True), (False, False)):
            await office.follow(replace(TERMS, trusts_weak=weak))
            await office.look()
            assert (await office.item(here.id)).known is is_known

    async def test_what_a_person_said_meanwhile_stands(self, office: Office) -> None:
        """A list never overrules a person, nor takes a person's word with it."""
        here = await office.report(1)
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        await office.desk.assess(here.id, draft, actor="a")
        await office.follow(A=Trust.NONE)
        await office.look()
        after = await office.item(here.id)
        assert (after.known, len(after.assessments)) == (True, 1)

    async def test_what_looks_like_it_is_not_suggested_any_more(self, office: Office) -> None:
        """All that followed from the verdict goes with it, as when an entry is taken back."""
        known, near = await office.pictures()
        assert (await office.item(near)).reviews == ("suggested_verdict",)
        await office.follow(A=Trust.NONE)
        await office.look()
        assert [(await office.item(one)).reviews for one in (known, near)] == [(), ()]

    async def test_back_and_forth_ends_where_it_began(self, office: Office) -> None:
        """And a change while one is under way is not lost."""
        here = await office.report(1)
        await office.follow(A=Trust.NONE)
        await office.desk.correcting.unlisting(office.store.known_content).match_new()
        await office.follow(A=Trust.AUTO)
        await office.look()
        assert shown(await office.item(here.id)) == (True, (), ["auto"])

    async def test_what_changes_nothing_asks_nobody(self, office: Office) -> None:
        """A category of which nothing stands, the same word again, a licence."""
        await office.look()
        await office.follow(A=Trust.AUTO, C=Trust.AUTO)
        await office.follow(replace(TERMS, may_share=True))
        assert await office.store.known_content.newcomers(9) is None


class TestBenign:
    """A harmless file is known as such after a list had made it illegal."""

    async def test_suggestions_made_by_a_file_that_a_benign_list_names_go(
        self, office: Office
    ) -> None:
        """The file's verdict goes, and with it what looks alike is suggested by nothing."""
        known, near = await office.pictures()
        await office.follow(Terms("stock", Provenance.OWN), stock=Trust.BENIGN)
        stock = Entry(file(1), "stock")
        await office.store.writer.run(lambda c: take_in(c, FINGERPRINTS, "stock", 1, [stock], 1))
        await office.look()
        assert not (await office.item(known)).known
        assert (await office.item(near)).reviews == ()

    async def test_so_they_do_when_a_hash_that_comes_later_says_that_it_is_harmless(
        self, office: Office
    ) -> None:
        """The benign list knows the file by other hashes."""
        known, near = await office.pictures()
        await office.follow(Terms("stock", Provenance.OWN), stock=Trust.BENIGN)
        stock = Entry(Content(sha1=b"s" * 20, md5=b"s" * 16), "stock")
        await office.store.writer.run(lambda c: take_in(c, FINGERPRINTS, "stock", 1, [stock], 1))
        await office.look()
        assert (await office.item(near)).reviews == ("suggested_verdict",)
        more = HashesDraft(sha256=f"{1:064x}", sha1="73" * 20, md5="73" * 16)
        await office.desk.add_hashes(known, more, actor="a")
        assert not (await office.item(known)).known
        assert (await office.item(near)).reviews == ()

    async def test_file_that_is_not_held_harmless_any_more_is_judged_by_the_others_again(
        self, office: Office
    ) -> None:
        """The operator had put a category among the harmless by mistake."""
        here = await office.report(1)
        await office.lists(2, Entry(file(1), "B"))
        await office.follow(B=Trust.BENIGN)
        await office.look()
        assert not (await office.item(here.id)).known
        await office.follow(B=Trust.NONE)
        await office.look()
        assert (await office.item(here.id)).known


class TestHarmlessByOtherHashes:
    """Harmless files are often listed without a SHA-256, and reported by nothing else."""

    ALL = Entry(file(1, sha1=1, md5=1), "A", None, "42/a")
    STOCK = Entry(replace(file(1, sha1=1, md5=1), sha256=None), "stock", None, "7")

    async def stock(self, office: Office, version: int, one: Entry | Retraction) -> None:
        """Take something into a list of harmless files."""
        await office.follow(Terms("stock", Provenance.OWN), stock=Trust.BENIGN)
        await office.store.writer.run(
            lambda c: take_in(c, FINGERPRINTS, "stock", version, [one], NOW_MS)
        )

    async def test_no_list_judges_it_unseen(self, office: Office) -> None:
        """The list that holds it illegal names it by both."""
        await office.lists(2, self.ALL)
        await self.stock(office, 1, self.STOCK)
        here = await office.report(1)
        assert (here.known, here.reviews) == (False, ("suggested_verdict",))

    async def test_items_that_are_here_follow_when_it_comes_and_goes(self, office: Office) -> None:
        """They have none of its hashes."""
        await office.lists(2, self.ALL)
        here = await office.report(1)
        assert here.known
        await office.look()
        await self.stock(office, 1, self.STOCK)
        await office.look()
        assert not (await office.item(here.id)).known
        await self.stock(office, 2, Retraction(external_id="7"))
        await office.look()
        assert (await office.item(here.id)).known

    async def test_items_that_are_here_follow_when_it_counts_no_more(self, office: Office) -> None:
        """The operator follows the list no more, and again."""
        await office.lists(2, self.ALL)
        await self.stock(office, 1, self.STOCK)
        here = await office.report(1)
        for trust in (Trust.NONE, Trust.BENIGN):
            await office.follow(Terms("stock", Provenance.OWN), stock=trust)
            await office.look()
            assert (await office.item(here.id)).known is (trust is Trust.NONE)

    async def test_so_it_stays_once_what_looks_like_it_suggests_no_verdict_any_more(
        self, office: Office
    ) -> None:
        """Only the other picture was spoken of."""
        both = file(99, sha1=99, md5=99)
        await office.lists(2, Entry(both, "A", None, "99"))
        await self.stock(office, 1, Entry(replace(both, sha256=None), "stock", None, "7"))
        known, near = await office.pictures()
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        given = (await office.desk.assess(known, draft, actor="a")).assessments[-1]
        assert not (await office.item(near)).known
        await office.desk.correcting.withdraw(known, given.id, actor="a")
        assert not (await office.item(near)).known

    async def test_of_a_file_with_one_equal_weak_hash_it_says_nothing(self, office: Office) -> None:
        """Equal MD5 can be two files."""
        await office.lists(2, self.ALL)
        await self.stock(office, 1, Entry(Content(md5=self.ALL.content.md5), "stock"))
        assert (await office.report(1)).known

    async def test_verdict_that_a_list_gave_goes_to_no_item_that_is_harmless(
        self, office: Office
    ) -> None:
        """The list knows it by its SHA-256, the item has all hashes."""
        await office.lists(2, Entry(file(1), "A", None, "42/a"))
        await self.stock(office, 1, self.STOCK)
        there = await office.report(2)
        more = HashesDraft(sha256=f"{1:064x}", sha1=f"{1:040x}", md5=f"{1:032x}")
        await office.desk.add_hashes(there.id, more, actor="a")
        assert (await office.report(1)).known
        after = await office.item(there.id)
        assert (after.known, after.reviews) == (False, ("suggested_verdict",))


class TestSize:
    """From which size of a file on a list may judge unseen is the operator's to say."""

    async def test_items_follow_when_the_least_size_changes(self, office: Office) -> None:
        """Those that come, those that are here, and what HashCheck is told."""
        small = Content(sha256=bytes([7] * 32), length=2000)
        await office.lists(2, Entry(small, "A"))
        known = office.store.known_content
        here = await office.report(7, sha256=int.from_bytes(bytes([7] * 32), "big"))
        assert here.known
        for least, is_known in ((2001, False), (2000, True)):
            await known.judge_unseen_from(least)
            await office.look()
            assert (await office.item(here.id)).known is is_known
            fresh = await office.report(least, sha256=int.from_bytes(bytes([7] * 32), "big"))
            assert fresh.known is is_known
            (hit,) = (await known.hits([small]))[small]
            assert (hit.counts_as is Trust.AUTO) is is_known

    async def test_same_size_again_asks_nobody(self, office: Office) -> None:
        """A node that starts begins with what it knows."""
        known = office.store.known_content
        await office.look()
        for least in (MIN_BYTES, 2000):
            await known.judge_unseen_from(least)
            await office.look()
            await known.judge_unseen_from(least)
            assert await known.newcomers(9) is None
