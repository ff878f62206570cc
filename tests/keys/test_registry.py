"""The registry from bytes alone: what an attacker with some of the keys would try, and the view."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from tuf.api.metadata import (
    Snapshot,
    Targets,
    Timestamp,
)

from keys.errors import KeysError, UnknownMemberError, UntrustedDocumentError
from keys.registry import (
    ISSUED_FIELD,
    TIMESTAMP_NAME,
    ExpiredRegistryError,
    metadata_name,
    target_name,
    verify_chain,
    verify_keeping,
    verify_set,
)
from keys.signing import SigningKey
from tests.builders.forge import forge, nothing, resigned
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    make_document,
    make_umbrella,
    member_files,
)
from tests.keys.registries import EOKM, IWF, NOW, refused


class TestWhatIsVerified:
    """The view that whole and honest files give."""

    def test_it_names_members_keys_and_versions(self, umbrella: Umbrella) -> None:
        """Network id, documents, member keys and versions come out of the bytes."""
        registry = verify_chain(umbrella.pin, umbrella.files, NOW)
        assert registry.network_id == f"demo-{umbrella.pin.hex()[:16]}"
        assert set(registry.members) == set(registry.member_keys) == {IWF, EOKM}
        assert registry.seen == (1, 2, umbrella.registry.snapshot_sha256)
        assert (registry.verified_ms, registry.issued_ms) == (NOW_MS, NOW_MS)
        assert registry.expires_ms == NOW_MS + 14 * DAY_MS

    def test_a_network_without_members_is_a_registry(self) -> None:
        """The first state of a network verifies."""
        empty = make_umbrella()
        assert not verify_chain(empty.pin, empty.files, NOW).members

    def test_it_cannot_be_changed(self, umbrella: Umbrella) -> None:
        """Neither a field nor a member can be replaced in a verified registry."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            umbrella.registry.root_version = 9  # type: ignore[misc]
        with pytest.raises(TypeError):
            umbrella.registry.members["x"] = None  # type: ignore[index]

    def test_an_unknown_member_is_an_error(self, umbrella: Umbrella) -> None:
        """Nobody gets a document for a member that is not there."""
        with pytest.raises(UnknownMemberError):
            umbrella.registry.member("fr-pdc")
        assert umbrella.registry.member(IWF).member == IWF
        assert not umbrella.registry.is_active("fr-pdc")

    def test_it_says_what_each_member_reads(self, umbrella: Umbrella) -> None:
        """By its signed document; nothing is known of a stranger."""
        assert umbrella.registry.reads(IWF) == umbrella.registry.member(IWF).capabilities
        assert umbrella.registry.reads("fr-pdc") is None

    def test_the_parts_of_each_member_come_with_it(self, umbrella: Umbrella) -> None:
        """As they were signed: for who keeps the last good one of each."""
        found = verify_set(umbrella.pin, umbrella.files, NOW)
        for member in (IWF, EOKM):
            document = umbrella.registry.member(member).to_bytes()
            role = umbrella.files[metadata_name(member, 1)]
            assert (found.raw_documents[member], found.raw_roles[member]) == (document, role)
        assert set(found.raw_documents) == set(found.raw_roles) == {IWF, EOKM}

    def test_it_expires_with_the_first_of_its_top_level_roles(self, umbrella: Umbrella) -> None:
        """The snapshot, here."""

        def age(snapshot: Snapshot) -> None:
            snapshot.expires = NOW + timedelta(hours=1)

        registry = verify_chain(umbrella.pin, forge(umbrella, snapshot=age), NOW)
        assert registry.expires_ms == NOW_MS + 3_600_000

    def test_a_file_that_nothing_names_is_not_part_of_it(self, umbrella: Umbrella) -> None:
        """A mirror serves what was verified, not what lay beside it."""
        files = {**umbrella.files, "metadata/9.gb-iwf.json": b"x", "targets/junk": b"x"}
        assert set(verify_set(umbrella.pin, files, NOW).files) == set(umbrella.files)


