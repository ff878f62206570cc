"""Verdicts on contents that members share, and take back (docs/protocol.md §6.6).

They speak of files, by hashes, never of an item or an address: whoever comes upon the same file
need not view it. What a receiver makes of them is its own affair.
"""

from typing import Final

from protocol.facts import Assessment, Content, Fact
from protocol.fields import Count, SubjectId, TimeMs
from protocol.vocabulary import Verdict

MAX_PARTS: Final = 16
"""Files that one verdict can be about."""


class ContentVerdict(Fact, frozen=True):
    """A verdict that a person of the sender gave, on one of the files that it is about.

    `part` is the place of the file among them. Said again when more of its hashes became known.
    """

    assessment: Assessment
    part: Count
    content: Content

    def __post_init__(self) -> None:
        if self.assessment.verdict is Verdict.UNASSESSABLE:
            raise ValueError("assessment: 'unassessable' says nothing of a file")
        if self.part >= MAX_PARTS:
            raise ValueError(f"part: must be below {MAX_PARTS}")

    @property
    def fullness(self) -> int:
        """How many facts of the file it gives: who says it again says more."""
        content = self.content
        facts = (content.sha256, content.sha1, content.md5, content.length, content.pdq)
        return sum(fact is not None for fact in facts)


class ContentVerdictWithdrawn(Fact, frozen=True):
    """The sender takes a verdict back, on all files that it was about; for ever."""

    event_id: SubjectId
    at_ms: TimeMs


def verdict_of(message: object) -> str | None:
    """Return the id of the verdict on files that a message gives or takes back; None: of none."""
    if isinstance(message, ContentVerdict):
        return message.assessment.event_id
    return message.event_id if isinstance(message, ContentVerdictWithdrawn) else None
