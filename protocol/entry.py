"""One leaf of a channel: `[version, kind, id, salt, body]` (docs/protocol.md §5).

`id` is derived from a secret of the sending node and from what the entry is about, so the same
thing said to the same receiver has the same id for ever: across restarts, epochs and lanes.
`salt` makes the leaf hash useless to anybody who guesses addresses, and lets one entry be opened
to a court without opening its neighbours. Times are never part of identity.

All versions share the outer form: five elements, the first four as here. What stands in `body`
is the business of `messages.py`. The fixed head of the versions that we know is matched byte for
byte, which is why decoding costs about a microsecond.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from protocol.encoding import INTEGER_MAX, Value, pack, unpack
from protocol.errors import MalformedError, TooLargeError, UnsayableError

VERSION: Final = 1
VERSIONS: Final = (1, 2)
ID_BYTES: Final = 32
SALT_BYTES: Final = 16
SECRET_BYTES: Final = 32
MAX_ENTRY_BYTES: Final = 65536

# Array of five, version; then a kind below 128, then bin8 32 (id), then bin8 16 (salt).
_HEADS: Final = tuple(bytes((0x95, version)) for version in VERSIONS)
_ID_HEAD: Final = b"\xc4\x20"
_SALT_HEAD: Final = b"\xc4\x10"
_ID_AT: Final = 5
_SALT_AT: Final = 39
HEAD_BYTES: Final = 55
_SMALL_KINDS: Final = 128
_PARTS: Final = 5
_BLOCK_BYTES: Final = 64

_encode: Final = msgspec.msgpack.Encoder().encode


class Entry(NamedTuple):
    """One entry; `body` is the canonical MessagePack of the body, not yet judged.

    `id` has 32 bytes, `salt` 16.
    """

    version: int
    kind: int
    id: bytes
    salt: bytes
    body: bytes


def entry_id(
    node_secret: bytes,
    kind: int,
    subject: str | bytes,
    revision: int,
    receiver: str,
    version: int = VERSION,
) -> bytes:
    """Return the 32-byte id of what `kind` says about `subject` to `receiver`, for ever the same.

    HMAC-SHA256 of `pack([kind, subject, revision, receiver])` under `node_secret` (32 bytes, kept
    with the keys). `subject` is the item's or message's own id (docs/protocol.md §5.3). From
    version 2 on the version is a fifth element: one thing said in two forms is two entries, and
    never a conflict.

    Raises:
        UnsayableError: `node_secret` does not have 32 bytes, or the rest has no canonical form.
    """
    _check_secret(node_secret)
    said = (int(kind), subject, revision, receiver)
    try:
        about = _encode(said if version == VERSION else (*said, version))
    except (TypeError, ValueError, OverflowError):
        raise UnsayableError("subject, revision, receiver: must have a canonical form") from None
    return _keyed(node_secret, b"hx1/id\0" + about)


def entry_salt(node_secret: bytes, identity: bytes) -> bytes:
    """Return the 16-byte salt of the entry with this id (docs/protocol.md §5.4).

    Raises:
        UnsayableError: `node_secret` does not have 32 bytes.
    """
    _check_secret(node_secret)
    return _keyed(node_secret, b"hx1/salt\0" + identity)[:SALT_BYTES]


def is_made_with(node_secret: bytes, entry: Entry) -> bool:
    """Whether the entry bears the salt that this secret gives its id.

    Who has only a member's log key can sign an entry, and cannot salt it (docs/protocol.md §5.4).

    Raises:
        UnsayableError: `node_secret` does not have 32 bytes.
    """
    return hmac.compare_digest(entry.salt, entry_salt(node_secret, entry.id))


def compose(
    node_secret: bytes,
    kind: int,
    subject: str | bytes,
    revision: int,
    receiver: str,
    body: bytes,
    version: int = VERSION,
) -> Entry:
    """Return the entry that says `body` (from `messages.to_body`) about `subject` to `receiver`."""
    identity = entry_id(node_secret, kind, subject, revision, receiver, version)
    return Entry(version, int(kind), identity, entry_salt(node_secret, identity), body)


def encode(entry: Entry, max_bytes: int = MAX_ENTRY_BYTES) -> bytes:
    """Return the bytes of an entry of a version that we speak, the ones that are hashed and sent.

    Raises:
        UnsayableError: another version, a kind outside 0..127, a wrong length of id or salt, or an
            entry over `max_bytes`.
    """
    version, kind, identity, salt, body = entry
    if version not in VERSIONS or not 0 <= kind < _SMALL_KINDS:
        raise UnsayableError("entry.version, entry.kind: we speak versions 1 and 2, kinds 0 to 127")
    if len(identity) != ID_BYTES or len(salt) != SALT_BYTES:
        raise UnsayableError("entry.id, entry.salt: must have 32 and 16 bytes")
    if HEAD_BYTES + len(body) > max_bytes:
        raise UnsayableError(f"entry.body: the entry would exceed {max_bytes} bytes; shorten it")
    head = bytes((0x95, version, kind))
    return b"%b%b%b%b%b%b" % (head, _ID_HEAD, identity, _SALT_HEAD, salt, body)


def decode(raw: bytes, max_bytes: int = MAX_ENTRY_BYTES) -> Entry:
    """Return the parts of an entry; the head is checked, the body is left to `messages`.

    An entry of a version that we do not know is checked to be canonical as a whole.

    Raises:
        TooLargeError: more than `max_bytes`.
        MalformedError: not an entry in any version.
    """
    if len(raw) > max_bytes:
        raise TooLargeError(f"entry: {len(raw)} bytes, at most {max_bytes} are allowed")
    if (
        raw[:2] in _HEADS
        and raw[3:_ID_AT] == _ID_HEAD
        and raw[_SALT_AT - 2 : _SALT_AT] == _SALT_HEAD
        and len(raw) > HEAD_BYTES
        and raw[2] < _SMALL_KINDS
    ):
        return Entry(raw[1], raw[2], raw[_ID_AT:37], raw[_SALT_AT:HEAD_BYTES], raw[HEAD_BYTES:])
    return _decode_other(raw, max_bytes)


def leaf(raw: bytes) -> bytes:
    """Return the leaf hash of an encoded entry: SHA-256(0x00 || entry), RFC 9162 §2.1.1."""
    return hashlib.sha256(b"\0" + raw).digest()


def leaves(entries: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hashes of many encoded entries, in order."""
    sha256 = hashlib.sha256
    return [sha256(b"\0" + raw).digest() for raw in entries]


