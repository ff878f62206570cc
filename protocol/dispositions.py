"""The answers to many entries at once: one entry on the status lane for a whole push (§10.4).

What is handed over in crowds is answered in crowds. An answer of a crowd names its entry by place
and leaf alone: leaves are salted, so that one item's answer can be shown to a court without
anything of its neighbours but how many there were. Its addressee finds the item in its own log.
"""

from typing import Annotated, Final

from msgspec import Meta

from protocol.facts import Fact
from protocol.fields import MAX_CITED, Count, EpochId, Member, Sha256, TimeMs
from protocol.vocabulary import Disposition, Lane

ALONE: Final = frozenset(
    {
        Disposition.PARKED,
        Disposition.QUARANTINED,
        Disposition.NOT_HERE,
        Disposition.NOT_PERMITTED,
        Disposition.CONFLICT,
        Disposition.MALFORMED,
        Disposition.UNKNOWN_KIND,
        Disposition.UNKNOWN_VERSION,
    }
)
"""Words that a crowd is never answered with: they refuse, bear a reason, or are followed by others
for the same leaf."""


class Cited(Fact, frozen=True):
    """One entry of the channel in the other direction, by its place and its leaf."""

    index: Count
    leaf: Sha256


class Dispositions(Fact, frozen=True):
    """The receiver's same answer to several entries of one epoch of one lane.

    What a `DispositionNote` says of one, without `entry_id` and `item_id`. `cited` is in the order
    of the log, each place once.
    """

    origin_lane: Lane
    origin_epoch: EpochId
    disposition: Disposition
    responsible: Member | None
    at_ms: TimeMs
    cited: Annotated[tuple[Cited, ...], Meta(min_length=1, max_length=MAX_CITED)]

    def __post_init__(self) -> None:
        if self.disposition in ALONE:
            raise ValueError("disposition: a word that only one entry is answered with")
        places = [one.index for one in self.cited]
        if sorted(set(places)) != places:
            raise ValueError("cited: must be in the order of the log, each place once")
