"""TLS between members: version 1.3, no authorities, keys pinned by the registry.

Whom we talk to is decided at the end of the handshake, within it: a connection to a key that the
member document does not list never comes to be, so not a byte of a request can leave on it. Names
and dates in certificates mean nothing. The listener shows its own self-issued certificate and asks
for none: who calls is told by the signature of the request.
"""

from __future__ import annotations

import ssl
from typing import Final

from keys.errors import WeakKeyError
from keys.keyfile import use_tls_key
from keys.tls import TlsKey, spki_sha256

_PROTOCOLS: Final = ("http/1.1",)


class PinMismatchError(ssl.SSLCertVerificationError):
    """The listener's key is none of those pinned."""


class _PinnedObject(ssl.SSLObject):
    """The end of a connection that checks the peer's key when the handshake is done."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        assert isinstance(context, PinnedContext)
        context.check(self.getpeercert(binary_form=True))


class PinnedContext(ssl.SSLContext):
    """A client's context for one member: TLS 1.3 to one of `pins`, and to nobody else.

    Attributes:
        pins: SHA-256 of each accepted SubjectPublicKeyInfo, 32 bytes each.
    """

    sslobject_class = _PinnedObject
    pins: frozenset[bytes]

    @classmethod
    def of(cls, pins: frozenset[bytes]) -> PinnedContext:
        """Return a context for these pins; none at all means nobody."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(_PROTOCOLS)
        context.pins = pins
        return context

    def check(self, certificate_der: bytes | None) -> None:
        """Check the key of the certificate that the peer has proved to hold.

        Raises:
            PinMismatchError: it is none of those pinned.
        """
        try:
            pin = spki_sha256(certificate_der or b"")
        except WeakKeyError:
            pin = b""
        if pin not in self.pins:
            raise PinMismatchError("tls: the listener's key is not pinned")


def server_context(key: TlsKey) -> ssl.SSLContext:
    """Return the listener's context: TLS 1.3 with its self-issued certificate, no resumption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.set_alpn_protocols(_PROTOCOLS)
    use_tls_key(context, key)
    return context
