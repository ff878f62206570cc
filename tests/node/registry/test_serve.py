"""`network serve` over HTTP: what it gives to anybody, what it takes from whom."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from keys.registry import TIMESTAMP_NAME, verify_chain
from keys.unlock import Unlock
from node.registry import repository
from node.registry.directory import write_file
from node.registry.errors import RepositoryStateError
from node.registry.kept import PREFIX
from node.registry.publish import MAX_PUBLICATION_BYTES
from node.registry.serve import RegistryServer, make_app, resign_forever
from node.registry.source import Freshness
from node.registry.updater import RegistryClient
from tests.builders.network import NOW_MS
from tests.node.registry.conftest import EOKM, IWF, Network
from tests.node.registry.test_directory import rekeyed

HOUR_MS = 3_600_000
Client = TestClient[Any, Any]


class Clock:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS + 1000

    def __call__(self) -> int:
        """The time in milliseconds UTC."""
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
async def client(network: Network, clock: Clock) -> AsyncIterator[Client]:
    """A client of a server over a network of two hotlines."""
    network.admit(IWF, EOKM)
    server = RegistryServer(network.directory, network.keepers.online)
    async with TestClient(TestServer(make_app(server, clock))) as made:
        yield made


async def check_problem(answer: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem of this kind, and give it."""
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = await answer.json()
    assert (body["status"], body["code"]) == (status, code)
    return body


class TestFiles:
    """The repository, read-only."""

    async def test_each_file_of_the_state_is_served(self, client: Client, network: Network) -> None:
        """Byte for byte."""
        for name, raw in network.directory.open().files.items():
            answer = await client.get(f"{PREFIX}/{name}")
            assert (answer.status, await answer.read()) == (200, raw)

    async def test_a_known_file_is_not_sent_again(self, client: Client) -> None:
        """304 for the entity tag that was given."""
        first = await client.get(f"{PREFIX}/{TIMESTAMP_NAME}")
        tag = first.headers["ETag"]
        assert tag == f'"{hashlib.sha256(await first.read()).hexdigest()}"'
        again = await client.get(f"{PREFIX}/{TIMESTAMP_NAME}", headers={"If-None-Match": tag})
        assert (again.status, await again.read()) == (304, b"")

    async def test_only_the_timestamp_may_not_be_cached(self, client: Client) -> None:
        """All else has its version or hash in its name."""
        timestamp = await client.get(f"{PREFIX}/{TIMESTAMP_NAME}")
        root = await client.get(f"{PREFIX}/metadata/1.root.json")
        assert timestamp.headers["Cache-Control"] == "no-cache"
        assert "immutable" in root.headers["Cache-Control"]

    @pytest.mark.parametrize(
        "path",
        [
            "/metadata/2.root.json",
            "/metadata/..%2Fkeys%2Fsnapshot.key",
            "/targets/..%2F..%2Fkeys/snapshot.key",
            "/targets/%2Fetc%2Fpasswd",
            "/metadata/.timestamp.json.new",
            "/keys/snapshot.key",
            "/",
        ],
    )
    async def test_nothing_else_is_there(self, client: Client, path: str) -> None:
        """Traversal finds nothing, and says no more than that."""
        await check_problem(await client.get(PREFIX + path), 404, "unknown_path")

    async def test_files_cannot_be_written(self, client: Client) -> None:
        """Read-only means each other method is refused."""
        answer = await client.put(f"{PREFIX}/{TIMESTAMP_NAME}", data=b"x")
        await check_problem(answer, 405, "method_not_allowed")


