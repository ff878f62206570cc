"""Receipts: the receiver's cosignature on a checkpoint (C2SP tlog-cosignature; §8.6).

A receipt says: at this time, by my clock, I durably hold every entry of this epoch below this
size. It is a note of the same three lines as the checkpoint, with the receiver's receipt key as
cosigner: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06), both with the same time. An HTTP status
says nothing; only these bytes do. The same push gets the same bytes again, for ever.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from keys.errors import BadSignatureError
from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.checkpoint import (
    MAX_CHECKPOINT_BYTES,
    TIMESTAMP_BYTES,
    Checkpoint,
    subtree_message,
)
from protocol.errors import ReceiptError, UnheardReceiptKeyError, UnsayableError

MAX_TIME_S: Final = 253_402_300_799


class Receipt(NamedTuple):
    """A verified receipt: what was cosigned, when by the receiver's clock (POSIX s), which key."""

    checkpoint: Checkpoint
    time_s: int
    key: VerifyKey


def cosigner_name(network: str, receiver: str) -> str:
    """Return the name under which a member cosigns as receiver: `hx1/<network>/<member>`."""
    return f"hx1/{network}/{receiver}"


def cosign(checkpoint: Checkpoint, signer: Signer, time_s: int) -> bytes:
    """Return the receipt for `checkpoint` at `time_s`, by the receiver's receipt key.

    To be called once per checkpoint, after entries and compact range are written, in the same
    transaction that stores the result.

    Raises:
        UnsayableError: a time that is zero or beyond the year 9999.
    """
    if not 0 < time_s <= MAX_TIME_S:
        raise UnsayableError("time_s: must be POSIX seconds, above zero")
    name = cosigner_name(checkpoint.origin.network, checkpoint.origin.receiver)
    public, stamp = signer.public, time_s.to_bytes(TIMESTAMP_BYTES, "big")
    classic = stamp + signer.sign_ed25519(_classic_message(checkpoint.text, time_s))
    lines = [_line(name, notes.ED25519_COSIGNATURE, public.ed25519, classic)]
    if public.mldsa44 is not None:
        quantum = stamp + signer.sign_mldsa44(subtree_message(name, time_s, checkpoint))
        lines.append(_line(name, notes.MLDSA44_COSIGNATURE, public.mldsa44, quantum))
    return notes.render(checkpoint.text, lines)


def verify_receipt(
    raw: bytes,
    expected: Checkpoint,
    keys: Sequence[VerifyKey],
    max_bytes: int = MAX_CHECKPOINT_BYTES,
) -> Receipt:
    """Return the receipt that one of `keys`, the receiver's receipt keys, gave for `expected`.

    Raises:
        TooLargeError, NoteError: not a note.
        ReceiptError: another checkpoint, or a part of the cosignature missing, doubled or wrong.
        UnheardReceiptKeyError: none of `keys` cosigned; a newer registry may know the one.
    """
    note = notes.parse(raw, max_bytes)
    if note.text != expected.text:
        raise ReceiptError("receipt: cosigns another checkpoint than the one that was sent")
    for key in keys:
        time_s = _cosigned_by(note, expected, key)
        if time_s is not None:
            return Receipt(expected, time_s, key)
    raise UnheardReceiptKeyError("receipt: no cosignature by a receipt key of this receiver")


def _classic_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _line(name: str, signature_type: int, public: bytes, signature: bytes) -> notes.NoteSignature:
    return notes.NoteSignature(name, notes.key_hash(name, signature_type, public), signature)


def _cosigned_by(note: notes.Note, checkpoint: Checkpoint, key: VerifyKey) -> int | None:
    """Return the time at which `key` cosigned, or None; a wrong part of its raises."""
    name = cosigner_name(checkpoint.origin.network, checkpoint.origin.receiver)
    classic = notes.find(note, name, notes.ED25519_COSIGNATURE, key.ed25519)
    quantum = None
    if key.mldsa44 is not None:
        quantum = notes.find(note, name, notes.MLDSA44_COSIGNATURE, key.mldsa44)
    if classic is None and quantum is None:
        return None
    if classic is None or (quantum is None and key.mldsa44 is not None):
        raise ReceiptError("receipt: both parts of a hybrid cosignature must be present")
    stamp = classic[:TIMESTAMP_BYTES]
    time_s = int.from_bytes(stamp, "big")
    if not 0 < time_s <= MAX_TIME_S or (quantum or stamp)[:TIMESTAMP_BYTES] != stamp:
        raise ReceiptError("receipt: both parts must state the same time, above zero")
    try:
        key.verify_ed25519(classic[TIMESTAMP_BYTES:], _classic_message(note.text, time_s))
        if quantum is not None:
            message = subtree_message(name, time_s, checkpoint)
            key.verify_mldsa44(quantum[TIMESTAMP_BYTES:], message)
    except BadSignatureError:
        raise ReceiptError("receipt: does not verify") from None
    return time_s
