"""The demo's checker can fail: every kind of damage to the exports is seen, and named."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo import checker, world
from examples.demo.checker_facts import Facts, Index
from tests.builders.exports import perfect

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000_000
Json = dict[str, Any]
Damage = Callable[[Facts], object]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Give the ledger of a small world."""
    return world.write_world(tmp_path_factory.mktemp("world"), seed=5, total=400, now_ms=NOW)


@pytest.fixture(scope="module")
def faultless(ledger: Json) -> bytes:
    """Give faultless exports of that world, pickled: made anew from it at an eighth of a copy."""
    return pickle.dumps(perfect(ledger))


@pytest.fixture
def facts(faultless: bytes) -> Facts:
    """Give faultless exports of that world, to be damaged."""
    made: Facts = pickle.loads(faultless)  # noqa: S301 - our own bytes
    return made


def forwarded(facts: Facts) -> tuple[str, str, Json, Json]:
    """Choose a thing that was found abroad and worked on: key, finder, and both views."""
    for key, item in facts.ledger["items"].items():
        finder = item["finders"][0]
        if finder != item["holder"] and item["actions"] and len(item["chains"]) == 1:
            told, held = view(facts, finder, key), view(facts, item["holder"], key)
            if held["assessments"]:
                return key, finder, told, held
    raise AssertionError("the world has nothing of this kind")


def view(facts: Facts, member: str, key: str) -> Json:
    """Return the item of a key at a member."""
    return next(item for item in facts.items[member] if item["id"].endswith(f".{key}"))


def holder(facts: Facts, key: str) -> str:
    """Name the responsible member of a key."""
    return str(facts.ledger["items"][key]["holder"])


def add_hand_over(facts: Facts) -> None:
    """Let an item be handed on a second time."""
    key, finder, told, _ = forwarded(facts)
    change = {"item": told["id"], "what": "handed_on", "detail": {"to": holder(facts, key)}}
    facts.changes[finder].append(change | {"cursor": len(facts.changes[finder]) + 1})
    told["revision"] += 1


def remove_at_holder(facts: Facts) -> None:
    """Lose an item where it is worked on."""
    key, *_, held = forwarded(facts)
    facts.items[holder(facts, key)].remove(held)


def remove_at_finder(facts: Facts) -> None:
    """Lose an item where it was found."""
    _, finder, told, _ = forwarded(facts)
    facts.items[finder].remove(told)


def double_at_holder(facts: Facts) -> None:
    """Let one thing be two items."""
    key, *_, held = forwarded(facts)
    facts.items[holder(facts, key)].append(held | {"id": "gb-iwf.second"})


def stray(facts: Facts) -> None:
    """Let an item appear that nobody handed in."""
    *_, held = forwarded(facts)
    other = {"id": "gb-iwf.stray", "canonical": "http://stray.example/", "hashes": []}
    facts.items["gb-iwf"].append(held | other)


def known_to_a_stranger(facts: Facts) -> None:
    """Let a member know what does not concern it."""
    key, finder, _, held = forwarded(facts)
    stranger = next(m for m in facts.items if m not in {finder, holder(facts, key)})
    facts.items[stranger].append(held | {"id": "gb-iwf.copy"})


def drop_hash(facts: Facts) -> None:
    """Lose one of the hashes of a file."""
    for key, item in facts.ledger["items"].items():
        if item["content"] and item["location"] and "md5" in item["content"]:
            view(facts, holder(facts, key), key)["hashes"][0].pop("md5")
            return


def drop_submission(facts: Facts) -> None:
    """Forget a file."""
    facts.submitted.pop()


def no_tampered_evidence(facts: Facts) -> None:
    """Try no tampered bundle."""
    facts.evidence.pop()


