"""Signed notes: text signed by one or more keys (C2SP signed-note; docs/protocol.md §8.4).

A note is untrusted text until a signature by a key that we expect has been verified over it. This
module takes notes apart, puts them together and finds the one line that a given key must have
made; what the signature covers is said where a kind of note is defined (`checkpoint`, `receipt`).

C2SP lets a reader accept any one valid signature. We do not: where a key has an Ed25519 and an
ML-DSA-44 part, both lines must be present and both must verify, so stripping the stronger one
gains nothing. Lines by keys that we do not expect are ignored, as C2SP demands; a line that is
there twice makes the whole note invalid.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from protocol.errors import NoteError, TooLargeError, UnsayableError

ED25519: Final = 0x01
ED25519_COSIGNATURE: Final = 0x04
MLDSA44_COSIGNATURE: Final = 0x06

MAX_NOTE_BYTES: Final = 65536
MAX_SIGNATURES: Final = 16
KEY_HASH_BYTES: Final = 4

_DASH: Final = "\u2014 "
_CONTROLS: Final = bytes(set(range(0x20)) - {0x0A})
_NOT_IN_NAMES: Final = re.compile(r"[\s+\x00-\x1f]")


class NoteSignature(NamedTuple):
    """One signature line: the key's name, its 4-byte hash, and the bytes after that hash."""

    name: str
    key_hash: bytes
    signature: bytes


class Note(NamedTuple):
    """A note that was taken apart and not yet verified; `text` ends in a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]


def key_hash(name: str, signature_type: int, public: bytes) -> bytes:
    """Return SHA-256(name || 0x0A || type || public key)[:4] (C2SP signed-note, Signatures)."""
    digest = hashlib.sha256(name.encode() + b"\n" + bytes((signature_type,)) + public).digest()
    return digest[:KEY_HASH_BYTES]


def vkey(name: str, signature_type: int, public: bytes) -> str:
    """Return the verifier key as other people's tools take it (C2SP signed-note, Verifier keys)."""
    material = base64.b64encode(bytes((signature_type,)) + public).decode()
    return f"{name}+{key_hash(name, signature_type, public).hex()}+{material}"


def render(text: str, signatures: Iterable[NoteSignature]) -> bytes:
    """Return the note's bytes.

    Raises:
        UnsayableError: a text that does not end in a newline, or a name that no note can carry.
    """
    if not text.endswith("\n"):
        raise UnsayableError("note.text: must end in a newline")
    lines = [text, "\n"]
    for name, hashed, signature in signatures:
        if not is_name(name):
            raise UnsayableError("note.name: must not be empty nor contain spaces or plus")
        lines.append(f"{_DASH}{name} {base64.b64encode(hashed + signature).decode()}\n")
    return "".join(lines).encode()


def parse(raw: bytes, max_bytes: int = MAX_NOTE_BYTES) -> Note:
    """Take a note apart, strictly; nothing is verified.

    Raises:
        TooLargeError: more than `max_bytes` or 16 signatures.
        NoteError: not the form of a signed note.
    """
    if len(raw) > max_bytes:
        raise TooLargeError(f"note: {len(raw)} bytes, at most {max_bytes} are allowed")
    if len(raw.translate(None, _CONTROLS)) != len(raw):
        raise NoteError("note: must not contain control characters but newlines")
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise NoteError("note: must be UTF-8") from None
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteError("note: text, an empty line and signature lines are needed")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise TooLargeError(f"note: at most {MAX_SIGNATURES} signatures are allowed")
    return Note(text + "\n", tuple(_parse_line(line) for line in lines))


def find(note: Note, name: str, signature_type: int, public: bytes) -> bytes | None:
    """Return what the key signed in this note, without its hash, or None where it did not sign.

    Raises:
        NoteError: the key's line is there twice.
    """
    hashed = key_hash(name, signature_type, public)
    found = [
        one.signature for one in note.signatures if one.name == name and one.key_hash == hashed
    ]
    if len(found) > 1:
        raise NoteError("note.signatures: one key must not sign twice")
    return found[0] if found else None


def is_name(name: str) -> bool:
    """Whether a key may have this name: not empty, no Unicode spaces, no plus, no controls."""
    return bool(name) and not _NOT_IN_NAMES.search(name)


def _parse_line(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator or not is_name(name):
        raise NoteError("note.signatures: a line is dash, name, base64")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("note.signatures: a line ends in base64") from None
    if base64.b64encode(decoded).decode() != encoded or len(decoded) <= KEY_HASH_BYTES:
        raise NoteError("note.signatures: base64 must be canonical and hold a signature")
    return NoteSignature(name, decoded[:KEY_HASH_BYTES], decoded[KEY_HASH_BYTES:])
