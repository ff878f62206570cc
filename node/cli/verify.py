"""`hotline verify`: walk all that this node keeps, and say what holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.output import CliError, Result, table
from node.config import load
from node.evidence.believed import Believed
from node.evidence.verify import verify as walk
from node.matching.fingerprints import Fingerprints
from node.setup.joining import joined
from node.store.audit import Audit
from node.store.connection import open_reader

if TYPE_CHECKING:
    from pathlib import Path

    from node.evidence.findings import Findings


def verify(path: Path) -> Result:
    """Verify channel logs, checkpoints, receipts and history of this node.

    Raises:
        CliError: this node has not joined a network: there is nothing to verify against.
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config = load(path)
    client = joined(config)
    if client is None:
        raise CliError("registry_none", "[registry] root_sha256: not joined yet; hotline join")
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    believed = Believed(
        config.member.id,
        client.listed(),
        Fingerprints(keys.fingerprint_secret),
        keys.node_secret,
    )
    connection = open_reader(config.store.path, keys.database_key)
    try:
        findings = walk(Audit(connection), believed)
    finally:
        connection.close()
    data = {
        "holds": findings.holds,
        "counts": findings.counts,
        "findings": [asdict(finding) for finding in findings.found],
        "witnessed": False,
    }
    return Result(data, _text(findings), Exit.OK if findings.holds else Exit.PROBLEM)


def _text(findings: Findings) -> str:
    counts = table(("checked", "number"), sorted(findings.counts.items()))
    if findings.holds:
        return f"{counts}\n\nverified=ok (not witnessed)"
    rows = [(finding.where, finding.place, finding.why) for finding in findings.found]
    return f"{counts}\n\n{table(('where', 'place', 'why'), rows)}\n\nverified=no"
