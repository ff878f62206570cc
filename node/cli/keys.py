"""`hotline keys status | rotate | revoke`: this member's keys, their successors, lost trust."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.succession import ROTATED
from node.cli.exits import Exit
from node.cli.options import utc_ms
from node.cli.output import CliError, Result, table
from node.config import load
from node.registry.errors import RegistryError
from node.setup import revoking, rotating
from node.setup.errors import SetupError
from node.setup.joining import joined
from node.setup.key_status import rows_of
from node.setup.opening import open_keys

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config

HOUR_MS = 3_600_000
ALARMS = frozenset({"not published", "not here", "online", "revoked"})


def status(path: Path) -> Result:
    """Show which keys lie here, which of them others see, and until when each serves.

    Raises:
        ConfigError, KeysError, RegistryError: it cannot be read.
    """
    config = load(path)
    rows = rows_of(config, open_keys(config), joined(config), time.time_ns() // 1_000_000)
    shown = [
        (r.purpose, r.key_id or "", r.standing, r.place, _date(r.from_ms), _date(r.until_ms))
        for r in rows
    ]
    wrong = any(row.standing in ALARMS for row in rows)
    return Result(
        {"keys": [asdict(row) for row in rows]},
        table(("purpose", "key", "standing", "place", "from", "until"), shown),
        Exit.PROBLEM if wrong else Exit.OK,
    )


def rotate(
    path: Path, purpose: str, after_h: int, umbrella: str | None, *, after_restore: bool = False
) -> Result:
    """Make and publish the successor of a key; the running node takes it up in its time.

    Raises:
        CliError: there is no such purpose.
        ConfigError, KeysError, RegistryError, SetupError: nothing was published.
    """
    rotated = next((known for known in ROTATED if known == purpose), None)
    if rotated is None:
        mend = f"one of {', '.join(ROTATED)}; sealing keys: hotline publish --rotate"
        raise CliError("usage", f"PURPOSE: must be {mend}", Exit.USAGE)
    if after_restore and rotated != "witness":
        raise CliError("usage", "--after-restore: is for the witness key", Exit.USAGE)
    config, now_ms = load(path), time.time_ns() // 1_000_000
    done = rotating.rotate(
        config, rotated, now_ms, after_h * HOUR_MS, umbrella, after_restore=after_restore
    )
    used = _minutes(done.from_ms)
    text = f"{purpose} key {done.key_id} is published; it is used from {used} on"
    if done.replaces is not None:
        text += f"\n{_left_behind(done, now_ms)}"
    text += f"\nmove {config.member.keys_dir / 'member.key'} back to where it is kept offline"
    return Result(asdict(done), text)


def _left_behind(done: rotating.Rotation, now_ms: int) -> str:
    """Say until when the replaced key counts: on a bad day it must be revoked beside this."""
    until = _minutes(done.until_ms)
    if done.until_ms <= now_ms:
        return f"key {done.replaces} counts for nothing after {until}"
    return (
        f"key {done.replaces} is believed until {until}, and stays listed for what it signed;\n"
        f"if somebody else may have it: hotline keys revoke {done.replaces}"
    )


def _minutes(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="minutes")


def revoke(
    path: Path,
    key_id: str,
    compromised_at: datetime | None = None,
    umbrella: str | None = None,
    *,
    later: bool = False,
) -> Result:
    """Revoke one key for ever; exit code 1 if nobody, or not since when, could be told yet.

    Raises:
        CliError: the time has not been yet, or `later` is said of none.
        ConfigError, KeysError, RegistryError, SetupError: it was not revoked.
    """
    config, now_ms = load(path), time.time_ns() // 1_000_000
    stolen_ms = None if compromised_at is None else utc_ms(compromised_at)
    if stolen_ms is not None and not 0 <= stolen_ms <= now_ms:
        mend = "--compromised-at: must be a time since 1970 that has been"
        raise CliError("usage", mend, Exit.USAGE)
    if later and stolen_ms is None:
        raise CliError("usage", "--later: is for a time: --compromised-at", Exit.USAGE)
    stolen = None if stolen_ms is None else revoking.Stolen(stolen_ms, later)
    done = revoking.revoke(config, key_id, stolen, umbrella)
    unsaid = None if stolen is None else _unsaid(config, key_id, stolen, now_ms, umbrella)
    text = f"{done.purpose} key {done.key_id} is revoked; {done.told} of {done.asked} were told now"
    if done.told < done.asked:
        text += "\nthe others hear it with their next look at the registry; or run this again"
    if done.destroyed:
        text += "\nits private part is destroyed here: what was sealed to it cannot be opened now;"
        text += "\nwhat is under way is asked for again (rekey). Destroy its copies in backups"
    if unsaid is not None:
        text += "\nsince when it was another's is NOT published yet; mend this, and type it again:"
        text += f"\n{unsaid}"
    elif stolen_ms is not None:
        text += "\nthe member document says since when it was another's; void is what it signed"
        text += "\nunless witnesses saw it before, or it is said again under another key"
    unheard = done.asked > 0 and not done.told
    data = {**asdict(done), "compromised_ms": stolen_ms if unsaid is None else None}
    if unsaid is not None:
        data["message"] = unsaid
    return Result(data, text, Exit.PROBLEM if unheard or unsaid is not None else Exit.OK)


def _unsaid(
    config: Config, key_id: str, stolen: revoking.Stolen, now_ms: int, umbrella: str | None
) -> str | None:
    """Publish since when a revoked key was another's; return what kept that from being done."""
    try:
        revoking.state_theft(config, key_id, stolen, now_ms, umbrella)
    except (KeysError, RegistryError, SetupError) as error:
        return str(error)
    return None


def _date(at_ms: int | None) -> str:
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
