"""An item handed over by another member: known by its id, joined to one that is here, or new.

Also what comes after it on the same lane: sightings, and later facts. What is passed on goes along
the chain once: what comes round again ends here.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.contents.candidates import same_content, same_place, to_compare, with_nobody
from node.casework.contents.hits import hold_illegal, without_placeholder
from node.casework.contents.rejudging import (
    judge_anew,
    said_here,
    suggestion,
    waiting,
    watch_correction,
)
from node.casework.events import EventKind, Facts, Recorded
from node.casework.events import Sighted as SightedEvent
from node.casework.folding import belonging, lacks
from node.casework.incoming import adding
from node.casework.incoming.bounding import is_over, refuse
from node.casework.incoming.not_here import INHERITED, is_lost_here
from node.casework.incoming.once import each_once
from node.casework.incoming.reporting import unheard
from node.casework.incoming.under_id import line_to_add
from node.casework.item import ENDS_OR_REOPENS, Custody, Informant, ItemState, Review
from node.casework.passing_on.chains import goes_through, went_before, with_sender
from node.casework.passing_on.crossing import as_told_there, is_another
from node.casework.passing_on.custody import settle_ring, take_custody, take_moved_back, tell_way
from node.casework.passing_on.rings import is_earlier
from node.casework.passing_on.routing import item_told, responsible
from node.casework.places.again import accepted, raise_judged
from node.casework.postbox import Postbox
from node.casework.reports.intake import carry_over
from node.casework.saying import relays
from node.casework.telling import (
    News,
    by_hearsay,
    handed_on_to,
    is_otherwise,
    note,
    pass_on_sighting,
    tell,
    tell_so_far,
    teller,
)
from node.ids import Ids
from node.matching.duplicates import Judgement, join, judge
from protocol.facts import Access, ActionTaken, Assessment, Content, Hop, Jurisdiction, Sighting
from protocol.messages import Item, ItemV2, Sighted
from protocol.vocabulary import Disposition, Matter, OutcomeWhat

_UNKNOWN = frozenset({Disposition.NEW, Disposition.NEW_AGAIN, Disposition.NEW_REPLACING})
"""Rows that hold where no item has the content; a list may, as other hotlines' do."""


