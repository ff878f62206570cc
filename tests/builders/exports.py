"""Exports as four faultless members would give them, made from a ledger alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from examples.demo.checker_facts import Facts, concerned

Json = dict[str, Any]
FINAL = ("removed", "unavailable", "not_illegal")


def perfect(ledger: Json) -> Facts:
    """Return what the checker must be content with."""
    members = list(ledger["network"]["members"])
    items: dict[str, list[Json]] = {member: [] for member in members}
    changes: dict[str, list[Json]] = {member: [] for member in members}
    for key, item in ledger["items"].items():
        for member in sorted(concerned(item)):
            view = _view(ledger, key, member)
            items[member].append(view)
            for change in _changes(item, member, view):
                changes[member].append(change | {"cursor": len(changes[member]) + 1})
    return Facts(
        ledger,
        items,
        changes,
        verify={
            member: _verified(ledger["totals"]["reports"] if member == members[0] else 0)
            for member in members
        },
        peers={member: {"peers": [_peer(o) for o in members if o != member]} for member in members},
        submitted=[_submitted(ledger, made["path"]) for made in ledger["files"]],
        evidence=[
            {"member": members[0], "tampered": tampered, "answer": {"holds": not tampered}}
            for tampered in (False, True)
        ],
    )


def _view(ledger: Json, key: str, member: str) -> Json:
    item = ledger["items"][key]
    here = member == item["holder"]
    lost = item["hosting"]["state"] == "unresolved"
    custody = "locating" if lost else "here" if here else "handed_on"
    deeds = _deeds(item)
    end = [deed for deed in deeds if deed["action"] in FINAL]
    return {
        "id": f"{item['finders'][0]}.{key}",
        "canonical": item["location"],
        "hashes": [dict(item["content"])] if item["content"] else [],
        "custody": custody if item["matter"] == "csam" else "counted",
        "responsible": None if lost else item["holder"],
        "disposition": None if here else "new",
        "jurisdiction": dict(item["hosting"]),
        "child_at_risk": item["child_at_risk"],
        "review": item["waits_for_person"],
        "known": item["verdict"] is not None,
        "assessments": _verdicts(ledger, key),
        "actions": deeds,
        "sightings": _sightings(ledger, key, None if here else member),
        "closed": end[-1]["at"] if end else None,
        "closed_by": end[-1]["action"] if end else None,
        "revision": 0 if here else 1,
    }


def _sightings(ledger: Json, key: str, of: str | None) -> list[Json]:
    """Return one for each line of a member, or of all of them."""
    counted: Counter[str] = Counter()
    for line in ledger["lines"]:
        for one in line.get("items", ()):
            if one["item"] == key and one["outcome"] in {"first", "again"}:
                counted[line["member"]] += of in {None, line["member"]}
    return [
        {"id": f"{member}.{key}.{number}", "member": member}
        for member, count in counted.items()
        for number in range(count)
    ]


def _verdicts(ledger: Json, key: str) -> list[Json]:
    item = ledger["items"][key]
    if item["verdict"] is None:
        return []
    judged = item["known"]["as"] if item["known"] else key
    by = ledger["items"][judged]["verdict_by"] or ledger["items"][judged]["holder"]
    return [{"member": by, "verdict": item["verdict"], "at": f"verdict of {judged}"}]


def _deeds(item: Json) -> list[Json]:
    return [
        {
            "member": "nl-eokm" if action == "moved" else item["holder"],
            "action": action,
            "reason": None,
            "at": f"deed {number}",
        }
        for number, action in enumerate(item["actions"])
    ]


def _changes(item: Json, member: str, view: Json) -> list[Json]:
    told = [{"item": view["id"], "what": "recorded", "detail": {}}]
    if member != item["holder"]:
        chain = next(chain for chain in item["chains"].values() if member in chain)
        to = chain[chain.index(member) + 1]
        told.append({"item": view["id"], "what": "handed_on", "detail": {"to": to}})
    return told


def _verified(reports: int) -> Json:
    names = ("events", "entries_held", "entries_sent", "receipts_sent")
    counts = dict.fromkeys(names, 1) | {"reports": reports}
    return {"holds": True, "counts": counts, "findings": []}


def _peer(member: str) -> Json:
    channel = {"lane": "reports", "waiting": 0, "unreceipted": 0, "stopped": None}
    return {"member": member, "channels": [channel]}


def _submitted(ledger: Json, path: str) -> Json:
    lines = [line for line in ledger["lines"] if line["file"] == path]
    good = [line for line in lines if "rejected" not in line]
    repeated = [line for line in good if all(one["outcome"] == "repeated" for one in line["items"])]
    answer = {
        "lines": len(lines),
        "rejected": len(lines) - len(good),
        "repeated": len(repeated),
        "accepted": len(good) - len(repeated),
    }
    return {"file": path, "again": False, "answer": answer}
