"""How much a member may take back in a day before a person looks (rule 10, docs/protocol.md §10.7).

Who has a member's key could take back whatever it ever said, and stop every notice that rests on
it. So what goes beyond the bound is kept and judged only once a person lets it go on; what the
member says of other things goes on meanwhile.

Counted are reports and verdicts, not messages: one verdict that is taken back from a hundred items
counts once. The count is in memory alone, so a restart forgets it. That something waits is in the
store: while anything of a member does, all else that it takes back waits too.
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
TASK = "mass_withdrawal"
DAY_MS = 86_400_000


def waiting_of(peer: str) -> str:
    """Return what that which a member took back waits for: no id of an item is like it."""
    return f"{TASK}/{peer}"


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
    return Answer(parsed.arrived, Judged.PARKED, waits_for=waiting_of(parsed.arrived.peer))


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
            what, peer = taken_back(one.message), one.arrived.peer
            if what is None or not _has_effect(one, registry) or self._coming_back():
                continue
            if one.arrived.let_go:  # a person has looked: the next ones are counted anew
                counts[peer] = {}
                continue
            if peer not in waiting:
                waiting[peer] = await self._holds(waiting_of(peer))
            if peer not in counts:
                counts[peer] = _of_a_day(self._counted.get(peer, {}), now_ms)
            if waiting[peer] or (what not in counts[peer] and len(counts[peer]) >= at_most):
                held.add(number)
                waiting[peer] = True
            else:
                counts[peer].setdefault(what, now_ms)
        return frozenset(held), counts

    def keep(self, counts: dict[str, dict[str, int]]) -> None:
        """Remember the count, now that it is so in the store."""
        self._counted.update(counts)


def tasks_of(held: Iterable[Parsed]) -> list[tuple[str, str]]:
    """Return what is to stand before a person, once for each member."""
    return [(TASK, peer) for peer in sorted({one.arrived.peer for one in held})]


def _has_effect(one: Parsed, registry: Registry) -> bool:
    """Whether it would be judged at all."""
    arrived = one.arrived
    return registry.is_active(arrived.peer) and not (arrived.disavowed or arrived.conflict)


def _of_a_day(counted: dict[str, int], now_ms: int) -> dict[str, int]:
    return {what: at_ms for what, at_ms in counted.items() if now_ms - at_ms < DAY_MS}
