"""A member that hears verdicts on contents, and what others say to it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Withdrawn
from node.casework.reports.draft import (
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.telling import note
from node.matching.lists import Provenance, Terms, Trust
from node.store.channels.custody import Row
from node.store.contents.lists import find_list, keep_terms
from protocol import entry as entries
from protocol.messages import Message, Outcome, kind_of, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Lane, OutcomeWhat, Source, Verdict
from tests.builders.cases import US, event_id, file, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from, outcome

if TYPE_CHECKING:
    from keys.registry import Registry
    from node.casework.desk import Desk
    from node.casework.showing.views import ItemView
    from node.store.sqlite import Store
    from protocol.facts import Assessment

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


def shown(item: ItemView) -> tuple[bool, list[tuple[str, str]], tuple[str, ...]]:
    """Return whether an item is known, by whose verdicts, and why a person looks at it."""
    return item.known, [(a.member, a.verdict) for a in item.assessments], item.reviews
