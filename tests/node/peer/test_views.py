"""§3.5: two members that were shown two registries find out from each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keys.registry import Registry
from node.peer.views import ViewComparer
from node.store.connection import create_database
from node.store.sqlite import Store
from node.store.views import Views
from protocol.messages import Message, RegistrySeen
from tests.builders.cases import FINGERPRINTS
from tests.builders.network import NOW_MS, make_network
from tests.protocol.samples import ITEM, raw_entry
from tests.simulation.world import World

US, PEER, OTHER = "nl-eokm", "gb-iwf", "fr-pdc"
REGISTRY = make_network([US, PEER, OTHER])[0]
ROOT, VERSION, SNAPSHOT = REGISTRY.seen


@dataclass
class Listener:
    """A node that compares, and how often it went to look for a newer registry."""

    store: Store
    registry: Registry = REGISTRY
    looks: list[int] = field(default_factory=list)
    views: Views | None = None

    async def hears(self, peer: str, *messages: Message) -> None:
        """Take a push with these entries."""
        await self.takes(peer, [raw_entry(message) for message in messages])

    async def takes(self, peer: str, raw_entries: Sequence[bytes]) -> None:
        """Take a push with these bytes."""
        await self.comparer().heard(peer, raw_entries)

    def comparer(self) -> ViewComparer:
        """What compares in this node."""
        views, looks = self.views or self.store.views, self.looks
        return ViewComparer(
            US, views, lambda: self.registry, lambda: NOW_MS, lambda: looks.append(1)
        )

    async def suspects(self) -> list[str]:
        """Name who stands before a person for it."""
        return [subject for code, subject, _ in await self.store.queries.tasks()
                if code == "registry_split"]  # fmt: skip


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    """Give a node that has heard nothing yet."""
    create_database(tmp_path / "node.db", bytes(32))
    store = Store.inline(tmp_path / "node.db", bytes(32), US, FINGERPRINTS)
    yield Listener(store)
    await store.close()


async def test_3_5_same_view_is_nothing(listener: Listener) -> None:
    """As it is nearly always."""
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION, SNAPSHOT))
    assert (await listener.suspects(), listener.looks) == ([], [])


async def test_3_5_one_version_with_two_contents_stands_before_people(listener: Listener) -> None:
    """Both who said so are named: one of them was shown another registry, or lies."""
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION, b"\x07" * 32))
    assert await listener.suspects() == [PEER, US]


async def test_3_5_what_we_worked_under_before_is_compared_too(listener: Listener) -> None:
    """The two sides of a split may meet when both have a newer registry already."""
    await listener.comparer().in_force()
    listener.registry = replace(REGISTRY, timestamp_version=VERSION + 1)
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION, b"\x07" * 32))
    assert await listener.suspects() == [PEER, US]


async def test_3_5_split_between_two_others_is_found_too(listener: Listener) -> None:
    """About a version that we never saw."""
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION + 5, b"\x07" * 32))
    await listener.hears(OTHER, RegistrySeen(ROOT, VERSION + 5, b"\x08" * 32))
    assert await listener.suspects() == [OTHER, PEER]


async def test_3_5_contradiction_is_told_once(listener: Listener) -> None:
    """Each epoch says it again."""
    for _ in range(3):
        await listener.hears(PEER, RegistrySeen(ROOT, VERSION, b"\x07" * 32))
    assert await listener.suspects() == [PEER, US]


@pytest.mark.parametrize("newer", [(ROOT + 1, VERSION), (ROOT, VERSION + 1)])
async def test_3_5_newer_version_makes_us_look_for_it(
    listener: Listener, newer: tuple[int, int]
) -> None:
    """News of members and keys travel with traffic."""
    await listener.hears(PEER, RegistrySeen(*newer, b"\x07" * 32))
    assert listener.looks == [1]


async def test_3_5_older_version_is_nobodys_fault(listener: Listener) -> None:
    """A peer may be behind."""
    listener.registry = replace(REGISTRY, timestamp_version=VERSION + 3)
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION, SNAPSHOT))
    assert (await listener.suspects(), listener.looks) == ([], [])


async def test_3_5_other_entries_say_no_view(listener: Listener) -> None:
    """Nor does one that cannot be read."""
    broken = raw_entry(RegistrySeen(ROOT, VERSION + 1, SNAPSHOT))[:-1]
    await listener.takes(PEER, [raw_entry(ITEM), broken, b"", b"\x95\x01\x02"])
    assert (await listener.suspects(), listener.looks) == ([], [])


async def test_3_5_what_is_remembered_is_bounded(listener: Listener) -> None:
    """A member that makes up versions fills no disk, in whatever order it says them."""
    listener.views = Views(listener.store.writer, kept=3)
    for version in (9, 8, 7, 6, 5, 4):
        await listener.hears(PEER, RegistrySeen(ROOT, version, b"\x07" * 32))
    await listener.hears(OTHER, RegistrySeen(ROOT, 6, b"\x08" * 32))
    assert await listener.suspects() == []
    await listener.hears(OTHER, RegistrySeen(ROOT, 7, b"\x08" * 32))
    assert await listener.suspects() == [OTHER, PEER]


async def test_3_5_version_far_ahead_makes_nobody_else_forgotten(listener: Listener) -> None:
    """Else a member that lies could hide a split from us."""
    await listener.comparer().in_force()
    listener.registry = replace(REGISTRY, timestamp_version=VERSION + 1)
    await listener.hears(OTHER, RegistrySeen(ROOT, 2**40, b"\x07" * 32))
    await listener.hears(PEER, RegistrySeen(ROOT, VERSION, b"\x07" * 32))
    assert await listener.suspects() == [PEER, US]


async def test_3_5_each_epoch_says_the_view_it_was_opened_under(tmp_path: Path) -> None:
    """So a split shows with the first push between two members."""
    world = World(tmp_path, [PEER, US])
    await world.start()
    other = replace(world.registry, snapshot_sha256=b"\x09" * 32)
    world[PEER].delivery.registry = lambda: other
    await world[PEER].submit("https://nl1.example/1.jpg")
    await world.settle()
    tasks = {(code, subject) for code, subject, _ in await world[US].store.queries.tasks()}
    assert {("registry_split", PEER), ("registry_split", US)} <= tasks
    await world.close()
