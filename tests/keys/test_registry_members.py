"""Members in the registry: what the umbrella alone cannot say of them, and they not of others."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Snapshot,
    SuccinctRoles,
    Targets,
)

from keys.member_role import MEMBER_KEY_FIELD, document_path
from keys.network import MemberEntry, NetworkDocument
from keys.registry import (
    NETWORK_PATH,
    verify_chain,
)
from keys.signing import SigningKey
from node.registry import build
from tests.builders.forge import forge, nothing, with_document
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    make_document,
    member_keys,
)
from tests.keys.registries import EOKM, IWF, NOW, refused

if TYPE_CHECKING:
    from collections.abc import Callable


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
