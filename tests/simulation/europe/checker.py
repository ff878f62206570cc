"""Holds what all members' databases say against what was really handed in and done.

    python -m tests.simulation.europe.checker FOLDER

FOLDER holds `ledger.ndjson`, `databases.json` and one database for each member. The ledger has one
line for each item, `["item", number, url, finder, via, holder, closed_by]`, and one for each report
of one, `["line", number, member]`; members are numbers in the order of `databases.json`.

It owes nothing to the node: it opens the files with SQLCipher's driver, and reads the stored states
as the plain MessagePack arrays that they are. It asks:

1. *Lost*: does each item stand at everybody who reported it, at whom it moved through, and at its
   holder; does the holder know every report of it; was it judged and closed; do all the others name
   the holder, and show exactly his verdicts and actions? Does nothing wait, unjudged or without a
   receipt, anywhere?
2. *Twice*: is it one item at each of them, with one sighting for one report, one event for one
   deed? Does nobody hold what nobody handed in? Had no entry two effects?

Findings name numbers and members, never an address.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import sqlcipher3.dbapi2 as sqlcipher

PAGE_BYTES = 8192
SHOWN = 20
LOCATION, SIGHTINGS, RESPONSIBLE, ASSESSMENTS, ACTIONS, CLOSED_BY = 5, 16, 20, 26, 27, 30
"""Places in a stored state (`ItemState`)."""


class Finding(NamedTuple):
    """Something that is not as it must be. `kind`: lost or twice."""

    kind: str
    text: str


@dataclass
class Verdict:
    """What was found: how often, and the first of them in words."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many things are missing somewhere."""
        return self.counts["lost"]

    @property
    def twice(self) -> int:
        """How many things stand where they already stood, or were never handed in."""
        return self.counts["twice"]

    def add(self, kind: str, text: str) -> None:
        """Take a finding."""
        self.counts[kind] += 1
        if self.counts[kind] <= SHOWN:
            self.findings.append(Finding(kind, text))


class Truth:
    """The ledger, by item number."""

    def __init__(self, path: Path) -> None:
        self.finder, self.via, self.holder = array("h"), array("h"), array("h")
        self.close: list[str] = []
        self.number_of: dict[str, int] = {}
        self.lines: dict[int, Counter[int]] = defaultdict(Counter)
        items: dict[int, list[Any]] = {}
        with path.open(encoding="utf-8") as ledger:
            for line in ledger:
                what, number, *rest = json.loads(line)
                if what == "item":
                    items[number] = rest
                else:
                    self.lines[number][rest[0]] += 1
        for number in range(len(items)):
            url, finder, via, holder, close = items.pop(number)
            self.number_of[url] = number
            self.finder.append(finder)
            self.via.append(via)
            self.holder.append(holder)
            self.close.append(sys.intern(close))

    def __len__(self) -> int:
        return len(self.close)


