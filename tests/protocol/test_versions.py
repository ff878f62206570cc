"""§13: several versions side by side: what is said to whom in which form, and nobody lowers it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from keys.member import Capabilities
from protocol import entry, messages
from protocol.errors import MalformedError
from protocol.messages import ItemV2, Message, UnknownMessage, form_of, from_body, to_body
from protocol.versions import is_read_by, spoken, worded_for
from protocol.vocabulary import Kind
from tests.protocol import oracle, samples
from tests.protocol.conftest import vectors

V2 = vectors("protocol_v2.json")
SECRET = bytes.fromhex(V2["node_secret"])
OLD = Capabilities((1,), (1, 2, 3, 16, 17, 32, 33, 34, 48))
"""What the first version of this program says of itself."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [_plain(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", V2["entries"], ids=lambda one: one["name"])
def test_5_later_forms_have_their_bytes(vector: dict[str, Any]) -> None:
    """Read by us and said by us they are the vector's bytes, id and salt included."""
    raw = bytes.fromhex(vector["entry"])
    parts, message = messages.read(raw)
    said = oracle.unpack(oracle.pack(msgspec.to_builtins(message, builtin_types=(bytes,))))
    assert said == _plain(vector["body"])
    place = (_plain(vector["subject"]), vector["revision"], V2["receiver"])
    composed = entry.compose(
        SECRET, vector["kind"], *place, to_body(message), version=vector["version"]
    )
    assert (composed.id.hex(), composed.salt.hex()) == (vector["id"], vector["salt"])
    assert entry.encode(composed) == raw
    assert parts == composed
    assert entry.leaf(raw).hex() == vector["leaf"]


@pytest.mark.parametrize("vector", V2["entries"], ids=lambda one: one["name"])
def test_5_later_forms_are_what_an_independent_encoder_writes(vector: dict[str, Any]) -> None:
    """The vectors themselves stay honest."""
    head = [vector["version"], vector["kind"]]
    parts = [bytes.fromhex(vector["id"]), bytes.fromhex(vector["salt"]), _plain(vector["body"])]
    assert oracle.pack([*head, *parts]).hex() == vector["entry"]


def test_5_3_one_thing_in_two_forms_is_two_entries() -> None:
    """Else what was said again to a member that was upgraded meanwhile would be a conflict."""
    ids = {
        entry.entry_id(SECRET, Kind.ITEM, samples.ITEM_ID, 0, "nl-eokm", version)
        for version in entry.VERSIONS
    }
    assert len(ids) == len(entry.VERSIONS)


@pytest.mark.parametrize("message", samples.MESSAGES, ids=lambda one: type(one).__name__)
def test_13_who_reads_all_is_told_all(message: Message) -> None:
    """The newest form goes to whoever lists its version and kind."""
    assert worded_for(message, spoken()) is message


def test_13_who_reads_version_1_is_told_version_1() -> None:
    """The same item, without the field that it has no place for."""
    assert worded_for(samples.ITEM_V2, OLD) == samples.ITEM


@pytest.mark.parametrize(
    "reader",
    [None, Capabilities((), ()), Capabilities((2,), (17,)), Capabilities((9,), (16,))],
    ids=["no document", "nothing listed", "kind not listed", "version not ours"],
)
def test_13_who_reads_nothing_of_it_is_told_the_first_form(reader: Capabilities | None) -> None:
    """It is kept there and answered: visible at both sides, and never dropped here."""
    assert form_of(worded_for(samples.ITEM_V2, reader)) == (1, Kind.ITEM)


def test_13_a_version_beyond_ours_changes_nothing() -> None:
    """A newer member reads what we say: the highest common version counts."""
    newer = Capabilities((1, 2, 3), (*spoken().kinds, 77))
    assert worded_for(samples.ITEM_V2, newer) is samples.ITEM_V2


def test_13_a_version_is_not_read_because_a_higher_one_is() -> None:
    """Only what is listed counts: who listed 1 and 3 alone is told version 1."""
    assert form_of(worded_for(samples.ITEM_V2, Capabilities((1, 3), (16,)))) == (1, Kind.ITEM)


def test_13_a_new_kind_is_read_only_where_it_is_listed() -> None:
    """So that its author hears beforehand that it would not be read."""
    assert is_read_by(samples.PEER_MESSAGE, spoken())
    assert not is_read_by(samples.PEER_MESSAGE, OLD)


def test_7_3_what_no_table_knows_is_read_by_nobody() -> None:
    """Also if a member lists it."""
    assert not is_read_by(UnknownMessage(1, 99, b"\x90"), Capabilities((1,), (99,)))


def test_7_3_a_kind_has_only_the_versions_of_the_table() -> None:
    """An entry of version 2 of a kind that version 2 did not change is an unknown form."""
    body = to_body(samples.OUTCOME)
    assert from_body(Kind.OUTCOME, body, 2) == UnknownMessage(2, Kind.OUTCOME, body)


def test_13_a_field_of_version_2_is_malformed_in_version_1() -> None:
    """A message cannot pass as the other version: neither by its head nor by its length."""
    with pytest.raises(MalformedError):
        from_body(Kind.ITEM, to_body(samples.ITEM_V2), 1)
    with pytest.raises(MalformedError):
        from_body(Kind.ITEM, to_body(samples.ITEM), 2)


def test_13_version_2_keeps_every_rule_of_version_1() -> None:
    """An item without place and content is none in either."""
    with pytest.raises(ValueError, match="location"):
        msgspec.structs.replace(samples.ITEM_V2, location=type(samples.LOCATION)(), content=())
    assert issubclass(ItemV2, type(samples.ITEM))


@pytest.mark.parametrize(
    "text", ["", "a" * 2001, "bell\x07", "null\0", "c1\x85", "\r\n", "\x1b[2J"]
)
def test_6_4_a_message_to_a_peer_is_plain_bounded_text(text: str) -> None:
    """Nothing in it moves a cursor, rings, or hides."""
    plain = [samples.ITEM_ID, samples.EVENT_ID, text, samples.AT_MS]
    with pytest.raises(MalformedError, match=r"peer_message\.text"):
        from_body(Kind.PEER_MESSAGE, oracle.pack(plain))
