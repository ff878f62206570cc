"""By what items are found that look like entries of lists: said by the history, and checked."""

from __future__ import annotations

from collections.abc import Callable

from node.casework.casebook import Casebook, Needs
from node.casework.contents.listing import match_lists, unlist
from node.casework.events import EventKind, Facts
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.matching.lists import Entry, Provenance, Retraction, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import POSTBOX
from tests.builders.network import NOW_MS
from tests.builders.pictures import flipped, picture
from tests.node.evidence.conftest import HERE, Made, Places


class Home:
    """The store of the member, opened."""

    def __init__(self, made: Made) -> None:
        self.item = made.item
        self.fingerprints = Fingerprints(made.keys.fingerprint_secret)
        self.store = Store.inline(made.path, made.keys.database_key, HERE, self.fingerprints)

    async def decide(self, decide: Callable[[Casebook], None]) -> None:
        """Decide about the item."""
        needs = Needs(items={self.item}, alike={self.item})
        await self.store.cases.transact(needs, NOW_MS, decide)

    async def lists(self, version: int, one: Entry | Retraction) -> None:
        """Let a list say something."""
        await self.store.writer.run(
            lambda c: take_in(c, self.fingerprints, "icse", version, [one], NOW_MS)
        )
        await self.store.known_content.refresh()


async def test_keys_of_what_looks_alike_are_as_the_history_says(made: Made, places: Places) -> None:
    """While it is suggested, and after that was undone; one that is missing is noticed."""
    home = Home(made)
    terms = Terms("icse", Provenance.POLICE)
    await home.store.writer.run(lambda c: keep_terms(c, terms, {"A": Trust.AUTO}, NOW_MS))
    pdq = picture(1)
    await home.lists(1, Entry(Content(None, None, None, None, pdq, 90), "A", None, "1"))

    def add(book: Casebook) -> None:
        near = Content(None, None, None, None, flipped(pdq, [1]), 90)
        body = Facts((near,), None)
        book.record(home.item, EventKind.FACTS, body, at_ms=NOW_MS, actor=HERE)

    await home.decide(add)
    await home.decide(lambda book: match_lists(book, Ids(HERE), POSTBOX, [home.item]))
    assert places(made.verify()) == set()
    await home.lists(1, Retraction("1"))
    await home.decide(lambda book: unlist(book, Ids(HERE), POSTBOX, [1]))
    await home.store.close()
    assert places(made.verify()) == set()
    key = home.fingerprints.entry(1).hex()
    made.tamper(f"DELETE FROM item_keys_delta WHERE key = x'{key}'")
    assert places(made.verify()) == {"item_keys"}
