"""Contract of a store, outbox: signed and durable before it is sent, by one tenure at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.peer.channels.outgoing import Limits, OwnEntry, Push
from node.store.channels.outbox import AFTER_ANY_RESTORE_MS
from node.store.errors import DisplacedError
from node.store.items.decisions import say_restored
from node.store.recovery import recovered
from node.store.sqlite import Store
from protocol import channel as channels
from protocol import entry as entries
from protocol.channel import Channel, Cut, SenderState
from protocol.merkle import EMPTY_ROOT
from protocol.vocabulary import Lane
from tests.builders.cases import US
from tests.builders.network import NOW_MS
from tests.contract.stores import Place, entomb, message, post

PEER = "fr-pdc"
LANE = Lane.REPORTS
CHANNEL = Channel("demo-0123456789abcdef", US, PEER, LANE)
LIMITS = Limits(1000, 1 << 20, 65_536)
FIRST = b"epoch--1"
SECOND = b"epoch--2"


@dataclass
class Tenure:
    """One process's hold on the channel, as delivery has it."""

    store: Store
    fence: int = 0
    state: SenderState = field(init=False)
    signed: list[int] = field(default_factory=list)

    async def open(
        self,
        epoch: bytes = FIRST,
        told: channels.Position = channels.NOTHING,
        chain: Mapping[bytes, int] | None = None,
        *,
        renewed: bool = False,
    ) -> int:
        """Take the channel over and open an epoch upon what was told; how many wait again."""
        self.fence = await self.store.outbox.take_over(PEER, LANE)
        self.state = channels.open_epoch(epoch, told)
        return await self.store.outbox.open(
            PEER, LANE, self.fence, self.state, chain or {}, NOW_MS, entomb, renewed=renewed
        )

    async def cut(
        self, *own: OwnEntry, limits: Limits = LIMITS, fence: int | None = None
    ) -> Push | None:
        """Append what waits and sign it."""
        fence = self.fence if fence is None else fence
        made = await self.store.outbox.cut(
            CHANNEL, fence, self.state, own, limits, self.sign, NOW_MS
        )
        if made is None:
            return None
        self.state, push = made
        return push

    def sign(self, cut: Cut) -> bytes:
        """Sign a checkpoint, and remember that it was asked for."""
        self.signed.append(cut.checkpoint.size)
        return cut.checkpoint.text.encode() + b"\nsigned"

    @property
    def position(self) -> channels.Position:
        """How far this epoch is."""
        return channels.Position(self.state.epoch, self.state.size, self.state.root)


@pytest.fixture
async def tenure(store: Store) -> Tenure:
    """Give a tenure that has opened its epoch."""
    made = Tenure(store)
    await made.open()
    return made


async def waiting(store: Store) -> int:
    """How many messages wait for a place in a log."""
    return (await store.queries.figures())["messages_waiting"]


