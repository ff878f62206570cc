"""How much a member may take back in a day before a person looks (rule 10, docs/protocol.md §10.7).

Who has a member's key could take back whatever it ever said, and stop every notice that rests on
it. So what goes beyond the bound is kept and judged only once a person lets it go on; what the
member says of other things goes on meanwhile.

Counted are reports and verdicts, not messages: one verdict that is taken back from a hundred items
counts once. What a member passes on counts as its author's, by that member: else who handed it much
and takes that back would stop the one that passes it on. Of all that one passes on some more count,
since it names the authors; those that the registry does not list count as one, since it could
invent as many as it has entries. So what is counted is bounded by the registry, and so is what
stands before a person. The count is in memory alone, so a restart forgets it. That something
waits is in the store: while anything of a member does, all else that it takes back waits too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from keys.registry import Registry
from node.casework.incoming.reading import Parsed
from node.casework.incoming.receiving import Answer, Judged
from protocol.messages import Message, Outcome, Withdrawal
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import OutcomeWhat

POLICY = "peer_withdrawals"
AT_MOST = 50
"""What one member may take back in 24 hours unless the network says otherwise."""
PASSED_ON = 10
"""How many times as much, in the names of all others together, one member may pass on."""
TASK = "mass_withdrawal"
UNLISTED = "UNLISTED"
"""The authors that the registry does not list, together; no member's name is like it."""
ALL = "ALL"
"""All authors of what one member passes on, together; no member's name is like it."""
DAY_MS = 86_400_000

Counts = dict[str, dict[str, int]]
"""When each thing was taken back, by taker; a person's letting it go on empties a taker's."""


def waiting_of(taker: str) -> str:
    """Return what that which was taken back waits for: no id of an item is like it.

    `taker`: a member, or of what it passes on `member/author` (`taker_of`).
    """
    return f"{TASK}/{taker}"


def taker_of(peer: str, message: Message | None, registry: Registry) -> str:
    """Return whose taking back it is: the sender's, or by it that of the author it names."""
    author = _author_of(peer, message)
    if author == peer:
        return peer
    return f"{peer}/{author if author in registry.network.members else UNLISTED}"


def may_wait_for(peer: str, message: Message | None) -> frozenset[str]:
    """Return all that the taking back may wait for, whatever the registry listed at that time."""
    author = _author_of(peer, message)
    by_it = () if author == peer else (author, UNLISTED, ALL)
    return frozenset(map(waiting_of, (peer, *(f"{peer}/{name}" for name in by_it))))


def _author_of(peer: str, message: Message | None) -> str:
    """Return who said what is taken back, by its id; what bears none is the sender's own."""
    named = getattr(message, "sighting_id", None) or getattr(message, "event_id", None)
    return peer if named is None else named.rpartition(".")[0]


def taken_back(message: Message | None) -> str | None:
    """Name what a message takes back; None: it takes back nothing."""
    if isinstance(message, Withdrawal):
        return f"{message.item_id}|{message.sighting_id or ''}"
    if isinstance(message, ContentVerdictWithdrawn) or (
        isinstance(message, Outcome) and message.what is OutcomeWhat.WITHDRAWN
    ):
        return message.event_id
    return None


def hold(parsed: Parsed, taker: str) -> Answer:
    """Keep what goes beyond the bound of `taker`, without an effect and without an answer yet."""
    return Answer(parsed.arrived, Judged.PARKED, waits_for=waiting_of(taker))


class Bound:
    """Says which entries wait for a person; remembers what was taken back in a day."""

    def __init__(
        self,
        holds: Callable[[str], Awaitable[bool]],
        *,
        coming_back: Callable[[], bool],
    ) -> None:
        """Count nothing yet.

        Args:
            holds: whether anything that is named so waits (`waiting_of`).
            coming_back: whether this node, which was lost, is being rebuilt: what it hears then
                it had heard before.
        """
        self._holds = holds
        self._coming_back = coming_back
        self._counted: Counts = {}

    async def over(
        self, parsed: Sequence[Parsed], registry: Registry, now_ms: int
    ) -> tuple[dict[int, str], Counts]:
        """Return which of these wait, by their number, and for whose sake.

        The count comes with it, as it is once the others are judged.
        """
        held: dict[int, str] = {}
        counts: Counts = {}
        waiting: dict[str, bool] = {}
        at_most = registry.network.policy.get(POLICY, AT_MOST)
        for number, one in enumerate(parsed):
            what, peer = taken_back(one.message), one.arrived.peer
            if what is None or not _has_effect(one, registry) or self._coming_back():
                continue
            taker = taker_of(peer, one.message, registry)
            bounds = {taker: at_most}
            if taker != peer:
                bounds[f"{peer}/{ALL}"] = PASSED_ON * at_most
            if one.arrived.let_go:  # a person has looked: the next ones are counted anew
                counts |= {name: {} for name in bounds}
                continue
            for name in bounds:
                if name not in waiting:
                    waiting[name] = await self._holds(waiting_of(name))
                if name not in counts:
                    counts[name] = _of_a_day(self._counted.get(name, {}), now_ms)
            over = [
                name
                for name, bound in bounds.items()
                if waiting[name] or (what not in counts[name] and len(counts[name]) >= bound)
            ]
            if over:
                held[number] = over[0]
                waiting[over[0]] = True
            else:
                for name in bounds:
                    counts[name].setdefault(what, now_ms)
        return held, counts

    def keep(self, counts: Counts, now_ms: int) -> None:
        """Remember the count, now that it is so in the store; what a day made old is forgotten."""
        self._counted |= counts
        of_a_day = {name: _of_a_day(one, now_ms) for name, one in self._counted.items()}
        self._counted = {name: one for name, one in of_a_day.items() if one}


def tasks_of(takers: Iterable[str]) -> list[tuple[str, str]]:
    """Return what is to stand before a person, once for each whose taking back waits."""
    return [(TASK, one) for one in sorted(set(takers))]


def _has_effect(one: Parsed, registry: Registry) -> bool:
    """Whether it would be judged at all."""
    arrived = one.arrived
    return registry.is_active(arrived.peer) and not (arrived.disavowed or arrived.conflict)


def _of_a_day(counted: dict[str, int], now_ms: int) -> dict[str, int]:
    return {what: at_ms for what, at_ms in counted.items() if now_ms - at_ms < DAY_MS}
