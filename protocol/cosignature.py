"""Cosignatures: what another member says of the head of a log, with its own time.

A cosignature is made of two lines under the cosigner's name, C2SP tlog-cosignature types 0x04
(Ed25519) and 0x06 (ML-DSA-44), both with the same time (docs/protocol.md §8.6, §8.12). What it
means beside "at this time I saw this head", the callers say: `receipt`, `witness`.
"""

from collections.abc import Sequence
from typing import Final

from keys.errors import BadSignatureError
from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.checkpoint import TIMESTAMP_BYTES, TreeHead, subtree_message
from protocol.errors import CosignatureError, NoteError, UnsayableError

MAX_TIME_S: Final = 253_402_300_799


def cosignature_lines(
    head: TreeHead, name: str, signer: Signer, time_s: int
) -> list[notes.NoteSignature]:
    """Return the lines by which `signer`, under `name`, cosigns `head` at `time_s`.

    Raises:
        UnsayableError: a time that is zero or beyond the year 9999.
    """
    if not 0 < time_s <= MAX_TIME_S:
        raise UnsayableError("time_s: must be POSIX seconds, above zero")
    public, stamp = signer.public, time_s.to_bytes(TIMESTAMP_BYTES, "big")
    classic = stamp + signer.sign_ed25519(_classic_message(head.text, time_s))
    lines = [_line(name, notes.ED25519_COSIGNATURE, public.ed25519, classic)]
    if public.mldsa44 is not None:
        quantum = stamp + signer.sign_mldsa44(subtree_message(name, time_s, head))
        lines.append(_line(name, notes.MLDSA44_COSIGNATURE, public.mldsa44, quantum))
    return lines


def cosigned_by(
    note: notes.Note, head: TreeHead, name: str, keys: Sequence[VerifyKey]
) -> list[tuple[VerifyKey, int]]:
    """Return those of `keys`, all of one member, that cosigned `head`, with their times (POSIX s).

    What stands there under others of them and is wrong takes nothing from these
    (`checkpoint.signer_among` says why). The caller has seen that the note's text is `head`'s.

    Raises:
        CosignatureError, NoteError: none did, and a line of one is missing, doubled or wrong.
    """
    found, failed = [], None
    for key in keys:
        try:
            time_s = _cosigned_at(note, head, name, key)
        except (CosignatureError, NoteError) as error:
            failed = failed or error
        else:
            found += [] if time_s is None else [(key, time_s)]
    if not found and failed is not None:
        raise failed
    return found


def _cosigned_at(note: notes.Note, head: TreeHead, name: str, key: VerifyKey) -> int | None:
    """Return the time (POSIX seconds) at which `key` cosigned `head`; None: it did not.

    Raises:
        CosignatureError: a part of its is missing or wrong.
        NoteError: a line of its is there twice.
    """
    classic = notes.find(note, name, notes.ED25519_COSIGNATURE, key.ed25519)
    quantum = None
    if key.mldsa44 is not None:
        quantum = notes.find(note, name, notes.MLDSA44_COSIGNATURE, key.mldsa44)
    if classic is None and quantum is None:
        return None
    if classic is None or (quantum is None and key.mldsa44 is not None):
        raise CosignatureError("both parts of a hybrid cosignature must be present")
    stamp = classic[:TIMESTAMP_BYTES]
    time_s = int.from_bytes(stamp, "big")
    if not 0 < time_s <= MAX_TIME_S or (quantum or stamp)[:TIMESTAMP_BYTES] != stamp:
        raise CosignatureError("both parts must state the same time, above zero")
    try:
        key.verify_ed25519(classic[TIMESTAMP_BYTES:], _classic_message(note.text, time_s))
        if quantum is not None:
            key.verify_mldsa44(quantum[TIMESTAMP_BYTES:], subtree_message(name, time_s, head))
    except BadSignatureError:
        raise CosignatureError("does not verify") from None
    return time_s


def _classic_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _line(name: str, signature_type: int, public: bytes, signature: bytes) -> notes.NoteSignature:
    return notes.NoteSignature(name, notes.key_hash(name, signature_type, public), signature)
