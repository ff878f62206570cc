"""Which member is responsible for an item, and how it gets there.

`choose` is the rule, `route` records it: the item stays here, or becomes a message for another
member with its whole custody chain. There is exactly one responsible member at any time, also for
`none`, `hidden` and `disputed` (docs/glossary.md).

By confidence: high goes by itself, medium goes by itself with a flag, low stands before an analyst
with a deadline (`Kept.due_ms`); at its end the item goes where most says it is, with a flag, so
that nothing stands still.

While nothing answers for a place the item is being located, and nobody's, for `LOCATING_MS` at
most; then it stays here, before a person, and goes on being looked for.
"""

from __future__ import annotations

import msgspec

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.events import (
    EventKind,
    HandedOn,
    Kept,
    Located,
    Settled,
)
from node.casework.item import Custody, ItemState, Look, Review
from node.casework.passing_on.remainder import tell_rest
from node.casework.passing_on.rings import after
from node.casework.places.beside import speaking
from node.casework.places.hidden import is_overdue, watch_hidden
from node.casework.postbox import Postbox
from node.casework.telling import News, silenced, tell
from node.ids import Ids, time_of
from protocol.errors import UnsayableError
from protocol.facts import Assessment, Hop, Jurisdiction, Moved
from protocol.fields import MAX_ACTIONS, MAX_ASSESSMENTS, MAX_CONTENTS, MAX_SIGHTINGS
from protocol.messages import Item, ItemV2
from protocol.vocabulary import Confidence, HostingState, Kind, Lane, OutcomeWhat

HOP_CAP = 5
"""Hand-overs of one item before people on both sides look (rule 7)."""

LOCATING_MS = 3_600_000
LOCATING_URGENT_MS = 300_000
"""How long an item may be located before somebody is responsible for it: a child may be at risk."""
LOOK_AGAIN_MS = 86_400_000
"""The longest pause between looks at what nobody can place; else as long as it is here."""
DEADLINE = "deadline"
"""Source of the line of evidence that says: nobody decided in time, the best candidate counts."""
MEDIUM_FLAG = "medium_confidence"
DEADLINE_FLAG = "decided_by_deadline"
LOOKED_FOR = frozenset({HostingState.HIDDEN, HostingState.UNRESOLVED})
"""What the node itself goes on to look for while the item is here."""
_UNCERTAIN = frozenset({HostingState.DISPUTED, HostingState.UNRESOLVED})


