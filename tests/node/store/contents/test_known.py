"""Exact look-ups: memory answers what the store would, through whatever happens to the lists."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.matching.lists import Entry, Provenance, Retraction, Terms
from node.store.connection import open_writer
from node.store.contents import known as module
from node.store.contents.known import Known
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.seam import Connection
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS
from tests.builders.empty import empty_store

KEY = bytes(range(32))
MANY = 3000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Connection]:
    """Give a store with one list."""
    empty_store(tmp_path / "node.db", KEY)
    connection = open_writer(tmp_path / "node.db", KEY)
    keep_terms(connection, Terms("a", Provenance.OWN), {}, 1)
    yield connection
    connection.close()


def file(number: int) -> Content:
    """Return the hashes of a file."""
    rng = random.Random(number)  # noqa: S311 - made data
    return Content(sha256=rng.randbytes(32), md5=rng.randbytes(16))


def take(opened: Connection, version: int, *batch: Entry | Retraction) -> None:
    """Take these into the list."""
    take_in(opened, FINGERPRINTS, "a", version, batch, 1)


def agree(opened: Connection, known: Known, numbers: range) -> int:
    """See that memory says what a store without memory says; how many it knows."""
    keys = [key for n in numbers for key in FINGERPRINTS.content(file(n))]
    found = known.find(opened, keys)
    assert found == Known(FINGERPRINTS).find(opened, keys)
    return len(found) // 2


def test_memory_answers_as_the_store_does(opened: Connection) -> None:
    """Every key, and as many that are not there."""
    take(opened, 1, *(Entry(file(n), "1") for n in range(MANY)))
    known = Known(FINGERPRINTS)
    assert known.refresh(opened)
    assert agree(opened, known, range(2 * MANY)) == MANY
    assert not known.refresh(opened)


def test_memory_that_is_behind_does_not_answer(opened: Connection) -> None:
    """Within the very transaction in which something came or went."""
    take(opened, 1, *(Entry(file(n), "1") for n in range(20)))
    known = Known(FINGERPRINTS)
    known.refresh(opened)
    opened.execute("BEGIN IMMEDIATE")
    take(opened, 1, Entry(file(20), "1"), Retraction(content=file(3)))
    assert agree(opened, known, range(30)) == 20
    opened.execute("ROLLBACK")
    assert agree(opened, known, range(30)) == 20


def test_memory_is_filled_up_by_what_came_and_went(opened: Connection) -> None:
    """Step by step, entries that change among them."""
    known, rng = Known(FINGERPRINTS), random.Random(5)  # noqa: S311 - as above
    for version in range(1, 30):
        numbers = [rng.randrange(100) for _ in range(rng.randrange(1, 9))]
        if rng.random() < 0.4:
            take(opened, version, *(Retraction(content=file(n)) for n in numbers))
        else:
            category = str(rng.randrange(3))
            take(opened, version, *(Entry(file(n), category) for n in numbers))
        known.refresh(opened)
        agree(opened, known, range(100))
    assert known.refresh(opened) is False


def test_memory_is_read_anew_when_much_came(opened: Connection) -> None:
    """As after an import; what it forgot before does not come back."""
    take(opened, 1, *(Entry(file(n), "1") for n in range(10)))
    known = Known(FINGERPRINTS)
    known.refresh(opened)
    take(opened, 2, Retraction(content=file(1)))
    known.refresh(opened)
    rows = (Entry(file(n), "1") for n in range(10, 11 + module.FEW))
    take(opened, 2, *rows)
    known.refresh(opened)
    assert agree(opened, known, range(20)) == 19


def test_keys_that_are_not_spread_evenly_are_found(opened: Connection) -> None:
    """The guess where a key stands is only a guess: here all of them begin alike."""
    keys = [bytes(1) + (7919 * number).to_bytes(15, "little") for number in range(MANY)]
    for number, key in enumerate(sorted(keys), 1):
        opened.execute("INSERT INTO list_keys VALUES (?, ?, 1)", (key, number))
    opened.execute("INSERT INTO list_entries VALUES (?, 1, 1, x'')", (MANY,))
    known = Known(FINGERPRINTS)
    known.refresh(opened)
    assert known.find(opened, keys) == Known(FINGERPRINTS).find(opened, keys)
    assert len(known.find(opened, keys)) == MANY
