"""kill -9 at every durable step of every node, before and after: nothing lost, nothing twice (R1).

A fixed story runs once untouched, which counts its commits and says how it must end. Then it runs
once for each commit and each side of it: the node that commits dies there, comes back with what is
durable, and the people and programs that had no answer ask again, as they do.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.casework.item import Custody, ItemState
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.evidence.heads import sign_head
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Action, Verdict
from tests.builders.memory import disks
from tests.simulation.mortal import CrashedError
from tests.simulation.remembering import signatures_remembered
from tests.simulation.running import garbage_left
from tests.simulation.world import World

FIRST = "https://nl1.example/album/1.jpg"
SECOND = "https://nl2.example/copy.jpg"
THIRD = "https://nl3.example/third.jpg"
"""Of this one the data of the member that takes it over is newer: it is in France."""
SHA = "ab" * 32
PEOPLE = "analyst"
SLICES = 4
"""The deaths are tried in so many tests, so that every process of a test run has some of them."""


@dataclass
class Story:
    """What people do, step by step; whoever gets no answer looks, and asks again."""

    world: World

    async def run(self) -> None:
        """Tell it from beginning to end."""
        world = self.world
        world["nl-eokm"].places.moved["nl3.example"] = "FR"
        for step in (
            self.reported,
            self.reported_abroad,
            self.assessed,
            self.moved,
            self.removed,
            self.reported_again,
        ):
            await step()
            await world.settle()
        await self.heads_are_signed()
        world.now += 2 * 86_400_000
        await world.settle()

    async def reported(self) -> None:
        """One hotline finds a picture, at two places, and a page that has moved."""
        await self.insist(lambda: self.world["gb-iwf"].submit(FIRST, reference="R-1", sha256=SHA))
        await self.insist(lambda: self.world["gb-iwf"].submit(SECOND, reference="R-2", sha256=SHA))
        await self.insist(lambda: self.world["gb-iwf"].submit(THIRD, reference="R-3"))

    async def reported_abroad(self) -> None:
        """Another finds it, too."""
        await self.insist(lambda: self.world["fr-pdc"].submit(FIRST, reference="F-1", sha256=SHA))

    async def reported_again(self) -> None:
        """The same line, and the same place under another reference."""
        await self.insist(lambda: self.world["gb-iwf"].submit(FIRST, reference="R-1", sha256=SHA))
        await self.insist(lambda: self.world["gb-iwf"].submit(SECOND, reference="R-9", sha256=SHA))

    async def assessed(self) -> None:
        """At the responsible member."""
        await self.unless(
            "nl-eokm",
            FIRST,
            lambda state: any(a.member == "nl-eokm" for a in state.assessments),
            lambda desk, item: desk.assess(
                item, AssessmentDraft(verdict=Verdict.BASELINE), actor=PEOPLE
            ),
        )

    async def moved(self) -> None:
        """It is hosted in France now."""
        await self.unless(
            "nl-eokm",
            FIRST,
            lambda state: state.custody is not Custody.HERE,
            lambda desk, item: desk.act(
                item, ActionDraft(action=Action.MOVED, country="FR"), actor=PEOPLE
            ),
        )

    async def removed(self) -> None:
        """By its last holder."""
        await self.unless(
            "fr-pdc",
            FIRST,
            lambda state: state.closed_ms is not None,
            lambda desk, item: desk.act(item, ActionDraft(action=Action.REMOVED), actor=PEOPLE),
        )

    async def heads_are_signed(self) -> None:
        """By every node, for its own history."""
        network = self.world.registry.network_id
        for member, node in self.world.nodes.items():
            await self.insist(
                lambda member=member, node=node: node.store.history.sign_head(  # type: ignore[misc]
                    lambda head: sign_head(head, network, member, node.keys.log)
                )
            )

    async def unless(
        self,
        member: str,
        url: str,
        is_done: Callable[[ItemState], bool],
        act: Callable[[Any, str], Awaitable[object]],
    ) -> None:
        """Do it at `member`; a person who got no answer looks whether it was done."""

        async def once() -> None:
            state = await self.item_at(member, url)
            if not is_done(state):
                await act(self.world[member].desk, state.id)

        await self.insist(once)

    async def item_at(self, member: str, url: str) -> ItemState:
        """Return the item at an address as a member knows it."""
        items = await self.world[member].store.queries.items(ItemQuery())
        return next(i for i in items if i.location is not None and i.location.raw == url)

    async def insist(self, act: Callable[[], Awaitable[object]]) -> None:
        """Do it, and if the node dies over it, once more when it is back."""
        try:
            await act()
        except CrashedError as crashed:
            await self.world[crashed.member].crash()
            await self.world[crashed.member].restart()
            await act()


Ending = dict[str, dict[str, tuple[object, ...]]]


async def ending(world: World) -> Ending:
    """How it ended at each member, by address: everything but ids and times."""
    told: Ending = {}
    for member, node in world.nodes.items():
        items = await node.store.queries.items(ItemQuery())
        told[member] = {i.location.raw or "": _told(i) for i in items if i.location is not None}
        assert len(told[member]) == len(items), f"{member} has an address twice"
    return told


def _told(state: ItemState) -> tuple[object, ...]:
    return (
        state.custody,
        state.responsible,
        state.answer,
        sorted((s.member, s.source) for s in state.sightings),
        sorted((a.member, a.verdict) for a in state.assessments),
        sorted((a.member, a.action) for a in state.actions),
        state.closed_by,
        sorted(state.reviews),
        [hop.member for hop in state.hops],
    )


async def check(world: World) -> None:
    """Nothing waits, nothing stands before a person that should not, and everything verifies."""
    for member, node in world.nodes.items():
        figures = await node.store.queries.figures()
        for name in ("tasks_open", "entries_parked", "entries_waiting", "messages_waiting"):
            assert figures[name] == 0, f"{member}: {name}"
        assert node.verify().found == [], member


def tell(
    crash_at: tuple[int, str] | None, make: Callable[[Path], World] = World
) -> tuple[Ending, int]:
    """Run the story in a new world; return how it ended, and how many commits it took."""

    async def run(folder: str) -> tuple[Ending, int]:
        world = make(Path(folder))
        await world.start()
        world.crash_at = crash_at
        await Story(world).run()
        told = await ending(world)
        await check(world)
        commits = world.commits
        await world.close()
        return told, commits

    with (
        tempfile.TemporaryDirectory(prefix="crashing-", dir=disks()) as folder,
        signatures_remembered(),
        garbage_left(),
    ):
        return asyncio.run(run(folder))


@pytest.fixture(scope="module")
def untouched() -> tuple[Ending, int]:
    """Give how the story ends when nobody dies, and its number of commits."""
    return tell(None)


def test_story_ends_as_it_should(untouched: tuple[Ending, int]) -> None:
    """Else the comparison would prove nothing."""
    told, commits = untouched
    assert {member: len(items) for member, items in told.items()} == {
        "gb-iwf": 3,
        "nl-eokm": 3,
        "fr-pdc": 2,
    }
    assert told["fr-pdc"][THIRD][-1] == ["gb-iwf", "nl-eokm", "fr-pdc"]
    assert told["fr-pdc"][FIRST][:2] == (Custody.HERE, "fr-pdc")
    assert told["gb-iwf"][FIRST][6] is Action.REMOVED
    assert told["gb-iwf"][SECOND][4] == [("nl-eokm", Verdict.BASELINE)]
    assert commits > 40


@pytest.mark.parametrize("first", range(1, SLICES + 1))
@pytest.mark.parametrize("side", ["before", "after"])
def test_death_at_any_commit_changes_nothing(
    side: str, first: int, untouched: tuple[Ending, int]
) -> None:
    """Each commit of each node, `before` it is durable and `after`, before anybody hears of it."""
    expected, commits = untouched
    deaths = [(number, side) for number in range(first, commits + 1, SLICES)]
    assert deaths
    assert [death for death in deaths if tell(death)[0] != expected] == []
