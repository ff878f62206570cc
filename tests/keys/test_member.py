"""The member document: round trips, strictness with the field's name, and the keys it gives out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import (
    Capabilities,
    MemberDocument,
    MemberKeys,
    PublishedKey,
    PublishedSealingKey,
    SealingKey,
    SigningKey,
    UnknownKeyError,
    UntrustedDocumentError,
    prove,
)
from keys.documents import serialise
from tests.keys.conftest import NETWORK, NOW_MS

Change = Callable[[dict[str, Any]], Any]


def changed(document: MemberDocument, change: Change) -> bytes:
    """Give the document's bytes with one thing changed."""
    value = json.loads(document.to_bytes())
    change(value)
    return serialise(value)


def test_a_document_survives_its_bytes(document: MemberDocument) -> None:
    """`from_bytes` gives back what `to_bytes` wrote."""
    assert MemberDocument.from_bytes(document.to_bytes()) == document


def test_a_document_has_one_spelling(document: MemberDocument) -> None:
    """Reading and writing changes no byte, so no hash."""
    raw = document.to_bytes()
    assert MemberDocument.from_bytes(raw).to_bytes() == raw


@settings(max_examples=50)
@given(
    sequence=st.integers(1, 2**53 - 1),
    versions=st.lists(st.integers(0, 1000), unique=True),
    kinds=st.lists(st.integers(0, 1000), unique=True),
    extra=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name.startswith("x")),
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    ),
    spkis=st.lists(st.binary(min_size=32, max_size=32), unique=True),
)
def test_any_document_survives_its_bytes(
    sequence: int, versions: list[int], kinds: list[int], extra: dict[str, Any], spkis: list[bytes]
) -> None:
    """For any numbers, capabilities, pins and fields of later versions."""
    document = MemberDocument(
        member="gb-iwf",
        sequence=sequence,
        endpoint=None,
        reachable=False,
        capabilities=Capabilities(tuple(versions), tuple(kinds), extra),
        tls=tuple(spkis),
        extra=extra,
    )
    assert MemberDocument.from_bytes(document.to_bytes()) == document


def test_fields_of_later_versions_are_handed_on(document: MemberDocument) -> None:
    """At the top, in capabilities and in each key."""

    def extend(value: dict[str, Any]) -> None:
        value["relay"] = True
        value["capabilities"]["suites"] = [1]
        value["keys"]["log"][0]["note"] = "x"
        value["keys"]["sealing"][0]["note"] = "x"

    raw = changed(document, extend)
    assert MemberDocument.from_bytes(raw).to_bytes() == raw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("member"), "member: is missing"),
        (lambda d: d.update(member=7), "member: needs text"),
        (lambda d: d.update(member="GB IWF"), "member: needs lower-case"),
        (lambda d: d.update(member="gb-iwf\n"), "member: needs lower-case"),
        (lambda d: d.update(member="../etc"), "member: needs lower-case"),
        (lambda d: d.update(member="g" * 65), "member: needs lower-case"),
        (lambda d: d.update(_type="hx1-network"), "_type: needs to be hx1-member"),
        (lambda d: d.update(sequence="1"), "sequence: needs an integer"),
        (lambda d: d.update(sequence=True), "sequence: needs an integer"),
        (lambda d: d.update(sequence=0), "sequence: needs an integer"),
        (lambda d: d.update(sequence=2**53), "sequence: needs an integer"),
        (lambda d: d.update(reachable=1), "reachable: needs true or false"),
        (lambda d: d.update(endpoint=None), "endpoint: is needed"),
        (lambda d: d.update(endpoint=[]), "endpoint: needs text or null"),
        (lambda d: d.update(capabilities=[]), "capabilities: needs an object"),
        (lambda d: d["capabilities"].update(versions=["1"]), r"capabilities\.versions\[0\]"),
        (lambda d: d["capabilities"].update(versions=[1, 1]), r"capabilities\.versions: has a rep"),
        (lambda d: d["keys"].pop("witness"), r"keys\.witness: is missing"),
        (lambda d: d["keys"].update(log={}), r"keys\.log: needs a list"),
        (lambda d: d["keys"].update(log=["x"]), r"keys\.log\[0\]: needs an object"),
        (lambda d: d["keys"].update(colour=[]), r"keys\.colour: unknown field"),
        (lambda d: d["keys"]["log"][0].pop("ed25519"), r"keys\.log\[0\]: ed25519"),
        (lambda d: d["keys"]["log"][0].update(key_id="0" * 16), r"keys\.log\[0\]: key_id"),
        (lambda d: d["keys"]["log"][0].pop("proof"), r"keys\.log\[0\]\.proof: is missing"),
        (
            lambda d: d["keys"]["transport"][0].update(ed25519="AQ" + "A" * 41 + "="),
            r"keys\.transport\[0\]: ed25519: .* small order",
        ),
        (lambda d: d["keys"]["tls"][0].update(spki_sha256="AAAA"), r"keys\.tls\[0\]\.spki_sha256"),
        (lambda d: d["keys"]["sealing"][0].update(public="AAAA"), r"keys\.sealing\[0\]\.public"),
        (lambda d: d["keys"]["sealing"][0].update(key_id="0"), r"keys\.sealing\[0\]\.key_id"),
        (lambda d: d["keys"]["sealing"][0].update(not_after_ms=-1), r"keys\.sealing\[0\]\.not"),
    ],
)
def test_a_wrong_field_is_named(change: Change, message: str, document: MemberDocument) -> None:
    """Wrong type, missing, out of range, malformed or weak: the message says where and what."""
    with pytest.raises(UntrustedDocumentError, match=f"^member document: {message}"):
        MemberDocument.from_bytes(changed(document, change))


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://192.0.2.1:8441",
        "https://192.0.2.1",
        "https://192.0.2.1:8441/",
        "https://192.0.2.1:8441/path",
        "https://192.0.2.1:8441?q",
        "https://192.0.2.1:8441#f",
        "https://user:secret@192.0.2.1:8441",
        "https://192.0.2.1:99999",
        "https://:8441",
        "https://bücher.example:8441",
        "https://192.0.2.1:8441\n",
        "HTTPS://192.0.2.1:8441",
        "https://NODE.example:8441",
        "https://node.example:08441",
        "https://node example:8441",
        "https://node.example\\@192.0.2.1:8441",
        "https://node.example%2f:8441",
        "",
    ],
)
def test_an_odd_endpoint_is_refused(endpoint: str, document: MemberDocument) -> None:
    """A scheme, a host and a port; nothing that a client could read in two ways."""
    with pytest.raises(UntrustedDocumentError, match="endpoint"):
        dataclasses.replace(document, endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["https://node.iwf.example:443", "https://[2001:db8::1]:8441"])
