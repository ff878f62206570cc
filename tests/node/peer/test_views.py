"""§3.5: two members that were shown two registries find out from each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from keys.registry import OF_ONE_ROOT
from node.peer.views import View, is_newer, view_said
from node.store.ledgers.views import AHEAD, KEPT, remember_view
from node.store.sqlite import Store
from protocol.messages import RegistrySeen
from tests.builders.cases import FINGERPRINTS
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS, make_network
from tests.protocol.samples import ITEM, raw_entry
from tests.simulation.world import World

US, PEER, OTHER, THIRD = "nl-eokm", "gb-iwf", "fr-pdc", "us-ncmec"
REGISTRY = make_network([US, PEER, OTHER])[0]
ROOT, VERSION, SNAPSHOT = REGISTRY.seen


@dataclass
class Listener:
    """What a node remembers of what it hears."""

    store: Store
    kept: int = KEPT

    async def works_under(self, view: View = REGISTRY.seen) -> None:
        """Have this view in force."""
        await self.store.views.in_force(US, view, NOW_MS)

    async def hears(self, peer: str, *view: Any) -> None:
        """Keep what an entry of `peer` says."""
        await self.store.writer.run(lambda c: remember_view(c, US, peer, view, NOW_MS, self.kept))

    async def suspects(self) -> list[str]:
        """Name who stands before a person for it."""
        return [subject for code, subject, _ in await self.store.queries.tasks()
                if code == "registry_split"]  # fmt: skip


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    """Give a node that has heard nothing yet."""
    empty_store(tmp_path / "node.db", bytes(32))
    store = Store.inline(tmp_path / "node.db", bytes(32), US, FINGERPRINTS)
    listener = Listener(store)
    await listener.works_under()
    yield listener
    await store.close()


async def test_3_5_same_view_is_nothing(listener: Listener) -> None:
    """As it is nearly always."""
    await listener.hears(PEER, ROOT, VERSION, SNAPSHOT)
    assert await listener.suspects() == []


async def test_3_5_one_version_with_two_contents_stands_before_people(listener: Listener) -> None:
    """Who differs from what we verified is named: it, or we, were shown another, or it lies."""
    await listener.hears(PEER, ROOT, VERSION, b"\x07" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_what_we_worked_under_before_is_compared_too(listener: Listener) -> None:
    """The two sides of a split may meet when both have a newer registry already."""
    await listener.works_under((ROOT, VERSION + 1, SNAPSHOT))
    await listener.hears(PEER, ROOT, VERSION, b"\x07" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_registry_that_we_take_later_is_compared_with_what_was_said(
    listener: Listener,
) -> None:
    """The peer may be ahead of us on its side of the split."""
    await listener.hears(PEER, ROOT, VERSION + 1, b"\x07" * 32)
    await listener.works_under((ROOT, VERSION + 1, SNAPSHOT))
    assert await listener.suspects() == [PEER]


async def test_3_5_split_between_two_others_is_found_too(listener: Listener) -> None:
    """About a version that we never saw, once we have a newer one."""
    await listener.hears(PEER, ROOT, VERSION + 5, b"\x07" * 32)
    await listener.hears(OTHER, ROOT, VERSION + 5, b"\x08" * 32)
    assert await listener.suspects() == []
    await listener.works_under((ROOT, VERSION + 6, SNAPSHOT))
    assert await listener.suspects() == [OTHER, PEER]


async def test_3_5_of_a_version_that_we_never_had_who_differs_from_most_is_named(
    listener: Listener,
) -> None:
    """One that lies makes no side of a split of two that agree."""
    await listener.hears(PEER, ROOT, VERSION + 5, b"\x07" * 32)
    await listener.hears(OTHER, ROOT, VERSION + 5, b"\x08" * 32)
    await listener.hears(THIRD, ROOT, VERSION + 5, b"\x08" * 32)
    await listener.works_under((ROOT, VERSION + 6, SNAPSHOT))
    assert await listener.suspects() == [PEER]


async def test_3_5_who_says_what_is_to_come_makes_nobody_a_side_of_a_split(
    listener: Listener,
) -> None:
    """Neither us nor who says it truly before we have it, or after; it is named each time."""
    for ahead in (1, 2, 3):
        await listener.hears(PEER, ROOT, VERSION + ahead, b"\x07" * 32)
    await listener.hears(OTHER, ROOT, VERSION + 1, b"\x01" * 32)
    for ahead in (1, 2, 3):
        await listener.works_under((ROOT, VERSION + ahead, bytes([ahead]) * 32))
        await listener.hears(THIRD, ROOT, VERSION + ahead, bytes([ahead]) * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_who_says_the_truth_first_hides_nobody(listener: Listener) -> None:
    """What the second one says of a version to come is remembered beside it."""
    await listener.hears(PEER, ROOT, VERSION + 1, b"\x01" * 32)
    await listener.hears(OTHER, ROOT, VERSION + 1, b"\x07" * 32)
    await listener.works_under((ROOT, VERSION + 1, b"\x01" * 32))
    assert await listener.suspects() == [OTHER]


async def test_3_5_two_words_of_one_member_contradict_each_other(listener: Listener) -> None:
    """Whatever is true."""
    await listener.hears(PEER, ROOT, VERSION + 1, b"\x07" * 32)
    await listener.hears(PEER, ROOT, VERSION + 1, b"\x08" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_two_registries_of_one_version_shown_to_us_are_seen(listener: Listener) -> None:
    """By whoever holds the registry's keys."""
    await listener.works_under((ROOT, VERSION, b"\x07" * 32))
    assert await listener.suspects() == [US]


