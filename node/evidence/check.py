"""Checking a bundle offline, with nothing but the bundle and a pinned root.

1. The file is a bundle: fields, types, version.
2. The registry in it verifies from the pinned first root: thresholds, versions, hashes, member
   roles signed by the members. Expiry is not asked: what counts is whose keys they were.
3. The network named is the network pinned.
4. For each entry: its canonical form, its leaf, the inclusion path up to the checkpoint's root.
5. The checkpoint is of this very log, signed by the sender's log key, both halves.
6. The receipt, where there is one, is the receiver's cosignature on this very checkpoint.
7. Each entry is shown with the item id that it speaks of (one item may have several, by which
   different members know it); the bundle's own must be among them. An answer to several entries
   speaks of none: it must cite one that the bundle holds. A verdict on files has an id of its own.
8. The ledger part, where there is one: a head of the sender's or the receiver's ledger, signed by
   its log key, holds this very checkpoint as a leaf; of the cosignatures those count that verify
   under a listed witness key of an active member.
   It is witnessed since the second of those that are neither sender nor receiver.
9. Time: a receipt's time is its receiver's own word. Without step 8 nothing is witnessed.
10. Void is what in 5 or 6 is by a key that its owner says was stolen, or that a revocation note in
   the bundle revokes, unless the owner's own ledger was witnessed (8) before the theft. Where the
   checkpoint is void the entry binds nobody; where the receipt is, its sender alone. An entry that
   binds somebody must be about the bundle's item. Each note counts by itself, and there once.

What does not hold in 1 to 9 was made up or changed, and the whole file with it is refused. What is
void was signed as it stands, by nobody knows whom: it takes nothing from the entries beside it.

What the caller must do: obtain the root's fingerprint from somewhere else than the bundle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from keys.errors import KeysError
from keys.signing import VerifyKey
from node.evidence.bundle import Bundle, Proof, about, read, strays, summary
from node.evidence.errors import BrokenBundleError
from node.evidence.ledger_part import seen
from node.evidence.notes_part import trust_of
from node.evidence.proof_file import bytes_of, registry_of
from node.evidence.weight import Trust
from protocol import entry as entries
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, VerifiedCheckpoint, verify_checkpoint
from protocol.errors import ProtocolError
from protocol.fields import MAX_TIME_MS, is_member
from protocol.ledger import LoggedHead, verify_ledger_head
from protocol.merkle import verify_inclusion
from protocol.messages import UnknownMessage, from_body
from protocol.receipt import Receipt, verify_receipt
from protocol.vocabulary import Kind, Lane
from protocol.witness import MAX_WITNESSED_BYTES, cosigners

_STOLEN: Final = "is by a key that was stolen, and no witness saw it before"
_UNSAID: Final = (
    "is by a key that its owner revoked without a word since when it was another's; witnesses saw"
    " it in the owner's ledger at {} s: ask the owner for that time"
)
"""Whoever denies a hand-over so owes a word, and everybody can see which."""


_STEPS: Final = {"checkpoint": "5", "receipt": "6"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a bundle proves; but `made_by` and `made` are its own word, which nothing proves.

    They are None where they could not be true of any member, or of any time. Each of `proofs` says
    whom it `binds`: sender and receiver, the sender alone, or nobody; and what of it is `void`, by
    field, and why.
    """

    network: str
    item: str
    proofs: list[dict[str, Any]]
    witnessed: str
    made_by: str | None
    made: str | None

    @property
    def void(self) -> list[BrokenBundleError]:
        """What in it proves nothing, where, and why. None: all that it shows is proved."""
        return [
            BrokenBundleError(_STEPS[field], f"proofs[{n}].{field}", why)
            for n, proof in enumerate(self.proofs)
            for field, why in proof["void"].items()
        ]


