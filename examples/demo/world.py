"""Makes the synthetic world: sites, names, report files, the analysts' work, and the truth.

    python examples/demo/world.py DIR [--seed 1] [--reports 2500] [--now 2026-01-05T08:00:00Z]

The same seed gives the same bytes. Nothing here imports the node: what the ledger says was known
before anything was sent, so a checker can hold the exports of all members against it.

Written into DIR:

    zone.json, zone.after.json      what `dns_server.py` serves; `mv zone.after.json zone.json`
                                    between the halves makes the moving site move (its TTL is 1 s)
    reports/<member>.<half>.csv     `URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE`
    reports/<member>.<half>.ndjson  one report a line, as `POST /api/v1/reports` takes it
    ledger.json                     the truth, below

Country databases and the proxy list do not depend on the seed: `examples/world/`.

The course that the ledger presumes: the files of half 1 go in; deliveries settle (the member that
is away has none); the zone is replaced; at least 2 s later the work of half 1 is done and told
back; the away member comes; the files of half 2 go in; the work of half 2 is done; all settles.

ledger.json, format 1:

`network`   members with jurisdictions; `fallback` (who takes orphans); `away` in half 1
`files`     {path, member, half, form, sha256, lines}
`lines`     one for each data line: {file, line (from 1, header included), member, half, report,
            items: [{item, outcome, location}]} or {file, line, member, half, rejected: mistake}.
            `report` is the reference, null where the line has none. `outcome` is seen from the
            member's own files: `first`, `again` (a sighting), `revised` (hashes come later),
            `repeated` (the same line: nothing happens); a member's CSV comes before its NDJSON in
            each half. A holder that already received a `first`
            from a peer answers `duplicate`. `location` is this line's canonical location (an alias
            has its own)
`items`     by key: {location, kind, content (final hashes or null), matter, child_at_risk,
            sort (of site), scenario, hosting {state, country, candidates}, finders, holder,
            chains (by finder: the custody chain to the holder), sightings (how many lines,
            `first` and `again`), replaces, known {as, at} (whose verdict it carries, and the
            member that knows it), waits_for_person, verdict, verdict_by, actions, told (members
            that must show verdict and actions in the end, besides the holder)}
`work`      {half, member, item, steps: [{assess: ...}, {act: ...} or {hashes: ...}]}, bodies as the
            API takes them
`canaries`  what must show in no log, metric or error: for each canary its words by name
`totals`    what the demo's last line must say, each counted from the above: reports (distinct:
            member + reference, or line), lines, rejected, items (distinct in the network),
            handed_in, duplicates (handed in beyond the first of each item), repeated, revised,
            known, forwarded (distinct hand-overs: item, from, to), without_hashes,
            returned_outcomes (item, member told)
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from examples.demo import scenarios
from examples.demo.files import Written, write_reports
from examples.demo.ledger import make_ledger
from examples.demo.sites import Site, make_sites, zone
from examples.demo.story import Story, TooFewReportsError
from examples.demo.work import Work, plan

DEFAULT_NOW = "2026-01-05T08:00:00Z"


class World(NamedTuple):
    """Everything that was made, before it is written."""

    sites: list[Site]
    story: Story
    work: list[Work]


def make_world(seed: int, total: int, now_ms: int) -> World:
    """Make the world of `seed` with about `total` reports."""
    random = Random(seed)  # noqa: S311 -- a synthetic world wants to be repeatable
    sites = make_sites(random)
    story = Story(random, sites, total - scenarios.added_reports(total), now_ms)
    scenarios.play(story, total)
    return World(sites, story, plan(random, story.items))


def write_world(folder: Path, seed: int, total: int, now_ms: int) -> dict[str, Any]:
    """Write the whole world into `folder`; returns the ledger."""
    world = make_world(seed, total, now_ms)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "zone.json", zone(world.sites))
    _write_json(folder / "zone.after.json", zone(world.sites, moved=True))
    written: Written = write_reports(folder, world.story)
    ledger = make_ledger(world.story, written, world.work)
    ledger |= {"seed": seed, "now_ms": now_ms}
    _write_json(folder / "ledger.json", ledger)
    return ledger


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Make a world from the command line."""
    parser = argparse.ArgumentParser(description="Make the synthetic world of the demo")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reports", type=int, default=2500)
    parser.add_argument("--now", default=DEFAULT_NOW, help="when the newest report was found")
    options = parser.parse_args()
    now_ms = int(datetime.fromisoformat(options.now).timestamp() * 1000)
    try:
        ledger = write_world(options.folder, options.seed, options.reports, now_ms)
    except TooFewReportsError as error:
        parser.error(str(error))
    print("world:", " ".join(f"{name}={count}" for name, count in ledger["totals"].items()))


if __name__ == "__main__":
    main()
