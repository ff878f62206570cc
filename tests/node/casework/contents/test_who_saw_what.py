"""Whatever happens in whatever order: what is said of a file rests on somebody who saw it.

A node beside an account of who had which file before them (`sight.py`). After each step:

* no file is told as known to be illegal, to companies, hotlines or other items, unless somebody who
  saw it judged it so, or a list says it;
* each file of an item that is known was looked at, or stands before a person.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.vocabulary import Verdict
from tests.node.casework.contents.sight import ACCOUNTS, FILES, MEMBERS, Sight

Happens: TypeAlias = tuple[str, dict[str, Any]]
VERDICTS = st.sampled_from([Verdict.BASELINE, Verdict.NOT_ILLEGAL, Verdict.UNASSESSABLE])
MAYBE = st.none() | VERDICTS
WHERE, AT = st.integers(0, 2), st.integers(0, 5)
BY = st.sampled_from(MEMBERS)


def happens(accounts: list[str], files: int) -> st.SearchStrategy[Happens]:
    """Return what may happen with so many files, of which such accounts are given."""
    named = st.tuples(st.integers(0, files - 1), st.sampled_from(accounts))
    some = st.lists(named, max_size=2, unique_by=lambda one: one[0])

    def one(what: str, **of: st.SearchStrategy[Any]) -> st.SearchStrategy[Happens]:
        return st.tuples(st.just(what), st.fixed_dictionaries(of))

    return st.one_of(
        one("report", place=WHERE, files=some, given=MAYBE, again=st.booleans()),
        one("hand", by=BY, place=WHERE, files=some, given=MAYBE),
        one("judge", by=BY, place=WHERE, given=VERDICTS),
        one("name", by=BY, place=WHERE, told=named, seen=st.booleans()),
        one("assess", at=AT, given=VERDICTS),
        one("add_hashes", at=AT, told=named),
        one("take_back", which=AT),
        one("hand_on", at=AT),
        one("holder_judges", at=AT, given=VERDICTS),
        one("come_back", at=AT),
    )


PLAIN = st.lists(happens(["full", "strong"], 3), min_size=2, max_size=8)
ANY = st.lists(happens(list(ACCOUNTS), len(FILES)), min_size=2, max_size=8)


def faults(steps: list[Happens], on_lists: tuple[int, ...] = ()) -> list[str]:
    """Return what does not hold after some step."""
    sight = Sight(on_lists)
    for what, of in steps:
        getattr(sight, what)(**of)
    return sight.faults


@given(PLAIN)
@settings(max_examples=250)
def test_what_is_said_of_a_file_rests_on_who_saw_it(steps: list[Happens]) -> None:
    """Three files, each named so that it is sure which is meant."""
    assert faults(steps) == []


@given(ANY)
@settings(max_examples=150)
def test_so_it_does_where_accounts_of_files_are_weak_and_pictures_look_alike(
    steps: list[Happens],
) -> None:
    """One weak hash alone only suggests; two files have the same."""
    assert faults(steps) == []


@given(PLAIN)
@settings(max_examples=100)
def test_so_it_does_where_a_list_knows_one_of_them(steps: list[Happens]) -> None:
    """Its word is of that file alone."""
    assert faults(steps, on_lists=(0,)) == []


@given(st.lists(happens(["full", "strong"], 3), min_size=2, max_size=6), st.data())
@settings(max_examples=150)
def test_verdict_that_is_taken_back_leaves_nothing_that_a_world_without_it_would_not_say(
    steps: list[Happens], data: st.DataObject
) -> None:
    """Of no file are companies told more than if it had never been given."""
    erring, right = Sight(), Sight()
    for what, of in steps:
        getattr(erring, what)(**of)
        getattr(right, what)(**of)
    mistake = data.draw(
        happens(["full", "strong"], 3).filter(
            lambda one: one[0] in ("judge", "assess", "holder_judges")
        )
    )
    known = set(erring.words)
    getattr(erring, mistake[0])(**mistake[1])
    for event_id in set(erring.words) - known:
        stand = sorted(one for one, word in erring.words.items() if not word.gone)
        erring.take_back(stand.index(event_id))
    assert erring.sure() <= right.sure()
    assert {one for one, state in erring.states.items() if state.known} <= {
        one for one, state in right.states.items() if state.known
    }
