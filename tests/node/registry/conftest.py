"""A network on disk, its keepers, and requests of members that ask for admission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keys.unlock import Unlock
from node.registry.admission import make_request
from node.registry.admit import Decision, Keepers, Terms, admit
from node.registry.create import Created, NetworkPlan, create_network, load_online, load_people
from node.registry.directory import RepositoryDirectory
from node.registry.publish import make_publication
from node.registry.updater import RegistryClient
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import NOW_MS, Umbrella, make_document, make_umbrella, member_keys
from tests.node.registry.nodes import Node

IWF, EOKM, ECO = "gb-iwf", "nl-eokm", "de-eco"


@dataclass(frozen=True)
class Network:
    """A network on disk with all keys at hand."""

    directory: RepositoryDirectory
    created: Created
    keepers: Keepers

    @property
    def id(self) -> str:
        """The network id."""
        return self.created.network_id

    @property
    def pin(self) -> bytes:
        """The fingerprint of the first root."""
        return bytes.fromhex(self.created.root_sha256)

    def request(self, member: str, **changes: Any) -> bytes:
        """An admission request of a test member for the country in its id."""
        document = changes.pop("document", None) or make_document(self.id, member)
        wanted: dict[str, Any] = {
            "network": self.id,
            "name": member,
            "roles": ["hotline"],
            "jurisdictions": [member[:2].upper()],
            "now_ms": NOW_MS,
        }
        return make_request(member_keys(member), document, **{**wanted, **changes})

    def admit(self, *members: str, now_ms: int = NOW_MS, terms: Terms | None = None) -> Decision:
        """Admit test members; the decision about the last one."""
        decision = None
        for member in members:
            raw = self.request(member)
            decision = admit(self.directory, raw, terms or Terms(), self.keepers, now_ms)
        assert decision is not None
        return decision

    def publication(self, member: str, version: int = 2, **changes: Any) -> bytes:
        """What a test member posts: a document with another endpoint."""
        wanted = {"sequence": version, "endpoint": f"https://{member}.example:9000"}
        document = make_document(self.id, member, **{**wanted, **changes})
        return make_publication(member_keys(member), document, version, NOW_MS)


@pytest.fixture
def unlock() -> Unlock:
    """A secret from a made-up environment."""
    return Unlock("env", "SECRET", {"SECRET": "0123456789abcdef0123456789abcdef"})


@pytest.fixture
def make_network_on_disk(tmp_path: Path, unlock: Unlock) -> Callable[..., Network]:
    """Make a network in a directory of the test's own, with a plan of the test's choice."""

    def make(plan: NetworkPlan | None = None, name: str = "umbrella") -> Network:
        directory = RepositoryDirectory(tmp_path / name)
        created = create_network(directory, plan or NetworkPlan("demo"), unlock, NOW_MS)
        keepers = Keepers(load_people(directory, unlock), load_online(directory, unlock))
        return Network(directory, created, keepers)

    return make


@pytest.fixture
def network(make_network_on_disk: Callable[..., Network]) -> Network:
    """A network on disk, one holder each, without members."""
    return make_network_on_disk()


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})


@pytest.fixture
def node(umbrella: Umbrella, tmp_path: Path) -> Node:
    """A node that joined the network."""
    mirrors = Mirrors({UMBRELLA: umbrella.files})
    client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], member=IWF, transport=mirrors)
    client.join_blocking(NOW_MS)
    return Node(mirrors, tmp_path, umbrella.pin, client)
