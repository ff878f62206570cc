"""§8.12: what a witness is handed, how it judges, what its cosignature is worth."""

from __future__ import annotations

import pytest

from keys import SigningKey
from protocol import note as notes
from protocol.errors import (
    CosignatureError,
    NoteError,
    ProofError,
    TooLargeError,
    UnheardCosignerError,
)
from protocol.ledger import (
    LedgerHead,
    LedgerOrigin,
    VerifiedLedgerHead,
    sign_ledger_head,
    verify_ledger_head,
)
from protocol.merkle import EMPTY_ROOT, MAX_SIZE, consistency_path, root_of
from protocol.witness import (
    MAX_COSIGNATURE_BYTES,
    MAX_PROOF,
    MAX_SUBMISSION_BYTES,
    NEVER,
    Submission,
    Witnessed,
    check_extends,
    conflicts,
    cosign_head,
    cosigners,
    head_of,
    take_cosignature,
    witnessed_at,
)

NETWORK = "demo-0123456789abcdef"
ORIGIN = LedgerOrigin(NETWORK, "gb-iwf", b"\x01" * 8)
LEAVES = [bytes([n]) * 32 for n in range(9)]
LOG, WITNESS, OTHER = (SigningKey.generate() for _ in range(3))
TIME_S = 1_790_000_000
C2SP_EXAMPLE = b"""old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

"""


def head(size: int) -> VerifiedLedgerHead:
    """Give the head of the ledger at a size."""
    note = sign_ledger_head(LedgerHead(ORIGIN, size, root_of(LEAVES[:size])), LOG)
    return verify_ledger_head(note, [LOG.public])


def submission(old: int, new: int) -> Submission:
    """Give what an honest owner hands in."""
    path = consistency_path(LEAVES, old, new) if old else []
    return Submission(old, tuple(path), sign_ledger_head(head(new), LOG))


def held(size: int) -> Witnessed:
    """Give what the witness remembers at a size."""
    return Witnessed(size, root_of(LEAVES[:size]))


def cosigned(new: int = 5, key: SigningKey = WITNESS, time_s: int = TIME_S) -> tuple[bytes, bytes]:
    """Give a signed head and the lines of nl-eokm under it."""
    return sign_ledger_head(head(new), LOG), cosign_head(head(new), "nl-eokm", key, time_s)


def without(lines: bytes, number: int) -> bytes:
    """Give signature lines without one of them."""
    left = lines.decode().splitlines(keepends=True)
    del left[number]
    return "".join(left).encode()


def test_8_12_the_example_of_c2sp_is_read_and_written() -> None:
    """The front of the request in C2SP tlog-witness, byte for byte."""
    read = Submission.parse(C2SP_EXAMPLE + b"note")
    assert (read.old_size, len(read.proof), read.note) == (20852014, 4, b"note")
    assert read.to_bytes() == C2SP_EXAMPLE + b"note"


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 9), (3, 7), (4, 8), (8, 9), (5, 5)])
def test_8_12_an_honest_head_is_judged_to_extend(old: int, new: int) -> None:
    """From nothing, from any size, and the same once more."""
    handed = Submission.parse(submission(old, new).to_bytes())
    assert not conflicts(handed, head(new), held(old))
    check_extends(handed, head(new), held(old))
    assert head_of(handed.note) == head(new)


def test_8_12_another_size_than_is_held_is_a_conflict() -> None:
    """Also at a witness that holds nothing yet."""
    assert conflicts(submission(3, 7), head(7), held(5))
    assert conflicts(submission(3, 7), head(7), NEVER)


def test_8_12_an_old_size_beyond_the_new_one_is_refused() -> None:
    """It asks for nothing that could be."""
    with pytest.raises(NoteError, match="old"):
        conflicts(submission(5, 5)._replace(old_size=6), head(5), held(6))