class TestCutting:
    """What waits becomes a signed push."""

    async def test_nothing_waits_and_nothing_is_signed(self, tenure: Tenure) -> None:
        """An empty push says nothing."""
        assert await tenure.cut() is None
        assert tenure.signed == []

    async def test_messages_go_in_the_order_they_were_said(self, tenure: Tenure) -> None:
        """Each at its place in the log."""
        posts = [message(n) for n in range(1, 6)]
        await post(tenure.store, *posts)
        push = await tenure.cut()
        assert push is not None
        assert push.entries == [one.entry for one in posts]
        assert (push.start, push.size) == (0, 5)
        assert await waiting(tenure.store) == 0

    async def test_urgent_message_goes_first(self, tenure: Tenure) -> None:
        """Though it came last."""
        calm, urgent = message(1), message(2, urgency=0)
        await post(tenure.store, calm)
        await post(tenure.store, urgent)
        push = await tenure.cut()
        assert push is not None
        assert push.entries == [urgent.entry, calm.entry]

    async def test_8_7_what_waits_of_an_item_goes_with_what_is_urgent_of_it(
        self, tenure: Tenure
    ) -> None:
        """In its old order, before the urgent word; nothing else of it, for nobody else."""
        calm, first, second = message(1), message(2, item="i"), message(3, item="i")
        status = message(4, item="i", lane=Lane.STATUS)
        other = message(5, item="i", peer="nl-eokm")
        await post(tenure.store, calm, first, second, status, other)
        urgent = message(6, item="i", urgency=0)
        await post(tenure.store, urgent)
        push = await tenure.cut()
        assert push is not None
        assert push.entries == [one.entry for one in (first, second, urgent, calm)]
        pairs = {(PEER, Lane.STATUS), ("nl-eokm", LANE)}
        assert await tenure.store.outbox.waiting(pairs) == dict.fromkeys(pairs, 1)

    async def test_8_7_what_became_urgent_is_so_when_it_is_said_again(self, tenure: Tenure) -> None:
        """Its receiver lost it before it had been looked at."""
        first, calm = message(2, item="i"), message(1)
        await post(tenure.store, calm, first)
        await tenure.cut()
        urgent = message(3, item="i", urgency=0)
        await post(tenure.store, urgent)
        again = Tenure(tenure.store)
        await again.open(SECOND)
        push = await again.cut()
        assert push is not None
        assert push.entries == [one.entry for one in (first, urgent, calm)]

    async def test_entries_of_the_epoch_itself_go_before_all(self, tenure: Tenure) -> None:
        """Also before a child at risk."""
        await post(tenure.store, message(1, urgency=0))
        push = await tenure.cut(OwnEntry(b"opening"))
        assert push is not None
        assert push.entries[0] == b"opening"
        again = await tenure.store.outbox.stored(PEER, LANE, FIRST, 0)
        assert again is not None
        assert again.entries == push.entries

    async def test_push_is_bounded_in_entries(self, tenure: Tenure) -> None:
        """The rest waits for the next one."""
        await post(tenure.store, *(message(n) for n in range(1, 6)))
        push = await tenure.cut(limits=Limits(2, 1 << 20, 65_536))
        assert push is not None
        assert len(push.entries) == 2
        assert await waiting(tenure.store) == 3

    async def test_push_is_bounded_in_bytes(self, tenure: Tenure) -> None:
        """As many as fit into the largest frame."""
        await post(tenure.store, *(message(n, size=1000) for n in range(1, 6)))
        push = await tenure.cut(limits=Limits(1000, 4096, 4000))
        assert push is not None
        assert len(push.entries) == 3

    async def test_channels_do_not_mix(self, tenure: Tenure) -> None:
        """Neither peers nor lanes."""
        await post(
            tenure.store, message(1, peer="gb-iwf"), message(2, lane=Lane.STATUS), message(3)
        )
        push = await tenure.cut()
        assert push is not None
        assert push.entries == [message(3).entry]

    async def test_most_urgent_that_waits_is_told_for_each_channel(self, store: Store) -> None:
        """Delivery begins with it."""
        await post(store, message(1), message(2, urgency=0), message(3, lane=Lane.STATUS))
        pairs = [(PEER, lane) for lane in Lane]
        found = await store.outbox.waiting(pairs)
        assert found == {(PEER, Lane.REPORTS): 0, (PEER, Lane.STATUS): 1}

    async def test_each_channel_that_has_something_is_found_and_no_other_is_told(
        self, store: Store
    ) -> None:
        """One after the other, past those that were not asked about, whatever waits in each."""
        peers = ("be-one", "fr-pdc", "fr-two", "nl-one")
        await post(store, *(message(n, peer=peer) for n in (1, 2) for peer in peers))
        asked = [(peer, Lane.REPORTS) for peer in ("at-one", "be-one", "fr-two", "nl-one")]
        assert list(await store.outbox.waiting(asked)) == asked[1:]

    async def test_the_urgency_of_one_channel_is_that_of_the_most_urgent_in_it(
        self, store: Store
    ) -> None:
        """Nothing of another lane, nothing of another member."""
        await post(store, message(1), message(2, urgency=0), message(3, lane=Lane.STATUS))
        assert await store.outbox.urgency(PEER, Lane.REPORTS) == 0
        assert await store.outbox.urgency(PEER, Lane.STATUS) == 1
        assert await store.outbox.urgency(PEER, Lane.BULK) is None

    async def test_signed_push_is_on_disk_before_it_is_sent(
        self, place: Place, tmp_path: Path
    ) -> None:
        """The files alone bring back the same bytes (rule 1)."""
        store = place.open()
        made = Tenure(store)
        await made.open()
        await post(store, message(1), message(2))
        push = await made.cut()
        survivor = place.as_the_power_fails(tmp_path / "survivor").open()
        assert await survivor.outbox.stored(PEER, LANE, FIRST, 0) == push
        await survivor.close()
        await store.close()


