"""Entries that stand in a log, sealed for somebody who may hold them: one place for every purpose.

A push, the answer to a pull and whatever else hands stored entries over differ only in what their
seal is bound to (docs/protocol.md §8.7).
"""

from __future__ import annotations

from typing import NamedTuple

from keys.sealing import SealingPublicKey
from node.peer.channels.outgoing import Push
from protocol import push as pushes
from protocol.checkpoint import Checkpoint
from protocol.push import Purpose, PushHead


class Sealed(NamedTuple):
    """A signed push, ready to travel: its checkpoint, the part in clear, the sealed frame."""

    checkpoint: Checkpoint
    head: PushHead
    frame: bytes


def seal(push: Push, key: SealingPublicKey, purpose: Purpose) -> Sealed:
    """Seal the entries of a push to a member's sealing key, for one purpose."""
    checkpoint = Checkpoint.parse(push.note.decode().split("\n\n", 1)[0] + "\n")
    info = pushes.seal_info(purpose, pushes.SUITE, key.key_id, checkpoint, push.start, push.size)
    head = PushHead(pushes.SUITE, key.key_id, push.note)
    return Sealed(checkpoint, head, key.seal(info, pushes.frame(push.entries)))
