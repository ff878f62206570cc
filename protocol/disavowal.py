"""What a member says of entries that somebody else signed with its stolen key (§8.15).

It names them by their place in the log and the roots there, never by what they say. It is the
sender's word and no more: it takes no entry out of custody, and no signature that counts by itself
(§3.9) loses anything by it.
"""

from protocol.facts import Fact
from protocol.fields import Count, EpochId, Sha256
from protocol.merkle import EMPTY_ROOT


class Disavow(Fact, frozen=True):
    """Of an earlier epoch of this channel: below `start` is ours, [start, end) is not.

    `start_root` and `end_root` are the roots of that log at these sizes: what the sender remembers
    having signed and was given a receipt for, and what the receiver told.
    """

    epoch: EpochId
    start: Count
    start_root: Sha256
    end: Count
    end_root: Sha256

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("end: must be greater than start")
        if (self.start == 0) != (self.start_root == EMPTY_ROOT):
            raise ValueError("start_root: must be the empty tree's exactly when start is 0")
