"""The sender of a channel: one tenure, what it signs, what it concludes from what it is told.

The theory, and why each rule is there, stands at the head of `channel.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.answers import NOTHING, Position
from protocol.checkpoint import EPOCH_BYTES, Channel, Checkpoint
from protocol.errors import UnsayableError
from protocol.merkle import EMPTY_EDGE, EMPTY_ROOT, CompactRange
from protocol.messages import EpochOpen
from protocol.vocabulary import Kind


class SenderState(NamedTuple):
    """One tenure: the epoch that this process opened, how far it is signed, what it opened from.

    `edge` is `CompactRange.to_bytes()`; `root` its root, kept for people who look at the row.
    """

    epoch: bytes
    size: int
    edge: bytes
    root: bytes
    predecessor_epoch: bytes | None
    predecessor_size: int
    predecessor_root: bytes

    @property
    def predecessor(self) -> Position:
        """The state that entry 0 names."""
        return Position(self.predecessor_epoch, self.predecessor_size, self.predecessor_root)


class Cut(NamedTuple):
    """A state after entries were appended, and the checkpoint to sign for it."""

    state: SenderState
    checkpoint: Checkpoint


class Standing(StrEnum):
    """How the told state stands to what the sender remembers; see the head of this module."""

    AGREED = "agreed"
    AWAITED = "awaited"
    BEHIND = "behind"
    STRANGE = "strange"


class Next(StrEnum):
    """What the sender does after it was told a state."""

    SEND_ON = "send_on"
    OPEN = "open"
    STOP = "stop"


NEXT: Final[Mapping[Standing, Next]] = MappingProxyType(
    {
        Standing.AGREED: Next.SEND_ON,
        Standing.AWAITED: Next.SEND_ON,
        Standing.BEHIND: Next.OPEN,
        Standing.STRANGE: Next.STOP,
    }
)


class Judgement(NamedTuple):
    """The sender's conclusion from a told state; `start` is where to send on from."""

    standing: Standing
    next: Next
    start: int


def open_epoch(epoch: bytes, told: Position) -> SenderState:
    """Return the state of a new epoch, still empty, that will follow `told`.

    `epoch` is 8 fresh random bytes. To be called only by a process that holds the channel's lease
    and that acquired it again after an opening of its failed (§8.3). Entry 0, `first_message`, is
    appended by the first `cut`.

    Raises:
        UnsayableError: an epoch id of another length, or the predecessor's own.
    """
    if len(epoch) != EPOCH_BYTES or epoch == told.epoch:
        raise UnsayableError("epoch: must be 8 fresh random bytes")
    return SenderState(epoch, 0, EMPTY_EDGE, EMPTY_ROOT, told.epoch, told.size, told.root)


def first_message(state: SenderState) -> EpochOpen:
    """Return what entry 0 of the epoch says; its subject is the epoch id."""
    return EpochOpen(state.predecessor_epoch, state.predecessor_size, state.predecessor_root)


def cut(channel: Channel, state: SenderState, leaves: Sequence[bytes]) -> Cut:
    """Append leaf hashes and return the checkpoint over them, to be signed and made durable.

    Raises:
        UnsayableError: nothing to append.
    """
    if not leaves:
        raise UnsayableError("leaves: a push carries at least one entry")
    edge = CompactRange.from_bytes(state.edge).extend(leaves)
    root = edge.root
    after = state._replace(size=edge.size, edge=edge.to_bytes(), root=root)
    return Cut(after, Checkpoint(channel.origin(state.epoch), edge.size, root))


def judge(state: SenderState | None, told: Position, signed_root: bytes | None) -> Judgement:
    """Conclude what to do from a state that the receiver freshly told.

    `state` is this process's tenure, None if it has not opened an epoch. `signed_root` is the
    root of the checkpoint that we remember having signed for exactly `told`'s epoch and size,
    None if we remember none. The caller has checked that `told` came signed, for the outstanding
    question, with a checkpoint under our own log key.
    """
    standing = _standing(state, told, signed_root)
    start = told.size if standing is Standing.AGREED else 0
    return Judgement(standing, NEXT[standing], start)


def _standing(state: SenderState | None, told: Position, signed_root: bytes | None) -> Standing:
    if told != NOTHING and signed_root != told.root:
        return Standing.STRANGE
    if state is None:
        return Standing.BEHIND
    if told.epoch == state.epoch:
        return Standing.AGREED if told.size <= state.size else Standing.STRANGE
    return Standing.AWAITED if told == state.predecessor else Standing.BEHIND


def tenure_holds(in_memory: SenderState, on_row: SenderState | None) -> bool:
    """Whether the database still says what this process last signed.

    If not, a stale replica was promoted, or another process took over: the tenure is over, and
    nothing more is signed in this epoch.
    """
    return in_memory == on_row


def chain_of(
    told: Position,
    ancestors: Sequence[Position],
    opened_from: Callable[[bytes], Position | None],
    receipted: Callable[[bytes], int],
) -> Mapping[bytes, int]:
    """Return how much of each epoch the receiver holds: the told state and its ancestors.

    `opened_from` gives the predecessor of an epoch that we remember having opened; where we do
    not remember (restored from a backup), the told `ancestors` say it. That is the receiver's word
    alone, and settles no more than it gave receipts for: `receipted` gives how much of an epoch.
    One receipt holds the entry 0 of its epoch, and so what lies before that.
    """
    told_after = dict(zip((told.epoch, *(one.epoch for one in ancestors)), ancestors, strict=False))
    chain: dict[bytes, int] = {}
    here: Position | None = told
    by_word = False
    while here is not None and here.epoch is not None and here.epoch not in chain:
        ours = receipted(here.epoch) if by_word else here.size
        chain[here.epoch] = min(here.size, ours)
        before = opened_from(here.epoch)
        by_word = before is None or (by_word and not ours)
        here = before or told_after.get(here.epoch)
    return MappingProxyType(chain)


def is_settled(chain: Mapping[bytes, int], epoch: bytes, index: int) -> bool:
    """Whether the receiver holds entry `index` of `epoch`, by what it freshly told (§8.5)."""
    return index < chain.get(epoch, 0)


class Again(StrEnum):
    """What happens to an entry of an earlier epoch when a new one is opened."""

    NOTHING = "nothing"
    APPEND = "append"
    TOMBSTONE = "tombstone"


_OF_ONE_EPOCH: Final = frozenset({Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN})


def again(kind: int, *, settled: bool, erased: bool) -> Again:
    """Return what becomes of an earlier entry when a new epoch is opened (§8.5, §8.8)."""
    if settled or kind in _OF_ONE_EPOCH:
        return Again.NOTHING
    return Again.TOMBSTONE if erased else Again.APPEND
