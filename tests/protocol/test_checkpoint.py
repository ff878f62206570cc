"""§8.2, §8.4: checkpoints and the hybrid signature of the sender's log key."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import SigningKey, VerifyKey
from protocol import note
from protocol.channel import Channel
from protocol.checkpoint import (
    Checkpoint,
    Origin,
    is_network,
    read_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from protocol.errors import (
    CheckpointError,
    NoteError,
    TooLargeError,
    UnheardKeyError,
    UnsayableError,
)
from protocol.merkle import EMPTY_ROOT
from protocol.vocabulary import Lane
from tests.protocol import oracle

ROOT = b"\x33" * 32
EPOCH = bytes.fromhex("0123456789abcdef")
NAME = "hx1/demo-0123456789abcdef/gb-iwf/nl-eokm/reports/0123456789abcdef"


@pytest.fixture
def checkpoint(channel: Channel) -> Checkpoint:
    """Give a checkpoint of seven entries."""
    return Checkpoint(channel.origin(EPOCH), 7, ROOT)


@pytest.fixture
def signed(checkpoint: Checkpoint, log_key: SigningKey) -> note.Note:
    """Give its signed note, taken apart."""
    return note.parse(sign_checkpoint(checkpoint, log_key))


def test_8_2_a_checkpoint_is_three_lines(checkpoint: Checkpoint) -> None:
    """Origin, size and root, as C2SP tlog-checkpoint writes them."""
    assert checkpoint.text == oracle.checkpoint_text(NAME, 7, ROOT)
    assert Checkpoint.parse(checkpoint.text) == checkpoint


B64 = base64.b64encode(ROOT).decode()
HOSTILE = {
    "extension line": f"{NAME}\n7\n{B64}\nextension\n",
    "two lines": f"{NAME}\n7\n",
    "no newline": f"{NAME}\n7\n{B64}",
    "leading zero": f"{NAME}\n07\n{B64}\n",
    "plus sign": f"{NAME}\n+7\n{B64}\n",
    "negative size": f"{NAME}\n-7\n{B64}\n",
    "size in other digits": f"{NAME}\n\u0667\n{B64}\n",
    "size of 2^53": f"{NAME}\n9007199254740992\n{B64}\n",
    "size of a hundred digits": f"{NAME}\n{'9' * 100}\n{B64}\n",
    "short root": f"{NAME}\n7\n{B64[:-4]}\n",
    "root in other base64": f"{NAME}\n7\n{B64[:-2]}N=\n",
    "root of an empty tree that is not empty": f"{NAME}\n0\n{B64}\n",
    "other scheme": f"{NAME.replace('hx1', 'hx2')}\n7\n{B64}\n",
    "network without its hash": f"{NAME.replace('-0123456789abcdef', '', 1)}\n7\n{B64}\n",
    "upper-case epoch": f"{NAME.upper()}\n7\n{B64}\n",
    "short epoch": f"{NAME[:-1]}\n7\n{B64}\n",
    "unknown lane": f"{NAME.replace('reports', 'gossip')}\n7\n{B64}\n",
    "a member that speaks to itself": f"{NAME.replace('nl-eokm', 'gb-iwf')}\n7\n{B64}\n",
    "no member": f"{NAME.replace('nl-eokm', 'NL EOKM')}\n7\n{B64}\n",
    "one part more": f"{NAME}/x\n7\n{B64}\n",
    "network of a thousand letters": f"{NAME.replace('demo', 'd' * 1000)}\n7\n{B64}\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_8_2_a_checkpoint_has_one_form(text: str) -> None:
    """Two texts for one state would be two identities of one push."""
    with pytest.raises(CheckpointError):
        Checkpoint.parse(text)


def test_8_2_the_empty_tree_has_its_root(channel: Channel) -> None:
    """Size zero is the one size whose root is known beforehand."""
    empty = Checkpoint(channel.origin(EPOCH), 0, EMPTY_ROOT)
    assert Checkpoint.parse(empty.text) == empty


def test_8_2_a_network_has_at_most_81_characters() -> None:
    """The longest name that a registry takes, a hyphen and sixteen hex digits."""
    assert is_network("n" * 64 + "-0123456789abcdef")
    assert not is_network("n" * 65 + "-0123456789abcdef")


@given(st.sampled_from(Lane), st.binary(min_size=8, max_size=8), st.integers(1, (1 << 53) - 1))
def test_8_2_origins_and_sizes_are_read_as_written(lane: Lane, epoch: bytes, size: int) -> None:
    """Reading undoes writing."""
    origin = Origin("demo-0123456789abcdef", "gb-iwf", "nl-eokm", lane, epoch)
    assert Checkpoint.parse(Checkpoint(origin, size, ROOT).text) == Checkpoint(origin, size, ROOT)


def test_8_4_a_signed_checkpoint_verifies(checkpoint: Checkpoint, log_key: SigningKey) -> None:
    """The result says which of the sender's keys signed."""
    raw = sign_checkpoint(checkpoint, log_key)
    assert verify_checkpoint(raw, [log_key.public]) == (checkpoint, log_key.public)
    assert read_checkpoint(raw) == checkpoint


def test_8_4_the_ed25519_line_signs_the_text(
    checkpoint: Checkpoint, signed: note.Note, log_key: SigningKey
) -> None:
    """Type 0x01 under the origin as name, as plain note tools check it."""
    (line,) = [one for one in signed.signatures if len(one.signature) == 64]
    assert line.name == NAME
    assert line.key_hash == oracle.key_hash(NAME, 1, log_key.public.ed25519)
    log_key.public.verify_ed25519(line.signature, checkpoint.text.encode())


