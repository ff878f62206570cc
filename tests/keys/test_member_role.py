"""A member's part before it stands in any registry: whose it is, and what it may not say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Targets

from keys import MemberDocument, SigningKey
from keys.errors import BadSignatureError, UntrustedDocumentError, WeakKeyError
from keys.member_role import (
    Clash,
    MemberRole,
    check_disjoint,
    document_path,
    first_clash,
    signed_by_member_key,
    verify_member,
)
from keys.registry import metadata_name, target_name
from node.registry import build
from tests.builders.forge import resigned
from tests.builders.network import DAY_MS, NOW_MS, make_document, member_files, member_keys

NETWORK = "demo-0123456789abcdef"
IWF, EOKM = "gb-iwf", "nl-eokm"
KEY = SigningKey.from_seeds(bytes(range(32)), None)
PUBLIC = KEY.public.ed25519
OWN, OTHER = make_document(NETWORK, IWF), make_document(NETWORK, EOKM)
KEYS = {IWF: PUBLIC, EOKM: b"\x02" * 32}


def handed_in(document: MemberDocument = OWN, version: int = 3) -> tuple[bytes, bytes]:
    """Give the role metadata and the document of a member, as it hands them in."""
    files = member_files(document, version, key=KEY)
    role = files.pop(metadata_name(document.member, version))
    (raw,) = files.values()
    return role, raw


def verify(raw_role: bytes, raw_document: bytes, member_key: bytes = PUBLIC) -> MemberRole:
    """Verify it as the part of `gb-iwf` in our network."""
    return verify_member(IWF, member_key, NETWORK, raw_role, raw_document)


def beside(signatures: list[str], raw_role: bytes) -> bytes:
    """Put signatures, which are text, before those that role metadata has."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw_role)
    added = {f"{number:064x}": text for number, text in enumerate(signatures)}
    good = dict(metadata.signatures)
    metadata.signatures.clear()
    metadata.signatures.update({keyid: Signature(keyid, sig) for keyid, sig in added.items()})
    metadata.signatures.update(good)
    return metadata.to_bytes()


class TestWhatAMemberHandsIn:
    """`verify_member`: one role, one document, one key."""

    def test_it_is_read_with_its_version_and_end(self) -> None:
        """What the umbrella then writes into the registry."""
        assert verify(*handed_in()) == MemberRole(3, NOW_MS + 365 * DAY_MS, OWN)

    def test_another_key_than_the_members_is_refused(self) -> None:
        """A role signed by somebody else, that names the member's key all the same."""
        role, raw = handed_in()
        forged = resigned(role, lambda _: None, [SigningKey.generate(hybrid=False)])
        with pytest.raises(BadSignatureError, match=f"^{IWF}: is not signed"):
            verify(forged, raw)

    def test_a_key_that_verifies_everything_is_refused(self) -> None:
        """The identity point as member key."""
        with pytest.raises(WeakKeyError):
            verify(*handed_in(), member_key=(1).to_bytes(32, "little"))

    def test_it_must_name_the_key_it_is_signed_with(self) -> None:
        """Else anybody could sign it again as his own."""
        role, raw = handed_in()

        def rename(signed: Targets) -> None:
            signed.unrecognized_fields["x-hx1-member-key"] = "00" * 32

        with pytest.raises(UntrustedDocumentError, match=f"^{IWF}: x-hx1-member-key: is not"):
            verify(resigned(role, rename, [KEY]), raw)

    def test_metadata_of_another_kind_is_refused_by_its_name(self) -> None:
        """Bytes that are no metadata at all."""
        with pytest.raises(UntrustedDocumentError, match=f"^{IWF}: is not TUF metadata"):
            verify(b"{}", OWN.to_bytes())

    def test_another_document_than_the_signed_one_is_refused(self) -> None:
        """One whose hash the role does not name."""
        role, _ = handed_in()
        newer = dataclasses.replace(OWN, sequence=9).to_bytes()
        with pytest.raises(UntrustedDocumentError, match=f"^members/{IWF}.json: its file is miss"):
            verify(role, newer)

    def test_a_role_for_another_path_is_refused(self) -> None:
        """A member's role names its own document and no other."""
        role, raw = handed_in(OTHER)
        role = resigned(role, lambda _: None, [KEY])
        with pytest.raises(UntrustedDocumentError, match=f"^{IWF}: targets: needs members/{IWF}"):
            verify(role, raw)

    def test_a_document_of_another_member_is_refused(self) -> None:
        """Under the right path, with the words of somebody else."""
        role, _ = handed_in()
        raw = OTHER.to_bytes()
        target = build.member_metadata(IWF, raw, PUBLIC, 1, NOW_MS).signed.targets

        def swap(signed: Targets) -> None:
            signed.targets = target

        with pytest.raises(UntrustedDocumentError, match=f"^{IWF}: member: the document belongs"):
            verify(resigned(role, swap, [KEY]), raw)

    def test_proofs_for_another_network_are_refused(self) -> None:
        """What was proved elsewhere proves nothing here."""
        with pytest.raises(UntrustedDocumentError, match=r"keys\.log\[0\]: ed25519"):
            verify(*handed_in(make_document("demo-0000000000000000", IWF)))

    @pytest.mark.parametrize("text", ["no hex", "00" * 64])
    def test_a_bad_signature_beside_a_good_one_does_no_harm(self, text: str) -> None:
        """As when a member key follows another, and both sign."""
        role, raw = handed_in()
        assert verify(beside([text], role), raw).version == 3

    def test_of_many_signatures_the_first_eight_are_looked_at(self) -> None:
        """Each costs a verification: nobody is made to do thousands."""
        role, raw = handed_in()
        assert verify(beside(["00" * 64] * 7, role), raw).version == 3
        with pytest.raises(BadSignatureError):
            verify(beside(["00" * 64] * 8, role), raw)


