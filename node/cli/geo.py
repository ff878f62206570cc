"""`hotline geo status`: what the data files are, how old they are, and whether they can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from node.cli.exits import Exit
from node.cli.output import Result, table
from node.config import load
from node.jurisdiction.build import Data, open_data
from node.jurisdiction.status import ages

if TYPE_CHECKING:
    from pathlib import Path

    from node.config.places import JurisdictionSection


def status(path: Path, now_ms: int) -> Result:
    """Show each data file of the configuration as it is at `now_ms` (UTC), and the overrides.

    Raises:
        ConfigError: the configuration cannot be read.
        DataFileError: a file is missing, damaged or not the one that was pinned.
    """
    section = load(path).jurisdiction
    data = open_data(section)
    try:
        wrong_files = dict.fromkeys(data.databases.silent(), "names no country")
        wrong_files |= dict.fromkeys(data.databases.damaged(), "damaged")
        networks = data.watch.networks
        if networks is not None and not networks.is_whole():
            wrong_files[networks.file.name] = "damaged"
        files = _files(data, section, wrong_files, now_ms)
        overrides = _overrides(data, now_ms)
        contradictions = data.overrides.contradictions(now_ms)
        copies = [{"name": name, "same_as": first} for name, first in data.databases.copies]
        idle = [{"name": name, "asn_entries": count} for name, count in data.idle]
        voters = len(data.databases.files)
    finally:
        data.close()
    told = {
        "files": files,
        "max_age_days": section.max_age_days,
        "voters": voters,
        "copies": copies,
        "idle": idle,
        "overrides": overrides,
        "contradictions": contradictions,
    }
    aged = any(one["verdict"] != "fresh" for one in files)
    wrong = not voters or copies or idle or contradictions or aged
    return Result(told, _text(told), Exit.PROBLEM if wrong else Exit.OK)


def _files(
    data: Data, section: JurisdictionSection, wrong: dict[str, str], now_ms: int
) -> list[dict[str, Any]]:
    """Tell each file, in the order of the configuration; `wrong` goes before any age."""
    uses = {str(ref.path): "votes" for ref in section.databases}
    uses |= {str(section.asn_database): "networks", str(section.proxy_list): "proxies"}
    uses |= {str(section.watch_list): "watched", str(section.anycast_list): "anycast"}
    pinned = {str(ref.path) for ref in section.databases if ref.sha256 is not None}
    pinned |= {str(path) for path, sha256 in _lists(section) if sha256 is not None}
    return [
        {
            "name": file.name,
            "use": uses[file.path],
            "path": file.path,
            "sha256": file.sha256,
            "pinned": file.path in pinned,
            "built_ms": file.built_ms,
            "age_days": age.age_days,
            "verdict": wrong.get(file.name, age.verdict),
        }
        for file, age in zip(
            data.files, ages(data.files, now_ms, section.max_age_days), strict=True
        )
    ]


def _lists(section: JurisdictionSection) -> list[tuple[Path | None, str | None]]:
    return [
        (section.asn_database, section.asn_database_sha256),
        (section.proxy_list, section.proxy_list_sha256),
        (section.watch_list, section.watch_list_sha256),
        (section.anycast_list, section.anycast_list_sha256),
    ]


def _overrides(data: Data, now_ms: int) -> list[dict[str, Any]]:
    return [
        {**one._asdict(), "in_force": now_ms < one.expires_ms}
        for one in sorted(data.overrides.entries, key=lambda one: one.expires_ms)
    ]


def _text(told: dict[str, Any]) -> str:
    rows = [
        (
            one["name"], one["use"], _day(one["built_ms"]), one["age_days"], one["verdict"],
            "pinned" if one["pinned"] else "not pinned", one["sha256"],
        )
        for one in told["files"]
    ]  # fmt: skip
    lines = [table(("file", "use", "built", "days", "state", "sha256 is", "sha256"), rows)]
    if not told["voters"]:
        lines.append("no database votes: add [[jurisdiction.databases]]")
    lines += [
        f"{one['name']} is the same file as {one['same_as']}: it votes once; take one out"
        for one in told["copies"]
    ]
    lines += [
        f"{one['name']}: {one['asn_entries']} asn entries match nothing, since no ASN database is "
        "configured; set [jurisdiction] asn_database"
        for one in told["idle"]
    ]
    lines += [
        f"override {one['id']}: {one['entry']} in {one['country']} ({one['kind']}), "
        f"{'until' if one['in_force'] else 'OVER since'} {_day(one['expires_ms'])}, {one['author']}"
        for one in told["overrides"]
    ]
    lines += [
        f"overrides {', '.join(ids)} contradict each other: their place is disputed; take one out"
        for ids in told["contradictions"]
    ]
    return "\n".join(lines)


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
