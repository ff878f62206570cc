"""What HashCheck needs of the rest of the node: known contents, and a memory of its own.

`Contents` is the narrow seam: whoever knows contents answers for many at once. The checks judge
what is found; nothing of it goes to the hosting company.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from node.hashcheck.contract import Complaint, ComplaintState, Counts, Decision, Hit, Key
from node.matching.contents import Likeness
from protocol.facts import Content

Near: TypeAlias = Callable[[bytes], int]
"""Says of an asked PDQ hash in how many bits another one may differ to be near it."""


class Finding(NamedTuple):
    """A known content that an asked one meets.

    Attributes:
        source: by whose word it is known (`Contract.sources`).
        likeness: how surely it is the same file.
        named: by what people find it: the id of an item, a list with the number of an entry.
        sure: False where its verdicts contradict each other, or the list only suggests.
        content: the known content's hashes, where this node holds them itself.
        distance: between the PDQ hashes, where `likeness` is NEAR.
    """

    source: str
    likeness: Likeness
    named: str
    sure: bool = True
    content: Content | None = None
    distance: int = 0


class Contents(Protocol):
    """Knows contents that may be answered from."""

    @property
    def is_ready(self) -> bool:
        """Whether everything known is found by now."""
        ...

    async def find(
        self, asked: Sequence[Content], *, near: Near | None
    ) -> Mapping[Content, Sequence[Finding]]:
        """Return what each of these meets, those that meet nothing left out.

        `near`: look also for PDQ hashes that are near. Of what is farther nothing is read: how
        long an answer takes would tell what it does not.

        Raises:
            StoreError: nothing can be said.
        """
        ...


class HashCheckStore(Protocol):
    """Where keys, hits and complaints are kept. Every change is durable on return.

    Raises:
        StoreError: nothing was kept.
    """

    def find_key(self, key_sha256: bytes) -> Key | None:
        """Return the key with this digest, revoked ones and those whose contract is over too."""
        ...

    async def add_key(self, key: Key) -> None:
        """Keep a new key."""
        ...

    async def keys(self) -> Sequence[Key]:
        """Return all keys, oldest first."""
        ...

    async def revoke_key(self, key_sha256: bytes, now_ms: int) -> None:
        """Let the key be refused from now on; one that is revoked already stays as it is."""
        ...

    async def count(self, day: int, counts: Mapping[bytes, Counts]) -> None:
        """Add to what keys asked on a day (days since 1970, UTC)."""
        ...

    async def counts(self, first_day: int) -> Mapping[bytes, Counts]:
        """Return what each key asked on this day and later."""
        ...

    async def keep_hits(
        self, key_sha256: bytes, hits: Sequence[tuple[str, Hit]], now_ms: int
    ) -> Sequence[str]:
        """Keep hits under new references; return those they have.

        The same hashes asked again by one company, with whichever of its keys (`Contract.hoster`),
        have the reference of the first time.
        """
        ...

    async def blocked(self, contents: Sequence[Content]) -> Sequence[Content]:
        """Return the contents of upheld complaints that have a hash in common with these."""
        ...

    async def complain(
        self, key: Key, reference: str, complaint_id: str, state: ComplaintState, now_ms: int
    ) -> Complaint | None:
        """Open a complaint of a hit, and a task; `state.hit` is filled in. None: no such hit.

        It is a company's: whichever of its keys was answered, each of them may complain.
        A second one of the same hit is the first; rejected, it is opened again for other grounds,
        as often as `MOST_GROUNDS` says.
        """
        ...

    async def complaint(self, complaint_id: str) -> Complaint | None:
        """Return a complaint."""
        ...

    async def complaints(self, *, open_only: bool) -> Sequence[Complaint]:
        """Return complaints, oldest first; `open_only`: those on which something is to be done."""
        ...

    async def decide(self, complaint_id: str, decision: Decision, now_ms: int) -> Complaint | None:
        """Record what a person says, block the contents or let go of them.

        What is blocked is taken back from lists, too. None: no such complaint.
        """
        ...

    async def close(self, complaint_id: str, now_ms: int) -> None:
        """Close the task of a complaint: all that its decision asks for is done."""
        ...

    async def open_task(self, code: str, subject: str, now_ms: int) -> None:
        """Put something before a person, once until it is closed."""
        ...

    async def open_task_of_item(self, code: str, item: str, now_ms: int) -> None:
        """Put an item before a person, once for as long as nothing happens to it."""
        ...

    async def forget_before(self, hits_ms: int, complaints_ms: int, first_day: int) -> int:
        """Erase hits, rejected complaints and counts that are older; return how many."""
        ...
