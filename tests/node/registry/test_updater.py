"""A node and its registry: hostile mirrors, old files, an absent umbrella, replaced keys."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from keys.registry import TIMESTAMP_NAME
from node.registry import memory, repository
from node.registry.errors import (
    MirrorsFailedError,
    NoRegistryError,
    RefusedError,
    WrongFingerprintError,
)
from node.registry.source import FixedSource, Freshness, RegistrySource
from node.registry.updater import RegistryClient, read_fingerprint
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    make_network,
    make_umbrella,
)
from tests.node.registry.nodes import EOKM, HOUR_MS, IWF, LATER, Node, moved

if TYPE_CHECKING:
    from pathlib import Path


class TestJoining:
    """The first contact, with nothing but a fingerprint told by hand."""

    def test_a_node_joins_by_fingerprint(self, node: Node, umbrella: Umbrella) -> None:
        """It has the registry and all the files."""
        assert node.client.current().seen == umbrella.registry.seen
        assert dict(node.client.files()) == dict(umbrella.files)
        assert node.client.state(NOW_MS).freshness is Freshness.FRESH

    def test_another_network_at_the_same_address_is_refused(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """Wrong fingerprint: nothing is taken, nothing is written."""
        impostor = make_umbrella()
        mirrors = Mirrors({UMBRELLA: impostor.files})
        client = RegistryClient(umbrella.pin, tmp_path / "new", [UMBRELLA], transport=mirrors)
        with pytest.raises(WrongFingerprintError):
            client.join_blocking(NOW_MS)
        assert not (tmp_path / "new").exists()
        with pytest.raises(NoRegistryError):
            client.current()

    def test_a_registry_older_than_three_days_is_no_beginning(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """A frozen mirror could show a newcomer members who were suspended since."""
        mirrors = Mirrors({UMBRELLA: umbrella.files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(MirrorsFailedError, match="too_old"):
            client.join_blocking(NOW_MS + 72 * HOUR_MS + 1)
        client.join_blocking(NOW_MS + 72 * HOUR_MS)

    def test_nobody_there_is_an_error_that_can_be_tried_again(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """And a refresh without a registry says to join."""
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=Mirrors())
        with pytest.raises(MirrorsFailedError, match="unreachable") as caught:
            client.join_blocking(NOW_MS)
        assert caught.value.retryable
        with pytest.raises(NoRegistryError, match="join"):
            client.refresh_blocking(NOW_MS)

    def test_a_node_that_lost_its_memory_refreshes_from_the_pin(
        self, umbrella: Umbrella, node: Node
    ) -> None:
        """The pin is in the configuration; nothing else is needed."""
        (node.directory / memory.FILE_NAME).unlink()
        node.restart()
        assert node.client.refresh_blocking(LATER).problem is None
        assert node.client.current().seen == umbrella.registry.seen

    def test_a_node_that_lost_its_memory_waits_for_a_fresh_registry(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """Unless a person decides to begin with an old one."""
        late = NOW_MS + 4 * DAY_MS
        mirrors = Mirrors({UMBRELLA: umbrella.files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(NoRegistryError, match="too_old"):
            client.refresh_blocking(late)
        client.join_blocking(late, accept_old=True)
        assert client.current().is_active(EOKM)

    def test_a_refresh_from_another_network_says_so(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """A node with a pin and no memory, and a mirror of somebody else's."""
        mirrors = Mirrors({UMBRELLA: make_umbrella().files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(NoRegistryError, match="registry_wrong_fingerprint"):
            client.refresh_blocking(NOW_MS)

    @pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 31, "00" * 33, "http://x"])
    def test_what_is_no_fingerprint_is_refused(self, text: str) -> None:
        """With the number of digits."""
        with pytest.raises(RefusedError, match="64 hex"):
            read_fingerprint(text)

    def test_a_fingerprint_may_be_written_for_people(self) -> None:
        """Upper case, spaces and colons do not matter."""
        raw = bytes(range(32))
        assert read_fingerprint(raw.hex()) == raw
        assert read_fingerprint(raw.hex(":").upper()) == raw
        assert read_fingerprint(f" {raw.hex(' ', 4)}\n") == raw


class TestRefreshing:
    """What is newer, and only that."""

    def test_a_members_new_endpoint_arrives(self, node: Node, umbrella: Umbrella) -> None:
        """After one refresh."""
        node.sees(moved(umbrella).files)
        state = node.client.refresh_blocking(LATER)
        assert (state.freshness, state.problem) == (Freshness.FRESH, None)
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_only_what_changed_is_fetched(self, node: Node, umbrella: Umbrella) -> None:
        """Next root (there is none), timestamp, snapshot, one role, one document."""
        node.sees(moved(umbrella).files)
        node.mirrors.fetched.clear()
        node.client.refresh_blocking(LATER)
        kinds = [path.rpartition("/")[2].split(".")[-2] for path in node.mirrors.fetched]
        assert kinds == ["root", "timestamp", "snapshot", EOKM, EOKM]

    def test_nothing_new_is_a_success(self, node: Node) -> None:
        """The same timestamp again."""
        state = node.client.refresh_blocking(LATER)
        assert (state.problem, state.checked_ms) == (None, LATER)

    def test_a_new_root_is_followed(self, node: Node, umbrella: Umbrella) -> None:
        """Renewed for another year by the same holders."""
        holders = repository.holders_of(umbrella.state)
        renewed = umbrella.accept(repository.propose_root(umbrella.state, holders, LATER), LATER)
        node.sees(renewed.files)
        node.client.refresh_blocking(LATER)
        assert node.client.current().root_version == 2
        node.restart()
        assert node.client.current().root_version == 2

    async def test_it_runs_beside_the_event_loop(self, node: Node, umbrella: Umbrella) -> None:
        """Never on its thread."""
        here, there = threading.get_ident(), []
        real = node.mirrors.open

        def noted(base_url: str) -> Any:
            there.append(threading.get_ident())
            return real(base_url)

        transport = type("Noted", (), {"open": staticmethod(noted)})()
        client = RegistryClient(
            umbrella.pin, node.directory, [UMBRELLA], member=IWF, transport=transport
        )
        await client.refresh(LATER)
        assert there
        assert here not in there


class TestSeam:
    """What node code depends on."""

    def test_a_fixed_source_does_for_a_client(self, node: Node) -> None:
        """Both are a `RegistrySource`."""
        registry, _, files = make_network([IWF])
        sources: list[RegistrySource] = [node.client, FixedSource(registry, files)]
        assert all(source.current().members[IWF].member == IWF for source in sources)
        assert all(TIMESTAMP_NAME in source.files() for source in sources)

    async def test_a_fixed_source_changes_when_told(self) -> None:
        """A simulated world hands in another registry."""
        first, _, files = make_network([IWF])
        second, _, _ = make_network([IWF, EOKM])
        source = FixedSource(first, files)
        source.replace(second, files)
        assert source.current() is second
        assert (await source.refresh(NOW_MS)).freshness is Freshness.FRESH

    @pytest.mark.parametrize(
        "address",
        ["http://umbrella.example", "ftp://x", "https://", "x", "https://a/b", "https://u@h"],
    )
    def test_a_mirror_is_https_or_loopback(self, tmp_path: Path, address: str) -> None:
        """Plain http to the world is refused."""
        with pytest.raises(RefusedError, match="mirrors"):
            RegistryClient(b"\0" * 32, tmp_path, [address])
