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
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo import checker_agreed as agreed
from examples.demo import checker_arrived as arrived
from examples.demo.checker_facts import Facts, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SHOWN = 25
COUNTED = ("reports", "items", "forwarded", "duplicates", "known", "returned_outcomes")

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

CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    arrived.every_item_stands_where_it_must,
    arrived.every_sighting_arrived,
    arrived.nothing_waits,
    arrived.every_hand_over_was_answered,
    arrived.every_hash_arrived,
    arrived.every_line_was_taken,
    arrived.nothing_stands_twice,
    arrived.no_sighting_counts_twice,
    arrived.no_deed_counts_twice,
    arrived.nothing_was_recorded_or_handed_on_twice,
    agreed.nobody_holds_what_is_not_his,
    agreed.everybody_names_the_same_holder,
    agreed.everything_is_placed_rightly,
    agreed.the_work_stands_at_the_holder,
    agreed.outcomes_came_back,
    agreed.the_totals_are_those_of_the_ledger,
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
    counts = agreed.observed(facts)
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