def test_a_plain_endpoint_is_accepted(endpoint: str, document: MemberDocument) -> None:
    """A name or an address."""
    assert dataclasses.replace(document, endpoint=endpoint).endpoint == endpoint


def test_a_refused_endpoint_is_not_repeated(document: MemberDocument) -> None:
    """It may hold a password, and no message holds a URL."""
    with pytest.raises(UntrustedDocumentError) as caught:
        dataclasses.replace(document, endpoint="https://user:secret@192.0.2.1:8441")
    assert "secret" not in str(caught.value)


def test_a_key_under_two_purposes_is_refused(
    document: MemberDocument, member_keys: MemberKeys
) -> None:
    """A receipt key that also signs checkpoints would let one signature pass for another."""
    twice = PublishedKey(
        member_keys.log.public, prove(member_keys.log, NETWORK, "gb-iwf", "receipt")
    )
    with pytest.raises(UntrustedDocumentError, match="stands twice"):
        dataclasses.replace(document, receipt=(twice,))


@pytest.mark.parametrize("half", ["ed25519", "mldsa44"])
def test_half_a_key_under_another_purpose_is_refused(
    half: str, document: MemberDocument, member_keys: MemberKeys
) -> None:
    """Sharing one half is sharing it."""
    mine, fresh = member_keys.log.private_keys(), SigningKey.generate().private_keys()
    shared = SigningKey(*((mine[0], fresh[1]) if half == "ed25519" else (fresh[0], mine[1])))
    published = PublishedKey(shared.public, prove(shared, NETWORK, "gb-iwf", "receipt"))
    with pytest.raises(UntrustedDocumentError, match="stands twice"):
        dataclasses.replace(document, receipt=(published,))


def test_every_proof_of_an_honest_document_holds(document: MemberDocument) -> None:
    """As `MemberKeys.document` made them."""
    document.check_proofs(NETWORK)


def test_a_proof_for_another_network_is_named(document: MemberDocument) -> None:
    """The message says which key."""
    with pytest.raises(UntrustedDocumentError, match=r"keys\.log\[0\]"):
        document.check_proofs("other-0123456789abcdef")


def test_a_key_without_proof_is_named(document: MemberDocument) -> None:
    """Somebody else's public key, registered as one's own."""
    thief = PublishedKey(SigningKey.generate().public, {})
    stolen = dataclasses.replace(document, receipt=(*document.receipt, thief))
    with pytest.raises(UntrustedDocumentError, match=r"keys\.receipt\[1\]: proof"):
        stolen.check_proofs(NETWORK)


def test_keys_are_given_by_purpose(document: MemberDocument, member_keys: MemberKeys) -> None:
    """Each accessor gives the keys of its purpose alone."""
    assert (document.log_keys, document.receipt_keys, document.transport_keys) == (
        (member_keys.log.public,),
        (member_keys.receipt.public,),
        (member_keys.transport.public,),
    )


def test_pins_are_those_of_the_certificate(
    document: MemberDocument, member_keys: MemberKeys
) -> None:
    """What a client compares before it sends a body."""
    assert document.tls_spkis == {member_keys.tls.spki_sha256}


def test_a_key_is_found_by_its_id(document: MemberDocument, member_keys: MemberKeys) -> None:
    """Within its purpose."""
    key = member_keys.log.public
    assert document.signing_key("log", key.key_id) == key


def test_a_key_of_another_purpose_is_not_found(
    document: MemberDocument, member_keys: MemberKeys
) -> None:
    """A transport key never answers for the log."""
    with pytest.raises(UnknownKeyError, match=r"keys\.log"):
        document.signing_key("log", member_keys.transport.public.key_id)


@pytest.mark.parametrize(
    ("at_ms", "turn"), [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2), (900, 2)]
)
def test_each_sealing_key_is_used_in_its_turn(
    document: MemberDocument, at_ms: int, turn: int
) -> None:
    """Of those that last the one that ends first; after all of them the last, so nothing stops."""
    keys = [SealingKey.from_seed(bytes([n]) * 32).public for n in (11, 12, 13)]
    calendar = [PublishedSealingKey(key, 100 * n) for n, key in enumerate(keys, start=1)]
    document = dataclasses.replace(document, sealing=tuple(reversed(calendar)))
    assert document.sealing_key_at(at_ms) == keys[turn]


def test_a_member_without_sealing_key_says_so(document: MemberDocument) -> None:
    """Instead of sending in clear."""
    with pytest.raises(UnknownKeyError, match="no sealing key"):
        dataclasses.replace(document, sealing=()).sealing_key_at(NOW_MS)
