"""Contract of a store, lists of known content: what stands, what is taken back, what is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import pytest

from node.matching.contents import Likeness
from node.matching.lists import Entry, Hit, Provenance, Retraction, Settled, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.list_tombstones import nameless_retracted, retractions_of
from node.store.contents.lists import (
    MAX_CATEGORIES,
    all_lists,
    entries_of,
    find_list,
    imported,
    keep_terms,
    note_imported,
)
from node.store.errors import TooManyCategoriesError
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS
from tests.builders.network import NOW_MS

R = TypeVar("R")


def content(number: int, *names: str) -> Content:
    """Return the hashes of a file, all or those that are named."""
    every = {
        "sha256": number.to_bytes(32, "big"),
        "sha1": number.to_bytes(20, "big"),
        "md5": number.to_bytes(16, "big"),
        "length": number + 100_000,
    }
    return Content(**{name: every[name] for name in names or every})  # type: ignore[arg-type]


def entry(number: int, *names: str, category: str = "1", external_id: str | None = None) -> Entry:
    """Return an entry of the file of this number."""
    return Entry(content(number, *names), category, NOW_MS, external_id)


def forged(*names: str) -> Content:
    """Return the hashes of another file that was made to have the MD5 of file 1."""
    return msgspec.structs.replace(content(9, *names), md5=content(1).md5)


FULL = content(1)


async def listed(store: Store, name: str = "icse", **trusts: Trust) -> str:
    """Make a list, return its name."""
    terms = Terms(name, Provenance.POLICE)
    await store.writer.run(lambda c: keep_terms(c, terms, trusts, NOW_MS))
    return name


async def take(
    store: Store, into: str, version: int, *batch: Entry | Retraction
) -> Sequence[Settled]:
    """Take these into a list."""
    return await store.writer.run(lambda c: take_in(c, FINGERPRINTS, into, version, batch, NOW_MS))


async def look(store: Store, query: Callable[[Connection], R]) -> R:
    """Ask the store."""
    return await store.readers.run(query)


async def hits(store: Store, asked: Content) -> tuple[Hit, ...]:
    """Ask what lists say of a file: the same, whether memory is up to date or the store answers."""
    stored = (await store.known_content.hits([asked])).get(asked, ())
    await store.known_content.refresh()
    assert (await store.known_content.hits([asked])).get(asked, ()) == stored
    return stored


class TestTerms:
    """A list as its operator took it on."""

    async def test_terms_are_kept_and_changed_by_name(self, store: Store) -> None:
        """It stays one list, with its categories."""
        await listed(store, A=Trust.AUTO, B=Trust.NONE)
        other = Terms("icse", Provenance.HOTLINE, "c-1", may_share=True, trusts_weak=True)
        await store.writer.run(lambda c: keep_terms(c, other, {"B": Trust.AUTO}, NOW_MS))
        (found,) = await look(store, all_lists)
        assert found.terms == other
        assert found.trusts == {"A": Trust.AUTO, "B": Trust.AUTO}

    async def test_categories_are_counted_as_they_come_and_go(self, store: Store) -> None:
        """Without walking through ten million rows."""
        name = await listed(store)
        await take(store, name, 1, entry(1), entry(2), entry(3, category="2"))
        await take(store, name, 2, entry(1, category="2"), Retraction(content=content(2)))
        found = await look(store, lambda c: find_list(c, "icse"))
        assert found is not None
        assert (found.entries, found.version) == ({"2": 2}, 2)

    async def test_file_with_endless_categories_is_refused_whole(self, store: Store) -> None:
        """The wrong column was read."""
        name = await listed(store)
        many = [entry(n, category=str(n)) for n in range(MAX_CATEGORIES + 1)]
        with pytest.raises(TooManyCategoriesError):
            await take(store, name, 1, *many)
        assert await look(store, lambda c: list(entries_of(c, name))) == []


class TestTakingIn:
    """What came in stands, once."""

    async def test_same_entries_twice_change_nothing(self, store: Store) -> None:
        """Not even their numbers."""
        name = await listed(store)
        batch = entry(1), entry(2, "md5"), entry(3, external_id="x")
        assert set(await take(store, name, 1, *batch)) == {Settled.ADDED}
        before = await look(store, lambda c: c.execute("SELECT * FROM list_entries").fetchall())
        assert set(await take(store, name, 1, *batch)) == {Settled.SAME}
        assert before == await look(
            store, lambda c: c.execute("SELECT * FROM list_entries").fetchall()
        )

    async def test_file_that_names_one_content_twice_is_taken_once(self, store: Store) -> None:
        """In one batch; and the second, if it says something else, is told."""
        name = await listed(store)
        told = await take(store, name, 1, entry(1), entry(1), entry(1, category="2"))
        assert told == [Settled.ADDED, Settled.SAME, Settled.CONFLICTING]
        assert [e.category for _, e in await look(store, lambda c: list(entries_of(c, name)))] == [
            "1"
        ]

    async def test_newer_version_changes_and_the_old_word_is_found_no_more(
        self, store: Store
    ) -> None:
        """Under the id of its author, with other hashes."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="x"))
        assert await take(store, name, 2, entry(2, external_id="x")) == [Settled.CHANGED]
        assert await hits(store, content(1)) == ()
        assert [hit.version for hit in await hits(store, content(2))] == [2]

    async def test_confirmed_entry_stands_against_an_older_word(self, store: Store) -> None:
        """Version 2 comes after 1 and 3."""
        name = await listed(store)
        await take(store, name, 1, entry(1))
        assert await take(store, name, 3, entry(1)) == [Settled.CONFIRMED]
        assert await take(store, name, 2, entry(1, category="2")) == [Settled.OLDER]

    async def test_two_lists_say_what_they_say(self, store: Store) -> None:
        """Of one content, in words of their own."""
        one, two = await listed(store), await listed(store, "iwf")
        await take(store, one, 1, entry(1))
        await take(store, two, 1, entry(1, category="A"))
        assert [(h.terms.name, h.category) for h in await hits(store, content(1))] == [
            ("icse", "1"),
            ("iwf", "A"),
        ]


