"""`hotline store migrate`: the database goes from its file to a server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.cli.output import CliError, Result, note, table
from node.config import load
from node.setup import moving

if TYPE_CHECKING:
    from pathlib import Path

_USAGE = "write --to postgresql://USER@HOST:PORT/DATABASE?sslmode=..., or --abandon, not both"


class _Teller:
    """Tells now and then, on stderr, what is being done."""

    EVERY_S = 10.0

    def __init__(self) -> None:
        self._next_s = time.monotonic() + self.EVERY_S

    def tell(self, what: str, count: int) -> None:
        """Tell, if it is time to."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + self.EVERY_S
            note(f"{what}: {count}")


def migrate(path: Path, to: str | None, password: str | None, *, abandon: bool) -> Result:
    """Move the store of a node, or forget a move that is not done.

    Raises:
        CliError: neither or both were asked for, or no move is under way.
        ConfigError, KeysError, SetupError, StoreError: as `node.setup.moving.move`.
    """
    if (to is None) is not abandon:
        raise CliError("usage", f"--to: {_USAGE}", Exit.USAGE)
    config = load(path)
    if to is None:
        if not moving.abandon(config):
            raise CliError("not_moving", "--abandon: no move of this store is under way")
        text = "forgotten; the node goes on with its file. Drop what was copied on the server"
        return Result({"abandoned": True}, text)
    moved = moving.move(config, moving.Wish(to, password), _Teller().tell)
    data = {"store": to, "rows": moved.rows, "heads": moved.heads, "pause_s": moved.pause_s}
    rows = table(("table", "rows"), sorted(moved.rows.items()))
    pause = "in an earlier attempt" if moved.pause_s is None else f"{moved.pause_s:.2f} s"
    text = (
        f"{rows}\n\nmoved and compared; {moved.heads} heads of logs computed anew; pause: {pause}\n"
        f"{config.source} names the server now. A node that ran has ended or does so at once:\n"
        "start it again (systemd does), then hotline verify. The file takes nothing any more;\n"
        "keep it until a backup of the server was brought back once, then destroy it"
    )
    return Result(data, text)