@pytest.mark.parametrize(
    ("old", "proof", "before"),
    [
        (0, (LEAVES[0],), NEVER),
        (3, (), held(3)),
        (3, tuple(consistency_path(LEAVES, 3, 8)), held(3)),
        (3, tuple(consistency_path(LEAVES, 3, 7)), Witnessed(3, b"\xee" * 32)),
        (7, (), Witnessed(7, b"\xee" * 32)),
        (7, (LEAVES[0],), held(7)),
    ],
    ids=["proof from nothing", "none", "of another size", "fork", "same size", "too much"],
)
def test_8_12_what_is_not_shown_to_extend_is_refused(
    old: int, proof: tuple[bytes, ...], before: Witnessed
) -> None:
    """Each would let a ledger be rewritten."""
    with pytest.raises(ProofError):
        check_extends(submission(old, 7)._replace(proof=proof), head(7), before)


def test_8_12_an_empty_tree_has_one_root() -> None:
    """C2SP asks for its own answer to it."""
    note = sign_ledger_head(LedgerHead(ORIGIN, 0, EMPTY_ROOT), LOG).decode()
    empty = note.split("\n")[2]
    with pytest.raises(ProofError):
        head_of(note.replace(empty, "A" * 43 + "=").encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"old 1\n",
        b"old 01\n\nnote",
        b"old -1\n\nnote",
        b"old 9007199254740992\n\nnote",
        b"old 1 \n\nnote",
        b"new 1\n\nnote",
        b"\nold 1\n\nnote",
        b"old 1\nAAAA\n\nnote",
        b"old 1\n" + b"A" * 42 + b"B=\n\nnote",
        b"old 1\n\xff\n\nnote",
        b"old 1\r\n\r\nnote",
        b"old 1\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 63 + b"\nnote",
    ],
)
def test_8_12_a_submission_has_one_form(raw: bytes) -> None:
    """Sizes, base64, lines, and no more proof than a tree can need."""
    with pytest.raises(NoteError):
        Submission.parse(raw)


def test_8_12_a_submission_that_is_too_long_is_not_read() -> None:
    """Before anything else."""
    with pytest.raises(TooLargeError):
        Submission.parse(bytes(MAX_SUBMISSION_BYTES + 1))


def test_8_12_a_cosignature_names_its_time_and_its_witness() -> None:
    """Two lines, and nothing of what others put beside them."""
    note, lines = cosigned()
    junk = notes.render("x\n", [notes.NoteSignature("somebody.example", b"\1\2\3\4", b"junk")])
    taken, time_s = take_cosignature(
        note, lines + junk.partition(b"\n\n")[2], "nl-eokm", [OTHER.public, WITNESS.public]
    )
    assert (taken, time_s) == (lines, TIME_S)
    assert cosigners(note + taken, {"nl-eokm": [WITNESS.public]}) == {"nl-eokm": TIME_S}


@pytest.mark.parametrize("line", [0, 1])
def test_8_12_half_a_cosignature_is_none(line: int) -> None:
    """Whoever strips the stronger half gains nothing."""
    note, lines = cosigned()
    with pytest.raises(CosignatureError, match="both"):
        take_cosignature(note, without(lines, line), "nl-eokm", [WITNESS.public])
    assert cosigners(note + without(lines, line), {"nl-eokm": [WITNESS.public]}) == {}


def test_8_12_two_halves_of_two_times_are_none() -> None:
    """Nobody mixes an early half with a late one."""
    note, lines = cosigned()
    late = cosigned(time_s=TIME_S + 1)[1]
    mixed = without(lines, 1) + without(late, 0)
    with pytest.raises(CosignatureError, match="same time"):
        take_cosignature(note, mixed, "nl-eokm", [WITNESS.public])


def test_8_12_a_cosignature_under_another_head_is_none() -> None:
    """It covers size and root."""
    note, _ = cosigned(5)
    with pytest.raises(CosignatureError, match="verify"):
        take_cosignature(note, cosigned(6)[1], "nl-eokm", [WITNESS.public])


def test_8_12_a_key_that_is_not_listed_cosigns_nothing() -> None:
    """Nor does the name of another member."""
    note, lines = cosigned()
    with pytest.raises(UnheardCosignerError):
        take_cosignature(note, lines, "nl-eokm", [OTHER.public])
    with pytest.raises(UnheardCosignerError):
        take_cosignature(note, lines, "fr-pdc", [WITNESS.public])
    assert cosigners(note + lines, {"nl-eokm": [OTHER.public], "fr-pdc": [WITNESS.public]}) == {}


