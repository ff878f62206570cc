"""What every member exports at the end, for the checker: through the API and the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.course import Course
    from examples.demo.members import Member

BUNDLES = 2
"""Evidence bundles made at each member."""


async def export_all(course: Course) -> None:
    """Write everything that the checker reads into `exports/`."""
    folder = course.folder / "exports"
    folder.mkdir()
    for analyst in course.analysts.values():
        await analyst.end()
    items = await asyncio.gather(*(one.items() for one in course.analysts.values()))
    for (member, analyst), found in zip(course.analysts.items(), items, strict=True):
        course.views[member] = found
        _write(folder / f"items.{member}.json", found)
        _write(folder / f"changes.{member}.json", analyst.changes)
    await asyncio.gather(*(_ask(member, folder) for member in course.members.values()))
    _write(folder / "submitted.json", course.submitted)
    course.tell.step("exported: items, change feeds, hotline verify of each member")
    evidence = await asyncio.gather(
        *(_evidence(course, member) for member in course.members.values())
    )
    told = [one for made in evidence for one in made]
    _write(folder / "evidence.json", told)
    good = sum(one["answer"]["holds"] for one in told)
    course.tell.step(
        f"evidence: {good} bundles hold offline, {len(told) - good} tampered ones do not"
    )


async def _ask(member: Member, folder: Path) -> None:
    verified = await member.hotline("verify", expect=(0, 1))
    _write(folder / f"verify.{member.id}.json", verified)
    _write(folder / f"peers.{member.id}.json", await member.hotline("peers"))
    await member.keep_metrics()


async def _evidence(course: Course, member: Member) -> list[dict[str, Any]]:
    """Export bundles about items that crossed a border, and check them and a tampered one."""
    items = course.views[member.id]
    crossed = [item for item in items if len(item["chain"]) > 1 and item["actions"]]
    crossed.sort(key=lambda item: -len(item["chain"]))
    told = []
    folder = course.folder / "evidence"
    folder.mkdir(exist_ok=True)
    for number, item in enumerate(crossed[:BUNDLES]):
        file = folder / f"{member.id}.{number}.json"
        await member.hotline("evidence", "export", item["id"], "--output", str(file))
        told.append(await _verify(course, member, file, tampered=False))
        if number == 0:
            told.append(await _verify(course, member, _tamper(file), tampered=True))
    return told


async def _verify(course: Course, member: Member, file: Path, *, tampered: bool) -> dict[str, Any]:
    """Check a bundle with nothing but the bundle and the fingerprint."""
    words = ("evidence", "verify", str(file), "--root", course.network.fingerprint)
    answer = await course.processes.hotline(*words, expect=(0, 1), log="verbs.offline")
    return {"member": member.id, "tampered": tampered, "answer": answer}


def _tamper(file: Path) -> Path:
    """Change one byte of an entry in a copy of a bundle."""
    bundle = json.loads(file.read_text(encoding="utf-8"))
    entry = bundle["proofs"][-1]["entry"]
    middle = len(entry) // 2
    other = "A" if entry[middle] != "A" else "B"
    bundle["proofs"][-1]["entry"] = entry[:middle] + other + entry[middle + 1 :]
    target = file.with_suffix(".tampered.json")
    _write(target, bundle)
    return target


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