class Forwarding(msgspec.Struct, frozen=True, gc=False):
    """What it takes to let another member have an item: the members, ids, and its postbox."""

    registry: Registry
    ids: Ids
    postbox: Postbox


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Who takes an item, and whether a person must look first."""

    member: str
    orphan: bool = False
    review: Review | None = None


def choose(
    registry: Registry,
    us: str,
    state: ItemState,
    found: Jurisdiction,
    *,
    by_hand: bool = False,
) -> Choice:
    """Return the responsible member for an item hosted as `found`.

    `by_hand`: a person has looked at what goes round, or went on too often, and sends it on.
    """
    choice = choose_new(registry, us, found)
    if choice.member == us or by_hand:
        return choice
    return _unless_going_round(us, state, choice.member, orphan=choice.orphan)


def choose_new(registry: Registry, us: str, found: Jurisdiction) -> Choice:
    """Return the responsible member for an item hosted as `found` that has not been anywhere."""
    if is_uncertain(found) and not by_deadline(found):
        return Choice(us, review=Review.LOCATION_UNCERTAIN)
    if found.country is None:
        return Choice(us)
    member, orphan = responsible(registry, found.country)
    return Choice(us if member is None else member, orphan)


def is_uncertain(found: Jurisdiction) -> bool:
    """Whether a person should look before an item goes where it was found to be."""
    return found.confidence is Confidence.LOW or found.state in _UNCERTAIN


def by_deadline(found: Jurisdiction) -> bool:
    """Whether this is the best candidate of a place that nobody decided on in time."""
    return found.country is not None and any(e.source == DEADLINE for e in speaking(found))


def flag(found: Jurisdiction | None) -> str | None:
    """Say why people may want to look where an item went, or stays, by itself; None: no reason."""
    if found is None or found.country is None:
        return None
    if by_deadline(found):
        return DEADLINE_FLAG
    return MEDIUM_FLAG if found.confidence is Confidence.MEDIUM else None


def responsible(registry: Registry, country: str) -> tuple[str | None, bool]:
    """Return the active member for a country and whether it takes it as an orphan.

    None: nobody does, so it stays with whoever has it.
    """
    member = registry.network.responsible_for(country)
    return (member, False) if member is not None else (registry.network.fallback(), True)


def _unless_going_round(us: str, state: ItemState, member: str, *, orphan: bool) -> Choice:
    if len(state.hops) > HOP_CAP:
        return Choice(us, orphan, Review.HOP_CAP)
    if member in [hop.member for hop in state.hops]:
        return Choice(us, orphan, Review.CAME_BACK)
    return Choice(member, orphan)


def place(
    book: Casebook,
    item_id: str,
    found: Jurisdiction,
    retry_ms: int | None,
    forwarding: Forwarding,
) -> None:
    """Record what locating a due item found, unless a person or an event was quicker.

    An item that is here and was to be located again is left alone once it has ended, or a person
    has looked.
    """
    state = book.loaded.items.get(item_id)
    if state is None or state.due_ms is None:
        return
    if state.custody is Custody.HERE:
        waits = state.jurisdiction is not None and (
            Review.LOCATION_UNCERTAIN in state.reviews or state.jurisdiction.state in LOOKED_FOR
        )
        if state.closed_ms is not None or not state.sightings or not waits:
            body = Kept(book.us, state.orphan, state.hops, None)
            book.record(item_id, EventKind.KEPT, body, at_ms=book.now, actor=book.us)
            return
        if not is_uncertain(found) or by_deadline(found):
            settle_place(book, state)
    elif state.custody is not Custody.LOCATING:
        return
    route(book, item_id, found, retry_ms, forwarding)


def settle_place(book: Casebook, state: ItemState) -> None:
    """Say that the place waits for no person any more: it is sure now, or nobody came in time."""
    if Review.LOCATION_UNCERTAIN in state.reviews:
        body = Settled(Review.LOCATION_UNCERTAIN)
        book.record(state.id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)


def route(
    book: Casebook,
    item_id: str,
    found: Jurisdiction,
    retry_ms: int | None,
    forwarding: Forwarding,
    *,
    chosen: Choice | None = None,
) -> ItemState:
    """Record where the item is hosted and let the responsible member have it; see `choose`.

    `retry_ms` (UTC): when to locate it again; of what is unresolved, or stays here unsurely.
    `chosen`: who is to have it, where that is known better than by the rule alone.
    """
    state = book.loaded.items[item_id]
    if retry_ms is not None and found.state is HostingState.UNRESOLVED:
        in_time = _came_ms(state) <= book.now < _locating_ends_ms(state)
        if state.custody is Custody.HERE or in_time:
            body = _look_later(state, found, retry_ms, book.now)
            book.record(item_id, EventKind.LOCATED, body, at_ms=book.now, actor=book.us)
            # Until then nobody was asked; that a child is at risk is worth one question more.
            first = state.due_ms is not None and state.due_ms <= _came_ms(state) + LOCATING_MS
            over = book.now >= _locating_ends_ms(state)
            if over and first and body.jurisdiction is found:  # `keep_meanwhile`
                book.raise_review(item_id, Review.LOCATION_UNCERTAIN)
            return book.loaded.items[item_id]
        retry_ms = _later(state, retry_ms, book.now)
    choice = chosen or choose(forwarding.registry, book.us, state, found)
    if choice.member != book.us:
        try:
            return hand_on(book, state, choice, found, forwarding)
        except UnsayableError:
            choice = Choice(book.us, choice.orphan, Review.CANNOT_BE_SENT)
    review = choice.review
    if review is None and is_overdue(found) and not is_overdue(state.jurisdiction):
        review = Review.ORIGIN_UNKNOWN
    known = found.state is not HostingState.UNRESOLVED
    looked = Look(book.now, found.state, found.country) if known else None
    kept = Kept(book.us, choice.orphan, state.hops, found, due_ms=retry_ms, looked=looked)
    state = book.record(item_id, EventKind.KEPT, kept, at_ms=book.now, actor=book.us)
    if review is not None:
        book.raise_review(item_id, review)
    watch_hidden(book, item_id)
    return book.loaded.items[item_id]


def _came_ms(state: ItemState) -> int:
    """Return when an item came: a report's own time may be long ago, that of its id is ours."""
    return max(state.hops[-1].received_ms, time_of(state.id))


def _locating_ends_ms(state: ItemState) -> int:
    return _came_ms(state) + (LOCATING_URGENT_MS if state.child_at_risk else LOCATING_MS)


def _look_later(state: ItemState, found: Jurisdiction, retry_ms: int, now_ms: int) -> Located:
    """Say when to look again where nothing answered; what is here keeps the place that it has."""
    if state.custody is not Custody.HERE:
        return Located(found, min(retry_ms, _locating_ends_ms(state)))
    placed = state.jurisdiction
    if placed is not None and placed.state is not HostingState.UNRESOLVED:
        return Located(placed, retry_ms)
    due_ms, ends_ms = _later(state, retry_ms, now_ms), _locating_ends_ms(state)
    return Located(found, min(due_ms, ends_ms) if now_ms < ends_ms else due_ms)


def _later(state: ItemState, retry_ms: int, now_ms: int) -> int:
    """Return when to look again for what nobody can place: less and less often."""
    here_ms = max(0, now_ms - _came_ms(state))
    return max(retry_ms, now_ms + min(here_ms, LOOK_AGAIN_MS))


def keep_meanwhile(book: Casebook, item_id: str) -> ItemState:
    """Take an item that is being located: somebody acts on it, so this member is responsible.

    It is looked for as before, and goes where it belongs; once its time to be located is over, a
    person looks.
    """
    state = book.loaded.items[item_id]
    told = () if state.jurisdiction is None else state.jurisdiction.evidence
    found = Jurisdiction(HostingState.UNRESOLVED, None, Confidence.LOW, told)
    due_ms = book.now if state.due_ms is None else state.due_ms
    body = Kept(book.us, state.orphan, state.hops, found, due_ms=due_ms)
    return book.record(item_id, EventKind.KEPT, body, at_ms=book.now, actor=book.us)