def check(raw: bytes, root_sha256: bytes, notes: Iterable[bytes] = ()) -> Checked:
    """Return what the bundle proves, entry by entry; of what is void nothing is believed.

    `notes` are revocation notes that are at hand, beside those in the bundle.

    Raises:
        BrokenBundleError: something in it does not hold, at which step, and where; or all that it
            shows about its item is void.
    """
    bundle = _read(raw)  # (1)
    registry = registry_of(bundle.registry, bundle.network, root_sha256)  # (2, 3)
    if not bundle.proofs:
        raise BrokenBundleError("1", "proofs", "there is none")
    trust = trust_of(registry, bundle.revocations, notes)  # (10)
    shown = [_check_proof(proof, f"proofs[{n}]", trust) for n, proof in enumerate(bundle.proofs)]
    _check_item(bundle.item, shown)  # (7, 10)
    for n in sorted(strays(bundle.proofs)):
        raise BrokenBundleError("7", f"proofs[{n}].entry", "answers no entry of the bundle")
    made_by = bundle.made_by if is_member(bundle.made_by) else None
    made = _time(bundle.made_ms)
    return Checked(bundle.network, bundle.item, shown, _witnessed(shown), made_by, made)


def _check_item(item: str, shown: list[dict[str, Any]]) -> None:
    named = [(n, proof) for n, proof in enumerate(shown) if proof["item"] == item]
    if not named:
        raise BrokenBundleError("7", "item", "is not what any of its entries is about")
    if not any(proof["binds"] for _, proof in named):
        n, proof = named[0]
        why = proof["void"]["checkpoint"]
        raise BrokenBundleError(_STEPS["checkpoint"], f"proofs[{n}].checkpoint", why)


