"""`hotline publish`: the member's own changes, without a ceremony."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keys.errors import UnknownKeyError
from keys.keyring import SEALING_PERIOD_MS, SEALING_PERIODS, load_witness_key
from keys.turns import TURN_GRACE_MS
from keys.unlock import Unlock
from node.config import load
from node.config.edit import change_file
from node.registry import admit
from node.registry.errors import NoRegistryError
from node.setup.errors import PublicationRefusedError, UmbrellaUnreachedError
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


def in_turn(world: Any) -> list[str]:
    """The ids of our published sealing keys, in the order of their turns."""
    published = world.directory.open().registry.member("gb-iwf").sealing
    return [p.key.key_id for p in sorted(published, key=lambda p: p.not_after_ms)]


async def test_member_begins_with_the_sealing_keys_of_a_year(world: Any) -> None:
    """The member key stays where it is kept for as long."""
    published = world.directory.open().registry.member("gb-iwf").sealing
    ends = sorted(p.not_after_ms - NOW for p in published)
    assert ends == [n * SEALING_PERIOD_MS for n in range(1, SEALING_PERIODS + 1)]


async def test_rotation_makes_what_a_year_lacks_after_the_last_one(world: Any) -> None:
    """Keys that are published keep their turns."""
    before = in_turn(world)
    published = await sent(world, NOW + 61 * DAY, rotate=True)
    after = in_turn(world)
    assert after[: SEALING_PERIODS - 2] == before[2:]
    assert len(after) == SEALING_PERIODS
    assert published.sealing_key_id == before[2]
    assert published.sealing_until_ms == NOW + (SEALING_PERIODS + 2) * SEALING_PERIOD_MS


async def test_rotation_begins_anew_when_the_calendar_ran_out(world: Any) -> None:
    """No key is published whose time is over before anybody heard of it."""
    late = NOW + 500 * DAY
    before = in_turn(world)
    published = await sent(world, late, rotate=True)
    assert not set(before) & set(in_turn(world))
    assert published.sealing_until_ms == late + SEALING_PERIODS * SEALING_PERIOD_MS


async def test_keys_long_over_are_destroyed(world: Any) -> None:
    """After their time and a week, what was sealed to them stays closed for ever."""
    first = in_turn(world)[0]
    published = await sent(world, NOW + 37 * DAY)
    assert published.destroyed == (first,)
    assert not (world.config.member.keys_dir / f"sealing-{first}.key").exists()


async def test_key_in_its_week_of_grace_is_kept(world: Any) -> None:
    """Clocks differ, and a slow peer may still seal to it."""
    published = await sent(world, NOW + 37 * DAY - 1)
    assert published.destroyed == ()


async def test_member_whose_keys_an_earlier_version_made_gets_a_witness_key(world: Any) -> None:
    """The next document brings it; until then others do not ask this member."""
    (world.config.member.keys_dir / "witness.key").unlink()
    await sent(world)
    unlock = Unlock.from_config(world.config.member.unlock)
    ours = load_witness_key(world.config.member.keys_dir, unlock)
    assert ours is not None
    published = world.directory.open().registry.member("gb-iwf")
    assert published.witness_keys[-1] == ours.public
    lost = published.witness_keys[0].key_id
    assert (
        published.turn(lost).until_ms == published.turn(ours.public.key_id).from_ms + TURN_GRACE_MS
    )


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


async def test_umbrella_away_keeps_the_new_keys_for_the_next_attempt(world: Any) -> None:
    """A second attempt publishes the keys that were made, and makes no others."""
    later = NOW + 61 * DAY
    with pytest.raises(UmbrellaUnreachedError):
        await sent(world, later, rotate=True, umbrella="http://127.0.0.1:9")
    made = sorted(world.config.member.keys_dir.glob("sealing-*.key"))
    await sent(world, later, rotate=True)
    kept = sorted(world.config.member.keys_dir.glob("sealing-*.key"))
    assert len(made) == SEALING_PERIODS + 2
    assert set(kept) <= set(made)


@pytest.mark.parametrize(
    "said",
    [b"{", b"\xff", b'{"a":' * 3000, b"{}", b'{"version": "1", "sequence": null}'],
    ids=["cut off", "not UTF-8", "too deep", "says nothing", "says no numbers"],
)
async def test_what_answers_garbage_is_no_umbrella(world: Any, said: bytes) -> None:
    """It is passed over, as one that cannot be reached."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=said)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        with pytest.raises(UmbrellaUnreachedError):
            await sent(world, umbrella=str(server.make_url("")))


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
