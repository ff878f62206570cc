"""A ledger that contradicts a channel, as a file for third parties (`hx1-contradiction`, §8.14.6).

1. The file is one: fields, types, version.
2. The registry in it verifies from the pinned first root, and its network is the one named.
3. The leaf stands under a head of the ledger of the member accused, signed by its log key.
4. The checkpoint is signed by the log key of the channel's sender; where that is not the accused,
   the receipt is the accused's, on this very checkpoint. No key here is one that was stolen, by its
   owner's word or by a revocation note in the file, each of which counts by itself.
5. Leaf and checkpoint cannot both be true (`protocol.contradiction`).

Against the sender of the channel this is proof. A receiver clears itself, if it was deceived, with
the other checkpoint that the sender signed (`clear_ourselves`): that proves that the sender forked.
Nothing of what was said is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from keys.errors import KeysError
from keys.registry import Registry
from keys.signing import VerifyKey
from node.evidence.bundle import encode64
from node.evidence.errors import BrokenBundleError, NothingToAnswerError, UnprovableError
from node.evidence.forks import export_fork
from node.evidence.notes_part import concerning, known, trust_of
from node.evidence.proof_file import bytes_of, read_file, registry_of, type_of
from node.evidence.weight import Trust
from node.peer.channels.forks import KeptFork
from node.store.audits.audit import Audit
from node.store.audits.witness_audit import DifferenceRow, SignedRow
from protocol.checkpoint import Origin, read_checkpoint
from protocol.contradiction import (
    Contradicted,
    Contradiction,
    KeysOf,
    clear,
    verify_contradiction,
)
from protocol.errors import ProtocolError
from protocol.fork import fork_nodes
from protocol.ledger import LoggedHead
from protocol.showing import ShownHead, ShownLeaf, from_bytes

TYPE = "hx1-contradiction"
VERSION = 1


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ledger says of a channel: `[origin, size, root]` at `index` under `head`."""

    origin: str
    size: int
    root: str
    index: int
    path: tuple[str, ...]
    head: str


class ContradictionFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The whole file. Hashes and registry files are in base64, notes are text."""

    type: str
    version: int
    network: str
    accused: str
    ledger: Statement
    checkpoint: str
    receipt: str | None
    nodes: tuple[str, ...]
    found_ms: int
    made_by: str
    registry: dict[str, str]
    revocations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvenContradiction:
    """What a file proves; `sizes`: of the ledger's leaf, of the checkpoint."""

    network: str
    accused: str
    origin: str
    sizes: tuple[int, int]
    as_sender: bool


@dataclass(frozen=True, slots=True)
class KeptContradiction:
    """One that this node found; `evidence` is None where it cannot show it to others."""

    number: int
    accused: str
    found_ms: int
    evidence: Contradiction | None


def kept_contradictions(
    audit: Audit, registry: Registry, notes: Iterable[bytes] = ()
) -> list[KeptContradiction]:
    """Return what members showed of their ledgers that contradicts our channels with them.

    By keys that none of `notes`, revocation notes that are known here, revokes.
    """
    trust = Trust(registry, known(notes, registry))
    return [
        KeptContradiction(row.number, row.peer, row.found_ms, _evidence(audit, trust, row))
        for row in audit.witnesses.differences()
    ]


def _evidence(audit: Audit, trust: Trust, row: DifferenceRow) -> Contradiction | None:
    """Return the first statement of a showing that what we hold contradicts before strangers."""
    for shown, leaf in _statements(row.showing):
        try:
            origin = Origin.parse(leaf.origin)
            held = _held(audit, origin, row.peer, leaf.size)
            if held is None:
                continue
            evidence = _against(shown, leaf, held, as_sender=origin.sender == row.peer)
            verify_contradiction(evidence, trust.registry.network_id, row.peer, keys_of(trust))
        except (ProtocolError, KeysError):
            continue
        return evidence
    return None


def _statements(raw: bytes) -> Iterator[tuple[ShownHead, ShownLeaf]]:
    try:
        showing = from_bytes(raw)
    except ProtocolError:
        return  # damaged: `hotline verify` names it
    for shown in showing.heads:
        yield from ((shown, leaf) for leaf in shown.leaves)


def _held(audit: Audit, origin: Origin, peer: str, size: int) -> SignedRow | None:
    sent = origin.receiver == peer
    return audit.witnesses.receipted_from(peer, str(origin.lane), origin.epoch, size, sent=sent)


def _against(
    shown: ShownHead, leaf: ShownLeaf, held: SignedRow, *, as_sender: bool
) -> Contradiction:
    signed = read_checkpoint(held.note)
    nodes = (
        ()
        if signed.size == leaf.size
        else fork_nodes(held.leaves, signed._replace(size=leaf.size), signed)
    )
    head = LoggedHead(leaf.origin, leaf.size, leaf.root)
    receipt = None if as_sender else held.receipt
    return Contradiction(shown.note, head, leaf.index, leaf.path, held.note, receipt, nodes)


def keys_of(trust: Trust) -> KeysOf:
    """Return whose keys count: those that are listed and nobody revoked or says were stolen."""

    def keys(member: str, purpose: str) -> Sequence[VerifyKey]:
        document = trust.registry.member(member)
        return trust.good(member, document.log_keys if purpose == "log" else document.receipt_keys)

    return keys


