"""What really happened, kept apart from the nodes: the judge of a simulated world.

It reads databases with SQL of its own, notes as text, entries with the `msgpack` library and trees
by the definitions of RFC 9162 (`tests.protocol.oracle`). It remembers what nodes forget when they
lose a disk: what each ever wrote and signed, what it was asked to do and said it had done, which
items stood on which disk when one was lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.casework.item import ItemState
from node.store.connection import open_reader
from node.store.items.states import states, states_of
from node.store.seam import Connection
from tests.protocol import oracle as second
from tests.simulation.erasing import Erased, names_of
from tests.simulation.looking import looked_into

if TYPE_CHECKING:
    from tests.simulation.disowning import Disowned
    from tests.simulation.fleet import Fleet, FleetNode

TOMBSTONE = 3
CHANNEL_KINDS = frozenset({1, 2, TOMBSTONE})
UNREAD = (0, b"")
JUDGED = 1
ERASED = -1
"""Stands for the kind of an entry that is known by its tombstone alone."""


@dataclass(frozen=True)
class Handed:
    """A report that a node said it has: by whom, under which reference, as which item."""

    member: str
    reference: str
    item: str
    disk: int


@dataclass
class Disk:
    """What stands in one database, as SQL alone tells it."""

    items: dict[str, ItemState]
    posted: dict[tuple[str, bytes], int]
    buried: set[tuple[str, bytes]]
    """Of `posted`, what was erased."""
    custody: dict[tuple[str, bytes], list[str | None]]
    erased: set[tuple[str, bytes]]
    """Of `custody`, what was erased."""
    unjudged: set[tuple[str, bytes]]
    """Of `custody`, what waits, is parked, or lies in quarantine."""
    told_of: set[tuple[str, bytes]]
    """Entries that others buried before they arrived: their tombstones came."""
    raw: list[bytes]
    stopped_in: dict[tuple[str, str], str]
    stopped_out: dict[tuple[str, str], str]
    tasks: set[tuple[str, str]]
    parked: set[str | None]
    """What entries wait for that are not judged: an item, or None for their turn."""
    waiting: dict[str, int]
    authored: set[str]

    def knows(self, item: str) -> bool:
        """Whether the item stands here, under any name, judged."""
        return item in self.items or any(item in names_of(s) for s in self.items.values())

    def has(self, item: str) -> bool:
        """Whether the item stands here, under any name, judged or not."""
        return self.knows(item) or any(item.encode() in entry for entry in self.raw)


def read_entry(raw: bytes) -> tuple[int, bytes]:
    """Return kind and id of an entry, read without our code; (0, b"") for what is no entry."""
    try:
        entry = second.unpack(raw)
    except Exception:  # noqa: BLE001 - whatever a hostile member wrote
        return UNREAD
    if not isinstance(entry, list) or len(entry) != 5 or not isinstance(entry[2], bytes):
        return UNREAD
    return (entry[1], entry[2]) if isinstance(entry[1], int) else UNREAD


def read_disk(connection: Connection, us: str) -> Disk:
    """Read one database."""

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    custody: dict[tuple[str, bytes], list[str | None]] = defaultdict(list)
    told_of: set[tuple[str, bytes]] = set()
    erased = {
        (peer, leaf): identity
        for peer, leaf, identity in rows(
            "SELECT peer, leaf, entry_id FROM tombstones WHERE sent = 0"
        )
    }
    entries = rows("SELECT peer, leaf, entry, answer, judged FROM entries_in ORDER BY seq")
    unjudged: set[tuple[str, bytes]] = set()
    for peer, leaf, entry, answer, judged in entries:
        erased_id = erased.get((peer, leaf), b"")
        kind, identity = (ERASED, erased_id) if entry is None else read_entry(entry)
        if kind == TOMBSTONE:
            told_of.add((peer, second.unpack(entry)[4][0]))
        if kind not in CHANNEL_KINDS and identity:
            custody[peer, identity].append(answer)
            if judged != JUDGED:
                unjudged.add((peer, identity))
    prefix = f"{us}."
    authored = {
        word
        for (body,) in rows("SELECT body FROM events")
        for word in _words(body)
        if word.startswith(prefix)
    }
    return Disk(
        items=states(rows(states_of("true"))),
        posted={(p, i): k for p, i, k in rows("SELECT peer, entry_id, kind FROM messages_out")},
        buried=set(rows("SELECT peer, entry_id FROM messages_out WHERE entry IS NULL")),
        custody=custody,
        erased={(peer, identity) for (peer, _), identity in erased.items()},
        unjudged=unjudged,
        told_of=told_of,
        raw=[entry for _, _, entry, _, _ in entries if entry is not None],
        stopped_in={
            (p, lane): code
            for p, lane, code in rows(
                "SELECT peer, lane, stopped FROM channels_in WHERE stopped IS NOT NULL"
            )
        },
        stopped_out={
            (p, lane): code
            for p, lane, code in rows(
                "SELECT peer, lane, stopped FROM channels_out WHERE stopped IS NOT NULL"
            )
        },
        tasks=set(rows("SELECT code, subject FROM tasks WHERE closed_ms IS NULL")),
        parked={w for (w,) in rows("SELECT waits_for FROM entries_in WHERE judged IN (0, 2)")},
        waiting=dict(rows("SELECT peer, count(*) FROM waiting_out GROUP BY peer")),
        authored=authored,
    )


@lru_cache(maxsize=16_384)
def _words(body: bytes | None) -> list[str]:
    """Every text in a stored body; databases are read again and again, and events never change."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(None if body is None else second.unpack(body))
    return found


