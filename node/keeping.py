"""Keeping house with keys, unattended: what is over is destroyed, successors take their turn.

What was sealed to a sealing key that is over stays closed for ever, also to whoever steals this
machine later. Nothing is lost by it: what arrived was opened and kept long ago, and a push that is
still under way under the old key is answered `rekey` and sealed anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from keys.errors import KeysError
from keys.hsm import Hsm
from keys.hsm_key import HsmKey
from keys.keyring import SEALING_GRACE_MS, MemberKeys, destroy_sealing_key, sealing_name
from keys.member import MemberDocument
from keys.signing import Signer, VerifyKey
from keys.succession import ROTATED, Rotated, RotatedKey, id_of, in_use, take_up
from keys.unlock import Unlock
from node.telemetry.logs import logger


class TransportInUse:
    """The transport key of now, a `Signer`; all is signed on one event loop, where it is changed.

    An HTTP signature is one call, so that none can be half by one key and half by the next. Log
    and receipt keys sign two halves in the writer's thread: they are changed where they are held.
    """

    def __init__(self, key: Signer) -> None:
        self.key = key

    @property
    def public(self) -> VerifyKey:
        """The key under which others verify."""
        return self.key.public

    def sign_ed25519(self, message: bytes) -> bytes:
        """A signature of 64 bytes."""
        return self.key.sign_ed25519(message)

    def sign_mldsa44(self, message: bytes, context: bytes = b"") -> bytes:
        """A signature of 2420 bytes.

        Raises:
            UnknownKeyError: the key has no ML-DSA-44 half.
        """
        return self.key.sign_mldsa44(message, context)


def destroy_expired(keys_dir: Path, document: MemberDocument, now_ms: int) -> tuple[str, ...]:
    """Destroy the sealing keys whose published time ended a week ago; return their ids.

    A key that `document` does not name is not touched: it may be published next.

    Raises:
        UnsafeKeyFileError: a file cannot be removed.
    """
    over = [
        key_id
        for key_id in _expired(document, now_ms)
        if (keys_dir / sealing_name(key_id)).exists()
    ]
    for key_id in over:
        destroy_sealing_key(keys_dir, key_id)
    return tuple(over)


def let_go(
    keys_dir: Path,
    document: MemberDocument,
    forget: Callable[[Iterable[str]], None],
    now_ms: int,
) -> None:
    """Destroy them on disk as `destroy_expired` does, and `forget` all of them in memory.

    Also those that another process destroyed on disk: `publish`, or one that stands by here.

    Raises:
        UnsafeKeyFileError: a file cannot be removed.
    """
    forget(_expired(document, now_ms))
    destroy_expired(keys_dir, document, now_ms)


def _expired(document: MemberDocument, now_ms: int) -> list[str]:
    return [
        published.key.key_id
        for published in document.sealing
        if published.not_after_ms + SEALING_GRACE_MS <= now_ms
    ]


def take_up_due(
    keys_dir: Path,
    unlock: Unlock,
    document: MemberDocument,
    revoked: AbstractSet[str],
    now_ms: int,
    held: MemberKeys | None = None,
    hsm: Hsm | None = None,
) -> Mapping[Rotated, RotatedKey]:
    """Take up the successors whose turn has begun; return what is now to be used instead.

    Args:
        keys_dir: where the keys lie.
        unlock: opens them.
        document: this member's, as the registry in force has it: what others can know.
        revoked: ids of this member's revoked keys.
        now_ms: UTC.
        held: what is in memory; another process may have taken up a successor on disk already.
        hsm: where halves of them lie.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: a key cannot be read or renamed.
    """
    taken: dict[Rotated, RotatedKey] = {}
    for purpose in ROTATED:
        due = in_use(document, purpose, now_ms, revoked)
        now = None if held is None else getattr(held, purpose)
        if due is None or (now is not None and id_of(now) == due):
            continue
        key = take_up(keys_dir, unlock, purpose, due, hsm)
        if key is not None:
            taken[purpose] = key
    return taken


class HsmWatch:
    """Sees whether the keys in an HSM sign, says so when that changes, and when they do again.

    Args:
        halves: gives the keys of now; none of them: nothing is wrong.
        on_back: called when all sign after one did not.
    """

    def __init__(self, halves: Callable[[], Sequence[HsmKey]], on_back: Callable[[], None]) -> None:
        self._halves = halves
        self._on_back = on_back
        self.problem: str | None = None

    async def look(self) -> None:
        """Have each key sign once, beside the loop: a token may take its time."""
        halves = self._halves()
        found = await asyncio.to_thread(_first_problem, halves)
        before, self.problem = self.problem, found
        if found == before:
            return
        if found is not None:
            logger().error("hsm_does_not_sign", code=found)
            return
        logger().info("hsm_signs_again")
        self._on_back()

    def missing(self) -> list[str]:
        """What the node lacks because of it, for `/readyz`: the code of the problem, if any."""
        return [] if self.problem is None else [self.problem]


def _first_problem(halves: Sequence[HsmKey]) -> str | None:
    try:
        for half in halves:
            half.check()
    except KeysError as error:
        return error.code
    return None
