"""Files that only this node can make and read: encrypted, authenticated, for one purpose.

    magic   8 bytes, with the version of the form
    salt    16 bytes; with the secret it makes the key of this file
    head    its length in four bytes, then the head, readable, covered by every tag
    chunks  of 1 MiB each, the last shorter: AES-256-GCM, numbered

What was cut off, swapped, changed by a bit, or written by another node does not open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"HXNEAR01"
SALT_BYTES = 16
CHUNK = 1 << 20
TAG = 16
_MOST_HEAD = 1 << 24
_KEY_BYTES = 32
_NONCE_BYTES = 12
_PERSON = b"hx-near-duplicat"


class UnusableFileError(Exception):
    """The file is missing, damaged, cut off, of another version or of another node."""


def write(path: Path, secret: bytes, salt: bytes, head: bytes, body: memoryview) -> None:
    """Write a file at once or not at all; durable on return.

    `salt`: `SALT_BYTES` of chance, fresh for each file: two files under one key would give away
    their difference.

    Raises:
        OSError: it could not be written.
    """
    cover = MAGIC + salt + len(head).to_bytes(4, "big") + head
    cipher = _cipher(secret, salt)
    unfinished = path.with_suffix(".new")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(cover)
            file.writelines(
                cipher.encrypt(_nonce(number), body[start : start + CHUNK], cover)
                for number, start in _chunks(len(body))
            )
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)  # the disk that it filled is the node's
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_head(path: Path) -> bytes:
    """Return the head of a file; nothing has proved it yet: `read` does.

    Raises:
        UnusableFileError
    """
    return _read_cover(path)[1]


def read(path: Path, secret: bytes, head: bytes, body: memoryview) -> None:
    """Fill `body` with what the file holds, which must be exactly as long and have this head.

    Raises:
        UnusableFileError: nothing of `body` is to be used.
    """
    cover, found, salt = _read_cover(path)
    if found != head:
        raise UnusableFileError
    cipher = _cipher(secret, salt)
    try:
        with path.open("rb") as file:
            file.seek(len(cover))
            for number, start in _chunks(len(body)):
                part = body[start : start + CHUNK]
                part[:] = cipher.decrypt(_nonce(number), file.read(len(part) + TAG), cover)
            if file.read(1):
                raise UnusableFileError
    except (OSError, InvalidTag, ValueError):
        raise UnusableFileError from None


def _read_cover(path: Path) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the chunks, and of it the head and the salt."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + SALT_BYTES + 4)
            length = int.from_bytes(start[-4:], "big")
            if not start.startswith(MAGIC) or length > _MOST_HEAD:
                raise UnusableFileError
            head = file.read(length)
    except OSError:
        raise UnusableFileError from None
    if len(head) < length:
        raise UnusableFileError
    return start + head, head, start[len(MAGIC) : len(MAGIC) + SALT_BYTES]


def _chunks(length: int) -> Iterator[tuple[int, int]]:
    """Number and begin of each chunk; of nothing there is one, empty, with its tag."""
    return enumerate(range(0, max(length, 1), CHUNK))


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")


def _cipher(secret: bytes, salt: bytes) -> AESGCM:
    return AESGCM(blake2b(salt, digest_size=_KEY_BYTES, key=secret, person=_PERSON).digest())
