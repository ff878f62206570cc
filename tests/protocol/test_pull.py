"""§9.8: what a receiver says when it calls by itself, and what it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import answers, pull, push
from protocol.answers import NOTHING, Answer, AnswerCode, Position, Told
from protocol.checkpoint import Channel, Checkpoint
from protocol.errors import MalformedError, ProtocolError, TooLargeError, UnsayableError
from protocol.pull import Offer, Offered, Pull
from protocol.push import Purpose, PushHead
from protocol.vocabulary import Lane
from tests.protocol import oracle
from tests.protocol.conftest import NETWORK, vectors

V1 = vectors("pull_v1.json")
NONCE = b"\x55" * 16
FIRST = Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), None)
HERE = Position(b"\x11" * 8, 7, b"\x33" * 32)
LATER = Answer(1, AnswerCode.STATE, Told(HERE, b"a note", ()), NONCE)
ASKED = Pull(1, 25, b"a receipt", LATER)
HEAD = PushHead(push.SUITE, "00112233aabbccdd", b"a checkpoint note\n")
OFFER = Offer(NONCE, Offered(b"\x11" * 8, 7, HEAD, b"sealed"))


def plain(value: Any) -> Any:
    """The value of a vector, bytes as bytes."""
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [plain(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", V1["pulls"], ids=lambda one: one["name"])
def test_9_8_pulls_have_the_bytes_of_version_1(vector: dict[str, Any]) -> None:
    """Read by us and said again they are the same; an independent encoder writes them."""
    raw = bytes.fromhex(vector["body"])
    asked = pull.from_bytes(raw)
    assert pull.to_bytes(asked) == raw == oracle.pack(plain(vector["value"]))
    assert pull.pull_path(V1["receiver"], Lane(V1["lane"]), asked.answer) == vector["path"]


@pytest.mark.parametrize("vector", V1["malformed"], ids=lambda one: one["name"])
def test_9_8_a_pull_that_is_not_of_the_form_is_malformed(vector: dict[str, str]) -> None:
    """Whoever sends it learns the field and changes nothing."""
    with pytest.raises(MalformedError):
        pull.from_bytes(bytes.fromhex(vector["body"]))


@pytest.mark.parametrize("vector", V1["malformed_offers"], ids=lambda one: one["name"])
def test_9_8_what_is_no_offer_is_refused_by_its_code(vector: dict[str, str]) -> None:
    """Neither a nonce alone nor one with a place and a whole head behind it."""
    with pytest.raises(ProtocolError) as caught:
        pull.read_offer(bytes.fromhex(vector["body"]))
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize("vector", V1["offers"], ids=lambda one: one["name"])
def test_9_8_offers_have_the_bytes_of_version_1(vector: dict[str, Any]) -> None:
    """A nonce alone, or with a place and a push behind it."""
    raw = bytes.fromhex(vector["body"])
    offer = pull.read_offer(raw)
    assert offer.to_bytes() == raw
    assert offer.nonce.hex() == vector["nonce"]
    if "epoch" not in vector:
        assert offer.push is None
        return
    assert offer.push is not None
    shown = (offer.push.epoch.hex(), offer.push.start, offer.push.head.to_bytes().hex())
    assert shown == (vector["epoch"], vector["start"], vector["head"])
    assert offer.push.sealed.hex() == vector["sealed"]


def test_8_7_the_seal_of_an_offer_is_bound_to_its_purpose() -> None:
    """The vector differs from a push's in one byte: the purpose."""
    vector = V1["seal_info"]
    checkpoint = Checkpoint.parse(vector["checkpoint"])
    place = (vector["suite"], vector["key_id"], checkpoint, vector["start"], vector["end"])
    info = push.seal_info(Purpose.PULL, *place)
    assert info.hex() == vector["info"]
    pushed = push.seal_info(Purpose.PUSH, *place)
    assert [n for n in range(len(info)) if info[n] != pushed[n]] == [9]


def test_9_8_a_pull_is_read_as_it_was_written() -> None:
    """Reading undoes writing."""
    assert pull.from_bytes(pull.to_bytes(ASKED)) == ASKED


def test_9_8_an_offer_is_read_as_it_was_written() -> None:
    """With a push and without."""
    assert pull.read_offer(OFFER.to_bytes()) == OFFER
    assert pull.read_offer(Offer(NONCE, None).to_bytes()) == Offer(NONCE, None)


def test_9_8_the_path_names_the_epoch_that_is_told() -> None:
    """Zeros before the first one, and where no state is told."""
    assert pull.pull_path("nl-eokm", Lane.STATUS, LATER) == (
        f"/hx1/channels/nl-eokm/status/{'11' * 8}/pull"
    )
    refusal = Answer(1, AnswerCode.REKEY, None, NONCE)
    assert pull.path_epoch(FIRST) == pull.path_epoch(refusal) == bytes(8)


def test_9_8_a_position_is_told_with_its_receipt() -> None:
    """One without the other is no pull: custody is not claimed without its proof."""
    for receipt, answer in ((None, LATER), (b"a receipt", FIRST)):
        raw = oracle.pack([1, 0, receipt, oracle.unpack(answers.to_bytes(answer))])
        with pytest.raises(MalformedError, match=r"pull\.receipt"):
            pull.from_bytes(raw)


def test_4_3_a_pull_over_its_length_is_not_read() -> None:
    """Size is judged first."""
    with pytest.raises(TooLargeError):
        pull.from_bytes(b"\xc0" * (pull.MAX_PULL_BYTES + 1))
    with pytest.raises(MalformedError):
        pull.from_bytes(b"\xc0" * pull.MAX_PULL_BYTES)


def test_9_8_the_largest_pull_fits() -> None:
    """The limit holds the longest answer with the longest receipt."""
    note, ancestor = b"n" * 16384, Position(b"\x12" * 8, (1 << 53) - 1, b"\x34" * 32)
    told = Told(HERE, note, (ancestor,) * 64)
    largest = Pull(1, pull.MAX_WAIT_S, note, Answer(1, AnswerCode.CLOSED_EPOCH, told, NONCE))
    assert pull.from_bytes(pull.to_bytes(largest)) == largest


@pytest.mark.parametrize("length", [0, 1, 15, 17, 31, 32, 45])
def test_9_8_an_offer_that_is_cut_short_is_malformed(length: int) -> None:
    """At every place where a part begins or ends."""
    with pytest.raises(MalformedError):
        pull.read_offer(OFFER.to_bytes()[:length])


def test_9_8_a_question_without_a_whole_nonce_is_never_asked() -> None:
    """The next pull could not answer it."""
    with pytest.raises(UnsayableError):
        Offer(b"short", None).to_bytes()


@given(st.binary(max_size=200))
def test_9_8_whatever_arrives_is_read_or_refused(raw: bytes) -> None:
    """No bytes make the reader fail in another way."""
    for read in (pull.from_bytes, pull.read_offer):
        try:
            read(raw)
        except ProtocolError:
            continue


def test_8_2_the_channel_of_a_pull_is_the_one_of_a_push() -> None:
    """Sender and receiver are the same whichever of them calls."""
    channel = Channel(NETWORK, "gb-iwf", "nl-eokm", Lane.REPORTS)
    assert str(channel.origin(HERE.epoch or b"")).startswith(f"hx1/{NETWORK}/gb-iwf/nl-eokm/")
