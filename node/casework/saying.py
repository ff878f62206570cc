"""What the words of members make of an item's state: sightings, actions, verdicts, and their end.

Part of the fold of its events (`folding.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from node.casework.contents import seeing
from node.casework.events import Event
from node.casework.item import FINAL_ACTIONS, Custody, ItemState
from protocol.facts import Sighting
from protocol.vocabulary import Action, Verdict


def sighted(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    """Observations, by whom the item was told, and how urgent it is."""
    seen = {s.sighting_id for s in state.sightings}
    more = tuple(s for s in body.sightings if s.sighting_id not in seen)
    changes: dict[str, Any] = {
        "sightings": state.sightings + more,
        "relayed": state.relayed + relays(body.sightings, body.told_by, state.relayed),
        "child_at_risk": state.child_at_risk or body.child_at_risk,
        "handed_ms": max(state.handed_ms, body.handed_ms),
    }
    if body.child_at_risk and not state.child_at_risk and state.custody is Custody.LOCATING:
        changes["due_ms"] = event.learnt_ms  # it has minutes to be located now, not an hour
    if body.also_at is not None and body.also_at not in state.also_at:
        changes["also_at"] = (*state.also_at, body.also_at)
    if (body.told_online_ms or 0) > (state.told_online_ms or 0):
        changes["told_online_ms"] = body.told_online_ms
    informant = body.informant
    if informant is not None and informant not in state.informants:
        changes["informants"] = (*state.informants, informant)
        if informant.item_id != state.id and informant.item_id not in state.aliases:
            changes["aliases"] = (*state.aliases, informant.item_id)
    if informant is not None:
        changes |= seeing.crossed(state, informant, body.named, body.since_ms)
    elif body.named:
        changes |= seeing.had_before(state, event.actor, body.named, body.since_ms)
    return changes


def withdrawn(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    """One sighting, or all of a member's, never were."""
    kept = tuple(
        s for s in state.sightings
        if not (s.member == body.member and body.sighting_id in (None, s.sighting_id))
    )  # fmt: skip
    ids = {sighting.sighting_id for sighting in kept}
    return {"sightings": kept, "relayed": tuple(r for r in state.relayed if r[0] in ids)}


def relays(
    sightings: Iterable[Sighting], told_by: str | None, known: Collection[tuple[str, str]] = ()
) -> tuple[tuple[str, str], ...]:
    """Return which sightings `told_by` tells of that another saw, as `ItemState.relayed` has it."""
    if told_by is None:
        return ()
    found = {(s.sighting_id, told_by): None for s in sightings if s.member != told_by}
    return tuple(one for one in found if one not in known)


def acted(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    """Something was done; who has the item ends it by that, opens it again, or gives it on."""
    changes = _told(state, event, body)
    changes["actions"] = (*changes["actions"], body)
    if body in state.actions:  # its author says so too
        seen_since = (state.last_seen_online_ms or 0) > body.at_ms
        if body.action not in FINAL_ACTIONS or seen_since:
            return {"hearsay": changes["hearsay"]}
        changes |= {"closed_ms": state.closed_ms, "closed_by": state.closed_by}
    if body.action in FINAL_ACTIONS:
        if state.custody is Custody.HANDED_ON or body.member == state.responsible:
            changes |= {"closed_ms": event.at_ms, "closed_by": body.action}
    elif body.action is Action.SEEN_ONLINE:
        if not _was_gone_since(state, body.at_ms, event.learnt_ms):
            changes |= {"closed_ms": None, "closed_by": None}
    elif (
        body.action is Action.MOVED
        and state.custody is Custody.HERE
        and body.member == state.responsible
    ):
        changes |= {"custody": Custody.LOCATING, "due_ms": event.learnt_ms, "again": None}
    return changes


def _was_gone_since(state: ItemState, at_ms: int, now_ms: int) -> bool:
    """Whether it was seen offline after that: gone in the future, by a wrong clock, it was not."""
    return state.closed_ms is not None and at_ms < state.closed_ms <= now_ms


def assessed(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    """A word about this very item; one that had been carried over to it stands on its own now."""
    beside = seeing.beside(state, event.actor, body)
    looks = beside | seeing.judged(msgspec.structs.replace(state, **beside), event.actor, body)
    if body.event_id in state.carried:
        return (looks if beside else {}) | {"carried": _but(state.carried, body.event_id)}
    changes = _told(state, event, body) | looks
    return changes | {"assessments": (*changes["assessments"], body)}


def carried_over(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    """Its author's word about the content, given on another item."""
    changes = unsaid(state, body.event_id)
    given = (*changes["assessments"], body)
    return changes | {"assessments": given, "carried": (*state.carried, body.event_id)}


def _told(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    """Make room for a verdict or action, in the place of hearsay; its author's own is none."""
    changes = unsaid(state, body.event_id)
    if _is_told_by_another(event, body.member):
        changes["hearsay"] = (*changes["hearsay"], body.event_id)
    return changes


def unsaid(state: ItemState, event_id: str) -> dict[str, Any]:
    """Let go what stood under an id, of whatever kind, by the word of another than its author.

    What was closed by that alone is open again.
    """
    actions = tuple(one for one in state.actions if one.event_id != event_id)
    changes: dict[str, Any] = {
        "assessments": tuple(one for one in state.assessments if one.event_id != event_id),
        "actions": actions,
        "hearsay": _but(state.hearsay, event_id),
    }
    gone = any(one.action in FINAL_ACTIONS for one in state.actions if one not in actions)
    if gone and not any(one.action in FINAL_ACTIONS for one in actions):
        changes |= {"closed_ms": None, "closed_by": None}
    return changes


def heard(state: ItemState, event_id: str) -> dict[str, Any]:
    """What else happened is known by its id, whatever another had told under that."""
    known = {"heard": (*state.heard, event_id)}
    return known | unsaid(state, event_id) if event_id in state.hearsay else known


def verdict_withdrawn(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    """A verdict never was, by whosever word."""
    hearsay = _but(state.hearsay, body.event_id)
    if _is_told_by_another(event, body.member):
        hearsay = (*hearsay, body.event_id)
    changes = unsaid(state, body.event_id) if body.event_id in state.hearsay else {}
    return (
        changes
        | seeing.unjudged(state, body.event_id)
        | {
            "assessments": tuple(a for a in state.assessments if a.event_id != body.event_id),
            "carried": _but(state.carried, body.event_id),
            "heard": (*_but(state.heard, body.event_id), body.event_id),
            "hearsay": hearsay,
            "silent": (*_but(state.silent, body.event_id), *_taken_back_by(state, body.event_id)),
        }
    )


def _taken_back_by(state: ItemState, event_id: str) -> tuple[str, ...]:
    """Return the ids of what its author had said of the item before an `unassessable` (§6.6.4)."""
    ids = [given.event_id for given in state.assessments]
    last = ids.index(event_id) if event_id in ids else 0
    given = state.assessments[last : last + 1]
    if not given or given[0].verdict is not Verdict.UNASSESSABLE:
        return ()
    return tuple(
        one.event_id
        for one in state.assessments[:last]
        if one.member == given[0].member and one.event_id not in state.silent
    )


def _is_told_by_another(event: Event, author: str) -> bool:
    """Whether who brought this is not who did it: a member, or one of our own people."""
    return event.actor.partition("/")[0] != author


def _but(ids: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != one)