def export_contradiction(
    kept: Sequence[KeptContradiction],
    number: int,
    us: str,
    registry: Registry,
    files: Mapping[str, bytes],
    notes: Iterable[bytes] = (),
) -> bytes:
    """Return the file of one contradiction, with the revocation notes of `notes` that concern it.

    Raises:
        UnprovableError: none has this number, or it can't be shown to others.
    """
    found = next((one for one in kept if one.number == number), None)
    if found is None or found.evidence is None:
        raise UnprovableError
    evidence = found.evidence
    made = ContradictionFile(
        type=TYPE,
        version=VERSION,
        network=registry.network_id,
        accused=found.accused,
        ledger=Statement(
            origin=evidence.leaf.origin,
            size=evidence.leaf.size,
            root=encode64(evidence.leaf.root),
            index=evidence.place,
            path=tuple(map(encode64, evidence.path)),
            head=evidence.head.decode(),
        ),
        checkpoint=evidence.checkpoint.decode(),
        receipt=None if evidence.receipt is None else evidence.receipt.decode(),
        nodes=tuple(map(encode64, evidence.nodes)),
        found_ms=found.found_ms,
        made_by=us,
        registry={name: encode64(raw) for name, raw in sorted(files.items())},
        revocations=concerning(notes, registry, _parties(found.accused, evidence)),
    )
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def _parties(accused: str, evidence: Contradiction) -> set[str]:
    """Whose keys signed it: the accused, and the sender of the channel."""
    return {accused, Origin.parse(evidence.leaf.origin).sender}


def is_contradiction(raw: bytes) -> bool:
    """Whether a file says that it is such a proof; nothing of it is believed."""
    return type_of(raw) == TYPE


def check_contradiction(
    raw: bytes, root_sha256: bytes, notes: Iterable[bytes] = ()
) -> ProvenContradiction:
    """Return what the file proves.

    `notes` are revocation notes that are at hand, beside those in the file.

    Raises:
        BrokenBundleError: it proves nothing: at which step, and where.
    """
    file, _, proven = _checked(raw, root_sha256, notes)
    return ProvenContradiction(
        file.network, file.accused, str(proven.origin), proven.sizes, proven.as_sender
    )


def clear_ourselves(
    audit: Audit,
    raw: bytes,
    us: str,
    now_ms: int,
    root_sha256: bytes,
    trusted: tuple[Registry, Mapping[str, bytes], Sequence[bytes]],
) -> bytes:
    """Return proof that the sender forked, in answer to a file that accuses us as its receiver.

    Args:
        audit: what we hold.
        raw: the file.
        us: our member id.
        now_ms: when that is found, UTC.
        root_sha256: the pinned first root.
        trusted: our registry, its files, and the revocation notes that are known here.

    Raises:
        BrokenBundleError: the file proves nothing, and needs no answer.
        NothingToAnswerError: it accuses somebody else, or we hold nothing that explains it.
    """
    registry, files, notes = trusted
    file, evidence, proven = _checked(raw, root_sha256, notes)
    origin, size = proven.origin, evidence.leaf.size
    if file.accused != us or proven.as_sender:
        raise NothingToAnswerError
    held = audit.witnesses.receipted_from(
        origin.sender, str(origin.lane), origin.epoch, size, sent=False
    )
    try:
        if held is None:
            raise NothingToAnswerError
        fork = clear(evidence, held.note, keys_of(Trust(registry, known(notes, registry))))
    except (ProtocolError, KeysError):
        raise NothingToAnswerError from None
    return export_fork([KeptFork(1, origin.sender, fork, now_ms)], 1, us, registry, files, notes)


def _checked(
    raw: bytes, root_sha256: bytes, notes: Iterable[bytes]
) -> tuple[ContradictionFile, Contradiction, Contradicted]:
    file = _read(raw)  # (1)
    registry = registry_of(file.registry, file.network, root_sha256)  # (2)
    trust = trust_of(registry, file.revocations, notes)  # (4)
    evidence = Contradiction(
        file.ledger.head.encode(),
        LoggedHead(file.ledger.origin, file.ledger.size, bytes_of(file.ledger.root, "root")),
        file.ledger.index,
        tuple(bytes_of(node, "path") for node in file.ledger.path),
        file.checkpoint.encode(),
        None if file.receipt is None else file.receipt.encode(),
        tuple(bytes_of(node, "nodes") for node in file.nodes),
    )
    try:  # (3, 4, 5)
        proven = verify_contradiction(evidence, file.network, file.accused, keys_of(trust))
    except (ProtocolError, KeysError) as error:
        raise BrokenBundleError("5", "statements", str(error)) from None
    return file, evidence, proven


def _read(raw: bytes) -> ContradictionFile:
    try:
        file = read_file(raw, ContradictionFile)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BrokenBundleError("1", "file", str(error)) from None
    if file.type != TYPE or file.version != VERSION:
        raise BrokenBundleError("1", "type, version", f"must be {TYPE}, {VERSION}")
    return file
