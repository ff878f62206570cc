"""What does not fit into the lists of an `Item` follows it (docs/protocol.md §6.4).

Else whoever is handed an item of many files never looks at some of them, and nobody else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from node.casework.casebook import Casebook
from node.casework.item import ENDS_OR_REOPENS, Informant, ItemState
from node.casework.postbox import Postbox
from node.casework.telling import News, pass_on_sighting, tell_one
from protocol.facts import Access, ActionTaken, Assessment
from protocol.messages import Item, Sighted
from protocol.vocabulary import OutcomeWhat

MAX_FOLLOWING: Final = 200
"""Sightings that follow an item, the oldest: the receiver counts each as a word of ours about it,
and hears 500 (`bounding`). Files all follow: what it does not hear of them it refuses, before a
person here."""


def tell_rest(
    book: Casebook,
    postbox: Postbox,
    state: ItemState,
    handed: Item,
    verdicts: Iterable[Assessment],
    event_id: str,
) -> None:
    """Say what `handed` has no room for to whom the item was handed by the event `event_id`.

    `verdicts`: those that may be told. Of them those in force follow, and of what was done the last
    of each kind by each member: what was corrected, and what ended or reopened the item before it
    went on, changes nothing for who has it now. What that one saw itself it knows, or took back.
    """
    if _is_all_in(state, handed):
        return
    to = state.hops[-1].member
    files = state.content[len(handed.content) :]
    left = (one for one in state.sightings[len(handed.sightings) :] if one.member != to)
    seen = islice(left, MAX_FOLLOWING)
    following = [Sighted(state.id, None, one, None, child_at_risk=False) for one in files]
    following += [Sighted(state.id, None, None, one, child_at_risk=False) for one in _ways(state)]
    following += [Sighted(state.id, one, None, None, child_at_risk=False) for one in seen]
    for number, message in enumerate(following):
        pass_on_sighting(book, postbox, state, message, f"{event_id}|rest|{number}")
    for payload in _words(state, handed, verdicts):
        judged = isinstance(payload, Assessment)
        what = OutcomeWhat.ASSESSED if judged else OutcomeWhat.ACTED
        news = News(payload.event_id, what, payload, payload.member, payload.at_ms)
        tell_one(book, postbox, state, Informant(to, state.id), news)


def _is_all_in(state: ItemState, handed: Item) -> bool:
    """Whether nothing is left to say, as of nearly every item: most are handed on as reported."""
    said = state.assessments or state.actions or state.also_access
    lists = (state.content, handed.content), (state.sightings, handed.sightings)
    return not said and all(len(whole) == len(told) for whole, told in lists)


def _ways(state: ItemState) -> list[Access]:
    """Return the other ways to see an item, the newest of each who told one last.

    Of all that we tell the receiver keeps the newest few (`folding.MAX_ACCESS`).
    """
    ranked, newer = [], Counter[str]()
    for who, access in reversed(state.also_access):
        ranked.append((newer[who], access))
        newer[who] += 1
    return [access for _, access in sorted(ranked, key=lambda one: -one[0])]


def _words(
    state: ItemState, handed: Item, verdicts: Iterable[Assessment]
) -> list[Assessment | ActionTaken]:
    in_force = {given.event_id for given in state.in_force}
    left = in_force.difference(one.event_id for one in handed.assessments)
    last = {
        (one.member, one.action): one for one in state.actions if one.action not in ENDS_OR_REOPENS
    }
    done = [one for one in last.values() if one not in handed.actions]
    return [*(given for given in verdicts if given.event_id in left), *done]
