"""Listeners that strangers reach: TLS behind a door that counts; bounded handshakes and answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web

from keys.keyfile import use_tls_key
from node.listening import QuietRunner
from node.peer.http.door import Connections, Door
from node.peer.http.pins import server_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.tls import TlsKey

PAUSE_S: Final = 0.5
"""After the machine would not give us a connection: out of descriptors, as a rule."""
AT_ONCE: Final = 32
"""Connections taken before others have their turn: who knocks without end holds up nobody."""


async def listen(
    app: web.Application,
    host: str,
    port: int,
    key: TlsKey,
    connections: Connections | None = None,
) -> web.AppRunner:
    """Serve the application of `make_peer_app`; `runner.cleanup()` ends it.

    Args:
        app: what to serve.
        host: IP address to bind.
        port: 0 for any; `runner.addresses` tells which.
        key: the TLS key whose SPKI the member document lists.
        connections: bounds.

    Raises:
        OSError: the address cannot be bound.
    """
    bounds = connections or Connections()
    runner = QuietRunner(app, answer_s=bounds.answer_s, shutdown_timeout=bounds.shutdown_s)
    await open_door(runner, (host, port), server_context(key), bounds)
    return runner


async def open_door(
    runner: QuietRunner, at: tuple[str, int], context: ssl.SSLContext, bounds: Connections
) -> None:
    """Serve what a runner holds over TLS, behind a door that counts; `runner.cleanup()` ends it.

    Args:
        runner: not set up yet.
        at: IP address and port to bind.
        context: the TLS.
        bounds: of connections.

    Raises:
        OSError: the address cannot be bound.
    """
    await runner.setup()
    try:
        await _Site(runner, at, context, bounds).start()
    except OSError:
        await runner.cleanup()
        raise


def show_certificate(runner: web.AppRunner, key: TlsKey) -> None:
    """Show another certificate from now on; connections that are open stay as they are.

    Args:
        runner: as `listen` gave it.
        key: whose SPKI the member document lists.
    """
    for site in runner.sites:
        if isinstance(site, _Site):
            site.show(key)


class _Site(web.BaseSite):
    """A TCP site that turns callers away while it is full."""

    def __init__(
        self,
        runner: QuietRunner,
        at: tuple[str, int],
        context: ssl.SSLContext,
        bounds: Connections,
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._at = at
        self._bounds = bounds
        self._quiet = runner

    @property
    def name(self) -> str:
        return "peer"

    def show(self, key: TlsKey) -> None:
        """Begin every handshake from now on with this key."""
        assert self._ssl_context is not None
        use_tls_key(self._ssl_context, key)

    async def start(self) -> None:
        await super().start()
        family = socket.AF_INET6 if ":" in self._at[0] else socket.AF_INET
        bound = socket.create_server(self._at, family=family, backlog=self._backlog)
        bound.settimeout(0)
        assert self._ssl_context is not None
        accepting = _Accepting(bound, self._quiet, self._ssl_context, self._bounds)
        self._server = cast("asyncio.AbstractServer", accepting)  # of which `close` is called


class _Accepting:
    """Takes connections, one task for each while its handshake is under way."""

    def __init__(
        self,
        bound: socket.socket,
        runner: QuietRunner,
        context: ssl.SSLContext,
        bounds: Connections,
    ) -> None:
        self._bound = bound
        self._runner = runner
        self._context = context
        self._bounds = bounds
        self._door = Door(bounds)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wait()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """Return what is bound."""
        return (self._bound,) if self._bound.fileno() >= 0 else ()

    def close(self) -> None:
        """Accept nobody any more; handshakes under way are broken off."""
        self._loop.remove_reader(self._bound)
        for task in self._tasks:
            task.cancel()
        self._bound.close()

    def _wait(self) -> None:
        if self.sockets:
            self._loop.add_reader(self._bound, self._accept)

    def _accept(self) -> None:
        """Take some of those who knock; then it is the turn of those who are inside."""
        turned_away = False
        for _ in range(AT_ONCE):
            try:
                accepted, address = self._bound.accept()
            except (BlockingIOError, ConnectionError):
                break
            except OSError:
                self._pause(PAUSE_S)
                return
            turned_away |= not self._let_in(accepted, address[0])
        if turned_away:
            self._pause(self._bounds.breath_s)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._bound)
        self._loop.call_later(seconds, self._wait)

    def _let_in(self, accepted: socket.socket, address: str) -> bool:
        leave = self._door.enter(address, int(self._loop.time() * 1000))
        if leave is None:
            accepted.close()
            return False
        task = self._loop.create_task(self._shake_hands(accepted, leave))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _shake_hands(self, accepted: socket.socket, leave: Callable[[], None]) -> None:
        try:
            await self._loop.connect_accepted_socket(
                partial(self._runner.handler, leave),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._bounds.handshake_s,
            )
        except (OSError, asyncio.CancelledError):
            leave()
            accepted.close()
