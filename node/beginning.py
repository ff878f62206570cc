"""While a node opens its store: it says how far that is, takes nothing in yet, and can be stopped.

That takes a moment. But the first start of a newer program brings the store up to date, which takes
as long as there is much in it. Meanwhile the local listener answers `/healthz`, `/readyz` with the
step, and all else with 503 `starting`; the log has a line now and then; and who stops the node
waits for the step at hand alone.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.web_urldispatcher import SystemRoute

from keys.errors import UnreadableKeyError
from keys.keyring import MemberKeys
from node.api.app import refuse_unreadable
from node.api.problems import CONTENT_TYPE, MEANING, RETRY_AFTER_S, encode, problem
from node.asking.build import open_places
from node.jurisdiction.build import Jurisdiction
from node.keeping import destroy_expired
from node.listening import serve
from node.matching.fingerprints import Fingerprints
from node.registry.errors import NoRegistryError
from node.registry.updater import RegistryClient
from node.setup.opening import open_keys, store_place
from node.store.contents.near_files import Folder
from node.store.sqlite import Store
from node.store.upgrade.upgrading import BrokenOffError, Step, Upgrade
from node.telemetry.logs import logger
from node.telemetry.routes import ready_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from node.config.sections import Config

AT_ONCE_S: Final = 1.0
"""A store that opens within this needs nobody who speaks for it."""
LOG_EVERY_S: Final = 10.0
MISSING: Final = "store"
"""What `/readyz` lacks until then."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a node is made of, all but its store."""

    config: Config
    keys: MemberKeys
    jurisdiction: Jurisdiction
    registry: RegistryClient
    fingerprints: Fingerprints

    @classmethod
    def of(cls, config: Config) -> Parts:
        """Read and open all that a configuration names but the store.

        Raises:
            KeysError, RegistryError, JurisdictionError: what is wrong, and the mend.
        """
        keys = open_keys(config)
        if not keys.sealing:
            mend = "no sealing key is there, nobody's push could be opened; bring back their backup"
            raise UnreadableKeyError(f"[member] keys_dir: {mend}")
        places, registry = open_places(config), open_registry(config)
        return cls(config, keys, places, registry, Fingerprints(keys.fingerprint_secret))

    def open_store(self, draw: Callable[[int], bytes], upgrade: Upgrade) -> Store:
        """Open the store, which takes long after an upgrade of the program; blocks.

        `draw`: gives so many random bytes.

        Raises:
            BrokenOffError: `upgrade` was.
            StoreError: see `Store.open`.
        """
        config, key = self.config, self.keys.database_key
        return Store.open(
            store_place(config),
            key,
            config.member.id,
            self.fingerprints,
            config.store.group_commit_max,
            Folder(config.member.data_dir / "pictures", key, draw),
            upgrade,
        )


def open_registry(config: Config) -> RegistryClient:
    """Open the registry's memory of this node.

    Raises:
        RegistryError: never joined, or the memory is damaged.
    """
    section = config.registry
    if section.root_sha256 is None:
        raise NoRegistryError("registry.root_sha256: not pinned yet; run `hotline join`")
    pin = bytes.fromhex(section.root_sha256)
    return RegistryClient(pin, section.directory, section.mirrors, member=config.member.id)


def destroy_sealing_keys_here(config: Config, now_ms: int) -> tuple[str, ...]:
    """Destroy the sealing keys on this machine whose time is over at `now_ms` (UTC), by their ids.

    For a process that stands by: its machine has a copy of the keys, and who works destroys its own
    alone. Else what is destroyed there could be opened for as long as this one waits.

    Raises:
        RegistryError: never joined, or the memory is damaged.
        UnsafeKeyFileError: a file cannot be removed.
    """
    registry, member = open_registry(config).current(), config.member
    if member.id not in registry.members:
        return ()
    return destroy_expired(member.keys_dir, registry.member(member.id), now_ms)


async def open_store(
    config: Config,
    opener: Callable[[Upgrade], Store],
    stop: asyncio.Event,
    at_once_s: float = AT_ONCE_S,
) -> Store | None:
    """Open the store on a thread; None: the node was stopped before.

    Raises:
        StoreError: as the opener.
    """
    upgrade, began_s = Upgrade(), time.monotonic()
    opening = asyncio.create_task(asyncio.to_thread(opener, upgrade))
    stopping = asyncio.create_task(stop.wait())
    async with AsyncExitStack() as speaking:
        if not await _ends(opening, stopping, at_once_s):
            await _speak(config, upgrade, speaking)
            _log(upgrade.step)
        while not await _ends(opening, stopping, LOG_EVERY_S):
            _log(upgrade.step)
        stopping.cancel()
        if not opening.done():
            upgrade.break_off()
        try:
            store = await opening
        except BrokenOffError:
            return None
    took_s = time.monotonic() - began_s
    if took_s > at_once_s:
        logger().info("store_open", duration_ms=round(took_s * 1000))
    return store


async def _ends(
    opening: asyncio.Task[Store], stopping: asyncio.Task[bool], within_s: float
) -> bool:
    """Whether one of them is over within a time."""
    both = {opening, stopping}
    done, _ = await asyncio.wait(both, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def _speak(config: Config, upgrade: Upgrade, speaking: AsyncExitStack) -> None:
    """Answer for the node that is not there yet; a port that is taken is complained of later."""
    app = web.Application(middlewares=[_put_off])
    app.add_routes(ready_routes(lambda: [MISSING], lambda: upgrade.step))
    with suppress(OSError):
        runner = await serve(
            app, config.api.listen_host, config.api.listen_port, refusal=refuse_unreadable
        )
        speaking.push_async_callback(runner.cleanup)


@web.middleware
async def _put_off(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is meant for the node that it is to be asked again; nothing of it is read."""
    if isinstance(request.match_info.route, SystemRoute):
        described = problem("starting", MEANING["starting"], None)
        answer = web.Response(
            body=encode(described),
            status=described.status,
            content_type=CONTENT_TYPE,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
        answer.force_close()
        return answer
    return await handler(request)


def _log(step: Step | None) -> None:
    if step is not None:
        logger().info("store_upgrades", code=step.name, count=step.done, size=step.of)
