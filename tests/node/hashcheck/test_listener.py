"""The public listener of a node: its own TLS, and what goes on beside the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from examples.demo.processes import free_ports
from keys.errors import KeysError
from node.api.problems import ApiError
from node.config import Config, parse
from node.hashcheck.allowed import AllowList
from node.hashcheck.app import BODIES_BYTES, BODIES_OF_KEY_BYTES, Rooms
from node.hashcheck.contract import DAY_MS, Contract, Counts, Key, Scope
from node.hashcheck.listener import PublicListener, tls_of
from node.peer.http.door import Connections
from tests.builders.authority import make_authority
from tests.builders.cases import file
from tests.builders.hashcheck import Service
from tests.builders.network import NOW_MS

CONTRACT = Contract("a", tuple(Scope), ("own",), 9, 9, 9, 9)


@pytest.fixture
async def listener(service: Service, tmp_path: Path) -> AsyncIterator[PublicListener]:
    """Give a listener on a free port, without TLS."""
    made = PublicListener(service.checking, AllowList(None), service.verdicts, service.listed)
    await made.start(service.app(), public(tmp_path).public)
    yield made
    await made.stop()


def public(folder: Path, *lines: str) -> Config:
    """Return a configuration with these lines about the public listener."""
    section = "\n".join(("[public]", "enabled = true", f"listen_port = {free_ports(1)[0]}", *lines))
    text = f'[member]\nid = "gb-iwf"\nunlock = "env:X"\n{section}\n'
    return parse(text, folder / "node.toml")


async def test_a_certificate_makes_it_tls(service: Service, tmp_path: Path) -> None:
    """Its own, from two files; who trusts it gets an answer."""
    authority = make_authority(tmp_path)
    (tmp_path / "authority.key").chmod(0o600)
    files = ('tls_certificate = "authority.pem"', 'tls_key = "authority.key"')
    config = public(tmp_path, *files)
    one = PublicListener(service.checking, AllowList(None), service.verdicts, service.listed)
    await one.start(service.app(), config.public)
    url = f"https://127.0.0.1:{config.public.listen_port}/hashcheck/v1/openapi.json"
    async with aiohttp.ClientSession() as http, http.get(url, ssl=authority.client) as answer:
        assert answer.status == 200
    await one.stop()


async def test_g11_strangers_cannot_use_up_the_descriptors_of_the_node(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS of its own its connections are counted, those that never begin it too."""
    monkeypatch.setattr("node.hashcheck.listener.DOOR", Connections(per_place=2))
    make_authority(tmp_path)
    (tmp_path / "authority.key").chmod(0o600)
    files = ('tls_certificate = "authority.pem"', 'tls_key = "authority.key"')
    config = public(tmp_path, *files)
    one = PublicListener(service.checking, AllowList(None), service.verdicts, service.listed)
    await one.start(service.app(), config.public)
    held = [await asyncio.open_connection("127.0.0.1", config.public.listen_port) for _ in "123"]
    async with asyncio.timeout(10):
        assert await held[2][0].read() == b""
    assert not held[0][0].at_eof()
    for _, writer in held:
        writer.close()
    await one.stop()


async def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """As all private keys here."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644)
    config = public(tmp_path, 'tls_certificate = "cert.pem"', 'tls_key = "key.pem"')
    with pytest.raises(KeysError):
        tls_of(config.public)


async def test_what_was_counted_is_kept_at_the_end(
    service: Service, listener: PublicListener
) -> None:
    """And goes on from there after the next start."""
    await service.key()
    key = await service.only_key()
    await service.checking.check(key, [file(1), file(2)])
    await listener.stop()
    day = NOW_MS // DAY_MS
    assert await service.store.hashchecks.counts(day) == {key.key_sha256: Counts(checks=2)}


async def test_what_is_no_request_is_answered_as_every_error(
    service: Service, tmp_path: Path
) -> None:
    """By a problem document that repeats nothing of it; clients read one form."""
    config = public(tmp_path)
    one = PublicListener(service.checking, AllowList(None), service.verdicts, service.listed)
    await one.start(service.app(), config.public)
    reader, writer = await asyncio.open_connection("127.0.0.1", config.public.listen_port)
    writer.write(b"GET /canary HTTP/9.9\r\n\r\n")
    told = await reader.read()
    writer.close()
    assert b"application/problem+json" in told
    assert b'"code":"bad_request"' in told
    assert b"canary" not in told
    await one.stop()


def test_no_key_holds_the_room_of_others() -> None:
    """Whoever sends slowly holds its own part, for as long as a body may take."""
    rooms = Rooms()
    slow, quick = (Key(bytes([at]) * 32, CONTRACT, NOW_MS, NOW_MS + 1) for at in (1, 2))
    with rooms.of(slow).reserve(BODIES_OF_KEY_BYTES):
        with pytest.raises(ApiError) as refused, rooms.of(slow).reserve(1):
            pass
        assert refused.value.code == "intake_busy"
        with rooms.of(quick).reserve(BODIES_OF_KEY_BYTES):
            pass
    with rooms.of(slow).reserve(1):
        pass
    assert BODIES_OF_KEY_BYTES < BODIES_BYTES
