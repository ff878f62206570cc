"""Verdicts shared between members that exchange no item: over a bad wire, in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.member import Capabilities
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import ForeignVerdictError
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from protocol.vocabulary import Action, Kind, Reason, Verdict
from tests.simulation.looking import rows
from tests.simulation.mortal import CrashedError
from tests.simulation.world import Faults, World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
FILE = "ab" * 32


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three nodes that tell each other their verdicts, over a wire that loses and repeats."""
    faults = Faults(lose_request=0.3, lose_answer=0.3, repeat=0.2)
    made = World(tmp_path, seed=3, faults=faults)
    await made.start()
    yield made
    assert all(made[member].verify().holds for member in (GB, NL, FR))
    await made.close()


async def found(world: World, member: str, number: int = 1) -> str:
    """Let a member find the file in its own country."""
    url = f"https://{member[:2]}1.example/{number}.jpg"
    made = await world[member].submit(url, sha256=FILE)
    await world.settle()
    return made.items[0].item_id


async def assess(world: World, member: str, item: str, verdict: Verdict) -> None:
    """Let a person of a member judge, and everybody hear of it."""
    draft = AssessmentDraft(verdict=verdict)
    await world[member].desk.assess(item, draft, actor="a")
    await world.settle()


async def is_over(world: World, member: str, item: str) -> None:
    """Let an item be gone, and its time be over: it is erased, and its verdicts stand."""
    desk = world[member].desk
    await desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await desk.erase(item, ErasureDraft(Cause.RETENTION), actor="a")


def told(world: World, sender: str, receiver: str) -> list[int]:
    """Return the kinds of what one member has told another of contents, in order."""
    node: Any = world[sender]
    sql = "SELECT kind FROM messages_out WHERE peer = ? AND lane = 'bulk' ORDER BY seq"
    return [kind for (kind,) in rows(node, sql, receiver)]


