"""The registry from bytes alone: what an attacker with some of the keys would try, and the view."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Root,
    Snapshot,
    SuccinctRoles,
    Targets,
    Timestamp,
)

from keys.errors import KeysError, UnknownMemberError, UntrustedDocumentError, WeakKeyError
from keys.member_role import MEMBER_KEY_FIELD, document_path
from keys.network import MemberEntry, NetworkDocument
from keys.registry import (
    ISSUED_FIELD,
    NETWORK_PATH,
    TIMESTAMP_NAME,
    ExpiredRegistryError,
    metadata_name,
    target_name,
    verify_chain,
    verify_keeping,
    verify_set,
)
from keys.signing import SigningKey
from node.registry import build
from tests.builders.forge import forge, next_root, nothing, resigned, with_document
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    make_document,
    make_umbrella,
    member_files,
    member_keys,
)

NOW = build.moment(NOW_MS)
IWF, EOKM = "gb-iwf", "nl-eokm"


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})


def by_hash_prefix(role: DelegatedRole) -> None:
    """Delegate every path instead of one."""
    role.paths, role.path_hash_prefixes = None, [""]


def succinct() -> SuccinctRoles:
    """Give roles for bins of paths, which this network does not know."""
    return SuccinctRoles(["0" * 64], 1, 8, "bin")


def with_members(umbrella: Umbrella, members: list[str]) -> dict[str, bytes]:
    """Give the repository of a network with these members, whose roles nobody can sign."""
    network = NetworkDocument("demo", {m: MemberEntry(m, ("police",)) for m in members})
    extra: dict[str, bytes] = {}

    def admit(targets: Targets) -> None:
        targets.delegations = Delegations({}, roles := {})
        for member in members:
            roles[member] = DelegatedRole(
                member, ["0" * 64], threshold=1, terminating=True, paths=[document_path(member)]
            )
        extra.update(with_document(targets, NETWORK_PATH, network.to_bytes()))

    return {**forge(umbrella, targets=admit), **extra}


def refused(umbrella: Umbrella, files: dict[str, bytes], match: str) -> None:
    """Assert that the files do not verify, for the right reason."""
    with pytest.raises(UntrustedDocumentError, match=match):
        verify_chain(umbrella.pin, files, NOW)


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


class TestRoot:
    """The chain from the pin."""

    def test_another_network_with_the_same_name_is_not_ours(self, umbrella: Umbrella) -> None:
        """The pin is the fingerprint, not the name."""
        refused(umbrella, dict(make_umbrella().files), "another fingerprint")

    def test_a_next_root_needs_the_holders_of_the_one_before(self, umbrella: Umbrella) -> None:
        """A thief of nothing cannot append a root with keys of its own."""
        thief = SigningKey.generate(hybrid=False)

        def take_over(root: Root) -> None:
            root.add_key(build.tuf_key(thief.public.ed25519), Root.type)

        forged = next_root(umbrella, take_over, [thief])
        refused(umbrella, {**umbrella.files, **forged}, "root: is not signed")

    def test_a_next_root_needs_its_own_holders_too(self, umbrella: Umbrella) -> None:
        """A root whose new holders never signed it is not taken."""
        newcomer = SigningKey.generate(hybrid=False)

        def hand_over(root: Root) -> None:
            for keyid in list(root.roles[Root.type].keyids):
                root.revoke_key(keyid, Root.type)
            root.add_key(build.tuf_key(newcomer.public.ed25519), Root.type)

        forged = next_root(umbrella, hand_over, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "root: is not signed")
        both = next_root(umbrella, hand_over, [*umbrella.root, newcomer])
        assert verify_chain(umbrella.pin, {**umbrella.files, **both}, NOW).root_version == 2

    def test_a_root_must_have_the_version_of_its_name(self, umbrella: Umbrella) -> None:
        """The first root under the name of the second is not a second root."""
        again = {metadata_name("root", 2): umbrella.files[metadata_name("root", 1)]}
        refused(umbrella, {**umbrella.files, **again}, "root: version")

    def test_a_retired_timestamp_key_signs_nothing(self, umbrella: Umbrella) -> None:
        """After a root that replaces the online key, the old timestamp is void."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)

        def retire(root: Root) -> None:
            root.revoke_key(root.roles[Timestamp.type].keyids[0], Timestamp.type)
            root.add_key(other, Timestamp.type)

        files = {**umbrella.files, **next_root(umbrella, retire, umbrella.root)}
        refused(umbrella, files, "timestamp: is not signed")

    def test_one_key_under_two_ids_does_not_meet_a_threshold_of_two(self) -> None:
        """The library counts key ids; here a key counts once."""
        umbrella = make_umbrella()
        own = build.tuf_key(umbrella.root[0].public.ed25519)
        twin = build.tuf_key(umbrella.root[0].public.ed25519)
        twin.keyid = "0" * 64

        def double(root: Root) -> None:
            root.keys[twin.keyid] = twin
            root.roles[Root.type].keyids = [own.keyid, twin.keyid]
            root.roles[Root.type].threshold = 2

        forged = next_root(umbrella, double, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "^root: keys: one key stands under two ids")

    def test_a_small_order_key_is_not_admitted_to_any_role(self, umbrella: Umbrella) -> None:
        """The identity point, under which one signature verifies everything, holds no role."""
        weak = build.tuf_key((1).to_bytes(32, "little"))

        def weaken(root: Root) -> None:
            root.add_key(weak, Targets.type)

        forged = next_root(umbrella, weaken, umbrella.root)
        with pytest.raises(WeakKeyError):
            verify_chain(umbrella.pin, {**umbrella.files, **forged}, NOW)

    def test_only_ed25519_keys_hold_a_role(self, umbrella: Umbrella) -> None:
        """No scheme whose keys nobody here admits."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)
        other.keytype, other.scheme = "ecdsa", "ecdsa-sha2-nistp256"

        def add(root: Root) -> None:
            root.add_key(other, Targets.type)

        forged = next_root(umbrella, add, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "type ed25519")

    def test_a_key_that_is_no_hexadecimal_holds_no_role(self, umbrella: Umbrella) -> None:
        """The library would find out when it verifies; here it is never admitted."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)
        other.keyval["public"] = "no hex"

        def add(root: Root) -> None:
            root.add_key(other, Targets.type)

        forged = next_root(umbrella, add, umbrella.root)
        with pytest.raises(WeakKeyError, match="hexadecimal"):
            verify_chain(umbrella.pin, {**umbrella.files, **forged}, NOW)

    def test_consistent_snapshots_are_demanded(self, umbrella: Umbrella) -> None:
        """A root cannot switch off the file names that make states distinguishable."""

        def switch_off(root: Root) -> None:
            root.consistent_snapshot = False

        forged = next_root(umbrella, switch_off, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "consistent_snapshot")


