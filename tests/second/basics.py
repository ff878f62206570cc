"""Encodings, trees and signatures (docs/protocol.md §4, §5.4, §8.1), from the text alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

MAX_DEPTH = 16


class RefusedError(Exception):
    """What was looked at does not hold."""


def need(condition: object, what: str) -> None:
    """Refuse unless it holds."""
    if not condition:
        raise RefusedError(what)


class HybridKey(NamedTuple):
    """A signing key as a member document lists it; without ML-DSA-44 for transport keys."""

    ed25519: bytes
    mldsa44: bytes | None

    @property
    def raw(self) -> bytes:
        """Both halves."""
        return self.ed25519 + (self.mldsa44 or b"")

    @property
    def id(self) -> str:
        """Its id (registry.md §5.3)."""
        return sha256(b"hx1/key\0", self.raw).hex()[:16]

    def check_classic(self, signature: bytes, message: bytes) -> None:
        """Refuse what the first half did not sign."""
        try:
            Ed25519PublicKey.from_public_bytes(self.ed25519).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise RefusedError("ed25519") from None

    def check_quantum(self, signature: bytes, message: bytes, context: bytes = b"") -> None:
        """Refuse what the second half did not sign."""
        try:
            key = MLDSA44PublicKey.from_public_bytes(self.mldsa44 or b"")
            key.verify(signature, message, context)
        except (InvalidSignature, ValueError):
            raise RefusedError("ml-dsa-44") from None


def from64(text: object) -> bytes:
    """Read base64 in its one spelling."""
    need(isinstance(text, str), "base64: text")
    assert isinstance(text, str)
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("base64") from None
    need(base64.b64encode(raw).decode() == text, "base64: one spelling")
    return raw


def sha256(*parts: bytes) -> bytes:
    """Hash."""
    return hashlib.sha256(b"".join(parts)).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash an inner node."""
    return sha256(b"\1", left, right)


def root_above(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 §2.1.3.2: the root that an inclusion path leads to."""
    need(0 <= index < size, "index")
    fn, sn, root = index, size - 1, leaf
    for one in path:
        need(sn != 0 and len(one) == 32, "path: too long")
        if fn & 1 or fn == sn:
            root = node(one, root)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node(root, one)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "path: too short")
    return root


def roots_of_proof(first: int, second: int, nodes: list[bytes]) -> tuple[bytes, bytes]:
    """RFC 9162 §2.1.4.2, with the first node always there (§8.9.3): both roots that it implies."""
    need(0 < first < second and nodes and all(len(one) == 32 for one in nodes), "nodes")
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = nodes[0]
    for one in nodes[1:]:
        need(sn != 0, "nodes: too many")
        if fn & 1 or fn == sn:
            fr, sr = node(one, fr), node(one, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, one)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "nodes: too few")
    return fr, sr


def unpack(raw: bytes) -> Any:
    """Read one canonical value (§4.1, §4.2)."""
    value, end = _value(raw, 0, MAX_DEPTH)
    need(end == len(raw), "messagepack: something follows")
    return value


_NUMBERS = {
    0xCC: (">B", 0x80, None),
    0xCD: (">H", 1 << 8, None),
    0xCE: (">I", 1 << 16, None),
    0xCF: (">Q", 1 << 32, None),
    0xD0: (">b", None, -33),
    0xD1: (">h", None, -(1 << 7) - 1),
    0xD2: (">i", None, -(1 << 15) - 1),
    0xD3: (">q", None, -(1 << 31) - 1),
}
"""By first byte: form, and the smallest or largest number that needs it."""

_LONG = {
    0xC4: ("bin", ">B", 0),
    0xC5: ("bin", ">H", 1 << 8),
    0xC6: ("bin", ">I", 1 << 16),
    0xD9: ("str", ">B", 32),
    0xDA: ("str", ">H", 1 << 8),
    0xDB: ("str", ">I", 1 << 16),
    0xDC: ("array", ">H", 16),
    0xDD: ("array", ">I", 1 << 16),
}
"""By first byte: what, the form of its length, and the shortest length that needs it."""

_WORDS = {0xC0: None, 0xC2: False, 0xC3: True}


def _value(raw: bytes, at: int, depth: int) -> tuple[Any, int]:
    first = _take(raw, at, 1)[0]
    at += 1
    if first < 0x80 or first >= 0xE0:
        return (first if first < 0x80 else first - 0x100), at
    if first in _WORDS:
        return _WORDS[first], at
    if first in _NUMBERS:
        return _number(raw, at, *_NUMBERS[first])
    if 0x90 <= first < 0xC0:
        what, length = ("array", first & 15) if first < 0xA0 else ("str", first & 31)
        return _sized(raw, at, what, length, depth)
    need(first in _LONG, "messagepack: a type that is not allowed")
    what, form, least = _LONG[first]
    length, at = _number(raw, at, form, least, None)
    return _sized(raw, at, what, length, depth)


def _number(raw: bytes, at: int, form: str, least: int | None, most: int | None) -> tuple[int, int]:
    width = struct.calcsize(form)
    (value,) = struct.unpack(form, _take(raw, at, width))
    need(least is None or value >= least, "messagepack: a shorter form exists")
    need(most is None or value <= most, "messagepack: a shorter form exists")
    return value, at + width


def _sized(raw: bytes, at: int, what: str, length: int, depth: int) -> tuple[Any, int]:
    if what != "array":
        octets = _take(raw, at, length)
        return (octets if what == "bin" else _text(octets)), at + length
    need(depth > 0, "messagepack: too deep")
    values = []
    for _ in range(length):
        value, at = _value(raw, at, depth - 1)
        values.append(value)
    return values, at


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise RefusedError("messagepack: text") from None
    need("\0" not in text, "messagepack: text")
    return text


def _take(raw: bytes, at: int, length: int) -> bytes:
    octets = raw[at : at + length]
    need(len(octets) == length, "messagepack: cut off")
    return octets
