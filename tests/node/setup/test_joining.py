"""`hotline join`: nothing is pinned that was not verified and does not list us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.config import load
from node.registry.errors import MirrorsFailedError, RegistryError, WrongFingerprintError
from node.setup.errors import NotAdmittedError, OtherNetworkError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeWorld = Callable[[], Awaitable[Any]]

NOW = 1_790_000_000_000


async def test_admitted_member_is_pinned_to_its_network(
    make_world: MakeWorld,
) -> None:
    """The configuration says whom we believe and where to ask; the registry is on disk."""
    world = await make_world()
    world.admit()
    network = await world.join()
    config = load(world.config.source)
    assert network.startswith("demo-")
    assert config.registry.root_sha256 == world.fingerprint
    assert config.registry.mirrors == (world.mirror,)
    assert any(config.registry.directory.iterdir())


async def test_joining_again_changes_nothing(make_world: MakeWorld) -> None:
    """The same command typed twice is harmless; spaces in the fingerprint are too."""
    world = await make_world()
    world.admit()
    await world.join()
    before = world.config.source.read_text()
    spaced = " ".join(world.fingerprint[i : i + 4].upper() for i in range(0, 64, 4))
    await world.join(fingerprint=spaced)
    assert world.config.source.read_text() == before


async def test_member_not_yet_admitted_is_told_what_to_do(
    make_world: MakeWorld,
) -> None:
    """The configuration stays unpinned until the umbrella has acted."""
    world = await make_world()
    before = world.config.source.read_text()
    with pytest.raises(NotAdmittedError, match=r"admission\.json"):
        await world.join()
    assert world.config.source.read_text() == before


async def test_wrong_fingerprint_is_named_after_an_attempt_that_came_too_early(
    make_world: MakeWorld,
) -> None:
    """What that attempt fetched is right, and nobody should be told to move it away."""
    world = await make_world()
    with pytest.raises(NotAdmittedError):
        await world.join()
    first = "0" if world.fingerprint[0] != "0" else "1"
    with pytest.raises(WrongFingerprintError):
        await world.join(fingerprint=first + world.fingerprint[1:])


async def test_other_keys_than_those_admitted_are_noticed(
    make_world: MakeWorld,
) -> None:
    """A keys_dir of another attempt: the node could never sign as this member."""
    world = await make_world()
    world.admit()
    keys_dir = world.config.member.keys_dir
    keys_dir.rename(keys_dir.with_name("old"))
    unlock = Unlock.from_config(world.config.member.unlock)
    MemberKeys.generate("gb-iwf", NOW).save(keys_dir, unlock)
    with pytest.raises(NotAdmittedError, match="keys_dir"):
        await world.join()


async def test_wrong_fingerprint_is_refused(make_world: MakeWorld) -> None:
    """One digit is enough: this is the moment that decides whom we believe."""
    world = await make_world()
    world.admit()
    first = "0" if world.fingerprint[0] != "0" else "1"
    with pytest.raises(WrongFingerprintError):
        await world.join(fingerprint=first + world.fingerprint[1:])
    with pytest.raises(RegistryError, match="fingerprint"):
        await world.join(fingerprint="abc")


async def test_other_network_is_refused_once_pinned(
    make_world: MakeWorld,
) -> None:
    """A node belongs to one network for life."""
    world = await make_world()
    world.admit()
    await world.join()
    with pytest.raises(OtherNetworkError):
        await world.join(fingerprint="ab" * 32)


async def test_no_mirror_no_change(make_world: MakeWorld) -> None:
    """Nobody listens there; the file stays as it was."""
    world = await make_world()
    before = world.config.source.read_text()
    with pytest.raises(MirrorsFailedError, match="unreachable"):
        await world.join(mirror="http://127.0.0.1:9")
    assert world.config.source.read_text() == before