@lru_cache(maxsize=16)
def _hmac_under(node_secret: bytes) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """HMAC-SHA256 (RFC 2104) with the key taken in: how its inner and its outer hash begin.

    The `hmac` module does the same, with a Python object around each copy: twice the time.
    """
    padded = node_secret.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    return inner.copy, outer.copy


def _keyed(node_secret: bytes, text: bytes) -> bytes:
    inner, outer = _hmac_under(node_secret)
    state, whole = inner(), outer()
    state.update(text)
    whole.update(state.digest())
    digest: bytes = whole.digest()
    return digest


def _check_secret(node_secret: bytes) -> None:
    if len(node_secret) != SECRET_BYTES:
        raise UnsayableError("node_secret: must have 32 bytes")


def _decode_other(raw: bytes, max_bytes: int) -> Entry:
    """Read an entry of an unknown version or with an unusually large kind."""
    try:
        value = unpack(raw, max_bytes)
    except MalformedError as error:
        raise MalformedError("entry", error.mend) from None
    if not isinstance(value, list) or len(value) != _PARTS:
        raise MalformedError("entry", "must be an array of five elements")
    *head, _ = value
    version, kind, identity, salt = head
    return Entry(
        _count("entry.version", version),
        _count("entry.kind", kind),
        _exactly("entry.id", identity, ID_BYTES),
        _exactly("entry.salt", salt, SALT_BYTES),
        raw[1 + sum(len(pack(part)) for part in head) :],  # all of it is canonical
    )


def _count(field: str, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INTEGER_MAX:
        raise MalformedError(field, "must be a number, zero or more")
    return value


def _exactly(field: str, value: Value, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise MalformedError(field, f"must be {length} bytes")
    return value
