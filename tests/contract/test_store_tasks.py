"""Contract of a store, tasks: what another member says hides nothing else from people (G11)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from node.casework.casebook import Casebook, Needs
from node.peer.channels.inbox import Held, Taken
from node.store.sqlite import Store
from protocol.channel import Accepted, Refusal
from protocol.messages import Tombstone
from protocol.vocabulary import Kind, Lane
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, taking

FORK = ("channel_in_fork_suspected", f"{PEER}/reports")


def _tombstone(one: Taken) -> Taken:
    """Return it as what says that the entry with its id was erased."""
    said = Tombstone(one.entry_id or b"", Kind.ITEM, one.leaf, NOW_MS)
    return msgspec.structs.replace(one, of_channel=True, tombstone=said)


async def bury(store: Store, count: int) -> None:
    """Have a member say that it erased so many entries that never were."""
    push = Sender().push(*(number << 224 for number in range(count)))
    take = taking(push, b"receipt")

    def decide(held: Held) -> tuple[Accepted, bytes, Sequence[Taken]] | Refusal | bytes:
        decided = take(held)
        assert not isinstance(decided, Refusal | bytes)
        accepted, receipt, taken = decided
        return accepted, receipt, [taken[0], *map(_tombstone, taken[1:])]

    await store.inbox.take(PEER, Lane.REPORTS, push.checkpoint, push.note, NOW_MS, decide)


async def shown(store: Store, limit: int) -> list[tuple[str, str]]:
    """What a person sees who looks at so many."""
    return [(code, subject) for code, subject, _ in await store.queries.tasks(limit)]


async def test_g11_ids_that_never_were_hide_no_fork(store: Store) -> None:
    """One push can name a thousand; what came later was beyond what is listed."""
    await bury(store, 500)
    await store.inbox.stop(PEER, Lane.REPORTS, "fork_suspected", NOW_MS + 1)
    assert FORK in await shown(store, 100)


async def test_g11_missing_entries_of_a_member_are_listed_up_to_a_bound(store: Store) -> None:
    """Then one task says that there are more."""
    await bury(store, 500)
    missing = [one for one in await shown(store, 10_000) if one[0] == "entry_missing"]
    assert len(missing) == 101
    assert ("entry_missing", f"{PEER}/more") in missing


async def test_g11_same_trouble_again_is_the_same_task(store: Store) -> None:
    """Else who does it without end fills the list with it."""
    for later in range(3):
        await store.inbox.stop(PEER, Lane.REPORTS, "fork_suspected", NOW_MS + later)
        await store.cases.transact(Needs(), NOW_MS + later, malformed)
    assert await shown(store, 100) == [FORK, ("entry_malformed", PEER)]
    assert [at for _, _, at in await store.queries.tasks()] == [NOW_MS, NOW_MS]


async def test_what_is_listed_stands_in_the_order_of_its_age(store: Store) -> None:
    """Also where codes took turns."""
    for number, code in enumerate("abbba"):
        await store.inbox.stop(f"{PEER}-{number}", Lane.REPORTS, code, NOW_MS + number)
    listed = [(code[-1], at - NOW_MS) for code, _, at in await store.queries.tasks(3)]
    assert listed == [("a", 0), ("b", 1), ("b", 2)]


def malformed(book: Casebook) -> None:
    """Judge an entry that says nothing intelligible, and one more."""
    book.tasks += [("entry_malformed", PEER)] * 2
