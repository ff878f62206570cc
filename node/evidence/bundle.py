"""Evidence bundles: what was said about one item, provable to a court without this node.

A bundle is one JSON file (`hx1-evidence`, version 1; docs/protocol.md §12). For each entry about
the item, in both directions, it holds the entry with its salt, the path that proves its place, the
sender's signed checkpoint and the receiver's receipt; and the registry's own files, which say whose
keys these are. It opens one item only: the neighbours in the logs are hashes. What is said of files
alone is of no item (§6.6): a bundle of a verdict holds how it was given and taken back, by its id.

The ledger part, which gives time by witnesses, is there where a checkpoint over the entry stands
in our witnessed ledger (`ledger_part`); without it the entry is "not witnessed".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from keys.errors import KeysError
from keys.registry import Registry
from keys.signing import VerifyKey
from node.evidence.errors import NothingToShowError
from node.evidence.ledger_part import LedgerPart, find_part
from node.evidence.notes_part import concerning, known
from node.evidence.proof_file import read_file
from node.evidence.weight import Trust
from node.peer.ledgers.witnessing import counts_in
from node.store.audits.audit import Audit, CheckpointRow
from node.store.audits.witness_audit import WitnessAudit
from protocol import entry as entries
from protocol import messages
from protocol.channel import Channel
from protocol.checkpoint import verify_checkpoint
from protocol.dispositions import Cited, Dispositions
from protocol.errors import ProtocolError
from protocol.merkle import inclusion_path
from protocol.messages import Message, UnknownMessage
from protocol.receipt import verify_receipt
from protocol.verdicts import verdict_of
from protocol.vocabulary import Lane

TYPE = "hx1-evidence"
VERSION = 1


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry at its place in one log, with what its sender and its receiver signed.

    `receipt` is None where none came: then only the sender is bound. `ledger` is None where no
    witnessed head covers it.
    """

    sender: str
    receiver: str
    lane: str
    epoch: str
    index: int
    size: int
    entry: str
    path: tuple[str, ...]
    checkpoint: str
    receipt: str | None
    ledger: LedgerPart | None = None


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file. Bytes are in base64, notes are text.

    `revocations` is left out where there are none: readers of version N-1 know no such field.
    """

    type: str
    version: int
    network: str
    item: str
    made_by: str
    made_ms: int
    proofs: tuple[Proof, ...]
    registry: dict[str, str]
    revocations: tuple[str, ...] = ()


def encode64(raw: bytes) -> str:
    """Return bytes as they stand in a bundle."""
    return base64.b64encode(raw).decode()


def export(
    audit: Audit,
    item: str,
    us: str,
    registry: Registry,
    files: Mapping[str, bytes],
    now_ms: int,
    notes: Iterable[bytes] = (),
    *,
    alias_key: bytes | None = None,
) -> bytes:
    """Return the bundle of everything that was said between members about `item`.

    That is an item's id, or a verdict's that was shared (docs/protocol.md §6.6). `alias_key`: of
    that id, where it may be one under which others know an item of ours (`Fingerprints.item`).

    `notes` are the revocation notes that are known here; those that concern it go into it.

    Raises:
        NothingToShowError: nothing about it was ever sent or received.
    """
    proofs, notes = [], tuple(notes)
    trust = Trust(registry, known(notes, registry))
    here = None if alias_key is None else audit.item_named(item, alias_key)
    for direction, peer, lane, epoch, index in audit.places_of(here or item):
        log = Log(direction == "sent", peer, lane, epoch)
        proofs.append(_proof(audit, trust, us, log, index))
    found = tuple(proof for proof in proofs if proof is not None)
    left_out = strays(found)  # of the entries that they cite the bodies are erased here
    shown = tuple(proof for n, proof in enumerate(found) if n not in left_out)
    if not shown:
        raise NothingToShowError
    bundle = Bundle(
        TYPE,
        VERSION,
        registry.network_id,
        _named(item, [one for one in shown if _is_sure(one, trust)] or shown),
        us,
        now_ms,
        shown,
        {name: encode64(raw) for name, raw in sorted(files.items())},
        concerning(notes, registry, {end for one in shown for end in (one.sender, one.receiver)}),
    )
    return msgspec.json.format(msgspec.json.encode(bundle), indent=1)


def _is_sure(proof: Proof, trust: Trust) -> bool:
    """Whether the entry binds its sender whatever witnesses saw: by others no item is proved."""
    try:
        keys = trust.registry.member(proof.sender).log_keys
        verify_checkpoint(proof.checkpoint.encode(), trust.good(proof.sender, keys))
    except (KeysError, ProtocolError):
        return False
    return True


def _named(item: str, proofs: Sequence[Proof]) -> str:
    """The item's id as the entries name it: its own, or the first one under which it was told."""
    named = []
    for proof in proofs:
        _, message = messages.read(base64.b64decode(proof.entry))
        named.append(about(message))
    return item if item in named else next((one for one in named if one is not None), item)


def about(message: Message | UnknownMessage) -> str | None:
    """Return the id of what a message speaks of: an item, or a verdict on files."""
    item: str | None = getattr(message, "item_id", None)
    return item or verdict_of(message)


