"""A member publishes: only with its own key, only the next version, only within the rules."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from keys.documents import encode_bytes, serialise
from keys.errors import UnknownMemberError
from keys.keyring import MemberKeys
from keys.member import MemberDocument
from keys.registry import verify_chain
from keys.signing import SigningKey
from keys.succession import SIGNING, Rotated, carried, succeeded
from node.registry import build, changes
from node.registry.admission import make_request
from node.registry.admit import (
    Keepers,
    Terms,
    admit,
    govern,
    set_status,
    sign_staged,
)
from node.registry.create import HolderPlan, NetworkPlan
from node.registry.errors import ConflictError, NotSignedError, RefusedError, TooManyError
from node.registry.publish import (
    MAX_PUBLICATION_BYTES,
    make_publication,
    read_publication,
    role_version,
)
from node.registry.rules import MAX_KEYS, check_document
from node.registry.serve import HOUR_MS, PUBLICATIONS_AN_HOUR, RegistryServer
from node.registry.staging import drop_staged
from tests.builders.network import NOW_MS, make_document, member_keys
from tests.node.registry.conftest import EOKM, IWF, Network

LATER = NOW_MS + 1000


@pytest.fixture
def server(network: Network) -> RegistryServer:
    """A server over a network of two hotlines."""
    network.admit(IWF, EOKM)
    return RegistryServer(network.directory, network.keepers.online)


@pytest.mark.parametrize(
    "host", ["a..b", "[f:::f]", "[192.0.2.1]", "xn--0.example", "a" * 64 + ".example"]
)
def test_g11_an_endpoint_that_nobody_can_call_is_refused(
    network: Network, server: RegistryServer, host: str
) -> None:
    """It has the form of one, and no resolver takes it: each call of everybody would fail at it."""
    document = make_document(network.id, IWF, sequence=2, endpoint=f"https://{host}:443")
    with pytest.raises(RefusedError, match="endpoint"):
        server.publish(IWF, unchecked(document), LATER)
    with pytest.raises(RefusedError, match="endpoint"):
        network.request(IWF, document=document)


def with_member_key(member: str, key: SigningKey) -> MemberKeys:
    """A member's keys with another member key."""
    return dataclasses.replace(member_keys(member), member=key)


def unchecked(document: MemberDocument) -> bytes:
    """A publication by a program that does not ask the rules."""
    raw_document = document.to_bytes()
    key = member_keys(document.member).member
    assert key is not None
    role = build.member_metadata(document.member, raw_document, key.public.ed25519, 2, LATER)
    return serialise(
        {
            "_type": "hx1-publication",
            "role": encode_bytes(build.add_signatures(role, [key])),
            "document": encode_bytes(raw_document),
        }
    )


