"""With which verdict of ours somebody looked at a file that came once the item was judged (§6.4).

Such a file waits (`ItemState.unseen`) until a person here judges the item again. That look is part
of the verdict that was given then: a verdict covers what stood there when it was given. So it goes
with it, and the file waits again, unless a later verdict on the item stands: that was a look, too.
What was carried here, or follows from a list, was none.

A member that reported the item saw those of its files that it told of itself (`named`): its verdict
is no look at another that stands here beside them, and that waits as if it had come later. Nor is
one that it gave before it had the file (`since`), whichever arrives first: lanes overtake one
another. Part of the fold of an item's events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from node.casework.item import Custody, Informant, ItemState
from node.casework.passing_on.chains import handed_to
from node.casework.passing_on.rings import way
from node.ids import time_of
from node.matching.contents import Likeness, compare, merge, place_among
from protocol.facts import Assessment, Content
from protocol.vocabulary import Verdict

_NOBODY: Final = ""  # looked at by whoever judges the item next, in the same decision
_UNABLE: Final = "-"  # came once somebody could not assess the item, who does not speak of it
CLOCKS_MS: Final = 60_000
"""How far the clocks of two members may be apart that understand each other (§9.4.4)."""


def is_unseen(
    state: ItemState, content: tuple[Content, ...], saw: Callable[[Assessment], bool] | None = None
) -> bool:
    """Whether a file comes to a judged item that only its address says is the same one.

    Whoever judged it looked at what stood there then; `saw`: whether who names the file gave that
    verdict having seen it. Of an item that went on who has it looks: nobody is asked here, and
    no verdict goes on with the file from here. What an `unassessable` took back counts again once
    that is withdrawn.
    """
    judged = any(
        one.verdict is not Verdict.UNASSESSABLE and not (saw and saw(one))
        for one in state.assessments
    )
    routed = state.custody is not Custody.COUNTED
    return routed and judged and any(_is_another(state, one) for one in content)


def _is_another(state: ItemState, file: Content) -> bool:
    """Whether it is none of the item's files, or says of one that it is another than was known.

    That one beside it is the same says nothing of it, nor of the one that it fills (`merge`).
    """
    if file in state.content:
        return False
    place = place_among(state.content, file)
    same = Likeness.SAME
    return place is None or compare(state.content[place], file, pictures=False) is not same


def waiting_with(state: ItemState, content: Iterable[Content]) -> set[int]:
    """Return the places of those files that nobody saw, of the ones that came unseen (`merge`).

    One hash of a file that was judged may come with those of another: then it is another.
    """
    merged, found = state.content, set()
    for one in content:
        place = place_among(merged, one)
        if _is_another(state, one):
            found.add(len(merged) if place is None else place)
        merged = merge(merged, (one,))
    after = msgspec.structs.replace(state, content=merged)
    return {after.places[at] for at in found}


def looked_at(state: ItemState, but: Collection[int] = ()) -> dict[str, Any]:
    """Nothing waits any more, but these; the verdict that comes next is the one that looked."""
    left = tuple(place for place in state.unseen if place in but)
    looked = [place for place in state.unseen if place not in but]
    kept = [look for look in state.looks if look[0] not in looked]
    return {"unseen": left, "looks": (*kept, *((place, _NOBODY, 0) for place in looked))}


def judged(state: ItemState, actor: str, given: Assessment) -> dict[str, Any]:
    """A verdict on the item itself is a look at all that its author looked at by then.

    Of the files for which somebody was waited: all later verdicts of its author are of them, too.
    """
    if given.event_id in by_lists(state) or not _has_looked(state, given):
        return {}
    mine = (given.member, given.at_ms)
    looks = tuple((place, *((by, at) if by else mine)) for place, by, at in state.looks)
    looked = {place for place, by, _ in looks if by == given.member}
    had = _waited_for(state).intersection(_has_before_it(state, actor, given)) - looked
    looks += tuple((place, *mine) for place in sorted(had))
    seen = {place for place, by, at in looks if by == given.member and at <= given.at_ms}
    return {"looks": looks, "unseen": tuple(one for one in state.unseen if one not in seen)}


def _waited_for(state: ItemState) -> set[int]:
    """Return the places of files for which somebody had to look, or has to still."""
    return {*state.unseen, *(place for place, by, _ in state.looks if by != _UNABLE)}


def _has_before_it(state: ItemState, actor: str, given: Assessment) -> Iterable[int]:
    """Return the places of the files that who judges the item itself has before it.

    A person here sees all but what waits: that it is seen too is said before (`looked_at`).
    """
    if given.member == _us(state):
        return set(state.places).difference(state.unseen)
    if state.named is None or actor != given.member or given.verdict is Verdict.UNASSESSABLE:
        return ()
    return _known(state, actor, given)


def named(
    state: ItemState, member: str, places: Iterable[int], since_ms: int = 0
) -> dict[str, Any]:
    """A member told of the files at these places, or has them from here, not before `since_ms`.

    Of an item that an earlier version recorded nobody says who named what.
    """
    if state.named is None:
        return {}
    known = {place for one, place in state.named if one == member}
    fresh = [place for place in places if place not in known]
    since = _not_before(state.since, member, fresh, since_ms) if since_ms else state.since
    return {"named": (*state.named, *((member, place) for place in fresh)), "since": since}


_Since = tuple[tuple[str, int, int], ...]


def _not_before(since: _Since, member: str, places: Iterable[int], at_ms: int) -> _Since:
    """A member had none of these files before: its clock says when, or ours, less `CLOCKS_MS`."""
    known = {place for one, place, _ in since if one == member}
    return (*since, *((member, place, at_ms) for place in places if place not in known))


def had_before(
    state: ItemState, member: str, places: Collection[int], since_ms: int
) -> dict[str, Any]:
    """A member judged the files at these places elsewhere, before it had them of this item."""
    others = tuple(one for one in state.since if one[0] != member or one[1] not in places)
    return named(msgspec.structs.replace(state, since=others), member, places, since_ms)


def on_the_way(state: ItemState, since: _Since, places: Iterable[int], learnt_ms: int) -> _Since:
    """Who has the item from here cannot have had before what was only then told here."""
    if state.named is None:
        return since
    return _not_before(since, state.hops[-1].member, places, learnt_ms - CLOCKS_MS)


def came_late(state: ItemState, places: Iterable[int]) -> tuple[tuple[int, str, int], ...]:
    """Return the looks with these files, of which no `unassessable` speaks that stands already.

    It may be said of a page that did not load: it takes back no verdict on a file that is found
    there once it does.
    """
    unable = [one.at_ms for one in state.assessments if one.verdict is Verdict.UNASSESSABLE]
    if not unable:
        return state.looks
    return (*state.looks, *((place, _UNABLE, max(unable)) for place in places))


def others(known: Mapping[int, Content], fresh: Mapping[int, Content]) -> set[int]:
    """Return the places of files that were not there, or only by one weak hash.

    Of these who adds them has told, and nobody before; to tell more of a file is to tell of it, too
    (`places_named`).
    """
    return {
        place
        for place, file in fresh.items()
        if place not in known or compare(known[place], file, pictures=False) is not Likeness.SAME
    }


def still_named(state: ItemState, filled: Mapping[int, Content]) -> dict[str, Any]:
    """Whoever named a file by one weak hash did not name what another says that it is."""
    known = dict(zip(state.places, state.content, strict=True))
    gone = others(known, filled)
    return {
        "named": state.named and tuple(one for one in state.named if one[1] not in gone),
        "since": tuple(one for one in state.since if one[1] not in gone),
    }


def handed_on(state: ItemState, to: str) -> dict[str, Any]:
    """A member has all files from here; what it judged before was of those alone that it had."""
    given = (one for one in state.assessments if one.event_id not in state.carried)
    judged_before = any(one.member == to for one in given)
    return {} if judged_before else named(state, to, state.places)


def crossed(
    state: ItemState, informant: Informant, places: Iterable[int], since_ms: int
) -> dict[str, Any]:
    """A member tells of the item, and has of its files those at these places.

    To whom it went, and who hands over its own of the place after that, may not have heard of ours
    when it did: the two may have crossed. If it had, it tells of the files that it has from here.
    """
    member = informant.member
    given = (one for one in state.assessments if one.event_id not in state.carried)
    judged = any(one.member == member for one in given)
    if state.named is not None and _went_to(state, member) and not judged:
        rest = tuple(one for one in state.named if one[0] != member)
        state = msgspec.structs.replace(state, named=rest)
    return named(state, member, places, since_ms)


def beside(state: ItemState, actor: str, given: Assessment) -> dict[str, Any]:
    """Files wait that a member does not have that tells of the first verdict.

    Whoever judged the item before looked at what stood there then. To whom it went from here it
    went with all of them: the verdict of that one is the look for which they waited here. Not one
    that it gave before: it is of what that one had by then, and told of (`crossed`). Nor where the
    terms keep files from that one: it judges what it finds there; nor is it a look at a file that
    was still on the way to it.
    """
    if state.named is None:
        return {}
    had_them = not state.untold and given.at_ms >= state.hops[-1].received_ms
    if _went_to(state, actor) and had_them:
        return _judged_there(state, given) if _went_to(state, given.member) else {}
    if actor.partition("/")[0] == _us(state):
        return {}
    return _waiting(state, given, set(state.places) - _known(state, actor, given))


def _judged_there(state: ItemState, given: Assessment) -> dict[str, Any]:
    late = _too_late(state, {given.member, state.hops[-1].member}, given)
    had_then = [one for one in state.places if one not in late]
    had = named(state, given.member, had_then, state.hops[-1].received_ms)
    if given.verdict is not Verdict.UNASSESSABLE and state.unseen:
        had |= looked_at(state, late)
    return had | _waiting(msgspec.structs.replace(state, **had), given, late)


def _waiting(state: ItemState, given: Assessment, places: Collection[int]) -> dict[str, Any]:
    """The first verdict is none on the files at these places: they wait."""
    none = {given.event_id, *state.carried, *by_lists(state)}
    judged_before = any(
        one.verdict is not Verdict.UNASSESSABLE and one.event_id not in none
        for one in state.assessments
    )
    if not places or judged_before or given.verdict is Verdict.UNASSESSABLE:
        return {}
    looks = tuple(look for look in state.looks if look[0] not in places)
    return {"unseen": tuple(sorted({*state.unseen, *places})), "looks": looks}


def given_elsewhere(state: ItemState, given: Assessment, told_ms: int) -> tuple[int, ...]:
    """Return the place of a file that would wait by a verdict that its author told having it.

    One on a page without it it would tell nobody that has it, before somebody looked, whose verdict
    would stand here. Who has the item from here may tell it by a file that we do not know, before
    ours is there, unless it came here with that file, too; and where there are several files, it
    may be one on another.
    """
    if len(state.content) != 1:
        return ()
    waits: tuple[int, ...] = beside(state, given.member, given).get("unseen", ())
    if given.event_id in state.carried:
        return waits
    if _went_to(state, given.member):
        return ()
    has = {place for one, place, ms in state.since if one == given.member and ms <= told_ms}
    return tuple(place for place in waits if place in has)


def recorded_ms(given: Assessment) -> int:
    """Return when a verdict was recorded, or says that it was given, whichever is later."""
    return max(given.at_ms, time_of(given.event_id))


def _too_late(state: ItemState, members: Collection[str], given: Assessment) -> set[int]:
    """Return the places of files that none of these members had yet when a verdict was given."""
    if not state.since:
        return set()
    at_ms = recorded_ms(given)
    return {place for one, place, since_ms in state.since if one in members and since_ms > at_ms}


def seen(state: ItemState, given: Assessment) -> frozenset[int]:
    """Return the places of the files that who gave a verdict on the item saw.

    A member saw what it told of itself, and what it had from here; who judged it here saw all that
    stood there. What came later nobody saw with it, whoever has looked since. A word that came with
    a file is one on that file.
    """
    if given.event_id in state.carried:
        return frozenset(state.places)
    looked = {place for place, by, at in state.looks if by == given.member and at <= given.at_ms}
    late = _waited_for(state) - looked
    if given.verdict is Verdict.UNASSESSABLE:
        late |= {place for place, by, at in state.looks if by == _UNABLE and given.at_ms <= at}
    if state.named is None or given.member == _us(state):
        return frozenset(state.places).difference(late)
    return _known(state, given.member, given) - late


def _known(state: ItemState, member: str, given: Assessment) -> frozenset[int]:
    """Return the places of the files that a member has, and had when a verdict was given.

    One that neither told of the item nor had it from here stands in for one that did, by a merger,
    which events do not tell: it has what each of them has.
    """
    told = {one.member for one in state.informants}
    has: dict[str, set[int]] = {one: set() for one in (*told, member)}
    for one, place in state.named or ():
        if one in has:
            has[one].add(place)
    for one in has if state.since else ():
        has[one] -= _too_late(state, {one}, given)
    here = frozenset(state.places)
    known = frozenset(has[member])
    from_here = handed_to(_us(state), state)
    if member not in told and not state.untold and member not in from_here:
        known |= here.intersection(*(has[one] for one in told))
    return known & here


def _us(state: ItemState) -> str:
    """Return who keeps this state: where the item is, or was before it went on."""
    return state.hops[-2 if state.custody is Custody.HANDED_ON else -1].member


def seen_by(state: ItemState, given: Assessment) -> frozenset[int] | None:
    """Return of which files a verdict was given, by place; None: nobody knows any more."""
    return None if given.event_id in state.by_one_file else seen(state, given)


def _went_to(state: ItemState, member: str) -> bool:
    if state.custody is not Custody.HANDED_ON:
        return False
    us, to = _us(state), state.hops[-1].member
    return member == to or any(step.to == member for step in way(us, state.steps))


def unjudged(state: ItemState, event_id: str) -> dict[str, Any]:
    """A verdict is gone, and with it each look that no later one of its author repeats.

    So does a file wait of which those that still stand say nothing.
    """
    without = {event_id, *state.carried, *state.hearsay, *by_lists(state)}
    left = [one for one in state.assessments if one.event_id not in without]
    stand = {
        place
        for place, by, at in state.looks
        if any(one.member == by and one.at_ms >= at for one in left if _has_looked(state, one))
    }
    lost = _waited_for(state).difference(state.unseen, stand)
    judging = [one for one in left if one.verdict is not Verdict.UNASSESSABLE]
    if judging:
        lost |= set(state.places).difference(stand, *(seen(state, one) for one in judging))
    return {"unseen": tuple(sorted({*state.unseen, *lost}))} if lost else {}


def _has_looked(state: ItemState, given: Assessment) -> bool:
    """Another member's `unassessable` is none of a file: a page may not have loaded there."""
    return given.member == _us(state) or given.verdict is not Verdict.UNASSESSABLE


def by_lists(state: ItemState) -> set[str]:
    """Return the ids of verdicts that followed from lists: nobody looked."""
    return {one.verdict for one in state.listed if one.verdict is not None}
