"""Receipts: the receiver's cosignature on a checkpoint (C2SP tlog-cosignature; §8.6).

A receipt says: at this time, by my clock, I durably hold every entry of this epoch below this
size. It is a note of the same three lines as the checkpoint, with the receiver's receipt key as
cosigner: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06), both with the same time. An HTTP status
says nothing; only these bytes do. The same push gets the same bytes again, for ever.
"""

from collections.abc import Sequence
from typing import NamedTuple

from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint
from protocol.cosignature import cosignature_lines, cosigned_by
from protocol.errors import CosignatureError, ReceiptError, UnheardReceiptKeyError


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
    name = cosigner_name(checkpoint.origin.network, checkpoint.origin.receiver)
    return notes.render(checkpoint.text, cosignature_lines(checkpoint, name, signer, time_s))


def verify_receipt(
    raw: bytes,
    expected: Checkpoint,
    keys: Sequence[VerifyKey],
    max_bytes: int = MAX_CHECKPOINT_BYTES,
) -> Receipt:
    """Return the receipt that one of `keys`, the receiver's receipt keys, gave for `expected`.

    Raises:
        TooLargeError, NoteError: not a note, or a line of one of `keys` twice and none cosigned.
        ReceiptError: another checkpoint, or none of `keys` cosigned with all its parts.
        UnheardReceiptKeyError: none of `keys` cosigned; a newer registry may know the one.
    """
    note = notes.parse(raw, max_bytes)
    if note.text != expected.text:
        raise ReceiptError("receipt: cosigns another checkpoint than the one that was sent")
    name = cosigner_name(expected.origin.network, expected.origin.receiver)
    try:
        found = cosigned_by(note, expected, name, keys)
    except CosignatureError as error:
        raise ReceiptError(f"receipt: {error}") from None
    if not found:
        raise UnheardReceiptKeyError("receipt: no cosignature by a receipt key of this receiver")
    key, time_s = found[0]
    return Receipt(expected, time_s, key)
