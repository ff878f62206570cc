"""G11: a member that says very much costs a bounded amount, and everything it says is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.incoming import judging
from node.casework.incoming.receiving import Answer
from node.casework.item import Custody
from node.casework.reports.draft import AssessmentDraft
from node.casework.reports.intake import ItemTaken
from node.ids import Ids
from node.store.items.queries import ItemQuery
from protocol.messages import Message, Outcome, Tombstone
from protocol.vocabulary import Kind, Lane, OutcomeWhat, Verdict
from tests.builders.cases import file, verdict
from tests.node.casework.arriving import item_from
from tests.simulation.world import Node, World

FR, GB, NL = "fr-pdc", "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/1.jpg"
MANY = 60
NUMBERS = count(1)
Said = tuple[Message, Kind, Lane]


def drawn(size: int) -> bytes:
    """Bytes that were not drawn before."""
    return next(NUMBERS).to_bytes(size, "big")


class Watched:
    """A store that remembers how much each transaction of a judgement wrote."""

    def __init__(self, store: Any) -> None:
        self.wrote: list[int] = []
        self.judged: list[int] = []
        self._store = store

    async def judge(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], list[Answer]]
    ) -> Casebook:
        """As the store does."""

        def counted(book: Casebook) -> list[Answer]:
            answers = decide(book)
            self.judged.append(len(answers))
            return answers

        book: Casebook = await self._store.judge(needs, now_ms, counted)
        self.wrote.append(len(book.events) + len(book.posts))
        return book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def say(node: Node, messages: Sequence[Said]) -> None:
    """Say these to nl-eokm, whatever a node would say by itself, and send them."""
    correcting = node.desk.correcting

    def decide(book: Casebook) -> None:
        for message, kind, lane in messages:
            book.say(correcting._postbox(), NL, kind, message, subject=drawn(8), lane=lane)

    await correcting._transact(Needs(), decide)
    await node.delivery.load()
    while await node.delivery.deliver_due(node.world.now):
        node.world.now += 1000


async def verdicts(world: World, count: int) -> str:
    """Have fr-pdc say so many verdicts of one item of nl-eokm, which gb-iwf reported, too."""
    made = await world[FR].submit(PLACE)
    await world.settle()
    await world[GB].submit(PLACE)
    await world.settle()
    item: str = made.items[0].item_id
    await world[FR].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    (given,) = (await world[FR].state(item)).assessments
    ids = Ids(FR, drawn)
    news: list[Said] = []
    for number in range(count):
        at_ms = world.now + number
        one = msgspec.structs.replace(given, event_id=ids.mint(at_ms), at_ms=at_ms)
        what = OutcomeWhat.ASSESSED
        said = Outcome(item, one.event_id, FR, what, one, None, None, None, at_ms, at_ms)
        news.append((said, Kind.OUTCOME, Lane.STATUS))
    await say(world[FR], news)
    return item


async def test_g11_a_batch_that_writes_much_is_divided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction holds up whoever writes, and nothing is judged twice or forgotten."""
    monkeypatch.setattr(judging, "WRITES", 20)
    item = await verdicts(world, MANY)
    desk = world[NL].desk
    desk._judging._store = watched = Watched(desk._judging._store)
    while await desk.judge_due():
        pass
    assert sum(watched.judged) == MANY
    assert len(watched.judged) >= 2 * MANY // 20
    assert max(watched.wrote) <= 20 + 2
    told = [one.event_id for one in (await world[NL].state(item)).assessments]
    assert len(set(told)) == len(told) == MANY + 1
    assert told == sorted(told)
    assert world[NL].verify().found == []