DAMAGE: dict[str, tuple[Damage, str, str]] = {
    "an item is gone at its holder": (remove_at_holder, "lost", "not at"),
    "an item is gone at its finder": (remove_at_finder, "lost", "not at"),
    "a sighting is gone": (lambda f: forwarded(f)[3]["sightings"].pop(), "lost", "sightings"),
    "a hash is gone": (drop_hash, "lost", "is not known at"),
    "an answer never came": (
        lambda f: forwarded(f)[2].update(disposition=None), "lost", "never got an answer",
    ),
    "an entry waits": (
        lambda f: f.peers["gb-iwf"]["peers"][0]["channels"][0].update(waiting=1),
        "lost", "without a receipt",
    ),
    "an entry has no receipt": (
        lambda f: f.peers["de-eco"]["peers"][1]["channels"][0].update(unreceipted=2),
        "lost", "2 entries without a receipt",
    ),
    "a channel has stopped": (
        lambda f: f.peers["de-eco"]["peers"][0]["channels"][0].update(stopped="fork_suspected"),
        "lost", "fork_suspected",
    ),
    "a file was never submitted": (drop_submission, "lost", "never submitted"),
    "a broken line came in": (
        lambda f: f.submitted[0]["answer"].update(rejected=0), "differs", "rejected 0 instead of",
    ),
    "an item stands twice": (double_at_holder, "twice", "2 items at"),
    "a sighting stands twice": (
        lambda f: forwarded(f)[3]["sightings"].append(forwarded(f)[3]["sightings"][0]),
        "twice", "one sighting twice",
    ),
    "a line became two sightings": (
        lambda f: forwarded(f)[3]["sightings"].append(
            forwarded(f)[3]["sightings"][0] | {"id": "other"}
        ),
        "twice", "sightings too many",
    ),
    "a verdict stands twice": (
        lambda f: forwarded(f)[3]["assessments"].append(forwarded(f)[3]["assessments"][0]),
        "twice", "one verdict twice",
    ),
    "an action stands twice": (
        lambda f: forwarded(f)[3]["actions"].append(forwarded(f)[3]["actions"][0]),
        "twice", "one action twice",
    ),
    "an item was handed on twice": (add_hand_over, "twice", "handed_on 2 times"),
    "an item comes from nowhere": (stray, "differs", "not in the ledger"),
    "a stranger holds an item": (known_to_a_stranger, "differs", "has no part in it"),
    "the finder names another holder": (
        lambda f: forwarded(f)[2].update(responsible="fr-gone"), "differs", "for responsible",
    ),
    "the holder does not hold it": (
        lambda f: forwarded(f)[3].update(custody="handed_on", disposition="new"),
        "differs", "not here",
    ),
    "another country": (
        lambda f: forwarded(f)[3]["jurisdiction"].update(country="XX"), "differs", "country XX",
    ),
    "urgency is gone": (
        lambda f: forwarded(f)[3].update(child_at_risk=True), "differs", "child_at_risk",
    ),
    "an outcome did not come back": (
        lambda f: forwarded(f)[2]["actions"].pop(), "differs", "shows other actions",
    ),
    "a verdict did not come back": (
        lambda f: forwarded(f)[2]["assessments"].pop(), "differs", "shows other verdicts",
    ),
    "an outcome came back changed": (
        lambda f: forwarded(f)[2]["actions"][0].update(reason="other"),
        "differs", "shows other actions",
    ),
    "the finder takes it for closed": (
        lambda f: forwarded(f)[2].update(closed="never"), "differs", "disagree on its end",
    ),
    "an action was never recorded": (
        lambda f: (forwarded(f)[3]["actions"].pop(), forwarded(f)[2]["actions"].pop()),
        "differs", "actions",
    ),
    "another verdict": (
        lambda f: forwarded(f)[3]["assessments"][-1].update(verdict="changed"),
        "differs", "verdict changed instead of",
    ),
    "a report is missing": (
        lambda f: f.verify["gb-iwf"]["counts"].update(reports=1), "differs", "reports: 1",
    ),
    "the history does not verify": (
        lambda f: f.verify["fr-pdc"].update(holds=False), "broken", "findings of verify",
    ),
    "there was nothing to verify": (
        lambda f: f.verify["fr-pdc"]["counts"].update(events=0), "broken", "verify saw no events",
    ),
    "a feed has a gap": (lambda f: f.changes["gb-iwf"].pop(3), "broken", "gap"),
    "a feed repeats itself": (
        lambda f: f.changes["gb-iwf"].append(f.changes["gb-iwf"][-1]), "broken", "repetition",
    ),
    "a change was never told": (
        lambda f: forwarded(f)[2].update(revision=7), "broken", "but revision 7",
    ),
    "a bundle does not hold": (
        lambda f: f.evidence[0]["answer"].update(holds=False), "broken", "does not hold",
    ),
    "a tampered bundle holds": (
        lambda f: f.evidence[1]["answer"].update(holds=True), "broken", "tampered bundle holds",
    ),
    "no tampered bundle was tried": (no_tampered_evidence, "broken", "no tampered bundle"),
}  # fmt: skip


