"""Writes the report files: CSV and NDJSON, one pair for each member and half."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from examples.demo.broken import BROKEN, Broken

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.cast import HandIn, Report
    from examples.demo.story import Story

HEADER = "URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE"


class FileMade(NamedTuple):
    """One file and its bytes' SHA-256."""

    path: str
    member: str
    half: int
    form: str
    sha256: str
    lines: int


class LineMade(NamedTuple):
    """One data line: what it hands in, or what is wrong with it."""

    file: FileMade
    number: int
    report: Report | None
    hand_ins: tuple[HandIn, ...]
    mistake: str | None


class Written(NamedTuple):
    """All files and all lines."""

    files: list[FileMade]
    lines: list[LineMade]


class _Row(NamedTuple):
    text: str
    report: Report | None
    hand_ins: tuple[HandIn, ...]
    mistake: str | None


def write_reports(folder: Path, story: Story) -> Written:
    """Write all report files below `folder`; reports stand in an order that has no meaning."""
    (folder / "reports").mkdir(exist_ok=True)
    groups: dict[tuple[str, int, str], list[list[_Row]]] = {}
    for report in story.reports:
        if report.hand_ins:
            key = (report.member, report.half, report.form)
            groups.setdefault(key, []).append(_rows(report))
    for broken in BROKEN:
        key = (broken.member, broken.half, broken.form)
        groups.setdefault(key, []).append([_broken(broken)])
    written = Written([], [])
    for (member, half, form), blocks in sorted(groups.items()):
        story.random.shuffle(blocks)
        rows = [row for block in blocks for row in block]
        _write(folder, written, (member, half, form), rows)
    _settle_order(written)
    return written


def _settle_order(written: Written) -> None:
    """Let `first` be the first line of a member about an item: CSV before NDJSON in each half."""
    seen: set[tuple[str, str]] = set()
    for line in sorted(written.lines, key=lambda one: (one.file.half, one.file.form, one.number)):
        for one in line.hand_ins:
            if one.outcome in {"first", "again"}:
                who = (line.file.member, one.item.key)
                one.outcome = "again" if who in seen else "first"
                seen.add(who)


def _write(folder: Path, written: Written, key: tuple[str, int, str], rows: list[_Row]) -> None:
    member, half, form = key
    head = [HEADER] if form == "csv" else []
    raw = ("\n".join([*head, *(row.text for row in rows)]) + "\n").encode()
    path = f"reports/{member}.{half}.{form}"
    (folder / path).write_bytes(raw)
    made = FileMade(path, member, half, form, hashlib.sha256(raw).hexdigest(), len(rows))
    written.files.append(made)
    for number, row in enumerate(rows, start=len(head) + 1):
        written.lines.append(LineMade(made, number, row.report, row.hand_ins, row.mistake))


def _rows(report: Report) -> list[_Row]:
    if report.form == "ndjson":
        return [_Row(_json(report), report, tuple(report.hand_ins), None)]
    return [_Row(_csv(report, one), report, (one,), None) for one in report.hand_ins]


def _broken(broken: Broken) -> _Row:
    return _Row(broken.text, None, (), broken.mistake)


def _csv(report: Report, one: HandIn) -> str:
    access = one.access or {}
    cells = (
        one.spelled or "",
        access.get("referrer", ""),
        report.workuser or "",
        report.reference or "",
        report.source,
        one.item.kind,
    )
    return ";".join(f'"{cell}"' if ";" in cell or '"' in cell else cell for cell in cells)


def _json(report: Report) -> str:
    value: dict[str, Any] = {
        "source": report.source,
        "reference": report.reference,
        "matter": report.hand_ins[0].item.matter,
        "child_at_risk": report.child_at_risk,
        "workuser": report.workuser,
        "note": report.note,
        "items": [_item(one) for one in report.hand_ins],
    }
    return json.dumps({name: part for name, part in value.items() if part}, ensure_ascii=False)


def _item(one: HandIn) -> dict[str, Any]:
    value: dict[str, Any] = {"kind": one.item.kind}
    if one.spelled is not None and one.spelled.startswith("service:"):
        service, _, account = one.spelled.removeprefix("service:").partition("/")
        value |= {"service": service, "account": account}
    elif one.spelled is not None:
        value["url"] = one.spelled
    if one.hashes is not None:
        value["hashes"] = one.hashes
    if one.access is not None:
        value["access"] = one.access
    if one.found_ms is not None:
        value["found"] = _time(one.found_ms)
    if one.assessed:
        value["assessments"] = [{"verdict": "baseline", "analyst": "analyst-1"}]
    return value


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