async def test_3_5_version_far_ahead_is_not_remembered(listener: Listener) -> None:
    """It is somebody's invention, or we are cut off from the registry."""
    await listener.hears(PEER, ROOT, VERSION + AHEAD + 1, b"\x07" * 32)
    await listener.works_under((ROOT, VERSION + AHEAD + 1, SNAPSHOT))
    assert await listener.suspects() == []


async def test_3_5_contradiction_is_told_once(listener: Listener) -> None:
    """Each epoch says it again."""
    for _ in range(3):
        await listener.hears(PEER, ROOT, VERSION, b"\x07" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_older_version_is_nobodys_fault(listener: Listener) -> None:
    """A peer may be behind."""
    await listener.works_under((ROOT, VERSION + 3, b"\x07" * 32))
    await listener.hears(PEER, ROOT, VERSION, SNAPSHOT)
    assert await listener.suspects() == []


@pytest.mark.parametrize("newer", [(ROOT + 1, VERSION), (ROOT, VERSION + 1)])
def test_3_5_newer_version_is_looked_for(newer: tuple[int, int]) -> None:
    """News of members and keys travel with traffic."""
    assert is_newer((*newer, b"\x07" * 32), REGISTRY.seen)


@pytest.mark.parametrize("other", [(ROOT, VERSION), (ROOT, VERSION - 1)])
def test_3_5_other_content_or_older_version_is_not_looked_for(other: tuple[int, int]) -> None:
    """There is nothing to find."""
    assert not is_newer((*other, b"\x07" * 32), REGISTRY.seen)


def test_3_5_only_an_entry_of_its_kind_says_a_view() -> None:
    """One that cannot be read says none."""
    said = raw_entry(RegistrySeen(ROOT, VERSION + 1, SNAPSHOT))
    assert view_said(said) == (ROOT, VERSION + 1, SNAPSHOT)
    assert [view_said(raw) for raw in (raw_entry(ITEM), said[:-1], b"", b"\x95\x01\x02")] == [
        None
    ] * 4


async def test_3_5_what_is_remembered_is_bounded(listener: Listener) -> None:
    """A member that makes up versions fills no disk, in whatever order it says them."""
    await listener.works_under((ROOT, VERSION + 20, SNAPSHOT))
    listener.kept = 3
    for version in (9, 8, 7, 6, 5, 4):
        await listener.hears(PEER, ROOT, VERSION + version, b"\x07" * 32)
    await listener.hears(OTHER, ROOT, VERSION + 6, b"\x08" * 32)
    assert await listener.suspects() == []
    await listener.hears(OTHER, ROOT, VERSION + 7, b"\x08" * 32)
    assert await listener.suspects() == [OTHER, PEER]


async def test_3_5_version_far_ahead_makes_nobody_else_forgotten(listener: Listener) -> None:
    """Else a member that lies could hide a split from us."""
    await listener.works_under((ROOT, VERSION + 1, SNAPSHOT))
    await listener.hears(OTHER, ROOT, 2**40, b"\x07" * 32)
    await listener.hears(PEER, ROOT, VERSION, b"\x07" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_version_that_a_thief_raised_is_no_measure_after_the_next_root(
    listener: Listener,
) -> None:
    """What others say ahead of us waits again until we have it: a liar names nobody but himself."""
    await listener.works_under((ROOT, 2**53 - 1, b"\x08" * 32))
    await listener.works_under((ROOT + 1, VERSION + 1, SNAPSHOT))
    await listener.hears(OTHER, ROOT + 1, VERSION + 2, b"\x07" * 32)
    await listener.hears(PEER, ROOT + 1, VERSION + 2, SNAPSHOT)
    assert await listener.suspects() == []
    await listener.works_under((ROOT + 1, VERSION + 2, SNAPSHOT))
    assert await listener.suspects() == [OTHER]


@pytest.mark.parametrize("raised", [VERSION, 3 * OF_ONE_ROOT + 7], ids=["honest", "a thief's"])
async def test_3_5_first_version_under_new_online_keys_is_compared_whoever_says_it_first(
    listener: Listener, raised: int
) -> None:
    """It is far beyond ours, or below what a thief made of ours; a split may be there alone."""
    await listener.works_under((ROOT, raised, SNAPSHOT))
    first = (ROOT + 1) * OF_ONE_ROOT
    await listener.hears(PEER, ROOT + 1, first, b"\x07" * 32)
    await listener.works_under((ROOT + 1, first, SNAPSHOT))
    assert await listener.suspects() == [PEER]


async def test_3_5_of_what_is_to_come_of_later_roots_little_is_remembered(
    listener: Listener,
) -> None:
    """Else who invents versions would be asked about for each of them."""
    first = (ROOT + 1) * OF_ONE_ROOT + AHEAD + 1
    await listener.hears(PEER, ROOT + 1, first, b"\x07" * 32)
    await listener.hears(PEER, ROOT + AHEAD + 1, (ROOT + AHEAD + 1) * OF_ONE_ROOT, b"\x07" * 32)
    await listener.works_under((ROOT + 1, first, SNAPSHOT))
    await listener.works_under((ROOT + AHEAD + 1, (ROOT + AHEAD + 1) * OF_ONE_ROOT, SNAPSHOT))
    assert await listener.suspects() == []


async def test_3_5_version_that_a_thief_raised_is_forgotten_before_that_of_a_later_root(
    listener: Listener,
) -> None:
    """Else what we work under from then on would be forgotten at once, version by version."""
    listener.kept = 1
    await listener.hears(US, ROOT, 2**53 - 1, b"\x08" * 32)
    await listener.hears(US, ROOT + 1, VERSION + 1, SNAPSHOT)
    await listener.hears(PEER, ROOT + 1, VERSION + 1, b"\x07" * 32)
    assert await listener.suspects() == [PEER]


async def test_3_5_what_a_push_says_is_kept_with_the_push(tmp_path: Path) -> None:
    """A receiver that dies just after its receipt was durable never hears it again."""
    world = World(tmp_path, [PEER, US])
    await world.start()
    other = replace(world.registry, snapshot_sha256=b"\x09" * 32)
    await world[US].store.views.in_force(US, world.registry.seen, NOW_MS)
    world[PEER].delivery.registry = lambda: other
    await world[PEER].submit("https://nl1.example/1.jpg")
    kept = world[US].store.inbox.take

    async def take_and_die(*arguments: Any) -> Any:
        await kept(*arguments)
        raise ConnectionResetError

    world[US].store.inbox.take = take_and_die  # type: ignore[assignment, method-assign]
    with suppress(ConnectionResetError):
        await world.settle()
    suspects = {subject for code, subject, _ in await world[US].store.queries.tasks()
                if code == "registry_split"}  # fmt: skip
    assert suspects == {PEER}
    await world.close()


async def test_3_5_each_epoch_says_the_view_it_was_opened_under(tmp_path: Path) -> None:
    """So a split shows with the first push between two members."""
    world = World(tmp_path, [PEER, US])
    await world.start()
    other = replace(world.registry, snapshot_sha256=b"\x09" * 32)
    await world[US].store.views.in_force(US, world.registry.seen, NOW_MS)
    world[PEER].delivery.registry = lambda: other
    await world[PEER].submit("https://nl1.example/1.jpg")
    await world.settle()
    tasks = {(code, subject) for code, subject, _ in await world[US].store.queries.tasks()}
    assert ("registry_split", PEER) in tasks
    await world.close()
