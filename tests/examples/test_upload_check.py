"""The upload check that hosting companies copy, against a real HashCheck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from examples.upload_check import AT_ONCE, PUBLISH, REFUSE, WAIT, HashCheck, decide, hashes_of
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.empty import empty_store
from tests.builders.hashcheck import Service

if TYPE_CHECKING:
    from aiohttp.test_utils import TestServer


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service that knows nothing yet."""
    empty_store(tmp_path / "node.db", bytes(32))
    made = Service(Store.inline(tmp_path / "node.db", bytes(32), US, FINGERPRINTS))
    await made.follow()
    yield made
    await made.store.close()


@pytest.fixture
def uploads(tmp_path: Path) -> list[Path]:
    """Give three files somebody uploads."""
    paths = [tmp_path / f"{number}.bin" for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode() * 1000)
    return paths


async def test_uploads_are_published_wait_or_are_refused(
    service: Service, aiohttp_server: Callable[..., Awaitable[TestServer]], uploads: list[Path]
) -> None:
    """By what is known of each; a refused one can be complained of."""
    known, perhaps = (hashes_of(path) for path in uploads[:2])
    await service.knows(1, Content(sha256=bytes.fromhex(known["sha256"])))
    await service.knows(2, Content(md5=bytes.fromhex(perhaps["md5"])))
    server = await aiohttp_server(service.app())
    key = (await service.key())["Authorization"].removeprefix("Bearer ")
    client = HashCheck(str(server.make_url("/")), key)
    told = await asyncio.to_thread(decide, client, uploads)
    assert [decision for _, decision, _ in told] == [REFUSE, WAIT, PUBLISH]
    complaint = await asyncio.to_thread(client.complain, told[0][2], "other_file")
    (waiting,) = await service.desk.complaints(open_only=True)
    assert waiting.complaint_id == complaint


async def test_files_are_asked_about_in_as_many_questions_as_it_takes(
    service: Service,
    aiohttp_server: Callable[..., Awaitable[TestServer]],
    uploads: list[Path],
    tmp_path: Path,
) -> None:
    """One more than a question may have; what cannot be read waits alone, and that is said."""
    await service.knows(1, Content(sha256=bytes.fromhex(hashes_of(uploads[0])["sha256"])))
    many = [tmp_path / f"{number}" for number in range(AT_ONCE)]
    for path in many:
        path.write_text(path.name)
    server = await aiohttp_server(service.app())
    key = (await service.key())["Authorization"].removeprefix("Bearer ")
    client = HashCheck(str(server.make_url("/")), key)
    paths = [*many, tmp_path / "gone", uploads[0]]
    told = await asyncio.to_thread(decide, client, paths)
    assert [decision for _, decision, _ in told] == [*[PUBLISH] * AT_ONCE, WAIT, REFUSE]


async def test_uploads_wait_while_nobody_answers(
    aiohttp_server: Callable[..., Awaitable[TestServer]],
    service: Service,
    uploads: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing becomes public unasked; so it is with a key that is not known, and that is said."""
    server = await aiohttp_server(service.app())
    client = HashCheck(str(server.make_url("/")), "hk_unknown")
    told = await asyncio.to_thread(decide, client, uploads)
    assert {decision for _, decision, _ in told} == {WAIT}
    assert "401" in capsys.readouterr().err


@pytest.mark.parametrize("length", [4, 40])
async def test_uploads_wait_where_something_else_answers_or_breaks_off(
    aiohttp_server: Callable[..., Awaitable[TestServer]], uploads: list[Path], length: int
) -> None:
    """The page of a proxy, or half of it: what had been answered of other files was lost."""

    async def page(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(length)})
        await answer.prepare(request)
        await answer.write(b"<br>")
        assert request.transport is not None
        request.transport.close()
        return answer

    app = web.Application()
    app.router.add_post("/hashcheck/v1/check", page)
    client = HashCheck(str((await aiohttp_server(app)).make_url("/")), "hk_key")
    told = await asyncio.to_thread(decide, client, uploads)
    assert {decision for _, decision, _ in told} == {WAIT}
