"""HashCheck in a running node: the public listener, what keeps it up to date, its end.

Off unless `[public] enabled`. TLS is the listener's own where it has a certificate, else that of
the operator's proxy before it.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import web

from keys.keyfile import read_private
from keys.keyring import MemberKeys
from node.api.app import refuse_unreadable
from node.hashcheck.allowed import AllowList
from node.hashcheck.app import make_public_app
from node.hashcheck.checking import Checking
from node.hashcheck.contract import DAY_MS
from node.hashcheck.judging import Answer, Blur
from node.hashcheck.listed import Listed
from node.hashcheck.quotas import Quotas
from node.hashcheck.seam import HashCheckStore
from node.hashcheck.verdicts import OwnVerdicts
from node.ids import Ids
from node.jurisdiction.errors import DataFileError
from node.listening import QuietRunner, serve
from node.loops import keep_going
from node.peer.http.door import Connections
from node.peer.http.listener import open_door
from node.store.errors import StoreError
from node.telemetry.logs import logger
from node.telemetry.routes import count_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from node.config.sections import Config, PublicSection
    from node.store.sqlite import Store
    from node.telemetry.metrics import Metrics

FOLLOW_EVERY_S: Final = 1.0
KEEP_EVERY_S: Final = 10.0
ANSWER_S: Final = 30.0
"""How long a caller may take to read one answer."""
DOOR: Final = Connections(per_place=128, new_per_s=50, new_at_once=128, answer_s=ANSWER_S)
"""Of a listener with TLS of its own. Strangers must not use up the descriptors of all."""


class PublicListener:
    """What runs while HashCheck does."""

    def __init__(
        self, checking: Checking, allowed: AllowList, verdicts: OwnVerdicts, listed: Listed
    ) -> None:
        self._checking = checking
        self._allowed = allowed
        self._verdicts = verdicts
        self._followed = (verdicts, listed)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, app: web.Application, public: PublicSection) -> None:
        """Read what was counted today, open the listener, begin to follow.

        Raises:
            StoreError: it cannot be read.
            KeysError: the key of the certificate is not private.
            OSError: the address is taken, or the certificate cannot be read.
        """
        day = self._checking.now_ms() // DAY_MS
        self._checking.quotas.begin(day, dict(await self._checking.store.counts(day)))
        at = public.listen_host, public.listen_port
        tls = tls_of(public)
        if tls is None:
            self._runner = await serve(app, *at, answer_s=ANSWER_S, refusal=refuse_unreadable)
        else:
            self._runner = QuietRunner(
                app, answer_s=ANSWER_S, refusal=refuse_unreadable, access_log=None
            )
            await open_door(self._runner, at, tls, DOOR)
        for name, step in (("hashcheck", self._follow), ("hashcheck_counts", self._keep)):
            self._tasks.append(asyncio.create_task(keep_going(name, step, logger()), name=name))

    async def _follow(self) -> None:
        more = [await one.follow() for one in self._followed]
        await asyncio.to_thread(self._verdicts.tidy)
        await asyncio.sleep(0 if any(more) else FOLLOW_EVERY_S)

    async def _keep(self) -> None:
        """Keep what was counted, look at the allow-list, then wait."""
        await self.keep_counts()
        try:
            if await asyncio.to_thread(self._allowed.look):
                logger().info("data_taken_up", files=1)
        except DataFileError as error:
            logger().error("data_not_taken_up", code=error.code)
        await asyncio.sleep(KEEP_EVERY_S)

    async def keep_counts(self) -> None:
        """Add to the store what was counted since it was last done.

        Raises:
            StoreError: nothing was kept; it is kept the next time.
        """
        day, fresh = self._checking.quotas.fresh()
        if not fresh:
            return
        try:
            await self._checking.store.count(day, fresh)
        except BaseException:
            self._checking.quotas.give_back(fresh)
            raise

    async def stop(self) -> None:
        """Stop listening and following; what was counted is kept."""
        if self._runner is not None:
            await self._runner.cleanup()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(StoreError):
            await self.keep_counts()


async def open_public(
    config: Config, keys: MemberKeys, store: Store, metrics: Metrics, now_ms: Callable[[], int]
) -> PublicListener | None:
    """Open the public listener of a node; None: it has none.

    Raises:
        DataFileError, StoreError, KeysError, OSError: it could not start.
    """
    if not config.public.enabled:
        return None
    allowed = AllowList(config.hashcheck.allow_list)
    verdicts = OwnVerdicts(store.judged, config.member.id)

    def told(answer: Answer, times: int) -> None:
        metrics.hashcheck_answers.labels(str(answer)).inc(times)

    kept: HashCheckStore = store.hashchecks
    listed = Listed(store.known_content)
    checking = Checking(
        store=kept,
        contents=(verdicts, listed),
        allowed=lambda: allowed.digests,
        harmless=listed.harmless,
        blur=Blur(keys.fingerprint_secret),
        ids=Ids(config.member.id),
        now_ms=now_ms,
        quotas=Quotas(),
        min_bytes=config.hashcheck.min_bytes,
        on_answers=told,
    )
    count = count_requests(metrics, "public", time.perf_counter)
    listener = PublicListener(checking, allowed, verdicts, listed)
    await listener.start(make_public_app(checking, [count]), config.public)
    logger().info("public_listener_open", port=config.public.listen_port)
    return listener


def tls_of(public: PublicSection) -> ssl.SSLContext | None:
    """Return the TLS of a listener that has a certificate.

    Raises:
        KeysError: others could read its key.
        OSError: certificate or key cannot be read.
    """
    if public.tls_certificate is None or public.tls_key is None:
        return None
    read_private(public.tls_key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(public.tls_certificate, public.tls_key)
    return context
