"""Patience with what is new: the table at the head of `node.registry.trust`, row by row."""

from __future__ import annotations

import dataclasses

import pytest

from keys.errors import UntrustedDocumentError
from keys.registry import VerifiedSet, verify_set
from node.registry.source import DISTRUSTED_AFTER_MS, Alarm
from node.registry.trust import KEY_WAIT_MS, Trusted, settle
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    make_document,
    make_umbrella,
    member_files,
    member_keys,
)

IWF, EOKM = "gb-iwf", "nl-eokm"
LATER = NOW_MS + 1000


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})


def verified(umbrella: Umbrella) -> VerifiedSet:
    """What a node would verify."""
    return verify_set(umbrella.pin, umbrella.files, None)


def test_the_first_time_everything_is_taken(umbrella: Umbrella) -> None:
    """Members as they are, nothing to wait for."""
    settled = settle({}, verified(umbrella), NOW_MS)
    assert set(settled.registry.members) == set(settled.trusted) == {IWF, EOKM}
    assert settled.alarms == ()


def test_a_new_document_under_the_same_key_is_taken_at_once(umbrella: Umbrella) -> None:
    """Hotlines rotate their keys without a ceremony."""
    before = settle({}, verified(umbrella), NOW_MS)
    document = make_document(umbrella.registry.network_id, IWF, sequence=2)
    newer = umbrella.accept(member_files(document, 2), LATER)
    settled = settle(before.trusted, verified(newer), LATER)
    assert settled.registry.members[IWF].sequence == 2
    assert settled.alarms == ()


def test_the_seven_days_count_by_the_right_clock(umbrella: Umbrella) -> None:
    """A key first seen by a clock that was ahead does not wait until that day comes."""
    document = make_document(umbrella.registry.network_id, IWF).to_bytes()
    key = umbrella.registry.member_keys[IWF]
    ahead = Trusted(bytes(32), document, next_key=key, next_since_ms=NOW_MS + KEY_WAIT_MS)
    settled = settle({IWF: ahead}, verified(umbrella), NOW_MS)
    assert settled.alarms == (Alarm(IWF, "member_key_replaced", NOW_MS + KEY_WAIT_MS),)


def test_a_lower_sequence_is_never_taken(umbrella: Umbrella) -> None:
    """A document of last year, signed again by a thief of the member key, is not news."""
    held = make_document(umbrella.registry.network_id, IWF, sequence=9)
    key = umbrella.registry.member_keys[IWF]
    trusted = {IWF: Trusted(key, held.to_bytes())}
    settled = settle(trusted, verified(umbrella), LATER)
    assert settled.alarms == (Alarm(IWF, "sequence_went_back"),)
    assert settled.registry.members[IWF].sequence == 9


def test_a_new_member_in_a_fresh_registry_is_taken_at_once(umbrella: Umbrella) -> None:
    """Admission needs no patience, and three days are the bound."""
    before = settle({}, verified(umbrella), NOW_MS)
    document = make_document(umbrella.registry.network_id, "fr-pdc")
    newer = umbrella.admit({"fr-pdc": document}, NOW_MS)
    edge = NOW_MS + DISTRUSTED_AFTER_MS
    assert "fr-pdc" in settle(before.trusted, verified(newer), edge).registry.members
    late = settle(before.trusted, verified(newer), edge + 1)
    assert "fr-pdc" not in late.registry.members
    assert late.alarms == (Alarm("fr-pdc", "member_waits"),)


def test_what_is_held_back_is_remembered_as_it_was(umbrella: Umbrella) -> None:
    """Old news changes nothing that is remembered."""
    before = settle({}, verified(umbrella), NOW_MS)
    document = make_document(umbrella.registry.network_id, IWF, sequence=2)
    newer = umbrella.accept(member_files(document, 2), LATER)
    late = settle(before.trusted, verified(newer), LATER + DISTRUSTED_AFTER_MS + 1)
    assert late.trusted == before.trusted
    assert late.alarms == (Alarm(IWF, "changes_wait"),)


def test_a_key_given_back_ends_the_waiting(umbrella: Umbrella) -> None:
    """When the registry says again what is trusted, nothing is pending any more."""
    before = settle({}, verified(umbrella), NOW_MS)
    waiting = {
        **before.trusted,
        IWF: dataclasses.replace(before.trusted[IWF], next_key=b"\1" * 32, next_since_ms=NOW_MS),
    }
    settled = settle(waiting, verified(umbrella), LATER)
    assert settled.trusted == before.trusted
    assert settled.alarms == ()


class TestClaims:
    """A key that one member is about to give up, and another already claims."""

    def claimed(self, umbrella: Umbrella, sequence: int) -> bytes:
        """IWF's document with EOKM's certificate in it."""
        document = make_document(umbrella.registry.network_id, IWF, sequence=sequence)
        return dataclasses.replace(document, tls=(member_keys(EOKM).tls.spki_sha256,)).to_bytes()

    def test_nobody_takes_over_a_key_while_its_owner_is_held_back(self, umbrella: Umbrella) -> None:
        """IWF as trusted here still has the key; EOKM's new claim to it waits, alone."""
        keys = umbrella.registry.member_keys
        other = dataclasses.replace(
            make_document(umbrella.registry.network_id, EOKM), tls=(b"\7" * 32,)
        )
        trusted = {
            IWF: Trusted(keys[IWF], self.claimed(umbrella, 9)),
            EOKM: Trusted(keys[EOKM], other.to_bytes()),
        }
        settled = settle(trusted, verified(umbrella), LATER)
        assert settled.registry.members[EOKM].tls == (b"\7" * 32,)
        assert Alarm(EOKM, "claims_a_key") in settled.alarms

    def test_a_new_member_that_claims_it_is_left_out(self, umbrella: Umbrella) -> None:
        """And the registry as a whole is taken, suspensions and all."""
        keys = umbrella.registry.member_keys
        trusted = {IWF: Trusted(keys[IWF], self.claimed(umbrella, 9))}
        settled = settle(trusted, verified(umbrella), LATER)
        assert set(settled.registry.members) == {IWF}
        assert EOKM not in settled.trusted

    def test_a_claim_does_not_begin_the_owners_week_again(self, umbrella: Umbrella) -> None:
        """A hostile member cannot keep a hotline that lost its key out for ever."""
        held = Trusted(b"\5" * 32, self.claimed(umbrella, 1))
        settled = settle({IWF: held}, verified(umbrella), LATER)
        waiting = settled.trusted[IWF]
        assert (waiting.next_since_ms, EOKM in settled.registry.members) == (LATER, False)
        again = settle(settled.trusted, verified(umbrella), LATER + 1000)
        assert again.trusted[IWF] == waiting

    def test_a_memory_that_contradicts_itself_is_an_error(self, umbrella: Umbrella) -> None:
        """Both trusted before: nobody can say whose key it is."""
        keys = umbrella.registry.member_keys
        raw = make_document(umbrella.registry.network_id, EOKM).to_bytes()
        trusted = {
            IWF: Trusted(keys[IWF], self.claimed(umbrella, 9)),
            EOKM: Trusted(keys[EOKM], raw),
        }
        with pytest.raises(UntrustedDocumentError, match=r"keys\.tls"):
            settle(trusted, verified(umbrella), LATER)


def test_a_member_is_never_forgotten(umbrella: Umbrella) -> None:
    """Even one that the registry no longer lists keeps its key here."""
    gone = Trusted(b"\2" * 32, b"{}")
    settled = settle({"fr-pdc": gone}, verified(umbrella), LATER)
    assert settled.trusted["fr-pdc"] == gone
    assert "fr-pdc" not in settled.registry.members