class TestRetractions:
    """A retraction wins over what is as old, or older."""

    async def test_entry_is_gone_with_its_hashes_and_stays_away(self, store: Store) -> None:
        """Until a newer version lists it again."""
        name = await listed(store)
        await take(store, name, 2, entry(1))
        assert await take(store, name, 2, Retraction(content=content(1))) == [Settled.RETRACTED]
        assert await hits(store, content(1)) == ()
        assert await look(store, lambda c: list(entries_of(c, name))) == []
        assert await take(store, name, 2, entry(1)) == [Settled.STAYS_RETRACTED]
        assert await take(store, name, 3, entry(1)) == [Settled.ADDED]
        assert len(await hits(store, content(1))) == 1

    async def test_it_counts_before_the_entry_comes(self, store: Store) -> None:
        """By the author's id."""
        name = await listed(store)
        assert await take(store, name, 2, Retraction("x")) == [Settled.RETRACTED]
        assert await take(store, name, 2, Retraction("x")) == [Settled.SAME]
        assert await take(store, name, 1, entry(1, external_id="x")) == [Settled.STAYS_RETRACTED]

    async def test_what_was_taken_back_by_its_id_comes_under_no_other(self, store: Store) -> None:
        """It is the content that was a mistake."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="x"))
        await take(store, name, 1, Retraction("x"))
        again = entry(1, "md5", external_id="y")
        assert await take(store, name, 1, again) == [Settled.STAYS_RETRACTED]

    async def test_one_weak_hash_takes_back_whatever_may_be_the_file(self, store: Store) -> None:
        """The mistake of a retraction harms nobody; that of an entry does."""
        name = await listed(store)
        await take(store, name, 1, entry(1, "md5", "sha1"), entry(2))
        await take(store, name, 1, Retraction(content=content(1, "md5")))
        assert await hits(store, content(1)) == ()
        assert len(await hits(store, content(2))) == 1

    async def test_id_with_hashes_takes_back_what_came_without_an_id(self, store: Store) -> None:
        """It says which file was the mistake; what has another id is not its to take back."""
        name = await listed(store)
        await take(store, name, 1, entry(5), entry(5, "md5", external_id="other"))
        await take(store, name, 2, Retraction("e5", content(5)))
        assert [hit.external_id for hit in await hits(store, content(5))] == ["other"]

    async def test_newer_entry_shields_no_older_one(self, store: Store) -> None:
        """Each is as old as its own version; only if all are newer is the retraction older."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="a"))
        await take(store, name, 3, entry(1, external_id="b"))
        told = await take(store, name, 2, Retraction(content=content(1)))
        assert told == [Settled.RETRACTED]
        assert [hit.external_id for hit in await hits(store, content(1))] == ["b"]
        told = await take(store, name, 2, Retraction(content=content(1)))
        assert told == [Settled.OLDER]

    async def test_older_retraction_weakens_no_newer_one(self, store: Store) -> None:
        """What version 5 took back, version 4 does not bring, whatever version 2 took back."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="a"), entry(1, external_id="b"))
        await take(store, name, 5, Retraction("a"))
        await take(store, name, 2, Retraction(content=content(1)))
        told = await take(store, name, 4, entry(1, external_id="c"))
        assert told == [Settled.STAYS_RETRACTED]

    async def test_weaker_entries_of_the_file_go_with_the_one_that_is_named(
        self, store: Store
    ) -> None:
        """They would be hits by one weak hash; a file that is another one stands."""
        name = await listed(store)
        forged = Entry(Content(sha256=bytes(32), md5=content(5).md5), "1")
        await take(store, name, 1, entry(5, "md5"), entry(5), forged)
        await take(store, name, 2, Retraction(content=content(5, "sha256")))
        assert await hits(store, content(5)) == ()
        assert len(await hits(store, forged.content)) == 1

    async def test_it_is_of_one_list(self, store: Store) -> None:
        """The other stands by its word."""
        one, two = await listed(store), await listed(store, "iwf")
        await take(store, one, 1, entry(1))
        await take(store, two, 1, entry(1))
        await take(store, one, 1, Retraction(content=content(1)))
        assert [hit.terms.name for hit in await hits(store, content(1))] == ["iwf"]

    async def test_ids_that_were_taken_back_are_told_on(self, store: Store) -> None:
        """In exports; hashes that were taken back are kept nowhere."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="x"), entry(2))
        await take(store, name, 4, Retraction(content=content(1)), Retraction("never came"))
        await take(store, name, 4, Retraction(content=content(2)))
        told = await look(store, lambda c: sorted(retractions_of(c, name)))
        assert told == [(4, "never came", NOW_MS), (4, "x", NOW_MS)]

    async def test_what_was_listed_again_under_its_id_is_told_on_as_taken_back_no_more(
        self, store: Store
    ) -> None:
        """Whoever reads the export has no versions: the entry would go by the old retraction."""
        name = await listed(store)
        await take(store, name, 1, entry(1, external_id="x"), entry(2, external_id="y"))
        await take(store, name, 1, Retraction("x"), Retraction("y"))
        assert await take(store, name, 2, entry(1, external_id="x")) == [Settled.ADDED]
        assert [said for _, said, _ in await look(store, lambda c: [*retractions_of(c, name)])] == [
            "y"
        ]

    async def test_what_was_taken_back_without_an_id_is_counted_until_it_is_listed_again(
        self, store: Store
    ) -> None:
        """Once each, by whatever hash it was named: no file can tell it on."""
        name = await listed(store)
        await take(store, name, 1, entry(1), entry(2), entry(3, external_id="x"))
        back = (content(1, "md5"), content(2), content(3), content(4))
        await take(store, name, 1, *(Retraction(content=one) for one in back))
        assert await look(store, lambda c: nameless_retracted(c, name)) == 3
        await take(store, name, 2, entry(1))
        assert await look(store, lambda c: nameless_retracted(c, name)) == 2

    @pytest.mark.parametrize(
        ("gone", "comes", "stays_away"),
        [
            (FULL, forged("sha256", "md5"), False),
            (FULL, forged("sha256", "sha1", "md5"), False),
            (FULL, forged("sha1", "md5"), False),
            (FULL, content(1, "md5"), True),
            (FULL, content(1, "sha1", "md5"), True),
            (FULL, content(1, "sha256"), True),
            (content(1, "sha1", "md5"), forged("sha1", "md5"), False),
            (content(1, "sha1", "md5"), forged("sha256", "md5"), True),
            (content(1, "sha256", "md5"), forged("sha1", "md5"), True),
            (content(1, "md5"), forged("sha256", "md5"), True),
        ],
    )
    async def test_weak_hash_keeps_out_what_nothing_tells_from_what_was_taken_back(
        self,
        store: Store,
        gone: Content,
        comes: Content,
        stays_away: bool,  # noqa: FBT001 - parametrized
    ) -> None:
        """Equal MD5 with another SHA-256 is another file, whichever came first."""
        name = await listed(store)
        await take(store, name, 1, Entry(gone, "1", NOW_MS, "x"))
        await take(store, name, 1, Retraction("x"))
        told = await take(store, name, 1, Entry(comes, "1", NOW_MS, "y"))
        assert told == [Settled.STAYS_RETRACTED if stays_away else Settled.ADDED]

    async def test_retraction_of_one_file_leaves_another_alone_though_a_weak_entry_went(
        self, store: Store
    ) -> None:
        """The entry by MD5 alone may have been of either; which one is meant was said."""
        name = await listed(store)
        await take(store, name, 1, entry(1, "sha256", "md5"), entry(1, "md5"))
        await take(store, name, 1, Retraction(content=content(1, "sha256")))
        told = await take(store, name, 1, Entry(forged("sha256", "md5"), "1"), entry(1, "md5"))
        assert told == [Settled.ADDED, Settled.STAYS_RETRACTED]

    async def test_number_of_what_went_is_never_given_again(self, store: Store) -> None:
        """Memory and events know entries by their numbers."""
        name = await listed(store)
        await take(store, name, 1, entry(1))
        first = (await hits(store, content(1)))[0].number
        await take(store, name, 1, Retraction(content=content(1)))
        await take(store, name, 1, entry(2))
        assert (await hits(store, content(2)))[0].number == first + 1


