"""`hotline recover begin` and `finish`: an empty database for keys that came back."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Any

import pytest

from keys.errors import UnknownKeyError
from keys.keyfile import write_private
from keys.keyring import SEALING_PERIODS, load_database_key, load_sealing_keys
from keys.unlock import Unlock
from node.api.access import digest_of
from node.config import load
from node.config.edit import change_file
from node.peer.ledgers.forgetting import Forgotten
from node.registry import admit
from node.registry.errors import NoRegistryError
from node.setup.errors import (
    AlreadySetUpError,
    PublicationRefusedError,
    SetupRunningError,
    UmbrellaUnreachedError,
)
from node.setup.opening import open_database_key, store_place
from node.setup.publishing import publish
from node.setup.recovering import Begun, begin, finish
from node.setup.revoking import revoke
from node.setup.staging import alone
from node.store.beside import reading
from node.store.connection import open_reader
from node.store.items.access import token_digests
from node.store.ledgers.witness import forgotten
from node.store.opening import create_database
from node.store.recovery import recovered
from node.store.recovery.outside import may_act_outside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from keys.member import MemberDocument
    from tests.builders.postgres import Cluster

    MakeWorld = Callable[[], Awaitable[Any]]

NOW = 1_790_000_000_000
DAY = 86_400_000


@pytest.fixture
async def world(make_world: MakeWorld) -> Any:
    """Give a world whose member has joined, and whose database burnt."""
    world = await make_world()
    world.admit()
    await world.join()
    burn(world)
    return world


def burn(world: Any) -> None:
    """Lose the database; keys and registry stay."""
    for path in world.config.store.path.parent.glob(f"{world.config.store.path.name}*"):
        path.unlink()


async def begun(world: Any, now_ms: int = NOW, **options: Any) -> Begun:
    """Begin, from a thread as the command line does."""
    world.later(now_ms)
    return await asyncio.to_thread(begin, load(world.config.source), now_ms, **options)


def listed(world: Any) -> MemberDocument:
    """The member's document as the network sees it."""
    document: MemberDocument = world.directory.open().registry.member("gb-iwf")
    return document


def at_hand(world: Any) -> set[str]:
    """The ids of the sealing keys on disk."""
    unlock = Unlock.from_config(world.config.member.unlock)
    keys = load_sealing_keys(world.config.member.keys_dir, unlock)
    return {key.public.key_id for key in keys}


def facts(world: Any) -> tuple[str | None, bool, Forgotten | None]:
    """The phase of the database, whether it may act outside, and what its witness forgot."""
    unlock = Unlock.from_config(world.config.member.unlock)
    key = load_database_key(world.config.member.keys_dir, unlock)
    connection = open_reader(world.config.store.path, key)
    try:
        return recovered.phase(connection), may_act_outside(connection), forgotten(connection)
    finally:
        connection.close()


async def test_network_is_told_by_the_member_key_and_by_a_fresh_sealing_key(world: Any) -> None:
    """Of the old sealing keys none is listed, and none is left on disk."""
    before = {one.key.key_id for one in listed(world).sealing}
    done = await begun(world)
    document = listed(world)
    now = {one.key.key_id for one in document.sealing}
    assert document.recovering is not None
    assert (document.recovering.sealing_key, document.sequence) == (done.sealing_key, 2)
    assert document.recovery_key().key_id == document.sealing_key_at(NOW).key_id
    assert len(now) == SEALING_PERIODS
    assert not now & before
    assert at_hand(world) == now


async def test_empty_database_knows_that_it_recovers(world: Any) -> None:
    """A restored one, too: nothing leaves to the world outside by itself, nothing is cosigned."""
    done = await begun(world)
    assert done.database == str(world.config.store.path)
    assert facts(world) == (recovered.ASKING, False, Forgotten(0, NOW))
    token = world.config.api.token_file
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


async def test_database_that_stands_is_never_overwritten(make_world: MakeWorld) -> None:
    """Who has one has lost nothing; and nothing is published."""
    world = await make_world()
    world.admit()
    await world.join()
    before = world.config.store.path.read_bytes()
    with pytest.raises(AlreadySetUpError, match="restore"):
        await begun(world)
    assert world.config.store.path.read_bytes() == before
    assert listed(world).sequence == 1


async def test_member_key_kept_offline_is_asked_for_first(world: Any) -> None:
    """Nothing is made without it."""
    (world.config.member.keys_dir / "member.key").rename(world.config.source.with_name("away"))
    with pytest.raises(UnknownKeyError, match=r"member\.key"):
        await begun(world)
    assert not world.config.store.path.exists()


async def test_network_must_have_been_joined(make_world: MakeWorld) -> None:
    """The mend is the command to join."""
    world = await make_world()
    burn(world)
    with pytest.raises(NoRegistryError, match="hotline join"):
        await begun(world)


async def test_attempt_that_failed_goes_on_with_the_same_keys(world: Any) -> None:
    """The umbrella was away: the second time nothing is made anew."""
    old = {one.key.key_id for one in listed(world).sealing}
    with pytest.raises(UmbrellaUnreachedError):
        await begun(world, umbrella="http://127.0.0.1:9")
    made = at_hand(world) - old
    await begun(world)
    assert at_hand(world) == made == {one.key.key_id for one in listed(world).sealing}


