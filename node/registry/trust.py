"""Patience with what a verified registry says that is new.

Signatures show who said something, not that it was right to say it. The keepers of a network could
give a member another key, and read what is meant for it. So a node remembers, for each member, the
member key and document it trusted last, and takes changes by these rules (pure functions of what
was trusted, what was verified and the time):

| change | taken |
|---|---|
| a new document under the same member key | at once |
| another member key, its role signed by the one before too | at once |
| another member key, without that | after seven days of visible alarm |
| a lower sequence than was trusted | never |
| any of these, or a new member, in a registry that is older than 72 h | when a newer one says so |
| a key that belongs to a member as it is trusted here | when that member no longer has it |

Until it is taken, what was trusted last stays in force: nothing is sealed to the new keys. What
only reduces trust (a suspension) is in the network document and counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from keys.member import MemberDocument
from keys.member_role import (
    check_disjoint,
    first_clash,
    read_document,
    signed_by_member_key,
)
from node.registry.source import DISTRUSTED_AFTER_MS, Alarm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.registry import Registry, VerifiedSet

KEY_WAIT_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Trusted:
    """What is trusted of one member.

    Attributes:
        member_key: its key, 32 bytes.
        raw_document: its document.
        next_key: a key that waits to replace it.
        next_since_ms: since when that one has been seen, without interruption.
    """

    member_key: bytes
    raw_document: bytes
    next_key: bytes | None = None
    next_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A registry with the patience applied.

    Attributes:
        registry: as the node uses it.
        trusted: what to remember, by member id; members are never forgotten.
        alarms: what is held back.
    """

    registry: Registry
    trusted: Mapping[str, Trusted]
    alarms: tuple[Alarm, ...]


def settle(trusted: Mapping[str, Trusted], verified: VerifiedSet, now_ms: int) -> Settled:
    """Apply the rules above; with nothing trusted yet, all that was verified is taken.

    Raises:
        UntrustedDocumentError: what was trusted before contradicts itself.
    """
    registry = verified.registry
    old = bool(trusted) and now_ms - registry.issued_ms > DISTRUSTED_AFTER_MS
    view = _View(registry.network_id)
    for member in registry.members:
        held = trusted.get(member)
        kept, alarm = _judge(member, held, _offered(verified, member), now_ms, old=old)
        view.put(member, kept, held)
        if alarm is not None:
            view.alarms[member] = alarm
    view.separate()
    members, keys = view.documents, view.member_keys()
    return Settled(
        replace(registry, members=MappingProxyType(members), member_keys=MappingProxyType(keys)),
        {**trusted, **view.taken},
        tuple(view.alarms.values()),
    )


class _View:
    """The members as they come out of patience, while it is being decided."""

    def __init__(self, network_id: str) -> None:
        self._network_id = network_id
        self._before: dict[str, Trusted | None] = {}
        self.taken: dict[str, Trusted] = {}
        self.documents: dict[str, MemberDocument] = {}
        self.alarms: dict[str, Alarm] = {}

    def put(self, member: str, kept: Trusted | None, before: Trusted | None) -> None:
        """Decide on what is trusted of a member; None: nothing is."""
        self._before[member] = before
        self.taken.pop(member, None)
        self.documents.pop(member, None)
        if kept is not None:
            self.taken[member] = kept
            self.documents[member] = read_document(kept.raw_document, member, self._network_id)

    def member_keys(self) -> dict[str, bytes]:
        """The member keys as decided."""
        return {member: kept.member_key for member, kept in self.taken.items()}

    def separate(self) -> None:
        """Hold back whoever newly claims a key of a member that is held back itself.

        What was verified has no such clash; what was trusted before had none either. So the claim
        is new, and giving up new claims one by one ends it: nobody can stop the news of others by
        claiming what somebody is about to give up.
        """
        while (clash := first_clash(self.documents, self.member_keys())) is not None:
            pair = (clash.member, clash.owner)
            newcomer = next((member for member in pair if self._is_news(member)), None)
            if newcomer is None:
                check_disjoint(self.documents, self.member_keys())
                return
            before = self._before[newcomer]
            self.put(newcomer, before, before)
            self.alarms[newcomer] = Alarm(newcomer, "claims_a_key")

    def _is_news(self, member: str) -> bool:
        """Whether another key or document is taken of a member than before."""
        before, taken = self._before[member], self.taken[member]
        return before is None or (before.member_key, before.raw_document) != (
            taken.member_key,
            taken.raw_document,
        )


@dataclass(frozen=True, slots=True)
class _Offered:
    """What a verified registry says of one member."""

    member_key: bytes
    raw_document: bytes
    raw_role: bytes
    sequence: int


def _offered(verified: VerifiedSet, member: str) -> _Offered:
    return _Offered(
        verified.registry.member_keys[member],
        verified.raw_documents[member],
        verified.raw_roles[member],
        verified.registry.members[member].sequence,
    )


def _judge(
    member: str, held: Trusted | None, offered: _Offered, now_ms: int, *, old: bool
) -> tuple[Trusted | None, Alarm | None]:
    """What to remember of a member, and what a person should know."""
    taken = Trusted(offered.member_key, offered.raw_document)
    if held is None:
        return (None, Alarm(member, "member_waits")) if old else (taken, None)
    if taken == replace(held, next_key=None, next_since_ms=0):
        return taken, None
    if old or offered.sequence < MemberDocument.from_bytes(held.raw_document).sequence:
        return held, Alarm(member, "changes_wait" if old else "sequence_went_back")
    if signed_by_member_key(offered.raw_role, held.member_key):
        return taken, None
    return _wait(member, held, taken, now_ms)


def _wait(member: str, held: Trusted, taken: Trusted, now_ms: int) -> tuple[Trusted, Alarm | None]:
    """Seven days from the first time that this very key was seen, by no later clock than now's."""
    since_ms = min(held.next_since_ms, now_ms) if held.next_key == taken.member_key else now_ms
    if now_ms - since_ms >= KEY_WAIT_MS:
        return taken, None
    waiting = replace(held, next_key=taken.member_key, next_since_ms=since_ms)
    return waiting, Alarm(member, "member_key_replaced", since_ms + KEY_WAIT_MS)
