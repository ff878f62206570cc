"""What the hotline's own people do with HashCheck: make keys, read and decide complaints."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.api.access import digest_of, new_secret
from node.casework.mistakes.correcting import Disproved
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
from protocol.facts import Content

COUNTED_DAYS: Final = 30
COUNTS_KEPT_DAYS: Final = 400


Disprove = Callable[[Sequence[Content], str], Awaitable[Disproved]]
"""Take our verdicts on files back, in somebody's name."""


async def _nothing_rests_on_it(_contents: Sequence[Content], _by: str) -> Disproved:
    """A desk without items: it has keys and complaints alone."""
    return Disproved((), ())


@dataclass(frozen=True)
class HashCheckDesk:
    """Keys and complaints, for the local API."""

    store: HashCheckStore
    now_ms: Callable[[], int]
    disprove: Disprove = _nothing_rests_on_it

    async def make_key(self, contract: Contract, ends_ms: int) -> tuple[str, Key]:
        """Make a key: the secret text, to be shown once, and what is kept of it.

        Raises:
            StoreError: nothing was kept.
        """
        text = new_secret(PREFIX)
        key, _ = await self.keep_key(text, contract, self.now_ms(), ends_ms)
        return text, key

    async def keep_key(
        self, text: str, contract: Contract, now_ms: int, ends_ms: int
    ) -> tuple[Key, bool]:
        """Keep the key of this text, unless it is: what is kept, and whether it was before.

        Raises:
            StoreError: nothing was kept.
        """
        key = Key(digest_of(text), contract, now_ms, ends_ms)
        known = self.store.find_key(key.key_sha256)
        if known is None:
            await self.store.add_key(key)
        return known or key, known is not None

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

    async def was_overruled(self, complaint_id: str, decision: Decision) -> Complaint | None:
        """Return the complaint if this is a word on it, and its last word no more.

        Somebody spoke after it, or the company complained again: of that it says nothing. Its last
        word is said once more, as often as what follows from it was broken off.
        """
        known = await self.store.complaint(complaint_id)
        if known is None or decision not in known.state.decisions:
            return None
        is_last = known.status != "open" and decision == known.state.decisions[-1]
        return None if is_last else known

    async def decide(
        self, complaint_id: str, *, upheld: bool, by: str, reason: str, asked_ms: int | None = None
    ) -> tuple[Complaint, Disproved]:
        """Record a person's word; an upheld complaint removes its contents everywhere.

        They are blocked and leave the lists first; then our verdicts on them are taken back. The
        task stays open until that is done: broken off, the complaint is decided again. A later word
        replaces it: a rejection lets go what was blocked, and brings no verdict back. It is kept as
        said when it was first asked for, at `asked_ms`, whatever the clock did since: by that it is
        known again (`was_overruled`).

        Raises:
            UnknownComplaintError: there is none.
        """
        now_ms = self.now_ms()
        if re.match(ID, complaint_id) is None:
            raise UnknownComplaintError
        at_ms = now_ms if asked_ms is None else asked_ms
        decision = Decision(upheld=upheld, by=by, reason=reason, at_ms=at_ms)
        decided = await self.store.decide(complaint_id, decision, now_ms)
        if decided is None:
            raise UnknownComplaintError
        undone = Disproved((), ())
        if upheld:
            undone = await self.disprove(decided.state.hit.removed, by)
        await self.store.close(complaint_id, now_ms)
        return decided, undone

    async def forget(self) -> int:
        """Erase what is over: hits after 30 days, rejected complaints after a year."""
        now_ms = self.now_ms()
        day = now_ms // DAY_MS - COUNTS_KEPT_DAYS
        return await self.store.forget_before(
            now_ms - HITS_KEPT_MS, now_ms - COMPLAINTS_KEPT_MS, day
        )
