"""A hotline's mailbox: takes S/MIME mail, opens it, checks the signature, keeps the records.

It says 250 only when the rows are durable. The certificate of the sender is known beforehand; no
chain is checked. Run in an environment with aiosmtpd, asn1crypto and cryptography.
"""

from __future__ import annotations

import asyncio
import email
import json
import signal
import sqlite3
import sys
from email.message import Message
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from cryptography.x509 import load_pem_x509_certificate

LIMIT_BYTES = 64 * 2**20


class Mailbox:
    """One table behind one address."""

    def __init__(self, folder: Path) -> None:
        self._certificate = load_pem_x509_certificate((folder / "receiver.crt").read_bytes())
        key = load_pem_private_key((folder / "receiver.key").read_bytes(), None)
        sender = load_pem_x509_certificate((folder / "sender.crt").read_bytes()).public_key()
        assert isinstance(key, RSAPrivateKey)
        assert isinstance(sender, RSAPublicKey)
        self._key, self._sender = key, sender
        self._rows = sqlite3.connect(folder / "data.db", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = FULL")
        self._rows.execute("CREATE TABLE objects (id TEXT PRIMARY KEY, record TEXT) STRICT")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Open, check, keep; then say so."""
        sealed = email.message_from_bytes(envelope.content).get_payload(decode=True)
        assert isinstance(sealed, bytes)
        opened = pkcs7_decrypt_der(sealed, self._certificate, self._key, [])
        records = json.loads(self._checked(email.message_from_bytes(opened)))
        rows = [(one["id"], json.dumps(one)) for one in records]
        self._rows.execute("BEGIN IMMEDIATE")
        self._rows.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?)", rows)
        self._rows.execute("COMMIT")
        return "250 kept"

    def _checked(self, message: Message) -> bytes:
        """Return the signed text of an opaque signed message.

        Raises:
            InvalidSignature: it is not the sender's.
        """
        der = message.get_payload(decode=True)
        signed = cms.ContentInfo.load(der)["content"]
        content: bytes = signed["encap_content_info"]["content"].native
        signer = signed["signer_infos"][0]
        attributes = signer["signed_attrs"]
        named = {one["type"].native: one["values"].native[0] for one in attributes}
        assert named["message_digest"] == sha256(content).digest()
        told = attributes.untag().dump()
        self._sender.verify(signer["signature"].native, told, PKCS1v15(), SHA256())
        return content


async def main(folder: Path, port: int) -> None:
    """Take mail on loopback until stopped."""
    mailbox, stopped = Mailbox(folder), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(
        lambda: SMTP(mailbox, data_size_limit=LIMIT_BYTES, hostname="mail.example"),
        "127.0.0.1", port,
    )  # fmt: skip
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
