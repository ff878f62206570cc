"""Admission: what a request must show, what the keepers decide, and what they cannot do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from keys.admission import prove
from keys.documents import encode_bytes, serialise
from keys.errors import UnknownKeyError
from keys.keyring import MemberKeys
from keys.member import PublishedKey, Purpose
from keys.network import MemberEntry, NetworkDocument
from keys.signing import SigningKey
from keys.turns import Turn
from node.registry.admission import MAX_REQUEST_BYTES, SIGNED_TAG, make_request, read_request
from node.registry.admit import (
    Keepers,
    Terms,
    admit,
    govern,
    renew,
    set_status,
    sign_staged,
)
from node.registry.changes import merge
from node.registry.create import HolderPlan, NetworkPlan
from node.registry.directory import RepositoryDirectory
from node.registry.errors import ConflictError, NotSignedError, RefusedError, RepositoryStateError
from node.registry.rules import check_begun_anew
from node.registry.serve import RegistryServer
from node.registry.staging import drop_staged
from tests.builders.network import NOW_MS, make_document, member_keys
from tests.node.registry.conftest import ECO, EOKM, IWF, Network

Make = Callable[..., Network]


def altered(raw: bytes, key: SigningKey | None = None, **changes: Any) -> bytes:
    """A request with other fields; signed again if a key is given."""
    fields = {**json.loads(raw), **changes}
    if key is not None:
        del fields["signature"]
        fields["signature"] = encode_bytes(key.sign_ed25519(SIGNED_TAG + serialise(fields)))
    return serialise(fields)


def own_key(member: str) -> SigningKey:
    """The member key of a test member."""
    key = member_keys(member).member
    assert key is not None
    return key


class TestRequest:
    """A request proves by itself that one party made all of it."""

    def test_it_carries_everything_that_was_asked_for(self, network: Network) -> None:
        """What was put in comes out, verified."""
        request = read_request(network.request(IWF, name="Hotline of Britain"))
        assert (request.member, request.network) == (IWF, network.id)
        assert (request.name, request.roles, request.jurisdictions) == (
            "Hotline of Britain",
            ("hotline",),
            ("GB",),
        )
        assert request.member_key == own_key(IWF).public.ed25519
        assert request.verified.version == 1

    @pytest.mark.parametrize(
        "change",
        [{"jurisdictions": ["FR"]}, {"roles": ["police"]}, {"name": "x"}, {"made_ms": 1}],
    )
    def test_any_field_changed_on_the_way_breaks_the_signature(
        self, network: Network, change: dict[str, Any]
    ) -> None:
        """Whoever carries the file cannot ask for more in the member's name."""
        with pytest.raises(NotSignedError, match="signature") as caught:
            read_request(altered(network.request(IWF), **change))
        assert caught.value.field == "signature"

    def test_a_stolen_document_cannot_be_asked_for_under_another_key(
        self, network: Network
    ) -> None:
        """The thief signs the request with its own key, but the role inside is not its own."""
        thief = SigningKey.generate(hybrid=False)
        stolen = altered(network.request(IWF), thief, member_key=encode_bytes(thief.public.ed25519))
        with pytest.raises(RefusedError):
            read_request(stolen)

    def test_a_key_without_proof_of_possession_is_refused(self, network: Network) -> None:
        """The proof of another key does not do for this one."""
        document = make_document(network.id, IWF)
        other = SigningKey.generate()
        unproved = dataclasses.replace(
            document, log=(PublishedKey(other.public, document.log[0].proof),)
        )
        with pytest.raises(RefusedError, match=r"keys\.log"):
            read_request(network.request(IWF, document=unproved))

    def test_a_small_order_member_key_is_refused(self, network: Network) -> None:
        """Under the identity point anybody's signature would verify."""
        weak = encode_bytes((1).to_bytes(32, "little"))
        with pytest.raises(RefusedError, match=r"small order|identity"):
            read_request(altered(network.request(IWF), member_key=weak))

    @pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff\x00", b'{"signature":"AA=="}'])
    def test_what_is_no_request_is_refused_by_name(self, raw: bytes) -> None:
        """Each error names a field."""
        with pytest.raises(RefusedError) as caught:
            read_request(raw)
        assert caught.value.field

    def test_an_oversize_request_is_not_parsed(self) -> None:
        """Bounded before anything else."""
        with pytest.raises(RefusedError, match="larger"):
            read_request(b" " * (MAX_REQUEST_BYTES + 1))

    def test_an_unknown_field_is_refused(self, network: Network) -> None:
        """What is signed is understood."""
        with pytest.raises(RefusedError, match="please"):
            read_request(altered(network.request(IWF), own_key(IWF), please=True))

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"jurisdictions": ["UK"]}, "write GB"),
            ({"jurisdictions": ["XX"]}, "no country"),
            ({"roles": []}, "roles"),
            ({"name": "two\nlines"}, "name"),
            ({"name": " "}, "name"),
        ],
    )
    def test_what_cannot_be_admitted_is_not_even_made(
        self, network: Network, change: dict[str, Any], match: str
    ) -> None:
        """The member hears of it at home, not from the umbrella."""
        with pytest.raises(RefusedError, match=match):
            network.request(IWF, **change)

    @pytest.mark.parametrize("purpose", ["log", "receipt", "transport", "tls"])
    def test_a_purpose_without_a_key_is_refused(self, network: Network, purpose: str) -> None:
        """Peers need a key for each."""
        empty: dict[str, Any] = {purpose: ()}
        document = dataclasses.replace(make_document(network.id, IWF), **empty)
        with pytest.raises(RefusedError, match=f"keys.{purpose}"):
            network.request(IWF, document=document)

    def test_a_log_key_without_its_post_quantum_half_is_refused(self, network: Network) -> None:
        """What people are held to is hybrid."""
        document = make_document(network.id, IWF)
        plain = dataclasses.replace(document, log=document.transport, transport=())
        with pytest.raises(RefusedError, match=r"ML-DSA-44|transport"):
            network.request(IWF, document=plain)

    def test_a_witness_key_without_its_post_quantum_half_is_refused(self, network: Network) -> None:
        """Its word about time must hold for decades; a member without one is admitted."""
        document = make_document(network.id, IWF)
        single = SigningKey.generate(hybrid=False)
        published = PublishedKey(single.public, prove(single, network.id, IWF, "witness"))
        plain = dataclasses.replace(document, witness=(published,))
        with pytest.raises(RefusedError, match=r"keys\.witness"):
            network.request(IWF, document=plain)
        assert network.request(IWF, document=dataclasses.replace(document, witness=()))

    def test_a_sealing_key_that_ran_out_is_refused(self, network: Network) -> None:
        """Nobody could seal to the member."""
        document = make_document(network.id, IWF, now_ms=0)
        with pytest.raises(RefusedError, match=r"keys\.sealing"):
            network.request(IWF, document=document)

    def test_without_its_member_key_a_node_cannot_ask(self, network: Network) -> None:
        """The key is offline; the error says to bring it."""
        keys: MemberKeys = dataclasses.replace(member_keys(IWF), member=None)
        with pytest.raises(UnknownKeyError, match=r"member\.key"):
            make_request(
                keys,
                make_document(network.id, IWF),
                network=network.id,
                name="x",
                roles=["hotline"],
                jurisdictions=["GB"],
                now_ms=NOW_MS,
            )

    def test_a_member_cannot_be_called_like_a_role(self, network: Network) -> None:
        """`root` is taken."""
        with pytest.raises(RefusedError, match="name of a role"):
            network.request(IWF, document=make_document(network.id, "root"))


