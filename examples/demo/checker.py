"""Holds what all members export against the truth that was known before anything was sent.

    python -m examples.demo.checker RUN

RUN holds `world/ledger.json` (its format stands at the head of `world.py`) and `exports/`:

    items.<member>.json     every item, as `GET /api/v1/items` gives it page by page
    changes.<member>.json   the whole change feed, as one reader followed it through every restart
    verify.<member>.json    `hotline verify --json`
    peers.<member>.json     `hotline peers --json`
    submitted.json          [{file, again, answer}]: what `hotline submit --json` said of each file
    evidence.json           [{member, tampered, answer}]: `hotline evidence verify --json`

It owes nothing to the node: no import, no shared format but the public JSON. It asks:

1. *Lost*: does each item of the ledger stand at every member of its custody chain, with every
   sighting, and is no entry left without a receipt or an answer?
2. *Twice*: is there one item for one thing, one event for one deed, one sighting for one line?
3. *Agreed*: does the finder know the responsible member, the disposition, every verdict and every
   action exactly as the responsible member does? Was nobody told who had no part in it?
4. *Verified*: do logs and history verify, are the change feeds without a gap, do evidence bundles
   hold, and do tampered ones fail?

Its last line is the demo's verdict; the exit code is 0 only if all of it is good. Findings name the
ledger's keys, never an address.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from examples.demo.checker_facts import Facts, Json, concerned, deeds, seen_by, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HASHES = ("sha256", "sha1", "md5", "length", "pdq", "pdq_quality")
SHOWN = 25
COUNTED = ("reports", "items", "forwarded", "duplicates", "known", "returned_outcomes")


class Finding(NamedTuple):
    """Something that is not as it must be. `kind`: lost, twice, differs or broken."""

    kind: str
    text: str


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


# -- 3 agreed --------------------------------------------------------------------------------------


def nobody_holds_what_is_not_his(facts: Facts) -> Iterator[Finding]:
    """Every item of every member is one of the ledger's, and concerns that member."""
    for member, items in facts.items.items():
        for item in items:
            key = facts.keys[member].get(item["id"])
            if key is None:
                yield Finding("differs", f"{item['id']} at {member}: not in the ledger")
            elif member not in concerned(facts.ledger["items"][key]):
                yield Finding("differs", f"{key}: at {member}, which has no part in it")


def everybody_names_the_same_holder(facts: Facts) -> Iterator[Finding]:
    """There is exactly one responsible member, and all concerned know who it is."""
    for member, key, item in facts.everything():
        expected = facts.ledger["items"][key]
        holder = expected["holder"]
        if expected["hosting"]["state"] == "unresolved":
            if item["custody"] != "locating":
                yield Finding("differs", f"{key}: {item['custody']}, though nobody could locate it")
            continue
        if item["responsible"] != holder:
            found = f"{member} takes {item['responsible']} for responsible, not {holder}"
            yield Finding("differs", f"{key}: {found}")
        custody = "handed_on" if member != holder else "here"
        if expected["matter"] != "csam":
            custody = "counted"
        if item["custody"] != custody:
            yield Finding("differs", f"{key}: {item['custody']} at {member}, not {custody}")


def everything_is_placed_rightly(facts: Facts) -> Iterator[Finding]:
    """The holder knows where it is hosted, whether a child is at risk, and what it must look at."""
    for key, expected in facts.ledger["items"].items():
        held = facts.one(expected["holder"], key)
        if held is None or expected["matter"] != "csam":
            continue
        place = held["jurisdiction"] or {"state": "unresolved", "country": None}
        for name in ("state", "country"):
            if place[name] != expected["hosting"][name]:
                found = f"{place[name]} instead of {expected['hosting'][name]}"
                yield Finding("differs", f"{key}: hosting {name} {found}")
        if held["child_at_risk"] != expected["child_at_risk"]:
            yield Finding("differs", f"{key}: child_at_risk is {held['child_at_risk']}")
        waits = expected["waits_for_person"]
        if waits is not None and not expected["actions"] and held["review"] != waits:
            yield Finding("differs", f"{key}: review {held['review']} instead of {waits}")


def the_work_stands_at_the_holder(facts: Facts) -> Iterator[Finding]:
    """What the analysts did stands there, in order, and nothing else."""
    for key, expected in facts.ledger["items"].items():
        held = facts.one(expected["holder"], key)
        if held is None:
            continue
        done = [action["action"] for action in held["actions"]]
        if done != expected["actions"]:
            yield Finding("differs", f"{key}: actions {done} instead of {expected['actions']}")
        verdict = held["assessments"][-1]["verdict"] if held["assessments"] else None
        if verdict != expected["verdict"]:
            yield Finding("differs", f"{key}: verdict {verdict} instead of {expected['verdict']}")


def outcomes_came_back(facts: Facts) -> Iterator[Finding]:
    """Who reported or forwarded it shows exactly the verdicts, actions and end of the holder."""
    for member, key, told in facts.everything():
        expected = facts.ledger["items"][key]
        held = facts.one(expected["holder"], key)
        if held is None or member == expected["holder"]:
            continue
        if verdicts(told) != verdicts(held):
            yield Finding("differs", f"{key}: {member} shows other verdicts than its holder")
        if deeds(told) != deeds(held):
            yield Finding("differs", f"{key}: {member} shows other actions than its holder")
        if (told["closed"], told["closed_by"]) != (held["closed"], held["closed_by"]):
            yield Finding("differs", f"{key}: {member} and its holder disagree on its end")


