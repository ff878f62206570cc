"""Sealed columns: what only the node may read is encrypted before it leaves the process.

The embedded store encrypts the whole file. A database server reads what it keeps, and so do its
administrators, its backups and its log of slow statements; so the columns that hold addresses,
texts and answers (`sealed` in the schema) are AES-256-GCM-SIV (RFC 8452) under a key derived from
the database key. A nonce of 96 random bits each: a repeated one would only show that two values
are equal. Ids, times, codes, countries and hashes stay in clear; queries need them.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.store.errors import WrongKeyError

VERSION = b"S"
_NONCE_BYTES = 12
_HEAD = len(VERSION) + _NONCE_BYTES
_INFO = b"hotline node store: sealed columns, version 1"


class Seal:
    """Seals and opens values under one database key (32 bytes)."""

    def __init__(self, database_key: bytes) -> None:
        self._cipher = AESGCMSIV(HKDF(SHA256(), 32, None, _INFO).derive(database_key))

    def close(self, value: bytes) -> bytes:
        """Return `value` sealed: version, nonce, ciphertext with tag; 29 bytes longer."""
        nonce = os.urandom(_NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, value, VERSION)

    def open_if_sealed(self, value: bytes) -> bytes:
        """Return what was sealed; `value` as it is if it was not sealed under this key."""
        if value[: len(VERSION)] != VERSION:
            return value
        try:
            return self.open(value)
        except WrongKeyError:
            return value

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            WrongKeyError: it was sealed under another key, or changed.
        """
        try:
            return self._cipher.decrypt(sealed[len(VERSION) : _HEAD], sealed[_HEAD:], sealed[:1])
        except (InvalidTag, ValueError) as error:
            raise WrongKeyError(WrongKeyError.__doc__) from error
