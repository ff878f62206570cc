"""Fetching from mirrors over real sockets: TLS that nobody vouches for, silence, floods."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keys import keyfile
from node.registry.errors import RefusedError
from node.registry.kept import KeptFiles
from node.registry.mirror import mirror_routes
from node.registry.transport import HttpTransport, MirrorError, check_mirror
from node.registry.updater import RegistryClient
from tests.builders.network import NOW_MS, make_network, make_umbrella, member_keys

IWF, EOKM = "gb-iwf", "nl-eokm"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Start = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a server that answers everything in one way; give its address."""
    servers: list[TestServer] = []

    async def begin(handler: Handler) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return f"http://127.0.0.1:{server.port}"

    yield begin
    for server in servers:
        await server.close()


def get_once(transport: HttpTransport, address: str, most: int = 100) -> bytes:
    """Fetch one file, in the thread in which this is called."""
    with transport.open(address) as get:
        return get("metadata/timestamp.json", most)


async def test_a_file_is_fetched(start: Start) -> None:
    """From under `/registry/v1/`."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    address = await start(answer)
    raw = await asyncio.to_thread(get_once, HttpTransport(), address)
    assert raw == b"/registry/v1/metadata/timestamp.json"


async def test_an_error_has_its_status(start: Start) -> None:
    """The TUF client must tell 404 from failure."""

    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPNotFound

    address = await start(answer)
    with pytest.raises(MirrorError) as caught:
        await asyncio.to_thread(get_once, HttpTransport(), address)
    assert caught.value.status == 404


async def test_a_redirect_is_not_followed(start: Start) -> None:
    """A mirror cannot make a node ask somebody else."""

    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    address = await start(answer)
    with pytest.raises(MirrorError) as caught:
        await asyncio.to_thread(get_once, HttpTransport(), address)
    assert caught.value.status == 302


async def test_more_than_the_bound_is_not_read(start: Start) -> None:
    """However long the answer goes on."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1000)

    address = await start(answer)
    with pytest.raises(MirrorError) as caught:
        await asyncio.to_thread(get_once, HttpTransport(), address)
    assert caught.value.too_large


async def test_a_mirror_that_says_nothing_costs_a_bounded_time(start: Start) -> None:
    """A request has its time."""
    never = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    address = await start(answer)
    with pytest.raises(MirrorError):
        await asyncio.to_thread(get_once, HttpTransport(request_timeout_s=0.05), address)
    never.set()


async def test_a_mirror_that_drips_costs_a_bounded_time(start: Start) -> None:
    """The time of a whole mirror ends even if bytes keep coming."""
    stop = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not stop.is_set():
            await response.write(b"x")
            await asyncio.sleep(0)
        return response

    address = await start(answer)
    with pytest.raises(MirrorError):
        await asyncio.to_thread(
            get_once, HttpTransport(mirror_timeout_s=0.05), address, 1_000_000_000
        )
    stop.set()


async def test_nobody_listens() -> None:
    """Refused connections are failures without a status."""
    with pytest.raises(MirrorError) as caught:
        await asyncio.to_thread(get_once, HttpTransport(), "http://127.0.0.1:9")
    assert caught.value.status is None


async def test_a_members_mirror_needs_no_trusted_certificate(tmp_path: Path) -> None:
    """A node joins from another member's node, over its self-issued TLS, by the pin alone."""
    registry, _, files = make_network([IWF, EOKM], now_ms=NOW_MS)
    kept = KeptFiles()
    kept.keep(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    keyfile.use_tls_key(context, member_keys(EOKM).tls)
    app = web.Application()
    app.add_routes(mirror_routes(kept))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    pin = hashlib.sha256(files["metadata/1.root.json"]).digest()
    client = RegistryClient(pin, tmp_path, [f"https://127.0.0.1:{port}"], member=IWF)
    await asyncio.to_thread(client.join_blocking, NOW_MS)
    assert client.current().seen == registry.seen
    await runner.cleanup()


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://127.0.0.1:8440/", "http://127.0.0.1:8440"),
        ("http://[::1]:8440", "http://[::1]:8440"),
        ("http://localhost:8440", "http://localhost:8440"),
        ("https://registry.example", "https://registry.example"),
    ],
)
def test_an_address_of_a_mirror(address: str, base: str) -> None:
    """TLS anywhere, plain http here."""
    assert check_mirror(address) == base


@pytest.mark.parametrize(
    "address",
    ["http://192.0.2.1", "http://127.0.0.1.evil.example", "https://x/?q", "https://[", "http:"],
)
def test_what_is_no_address_of_a_mirror(address: str) -> None:
    """A name that only begins like loopback is not loopback."""
    with pytest.raises(RefusedError, match="mirrors"):
        check_mirror(address)


def test_kept_files_forget_the_oldest_state() -> None:
    """Three states are kept."""
    kept = KeptFiles()
    umbrella = make_umbrella()
    states = [umbrella.files]
    for minute in range(1, 5):
        umbrella = umbrella.accept({}, NOW_MS + minute)
        states.append(umbrella.files)
    for files in states:
        kept.keep(files)
        kept.keep(files)
    assert kept("metadata/1.snapshot.json") is None
    assert [kept(f"metadata/{version}.snapshot.json") is not None for version in (3, 4, 5)] == [
        True,
        True,
        True,
    ]
