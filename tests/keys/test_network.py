"""The network document: responsibility by rule, and strictness with the field's name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from keys import MemberEntry, NetworkDocument, UnknownMemberError, UntrustedDocumentError
from keys.documents import serialise
from keys.transfers import Transfers, TransferTerms

Change = Callable[[dict[str, Any]], Any]


def suspend(network: NetworkDocument, member: str) -> NetworkDocument:
    """Give the network with one member suspended."""
    entry = dataclasses.replace(network.members[member], status="suspended")
    return dataclasses.replace(network, members={**network.members, member: entry})


def test_a_document_survives_its_bytes(network: NetworkDocument) -> None:
    """`from_bytes` gives back what `to_bytes` wrote."""
    assert NetworkDocument.from_bytes(network.to_bytes()) == network


def test_fields_of_later_versions_are_handed_on(network: NetworkDocument) -> None:
    """At the top, in each member and in limits."""
    value = json.loads(network.to_bytes())
    value["treaties"] = []
    value["members"]["gb-iwf"]["since"] = 2026
    value["limits"]["streams"] = 1
    raw = serialise(value)
    assert NetworkDocument.from_bytes(raw).to_bytes() == raw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("name"), "name: is missing"),
        (lambda d: d.update(name="Demo Net"), "name: needs lower-case"),
        (lambda d: d.update(_type="hx1-member"), "_type: needs to be hx1-network"),
        (lambda d: d.update(members=[]), "members: needs an object"),
        (lambda d: d["members"].update({"GB": {}}), r"members\.member id: needs lower-case"),
        (lambda d: d["members"]["gb-iwf"].pop("name"), r"members\.gb-iwf\.name: is missing"),
        (lambda d: d["members"]["gb-iwf"].update(roles=[]), r"members\.gb-iwf\.roles: needs one"),
        (lambda d: d["members"]["gb-iwf"].update(roles=["king"]), r"gb-iwf\.roles\[0\]: needs one"),
        (lambda d: d["members"]["gb-iwf"].update(roles="hotline"), r"gb-iwf\.roles: needs a list"),
        (lambda d: d["members"]["gb-iwf"].update(status="gone"), r"gb-iwf\.status: needs one of"),
        (lambda d: d["members"]["gb-iwf"].update(jurisdictions=["uk"]), r"jurisdictions\[0\]"),
        (lambda d: d["members"]["gb-iwf"].update(jurisdictions=["GBR"]), r"jurisdictions\[0\]"),
        (lambda d: d.update(fallback_members=["gb-iwf", "gb-iwf"]), "fallback_members: has a rep"),
        (lambda d: d.update(fallback_members=["xx-nobody"]), "fallback_members: names no hotline"),
        (lambda d: d.update(fallback_members=["nl-politie"]), "fallback_members: names no hotline"),
        (lambda d: d["choice_rules"].update(DE=["xx-nobody"]), r"choice_rules\.DE: names no hot"),
        (lambda d: d["choice_rules"].update(de=["de-eco"]), r"choice_rules\.country: needs an ISO"),
        (lambda d: d["choice_rules"].pop("DE"), r"choice_rules\.DE: several hotlines share it"),
        (lambda d: d["limits"].update(push_bytes=0), r"limits\.push_bytes: needs an integer"),
        (lambda d: d["limits"].pop("push_entries"), r"limits\.push_entries: is missing"),
        (lambda d: d["policy"].update(first_action_h="24"), r"policy\.first_action_h: needs an"),
    ],
)
def test_a_wrong_field_is_named(change: Change, message: str, network: NetworkDocument) -> None:
    """Wrong type, missing, unknown member, ambiguous rule: the message says where and what."""
    value = json.loads(network.to_bytes())
    change(value)
    with pytest.raises(UntrustedDocumentError, match=f"^network document: (members.*)?{message}"):
        NetworkDocument.from_bytes(serialise(value))


def test_the_one_hotline_of_a_country_is_responsible(network: NetworkDocument) -> None:
    """Without a choice rule the country's own hotline answers."""
    assert network.responsible_for("GB") == "gb-iwf"


