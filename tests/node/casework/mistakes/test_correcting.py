"""A file that is harmless after all, from a complaint to every item and list, on a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from node.casework.desk import Desk
from node.casework.item import Review
from node.casework.postbox import Postbox
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.hashcheck.contract import ComplaintState, Contract, Hit, Key, Scope, Why
from node.hashcheck.desk import HashCheckDesk
from node.ids import Ids
from node.matching.lists import Entry, Provenance, Retraction, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.lists import all_lists, keep_terms
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.facts import Content
from protocol.vocabulary import Source, Verdict
from tests.builders.cases import FINGERPRINTS, US, event_id, file, network
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.node.casework.contents.test_unlisting import KEY, Office
from tests.node.cli.conftest import Britain

HOSTER = Key(bytes(32), Contract("a", tuple(Scope), ("own",), 9, 9, 9, 9), NOW_MS, NOW_MS + 9)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office with a list of hashes that is followed, and one that is benign."""
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
        clock=lambda: NOW_MS,
        wake_delivery=lambda: None,
    )
    await store.writer.run(_two_lists)
    yield Office(store, desk)
    await store.close()


def _two_lists(connection: Connection) -> None:
    for name, trust in (("iwf", Trust.AUTO), ("stock", Trust.BENIGN)):
        keep_terms(connection, Terms(name, Provenance.HOTLINE), {"*": trust}, NOW_MS)