class TestCorrections:
    """A newer version says another thing of a file that it gives another hash of."""

    WEAK, WHOLE = ("md5", "sha1"), ("md5", "sha1", "sha256")

    async def words(self, store: Store, name: str) -> list[tuple[int, str]]:
        """Return what stands in a list: version and category."""
        return [(v, e.category) for v, e in await look(store, lambda c: [*entries_of(c, name)])]

    @pytest.mark.parametrize(("first", "second"), [(WEAK, WHOLE), (WHOLE, WEAK)])
    async def test_old_word_goes_whatever_the_order(
        self, store: Store, first: tuple[str, ...], second: tuple[str, ...]
    ) -> None:
        """It would go on counting beside what its author says now."""
        name, other = await listed(store), await listed(store, "other")
        old, new = entry(1, *first), entry(1, *second, category="0")
        assert await take(store, name, 1, old) == [Settled.ADDED]
        assert await take(store, name, 2, new, entry(2)) == [Settled.CHANGED, Settled.ADDED]
        assert await take(store, other, 2, new, entry(2)) == [Settled.ADDED, Settled.ADDED]
        assert await take(store, other, 1, old) == [Settled.OLDER]
        for one in (name, other):
            assert await self.words(store, one) == [(2, "0"), (2, "1")]
        assert {h.category for h in await hits(store, content(1))} == {"0"}

    @pytest.mark.parametrize("names", [("sha256",), ("md5", "length")])
    async def test_entry_with_an_id_goes_in_the_place_of_one_without(
        self, store: Store, names: tuple[str, ...]
    ) -> None:
        """Whatever the order: the author began to number."""
        name, other = await listed(store), await listed(store, "other")
        old, new = entry(1, *names), entry(1, *names, category="0", external_id="x")
        told = [(await take(store, name, version, one))[0] for version, one in ((1, old), (2, new))]
        assert told == [Settled.ADDED, Settled.CHANGED]
        told = [(await take(store, other, version, o))[0] for version, o in ((2, new), (1, old))]
        assert told == [Settled.ADDED, Settled.OLDER]
        for one in (name, other):
            assert await self.words(store, one) == [(2, "0")]

    async def test_word_of_every_other_name_goes_with_that_of_its_own(self, store: Store) -> None:
        """One version gave the file twice, with more hashes and with fewer."""
        name = await listed(store)
        await take(store, name, 1, entry(1, *self.WEAK), entry(1))
        assert await take(store, name, 2, entry(1, category="0")) == [Settled.CHANGED]
        assert await self.words(store, name) == [(2, "0")]
        (known,) = await look(store, all_lists)
        assert known.entries == {"0": 1}
        named = await look(store, lambda c: c.execute("SELECT entry FROM list_names").fetchall())
        assert len(named) == 1

    async def test_old_word_goes_once_its_file_is_known_to_be_the_same(self, store: Store) -> None:
        """By hashes that a version adds to an entry, of which it says nothing else."""
        name = await listed(store)
        await take(store, name, 1, entry(1, *self.WEAK))
        await take(store, name, 2, entry(1, "sha256", category="0"))
        assert await self.words(store, name) == [(1, "1"), (2, "0")]
        await take(store, name, 3, entry(1, category="0"))
        assert await self.words(store, name) == [(3, "0")]

    async def test_entry_that_is_named_again_in_the_same_file_stands(self, store: Store) -> None:
        """Two words of one version on one file are its author's."""
        name = await listed(store)
        await take(store, name, 1, entry(1, *self.WEAK))
        both = entry(1, *self.WEAK), entry(1, category="0")
        assert await take(store, name, 2, *both) == [Settled.CONFIRMED, Settled.ADDED]
        assert await self.words(store, name) == [(2, "1"), (2, "0")]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (entry(1, "md5"), entry(1, category="0")),  # one weak hash is no sign of one file
            (entry(1, *WEAK, external_id="x"), entry(1, category="0")),
            (entry(1, *WEAK), entry(1)),
            (entry(1), Entry(forged("sha256", "sha1", "md5"), "0")),
        ],
    )
    async def test_what_may_be_another_or_has_an_id_or_says_the_same_stands(
        self, store: Store, old: Entry, new: Entry
    ) -> None:
        """An id is its author's to change under; of two that say one thing both hashes count."""
        name = await listed(store)
        await take(store, name, 1, old)
        assert await take(store, name, 2, new) == [Settled.ADDED]
        assert len(await self.words(store, name)) == 2


