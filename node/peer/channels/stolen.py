"""What only a stolen key signed: nobody is accused by it (docs/protocol.md §3.9, §8.9, §8.14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keys.registry import Registry
from keys.signing import VerifyKey
from protocol.checkpoint import verify_checkpoint
from protocol.errors import ProtocolError

ByStolenKey = Callable[[str, bytes], bool]
"""Whether of a member's log keys only such signed a checkpoint as were revoked or stolen."""


def by_no_stolen_key(_member: str, _note: bytes) -> bool:
    """Take every key for its owner's; for who knows of no revocation."""
    return False


@dataclass(frozen=True, slots=True)
class StolenKeys:
    """Tells what a key signed that its owner revoked, or says was another's.

    Attributes:
        registry: gives the registry in force, without the keys that others revoked.
        listed: gives it with them.
    """

    registry: Callable[[], Registry]
    listed: Callable[[], Registry]

    def signed(self, member: str, note: bytes) -> bool:
        """Whether such a key of `member` signed this checkpoint, and none that is believed.

        What is signed by a key that is listed no more says nothing here: it accuses as before.

        Raises:
            UnknownMemberError: the registry lists no such member.
        """
        believed, listed = self.registry().member(member), self.listed().member(member)
        good = [k for k in believed.log_keys if believed.turn(k.key_id).compromised_ms is None]
        lost = [key for key in listed.log_keys if key not in good]
        return _is_signed(note, lost) and not _is_signed(note, good)


def _is_signed(note: bytes, keys: Sequence[VerifyKey]) -> bool:
    try:
        verify_checkpoint(note, keys)
    except ProtocolError:
        return False
    return bool(keys)