def test_a_country_without_hotline_is_an_orphan(network: NetworkDocument) -> None:
    """Nobody is picked by chance."""
    assert network.responsible_for("FR") is None


def test_police_are_not_responsible_for_items(network: NetworkDocument) -> None:
    """Another role does not make a hotline."""
    assert network.responsible_for("NL") is None


def test_the_choice_rule_names_the_first_of_several(network: NetworkDocument) -> None:
    """As the registry states it, not as the members happen to stand."""
    reverse = dataclasses.replace(network, choice_rules={"DE": ("de-fsm", "de-eco")})
    assert (network.responsible_for("DE"), reverse.responsible_for("DE")) == ("de-eco", "de-fsm")


def test_a_territory_may_have_a_rule_of_its_own(network: NetworkDocument) -> None:
    """The Isle of Man stands in no member's jurisdictions, but in a rule."""
    assert network.responsible_for("IM") == "gb-iwf"


def test_a_suspended_hotline_is_passed_over(network: NetworkDocument) -> None:
    """The next in the rule takes its place."""
    assert suspend(network, "de-eco").responsible_for("DE") == "de-fsm"


def test_a_country_whose_only_hotline_is_suspended_is_an_orphan(network: NetworkDocument) -> None:
    """Then the fallback member takes over."""
    assert suspend(network, "gb-iwf").responsible_for("GB") is None


def test_an_empty_rule_makes_orphans_on_purpose(network: NetworkDocument) -> None:
    """A rule stands above the jurisdictions."""
    ruled = dataclasses.replace(network, choice_rules={**network.choice_rules, "GB": ()})
    assert ruled.responsible_for("GB") is None


def test_the_fallback_is_the_first_active_one(network: NetworkDocument) -> None:
    """In the document's order."""
    suspended = suspend(network, "gb-iwf")
    assert (network.fallback(), suspended.fallback()) == ("gb-iwf", "de-eco")


def test_a_network_may_lack_a_fallback(network: NetworkDocument) -> None:
    """Then orphans wait for a person."""
    assert dataclasses.replace(network, fallback_members=()).fallback() is None


def test_a_suspended_member_is_listed_but_not_active(network: NetworkDocument) -> None:
    """It is still known, so that its pushes go into quarantine."""
    suspended = suspend(network, "gb-iwf")
    assert suspended.member("gb-iwf").status == "suspended"
    assert not suspended.is_active("gb-iwf")


def test_a_stranger_is_not_active(network: NetworkDocument) -> None:
    """Absent is not active."""
    assert not network.is_active("xx-nobody")


def test_a_stranger_has_no_role(network: NetworkDocument) -> None:
    """Absent has no part."""
    assert not network.has_role("xx-nobody", "hotline")


def test_asking_for_a_stranger_is_an_error(network: NetworkDocument) -> None:
    """The name somebody else sent is not repeated."""
    with pytest.raises(UnknownMemberError) as caught:
        network.member("https://site.example/")
    assert "site.example" not in str(caught.value)


def test_two_hotlines_of_one_country_need_a_rule_when_built(network: NetworkDocument) -> None:
    """The umbrella cannot even make an ambiguous document."""
    members = {**network.members, "gb-two": MemberEntry("Two", ("hotline",), ("GB",))}
    with pytest.raises(UntrustedDocumentError, match=r"choice_rules\.GB"):
        dataclasses.replace(network, members=members)


def test_terms_of_transfer_survive_their_bytes(network: NetworkDocument) -> None:
    """By default and by pair; a document without any keeps its bytes."""
    terms = TransferTerms("contract", ("content", "access"))
    ruled = dataclasses.replace(network, transfers=Transfers(terms, {("gb-iwf", "de-eco"): terms}))
    assert NetworkDocument.from_bytes(ruled.to_bytes()) == ruled
    assert b"transfers" not in network.to_bytes()


def test_terms_bind_one_pair_in_one_direction(network: NetworkDocument) -> None:
    """All others follow the default."""
    terms = TransferTerms("none", ())
    transfers = Transfers(pairs={("gb-iwf", "de-eco"): terms})
    assert transfers.between("gb-iwf", "de-eco") == terms
    assert transfers.between("de-eco", "gb-iwf") == TransferTerms()


