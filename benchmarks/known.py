"""P4: exact look-ups of hashes against lists of known content, half of them known.

The store is a node's own, encrypted, filled as an import fills it. What is timed is what a node
does for whoever asks: the keyed fingerprint of each hash, and which entries of which categories
have it. Time is the processor's.

* `P4`: 10,000 hashes at once.
* `P4.single`: one after the other, each a question of its own.
* `P4.stored`: as P4, answered by the encrypted store itself, as while memory is not read yet.
* `P4.import`: entries a second on their way into the list, durable.

`sqlite` is a plain table of the standard library's SQLite on the same hashes: no encryption, the
hash as its key, and the number of an entry as its answer; filled in the order of the hashes.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from node.matching.fingerprints import Fingerprints
from node.matching.lists import Entry, Provenance, Terms
from node.store.connection import create_database, open_reader, open_writer
from node.store.contents.known import Known, KnownContent
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.contents.lookalikes import Lookalikes
from node.store.writer import InlineReaders, InlineWriter
from protocol.facts import Content

KEY = bytes(range(32))
BATCH = 10_000
STEP = 50_000
"""Entries in one transaction of an import."""
SINGLE = 20_000
AT_ONCE = 512
"""Hashes in one statement of the reference: its best."""

Rates = dict[str, tuple[float, float]]


class KnownHashes:
    """A node's store and a plain table, each with the same many hashes."""

    def __init__(self, folder: Path, count: int) -> None:
        """Fill both; `filled` are the entries a second of each."""
        folder.mkdir(parents=True)
        self._count = count
        fingerprints = Fingerprints(KEY)
        create_database(folder / "node.db", KEY)
        ours = _timed(count, lambda: _fill(folder / "node.db", fingerprints, count))
        self._plain = sqlite3.connect(folder / "plain.db", isolation_level=None)
        self.filled = ours, _timed(count, lambda: _fill_plain(self._plain, count))
        self._readers = InlineReaders(open_reader(folder / "node.db", KEY))
        writer = InlineWriter(open_writer(folder / "node.db", KEY))
        self._stored = self._content(writer, fingerprints, Known(fingerprints))
        known = Known(fingerprints)
        self._known = self._content(writer, fingerprints, known)
        self.read_s = time.process_time()
        self._readers.run_now(known.refresh)
        self.read_s = time.process_time() - self.read_s

    def _content(
        self, writer: InlineWriter, fingerprints: Fingerprints, known: Known
    ) -> KnownContent:
        return KnownContent(writer, self._readers, fingerprints, known, Lookalikes())

    def measure(self, seed: int) -> Rates:
        """Return look-ups a second of each figure, and those of the plain table."""
        asked = self._asked(seed)
        single = list(islice(asked, SINGLE))
        batches = [list(islice(asked, BATCH)) for _ in range(10)]
        plain = _timed(10 * BATCH, lambda: [_look_up_plain(self._plain, one) for one in batches])
        return {
            "P4": (_timed(10 * BATCH, lambda: self._answer(self._known, batches)), plain),
            "P4.stored": (_timed(BATCH, lambda: self._answer(self._stored, batches[:1])), plain),
            "P4.single": (
                _timed(SINGLE, lambda: [self._known.look_up((one,)) for one in single]),
                _timed(SINGLE, lambda: [_look_up_plain(self._plain, (one,)) for one in single]),
            ),
        }

    def close(self) -> None:
        """Let go of both."""
        self._readers.close()
        self._plain.close()

    def _answer(self, known: KnownContent, batches: list[list[bytes]]) -> None:
        for one in batches:
            found = known.look_up(one)
            if not 0.4 < len(found) / len(one) < 0.6:  # noqa: PLR2004 - half of them are known
                raise RuntimeError("not half of the hashes were found: nothing is measured")

    def _asked(self, seed: int) -> Iterator[bytes]:
        rng = random.Random(seed)  # noqa: S311 -- made data, the same in each run
        while True:
            number = rng.randrange(self._count)
            yield _digest(number)
            yield rng.randbytes(32)


def _digest(number: int) -> bytes:
    return random.Random(number).randbytes(32)  # noqa: S311 -- as above


def _timed(count: int, work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return count / (time.process_time() - begun)


def _fill(path: Path, fingerprints: Fingerprints, count: int) -> None:
    connection = open_writer(path, KEY)
    writer = InlineWriter(connection)
    terms = Terms("bench", Provenance.OWN)
    writer.run_now(lambda opened: keep_terms(opened, terms, {}, 1))
    for start in range(0, count, STEP):
        batch = [
            Entry(Content(sha256=_digest(at)), "1") for at in range(start, min(count, start + STEP))
        ]
        writer.run_now(lambda opened: take_in(opened, fingerprints, terms.name, 1, batch, 1))  # noqa: B023 - run at once
    connection.close()


def _fill_plain(plain: sqlite3.Connection, count: int) -> None:
    plain.execute("CREATE TABLE known (hash BLOB PRIMARY KEY, entry INTEGER) WITHOUT ROWID")
    plain.execute("BEGIN")
    rows = sorted((_digest(number), number) for number in range(count))
    plain.executemany("INSERT INTO known VALUES (?, ?)", rows)
    plain.execute("COMMIT")


def _look_up_plain(plain: sqlite3.Connection, hashes: list[bytes] | tuple[bytes]) -> list[object]:
    found: list[object] = []
    for start in range(0, len(hashes), AT_ONCE):
        some = hashes[start : start + AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT hash, entry FROM known WHERE hash IN ({marks})"  # noqa: S608 - own marks
        found += plain.execute(sql, some).fetchall()
    return found
