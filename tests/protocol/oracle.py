"""A second, independent implementation of the wire, to test ours against.

It imports nothing from `protocol`: entries are written with the `msgpack` library, trees follow
the recursive definitions of RFC 9162 to the letter, notes are written with plain string work.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgpack


def pack(value: Any) -> bytes:
    """Write a value as MessagePack."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack(raw: bytes) -> Any:
    """Read MessagePack, arrays as lists."""
    return msgpack.unpackb(raw, raw=False, strict_map_key=False)


def entry_id(secret: bytes, kind: int, subject: str | bytes, revision: int, receiver: str) -> bytes:
    """Derive an entry's id."""
    about = b"hx1/id\0" + pack([kind, subject, revision, receiver])
    return hmac.new(secret, about, hashlib.sha256).digest()


def salt(secret: bytes, identity: bytes) -> bytes:
    """Derive an entry's salt."""
    return hmac.new(secret, b"hx1/salt\0" + identity, hashlib.sha256).digest()[:16]


def tree(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*inclusion(index, leaves[:k]), tree(leaves[k:])]
    return [*inclusion(index - k, leaves[k:]), tree(leaves[:k])]


def consistency(size: int, leaves: list[bytes]) -> list[bytes]:
    """PROOF of RFC 9162 §2.1.4.1."""
    return _subproof(size, leaves, whole=True)


def _subproof(size: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [tree(leaves)]
    k = split(len(leaves))
    if size <= k:
        return [*_subproof(size, leaves[:k], whole=whole), tree(leaves[k:])]
    return [*_subproof(size - k, leaves[k:], whole=False), tree(leaves[:k])]


def split(size: int) -> int:
    """Give the largest power of two below `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """Write the three lines of a checkpoint."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def key_hash(name: str, kind: int, public: bytes) -> bytes:
    """Give the four bytes that name a key in a note."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
