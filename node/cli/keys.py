"""`hotline keys status | revoke`: this member's keys, and taking trust from one of them."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.output import Result, table
from node.config import load
from node.setup import revoking
from node.setup.joining import joined
from node.setup.key_status import KeyRow, key_rows

if TYPE_CHECKING:
    from pathlib import Path

ALARMS = frozenset({"not published", "not here", "online", "revoked"})


def status(path: Path) -> Result:
    """Show which keys lie here, which of them others see, and until when each serves.

    Raises:
        ConfigError, KeysError, RegistryError: it cannot be read.
    """
    config = load(path)
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    client = joined(config)
    document, revoked = None, frozenset[str]()
    if client is not None:
        document = client.current().members.get(config.member.id)
        revoked = client.revocations.revoked().get(config.member.id, revoked)
    rows = key_rows(keys, document, time.time_ns() // 1_000_000, revoked)
    shown = [(row.purpose, row.key_id or "", row.standing, _until(row)) for row in rows]
    wrong = any(row.standing in ALARMS for row in rows)
    return Result(
        {"keys": [asdict(row) for row in rows]},
        table(("purpose", "key", "standing", "until"), shown),
        Exit.PROBLEM if wrong else Exit.OK,
    )


def revoke(path: Path, key_id: str) -> Result:
    """Revoke one key for ever; exit code 1 if nobody could be told yet.

    Raises:
        ConfigError, KeysError, RegistryError: it was not revoked.
    """
    done = revoking.revoke(load(path), key_id)
    text = f"{done.purpose} key {done.key_id} is revoked; {done.told} of {done.asked} were told now"
    if done.told < done.asked:
        text += "\nthe others hear it with their next look at the registry; or run this again"
    unheard = done.asked > 0 and not done.told
    return Result(asdict(done), text, Exit.PROBLEM if unheard else Exit.OK)


def _until(row: KeyRow) -> str:
    if row.until_ms is None:
        return ""
    return datetime.fromtimestamp(row.until_ms / 1000, UTC).date().isoformat()