async def test_begun_twice_is_begun_once(world: Any) -> None:
    """The recovery keeps the key by which peers know it."""
    first = await begun(world)
    second = await begun(world, NOW + DAY)
    assert second.sealing_key == first.sealing_key
    said = listed(world).recovering
    assert said is not None
    assert said.since_ms == NOW


async def test_no_two_are_at_work_at_once(world: Any) -> None:
    """Each would destroy the sealing keys that the other has published."""
    keys_dir = world.config.member.keys_dir
    with alone(keys_dir), pytest.raises(SetupRunningError):
        await begun(world)
    assert listed(world).recovering is None
    await begun(world)
    with alone(keys_dir), pytest.raises(SetupRunningError):
        await asyncio.to_thread(finish, load(world.config.source), NOW)
    assert listed(world).recovering is not None


def knows_its_token(world: Any) -> bool:
    """Whether the command line could talk to the node that is started now."""
    config = load(world.config.source)
    with reading(store_place(config), open_database_key(config)) as store:
        known: set[bytes] = store.read(token_digests)
    return digest_of(config.api.token_file.read_text().strip()) in known


@pytest.mark.parametrize("left", [None, "of-the-burnt-machine"])
async def test_attempt_that_was_killed_before_its_token_stood_makes_one(
    world: Any, left: str | None
) -> None:
    """No verb could talk to the node for ever."""
    await begun(world)
    world.config.api.token_file.unlink()
    if left is not None:
        write_private(world.config.api.token_file, left.encode())
    await begun(world)
    assert knows_its_token(world)


async def test_attempt_that_was_killed_on_a_server_goes_on(
    make_world: Callable[..., Awaitable[Any]], postgres: Cluster
) -> None:
    """There a step is in force at once: an empty store that nobody used is no lost node's."""
    world = await make_world(store=postgres.new().url)
    world.admit()
    await world.join()
    change_file(world.config.source, "store", {"url": postgres.new().url})
    config = load(world.config.source)
    create_database(store_place(config), open_database_key(config))
    await begun(world)
    with reading(store_place(config), open_database_key(config)) as store:
        assert store.read(recovered.phase) == recovered.ASKING
    assert knows_its_token(world)


async def test_recovery_that_outlasts_its_key_goes_on_under_another(world: Any) -> None:
    """A peer was away for weeks: typed again, it is no dead end."""
    first = await begun(world)
    second = await begun(world, NOW + 31 * DAY)
    assert second.sealing_key != first.sealing_key
    said = listed(world).recovering
    assert said is not None
    assert (said.sealing_key, said.since_ms) == (second.sealing_key, NOW + 31 * DAY)
    assert {one.key.key_id for one in listed(world).sealing} == at_hand(world)
    assert first.sealing_key not in at_hand(world)


async def test_recovery_whose_key_is_revoked_goes_on_under_another(world: Any) -> None:
    """Whatever was sealed to it may be read by whoever has it."""
    first = await begun(world)
    await asyncio.to_thread(revoke, load(world.config.source), first.sealing_key)
    await asyncio.to_thread(publish, load(world.config.source), NOW, rotate=True)
    second = await begun(world, NOW + DAY)
    said = listed(world).recovering
    assert said is not None
    assert said.sealing_key == second.sealing_key != first.sealing_key


async def test_machine_that_burns_again_recovers_under_another_key(world: Any) -> None:
    """The keys of the first recovery lay on the machine that is gone now."""
    first = await begun(world)
    burn(world)
    second = await begun(world, NOW + DAY)
    said = listed(world).recovering
    assert said is not None
    assert said.sealing_key == second.sealing_key != first.sealing_key
    assert first.sealing_key not in at_hand(world)


async def test_publishing_meanwhile_says_it_still(world: Any) -> None:
    """A new endpoint does not end a recovery."""
    done = await begun(world)
    await asyncio.to_thread(publish, load(world.config.source), NOW)
    said = listed(world).recovering
    assert said is not None
    assert said.sealing_key == done.sealing_key


async def test_finished_the_document_says_nothing_and_the_node_rebuilds(world: Any) -> None:
    """The sealing keys stay those that were made after the loss."""
    await begun(world)
    keys = {one.key.key_id for one in listed(world).sealing}
    await asyncio.to_thread(finish, load(world.config.source), NOW)
    document = listed(world)
    assert document.recovering is None
    assert {one.key.key_id for one in document.sealing} == keys
    assert facts(world)[0] == recovered.REBUILDING


def put(world: Any, *, active: bool) -> None:
    """Suspend the member, or have it back."""
    admit.set_status(world.directory, "gb-iwf", active=active, keepers=world.keepers, now_ms=NOW)


async def test_member_that_was_suspended_meanwhile_begins_once_it_is_back(world: Any) -> None:
    """The runbook says so; until then it could publish nothing, and would be handed nothing."""
    put(world, active=False)
    with pytest.raises(PublicationRefusedError, match="suspended"):
        await begun(world)
    assert listed(world).recovering is None
    put(world, active=True)
    began = await begun(world)
    said = listed(world).recovering
    assert said is not None
    assert said.sealing_key == began.sealing_key
