"""Revocation notes: who may take trust from a key, and that nothing else can be done with one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import (
    BadSignatureError,
    UnknownKeyError,
    UnknownMemberError,
    UntrustedDocumentError,
    WeakKeyError,
)
from keys.registry import Registry
from keys.signing import SigningKey
from protocol.errors import NoteError, TooLargeError
from protocol.revocation import (
    Revocation,
    apply,
    key_ids,
    make,
    read_unverified,
    verified,
    verify,
)
from tests.builders.network import NOW_MS, make_network, member_keys

IWF, EOKM = "gb-iwf", "nl-eokm"
VECTORS = Path(__file__).parent.parent / "vectors/revocation_v1.json"


@pytest.fixture(scope="module")
def registry() -> Registry:
    """A network of two hotlines."""
    return make_network([IWF, EOKM])[0]


def _note(registry: Registry, key_id: str, signer: SigningKey, member: str = EOKM) -> bytes:
    return make(Revocation(registry.network_id, member, key_id), signer)


def _member_key(member: str) -> SigningKey:
    key = member_keys(member).member
    assert key is not None
    return key


@pytest.mark.parametrize("purpose", ["log", "receipt", "transport"])
def test_3_7_2_a_key_revokes_itself(registry: Registry, purpose: str) -> None:
    """Whoever holds the key can end it: on the day of a theft the member key may be far away."""
    key: SigningKey = getattr(member_keys(EOKM), purpose)
    raw = _note(registry, key.public.key_id, key)
    assert verify(raw, registry) == Revocation(registry.network_id, EOKM, key.public.key_id)


def test_3_7_2_the_member_key_revokes_every_listed_key(registry: Registry) -> None:
    """TLS and sealing keys sign nothing, and a lost key can't."""
    for key_id in key_ids(registry.member(EOKM)):
        assert verify(_note(registry, key_id, _member_key(EOKM)), registry).key_id == key_id


def test_a_revocation_signed_by_another_member_is_refused(registry: Registry) -> None:
    """Otherwise one member could silence another."""
    key_id = member_keys(EOKM).log.public.key_id
    for signer in (_member_key(IWF), member_keys(IWF).log):
        with pytest.raises(BadSignatureError):
            verify(_note(registry, key_id, signer), registry)


def test_a_revocation_of_another_members_key_is_refused(registry: Registry) -> None:
    """A member's word reaches its own keys only, whatever id it writes down."""
    foreign = member_keys(IWF).log.public.key_id
    with pytest.raises(UntrustedDocumentError):
        verify(_note(registry, foreign, _member_key(EOKM)), registry)


def test_a_key_does_not_revoke_its_siblings(registry: Registry) -> None:
    """A stolen transport key must not end the log key."""
    keys = member_keys(EOKM)
    with pytest.raises(BadSignatureError):
        verify(_note(registry, keys.log.public.key_id, keys.transport), registry)


def test_a_revocation_replayed_from_another_network_is_refused(registry: Registry) -> None:
    """Keys may be the same in a test network; what is said there means nothing here."""
    key = member_keys(EOKM).log
    raw = make(Revocation("demo-0000000000000000", EOKM, key.public.key_id), key)
    with pytest.raises(UntrustedDocumentError):
        verify(raw, registry)


def test_a_revocation_by_an_unknown_member_is_refused(registry: Registry) -> None:
    """Strangers fill no disk."""
    key = SigningKey.generate()
    with pytest.raises(UnknownMemberError):
        verify(_note(registry, key.public.key_id, key, "xx-nobody"), registry)


def test_a_rotated_away_key_revokes_nothing(registry: Registry) -> None:
    """A key that is listed no more is not believed in this either."""
    old = SigningKey.generate()
    with pytest.raises(UntrustedDocumentError):
        verify(_note(registry, old.public.key_id, old), registry)


def test_an_altered_revocation_is_refused(registry: Registry) -> None:
    """The id is under the signature: a note about one key can't be turned against another."""
    keys = member_keys(EOKM)
    raw = _note(registry, keys.transport.public.key_id, _member_key(EOKM))
    altered = raw.replace(keys.transport.public.key_id.encode(), keys.log.public.key_id.encode())
    with pytest.raises(BadSignatureError):
        verify(altered, registry)


