"""Opening the peer listener: TLS, a bounded number of connections, a bounded handshake."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from node.listening import QuietRunner
from node.peer.pins import server_context

if TYPE_CHECKING:
    from keys.tls import TlsKey


@dataclass(frozen=True, slots=True)
class Connections:
    """How many connections the listener keeps, and how long a handshake and a stop may take."""

    most: int = 512
    handshake_s: float = 10.0
    shutdown_s: float = 10.0


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
        host: address to bind.
        port: 0 for any; `runner.addresses` tells which.
        key: the TLS key whose SPKI the member document lists.
        connections: bounds.

    Raises:
        OSError: the address cannot be bound.
    """
    bounds = connections or Connections()
    runner = QuietRunner(app, shutdown_timeout=bounds.shutdown_s)
    await runner.setup()
    site = _Site(runner, host, port, server_context(key), bounds)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


class _Site(web.BaseSite):
    """A TCP site that turns callers away while it is full."""

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        context: ssl.SSLContext,
        bounds: Connections,
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._host = host
        self._port = port
        self._bounds = bounds

    @property
    def name(self) -> str:
        return "peer"

    async def start(self) -> None:
        await super().start()
        server = self._runner.server
        assert server is not None

        def connect() -> asyncio.Protocol:
            full = len(server.connections) >= self._bounds.most
            return _Full() if full else server()

        self._server = await asyncio.get_running_loop().create_server(
            connect,
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=self._bounds.handshake_s,
        )


class _Full(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
