"""What is published is proved by the signed registry, never by an answer: liars in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keys.keyring import load_sealing_keys
from keys.succession import id_of, load_successor
from keys.unlock import Unlock
from node.config import load
from node.config.edit import change_file
from node.setup.errors import PublicationUnprovenError
from node.setup.publishing import Published, publish
from node.setup.recovering import begin
from node.setup.revoking import Revoked, revoke
from node.setup.rotating import Rotation, rotate
from tests.builders.umbrella import NOW

if TYPE_CHECKING:
    MakeWorld = Callable[[], Awaitable[Any]]
    Post = Callable[[web.Request, bytes], Awaitable[web.Response]]

US = "gb-iwf"
TOOK = {"member": US, "version": 2, "sequence": 2, "timestamp_version": 2}


@pytest.fixture
async def world(make_world: MakeWorld) -> Any:
    """Give a world whose member has joined."""
    world = await make_world()
    world.admit()
    await world.join()
    return world


class Between:
    """A middlebox before the umbrella: what is fetched passes through, what is posted is its own.

    Attributes:
        posted: the bodies that came, in order.
        away: whether nothing can be fetched any more.
    """

    def __init__(self, world: Any, answer: Callable[[bytes], Awaitable[object]]) -> None:
        self.posted: list[bytes] = []
        self.away = False
        self._upstream, self._answer = world.mirror, answer
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._get)
        self.app.router.add_post("/{path:.*}", self._post)

    async def _get(self, request: web.Request) -> web.Response:
        if self.away:
            return web.Response(status=502)
        async with (
            aiohttp.ClientSession() as session,
            session.get(self._upstream + request.path) as found,
        ):
            return web.Response(status=found.status, body=await found.read())

    async def _post(self, request: web.Request) -> web.Response:
        self.posted.append(await request.read())
        return web.json_response(await self._answer(self.posted[-1]))

    async def forward(self, raw: bytes) -> object:
        """Give the umbrella something to publish, and its answer."""
        url = f"{self._upstream}/registry/v1/members/{US}"
        async with aiohttp.ClientSession() as session, session.post(url, data=raw) as found:
            return json.loads(await found.read())


async def says_so(_raw: bytes) -> object:
    """The answer that the umbrella would give, from something that kept nothing."""
    return TOOK


def answering(said: object) -> Callable[[bytes], Awaitable[object]]:
    """Give what answers this, whatever comes."""

    async def answer(_raw: bytes) -> object:
        return said

    return answer


async def published(world: Any, **options: Any) -> Published:
    """Publish, from a thread as the command line does."""
    return await asyncio.to_thread(publish, load(world.config.source), NOW, **options)


async def rotated(world: Any, umbrella: str) -> Rotation:
    """Rotate the log key at once."""
    config = load(world.config.source)
    return await asyncio.to_thread(rotate, config, "log", NOW, 0, umbrella)


def sequence(world: Any) -> int:
    """The sequence of the member's document as the network sees it."""
    said: int = world.directory.open().registry.member(US).sequence
    return said


async def test_g7_who_says_that_it_took_a_document_and_kept_nothing_is_not_believed(
    world: Any,
) -> None:
    """The numbers are right; the signed registry lacks the document, and the mend is said."""
    async with TestServer(Between(world, says_so).app) as liar:
        with pytest.raises(PublicationUnprovenError, match=r"does not hold .* --umbrella"):
            await published(world, umbrella=str(liar.make_url("")))
    assert sequence(world) == 1


@pytest.mark.parametrize("said", [{"version": 1}, {"sequence": 9}], ids=["version", "sequence"])
async def test_an_answer_about_another_document_is_no_success(world: Any, said: object) -> None:
    """What was published is what was sent, or nothing was."""
    between = Between(world, answering({**TOOK, **said}))  # type: ignore[dict-item]
    async with TestServer(between.app) as liar:
        with pytest.raises(PublicationUnprovenError, match="another version or document"):
            await published(world, umbrella=str(liar.make_url("")))


