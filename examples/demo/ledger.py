"""The truth of the synthetic world, as plain data; its format stands at the head of `world.py`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from examples.demo.broken import HOST as BROKEN_HOST
from examples.demo.cast import AWAY, FALLBACK, MEMBERS, NAMES
from examples.demo.work import actions_of, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from examples.demo.cast import Item
    from examples.demo.files import LineMade, Written
    from examples.demo.story import Story
    from examples.demo.work import Work

FORMAT = 1
_UNCERTAIN = frozenset({"disputed", "uncertain"})


def make_ledger(story: Story, written: Written, work: list[Work]) -> dict[str, Any]:
    """Return the whole ledger."""
    items = story.items
    by_item: dict[str, list[Work]] = {}
    for one in work:
        by_item.setdefault(one.item.key, []).append(one)
    things = {item.key: _item(item, by_item.get(item.key, [])) for item in items}
    lines = [_line(line) for line in written.lines]
    return {
        "format": FORMAT,
        "network": _network(),
        "files": [made._asdict() for made in written.files],
        "totals": _totals(things, lines),
        "items": things,
        "lines": lines,
        "work": [one._asdict() | {"item": one.item.key} for one in work],
        "canaries": [*(_canary(item) for item in story.canaries), {"broken": BROKEN_HOST}],
    }


def _canary(item: Item) -> dict[str, str]:
    """Return what must show nowhere of one item, by name."""
    (made,) = item.hand_ins
    report, hashes = made.report, item.content or {}
    told = {
        "word": (made.location or "").split("/")[3],
        "url": made.spelled,
        "location": made.location,
        "note": report.note,
        "workuser": report.workuser,
        **{name: hashes.get(name) for name in ("sha256", "sha1", "md5", "pdq")},
        **{name: text for name, text in (made.access or {}).items() if name != "user_name"},
    }
    return {name: text for name, text in told.items() if text}


def _network() -> dict[str, Any]:
    members = {
        member: {"name": NAMES[member], "jurisdictions": [country]}
        for member, country in MEMBERS.items()
    }
    return {"members": members, "fallback": FALLBACK, "away": AWAY}


def _item(item: Item, work: list[Work]) -> dict[str, Any]:
    verdict, actions = verdict_of(item, work), actions_of(item, work)
    chains = {finder: item.chain(finder) for finder in item.finders}
    concerned = sorted({member for chain in chains.values() for member in chain} - {item.holder})
    known = item.known_as and {"as": item.known_as.key, "at": item.known_at}
    return {
        "location": item.location,
        "kind": item.kind,
        "content": item.content,
        "matter": item.matter,
        "child_at_risk": any(one.report.child_at_risk for one in item.hand_ins),
        "sort": item.site.sort if item.site else "no_url",
        "scenario": item.scenario or "ordinary",
        "hosting": _hosting(item),
        "finders": item.finders,
        "holder": item.holder,
        "chains": chains,
        "sightings": sum(one.outcome in {"first", "again"} for one in item.hand_ins),
        "replaces": item.replaces.key if item.replaces else None,
        "known": known,
        "waits_for_person": _waits(item),
        "verdict": verdict,
        "verdict_by": item.verdict_by,
        "actions": actions,
        "told": concerned if verdict or actions else [],
    }


def _hosting(item: Item) -> dict[str, Any]:
    """Where it is in the end."""
    if item.site is None:
        return {"state": "none", "country": None, "candidates": []}
    state, country, candidates = item.site.hosting
    if item.site.sort == "moving":
        country = "DE"
    return {"state": state, "country": country, "candidates": list(candidates)}


def _waits(item: Item) -> str | None:
    """Say why a person must look, where the rules say so."""
    if item.matter != "csam" or item.site is None:
        return None
    if item.scenario == "perhaps_back":
        return "perhaps_back"
    return "location_uncertain" if item.site.sort in _UNCERTAIN else None


def _line(line: LineMade) -> dict[str, Any]:
    where = {
        "file": line.file.path,
        "line": line.number,
        "member": line.file.member,
        "half": line.file.half,
    }
    if line.report is None:
        return where | {"rejected": line.mistake}
    handed_in = [
        {"item": one.item.key, "outcome": one.outcome, "location": one.location}
        for one in line.hand_ins
    ]
    return where | {"report": line.report.reference, "items": handed_in}


def _totals(items: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, int]:
    good = [line for line in lines if "rejected" not in line]
    outcomes = [one["outcome"] for line in good for one in line["items"]]
    sightings = outcomes.count("first") + outcomes.count("again")
    reports = {(line["member"], line["report"] or (line["file"], line["line"])) for line in good}
    return {
        "reports": len(reports),
        "lines": len(lines),
        "rejected": len(lines) - len(good),
        "items": len(items),
        "handed_in": sightings,
        "duplicates": sightings - len(items),
        "repeated": outcomes.count("repeated"),
        "revised": outcomes.count("revised"),
        "known": sum(item["known"] is not None for item in items.values()),
        "forwarded": sum(len(_hand_overs(item)) for item in items.values()),
        "without_hashes": sum(item["content"] is None for item in items.values()),
        "returned_outcomes": sum(len(item["told"]) for item in items.values()),
    }


def _hand_overs(item: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the distinct hand-overs of an item, over all its chains."""
    chains: Iterable[list[str]] = item["chains"].values()
    return {pair for chain in chains for pair in pairwise(chain)}