def hand_on(
    book: Casebook,
    state: ItemState,
    choice: Choice,
    found: Jurisdiction,
    forwarding: Forwarding,
) -> ItemState:
    """Hand the item to another member and tell those who reported it.

    Raises:
        UnsayableError: it breaks a bound of the protocol, or is larger than the network permits.
    """
    hops = (*state.hops, Hop(choice.member, book.now))
    handed_ms = after(book.us, state, book.now)
    event_id = forwarding.ids.mint(handed_ms)
    anew = choice.member in state.erased_at  # it said so before this: no clock need tell
    untold = forwarding.postbox.keeps_back(choice.member, "content")
    body = HandedOn(choice.member, choice.orphan, hops, found, event_id, anew, untold)
    verdicts = _verdicts_told(state)
    message = item_message(state, book.us, found, handed_ms, verdicts)
    post = forwarding.postbox.post(
        choice.member,
        Kind.ITEM,
        message,
        subject=state.id,
        revision=len(hops),
        item=state.id,
        lane=Lane.REPORTS,
        urgency=state.urgency,
    )
    if len(post.entry) > forwarding.registry.network.limits.entry_bytes:
        raise UnsayableError("item: larger than the network permits an entry to be")
    book.record(state.id, EventKind.HANDED_ON, body, at_ms=book.now, actor=book.us)
    watch_hidden(book, state.id)
    state = book.loaded.items[state.id]
    book.posts.append(post)
    tell_rest(book, forwarding.postbox, state, message, verdicts, event_id)
    if state.informants:
        moved = Moved(choice.member, found.country, found.evidence)
        news = News(event_id, OutcomeWhat.MOVED, moved, book.us, book.now)
        tell(book, forwarding.postbox, state, news)
    return state


def item_message(
    state: ItemState,
    us: str,
    found: Jurisdiction,
    handed_ms: int,
    verdicts: tuple[Assessment, ...] | None = None,
) -> ItemV2:
    """Return what the next member is told of the item; local facts and free text are not in it.

    Its revision is the time of the hand-over, in the order of hand-overs (`rings.after`).
    Lists are bounded by the protocol: of assessments and actions the newest go, of sightings the
    oldest; the others follow (`remainder`). `verdicts`: those that may be told, where that is known
    already.

    Raises:
        UnsayableError: its chain does not begin with its finder: so it came here before that was
            refused.
    """
    if state.hops[0].member != state.finder:
        raise UnsayableError("item.custody: begins with the finder")
    assert state.location is not None
    if verdicts is None:
        verdicts = _verdicts_told(state)
    chain = state.hops[: _last(state, us) + 1]
    return ItemV2(
        item_id=state.id,
        report_id=state.report_id,
        revision=handed_ms,
        matter=state.matter,
        item_kind=state.kind,
        location=state.location,
        content=state.content[:MAX_CONTENTS],
        access=state.access,
        source=state.source,
        found_via=state.found_via,
        campaign=state.campaign,
        found_ms=state.found_ms,
        received_ms=state.received_ms,
        child_at_risk=state.child_at_risk,
        finder=state.finder,
        custody=chain,
        jurisdiction=found,
        assessments=verdicts[-MAX_ASSESSMENTS:],
        actions=state.actions[-MAX_ACTIONS:],
        sightings=state.sightings[:MAX_SIGHTINGS],
        last_seen_online_ms=state.last_seen_online_ms,
    )


def _verdicts_told(state: ItemState) -> tuple[Assessment, ...]:
    """Return the verdicts that may be taken for verdicts on all files of an item.

    While nobody looked at one of them the next member is to look.
    """
    if state.unseen or not state.assessments:
        return ()
    waits = Review.SUGGESTED_VERDICT in state.reviews
    held_back = state.by_one_file if waits else silenced(state)
    return tuple(given for given in state.assessments if given.event_id not in held_back)


def item_told(message: Item, came_from: str | None) -> ItemState:
    """Return the item as its message tells it: the other direction of `item_message`.

    `came_from` gave it to the member that records it; custody, responsibility and whom to tell are
    each member's own.
    """
    return ItemState(
        id=message.item_id,
        report_id=message.report_id,
        finder=message.finder,
        matter=message.matter,
        kind=message.item_kind,
        location=message.location,
        content=message.content,
        access=message.access,
        source=message.source,
        found_via=message.found_via,
        campaign=message.campaign,
        found_ms=message.found_ms,
        received_ms=message.received_ms,
        child_at_risk=message.child_at_risk,
        came_from=came_from,
        hops=message.custody,
        sightings=message.sightings,
        assessments=message.assessments,
        actions=message.actions,
    )


def _last(state: ItemState, us: str) -> int:
    last = len(state.hops) - 1
    while state.hops[last].member != us:
        last -= 1
    return last
