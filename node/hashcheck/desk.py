"""What the hotline's own people do with HashCheck: make keys, read and decide complaints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.api.access import digest_of, new_secret
from node.hashcheck.contract import (
    COMPLAINTS_KEPT_MS,
    DAY_MS,
    HITS_KEPT_MS,
    ID,
    PREFIX,
    Complaint,
    Contract,
    Counts,
    Decision,
    Key,
)
from node.hashcheck.errors import UnknownComplaintError, UnknownKeyError
from node.hashcheck.seam import HashCheckStore

COUNTED_DAYS: Final = 30
COUNTS_KEPT_DAYS: Final = 400


@dataclass(frozen=True)
class HashCheckDesk:
    """Keys and complaints, for the local API."""

    store: HashCheckStore
    now_ms: Callable[[], int]

    async def make_key(self, contract: Contract, ends_ms: int) -> tuple[str, Key]:
        """Make a key: the secret text, to be shown once, and what is kept of it.

        Raises:
            StoreError: nothing was kept.
        """
        text = new_secret(PREFIX)
        key = Key(digest_of(text), contract, self.now_ms(), ends_ms)
        await self.store.add_key(key)
        return text, key

    async def keys(self) -> tuple[Sequence[Key], Mapping[bytes, Counts]]:
        """Return all keys, and what each asked in the last 30 days."""
        first = self.now_ms() // DAY_MS - COUNTED_DAYS + 1
        return await self.store.keys(), await self.store.counts(first)

    async def revoke_key(self, key_id: str) -> Key:
        """Let a key be refused from now on.

        Raises:
            UnknownKeyError: there is none.
        """
        key = next((one for one in await self.store.keys() if one.key_id == key_id), None)
        if key is None:
            raise UnknownKeyError
        await self.store.revoke_key(key.key_sha256, self.now_ms())
        return self.store.find_key(key.key_sha256) or key

    async def complaints(self, *, open_only: bool) -> Sequence[Complaint]:
        """Return complaints, oldest first."""
        return await self.store.complaints(open_only=open_only)

    async def decide(self, complaint_id: str, *, upheld: bool, by: str, reason: str) -> Complaint:
        """Record a person's word; an upheld complaint blocks its contents from now on.

        A later word replaces it: a rejection lets go what was blocked.

        Raises:
            UnknownComplaintError: there is none.
        """
        now_ms = self.now_ms()
        if re.match(ID, complaint_id) is None:
            raise UnknownComplaintError
        decision = Decision(upheld=upheld, by=by, reason=reason, at_ms=now_ms)
        decided = await self.store.decide(complaint_id, decision, now_ms)
        if decided is None:
            raise UnknownComplaintError
        return decided

    async def forget(self) -> int:
        """Erase what is over: hits after 30 days, rejected complaints after a year."""
        now_ms = self.now_ms()
        day = now_ms // DAY_MS - COUNTS_KEPT_DAYS
        return await self.store.forget_before(
            now_ms - HITS_KEPT_MS, now_ms - COMPLAINTS_KEPT_MS, day
        )
