"""Pictures that look like entries of lists, from the command line's word to the item and back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.casework.reports.draft import HashesDraft, ItemDraft, ReportDraft
from node.casework.showing.views import ItemView
from node.matching.lists import Entry, Provenance, Retraction, Terms, Trust
from protocol.facts import Content
from protocol.vocabulary import ItemKind, Source
from tests.builders.pictures import flipped, picture
from tests.node.casework.contents.test_unlisting import TERMS, Office, office

__all__ = ["office"]
BASE = picture(1)
SUGGESTED = ("suggested_verdict",)


def entry(number: int, pdq: bytes = BASE, category: str = "A") -> Entry:
    """Return an entry that has nothing but a picture."""
    return Entry(Content(None, None, None, None, pdq, 80), category, None, f"{number}/p")


async def hand_in(
    office: Office, number: int, pdq: bytes, kind: ItemKind = ItemKind.IMAGE
) -> ItemView:
    """Hand in a report of a picture at a place of its own."""
    hashes = HashesDraft(sha256=f"{number:064x}", pdq=pdq.hex(), pdq_quality=90)
    item = ItemDraft(url=f"https://gb1.example/n{number}.jpg", hashes=hashes, kind=kind)
    draft = ReportDraft(items=(item,), source=Source.PUBLIC)
    (taken,) = await office.desk.submit([draft], actor="desk", batch=f"n{number}")
    return await office.item(taken.items[0].item_id)


async def test_a_report_that_looks_like_an_entry_is_put_before_a_person(office: Office) -> None:
    """And its view says how near it comes."""
    await office.lists(2, entry(1))
    await office.look()
    found = await hand_in(office, 50, flipped(BASE, range(8)))
    assert (found.known, found.reviews, found.new_to_police) == (False, SUGGESTED, True)
    assert [(one.list, one.counts_as, one.closeness) for one in found.listed] == [
        ("iwf", "suggestion", "near_10")
    ]
    assert (await hand_in(office, 51, flipped(BASE, range(32)))).reviews == ()
    assert (await hand_in(office, 52, BASE, ItemKind.VIDEO)).reviews == ()


async def test_an_item_that_was_here_is_asked_about_what_comes(office: Office) -> None:
    """As about any entry."""
    here = await hand_in(office, 50, flipped(BASE, range(30)))
    film = await hand_in(office, 52, BASE, ItemKind.VIDEO)
    await office.lists(2, entry(1), entry(2, picture(3)))
    await office.look()
    assert (await office.item(here.id)).reviews == SUGGESTED
    assert (await office.item(film.id)).reviews == ()


async def test_very_many_items_of_one_picture_are_all_asked(office: Office) -> None:
    """An item-to-item search would stop at 64."""
    here = [await hand_in(office, number, BASE) for number in range(50, 120)]
    await office.lists(2, entry(1))
    await office.look()
    assert {(await office.item(one.id)).reviews for one in here} == {SUGGESTED}


async def test_what_came_before_the_index_has_the_entry_is_asked_afterwards(
    office: Office,
) -> None:
    """Another process has imported it, and nobody has looked yet."""
    await office.look()
    await office.lists(2, entry(1))
    found = await hand_in(office, 50, BASE)
    assert found.reviews == ()
    await office.look()
    assert (await office.item(found.id)).reviews == SUGGESTED


async def test_asking_again_changes_nothing(office: Office) -> None:
    """A piece that is asked twice after a crash leaves the history as it is."""
    here = await hand_in(office, 50, BASE)
    await office.lists(2, entry(1))
    await office.look()
    before = await office.store.queries.last_event()
    await office.store.known_content.note_matched(0)
    await office.look()
    assert await office.store.queries.last_event() == before
    assert len((await office.item(here.id)).listed) == 1


@pytest.mark.parametrize("by", ["id", "content"])
async def test_retraction_takes_the_suggestion_with_it(office: Office, by: str) -> None:
    """Of a picture alone nothing but the entry's number leads to the items."""
    await office.lists(2, entry(1))
    await office.look()
    found = await hand_in(office, 50, flipped(BASE, [3]))
    content = entry(1).content if by == "content" else None
    await office.lists(2, Retraction("1/p", content))
    await office.look()
    after = await office.item(found.id)
    assert (after.reviews, after.listed) == ((), ())
    assert (await hand_in(office, 51, BASE)).reviews == ()


async def test_entry_of_another_picture_takes_its_old_word_back(office: Office) -> None:
    """Its author changed it: what it is like now is another item."""
    await office.lists(2, entry(1))
    one, other = [await hand_in(office, 50 + n, picture(1 + n)) for n in range(2)]
    await office.look()
    await office.lists(3, entry(1, picture(2)))
    await office.look()
    assert (await office.item(one.id)).reviews == ()
    assert (await office.item(other.id)).reviews == SUGGESTED


async def test_following_a_list_otherwise_holds_for_what_looks_alike(office: Office) -> None:
    """Not at all, for use only elsewhere, and again."""
    await office.follow(C=Trust.NONE)
    await office.lists(2, entry(1, category="C"))
    here = await hand_in(office, 50, BASE)
    await office.look()
    for terms, trust, reviews in (
        (TERMS, Trust.AUTO, SUGGESTED),
        (Terms("iwf", Provenance.POLICE, may_use=False), Trust.AUTO, ()),
        (TERMS, Trust.SUGGESTION, SUGGESTED),
        (TERMS, Trust.BENIGN, ()),
        (TERMS, Trust.AUTO_2, SUGGESTED),
        (TERMS, Trust.NONE, ()),
    ):
        await office.follow(terms, C=trust)
        await office.look()
        assert (await office.item(here.id)).reviews == reviews, trust


@pytest.mark.parametrize("by", ["report", "hashes"])
async def test_hash_that_shows_another_file_undoes_what_followed_from_the_verdict(
    office: Office, by: str
) -> None:
    """Whichever way it comes: what looks like the item is suggested no more."""
    weak = Content(None, None, (9).to_bytes(16, "big"), 9_000, None, None)
    await office.lists(2, Entry(replace(weak, sha256=bytes(32)), "A"))
    item = ItemDraft(
        url="https://gb1.example/w.jpg",
        hashes=HashesDraft(md5=f"{9:032x}", length=9_000, pdq=BASE.hex(), pdq_quality=90),
    )
    draft = ReportDraft(items=(item,), source=Source.PUBLIC)
    (taken,) = await office.desk.submit([draft], actor="desk", batch="w1")
    judged = taken.items[0].item_id
    assert (await office.item(judged)).known
    near = await hand_in(office, 50, flipped(BASE, [1]))
    assert near.reviews == SUGGESTED
    more = HashesDraft(sha256=f"{9:064x}", md5=f"{9:032x}", pdq=BASE.hex(), pdq_quality=90)
    if by == "hashes":
        await office.desk.add_hashes(judged, more, actor="a")
    else:
        again = ReportDraft(items=(ItemDraft(url=item.url, hashes=more),), source=Source.PUBLIC)
        await office.desk.submit([again], actor="desk", batch="w2")
    after = await office.item(judged)
    assert (after.known, after.listed) == (False, ())
    assert (await office.item(near.id)).reviews == ()
