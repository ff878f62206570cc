"""`hotline evidence contradictions`, `contradiction NUMBER` and `answer FILE`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.cli.evidence import joined_client, pinned, read_file, with_audit, write_file
from node.cli.output import Result, table
from node.config import load
from node.evidence.contradictions import (
    KeptContradiction,
    clear_ourselves,
    export_contradiction,
    kept_contradictions,
)
from node.registry.updater import read_fingerprint


def contradictions(path: Path) -> Result:
    """List where ledgers contradict channels.

    Raises:
        CliError: this node has not joined a network.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined_client(config)
    registry, notes = client.listed(), client.revocations.notes()
    kept = with_audit(config, lambda audit: kept_contradictions(audit, registry, notes))
    data = [_told(one) for one in kept]
    if not data:
        return Result({"contradictions": []}, "no ledger was found to contradict a channel")
    names = ("number", "accused", "origin", "size", "provable", "found")
    rows = [tuple(str(row[name]) for name in names) for row in data]
    return Result({"contradictions": data}, table(names, rows))


def _told(kept: KeptContradiction) -> dict[str, Any]:
    found = datetime.fromtimestamp(kept.found_ms / 1000, UTC).isoformat(timespec="seconds")
    evidence = kept.evidence
    return {
        "number": kept.number,
        "accused": kept.accused,
        "origin": None if evidence is None else evidence.leaf.origin,
        "size": None if evidence is None else evidence.leaf.size,
        "provable": evidence is not None,
        "found": found,
    }


def contradiction(path: Path, number: int, output: Path | None) -> Result:
    """Write one contradiction, for whoever knows the network's fingerprint.

    Raises:
        UnprovableError: there is none, or it cannot be shown to others.
        CliError: the file stands already, or this node has not joined a network.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined_client(config)
    registry, notes = client.listed(), client.revocations.notes()
    kept = with_audit(config, lambda audit: kept_contradictions(audit, registry, notes))
    raw = export_contradiction(kept, number, config.member.id, registry, client.files(), notes)
    target = output or Path(f"contradiction-{number}.evidence.json")
    write_file(target, raw)
    text = f"{target}: shows nobody's items; hotline evidence verify {target} --root FINGERPRINT"
    return Result({"number": number, "file": str(target), "size_bytes": len(raw)}, text)


def answer(path: Path, file: Path, output: Path | None) -> Result:
    """Write what clears this member of a contradiction: proof that the channel's sender forked.

    Raises:
        BrokenBundleError: the file proves nothing, and needs no answer.
        NothingToAnswerError: it accuses somebody else, or nothing here explains it.
        CliError: a file cannot be read or written, or this node has not joined a network.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined_client(config)
    pin, raw = read_fingerprint(pinned(path)), read_file(file)
    now_ms = time.time_ns() // 1_000_000
    trusted = client.listed(), client.files(), client.revocations.notes()
    made = with_audit(
        config,
        lambda audit: clear_ourselves(audit, raw, config.member.id, now_ms, pin, trusted),
    )
    target = output or Path("answer.evidence.json")
    write_file(target, made)
    text = f"{target}: the sender signed both; hotline evidence verify {target} --root FINGERPRINT"
    return Result({"file": str(target), "size_bytes": len(made)}, text)
