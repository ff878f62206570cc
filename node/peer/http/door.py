"""Who may stand before the listener: connections counted by address, before a byte of TLS.

A handshake costs more than anything else that a stranger may ask for, so connections are counted
from the moment they are accepted, those in a handshake too; and who opens them faster than any
node needs is hung up on at once. An IPv6 caller owns a whole /64, so that is one place.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from node.peer.http.quotas import TokenBucket

IPV6_PLACE: Final = 64
PLACES_REMEMBERED: Final = 10_000
RENEWED_S: Final = 6.4


@dataclass(frozen=True, slots=True)
class Connections:
    """How many connections the listener keeps, and how long each step of one may take.

    Attributes:
        most: of all callers together.
        per_place: of one IPv4 address or one IPv6 /64.
        new_per_s: opened by one place, on average.
        new_at_once: opened by one place after a pause.
        breath_s: how long nobody is taken after somebody was turned away: many who are cost one
            turn, and those who are inside go on.
        handshake_s: for the TLS handshake.
        answer_s: for one answer to be taken from us.
        shutdown_s: for requests under way when we stop.
    """

    most: int = 512
    per_place: int = 64
    new_per_s: float = 10.0
    new_at_once: float = 64.0
    breath_s: float = 0.01
    handshake_s: float = 10.0
    answer_s: float = 60.0
    shutdown_s: float = 10.0

    @classmethod
    def sized(cls, per_place: int) -> Self:
        """Return bounds for so many connections of one place, all of them opened anew in 6 s."""
        return cls(per_place=per_place, new_per_s=per_place / RENEWED_S, new_at_once=per_place)


class Door:
    """Counts who is inside."""

    def __init__(self, bounds: Connections) -> None:
        self._bounds = bounds
        self._inside: Counter[str] = Counter()
        self._opened: dict[str, TokenBucket] = {}

    def enter(self, address: str, now_ms: int) -> Callable[[], None] | None:
        """Let a connection in and return what to call when it is over (once or more); or None.

        Args:
            address: of the caller, IPv4 or IPv6.
            now_ms: of a clock that never goes back.
        """
        place = place_of(address)
        if not self._bucket(place, now_ms).take(now_ms):
            return None
        full = self._inside.total() >= self._bounds.most
        if full or self._inside[place] >= self._bounds.per_place:
            return None
        self._inside[place] += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._leave(place)

        return leave

    def _leave(self, place: str) -> None:
        self._inside[place] -= 1
        if not self._inside[place]:
            del self._inside[place]

    def _bucket(self, place: str, now_ms: int) -> TokenBucket:
        found = self._opened.get(place)
        if found is None:
            if len(self._opened) >= PLACES_REMEMBERED:
                self._opened.clear()
            bounds = self._bounds
            found = TokenBucket(bounds.new_per_s, bounds.new_at_once, now_ms)
            self._opened[place] = found
        return found


def place_of(address: str) -> str:
    """Return what is counted as one caller: an IPv4 address, or the /64 of an IPv6 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), IPV6_PLACE), strict=False))