async def die_at_each_commit(
    world: World, member: str, work: Callable[[], Awaitable[object]]
) -> None:
    """Do it again until nothing is left to do; die before and after each of its commits."""
    for number in range(100):
        world.crash_at = (world.commits + 1 + number // 2 % 3, ("before", "after")[number % 2])
        try:
            done = await work()
        except CrashedError:
            await world[member].crash()
            await world[member].restart()
            continue
        if not done:
            break
    world.crash_at = None


async def judges(world: World, member: str, item: str) -> list[tuple[str, str]]:
    """Return whose verdicts stand on an item."""
    state = await world[member].state(item)
    return [(one.member, str(one.verdict)) for one in state.assessments]


async def test_verdict_on_a_file_is_known_to_who_never_had_the_item(world: World) -> None:
    """At the item that waits, and at the next one."""
    waiting, item = await found(world, FR), await found(world, GB)
    await assess(world, GB, item, Verdict.BASELINE)
    assert await judges(world, FR, waiting) == [(GB, "baseline")]
    assert await judges(world, FR, await found(world, FR, 2)) == [(GB, "baseline")]
    (state,) = [await world[FR].state(waiting)]
    assert state.came_from is None
    assert [informant.member for informant in state.informants] == []


async def test_erased_by_mistake_is_undone_everywhere(world: World) -> None:
    """As in a world without the verdict."""
    items = {member: await found(world, member) for member in (GB, NL, FR)}
    await assess(world, GB, items[GB], Verdict.BASELINE)
    await world[GB].desk.erase(items[GB], ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    for member in (NL, FR):
        state = await world[member].state(items[member])
        assert (state.known, state.reviews, state.listed) == (False, (), ())


async def test_correction_on_another_item_reaches_all_and_can_be_taken_back(
    world: World,
) -> None:
    """Who has the file sees it with the word that it corrects; then that counts alone again."""
    items = {member: await found(world, member) for member in (GB, FR)}
    other = await found(world, GB, 2)
    await assess(world, GB, items[GB], Verdict.BASELINE)
    await assess(world, GB, other, Verdict.NOT_ILLEGAL)
    state = await world[FR].state(items[FR])
    assert [str(one.verdict) for one in state.in_force] == ["not_illegal"]
    assert "withdrawal" in state.reviews
    (given,) = (await world[GB].state(other)).in_force
    await world[GB].desk.correcting.withdraw(other, given.event_id, actor="a")
    await world.settle()
    for item in (items[FR], await found(world, FR, 2)):
        assert await judges(world, FR, item) == [(GB, "baseline")]


@pytest.mark.parametrize("first", [GB, NL])
async def test_contradiction_is_before_a_person_whoever_spoke_first(
    world: World, first: str
) -> None:
    """At all who have the file; and only people end it."""
    given = {GB: Verdict.BASELINE, NL: Verdict.NOT_ILLEGAL}
    items = {member: await found(world, member) for member in (GB, NL, FR)}
    for member in sorted(given, key=lambda one: one != first):
        await assess(world, member, items[member], given[member])
    third = await world[FR].state(items[FR])
    assert "verdicts_differ" in third.reviews
    assert await judges(world, FR, items[FR]) == [(GB, "baseline")]


async def test_one_that_dies_on_the_way_tells_and_hears_it_all(world: World) -> None:
    """Whatever was durable goes on from there."""
    items = {member: await found(world, member) for member in (GB, FR)}
    world.crash_at = (world.commits + 2, FR)
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(items[GB], draft, actor="a")
    await world[GB].crash()
    await world[GB].restart()
    await world.settle()
    assert await judges(world, FR, items[FR]) == [(GB, "baseline")]


class TestTakenBackByItsId:
    """Though its item is gone, or whatever its author knew of it."""

    @staticmethod
    async def judged(world: World) -> tuple[str, str, str]:
        """Return the items of one who judged a file and of one who heard it, and the verdict."""
        item, waiting = await found(world, GB), await found(world, FR)
        await assess(world, GB, item, Verdict.BASELINE)
        (given,) = (await world[GB].state(item)).assessments
        return item, waiting, given.event_id

    async def test_item_that_retention_erased(self, world: World) -> None:
        """All who heard the verdict undo it; said again, nobody is told twice."""
        item, waiting, given = await self.judged(world)
        await is_over(world, GB, item)
        await world.settle()
        assert await judges(world, FR, waiting) == [(GB, "baseline")]
        correcting = world[GB].desk.correcting
        done = await correcting.withdraw_everywhere(given, actor="a")
        assert (done.known, done.items, done.told) == (True, (), 2)
        await world.settle()
        assert await judges(world, FR, waiting) == []
        again = await correcting.withdraw_everywhere(given, actor="a")
        assert (again.known, again.items, again.told) == (True, (), 0)

    @pytest.mark.parametrize("at_item", [False, True], ids=["by its id", "at that item"])
    async def test_item_that_took_it_over_from_the_erased_one(
        self, world: World, *, at_item: bool
    ) -> None:
        """Here too it goes from whatever has the file, and all hear so."""
        item, waiting, given = await self.judged(world)
        other = await found(world, GB, 2)
        assert await judges(world, GB, other) == [(GB, "baseline")]
        await is_over(world, GB, item)
        if at_item:
            await world[GB].desk.correcting.withdraw(other, given, actor="a")
        else:
            done = await world[GB].desk.correcting.withdraw_everywhere(given, actor="a")
            assert (done.items, done.told) == ((other,), 2)
        await world.settle()
        assert await judges(world, GB, other) == await judges(world, FR, waiting) == []

    @pytest.mark.parametrize("sha256", [FILE, None], ids=["a file", "no file"])
    async def test_item_that_is_here_is_taken_from(self, world: World, sha256: str | None) -> None:
        """As by the item: no verdict stands here that all were told is withdrawn."""
        made = await world[GB].submit("https://gb1.example/here.jpg", sha256=sha256)
        await world.settle()
        item = made.items[0].item_id
        await assess(world, GB, item, Verdict.BASELINE)
        (given,) = (await world[GB].state(item)).assessments
        done = await world[GB].desk.correcting.withdraw_everywhere(given.event_id, actor="a")
        assert (done.known, done.items, done.told) == (True, (item,), 2)
        assert await judges(world, GB, item) == []

    async def test_author_whose_disk_was_lost(self, world: World) -> None:
        """A peer names the id: it is taken back everywhere, though nothing is known of it here."""
        _, waiting, given = await self.judged(world)
        node = world[GB]
        await node.crash()
        for path in node.path.parent.glob(f"{node.path.name}*"):
            path.unlink()
        node.create()
        await node.restart(restored=True)
        world.now += 25 * 3_600_000
        await world.settle()
        done = await node.desk.correcting.withdraw_everywhere(given, actor="a")
        assert (done.known, done.items, done.told) == (False, (), 2)
        await world.settle()
        assert await judges(world, FR, waiting) == []

    @pytest.mark.parametrize(
        "one",
        [f"{NL}.01ARZ3NDEKTSV4RRFFQ69G5FAV", GB, f"{GB}.", f"{GB}.01ARZ3NDEK/../1", ""],
    )
    async def test_of_another_or_of_nobody(self, world: World, one: str) -> None:
        """Who gave it takes it back; nothing is said of it here."""
        with pytest.raises(ForeignVerdictError):
            await world[GB].desk.correcting.withdraw_everywhere(one, actor="a")

    async def test_a_crash_at_any_commit_leaves_it_whole(self, world: World) -> None:
        """Asked again it is done, and said once."""
        item, waiting, given = await self.judged(world)
        await is_over(world, GB, item)

        async def work() -> int:
            correcting = world[GB].desk.correcting
            return (await correcting.withdraw_everywhere(given, actor="a")).told

        await die_at_each_commit(world, GB, work)
        await world.settle()
        assert await judges(world, FR, waiting) == []
        assert told(world, GB, FR).count(Kind.CONTENT_VERDICT_WITHDRAWN) == 1


class TestWhoComesLater:
    """A member that begins to hear it is told what stands."""

    @staticmethod
    def reading(world: World, *, reads: bool) -> None:
        """Let one member's document list the kinds, or not."""
        document = world.registry.members[FR]
        kinds = {int(kind) for kind in Kind}
        kinds -= set() if reads else {Kind.CONTENT_VERDICT, Kind.CONTENT_VERDICT_WITHDRAWN}
        document = replace(document, capabilities=Capabilities((1, 2), tuple(sorted(kinds))))
        world.registry = replace(world.registry, members={**world.registry.members, FR: document})

    async def test_it_hears_what_stands_and_nothing_else(self, world: World) -> None:
        """Of gone items too, and once; what was taken back meanwhile is not said at all."""
        self.reading(world, reads=False)
        gone = await found(world, GB)
        await assess(world, GB, gone, Verdict.BASELINE)
        await is_over(world, GB, gone)
        made = await world[GB].submit("https://gb1.example/other.jpg", sha256="cd" * 32)
        await world.settle()
        other = made.items[0].item_id
        await assess(world, GB, other, Verdict.BASELINE)
        (given,) = (await world[GB].state(other)).assessments
        await world[GB].desk.correcting.withdraw(other, given.event_id, actor="a")
        waiting = await found(world, FR)
        assert await judges(world, FR, waiting) == []
        self.reading(world, reads=True)
        await world.settle()
        assert await judges(world, FR, waiting) == [(GB, "baseline")]
        assert told(world, GB, FR) == [Kind.CONTENT_VERDICT]

    async def test_piece_by_piece_over_crashes(self, world: World) -> None:
        """Whatever it died at, all is told, and what was told twice is taken once."""
        self.reading(world, reads=False)
        files = [f"{number:02x}" * 32 for number in range(1, 6)]
        for number, sha256 in enumerate(files):
            made = await world[GB].submit(f"https://gb1.example/{number}.jpg", sha256=sha256)
            await world.settle()
            await assess(world, GB, made.items[0].item_id, Verdict.BASELINE)
        assert told(world, GB, FR) == []
        self.reading(world, reads=True)
        await die_at_each_commit(world, GB, lambda: world[GB].introducing.due(2))
        await world.settle()
        node: Any = world[FR]
        assert rows(node, "SELECT count(*) FROM list_entries") == [(len(files),)]


async def test_verdict_that_was_taken_back_is_taken_back_in_one_way_only(world: World) -> None:
    """By an `unassessable`, and by itself once that is withdrawn: nobody is accused of two."""
    items = {member: await found(world, member) for member in (GB, FR)}
    await assess(world, GB, items[GB], Verdict.BASELINE)
    unseen = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.PASSWORD)
    await world[GB].desk.assess(items[GB], unseen, actor="a")
    await world.settle()
    given = (await world[GB].state(items[GB])).assessments
    for one in reversed(given):
        await world[GB].desk.correcting.withdraw(items[GB], one.event_id, actor="a")
        await world.settle()
        assert await judges(world, FR, items[FR]) == []
    for member in (NL, FR):
        assert await world[member].store.queries.tasks() == []


async def test_verdict_on_a_file_outlives_the_report_that_it_came_with(world: World) -> None:
    """Its author erased one item, and stands by what it said of the file; it takes that back."""
    waiting, item = await found(world, FR), await found(world, GB)
    url = "https://fr1.example/1.jpg"
    reported = (await world[GB].submit(url, sha256=FILE)).items[0].item_id
    await assess(world, GB, item, Verdict.BASELINE)
    assert await judges(world, FR, waiting) == [(GB, "baseline")]
    await world[GB].desk.erase(reported, ErasureDraft(Cause.WITHDRAWAL), actor="a")
    await world.settle()
    assert await judges(world, FR, waiting) == [(GB, "baseline")]
    (given,) = (await world[GB].state(item)).assessments
    await world[GB].desk.correcting.withdraw(item, given.event_id, actor="a")
    await world.settle()
    assert await judges(world, FR, waiting) == []


async def test_word_that_a_later_one_silenced_goes_from_where_an_item_brought_it(
    world: World,
) -> None:
    """Its author has erased that item, and says of the file that it takes the word back."""
    item, handed = await found(world, NL), "https://nl2.example/2.jpg"
    reported = (await world[FR].submit(handed, sha256=FILE)).items[0].item_id
    await world.settle()
    for _ in range(2):
        await assess(world, NL, item, Verdict.NOT_ILLEGAL)
    first, last = (await world[NL].state(item)).assessments
    assert await judges(world, FR, reported) == [(NL, "not_illegal")] * 2
    await world[NL].desk.erase(reported, ErasureDraft(Cause.WITHDRAWAL), actor="a")
    await world.settle()
    await world[NL].desk.correcting.withdraw(item, first.event_id, actor="a")
    await world.settle()
    assert (await world[FR].state(reported)).assessments == (last,)
