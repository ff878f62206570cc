"""A file that does not belong to an item goes from it, with all that followed from its being there.

On a real store. The rule: the items, and what others are told, end as in a world in which the item
never had the file. What is left out of the comparison is said where it is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.desk import Desk
from node.casework.errors import DraftRejectedError, UnknownItemError
from node.casework.events import EventKind, Sighted
from node.casework.item import Informant, ItemState, Review
from node.casework.postbox import Postbox
from node.casework.reports.draft import (
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
    WrongFileDraft,
)
from node.evidence.believed import Believed
from node.evidence.findings import Findings
from node.evidence.history import verify_history
from node.ids import Ids
from node.matching.lists import MIN_BYTES, Entry, Provenance, Terms, Trust
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.facts import Content
from protocol.messages import Outcome, read
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Disposition, ItemKind, OutcomeWhat, Source, Verdict
from tests.builders.cases import FINGERPRINTS, US, event_id, file, network
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.node.casework.contents.test_unlisting import KEY
from tests.node.cli.conftest import Britain

PICTURE = int.from_bytes(bytes(range(100, 132)))
BASELINE = AssessmentDraft(verdict=Verdict.BASELINE)
WRONG, RIGHT = file(1, md5=1, length=MIN_BYTES), file(2, md5=2, length=MIN_BYTES)


def draft(content: Content) -> HashesDraft:
    """Return the hashes of a file as they are handed in."""

    def shown(raw: bytes | None) -> str | None:
        return None if raw is None else raw.hex()

    return HashesDraft(
        shown(content.sha256),
        shown(content.sha1),
        shown(content.md5),
        content.length,
        shown(content.pdq),
        content.pdq_quality,
    )


@dataclass
class Office:
    """A desk over a store, whose clock moves by hand."""

    path: Path
    store: Store
    desk: Desk
    now: list[int]

    async def report(
        self, number: int, content: Content | None, kind: ItemKind = ItemKind.IMAGE, **more: Any
    ) -> str:
        """Hand in a file at a place; return its item."""
        self.now[0] += 1
        hashes = None if content is None else draft(content)
        item = ItemDraft(url=f"https://gb1.example/{number}.jpg", kind=kind, hashes=hashes)
        one = ReportDraft(items=(item,), source=Source.PUBLIC, **more)
        (taken,) = await self.desk.submit([one], actor="anna", batch=f"{self.now[0]}")
        return taken.items[0].item_id

    async def add(self, item_id: str, content: Content) -> None:
        """Add the hashes of a file."""
        self.now[0] += 1
        await self.desk.add_hashes(item_id, draft(content), actor="anna")

    async def assess(self, item_id: str, given: AssessmentDraft = BASELINE) -> str:
        """Judge an item; return the id of the verdict."""
        self.now[0] += 1
        await self.desk.assess(item_id, given, actor="anna")
        return (await self.state(item_id)).assessments[-1].event_id

    async def take_off(self, item_id: str, content: Content) -> None:
        """Say that a file does not belong to an item."""
        self.now[0] += 1
        wrong = WrongFileDraft(hash=(content.sha256 or content.pdq or b"").hex())
        await self.desk.correcting.take_off(item_id, wrong, actor="anna")

    async def state(self, item_id: str) -> ItemState:
        """Return the item as it is now."""
        found = await self.store.queries.item(item_id, FINGERPRINTS.item(item_id))
        assert found is not None
        return found

    async def lists(self, name: str, trust: Trust, *entries: Entry) -> None:
        """Let a list be followed, and take these entries in."""

        def keep(connection: Connection) -> None:
            keep_terms(connection, Terms(name, Provenance.HOTLINE), {"*": trust}, NOW_MS)
            take_in(connection, FINGERPRINTS, name, 1, entries, NOW_MS)

        await self.store.writer.run(keep)

    async def tasks(self) -> list[tuple[str, str]]:
        """Return what waits for a person."""
        return [(code, subject) for code, subject, _ in await self.store.queries.tasks(9)]

    async def shared(self) -> dict[tuple[str, int], ContentVerdict]:
        """Return the verdicts that another member holds in the end, as protocol §6.6 says."""
        with closing(open_reader(self.path, KEY)) as connection:
            rows = connection.execute(
                "SELECT entry FROM messages_out WHERE peer = 'fr-pdc' ORDER BY seq"
            ).fetchall()
        held: dict[tuple[str, int], ContentVerdict] = {}
        gone: set[str] = set()
        for (entry,) in rows:
            message = read(entry)[1]
            if isinstance(message, ContentVerdictWithdrawn):
                gone.add(message.event_id)
            elif isinstance(message, ContentVerdict):
                held[message.assessment.event_id, message.part] = message
        return {key: one for key, one in held.items() if key[0] not in gone}

    def keys(self, item_id: str) -> set[bytes]:
        """Return by what an item is found."""
        with closing(open_reader(self.path, KEY)) as connection:
            found_by = Audit(connection).keys()
            return {key for key, item in found_by if item == item_id}


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[[str], Office]]:
    """Give what makes offices, each over a store of its own."""
    made: list[Office] = []

    def office(name: str) -> Office:
        path, now = tmp_path / f"{name}.db", [NOW_MS]
        empty_store(path, KEY)
        store = Store.inline(path, KEY, US, FINGERPRINTS)
        registry = network()
        desk = Desk(
            store=store.cases,
            queries=store.queries,
            registry=lambda: registry,
            places=Britain(),
            fingerprints=FINGERPRINTS,
            postbox=Postbox(bytes(32)),
            ids=Ids(US),
            clock=lambda: now[0],
            wake_delivery=lambda: None,
        )
        made.append(Office(path, store, desk, now))
        return made[-1]

    yield office
    for one in made:
        await one.store.close()


@pytest.fixture
def office(make: Callable[[str], Office]) -> Office:
    """Give one office."""
    return make("node")


async def projection(office: Office, items: list[str]) -> list[object]:
    """Return what two worlds are compared by: items in their order, and what others hold."""
    numbers = {one: number for number, one in enumerate(items)}
    seen: list[object] = []
    for one in items:
        state = await office.state(one)
        content = {key for part in state.content for key in FINGERPRINTS.content(part)}
        found_by = office.keys(one)
        wrong_keys = {key for part in (WRONG, RIGHT) for key in FINGERPRINTS.content(part)}
        seen.append(
            {
                "content": state.content,
                "keys": (content <= found_by, found_by & wrong_keys == content & wrong_keys),
                "verdicts": sorted((a.member, a.verdict) for a in state.in_force),
                "listed": sorted((a.list, a.category, a.trust, a.closeness) for a in state.listed),
                "reviews": sorted({*state.reviews} - {Review.WITHDRAWAL}),
                "suggestions": sorted((numbers[s.item], s.closeness) for s in state.suggestions),
                "police": state.new_to_police,
            }
        )
    told = await office.shared()
    seen.append(sorted((repr(one.content), one.assessment.verdict) for one in told.values()))
    return seen


Story = Callable[..., Any]


async def judged_with_both(office: Office, *, wrong: bool) -> list[str]:
    """A person judged the item with both files, and others have each of them."""
    one = await office.report(1, WRONG if wrong else None)
    await office.add(one, RIGHT)
    await office.assess(one)
    return [one, await office.report(2, WRONG), await office.report(3, RIGHT)]


async def verdicts_came_with_both(office: Office, *, wrong: bool) -> list[str]:
    """Of each file another item was judged."""
    first, second = await office.report(1, WRONG), await office.report(2, RIGHT)
    await office.assess(first)
    await office.assess(second)
    one = await office.report(3, WRONG if wrong else None)
    await office.add(one, RIGHT)
    return [first, second, one]


async def verdict_went_through(office: Office, *, wrong: bool) -> list[str]:
    """A verdict came with the one file and went on with the other."""
    first = await office.report(1, WRONG)
    one = await office.report(2, RIGHT)
    third = await office.report(3, RIGHT)
    await office.assess(first)
    if wrong:
        await office.add(one, WRONG)
        await office.add(third, file(2, sha1=3))
    else:
        await office.add(third, file(2, sha1=3))
    return [first, one, third]


async def listed_by_both(office: Office, *, wrong: bool) -> list[str]:
    """A list names each file; another one the wrong file alone."""
    await office.lists("iwf", Trust.AUTO, Entry(RIGHT, "A"))
    await office.lists("icse", Trust.AUTO, Entry(WRONG, "B"))
    one = await office.report(1, WRONG if wrong else None)
    await office.add(one, RIGHT)
    return [one, await office.report(2, WRONG)]


async def suggested_by_list(office: Office, *, wrong: bool) -> list[str]:
    """A list suggests what it says of the wrong file."""
    await office.lists("icse", Trust.SUGGESTION, Entry(WRONG, "B"))
    one = await office.report(1, WRONG if wrong else None)
    await office.add(one, RIGHT)
    return [one]


async def looks_alike(office: Office, *, wrong: bool) -> list[str]:
    """What was judged looks like the wrong file, and what was not judged looks like it too."""
    near = file(1, pdq=PICTURE)
    first = await office.report(1, file(3, pdq=PICTURE ^ 3))
    await office.assess(first)
    one = await office.report(2, near if wrong else None)
    await office.add(one, RIGHT)
    return [first, one]


async def looks_like_it(office: Office, *, wrong: bool) -> list[str]:
    """The item is judged; another one looks like its wrong file."""
    one = await office.report(1, file(1, pdq=PICTURE) if wrong else None)
    await office.add(one, RIGHT)
    await office.assess(one)
    return [one, await office.report(2, file(3, pdq=PICTURE ^ 3))]


STORIES = [
    judged_with_both,
    verdicts_came_with_both,
    verdict_went_through,
    listed_by_both,
    suggested_by_list,
    looks_alike,
    looks_like_it,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda one: one.__name__)
async def test_all_ends_as_if_the_file_had_never_been_there(
    make: Callable[[str], Office], story: Story
) -> None:
    """Verdicts, listings, suggestions, keys, and what other members hold."""
    with_it, without = make("with"), make("without")
    items, others = await story(with_it, wrong=True), await story(without, wrong=False)
    states = [await with_it.state(one) for one in items]
    subject = next(one for one in states if len(one.content) > 1)
    (wrong,) = (one for one in subject.content if one.sha256 == WRONG.sha256)
    assert await projection(with_it, items) != await projection(without, others)
    await with_it.take_off(subject.id, wrong)
    assert await projection(with_it, items) == await projection(without, others)


async def test_person_who_names_it_is_in_the_history_and_nobody_for_what_followed(
    office: Office,
) -> None:
    """By place or by hash; the place of what is left stays."""
    items = await judged_with_both(office, wrong=True)
    view = await office.desk.correcting.take_off(
        items[0], WrongFileDraft(place=0, analyst="bert"), actor="anna"
    )
    assert [(one.place, one.sha256) for one in view.hashes] == [(1, f"{2:064x}")]
    assert [(one.place, one.sha256) for one in view.wrong_files] == [(0, f"{1:064x}")]
    with closing(open_reader(office.path, KEY)) as connection:
        rows = connection.execute("SELECT kind, actor FROM events ORDER BY seq").fetchall()
    since = next(
        number for number, (kind, _) in enumerate(rows) if kind == EventKind.FILE_TAKEN_OFF
    )
    assert rows[since][1] == f"{US}/bert"
    assert {actor for _, actor in rows[since + 1 :]} == {US}


async def test_history_proves_what_is_left(office: Office) -> None:
    """State, row and keys are as the events say (`hotline verify`)."""
    (one, *_) = await listed_by_both(office, wrong=True)
    await office.take_off(one, WRONG)
    believed = Believed(US, network(), FINGERPRINTS, bytes(32))
    with closing(open_reader(office.path, KEY)) as connection:
        findings = Findings()
        verify_history(Audit(connection), believed, findings)
    assert [one for one in findings.found if one.where != "history_heads"] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (WrongFileDraft(), "place"),
        (WrongFileDraft(place=0, hash="00" * 16), "place"),
        (WrongFileDraft(place=2), "place"),
        (WrongFileDraft(hash="ff" * 32), "hash"),
        (WrongFileDraft(hash=f"{7:032x}"), "hash"),
    ],
)
async def test_draft_that_names_no_single_file_is_refused(
    office: Office, wrong: WrongFileDraft, field: str
) -> None:
    """Two files of an item may have one MD5; nothing changes."""
    one = await office.report(1, file(1, md5=7))
    await office.add(one, file(2, md5=7))
    before = await office.state(one)
    with pytest.raises(DraftRejectedError) as caught:
        await office.desk.correcting.take_off(one, wrong, actor="anna")
    assert caught.value.field == field
    assert await office.state(one) == before
    with pytest.raises(UnknownItemError):
        await office.desk.correcting.take_off(event_id(9), WrongFileDraft(place=0), actor="anna")


async def test_key_that_another_file_of_the_item_has_stays(office: Office) -> None:
    """Else the item would not be found by what it still has."""
    one = await office.report(1, file(1, md5=7))
    await office.add(one, file(2, md5=7))
    await office.take_off(one, file(1))
    left = set(FINGERPRINTS.content(file(2, md5=7)))
    assert office.keys(one) >= left
    assert not office.keys(one) & set(FINGERPRINTS.content(file(1)))


async def test_file_that_was_taken_off_comes_back_by_a_person_alone(office: Office) -> None:
    """Not by the report that named it; and then it has a place of its own."""
    one = await office.report(1, WRONG, reference="R-1")
    await office.add(one, RIGHT)
    await office.take_off(one, WRONG)
    assert await office.report(1, WRONG, reference="R-1") == one
    assert [part.sha256 for part in (await office.state(one)).content] == [RIGHT.sha256]
    await office.add(one, WRONG)
    state = await office.state(one)
    assert dict(zip(state.places, state.content, strict=True)) == {1: RIGHT, 2: WRONG}
    assert (await office.desk.item(one)).wrong_files == ()  # type: ignore[union-attr]
    await office.take_off(one, RIGHT)
    assert (await office.state(one)).places == (2,)


async def test_places_of_shared_files_do_not_shift(office: Office) -> None:
    """What is said anew names the file that is left by the place that it always had."""
    items = await judged_with_both(office, wrong=True)
    (given,) = {key[0] for key in await office.shared()}
    await office.take_off(items[0], WRONG)
    ((anew, part),) = await office.shared()
    assert (anew != given, part) == (True, 1)
    (stands,) = (await office.state(items[0])).in_force
    assert stands.event_id == anew
    assert stands.at_ms < office.now[0]


async def test_verdict_that_went_by_another_file_as_well_stays(office: Office) -> None:
    """Its other way still leads there."""
    first = await office.report(1, WRONG)
    await office.add(first, RIGHT)
    second = await office.report(2, WRONG)
    await office.add(second, RIGHT)
    await office.assess(first)
    await office.take_off(second, WRONG)
    state = await office.state(second)
    assert (len(state.assessments), state.reviews) == (1, ())


async def test_verdict_stands_elsewhere_by_what_is_left_while_a_third_file_waits(
    office: Office,
) -> None:
    """What waits for a look was never what it stood by; nobody need compare there."""
    first = await office.report(1, RIGHT)
    await office.add(first, WRONG)
    await office.assess(first)
    second = await office.report(2, RIGHT)
    third = await office.report(3, WRONG)
    assert await office.report(1, file(sha1=9)) == first
    await office.take_off(first, WRONG)
    states = [await office.state(one) for one in (first, second, third)]
    assert [(len(one.in_force), one.reviews) for one in states] == [
        (1, (Review.SUGGESTED_VERDICT,)),
        (1, ()),
        (0, (Review.WITHDRAWAL,)),
    ]
    assert states[0].in_force == states[1].in_force


async def test_item_that_others_have_not_heard_of_leaves_no_task(office: Office) -> None:
    """There is nobody to tell."""
    one = await office.report(1, WRONG)
    await office.take_off(one, WRONG)
    assert await office.tasks() == []


async def test_file_that_waits_for_a_look_waits_no_more_once_it_is_taken_off(
    office: Office,
) -> None:
    """It was told to nobody: the verdict stands under its id."""
    one = await office.report(1, RIGHT)
    given = await office.assess(one)
    assert await office.report(1, file(sha1=9)) == one
    assert (await office.state(one)).reviews == (Review.SUGGESTED_VERDICT,)
    wrong = WrongFileDraft(place=1)
    await office.desk.correcting.take_off(one, wrong, actor="anna")
    state = await office.state(one)
    assert (state.reviews, state.unseen) == ((), ())
    assert [a.event_id for a in state.in_force] == [given]
    assert set(await office.shared()) == {(given, 0)}


async def test_file_that_was_looked_at_stays_so_by_the_verdict_that_looked(office: Office) -> None:
    """What is said anew of it is that verdict alone, at its old time, and not the one before."""
    one = await office.report(1, WRONG)
    before = await office.assess(one)
    assert await office.report(1, file(sha1=9)) == one
    looked = await office.assess(one)
    at_ms = next(a.at_ms for a in (await office.state(one)).assessments if a.event_id == looked)
    assert set(await office.shared()) == {(before, 0), (looked, 0), (looked, 1)}
    await office.take_off(one, WRONG)
    state = await office.state(one)
    assert (state.reviews, state.unseen) == ((), ())
    ((_, part),) = held = await office.shared()
    assert part == 1
    assert [told.assessment.at_ms for told in held.values()] == [at_ms]


async def test_members_that_heard_of_the_item_are_told_by_a_person(office: Office) -> None:
    """No message takes from them what they were handed; verdicts they hear as they stand."""
    one = await office.report(1, WRONG)
    await office.add(one, RIGHT)
    given = await office.assess(one)

    def told_by_iwf(book: Casebook) -> None:
        who = Informant("gb-iwf", event_id(5, "gb-iwf"))
        body = Sighted((), who, child_at_risk=False, outcome=Disposition.DUPLICATE)
        book.record(one, EventKind.SIGHTED, body, at_ms=NOW_MS, actor="gb-iwf")

    await office.store.cases.transact(Needs(items={one}), NOW_MS, told_by_iwf)
    await office.take_off(one, WRONG)
    assert await office.tasks() == [("wrong_file", one)]
    with closing(open_reader(office.path, KEY)) as connection:
        rows = connection.execute(
            "SELECT entry FROM messages_out WHERE peer = 'gb-iwf' AND item = ? ORDER BY seq", (one,)
        ).fetchall()
    said = [read(entry)[1] for (entry,) in rows]
    assert [(m.what, m.event_id) for m in said if isinstance(m, Outcome)] == [
        (OutcomeWhat.WITHDRAWN, given),
        (OutcomeWhat.ASSESSED, (await office.state(one)).in_force[0].event_id),
    ]
