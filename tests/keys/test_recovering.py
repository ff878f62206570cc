"""The part by which a member says that it lost its node: read, kept, and its key found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keys import MemberDocument, UnknownKeyError, UntrustedDocumentError
from keys.documents import serialise
from keys.recovering import Recovering
from tests.keys.conftest import NOW_MS


def recovering(document: MemberDocument, index: int = 1) -> MemberDocument:
    """Give the document of a member that recovers under one of its sealing keys."""
    named = document.sealing[index].key.key_id
    return replace(document, recovering=Recovering(named, NOW_MS, {"since": {"x": 1}}))


def test_it_survives_its_bytes(document: MemberDocument) -> None:
    """With the fields of later versions."""
    said = recovering(document)
    assert MemberDocument.from_bytes(said.to_bytes()) == said
    assert json.loads(said.to_bytes())["recovering"] == {
        "sealing_key": document.sealing[1].key.key_id,
        "since": {"x": 1},
        "since_ms": NOW_MS,
    }


def test_a_document_that_says_nothing_of_it_keeps_its_bytes(document: MemberDocument) -> None:
    """As nodes write it that never lost anything."""
    assert "recovering" not in json.loads(document.to_bytes())
    assert MemberDocument.from_bytes(document.to_bytes()).recovering is None


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (None, "recovering: needs an object"),
        ({"since_ms": 1}, "recovering.sealing_key: is missing"),
        ({"sealing_key": 7, "since_ms": 1}, "recovering.sealing_key: needs text"),
        ({"sealing_key": "00"}, "recovering.since_ms: is missing"),
        ({"sealing_key": "00", "since_ms": -1}, "recovering.since_ms: needs an integer"),
    ],
)
def test_a_malformed_part_is_named(document: MemberDocument, said: Any, named: str) -> None:
    """By its field."""
    value = json.loads(document.to_bytes())
    value["recovering"] = said
    with pytest.raises(UntrustedDocumentError, match=f"^member document: {named}"):
        MemberDocument.from_bytes(serialise(value))


def test_things_are_handed_back_under_the_key_that_it_names(document: MemberDocument) -> None:
    """And under no other of its keys, however long they last."""
    for index, published in enumerate(document.sealing):
        assert recovering(document, index).recovery_key() == published.key


def test_nothing_is_handed_back_to_a_member_that_lost_nothing(document: MemberDocument) -> None:
    """There is no key that it made after a loss."""
    with pytest.raises(UnknownKeyError, match=r"recovering\.sealing_key: gb-iwf"):
        document.recovery_key()


def test_nothing_is_handed_back_under_a_key_that_is_withdrawn(document: MemberDocument) -> None:
    """The named key is no longer among those of the document."""
    said = recovering(document)
    with pytest.raises(UnknownKeyError, match="publishes no such key"):
        replace(said, sealing=(said.sealing[0], *said.sealing[2:])).recovery_key()
