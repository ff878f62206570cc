"""Witnesses: others cosign the heads of a ledger (C2SP tlog-witness; docs/protocol.md §8.12).

A cosignature says: at this time, by my clock, this was the largest head of that ledger that I have
seen, and it extends every head of it that I cosigned before. So nobody can backdate what a
witnessed ledger shows, nor show two histories of it to two witnesses that others compare.

This module holds the form of a submission, the decision about it, and the check of what comes
back; what a witness remembers, and that it remembers before it answers, is
`node.peer.ledgers.witness`.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.checkpoint import MAX_CHECKPOINT_BYTES
from protocol.cosignature import cosignature_lines, cosigned_by
from protocol.errors import (
    CosignatureError,
    NoteError,
    ProofError,
    TooLargeError,
    UnheardCosignerError,
)
from protocol.ledger import LedgerHead, VerifiedLedgerHead
from protocol.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, verify_consistency

WITNESSES: Final = 2
"""So many cosigners that are neither of a channel's parties make a head witnessed for it."""

MAX_PROOF: Final = 63
MAX_SUBMISSION_BYTES: Final = 32 + (MAX_PROOF + 1) * 45 + MAX_CHECKPOINT_BYTES
MAX_COSIGNATURE_BYTES: Final = 8192
MAX_COSIGNERS: Final = 7
"""A note has sixteen lines: two of its owner, two of each cosigner."""
MAX_WITNESSED_BYTES: Final = 32768
"""Of a head with its cosignatures."""

NO_ENDS: Final[Mapping[str, int]] = MappingProxyType({})

_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,15})")


