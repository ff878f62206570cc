"""§8.4: signed notes, read strictly."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import VerifyKey
from protocol import note
from protocol.errors import NoteError, TooLargeError, UnsayableError
from protocol.note import Note, NoteSignature

TEXT = "This is an example message.\n"
LINE = NoteSignature("example.com/foo", b"\1\2\3\4", b"signature")
RAW = note.render(TEXT, [LINE])
C2SP_NAME = "example.com/foo"
C2SP_NOTE = (
    TEXT
    + "\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj"
    "OBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_PUBLIC = base64.b64decode(C2SP_VKEY.split("+")[2])[1:]


def test_8_4_the_example_of_the_specification_verifies() -> None:
    """C2SP signed-note prints a key and a note that it signed."""
    parsed = note.parse(C2SP_NOTE)
    signature = note.find(parsed, C2SP_NAME, note.ED25519, C2SP_PUBLIC)
    assert signature is not None
    VerifyKey(C2SP_PUBLIC).verify_ed25519(signature, parsed.text.encode())


def test_8_4_the_verifier_key_of_the_specification_is_written() -> None:
    """So that other people's tools can check our logs."""
    assert note.vkey(C2SP_NAME, note.ED25519, C2SP_PUBLIC) == C2SP_VKEY


def test_8_4_what_is_written_is_read_again() -> None:
    """Reading undoes writing."""
    assert note.parse(RAW) == Note(TEXT, (LINE,))


def test_8_4_the_text_ends_at_the_last_empty_line() -> None:
    """A text may contain empty lines itself."""
    text = "one\n\ntwo\n"
    assert note.parse(note.render(text, [LINE])).text == text


ENCODED = base64.b64encode(b"\1\2\3\4signature").decode()
HOSTILE = {
    "nothing": "",
    "only text": TEXT,
    "no signature": TEXT + "\n",
    "no empty line": f"{TEXT}\u2014 a {ENCODED}\n",
    "no newline at the end": f"{TEXT}\n\u2014 a {ENCODED}",
    "another byte for the last newline": f"{TEXT}\n\u2014 a {ENCODED}X",
    "carriage return": f"{TEXT}\n\u2014 a {ENCODED}\r\n",
    "tab in the text": f"a\tb\n\n\u2014 a {ENCODED}\n",
    "NUL in the text": f"a\0b\n\n\u2014 a {ENCODED}\n",
    "hyphen for the dash": f"{TEXT}\n- a {ENCODED}\n",
    "no dash": f"{TEXT}\na {ENCODED}\n",
    "two spaces": f"{TEXT}\n\u2014 a  {ENCODED}\n",
    "no name": f"{TEXT}\n\u2014  {ENCODED}\n",
    "plus in the name": f"{TEXT}\n\u2014 a+b {ENCODED}\n",
    "no-break space in the name": f"{TEXT}\n\u2014 a\u00a0b {ENCODED}\n",
    "no base64": f"{TEXT}\n\u2014 a\n",
    "broken base64": f"{TEXT}\n\u2014 a {ENCODED[:-1]}\n",
    "URL-safe base64": f"{TEXT}\n\u2014 a _-_-_-_-\n",
    "base64 with stray bits": f"{TEXT}\n\u2014 a AQIDBAV=\n",
    "base64 with a space": f"{TEXT}\n\u2014 a {ENCODED} \n",
    "hash without a signature": f"{TEXT}\n\u2014 a AQIDBA==\n",
    "an empty line among signatures": f"{TEXT}\n\u2014 a {ENCODED}\n\n",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_8_4_what_is_not_a_note_is_refused(raw: str) -> None:
    """Lax readers disagree on what was signed."""
    with pytest.raises(NoteError):
        note.parse(raw.encode())


def test_8_4_a_note_is_utf_8() -> None:
    """Other bytes are no text."""
    with pytest.raises(NoteError):
        note.parse(RAW.replace(b"example message", b"\xff\xfe"))


def test_8_4_sixteen_signatures_are_read_and_no_more() -> None:
    """C2SP demands that readers accept sixteen; a bound keeps work small."""
    assert len(note.parse(note.render(TEXT, [LINE] * 16)).signatures) == 16
    with pytest.raises(TooLargeError):
        note.parse(note.render(TEXT, [LINE] * 17))


def test_8_4_size_is_judged_first() -> None:
    """A long note is refused before it is decoded."""
    with pytest.raises(TooLargeError):
        note.parse(b"\xff" * 101, max_bytes=100)


def test_8_4_a_key_that_signs_twice_makes_the_note_invalid() -> None:
    """Two lines by one key: readers could differ in which one they check."""
    public = b"\5" * 32
    line = NoteSignature("a", note.key_hash("a", note.ED25519, public), b"x")
    doubled = note.parse(note.render(TEXT, [line, line._replace(signature=b"y")]))
    with pytest.raises(NoteError, match="twice"):
        note.find(doubled, "a", note.ED25519, public)


def test_8_4_a_line_needs_both_name_and_hash_of_the_key() -> None:
    """A line that shares only one of them is some other key's."""
    public = b"\5" * 32
    hashed = note.key_hash("a", note.ED25519, public)
    lines = [NoteSignature("b", hashed, b"x"), NoteSignature("a", b"none", b"y")]
    assert note.find(note.parse(note.render(TEXT, lines)), "a", note.ED25519, public) is None


def test_8_4_key_hashes_differ_by_type() -> None:
    """The same key may sign in two ways without ambiguity."""
    kinds = (note.ED25519, note.ED25519_COSIGNATURE, note.MLDSA44_COSIGNATURE)
    assert len({note.key_hash("a", kind, b"\5" * 32) for kind in kinds}) == 3


def test_8_4_what_no_note_can_carry_is_not_written() -> None:
    """The blame is ours."""
    with pytest.raises(UnsayableError, match="newline"):
        note.render("no newline", [LINE])
    with pytest.raises(UnsayableError, match="name"):
        note.render(TEXT, [LINE._replace(name="two words")])


@given(st.binary(max_size=200))
def test_8_4_arbitrary_bytes_never_crash_the_reader(raw: bytes) -> None:
    """Whatever arrives is a note or a NoteError, and a note is written back as it was."""
    try:
        parsed = note.parse(raw)
    except NoteError:
        return
    assert note.render(parsed.text, parsed.signatures) == raw


def test_8_4_a_note_of_exactly_the_allowed_size_is_read() -> None:
    """The limit is a limit and not one less."""
    assert note.parse(RAW, max_bytes=len(RAW)).text == TEXT