class Check:
    """One comparison of all databases with the ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth = Truth(folder / "ledger.ndjson")
        self.places = json.loads((folder / "databases.json").read_text(encoding="utf-8"))
        self.members = list(self.places)
        self.verdict = Verdict()
        self.held = array("Q", bytes(8 * len(self.truth)))
        """By item, a digest of the verdicts and actions that its holder shows."""
        self.told: list[tuple[int, int, int]] = []

    def run(self) -> Verdict:
        """Compare everything."""
        expected = self._expected()
        for member, name in enumerate(self.members):
            file, key = self.places[name]
            with closing(_open(self.folder / file, key)) as connection:
                self._channels(name, connection)
                self._items(member, expected[member], connection)
        for number, member, digest in self.told:
            if digest != self.held[number]:
                name = self.members[member]
                self.verdict.add("lost", f"{number}: {name} does not show what its holder does")
        return self.verdict

    def _expected(self) -> list[set[int]]:
        """By member, the items that must stand there."""
        truth = self.truth
        expected: list[set[int]] = [set() for _ in self.members]
        for number in range(len(truth)):
            for member in {*truth.lines[number], truth.via[number], truth.holder[number]} - {-1}:
                expected[member].add(number)
        return expected

    def _channels(self, name: str, connection: sqlcipher.Connection) -> None:
        """Nothing waits, nothing is without its receipt or unjudged, nothing had two effects."""
        lost = {
            "messages wait": "SELECT count(*) FROM waiting_out",
            "entries are without a receipt": (
                "SELECT coalesce(sum(size - receipted), 0) FROM channels_out"
            ),
            "channels stopped": (
                "SELECT count(*) FROM (SELECT stopped FROM channels_out"
                " UNION ALL SELECT stopped FROM channels_in) WHERE stopped IS NOT NULL"
            ),
            "entries are not judged": "SELECT count(*) FROM entries_in WHERE judged <> 1",
            "entries were refused": (
                "SELECT count(*) FROM entries_in WHERE answer IN ('malformed', 'unknown_kind',"
                " 'unknown_version', 'not_permitted', 'not_here', 'conflict')"
            ),
        }
        for what, sql in lost.items():
            for _ in range(_one(connection, sql)):
                self.verdict.add("lost", f"{name}: {what}")
        rows = connection.execute(
            "SELECT peer, count(*) FROM entries_in"
            " WHERE coalesce(answer, '') NOT IN ('repeat', 'conflict')"
            " GROUP BY peer, leaf HAVING count(*) > 1"
        )
        for peer, count in rows:
            self.verdict.add("twice", f"{name}: an entry of {peer} had {count} effects")

    def _items(self, member: int, expected: set[int], connection: sqlcipher.Connection) -> None:
        name, seen = self.members[member], set[int]()
        for (raw,) in connection.execute("SELECT state FROM items"):
            if not raw:  # nothing has changed it since it was recorded: neither judged nor closed
                self.verdict.add("lost", f"{name}: was never told what became of an item")
                continue
            state = msgpack.unpackb(raw)
            number = self.truth.number_of.get(state[LOCATION][0], -1)
            if number not in expected:
                self.verdict.add("twice", f"{name}: holds an item that is not for it")
            elif number in seen:
                self.verdict.add("twice", f"{number}: stands twice at {name}")
            else:
                seen.add(number)
                self._item(number, member, state)
        for number in sorted(expected - seen):
            self.verdict.add("lost", f"{number}: not at {name}")

    def _item(self, number: int, member: int, state: list[Any]) -> None:
        truth, name = self.truth, self.members[member]
        holder = truth.holder[number]
        if state[RESPONSIBLE] != self.members[holder]:
            self.verdict.add("lost", f"{number}: {name} does not know who is responsible")
        deeds = [one[0] for one in (*state[ASSESSMENTS], *state[ACTIONS])]
        if len(set(deeds)) < len(deeds):
            self.verdict.add("twice", f"{number}: one deed twice at {name}")
        digest = hash(tuple(sorted(deeds))) & 0xFFFFFFFFFFFFFFFF
        if member == holder:
            self.held[number] = digest
            if not state[ASSESSMENTS] or state[CLOSED_BY] != truth.close[number]:
                self.verdict.add("lost", f"{number}: not judged and closed at {name}")
        else:
            self.told.append((number, member, digest))
        self._sightings(number, member, state[SIGHTINGS])

    def _sightings(self, number: int, member: int, sightings: list[Any]) -> None:
        """The holder knows each report; who reported knows his own."""
        name, lines = self.members[member], self.truth.lines[number]
        ids = {one[0] for one in sightings}
        if len(ids) < len(sightings):
            self.verdict.add("twice", f"{number}: one sighting twice at {name}")
        seen = Counter(one[1] for one in sightings)
        of = lines if member == self.truth.holder[number] else [member] * (member in lines)
        for reporter in of:
            missing = lines[reporter] - seen[self.members[reporter]]
            if missing > 0:
                self.verdict.add("lost", f"{number}: {missing} sightings not at {name}")
        for reporter, count in seen.items():
            if count > lines[self.members.index(reporter)]:
                self.verdict.add("twice", f"{number}: sightings too many at {name}")


def _one(connection: sqlcipher.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _open(path: Path, key: str) -> sqlcipher.Connection:
    connection = sqlcipher.connect(path)
    connection.execute("PRAGMA cipher_default_hmac_algorithm = HMAC_SHA256")
    connection.execute(f"PRAGMA cipher_default_page_size = {PAGE_BYTES}")
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    return connection


def check(folder: Path) -> Verdict:
    """Compare the databases in a folder with its ledger.

    Raises:
        OSError, sqlcipher.DatabaseError: a file is missing, or the key is not its key.
    """
    return Check(folder).run()


def main() -> int:
    """Check a folder that a replay left; 0 if nothing is wrong."""
    verdict = check(Path(sys.argv[1]))
    for finding in verdict.findings:
        print(f"{finding.kind}: {finding.text}", file=sys.stderr)
    print(f"checked: lost={verdict.lost} twice={verdict.twice}")
    return int(bool(verdict.findings))


if __name__ == "__main__":
    sys.exit(main())