class Submission(NamedTuple):
    """What the owner of a ledger hands a witness (C2SP tlog-witness, add-checkpoint).

    `old_size` is that of the last head that the witness cosigned, `proof` the consistency path
    from it, `note` the signed head.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old_size}", *(base64.b64encode(one).decode() for one in self.proof)]
        return "\n".join([*lines, "", ""]).encode() + self.note

    @classmethod
    def parse(cls, raw: bytes) -> "Submission":
        """Take a body apart; the note in it is not looked at.

        Raises:
            TooLargeError: more bytes than a submission may have.
            NoteError: not its form.
        """
        if len(raw) > MAX_SUBMISSION_BYTES:
            raise TooLargeError(f"submission: at most {MAX_SUBMISSION_BYTES} bytes are allowed")
        front, separator, note = raw.partition(b"\n\n")
        try:
            old, *proof = front.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NoteError("submission: must be ASCII before the note") from None
        said = _OLD.fullmatch(old)
        if not separator or said is None or int(said[1]) > MAX_SIZE:
            raise NoteError("submission.old: must be a line `old SIZE`, then proof, an empty line")
        if len(proof) > MAX_PROOF:
            raise NoteError(f"submission.proof: at most {MAX_PROOF} lines are allowed")
        return cls(int(said[1]), tuple(map(_hash, proof)), note)


class Witnessed(NamedTuple):
    """What a witness remembers of one ledger epoch: the last head that it cosigned."""

    size: int
    root: bytes


NEVER: Final = Witnessed(0, EMPTY_ROOT)


def cosigner_name(network: str, witness: str) -> str:
    """Return the name under which a member cosigns ledgers: `hx1/<network>/<member>/witness`."""
    return f"hx1/{network}/{witness}/witness"


def head_of(note: bytes) -> LedgerHead:
    """Return what the note of a submission claims; nothing is verified.

    Raises:
        TooLargeError, NoteError, CheckpointError: not the head of a ledger.
        ProofError: an empty tree with another root than the empty one.
    """
    text = notes.parse(note, MAX_CHECKPOINT_BYTES).text
    lines = text.split("\n")
    empty = base64.b64encode(EMPTY_ROOT).decode()
    if len(lines) > 2 and lines[1] == "0" and lines[2] != empty:  # noqa: PLR2004 - size, root
        raise ProofError("checkpoint.root: an empty tree has one root only")
    return LedgerHead.parse(text)


def conflicts(submission: Submission, head: LedgerHead, held: Witnessed) -> bool:
    """Whether the witness holds another size than the owner believes: it is told which.

    Raises:
        NoteError: the old size is beyond the new one.
    """
    if submission.old_size > head.size:
        raise NoteError("submission.old: must not be beyond the size of the head")
    return submission.old_size != held.size


def check_extends(submission: Submission, head: VerifiedLedgerHead, held: Witnessed) -> None:
    """Check that `head` extends what the witness holds, by the submission's proof.

    Raises:
        ProofError: it does not, or the proof does not show it.
    """
    if held.size == 0:
        if submission.proof:
            raise ProofError("submission.proof: must be empty from size 0")
        return
    verify_consistency(held.size, held.root, head.size, head.root, submission.proof)


def cosign_head(head: VerifiedLedgerHead, witness: str, signer: Signer, time_s: int) -> bytes:
    """Return the signature lines by which `witness` cosigns `head` at `time_s` (POSIX seconds).

    To be called once the head is judged, in the transaction that remembers it.

    Raises:
        UnsayableError: a time that is zero or beyond the year 9999.
    """
    name = cosigner_name(head.origin.network, witness)
    return _signature_lines(head.text, cosignature_lines(head, name, signer, time_s))


def take_cosignature(
    note: bytes,
    lines: bytes,
    witness: str,
    keys: Sequence[VerifyKey],
    ends: Mapping[str, int] = NO_ENDS,
) -> tuple[bytes, int]:
    """Return the lines that `witness` owes under `note`, without any others, and their time.

    `note` is our own signed head, `lines` the body of the answer, `keys` its witness keys, `ends`
    as in `cosigners`.

    Raises:
        TooLargeError, NoteError: no signature lines.
        CosignatureError: a part is missing, doubled or wrong.
        UnheardCosignerError: none by a key in `keys` that counted then.
    """
    if len(lines) > MAX_COSIGNATURE_BYTES:
        raise TooLargeError(f"cosignature: at most {MAX_COSIGNATURE_BYTES} bytes are allowed")
    signed = notes.parse(note + lines, MAX_WITNESSED_BYTES)
    head = LedgerHead.parse(signed.text)
    name = cosigner_name(head.origin.network, witness)
    for key, time_s in cosigned_by(signed, head, name, keys):
        if _counted(key, time_s, ends):
            hashes = _hashes(name, key)
            owed = [s for s in signed.signatures if s.name == name and s.key_hash in hashes]
            return _signature_lines(signed.text, owed), time_s
    raise UnheardCosignerError("cosignature: none by a witness key of this member")


def cosigners(
    note: bytes,
    witnesses: Mapping[str, Sequence[VerifyKey]],
    ends: Mapping[str, int] = NO_ENDS,
    max_bytes: int = MAX_WITNESSED_BYTES,
) -> dict[str, int]:
    """Return who of `witnesses` cosigned the head in `note`, and when (POSIX seconds).

    Lines by others, and under keys that are not listed, say nothing, as C2SP demands. So do those
    at or after the end of their key's turn: `ends`, ms UTC by key id (§8.12.10); and what lacks a
    part or does not verify: a witness could list a key later by which its own lines look wrong,
    and so have the honest owner of the ledger refused.

    Raises:
        TooLargeError, NoteError, CheckpointError: not the head of a ledger.
    """
    signed = notes.parse(note, max_bytes)
    head = LedgerHead.parse(signed.text)
    found = {}
    for witness, keys in witnesses.items():
        name = cosigner_name(head.origin.network, witness)
        try:
            given = cosigned_by(signed, head, name, keys)
        except (CosignatureError, NoteError):
            continue
        times = [time_s for key, time_s in given if _counted(key, time_s, ends)]
        if times:
            found[witness] = min(times)
    return found


def witnessed_at(times: Mapping[str, int], parties: Sequence[str]) -> int | None:
    """Return from when on a head counts as witnessed for a channel of `parties`; None: not.

    That is the time of the second of the cosigners that are neither of them: then two had seen it.
    """
    outside = sorted(time for witness, time in times.items() if witness not in parties)
    return outside[WITNESSES - 1] if len(outside) >= WITNESSES else None


def _counted(key: VerifyKey, time_s: int, ends: Mapping[str, int]) -> bool:
    """Whether the turn of a key had not ended at that time, which its owner says (POSIX s)."""
    end_ms = ends.get(key.key_id)
    return end_ms is None or time_s * 1000 < end_ms


def _signature_lines(text: str, signatures: Sequence[notes.NoteSignature]) -> bytes:
    return notes.render(text, signatures)[len(text.encode()) + 1 :]


def _hashes(name: str, key: VerifyKey) -> set[bytes]:
    hashes = {notes.key_hash(name, notes.ED25519_COSIGNATURE, key.ed25519)}
    if key.mldsa44 is not None:
        hashes.add(notes.key_hash(name, notes.MLDSA44_COSIGNATURE, key.mldsa44))
    return hashes


def _hash(line: str) -> bytes:
    try:
        decoded = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("submission.proof: a line is base64") from None
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != line:
        raise NoteError("submission.proof: a line is 32 bytes in canonical base64")
    return decoded
