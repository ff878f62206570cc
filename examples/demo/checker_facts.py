"""What the checker looks at: the ledger, and what every member exports, found by each other.

It owes nothing to the node: items are recognised by the address and the hashes that the ledger
knew before anything was sent.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Json = dict[str, Any]
Places = dict[str, dict[str, list[Json]]]
"""Member -> key of the ledger -> items."""
IDENTIFYING = ("sha256", "sha1", "md5")
TELLING = (*IDENTIFYING, "length")


class Finding(NamedTuple):
    """Something that is not as it must be. `kind`: lost, twice, differs or broken."""

    kind: str
    text: str


class Index:
    """Items as members export them, found by what the ledger says of them."""

    def __init__(self, items: Iterable[Json] = ()) -> None:
        self._by_id: dict[str, Json] = {}
        self._at: dict[str, dict[str, None]] = defaultdict(dict)
        self._of: dict[str, dict[str, None]] = defaultdict(dict)
        for item in items:
            self.put(item)

    def put(self, item: Json) -> None:
        """Take in an item, or its newer state."""
        self._by_id[item["id"]] = item
        if item["canonical"] is not None:
            self._at[item["canonical"]][item["id"]] = None
        for hashes in item["hashes"]:
            for name in IDENTIFYING:
                if hashes.get(name) is not None:
                    self._of[hashes[name]][item["id"]] = None

    def find(self, wanted: Json) -> list[Json]:
        """Return the items that are this thing of the ledger; one, if all is well."""
        if wanted["location"] is not None:
            ids = self._at.get(wanted["location"], {})
            return [self._by_id[i] for i in ids if _agrees(self._by_id[i], wanted["content"])]
        shared = (self._of.get(wanted["content"].get(name), {}) for name in IDENTIFYING)
        ids = {i: None for found in shared for i in found}
        return [self._by_id[i] for i in ids if self._by_id[i]["canonical"] is None]


def _agrees(item: Json, content: Json | None) -> bool:
    """Whether the hashes of an item can be of this content: none of them contradicts."""
    if content is None or not item["hashes"]:
        return True
    return any(
        all(name not in content or hashes.get(name) in (None, content[name]) for name in TELLING)
        for hashes in item["hashes"]
    )


@dataclass(frozen=True)
class Facts:
    """The ledger, and what the members export."""

    ledger: Json
    items: dict[str, list[Json]]
    changes: dict[str, list[Json]]
    verify: dict[str, Json]
    peers: dict[str, Json]
    submitted: list[Json]
    evidence: list[Json]

    @classmethod
    def read(cls, run: Path) -> Facts:
        """Read everything below a run's folder."""
        ledger = _read(run / "world" / "ledger.json")
        exports = run / "exports"
        members = list(ledger["network"]["members"])

        def of_each(what: str) -> Any:
            return {member: _read(exports / f"{what}.{member}.json") for member in members}

        return cls(
            ledger,
            items=of_each("items"),
            changes=of_each("changes"),
            verify=of_each("verify"),
            peers=of_each("peers"),
            submitted=_read(exports / "submitted.json"),
            evidence=_read(exports / "evidence.json"),
        )

    @cached_property
    def _indexes(self) -> dict[str, Index]:
        return {member: Index(items) for member, items in self.items.items()}

    @cached_property
    def placed(self) -> Places:
        """At each member, what stands there for each key of the ledger."""
        return {
            member: {
                key: found
                for key, wanted in self.ledger["items"].items()
                if (found := index.find(wanted))
            }
            for member, index in self._indexes.items()
        }

    @cached_property
    def asides(self) -> Places:
        """At each member but its holder, the items that are an alias of a thing.

        Only the holder decides that two addresses are one: others hand both on to it.
        """
        found: Places = {member: {} for member in self.items}
        for key, locations in self._other_addresses.items():
            wanted = self.ledger["items"][key]
            for member, index in self._indexes.items():
                at = [i for one in locations for i in index.find(wanted | {"location": one})]
                if at and member != wanted["holder"]:
                    found[member][key] = at
        return found

    @cached_property
    def _other_addresses(self) -> dict[str, set[str]]:
        """By key, the addresses of its lines beside its own."""
        found: dict[str, set[str]] = defaultdict(set)
        for line in self.ledger["lines"]:
            for one in line.get("items", ()):
                if one["location"] != self.ledger["items"][one["item"]]["location"]:
                    found[one["item"]].add(one["location"])
        return found

    def all(self, member: str, key: str) -> list[Json]:
        """Return everything that stands at a member for a key, aliases too."""
        return [*self.placed[member].get(key, ()), *self.asides[member].get(key, ())]

    def everything(self) -> Iterator[tuple[str, str, Json]]:
        """Yield every item of every member that the ledger knows, aliases too."""
        for places in (self.placed, self.asides):
            for member, things in places.items():
                for key, items in things.items():
                    for item in items:
                        yield member, key, item

    @cached_property
    def keys(self) -> dict[str, dict[str, str]]:
        """At each member, the ledger's key for each item id."""
        found: dict[str, dict[str, str]] = {member: {} for member in self.items}
        for member, key, item in self.everything():
            found[member][item["id"]] = key
        return found

    def one(self, member: str, key: str) -> Json | None:
        """Return the item that stands at a member for a key."""
        found = self.placed[member].get(key)
        return found[0] if found else None

    @cached_property
    def lines(self) -> dict[str, Counter[str]]:
        """How many lines each member handed in about each key, beyond mere repetitions."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for line in self.ledger["lines"]:
            for one in line.get("items", ()):
                if one["outcome"] in {"first", "again"}:
                    counted[one["item"]][line["member"]] += 1
        return counted


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def concerned(item: Json) -> set[str]:
    """Return every member through whose hands a thing went."""
    return {member for chain in item["chains"].values() for member in chain}


def verdicts(item: Json) -> list[tuple[str, str, str]]:
    """Return who judged an item how and when."""
    return sorted((a["member"], a["verdict"], a["at"]) for a in item["assessments"])


def deeds(item: Json) -> list[tuple[str, str, str, str]]:
    """Return who did what about an item, why and when."""
    return sorted((a["member"], a["action"], a["reason"] or "", a["at"]) for a in item["actions"])


def seen_by(items: Iterable[Json]) -> Counter[str]:
    """Return how many sightings of each member stand at some items."""
    return Counter(one["member"] for item in items for one in item["sightings"])
