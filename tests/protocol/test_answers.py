"""§9: what a receiver answers, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import answers
from protocol.answers import ANSWERS, NOTHING, Answer, AnswerCode, Position, Then, Told
from protocol.errors import MalformedError, TooLargeError
from tests.protocol import oracle

HERE = Position(b"\x11" * 8, 7, b"\x33" * 32)
ROOT = b"\x33" * 32
BEFORE = Position(b"\x12" * 8, 3, b"\x34" * 32)
TOLD = Told(HERE, b"a note", (BEFORE,))
ANSWER = Answer(1, AnswerCode.WRONG_START, TOLD, b"\x55" * 16)


def test_9_1_an_answer_is_read_as_it_was_written() -> None:
    """Reading undoes writing; an independent library writes the same bytes."""
    raw = answers.to_bytes(ANSWER)
    assert answers.from_bytes(raw) == ANSWER
    plain = [
        1,
        "wrong_start",
        [[b"\x11" * 8, 7, b"\x33" * 32], b"a note", [[b"\x12" * 8, 3, b"\x34" * 32]]],
        b"\x55" * 16,
    ]
    assert raw == oracle.pack(plain)


def test_9_1_a_channel_that_was_never_opened_is_told_too() -> None:
    """The very first question gets a state."""
    answer = Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), b"\x55" * 16)
    assert answers.from_bytes(answers.to_bytes(answer)) == answer


HOSTILE = {
    "nothing": b"",
    "version 2": oracle.pack([2, "busy", None, None]),
    "unknown code": oracle.pack([1, "whatever", None, None]),
    "no state to judge": oracle.pack([1, "wrong_start", None, None]),
    "short nonce": oracle.pack([1, "busy", None, b"short"]),
    "epoch without a size": oracle.pack([1, "state", [[b"\x11" * 8, 0, ROOT], b"n", []], None]),
    "size without an epoch": oracle.pack([1, "state", [[None, 7, ROOT], None, []], None]),
    "no epoch, but a root": oracle.pack([1, "state", [[None, 0, ROOT], None, []], None]),
    "epoch without a note": oracle.pack([1, "state", [[b"\x11" * 8, 7, ROOT], None, []], None]),
    "trailing byte": answers.to_bytes(ANSWER) + b"\xc0",
    "version in two bytes": b"\x94\xcc\x01" + oracle.pack([1, "busy", None, None])[2:],
    "a field more": oracle.pack([1, "busy", None, None, None]),
    "web page": b"<html>502 Bad Gateway</html>",
}  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_9_1_what_is_not_an_answer_is_malformed(raw: bytes) -> None:
    """A middlebox's page never becomes a state."""
    with pytest.raises(MalformedError):
        answers.from_bytes(raw)


def test_9_1_size_is_judged_first() -> None:
    """A peer that answers without end is cut off."""
    with pytest.raises(TooLargeError):
        answers.from_bytes(bytes(65537))
    with pytest.raises(MalformedError):
        answers.from_bytes(bytes(65536))


@given(st.binary(max_size=100))
def test_9_1_arbitrary_bytes_never_crash_the_reader(raw: bytes) -> None:
    """Whatever arrives is an answer or malformed."""
    try:
        answer = answers.from_bytes(raw)
    except MalformedError:
        return
    assert answers.to_bytes(answer) == raw


def test_9_2_every_code_has_its_row() -> None:
    """Nothing is answered that the sender has no reaction to."""
    assert set(ANSWERS) == set(AnswerCode)


def test_9_2_only_evidence_stops_a_receiver() -> None:
    """A push that is merely late, early or unreadable never closes a channel."""
    stopping = {code for code, row in ANSWERS.items() if row.stops_receiver}
    assert stopping == {AnswerCode.ROOT_MISMATCH, AnswerCode.FORK_SUSPECTED}


def test_9_2_no_answer_lets_the_sender_drop_anything() -> None:
    """Each leads to another try, or to a person; G1."""
    assert {row.then for row in ANSWERS.values()} <= set(Then)
    assert all(row.status >= 400 for code, row in ANSWERS.items() if code != AnswerCode.STATE)
