"""What one push carries: a head in clear, and entries framed, padded and sealed (§8.7).

    body of the request  =  suite (2) | sealing key id (8) | note length (4) | note | sealed
    sealed               =  HPKE seal, to the receiver's sealing key, of the frame
    frame                =  count (4) | count times: length (4), entry | zeros up to a bucket

Numbers are unsigned and big-endian. The head is small and is judged (signature, stored receipt,
start, quota) before the rest is read, opened or hashed. The length of the frame is one of a few
buckets, since the length of an address is a fingerprint. Sealing itself is `keys.sealing`; this
module says what it is bound to (`seal_info`) and how much fits (`fit`).
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from protocol.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint, Origin
from protocol.entry import MAX_ENTRY_BYTES
from protocol.errors import MalformedError, TooLargeError, UnsayableError

SUITE: Final = 1
"""ML-KEM-768+X25519, HKDF-SHA256, AES-256-GCM: HPKE base mode, one shot."""

KEY_ID_BYTES: Final = 8
BUCKETS: Final = (4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216)
MAX_PUSH_ENTRIES: Final = 1000
MAX_PUSH_BYTES: Final = 4_194_304
MIN_PUSH_ENTRIES: Final = 2
"""An epoch begins with its opening and with the registry that its sender works under."""
MIN_ENTRY_BYTES: Final = 1024
"""Room for every kind that a node must say for the protocol to go on: openings, answers, ends."""

_LENGTH: Final = struct.Struct(">I")
_HEAD: Final = struct.Struct(f">H{KEY_ID_BYTES}sI")
HEAD_PREFIX_BYTES: Final = _HEAD.size


class Purpose(IntEnum):
    """What sealed entries are for; part of what the seal is bound to."""

    PUSH = 1
    PULL = 2
    RECOVER = 3


class PushHead(NamedTuple):
    """The part of a push in clear: suite, id of the sealing key (16 hex digits), checkpoint note.

    Nothing of it is to be believed before the note is verified and the seal opened.
    """

    suite: int
    key_id: str
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the head; the sealed frame follows it.

        Raises:
            UnsayableError: a key id that is not 16 hex digits, or a note over the limit.
        """
        key_id = _key_id(self.key_id)
        if len(self.note) > MAX_CHECKPOINT_BYTES:
            raise UnsayableError(f"push.note: at most {MAX_CHECKPOINT_BYTES} bytes")
        return _HEAD.pack(self.suite, key_id, len(self.note)) + self.note


def head_length(prefix: bytes) -> int:
    """Return how many bytes the head has, told from its first 14.

    Raises:
        MalformedError: fewer than 14 bytes.
        TooLargeError: a note over the limit.
    """
    if len(prefix) < HEAD_PREFIX_BYTES:
        raise MalformedError("push.head", "must be complete")
    note_length: int = _HEAD.unpack_from(prefix)[2]
    if note_length > MAX_CHECKPOINT_BYTES:
        raise TooLargeError(f"push.note: at most {MAX_CHECKPOINT_BYTES} bytes are allowed")
    return HEAD_PREFIX_BYTES + note_length


def read_head(raw: bytes) -> PushHead:
    """Return the head at the start of `raw`; the sealed frame starts at `head_length(raw)`.

    Raises:
        MalformedError, TooLargeError: as `head_length`, or a suite that we do not speak.
    """
    end = head_length(raw)
    suite, key_id, _ = _HEAD.unpack_from(raw)
    if len(raw) < end:
        raise MalformedError("push.head", "must be complete")
    if suite != SUITE:
        raise MalformedError("push.suite", f"must be {SUITE}")
    return PushHead(suite, key_id.hex(), raw[HEAD_PREFIX_BYTES:end])


def frame(entries: Sequence[bytes]) -> bytes:
    """Return the entries as one padded frame, ready to be sealed.

    Raises:
        UnsayableError: no entry, an empty one, or more bytes than the largest bucket.
    """
    if not entries or not all(entries):
        raise UnsayableError("push.entries: there must be at least one, and none empty")
    pack = _LENGTH.pack
    parts = [pack(len(entries))]
    for entry in entries:
        parts.append(pack(len(entry)))
        parts.append(entry)
    whole = b"".join(parts)
    return whole.ljust(bucket(len(whole)), b"\0")


