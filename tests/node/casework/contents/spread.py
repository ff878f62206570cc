"""Verdicts on files as members hear them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.casework.casebook import Casebook
from node.casework.passing_on.permits import Permits
from node.casework.postbox import Postbox
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Lane, Reason, Verdict
from tests.builders.cases import (
    US,
    ids,
    item,
    network,
    said,
)

if TYPE_CHECKING:
    from keys.registry import Registry
    from node.casework.item import ItemState

MINT = ids()


def postbox(registry: Registry | None = None, *, shares: bool = True) -> Postbox:
    """Return the postbox of this member under a registry."""
    return Postbox(bytes(32), permits=Permits(US, registry or network()), shares=shares)


def shared(made: Casebook) -> list[tuple[str, ContentVerdict | ContentVerdictWithdrawn]]:
    """Return what was told of contents, to whom, on the lane for it."""
    kinds = ContentVerdict | ContentVerdictWithdrawn
    found = [(peer, message) for peer, message in said(made) if isinstance(message, kinds)]
    assert [p.peer for p in made.posts if p.lane is Lane.BULK] == [peer for peer, _ in found]
    return found


def told_iwf(made: Casebook) -> list[tuple[str, str | None, int | None]]:
    """Return what one member was told: verdicts with the file's place, and what is taken back."""
    return [
        (message.assessment.event_id, str(message.assessment.verdict), message.part)
        if isinstance(message, ContentVerdict)
        else (message.event_id, None, None)
        for peer, message in shared(made)
        if peer == "gb-iwf" and isinstance(message, ContentVerdict | ContentVerdictWithdrawn)
    ]


def assess(
    made: Casebook,
    given: Verdict = Verdict.BASELINE,
    *,
    by: Postbox | None = None,
    one: ItemState | None = None,
) -> str:
    """Let a person here judge the item; the id of the verdict."""
    reason = Reason.PASSWORD if given is Verdict.UNASSESSABLE else None
    law = "law-1" if given is Verdict.NATIONAL else None
    draft = AssessmentDraft(verdict=given, law=law, reason=reason)
    state = record_assessment(made, (one or item()).id, draft, MINT, by or postbox())
    return state.assessments[-1].event_id