class TestAccepted:
    """What a member can do alone."""

    def test_a_new_endpoint_is_in_force_at_once(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Nobody decides: snapshot and timestamp are signed unattended."""
        answer = server.publish(IWF, network.publication(IWF), LATER)
        assert (answer["version"], answer["sequence"]) == (2, 2)
        registry = verify_chain(network.pin, network.directory.files, build.moment(LATER))
        assert registry.members[IWF].endpoint == f"https://{IWF}.example:9000"
        assert registry.issued_ms == LATER

    def test_rotated_keys_are_in_force_at_once(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Fresh operational keys under the same member key need no ceremony."""
        fresh = dataclasses.replace(
            MemberKeys.generate(IWF, NOW_MS), member=member_keys(IWF).member
        )
        document = make_document(network.id, IWF, keys=fresh, sequence=2)
        document = carried(document, make_document(network.id, IWF), NOW_MS)
        server.publish(IWF, make_publication(fresh, document, 2, NOW_MS), LATER)
        registry = network.directory.open().registry
        assert registry.members[IWF].log_keys == (
            member_keys(IWF).log.public,
            fresh.log.public,
        )

    @pytest.mark.parametrize("purpose", ["log", "receipt", "witness"])
    def test_g3_attack_keys_that_others_hold_signatures_of_stay_listed(
        self, network: Network, server: RegistryServer, purpose: Rotated
    ) -> None:
        """Who leaves one out would take back all that it signed: no bundle with it would verify."""
        before = make_document(network.id, IWF)
        document = succeeded(before, network.id, purpose, SigningKey.generate(), LATER)
        first, *others = document.published(SIGNING[purpose])
        less = dataclasses.replace(
            document,
            sequence=2,
            turns={i: t for i, t in document.turns.items() if i != first.key.key_id},
            **{purpose: tuple(others)},  # type: ignore[arg-type] # fields of one type
        )
        with pytest.raises(RefusedError, match=rf"keys\.{purpose}: leaves out a key"):
            server.publish(IWF, make_publication(member_keys(IWF), less, 2, LATER), LATER)
        whole = dataclasses.replace(document, sequence=2)
        server.publish(IWF, make_publication(member_keys(IWF), whole, 2, LATER), LATER)

    def test_the_same_again_changes_nothing_and_gets_the_same_answer(
        self, network: Network, server: RegistryServer
    ) -> None:
        """A lost answer is asked for again."""
        raw = network.publication(IWF)
        first = server.publish(IWF, raw, LATER)
        before = dict(network.directory.files)
        assert server.publish(IWF, raw, LATER + 1) == first
        assert dict(network.directory.files) == before

    def test_a_role_is_renewed_with_the_same_document(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Another year, no other sequence."""
        document = network.directory.open().registry.members[IWF]
        raw = make_publication(member_keys(IWF), document, 2, LATER)
        answer = server.publish(IWF, raw, LATER)
        assert (answer["version"], answer["sequence"]) == (2, 1)

    def test_the_next_version_can_be_asked_for(
        self, network: Network, server: RegistryServer
    ) -> None:
        """One more than the last."""
        assert role_version(network.directory.open(), IWF) == 1
        server.publish(IWF, network.publication(IWF), LATER)
        assert role_version(network.directory.open(), IWF) == 2
        with pytest.raises(UnknownMemberError):
            role_version(network.directory.open(), "fr-pdc")


class TestStrangers:
    """Those who hold no member key, or the wrong one."""

    def test_an_unknown_member_posts(self, network: Network, server: RegistryServer) -> None:
        """It is told that it is none."""
        with pytest.raises(UnknownMemberError):
            server.publish("fr-pdc", network.publication("fr-pdc", 1), LATER)

    def test_one_member_posts_in_anothers_place(
        self, network: Network, server: RegistryServer
    ) -> None:
        """A good signature by the wrong member is none."""
        with pytest.raises(NotSignedError):
            server.publish(EOKM, network.publication(IWF), LATER)

    def test_a_stolen_operational_key_publishes_nothing(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Log and transport keys live on the node; the member key does not."""
        stolen = with_member_key(IWF, member_keys(IWF).log)
        document = make_document(network.id, IWF, sequence=2)
        with pytest.raises(NotSignedError):
            server.publish(IWF, make_publication(stolen, document, 2, NOW_MS), LATER)

    def test_the_keepers_own_keys_publish_nothing_for_a_member(
        self, network: Network, server: RegistryServer
    ) -> None:
        """The umbrella never signs for a member."""
        for signer in network.keepers.people:
            assert isinstance(signer, SigningKey)
            document = make_document(network.id, IWF, sequence=2)
            raw = make_publication(with_member_key(IWF, signer), document, 2, NOW_MS)
            with pytest.raises(NotSignedError):
                server.publish(IWF, raw, LATER)

    def test_a_suspended_member_is_told_so(self, network: Network, server: RegistryServer) -> None:
        """Its key may be the reason."""
        set_status(network.directory, IWF, active=False, keepers=network.keepers, now_ms=NOW_MS)
        with pytest.raises(RefusedError, match="suspended"):
            server.publish(IWF, network.publication(IWF), LATER)


class TestOrder:
    """Versions and sequences go up by one."""

    @pytest.mark.parametrize("version", [1, 3, 99])
    def test_any_version_but_the_next_is_a_conflict(
        self, network: Network, server: RegistryServer, version: int
    ) -> None:
        """The error says which one to publish."""
        raw = make_publication(
            member_keys(IWF), make_document(network.id, IWF, sequence=2), version, LATER
        )
        with pytest.raises(ConflictError, match="publish 2"):
            server.publish(IWF, raw, LATER)

    def test_an_old_version_replayed_is_a_conflict(
        self, network: Network, server: RegistryServer
    ) -> None:
        """A recorded publication does not bring back retired keys."""
        old = network.publication(IWF, 2)
        server.publish(IWF, old, LATER)
        server.publish(IWF, network.publication(IWF, 3, endpoint="https://new.example:1"), LATER)
        with pytest.raises(ConflictError, match="has 3"):
            server.publish(IWF, old, LATER)
        registry = network.directory.open().registry
        assert registry.members[IWF].endpoint == "https://new.example:1"

    def test_another_document_under_the_same_sequence_is_a_conflict(
        self, network: Network, server: RegistryServer
    ) -> None:
        """One sequence names one document."""
        raw = network.publication(IWF, 2, sequence=1)
        with pytest.raises(ConflictError, match="sequence"):
            server.publish(IWF, raw, LATER)


@pytest.fixture
def replacing(make_network_on_disk: Callable[[NetworkPlan], Network]) -> Network:
    """A network in which another key for a member waits for the second of two holders."""
    network = make_network_on_disk(NetworkPlan("demo", targets=HolderPlan(2, (), 2)))
    network.admit(IWF, EOKM)
    fresh = with_member_key(IWF, SigningKey.generate(hybrid=False))
    document = make_document(network.id, IWF, keys=fresh, sequence=2)
    asked = make_request(
        fresh, document, network=network.id, name=IWF, roles=["hotline"], jurisdictions=["GB"],
        now_ms=NOW_MS, version=2,
    )  # fmt: skip
    alone = Keepers(network.keepers.people[:2], network.keepers.online)
    terms = Terms(replace_key=True)
    assert not admit(network.directory, asked, terms, alone, LATER).published
    return network


class TestReplacedKey:
    """A member's key was stolen; another one waits for the holders of the network."""

    def test_attack_thief_of_a_member_key_does_not_stop_its_replacement(
        self, replacing: Network
    ) -> None:
        """Under the stolen key it would take the version that waits; others publish as ever."""
        server = RegistryServer(replacing.directory, replacing.keepers.online)
        with pytest.raises(RefusedError, match="replaced"):
            server.publish(IWF, replacing.publication(IWF), LATER)
        assert server.publish(EOKM, replacing.publication(EOKM), LATER)["version"] == 2
        decided = sign_staged(replacing.directory, replacing.keepers, LATER)
        assert decided is not None
        assert decided.published

    def test_key_whose_replacement_was_dropped_publishes_again(self, replacing: Network) -> None:
        """The keepers decided otherwise."""
        server = RegistryServer(replacing.directory, replacing.keepers.online)
        drop_staged(replacing.directory)
        assert server.publish(IWF, replacing.publication(IWF), LATER)["version"] == 2


class TestRules:
    """A member cannot publish itself out of the rules it was admitted by."""

    def test_the_second_unreachable_member_is_refused(
        self, network: Network, server: RegistryServer
    ) -> None:
        """One may hide, two may not."""
        server.publish(IWF, network.publication(IWF, endpoint=None), LATER)
        with pytest.raises(RefusedError, match="reach"):
            server.publish(EOKM, network.publication(EOKM, endpoint=None), LATER)

    def test_attack_a_member_that_cannot_be_reached_holds_no_place_once_it_is_expelled(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Nobody has to reach it any more; while it is suspended it may come back."""
        server.publish(IWF, network.publication(IWF, endpoint=None), LATER)
        set_status(network.directory, IWF, active=False, keepers=network.keepers, now_ms=LATER)
        hidden = network.publication(EOKM, endpoint=None)
        with pytest.raises(RefusedError, match="reach"):
            server.publish(EOKM, hidden, LATER)
        gone = govern(
            network.directory, lambda it: changes.expel(it, IWF, {}), network.keepers, LATER
        )
        assert gone.published
        assert server.publish(EOKM, hidden, LATER)["version"] == 2

    def test_another_members_key_cannot_be_published(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Not even a pin, which nobody can prove to possess."""
        document = dataclasses.replace(
            make_document(network.id, IWF, sequence=2),
            tls=(member_keys(EOKM).tls.spki_sha256,),
        )
        with pytest.raises(RefusedError, match=r"keys\.tls"):
            server.publish(IWF, make_publication(member_keys(IWF), document, 2, LATER), LATER)

    def test_a_role_that_lasts_for_ever_is_refused(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Two years at most."""
        decade = NOW_MS + 3653 * 86_400_000
        document = make_document(network.id, IWF, sequence=2, now_ms=decade)
        raw = make_publication(member_keys(IWF), document, 2, decade)
        with pytest.raises(RefusedError, match="expires"):
            server.publish(IWF, raw, LATER)

    def test_a_document_that_misses_a_purpose_is_refused(
        self, network: Network, server: RegistryServer
    ) -> None:
        """The server does not rely on the member's own check."""
        document = dataclasses.replace(make_document(network.id, IWF, sequence=2), receipt=())
        raw = unchecked(document)
        with pytest.raises(RefusedError, match=r"keys\.receipt"):
            server.publish(IWF, raw, LATER)

    def test_more_keys_of_a_purpose_than_anybody_needs_are_refused(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Each may be revoked, with a note that everybody keeps and hands on."""
        document = make_document(network.id, IWF, sequence=2)
        pins = tuple(secrets.token_bytes(32) for _ in range(MAX_KEYS - len(document.tls) + 1))
        document = dataclasses.replace(document, tls=(*document.tls, *pins))
        with pytest.raises(RefusedError, match=r"keys\.tls"):
            server.publish(IWF, unchecked(document), LATER)
        enough = dataclasses.replace(document, tls=document.tls[1:])
        assert server.publish(IWF, unchecked(enough), LATER)

    def test_nobody_is_told_to_leave_out_what_may_not_be_left_out(self, network: Network) -> None:
        """What others keep is verified under keys of these purposes: they stay listed."""
        document = make_document(network.id, IWF, sequence=2)
        more = tuple(
            dataclasses.replace(document.log[0], key=SigningKey.generate(hybrid=True).public)
            for _ in range(MAX_KEYS)
        )
        document = dataclasses.replace(document, log=(*document.log, *more))
        with pytest.raises(RefusedError, match=r"keys\.log: lists more than .*; ask the maintain"):
            check_document(document, LATER)


class TestCost:
    """What a hostile member or stranger can make the umbrella do."""

    @pytest.mark.parametrize(
        "change", [{"role": "!"}, {"role": ""}, {"document": None}, {"_type": "x"}, {"more": 1}]
    )
    def test_a_malformed_publication_is_refused_by_field(
        self, network: Network, server: RegistryServer, change: dict[str, Any]
    ) -> None:
        """Before anything is looked up."""
        raw = serialise({**json.loads(network.publication(IWF)), **change})
        with pytest.raises(RefusedError):
            server.publish(IWF, raw, LATER)

    def test_an_oversize_publication_is_not_parsed(self) -> None:
        """Bounded."""
        with pytest.raises(RefusedError, match="larger"):
            read_publication(b"[" * (MAX_PUBLICATION_BYTES + 1))

    def test_a_member_that_publishes_without_end_is_slowed_down(
        self, network: Network, server: RegistryServer
    ) -> None:
        """A few dozen times an hour; then an hour later again."""
        for version in range(2, PUBLICATIONS_AN_HOUR + 2):
            server.publish(IWF, network.publication(IWF, version), LATER)
        following = network.publication(IWF, PUBLICATIONS_AN_HOUR + 2)
        with pytest.raises(TooManyError):
            server.publish(IWF, following, LATER)
        server.publish(EOKM, network.publication(EOKM), LATER)
        server.publish(IWF, following, LATER + HOUR_MS)


class TestSigning:
    """The unattended signatures."""

    def test_nothing_is_signed_within_the_hour(self, server: RegistryServer) -> None:
        """Called each minute, it signs once an hour."""
        assert not server.resign_due(NOW_MS + HOUR_MS - 1)
        assert server.resign_due(NOW_MS + HOUR_MS)
        assert not server.resign_due(NOW_MS + HOUR_MS + 60_000)

    def test_an_hour_signs_the_timestamp_alone(
        self, network: Network, server: RegistryServer
    ) -> None:
        """The snapshot stays, so that `registry_seen` is quiet."""
        before = network.directory.open().registry
        server.resign_due(NOW_MS + HOUR_MS)
        after = network.directory.open().registry
        assert after.timestamp_version == before.timestamp_version + 1
        assert after.snapshot_sha256 == before.snapshot_sha256
        assert after.issued_ms == NOW_MS + HOUR_MS

    def test_the_snapshot_is_renewed_a_week_before_it_runs_out(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Else the hourly timestamp would lead to an expired snapshot."""
        late = NOW_MS + 8 * 24 * HOUR_MS
        before = network.directory.open().registry
        server.resign_due(late)
        after = network.directory.open().registry
        assert after.snapshot_sha256 != before.snapshot_sha256
        assert after.expires_ms == late + 14 * 24 * HOUR_MS

    def test_a_timestamp_from_the_future_is_replaced(
        self, network: Network, server: RegistryServer
    ) -> None:
        """Somebody's clock was wrong for a while; readers must not believe it fresh for days."""
        server.resign_due(NOW_MS + 48 * HOUR_MS)
        assert server.resign_due(NOW_MS + HOUR_MS)
        assert network.directory.open().registry.issued_ms == NOW_MS + HOUR_MS

    def test_people_are_told_a_month_before_root_or_targets_run_out(
        self, server: RegistryServer
    ) -> None:
        """Nobody can renew those unattended."""
        assert not server.renewal_due(NOW_MS + 334 * 24 * HOUR_MS)
        assert server.renewal_due(NOW_MS + 336 * 24 * HOUR_MS)

    def test_what_another_process_changed_is_seen(
        self, network: Network, server: RegistryServer
    ) -> None:
        """`network admit` runs beside `network serve`."""
        server.resign_due(NOW_MS + HOUR_MS)
        network.admit("fr-pdc", now_ms=NOW_MS + HOUR_MS)
        raw = network.publication("fr-pdc")
        assert server.publish("fr-pdc", raw, NOW_MS + HOUR_MS + 1)["version"] == 2