def test_8_4_the_mldsa_line_signs_a_whole_tree_without_a_time(
    signed: note.Note, log_key: SigningKey
) -> None:
    """Type 0x06: C2SP's `cosigned_message`, written here by hand."""
    (line,) = [one for one in signed.signatures if len(one.signature) == 8 + 2420]
    public = log_key.public.mldsa44
    assert public is not None
    assert line.key_hash == oracle.key_hash(NAME, 6, public)
    name = bytes([len(NAME)]) + NAME.encode()
    message = (
        b"subtree/v1\n\0" + name + struct.pack(">Q", 0) + name + struct.pack(">QQ", 0, 7) + ROOT
    )
    assert line.signature[:8] == bytes(8)
    log_key.public.verify_mldsa44(line.signature[8:], message)


@pytest.mark.parametrize("kept", [0, 1])
def test_8_4_stripping_either_half_makes_the_note_invalid(
    signed: note.Note, log_key: SigningKey, kept: int
) -> None:
    """A hybrid signature is both or nothing."""
    stripped = note.render(signed.text, [signed.signatures[kept]])
    with pytest.raises(NoteError, match="both"):
        verify_checkpoint(stripped, [log_key.public])


@pytest.mark.parametrize("broken", [0, 1])
def test_8_4_one_valid_half_does_not_carry_a_broken_one(
    signed: note.Note, log_key: SigningKey, broken: int
) -> None:
    """Common note libraries accept any one valid line; we do not."""
    lines = list(signed.signatures)
    last = lines[broken].signature
    lines[broken] = lines[broken]._replace(signature=last[:-1] + bytes((last[-1] ^ 1,)))
    with pytest.raises(NoteError, match="verify"):
        verify_checkpoint(note.render(signed.text, lines), [log_key.public])


def test_8_4_a_log_signature_claims_no_time(signed: note.Note, log_key: SigningKey) -> None:
    """A time in the sender's own signature would be the signer's own clock."""
    lines = [
        one._replace(signature=bytes(7) + b"\1" + one.signature[8:])
        if len(one.signature) > 64
        else one
        for one in signed.signatures
    ]
    with pytest.raises(NoteError, match="time"):
        verify_checkpoint(note.render(signed.text, lines), [log_key.public])


def test_8_4_a_signature_does_not_move_to_another_text(
    signed: note.Note, log_key: SigningKey
) -> None:
    """Another size under the same signatures is nothing."""
    moved = note.render(signed.text.replace("\n7\n", "\n8\n"), signed.signatures)
    with pytest.raises(NoteError):
        verify_checkpoint(moved, [log_key.public])


def test_8_4_lines_of_others_are_ignored(
    checkpoint: Checkpoint, signed: note.Note, log_key: SigningKey
) -> None:
    """C2SP: a witness may have added a line of its own."""
    extra = note.NoteSignature("witness.example", b"\1\2\3\4", b"anything")
    raw = note.render(signed.text, [extra, *signed.signatures, extra])
    assert verify_checkpoint(raw, [log_key.public]).checkpoint == checkpoint


def test_8_4_lines_twice_are_invalid(signed: note.Note, log_key: SigningKey) -> None:
    """Readers could differ in which of two they check."""
    doubled = note.render(signed.text, [*signed.signatures, signed.signatures[0]])
    with pytest.raises(NoteError, match="twice"):
        verify_checkpoint(doubled, [log_key.public])


def test_8_4_a_key_that_nobody_lists_is_told_apart(
    checkpoint: Checkpoint, log_key: SigningKey, other_key: SigningKey
) -> None:
    """A newer registry may list it: the sender is told so and tries again."""
    with pytest.raises(UnheardKeyError) as caught:
        verify_checkpoint(sign_checkpoint(checkpoint, other_key), [log_key.public])
    assert (caught.value.code, caught.value.retryable) == ("registry_behind", True)


def test_8_4_any_of_the_listed_keys_may_have_signed(
    checkpoint: Checkpoint, log_key: SigningKey, other_key: SigningKey
) -> None:
    """During a rotation the registry lists two."""
    raw = sign_checkpoint(checkpoint, log_key)
    verified = verify_checkpoint(raw, [other_key.public, log_key.public])
    assert verified.key == log_key.public


def test_8_4_a_key_with_one_half_needs_one_line(checkpoint: Checkpoint) -> None:
    """Both must verify where the registry lists both."""
    single = SigningKey.from_seeds(b"\x31" * 32, None)
    raw = sign_checkpoint(checkpoint, single)
    assert verify_checkpoint(raw, [single.public]).checkpoint == checkpoint


def test_8_4_half_of_a_hybrid_key_is_another_key(
    checkpoint: Checkpoint, log_key: SigningKey
) -> None:
    """Who listed only the classical half never vouched for the other, and is held to his own."""
    half = VerifyKey(log_key.public.ed25519)
    assert verify_checkpoint(sign_checkpoint(checkpoint, log_key), [half]).key == half


def test_8_4_size_is_judged_before_signatures(log_key: SigningKey) -> None:
    """A push's note is bounded before any work."""
    with pytest.raises(TooLargeError):
        verify_checkpoint(b"x" * 16385, [log_key.public])
    with pytest.raises(TooLargeError):
        read_checkpoint(b"x" * 16385)


def test_8_4_what_has_no_form_is_not_signed(channel: Channel, log_key: SigningKey) -> None:
    """A signature on it could never be verified by anybody."""
    with pytest.raises((UnsayableError, CheckpointError)):
        sign_checkpoint(Checkpoint(channel.origin(EPOCH), 0, ROOT), log_key)
