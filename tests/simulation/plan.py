"""What is to happen in one world, as data made from one seed: it can be shortened and run again.

Each step has its own chance, drawn from the seed and the step's number, so that leaving one out
changes nothing about the others but the world they find.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.simulation.faults import FAULTS
from tests.simulation.hostile import HOSTILE
from tests.simulation.net import RATES
from tests.simulation.people import STEPS

MEMBERS = ("gb-iwf", "nl-eokm", "fr-pdc", "de-eco", "pl-dyz")
VILLAIN = "xx-bad"
SHORTEST, LONGEST = 20, 60
LONG = 240
"""One world in thirty is long."""


@dataclass(frozen=True)
class Plan:
    """One world: who is there, which of them is hostile, what the wire does, and each step."""

    seed: int
    members: tuple[str, ...]
    hostile: str | None
    rates: tuple[tuple[str, float], ...]
    steps: tuple[tuple[int, str], ...]
    unreachable: str | None = None


ONLY_OFTEN = frozenset(
    {
        *("handed_round", "old_keys_back", "disowned", "ledger_robbed", "expelled", "merged"),
        *("erased_undelivered", "merged_midway"),
        *("two_ledgers", "witness_lies"),
    }
)
OFTEN = {
    2: ("crash_at_commit",) * 4 + ("handed_round",) * 2,
    9: ("expelled", "merged") * 3,
    4: ("merged_midway",) * 12,
    40: ("erased_undelivered",) * 12,
    7: (*("two_ledgers", "ledger_hour") * 6, "witness_lies", "witness_lies"),
    50: ("backup", "rolled_back") * 4,
}
"""What happens more often in every nth world: nodes die at commits and things are handed round in
the odd ones; in every seventh witnesses lie; members end in every ninth, in every fortieth things
are erased on their way, and disks go back in time again and again in a few."""

PULLED = 8
"""In every so manieth world one member cannot be called, beside those in which it falls out so; in
each of them members merge."""

AMONG_THE_HONEST = (
    ("backup", "backup", "rolled_back", "rolled_back"),
    ("backup", "backup", "backup", "backup", "restored_both"),
    ("clock_off", "clock_right"),
    ("registry_split", "work", "registry_split", "work"),
    ("suspend", "work", "reinstate"),
    ("old_keys_back", "work", "old_keys_back", "work"),
    ("submit", "work", "work", "disowned", "work", "disowned"),
    ("work", "ledger_hour", "key_revoked", "ledger_hour", "ledger_robbed", "ledger_robbed"),
)
BY_THE_HOSTILE = (
    ("takes_part", "takes_part", "work", "fork", "fork"),
    ("takes_part", "denies", "denies", "denies"),
)
"""Kinds that hardly ever come about by chance alone, after what each needs to have gone before.

Every world has one of these in the place of some of its steps, in turn, the second in worlds with a
hostile member: so each comes up in every range of worlds, and no world is longer for it.
"""


def make_plan(seed: int) -> Plan:
    """Return the plan of a seed; each world has some kinds of faults, so that each has room."""
    chance = random.Random(f"plan {seed}")  # noqa: S311 - a simulation, not a secret
    members = MEMBERS[: chance.choice([2, 3, 3, 3, 4])]
    hostile = VILLAIN if chance.random() < 0.4 else None
    kinds = [name for name in FAULTS if name not in ONLY_OFTEN and chance.random() < 0.3]
    if hostile is None:
        kinds = [name for name in kinds if name not in HOSTILE or name in _BY_ANYBODY]
    else:
        kinds += ["takes_part", "takes_part"]
    for nth, more in OFTEN.items():
        if seed % nth == nth - 1:
            kinds += more
    rates = {name: chance.random() * most for name, most in RATES.items() if chance.random() < 0.4}
    length = LONG if chance.random() < 1 / 30 else chance.randrange(SHORTEST, LONGEST)
    steps = tuple((number, _step(chance, kinds)) for number in range(length))
    everybody = members if hostile is None else (*members, hostile)
    pulls = chance.random() < 0.15 or seed % PULLED == PULLED - 1
    unreachable = chance.choice(members) if pulls else None
    stories = AMONG_THE_HONEST if hostile is None else BY_THE_HOSTILE
    steps = _with_story(chance, steps, stories[seed % len(stories)])
    return Plan(seed, everybody, hostile, tuple(sorted(rates.items())), steps, unreachable)


_BY_ANYBODY = frozenset({"impersonate", "garbage_body"})


def _step(chance: random.Random, kinds: list[str]) -> str:
    if kinds and chance.random() < 0.25:
        return chance.choice(kinds)
    return chance.choices(list(STEPS), [weight for _, weight in STEPS.values()])[0]


def _with_story(
    chance: random.Random, steps: tuple[tuple[int, str], ...], story: tuple[str, ...]
) -> tuple[tuple[int, str], ...]:
    """Put the steps of a story into the places of others, in its order."""
    places = sorted(chance.sample(range(len(steps)), len(story)))
    told = dict(zip(places, story, strict=True))
    return tuple((number, told.get(number, name)) for number, name in steps)
