"""Taking a report in: which of its lines are new, which were here, which only look new.

`take_report` is pure. For every item of the report it first asks whether this very line was handed
in before (then nothing changes, or missing facts are filled in: a revision of the first), then
lets the table of duplicates decide.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from node.casework.casebook import Casebook, Needs
from node.casework.contents.assessing import assess_all, was_said
from node.casework.contents.candidates import same_content, same_place, to_compare, with_nobody
from node.casework.contents.hits import without_placeholder
from node.casework.contents.listing import match_lists
from node.casework.contents.rejudging import bring_verdicts, carry_on, rejudge, suggestion
from node.casework.contents.seeing import is_unseen
from node.casework.contents.spreading import spread
from node.casework.contents.wanting import want_alike
from node.casework.events import EventKind, Facts, Recorded, Settled
from node.casework.events import Sighted as SightedEvent
from node.casework.folding import belonging, lacks
from node.casework.item import Custody, ItemState, ReportFacts, Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.places.again import raise_judged, watch_urgency
from node.casework.postbox import Postbox
from node.casework.reports.prepare import PreparedItem, PreparedReport
from node.casework.telling import REPORTED_IN_VAIN, is_with_nobody, pass_on_sighting
from node.ids import Ids
from node.matching.duplicates import Judgement, judge
from node.matching.fingerprints import Fingerprints, content_keys
from protocol.facts import Hop, Sighting
from protocol.messages import Sighted
from protocol.vocabulary import Disposition, Matter


class ItemTaken(msgspec.Struct, frozen=True, gc=False):
    """What became of one item of a handed-in report."""

    item_id: str
    outcome: str
    same_as: str | None = None


class ReportTaken(msgspec.Struct, frozen=True, gc=False):
    """What became of a handed-in report."""

    report_id: str
    items: tuple[ItemTaken, ...]


def intake_needs(reports: Iterable[PreparedReport], fingerprints: Fingerprints) -> Needs:
    """Say what must be loaded to take these reports."""
    needs = Needs()
    for report in reports:
        if report.draft.reference is not None:
            needs.references.add((report.draft.source, report.draft.reference))
        for item in report.items:
            lines = [line for line in (item.line, item.line_here) if line is not None]
            needs.lines.update(lines, (_of_matter(line, report.matter) for line in lines))
            want_alike(needs, item.content, fingerprints)
            needs.keys.update(fingerprints.places(item.location))
            if item.assessments:
                needs.alike_by.update(content_keys(fingerprints, item.content))
    return needs


def take_reports(
    book: Casebook, reports: Iterable[PreparedReport], ids: Ids, postbox: Postbox
) -> list[ReportTaken]:
    """Take reports in, in their order, and ask the lists about what came of them.

    A hash that a report brings may take a verdict from an item that was here: what followed from
    that is undone.
    """
    taken = [take_report(book, report, ids, postbox) for report in reports]
    match_lists(book, ids, postbox)
    reconsider(book, ids, postbox)
    return taken if not book.loaded.listed else [_known_by_lists(book, one) for one in taken]


def _known_by_lists(book: Casebook, taken: ReportTaken) -> ReportTaken:
    """Tell of new items that a list made known that they are."""
    items = [
        ItemTaken(one.item_id, "known")
        if one.outcome == "new" and book.loaded.items[one.item_id].known
        else one
        for one in taken.items
    ]
    return ReportTaken(taken.report_id, tuple(items))


def take_report(book: Casebook, report: PreparedReport, ids: Ids, postbox: Postbox) -> ReportTaken:
    """Take one report in."""
    opened = _report_of(book, report, ids)
    taken = []
    for item in report.items:
        line = _line_of(book, item, report.matter)
        known = book.loaded.lines.get(line)
        state = book.loaded.items.get(known or "")
        if known is not None and state is not None and state.matter is report.matter:
            taken.append(_again(book, report, item, known, ids, postbox))
            continue
        if known is not None and state is not None:  # an earlier release knew it without its matter
            book.remember_line(_of_matter(line, state.matter), known)
        taken.append(_first_time(book, report, item, opened, ids, postbox))
        if taken[-1].outcome not in _NOTHING_NEW:
            joined = book.loaded.items[taken[-1].item_id]
            if item.line_here is not None and not _is_at(joined, item):
                line = _of_matter(item.line_here, report.matter)
            book.remember_line(line, joined.id)
    if report.draft.reference is None and all(one.outcome in _NOTHING_NEW for one in taken):
        return ReportTaken(book.loaded.items[taken[0].item_id].report_id, tuple(taken))
    return ReportTaken(opened.id, tuple(taken))


_NOTHING_NEW = frozenset({"repeated", "revision"})


def _line_of(book: Casebook, item: PreparedItem, matter: Matter) -> bytes:
    """What this line is known by.

    Where an identity without a reference named another location before, this one too: it is another
    line, and neither dropped nor a fact about that item.
    """
    here = None if item.line_here is None else _of_matter(item.line_here, matter)
    if here is not None and here in book.loaded.lines:
        return here
    line = _of_matter(item.line, matter)
    known = book.loaded.items.get(book.loaded.lines.get(line, ""))
    if known is None and line != item.line:
        counted = book.loaded.items.get(book.loaded.lines.get(item.line, ""))
        if counted is not None and counted.matter is matter:
            line, known = item.line, counted
    return line if here is None or known is None or _is_at(known, item) else here


def _is_at(state: ItemState, item: PreparedItem) -> bool:
    """Whether an item stands where a line says, or nowhere that is known."""
    location = state.location
    return location is None or location.canonical in (None, item.location.canonical)


def _of_matter(line: bytes, matter: Matter) -> bytes:
    """What is only counted is another line than CSAM: as that, it has to go to somebody."""
    return line if matter is Matter.CSAM else line + f"\0{matter}".encode()


def _report_of(book: Casebook, report: PreparedReport, ids: Ids) -> ReportFacts:
    """The report this line belongs to.

    The one with its reference, that of its line, or a new one.
    """
    draft = report.draft
    known = None
    if draft.reference is not None:
        known = book.loaded.reports.get((draft.source, draft.reference))
    elif (line := _line_of(book, report.items[0], report.matter)) in book.loaded.lines:
        first = book.loaded.items.get(book.loaded.lines[line])
        known = None if first is None else first.report_id
    return ReportFacts(
        known or ids.mint(book.now),
        draft.source,
        draft.reference,
        report.matter,
        report.received_ms,
        draft.workuser,
        draft.note,
    )


def _again(
    book: Casebook,
    report: PreparedReport,
    item: PreparedItem,
    known: str,
    ids: Ids,
    postbox: Postbox,
) -> ItemTaken:
    """The same line again: nothing, unless it brings facts, urgency or verdicts that are new.

    What its place shows now may be another file than what was judged: without a verdict beside it,
    it waits for a look. What stands for a removed file is none; a line that comes each night would
    ask each night whether that is gone.
    """
    state = book.loaded.items[known]
    content = without_placeholder(book, state, item.content, item.kind)
    missing = lacks(state, Facts(content, item.access, kind=item.kind))
    if missing is not None:  # a line that brings a verdict as well says it of its file
        waits = not item.assessments and is_unseen(state, missing.content)
        add_facts(book, known, msgspec.structs.replace(missing, unseen=waits), postbox)
    urgent = report.draft.child_at_risk and not state.child_at_risk
    if urgent:
        _raise_urgency(book, known, postbox)
    given = {(a.verdict, a.law) for a in state.assessments if a.member == book.us}
    fresh = [
        (one, digits)
        for one, digits in item.judged
        if (one.verdict, one.law) not in given and not was_said(state, digits)
    ]
    assess_all(book, known, fresh, ids, postbox)
    revised = missing is not None or urgent or fresh
    return ItemTaken(known, "revision" if revised else "repeated")


def _raise_urgency(book: Casebook, item_id: str, postbox: Postbox) -> None:
    """A child is at risk after all: known here, and at once to the member that has the item."""
    before = book.loaded.items[item_id]
    body = SightedEvent((), None, child_at_risk=True, outcome=Disposition.REVISION)
    state = book.record(item_id, EventKind.SIGHTED, body, at_ms=book.now, actor=book.us)
    watch_urgency(book, before)
    message = Sighted(item_id, None, None, None, child_at_risk=True)
    pass_on_sighting(book, postbox, state, message, f"{item_id}|child_at_risk")


def add_facts(book: Casebook, item_id: str, facts: Facts, postbox: Postbox) -> ItemState:
    """Facts that came later: recorded, and sent along if the item was handed on."""
    before = book.loaded.items[item_id]
    state = book.record(item_id, EventKind.FACTS, facts, at_ms=book.now, actor=book.us)
    spread(book, postbox, before, state)
    rejudge(book, postbox, item_id)
    content = facts.content[0] if facts.content else None
    message = Sighted(item_id, None, content, facts.access, state.child_at_risk)
    pass_on_sighting(book, postbox, state, message, f"{item_id}|facts|{state.revision}")
    return state


def _first_time(
    book: Casebook,
    report: PreparedReport,
    item: PreparedItem,
    opened: ReportFacts,
    ids: Ids,
    postbox: Postbox,
) -> ItemTaken:
    here = same_place(book, item.location)
    alike = same_content(book, item.location, item.content, {one.id for one in here})
    new = to_compare(
        book,
        item.location,
        item.content,
        item.kind,
        item.found_ms,
        report.matter,
        report.draft.source,
        with_nobody(book, postbox, (*here, *alike)),
    )
    judgement = judge(new, here, alike, book.us, book.now)
    if judgement.joins and judgement.item is not None:
        of_line = _of_matter(item.line, report.matter)
        if judgement.item == book.loaded.lines.get(of_line):  # the line's own, at another address
            return _again(book, report, item, judgement.item, ids, postbox)
        return _join(book, report, item, opened, judgement, ids, postbox)
    item_id = ids.mint(book.now)
    body = Recorded(_first_state(book, report, item, opened, item_id), _if_new(book, opened))
    book.record(item_id, EventKind.RECORDED, body, at_ms=item.found_ms, actor=book.us)
    carry_over(book, postbox, item_id, judgement)
    assess_all(book, item_id, item.judged, ids, postbox)
    known = judgement.disposition is Disposition.NEW_KNOWN
    return ItemTaken(item_id, "known" if known else "new", judgement.item if known else None)


def _if_new(book: Casebook, opened: ReportFacts) -> ReportFacts | None:
    reference = opened.reference
    if reference is None:
        return None if opened.id in book.opened_reports else opened
    return None if (opened.source, reference) in book.loaded.reports else opened


def _first_state(
    book: Casebook,
    report: PreparedReport,
    item: PreparedItem,
    opened: ReportFacts,
    item_id: str,
) -> ItemState:
    draft = report.draft
    routed = report.matter is Matter.CSAM
    return ItemState(
        id=item_id,
        report_id=opened.id,
        finder=book.us,
        matter=report.matter,
        kind=item.kind,
        kind_said=item.kind_said,
        location=item.location,
        content=item.content,
        access=item.access,
        source=draft.source,
        found_via=draft.found_via,
        campaign=draft.campaign,
        found_ms=item.found_ms,
        received_ms=report.received_ms,
        child_at_risk=draft.child_at_risk,
        came_from=None,
        hops=(Hop(book.us, report.received_ms),),
        sightings=(Sighting(item_id, book.us, draft.source, item.found_ms),),
        custody=Custody.LOCATING if routed else Custody.COUNTED,
        responsible=None if routed else book.us,
        due_ms=book.now if routed else None,
        named=(),
    )


def _join(
    book: Casebook,
    report: PreparedReport,
    item: PreparedItem,
    opened: ReportFacts,
    judgement: Judgement,
    ids: Ids,
    postbox: Postbox,
) -> ItemTaken:
    """Another report of an item that is here: a sighting; new facts merge, urgency only rises."""
    before = book.loaded.items[judgement.item or ""]
    item_id, draft = before.id, report.draft
    suggested = suggestion(book, judgement, item.content)
    sighting = Sighting(ids.mint(book.now), book.us, draft.source, item.found_ms)
    said = judgement.disposition
    also_at = item.location if said is Disposition.ALIAS else None
    opens = _if_new(book, opened)
    body = SightedEvent((sighting,), None, draft.child_at_risk, said, also_at, opens)
    state = book.record(item_id, EventKind.SIGHTED, body, at_ms=item.found_ms, actor=book.us)
    files = belonging(state, item.content)
    content = without_placeholder(book, state, files, item.kind)
    missing = lacks(state, Facts(content, item.access, kind=item.kind))
    waits = is_unseen(state, content)
    asks = waits and state.custody is not Custody.HANDED_ON
    after = None
    if missing is not None:
        missing = msgspec.structs.replace(missing, unseen=waits)
        after = book.record(item_id, EventKind.FACTS, missing, at_ms=book.now, actor=book.us)
    # before the verdict goes anywhere with a file that nobody here saw
    raise_judged(book, item_id, judgement.review, suggested)
    if asks:
        book.raise_review(item_id, Review.SUGGESTED_VERDICT)
    watch_urgency(book, before, reported=True)
    if after is not None:
        if not asks and judgement.review is not Review.SUGGESTED_VERDICT:
            spread(book, postbox, state, after)
        rejudge(book, postbox, item_id)
    file = files[0] if files else None
    message = Sighted(item_id, sighting, file, item.access, draft.child_at_risk)
    pass_on_sighting(book, postbox, state, message, sighting.sighting_id)
    if waits and item.assessments and Review.SUGGESTED_VERDICT not in state.reviews:
        looked = Settled(Review.SUGGESTED_VERDICT)  # that is part of the verdict, and goes with it
        book.record(item_id, EventKind.SETTLED, looked, at_ms=book.now, actor=book.us)
    assess_all(book, item_id, item.judged, ids, postbox)
    return ItemTaken(item_id, "duplicate", item_id)


def carry_over(book: Casebook, postbox: Postbox, item_id: str, judgement: Judgement) -> None:
    """What else a new item brings about: verdicts on its content, and the end of another.

    Known content at a new place: the verdict comes with it and says from whom (rule 2).
    """
    if judgement.disposition is not Disposition.NEW:
        _need_not_report(book, postbox, book.loaded.items[item_id])
    if judgement.disposition is Disposition.NEW_KNOWN:
        bring_verdicts(book, postbox, item_id)
    if judgement.review is not None:
        suggested = suggestion(book, judgement, book.loaded.items[item_id].content)
        book.raise_review(item_id, judgement.review, suggested)
    if book.loaded.items[item_id].assessments:  # on to what only this item shows to be the same
        carry_on(book, postbox, item_id)
    replaced = judgement.replaces and book.loaded.items[judgement.replaces]
    if replaced and replaced.custody is Custody.HERE and replaced.closed_ms is None:
        book.raise_review(replaced.id, Review.REPLACED)


def _need_not_report(book: Casebook, postbox: Postbox, new: ItemState) -> None:
    """The place is looked at again: nobody need report what was reported of it in vain.

    But for that a child is at risk, where the new report does not say so.
    """
    if new.custody is Custody.COUNTED:
        return
    for old in same_place(book, new.location):
        told = new.child_at_risk or not old.child_at_risk
        if old.id != new.id and told and is_with_nobody(book, postbox, old):
            book.over.append((REPORTED_IN_VAIN, old.id))
