"""§8.6: receipts, the receiver's hybrid cosignature."""

from __future__ import annotations

import struct

import pytest

from keys import SigningKey
from protocol import note
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint, subtree_message
from protocol.cosignature import MAX_TIME_S
from protocol.errors import (
    NoteError,
    ReceiptError,
    TooLargeError,
    UnheardReceiptKeyError,
    UnsayableError,
)
from protocol.receipt import cosign, cosigner_name, verify_receipt
from tests.protocol import oracle

TIME_S = 1_767_225_600
ROOT = b"\x33" * 32
NAME = "hx1/demo-0123456789abcdef/nl-eokm"


@pytest.fixture
def checkpoint(channel: Channel) -> Checkpoint:
    """Give a checkpoint of seven entries."""
    return Checkpoint(channel.origin(b"\x11" * 8), 7, ROOT)


@pytest.fixture
def raw(checkpoint: Checkpoint, receipt_key: SigningKey) -> bytes:
    """Give its receipt."""
    return cosign(checkpoint, receipt_key, TIME_S)


def test_8_6_a_receipt_verifies(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """It says what is held, since when, and by which key."""
    receipt = verify_receipt(raw, checkpoint, [receipt_key.public])
    assert receipt == (checkpoint, TIME_S, receipt_key.public)


def test_8_6_the_ed25519_line_is_a_c2sp_cosignature(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """Type 0x04: header, time, then the text of the checkpoint."""
    (line,) = [one for one in note.parse(raw).signatures if len(one.signature) == 72]
    assert line.name == NAME == cosigner_name("demo-0123456789abcdef", "nl-eokm")
    assert line.key_hash == oracle.key_hash(NAME, 4, receipt_key.public.ed25519)
    assert line.signature[:8] == struct.pack(">Q", TIME_S)
    message = f"cosignature/v1\ntime {TIME_S}\n{checkpoint.text}".encode()
    receipt_key.public.verify_ed25519(line.signature[8:], message)


def test_8_6_the_mldsa_line_is_a_c2sp_cosignature(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """Type 0x06: the whole tree, with the receiver's name and time."""
    (line,) = [one for one in note.parse(raw).signatures if len(one.signature) == 8 + 2420]
    origin = str(checkpoint.origin).encode()
    message = b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(NAME)]),
            NAME.encode(),
            struct.pack(">Q", TIME_S),
            bytes([len(origin)]),
            origin,
            struct.pack(">QQ", 0, 7),
            ROOT,
        )
    )
    receipt_key.public.verify_mldsa44(line.signature[8:], message)


