"""A member whose mirrors are other members: they give the registry, later, and take nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from node.cli.exits import Exit
from node.config import load
from node.config.edit import change_file
from node.registry.mirror import mirror_routes
from node.registry.updater import RegistryClient
from node.setup.joining import joined

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.umbrella import World

US = "gb-iwf"
STOLEN = "2026-11-01T08:00"


@pytest.fixture
async def here(world: World, member_of: Any, tmp_path: Path, aiohttp_server: Any) -> Any:
    """Give the terminal of a member that joined at another one, which looks no more meanwhile."""
    pin = bytes.fromhex(world.fingerprint)
    other = RegistryClient(pin, tmp_path / "other", [world.mirror])
    await asyncio.to_thread(other.join_blocking, world.clock[0])
    app = web.Application()
    app.add_routes(mirror_routes(other.kept))
    server = await aiohttp_server(app)
    terminal = member_of(world)
    await terminal("join", "--root", world.fingerprint, "--mirror", server.make_url(""))
    return terminal


async def keys(here: Any, purpose: str) -> dict[str, str]:
    """What `keys status` says of the keys of one purpose: standings by id."""
    _, shown = await here("keys", "status")
    return {k["key_id"]: k["standing"] for k in shown["keys"] if k["purpose"] == purpose}


@pytest.mark.parametrize(
    "words",
    [("publish",), ("keys", "rotate", "log"), ("recover", "begin")],
    ids=" ".join,
)
async def test_g7_a_mirror_that_takes_nothing_is_told_from_one_that_is_away(
    here: Any, words: tuple[str, ...]
) -> None:
    """The message names what to type."""
    if words[0] == "recover":
        here.config.store.path.unlink()
    code, shown = await here(*words)
    assert (code, shown["error"]["code"]) == (Exit.UNREACHABLE, "umbrella_unreached")
    assert "mirrors of members" in shown["error"]["message"]
    assert "--umbrella ADDRESS" in shown["error"]["message"]


async def test_g7_what_the_umbrella_took_is_in_force_here_at_once(world: World, here: Any) -> None:
    """Each further verb goes on from it, though the mirror has nothing of it."""
    to = ("--umbrella", world.mirror)
    for purpose in ("log", "receipt"):
        (old,) = await keys(here, purpose)
        code, shown = await here("keys", "rotate", purpose, "--after-h", 0, *to)
        assert (code, shown["replaces"]) == (Exit.OK, old)
        assert await keys(here, purpose) == {old: "retired", shown["key_id"]: "in use"}
    code, shown = await here("publish", *to)
    assert (code, shown["sequence"]) == (Exit.OK, 4)


async def test_g7_a_running_node_has_at_its_next_look_what_a_verb_published(
    world: World, here: Any
) -> None:
    """Its mirror may be behind for as long as it likes."""
    running = joined(load(here.config.source))
    assert running is not None
    await here("keys", "rotate", "log", "--after-h", 0, "--umbrella", world.mirror)
    assert running.current().member(US).sequence == 1
    await running.refresh(world.clock[0])
    assert running.current().member(US).sequence == 2
    assert (
        running.kept("metadata/timestamp.json")
        == (world.directory.open().files["metadata/timestamp.json"])
    )
    kept = joined(load(here.config.source))
    assert kept is not None
    assert kept.current().member(US).sequence == 2, "the mirror's older one is not put back"


async def test_g7_since_when_a_key_was_anothers_is_published_past_the_mirrors(
    world: World, here: Any
) -> None:
    """Without the umbrella's address the key is revoked, and the message says what is missing."""
    (stolen,) = await keys(here, "log")
    code, shown = await here("keys", "revoke", stolen, "--compromised-at", STOLEN)
    assert (code, shown["compromised_ms"]) == (Exit.PROBLEM, None)
    assert "--umbrella" in shown["message"]
    to = ("--umbrella", world.mirror)
    code, shown = await here("keys", "revoke", stolen, "--compromised-at", STOLEN, *to)
    assert (code, shown["told"]) == (Exit.OK, 1)
    assert world.server.revocations.revoked() == {US: {stolen}}
    document = world.directory.open().registry.member(US)
    assert document.turn(stolen).compromised_ms == shown["compromised_ms"] == 1_793_520_000_000


async def test_g9_a_burnt_node_begins_and_finishes_at_the_umbrella(world: World, here: Any) -> None:
    """Until that is published `recover status` says that nobody knows of it."""
    here.config.store.path.unlink()
    await here("recover", "begin")
    code, shown = await here("recover", "status")
    assert (code, shown["phase"], shown["published"]) == (Exit.PROBLEM, "asking", False)
    to = ("--umbrella", world.mirror)
    assert (await here("recover", "begin", *to))[0] == Exit.OK
    code, shown = await here("recover", "status")
    assert (code, shown["published"]) == (Exit.OK, True)
    assert (await here("recover", "finish", "--incomplete", *to))[0] == Exit.OK
    assert world.directory.open().registry.member(US).recovering is None


async def test_a_registry_that_is_behind_names_the_umbrella(world: World, here: Any) -> None:
    """Of two mirrors the first is behind; the second, the umbrella, has a newer document."""
    verified = load(here.config.source).registry.directory / "verified.msgpack"
    before = verified.read_bytes()
    await here("keys", "rotate", "log", "--umbrella", world.mirror)
    verified.write_bytes(before)
    mirrors = [*load(here.config.source).registry.mirrors, world.mirror]
    change_file(here.config.source, "registry", {"mirrors": mirrors})
    code, shown = await here("publish")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "publication_refused")
    assert "--umbrella" in shown["error"]["message"]
    code, shown = await here("publish", "--umbrella", world.mirror)
    assert (code, shown["sequence"]) == (Exit.OK, 3)


async def test_g9_joining_again_keeps_the_other_mirrors(world: World, here: Any) -> None:
    """The runbook of a burnt machine joins by one address; the umbrella's stays where it was."""
    (member,) = load(here.config.source).registry.mirrors
    words = ("join", "--root", world.fingerprint, "--mirror")
    await here(*words, world.mirror)
    assert load(here.config.source).registry.mirrors == (world.mirror, member)
    await here(*words, member)
    assert load(here.config.source).registry.mirrors == (member, world.mirror)
