"""Comparing views of the registry: each epoch says which one its sender works with.

TUF keeps one node from being led back or aside; it cannot tell two nodes that each was led to
another place. So what members say in their own signed logs is compared: a newer version makes us
look for it, and one version with two contents is a split view. That stands before people on both
sides, and is not acted upon by itself: else one member that lies could stop the key changes of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from keys.registry import Registry
from protocol.errors import ProtocolError
from protocol.messages import RegistrySeen, read
from protocol.vocabulary import Kind

_KIND_AT = 2
_KIND = bytes((Kind.REGISTRY_SEEN,))
View = tuple[int, int, bytes]
"""Root version, timestamp version, SHA-256 of the snapshot."""


class ViewStore(Protocol):
    """What comparing needs of the store."""

    async def said(self, member: str, view: View, now_ms: int) -> bool:
        """Remember what a member says; False, with a task, if it contradicts what was said before.

        Raises:
            StoreError: it could not be kept.
        """
        ...


class ViewComparer:
    """Compares what peers say with what we and others said."""

    def __init__(
        self,
        us: str,
        store: ViewStore,
        registry: Callable[[], Registry],
        clock: Callable[[], int],
        on_behind: Callable[[], None],
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._clock = clock
        self._on_behind = on_behind

    async def in_force(self) -> None:
        """Remember what we work under: who is told of that version later may be told another.

        Raises:
            StoreError: it could not be kept.
        """
        await self._store.said(self._us, self._registry().seen, self._clock())

    async def heard(self, peer: str, raw_entries: Sequence[bytes]) -> None:
        """Look at the entries of a push that say a view; those that say none cost nothing.

        Raises:
            StoreError: what was said could not be kept.
        """
        for seen in filter(None, map(_seen, raw_entries)):
            ours = self._registry().seen
            await self.in_force()
            await self._store.said(peer, seen, self._clock())
            if seen[:2] > ours[:2]:
                self._on_behind()


def _seen(raw: bytes) -> View | None:
    if raw[_KIND_AT : _KIND_AT + 1] != _KIND:
        return None
    try:
        _, message = read(raw)
    except ProtocolError:
        return None
    if not isinstance(message, RegistrySeen):
        return None
    return message.root_version, message.timestamp_version, message.snapshot_sha256
