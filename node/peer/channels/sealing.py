"""Which sealing keys a running node opens with.

A rotation adds key files beside the node while it runs. Somebody who seals to a key that we do not
know yet makes us look for new files, at most every few seconds; then the push is taken, or asked
for again (`rekey`) if the key is dead. A key that was destroyed on disk is forgotten here too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from keys.sealing import SealingKey

LOOK_AGAIN_S = 5.0


class SealingRing:
    """The keys in use; `load` reads all that stand on disk."""

    def __init__(
        self,
        keys: Iterable[SealingKey],
        load: Callable[[], Iterable[SealingKey]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._now_s = now_s
        self._keys = {key.public.key_id: key for key in keys}
        self._looked_s = now_s()

    def find(self, key_id: str) -> SealingKey | None:
        """Return the key with this id (16 hex digits), looking on disk for one that is new.

        Raises:
            KeysError: a key file on disk can't be read.
        """
        if key_id not in self._keys and self._now_s() - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = self._now_s()
            self._keys = {key.public.key_id: key for key in self._load()}
        return self._keys.get(key_id)

    def forget(self, key_ids: Iterable[str]) -> None:
        """Forget keys that were destroyed: from now on nothing opens what was sealed to them."""
        for key_id in key_ids:
            self._keys.pop(key_id, None)
