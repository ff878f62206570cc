"""Two accounts of where an item is hosted, kept together: what counts, and what is noted beside it.

The evidence of both stands in one list; a line between them says where the other one begins. Only
what stands before it speaks for the place that the item has. Pure.
"""

from __future__ import annotations

import msgspec

from protocol.facts import Evidence, Jurisdiction
from protocol.fields import MAX_EVIDENCE

BEFORE = "located:before"
"""Source of the line after which stands what the member said that handed the item over."""
AGAIN = "located:again"
"""Source of the line after which stands what a later look found that did not decide."""
ANALYST = "analyst"
"""Source of the line that says: a person said so."""
CANDIDATE = "candidate"
"""Source of a line whose input is a country that a dispute is about."""
_BETWEEN = frozenset({BEFORE, AGAIN})


def speaking(found: Jurisdiction) -> tuple[Evidence, ...]:
    """Return the evidence that speaks for a place, without what is noted beside it."""
    for number, line in enumerate(found.evidence):
        if line.source in _BETWEEN:
            return found.evidence[:number]
    return found.evidence


def handed_over_with(found: Jurisdiction) -> tuple[Evidence, ...]:
    """Return, from its line on, what is noted of the place that the item was handed over with."""
    lines = found.evidence
    start = next((n for n, line in enumerate(lines) if line.source == BEFORE), len(lines))
    return lines[start:]


def beside(counts: Jurisdiction, noted: tuple[Evidence, ...]) -> Jurisdiction:
    """Return `counts` with the lines of another account after its own; each has half the room."""
    own = speaking(counts)
    noted = noted[: max(MAX_EVIDENCE - len(own), MAX_EVIDENCE // 2)]
    lines = (*own[: MAX_EVIDENCE - len(noted)], *noted)
    return msgspec.structs.replace(counts, evidence=lines)
