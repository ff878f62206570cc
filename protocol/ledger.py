"""The ledger: a member's log of the heads of all its channels (docs/protocol.md §8.11).

A leaf says `[origin, size, root]`: this was the state of that log. The heads of channels stand in
it in both directions, so whoever holds the ledger's head holds its owner to all of them: to what it
received, and to what it sent and got no receipt for. The ledger has epochs of its own, since a
process never signs in a log that it did not begin; the first leaf of an epoch names the head of the
one before. Its heads are checkpoints, signed by the log key under a ledger origin.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, NewType

from keys.signing import Signer, VerifyKey
from protocol import note as notes
from protocol.checkpoint import (
    MAX_CHECKPOINT_BYTES,
    is_network,
    lines_of,
    parse_lines,
    render_lines,
    sign_head,
    signer_among,
)
from protocol.encoding import pack
from protocol.entry import leaf as leaf_of
from protocol.errors import CheckpointError
from protocol.fields import is_member

EVERY_MINUTES: Final = 60
"""How often at most a ledger grows, unless the network's policy `ledger_minutes` says."""

_PARTS: Final = 5
_NAME: Final = "ledger"
_EPOCH: Final = re.compile(r"[0-9a-f]{16}")


class LedgerOrigin(NamedTuple):
    """One epoch (8 bytes) of one member's ledger; `network` is the registry's network id."""

    network: str
    member: str
    epoch: bytes

    @property
    def owner(self) -> str:
        """The member that keeps and signs this log."""
        return self.member

    def __str__(self) -> str:
        return f"hx1/{self.network}/{self.member}/{_NAME}/{self.epoch.hex()}"

    @classmethod
    def parse(cls, text: str) -> "LedgerOrigin":
        """Return the origin that `str` wrote.

        Raises:
            CheckpointError: anything else.
        """
        parts = text.split("/")
        if len(parts) != _PARTS or parts[0] != "hx1" or parts[3] != _NAME:
            raise CheckpointError("origin: must be hx1/network/member/ledger/epoch")
        _, network, member, _, epoch = parts
        if not is_network(network) or not is_member(member):
            raise CheckpointError("origin: must name a network and a member")
        if not _EPOCH.fullmatch(epoch):
            raise CheckpointError("origin.epoch: must be 16 hex digits")
        return cls(network, member, bytes.fromhex(epoch))


def is_ledger_origin(text: str) -> bool:
    """Whether this is how the origin of a ledger is spelt."""
    try:
        LedgerOrigin.parse(text)
    except CheckpointError:
        return False
    return True


class LoggedHead(NamedTuple):
    """One leaf: the state of a log; `origin` as its checkpoints spell it, `root` has 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def leaf(self) -> bytes:
        """The leaf hash: SHA-256(0x00 || canonical `[origin, size, root]`)."""
        return leaf_of(pack([self.origin, self.size, self.root]))


class LedgerHead(NamedTuple):
    """The state of one epoch of a ledger: `size` leaves under `root` (32 bytes)."""

    origin: LedgerOrigin
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return render_lines(str(self.origin), self.size, self.root)

    @property
    def logged(self) -> LoggedHead:
        """This head as a leaf: what the first leaf of the next epoch says."""
        return LoggedHead(str(self.origin), self.size, self.root)

    @classmethod
    def parse(cls, text: str) -> "LedgerHead":
        """Return the head that `text` writes down.

        Raises:
            CheckpointError: anything but three lines in their one form.
        """
        origin, size, root = parse_lines(text)
        return cls(LedgerOrigin.parse(origin), size, root)


VerifiedLedgerHead = NewType("VerifiedLedgerHead", LedgerHead)
"""A ledger's head whose signatures were checked; only `verify_ledger_head` makes one."""


def read_ledger_head(raw: bytes) -> LedgerHead:
    """Return what an **unverified** note claims: for notes of ours, or ones otherwise proven.

    Raises:
        TooLargeError, NoteError, CheckpointError: as `verify_ledger_head`.
    """
    return LedgerHead.parse(notes.parse(raw, MAX_CHECKPOINT_BYTES).text)


def sign_ledger_head(head: LedgerHead, signer: Signer) -> bytes:
    """Return the signed note of `head`, by its owner's log key.

    The leaves must be durable with it before a byte of it leaves the process (§8.11).
    """
    return sign_head(head, signer)


def verify_ledger_head(
    raw: bytes, keys: Sequence[VerifyKey], max_bytes: int = MAX_CHECKPOINT_BYTES
) -> VerifiedLedgerHead:
    """Return the head that one of `keys`, the log keys of the ledger's owner, signed.

    The caller compares the origin with what it expects; `max_bytes` is more for a head that comes
    with the cosignatures of witnesses.

    Raises:
        TooLargeError, NoteError, UnheardKeyError: not a note, or as `checkpoint.signer_among`.
        CheckpointError: a note that is no head of a ledger.
    """
    note = notes.parse(raw, max_bytes)
    head = LedgerHead.parse(note.text)
    signer_among(note, head, keys)
    return VerifiedLedgerHead(head)


def take_ledger_head(raw: bytes, keys: Sequence[VerifyKey]) -> tuple[VerifiedLedgerHead, bytes]:
    """Return the head, and its note without any lines but those of the key that signed it.

    For who puts lines of its own beside them: what else its owner wrote there could look like
    those, or make the note too long to be evidence.

    Raises:
        TooLargeError, NoteError, UnheardKeyError, CheckpointError: as `verify_ledger_head`.
    """
    note = notes.parse(raw, MAX_CHECKPOINT_BYTES)
    head = LedgerHead.parse(note.text)
    return VerifiedLedgerHead(head), lines_of(signer_among(note, head, keys), note, head)