class TestPublishing:
    """POST /registry/v1/members/{id}."""

    async def test_a_member_publishes(self, client: Client, network: Network) -> None:
        """And is told the versions now in force."""
        answer = await client.post(f"{PREFIX}/members/{IWF}", data=network.publication(IWF))
        assert answer.status == 200
        assert await answer.json() == {
            "member": IWF,
            "version": 2,
            "sequence": 2,
            "timestamp_version": 4,
        }

    async def test_an_unknown_member(self, client: Client, network: Network) -> None:
        """404, with what to do."""
        raw = network.publication("fr-pdc", 1)
        body = await check_problem(
            await client.post(f"{PREFIX}/members/fr-pdc", data=raw), 404, "unknown_member"
        )
        assert "admission" in body["detail"]

    async def test_another_members_signature(self, client: Client, network: Network) -> None:
        """403."""
        raw = network.publication(IWF)
        await check_problem(
            await client.post(f"{PREFIX}/members/{EOKM}", data=raw), 403, "registry_not_signed"
        )

    async def test_an_old_version(self, client: Client, network: Network) -> None:
        """409, naming the field and the version to publish."""
        raw = network.publication(IWF, 7)
        body = await check_problem(
            await client.post(f"{PREFIX}/members/{IWF}", data=raw), 409, "registry_conflict"
        )
        assert body["field"] == "version"
        assert "publish 2" in body["detail"]

    @pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"\xff", b"[" * 1000])
    async def test_garbage(self, client: Client, raw: bytes) -> None:
        """422, naming the field."""
        body = await check_problem(
            await client.post(f"{PREFIX}/members/{IWF}", data=raw), 422, "registry_refused"
        )
        assert body["field"]

    async def test_too_large_by_its_own_word(self, client: Client) -> None:
        """Refused before it is read."""
        raw = b"x" * (MAX_PUBLICATION_BYTES + 1)
        await check_problem(
            await client.post(f"{PREFIX}/members/{IWF}", data=raw), 413, "body_too_large"
        )

    async def test_too_large_without_saying_so(self, client: Client) -> None:
        """A chunked body is cut off at the bound."""

        async def drip() -> AsyncIterator[bytes]:
            for _ in range(MAX_PUBLICATION_BYTES // 65_536 + 2):
                yield b"x" * 65_536

        await check_problem(
            await client.post(f"{PREFIX}/members/{IWF}", data=drip()), 413, "body_too_large"
        )

    async def test_publishing_too_often(self, client: Client, network: Network) -> None:
        """429, with the time to wait."""
        answer = None
        for version in range(2, 40):
            raw = network.publication(IWF, version)
            answer = await client.post(f"{PREFIX}/members/{IWF}", data=raw)
            if answer.status != 200:
                break
        assert answer is not None
        await check_problem(answer, 429, "registry_too_many")
        assert answer.headers["Retry-After"] == "3600"

    async def test_what_was_published_ahead_of_the_clock_is_not_counted(
        self, client: Client, network: Network, clock: Clock
    ) -> None:
        """A clock that is put right shuts nobody out for as long as it was wrong."""
        version = 2
        while (await self.publish(client, network, version)) == 200:
            version += 1
        clock.now_ms -= 1
        assert await self.publish(client, network, version) == 200

    async def publish(self, client: Client, network: Network, version: int) -> int:
        """Publish a version of a document; what is answered."""
        raw = network.publication(IWF, version)
        return (await client.post(f"{PREFIX}/members/{IWF}", data=raw)).status


class TestHealth:
    """Whether the state is being signed."""

    async def test_a_signed_state_is_healthy(self, client: Client) -> None:
        """Within the hour."""
        answer = await client.get("/healthz")
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})

    async def test_a_state_that_nobody_signs_is_not(self, client: Client, clock: Clock) -> None:
        """Two hours without a signature."""
        clock.now_ms += 2 * HOUR_MS + 1
        assert (await client.get("/healthz")).status == 503

    async def test_the_loop_signs_what_is_due(self, network: Network, clock: Clock) -> None:
        """A thin loop around `resign_due`; it goes on after a failure."""
        network.admit(IWF)
        server = RegistryServer(network.directory, network.keepers.online)
        clock.now_ms = NOW_MS + HOUR_MS
        path = network.directory.path / TIMESTAMP_NAME
        good = path.read_bytes()
        path.write_bytes(b"{}")
        looks = 0

        async def rest() -> None:
            nonlocal looks
            looks += 1
            if looks == 1:
                await asyncio.to_thread(path.write_bytes, good)
            if looks == 2:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await resign_forever(server, clock, rest)
        assert server.unsigned_ms(clock.now_ms) == 0

    def test_a_root_that_a_broken_off_change_left_is_served_no_longer(
        self, network: Network, unlock: Unlock
    ) -> None:
        """Though nothing is due to be signed: who follows it finds no timestamp under it."""
        server = RegistryServer(network.directory, network.keepers.online)
        assert not server.resign_due(NOW_MS)
        for name, raw in rekeyed(network, unlock).writes[:-1]:
            write_file(network.directory.path, name, raw)
        assert not server.resign_due(NOW_MS)
        files = network.directory.files
        assert verify_chain(network.pin, files, None) == network.directory.open().registry

    def test_a_root_in_force_stays_though_its_change_was_broken_off(self, network: Network) -> None:
        """Under the same online keys members may follow it already."""
        server = RegistryServer(network.directory, network.keepers.online)
        assert not server.resign_due(NOW_MS)
        state = network.directory.open()
        proposal = repository.propose_root(state, repository.holders_of(state), NOW_MS)
        signed = repository.sign_proposal(proposal, network.keepers.people, state.root())
        change = repository.accept(state, signed, network.keepers.online, NOW_MS)
        for name, raw in change.writes[:-1]:
            write_file(network.directory.path, name, raw)
        server.resign_due(NOW_MS + HOUR_MS)
        assert network.directory.open().registry.root_version == state.registry.root_version + 1

    def test_a_damaged_timestamp_is_an_error_of_ours(self, network: Network) -> None:
        """With a mend."""
        (network.directory.path / TIMESTAMP_NAME).write_bytes(b"{}")
        server = RegistryServer(network.directory, network.keepers.online)
        with pytest.raises(RepositoryStateError, match="restore"):
            server.unsigned_ms(NOW_MS)


async def test_a_node_joins_and_refreshes_over_http(
    client: Client, network: Network, clock: Clock, tmp_path: Path
) -> None:
    """The whole way: real sockets, the real updater, a member's publication in between."""
    address = f"http://127.0.0.1:{client.port}"
    node = RegistryClient(network.pin, tmp_path / "node", [address], member=IWF)
    await asyncio.to_thread(node.join_blocking, clock.now_ms)
    assert node.current().is_active(EOKM)
    await client.post(f"{PREFIX}/members/{EOKM}", data=network.publication(EOKM))
    state = await node.refresh(clock.now_ms)
    assert (state.problem, state.freshness) == (None, Freshness.FRESH)
    assert node.current().members[EOKM].sequence == 2
