"""The floor of P12: a process that loads keys, opens the database, listens twice, and is ready.

    python -m benchmarks.floor_start FOLDER PORT

`FOLDER` holds keys and `sender.db` as the floor leaves them; `/readyz` answers on `PORT`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from pathlib import Path

from aiohttp import web

from benchmarks.clients import run
from benchmarks.floor import load_keys
from keys.keyfile import use_tls_key
from node.store.connection import open_writer


async def ready(_: web.Request) -> web.Response:
    """Say so."""
    return web.json_response({"status": "ready"})


async def work(folder: Path, port: int) -> None:
    """Open everything, then wait for SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    keys = load_keys(folder, "sender")
    connection = open_writer(folder / "sender.db", keys.database_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    use_tls_key(context, keys.tls)
    app = web.Application()
    app.router.add_get("/readyz", ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as peer:
        await web.SockSite(runner, peer, ssl_context=context).start()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await stop.wait()
        await runner.cleanup()
    connection.close()


if __name__ == "__main__":
    run(work(Path(sys.argv[1]), int(sys.argv[2])))