def _time(said_ms: int) -> str | None:
    if not 0 <= said_ms <= MAX_TIME_MS:
        return None
    return datetime.fromtimestamp(said_ms // 1000, UTC).isoformat()


def _read(raw: bytes) -> Bundle:
    try:
        return read(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        where = str(error).rsplit("`$", 1)[-1].strip("`. ") if "`$" in str(error) else "file"
        raise BrokenBundleError("1", where, "is not as the format says") from None


def _check_proof(proof: Proof, place: str, trust: Trust) -> dict[str, Any]:
    entry = bytes_of(proof.entry, f"{place}.entry")
    checkpoint, signer = _check_checkpoint(proof, place, trust)  # (5), needed by (4)
    path = [bytes_of(node, f"{place}.path") for node in proof.path]
    try:  # (4)
        verify_inclusion(entries.leaf(entry), proof.index, checkpoint.size, path, checkpoint.root)
    except ProtocolError:
        raise BrokenBundleError("4", f"{place}.path", "does not lead to the root") from None
    receipt = _check_receipt(proof, place, checkpoint, trust)  # (6)
    shown = summary(proof, *_check_subject(entry, place))  # (7)
    shown["receipt_time_s"] = None if receipt is None else receipt.time_s  # (9): its own word
    times = _check_ledger(proof, place, checkpoint, trust)  # (8)
    by, since = seen(times, (proof.sender, proof.receiver))
    shown |= {"witnessed": since is not None, "witnessed_by": by, "witnessed_s": since}
    owner = None if proof.ledger is None or since is None else proof.ledger.owner
    signed = {"checkpoint": (proof.sender, signer)}  # (10)
    if receipt is not None:
        signed["receipt"] = (proof.receiver, receipt.key)
    void = {}
    for field, (member, key) in signed.items():
        witnessed_ms = 1000 * since if since is not None and owner == member else None
        if not trust.is_worth(member, key, witnessed_ms):
            turn = trust.registry.member(member).turn(key.key_id)
            unsaid = witnessed_ms is not None and turn.compromised_ms is None
            void[field] = _UNSAID.format(since) if unsaid else _STOLEN
    return shown | _left(proof, void)


def _left(proof: Proof, void: dict[str, str]) -> dict[str, Any]:
    """Say what an entry proves without what is void of it."""
    left: dict[str, Any] = {"void": void, "binds": [proof.sender]}
    if proof.receipt is not None and not void:
        return left | {"binds": [proof.sender, proof.receiver]}
    left |= {"receipted": False, "receipt_time_s": None}
    if "checkpoint" not in void:
        return left
    return left | {"binds": [], "witnessed": False, "witnessed_by": [], "witnessed_s": None}


def _check_checkpoint(
    proof: Proof, place: str, trust: Trust
) -> tuple[VerifiedCheckpoint, VerifyKey]:
    field, registry = f"{place}.checkpoint", trust.registry
    try:
        channel = Channel(registry.network_id, proof.sender, proof.receiver, Lane(proof.lane))
        keys = trust.good_first(proof.sender, registry.member(proof.sender).log_keys)
        checkpoint, key = verify_checkpoint(proof.checkpoint.encode(), keys)
    except (ProtocolError, KeysError, ValueError):
        raise BrokenBundleError("5", field, "is not signed by the sender's log key") from None
    epoch = checkpoint.origin.epoch
    named = (channel.origin(epoch), epoch.hex(), checkpoint.size)  # the epoch in its one spelling
    if named != (checkpoint.origin, proof.epoch, proof.size):
        raise BrokenBundleError("5", field, "is of another log or size")
    return checkpoint, key


def _check_receipt(
    proof: Proof, place: str, checkpoint: Checkpoint, trust: Trust
) -> Receipt | None:
    if proof.receipt is None:
        return None
    try:
        listed = trust.registry.member(proof.receiver).receipt_keys
        keys = trust.good_first(proof.receiver, listed)
        return verify_receipt(proof.receipt.encode(), checkpoint, keys)
    except (ProtocolError, KeysError):
        raise BrokenBundleError(
            "6", f"{place}.receipt", "is not the receiver's cosignature on this checkpoint"
        ) from None


def _check_ledger(proof: Proof, place: str, checkpoint: Checkpoint, trust: Trust) -> dict[str, int]:
    """Return who cosigned the ledger's head, and when (POSIX s)."""
    part, field, registry = proof.ledger, f"{place}.ledger", trust.registry
    if part is None:
        return {}
    if part.owner not in {proof.sender, proof.receiver}:
        raise BrokenBundleError("8", f"{field}.owner", "is neither the sender nor the receiver")
    note = part.head.encode()
    try:
        head = verify_ledger_head(note, registry.member(part.owner).log_keys, MAX_WITNESSED_BYTES)
    except (ProtocolError, KeysError):
        raise BrokenBundleError(
            "8", f"{field}.head", "is not signed by the log key of the ledger's owner"
        ) from None
    origin = (registry.network_id, part.owner, part.epoch)
    if (*head.origin[:2], head.origin.epoch.hex()) != origin or head.size != part.size:
        raise BrokenBundleError("8", f"{field}.head", "is of another ledger or size")
    leaf = LoggedHead(str(checkpoint.origin), checkpoint.size, checkpoint.root).leaf
    path = [bytes_of(node, f"{field}.path") for node in part.path]
    try:
        verify_inclusion(leaf, part.index, head.size, path, head.root)
    except ProtocolError:
        raise BrokenBundleError(
            "8", f"{field}.path", "does not lead from this checkpoint to the ledger's head"
        ) from None
    return cosigners(note, trust.witnesses(), registry.witness_ends)


def _witnessed(shown: list[dict[str, Any]]) -> str:
    """Say by whom and when the whole bundle is witnessed, or how much of it."""
    times = [proof["witnessed_s"] for proof in shown if proof["witnessed"]]
    if not times:
        return "not witnessed"
    at = datetime.fromtimestamp(max(times), UTC).isoformat().replace("+00:00", "Z")
    if len(times) < len(shown):
        return f"{len(times)} of {len(shown)} entries witnessed at {at}, the others not"
    by = sorted({witness for proof in shown for witness in proof["witnessed_by"]})
    return f"witnessed by {', '.join(by)} at {at}"


def _check_subject(raw: bytes, place: str) -> tuple[str, str | None]:
    try:
        entry = entries.decode(raw)
        message = from_body(entry.kind, entry.body, entry.version)
    except ProtocolError:
        raise BrokenBundleError("4", f"{place}.entry", "is not canonical") from None
    if isinstance(message, UnknownMessage):
        return f"kind_{entry.kind}", None
    return Kind(entry.kind).name.lower(), about(message)
