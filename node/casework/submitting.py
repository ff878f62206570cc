"""What becomes of one draft that was handed in, in the words that its source is answered with."""

from __future__ import annotations

import msgspec

from node.casework.errors import DraftRejectedError
from node.casework.intake import ItemTaken, ReportTaken


class SubmitResult(msgspec.Struct, frozen=True, gc=False):
    """What became of one draft."""

    status: str
    report_id: str | None = None
    items: tuple[ItemTaken, ...] = ()
    code: str | None = None
    field: str | None = None
    detail: str | None = None


def rejected(error: DraftRejectedError) -> SubmitResult:
    """It makes no sense: which field, and the mend."""
    return SubmitResult("rejected", code=error.reason, field=error.field, detail=error.mend)


def accepted(taken: ReportTaken) -> SubmitResult:
    """It is in, or it was in already."""
    repeated = all(item.outcome == "repeated" for item in taken.items)
    status = "repeated" if repeated else "accepted"
    return SubmitResult(status, taken.report_id, taken.items)
