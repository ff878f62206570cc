"""What is taken back, and what of it a receiver tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from node.casework.item import Informant
from protocol.messages import Outcome
from protocol.vocabulary import OutcomeWhat
from tests.builders.cases import (
    event_id,
    handed_on,
    item,
    said,
    verdict,
)
from tests.node.casework.arriving import Receiver, outcome

if TYPE_CHECKING:
    from protocol.facts import Assessment

ITEM = item(1).id


ALIAS = event_id(2, "gb-iwf")


AWAY = handed_on(item(1, informants=(Informant("gb-iwf", ALIAS),), aliases=(ALIAS,)))

"""Came from gb-iwf, which knows it under another id; handed on to fr-pdc."""


GIVEN = verdict(member="gb-iwf")


JUDGED = msgspec.structs.replace(AWAY, assessments=(GIVEN,))


def taken_back(given: Assessment = GIVEN, item_id: str = ITEM) -> Outcome:
    """The news that its author took a verdict back."""
    return outcome(item_id, OutcomeWhat.WITHDRAWN, author=given.member, event_id=given.event_id)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """To whom it is told that a verdict was taken back: (member, item id it knows)."""
    news = [(to, m) for to, m in said(receiver.book) if isinstance(m, Outcome)]
    return [(to, m.item_id) for to, m in news if m.what is OutcomeWhat.WITHDRAWN]
