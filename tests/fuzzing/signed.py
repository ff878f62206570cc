"""Targets for what travels beside pushes: ledgers, recoveries, revocations, forks, ceremonies."""

from __future__ import annotations

import base64
import json
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import msgspec

from keys.errors import KeysError
from keys.sealing import SealingKey
from keys.signing import SigningKey
from node.casework.rebuilt.recovered import read_said
from node.evidence.check import check
from node.evidence.contradictions import check_contradiction
from node.evidence.errors import EvidenceError
from node.evidence.forks import check_fork, is_fork
from node.peer.http import wire
from node.registry import ceremony, repository
from node.registry.errors import RegistryError
from node.registry.revocations import Revocations
from protocol import fork, lineage, push, recovery, revocation
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, VerifiedCheckpoint
from protocol.entry import leaf
from protocol.errors import ProtocolError
from protocol.ledger import take_ledger_head
from protocol.lineage import Owner, Remembered
from protocol.merkle import CompactRange
from protocol.revocation import Revocation
from protocol.showing import Parties, from_bytes, verify_showing
from protocol.vocabulary import Lane
from protocol.witness import Submission, head_of, take_cosignature
from tests.builders.network import NOW_MS, make_network, make_umbrella
from tests.fuzzing.target import Target
from tests.node.evidence import contradicted, forked
from tests.node.peer.attacker import opening
from tests.protocol.samples import MESSAGES, NODE_SECRET, raw_entry

VECTORS: Final = Path(__file__).resolve().parent.parent / "vectors"
IWF, EOKM = "gb-iwf", "nl-eokm"
EPOCH: Final = b"epoch--1"


def _vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


def ledgers() -> list[Target]:
    """What is said about ledgers: read, and where it is signed, verified."""
    vector = json.loads((VECTORS / "witness_v1.json").read_bytes())
    invalid: dict[str, list[bytes]] = {"submission": [], "cosignature": [], "showing": []}
    for one in vector["invalid"]:
        invalid[one["form"]].append(base64.b64decode(one["raw"]))
    log, witness = (
        SigningKey.from_seeds(*map(bytes.fromhex, vector[name])).public
        for name in ("log_key_seeds", "witness_key_seeds")
    )
    head, us = vector["note"].encode(), vector["witness"]
    parties = Parties(vector["network"], vector["owner"], us, [log], {us: [witness]})

    def submitted(raw: bytes) -> object:
        submission = Submission.parse(raw)
        return head_of(submission.note), take_ledger_head(submission.note, [log])

    return [
        Target("ledger.submission", submitted, (ProtocolError,),
               [vector["submission"].encode(), *invalid["submission"]]),
        Target("ledger.cosignature", lambda raw: take_cosignature(head, raw, us, [witness]),
               (ProtocolError,), [vector["cosignature"].encode(), *invalid["cosignature"]]),
        Target("ledger.showing", lambda raw: verify_showing(from_bytes(raw), parties),
               (ProtocolError,), [bytes.fromhex(vector["showing"]), *invalid["showing"]]),
    ]  # fmt: skip


def lineages() -> list[Target]:
    """How the epochs of a ledger go on, from its owner (§8.16): read, and followed."""
    vector = _vector("lineage_v1.json")
    log = SigningKey.from_seeds(*map(bytes.fromhex, vector["log_key_seeds"])).public
    owner = Owner(vector["network"], vector["owner"], [log])
    held = vector["remembered"]
    known = Remembered(
        bytes.fromhex(held["epoch"]), held["size"], bytes.fromhex(held["root"]), b"a note"
    )

    def followed(raw: bytes) -> None:
        shown = lineage.from_bytes(raw)
        for before in (None, known):
            lineage.follow(shown, owner, before)

    shown = [vector[name] for name in ("lineage", "said_again", "set_back")]
    good = [bytes.fromhex(one) for one in (*shown, *vector["over"].values())]
    broken = [base64.b64decode(one["raw"]) for one in vector["invalid"]]
    return [Target("ledger.lineage", followed, (ProtocolError,), [*good, *broken])]


def sealed() -> list[Target]:
    """What is sealed to us, from anybody who has our public key: opened, then read (§8.7)."""
    key = SealingKey.from_seed(bytes(32))
    info = b"of one push"
    frames = [push.frame([raw_entry(message) for message in MESSAGES]), push.frame([b"one"])]

    def opened(raw: bytes) -> object:
        return push.unframe(key.open(info, raw))

    seeds = [key.public.seal(info, frame) for frame in frames]
    return [Target("sealed", opened, (ProtocolError, KeysError), seeds)]


def bundles() -> list[Target]:
    """Bundles beside that of one hand-over: with witnesses, of a stolen key, of a verdict."""
    frozen = _vector("evidence_v1.json")
    found = []
    for name in ("bundle", "bundle_in_part", "bundle_of_a_verdict"):
        raw, pin = frozen[name]["file"].encode(), bytes.fromhex(frozen[name]["pin"])
        found.append(Target(f"frozen.{name}", partial(_checked, pin), (EvidenceError,), [raw]))
    return found


