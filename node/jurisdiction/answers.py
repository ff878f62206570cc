"""What DNS answers mean: two questions (A and AAAA) become one `NameAnswer`. Pure.

Rules upheld:

* Only records at the end of the CNAME chain that starts at the asked host count; a CNAME-only
  answer (dangling, or a loop) is an answer without addresses, never a success with none.
* A failure of the name servers (SERVFAIL, REFUSED, timeout) is never "there is nothing": with no
  address from the other question it makes the whole answer a failure.
* Special and internal addresses are refused and kept apart, named by their range.
* Of a host's addresses `MAX_ADDRESSES` are judged, and as many refused ones told; how many more
  there were is said (`left_out`): nobody knows where those stand.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import pycares
from aiodns import error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.jurisdiction.addresses import AddressPolicy

State = Literal["ok", "no_data", "nxdomain", "servfail", "timeout"]

MAX_CHAIN = 16
MAX_ADDRESSES = 64
_Said = TypeVar("_Said")
_TIMEOUTS = frozenset({error.ARES_ETIMEOUT, error.ARES_ECONNREFUSED, error.ARES_ECANCELLED})
_NO_SUCH_NAME = frozenset({error.ARES_ENOTFOUND, error.ARES_EBADNAME})
_GRAVITY: tuple[State, ...] = ("ok", "timeout", "servfail", "no_data", "nxdomain")


class NameAnswer(msgspec.Struct, frozen=True):
    """All that the name servers said about one host at one time.

    `addresses` are (address, TTL in s), sorted; `refused` are (address, range); `cname_chain` are
    (target, TTL in s) from the host onward: where the two questions were led along different
    chains, that of A first, then what only that of AAAA has. `ok` means at least one record at a
    chain's end: with all of them refused, `addresses` is empty. `partial` means that one of the
    two questions failed, `left_out` how many addresses stand in none of the two lists. The answer
    holds until `expires_ms` (UTC).
    """

    host: str
    state: State
    addresses: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, str], ...]
    cname_chain: tuple[tuple[str, int], ...]
    partial: bool
    asked_ms: int
    expires_ms: int
    left_out: int = 0

    @property
    def is_failure(self) -> bool:
        """Whether nothing is known for sure: the question must be asked again."""
        return self.state in {"servfail", "timeout"} or (self.partial and not self.addresses)

    @property
    def is_absent(self) -> bool:
        """Whether the name servers said that there is no such name, or no address of it."""
        return self.state in {"nxdomain", "no_data"}

    def __repr__(self) -> str:
        """Say how it ended without naming the host."""
        return f"<NameAnswer {self.state}, {len(self.addresses)} addresses>"


class Half(msgspec.Struct, frozen=True):
    """The answer to one question, A or AAAA."""

    state: State
    records: tuple[tuple[str, int], ...] = ()
    chain: tuple[tuple[str, int], ...] = ()


def failed(errno: int) -> Half:
    """Return what a c-ares error number means for one question."""
    if errno == error.ARES_ENODATA:
        return Half("no_data")
    if errno in _NO_SUCH_NAME:
        return Half("nxdomain")
    return Half("timeout" if errno in _TIMEOUTS else "servfail")


def read(host: str, records: Sequence[pycares.DNSRecord]) -> Half:
    """Follow the CNAME chain from `host` and take the addresses at its end."""
    targets: dict[str, tuple[str, int]] = {}
    found: dict[str, list[tuple[str, int]]] = {}
    for record in records:
        owner = _plain(record.name)
        if isinstance(record.data, pycares.CNAMERecordData):
            targets.setdefault(owner, (_plain(record.data.cname), record.ttl))
        elif isinstance(record.data, pycares.ARecordData | pycares.AAAARecordData):
            found.setdefault(owner, []).append((record.data.addr, record.ttl))
    chain: list[tuple[str, int]] = []
    at = _plain(host)
    while at in targets and len(chain) < MAX_CHAIN:
        chain.append(targets[at])
        at = targets[at][0]
    at_end = () if at in targets else tuple(found.get(at, ()))
    return Half("ok" if at_end else "no_data", at_end, tuple(chain))


def join(host: str, halves: tuple[Half, Half], policy: AddressPolicy, now_ms: int) -> NameAnswer:
    """Make one answer of two; it expires at once until the cache gives it its time."""
    state = min((half.state for half in halves), key=_GRAVITY.index)
    accepted: dict[str, int] = {}
    refused: dict[str, str] = {}
    for half in halves:
        for raw, ttl in half.records:
            address = str(ip_address(raw))
            reason = policy.refused(address)
            if reason is None:
                accepted[address] = min(ttl, accepted.get(address, ttl))
            else:
                refused[address] = reason
    told, more = _some(accepted)
    aside, beyond = _some(refused)
    return NameAnswer(
        host=host,
        state=state,
        addresses=told,
        refused=aside,
        cname_chain=_both(halves),
        partial=state == "ok" and any(half.state in {"servfail", "timeout"} for half in halves),
        asked_ms=now_ms,
        expires_ms=now_ms,
        left_out=more + beyond,
    )


def _some(found: dict[str, _Said]) -> tuple[tuple[tuple[str, _Said], ...], int]:
    """Return the first of some addresses, sorted, and how many are left out."""
    return tuple(sorted(found.items())[:MAX_ADDRESSES]), max(0, len(found) - MAX_ADDRESSES)


def _both(halves: tuple[Half, Half]) -> tuple[tuple[str, int], ...]:
    """Return each target of both chains once, with its shorter TTL: any of them may be a proxy."""
    chain: dict[str, int] = {}
    for target, ttl in (*halves[0].chain, *halves[1].chain):
        chain[target] = min(ttl, chain.get(target, ttl))
    return tuple(chain.items())


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