class TestAdmission:
    """What the keepers' machine checks against the registry."""

    def test_an_admitted_member_is_in_the_registry(self, network: Network) -> None:
        """Listed, active, responsible for its country, under its own key."""
        decision = network.admit(IWF, EOKM)
        assert decision.published
        registry = network.directory.open().registry
        assert registry.is_active(IWF)
        assert registry.network.responsible_for("NL") == EOKM
        assert registry.member_keys[IWF] == own_key(IWF).public.ed25519

    def test_the_keepers_decide_the_terms(self, network: Network) -> None:
        """Name, roles and countries can be others than asked for."""
        network.admit(
            IWF,
            terms=Terms(name="IWF", roles=("hotline", "witness"), jurisdictions=(), fallback=True),
        )
        document = network.directory.open().registry.network
        assert document.members[IWF].name == "IWF"
        assert document.members[IWF].roles == ("hotline", "witness")
        assert document.members[IWF].jurisdictions == ()
        assert document.fallback() == IWF

    def test_a_request_for_another_network_is_refused(
        self, network: Network, make_network_on_disk: Make
    ) -> None:
        """Its proofs are for the other one."""
        other = make_network_on_disk(name="other")
        with pytest.raises(RefusedError, match="another network"):
            admit(network.directory, other.request(IWF), Terms(), network.keepers, NOW_MS)

    def test_a_member_is_not_admitted_twice(self, network: Network) -> None:
        """A second request under the same id, whoever made it, replaces nothing."""
        network.admit(IWF)
        with pytest.raises(ConflictError, match=r"already.+network fallback, roles, countries"):
            network.admit(IWF, terms=Terms(fallback=True))

    def test_a_second_hotline_for_a_country_needs_a_rule(self, network: Network) -> None:
        """Never chance."""
        network.admit(IWF)
        raw = network.request(EOKM, jurisdictions=["GB", "NL"])
        with pytest.raises(RefusedError, match=r"choice_rules\.GB"):
            admit(network.directory, raw, Terms(), network.keepers, NOW_MS)
        terms = Terms(choice_rules={"GB": (IWF, EOKM)})
        assert admit(network.directory, raw, terms, network.keepers, NOW_MS).published

    def test_of_any_two_members_one_can_be_reached(self, network: Network) -> None:
        """The second that cannot be reached is refused, and both are named."""
        hidden = make_document(network.id, IWF, endpoint=None)
        raw = network.request(IWF, document=hidden)
        assert admit(network.directory, raw, Terms(), network.keepers, NOW_MS).published
        also = network.request(EOKM, document=make_document(network.id, EOKM, endpoint=None))
        with pytest.raises(RefusedError, match=f"{IWF} and {EOKM}"):
            admit(network.directory, also, Terms(), network.keepers, NOW_MS)

    def test_another_members_certificate_cannot_be_claimed(self, network: Network) -> None:
        """The first to show a pin has it."""
        network.admit(IWF)
        document = dataclasses.replace(
            make_document(network.id, EOKM), tls=(member_keys(IWF).tls.spki_sha256,)
        )
        raw = network.request(EOKM, document=document)
        with pytest.raises(RefusedError, match=r"keys\.tls"):
            admit(network.directory, raw, Terms(), network.keepers, NOW_MS)

    def test_a_refused_request_changes_nothing_on_disk(self, network: Network) -> None:
        """Not a byte."""
        network.admit(IWF)
        before = dict(network.directory.files)
        with pytest.raises(ConflictError):
            network.admit(IWF)
        assert dict(network.directory.files) == before

    def test_a_request_that_expired_is_refused(self, network: Network) -> None:
        """A role has a year."""
        year_later = NOW_MS + 366 * 86_400_000
        document = make_document(network.id, IWF, now_ms=year_later)
        raw = network.request(IWF, document=document)
        with pytest.raises(RefusedError, match="expired"):
            admit(network.directory, raw, Terms(), network.keepers, year_later)

    def test_the_online_keys_alone_admit_nobody(self, network: Network) -> None:
        """Who holds the server's keys can only propose."""
        thief = Keepers([network.keepers.online.snapshot], network.keepers.online)
        decision = admit(network.directory, network.request(IWF), Terms(), thief, NOW_MS)
        assert not decision.published
        assert not network.directory.open().registry.members

    def test_a_first_role_has_version_one(self, network: Network) -> None:
        """A number skipped could hide a version that others saw."""
        raw = network.request(IWF, version=4)
        with pytest.raises(RefusedError, match="version 1"):
            admit(network.directory, raw, Terms(), network.keepers, NOW_MS)

    def test_a_member_publishing_meanwhile_does_not_open_a_gap(
        self, make_network_on_disk: Make
    ) -> None:
        """An admission that waited for a signature is judged against the state it enters."""
        network = make_network_on_disk(NetworkPlan("demo", targets=HolderPlan(2, (), 2)))
        network.admit(EOKM)
        alone = Keepers(network.keepers.people[:2], network.keepers.online)
        hidden = network.request(IWF, document=make_document(network.id, IWF, endpoint=None))
        assert not admit(network.directory, hidden, Terms(), alone, NOW_MS).published
        server = RegistryServer(network.directory, network.keepers.online)
        server.publish(EOKM, network.publication(EOKM, endpoint=None), NOW_MS)
        with pytest.raises(RefusedError, match="reach"):
            sign_staged(network.directory, network.keepers, NOW_MS)


