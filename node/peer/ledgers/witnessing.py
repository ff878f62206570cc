"""Having our ledger witnessed: each new head goes to enough other members (docs/protocol.md §8.12).

Enough is: for every member with which we have a channel, two cosigners that are neither of the two
of us. Three other members always do; in a network that has not so many, what can be had is had,
and `coverage` says for whom it does not suffice. A witness that fails is left alone for a while
and others are asked in its place. Nothing else waits for any of this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.apart import apart_for_a_while
from node.peer.channels import pacing
from node.peer.errors import CallError, PeerError, PeerRefusedError
from node.peer.transport import WitnessTransport
from protocol.errors import ProtocolError
from protocol.ledger import read_ledger_head
from protocol.merkle import consistency_path
from protocol.witness import WITNESSES, Submission, take_cosignature, witnessed_at

PAUSE_MS: Final = 60_000
LONGEST_PAUSE_MS: Final = 3_600_000
TO_COME_MS: Final = 3_600_000
"""A time so far ahead of our clock is kept as it was given, and others are asked beside it: if it
were one of two, the head would be witnessed by what one member says alone."""
AHEAD: Final = "witness_ahead"
"""A witness holds more under our own key, or something else, than we signed in this epoch."""


class Given(NamedTuple):
    """A cosignature that was given on a head of ours: by whom, on which note, its lines and time.

    `time_s` (POSIX seconds) is what the lines say.
    """

    witness: str
    note: bytes
    lines: bytes
    time_s: int


class SignedHead(NamedTuple):
    """Our newest head: its number, its note, and what was given on it."""

    number: int
    note: bytes
    given: tuple[Given, ...]


class Ask(NamedTuple):
    """How the last requests to one witness went; times in ms UTC."""

    failures: int
    next_ms: int
    problem: str | None


class CosignatureStore(Protocol):
    """What having a ledger witnessed needs of the store; methods raise `StoreError`."""

    async def newest(self) -> SignedHead | None:
        """Return our newest head."""
        ...

    async def partners(self) -> set[str]:
        """Return the members with which we have a channel."""
        ...

    async def asks(self) -> dict[str, Ask]:
        """Return how the last request to each witness went."""
        ...

    async def last_size(self, epoch: bytes, witness: str) -> int:
        """Return the size that a witness cosigned last in this epoch of ours, 0: none."""
        ...

    async def leaves(self, epoch: bytes, size: int) -> list[bytes]:
        """Return the first leaf hashes of an epoch of ours."""
        ...

    async def keep(self, number: int, witness: str, lines: bytes, time_s: int, now_ms: int) -> None:
        """Keep a cosignature on a head of ours; durable on return."""
        ...

    async def failed(self, witness: str, ask: Ask, now_ms: int) -> None:
        """Remember that a request failed; one that `AHEAD` names stands before a person."""
        ...


def candidates(registry: Registry, us: str) -> list[str]:
    """Return who could cosign our ledger, in the order in which we ask.

    Members with the role `witness` come first; the rest is spread by a hash, so that not everybody
    asks the same three.
    """
    able = [
        member
        for member, document in registry.members.items()
        if member != us
        and registry.is_active(member)
        and document.reachable
        and document.witness_keys
    ]

    def turn(member: str) -> tuple[bool, bytes]:
        is_witness = "witness" in registry.network.members[member].roles
        return not is_witness, hashlib.sha256(f"{us} {member}".encode()).digest()

    return sorted(able, key=turn)


Counts = Callable[[Given], bool]
"""Whether a cosignature counts by what is known today."""


def counts_in(registry: Registry, *, gone_too: bool = False) -> Counts:
    """Return which cosignatures are by a key that an active witness lists, in that key's turn.

    `gone_too`: or one that is suspended or expelled.

    What a restored witness forgot counts for nothing (§8.12.9), and is asked for again. They are
    verified once more: a witness has several keys, of which four bytes may be the same, and can
    say of the one that signed that its turn was over, or revoke it. Readers then take it for none,
    and an owner that only asked for a time in somebody's turn would show it as one that counts.
    Each is verified once, however often it is asked about.
    """
    judged: dict[tuple[str, int, bytes], bool] = {}

    def counts(given: Given) -> bool:
        digest = hashlib.sha256(given.note + given.lines).digest()
        said = (given.witness, given.time_s, digest)
        if said not in judged:
            judged[said] = _counts(registry, given, gone_too=gone_too)
        return judged[said]

    return counts


def _counts(registry: Registry, given: Given, *, gone_too: bool) -> bool:
    document = registry.members.get(given.witness)
    if document is None or not (gone_too or registry.is_active(given.witness)):
        return False
    keys, ends = document.witness_keys, document.witness_ends
    try:
        taken = take_cosignature(given.note, given.lines, given.witness, keys, ends)
    except ProtocolError:
        return False
    return taken == (given.lines, given.time_s)


def times_of(given: Iterable[Given]) -> dict[str, int]:
    """Return who gave these, and when (POSIX s), whether or not they count."""
    return {one.witness: one.time_s for one in given}


def counting(registry: Registry, given: Iterable[Given]) -> dict[str, int]:
    """Return who of those that gave `given` gave one that counts, and when (POSIX s)."""
    counts = counts_in(registry)
    return times_of(one for one in given if counts(one))


def coverage(partners: Iterable[str], cosigners: Collection[str]) -> dict[str, int]:
    """Return for each partner how many of `cosigners` (never ourselves) are not that partner."""
    return {one: sum(cosigner != one for cosigner in cosigners) for one in sorted(partners)}


def choose(partners: Collection[str], order: Sequence[str], cosigned: Collection[str]) -> list[str]:
    """Return whom of `order` to ask so that every partner has two cosigners that are not itself."""
    asked: list[str] = []
    for one in order:
        having = coverage(partners, {*cosigned, *asked})
        if any(number < WITNESSES and one != partner for partner, number in having.items()):
            asked.append(one)
    return [one for one in asked if one not in cosigned]


class Standing(NamedTuple):
    """How well our newest head is witnessed.

    `since_s`: since when for every partner (POSIX s), None: not for all, or there is no head.
    `by`: who cosigned it, the earliest first. `lacking`: the partners for whose channels it is not
    witnessed; `too_few`: those of them for which the network has not enough members to witness.
    """

    since_s: int | None
    by: tuple[str, ...]
    lacking: tuple[str, ...]
    too_few: tuple[str, ...]


def standing(
    us: str, partners: Collection[str], cosigned: Mapping[str, int], able: Collection[str]
) -> Standing:
    """Return how a head with these cosignatures stands; `able` are those who could witness."""
    since = {one: witnessed_at(cosigned, (us, one)) for one in sorted(partners)}
    lacking = tuple(one for one, at in since.items() if at is None)
    possible = coverage(partners, able)
    return Standing(
        None if lacking or not since else max(at for at in since.values() if at is not None),
        tuple(sorted(cosigned, key=lambda one: (cosigned[one], one))),
        lacking,
        tuple(one for one in lacking if possible[one] < WITNESSES),
    )


class Witnessing:
    """Asks for cosignatures; one per process.

    Args:
        us: our member id.
        store: where heads and cosignatures are.
        registry: gives the verified registry in force.
        transport: the way to witnesses.
        introduce: shows a witness how our ledger goes on to a new epoch (§8.16).
        on_asked: called with witness and code of each request that ended.
    """

    def __init__(
        self,
        us: str,
        store: CosignatureStore,
        registry: Callable[[], Registry],
        transport: WitnessTransport,
        introduce: Callable[[str], Awaitable[str | None]],
        on_asked: Callable[[str, str], None] = lambda _witness, _code: None,
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._transport = transport
        self._introduce = introduce
        self._on_asked = on_asked

    async def ask_due(self, now_ms: int) -> int:
        """Ask whoever is needed and due for a cosignature on our newest head; return how many gave.

        Raises:
            StoreError: what came was not kept; it is asked for again.
        """
        head = await self._store.newest()
        if head is None:
            return 0
        cosigned = counting(self._registry(), head.given)
        asks = await self._store.asks()
        latest_s = (now_ms + TO_COME_MS) // 1000
        timely = {one for one, time_s in cosigned.items() if time_s <= latest_s}
        order = [
            one
            for one in candidates(self._registry(), self._us)
            if one in timely
            or (
                one not in cosigned
                and (one not in asks or pacing.is_due(now_ms, asks[one].next_ms, LONGEST_PAUSE_MS))
            )
        ]
        wanted = choose(await self._store.partners(), order, timely)
        done = 0
        for witness in wanted:
            done += await self._ask(witness, head, asks.get(witness), now_ms)
        return done

    async def _ask(self, witness: str, head: SignedHead, before: Ask | None, now_ms: int) -> bool:
        try:
            problem = await apart_for_a_while(witness, self._request(witness, head, now_ms))
        except (PeerError, ProtocolError, KeysError) as error:
            problem = error.code
        self._on_asked(witness, problem or "cosigned")
        if problem is None:
            return True
        failures = (before.failures if before is not None else 0) + 1
        pause = min(PAUSE_MS << min(failures - 1, 10), LONGEST_PAUSE_MS)
        await self._store.failed(witness, Ask(failures, now_ms + pause, problem), now_ms)
        return False

    async def _request(self, witness: str, head: SignedHead, now_ms: int) -> str | None:
        """Make the request, again if we were wrong about what is held; return a problem's code."""
        ours = read_ledger_head(head.note)
        epoch = ours.origin.epoch
        old = await self._store.last_size(epoch, witness)
        if not old:
            problem = await self._introduce(witness)
            if problem is not None:
                return problem
        for _ in range(2):
            leaves = await self._store.leaves(epoch, ours.size)
            path = consistency_path(leaves, old, ours.size) if old else []
            body = Submission(old, tuple(path), head.note).to_bytes()
            try:
                answer = await self._transport.add_checkpoint(witness, body)
            except PeerRefusedError as error:
                return AHEAD if error.reason == "inconsistent_head" else error.reason
            except CallError as error:
                return error.code
            if isinstance(answer, bytes):
                return await self._keep(witness, head, answer, now_ms)
            if answer > ours.size:
                return AHEAD
            old = answer
        return "witness_wavers"

    async def _keep(self, witness: str, head: SignedHead, raw: bytes, now_ms: int) -> str | None:
        try:
            document = self._registry().member(witness)
            lines, time_s = take_cosignature(
                head.note, raw, witness, document.witness_keys, document.witness_ends
            )
        except ProtocolError as error:
            return error.code
        except KeysError:
            return "unknown_member"
        await self._store.keep(head.number, witness, lines, time_s, now_ms)
        return None
