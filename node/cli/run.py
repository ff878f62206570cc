"""`hotline run`: the node itself, until told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from node.app import run as run_node
from node.app import run_blocking
from node.cli.exits import Exit
from node.cli.output import CliError, Result
from node.cli.signals import stop_on_signals
from node.config import load
from node.telemetry.logs import catch_uncaught, configure

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config


def run(path: Path) -> Result:
    """Run the node of a configuration until SIGTERM or Ctrl-C.

    Raises:
        ConfigError, KeysError, StoreError, RegistryError, JurisdictionError: it cannot start.
        CliError: a listener's address is taken.
    """
    config = load(path)
    configure(config.member.log_level, config.member.log_format, config.member.id)
    catch_uncaught()
    run_blocking(_run(config))
    return Result({"stopped": True})


async def _run(config: Config) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await run_node(config, stop)
    except OSError as error:
        if error.filename is not None:
            raise
        mend = f"cannot listen ({error.strerror}); change [peer], [api] or [public] listen_port"
        raise CliError("listen_failed", f"listeners: {mend}", Exit.CONFIGURATION) from None
