"""Proof of a split history as a file that a third party checks offline (`hx1-fork`, §8.9).

1. The file is one: fields, types, version.
2. The registry in it verifies from the pinned first root, and its network is the one named.
3. Both notes are signed by log keys of the member accused, for one log of that member; not by one
   that it says was stolen, or that a revocation note in the file revokes: a thief must not be able
   to accuse it. Each revocation note counts by itself, and stands there once.
4. They cannot both be true (`protocol.fork`).

It shows nothing of what was said: two roots and hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from keys.errors import KeysError
from keys.registry import Registry
from node.evidence.bundle import encode64
from node.evidence.errors import BrokenBundleError, UnknownForkError
from node.evidence.findings import Findings
from node.evidence.notes_part import concerning, trust_of
from node.evidence.proof_file import bytes_of, read_file, registry_of, type_of
from node.peer.channels.forks import KeptFork
from protocol.checkpoint import Checkpoint
from protocol.errors import ProtocolError
from protocol.fork import ForkEvidence, read_claim, verify_fork
from protocol.ledger import LedgerHead

TYPE = "hx1-fork"
VERSION = 1


class ForkFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file. Hashes and registry files are in base64, notes are text."""

    type: str
    version: int
    network: str
    accused: str
    smaller_note: str
    larger_note: str
    nodes: tuple[str, ...]
    found_ms: int
    made_by: str
    registry: dict[str, str]
    revocations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvenFork:
    """What a file proves: this member signed two histories of this log."""

    network: str
    accused: str
    origin: str
    sizes: tuple[int, int]


def export_fork(
    kept: Iterable[KeptFork],
    number: int,
    us: str,
    registry: Registry,
    files: Mapping[str, bytes],
    notes: Iterable[bytes] = (),
) -> bytes:
    """Return the file of one proof; of the revocation notes that are known, those that concern it.

    Raises:
        UnknownForkError: no proof has this number.
    """
    fork = next((one for one in kept if one.number == number), None)
    if fork is None:
        raise UnknownForkError
    smaller, larger, nodes = fork.evidence
    made = ForkFile(
        type=TYPE,
        version=VERSION,
        network=registry.network_id,
        accused=fork.peer,
        smaller_note=smaller.decode(),
        larger_note=larger.decode(),
        nodes=tuple(encode64(node) for node in nodes),
        found_ms=fork.found_ms,
        made_by=us,
        registry={name: encode64(raw) for name, raw in sorted(files.items())},
        revocations=concerning(notes, registry, {fork.peer}),
    )
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def is_fork(raw: bytes) -> bool:
    """Whether a file says that it is such a proof; nothing of it is believed."""
    return type_of(raw) == TYPE


def check_fork(raw: bytes, root_sha256: bytes, notes: Iterable[bytes] = ()) -> ProvenFork:
    """Return what the file proves.

    `notes` are revocation notes that are at hand, beside those in the file.

    Raises:
        BrokenBundleError: it proves nothing: at which step, and where.
    """
    file = _read(raw)  # (1)
    registry = registry_of(file.registry, file.network, root_sha256)  # (2)
    trust = trust_of(registry, file.revocations, notes)  # (3)
    try:
        keys = trust.good(file.accused, registry.member(file.accused).log_keys)
        evidence = ForkEvidence(
            file.smaller_note.encode(),
            file.larger_note.encode(),
            tuple(bytes_of(node, "nodes") for node in file.nodes),
        )
        smaller = verify_fork(evidence, keys)  # (3, 4)
    except (ProtocolError, KeysError) as error:
        raise BrokenBundleError("4", "notes", str(error)) from None
    if smaller.origin.owner != file.accused or smaller.origin.network != file.network:
        raise BrokenBundleError("3", "accused", "is not the member whose log this is")
    larger = read_claim(evidence.larger_note)
    return ProvenFork(file.network, file.accused, str(smaller.origin), (smaller.size, larger.size))


def _read(raw: bytes) -> ForkFile:
    try:
        file = read_file(raw, ForkFile)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BrokenBundleError("1", "file", str(error)) from None
    if file.type != TYPE or file.version != VERSION:
        raise BrokenBundleError("1", "type, version", f"must be {TYPE}, {VERSION}")
    return file


def verify_forks(kept: Iterable[KeptFork], registry: Registry, findings: Findings) -> None:
    """See that each proof that is kept still proves what it says."""
    for fork in kept:
        findings.count("forks")
        try:
            verify_fork(fork.evidence, registry.member(fork.peer).log_keys)
        except (ProtocolError, KeysError):
            findings.add("forks", fork.number, "proves_nothing")


def claims(fork: KeptFork) -> tuple[Checkpoint | LedgerHead, Checkpoint | LedgerHead]:
    """Return the two heads of a proof that is kept."""
    return read_claim(fork.evidence.smaller_note), read_claim(fork.evidence.larger_note)
