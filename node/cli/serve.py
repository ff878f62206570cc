"""`hotline network serve`: publish the registry and sign it unattended, until told to stop."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.output import CliError, Result, note
from node.cli.signals import stop_on_signals
from node.config import load
from node.listening import QuietRunner
from node.registry.create import load_online
from node.registry.directory import RepositoryDirectory
from node.registry.serve import RegistryServer, make_app, resign_forever
from node.telemetry.logs import catch_uncaught, configure, log_loop_error, logger

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config


def serve(path: Path) -> Result:
    """Serve the registry in the configuration's directory until SIGTERM or Ctrl-C.

    Raises:
        RegistryError, KeysError: there is no network here, or its keys do not open.
        CliError: the address is in use.
    """
    config = load(path)
    configure(config.member.log_level, config.member.log_format, config.member.id)
    catch_uncaught()
    directory = RepositoryDirectory(config.registry.directory)
    server = RegistryServer(
        directory, load_online(directory, Unlock.from_config(config.member.unlock))
    )
    server.resign_due(now_ms())
    asyncio.run(_serve(config, server))
    return Result({"stopped": True})


async def _serve(config: Config, server: RegistryServer) -> None:
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    stop = asyncio.Event()
    stop_on_signals(stop)
    runner = QuietRunner(make_app(server, now_ms), access_log=None)
    await runner.setup()
    host, port = config.public.listen_host, config.public.listen_port
    signing = asyncio.create_task(resign_forever(server, now_ms))
    try:
        await web.TCPSite(runner, host, port).start()
        logger().info("registry_served", port=port)
        note(f"serving the registry on http://{host}:{port}")
        await stop.wait()
    except OSError as error:
        message = f"[public] listen_port: cannot listen there ({error.strerror}); choose another"
        raise CliError("listen_failed", message, Exit.CONFIGURATION) from None
    finally:
        signing.cancel()
        with suppress(asyncio.CancelledError):
            await signing
        await runner.cleanup()


def now_ms() -> int:
    """Give this machine's clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000