class TestAnEarlierKey:
    """`signed_by_member_key`: whether the key before agrees to the new role."""

    def test_the_signer_is_found(self) -> None:
        """Its signature is under the role."""
        assert signed_by_member_key(handed_in()[0], PUBLIC)

    def test_who_did_not_sign_is_not(self) -> None:
        """Nor does anything else than metadata agree to anything."""
        other = SigningKey.generate(hybrid=False).public.ed25519
        assert not signed_by_member_key(handed_in()[0], other)
        assert not signed_by_member_key(b"{}", PUBLIC)


class TestClashes:
    """`first_clash`: a key for which two would answer."""

    def test_members_with_keys_of_their_own_do_not_clash(self) -> None:
        """As it should be."""
        assert first_clash({IWF: OWN, EOKM: OTHER}, KEYS) is None

    def test_who_is_listed_first_owns_it(self) -> None:
        """The second one claims, for its purpose."""
        claims = dataclasses.replace(OTHER, tls=OWN.tls)
        assert first_clash({IWF: OWN, EOKM: claims}, KEYS) == Clash(IWF, EOKM, "tls")

    def test_half_of_a_hybrid_key_is_a_key(self) -> None:
        """Its ML-DSA half alone, too."""
        mine, own = member_keys(IWF).log.private_keys(), SigningKey.generate().private_keys()
        shared = SigningKey(own[0], mine[1]).public
        stolen = dataclasses.replace(OTHER.log[0], key=shared)
        claims = dataclasses.replace(OTHER, log=(stolen,))
        assert first_clash({IWF: OWN, EOKM: claims}, KEYS) == Clash(IWF, EOKM, "log")

    def test_a_member_key_belongs_to_one_member(self) -> None:
        """Two roles under one key."""
        clash = first_clash({IWF: OWN, EOKM: OTHER}, {IWF: PUBLIC, EOKM: PUBLIC})
        assert clash == Clash(IWF, EOKM, "member")

    def test_the_member_key_signs_nothing_else(self) -> None:
        """Offline it lies, whatever the document says."""
        keys = {**KEYS, IWF: OWN.transport[0].key.ed25519}
        members = {IWF: OWN, EOKM: OTHER}
        assert first_clash(members, keys) == Clash(IWF, IWF, "transport")
        with pytest.raises(UntrustedDocumentError, match=r"keys\.transport: is its own member key"):
            check_disjoint(members, keys)


def test_the_path_of_a_document_is_named_after_its_member() -> None:
    """The only one that its role may sign."""
    assert document_path(IWF) == "members/gb-iwf.json"
    assert target_name(document_path(IWF), "ab") == "targets/members/ab.gb-iwf.json"