def test_8_6_a_receipt_for_another_push_is_none(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """Neither a smaller nor another tree is settled by it."""
    with pytest.raises(ReceiptError, match="another"):
        verify_receipt(raw, checkpoint._replace(size=8), [receipt_key.public])


@pytest.mark.parametrize("kept", [0, 1])
def test_8_6_half_a_receipt_is_none(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey, kept: int
) -> None:
    """Stripping a half gains nothing."""
    parsed = note.parse(raw)
    stripped = note.render(parsed.text, [parsed.signatures[kept]])
    with pytest.raises(ReceiptError, match="both"):
        verify_receipt(stripped, checkpoint, [receipt_key.public])


@pytest.mark.parametrize("broken", [0, 1])
def test_8_6_a_broken_half_breaks_the_receipt(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey, broken: int
) -> None:
    """One valid half does not carry the other."""
    parsed = note.parse(raw)
    lines = list(parsed.signatures)
    last = lines[broken].signature
    lines[broken] = lines[broken]._replace(signature=last[:-1] + bytes((last[-1] ^ 1,)))
    with pytest.raises(ReceiptError, match="verify"):
        verify_receipt(note.render(parsed.text, lines), checkpoint, [receipt_key.public])


def test_8_6_both_halves_state_one_time(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """Halves of two receipts do not make a third."""
    first, later = note.parse(raw), note.parse(cosign(checkpoint, receipt_key, TIME_S + 1))
    mixed = note.render(first.text, [first.signatures[0], later.signatures[1]])
    with pytest.raises(ReceiptError, match="same time"):
        verify_receipt(mixed, checkpoint, [receipt_key.public])


def test_8_6_the_time_is_signed(
    checkpoint: Checkpoint, raw: bytes, receipt_key: SigningKey
) -> None:
    """A receipt cannot be dated back by changing it."""
    parsed = note.parse(raw)
    stamp = struct.pack(">Q", TIME_S - 86_400)
    lines = [one._replace(signature=stamp + one.signature[8:]) for one in parsed.signatures]
    with pytest.raises(ReceiptError, match="verify"):
        verify_receipt(note.render(parsed.text, lines), checkpoint, [receipt_key.public])


def test_8_6_a_receipt_key_that_nobody_lists_is_told_apart(
    checkpoint: Checkpoint, raw: bytes, other_key: SigningKey
) -> None:
    """A newer registry may list it."""
    with pytest.raises(UnheardReceiptKeyError) as caught:
        verify_receipt(raw, checkpoint, [other_key.public])
    assert caught.value.retryable


def test_8_6_the_senders_own_signature_is_no_receipt(
    checkpoint: Checkpoint, log_key: SigningKey
) -> None:
    """Even if one key were listed for both purposes, a checkpoint is not a cosignature."""
    with pytest.raises(ReceiptError):
        verify_receipt(sign_checkpoint(checkpoint, log_key), checkpoint, [log_key.public])


def test_8_6_a_receipt_without_a_note_is_none(
    checkpoint: Checkpoint, receipt_key: SigningKey
) -> None:
    """HTTP 200 alone means nothing."""
    with pytest.raises(NoteError):
        verify_receipt(b"OK", checkpoint, [receipt_key.public])


@pytest.mark.parametrize("time_s", [0, -1, 253_402_300_800])
def test_8_6_a_receipt_has_a_time(
    checkpoint: Checkpoint, receipt_key: SigningKey, time_s: int
) -> None:
    """Time zero would claim none."""
    with pytest.raises(UnsayableError):
        cosign(checkpoint, receipt_key, time_s)


def test_8_6_a_receipt_of_time_zero_is_none(
    checkpoint: Checkpoint, receipt_key: SigningKey
) -> None:
    """Validly signed, by a key that claims no time."""
    public = receipt_key.public
    assert public.mldsa44 is not None
    classic = f"cosignature/v1\ntime 0\n{checkpoint.text}".encode()
    quantum = subtree_message(NAME, 0, checkpoint)
    lines = [
        note.NoteSignature(
            NAME,
            oracle.key_hash(NAME, 4, public.ed25519),
            bytes(8) + receipt_key.sign_ed25519(classic),
        ),
        note.NoteSignature(
            NAME,
            oracle.key_hash(NAME, 6, public.mldsa44),
            bytes(8) + receipt_key.sign_mldsa44(quantum),
        ),
    ]
    with pytest.raises(ReceiptError, match="above zero"):
        verify_receipt(note.render(checkpoint.text, lines), checkpoint, [public])


def test_8_6_a_receipt_is_bounded_before_it_is_read(
    checkpoint: Checkpoint, receipt_key: SigningKey
) -> None:
    """A receiver cannot make its sender read for long."""
    with pytest.raises(TooLargeError):
        verify_receipt(b"x" * 16385, checkpoint, [receipt_key.public])


@pytest.mark.parametrize("time_s", [1, MAX_TIME_S])
def test_8_6_a_receipt_states_any_time_up_to_the_year_9999(
    checkpoint: Checkpoint, receipt_key: SigningKey, time_s: int
) -> None:
    """Both bounds belong to it, on the side that writes and on the side that reads."""
    raw = cosign(checkpoint, receipt_key, time_s)
    assert verify_receipt(raw, checkpoint, [receipt_key.public]).time_s == time_s


def test_8_6_a_receipt_key_with_one_half_needs_one_line(checkpoint: Checkpoint) -> None:
    """Both must verify where the registry lists both."""
    single = SigningKey.from_seeds(b"\x31" * 32, None)
    raw = cosign(checkpoint, single, TIME_S)
    assert verify_receipt(raw, checkpoint, [single.public]) == (checkpoint, TIME_S, single.public)
