"""The numbers of a network: limits of the protocol, and its policy.

Which there are, and how far each may go, stands here: a number that nobody reads would be signed in
vain, and one out of reason would keep every channel, or every comparison, from its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from node.registry.errors import RefusedError
from node.registry.rules import check_limits
from protocol.entry import MAX_ENTRY_BYTES
from protocol.push import BUCKETS, MIN_ENTRY_BYTES, MIN_PUSH_ENTRIES

if TYPE_CHECKING:
    from keys.network import NetworkDocument

_MUCH: Final = 1 << 50
LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "push_entries": (MIN_PUSH_ENTRIES, 100_000),
    "push_bytes": (BUCKETS[0], BUCKETS[-1]),
    "entry_bytes": (MIN_ENTRY_BYTES, MAX_ENTRY_BYTES),
}
"""Limits, each with the least and the most that it may be."""
POLICY: Final[Mapping[str, tuple[int, int]]] = {
    "ledger_minutes": (1, 240),
    "peer_bytes_per_day": (1, _MUCH),
    "peer_contents": (0, _MUCH),
    "peer_entries_per_day": (1, _MUCH),
    "peer_epochs_per_hour": (1, _MUCH),
    "peer_wasted_per_hour": (1, _MUCH),
    "peer_withdrawals": (0, _MUCH),
}
"""Policy numbers, likewise."""


def set_numbers(network: NetworkDocument, numbers: Mapping[str, int | None]) -> NetworkDocument:
    """Return the document with other limits and policy numbers.

    Args:
        network: as it is.
        numbers: by name; None: as programs have it, of a policy number alone.

    Raises:
        RefusedError: there is no such number, it goes too far, the limits do not agree with each
            other (`check_limits`); or they are these already.
    """
    for name, number in numbers.items():
        _check(name, number)
    said = {name: one for name, one in numbers.items() if name in LIMITS}
    limits: dict[str, Any] = {name: one for name, one in said.items() if one is not None}
    policy = {**network.policy, **{n: one for n, one in numbers.items() if n in POLICY}}
    kept = {name: one for name, one in policy.items() if one is not None}
    after = replace(network, limits=replace(network.limits, **limits), policy=kept)
    check_limits(after.limits)
    if (after.limits, after.policy) == (network.limits, network.policy):
        raise RefusedError("policy", "says this already")
    return after


def _check(name: str, number: int | None) -> None:
    found = {**LIMITS, **POLICY}.get(name)
    if found is None:
        raise RefusedError("policy", f"has no such number; write one of {', '.join(_names())}")
    if number is None:
        if name in LIMITS:
            raise RefusedError(f"limits.{name}", "always says a number; write one")
        return
    least, most = found
    if not least <= number <= most:
        where = "limits" if name in LIMITS else "policy"
        raise RefusedError(f"{where}.{name}", f"needs {least} to {most}")


def _names() -> list[str]:
    return [*LIMITS, *POLICY]
