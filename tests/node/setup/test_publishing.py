"""`hotline publish`: the member's own changes, without a ceremony."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from keys.errors import UnknownKeyError
from node.config import load
from node.config.edit import change_file
from node.registry import admit
from node.registry.errors import MirrorsFailedError, NoRegistryError
from node.setup.errors import PublicationRefusedError
from node.setup.joining import joined
from node.setup.publishing import Published, publish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeWorld = Callable[[], Awaitable[Any]]

NOW = 1_790_000_000_000
DAY = 86_400_000


async def sent(world: Any, now_ms: int = NOW, **options: Any) -> Published:
    """Publish, from a thread as the command line does."""
    config = load(world.config.source)
    world.later(now_ms)
    return await asyncio.to_thread(publish, config, now_ms, **options)


@pytest.fixture
async def world(make_world: MakeWorld) -> Any:
    """Give a world whose member has joined."""
    world = await make_world()
    world.admit()
    await world.join()
    return world


async def test_new_endpoint_is_published(world: Any) -> None:
    """Change the configuration, publish, done: the registry says so."""
    change_file(world.config.source, "peer", {"endpoint": "https://node.example:8441"})
    published = await sent(world)
    assert (published.version, published.sequence) == (2, 2)
    registry = world.directory.open().registry
    assert registry.member("gb-iwf").endpoint == "https://node.example:8441"


async def test_new_sealing_key_is_published_beside_the_old_one(world: Any) -> None:
    """Both open what was sealed; senders take the one that lasts longest."""
    before = world.directory.open().registry.member("gb-iwf").sealing_key.key_id
    published = await sent(world, NOW + DAY, rotate=True)
    document = world.directory.open().registry.member("gb-iwf")
    assert document.sealing_key.key_id == published.sealing_key_id != before
    assert before in {key.key.key_id for key in document.sealing}
    assert len(list(world.config.member.keys_dir.glob("sealing-*.key"))) == 2


async def test_keys_long_over_are_destroyed(world: Any) -> None:
    """After their time and a week, what was sealed to them stays closed for ever."""
    await sent(world, NOW + 20 * DAY, rotate=True)
    published = await sent(world, NOW + 40 * DAY)
    assert len(published.destroyed) == 1
    assert len(list(world.config.member.keys_dir.glob("sealing-*.key"))) == 1


async def test_own_view_is_fresh_afterwards(world: Any) -> None:
    """The next start of the node finds its own new document."""
    published = await sent(world, rotate=True)
    client = joined(load(world.config.source))
    assert client is not None
    assert client.current().member("gb-iwf").sequence == published.sequence


async def test_member_key_kept_offline_is_asked_for(world: Any) -> None:
    """Nothing is made or sent without it."""
    (world.config.member.keys_dir / "member.key").rename(world.config.source.with_name("away"))
    with pytest.raises(UnknownKeyError, match=r"member\.key"):
        await sent(world)


async def test_umbrella_away_keeps_the_new_key_for_the_next_attempt(world: Any) -> None:
    """A second attempt publishes the key that was made, not a third one."""
    with pytest.raises(MirrorsFailedError):
        await sent(world, rotate=True, umbrella="http://127.0.0.1:9")
    await sent(world, rotate=True)
    assert len(list(world.config.member.keys_dir.glob("sealing-*.key"))) == 2


async def test_refusal_of_the_umbrella_is_told(world: Any) -> None:
    """A suspended member cannot publish; the umbrella's field and mend are shown."""
    admit.set_status(world.directory, "gb-iwf", active=False, keepers=world.keepers, now_ms=NOW)
    with pytest.raises(PublicationRefusedError, match="suspended"):
        await sent(world)


async def test_not_joined_not_published(make_world: MakeWorld) -> None:
    """The mend is the command to join."""
    world = await make_world()
    with pytest.raises(NoRegistryError, match="hotline join"):
        await sent(world)