def test_a_small_order_member_key_revokes_nothing(registry: Registry) -> None:
    """Under such a key one signature verifies many texts."""
    weak = replace(registry, member_keys={**registry.member_keys, EOKM: bytes([1]) + bytes(31)})
    key_id = member_keys(EOKM).log.public.key_id
    with pytest.raises(WeakKeyError):
        verify(_note(registry, key_id, _member_key(EOKM)), weak)


def test_3_7_1_other_forms_are_refused(registry: Registry) -> None:
    """One form only: no further lines, no upper case, bounded, one signature a key."""
    key = member_keys(EOKM).log
    raw = _note(registry, key.public.key_id, key)
    with pytest.raises(UntrustedDocumentError):
        read_unverified(raw.replace(b"\n\n", b"\nmore\n\n", 1))
    with pytest.raises(UntrustedDocumentError):
        read_unverified(raw.replace(b"hx1-revoke", b"hx2-revoke"))
    with pytest.raises(TooLargeError):
        read_unverified(raw + b"\xe2\x80\x94 " + b"a" * 1024 + b" AAAAAAAA\n")
    with pytest.raises(NoteError):
        verify(raw + raw.split(b"\n\n")[1], registry)


def test_g7_a_revoked_key_is_believed_by_nobody(registry: Registry) -> None:
    """Pushes, requests, connections and seals all look here; the other keys stay."""
    document = registry.member(EOKM)
    revoked = frozenset(
        {
            document.log_keys[0].key_id,
            document.transport_keys[0].key_id,
            document.sealing_key_at(NOW_MS).key_id,
            *(key_id for key_id, purpose in key_ids(document).items() if purpose == "tls"),
        }
    )
    after = apply(registry, {EOKM: revoked}, IWF).member(EOKM)
    assert after.log_keys == ()
    assert after.tls_spkis == frozenset()
    assert after.receipt_keys == document.receipt_keys
    assert after.sealing_key_at(NOW_MS) != document.sealing_key_at(NOW_MS)
    with pytest.raises(UnknownKeyError):
        after.signing_key("transport", document.transport_keys[0].key_id)


def test_3_7_4_a_revocation_adds_no_trust_and_touches_no_other_member(registry: Registry) -> None:
    """It only takes away; and our own keys stay, so that a thief's history is an alarm."""
    key_id = member_keys(EOKM).log.public.key_id
    after = apply(registry, {EOKM: frozenset({key_id})}, IWF)
    assert after.member(IWF) is registry.member(IWF)
    assert set(key_ids(after.member(EOKM))) == set(key_ids(registry.member(EOKM))) - {key_id}
    assert apply(registry, {EOKM: frozenset({key_id})}, EOKM) is registry


@pytest.mark.parametrize("signer", [member_keys(EOKM).log, _member_key(EOKM)])
def test_3_7_2_only_the_line_that_counts_is_handed_on(
    registry: Registry, signer: SigningKey
) -> None:
    """Wherever it stands: what others write beneath it proves nothing, and would grow."""
    key_id = member_keys(EOKM).log.public.key_id
    alone, more = (_note(registry, key_id, one) for one in (signer, member_keys(IWF).log))
    head, line = alone.split(b"\n\n")
    foreign = more.split(b"\n\n")[1]
    for lines in (line, foreign + line, line + foreign):
        said, note = verified(head + b"\n\n" + lines, registry)
        assert (said.key_id, note) == (key_id, alone)


def test_every_key_is_told_with_what_it_is_for(registry: Registry) -> None:
    """A person reads which of a member's keys was revoked."""
    document = registry.member(EOKM)
    told = key_ids(document)
    assert told[document.log_keys[0].key_id] == "log"
    assert {told[one.key.key_id] for one in document.sealing} == {"sealing"}
    assert set(told.values()) == {"log", "receipt", "transport", "witness", "sealing", "tls"}


def test_3_7_1_vectors_hold() -> None:
    """Another implementation can be built from the file."""
    vector = json.loads(VECTORS.read_text())
    key = SigningKey.from_seeds(bytes.fromhex(vector["ed25519_seed"]), None)
    said = Revocation(vector["network"], vector["member"], vector["key_id"])
    assert key.public.key_id == vector["key_id"]
    assert make(said, key) == base64.b64decode(vector["note"])
    assert read_unverified(base64.b64decode(vector["note"])) == said
    for name, invalid in vector["invalid"].items():
        with pytest.raises((NoteError, UntrustedDocumentError, TooLargeError)):
            pytest.fail(f"{name} was read as {read_unverified(base64.b64decode(invalid))}")
