"""§8.11: the ledger's leaves, origins and signed heads; a ledger is never taken for a channel."""

from __future__ import annotations

import hashlib

import pytest

from keys import SigningKey
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from protocol.errors import CheckpointError, NoteError, TooLargeError, UnheardKeyError
from protocol.ledger import (
    LedgerHead,
    LedgerOrigin,
    LoggedHead,
    is_ledger_origin,
    read_ledger_head,
    sign_ledger_head,
    take_ledger_head,
    verify_ledger_head,
)
from tests.protocol import oracle

NETWORK = "demo-0123456789abcdef"
ORIGIN = LedgerOrigin(NETWORK, "gb-iwf", b"\x01" * 8)
HEAD = LedgerHead(ORIGIN, 7, b"\x07" * 32)


def test_8_11_a_leaf_is_the_canonical_array() -> None:
    """As an independent encoder writes it."""
    said = LoggedHead(str(ORIGIN), 300, b"\x05" * 32)
    packed = oracle.pack([str(ORIGIN), 300, b"\x05" * 32])
    assert said.leaf == hashlib.sha256(b"\0" + packed).digest()


def test_8_11_a_signed_head_verifies() -> None:
    """Under the log key of its owner, with its origin as name."""
    key = SigningKey.generate()
    note = sign_ledger_head(HEAD, key)
    assert verify_ledger_head(note, [SigningKey.generate().public, key.public]) == HEAD
    assert read_ledger_head(note) == HEAD
    assert note.startswith(b"hx1/demo-0123456789abcdef/gb-iwf/ledger/0101010101010101\n7\n")


def test_8_11_a_head_is_bounded_before_it_is_read() -> None:
    """A peer that serves one without end is cut off."""
    for read in (read_ledger_head, lambda raw: verify_ledger_head(raw, [])):
        with pytest.raises(TooLargeError):
            read(b"x" * 16385)


def test_8_12_of_a_note_that_is_taken_the_lines_of_its_signer_alone_are_kept() -> None:
    """Whatever else its owner wrote beside them."""
    key, other = SigningKey.generate(), SigningKey.generate()
    plain = sign_ledger_head(HEAD, key)
    text, _, lines = sign_ledger_head(HEAD, other).partition(b"\n\n")
    assert plain.startswith(text)
    for known in ([key.public], [SigningKey.generate().public, key.public]):
        head, note = take_ledger_head(plain + lines, known)
        assert (head, note) == (HEAD, plain)
    with pytest.raises(UnheardKeyError):
        take_ledger_head(plain + lines, [SigningKey.generate().public])
    with pytest.raises(TooLargeError):
        take_ledger_head(b"x" * 16385, [key.public])


def test_8_11_an_origin_is_told_from_what_is_none() -> None:
    """A log of another kind, or any text."""
    assert is_ledger_origin(str(ORIGIN))
    assert not is_ledger_origin(str(ORIGIN).replace("/ledger/", "/log/"))
    assert not is_ledger_origin("")


def test_8_11_another_key_signs_nothing() -> None:
    """A head by a key that is not its owner's is nobody's."""
    with pytest.raises(UnheardKeyError):
        verify_ledger_head(
            sign_ledger_head(HEAD, SigningKey.generate()), [SigningKey.generate().public]
        )


@pytest.mark.parametrize("line", [0, 1])
def test_8_11_stripping_either_half_makes_the_head_invalid(line: int) -> None:
    """As with checkpoints."""
    key = SigningKey.generate()
    text, _, signatures = sign_ledger_head(HEAD, key).decode().partition("\n\n")
    left = signatures.splitlines(keepends=True)
    del left[line]
    with pytest.raises(NoteError):
        verify_ledger_head((text + "\n\n" + "".join(left)).encode(), [key.public])


@pytest.mark.parametrize(("size", "root"), [(8, b"\x07" * 32), (7, b"\x08" * 32)])
def test_8_11_a_changed_head_is_refused(size: int, root: bytes) -> None:
    """Size and root are what was signed."""
    key = SigningKey.generate()
    note = sign_ledger_head(HEAD, key).decode()
    changed = LedgerHead(ORIGIN, size, root).text + note[len(HEAD.text) :]
    with pytest.raises(NoteError):
        verify_ledger_head(changed.encode(), [key.public])


def test_8_11_attack_a_channel_passed_off_as_a_ledger(channel: Channel) -> None:
    """Nor a ledger as a channel: neither reads the other's origin."""
    key = SigningKey.generate()
    with pytest.raises(CheckpointError):
        verify_ledger_head(
            sign_checkpoint(Checkpoint(channel.origin(bytes(8)), 7, b"\x07" * 32), key),
            [key.public],
        )
    with pytest.raises(CheckpointError):
        read_checkpoint(sign_ledger_head(HEAD, key))


@pytest.mark.parametrize(
    "text",
    [
        "hx1/demo-0123456789abcdef/gb-iwf/ledger",
        "hx1/demo-0123456789abcdef/gb-iwf/ledger/01",
        "hx1/demo-0123456789abcdef/gb-iwf/ledger/010101010101010A",
        "hx1/demo-0123456789abcdef/gb-iwf/history/0101010101010101",
        "hx1/demo-0123456789abcdef/GB-IWF/ledger/0101010101010101",
        "hx1/demo/gb-iwf/ledger/0101010101010101",
        "hx2/demo-0123456789abcdef/gb-iwf/ledger/0101010101010101",
        "hx1/demo-0123456789abcdef/gb-iwf/ledger/0101010101010101/",
    ],
)
def test_8_11_an_origin_has_one_form(text: str) -> None:
    """Anything else is no ledger."""
    with pytest.raises(CheckpointError):
        LedgerOrigin.parse(text)


def test_8_11_an_origin_reads_back() -> None:
    """What is written is what is read."""
    assert LedgerOrigin.parse(str(ORIGIN)) == ORIGIN