def test_8_12_a_cosignature_counts_until_the_turn_of_its_key_ends() -> None:
    """By the time that it states, to the millisecond; of several the earliest that counts."""
    note, lines = cosigned()
    listed = {"nl-eokm": [WITNESS.public]}
    over = {WITNESS.public.key_id: TIME_S * 1000}
    not_yet = {WITNESS.public.key_id: TIME_S * 1000 + 1}
    with pytest.raises(UnheardCosignerError):
        take_cosignature(note, lines, "nl-eokm", [WITNESS.public], over)
    assert take_cosignature(note, lines, "nl-eokm", [WITNESS.public], not_yet)[1] == TIME_S
    assert cosigners(note + lines, listed, over) == {}
    assert cosigners(note + lines, listed, not_yet) == {"nl-eokm": TIME_S}


def test_8_12_of_an_answer_only_what_is_owed_is_taken() -> None:
    """Lines of another key under the same name, and any others, are left behind."""
    note, lines = cosigned()
    beside = cosigned(key=OTHER)[1]
    filler = "\u2014 {} {}\n"
    room = MAX_COSIGNATURE_BYTES - len(lines + beside) - len(filler.format("", "").encode())
    name, encoded = "n" * (room % 4 + 4), "A" * (room - room % 4 - 4)
    full = lines + beside + filler.format(name, encoded).encode()
    assert len(full) == MAX_COSIGNATURE_BYTES
    assert take_cosignature(note, full, "nl-eokm", [WITNESS.public]) == (lines, TIME_S)
    with pytest.raises(TooLargeError, match="cosignature"):
        take_cosignature(note, full + b"\n", "nl-eokm", [WITNESS.public])


def test_8_12_notes_are_no_longer_than_they_may_be() -> None:
    """A head as signed, and one with the cosignatures of witnesses."""
    note, lines = cosigned()
    line = ("\u2014 name " + "A" * 3000 + "\n").encode()
    with pytest.raises(TooLargeError):
        head_of(note + line * 5)
    assert head_of(note + line * 3) == head(5)
    with pytest.raises(TooLargeError):
        take_cosignature(note + line * 11, lines, "nl-eokm", [WITNESS.public])
    with pytest.raises(TooLargeError):
        cosigners(note + line * 11, {})
    assert cosigners(note + line * 9, {}) == {}


def test_8_12_a_submission_goes_to_the_ends_of_its_bounds() -> None:
    """Bytes, lines of the proof, the old size: each end is within."""
    whole = b"old 0\n\n".ljust(MAX_SUBMISSION_BYTES, b"x")
    assert Submission.parse(whole).old_size == 0
    with pytest.raises(TooLargeError):
        Submission.parse(whole + b"x")
    proof = (bytes(32),) * MAX_PROOF
    longest = Submission(MAX_SIZE, proof, b"note")
    assert Submission.parse(longest.to_bytes()) == longest


def test_8_12_a_head_of_nothing_has_the_empty_root() -> None:
    """It is read; with any other root it is not."""
    note = sign_ledger_head(LedgerHead(ORIGIN, 0, EMPTY_ROOT), LOG)
    assert head_of(note) == LedgerHead(ORIGIN, 0, EMPTY_ROOT)


def test_g7_time_is_when_two_that_are_no_party_had_seen_it() -> None:
    """One may be wrong, a party may lie, and the first alone proves nothing."""
    times = {"gb-iwf": 1, "nl-eokm": 2, "fr-pdc": 30, "de-eco": 40, "at-sol": 50}
    assert witnessed_at(times, ["gb-iwf", "nl-eokm"]) == 40
    assert witnessed_at({"nl-eokm": 2, "fr-pdc": 30}, ["gb-iwf", "nl-eokm"]) is None
    assert witnessed_at({}, ["gb-iwf", "nl-eokm"]) is None