class TestThresholds:
    """Several holders, of whom some must sign."""

    def test_two_of_three_need_two(self) -> None:
        """Targets signed by one of two needed holders are not signed."""
        umbrella = make_umbrella(targets=(2, 3))
        alone = dataclasses.replace(umbrella, targets=umbrella.targets[:1])
        refused(umbrella, forge(alone), "targets: is not signed by enough")
        pair = dataclasses.replace(umbrella, targets=umbrella.targets[:2])
        assert verify_chain(umbrella.pin, forge(pair), NOW).root_version == 1

    def test_the_online_keys_cannot_sign_targets(self, umbrella: Umbrella) -> None:
        """Who steals the unattended keys admits nobody."""
        online = umbrella.online
        thief = dataclasses.replace(umbrella, targets=(online.snapshot, online.timestamp))  # type: ignore[arg-type]
        refused(umbrella, forge(thief), "targets: is not signed by enough")


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


class TestTheUmbrellaAlone:
    """What the holders of the targets role cannot do to a member."""

    def test_it_cannot_sign_a_document_for_a_member(self, umbrella: Umbrella) -> None:
        """Targets that name a member's document themselves would come before the member's."""
        document = make_document(umbrella.registry.network_id, IWF, sequence=7).to_bytes()
        extra: dict[str, bytes] = {}

        def slip_in(targets: Targets) -> None:
            extra.update(with_document(targets, f"members/{IWF}.json", document))

        files = forge(umbrella, targets=slip_in)
        refused(umbrella, {**files, **extra}, "targets: needs network.json and no other")

    def test_it_cannot_sign_a_members_role(self, umbrella: Umbrella) -> None:
        """The role of a member asks for the member's key."""
        files = forge(umbrella, members={IWF: nothing}, member_signers={IWF: umbrella.targets})
        refused(umbrella, files, f"{IWF}: is not signed")

    def test_it_cannot_sign_a_members_words_again_under_its_own_key(
        self, umbrella: Umbrella
    ) -> None:
        """Giving the role another key does not make the member's role metadata valid under it."""
        thief = SigningKey.generate(hybrid=False)
        key = build.tuf_key(thief.public.ed25519)

        def swap(targets: Targets) -> None:
            assert targets.delegations is not None
            assert targets.delegations.roles is not None
            targets.delegations.keys[key.keyid] = key
            targets.delegations.roles[IWF].keyids = [key.keyid]

        files = forge(umbrella, targets=swap, members={IWF: nothing}, member_signers={IWF: [thief]})
        refused(umbrella, files, MEMBER_KEY_FIELD)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda role: setattr(role, "paths", ["members/*.json"]), id="wildcard"),
            pytest.param(lambda role: setattr(role, "paths", ["network.json"]), id="network"),
            pytest.param(by_hash_prefix, id="hash prefix"),
            pytest.param(lambda role: setattr(role, "threshold", 2), id="threshold"),
            pytest.param(lambda role: role.keyids.append("0" * 64), id="second key"),
        ],
    )
    def test_a_delegation_has_one_key_and_one_document(
        self, umbrella: Umbrella, change: Callable[[Any], None]
    ) -> None:
        """No wider path, no other threshold, no second key."""

        def widen(targets: Targets) -> None:
            assert targets.delegations is not None
            assert targets.delegations.roles is not None
            change(targets.delegations.roles[IWF])

        refused(umbrella, forge(umbrella, targets=widen), f"{IWF}: delegation|not signed")

    def test_a_delegation_whose_key_is_missing_is_refused(self, umbrella: Umbrella) -> None:
        """A role that nobody can sign."""

        def lose(targets: Targets) -> None:
            assert targets.delegations is not None
            targets.delegations.keys.clear()

        refused(umbrella, forge(umbrella, targets=lose), f"{IWF}: delegation: its key is missing")

    def test_a_role_that_the_snapshot_leaves_out_is_refused(self, umbrella: Umbrella) -> None:
        """Else its version would be anybody's choice."""

        def leave_out(snapshot: Snapshot) -> None:
            del snapshot.meta[f"{IWF}.json"]

        refused(umbrella, forge(umbrella, snapshot=leave_out), f"{IWF}: is not in the snapshot")

    def test_a_member_cannot_be_named_like_a_role(self, umbrella: Umbrella) -> None:
        """Its metadata would stand where the network's own stands."""
        refused(umbrella, with_members(umbrella, ["snapshot"]), "targets: is not TUF metadata")

    def test_a_network_has_up_to_a_thousand_members(self, umbrella: Umbrella) -> None:
        """One more is refused before any of their files is read."""
        members = [f"m-{number}" for number in range(1001)]
        refused(umbrella, with_members(umbrella, members), "needs one role for each member")
        refused(umbrella, with_members(umbrella, members[1:]), "delegation: its key is missing")

    def test_roles_and_members_are_the_same_set(self, umbrella: Umbrella) -> None:
        """A role without a member, or a member without a role, is refused."""
        for delegations in (Delegations({}, {}), None, Delegations({}, None, succinct())):

            def drop(targets: Targets, instead: Delegations | None = delegations) -> None:
                targets.delegations = instead

            refused(umbrella, forge(umbrella, targets=drop), "one role for each member")


