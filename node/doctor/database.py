"""Judging where the store stands: what its server lets it do, and what a move left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity, span
from node.setup.backups import last_backup_ms
from node.store.history import first_learnt_ms
from node.store.moving.source import moving_of
from node.store.postgres.upkeep import is_owned, may_only_read
from node.store.seam import neglected

if TYPE_CHECKING:
    from pathlib import Path

    from node.config import Config
    from node.store.beside import Beside
    from node.store.moving.source import Moving


DAY_MS = 24 * 3_600_000


def check_database(config: Config, store: Beside, now_ms: int) -> list[Finding]:
    """Look at a store that is open: on a server, or in a file that may be on its way to one.

    Raises:
        StoreError: it cannot be read.
    """
    if config.store.url is None:
        began = store.read(moving_of)
        return ([] if began is None else [_moving(began)]) + _copied(config, store, now_ms)
    findings = []
    if store.read(may_only_read):
        what = "the server lets nobody write here (default_transaction_read_only is on)"
        mend = "see why: its disk may be nearly full; then RESET it for system, database and role"
        findings.append(Finding(Severity.CRITICAL, "database", "store_full", what, mend))
    if neglect := store.read(neglected):
        what = f"the server keeps what is erased and changed: {'; '.join(neglect)}"
        mend = "switch autovacuum on; end old transactions and unused replication slots there"
        findings.append(Finding(Severity.WARNING, "database", "store_not_vacuumed", what, mend))
    if not store.read(is_owned):
        what = (
            "the node's user does not own the store: a version that changes its tables is refused"
        )
        mend = "REASSIGN OWNED BY its owner TO the node's user, there"
        findings.append(Finding(Severity.WARNING, "database", "store_not_owned", what, mend))
    return findings + _left(config.store.path)


def _copied(config: Config, store: Beside, now_ms: int) -> list[Finding]:
    """A timer that fails in silence is noticed on the day when the disk is gone, or here."""
    days = config.store.backup_alarm_days
    made_ms = last_backup_ms(config)
    if made_ms is None or made_ms > now_ms:  # a time to come says nothing, and would for long
        made_ms = store.read(first_learnt_ms)
    if not days or made_ms is None or now_ms - made_ms < days * DAY_MS:
        return []
    what = f"of the last {span(now_ms - made_ms)} there is no backup from here"
    mend = "hotline backup FILE, each night (deploy/hotline-backup.timer), and carry it away"
    return [Finding(Severity.WARNING, "database", "backup_old", what, mend)]


def _moving(began: Moving) -> Finding:
    again = "hotline store migrate with the same --to"
    if began.done_ms is None:
        what = f"a move to {began.to} is not done: the file notes every change, and grows"
        mend = f"{again}, unless it runs; else hotline store migrate --abandon"
        return Finding(Severity.WARNING, "database", "store_moving", what, mend)
    if began.unfinished:
        what = f"the file is closed and the move to {began.to} not done: no node begins on either"
        mend = f"{again}; if that server is lost: hotline store migrate --abandon"
        return Finding(Severity.CRITICAL, "database", "store_move_unfinished", what, mend)
    what = f"this store has moved to {began.to}"
    mend = "set [store] url to it" if began.opened else f"{again}: it ends what may be left to do"
    return Finding(Severity.CRITICAL, "database", "store_moved", what, mend)


def _left(path: Path) -> list[Finding]:
    """The file that the store moved out of takes no change, so nothing in it is ever erased."""
    if not path.exists():
        return []
    what = (
        f"{path} is there still, from before the move to the server: retention erases nothing in it"
    )
    mend = "bring a backup of the server back once; then destroy the file"
    return [Finding(Severity.WARNING, "database", "store_file_left", what, mend)]
