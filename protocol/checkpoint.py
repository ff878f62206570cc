"""Checkpoints: a sender's signed statement of one epoch's size and root (docs/protocol.md §8.4).

The text is a C2SP tlog-checkpoint of exactly three lines: origin, size, root. The sender's log
key signs it under the origin as its name: Ed25519 over the text (note type 0x01) and ML-DSA-44
over C2SP's `cosigned_message` with time zero (type 0x06), which claims no time. A log never signs
two roots for one origin and size; whoever finds two such notes holds evidence of a fork.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple, NewType, Protocol

from keys.errors import BadSignatureError
from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.errors import CheckpointError, NoteError, UnheardKeyError, UnsayableError
from protocol.fields import is_member
from protocol.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from protocol.vocabulary import Lane

EPOCH_BYTES: Final = 8
MAX_CHECKPOINT_BYTES: Final = 16384
"""Room for a checkpoint and more than two hybrid signatures; checked before anything else."""

TIMESTAMP_BYTES: Final = 8
NO_TIME: Final = 0

_NETWORK: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{16}")
_MAX_NETWORK: Final = 81
_LANES: Final = {str(lane): lane for lane in Lane}
_EPOCH: Final = re.compile(r"[0-9a-f]{16}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_ORIGIN_PARTS: Final = 6
_LINES: Final = 4
_SCHEME: Final = "hx1"


class TreeHead(Protocol):
    """What a signature under the head of a log covers; `text` is its three lines."""

    @property
    def origin(self) -> object:
        """The log; its text is the name that signs."""
        ...

    @property
    def size(self) -> int:
        """How many leaves."""
        ...

    @property
    def root(self) -> bytes:
        """32 bytes."""
        ...

    @property
    def text(self) -> str:
        """Origin, size and root, as they are signed."""
        ...


def is_network(text: str) -> bool:
    """Whether this is a network id: a name and 16 hex digits (§3.2)."""
    return len(text) <= _MAX_NETWORK and bool(_NETWORK.fullmatch(text))


def render_lines(origin: str, size: int, root: bytes) -> str:
    """Return the three lines of a checkpoint (§8.2)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_lines(text: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of three lines in their one form; the origin is not judged.

    Raises:
        CheckpointError: anything else; extension lines too.
    """
    lines = text.split("\n")
    if len(lines) != _LINES or lines[3]:
        raise CheckpointError("checkpoint: must have three lines, no extension lines")
    if not _SIZE.fullmatch(lines[1]) or int(lines[1]) > MAX_SIZE:
        raise CheckpointError("checkpoint.size: must be a decimal number below 2^53")
    size, root = int(lines[1]), _parse_root(lines[2])
    if size == 0 and root != EMPTY_ROOT:
        raise CheckpointError("checkpoint.root: an empty tree has one root only")
    return lines[0], size, root


class Origin(NamedTuple):
    """One epoch of one channel; `epoch` has 8 bytes, `network` is the registry's network id."""

    network: str
    sender: str
    receiver: str
    lane: Lane
    epoch: bytes

    @property
    def owner(self) -> str:
        """The member that keeps and signs this log."""
        return self.sender

    def __str__(self) -> str:
        parts = (_SCHEME, self.network, self.sender, self.receiver, self.lane, self.epoch.hex())
        return "/".join(parts)

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Return the origin that `str` wrote.

        Raises:
            CheckpointError: anything else.
        """
        parts = text.split("/")
        if len(parts) != _ORIGIN_PARTS or parts[0] != _SCHEME:
            raise CheckpointError("origin: must be hx1/network/from/to/lane/epoch")
        _, network, sender, receiver, lane, epoch = parts
        if not is_network(network):
            raise CheckpointError("origin.network: must be a name and 16 hex digits")
        if not is_member(sender) or not is_member(receiver) or sender == receiver:
            raise CheckpointError("origin: from and to must be two member ids")
        if lane not in _LANES:
            raise CheckpointError("origin.lane: must be a known lane")
        if not _EPOCH.fullmatch(epoch):
            raise CheckpointError("origin.epoch: must be 16 hex digits")
        return cls(network, sender, receiver, _LANES[lane], bytes.fromhex(epoch))


class Channel(NamedTuple):
    """What one member says to another on one lane; `network` is the registry's network id."""

    network: str
    sender: str
    receiver: str
    lane: Lane

    def origin(self, epoch: bytes) -> Origin:
        """Return the origin of one epoch (8 bytes) of this channel."""
        return Origin(*self, epoch)


class Checkpoint(NamedTuple):
    """The state of one epoch: `size` entries under `root` (32 bytes)."""

    origin: Origin
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed; the identity of a push."""
        return render_lines(str(self.origin), self.size, self.root)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint that `text` writes down.

        Raises:
            CheckpointError: anything but three lines in their one form; extension lines too.
        """
        origin, size, root = parse_lines(text)
        return cls(Origin.parse(origin), size, root)


VerifiedCheckpoint = NewType("VerifiedCheckpoint", Checkpoint)
"""A checkpoint whose signatures were checked; only `verify_checkpoint` makes one."""


class Verified(NamedTuple):
    """What `verify_checkpoint` found: the checkpoint, and which of the sender's keys signed it."""

    checkpoint: VerifiedCheckpoint
    key: VerifyKey


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Return the signed note of `checkpoint`, by the sender's log key.

    One hybrid signature covers any number of entries. The note must be durable before a byte of
    it leaves the process (§8.5).
    """
    if Checkpoint.parse(checkpoint.text) != checkpoint:
        raise UnsayableError("checkpoint: must have a written form")
    return sign_head(checkpoint, signer)


def sign_head(head: TreeHead, signer: Signer) -> bytes:
    """Return the signed note of the head of any log, under its origin as name (§8.4.1)."""
    name, text, public = str(head.origin), head.text, signer.public
    lines = [_line(name, notes.ED25519, public.ed25519, signer.sign_ed25519(text.encode()))]
    if public.mldsa44 is not None:
        message = subtree_message(name, NO_TIME, head)
        signature = bytes(TIMESTAMP_BYTES) + signer.sign_mldsa44(message)
        lines.append(_line(name, notes.MLDSA44_COSIGNATURE, public.mldsa44, signature))
    return notes.render(text, lines)


def verify_checkpoint(
    raw: bytes, keys: Sequence[VerifyKey], max_bytes: int = MAX_CHECKPOINT_BYTES
) -> Verified:
    """Return the checkpoint that one of `keys`, the log keys of its sender, signed in `raw`.

    The caller compares the origin with what it expects: `read_checkpoint` gives it beforehand.

    Raises:
        TooLargeError: more than `max_bytes`.
        NoteError, UnheardKeyError: not a note, or as `signer_among`.
        CheckpointError: a note that is no checkpoint.
    """
    note = notes.parse(raw, max_bytes)
    checkpoint = Checkpoint.parse(note.text)
    return Verified(VerifiedCheckpoint(checkpoint), signer_among(note, checkpoint, keys))


def read_checkpoint(raw: bytes, max_bytes: int = MAX_CHECKPOINT_BYTES) -> Checkpoint:
    """Return what an **unverified** note claims, to find out whose keys should verify it.

    Raises:
        TooLargeError, NoteError, CheckpointError: as `verify_checkpoint`.
    """
    return Checkpoint.parse(notes.parse(raw, max_bytes).text)


def subtree_message(cosigner: str, time_s: int, checkpoint: TreeHead) -> bytes:
    """Return C2SP tlog-cosignature's `cosigned_message` for a whole tree."""
    origin = str(checkpoint.origin).encode()
    name = cosigner.encode()
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes((len(name),)),
            name,
            time_s.to_bytes(TIMESTAMP_BYTES, "big"),
            bytes((len(origin),)),
            origin,
            bytes(8),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _line(name: str, signature_type: int, public: bytes, signature: bytes) -> notes.NoteSignature:
    return notes.NoteSignature(name, notes.key_hash(name, signature_type, public), signature)


def signer_among(note: notes.Note, head: TreeHead, keys: Sequence[VerifyKey]) -> VerifyKey:
    """Return the first of `keys`, the log keys of one member, that signed this head (§8.4.2).

    What else stands in the note says nothing, also if it looks like a line of another of `keys`.
    Its signer could have put it there before that key was listed, or list two keys whose four
    bytes are the same: so it would take back for every reader what it signed.

    Raises:
        NoteError: none did, and a line of one is missing, doubled or wrong.
        UnheardKeyError: none did; a newer registry may know the one that did.
    """
    failed = None
    for key in keys:
        try:
            if _signed_by(note, head, key):
                return key
        except NoteError as error:
            failed = failed or error
    raise failed or UnheardKeyError("note.signatures: none by a log key of this log's owner")


def lines_of(key: VerifyKey, note: notes.Note, head: TreeHead) -> bytes:
    """Return a note that `key` signed (`signer_among`) with the lines of that key alone."""
    name = str(head.origin)
    halves = {notes.key_hash(name, notes.ED25519, key.ed25519)}
    if key.mldsa44 is not None:
        halves.add(notes.key_hash(name, notes.MLDSA44_COSIGNATURE, key.mldsa44))
    lines = [one for one in note.signatures if one.name == name and one.key_hash in halves]
    return notes.render(note.text, lines)


def _signed_by(note: notes.Note, checkpoint: TreeHead, key: VerifyKey) -> bool:
    """Whether `key` signed the head of a log in this note, with all its parts (§8.4.2).

    Raises:
        NoteError: a line of this key is missing, doubled, or does not verify.
    """
    name = str(checkpoint.origin)
    classic = notes.find(note, name, notes.ED25519, key.ed25519)
    quantum = None
    if key.mldsa44 is not None:
        quantum = notes.find(note, name, notes.MLDSA44_COSIGNATURE, key.mldsa44)
    if classic is None and quantum is None:
        return False
    if classic is None or (quantum is None and key.mldsa44 is not None):
        raise NoteError("note.signatures: both parts of a hybrid signature must be present")
    try:
        key.verify_ed25519(classic, note.text.encode())
        if quantum is not None:
            _verify_quantum(quantum, name, checkpoint, key)
    except BadSignatureError:
        raise NoteError("note.signatures: does not verify") from None
    return True


def _verify_quantum(signature: bytes, name: str, checkpoint: TreeHead, key: VerifyKey) -> None:
    if signature[:TIMESTAMP_BYTES] != bytes(TIMESTAMP_BYTES):
        raise NoteError("note.signatures: a log claims no time, its time is zero")
    message = subtree_message(name, NO_TIME, checkpoint)
    key.verify_mldsa44(signature[TIMESTAMP_BYTES:], message)


def _parse_root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointError("checkpoint.root: must be base64") from None
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != text:
        raise CheckpointError("checkpoint.root: must be 32 bytes in canonical base64")
    return root
