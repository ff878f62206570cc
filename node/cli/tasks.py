"""`hotline tasks`, `resume`, `restored`: what waits for a person, and the answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.cli.looking import store_of
from node.cli.output import CliError, Result, table
from node.config import load
from node.doctor.findings import span
from node.setup.opening import open_database_key, store_place
from node.store.beside import alone, writing
from node.store.contents.hashcheck import COMPLAINED, is_kept
from node.store.items.decisions import (
    close_task,
    held_of,
    let_go,
    resume_channel,
    say_compromised,
    say_restored,
)
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.config import Config
    from node.store.beside import Beside

SHOWN = 1000


def listing(path: Path) -> Result:
    """List what waits for a person, the oldest first.

    Raises:
        ConfigError, KeysError, StoreError: it cannot be read.
    """
    now_ms = _now_ms()
    with store_of(load(path)) as queries:
        tasks = asyncio.run(queries.tasks(SHOWN))
    data = [{"code": code, "subject": subject, "opened_ms": at} for code, subject, at in tasks]
    rows = [(code, subject, span(now_ms - at)) for code, subject, at in tasks]
    text = table(("task", "subject", "open for"), rows) if rows else "nothing waits for a person"
    return Result({"tasks": data}, text)


def close(path: Path, code: str, subject: str) -> Result:
    """Close a task that a person has dealt with; the node may run meanwhile.

    Raises:
        CliError: there is no such open task, or a decision closes it.
        ConfigError, KeysError, StoreError: it cannot be written.
    """
    with _store(load(path)) as store:
        # Nothing else brings an open complaint before a person.
        if code == COMPLAINED and store.read(is_kept, subject):
            mend = "hotline hashcheck complaints --uphold or --reject; that closes the task"
            raise CliError("not_decided", f"task: decide it by {mend}")
        count = store.write(close_task, code, subject, _now_ms())
    if not count:
        raise CliError("unknown_task", "task: no such open task; see hotline tasks list")
    return Result({"closed": count}, f"closed {count}")


def release(path: Path, member: str) -> Result:
    """Let what waits for a person because of its sender be judged; the node may run meanwhile.

    What a member took back beyond the bound, and items of an expelled one that are in quarantine.

    Raises:
        CliError: nothing of that member waits.
        ConfigError, KeysError, StoreError: it cannot be written.
    """
    with _store(load(path)) as store:
        count = store.read(held_of, member)
        store.write(let_go, member, _now_ms())
    if not count:
        what = "member: nothing of it waits for a person; see hotline tasks list"
        raise CliError("nothing_waits", what)
    text = f"{count} entries of {member} are judged now, in the order they came"
    return Result({"released": count}, text)


def resume(path: Path, peer: str, lane: str) -> Result:
    """Let a stopped channel run again, after a person has looked.

    Raises:
        CliError: the lane does not exist, or the channel is not stopped.
        StoreError: the node runs, or the database cannot be written.
    """
    if lane not in set(Lane):
        raise CliError("usage", f"lane: write one of {', '.join(Lane)}", Exit.USAGE)
    config = load(path)
    with alone(store_place(config), open_database_key(config)) as store:
        count = store.write(resume_channel, peer, Lane(lane), _now_ms())
    if not count:
        raise CliError("not_stopped", "channel: is not stopped; see hotline peers")
    return Result({"resumed": count}, f"{peer}/{lane} goes on at the next start of the node")


def restored(path: Path, snapshot_ms: int = 0) -> Result:
    """Say that the database was set back by other means than `hotline restore`.

    Raises:
        StoreError: the node runs, or the database cannot be written.
        ConfigError, KeysError: it cannot be opened.
    """
    config = load(path)
    with alone(store_place(config), open_database_key(config)) as store:
        count = store.write(say_restored, _now_ms(), snapshot_ms)
    text = (
        "marked as restored; at its next start the node takes over what its peers hold beyond it,\n"
        f"once for each channel; {count} channels that had stopped for it go on. Notices and\n"
        "referrals wait until a person has looked (hotline tasks list, outside_held).\n"
        "It cosigns no ledger until hotline keys rotate witness --after-restore"
    )
    return Result({"resumed": count}, text)


def compromised(path: Path, peer: str, lane: str) -> Result:
    """Say that somebody else signed on a channel of ours, which stopped for that.

    Raises:
        CliError: the lane does not exist, or the channel has not stopped for an unknown history.
        StoreError: the node runs, or the database cannot be written.
        ConfigError, KeysError: it cannot be opened.
    """
    if lane not in set(Lane):
        raise CliError("usage", f"lane: write one of {', '.join(Lane)}", Exit.USAGE)
    config, now_ms = load(path), _now_ms()
    with alone(store_place(config), open_database_key(config)) as store:
        count = store.write(say_compromised, peer, Lane(lane), now_ms)
    if not count:
        raise CliError("not_stopped", "channel: did not stop for a history that is not known here")
    text = (
        f"{peer}/{lane} goes on at the next start of the node, after what somebody else signed;\n"
        f"{peer} is told that it is not ours, and what of ours has no receipt is said again.\n"
        "The task history_disowned names the range; call them as well"
    )
    return Result({"resumed": count}, text)


@contextmanager
def _store(config: Config) -> Iterator[Beside]:
    key = open_database_key(config)
    with writing(store_place(config), key) as store:
        yield store


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
