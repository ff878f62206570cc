"""What each event makes of an item's state.

An item's state is the fold of its events in order (`evolve`); the table `_FOLD` is the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from node.casework import saying
from node.casework.contents import seeing
from node.casework.events import Event, EventKind, Facts, Recorded
from node.casework.incoming.counting import SAYING, with_said
from node.casework.item import (
    REFUSALS,
    Custody,
    ItemState,
    Review,
    Step,
    TakenOff,
)
from node.casework.passing_on.rings import holder, order, way, with_step, without
from node.matching.contents import is_among, is_one_file, is_same_account, merge
from protocol.facts import Access, Content
from protocol.vocabulary import ItemKind

MAX_ACCESS = 4
"""Ways to see an item kept beside the first, of each who told one: the newest, so that nobody's
words crowd out another's."""
MAX_MESSAGES = 64
"""Messages kept at hand with an item, the newest; the history keeps all."""


def evolve(state: ItemState | None, event: Event) -> ItemState:
    """Return the state after `event`.

    Raises:
        ValueError: it cannot follow: nothing is recorded yet, or twice, or it leaves no state.
    """
    if event.kind in (EventKind.ERASED, EventKind.BURIED, EventKind.EXPIRED):
        raise ValueError("event: an erased item has no state")
    if event.kind is EventKind.RECORDED:
        if state is not None or not isinstance(event.body, Recorded):
            raise ValueError("event: an item is recorded once, with its state")
        return event.body.state
    if state is None:
        raise ValueError("event: the item was never recorded")
    changes = _FOLD[event.kind](state, event, event.body)
    if event.kind in SAYING:
        changes["said"] = with_said(state, event, len(changes.get("sightings", ())))
    return msgspec.structs.replace(state, revision=state.revision + 1, **changes)


def belonging(state: ItemState, content: tuple[Content, ...]) -> tuple[Content, ...]:
    """Return those of some files of which nobody here said that they do not belong to the item."""
    if not state.taken_off:
        return content
    gone = [one.content for one in state.taken_off if one.content is not None]
    return tuple(
        one
        for one in content
        if any(is_one_file(one, ours) for ours in state.content) or not is_among(one, gone)
    )


def lacks(state: ItemState, facts: Facts, *, by_a_person: bool = False) -> Facts | None:
    """What `facts` brings that the item does not have; None: nothing.

    Another way to see it is kept beside the first: which is right nobody knows before a look. A
    file that was taken off is lacked by a person's word alone. One of which nothing is known but
    how it looks is told once: `merge` tells it from no other. What was taken for a page and has a
    file is none: it is of the kind that `facts` says, else an image, as at intake.
    """
    ways = (state.access, *(access for _, access in state.also_access))
    access = None if facts.access in ways else facts.access
    content = facts.content if by_a_person else belonging(state, facts.content)
    content = tuple(
        one for one in content if not any(is_same_account(one, ours) for ours in state.content)
    )
    if merge(state.content, content) == state.content:
        content = ()
    if not content and access is None:
        return None
    page = state.kind is ItemKind.PAGE and content
    kind = None if facts.kind is ItemKind.PAGE else facts.kind
    file_kind = kind or ItemKind.IMAGE if page else None
    return Facts(content, access, state.custody is Custody.HANDED_ON, kind=file_kind)


def _facts(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "content": merge(state.content, body.content),
        **_seen_by(state, event.actor.partition("/")[0], body.access),
        "taken_off": tuple(_unless_back(one, body.content) for one in state.taken_off),
    }
    if body.kind is not None:
        changes["kind"] = body.kind
    if body.after_hand_over and body.content and state.sent is None:
        changes["sent"] = state.content
    after = msgspec.structs.replace(state, content=changes["content"])
    known = dict(zip(state.places, state.content, strict=True))
    files = zip(after.places, after.content, strict=True)
    fresh = {place: content for place, content in files if known.get(place) != content}
    others = sorted(seeing.others(known, fresh))
    changes |= seeing.still_named(state, fresh)
    changes["looks"] = seeing.came_late(state, others)
    if any(one.member == event.actor for one in state.informants):
        left = msgspec.structs.replace(state, named=changes["named"], since=changes["since"])
        changes |= seeing.named(left, event.actor, others, body.since_ms)
    if body.after_hand_over and event.actor != state.hops[-1].member:
        changes["since"] = seeing.on_the_way(state, changes["since"], others, event.learnt_ms)
    if body.unseen:
        waits = seeing.waiting_with(state, body.content).union(others)
        changes["unseen"] = tuple(sorted(waits.union(state.unseen)))
        changes["looks"] = tuple(look for look in state.looks if look[0] not in waits)
    return changes