class TestFaultlessExports:
    """What must be accepted."""

    def test_nothing_is_found(self, facts: Facts) -> None:
        """A checker that always complains proves nothing."""
        assert checker.check(facts) == []

    def test_the_last_line_is_that_of_the_ledger(self, facts: Facts) -> None:
        """Every number is counted from the exports, and is the ledger's."""
        totals = facts.ledger["totals"]
        numbers = " ".join(f"{name}={totals[name]}" for name in checker.COUNTED)
        expected = f"demo: {numbers} lost=0 twice=0 verified=ok"
        assert checker.verdict(facts, checker.check(facts)) == expected


class TestIndex:
    """Finding what the ledger means among what a member exports."""

    def test_two_files_at_one_address_are_told_apart_without_a_common_algorithm(self) -> None:
        """One has MD5, the other SHA-256: their lengths differ, so they are two."""
        place = "http://one.example/1.jpg"
        old = {"id": "a.1", "canonical": place, "hashes": [{"md5": "00" * 16, "length": 7}]}
        new = {"id": "a.2", "canonical": place, "hashes": [{"sha256": "11" * 32, "length": 9}]}
        index = Index([old, new])
        wanted = {"location": place, "content": {"sha256": "11" * 32, "length": 9}}
        assert index.find(wanted) == [new]

    def test_the_newer_state_of_an_item_takes_the_place_of_the_older(self) -> None:
        """Analysts put in what they are told of, again and again."""
        older = {"id": "a.1", "canonical": "http://one.example/", "hashes": []}
        newer = older | {"custody": "here"}
        index = Index([older])
        index.put(newer)
        assert index.find({"location": "http://one.example/", "content": None}) == [newer]


@pytest.mark.parametrize(("damage", "kind", "text"), DAMAGE.values(), ids=DAMAGE)
class TestDamagedExports:
    """What must be refused."""

    def test_is_found_and_named(self, facts: Facts, damage: Damage, kind: str, text: str) -> None:
        """By its kind, and by the ledger's key or the member."""
        damage(facts)
        findings = checker.check(facts)
        assert [f for f in findings if f.kind == kind and text in f.text]

    def test_shows_in_the_last_line(
        self, facts: Facts, damage: Damage, kind: str, text: str
    ) -> None:
        """Nobody has to read the findings to see that there are some."""
        del text
        damage(facts)
        line = checker.verdict(facts, checker.check(facts))
        good = {"lost": "lost=0", "twice": "twice=0"}.get(kind, "verified=ok")
        assert good not in line


def test_the_command_fails_on_damage(
    ledger: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code and last line, from files as the demo writes them."""
    facts = copy.deepcopy(perfect(ledger))
    write(facts, tmp_path)
    assert checker.main([str(tmp_path)]) == 0
    remove_at_holder(facts)
    write(facts, tmp_path)
    assert checker.main([str(tmp_path)]) == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("demo: reports=")
    assert "lost=0" not in last


def write(facts: Facts, run: Path) -> None:
    """Write a run's folder."""
    exports = run / "exports"
    exports.mkdir(exist_ok=True)
    (run / "world").mkdir(exist_ok=True)
    files: dict[Path, Any] = {
        run / "world" / "ledger.json": facts.ledger,
        exports / "submitted.json": facts.submitted,
        exports / "evidence.json": facts.evidence,
    }
    for what in ("items", "changes", "verify", "peers"):
        for member, value in getattr(facts, what).items():
            files[exports / f"{what}.{member}.json"] = value
    for path, value in files.items():
        path.write_text(json.dumps(value), encoding="utf-8")