class TestFinding:
    """By the rules of content identity."""

    @pytest.mark.parametrize(
        ("listed_names", "asked_names", "like"),
        [
            (("sha256",), ("sha256", "md5"), Likeness.SAME),
            (("md5", "sha1"), ("md5", "sha1"), Likeness.SAME),
            (("md5", "length"), ("md5", "length"), Likeness.SAME),
            (("md5",), ("md5", "sha256"), Likeness.PERHAPS),
            (("md5", "sha1"), ("sha1",), Likeness.PERHAPS),
        ],
    )
    async def test_likeness_is_that_of_what_both_have(
        self,
        store: Store,
        listed_names: tuple[str, ...],
        asked_names: tuple[str, ...],
        like: Likeness,
    ) -> None:
        """One weak hash only suggests."""
        name = await listed(store)
        await take(store, name, 1, entry(1, *listed_names))
        assert [hit.likeness for hit in await hits(store, content(1, *asked_names))] == [like]

    async def test_equal_md5_with_another_sha256_is_another_file(self, store: Store) -> None:
        """Anybody can make two such files."""
        name = await listed(store)
        await take(store, name, 1, entry(1))
        forged = Content(sha256=bytes(32), md5=content(1).md5)
        assert await hits(store, forged) == ()

    async def test_trust_is_of_the_category_else_of_all_else_none(self, store: Store) -> None:
        """What numbers of categories mean differs by country: nobody is followed by guesses."""
        name = await listed(store, A=Trust.AUTO)
        await take(store, name, 1, entry(1, category="A"), entry(2, category="B"))
        assert [hit.trust for hit in await hits(store, content(1))] == [Trust.AUTO]
        assert [hit.trust for hit in await hits(store, content(2))] == [Trust.NONE]
        await listed(store, **{"*": Trust.SUGGESTION})
        assert [hit.trust for hit in await hits(store, content(2))] == [Trust.SUGGESTION]

    async def test_hashes_are_found_many_at_once(self, store: Store) -> None:
        """Of all three sorts, by memory and by the store alike."""
        name = await listed(store)
        await take(store, name, 1, *(entry(n) for n in range(1, 300)))
        asked = [one for n in range(1, 400) for one in _digests(content(n))]
        stored = store.known_content.look_up(asked)
        await store.known_content.refresh()
        assert store.known_content.look_up(asked) == stored
        assert stored == {one for n in range(1, 300) for one in _digests(content(n))}

    async def test_store_without_lists_knows_nothing(self, store: Store) -> None:
        """And is asked one question."""
        assert store.known_content.look_up([bytes(32)]) == set()
        assert not await store.known_content.refresh()


