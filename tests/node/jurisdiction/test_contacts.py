"""Contacts: read strictly, unverified until a person decides, and what he decided stays."""

from __future__ import annotations

import msgspec
import pytest

from node.jurisdiction.contacts import MAX_CONTACTS, Hoster, decided, met, read_contact

NOW = 1_800_000_000_000
ABUSE = "abuse@fast.example"
OTHER = "other@fast.example"


def told(
    known: Hoster | None, *addresses: str, now_ms: int = NOW, by: str = "a register"
) -> Hoster:
    """Return the hoster after a register named these contacts, with 1000 ms to verify them."""
    return met(known, "ORG-1", "Fast", addresses, "rdap", now_ms, 1000, by)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("Abuse@Fast.EXAMPLE", ("Abuse@fast.example", "email")),
        (" mailto:abuse@fast.example ", (ABUSE, "email")),
        ("https://fast.example/report-abuse", ("https://fast.example/report-abuse", "web")),
        ("abuse@fast.example\nBcc: x@y.example", None),
        ("abuse@fast.example, x@y.example", None),
        ("Abuse <abuse@fast.example>", None),
        ("abuse@localhost", None),
        ("abuse@[192.0.2.1]", None),
        ("@fast.example", None),
        ("http://fast.example/", None),
        ("https://fast.example/?to=x", None),
        ("https://user@fast.example/", None),
        ("a" * 250 + "@x.example", None),
        ("", None),
    ],
)
def test_only_one_plain_address_is_a_contact(raw: str, read: tuple[str, str] | None) -> None:
    """It is put into the head of a mail: nothing may stand in it that a mailer would obey."""
    assert read_contact(raw) == read


def test_addresses_that_say_nothing_are_passed_over_and_the_others_bounded() -> None:
    """The same twice counts once; the order is kept."""
    many = [f"a{n}@fast.example" for n in range(20)]
    hoster = told(None, "nonsense", ABUSE, "abuse@FAST.example", *many)
    found = [one.address for one in hoster.contacts]
    assert found == [ABUSE, *many][:MAX_CONTACTS]


def test_what_is_named_again_changes_nothing() -> None:
    """The deadline runs from when it was first seen."""
    first = told(None, ABUSE)
    assert told(first, ABUSE, now_ms=NOW + 900) is first


def test_an_unverified_contact_that_is_named_no_more_goes() -> None:
    """The register corrected it before anybody looked."""
    hoster = told(told(None, ABUSE), OTHER, now_ms=NOW + 1)
    assert [one.address for one in hoster.contacts] == [OTHER]


def test_a_verified_contact_that_is_named_no_more_must_be_verified_again() -> None:
    """Something has changed there: a person looks before the next use."""
    verified = decided(told(None, ABUSE), ABUSE, "verified", "analyst-7", NOW)
    assert verified is not None
    hoster = told(verified, OTHER, now_ms=NOW + 50)
    assert [(one.address, one.state) for one in hoster.contacts] == [
        (OTHER, "unverified"),
        (ABUSE, "unverified"),
    ]
    assert hoster.usable == ()
    assert {one.due_ms for one in hoster.waiting} == {NOW + 1050}


def verified_by(*sources: str) -> Hoster:
    """Return a hoster whose contact these named, and a person verified."""
    hoster = None
    for source in sources:
        hoster = told(hoster, ABUSE, by=source)
    assert hoster is not None
    found = decided(hoster, ABUSE, "verified", "analyst-7", NOW)
    assert found is not None
    return found


def test_only_who_named_a_contact_takes_it_away() -> None:
    """Another register, or another network of the same hoster, has contacts of its own."""
    hoster = told(verified_by("net 1"), OTHER, by="net 2")
    assert [(one.address, one.state) for one in hoster.contacts] == [
        (OTHER, "unverified"),
        (ABUSE, "verified"),
    ]
    assert told(hoster, by="net 1").usable == ()


def test_a_contact_that_several_named_stands_until_the_last_names_it_no_more() -> None:
    """Who repeats a contact first cannot take it away alone."""
    hoster = told(verified_by("net 1", "net 2"), by="net 1")
    assert [one.address for one in hoster.usable] == [ABUSE]
    assert told(hoster, by="net 2").usable == ()


def test_attack_many_contacts_crowd_no_verified_one_out() -> None:
    """The bound is for each source."""
    many = [f"a{n}@fast.example" for n in range(20)]
    hoster = told(verified_by("net 1"), *many, by="net 2")
    assert [one.address for one in hoster.usable] == [ABUSE]
    assert len(hoster.contacts) == MAX_CONTACTS + 1


def test_what_a_person_refused_stays_refused_while_another_source_is_silent() -> None:
    """Else he would be asked again about what he has decided."""
    hoster = told(None, ABUSE, by="net 1")
    refused = decided(hoster, ABUSE, "refused", "analyst-7", NOW)
    assert refused is not None
    hoster = told(told(refused, by="net 2"), ABUSE, by="net 1")
    assert [one.state for one in hoster.contacts] == ["refused"]


def test_contacts_that_nobody_decided_do_not_heap_up() -> None:
    """A hoster with a thousand networks has not a thousand contacts that wait."""
    hoster = None
    for n in range(50):
        hoster = told(hoster, f"a{n}@fast.example", by=f"net {n}")
    assert hoster is not None
    assert len(hoster.contacts) == MAX_CONTACTS + 1


def test_a_contact_from_before_sources_were_kept_is_anybody_s() -> None:
    """As it was then."""
    old = verified_by("net 1")
    old = msgspec.structs.replace(
        old, contacts=tuple(msgspec.structs.replace(one, sources=()) for one in old.contacts)
    )
    assert told(old, OTHER, by="net 2").usable == ()


def test_a_decision_is_about_one_contact() -> None:
    """The others wait on; the hoster counts as verified with one."""
    hoster = decided(told(None, ABUSE, OTHER), OTHER, "verified", "analyst-7", NOW + 5)
    assert hoster is not None
    assert hoster.standing == "verified"
    assert [one.address for one in hoster.usable] == [OTHER]
    assert [one.address for one in hoster.waiting] == [ABUSE]


def test_the_standing_is_never_blank() -> None:
    """No contact, or all refused: unknown."""
    assert told(None).standing == "unknown_contact"
    refused = decided(told(None, ABUSE), ABUSE, "refused", "analyst-7", NOW)
    assert refused is not None
    assert refused.standing == "unknown_contact"
    assert decided(refused, OTHER, "verified", "analyst-7", NOW) is None