def the_totals_are_those_of_the_ledger(facts: Facts) -> Iterator[Finding]:
    """What is counted from the exports is what the ledger says."""
    for name, count in observed(facts).items():
        if count != facts.ledger["totals"][name]:
            yield Finding("differs", f"{name}: {count} instead of {facts.ledger['totals'][name]}")


# -- 4 verified ------------------------------------------------------------------------------------


def logs_and_history_verify(facts: Facts) -> Iterator[Finding]:
    """`hotline verify` of every member holds, and had something to look at."""
    for member, answer in facts.verify.items():
        if not answer["holds"]:
            yield Finding("broken", f"{member}: {len(answer['findings'])} findings of verify")
        for name in ("events", "entries_held", "entries_sent", "receipts_sent"):
            if not answer["counts"].get(name):
                yield Finding("broken", f"{member}: verify saw no {name}")


def feeds_have_no_gap(facts: Facts) -> Iterator[Finding]:
    """Cursors count on by one from the first, and each item's changes are all there."""
    for member, changes in facts.changes.items():
        cursors = [change["cursor"] for change in changes]
        if cursors != list(range(1, len(cursors) + 1)):
            yield Finding("broken", f"{member}: the change feed has a gap or a repetition")
        told = Counter(change["item"] for change in changes)
        for item in facts.items[member]:
            if told[item["id"]] != item["revision"] + 1:
                found = f"{told[item['id']]} changes, but revision {item['revision']}"
                yield Finding("broken", f"{item['id']} at {member}: {found}")


def evidence_holds(facts: Facts) -> Iterator[Finding]:
    """Bundles verify offline, and tampered ones do not."""
    if not any(one["tampered"] for one in facts.evidence):
        yield Finding("broken", "evidence: no tampered bundle was tried")
    if all(one["tampered"] for one in facts.evidence):
        yield Finding("broken", "evidence: no bundle was verified")
    for one in facts.evidence:
        if one["answer"]["holds"] == one["tampered"]:
            what = "a tampered bundle holds" if one["tampered"] else "a bundle does not hold"
            yield Finding("broken", f"evidence of {one['member']}: {what}")


# -- the verdict -----------------------------------------------------------------------------------


def observed(facts: Facts) -> dict[str, int]:
    """Count from the exports alone what the last line says."""
    ledger = facts.ledger["items"]
    held = {key: facts.one(item["holder"], key) for key, item in ledger.items()}
    handed = {
        (facts.keys[member].get(change["item"]), member, change["detail"]["to"])
        for member, changes in facts.changes.items()
        for change in changes
        if change["what"] == "handed_on"
    }
    return {
        "reports": sum(answer["counts"].get("reports", 0) for answer in facts.verify.values()),
        "items": sum(item is not None for item in held.values()),
        "forwarded": len(handed),
        "duplicates": sum(len(item["sightings"]) - 1 for item in held.values() if item),
        "known": sum(_is_known(facts, key, item) for key, item in ledger.items()),
        "returned_outcomes": sum(
            _came_back(held[key], facts.one(member, key))
            for key, item in ledger.items()
            for member in item["told"]
        ),
    }


def _is_known(facts: Facts, key: str, expected: Json) -> bool:
    """Whether an item carries the verdict of the one it shares its content with."""
    known = expected["known"]
    if known is None:
        return False
    new, old = facts.one(known["at"], key), facts.one(known["at"], known["as"])
    if new is None or old is None or not new["known"]:
        return False
    return bool(set(verdicts(new)) & set(verdicts(old)))


def _came_back(held: Json | None, told: Json | None) -> bool:
    if held is None or told is None or not (held["assessments"] or held["actions"]):
        return False
    return verdicts(told) == verdicts(held) and deeds(told) == deeds(held)


CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    every_item_stands_where_it_must,
    every_sighting_arrived,
    nothing_waits,
    every_hand_over_was_answered,
    every_hash_arrived,
    every_line_was_taken,
    nothing_stands_twice,
    no_sighting_counts_twice,
    no_deed_counts_twice,
    nothing_was_recorded_or_handed_on_twice,
    nobody_holds_what_is_not_his,
    everybody_names_the_same_holder,
    everything_is_placed_rightly,
    the_work_stands_at_the_holder,
    outcomes_came_back,
    the_totals_are_those_of_the_ledger,
    logs_and_history_verify,
    feeds_have_no_gap,
    evidence_holds,
)


def check(facts: Facts) -> list[Finding]:
    """Return everything that is not as it must be."""
    return [finding for one in CHECKS for finding in one(facts)]


def verdict(facts: Facts, findings: list[Finding]) -> str:
    """Return the last line."""
    kinds = Counter(finding.kind for finding in findings)
    counts = observed(facts)
    numbers = " ".join(f"{name}={counts[name]}" for name in COUNTED)
    verified = "no" if kinds["differs"] or kinds["broken"] else "ok"
    return f"demo: {numbers} lost={kinds['lost']} twice={kinds['twice']} verified={verified}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a run from the command line."""
    parser = argparse.ArgumentParser(description="Check the exports of a demo against its ledger")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--all", action="store_true", help="show every finding")
    options = parser.parse_args(arguments)
    facts = Facts.read(options.run)
    findings = check(facts)
    shown = findings if options.all else findings[:SHOWN]
    for finding in shown:
        print(f"{finding.kind}: {finding.text}")
    if len(shown) < len(findings):
        print(f"... and {len(findings) - len(shown)} more (--all)")
    print(verdict(facts, findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
