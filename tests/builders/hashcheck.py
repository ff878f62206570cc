"""HashCheck over a real store, and what it is to know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp.web import Application

from node.casework.casebook import Casebook, Needs
from node.casework.contents.listing import match_lists
from node.casework.events import EventKind, Raised, Recorded
from node.casework.item import ItemState, Review
from node.hashcheck.app import make_public_app
from node.hashcheck.checking import Checking
from node.hashcheck.contract import DAY_MS, NETWORK, OWN, Contract, Key, Scope
from node.hashcheck.desk import HashCheckDesk
from node.hashcheck.judging import Answer, Blur
from node.hashcheck.listed import Listed
from node.hashcheck.quotas import Quotas
from node.hashcheck.verdicts import OwnVerdicts
from node.ids import Ids
from node.matching.lists import Entry, Provenance, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.sqlite import Store
from protocol.facts import Assessment, Content
from protocol.vocabulary import Verdict
from tests.builders.cases import FINGERPRINTS, POSTBOX, US, event_id, item, verdict
from tests.builders.network import NOW_MS

CONTRACT = Contract("pics", tuple(Scope), (OWN, NETWORK, "list:stock"), 10_000, 10_000, 100, 5)


@dataclass
class Service:
    """A node's HashCheck, and a clock that the test sets."""

    store: Store
    now: int = NOW_MS
    allowed: set[bytes] = field(default_factory=set)
    answers: Counter[Answer] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.verdicts = OwnVerdicts(self.store.judged, US)
        self.listed = Listed(self.store.known_content)
        self.quotas = Quotas()
        self.desk = HashCheckDesk(self.store.hashchecks, lambda: self.now)
        self.checking = Checking(
            store=self.store.hashchecks,
            contents=(self.verdicts, self.listed),
            allowed=lambda: self.allowed,
            harmless=self.listed.harmless,
            blur=Blur(bytes(32)),
            ids=Ids(US),
            now_ms=lambda: self.now,
            quotas=self.quotas,
            min_bytes=1024,
            on_answers=self._told,
        )

    def _told(self, answer: Answer, times: int) -> None:
        self.answers[answer] += times

    def app(self) -> Application:
        """Make the application."""
        return make_public_app(self.checking)

    async def follow(self) -> None:
        """Take up everything there is."""
        while await self.verdicts.follow() or await self.listed.follow():
            pass

    async def key(self, **changes: Any) -> dict[str, str]:
        """Make a key and return the header that shows it."""
        contract = msgspec.structs.replace(CONTRACT, **changes)
        text, _ = await self.desk.make_key(contract, self.now + DAY_MS)
        return {"Authorization": f"Bearer {text}"}

    async def only_key(self) -> Key:
        """Return the only key that was made."""
        (key,) = (await self.desk.keys())[0]
        return key

    async def knows(self, number: int, *content: Content, by: str = US, **changes: Any) -> None:
        """Record an item with these contents that a member judged illegal everywhere."""
        await self.record(item(number, *content, assessments=(verdict(member=by),), **changes))

    async def record(self, state: ItemState) -> None:
        """Record an item."""

        def decide(book: Casebook) -> None:
            recorded = Recorded(state, None)
            book.record(state.id, EventKind.RECORDED, recorded, at_ms=NOW_MS, actor=US)

        await self.store.cases.transact(Needs(), NOW_MS, decide)
        await self.follow()

    async def judged(self, number: int, given: Verdict, *, member: str = US) -> None:
        """Let a member judge an item (again)."""
        item_id = event_id(number, "gb-iwf")
        word = verdict(given, member, 901)
        word = msgspec.structs.replace(word, at_ms=NOW_MS + 1)
        await self._record_on(item_id, EventKind.ASSESSED, word)

    async def waits(self, number: int) -> None:
        """Put an item before a person who compares it with what was judged."""
        body = Raised(Review.SUGGESTED_VERDICT)
        await self._record_on(event_id(number, "gb-iwf"), EventKind.RAISED, body)

    async def meets_lists(self, state: ItemState, *others: ItemState) -> None:
        """Record items and let lists say what they say of the first, as at intake."""
        for one in (state, *others):
            await self.record(one)

        def decide(book: Casebook) -> None:
            match_lists(book, Ids(US), POSTBOX, [state.id])

        keys = {key for one in state.content for key in FINGERPRINTS.content(one)}
        await self.store.cases.transact(Needs(items={state.id}, keys=keys), NOW_MS, decide)
        await self.follow()

    async def _record_on(self, item_id: str, kind: EventKind, body: Assessment | Raised) -> None:
        actor = body.member if isinstance(body, Assessment) else US

        def decide(book: Casebook) -> None:
            book.record(item_id, kind, body, at_ms=NOW_MS, actor=actor)

        await self.store.cases.transact(Needs(items={item_id}), NOW_MS, decide)

    async def lists(
        self,
        entry: Content,
        *,
        name: str = "stock",
        trust: Trust = Trust.AUTO,
        given: Assessment | None = None,
        **terms: Any,
    ) -> None:
        """Put a content into a list, `stock` unless it is named."""
        said = Terms(name, Provenance.INDUSTRY, **{"may_share": True, **terms})
        await self.store.writer.run(lambda c: keep_terms(c, said, {"a": trust}, NOW_MS))
        batch = [Entry(entry, "a", NOW_MS, given=given)]
        await self.store.writer.run(lambda c: take_in(c, FINGERPRINTS, name, 1, batch, NOW_MS))
