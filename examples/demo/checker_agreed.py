"""Whether members know what the ledger says, no more and no less: question 3 (`checker.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.demo.checker_facts import Facts, Finding, Json, concerned, deeds, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator


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
