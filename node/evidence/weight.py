"""What signatures by stolen keys are worth (docs/protocol.md §3.9): which of them are void.

A key is doubtful if a note revokes it, or its owner's document says when it was stolen. What it
signed is void unless witnesses saw it before, or its owner covered the same by a later signature
under a good key: a larger checkpoint of the log, or the next epoch, whose entry 0 names the state.
What the owner disavows it does not cover by naming the state after it (§8.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from keys.member import MemberDocument
from keys.registry import Registry
from keys.signing import VerifyKey
from node.evidence.findings import Findings
from protocol.counting import Signature, counts

Log = tuple[str, str, bytes]
"""One epoch of one channel: peer, lane, epoch."""


def is_worth(
    document: MemberDocument,
    key_id: str,
    revoked: AbstractSet[str] = frozenset(),
    witnessed_ms: int | None = None,
    *,
    reconfirmed: bool = False,
) -> bool:
    """Whether a signature by this key of a member counts.

    Args:
        document: the signer's.
        key_id: of the key that signed.
        revoked: ids of the signer's keys that notes revoke.
        witnessed_ms: when the signer's witnessed ledger held it, UTC; None: not witnessed.
        reconfirmed: whether the signer covered it by a later signature that counts.
    """
    compromised_ms = document.turn(key_id).compromised_ms
    stolen = key_id in revoked or compromised_ms is not None
    return counts(Signature(stolen, reconfirmed), compromised_ms, witnessed_ms)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose keys these are, and which of them notes take trust from, by member."""

    registry: Registry
    revoked: Mapping[str, AbstractSet[str]] = field(default_factory=dict)

    def is_worth(self, member: str, key: VerifyKey, witnessed_ms: int | None = None) -> bool:
        """Whether a signature by this key of a member counts; see `is_worth` of this module.

        Raises:
            UnknownMemberError: the registry lists no such member.
        """
        document, revoked = self.registry.member(member), self.revoked.get(member, frozenset())
        return is_worth(document, key.key_id, revoked, witnessed_ms)

    def good(self, member: str, keys: Iterable[VerifyKey]) -> list[VerifyKey]:
        """Give those of a member's keys whose signatures count by themselves."""
        return [key for key in keys if self.is_worth(member, key)]

    def good_first(self, member: str, keys: Iterable[VerifyKey]) -> list[VerifyKey]:
        """Give keys of a member as their signatures count: a note may bear those of two.

        First those that count by themselves; then stolen ones, the latest theft first, which counts
        if any does by what witnesses saw; then those whose owner says no time.

        Raises:
            UnknownMemberError: the registry lists no such member.
        """
        turn = self.registry.member(member).turn

        def doubt(key: VerifyKey) -> tuple[bool, int]:
            return not self.is_worth(member, key), -(turn(key.key_id).compromised_ms or 0)

        return sorted(keys, key=doubt)

    def witnesses(self) -> dict[str, list[VerifyKey]]:
        """Give the witness keys that say something, of every member that is active (§8.12.11)."""
        members = self.registry.witness_keys.items()
        return {member: self.good(member, keys) for member, keys in members}


@dataclass(slots=True)
class Weighed:
    """The signatures of one kind on the logs of one direction, as they are walked.

    Attributes:
        seen: by log, the sizes that were signed, and whether the signature counts by itself.
        before: by log, the state that its entry 0 names.
        disavowed: by log, from which size on its sender disavows what stands in it.
    """

    seen: dict[Log, list[tuple[int, bool]]] = field(default_factory=dict)
    before: dict[Log, tuple[Log, int]] = field(default_factory=dict)
    disavowed: Mapping[Log, int] = field(default_factory=dict)

    def void(self) -> int:
        """How many signatures do not count."""
        covered = self._covered()
        return sum(
            not good and size > covered.get(log, 0)
            for log, sizes in self.seen.items()
            for size, good in sizes
        )

    def _covered(self) -> Mapping[Log, int]:
        """How much of each log a signature that counts covers."""
        covered: dict[Log, int] = {}
        for log, sizes in self.seen.items():
            size = max((size for size, good in sizes if good), default=0)
            if size > 0:
                self._cover(covered, log, size)
        return covered

    def _cover(self, covered: dict[Log, int], log: Log, size: int) -> None:
        """Cover `size` of a log, and what the epochs before it hold, without what is disavowed."""
        while True:
            if size > 0:
                if size <= covered.get(log, 0):
                    return  # and so is all that came before it
                covered[log] = size
            if log not in self.before:
                return
            log, held = self.before[log]
            size = min(held, self.disavowed.get(log, held))


def count_void(where: str, weighed: Iterable[tuple[str, Weighed]], findings: Findings) -> None:
    """Say how many signatures are void; nothing is said of none."""
    for what, one in weighed:
        void = one.void()
        if void:
            findings.count(f"void_{what}_{where}", void)
