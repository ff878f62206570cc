"""Comparing views of the registry: each epoch says which one its sender works with.

TUF keeps one node from being led back or aside; it cannot tell two nodes that each was led to
another place. So what members say in their own signed logs is compared: a newer version makes us
look for it, and one version with two contents is a split view. That stands before people on both
sides, and is not acted upon by itself: else one member that lies could stop the key changes of all.

What a push says is remembered in the transaction that takes the push, and what we work under
ourselves whenever it may have changed (`node.store.ledgers.views`).
"""

from __future__ import annotations

from protocol.errors import ProtocolError
from protocol.messages import RegistrySeen, read

View = tuple[int, int, bytes]
"""Root version, timestamp version, SHA-256 of the snapshot."""


def view_said(raw_entry: bytes) -> View | None:
    """Return the view that an entry says; None: it says none, or cannot be read."""
    try:
        _, message = read(raw_entry)
    except ProtocolError:
        return None
    if not isinstance(message, RegistrySeen):
        return None
    return message.root_version, message.timestamp_version, message.snapshot_sha256


def is_newer(said: View, ours: View) -> bool:
    """Whether a peer works under a newer registry than ours, so that we look for it."""
    return said[:2] > ours[:2]
