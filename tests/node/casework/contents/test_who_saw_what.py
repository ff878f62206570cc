"""Whatever happens in whatever order: what is said of a file rests on somebody who saw it.

A node beside an account of who had which file before them (`sight.py`). After each step:

* no file is told as known to be illegal, to companies, hotlines or other items, unless somebody who
  saw it judged it so, or a list says it;
* each file of an item that is known was looked at, or stands before a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.vocabulary import Verdict
from tests.node.casework.contents.accounts import ACCOUNTS, FILES
from tests.node.casework.contents.sight import MEMBERS, Sight

if TYPE_CHECKING:
    from random import Random

Happens: TypeAlias = tuple[str, dict[str, Any]]
OFTEN = ("report", "hand", "hand", "hand", "judge", "name", "assess", "take_back")
KINDS = (*OFTEN, "hand_on", "holder_judges", "come_back")
OVERTAKING = ("name", "name", "judge", "holder_judges", "hand", "assess", "hand_on")
VERDICTS = (*[Verdict.BASELINE] * 3, Verdict.NOT_ILLEGAL, Verdict.UNASSESSABLE)
FULL = ("full", "strong")


def happens(
    chance: Random, kinds: tuple[str, ...], accounts: tuple[str, ...], most: int
) -> Happens:
    """Return what happens next: at two places, of few files, so that much of it meets."""

    def named(number: int) -> tuple[int, str]:
        return number, chance.choice(accounts)

    what = chance.choice(kinds)
    files = [named(n) for n in chance.sample(range(most), chance.randint(0, 2))]
    judged = chance.choice(VERDICTS)
    by, place, at = chance.choice(MEMBERS), chance.randrange(2), chance.randrange(2)
    with_it = judged if chance.random() < 0.6 else None
    of: dict[str, dict[str, Any]] = {
        "report": {
            "place": place,
            "files": files[:1],
            "given": judged if chance.random() < 0.2 else None,
            "again": chance.random() < 0.4,
        },
        "hand": {"by": by, "place": place, "files": files, "given": with_it},
        "judge": {"by": by, "place": place, "given": judged, "late": chance.random() < 0.7},
        "name": {
            "by": by,
            "place": place,
            "told": named(chance.randrange(most)),
            "seen": chance.random() < 0.5,
        },
        "assess": {"at": at, "given": judged},
        "add_hashes": {"at": at, "told": named(chance.randrange(most))},
        "take_back": {"which": chance.randrange(8)},
        "hand_on": {"at": at},
        "holder_judges": {"at": at, "given": judged, "late": chance.random() < 0.7},
        "come_back": {"at": at},
    }
    return what, of[what]


def live(sight: Sight, steps: list[Happens]) -> Sight:
    """Let these things happen, one after another."""
    for what, of in steps:
        getattr(sight, what)(**of)
    return sight


def story(
    chance: Random,
    accounts: tuple[str, ...] = FULL,
    most: int = 2,
    kinds: tuple[str, ...] = KINDS,
) -> list[Happens]:
    """Return some things that happen."""
    return [happens(chance, kinds, accounts, most) for _ in range(chance.randint(3, 8))]


def crossing(chance: Random) -> list[Happens]:
    """Return what happens to an item that came without a file, and went on, it may be."""
    begun: list[Happens] = [("hand", {"by": MEMBERS[0], "place": 0, "files": []})]
    if chance.random() < 0.5:
        begun.append(("hand_on", {"at": 0}))
    return begun + story(chance, kinds=OVERTAKING)


CHANCE = st.randoms(use_true_random=True)


@given(CHANCE)
@settings(max_examples=500, derandomize=True)
def test_what_is_said_of_a_file_rests_on_who_saw_it(chance: Random) -> None:
    """Each is named so that it is sure which is meant."""
    steps = story(chance)
    assert (live(Sight(), steps).faults, steps) == ([], steps)


@given(CHANCE)
@settings(max_examples=100, derandomize=True)
def test_so_it_does_where_accounts_of_files_are_weak_and_pictures_look_alike(
    chance: Random,
) -> None:
    """One weak hash alone only suggests; two files have the same. A person here adds hashes."""
    steps = story(chance, tuple(ACCOUNTS), len(FILES), (*KINDS, "add_hashes"))
    assert (live(Sight(), steps).faults, steps) == ([], steps)


@given(CHANCE)
@settings(max_examples=300, derandomize=True)
def test_so_it_does_where_reports_overtake_verdicts(chance: Random) -> None:
    """A verdict is of nothing that its giver was told of only after it."""
    steps = crossing(chance)
    assert (live(Sight(), steps).faults, steps) == ([], steps)


@given(CHANCE)
@settings(max_examples=100, derandomize=True)
def test_so_it_does_where_a_list_knows_one_of_them(chance: Random) -> None:
    """Its word is of that file alone."""
    steps = story(chance)
    assert (live(Sight((0,)), steps).faults, steps) == ([], steps)


@given(CHANCE)
@settings(max_examples=100, derandomize=True)
def test_verdict_that_is_taken_back_leaves_nothing_that_a_world_without_it_would_not_say(
    chance: Random,
) -> None:
    """No more items are known than without it, and companies are told of no more files.

    But of such as another who saw them holds illegal still: where others contradict one another,
    the look of who erred has settled at one of their items what asked a person; at the other it
    still does.
    """
    steps = story(chance)
    erring, right = live(Sight(), steps), live(Sight(), steps)
    mistake = happens(chance, ("judge", "assess", "holder_judges"), FULL, 2)
    before = set(erring.words)
    live(erring, [mistake])
    for event_id in set(erring.words) - before:
        stand = sorted(one for one, word in erring.words.items() if not word.gone)
        erring.take_back(stand.index(event_id))
    known = [{one.id for one in each.states.values() if one.known} for each in (erring, right)]
    told = {one for one in erring.sure() - right.sure() if not erring.is_illegal(one[1])}
    more = {
        one for one in known[0] - known[1] if not any(map(erring.is_illegal, erring.landed[one]))
    }
    assert (told, more, steps, mistake) == (set(), set(), steps, mistake)
