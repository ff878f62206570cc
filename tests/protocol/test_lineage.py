"""§8.16: how the epochs of a ledger go on; `lineage_v1.json` by both verifiers."""

from __future__ import annotations

import base64

import msgspec
import pytest

from keys import SigningKey
from protocol.errors import CheckpointError, MalformedError, TheirError, TooLargeError
from protocol.ledger import LedgerHead, LedgerOrigin, sign_ledger_head
from protocol.lineage import (
    MAX_LINEAGE_BYTES,
    Lineage,
    Link,
    Owner,
    Remembered,
    follow,
    from_bytes,
    newest_of,
    to_bytes,
)
from protocol.merkle import root_of
from tests.protocol.conftest import vectors
from tests.second.basics import HybridKey, RefusedError
from tests.second.lineage import Kept, check_lineage

V1 = vectors("lineage_v1.json")
LOG = SigningKey.from_seeds(*map(bytes.fromhex, V1["log_key_seeds"])).public
OWNER = Owner(V1["network"], V1["owner"], [LOG])
SECOND = HybridKey(LOG.ed25519, LOG.mldsa44)


def place(name: str) -> Kept:
    """Give a place of the vectors."""
    vector = V1[name]
    return Kept(bytes.fromhex(vector["epoch"]), vector["size"], bytes.fromhex(vector["root"]))


HELD, NEWEST = place("remembered"), place("newest")


def both(raw: bytes, kept: Kept | None = HELD) -> tuple[Kept | None, bool]:
    """Let both verifiers follow, and see that they agree."""
    before = None if kept is None else Remembered(*kept, b"note")
    ours = follow(from_bytes(raw), OWNER, before)
    after = ours.remembered and Kept(*ours.remembered[:3])
    theirs = check_lineage(raw, OWNER.network, OWNER.member, [SECOND], kept)
    assert (after, ours.goes_on) == theirs
    return theirs


def test_8_16_epochs_that_name_the_last_head_before_them_are_followed() -> None:
    """From the head that is remembered, through every epoch since, to the newest head."""
    raw = bytes.fromhex(V1["lineage"])
    assert both(raw) == (NEWEST, True)
    assert to_bytes(from_bytes(raw)) == raw
    newest = newest_of(from_bytes(raw))
    assert newest is not None
    assert (newest.epoch, newest.size) == NEWEST[:2]


def test_3_9_a_head_under_a_key_that_was_revoked_is_said_again_by_the_next_epoch() -> None:
    """Else nobody would believe any more who revoked its log key and began another epoch."""
    assert both(bytes.fromhex(V1["said_again"])) == (NEWEST, True)


def test_8_16_a_ledger_that_does_not_go_on_shows() -> None:
    """Its owner was set back, lost its node, or wants something forgotten."""
    assert both(bytes.fromhex(V1["set_back"])) == (NEWEST, False)


def test_8_16_what_was_never_seen_is_believed_once() -> None:
    """There is nothing that it could forget."""
    assert both(bytes.fromhex(V1["set_back"]), None) == (NEWEST, True)


@pytest.mark.parametrize("raw", V1["over"].values(), ids=list(V1["over"]))
def test_8_16_an_answer_to_another_question_changes_nothing(raw: str) -> None:
    """A late one, or one of another process."""
    assert both(bytes.fromhex(raw)) == (HELD, True)


@pytest.mark.parametrize("vector", V1["invalid"], ids=lambda one: one["name"])
def test_8_16_attack_what_does_not_hang_together_is_refused_by_both(
    vector: dict[str, str],
) -> None:
    """Nothing of it is remembered."""
    raw = base64.b64decode(vector["raw"])
    with pytest.raises(TheirError) as caught:
        follow(from_bytes(raw), OWNER, Remembered(*HELD, b"note"))
    assert caught.value.code == vector["code"]
    with pytest.raises(RefusedError):
        check_lineage(raw, OWNER.network, OWNER.member, [SECOND], HELD)


def test_8_16_a_lineage_that_is_too_long_is_not_read() -> None:
    """Before anything else."""
    with pytest.raises(TooLargeError):
        from_bytes(bytes(MAX_LINEAGE_BYTES + 1))


def test_8_16_a_lineage_may_be_as_long_as_it_may_be() -> None:
    """To the byte."""
    whole = Lineage(1, None, None, (), (Link(b"", ()),) * 40, ())
    room = MAX_LINEAGE_BYTES - len(to_bytes(whole)) - 40  # three bytes of length in place of two
    each, rest = divmod(room, 40)
    links = [Link(bytes(each + (at < rest)), ()) for at in range(40)]
    raw = to_bytes(msgspec.structs.replace(whole, links=tuple(links)))
    assert len(raw) == MAX_LINEAGE_BYTES
    assert len(from_bytes(raw).links) == 40


def test_8_16_what_is_remembered_is_the_note_as_it_came() -> None:
    """It is what others are told of, and what proves a fork."""
    shown = from_bytes(bytes.fromhex(V1["lineage"]))
    after = follow(shown, OWNER, Remembered(*HELD, b"note")).remembered
    assert after is not None
    assert after.note == shown.links[-1].note


@pytest.mark.parametrize("size", [0, 1])
def test_8_16_a_head_of_nothing_is_no_head(size: int) -> None:
    """Nothing goes on from it; one leaf is enough."""
    key = SigningKey.from_seeds(*map(bytes.fromhex, V1["log_key_seeds"]))
    head = LedgerHead(
        LedgerOrigin(OWNER.network, OWNER.member, bytes(8)), size, root_of([bytes(32)][:size])
    )
    raw = to_bytes(Lineage(1, None, None, (), (Link(sign_ledger_head(head, key), ()),), ()))
    if size:
        assert both(raw, None) == (Kept(bytes(8), 1, head.root), True)
        return
    with pytest.raises(CheckpointError):
        both(raw, None)


def test_8_16_a_lineage_has_one_form() -> None:
    """A longer header than is needed says the same, and is refused by both."""
    raw = bytes.fromhex(V1["set_back"]).replace(b"\xc5", b"\xc6\x00\x00", 1)
    with pytest.raises(MalformedError):
        from_bytes(raw)
    with pytest.raises(RefusedError):
        check_lineage(raw, OWNER.network, OWNER.member, [SECOND], HELD)