class TestStored:
    """What was signed is sent again as it was."""

    async def test_stored_push_is_the_one_that_follows_what_is_held(self, tenure: Tenure) -> None:
        """By signed steps, never by another cut of them."""
        pushes = []
        for number in (1, 2, 3):
            await post(tenure.store, message(number))
            pushes.append(await tenure.cut())
        for held, push in enumerate(pushes):
            assert await tenure.store.outbox.stored(PEER, LANE, FIRST, held) == push

    async def test_receiver_in_the_middle_of_a_push_gets_its_rest(self, tenure: Tenure) -> None:
        """Under the checkpoint that covers it."""
        await post(tenure.store, *(message(n) for n in range(1, 4)))
        await tenure.cut()
        push = await tenure.store.outbox.stored(PEER, LANE, FIRST, 1)
        assert push is not None
        assert (push.start, push.size, len(push.entries)) == (1, 3, 2)

    async def test_receiver_that_holds_all_gets_nothing(self, tenure: Tenure) -> None:
        """There is no such push."""
        await post(tenure.store, message(1))
        await tenure.cut()
        assert await tenure.store.outbox.stored(PEER, LANE, FIRST, 1) is None


class TestFencing:
    """A displaced process fails before it signs."""

    async def test_displaced_process_neither_cuts_nor_signs(self, tenure: Tenure) -> None:
        """Two would contradict each other."""
        await post(tenure.store, message(1))
        await tenure.store.outbox.take_over(PEER, LANE)
        with pytest.raises(DisplacedError):
            await tenure.cut()
        assert tenure.signed == []
        assert await waiting(tenure.store) == 1

    async def test_displaced_process_opens_no_epoch(self, store: Store) -> None:
        """It takes the channel over again first."""
        old = Tenure(store)
        await old.open()
        await Tenure(store).open(SECOND)
        with pytest.raises(DisplacedError):
            await store.outbox.open(
                PEER,
                LANE,
                old.fence,
                channels.open_epoch(b"epoch--3", channels.NOTHING),
                {},
                NOW_MS,
                entomb,
            )

    async def test_displaced_process_keeps_no_receipt(self, store: Store) -> None:
        """Its push may never have counted."""
        old = Tenure(store)
        await old.open()
        await store.outbox.take_over(PEER, LANE)
        with pytest.raises(DisplacedError):
            await store.outbox.receipted(PEER, LANE, old.fence, FIRST, 1, b"receipt")

    async def test_each_tenure_gets_a_larger_fence(self, store: Store) -> None:
        """Across restarts, too: it stands on the row."""
        fences = [await store.outbox.take_over(PEER, LANE) for _ in range(3)]
        assert fences == [1, 2, 3]

    async def test_process_that_remembers_more_than_the_database_ends_its_tenure(
        self, tenure: Tenure
    ) -> None:
        """A stale replica was promoted under it (rule 5)."""
        await post(tenure.store, message(1))
        ahead = tenure.state._replace(size=5, root=bytes(32))
        tenure.state = ahead
        with pytest.raises(DisplacedError):
            await tenure.cut()
        assert tenure.signed == []

    async def test_channel_that_nobody_took_over_cannot_be_written(self, store: Store) -> None:
        """There is no row to hold."""
        tenure = Tenure(store)
        tenure.state = channels.open_epoch(FIRST, channels.NOTHING)
        await post(store, message(1))
        with pytest.raises(DisplacedError):
            await tenure.cut(fence=1)

    async def test_signing_that_fails_takes_nothing_out_of_the_outbox(self, tenure: Tenure) -> None:
        """An HSM may be away."""

        def fail(_: Cut) -> bytes:
            raise RuntimeError

        await post(tenure.store, message(1))
        with pytest.raises(RuntimeError):
            await tenure.store.outbox.cut(
                CHANNEL, tenure.fence, tenure.state, (), LIMITS, fail, NOW_MS
            )
        assert await waiting(tenure.store) == 1
        assert await tenure.cut() is not None