class TestBytes:
    """Any byte of any file matters, and so does every file."""

    def test_each_missing_file_is_noticed(self, umbrella: Umbrella) -> None:
        """No file of the set can be left out."""
        for name in umbrella.files:
            rest = {other: raw for other, raw in umbrella.files.items() if other != name}
            refused(umbrella, rest, "missing")

    def test_a_missing_or_broken_root_is_named(self, umbrella: Umbrella) -> None:
        """The first, and one that follows."""
        first = metadata_name("root", 1)
        refused(
            umbrella, {n: r for n, r in umbrella.files.items() if n != first}, "^root: its file"
        )
        broken = {**umbrella.files, metadata_name("root", 2): b"{}"}
        refused(umbrella, broken, "^root: is not TUF metadata")

    def test_each_altered_file_is_noticed(self, umbrella: Umbrella) -> None:
        """One flipped bit in the middle of any file is enough."""
        for name, raw in umbrella.files.items():
            middle = len(raw) // 2
            bad = raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]
            with pytest.raises(KeysError):
                verify_chain(umbrella.pin, {**umbrella.files, name: bad}, NOW)

    @pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"signed":1}'])
    def test_garbage_is_an_error_of_ours(self, umbrella: Umbrella, raw: bytes) -> None:
        """Whatever stands in place of the timestamp, the error is one of `keys`."""
        refused(umbrella, {**umbrella.files, TIMESTAMP_NAME: raw}, "timestamp")

    def test_no_message_holds_a_hash(self, umbrella: Umbrella) -> None:
        """Not even the name of a missing document, which has its hash in it."""
        for name in umbrella.files:
            with pytest.raises(KeysError) as caught:
                verify_chain(umbrella.pin, {**umbrella.files, name: b"{}"}, NOW)
            assert not re.search("[0-9a-f]{16}", str(caught.value))


class TestMixAndMatch:
    """States of different times put together."""

    def test_an_old_document_in_a_new_state(self, umbrella: Umbrella) -> None:
        """A member's earlier role is not the one the snapshot names."""
        document = make_document(umbrella.registry.network_id, IWF, sequence=2)
        newer = umbrella.accept(member_files(document, 2), NOW_MS + 1)
        old_raw = umbrella.files[metadata_name(IWF, 1)]
        refused(umbrella, {**newer.files, metadata_name(IWF, 2): old_raw}, f"{IWF}: was altered")

    def test_an_old_snapshot_under_a_new_timestamp(self, umbrella: Umbrella) -> None:
        """The timestamp names the snapshot by hash."""
        newer = umbrella.accept({}, NOW_MS + 1)
        version = newer.state.snapshot().version
        old_raw = umbrella.files[metadata_name(Snapshot.type, version - 1)]
        mixed = {**newer.files, metadata_name(Snapshot.type, version): old_raw}
        refused(umbrella, mixed, "snapshot: was altered")

    def test_g11_no_version_is_larger_than_what_members_can_tell(self, umbrella: Umbrella) -> None:
        """The largest that they can is one; the next would silence every channel."""

        def forged(version: int) -> dict[str, bytes]:
            return forge(umbrella, timestamp=lambda signed: setattr(signed, "version", version))

        most = 2**53 - 1
        assert verify_chain(umbrella.pin, forged(most), NOW).seen[1] == most
        refused(umbrella, forged(most + 1), r"timestamp: version: needs an integer up to 2\*\*53")

    def test_a_version_that_is_not_the_announced_one(self, umbrella: Umbrella) -> None:
        """Hash and signature right, version wrong: refused."""

        def skip(role: Targets) -> None:
            role.version = 5

        refused(umbrella, forge(umbrella, members={IWF: skip}), f"{IWF}: version")

    def test_a_role_named_without_a_hash_is_refused(self, umbrella: Umbrella) -> None:
        """TUF lets a snapshot leave hashes out; ours must not."""

        def forget(snapshot: Snapshot) -> None:
            snapshot.meta["targets.json"].hashes = None

        refused(umbrella, forge(umbrella, snapshot=forget), "length and SHA-256")