@pytest.mark.parametrize(
    ("transfers", "message"),
    [
        (
            {"default": {"basis": "x", "fields": []}, "pairs": {"A": {}}},
            r"transfers\.pairs\.member id: needs lower-case",
        ),
        (
            {"default": {"basis": "x", "fields": []}, "pairs": {"gb-iwf": {"A": {}}}},
            r"transfers\.pairs\.gb-iwf\.member id: needs lower-case",
        ),
        ({}, r"transfers\.default: is missing"),
        ({"default": {"basis": "", "fields": []}, "pairs": {}}, "basis: needs"),
        (
            {"default": {"basis": "x", "fields": ["location"]}, "pairs": {}},
            r"fields\[0\]: needs one",
        ),
        (
            {"default": {"basis": "x", "fields": [], "until": 1}, "pairs": {}},
            "until: unknown field",
        ),
        (
            {
                "default": {"basis": "x", "fields": []},
                "pairs": {"gb-iwf": {"xx-nobody": {"basis": "x", "fields": []}}},
            },
            r"transfers\.pairs: names no member",
        ),
    ],
)
def test_wrong_terms_are_named(
    transfers: dict[str, Any], message: str, network: NetworkDocument
) -> None:
    """A field that nobody understands is not passed over: it might have forbidden something."""
    value = json.loads(network.to_bytes())
    value["transfers"] = transfers
    with pytest.raises(UntrustedDocumentError, match=message):
        NetworkDocument.from_bytes(serialise(value))


def test_an_expelled_member_answers_for_no_country(network: NetworkDocument) -> None:
    """Else its items would have nobody, and no successor either for a member that stands."""
    value = json.loads(network.to_bytes())
    value["members"]["gb-iwf"]["status"] = "expelled"
    with pytest.raises(UntrustedDocumentError, match="answers for no country"):
        NetworkDocument.from_bytes(serialise(value))
    value["members"]["gb-iwf"].update(status="active", successor="de-eco")
    with pytest.raises(UntrustedDocumentError, match="successor"):
        NetworkDocument.from_bytes(serialise(value))


def test_who_took_over_is_found_through_every_merger(network: NetworkDocument) -> None:
    """The successor of a successor; who stands, or left without one, is his own."""
    members = {
        **network.members,
        "aa-one": MemberEntry("One", ("hotline",), (), "expelled", "bb-two"),
        "bb-two": MemberEntry("Two", ("hotline",), (), "expelled", "gb-iwf"),
        "cc-gone": MemberEntry("Gone", ("hotline",), (), "expelled"),
    }
    merged = dataclasses.replace(network, members=members)
    found = [merged.heir_of(one) for one in ("aa-one", "gb-iwf", "cc-gone", "zz-nobody")]
    assert found == ["gb-iwf", "gb-iwf", "cc-gone", "zz-nobody"]
    assert NetworkDocument.from_bytes(merged.to_bytes()) == merged


@pytest.mark.parametrize("name", ["push_entries", "push_bytes", "entry_bytes"])
def test_the_least_limit_is_one(name: str, network: NetworkDocument) -> None:
    """Under a limit of nothing nobody could say anything."""
    value = json.loads(network.to_bytes())
    value["limits"][name] = 1
    assert getattr(NetworkDocument.from_bytes(serialise(value)).limits, name) == 1
    value["limits"][name] = 0
    with pytest.raises(UntrustedDocumentError, match=rf"limits\.{name}: needs an integer from 1"):
        NetworkDocument.from_bytes(serialise(value))


def test_successors_that_go_round_are_not_followed_for_ever(network: NetworkDocument) -> None:
    """A document of holders who erred must not hang a node."""
    members = {
        **network.members,
        "aa-one": MemberEntry("One", ("hotline",), (), "expelled", "bb-two"),
        "bb-two": MemberEntry("Two", ("hotline",), (), "expelled", "aa-one"),
    }
    assert dataclasses.replace(network, members=members).heir_of("aa-one") == "bb-two"
    into = {**members, "cc-into": MemberEntry("Into", ("hotline",), (), "expelled", "aa-one")}
    assert dataclasses.replace(network, members=into).heir_of("cc-into") == "bb-two"
