"""Whether all arrived, and once: questions 1 and 2 of the checker (`checker.py`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from examples.demo.checker_facts import Facts, Finding, Json, concerned, deeds, seen_by, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

HASHES = ("sha256", "sha1", "md5", "length", "pdq", "pdq_quality")

# -- 1 lost ----------------------------------------------------------------------------------------


def every_item_stands_where_it_must(facts: Facts) -> Iterator[Finding]:
    """Each thing is at its finders, at everybody it went through, and at its holder."""
    for key, item in facts.ledger["items"].items():
        for member in sorted(concerned(item)):
            if facts.one(member, key) is None:
                yield Finding("lost", f"{key}: not at {member}")


def every_sighting_arrived(facts: Facts) -> Iterator[Finding]:
    """The holder knows of each line that anybody handed in, and each finder of its own."""
    for key, item in facts.ledger["items"].items():
        for member in sorted({item["holder"], *item["finders"]}):
            seen = seen_by(facts.all(member, key))
            of = facts.lines[key] if member == item["holder"] else [member]
            for finder in of:
                if seen[finder] < facts.lines[key][finder]:
                    missing = facts.lines[key][finder] - seen[finder]
                    yield Finding("lost", f"{key}: {missing} sightings of {finder} at {member}")


def nothing_waits(facts: Facts) -> Iterator[Finding]:
    """Everything sent is under a receipt, and no channel has stopped."""
    for member, answer in facts.peers.items():
        for peer in answer["peers"]:
            for channel in peer["channels"]:
                where = f"{member} to {peer['member']}, {channel['lane']}"
                left = channel["waiting"] + channel["unreceipted"]
                if left:
                    yield Finding("lost", f"{where}: {left} entries without a receipt")
                if channel["stopped"]:
                    yield Finding("lost", f"{where}: stopped ({channel['stopped']})")


def every_hand_over_was_answered(facts: Facts) -> Iterator[Finding]:
    """Who handed something on was told what became of it."""
    for member, key, item in facts.everything():
        if item["custody"] == "handed_on" and item["disposition"] is None:
            yield Finding("lost", f"{key}: {member} handed it on and never got an answer")


def every_hash_arrived(facts: Facts) -> Iterator[Finding]:
    """Hashes that anybody has are known to the holder, also those that came later."""
    for key, item in facts.ledger["items"].items():
        held = facts.one(item["holder"], key)
        content = item["content"]
        if held is None or content is None:
            continue
        for name in HASHES:
            if name in content and all(h.get(name) != content[name] for h in held["hashes"]):
                yield Finding("lost", f"{key}: {name} is not known at {item['holder']}")


def every_line_was_taken(facts: Facts) -> Iterator[Finding]:
    """Good lines came in, broken ones were refused, and the same file again changed nothing."""
    lines: dict[str, list[Json]] = defaultdict(list)
    for line in facts.ledger["lines"]:
        lines[line["file"]].append(line)
    submitted = {one["file"] for one in facts.submitted if not one["again"]}
    for missing in sorted(set(lines) - submitted):
        yield Finding("lost", f"{missing}: never submitted")
    for one in facts.submitted:
        expected = _expected_counts(lines[one["file"]], again=one["again"])
        for name, count in expected.items():
            if one["answer"][name] != count:
                found = f"{name} {one['answer'][name]} instead of {count}"
                yield Finding("differs", f"{one['file']}: {found}")


def _expected_counts(lines: list[Json], *, again: bool) -> dict[str, int]:
    good = [line for line in lines if "rejected" not in line]
    repeated = sum(all(one["outcome"] == "repeated" for one in line["items"]) for line in good)
    if again:
        repeated = len(good)
    return {
        "lines": len(lines),
        "rejected": len(lines) - len(good),
        "repeated": repeated,
        "accepted": len(good) - repeated,
    }


# -- 2 twice ---------------------------------------------------------------------------------------


def nothing_stands_twice(facts: Facts) -> Iterator[Finding]:
    """One thing is one item at each member."""
    for member, places in facts.placed.items():
        for key, items in places.items():
            if len(items) > 1:
                yield Finding("twice", f"{key}: {len(items)} items at {member}")


def no_sighting_counts_twice(facts: Facts) -> Iterator[Finding]:
    """One line is one sighting, however often it was sent."""
    for member, key, item in facts.everything():
        if len({one["id"] for one in item["sightings"]}) < len(item["sightings"]):
            yield Finding("twice", f"{key}: one sighting twice at {member}")
        for finder, count in seen_by([item]).items():
            if count > facts.lines[key][finder]:
                extra = count - facts.lines[key][finder]
                yield Finding("twice", f"{key}: {extra} sightings too many of {finder} at {member}")


def no_deed_counts_twice(facts: Facts) -> Iterator[Finding]:
    """One verdict and one action are one event wherever they are heard of."""
    for member, key, item in facts.everything():
        for what, events in (("verdict", verdicts(item)), ("action", deeds(item))):
            if len(set(events)) < len(events):
                yield Finding("twice", f"{key}: one {what} twice at {member}")


def nothing_was_recorded_or_handed_on_twice(facts: Facts) -> Iterator[Finding]:
    """The change feed tells each item's beginning, and each hand-over of it, once."""
    for member, changes in facts.changes.items():
        seen = Counter(
            (change["item"], change["what"], change["detail"].get("to"))
            for change in changes
            if change["what"] in {"recorded", "handed_on"}
        )
        for (item, what, _), count in seen.items():
            if count > 1:
                key = facts.keys[member].get(item, item)
                yield Finding("twice", f"{key}: {what} {count} times at {member}")
