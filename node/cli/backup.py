"""`hotline backup FILE` and `hotline restore FILE`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from node.cli.looking import probe
from node.cli.output import CliError, Result, note
from node.config import load
from node.setup.backups import bring_back, make_backup, note_backup

if TYPE_CHECKING:
    from pathlib import Path


def backup(path: Path, destination: Path) -> Result:
    """Copy the database, while the node runs or not.

    Raises:
        SetupError, KeysError, StoreError: as `make_backup`.
    """
    config = load(path)
    made = make_backup(config, destination)
    try:
        note_backup(config, time.time_ns() // 1_000_000)
    except OSError as error:
        note(
            f"{config.member.data_dir}: cannot be written ({error.strerror}); doctor will not know"
        )
    data = {"backup": str(made.path), "key": str(made.key), "size_bytes": made.size_bytes}
    text = (
        f"{made.path}: {made.size_bytes} bytes, checked\n"
        f"its key: {made.key}, opened by the unlocking secret; keep the two apart\n"
        f"to bring it back one also needs {config.member.keys_dir} and that secret"
    )
    return Result(data, text)


def restore(path: Path, source: Path, key: Path | None) -> Result:
    """Put a backup in the database's place.

    Raises:
        CliError: the node runs.
        SetupError, KeysError, StoreError: as `bring_back`.
    """
    config = load(path)
    if probe(config).answers:
        raise CliError("node_running", "node: stop it first, then restore")
    target = bring_back(config, source, key, time.time_ns() // 1_000_000)
    text = (
        f"{target}: restored and marked as restored\n"
        "at its start the node asks every peer what it holds; what was done after the backup and\n"
        "told to nobody is lost; hotline doctor says what needs a person. It cosigns no ledger\n"
        "until hotline keys rotate witness --after-restore"
    )
    return Result({"database": str(target)}, text)
