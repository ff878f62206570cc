"""`hotline keys status`: every key has a standing, and what needs a person shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keys.keyring import SEALING_GRACE_MS, SEALING_PERIOD_MS, SEALING_PERIODS, MemberKeys
from keys.member import MemberDocument
from keys.sealing import SealingKey
from node.setup.key_status import KeyRow, key_rows
from tests.builders.network import NOW_MS, make_document, member_keys

KEYS = member_keys("gb-iwf")
OFFLINE = replace(KEYS, member=None)
DOCUMENT = make_document("test-0123456789abcdef", "gb-iwf")
OTHERS = make_document("test-0123456789abcdef", "nl-eokm")


def of(rows: list[KeyRow], purpose: str) -> list[str]:
    """Return the standings of one purpose."""
    return [row.standing for row in rows if row.purpose == purpose]


def test_every_purpose_is_in_use_and_the_member_key_is_away() -> None:
    """As it is every day."""
    rows = key_rows(OFFLINE, DOCUMENT, NOW_MS)
    assert of(rows, "member") == ["offline"]
    assert all(of(rows, p) == ["in use"] for p in ("log", "receipt", "transport", "witness", "tls"))
    assert of(rows, "sealing") == ["in use", *["next"] * (SEALING_PERIODS - 1)]


def test_keys_without_a_witness_key_are_whole() -> None:
    """An earlier version made none; nothing is wrong until the next document."""
    assert (
        of(
            key_rows(replace(OFFLINE, witness=None), replace(DOCUMENT, witness=()), NOW_MS),
            "witness",
        )
        == []
    )


def test_member_key_that_lies_here_shows() -> None:
    """A thief of the machine would have both."""
    assert of(key_rows(KEYS, DOCUMENT, NOW_MS), "member") == ["online"]


def test_sealing_keys_stand_in_their_turns() -> None:
    """Over, in use, and those that come."""
    rows = key_rows(OFFLINE, DOCUMENT, NOW_MS + SEALING_PERIOD_MS)
    assert of(rows, "sealing")[:3] == ["over", "in use", "next"]
    untils = [row.until_ms for row in rows if row.purpose == "sealing"]
    assert untils == sorted(untils, key=lambda until: until or 0)


def test_last_key_goes_on_when_the_calendar_ran_out() -> None:
    """Peers go on sealing to it, and so it says."""
    rows = key_rows(OFFLINE, DOCUMENT, NOW_MS + 100 * SEALING_PERIOD_MS)
    assert of(rows, "sealing") == [*["over"] * (SEALING_PERIODS - 1), "in use"]


def without_first(keys: MemberKeys) -> MemberKeys:
    """Return the keys without the one that is in use."""
    first = DOCUMENT.sealing_key_at(NOW_MS).key_id
    return replace(keys, sealing=tuple(k for k in keys.sealing if k.public.key_id != first))


def test_published_key_that_is_not_here_shows() -> None:
    """What is sealed to it cannot be opened."""
    assert of(key_rows(without_first(OFFLINE), DOCUMENT, NOW_MS), "sealing")[0] == "not here"


def test_key_that_was_destroyed_in_its_time_is_not_missed() -> None:
    """It has done its work."""
    later = NOW_MS + SEALING_PERIOD_MS + SEALING_GRACE_MS
    assert "not here" not in of(key_rows(without_first(OFFLINE), DOCUMENT, later), "sealing")


def test_key_that_nobody_knows_shows() -> None:
    """It was made, and its publication did not go through."""
    more = replace(OFFLINE, sealing=(*OFFLINE.sealing, SealingKey.generate()))
    assert of(key_rows(more, DOCUMENT, NOW_MS), "sealing")[-1] == "not published"


@pytest.mark.parametrize("document", [None, OTHERS], ids=["not admitted", "other keys"])
@pytest.mark.parametrize("purpose", ["log", "receipt", "transport", "witness", "tls"])
def test_keys_that_others_do_not_know_show(document: MemberDocument | None, purpose: str) -> None:
    """Nothing that they sign is believed."""
    rows = key_rows(OFFLINE, document, NOW_MS)
    missing = [] if document is None else ["not here"]
    assert of(rows, purpose) == [*missing, "not published"]