def unframe(
    raw: bytes,
    max_entries: int = MAX_PUSH_ENTRIES,
    max_bytes: int = MAX_PUSH_BYTES,
    max_entry_bytes: int = MAX_ENTRY_BYTES,
) -> list[bytes]:
    """Return the entries of a frame that was opened; they are opaque bytes still.

    Raises:
        TooLargeError: over one of the limits.
        MalformedError: not exactly what `frame` makes.
    """
    if len(raw) > max_bytes:
        raise TooLargeError(f"push: at most {max_bytes} bytes are allowed")
    if len(raw) not in BUCKETS:
        raise MalformedError("push.frame", "must have the length of a bucket")
    unpack = _LENGTH.unpack_from
    (count,) = unpack(raw)
    if not 0 < count <= max_entries:
        raise TooLargeError(f"push.entries: 1 to {max_entries} are allowed")
    entries: list[bytes] = []
    at, end = _LENGTH.size, len(raw)
    for _ in range(count):
        begin = at + _LENGTH.size
        if begin > end:
            raise MalformedError("push.frame", "must hold as many entries as it says")
        at = begin + unpack(raw, at)[0]
        if at > end or not 0 < at - begin <= max_entry_bytes:
            raise TooLargeError(f"push.entries: an entry has 1 to {max_entry_bytes} bytes")
        entries.append(raw[begin:at])
    if bucket(at) != end or raw[at:].strip(b"\0"):
        raise MalformedError("push.frame", "must be padded with zeros to the next bucket")
    return entries


def bucket(length: int) -> int:
    """Return the smallest bucket that holds `length` bytes.

    Raises:
        UnsayableError: more than the largest bucket.
    """
    for size in BUCKETS:
        if length <= size:
            return size
    raise UnsayableError(f"push: at most {BUCKETS[-1]} bytes; cut an intermediate checkpoint")


def fit(
    lengths: Iterable[int],
    max_entries: int = MAX_PUSH_ENTRIES,
    max_bytes: int = MAX_PUSH_BYTES,
) -> int:
    """Return how many of the next entries, given by their lengths, go into one push.

    A longer backlog is cut by intermediate checkpoints, one push each. In the largest bucket there
    is a byte left for each: in a page of a recovery it is one longer, and no bucket follows.
    """
    largest = max((size for size in BUCKETS if size <= max_bytes), default=0)
    each = _LENGTH.size + (largest == BUCKETS[-1])
    used, count = _LENGTH.size, 0
    for length in lengths:
        used += each + length
        if used > largest or count == max_entries:
            break
        count += 1
    return count


def largest_entry(max_bytes: int, max_entry_bytes: int) -> int:
    """Return how many bytes an entry may have that a network permits and some push can carry."""
    frame = max((size for size in BUCKETS if size <= max_bytes), default=0)
    return min(max_entry_bytes, MAX_ENTRY_BYTES, frame - 2 * _LENGTH.size)


def can_carry(max_entries: int, max_bytes: int, max_entry_bytes: int) -> bool:
    """Whether limits of a network agree, and leave room for what the protocol itself says.

    Every entry that they allow goes into some push, since one that does not would hold up its
    channel for ever; an epoch can be opened, and anything be answered. Checked where a network
    document is signed, and where a node takes one over.
    """
    return (
        max_entries >= MIN_PUSH_ENTRIES
        and max_entry_bytes >= MIN_ENTRY_BYTES
        and largest_entry(max_bytes, max_entry_bytes) == min(max_entry_bytes, MAX_ENTRY_BYTES)
    )


def seal_info(
    purpose: Purpose, suite: int, key_id: str, checkpoint: Checkpoint, start: int, end: int
) -> bytes:
    """Return what a seal is bound to, 68 bytes: no seal opens for another use, key or range.

    Tag (9) | purpose (1) | suite (2) | sealing key id (8) | SHA-256 of the checkpoint's text (32)
    | start (8) | end (8), unsigned big-endian.

    Raises:
        UnsayableError: a key id that is not 16 hex digits.
    """
    body = hashlib.sha256(checkpoint.text.encode()).digest()
    fixed = struct.pack(">BH", purpose, suite) + _key_id(key_id)
    return b"hx1/seal\0" + fixed + body + struct.pack(">QQ", start, end)


def push_path(origin: Origin, start: int) -> str:
    """Return the path of the request that pushes the entries of `origin` from `start` on."""
    return f"/hx1/channels/{origin.sender}/{origin.lane}/{origin.epoch.hex()}/{start}"


def _key_id(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != KEY_ID_BYTES or raw.hex() != text:
        raise UnsayableError("key_id: must be 16 lower-case hex digits")
    return raw
