"""How much a member may take back in a day before a person looks (rule 10, docs/protocol.md §10.7).

Who has a member's key could take back whatever it ever said, and stop every notice that rests on
it. So what goes beyond the bound is kept and judged only once a person lets it go on; what the
member says of other things goes on meanwhile.

Counted are reports and verdicts, not messages: one verdict that is taken back from a hundred items
counts once. What a member passes on counts as its author's, by that member: else who handed it much
and takes that back would stop the one that passes it on. Of all that one passes on some more count,
since it names the authors. The count is in memory alone, so a restart forgets it. That something
waits is in the store: while anything of a member does, all else that it takes back waits too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from keys.registry import Registry
from node.casework.reading import Parsed
from node.casework.receiving import Answer, Judged
from protocol.messages import Message, Outcome, Withdrawal
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import OutcomeWhat

POLICY = "peer_withdrawals"
AT_MOST = 50
"""What one member may take back in 24 hours unless the network says otherwise."""
PASSED_ON = 10
"""How many times as much, in the names of all others together, one member may pass on."""
TASK = "mass_withdrawal"
DAY_MS = 86_400_000


def waiting_of(taker: str) -> str:
    """Return what that which was taken back waits for: no id of an item is like it.

    `taker`: a member, or of what it passes on `member/author` (`taker_of`).
    """
    return f"{TASK}/{taker}"


def taker_of(peer: str, message: Message | None) -> str:
    """Return whose taking back it is: the sender's, or by it that of the author it names."""
    named = getattr(message, "sighting_id", None) or getattr(message, "event_id", None)
    author = peer if named is None else named.rpartition(".")[0]
    return peer if author == peer else f"{peer}/{author}"


def taken_back(message: Message | None) -> str | None:
    """Name what a message takes back; None: it takes back nothing."""
    if isinstance(message, Withdrawal):
        return f"{message.item_id}|{message.sighting_id or ''}"
    if isinstance(message, ContentVerdictWithdrawn) or (
        isinstance(message, Outcome) and message.what is OutcomeWhat.WITHDRAWN
    ):
        return message.event_id
    return None


def hold(parsed: Parsed) -> Answer:
    """Keep what goes beyond the bound, without an effect and without an answer yet."""
    taker = taker_of(parsed.arrived.peer, parsed.message)
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
        self._counted: dict[str, dict[str, int]] = {}

    async def over(
        self, parsed: Sequence[Parsed], registry: Registry, now_ms: int
    ) -> tuple[frozenset[int], dict[str, dict[str, int]]]:
        """Return which of these wait, by their number, and the count once the others are judged."""
        held: set[int] = set()
        counts: dict[str, dict[str, int]] = {}
        waiting: dict[str, bool] = {}
        at_most = registry.network.policy.get(POLICY, AT_MOST)
        for number, one in enumerate(parsed):
            what, taker = taken_back(one.message), taker_of(one.arrived.peer, one.message)
            if what is None or not _has_effect(one, registry) or self._coming_back():
                continue
            if one.arrived.let_go:  # a person has looked: the next ones are counted anew
                counts[taker] = {}
                continue
            if taker not in waiting:
                waiting[taker] = await self._holds(waiting_of(taker))
            if taker not in counts:
                counts[taker] = _of_a_day(self._counted.get(taker, {}), now_ms)
            full = len(counts[taker]) >= at_most or self._has_passed_on(
                one.arrived.peer, taker, counts, PASSED_ON * at_most, now_ms
            )
            if waiting[taker] or (what not in counts[taker] and full):
                held.add(number)
                waiting[taker] = True
            else:
                counts[taker].setdefault(what, now_ms)
        return frozenset(held), counts

    def _has_passed_on(
        self, peer: str, taker: str, counts: dict[str, dict[str, int]], at_most: int, now_ms: int
    ) -> bool:
        """Whether a member has passed on, of all authors, as much as counts."""
        if taker == peer:
            return False
        all_of = {**self._counted, **counts}
        theirs = [one for name, one in all_of.items() if name.startswith(f"{peer}/")]
        return sum(len(_of_a_day(one, now_ms)) for one in theirs) >= at_most

    def keep(self, counts: dict[str, dict[str, int]]) -> None:
        """Remember the count, now that it is so in the store."""
        self._counted.update(counts)


def tasks_of(held: Iterable[Parsed]) -> list[tuple[str, str]]:
    """Return what is to stand before a person, once for each member, and each author by it."""
    return [(TASK, one) for one in sorted({taker_of(o.arrived.peer, o.message) for o in held})]


def _has_effect(one: Parsed, registry: Registry) -> bool:
    """Whether it would be judged at all."""
    arrived = one.arrived
    return registry.is_active(arrived.peer) and not (arrived.disavowed or arrived.conflict)


def _of_a_day(counted: dict[str, int], now_ms: int) -> dict[str, int]:
    return {what: at_ms for what, at_ms in counted.items() if now_ms - at_ms < DAY_MS}