class TestGovernance:
    """Suspensions, rules, renewals, replaced keys."""

    def test_a_suspended_member_is_listed_and_not_active(self, network: Network) -> None:
        """And back again."""
        network.admit(IWF)

        def status(*, active: bool) -> bool:
            decision = set_status(
                network.directory, IWF, active=active, keepers=network.keepers, now_ms=NOW_MS
            )
            return decision.registry.is_active(IWF)

        assert status(active=False) is False
        with pytest.raises(RefusedError, match="already"):
            status(active=False)
        assert status(active=True) is True

    def test_an_unknown_member_cannot_be_suspended(self, network: Network) -> None:
        """The error names the field."""
        with pytest.raises(RefusedError, match="member"):
            set_status(network.directory, IWF, active=False, keepers=network.keepers, now_ms=1)

    def test_rules_change_without_touching_members(self, network: Network) -> None:
        """Policy numbers are the keepers'."""
        network.admit(IWF)

        def stricter(document: NetworkDocument) -> NetworkDocument:
            return dataclasses.replace(document, policy={"first_action_h": 12})

        decision = govern(network.directory, stricter, network.keepers, NOW_MS)
        assert decision.registry.network.policy == {"first_action_h": 12}

    def test_governing_cannot_add_or_drop_members(self, network: Network) -> None:
        """A member comes by its own request, and is suspended rather than dropped."""
        network.admit(IWF)

        def drop(document: NetworkDocument) -> NetworkDocument:
            return dataclasses.replace(document, members={})

        with pytest.raises(RefusedError, match="members"):
            govern(network.directory, drop, network.keepers, NOW_MS)

    def test_a_rule_that_names_a_stranger_is_refused(self, network: Network) -> None:
        """The network document keeps its own rules."""

        def wrong(document: NetworkDocument) -> NetworkDocument:
            return dataclasses.replace(document, fallback_members=("fr-pdc",))

        with pytest.raises(RefusedError, match="fallback_members"):
            govern(network.directory, wrong, network.keepers, NOW_MS)

    @pytest.mark.parametrize(
        ("limits", "field"),
        [
            ({"entry_bytes": 1023}, "entry_bytes"),
            ({"entry_bytes": 0}, "entry_bytes"),
            ({"push_entries": 1}, "push_entries"),
            ({"push_bytes": 65_536}, "push_bytes"),
            ({"push_bytes": 0}, "push_bytes"),
        ],
    )
    def test_g1_limits_under_which_nothing_can_be_said_are_not_signed(
        self, network: Network, limits: dict[str, int], field: str
    ) -> None:
        """Every channel of the network would stop at once."""

        def narrow(document: NetworkDocument) -> NetworkDocument:
            changed = dataclasses.replace(document.limits, **limits)  # type: ignore[arg-type]
            return dataclasses.replace(document, limits=changed)

        network.admit(IWF)
        with pytest.raises(RefusedError, match=rf"limits\.{field}: "):
            govern(network.directory, narrow, network.keepers, NOW_MS)
        assert network.directory.staged == {}

    def test_only_the_key_of_a_member_can_be_replaced(self, network: Network) -> None:
        """And only by another one."""
        terms = Terms(replace_key=True)
        with pytest.raises(ConflictError, match="no key to replace"):
            admit(network.directory, network.request(IWF), terms, network.keepers, NOW_MS)
        network.admit(IWF)
        with pytest.raises(RefusedError, match="is the present one"):
            admit(network.directory, network.request(IWF), terms, network.keepers, NOW_MS)

    def test_root_and_targets_are_renewed_before_they_run_out(self, network: Network) -> None:
        """A second root in the chain, and a year more."""
        network.admit(IWF)
        later = NOW_MS + 300 * 86_400_000
        registry = renew(network.directory, network.keepers, later).registry
        assert registry.root_version == 2
        assert network.directory.open().registry.is_active(IWF)

    def test_a_root_with_new_holders_needs_the_old_ones(self, make_network_on_disk: Make) -> None:
        """Two of two: a renewal by one waits."""
        network = make_network_on_disk(NetworkPlan("demo", root=HolderPlan(2, (), 2)))
        alone = Keepers(network.keepers.people[1:], network.keepers.online)
        assert not renew(network.directory, alone, NOW_MS).published
        assert drop_staged(network.directory)
        assert renew(network.directory, network.keepers, NOW_MS).published

    def test_a_proposal_that_was_published_meanwhile_was_not_dropped(
        self, make_network_on_disk: Make
    ) -> None:
        """Whoever waited for the lock to drop it would say so of a decision that is in force."""
        network = make_network_on_disk(NetworkPlan("demo", root=HolderPlan(2, (), 2)))
        first = Keepers(network.keepers.people[1:], network.keepers.online)
        assert not renew(network.directory, first, NOW_MS).published

        class Busy(RepositoryDirectory):
            """Another holder had the lock, and signs before he lets go."""

            @contextmanager
            def locked(self) -> Iterator[None]:
                sign_staged(network.directory, network.keepers, NOW_MS)
                with super().locked():
                    yield

        assert not drop_staged(Busy(network.directory.path))
        assert network.directory.open().registry.root_version == 2

    def test_nothing_waits_for_signatures_unless_something_does(self, network: Network) -> None:
        """Signing nothing is an error."""
        with pytest.raises(RepositoryStateError, match="nothing waits"):
            sign_staged(network.directory, network.keepers, NOW_MS)

    def test_a_member_key_is_replaced_only_on_purpose(self, network: Network) -> None:
        """The keepers must say that they replace a key, and the next document must follow."""
        network.admit(IWF, ECO)
        fresh = dataclasses.replace(member_keys(IWF), member=SigningKey.generate(hybrid=False))
        document = make_document(network.id, IWF, keys=fresh, sequence=2)
        raw = make_request(
            fresh,
            document,
            network=network.id,
            name=IWF,
            roles=["hotline"],
            jurisdictions=["GB"],
            now_ms=NOW_MS,
            version=2,
        )
        with pytest.raises(ConflictError):
            admit(network.directory, raw, Terms(), network.keepers, NOW_MS)
        terms = Terms(replace_key=True)
        registry = admit(network.directory, raw, terms, network.keepers, NOW_MS).registry
        assert fresh.member is not None
        assert registry.member_keys[IWF] == fresh.member.public.ed25519

    def replacement(
        self, network: Network, member: str, countries: list[str], version: int = 2
    ) -> bytes:
        """A request with another member key for a member that never published by itself."""
        fresh = dataclasses.replace(member_keys(member), member=SigningKey.generate(hybrid=False))
        document = make_document(network.id, member, keys=fresh, sequence=version)
        return make_request(
            fresh,
            document,
            network=network.id,
            name=member,
            roles=["hotline"],
            jurisdictions=countries,
            now_ms=NOW_MS,
            version=version,
        )

    def test_g6_attack_nobody_gets_another_role_with_another_key(self, network: Network) -> None:
        """A request asks for what its maker typed; only the holders change a member's duties."""
        network.admit(IWF)
        duties = MemberEntry("IWF", ("aggregator", "witness"), ("GB", "IE"))
        members = {IWF: duties}
        govern(
            network.directory,
            lambda n: dataclasses.replace(n, members=members),
            network.keepers,
            NOW_MS,
        )
        raw = self.replacement(network, IWF, ["GB"])  # as a hotline
        decision = admit(network.directory, raw, Terms(replace_key=True), network.keepers, NOW_MS)
        assert decision.registry.network.members == members
        raw = self.replacement(network, IWF, ["GB"], version=3)
        terms = Terms(replace_key=True, roles=("hotline",))
        decision = admit(network.directory, raw, terms, network.keepers, NOW_MS)
        hotline = dataclasses.replace(duties, roles=("hotline",))
        assert decision.registry.network.members == {IWF: hotline}

    @pytest.mark.parametrize("purpose", ["log", "receipt", "witness"])
    def test_attack_no_other_key_comes_in_among_the_lost_ones(
        self, network: Network, purpose: Purpose
    ) -> None:
        """Whoever alters the file that the umbrella sends would sign as the member since ever."""
        network.admit(IWF)
        fresh = dataclasses.replace(member_keys(IWF), member=SigningKey.generate(hybrid=False))
        document = make_document(network.id, IWF, keys=fresh, sequence=2)

        def asked(*more: SigningKey) -> bytes:
            listed = [PublishedKey(k.public, prove(k, network.id, IWF, purpose)) for k in more]
            changed = {purpose: (*document.published(purpose), *listed)}
            return make_request(
                fresh,
                dataclasses.replace(document, **changed),  # type: ignore[arg-type] # of one type
                network=network.id,
                name=IWF,
                roles=["hotline"],
                jurisdictions=["GB"],
                now_ms=NOW_MS,
                version=2,
            )

        terms = Terms(replace_key=True)
        two = asked(SigningKey.generate(), SigningKey.generate())
        with pytest.raises(RefusedError, match=f"keys.{purpose}: lists more than one key"):
            admit(network.directory, two, terms, network.keepers, NOW_MS)
        one = asked(SigningKey.generate())
        assert admit(network.directory, one, terms, network.keepers, NOW_MS).published

    @pytest.mark.parametrize("purpose", ["log", "receipt", "witness"])
    @pytest.mark.parametrize("stolen_ms", [(None, NOW_MS), (NOW_MS, None)])
    def test_attack_nobody_alters_since_when_a_lost_key_was_stolen(
        self, network: Network, purpose: Purpose, stolen_ms: tuple[int | None, int | None]
    ) -> None:
        """In the file that the umbrella sends: it makes void or good what that key signed."""
        document = make_document(network.id, IWF)
        lost = document.published(purpose)[0].key.key_id
        there, other = (
            dataclasses.replace(document, turns={lost: Turn(0, NOW_MS, at_ms)})
            for at_ms in stolen_ms
        )
        with pytest.raises(RefusedError, match=f"turns.{lost}"):
            check_begun_anew(other, there)
        check_begun_anew(there, there)

    def test_the_key_of_a_member_that_is_expelled_is_not_replaced(self, network: Network) -> None:
        """It would end with that who took over from it, and with that what it has to do."""
        network.admit(IWF, ECO)
        govern(network.directory, lambda n: merge(n, ECO, IWF, {}), network.keepers, NOW_MS)
        raw = self.replacement(network, ECO, [])
        with pytest.raises(RefusedError, match="is expelled"):
            admit(network.directory, raw, Terms(replace_key=True), network.keepers, NOW_MS)
        assert network.directory.open().registry.network.heir_of(ECO) == IWF

    def test_what_a_later_version_says_of_a_member_outlives_its_key(self, network: Network) -> None:
        """Unknown fields are kept, whoever writes the document anew."""

        def later(document: NetworkDocument) -> NetworkDocument:
            entry = dataclasses.replace(document.members[IWF], extra={"new": 1}, status="suspended")
            return dataclasses.replace(document, members={IWF: entry})

        network.admit(IWF)
        govern(network.directory, later, network.keepers, NOW_MS)
        raw = self.replacement(network, IWF, ["GB"])
        admit(network.directory, raw, Terms(replace_key=True), network.keepers, NOW_MS)
        entry = network.directory.open().registry.network.members[IWF]
        assert (entry.extra, entry.status) == ({"new": 1}, "suspended")