async def test_g11_a_batch_that_looks_at_much_is_divided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One judged file, at one place after another: each has to do with those before it."""
    monkeypatch.setattr(judging, "LOOKS", 20)
    news: list[Said] = []
    for number in range(1, MANY + 1):
        given = verdict(member=FR, number=900 + number, at_ms=world.now)
        url = f"https://nl{number}.example/"
        one = item_from(FR, number, file(1), url=url, assessments=(given,))
        news.append((one, Kind.ITEM, Lane.REPORTS))
    await say(world[FR], news)
    desk = world[NL].desk
    desk._judging._store = watched = Watched(desk._judging._store)
    while await desk.judge_due():
        pass
    assert sum(watched.judged) == MANY
    assert max(watched.judged) <= 20
    assert len(await world[NL].store.queries.items(ItemQuery())) == MANY


async def test_a_batch_that_was_divided_goes_on_in_larger_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What writes little behind what writes much is not judged piece by piece."""
    monkeypatch.setattr(judging, "WRITES", 20)
    await verdicts(world, MANY)
    ids = Ids(FR, drawn)
    cheap = [about_nothing(ids.mint(world.now), ids.mint(world.now)) for _ in range(5 * MANY)]
    await say(world[FR], [(one, Kind.OUTCOME, Lane.STATUS) for one in cheap])
    desk = world[NL].desk
    desk._judging._store = watched = Watched(desk._judging._store)
    while await desk.judge_due():
        pass
    assert sum(watched.judged) == 6 * MANY
    assert max(watched.wrote) <= 20 + 2
    assert max(watched.judged) >= 2 * MANY


async def test_g11_a_child_at_risk_waits_for_no_backlog_of_another_member(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much came before it: it is in the first batch."""
    monkeypatch.setattr(judging, "BATCH", 20)
    ids = Ids(FR, drawn)
    flood = [about_nothing(ids.mint(world.now), ids.mint(world.now)) for _ in range(5 * MANY)]
    await say(world[FR], [(one, Kind.OUTCOME, Lane.STATUS) for one in flood])
    made = await world[GB].submit(PLACE, child_at_risk=True)
    await world[GB].desk.locate_due()
    while await world[GB].delivery.deliver_due(world.now):
        pass
    desk = world[NL].desk
    desk._judging._store = watched = Watched(desk._judging._store)
    await desk.judge_due()
    assert sum(watched.judged) == 20
    assert (await world[NL].state(made.items[0].item_id)).child_at_risk


async def test_file_under_many_query_strings_is_one_item(world: World) -> None:
    """They are several items with who found them; none comes back to it (§10.8.2)."""
    found: list[ItemTaken] = []
    for number in range(12):
        place = f"https://nl1.example/album/x.jpg?sid={number}"
        found += (await world[FR].submit(place, sha256=f"{7:064x}")).items
        await world.settle()
    assert len({one.item_id for one in found}) == 12
    for one in found:
        state = await world[FR].state(one.item_id)
        assert (state.custody, state.reviews) == (Custody.HANDED_ON, ())
    assert len(await world[NL].store.queries.items(ItemQuery())) == 1


def tombstone(erased_ms: int) -> Said:
    """That an item was erased then, which never came."""
    return Tombstone(drawn(32), Kind.ITEM, drawn(32), erased_ms), Kind.TOMBSTONE, Lane.REPORTS


@pytest.mark.parametrize("first", ["word", "tombstone"])
async def test_g11_a_tombstone_wakes_what_it_is_about_and_nothing_else(
    world: World, first: str
) -> None:
    """However much of its sender waits; what it ends is at its end, whichever came first."""
    ids = Ids(FR, drawn)
    waiting = [about_nothing(ids.mint(world.now), ids.mint(world.now)) for _ in range(MANY)]
    await say(world[FR], [(one, Kind.OUTCOME, Lane.STATUS) for one in waiting])
    await world.settle()
    assert (await world[NL].store.queries.oldest_parked())[0] == MANY
    erased_ms = world.now - 5
    word = about_nothing(waiting[0].item_id, ids.mint(world.now))
    word = msgspec.structs.replace(word, what=OutcomeWhat.ERASED, at_ms=erased_ms)
    both: list[Said] = [(word, Kind.OUTCOME, Lane.STATUS), tombstone(erased_ms)]
    for one in both if first == "word" else reversed(both):
        await say(world[FR], [one, tombstone(world.now - 77)])
        await world[NL].desk.judge_due()
        await world[NL].desk.judge_due()
    assert (await world[NL].store.queries.oldest_parked())[0] == MANY - 1
    await say(world[FR], [tombstone(erased_ms), tombstone(world.now - 78)])
    assert await world[NL].store.queries.unjudged(10) == []
    assert world[NL].verify().found == []


def about_nothing(item_id: str, event_id: str) -> Outcome:
    """News of an item that nobody has."""
    what, at_ms = OutcomeWhat.REOPENED, 1_790_000_000_000
    return Outcome(item_id, event_id, FR, what, None, None, None, None, at_ms, at_ms)