class TestReopening:
    """What the receiver does not hold is appended again, under its old id."""

    async def test_everything_unsettled_waits_again(self, tenure: Tenure) -> None:
        """Receipt or not: what the receiver tells, counts (rule 2)."""
        await post(tenure.store, message(1), message(2))
        await tenure.cut()
        await tenure.store.outbox.receipted(PEER, LANE, tenure.fence, FIRST, 2, b"receipt")
        again = Tenure(tenure.store)
        assert await again.open(SECOND) == 2
        push = await again.cut()
        assert push is not None
        assert push.entries == [message(1).entry, message(2).entry]

    async def test_what_the_receiver_holds_does_not_wait(self, tenure: Tenure) -> None:
        """Only what lies beyond."""
        await post(tenure.store, message(1), message(2), message(3))
        await tenure.cut()
        again = Tenure(tenure.store)
        assert await again.open(SECOND, tenure.position, {FIRST: 2}) == 1

    async def test_what_is_settled_in_any_epoch_is_settled(self, tenure: Tenure) -> None:
        """The second epoch brought it; the first never did."""
        await post(tenure.store, message(1))
        await tenure.cut()
        second = Tenure(tenure.store)
        await second.open(SECOND)
        await second.cut()
        third = Tenure(tenure.store)
        assert await third.open(b"epoch--3", second.position, {SECOND: 1}) == 0

    async def test_message_that_stands_in_two_logs_waits_once(self, tenure: Tenure) -> None:
        """And is sent once."""
        await post(tenure.store, message(1))
        await tenure.cut()
        second = Tenure(tenure.store)
        await second.open(SECOND)
        await second.cut()
        third = Tenure(tenure.store)
        assert await third.open(b"epoch--3") == 1
        assert await waiting(tenure.store) == 1

    async def test_message_that_waits_still_is_not_doubled(self, tenure: Tenure) -> None:
        """It never had a place."""
        await post(tenure.store, message(1))
        await tenure.open(SECOND)
        assert await waiting(tenure.store) == 1

    async def test_urgent_message_is_urgent_again(self, tenure: Tenure) -> None:
        """It goes first in the new epoch, too."""
        await post(tenure.store, message(1), message(2, urgency=0))
        await tenure.cut()
        again = Tenure(tenure.store)
        await again.open(SECOND)
        push = await again.cut()
        assert push is not None
        assert push.entries[0] == message(2, urgency=0).entry

    async def test_entries_of_the_old_epoch_itself_are_not_said_again(self, tenure: Tenure) -> None:
        """The new one has its own opening."""
        await tenure.cut(OwnEntry(b"opening"))
        assert await Tenure(tenure.store).open(SECOND) == 0

    async def test_receiver_that_lost_what_it_receipted_is_shown_to_a_person(
        self, tenure: Tenure
    ) -> None:
        """It was restored from a backup, or worse."""
        await post(tenure.store, message(1))
        await tenure.cut()
        await tenure.store.outbox.receipted(PEER, LANE, tenure.fence, FIRST, 1, b"receipt")
        await Tenure(tenure.store).open(SECOND)
        tasks = await tenure.store.queries.tasks()
        assert [(code, subject) for code, subject, _ in tasks] == [
            ("peer_lost_entries", f"{PEER}/{LANE}")
        ]


class TestRemembered:
    """What we signed, told back to us."""

    async def test_root_of_every_signed_size_is_remembered(self, tenure: Tenure) -> None:
        """Recomputed from our own leaves."""
        roots = {}
        for number in (1, 2, 3):
            await post(tenure.store, message(number))
            await tenure.cut()
            roots[tenure.state.size] = tenure.state.root
        for size, root in roots.items():
            told = channels.Position(FIRST, size, root)
            found, opened, last_ms = await tenure.store.outbox.remembered(PEER, LANE, told)
            assert (found, opened[FIRST], last_ms) == (root, channels.NOTHING, AFTER_ANY_RESTORE_MS)

    async def test_more_than_we_signed_is_not_remembered(self, tenure: Tenure) -> None:
        """A stolen key, or our own old backup."""
        told = channels.Position(FIRST, 9, bytes(32))
        assert (await tenure.store.outbox.remembered(PEER, LANE, told))[0] is None

    async def test_unknown_epoch_is_not_remembered(self, tenure: Tenure) -> None:
        """Nor is the beginning of a channel a root."""
        told = channels.Position(SECOND, 1, bytes(32))
        assert (await tenure.store.outbox.remembered(PEER, LANE, told))[0] is None
        assert (await tenure.store.outbox.remembered(PEER, LANE, channels.NOTHING))[0] is None
        assert channels.NOTHING.root == EMPTY_ROOT

    async def test_channels_that_nothing_is_known_of_are_asked_about(self, tenure: Tenure) -> None:
        """Neither one that was used, nor one whose receiver told that it never was."""
        outbox = tenure.store.outbox
        pairs = [(PEER, LANE), ("nl-eokm", Lane.STATUS), ("nl-eokm", Lane.REPORTS)]
        assert await outbox.unasked(pairs) == sorted(pairs[1:])
        for _ in range(2):
            await outbox.never_used("nl-eokm", Lane.STATUS)
        assert await outbox.unasked(pairs) == pairs[2:]

    async def test_the_next_restore_asks_about_them_anew(self, tenure: Tenure) -> None:
        """What was unused at the first may have been used before the second."""
        outbox, pairs = tenure.store.outbox, [("nl-eokm", Lane.STATUS)]
        await outbox.never_used(*pairs[0])
        await tenure.store.writer.run(lambda c: say_restored(c, NOW_MS))
        assert await outbox.unasked(pairs) == pairs

    async def test_nobody_is_asked_while_the_node_recovers(self, tenure: Tenure) -> None:
        """It says nothing before it is whole (§8.13.7)."""
        await tenure.store.writer.run(lambda c: recovered.begin(c, NOW_MS))
        assert await tenure.store.outbox.unasked([("nl-eokm", Lane.STATUS)]) == []