async def upheld(office: Office, content: Content) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Complain of a hit of this file and uphold it; from which items verdicts went, or did not."""
    store = office.store.hashchecks
    await store.add_key(HOSTER)
    hit = Hit(content, (content,), ("iwf/1",))
    (reference,) = await store.keep_hits(HOSTER.key_sha256, [(event_id(1), hit)], NOW_MS)
    state = ComplaintState("a", HOSTER.key_id, Why.NOT_ILLEGAL, None, hit)
    opened = await store.complain(HOSTER, reference, event_id(2), state, NOW_MS)
    assert opened is not None
    desk = HashCheckDesk(store, lambda: NOW_MS, office.desk.correcting.disprove)
    decided, done = await desk.decide(opened.complaint_id, upheld=True, by="anna", reason="stock")
    assert decided.status == "upheld"
    return done


async def entries(office: Office) -> dict[str, int]:
    """Return how many entries stand in each list."""
    lists = await office.store.writer.run(all_lists)
    return {one.terms.name: sum(one.entries.values()) for one in lists}


async def test_upheld_complaint_takes_verdicts_and_entries_away(office: Office) -> None:
    """Of a person and of a list, from every item; the list names the file no more."""
    await office.lists(1, Entry(file(1, md5=1), "A"))
    by_list = await office.report(1)
    assert by_list.known
    judged = await office.report(2, sha256=5)
    await office.desk.assess(judged.id, AssessmentDraft(verdict=Verdict.BASELINE), actor="bert")
    assert (await upheld(office, file(1, md5=1))) == ((by_list.id,), ())
    await office.look()
    assert not (await office.item(by_list.id)).known
    assert (await entries(office))["iwf"] == 0
    assert (await office.item(judged.id)).known
    assert await office.store.queries.tasks() == []


async def test_entry_that_comes_again_gives_no_verdict(office: Office) -> None:
    """With a newer version of the list: a person here has said that the file is harmless."""
    await upheld(office, file(1))
    await office.lists(9, Entry(file(1), "A"))
    again = await office.report(1)
    assert (again.known, again.reviews) == (False, (Review.SUGGESTED_VERDICT,))
    assert [(one.list, one.counts_as) for one in again.listed] == [("iwf", Trust.SUGGESTION)]


@pytest.mark.parametrize("said", [file(99), replace(file(99, sha1=99), sha256=None)])
async def test_nor_does_it_where_what_looks_like_its_file_suggests_no_verdict_any_more(
    office: Office, said: Content
) -> None:
    """Of the file nothing was said, only of the picture like it."""
    await upheld(office, said)
    await office.lists(9, Entry(file(3), "A"))
    known, near = await office.pictures()
    more = HashesDraft(sha256=f"{99:064x}", sha1=f"{99:040x}")
    await office.desk.add_hashes(near, more, actor="bert")
    await office.lists(10, Entry(file(99), "A"))
    await office.look()
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    given = (await office.desk.assess(known, draft, actor="bert")).assessments[-1]
    assert not (await office.item(near)).known
    await office.desk.correcting.withdraw(known, given.id, actor="bert")
    assert not (await office.item(near)).known


async def test_benign_list_keeps_its_entry(office: Office) -> None:
    """It says the same."""
    await office.store.writer.run(_benign)
    await upheld(office, file(1))
    assert (await entries(office))["stock"] == 1


async def test_benign_category_keeps_its_entry_and_the_others_of_its_list_do_not(
    office: Office,
) -> None:
    """A case list has both; left whole, it would go on naming the file illegal."""

    def mixed(connection: Connection) -> None:
        trusts = {"*": Trust.AUTO, "0": Trust.BENIGN}
        keep_terms(connection, Terms("case", Provenance.POLICE), trusts, NOW_MS)
        both = [Entry(file(1), category, None, category) for category in ("0", "1")]
        take_in(connection, FINGERPRINTS, "case", 1, both, NOW_MS)

    await office.store.writer.run(mixed)
    await upheld(office, file(1))
    lists = await office.store.writer.run(all_lists)
    (case,) = [one for one in lists if one.terms.name == "case"]
    assert case.entries == {"0": 1}


def _benign(connection: Connection) -> None:
    take_in(connection, FINGERPRINTS, "stock", 1, [Entry(file(1), "A")], NOW_MS)


async def test_entry_that_was_taken_back_stays_away_with_the_same_version(office: Office) -> None:
    """As after `hotline list retract`."""
    await office.lists(3, Entry(file(1), "A"))
    await upheld(office, file(1))
    await office.lists(3, Entry(file(1), "A"), Retraction(content=file(7)))
    assert (await entries(office))["iwf"] == 0


async def test_verdict_on_a_picture_alone_is_taken_back_from_exactly_that(office: Office) -> None:
    """An item with no other hash; one that only looks like it, or has more, keeps its verdict."""
    pdq = file(pdq=7).pdq
    assert pdq is not None
    made = []
    for number, hashes in enumerate(
        (
            HashesDraft(pdq=pdq.hex(), pdq_quality=100),
            HashesDraft(pdq=f"{6:064x}", pdq_quality=100),
            HashesDraft(sha256=f"{5:064x}", pdq=pdq.hex(), pdq_quality=100),
        )
    ):
        item = ItemDraft(url=f"https://gb1.example/a{number}.jpg", hashes=hashes)
        draft = ReportDraft(items=(item,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([draft], actor="desk", batch=f"a{number}")
        item_id = taken.items[0].item_id
        verdict = AssessmentDraft(verdict=Verdict.BASELINE)
        await office.desk.assess(item_id, verdict, actor="bert")
        made.append(item_id)
    assert (await upheld(office, file(pdq=7))) == ((made[0],), ())
    assert [(await office.item(one)).known for one in made] == [False, True, True]


@pytest.mark.parametrize("at", range(4))
async def test_verdict_is_taken_back_at_any_item_that_has_it(office: Office, at: int) -> None:
    """Where it was given or carried to, from all: also from what only a third one is like."""
    items = [(await office.report(1)).id]
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    judged = await office.desk.assess(items[0], draft, actor="bert")
    weak = HashesDraft(md5=f"{5:032x}", length=9_000)
    full = HashesDraft(sha256=f"{1:064x}", md5=f"{5:032x}", length=9_000)
    for hashes in (full, weak, weak):
        number = len(items) + 1
        item = ItemDraft(url=f"https://gb1.example/{number}.jpg", hashes=hashes)
        report = ReportDraft(items=(item,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([report], actor="desk", batch=str(number))
        items.append(taken.items[0].item_id)
    assert [(await office.item(one)).known for one in items] == [True] * 4
    (given,) = judged.assessments
    await office.desk.correcting.withdraw(items[at], given.id, actor="bert")
    assert [(await office.item(one)).known for one in items] == [False] * 4