def _seen_by(state: ItemState, who: str, access: Access | None) -> dict[str, Any]:
    if state.access is None or access is None:
        return {"access": state.access or access}
    theirs = [one for one in state.also_access if one[0] == who][-(MAX_ACCESS - 1) :]
    others = (one for one in state.also_access if one[0] != who)
    return {"also_access": (*others, *theirs, (who, access))}


def _unless_back(one: TakenOff, content: tuple[Content, ...]) -> TakenOff:
    """A file that a person took off, and a person adds anew: it has another place now."""
    back = one.content is not None and is_among(one.content, content)
    return TakenOff(one.place, None) if back else one


def _file_taken_off(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    files = zip(state.places, state.content, strict=True)
    return {
        "content": tuple(content for place, content in files if place != body.place),
        "taken_off": (*state.taken_off, body),
        "unseen": tuple(place for place in state.unseen if place != body.place),
        "looks": tuple(look for look in state.looks if look[0] != body.place),
        "since": tuple(one for one in state.since if one[1] != body.place),
    }


def _kept(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "custody": Custody.HERE,
        "responsible": body.responsible,
        "orphan": body.orphan,
        "hops": body.hops,
        "jurisdiction": body.jurisdiction or state.jurisdiction,
        "due_ms": body.due_ms,
        "steps": _own_step(state, body.responsible, body.responsible, body.event_id),
        "looked": body.looked or state.looked,
        "again": None,
    }


def _located_again(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    if not _ours(state):
        return {}
    return {
        "jurisdiction": body.jurisdiction or state.jurisdiction,
        "orphan": body.orphan,
        "looked": body.looked or state.looked,
        "due_ms": body.due_ms,
        "again": None if body.due_ms is None else state.again,
    }


def _own_step(state: ItemState, us: str, to: str, event_id: str | None) -> tuple[Step, ...]:
    others = without(state.steps, us)
    return others if event_id is None else with_step(others, Step(event_id, us, to))


def _handed_on(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "custody": Custody.HANDED_ON,
        "responsible": body.to,
        "orphan": body.orphan,
        "hops": body.hops,
        "jurisdiction": body.jurisdiction,
        "due_ms": None,
        "again": None,
        "answer": None,
        "answered_by": None,
        "sent": None,
        **({} if body.without_files else seeing.handed_on(state, body.to)),
        "untold": body.without_files,
        "steps": _own_step(state, body.hops[-2].member, body.to, body.event_id),
        "erased_at": _but(state.erased_at, body.to) if body.erased_before else state.erased_at,
    }


def _but(members: tuple[str, ...], member: str) -> tuple[str, ...]:
    return tuple(one for one in members if one != member)


def _answered(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    """The first answer is the item's; later ones are about later sightings of it."""
    if body.late:
        return {}
    changes: dict[str, Any] = {}
    if state.answer is None or state.answer in REFUSALS:
        changes = {"answer": body.disposition, "answered_by": body.by}
    told = any(step.by == body.by for step in state.steps)  # then we know where it went from there
    if body.responsible is not None and state.custody is Custody.HANDED_ON and not told:
        changes["responsible"] = body.responsible
    return changes


def _ours(state: ItemState) -> bool:
    return state.custody is Custody.HERE


def _responsible(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    changes = saying.heard(state, body.event_id)
    member = body.member
    if body.by is not None:
        step = Step(body.event_id, body.by, body.member)
        changes["steps"] = with_step(state.steps, step)
        member = _named(state, changes["steps"], step)
    if _ours(state):
        return changes  # told late: we have taken the item over since
    changes["responsible"] = member
    if body.jurisdiction is not None:
        changes["jurisdiction"] = body.jurisdiction
    return changes


def _named(state: ItemState, steps: tuple[Step, ...], step: Step) -> str | None:
    """Who has the item, now that `step` is known, which may be beside our way or out of date."""
    if state.custody is not Custody.HANDED_ON:
        return step.to
    us = state.hops[-2].member
    on = way(us, steps)
    if not on:
        return step.to  # it was handed on before hand-overs had ids
    met = {us, *(one.to for one in on)}
    if step.by in met:
        return holder(us, steps, state.erased_at)
    ends_here = step.to in met or any(one.by == on[-1].to for one in steps)
    late = order(step) < order(on[-1])
    return state.responsible if ends_here or late else step.to  # else it leads on unseen


def _raised(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {"reviews": (*state.reviews, body.review)}
    if body.suggestion is not None:
        changes["suggestions"] = (*state.suggestions, body.suggestion)
        if body.review in state.reviews:
            del changes["reviews"]
    return changes


def _settled(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {"reviews": tuple(r for r in state.reviews if r is not body.review)}
    if body.review is Review.SUGGESTED_VERDICT:
        changes["suggestions"] = ()
        if not body.unlooked:
            changes |= seeing.looked_at(state)
    if body.review is Review.NOTICE_TO_RETRACT:
        changes["to_retract"] = ()
    return changes


def _retracted(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "to_retract": tuple(one for one in state.to_retract if one != body.action),
        "retracted": (*state.retracted, body.action),
    }


_Fold = Callable[[ItemState, Event, Any], dict[str, Any]]
_FOLD: dict[EventKind, _Fold] = {
    EventKind.SIGHTED: saying.sighted,
    EventKind.FACTS: _facts,
    EventKind.LOCATED: lambda _s, _e, b: {"jurisdiction": b.jurisdiction, "due_ms": b.due_ms},
    EventKind.KEPT: _kept,
    EventKind.HANDED_ON: _handed_on,
    EventKind.ANSWERED: _answered,
    EventKind.ASSESSED: saying.assessed,
    EventKind.CARRIED_OVER: saying.carried_over,
    EventKind.LISTED: lambda s, _e, b: {"listed": (*s.listed, b)},
    EventKind.UNLISTED: lambda s, _e, b: {
        "listed": tuple(one for one in s.listed if one.entry != b.entry)
    },
    EventKind.NOTICES_DOUBTED: lambda s, _e, b: {"to_retract": (*s.to_retract, *b.actions)},
    EventKind.RETRACTED: _retracted,
    EventKind.LOOK_DUE: lambda _s, e, b: {"due_ms": e.learnt_ms, "again": b.again},
    EventKind.LOCATED_AGAIN: _located_again,
    EventKind.PROXY_NOTIFIED: lambda s, _e, b: {"proxy_notices": (*s.proxy_notices, b)},
    EventKind.FILE_TAKEN_OFF: _file_taken_off,
    EventKind.ACTED: saying.acted,
    EventKind.RESPONSIBLE: _responsible,
    EventKind.RAISED: _raised,
    EventKind.SETTLED: _settled,
    EventKind.REOPENED: lambda s, _e, b: (
        saying.heard(s, b.event_id)
        | {
            "closed_ms": None,
            "closed_by": None,
        }
    ),
    EventKind.WITHDRAWN: saying.withdrawn,
    EventKind.VERDICT_WITHDRAWN: saying.verdict_withdrawn,
    EventKind.HELD: lambda s, _e, b: {"holds": (*s.holds, b)},
    EventKind.LIFTED: lambda s, _e, b: {
        "holds": tuple(h for h in s.holds if h.hold_id != b.hold_id)
    },
    EventKind.MESSAGE: lambda s, _e, b: {"messages": (*s.messages, b)[-MAX_MESSAGES:]},
    EventKind.ERASED_THERE: lambda s, _e, b: (
        saying.heard(s, b.event_id)
        | {
            "erased_at": (*s.erased_at, b.member) if b.noted else s.erased_at,
        }
    ),
}
