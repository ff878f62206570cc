"""The key and self-issued certificate a node shows on its peer listener.

Trust in a certificate comes from the registry alone: the member document pins the SHA-256 of its
SubjectPublicKeyInfo. Names and dates in it are there because X.509 wants some; the name is the
member id, never a person's, a host's or an organisation's.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keys.errors import WeakKeyError

LIFETIME: Final = timedelta(days=3653)
# A peer whose clock is a day behind still accepts the certificate.
BACKDATED: Final = timedelta(days=1)


def spki_sha256(certificate_der: bytes) -> bytes:
    """SHA-256 of a certificate's SubjectPublicKeyInfo, 32 bytes (the pin, RFC 7469 section 2.4).

    Raises:
        WeakKeyError: the bytes are no certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        public = certificate.public_key()
    except ValueError:
        raise WeakKeyError("tls: the peer's certificate cannot be read") from None
    return _pin(public)


class TlsKey:
    """A P-256 private key with its self-issued certificate. Never shown by `repr`, never pickled.

    Attributes:
        certificate_pem: the certificate.
        spki_sha256: its pin for the member document, 32 bytes.
    """

    __slots__ = ("_private", "certificate_pem", "spki_sha256")

    def __init__(self, private: ec.EllipticCurvePrivateKey, certificate_pem: bytes) -> None:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        if certificate.public_key() != private.public_key():
            raise WeakKeyError("tls: the certificate belongs to another key; issue it again")
        self._private = private
        self.certificate_pem: Final = certificate_pem
        self.spki_sha256: Final = _pin(private.public_key())

    @classmethod
    def issue(cls, member: str, now_ms: int) -> Self:
        """A fresh P-256 key and a certificate for ten years.

        Args:
            member: member id, the common name.
            now_ms: UTC.
        """
        private = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(private, member, datetime.fromtimestamp(now_ms // 1000, UTC))
        return cls(private, certificate.public_bytes(serialization.Encoding.PEM))

    def private_key(self) -> ec.EllipticCurvePrivateKey:
        """The key object: for `keys.keyfile`."""
        return self._private

    def __repr__(self) -> str:
        return "TlsKey()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled; save it with keys.keyfile")


def _pin(public: CertificatePublicKeyTypes) -> bytes:
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).digest()


def _certificate(
    private: ec.EllipticCurvePrivateKey, member: str, now: datetime
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, member)])
    usages = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(member)]), critical=False)
        .add_extension(usages, critical=False)
    )
    return builder.sign(private, hashes.SHA256())
