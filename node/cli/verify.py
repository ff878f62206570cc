"""`hotline verify`: walk all that this node keeps, and say what holds."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.cli.output import CliError, Result, table
from node.config import load
from node.evidence.believed import Believed
from node.evidence.verify import verify as walk
from node.matching.fingerprints import Fingerprints
from node.peer.ledgers.witnessing import Standing, counting, standing
from node.setup.joining import joined
from node.setup.opening import not_joined, open_keys, store_place
from node.store.audits.audit import Audit
from node.store.beside import reading

if TYPE_CHECKING:
    from pathlib import Path

    from keys.registry import Registry
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
        raise CliError("registry_none", not_joined(config))
    keys = open_keys(config)
    believed = Believed(
        config.member.id,
        client.listed(),
        Fingerprints(keys.fingerprint_secret),
        keys.node_secret,
        client.revocations.revoked(),
    )
    with reading(store_place(config), keys.database_key) as store:
        audit = store.read(Audit)
        findings = walk(audit, believed)
        stands = _standing(audit, config.member.id, client.listed())
    data = {
        "holds": findings.holds,
        "counts": findings.counts,
        "bodiless_after_recovery": findings.bodiless,
        "erased_without_word": findings.unsaid,
        "findings": [asdict(finding) for finding in findings.found],
        "witnessed": stands.since_s is not None,
        "witnessed_by": list(stands.by),
        "witnessed_s": stands.since_s,
        "not_witnessed_for": list(stands.lacking),
    }
    return Result(data, _text(findings, stands), Exit.OK if findings.holds else Exit.PROBLEM)


def _standing(audit: Audit, us: str, registry: Registry) -> Standing:
    """How the newest head of the ledger is witnessed, by what is kept and was just verified."""
    head, partners = audit.witnesses.newest_head(), audit.witnesses.partners()
    given = {} if head is None else counting(registry, head.given)
    return standing(us, partners, given, ())


def _witnessed(stands: Standing) -> str:
    if stands.since_s is not None:
        at = datetime.fromtimestamp(stands.since_s, UTC).isoformat().replace("+00:00", "Z")
        return f"witnessed by {', '.join(stands.by)} at {at}"
    return f"not witnessed for {', '.join(stands.lacking)}" if stands.lacking else "not witnessed"


def _text(findings: Findings, stands: Standing) -> str:
    counts = table(("checked", "number"), sorted(findings.counts.items()))
    if any(name.startswith("void_") for name in findings.counts):
        counts += "\n\nvoid: signed by a key that was revoked, not said again under another one,"
        counts += "\nand not seen by witnesses in our ledger before the theft"
    if findings.bodiless:
        bare = sorted((channel, str(number)) for channel, number in findings.bodiless.items())
        counts += "\n\ncame back without a body, erased at the peer by its own word:\n"
        counts += table(("channel", "entries"), bare)
    if findings.unsaid:
        unsaid = sorted((channel, str(number)) for channel, number in findings.unsaid.items())
        counts += "\n\nof these the peer never told us that it erased them:\n"
        counts += table(("channel", "entries"), unsaid)
    if findings.holds:
        return f"{counts}\n\nverified=ok ({_witnessed(stands)})"
    rows = [(finding.where, finding.place, finding.why) for finding in findings.found]
    return f"{counts}\n\n{table(('where', 'place', 'why'), rows)}\n\nverified=no"
