"""The peer listener's certificate: pinned by key, naming nobody."""

from __future__ import annotations

import pickle
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import MemberKeys, TlsKey, WeakKeyError, spki_sha256, use_tls_key
from tests.keys.conftest import NOW_MS


@pytest.fixture
def certificate() -> x509.Certificate:
    """Give a certificate made at a time that is no whole second."""
    return x509.load_pem_x509_certificate(TlsKey.issue("gb-iwf", NOW_MS + 999).certificate_pem)


def shake_hands(key: TlsKey) -> tuple[ssl.SSLObject, bytes]:
    """Connect a client to a server with this key, in memory; give the client and what it saw."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    use_tls_key(server_context, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    seen = client.getpeercert(binary_form=True)
    assert seen is not None
    return client, seen


def test_a_client_sees_the_pin_of_the_member_document(member_keys: MemberKeys) -> None:
    """After a real TLS 1.3 handshake the presented key has the published pin."""
    client, seen = shake_hands(member_keys.tls)
    assert client.version() == "TLSv1.3"
    assert spki_sha256(seen) == member_keys.tls.spki_sha256


def test_another_key_has_another_pin(member_keys: MemberKeys) -> None:
    """The same name on it changes nothing."""
    assert TlsKey.issue("gb-iwf", NOW_MS).spki_sha256 != member_keys.tls.spki_sha256


def test_a_certificate_names_the_member_and_nobody_else(certificate: x509.Certificate) -> None:
    """Common name: the member id. No organisation, no person, no host."""
    assert certificate.subject.rfc4514_string() == "CN=gb-iwf"
    assert certificate.issuer == certificate.subject


def test_a_certificate_is_signed_by_its_own_key(certificate: x509.Certificate) -> None:
    """Self-issued on P-256."""
    certificate.verify_directly_issued_by(certificate)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_a_certificate_holds_ten_years_from_the_day_before(certificate: x509.Certificate) -> None:
    """The time is an argument; a peer's late clock is allowed for."""
    assert certificate.not_valid_before_utc == datetime(2025, 12, 31, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2036, 1, 2, tzinfo=UTC)


def test_a_certificate_issues_no_others(certificate: x509.Certificate) -> None:
    """Whoever trusts it trusts one key."""
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (False, True)


def test_a_certificate_is_for_servers_named_by_the_member(certificate: x509.Certificate) -> None:
    """As strict readers of certificates want it; nobody among members looks."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert names.value.get_values_for_type(x509.DNSName) == ["gb-iwf"]
    assert (names.critical, usages.critical) == (False, False)
    assert list(usages.value) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_certificate_of_another_key_is_refused(member_keys: MemberKeys) -> None:
    """Key and certificate belong together."""
    other = TlsKey.issue("gb-iwf", NOW_MS)
    with pytest.raises(WeakKeyError, match="another key"):
        TlsKey(other.private_key(), member_keys.tls.certificate_pem)


@pytest.mark.parametrize("raw", [b"", b"garbage", b"\x30\x80"])
def test_garbage_has_no_pin(raw: bytes) -> None:
    """A peer's nonsense is our error, not a stack trace."""
    with pytest.raises(WeakKeyError, match="cannot be read"):
        spki_sha256(raw)


def test_a_private_key_shows_nothing(member_keys: MemberKeys) -> None:
    """`repr` gives nothing away."""
    assert repr(member_keys.tls) == "TlsKey()"


def test_a_private_key_is_not_pickled(member_keys: MemberKeys) -> None:
    """It would leave the process unencrypted."""
    with pytest.raises(TypeError, match="keyfile"):
        pickle.dumps(member_keys.tls)