class TestMembers:
    """What a member with its own key cannot do."""

    def test_it_cannot_delegate(self, umbrella: Umbrella) -> None:
        """A role below a member's role would have two ways to a document."""

        def delegate(role: Targets) -> None:
            role.delegations = Delegations({}, {})

        refused(umbrella, forge(umbrella, members={IWF: delegate}), "cannot delegate")

    def test_it_cannot_sign_another_members_document(self, umbrella: Umbrella) -> None:
        """Its role is for one path."""
        raw = make_document(umbrella.registry.network_id, EOKM).to_bytes()
        extra: dict[str, bytes] = {}

        def grasp(role: Targets) -> None:
            extra.update(with_document(role, f"members/{EOKM}.json", raw))

        files = forge(umbrella, members={IWF: grasp})
        refused(umbrella, {**files, **extra}, f"{IWF}: targets: needs members/{IWF}.json")

    def test_it_cannot_take_over_another_members_document(self, umbrella: Umbrella) -> None:
        """The document under its own path must speak of itself."""
        raw = make_document(umbrella.registry.network_id, EOKM).to_bytes()
        refused(umbrella, self._with_document(umbrella, raw), "belongs to another member")

    def test_it_cannot_publish_keys_without_proof_for_this_network(
        self, umbrella: Umbrella
    ) -> None:
        """Proofs made for another network prove nothing here."""
        raw = make_document("demo-0000000000000000", IWF).to_bytes()
        refused(umbrella, self._with_document(umbrella, raw), "keys.log")

    def test_it_cannot_claim_another_members_certificate(self, umbrella: Umbrella) -> None:
        """A pin has no proof of possession; so it may stand in one document only."""
        own = make_document(umbrella.registry.network_id, IWF)
        theirs = dataclasses.replace(own, tls=(member_keys(EOKM).tls.spki_sha256,))
        refused(umbrella, self._with_document(umbrella, theirs.to_bytes()), "keys.tls: is another")

    def test_it_cannot_claim_another_members_sealing_key(self, umbrella: Umbrella) -> None:
        """What is sealed to one member must not be counted as sealed to another."""
        own = make_document(umbrella.registry.network_id, IWF)
        other = make_document(umbrella.registry.network_id, EOKM)
        theirs = dataclasses.replace(own, sealing=other.sealing)
        files = self._with_document(umbrella, theirs.to_bytes())
        refused(umbrella, files, "keys.sealing: is another")

    @pytest.mark.parametrize(("ago", "lapsed"), [(0, {IWF}), (1, {IWF}), (-1, set())])
    def test_one_that_forgot_a_renewal_is_listed_and_stops_nobody(
        self, umbrella: Umbrella, ago: int, lapsed: set[str]
    ) -> None:
        """A member's role that ran out leaves the registry valid."""
        end = NOW - timedelta(days=ago)

        def age(role: Targets) -> None:
            role.expires = end

        files = forge(umbrella, members={IWF: age})
        registry = verify_chain(umbrella.pin, files, NOW)
        assert registry.lapsed == lapsed
        assert registry.is_active(IWF)
        assert registry.member_expires_ms == {
            IWF: int(end.timestamp() * 1000),
            EOKM: NOW_MS + 365 * DAY_MS,
        }
        assert not verify_chain(umbrella.pin, files, None).lapsed

    @staticmethod
    def _with_document(umbrella: Umbrella, raw: bytes) -> dict[str, bytes]:
        extra: dict[str, bytes] = {}

        def put(role: Targets) -> None:
            extra.update(with_document(role, f"members/{IWF}.json", raw))

        files = forge(umbrella, members={IWF: put})
        return {**files, **extra}


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
