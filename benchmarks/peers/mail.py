"""S/MIME mail, the honest hard bar: signed, sealed, and kept before the mail server says 250."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from benchmarks.peers.certificates import make_certificate
from benchmarks.peers.environments import python_of
from benchmarks.peers.http import SERVERS
from benchmarks.peers.peer import Peer, Record, dumped

_HEAD = (
    b"From: reports@gb-iwf.example\r\nTo: reports@nl-eokm.example\r\nSubject: reports\r\n"
    b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n\r\n'
)
_SIGNED = (
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"\r\n\r\n'
)


def _base64(der: bytes) -> bytes:
    """Write bytes as the lines of a mail."""
    return base64.encodebytes(der).replace(b"\n", b"\r\n")


class MailLane:
    """One SMTP session that is kept open; each message is signed and sealed as it is sent."""

    def __init__(
        self, peer: Mail, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._peer = peer
        self._reader = reader
        self._writer = writer

    async def send(self, message: bytes) -> None:
        """Sign, seal, send; returns when the server has said 250.

        Raises:
            AssertionError: the server says something else.
        """
        mail = self._peer.sealed(message)
        await self.say(b"MAIL FROM:<reports@gb-iwf.example>", b"250")
        await self.say(b"RCPT TO:<reports@nl-eokm.example>", b"250")
        await self.say(b"DATA", b"354")
        await self.say(mail + b"\r\n.", b"250")

    async def say(self, line: bytes, expected: bytes) -> None:
        """Say a line and read the whole answer.

        Raises:
            AssertionError: it is another one.
        """
        self._writer.write(line + b"\r\n")
        await self._writer.drain()
        await self.hear(expected)

    async def hear(self, expected: bytes) -> None:
        """Read one answer, of several lines perhaps.

        Raises:
            AssertionError: it is another one.
        """
        while True:
            line = await self._reader.readline()
            assert line.startswith(expected), line[:200]
            if line[3:4] == b" ":
                return

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Mail(Peer):
    """RSA-2048 signatures and AES-128-CBC envelopes, `aiosmtpd` on the other side."""

    name = "smime"

    def prepare(self) -> None:
        """Make keys and certificates of both."""
        self._sender_key, self._sender = make_certificate(self.folder, "sender", "gb-iwf.example")
        _, self._receiver = make_certificate(self.folder, "receiver", "nl-eokm.example")

    def command(self) -> tuple[str, ...]:
        """Return its command line in its own environment."""
        program = str(SERVERS / "mail.py")
        return (str(python_of(self.name)), program, str(self.folder), str(self.port))

    async def lane(self) -> MailLane:
        """Open an SMTP session."""
        lane = MailLane(self, *await asyncio.open_connection("127.0.0.1", self.port))
        await lane.hear(b"220")
        await lane.say(b"EHLO gb-iwf.example", b"250")
        return lane

    def message(self, records: Sequence[Record]) -> bytes:
        """Return the text of a mail, a JSON list."""
        return dumped([{"id": one["uuid"], **one} for one in records])

    def sealed(self, text: bytes) -> bytes:
        """Return the mail that carries a text: signed by the sender, sealed to the receiver."""
        signed = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(text)
            .add_signer(self._sender, self._sender_key, SHA256())
            .sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCerts])
        )
        envelope = (
            pkcs7.PKCS7EnvelopeBuilder()
            .set_data(_SIGNED + _base64(signed))
            .add_recipient(self._receiver)
            .encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
        )
        return _HEAD + _base64(envelope)