class TestDeliveryState:
    """When to try again, and why it failed, stands on the row."""

    async def test_failure_is_kept_over_a_restart(self, place: Place) -> None:
        """Also of a peer that never answered."""
        store = place.open()
        await store.outbox.failed(PEER, LANE, 3, NOW_MS + 5, "peer_unreachable")
        await store.close()
        store = place.open()
        (row,) = await store.outbox.rows()
        assert (row.peer, row.lane, row.attempts) == (PEER, LANE, 3)
        assert (row.next_attempt_ms, row.problem) == (NOW_MS + 5, "peer_unreachable")
        await store.close()

    async def test_receipt_ends_the_pauses(self, tenure: Tenure) -> None:
        """The peer is there."""
        await tenure.store.outbox.failed(PEER, LANE, 3, NOW_MS + 5, "peer_unreachable")
        await tenure.store.outbox.receipted(PEER, LANE, tenure.fence, FIRST, 1, b"receipt")
        (row,) = await tenure.store.outbox.rows()
        assert (row.attempts, row.next_attempt_ms, row.problem) == (0, 0, None)

    async def test_first_receipt_for_a_size_stays_the_evidence(self, tenure: Tenure) -> None:
        """Another one for the same size replaces nothing."""
        await post(tenure.store, message(1))
        await tenure.cut()
        for receipt in (b"first", b"second"):
            await tenure.store.outbox.receipted(PEER, LANE, tenure.fence, FIRST, 1, receipt)
        kept = await tenure.store.readers.run(
            lambda c: c.execute("SELECT receipt FROM checkpoints_out").fetchone()[0]
        )
        assert kept == b"first"

    async def test_stopped_channel_stands_before_a_person_until_it_is_resumed(
        self, tenure: Tenure
    ) -> None:
        """What waits, waits."""
        await post(tenure.store, message(1))
        await tenure.store.outbox.stop(PEER, LANE, "unknown_history", NOW_MS)
        (figures,) = await tenure.store.queries.channels()
        assert (figures.stopped, figures.waiting) == ("unknown_history", 1)
        assert [code for code, *_ in await tenure.store.queries.tasks()] == [
            "channel_unknown_history"
        ]
        await tenure.store.outbox.resume(PEER, LANE, NOW_MS + 1)
        assert (await tenure.store.queries.channels())[0].stopped is None
        assert await tenure.store.queries.tasks() == []

    async def test_unreceipted_entries_are_counted(self, tenure: Tenure) -> None:
        """They stand signed and unproven."""
        await post(tenure.store, message(1), message(2))
        await tenure.cut()
        (figures,) = await tenure.store.queries.channels()
        assert (figures.waiting, figures.unreceipted) == (0, 2)


async def test_leaf_of_every_entry_is_kept(tenure: Tenure) -> None:
    """Proofs are made from them, also after an erasure."""
    await post(tenure.store, message(1))
    push = await tenure.cut(OwnEntry(b"opening"))
    assert push is not None
    rows = await tenure.store.readers.run(
        lambda c: c.execute("SELECT leaf FROM log_out ORDER BY idx").fetchall()
    )
    assert [row[0] for row in rows] == [entries.leaf(raw) for raw in push.entries]