class Handover:
    """Takes items and sightings from other members in one casebook."""

    def __init__(
        self,
        book: Casebook,
        registry: Registry,
        postbox: Postbox,
        ids: Ids,
        places: Mapping[str | None, Jurisdiction] | None = None,
    ) -> None:
        self._book = book
        self._registry = registry
        self._postbox = postbox
        self._ids = ids
        self._places = places or {}

    def item(self, peer: str, message: Item) -> Disposition:
        """An item handed over: known by its id, joined to one that is here, or new."""
        message = each_once(message)
        here = self._book.find(message.item_id)
        if here is not None:
            return self._known_by_id(peer, here, message)
        if is_lost_here(self._book, self._postbox, message.item_id):
            self._book.over.append((INHERITED, message.item_id))
        judgement = self._look(peer, message)
        informant = Informant(peer, message.item_id)
        if judgement.joins and judgement.item is not None:
            joined = self._book.loaded.items[judgement.item]
            if is_over(self._book, self._postbox, peer, joined, message):
                return refuse(self._book, peer, joined)
            return self._join(judgement, message, informant)
        state = self._record(message, informant)
        carry_over(self._book, self._postbox, message.item_id, judgement)
        if state.assessments:  # what comes with it is of the files that are here already, too
            judge_anew(self._book, self._postbox, message.item_id)
        if judgement.disposition in _UNKNOWN and hold_illegal(self._book, state):
            return Disposition.NEW_KNOWN  # what lists say is recorded once all is judged
        return judgement.disposition

    def _look(self, peer: str, message: Item) -> Judgement:
        at_place = {
            state.id: state
            for state in same_place(self._book, message.location)
            if not is_another(self._book, peer, state)
        }
        alike = same_content(self._book, message.location, message.content, at_place)
        left = with_nobody(self._book, self._postbox, (*at_place.values(), *alike))
        here = [  # with what is left nothing is joined: of its files the verdicts count
            state if item_id in left else as_told_there(peer, message.revision, state)
            for item_id, state in at_place.items()
        ]
        new = to_compare(
            self._book,
            message.location,
            message.content,
            message.item_kind,
            message.found_ms,
            message.matter,
            message.source,
            left,
        )
        return judge(new, here, alike, self._book.us, self._book.now)

    def _known_by_id(self, peer: str, here: ItemState, message: Item) -> Disposition:
        """Our own item echoed back, or a later revision from the member that handed it over.

        Where the member that we handed it to hands it back, or one to which it went from there, its
        person says that it moved back to us: custody is ours again, and a person looks here too.
        """
        informant = Informant(peer, message.item_id)
        body = SightedEvent(
            message.sightings,
            informant,
            message.child_at_risk,
            Disposition.REVISION,
            line_to_add(here, message),
            told_online_ms=self._online(message),
            handed_ms=message.revision,
            named=adding.places_named(here, peer, message),
        )
        back = adding.as_return(self._book.us, peer, here, body)
        if self._comes_back(peer, message, here):
            adding.sight(self._book, here.id, back, self._book.now, peer)
            self._note_all(here.id, message, peer)
            take_custody(self._book, self._postbox, self._ids, here.id)
            self._add_facts(here.id, Facts(message.content, message.access), peer, message)
            self._book.raise_review(here.id, Review.CAME_BACK)
            return Disposition.DUPLICATE
        away = here.custody is Custody.HANDED_ON
        told = informant in here.informants
        if here.finder == self._book.us and not away and (told or here.id == message.item_id):
            if adding.hear_return(self._book, here, back):  # its return was known before it came
                self._add_facts(here.id, Facts(message.content, message.access), peer, message)
                self._note_all(here.id, message, peer)
            return Disposition.ECHO
        adding.sight(self._book, here.id, body, message.found_ms, peer)
        self._add_facts(here.id, Facts(message.content, message.access), peer, message)
        self._note_all(here.id, message, peer)
        if not told:
            state = self._book.loaded.items[here.id]
            tell_so_far(self._book, self._postbox, state, informant, message)
        if not away:
            return Disposition.REVISION
        if not told:
            tell_way(self._book, self._postbox, self._book.loaded.items[here.id], informant)
        return self._unless_round(here.id, Disposition.REVISION)

    def _comes_back(self, peer: str, message: Item, here: ItemState) -> bool:
        """Whether it went from us to `peer`, at once or by others, by our present hand-over."""
        late = went_before(peer, message, here) or is_earlier(self._book.us, here, message.revision)
        if here.custody is not Custody.HANDED_ON or late:
            return False
        return goes_through(peer, message, here) or handed_on_to(self._book, here) == peer

    def _join(self, judgement: Judgement, message: Item, informant: Informant) -> Disposition:
        """One more report of an item that is here: a sighting, with all that the sender knows."""
        assert judgement.item is not None
        before = self._book.loaded.items[judgement.item]
        suggested = suggestion(self._book, judgement, message.content)
        said = judgement.disposition
        body = SightedEvent(
            message.sightings,
            informant,
            message.child_at_risk,
            said,
            message.location if said is Disposition.ALIAS else None,
            told_online_ms=self._online(message),
            handed_ms=message.revision,
            named=adding.places_named(before, informant.member, message),
        )
        adding.sight(self._book, before.id, body, message.found_ms, informant.member)
        files = belonging(before, message.content)
        content = without_placeholder(self._book, before, files, message.item_kind)
        facts = Facts(content, message.access, kind=message.item_kind)
        self._add_facts(before.id, facts, informant.member, message)
        self._note_all(before.id, message, informant.member)
        raise_judged(self._book, before.id, judgement.review, suggested)
        state = self._book.loaded.items[before.id]
        tell_so_far(self._book, self._postbox, state, informant, message)
        if state.custody is Custody.HANDED_ON:
            if self._has_moved_back(state, informant.member, message):
                found = message.jurisdiction
                take_moved_back(self._book, self._postbox, self._ids, state.id, found)
                return Disposition.DUPLICATE
            tell_way(self._book, self._postbox, state, informant)
        sighting, file = next(iter(message.sightings), None), next(iter(files), None)
        self._pass_on(before, sighting, file, message.access, urgent=message.child_at_risk)
        for number, other in enumerate(content[1:], 2):
            self._pass_on(before, None, other, None, urgent=False, number=number)
        return self._unless_round(before.id, said)

    def _has_moved_back(self, state: ItemState, peer: str, message: Item) -> bool:
        """Whether `peer`, to whom we handed it, had it before it handed it to us: it has moved.

        While ours is not answered, or was handed on there before it came, the two hand-overs may
        have crossed on the way: that is a ring like any other.
        """
        late = is_earlier(self._book.us, state, message.revision)
        had_it = not late and state.answer not in (None, Disposition.FORWARDED)
        return had_it and handed_on_to(self._book, state) == peer

    def _unless_round(self, item_id: str, answer: Disposition) -> Disposition:
        """What was handed on is forwarded, unless that closes a ring in which it is ours."""
        state = settle_ring(self._book, self._postbox, self._ids, item_id)
        if state.custody is Custody.HANDED_ON:
            return Disposition.FORWARDED
        return Disposition.DUPLICATE if answer is Disposition.FORWARDED else answer

    def _pass_on(
        self,
        before: ItemState,
        sighting: Sighting | None,
        file: Content | None,
        access: Access | None,
        *,
        urgent: bool,
        number: int = 1,
    ) -> None:
        """Pass a sighting along the chain, unless it has been here: what goes round must end.

        `number`: which file of several that came at once it speaks of; each goes by itself.
        """
        state = self._book.loaded.items[before.id]
        facts = Facts(() if file is None else (file,), access)
        known = lacks(before, facts) is None
        if sighting is None:
            if known and not (urgent and not before.child_at_risk):
                return
            several = f"|{number}" if number > 1 else ""
            subject = f"{before.id}|facts|{state.revision}{several}"
        elif known and sighting in before.sightings:
            return
        else:  # the same one may come again, of another item or once it was taken back
            subject = f"{before.id}|{sighting.sighting_id}|{state.revision}"
        message = Sighted(before.id, sighting, file, access, urgent)
        pass_on_sighting(self._book, self._postbox, state, message, subject)

    def _record(self, message: Item, informant: Informant) -> ItemState:
        custody = Custody.HERE
        told = adding.credible_of(self._book.us, message.assessments)
        done = adding.credible_of(self._book.us, message.actions)
        chain = with_sender(informant.member, message)
        ours, orphan = self._whose(message)
        if message.matter is not Matter.CSAM:
            custody = Custody.COUNTED
        elif not ours:
            custody = Custody.LOCATING  # misrouted, or the registry changed: we look ourselves
        state = replace(
            item_told(message, informant.member),
            hops=(*chain, Hop(self._book.us, self._book.now)),
            told_hops=len(chain),
            informants=(informant,),
            custody=custody,
            responsible=None if custody is Custody.LOCATING else self._book.us,
            jurisdiction=message.jurisdiction,
            orphan=custody is Custody.HERE and orphan,
            due_ms=self._book.now if custody is Custody.LOCATING else None,
            assessments=told,
            hearsay=by_hearsay(self._postbox, informant.member, (*told, *done)),
            actions=done,
            told_online_ms=self._online(message),
            handed_ms=message.revision,
            relayed=relays(message.sightings, informant.member),
            named=tuple((informant.member, place) for place in range(len(message.content))),
        )
        place = None if state.location is None else self._places.get(state.location.canonical)
        return self._book.record(
            message.item_id,
            EventKind.RECORDED,
            Recorded(accepted(state, self._book.us, self._book.now, place), None),
            at_ms=message.found_ms,
            actor=informant.member,
        )

    def _whose(self, message: Item) -> tuple[bool, bool]:
        """Whether what the sender says of the hosting makes it ours, and an orphan."""
        country = message.jurisdiction.country
        if country is None:
            return True, False
        member, orphan = responsible(self._registry, country)
        return member in (self._book.us, None), orphan

    def sighted(self, peer: str, message: Sighted) -> Disposition:
        """A later sighting, or later facts, of an item that was handed over."""
        state = self._book.find(message.item_id)
        if state is None and self._book.gone_id(message.item_id, peer) is not None:
            self._book.tasks.append(("erased_item_spoken_of", message.item_id))
            return Disposition.FOR_A_PERSON
        if state is None:
            return Disposition.PARKED
        refused = unheard(self._book.us, self._postbox, state, peer, message)
        if refused is not None:
            return refused
        files = belonging(state, adding.files_of(message))
        since_ms = adding.found_since(state, peer, message, self._book.now)
        judgement = self._look_again(state, message, files)
        suggested = suggestion(self._book, judgement, files)
        if message.child_at_risk or adding.is_news(state, peer, message.sighting):
            sightings = () if message.sighting is None else (message.sighting,)
            body = SightedEvent(sightings, None, message.child_at_risk, judgement.disposition)
            found = self._book.now if message.sighting is None else message.sighting.found_ms
            adding.sight(self._book, state.id, body, found, peer)
        content = without_placeholder(self._book, state, files, state.kind)
        facts = Facts(content, message.access)
        self._add_facts(state.id, facts, peer, message, since_ms)
        adding.name(self._book, state.id, peer, message, since_ms)
        raise_judged(self._book, state.id, judgement.review, suggested)
        sighting, file = message.sighting, next(iter(files), None)
        self._pass_on(state, sighting, file, message.access, urgent=message.child_at_risk)
        return judgement.disposition

    def _look_again(
        self, state: ItemState, message: Sighted, files: tuple[Content, ...]
    ) -> Judgement:
        """A sighting of an item that was joined before the hand-over, by the same table."""
        sighting = message.sighting
        if sighting is None:
            return Judgement(Disposition.FACTS_ADDED, state.id)
        at, source = sighting.found_ms, sighting.source
        new = to_compare(self._book, state.location, files, state.kind, at, state.matter, source)
        found = join(new, state, self._book.now)
        return found or Judgement(Disposition.DUPLICATE, state.id)

    def _add_facts(
        self,
        item_id: str,
        facts: Facts,
        peer: str,
        message: Item | Sighted,
        since_ms: int = 0,
    ) -> None:
        adding.add_facts(self._book, self._postbox, item_id, facts, peer, message, since_ms)

    def _online(self, message: Item) -> int | None:
        """When the sender last knew it online, never later than now; version 1 does not say."""
        told = message.last_seen_online_ms if isinstance(message, ItemV2) else None
        return None if told is None else min(told, self._book.now)

    def _note_all(self, item_id: str, message: Item, peer: str) -> None:
        """What the sender knows of verdicts and actions belongs to the joined item too.

        It is told on. What ended the sender's item once, or opened it again, does nothing here: an
        item that is ours we alone close.
        """
        heard_from = Informant(peer, message.item_id)
        waited = waiting(self._book, item_id) if message.assessments else None
        for one in adding.credible_of(self._book.us, message.assessments):
            self._note(item_id, EventKind.ASSESSED, OutcomeWhat.ASSESSED, one, heard_from)
        for done in adding.credible_of(self._book.us, message.actions):
            if done.action not in ENDS_OR_REOPENS:
                self._note(item_id, EventKind.ACTED, OutcomeWhat.ACTED, done, heard_from)
        if message.assessments:
            judge_anew(self._book, self._postbox, item_id, waited)

    def _note(
        self,
        item_id: str,
        kind: EventKind,
        what: OutcomeWhat,
        one: Assessment | ActionTaken,
        heard_from: Informant,
    ) -> None:
        state = self._book.loaded.items[item_id]
        by = teller(self._postbox, heard_from.member, one.member)
        was_told = state.has_been_told(one.event_id)
        anew = by is None and is_otherwise(state, one.event_id, one)
        if not was_told or (by is None and not state.has_heard(one.event_id)):
            state = note(self._book, item_id, kind, one, one.at_ms, by)
            if isinstance(one, Assessment):
                watch_correction(self._book, item_id, one)
            if anew or not was_told:
                news = News(one.event_id, what, one, one.member, one.at_ms, anew=anew)
                tell(self._book, self._postbox, state, news, heard_from=heard_from)
        elif isinstance(one, Assessment) and by is None:
            said_here(self._book, self._postbox, state, one)
