"""Turns and successors: what is published, what serves, what stays listed, what lies on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys import MemberDocument, MemberKeys, SigningKey, UnknownKeyError, Unlock
from keys.errors import UntrustedDocumentError
from keys.succession import (
    ROTATED,
    Rotated,
    carried,
    discard_successor,
    id_of,
    in_use,
    listed_ids,
    load_successor,
    make_successor,
    succeeded,
    take_up,
    upcoming,
)
from keys.tls import TlsKey
from keys.turns import TURN_GRACE_MS, Turn
from tests.keys.conftest import NETWORK, NOW_MS
from tests.keys.test_member import changed

LATER = NOW_MS + 86_400_000
OVER = LATER + TURN_GRACE_MS


def successor(purpose: Rotated) -> Any:
    """Make a key of a purpose."""
    if purpose == "tls":
        return TlsKey.issue("gb-iwf", NOW_MS)
    return SigningKey.generate(hybrid=purpose != "transport")


def rotated(document: MemberDocument, purpose: Rotated) -> tuple[MemberDocument, str]:
    """Give a document with a successor that is used from `LATER` on, and its id."""
    key = successor(purpose)
    return succeeded(document, NETWORK, purpose, key, LATER), id_of(key)


def test_a_document_without_turns_keeps_its_bytes(document: MemberDocument) -> None:
    """Who never rotated publishes what version N-1 would publish."""
    assert "turns" not in json.loads(document.to_bytes())


@pytest.mark.parametrize("purpose", ROTATED)
def test_a_document_with_a_successor_survives_its_bytes(
    document: MemberDocument, purpose: Rotated
) -> None:
    """And its proofs of possession hold."""
    after, _ = rotated(document, purpose)
    read = MemberDocument.from_bytes(after.to_bytes())
    assert read == after
    read.check_proofs(NETWORK)


def test_fields_of_a_later_version_in_a_turn_are_kept(document: MemberDocument) -> None:
    """As everywhere in a document."""
    turn = Turn(1, 2, 3, {"x": 4})
    after = replace(document, turns={"0" * 16: turn})
    assert MemberDocument.from_bytes(after.to_bytes()).turn("0" * 16) == turn


@pytest.mark.parametrize(
    ("turns", "named"),
    [
        ([], "turns: needs an object"),
        ({"x\x1b[31m": {}}, r"turns\.\(odd name\): needs a key id"),
        ({"abc": {}}, r"turns\.abc: needs a key id"),
        ({"0" * 16: {"until_ms": 1}}, "from_ms: is missing"),
        ({"0" * 16: {"from_ms": -1}}, "from_ms: needs an integer"),
        ({"0" * 16: {"from_ms": 0, "until_ms": None}}, "until_ms: needs an integer"),
        ({"0" * 16: {"from_ms": 0, "compromised_ms": "1"}}, "compromised_ms: needs an integer"),
    ],
)
def test_a_malformed_turn_is_named(document: MemberDocument, turns: Any, named: str) -> None:
    """By its field, never by what a stranger wrote."""
    with pytest.raises(UntrustedDocumentError, match=named) as found:
        MemberDocument.from_bytes(changed(document, lambda value: value.update(turns=turns)))
    assert "\x1b" not in str(found.value)


@pytest.mark.parametrize("purpose", ROTATED)
def test_g7_the_successor_is_used_in_its_turn_and_no_earlier(
    document: MemberDocument, purpose: Rotated
) -> None:
    """Others can know it by then."""
    (old,) = listed_ids(document, purpose)
    after, new = rotated(document, purpose)
    assert (in_use(after, purpose, LATER - 1), upcoming(after, purpose, LATER - 1)) == (old, new)
    assert (in_use(after, purpose, LATER), upcoming(after, purpose, LATER)) == (new, None)


@pytest.mark.parametrize("purpose", ROTATED)
def test_g7_a_successor_serves_early_if_what_it_replaces_is_revoked(
    document: MemberDocument, purpose: Rotated
) -> None:
    """A stolen key is not used to the end of its turn."""
    (old,) = listed_ids(document, purpose)
    after, new = rotated(document, purpose)
    assert in_use(after, purpose, NOW_MS, {old}) == new
    assert in_use(document, purpose, NOW_MS, {old}) is None


@pytest.mark.parametrize("purpose", ["log", "receipt", "transport"])
def test_g7_a_retired_key_signs_nothing_new_and_stays_listed(
    document: MemberDocument, purpose: Any
) -> None:
    """Both serve in the grace; after it only the successor does."""
    (old,) = document.serving(purpose, NOW_MS)
    after, new = rotated(document, purpose)
    assert [k.key_id for k in after.serving(purpose, OVER - 1)] == [old.key_id, new]
    assert [k.key_id for k in after.serving(purpose, OVER)] == [new]
    assert [one.key.key_id for one in after.published(purpose)] == [old.key_id, new]
    assert after.signing_key(purpose, old.key_id, OVER - 1) == old
    with pytest.raises(UnknownKeyError):
        after.signing_key(purpose, old.key_id, OVER)


def test_g7_a_stolen_key_signs_nothing_new_at_any_time(document: MemberDocument) -> None:
    """Its owner says so in its document: also to who never saw the revocation note."""
    (old,) = document.log_keys
    after = replace(document, turns={old.key_id: Turn(compromised_ms=LATER)})
    assert after.serving("log", NOW_MS) == ()
    assert in_use(after, "log", NOW_MS) is None
    assert after.log_keys == (old,)


def test_g7_both_pins_are_accepted_in_the_grace(document: MemberDocument) -> None:
    """Before the successor is shown, while it is new, and not for ever."""
    after, _ = rotated(document, "tls")
    assert after.tls_serving(NOW_MS) == after.tls_serving(OVER - 1) == after.tls_spkis
    assert after.tls_serving(OVER) == after.tls_spkis - document.tls_spkis


@pytest.mark.parametrize("purpose", ROTATED)
def test_the_next_documents_list_what_somebody_needs(
    document: MemberDocument, member_keys: MemberKeys, purpose: Rotated
) -> None:
    """Log, receipt and witness keys for good, as evidence; others until they are over."""
    (old,) = listed_ids(document, purpose)
    after, new = rotated(document, purpose)
    early = carried(document, after, OVER - 1)
    assert (listed_ids(early, purpose), early.turns) == ([old, new], after.turns)
    key = successor(purpose)
    fresh = succeeded(replace(document, turns={}), NETWORK, purpose, key, 0)
    late = carried(replace(fresh, **{purpose: getattr(fresh, purpose)[1:]}), after, OVER)
    kept = [old] if purpose in ("log", "receipt", "witness") else []
    assert listed_ids(late, purpose) == [*kept, new, id_of(key)]


def test_8_12_a_witness_key_that_was_lost_ends_its_turn_when_another_is_listed(
    document: MemberDocument,
) -> None:
    """What it cosigned counts; one whose turn had an end already keeps that."""
    older, lost = (SigningKey.generate() for _ in range(2))
    before = succeeded(document, NETWORK, "witness", older, NOW_MS)
    before = succeeded(before, NETWORK, "witness", lost, NOW_MS + 10)
    (first, second, third) = listed_ids(before, "witness")
    made = SigningKey.generate()
    fresh = succeeded(replace(document, witness=()), NETWORK, "witness", made, 0)
    after = carried(replace(fresh, turns={}), before, LATER)
    assert listed_ids(after, "witness") == [first, second, third, id_of(made)]
    assert after.turn(first) == before.turn(first)
    assert after.turn(second) == before.turn(second)
    assert after.turn(third) == Turn(NOW_MS + 10, LATER + TURN_GRACE_MS)
    assert after.turn(id_of(made)) == Turn(LATER)


def test_8_12_a_first_witness_key_begins_no_turn(document: MemberDocument) -> None:
    """Nobody waited for another one; and the key that is known is none that is new."""
    none = replace(document, witness=())
    assert carried(document, none, LATER).turns == {}
    assert carried(document, document, LATER).turns == {}


def test_g7_a_retired_key_keeps_the_end_of_its_turn(document: MemberDocument) -> None:
    """The next rotation ends the key in use, and none a second time."""
    (old,) = listed_ids(document, "log")
    after, new = rotated(document, "log")
    last = SigningKey.generate()
    again = succeeded(after, NETWORK, "log", last, OVER)
    assert again.turn(old) == after.turn(old)
    assert again.turn(new) == Turn(LATER, OVER + TURN_GRACE_MS)


@pytest.fixture
def folder(tmp_path: Path, member_keys: MemberKeys, unlock: Unlock) -> Path:
    """Give a folder with every key of a member."""
    member_keys.save(tmp_path / "keys", unlock)
    return tmp_path / "keys"


@pytest.mark.parametrize("purpose", ROTATED)
def test_a_successor_lies_beside_the_key_until_it_takes_its_name(
    folder: Path, unlock: Unlock, purpose: Rotated
) -> None:
    """Then the one before is gone from the disk: it signs nothing any more, whoever steals it."""
    old = id_of(getattr(MemberKeys.load(folder, unlock), purpose))
    made = make_successor(folder, unlock, purpose, "gb-iwf", NOW_MS)
    assert id_of(getattr(MemberKeys.load(folder, unlock), purpose)) == old
    taken = take_up(folder, unlock, purpose, id_of(made))
    assert taken is not None
    assert id_of(taken) == id_of(getattr(MemberKeys.load(folder, unlock), purpose)) == id_of(made)
    assert take_up(folder, unlock, purpose, old) is None
    assert load_successor(folder, unlock, purpose) is None
    again = take_up(folder, unlock, purpose, id_of(made))  # another process had done it
    assert again is not None


def test_of_two_processes_that_take_up_a_successor_both_have_it(
    folder: Path, unlock: Unlock
) -> None:
    """The other one renames its file between our look and our reading."""
    made = make_successor(folder, unlock, "log", "gb-iwf", NOW_MS)
    others = f"mv {folder}/log.next.key {folder}/log.key 2>/dev/null"
    said = "printf %s a-random-key-of-more-than-32-bytes"
    meanwhile = Unlock.from_config(f"command:sh -c '{others}; {said}'")
    taken = take_up(folder, meanwhile, "log", id_of(made))
    assert taken is not None
    assert id_of(taken) == id_of(made)


def test_an_interrupted_attempt_goes_on_with_the_same_successor(
    folder: Path, unlock: Unlock
) -> None:
    """Else somebody could have heard of a key that is lost."""
    made = make_successor(folder, unlock, "log", "gb-iwf", NOW_MS)
    assert id_of(make_successor(folder, unlock, "log", "gb-iwf", NOW_MS)) == id_of(made)


def test_a_successor_that_is_not_the_published_one_is_not_taken_up(
    folder: Path, unlock: Unlock
) -> None:
    """It stays where it is, and so does the key in use."""
    before = (folder / "log.key").read_bytes()
    make_successor(folder, unlock, "log", "gb-iwf", NOW_MS)
    assert take_up(folder, unlock, "log", "0" * 16) is None
    assert (folder / "log.key").read_bytes() == before
    assert load_successor(folder, unlock, "log") is not None


def test_a_successor_that_will_never_be_used_is_destroyed(folder: Path, unlock: Unlock) -> None:
    """It was revoked before its turn."""
    make_successor(folder, unlock, "log", "gb-iwf", NOW_MS)
    discard_successor(folder, "log")
    assert load_successor(folder, unlock, "log") is None


@pytest.mark.parametrize("purpose", [one for one in ROTATED if one != "tls"])
def test_what_makes_evidence_is_signed_twice(
    folder: Path, unlock: Unlock, purpose: Rotated
) -> None:
    """By both halves; what is checked at once, by one."""
    made = make_successor(folder, unlock, purpose, "gb-iwf", NOW_MS)
    assert isinstance(made, SigningKey)
    assert made.public.is_hybrid == (purpose != "transport")


def test_a_successor_is_as_private_as_every_key(folder: Path, unlock: Unlock) -> None:
    """Nobody else reads it."""
    make_successor(folder, unlock, "tls", "gb-iwf", NOW_MS)
    assert (folder / "tls.next.key").stat().st_mode & 0o777 == 0o600