@dataclass
class Oracle:
    """Remembers what nodes may forget."""

    world: Fleet
    handed: list[Handed] = field(default_factory=list)
    wrongs: list[tuple[str, str]] = field(default_factory=list)
    wrote: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    authored: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    roots: dict[tuple[str, str], str] = field(default_factory=dict)
    left_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    """When each checkpoint first left its sender, by its clock: (origin, size)."""
    receipts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unsaid: Counter[str] = field(default_factory=Counter)
    """How often a member's disk went back in time without its operator knowing."""
    disks: Counter[str] = field(default_factory=Counter)
    denied: dict[tuple[str, str], int] = field(default_factory=dict)
    """Receipts that the hostile member gave and denied: (victim, lane) to the victim's disk."""
    erased: dict[str, Erased] = field(default_factory=lambda: defaultdict(Erased))
    """What people erased, by member."""
    sighted_in_gone: set[str] = field(default_factory=set)
    """Reports that had been joined to what anybody erased: with their own disk they are gone."""
    gone_by_word: set[str] = field(default_factory=set)
    """Every name of everything that anybody erased."""
    robbed: set[tuple[str, str]] = field(default_factory=set)
    """Where a thief was believed before his key was known to be revoked: (sender, receiver)."""
    deceived: set[tuple[str, str]] = field(default_factory=set)
    """Who was given receipts in another's name by a thief of its keys: (sender, receiver)."""
    void: set[bytes] = field(default_factory=set)
    """Receipts under a key that who was given them knew to be revoked or retired."""
    shown_false: dict[str, int] = field(default_factory=dict)
    """Who was shown a root that nobody signed, in a ledger: victim to its disk."""
    split_shown: dict[str, int] = field(default_factory=dict)
    """Witnesses that were handed two ledgers of one size: witness to its disk."""
    disowned: dict[tuple[str, str], Disowned] = field(default_factory=dict)
    """Where a thief was believed and its owner says so: (sender, receiver)."""
    ledgers_robbed: set[tuple[str, str]] = field(default_factory=set)
    """Whose witness cosigned a head that a thief of the log key signed: (owner, witness)."""
    withdrawn: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Verdicts that people of a member took back, and on which of its disks."""
    forks: set[tuple[str, str]] = field(default_factory=set)
    """Forks that the hostile member showed to an honest one: (victim, lane)."""

    def wrong(self, what: str, why: str) -> None:
        """Something happened that must never happen."""
        self.wrongs.append((what, why))

    def accepted(self, node: FleetNode, reference: str, item: str) -> None:
        """The node said that it has this report."""
        self.handed.append(Handed(node.member, reference, item, self.disks[node.member]))

    def signed(self, sender: str, note: bytes) -> None:
        """A checkpoint left its sender: an honest one never signs two roots for one size."""
        origin, size, root = note.decode().split("\n", 3)[:3]
        self.left_ms.setdefault((origin, size), self.world[sender].clock())
        if sender == self.world.hostile:
            return
        if self.roots.setdefault((origin, size), root) != root:
            self.wrong("accused_honest", f"{sender} signed two roots")

    def thief_is_gone(self) -> None:
        """Nobody sits in the net any more; the receipts that he gave in vain are remembered."""
        net = self.world.net
        if net.impostor is not None:
            self.void |= net.impostor.receipts
        net.impostor = None

    def sealed(self, sender: str, receiver: str, key_id: str) -> None:
        """A push left its sender: never sealed to a key that it knows to be revoked."""
        if key_id in self.world[sender].notes.own(receiver):
            self.wrong("exposed", f"{sender} sealed to a revoked key of {receiver}")

    def receipted(self, receiver: str, head: bytes, receipt: bytes) -> None:
        """A receipt was given: the same push gets the same bytes, for as long as the disk lives."""
        text = head[14:].decode().split("\n\n", 1)[0]
        if self.receipts.setdefault((receiver, text), receipt) != receipt:
            self.wrong("twice", f"{receiver} gave two receipts for one push")

    def disk_of(self, node: FleetNode) -> Disk:
        """Read a node's database, running or not."""
        with looked_into(node) as connection:
            return read_disk(connection, node.member)

    def harvest(self, node: FleetNode, disk: Disk) -> None:
        """Remember what a member ever wrote, before it may forget it."""
        self.wrote[node.member].update(identity for _, identity in disk.posted)
        self.authored[node.member].update(disk.authored)

    def disk_is_lost(self, node: FleetNode, backup: Path | None, *, said: bool) -> None:
        """A disk is lost but for its backup: what stood nowhere else is gone with it.

        `said`: the operator says so at once.
        """
        from tests.simulation.fleet import BACKUP_KEY  # noqa: PLC0415 - each knows the other

        before = self.disk_of(node)
        self.harvest(node, before)
        after: Disk | None = None
        kept: set[bytes] = set()
        if backup is not None:
            with closing(open_reader(backup, BACKUP_KEY)) as connection:
                after = read_disk(connection, node.member)
                kept = {row[0] for row in connection.execute("SELECT receipt FROM receipts_in")}
        others = [self.disk_of(other) for other in self.world.nodes.values() if other is not node]
        for handed in self.handed:
            lost = before.has(handed.item) and not (after and after.has(handed.item))
            if lost and not any(disk.has(handed.item) for disk in others):
                self.gone.add(handed.item)
        self.receipts = {
            key: receipt
            for key, receipt in self.receipts.items()
            if key[0] != node.member or receipt in kept
        }
        self.disks[node.member] += 1
        self.unsaid[node.member] += not said