def _checked(pin: bytes, raw: bytes) -> object:
    return check(raw, pin)


def recoveries() -> list[Target]:
    """What a member that lost its node asks for, and what it is handed back (§8.13)."""
    vector = _vector("recovery_v1.json")
    theirs = (ProtocolError,)

    def bodies(name: str) -> list[bytes]:
        listed = (*vector[name], *vector[f"malformed_{name}"])
        return [bytes.fromhex(one["body"]) for one in listed]

    frames = [push.frame([one]) for one in bodies("elements") if one]
    opened = _handed_back()
    said = [raw_entry(message) for message in MESSAGES]
    return [
        Target("recovery.request", recovery.read_request, theirs, bodies("requests")),
        Target("recovery.standing", recovery.read_standing, theirs, bodies("standings")),
        Target("recovery.page", recovery.read_page, theirs, bodies("pages")),
        Target("recovery.elements", _elements, theirs, [*opened, *frames]),
        Target("recovery.opened", _followed, theirs, opened),
        Target("recovery.said", lambda raw: read_said(raw, NODE_SECRET), theirs, said),
    ]


def _elements(raw: bytes) -> list[recovery.Element]:
    return recovery.read_elements(push.unframe(raw, max_entry_bytes=recovery.MAX_ELEMENT_BYTES))


def _followed(raw: bytes) -> object:
    """Check elements of a frame under a checkpoint that fits: only what they say can be wrong."""
    elements = _elements(raw)
    edge = CompactRange().extend([one.leaf for one in elements])
    channel = Channel("demo-0123456789abcdef", IWF, EOKM, Lane.REPORTS)
    signed = VerifiedCheckpoint(Checkpoint(channel.origin(EPOCH), edge.size, edge.root))
    return recovery.check_page(channel, recovery.Held(), signed, 0, elements)


def _handed_back() -> list[bytes]:
    """Return the first page of a channel, opened: with every kind of entry, one erased."""
    said = [opening(EPOCH), *(raw_entry(message) for message in MESSAGES)]
    elements = [recovery.Element(leaf(one), one) for one in said]
    erased = recovery.Element(bytes(32), None, bytes(32), NOW_MS)
    withheld = recovery.Element(bytes(32), None)
    return [push.frame([one.to_bytes() for one in (*elements, erased, withheld)])]


def revocations() -> list[Target]:
    """Notes that end the trust in a key, alone and in the file that is served (§3.7)."""
    registry, keys, _ = make_network([IWF, EOKM])
    notes = [
        revocation.make(
            Revocation(registry.network_id, member, keys[member].log.public.key_id),
            keys[member].log,
        )
        for member in (IWF, EOKM)
    ]
    ours, theirs = (KeysError,), (KeysError, ProtocolError)
    kept = Revocations(Path(_folder().name), lambda: registry)
    for note in notes:
        kept.take(note)
    return [
        Target("revocation", lambda raw: revocation.verify(raw, registry), theirs, notes),
        Target("revocation.file", kept.take_file, ours, [kept.file()]),
    ]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def forks() -> list[Target]:
    """Proofs that a member split its history, from anybody (§8.9)."""
    files = [forked.file_of(forked.kept()), forked.file_of(forked.kept_ledger(9, 9))]
    notes = [*forked.kept().evidence[:2], *forked.kept_ledger().evidence[:2]]

    def kind(raw: bytes) -> bool:
        return is_fork(raw)

    return [
        Target("fork.claim", fork.read_claim, (ProtocolError,), notes),
        Target("fork.kind", kind, (), files),
        Target("fork.file", lambda raw: check_fork(raw, forked.PIN), (EvidenceError,), files),
        Target("contradiction", lambda raw: check_contradiction(raw, forked.PIN), (EvidenceError,),
               [contradicted.file_of(contradicted.kept_contradiction())]),
    ]  # fmt: skip


def ceremonies() -> list[Target]:
    """What travels between the holders of a network: proposals, and signatures that come back."""
    umbrella = make_umbrella()
    state, network = umbrella.state, umbrella.registry.network
    proposed = repository.propose_targets(state, network, {}, NOW_MS)
    travelling = ceremony.pack(proposed, state)
    back = ceremony.countersign(ceremony.read(travelling), umbrella.pin, umbrella.targets)
    ends = (RegistryError, KeysError)

    def shown(raw: bytes) -> object:
        return ceremony.read(raw).verified_present(umbrella.pin)

    return [
        Target("proposal", shown, ends, [travelling]),
        Target("countersignature", lambda raw: ceremony.collect(proposed, raw, state.root()),
               ends, [back]),
    ]  # fmt: skip


def heard() -> list[Target]:
    """What the listener of a peer says beside answers: its greeting, and a size it holds."""
    hello = wire.Hello(EOKM, "demo-0123456789abcdef", (1, 2), NOW_MS, (1, 7))
    return [
        Target("hello", wire.read_hello, (), [msgspec.json.encode(hello)]),
        Target("held_size", wire.read_size, (), [b"7\n"]),
    ]  # fmt: skip