async def test_g7_an_earlier_document_put_in_the_place_of_the_next_is_found(world: Any) -> None:
    """Withheld once and posted later: version and sequence are right, and the bytes are others'."""

    async def withhold_then_swap(_raw: bytes) -> object:
        return TOOK if len(between.posted) == 1 else await between.forward(between.posted[0])

    between = Between(world, withhold_then_swap)
    async with TestServer(between.app) as liar:
        umbrella = str(liar.make_url(""))
        with pytest.raises(PublicationUnprovenError):
            await published(world, umbrella=umbrella)
        change_file(world.config.source, "peer", {"endpoint": "https://node.example:8441"})
        with pytest.raises(PublicationUnprovenError, match="does not hold"):
            await published(world, umbrella=umbrella)
    assert world.directory.open().registry.member(US).endpoint is None


async def test_a_registry_that_cannot_be_read_afterwards_proves_nothing(world: Any) -> None:
    """The publication may be in force; the reason is said, and the same again goes on."""

    async def take_and_go(raw: bytes) -> object:
        between.away = True
        return await between.forward(raw)

    between = Between(world, take_and_go)
    async with TestServer(between.app) as server:
        with pytest.raises(PublicationUnprovenError, match="not to be had"):
            await published(world, umbrella=str(server.make_url("")))
    again = await published(world)
    assert again.sequence == sequence(world) == 3


async def test_a_liar_among_the_mirrors_is_passed_over(world: Any) -> None:
    """The umbrella behind it takes the same bytes."""
    async with TestServer(Between(world, says_so).app) as liar:
        mirrors = [str(liar.make_url("")).rstrip("/"), world.mirror]
        change_file(world.config.source, "registry", {"mirrors": mirrors})
        assert (await published(world)).sequence == 2
    assert sequence(world) == 2


async def test_g7_a_key_that_nobody_published_is_not_taken_up(world: Any) -> None:
    """The old one stays in use; the successor waits for the attempt that is published."""
    keys_dir, unlock = world.config.member.keys_dir, Unlock.from_config(world.config.member.unlock)
    before = (keys_dir / "log.key").read_bytes()
    async with TestServer(Between(world, says_so).app) as liar:
        with pytest.raises(PublicationUnprovenError):
            await rotated(world, str(liar.make_url("")))
    left = load_successor(keys_dir, unlock, "log")
    assert (keys_dir / "log.key").read_bytes() == before
    assert left is not None
    assert (await rotated(world, world.mirror)).key_id == id_of(left)
    assert (keys_dir / "log.key").read_bytes() != before


async def test_g9_a_recovery_that_nobody_heard_of_destroys_no_sealing_key(world: Any) -> None:
    """What peers still seal to the keys of before can be opened until the network knows others."""
    world.config.store.path.unlink()
    keys_dir, unlock = world.config.member.keys_dir, Unlock.from_config(world.config.member.unlock)
    before = {key.public.key_id for key in load_sealing_keys(keys_dir, unlock)}
    async with TestServer(Between(world, says_so).app) as liar:
        with pytest.raises(PublicationUnprovenError):
            await asyncio.to_thread(begin, load(world.config.source), NOW, str(liar.make_url("")))
    assert before <= {key.public.key_id for key in load_sealing_keys(keys_dir, unlock)}


async def revoked(world: Any, *mirrors: str) -> Revoked:
    """Revoke the log key, telling these."""
    change_file(world.config.source, "registry", {"mirrors": list(mirrors)})
    registry = world.directory.open().registry
    key_id = registry.member(US).log[0].key.key_id
    return await asyncio.to_thread(revoke, load(world.config.source), key_id)


async def test_g7_who_answers_200_to_a_revocation_and_does_not_serve_it_was_not_told(
    world: Any,
) -> None:
    """Whoever counts on it would believe that everybody hears of the theft."""
    async with TestServer(Between(world, answering({"new": True})).app) as liar:
        done = await revoked(world, str(liar.make_url("")).rstrip("/"))
    assert (done.asked, done.told) == (1, 0)


async def test_a_note_that_was_there_already_counts_as_told(world: Any) -> None:
    """Revoking again, by whoever signs, asks whether they serve that it is revoked."""
    first = await revoked(world, world.mirror)
    (world.config.member.keys_dir / "member.key").rename(world.config.source.with_name("away"))
    again = await revoked(world, world.mirror)
    assert (first.told, again.told) == (1, 1)
