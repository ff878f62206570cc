"""The seam between a node and its registry: what a node asks, whoever answers.

A running node has a `RegistryClient` (threads, files, mirrors); a simulated world and most tests
have a `FixedSource`. Node code depends on `RegistrySource` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.registry import Registry

STALE_AFTER_MS: Final = 6 * 3_600_000
"""Age at which a registry raises an alarm (`docs/registry.md` 4.2)."""

AHEAD_MS: Final = 24 * 3_600_000
"""A registry that says it was signed later than so far ahead is not taken (4.2): it would be fresh
for as long as it says, whoever withheld what came after it."""

DISTRUSTED_AFTER_MS: Final = 72 * 3_600_000
"""Age from which a registry brings no new members or keys; known ones go on."""


class Freshness(StrEnum):
    """How far the registry in force can be relied on for news. Traffic goes on in each case."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about a member that a person should look at.

    Attributes:
        member: member id.
        code: `member_key_replaced`, `member_waits`, `changes_wait`, `sequence_went_back` or
            `claims_a_key`.
        until_ms: when it takes effect by itself, or None if it does not.
    """

    member: str
    code: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryState:
    """What a node knows about its registry's freshness.

    Attributes:
        freshness: fresh (signed within six hours), stale, or expired.
        since_ms: since when it has been so.
        issued_ms: when the registry in force was signed.
        expires_ms: when the first of its top-level roles expires.
        checked_ms: when a mirror last gave a registry that verified; None if never.
        problem: code of why the last refresh brought nothing; None if it did.
        alarms: members whose news are held back.
    """

    freshness: Freshness
    since_ms: int
    issued_ms: int
    expires_ms: int
    checked_ms: int | None = None
    problem: str | None = None
    alarms: tuple[Alarm, ...] = ()


class RegistrySource(Protocol):
    """Where a node has its registry from."""

    def current(self) -> Registry:
        """The registry in force.

        Raises:
            NoRegistryError: none was ever verified.
        """
        ...

    def files(self) -> Mapping[str, bytes]:
        """The files that the registry in force was verified from, by path: for mirrors, evidence.

        Raises:
            NoRegistryError: none was ever verified.
        """
        ...

    async def refresh(self, now_ms: int) -> RegistryState:
        """Look for a newer registry; failing that, the one in force stays.

        Raises:
            NoRegistryError: none was ever verified, and none could be had.
        """
        ...

    def state(self, now_ms: int) -> RegistryState:
        """How fresh the registry in force is at a time.

        Raises:
            NoRegistryError: none was ever verified.
        """
        ...


class FixedSource:
    """A registry that somebody hands in: for simulated worlds, tests and offline commands."""

    def __init__(self, registry: Registry, files: Mapping[str, bytes]) -> None:
        self._registry = registry
        self._files = files

    def replace(self, registry: Registry, files: Mapping[str, bytes]) -> None:
        """Put another registry in force."""
        self._registry, self._files = registry, files

    def current(self) -> Registry:
        """The registry handed in."""
        return self._registry

    def files(self) -> Mapping[str, bytes]:
        """The files handed in."""
        return self._files

    async def refresh(self, now_ms: int) -> RegistryState:
        """Nothing to look for: the state at that time."""
        return self.state(now_ms)

    def state(self, now_ms: int) -> RegistryState:
        """How fresh the registry handed in is."""
        return judge(self._registry, now_ms)


def judge(
    registry: Registry,
    now_ms: int,
    *,
    checked_ms: int | None = None,
    problem: str | None = None,
    alarms: tuple[Alarm, ...] = (),
) -> RegistryState:
    """The freshness of a registry at a time, by what its own signatures say."""
    freshness, since_ms = Freshness.FRESH, registry.issued_ms
    if now_ms >= registry.issued_ms + STALE_AFTER_MS:
        freshness, since_ms = Freshness.STALE, registry.issued_ms + STALE_AFTER_MS
    if now_ms >= registry.expires_ms:
        freshness, since_ms = Freshness.EXPIRED, registry.expires_ms
    return RegistryState(
        freshness, since_ms, registry.issued_ms, registry.expires_ms, checked_ms, problem, alarms
    )