def strays(proofs: Sequence[Proof]) -> set[int]:
    """Return which proofs show an answer to several entries, none of which is among the others.

    Such an answer says whom it answers by place and leaf alone: without one of those it is about no
    item that anybody could see.
    """
    opened = [base64.b64decode(one.entry) for one in proofs]
    held = {
        (one.sender, one.receiver, one.lane, one.epoch, Cited(one.index, entries.leaf(raw)))
        for one, raw in zip(proofs, opened, strict=True)
    }
    found = set()
    for n, (one, raw) in enumerate(zip(proofs, opened, strict=True)):
        _, message = messages.read(raw)
        if isinstance(message, Dispositions):
            origin = (one.receiver, one.sender, message.origin_lane, message.origin_epoch.hex())
            if all((*origin, cited) not in held for cited in message.cited):
                found.add(n)
    return found


class Log(NamedTuple):
    """One epoch of one channel, as this node has it: whether we sent it, and with whom."""

    sent: bool
    peer: str
    lane: str
    epoch: bytes


def _proof(audit: Audit, trust: Trust, us: str, log: Log, index: int) -> Proof | None:
    place = log[1:]
    direction = "sent" if log.sent else "held"
    checkpoints = audit.sent_checkpoints(*place) if log.sent else audit.held_checkpoints(*place)
    sender, receiver = (us, log.peer) if log.sent else (log.peer, us)
    origin = Channel(trust.registry.network_id, sender, receiver, Lane(log.lane)).origin(log.epoch)
    checkpoints = _worth(checkpoints, trust, (sender, receiver), index)
    witnesses = audit.witnesses.believing(counts_in(trust.registry))
    covering, part = _witnessed(witnesses, us, log.peer, str(origin), checkpoints, index)
    entry = audit.entry_at(direction, place, index)
    if covering is None or entry is None:
        return None
    leaves = audit.leaves_below(direction, place, covering.size)
    return Proof(
        sender=sender,
        receiver=receiver,
        lane=log.lane,
        epoch=log.epoch.hex(),
        index=index,
        size=covering.size,
        entry=encode64(entry),
        path=tuple(encode64(node) for node in inclusion_path(leaves, index, covering.size)),
        checkpoint=covering.note.decode(),
        receipt=None if covering.receipt is None else covering.receipt.decode(),
        ledger=part,
    )


def _witnessed(
    witnesses: WitnessAudit,
    us: str,
    peer: str,
    origin: str,
    checkpoints: list[CheckpointRow],
    index: int,
) -> tuple[CheckpointRow | None, LedgerPart | None]:
    """The checkpoint to show: a witnessed one, unless another one alone was receipted."""
    covering = _covering(checkpoints, index)
    receipted = {row.size for row in checkpoints if row.receipt is not None}
    found = find_part(witnesses, us, peer, origin, index, receipted)
    if found is None:
        return covering, None
    witnessed = next((row for row in checkpoints if row.size == found[0]), None)
    is_bound = covering is not None and covering.receipt is not None
    if witnessed is None or (is_bound and witnessed.receipt is None):
        return covering, None
    return witnessed, found[1]


def _worth(
    rows: list[CheckpointRow], trust: Trust, ends: tuple[str, str], index: int
) -> list[CheckpointRow]:
    """The rows in which nothing is by a stolen key; else those that bind the sender; else all."""
    sender, receiver = (trust.registry.members.get(member) for member in ends)
    if sender is None or receiver is None:
        return rows
    signers = trust.good(ends[0], sender.log_keys)
    cosigners = trust.good(ends[1], receiver.receipt_keys)
    if len(signers) + len(cosigners) == len(sender.log_keys) + len(receiver.receipt_keys):
        return rows
    for believed in (cosigners, receiver.receipt_keys):
        good = [row for row in rows if _is_by(row, signers, believed)]
        if _covering(good, index) is not None:
            return good
    return rows


def _is_by(
    row: CheckpointRow, signers: Sequence[VerifyKey], cosigners: Sequence[VerifyKey]
) -> bool:
    try:
        checkpoint = verify_checkpoint(row.note, signers).checkpoint
        if row.receipt is not None:
            verify_receipt(row.receipt, checkpoint, cosigners)
    except ProtocolError:
        return False
    return True


def _covering(checkpoints: list[CheckpointRow], index: int) -> CheckpointRow | None:
    """The first checkpoint over the entry that was receipted, else the first one at all."""
    over = [row for row in checkpoints if row.size > index]
    return next((row for row in over if row.receipt is not None), over[0] if over else None)


def read(raw: bytes) -> Bundle:
    """Return the bundle that a file holds; nothing of it is believed yet.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it is not one; the error names the field.
    """
    bundle = read_file(raw, Bundle)
    if bundle.type != TYPE or bundle.version != VERSION:
        raise msgspec.ValidationError(f"type, version: must be {TYPE}, {VERSION}")
    return bundle


def summary(proof: Proof, kind: str, item: str | None) -> dict[str, Any]:
    """Return one line of the report on a bundle; who witnessed it, and when, is for the checker."""
    return {
        "from": proof.sender,
        "to": proof.receiver,
        "lane": proof.lane,
        "kind": kind,
        "item": item,
        "receipted": proof.receipt is not None,
    }
