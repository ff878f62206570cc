"""G8: the umbrella is away for days; each node has a registry client of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from keys.keyring import MemberKeys
from keys.registry import Registry
from node.casework.reports.draft import ActionDraft
from node.registry.source import Freshness
from node.registry.updater import RegistryClient
from protocol.vocabulary import Action
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import NOW_MS, default_endpoint, make_document, member_files
from tests.simulation.fleet import sim_keys, umbrella_of
from tests.simulation.world import Node, World

GB, NL = "gb-iwf", "nl-eokm"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Client(Node):
    """A node that believes what its own client verified."""

    world: Clients

    def registry(self) -> Registry:
        """The registry in force here."""
        return self.world.clients[self.member].current()


class Clients(World):
    """Nodes that look for their registry themselves, at mirrors in memory."""

    def __init__(self, folder: Path) -> None:
        self.umbrella = umbrella_of((GB, NL), None)
        self.mirrors = Mirrors({UMBRELLA: self.umbrella.files})
        self.folder = folder
        self.clients = {member: self.client(member) for member in (GB, NL)}
        for client in self.clients.values():
            client.join_blocking(NOW_MS)
        super().__init__(folder, (GB, NL))

    def client(self, member: str) -> RegistryClient:
        """The client of a member, with what its directory remembers."""
        place = self.folder / f"registry-{member}"
        place.mkdir(exist_ok=True)
        mirrors, pin = [UMBRELLA], self.umbrella.pin
        return RegistryClient(pin, place, mirrors, member=member, transport=self.mirrors)

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """As the umbrella published it."""
        keys = {member: sim_keys(member) for member in members}
        return self.umbrella.registry, keys, self.umbrella.files

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> Client:
        """One member's node."""
        return Client(self, member, keys, path)

    def look(self) -> None:
        """Every client looks for a newer registry."""
        for client in self.clients.values():
            client.refresh_blocking(self.now)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Clients]:
    """Give two members that have joined."""
    made = Clients(tmp_path)
    await made.start()
    yield made
    await made.close()


async def test_g8_r7_work_goes_on_while_the_umbrella_is_away_for_days(world: Clients) -> None:
    """Each day an item goes over and its outcome comes back, after restarts as well."""
    world.mirrors.serving[UMBRELLA] = None
    for day in range(1, 5):
        world.now = NOW_MS + day * DAY_MS
        world.look()
        item = (await world[GB].submit(f"https://nl1.example/{day}.jpg")).items[0].item_id
        await world.settle()
        await world[NL].desk.act(item, ActionDraft(action=Action.REMOVED), actor="analyst")
        await world.settle()
        state = await world[GB].state(item)
        assert (state.responsible, state.closed_ms is not None) == (NL, True)
        world.clients[NL] = world.client(NL)
        await world[NL].crash()
        await world[NL].restart()
    for client in world.clients.values():
        told = client.state(world.now)
        assert told.freshness is not Freshness.FRESH, "it says what it needs"
    assert {node.member for node in world.nodes.values() if node.verify().found} == set()


async def test_g8_news_come_from_another_member_while_the_umbrella_is_away(world: Clients) -> None:
    """What one member fetched before, every other one can have from it."""
    now_ms = NOW_MS + HOUR_MS
    document = make_document(
        world.umbrella.registry.network_id, GB, sequence=2, endpoint="https://new.example:1"
    )
    newer = world.umbrella.accept(member_files(document, 2, now_ms), now_ms)
    world.mirrors.serving[UMBRELLA] = newer.files
    assert world.clients[NL].refresh_blocking(now_ms).problem is None
    world.mirrors.serving[UMBRELLA] = None
    world.mirrors.serving[default_endpoint(NL)] = dict(world.clients[NL].files())
    before = world.clients[GB].current().seen
    assert world.clients[GB].refresh_blocking(now_ms + HOUR_MS).problem is None
    assert world.clients[GB].current().seen == newer.registry.seen != before
