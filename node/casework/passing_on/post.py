"""A message for another member, as bytes that wait for their place in a channel."""

from __future__ import annotations

import msgspec

from protocol.vocabulary import Lane


class Post(msgspec.Struct, frozen=True, gc=False):
    """One message for another member: final bytes, waiting for a place in a channel."""

    peer: str
    lane: Lane
    urgency: int
    kind: int
    item: str | None
    entry_id: bytes
    entry: bytes