def _digests(of: Content) -> list[bytes]:
    assert of.sha256 is not None
    assert of.sha1 is not None
    assert of.md5 is not None
    return [of.sha256, of.sha1, of.md5]


async def test_import_remembers_how_far_it_came(store: Store) -> None:
    """For each file and version; so it goes on after kill -9."""
    name = await listed(store)
    assert await look(store, lambda c: imported(c, name, b"f", 1)) == (0, False)
    await store.writer.run(lambda c: note_imported(c, name, b"f", 1, 50, None))
    assert await look(store, lambda c: imported(c, name, b"f", 1)) == (50, False)
    await store.writer.run(lambda c: note_imported(c, name, b"f", 1, 60, NOW_MS))
    assert await look(store, lambda c: imported(c, name, b"f", 1)) == (60, True)
    assert await look(store, lambda c: imported(c, name, b"f", 2)) == (0, False)


@pytest.mark.parametrize("at_once", [True, False])
async def test_content_that_a_version_repeats_stands_once(store: Store, at_once: bool) -> None:  # noqa: FBT001 - parametrized
    """With another date, or another length: then by its hashes alone, in one batch or in two."""
    name = await listed(store)
    first = entry(1, "md5", "length")
    dated = msgspec.structs.replace(first, dated_ms=5)
    longer = msgspec.structs.replace(
        first, content=msgspec.structs.replace(first.content, length=9)
    )
    batch = (first, dated, longer, first)
    if at_once:
        settled = await take(store, name, 3, *batch)
    else:
        settled = [(await take(store, name, 3, one))[0] for one in batch]
    same = [Settled.ADDED, Settled.SAME, Settled.CHANGED, Settled.SAME]
    assert list(settled) == same
    stands = await store.writer.run(lambda c: [one for _, one in entries_of(c, name)])
    assert stands == [entry(1, "md5")]
    (known,) = await store.writer.run(all_lists)
    assert known.entries == {"1": 1}
