"""§8.7: the head, the frame, and what the seal is bound to."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import SealingKey, UnsealError
from keys.sealing import SUITE_ID, seal
from protocol import push
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint
from protocol.disavowal import Disavow
from protocol.errors import MalformedError, TooLargeError, UnsayableError
from protocol.messages import DispositionNote, EpochOpen, Message, RegistrySeen, Tombstone
from protocol.push import BUCKETS, Purpose, PushHead
from protocol.vocabulary import Disposition, Lane
from tests.protocol import samples

KEY_ID = "0123456789abcdef"
NOTE = b"a note"


@pytest.fixture
def checkpoint(channel: Channel) -> Checkpoint:
    """Give a checkpoint of seven entries."""
    return Checkpoint(channel.origin(b"\x11" * 8), 7, b"\x33" * 32)


@pytest.mark.parametrize("length", [100, 1600, 60_000])
def test_8_13_what_is_pushed_can_be_handed_back_in_one_page(length: int) -> None:
    """There each has a byte more, and no frame is longer than the largest."""
    largest = push.BUCKETS[-1]
    count = push.fit([length] * (largest // length), largest, largest)
    assert len(push.frame([bytes(length + 1)] * count)) == largest
    assert count * (length + 5) > largest - 2 * length


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=50))
def test_8_7_a_frame_gives_back_its_entries(entries: list[bytes]) -> None:
    """Entries are opaque bytes, in order."""
    framed = push.frame(entries)
    assert len(framed) in BUCKETS
    assert push.unframe(framed) == entries


def test_8_7_lengths_are_hidden_in_buckets() -> None:
    """A short and a long address are pushed in frames of one length."""
    assert len(push.frame([b"x"])) == len(push.frame([b"x" * 4000])) == 4096
    assert len(push.frame([b"x" * 4090])) == 16384


def _framed(*parts: bytes, count: int) -> bytes:
    body = struct.pack(">I", count) + b"".join(struct.pack(">I", len(p)) + p for p in parts)
    return body.ljust(4096, b"\0")


HOSTILE = {
    "nothing": b"",
    "no bucket": _framed(b"x", count=1)[:-1],
    "larger bucket than needed": _framed(b"x", count=1).ljust(16384, b"\0"),
    "count of zero": _framed(count=0),
    "count above the limit": _framed(b"x", count=1001),
    "count of four thousand million": _framed(b"x", count=0xFFFFFFFF),
    "one entry less than said": _framed(b"x" * 4080, count=2),
    "one entry less than said, up to the end": _framed(b"x" * 4088, count=2),
    "entry beyond the end": _framed(b"", count=1)[:4] + b"\0\0\xff\xff" + bytes(4088),
    "entry of four thousand million": _framed(b"", count=1)[:4] + b"\xff" * 4 + bytes(4088),
    "something in the padding": _framed(b"x", count=1)[:-1] + b"\1",
    "an entry more than said": _framed(b"x", b"y", count=1),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_8_7_a_frame_has_one_form(raw: bytes) -> None:
    """Nothing hides in lengths or padding, and no length makes us reserve memory."""
    with pytest.raises((MalformedError, TooLargeError)):
        push.unframe(raw)


def test_8_7_limits_of_the_network_are_kept() -> None:
    """Entries, bytes and the bytes of one entry."""
    framed = push.frame([b"x" * 100] * 3)
    with pytest.raises(TooLargeError):
        push.unframe(framed, max_entries=2)
    with pytest.raises(TooLargeError):
        push.unframe(framed, max_bytes=4095)
    with pytest.raises(TooLargeError):
        push.unframe(framed, max_entry_bytes=99)


def test_8_7_what_is_just_within_the_limits_is_taken() -> None:
    """A limit is a limit and not one less: entries, bytes, the bytes of one entry, the bucket."""
    entries = [b"x" * 100] * 3
    assert push.unframe(push.frame(entries), 3, 4096, 100) == entries
    full = [b"x" * 4088]
    assert len(push.frame(full)) == 4096
    assert push.unframe(push.frame(full)) == full
    assert push.fit([4088], max_bytes=4096) == 1


@pytest.mark.parametrize("value", [1, 0x20, 0x58, 0xFF])
def test_8_7_nothing_but_zeros_pads_a_frame(value: int) -> None:
    """Else one push had many forms."""
    framed = push.frame([b"entry"])
    end = len(framed.rstrip(b"\0"))
    with pytest.raises(MalformedError):
        push.unframe(framed[:end] + bytes([value]) * (len(framed) - end))


@given(st.binary(max_size=100))
def test_8_7_arbitrary_bytes_never_crash_the_reader(raw: bytes) -> None:
    """Whatever was sealed to us is a frame or an error."""
    with pytest.raises((MalformedError, TooLargeError)):
        push.unframe(raw.ljust(4096, b"\xff"))


def test_8_7_an_empty_push_is_not_made() -> None:
    """A checkpoint without new entries says nothing."""
    with pytest.raises(UnsayableError):
        push.frame([])
    with pytest.raises(UnsayableError):
        push.frame([b"x", b""])


def test_8_7_what_fits_is_pushed_and_the_rest_waits() -> None:
    """A long backlog is cut by intermediate checkpoints."""
    assert push.fit([100] * 5000) == 1000
    assert push.fit([65536] * 100) == 63
    assert push.fit([]) == 0
    assert push.fit([10, 10, 5000], max_bytes=4096) == 2


@given(st.lists(st.integers(1, 65536), max_size=200))
def test_8_7_what_fits_can_be_framed_within_the_limits(lengths: list[int]) -> None:
    """`fit` and `frame` agree on what the receiver will take."""
    count = push.fit(lengths)
    if count:
        assert len(push.frame([bytes(one) for one in lengths[:count]])) <= push.MAX_PUSH_BYTES


def test_8_7_a_head_is_read_as_it_was_written() -> None:
    """The sealed frame starts where the head ends."""
    raw = PushHead(push.SUITE, KEY_ID, NOTE).to_bytes()
    assert push.read_head(raw + b"sealed") == PushHead(push.SUITE, KEY_ID, NOTE)
    assert push.head_length(raw[: push.HEAD_PREFIX_BYTES]) == len(raw)


def test_8_7_a_head_is_bounded_before_it_is_read() -> None:
    """Fourteen bytes tell how much must be read before the signature can be checked."""
    with pytest.raises(TooLargeError):
        push.head_length(struct.pack(">H8sI", 1, bytes(8), 16385))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(13),
        struct.pack(">H8sI", 1, bytes(8), 5) + b"four",
        struct.pack(">H8sI", 2, bytes(8), 0),
    ],
)
def test_8_7_a_broken_head_is_malformed(raw: bytes) -> None:
    """Cut, or of a suite that we do not speak."""
    with pytest.raises(MalformedError):
        push.read_head(raw)


@pytest.mark.parametrize("key_id", ["", "0123", "0123456789ABCDEF", "g" * 16])
def test_8_7_a_head_names_a_key(key_id: str) -> None:
    """A key id is 16 lower-case hex digits."""
    with pytest.raises(UnsayableError):
        PushHead(push.SUITE, key_id, NOTE).to_bytes()


def test_8_7_a_note_that_is_too_long_is_not_sent() -> None:
    """The receiver would refuse it."""
    with pytest.raises(UnsayableError):
        PushHead(push.SUITE, KEY_ID, b"x" * 16385).to_bytes()
    longest = PushHead(push.SUITE, KEY_ID, b"x" * 16384)
    assert push.read_head(longest.to_bytes()) == longest


def test_8_7_the_seal_is_bound_to_a_string_of_fixed_length(checkpoint: Checkpoint) -> None:
    """No two uses share a string, whatever their parts are."""
    info = push.seal_info(Purpose.PUSH, push.SUITE, KEY_ID, checkpoint, 3, 7)
    expected = (
        b"hx1/seal\0\x01\x00\x01"
        + bytes.fromhex(KEY_ID)
        + hashlib.sha256(checkpoint.text.encode()).digest()
        + struct.pack(">QQ", 3, 7)
    )
    assert info == expected
    assert len(info) == 68
    other_suite = push.seal_info(Purpose.PUSH, 0xFFFF, KEY_ID, checkpoint, 3, 7)
    assert other_suite == expected[:10] + b"\xff\xff" + expected[12:]


def test_8_7_a_seal_opens_for_one_purpose_key_checkpoint_and_range(
    checkpoint: Checkpoint,
) -> None:
    """Whoever moves sealed entries elsewhere finds them closed."""
    key = SealingKey.from_seed(b"\x41" * 32)
    info = push.seal_info(Purpose.PUSH, SUITE_ID, key.public.key_id, checkpoint, 3, 7)
    sealed = seal(key.public, info, push.frame([b"entry"]))
    assert push.unframe(key.open(info, sealed)) == [b"entry"]
    moved = (
        push.seal_info(Purpose.PULL, SUITE_ID, key.public.key_id, checkpoint, 3, 7),
        push.seal_info(Purpose.PUSH, SUITE_ID, KEY_ID, checkpoint, 3, 7),
        push.seal_info(Purpose.PUSH, SUITE_ID, key.public.key_id, checkpoint, 2, 7),
        push.seal_info(
            Purpose.PUSH, SUITE_ID, key.public.key_id, checkpoint._replace(size=8), 3, 7
        ),
    )
    for other in moved:
        with pytest.raises(UnsealError):
            key.open(other, sealed)


def test_8_7_suites_of_both_packages_agree() -> None:
    """The suite that is announced is the suite that is used."""
    assert push.SUITE == SUITE_ID


def test_8_7_the_path_says_where_the_push_goes(channel: Channel) -> None:
    """Sender, lane, epoch and start."""
    path = push.push_path(channel.origin(b"\x11" * 8), 3)
    assert path == "/hx1/channels/gb-iwf/reports/1111111111111111/3"


def test_8_7_a_head_may_stand_alone() -> None:
    """It is read before a byte of the sealed frame came."""
    raw = PushHead(push.SUITE, KEY_ID, NOTE).to_bytes()
    assert push.read_head(raw).note == NOTE


def test_8_7_limits_must_let_every_entry_through() -> None:
    """Limits under which one entry blocks its channel are no limits to adopt."""
    assert push.can_carry(push.MAX_PUSH_ENTRIES, push.MAX_PUSH_BYTES, 65_536)
    assert push.can_carry(2, 262_144, 65_536)
    assert push.can_carry(2, 4096, 1024)
    assert push.can_carry(2, 4096, 4088)
    assert not push.can_carry(2, 4096, 4089)
    assert not push.can_carry(1000, 65_536, 65_536)
    assert not push.can_carry(1000, 4095, 100)
    assert not push.can_carry(1000, 65_543, 65_536)
    assert push.can_carry(1000, 262_144, 1 << 20)
    assert push.largest_entry(262_144, 1 << 20) == 65_536
    assert push.largest_entry(16_384, 65_536) == 16_376
    assert push.largest_entry(4095, 65_536) < 0
    assert push.fit([10], max_bytes=4095) == 0


@pytest.mark.parametrize("entries", [0, 1])
def test_8_7_limits_must_let_an_epoch_begin(entries: int) -> None:
    """Its opening and the registry that it works under are two entries of one push."""
    assert not push.can_carry(entries, push.MAX_PUSH_BYTES, 65_536)


@pytest.mark.parametrize("most", [0, 1, 1023])
def test_8_7_limits_must_let_every_answer_through(most: int) -> None:
    """Where no disposition fits nobody would ever hear what became of anything."""
    assert not push.can_carry(1000, push.MAX_PUSH_BYTES, most)


def test_8_7_the_least_limit_holds_what_the_protocol_itself_says() -> None:
    """The longest answer, opening, and whatever else no node can leave unsaid."""
    member, subject = "gb-" + "x" * 16, "gb-" + "x" * 16 + "." + "7" + "Z" * 25
    latest, count, wide = 253_402_300_799_999, (1 << 53) - 1, b"x" * 32
    said: list[Message] = [
        DispositionNote(
            Lane.REPORTS, b"x" * 8, count, wide, wide, max(Disposition, key=len),
            subject, member, "x" * 64, latest,
        ),
        EpochOpen(b"x" * 8, count, wide),
        RegistrySeen(count, count, wide),
        Tombstone(wide, 127, wide, latest),
        Disavow(b"x" * 8, count - 1, wide, count, wide),
    ]  # fmt: skip
    assert max(len(samples.raw_entry(one)) for one in said) <= push.MIN_ENTRY_BYTES
