"""Verifying what witnesses said of our ledger, and what we cosigned as one for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.errors import KeysError
from protocol.errors import ProtocolError, UnheardCosignerError, UnheardKeyError
from protocol.ledger import LedgerHead, LedgerOrigin, read_ledger_head, verify_ledger_head
from protocol.showing import Parties, from_bytes, verify_showing
from protocol.witness import MAX_WITNESSED_BYTES, take_cosignature

if TYPE_CHECKING:
    from node.evidence.believed import Believed
    from node.evidence.findings import Findings
    from node.store.audits.audit import Audit
    from node.store.ledgers.witness import WitnessedRow

OURS = "ledger_cosignatures"
OTHERS = "witnessed"
SEEN = "ledgers_seen"


def verify_cosignatures(audit: Audit, believed: Believed, findings: Findings) -> None:
    """See that each cosignature is one on that head of ours, at that time.

    One that counts no more, since its witness lists the key no more or has ended its turn before
    that time, is counted, and says nothing.
    """
    heads = {row.number: row.note for row in audit.ledger_notes()}
    for number, witness, lines, time_s in audit.witnesses.cosignatures():
        place = f"{number}/{witness}"
        note = heads.get(number)
        if note is None:
            findings.add(OURS, place, "head_missing")
            continue
        try:
            document = believed.registry.member(witness)
            ends = document.witness_ends
            taken = take_cosignature(note, lines, witness, document.witness_keys, ends)
            findings.count("cosignatures")
            findings.expect(taken == (lines, time_s), OURS, place, "cosignature")
        except UnheardCosignerError:
            findings.count("cosignatures_that_count_no_more")
        except (ProtocolError, KeysError):
            findings.add(OURS, place, "cosignature")


def verify_witnessed(audit: Audit, believed: Believed, findings: Findings) -> None:
    """See that what we cosigned is what its owner signed, and that only past epochs lack it."""
    rows = audit.witnesses.witnessed()
    newest = {row.member: row.epoch for _, row in rows}
    for expected, (number, row) in enumerate(rows, start=1):
        place = f"{row.member}/{row.epoch.hex()}"
        findings.expect(number == expected, OTHERS, place, "gap")
        findings.count("ledgers_witnessed")
        if row.note is None or newest[row.member] != row.epoch:
            is_over = row.note is None and newest[row.member] != row.epoch
            findings.expect(is_over, OTHERS, place, "note_missing")
            continue
        findings.expect(_is_ours(row, row.note, believed), OTHERS, place, "cosignature")


def verify_seen(audit: Audit, believed: Believed, findings: Findings) -> None:
    """See that what we remember of each member's ledger is what its owner signed."""
    for member, seen in audit.witnesses.seen():
        findings.count("ledgers_seen")
        network = believed.registry.network_id
        head = LedgerHead(LedgerOrigin(network, member, seen.epoch), seen.size, seen.root)
        signed = False
        try:
            signed = read_ledger_head(seen.note) == head
            verify_ledger_head(seen.note, believed.registry.member(member).log_keys)
        except UnheardKeyError:
            pass  # its owner lists that log key no more; whether it signed can't be judged here
        except (ProtocolError, KeysError):
            signed = False
        findings.expect(signed, SEEN, member, "head")


def verify_differences(audit: Audit, believed: Believed, findings: Findings) -> None:
    """See that what members showed of their ledgers is still signed by them.

    One under a log key or witness key that is listed no more is counted, and not judged.
    """
    registry, us = believed.registry, believed.us
    witnesses, ends = registry.witness_keys, registry.witness_ends
    for number, peer, raw, _ in audit.witnesses.differences():
        findings.count("ledger_differences")
        try:
            keys = registry.member(peer).log_keys
            parties = Parties(registry.network_id, peer, us, keys, witnesses, ends)
            verify_showing(from_bytes(raw), parties)
        except UnheardKeyError:
            findings.count("ledger_differences_by_unlisted_keys")
        except (ProtocolError, KeysError):
            findings.add("ledger_differences", number, "proves_nothing")


def _is_ours(row: WitnessedRow, note: bytes, believed: Believed) -> bool:
    registry, us = believed.registry, believed.us
    origin = LedgerOrigin(registry.network_id, row.member, row.epoch)
    try:
        keys = registry.member(row.member).log_keys
        head = verify_ledger_head(note, keys, MAX_WITNESSED_BYTES)
        if head != LedgerHead(origin, row.size, row.root):
            return False
        return take_cosignature(note, b"", us, registry.member(us).witness_keys)[1] == row.time_s
    except (UnheardKeyError, UnheardCosignerError):
        return True  # a key that is listed no more; what it signed can't be judged here
    except (ProtocolError, KeysError):
        return False