class TestTime:
    """Expiry is judged at the time given, or not at all."""

    @pytest.mark.parametrize(("days", "role"), [(14, "timestamp"), (365, "root")])
    def test_an_expired_role_is_named(self, umbrella: Umbrella, days: int, role: str) -> None:
        """The error says which of the four ran out."""
        with pytest.raises(ExpiredRegistryError, match=role):
            verify_chain(umbrella.pin, umbrella.files, NOW + timedelta(days=days))

    def test_an_evidence_bundle_is_verified_without_a_time(self, umbrella: Umbrella) -> None:
        """Ten years later the signatures are as good as ever."""
        assert verify_chain(umbrella.pin, umbrella.files, None).verified_ms is None

    @pytest.mark.parametrize("issued", [None, "soon", True, 0, NOW_MS + 14 * DAY_MS])
    def test_a_timestamp_says_when_it_was_signed(self, umbrella: Umbrella, issued: object) -> None:
        """Without a time, or with one after its own expiry, freshness could not be judged."""

        def say(timestamp: Timestamp) -> None:
            timestamp.unrecognized_fields[ISSUED_FIELD] = issued

        refused(umbrella, forge(umbrella, timestamp=say), ISSUED_FIELD)

    def test_a_timestamp_may_be_of_any_time_before_it_expires(self, umbrella: Umbrella) -> None:
        """How old is too old, those say who use it."""
        last_ms = NOW_MS + 14 * DAY_MS - 1

        def say(timestamp: Timestamp) -> None:
            timestamp.unrecognized_fields[ISSUED_FIELD] = last_ms

        assert verify_chain(umbrella.pin, forge(umbrella, timestamp=say), NOW).issued_ms == last_ms


class TestKeeping:
    """`verify_keeping`: what a holder is shown who is asked to sign what comes next."""

    @staticmethod
    def handed_over(umbrella: Umbrella) -> dict[str, bytes]:
        """Give roots, targets and network document, and no part of any member."""
        return {
            name: raw
            for name, raw in umbrella.files.items()
            if name.endswith((".root.json", ".targets.json", ".network.json"))
        }

    def test_it_is_read_without_the_members_parts(self, umbrella: Umbrella) -> None:
        """Roots, targets and network document are all that is signed by holders."""
        keeping = verify_keeping(umbrella.pin, self.handed_over(umbrella))
        assert (keeping.root.version, keeping.targets.version) == (1, 2)
        assert keeping.network == umbrella.registry.network

    @pytest.mark.parametrize("missing", [".root.json", ".targets.json", ".network.json"])
    def test_each_missing_file_is_named(self, umbrella: Umbrella, missing: str) -> None:
        """A holder signs nothing on half a state."""
        files = self.handed_over(umbrella)
        rest = {name: raw for name, raw in files.items() if not name.endswith(missing)}
        kind = missing.split(".")[1]
        with pytest.raises(UntrustedDocumentError, match=f"^{kind}(.json)?: "):
            verify_keeping(umbrella.pin, rest)

    def test_of_two_targets_none_is_believed(self, umbrella: Umbrella) -> None:
        """Which of them is the newest, nobody signed."""
        files = self.handed_over(umbrella)
        older = {metadata_name("targets", 1): files[metadata_name("targets", 2)]}
        with pytest.raises(UntrustedDocumentError, match=r"^targets: needs one version"):
            verify_keeping(umbrella.pin, files | older)

    def test_another_root_is_refused(self, umbrella: Umbrella) -> None:
        """By its fingerprint."""
        with pytest.raises(UntrustedDocumentError, match="another fingerprint"):
            verify_keeping(bytes(32), self.handed_over(umbrella))

    def test_targets_need_the_holders_of_the_root(self, umbrella: Umbrella) -> None:
        """Whoever hands them over."""
        files = self.handed_over(umbrella)
        name = metadata_name("targets", 2)
        forged = resigned(files[name], nothing, [SigningKey.generate(hybrid=False)])
        with pytest.raises(UntrustedDocumentError, match=r"^targets: is not signed by enough"):
            verify_keeping(umbrella.pin, {**files, name: forged})


def test_file_names_put_the_hash_before_the_last_part() -> None:
    """As TUF's consistent snapshots want it."""
    assert target_name("members/gb-iwf.json", "ab") == "targets/members/ab.gb-iwf.json"
    assert target_name("network.json", "ab") == "targets/ab.network.json"


def test_metadata_of_one_role_is_not_metadata_of_another(umbrella: Umbrella) -> None:
    """A snapshot, though signed by its key, is no timestamp."""
    raw = resigned(
        umbrella.files[metadata_name("snapshot", 2)], nothing, [umbrella.online.timestamp]
    )
    refused(umbrella, {**umbrella.files, TIMESTAMP_NAME: raw}, "another type")
