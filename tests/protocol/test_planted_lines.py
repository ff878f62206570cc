"""§8.4.2: nobody takes back what he signed by a line beside it, or by a key that he lists later.

A line names its key by four bytes. Two keys of a member that have the same ones are found in a
minute; the seeds of some stand here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keys import SigningKey
from keys.signing import VerifyKey
from protocol import note
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from protocol.errors import NoteError, ReceiptError
from protocol.ledger import LedgerHead, LedgerOrigin, sign_ledger_head, verify_ledger_head
from protocol.receipt import cosign, cosigner_name, verify_receipt
from protocol.witness import cosign_head, cosigners, take_cosignature
from protocol.witness import cosigner_name as witness_name
from tests.protocol.conftest import NETWORK

EPOCH, ROOT, TIME_S = bytes.fromhex("0123456789abcdef"), b"\x33" * 32, 1_790_000_000


def key(number: int) -> SigningKey:
    """Give a hybrid key whose Ed25519 half is that of a number."""
    return SigningKey.from_seeds(number.to_bytes(32, "big"), number.to_bytes(32, "little"))


LOGS = (key(9634), key(12180))
RECEIPTS = (key(34783), key(133_291))
WITNESSES = (key(16580), key(22893))


@pytest.fixture
def checkpoint(channel: Channel) -> Checkpoint:
    """Give a checkpoint of seven entries."""
    return Checkpoint(channel.origin(EPOCH), 7, ROOT)


def ledger_head() -> tuple[bytes, list[VerifyKey]]:
    """Give the signed head of an honest member's ledger, and its log key."""
    log = key(1)
    said = LedgerHead(LedgerOrigin(NETWORK, "gb-iwf", b"\1" * 8), 7, ROOT)
    return sign_ledger_head(said, log), [log.public]


def planted(raw: bytes, name: str, to_come: SigningKey, kinds: Sequence[int]) -> bytes:
    """Put lines into a note that look like those of a key which nobody lists yet."""
    taken = note.parse(raw)
    lines = list(taken.signatures)
    for kind in kinds:
        half = (
            to_come.public.ed25519 if kind != note.MLDSA44_COSIGNATURE else to_come.public.mldsa44
        )
        assert half is not None
        lines.insert(0, note.NoteSignature(name, note.key_hash(name, kind, half), bytes(72)))
    return note.render(taken.text, lines)


@pytest.mark.parametrize("kinds", [(1,), (6,), (1, 6)])
def test_g3_attack_a_sender_plants_a_line_of_a_key_that_it_lists_later(
    checkpoint: Checkpoint, log_key: SigningKey, other_key: SigningKey, kinds: tuple[int, ...]
) -> None:
    """Whoever took the checkpoint could not know that line, and goes on to hold it."""
    raw = planted(sign_checkpoint(checkpoint, log_key), str(checkpoint.origin), other_key, kinds)
    assert verify_checkpoint(raw, [log_key.public]).checkpoint == checkpoint
    for keys in ([log_key.public, other_key.public], [other_key.public, log_key.public]):
        assert verify_checkpoint(raw, keys) == (checkpoint, log_key.public)


@pytest.mark.parametrize("kinds", [(4,), (6,), (4, 6)])
def test_g3_attack_a_receiver_plants_a_line_of_a_key_that_it_lists_later(
    checkpoint: Checkpoint, receipt_key: SigningKey, other_key: SigningKey, kinds: tuple[int, ...]
) -> None:
    """The same with a receipt: custody is not given back by listing a key."""
    name = cosigner_name(NETWORK, checkpoint.origin.receiver)
    raw = planted(cosign(checkpoint, receipt_key, TIME_S), name, other_key, kinds)
    assert verify_receipt(raw, checkpoint, [receipt_key.public]).time_s == TIME_S
    for keys in ([receipt_key.public, other_key.public], [other_key.public, receipt_key.public]):
        assert verify_receipt(raw, checkpoint, keys) == (checkpoint, TIME_S, receipt_key.public)


def test_g3_attack_two_log_keys_whose_four_bytes_are_the_same(checkpoint: Checkpoint) -> None:
    """The line of the one looks like a wrong line of the other."""
    first, second = LOGS
    name = str(checkpoint.origin)
    hashes = {note.key_hash(name, note.ED25519, one.public.ed25519) for one in LOGS}
    assert len(hashes) == 1, "or the test proves nothing"
    raw = sign_checkpoint(checkpoint, first)
    assert verify_checkpoint(raw, [second.public, first.public]).key == first.public


def test_g3_attack_two_receipt_keys_whose_four_bytes_are_the_same(checkpoint: Checkpoint) -> None:
    """They have one name for good, so all receipts of the first would be none."""
    first, second = RECEIPTS
    raw = cosign(checkpoint, first, TIME_S)
    assert verify_receipt(raw, checkpoint, [second.public, first.public]).key == first.public


@pytest.mark.parametrize("first_is_listed", [True, False])
def test_g3_attack_a_witness_whose_two_keys_have_the_same_four_bytes(
    first_is_listed: object,
) -> None:
    """What it cosigned for an honest owner must not make that one's heads ones to be refused."""
    first, second = WITNESSES
    raw, log_keys = ledger_head()
    head = verify_ledger_head(raw, log_keys)
    lines = cosign_head(head, "nl-eokm", first, TIME_S)
    listed = [second.public, first.public] if first_is_listed else [second.public]
    other = cosign_head(head, "fr-pdc", key(2), TIME_S + 1)
    found = cosigners(raw + lines + other, {"nl-eokm": listed, "fr-pdc": [key(2).public]})
    told = {"nl-eokm": TIME_S} if first_is_listed else {}
    assert found == told | {"fr-pdc": TIME_S + 1}


def test_8_12_the_other_key_of_a_witness_takes_nothing_from_what_it_owes() -> None:
    """Its lines are taken as they are."""
    first, second = WITNESSES
    raw, log_keys = ledger_head()
    lines = cosign_head(verify_ledger_head(raw, log_keys), "nl-eokm", first, TIME_S)
    keys = [second.public, first.public]
    assert take_cosignature(raw, lines, "nl-eokm", keys) == (lines, TIME_S)


def test_8_4_a_planted_line_of_a_listed_key_signs_nothing(
    checkpoint: Checkpoint, log_key: SigningKey, receipt_key: SigningKey, other_key: SigningKey
) -> None:
    """Where no listed key signed, it is refused as what it is: wrong, and not merely unheard."""
    name = str(checkpoint.origin)
    raw = planted(sign_checkpoint(checkpoint, log_key), name, other_key, (1, 6))
    with pytest.raises(NoteError, match="does not verify"):
        verify_checkpoint(raw, [other_key.public])
    name = cosigner_name(NETWORK, checkpoint.origin.receiver)
    raw = planted(cosign(checkpoint, receipt_key, TIME_S), name, other_key, (4, 6))
    with pytest.raises(ReceiptError, match="above zero"):
        verify_receipt(raw, checkpoint, [other_key.public])


def test_8_12_names_of_witnesses_and_receivers_are_apart() -> None:
    """The seeds above belong to these names."""
    assert witness_name(NETWORK, "nl-eokm") == f"{cosigner_name(NETWORK, 'nl-eokm')}/witness"
    for name, pair in (
        (witness_name(NETWORK, "nl-eokm"), WITNESSES),
        (cosigner_name(NETWORK, "nl-eokm"), RECEIPTS),
    ):
        assert len({note.key_hash(name, 4, one.public.ed25519) for one in pair}) == 1
