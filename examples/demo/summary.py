"""The table at the end: who found what, who got what, what was done, how long it took."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from examples.demo.course import Course

FINAL = {"removed": "removed", "unavailable": "unavailable", "not_illegal": "not illegal"}


def show_summary(course: Course) -> None:
    """Show the tables."""
    console = course.tell.console
    console.print()
    console.print(_who(course))
    console.print(_how_long(course))


def _who(course: Course) -> Table:
    table = Table(title="What each hotline did", title_justify="left")
    table.add_column("")
    for member in course.members:
        table.add_column(member, justify="right")
    for name, values in _rows(course):
        table.add_row(name, *(str(value) if value else "-" for value in values))
    return table


Item = dict[str, Any]
Row = tuple[str, list[int]]


def _rows(course: Course) -> list[Row]:
    """Who found what, who got what, what was done about it."""
    each = [_of(course, member) for member in course.members]
    return [(name, [one[name] for one in each]) for name in each[0]]


def _of(course: Course, member: str) -> dict[str, int]:
    items = course.views[member]
    told = Counter((c["what"], c["detail"].get("to")) for c in course.changes(member))
    done = course.analysts[member].done
    found = [item for item in items if item["finder"] == member]
    return {
        "lines handed in": _lines(course, member, "accepted"),
        "  refused, in a file to mend": _lines(course, member, "rejected"),
        "items found": len(found),
        "  kept: hosted here, or nowhere": sum(i["custody"] != "handed_on" for i in found),
        **{f"  forwarded to {to}": told["handed_on", to] for to in course.members},
        "items received": sum(item["came_from"] is not None for item in items),
        "duplicates joined": told["sighted", None],
        "known content, verdict carried over": sum(map(_is_carried, items)),
        "in front of a person": sum(item["review"] is not None for item in items),
        "verdicts given": done["assess"],
        "hashes added later": done["hashes"],
        "police told": done["lea_notified"],
        "hosters told": done["host_notified"],
        "moved, and handed on again": done["moved"],
        **{f"  closed: {name}": _closed(items, member, code) for code, name in FINAL.items()},
        "outcomes heard from abroad": sum(_is_heard(item, member) for item in items),
    }


def _lines(course: Course, member: str, what: str) -> int:
    own = (one for one in course.submitted if one["file"].startswith(f"reports/{member}."))
    return sum(one["answer"][what] for one in own)


def _is_carried(item: Item) -> bool:
    """Whether a verdict on the same content was there before the item itself."""
    came = item["chain"][-1]["received"]
    return any(one["at"] < came for one in item["assessments"])


def _closed(items: list[Item], member: str, code: str) -> int:
    return sum(item["responsible"] == member and item["closed_by"] == code for item in items)


def _is_heard(item: Item, member: str) -> bool:
    return any(one["member"] != member for one in (*item["actions"], *item["assessments"]))


def _how_long(course: Course) -> Table:
    """Say how long it took: the phases, hand-over and return of outcomes."""
    table = Table(title="How long it took", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name, seconds in course.tell.phases:
        table.add_row(name, f"{seconds:.1f} s")
    table.add_section()
    for name, spans in _spans(course).items():
        if spans:
            late = sorted(spans)[int(len(spans) * 0.95)]
            table.add_row(name, f"median {median(spans):.2f} s, 95 % within {late:.2f} s")
    return table


def _spans(course: Course) -> dict[str, list[float]]:
    """Seconds from one member to the next, while all that were concerned ran."""
    sent: dict[tuple[str, str], datetime] = {}
    done: dict[tuple[str, str, str], datetime] = {}
    for member in course.members:
        for change in course.changes(member):
            if change["what"] == "handed_on":
                sent[change["item"], change["detail"]["to"]] = _time(change["learnt"])
            elif change["what"] == "acted" and change["by"] == member:
                done[change["item"], member, change["at"]] = _time(change["learnt"])
    spans: dict[str, list[float]] = {"from the finder to the holder": [], "outcomes back home": []}
    for member in course.members:
        for change in course.changes(member):
            if change["what"] == "recorded":
                began = sent.get((change["item"], member))
                _add(spans["from the finder to the holder"], course, began, change)
            elif change["what"] == "acted" and change["by"] != member:
                began = done.get((change["item"], change["by"], change["at"]))
                _add(spans["outcomes back home"], course, began, change)
    return spans


def _add(spans: list[float], course: Course, began: datetime | None, change: Item) -> None:
    """Count it if nobody was frozen, killed or away in between."""
    learnt = _time(change["learnt"])
    if began is None or not any(a <= began and learnt <= b for a, b in course.calm):
        return
    spans.append((learnt - began).total_seconds())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
