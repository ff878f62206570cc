"""§5: entries, their identity and their leaves."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry
from protocol.entry import Entry
from protocol.errors import MalformedError, TooLargeError, UnsayableError
from tests.protocol import oracle
from tests.protocol.samples import ITEM_ID, NODE_SECRET

ID = b"\x0a" * 32
SALT = b"\x0b" * 16
BODIES = st.lists(st.integers(0, 300) | st.binary(max_size=40) | st.booleans()).map(oracle.pack)


@given(st.integers(0, 127), st.binary(min_size=32, max_size=32), BODIES)
def test_5_1_an_entry_is_the_array_of_its_five_parts(
    kind: int, identity: bytes, body: bytes
) -> None:
    """An independent library writes the same bytes, and ours reads them."""
    raw = oracle.pack([1, kind, identity, SALT, oracle.unpack(body)])
    assert entry.encode(Entry(1, kind, identity, SALT, body)) == raw
    assert entry.decode(raw) == Entry(1, kind, identity, SALT, body)


def test_5_1_an_entry_of_a_later_version_keeps_its_parts() -> None:
    """The outer form is the same in all versions, so that what we cannot read can be answered."""
    raw = oracle.pack([2, 900, ID, SALT, ["something", [new := 1, None]]])
    body = oracle.pack(["something", [new, None]])
    assert entry.decode(raw) == Entry(2, 900, ID, SALT, body)


def test_5_1_version_and_kind_zero_are_read_as_unknown() -> None:
    """Nobody says them today; they are kept like everything unknown."""
    assert entry.decode(oracle.pack([0, 0, ID, SALT, []]))[:2] == (0, 0)


def test_5_1_a_large_kind_of_version_1_is_read_as_unknown() -> None:
    """Kinds from 128 on have another head; it is read all the same."""
    assert entry.decode(oracle.pack([1, 128, ID, SALT, []])).kind == 128


HOSTILE = {
    "no array": oracle.pack("entry"),
    "four parts": oracle.pack([1, 16, ID, SALT]),
    "six parts": oracle.pack([1, 16, ID, SALT, [], []]),
    "short id": oracle.pack([1, 16, ID[1:], SALT, []]),
    "id as text": oracle.pack([1, 16, "a" * 32, SALT, []]),
    "long salt": oracle.pack([1, 16, ID, SALT + b"x", []]),
    "no salt": oracle.pack([1, 16, ID, None, []]),
    "boolean version": oracle.pack([True, 16, ID, SALT, []]),
    "negative version": oracle.pack([-1, 16, ID, SALT, []]),
    "negative kind": oracle.pack([1, -1, ID, SALT, []]),
    "kind as text": oracle.pack([1, "16", ID, SALT, []]),
    "version in two bytes": b"\x95\xcc\x01" + oracle.pack([1, 16, ID, SALT, []])[2:],
    "kind as an empty map": b"\x95\x01\x80" + oracle.pack([1, 16, ID, SALT, []])[3:],
    "kind in two bytes": b"\x95\x01\xcc\x10" + oracle.pack([1, 16, ID, SALT, []])[3:],
    "over-long array header": b"\xdc\x00\x05" + oracle.pack([1, 16, ID, SALT, []])[1:],
    "no body": oracle.pack([1, 16, ID, SALT, []])[:-1],
    "nothing": b"",
    "later version with a trailing byte": oracle.pack([3, 16, ID, SALT, []]) + b"\xc0",
    "later version with a float": oracle.pack([3, 16, ID, SALT, [1.5]]),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_5_1_what_is_not_an_entry_is_malformed(raw: bytes) -> None:
    """A wrong head never becomes an entry of some other shape."""
    with pytest.raises(MalformedError):
        entry.decode(raw)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([-1, 16, ID, SALT, []], "entry.version"),
        ([1, -1, ID, SALT, []], "entry.kind"),
        ([3, 16, ID[1:], SALT, []], "entry.id"),
        ([3, 16, ID, SALT[1:], []], "entry.salt"),
    ],
)
def test_5_1_the_malformed_part_is_named(parts: list[Any], field: str) -> None:
    """The field travels as the reason of a disposition."""
    with pytest.raises(MalformedError) as caught:
        entry.decode(oracle.pack(parts))
    assert caught.value.field == field


def test_5_1_the_largest_numbers_are_read() -> None:
    """Whatever a later version says with 64 bits is kept and answered."""
    largest = (1 << 64) - 1
    assert entry.decode(oracle.pack([largest, largest, ID, SALT, []]))[:2] == (largest, largest)


def test_5_2_size_is_judged_first() -> None:
    """An entry over the limit is refused whatever it holds."""
    with pytest.raises(TooLargeError):
        entry.decode(b"\xc1" * 65537)


@pytest.mark.parametrize(
    "wrong",
    [
        Entry(3, 16, ID, SALT, b"\x90"),
        Entry(1, 128, ID, SALT, b"\x90"),
        Entry(1, -1, ID, SALT, b"\x90"),
        Entry(1, 16, ID[1:], SALT, b"\x90"),
        Entry(1, 16, ID, SALT[1:], b"\x90"),
        Entry(1, 16, ID, SALT, b"\xc6" * 65536),
    ],
)
def test_5_2_we_say_only_what_others_will_read(wrong: Entry) -> None:
    """What a receiver would refuse is refused before it is sent."""
    with pytest.raises(UnsayableError):
        entry.encode(wrong)


def test_5_2_an_entry_of_exactly_the_allowed_size_is_said_and_read() -> None:
    """The limit is a limit and not one less."""
    whole = Entry(1, 127, ID, SALT, oracle.pack(bytes(60)))
    size = entry.HEAD_BYTES + len(whole.body)
    assert entry.decode(entry.encode(whole, size), size) == whole
    with pytest.raises(UnsayableError):
        entry.encode(whole, size - 1)
    with pytest.raises(TooLargeError):
        entry.decode(entry.encode(whole), size - 1)


def test_5_3_the_same_thing_has_the_same_id_for_ever() -> None:
    """Identity depends on nothing but secret, kind, subject, revision and receiver."""
    identity = entry.entry_id(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm")
    assert identity == oracle.entry_id(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm")
    assert entry.entry_salt(NODE_SECRET, identity) == oracle.salt(NODE_SECRET, identity)


@pytest.mark.parametrize(
    ("kind", "subject", "revision", "receiver"),
    [
        (17, ITEM_ID, 0, "nl-eokm"),
        (16, ITEM_ID[:-1], 0, "nl-eokm"),
        (16, ITEM_ID.encode(), 0, "nl-eokm"),
        (16, ITEM_ID, 1, "nl-eokm"),
        (16, ITEM_ID, 0, "de-eco"),
    ],
)
def test_5_3_another_thing_has_another_id(
    kind: int, subject: str | bytes, revision: int, receiver: str
) -> None:
    """Each part of the identity counts."""
    usual = entry.entry_id(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm")
    assert entry.entry_id(NODE_SECRET, kind, subject, revision, receiver) != usual


def test_5_3_in_a_later_form_the_version_is_part_of_the_identity() -> None:
    """One thing said in two forms is two entries, and never a conflict."""
    later = entry.compose(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm", b"\x90", 2)
    about = oracle.pack([16, ITEM_ID, 0, "nl-eokm", 2])
    assert later.id == hmac.digest(NODE_SECRET, b"hx1/id\0" + about, "sha256")
    assert later.version == 2


def test_5_3_another_node_gives_another_id() -> None:
    """Nobody without the secret can tell what an id stands for."""
    usual = entry.entry_id(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm")
    assert entry.entry_id(NODE_SECRET[::-1], 16, ITEM_ID, 0, "nl-eokm") != usual


def test_5_3_a_short_secret_is_refused() -> None:
    """An empty secret would make ids guessable."""
    with pytest.raises(UnsayableError, match="32 bytes"):
        entry.entry_id(b"", 16, ITEM_ID, 0, "nl-eokm")
    with pytest.raises(UnsayableError, match="32 bytes"):
        entry.entry_salt(b"", ID)


def test_5_3_a_subject_without_a_form_is_refused() -> None:
    """A lone surrogate cannot be part of an identity."""
    with pytest.raises(UnsayableError):
        entry.entry_id(NODE_SECRET, 16, "\ud800", 0, "nl-eokm")


def test_5_4_a_leaf_is_the_hash_of_the_bytes_that_travelled() -> None:
    """Bytes are authoritative: nothing is written anew in order to be hashed."""
    assert entry.leaf(b"anything") == hashlib.sha256(b"\0anything").digest()
    assert entry.leaves([b"a", b"b"]) == [entry.leaf(b"a"), entry.leaf(b"b")]


def test_5_3_composing_derives_id_and_salt() -> None:
    """`compose` is the one way in which a node makes entries."""
    composed = entry.compose(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm", b"\x90")
    identity = oracle.entry_id(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm")
    assert composed == Entry(1, 16, identity, oracle.salt(NODE_SECRET, identity), b"\x90")


def test_5_4_what_a_node_made_bears_its_salt() -> None:
    """So it knows its own words when they come back, whoever hands them back."""
    said = entry.compose(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm", b"\x90")
    assert entry.is_made_with(NODE_SECRET, said)


@pytest.mark.parametrize("changed", [{"salt": SALT}, {"id": ID}])
def test_5_4_attack_who_has_the_log_key_alone_cannot_salt(changed: dict[str, Any]) -> None:
    """Signing takes that key; the salt of an id takes the secret that never leaves the node."""
    said = entry.compose(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm", b"\x90")
    assert not entry.is_made_with(NODE_SECRET, said._replace(**changed))
    assert not entry.is_made_with(NODE_SECRET[::-1], said)


def test_g4_attack_guess_of_an_entry_is_not_confirmed_by_its_leaf() -> None:
    """Who guesses all that was said, and knows its id from an answer, still lacks the salt."""
    said = entry.compose(NODE_SECRET, 16, ITEM_ID, 0, "nl-eokm", b"\x90")
    seen = entry.leaf(entry.encode(said))
    tried = (bytes(16), entry.entry_salt(NODE_SECRET[::-1], said.id), said.id[:16])
    guesses = [entry.encode(said._replace(salt=salt)) for salt in tried]
    assert seen not in entry.leaves(guesses)
