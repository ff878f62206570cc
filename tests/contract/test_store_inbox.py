"""Contract of a store, inbox: custody is whole, durable, and the same for ever."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.receiving import Answer, Judged, set_aside
from node.peer.channels.inbox import Held
from node.store.sqlite import Store
from protocol.answers import NOTHING, AnswerCode
from protocol.channel import Position, Refusal
from protocol.entry import leaf
from protocol.vocabulary import Disposition, Lane
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, arrive, entry, take
from tests.contract.stores import Place

REPORTS = Lane.REPORTS


async def entries_kept(store: Store) -> list[tuple[int, str | None]]:
    """What stands in custody: (judged, answer), in order."""
    rows: list[tuple[int, str | None]] = await store.readers.run(
        lambda c: c.execute("SELECT judged, answer FROM entries_in ORDER BY seq").fetchall()
    )
    return rows


class TestCustody:
    """Entries, edge and receipt are durable in one transaction."""

    async def test_receipted_entries_are_on_disk(self, place: Place, tmp_path: Path) -> None:
        """The files alone bring them back, with the receipt."""
        store = place.open()
        sender = Sender()
        push = sender.push(1, 2)
        await take(store, push, b"our cosignature")
        survivor = place.as_the_power_fails(tmp_path / "survivor").open()
        held = await survivor.inbox.held(PEER, REPORTS, push.checkpoint)
        assert held.receipt == b"our cosignature"
        assert held.state.size == 3
        assert [one.entry for one in await survivor.queries.unjudged(10)] == [entry(1), entry(2)]
        await survivor.close()
        await store.close()

    async def test_same_push_again_gets_the_same_bytes(self, store: Store) -> None:
        """Not another receipt, however often (G2)."""
        push = Sender().push(1)
        first = await take(store, push, b"first")
        assert await take(store, push, b"second") == first == b"first"
        assert len(await entries_kept(store)) == 2

    async def test_same_push_twice_at_once_is_taken_once(self, store: Store) -> None:
        """Both get the one receipt."""
        push = Sender().push(1)
        receipts = await asyncio.gather(*(take(store, push, bytes([n])) for n in range(8)))
        assert len(set(receipts)) == 1
        assert len(await entries_kept(store)) == 2

    async def test_push_that_is_refused_leaves_nothing(self, store: Store) -> None:
        """A gap in the log is no custody."""
        sender = Sender()
        sender.push(1)
        refused = await take(store, sender.push(2))
        assert refused == Refusal(AnswerCode.WRONG_START)
        assert await entries_kept(store) == []
        assert (await store.inbox.told(PEER, REPORTS))[0].position == NOTHING

    async def test_cosigning_that_fails_leaves_nothing(self, store: Store) -> None:
        """An HSM may be away."""
        push = Sender().push(1)

        def fail(_: Held) -> bytes:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await store.inbox.take(PEER, REPORTS, push.checkpoint, push.note, NOW_MS, fail)
        assert await entries_kept(store) == []
        assert isinstance(await take(store, push), bytes)

    async def test_entries_wait_in_the_order_they_came(self, store: Store) -> None:
        """Over all lanes of one sender, where all of it is judged at once."""
        reports, status = Sender(), Sender(Lane.STATUS)
        await arrive(store, reports, 1)
        await arrive(store, status, 2)
        await arrive(store, reports, 3)
        assert [one.entry for one in await store.queries.unjudged(10)] == [
            entry(1),
            entry(2),
            entry(3),
        ]

    async def test_what_belongs_to_the_channel_itself_is_not_judged(self, store: Store) -> None:
        """The opening of the epoch."""
        await arrive(store, Sender(), 1)
        assert await entries_kept(store) == [(1, None), (0, None)]

    async def test_opaque_bytes_are_kept_too(self, store: Store) -> None:
        """Custody first, judgement later."""
        await arrive(store, Sender(), 1)
        (waiting,) = await store.queries.unjudged(10)
        assert waiting.leaf == leaf(waiting.entry)


class TestOnce:
    """The receiver de-duplicates on (sender, id) for ever."""

    async def test_same_entry_in_a_later_epoch_has_no_effect(self, store: Store) -> None:
        """It stands at its place, and is done."""
        sender = Sender()
        await arrive(store, sender, 1)
        await arrive(store, sender.next_epoch(b"epoch--2"), 1)
        assert (await entries_kept(store))[-1] == (1, "repeat")
        assert len(await store.queries.unjudged(10)) == 1

    async def test_other_content_under_the_same_id_is_a_conflict_for_people(
        self, store: Store
    ) -> None:
        """Both are kept; the first stands."""
        sender = Sender()
        await arrive(store, sender, 1)
        await take(store, sender.push(1, body=b"\xc3"))
        assert (await entries_kept(store))[-1] == (0, "conflict")
        *_, waiting = await store.queries.unjudged(10)
        assert waiting.conflict, "its sender is answered"
        assert [code for code, *_ in await store.queries.tasks()] == ["entry_conflict"]

    async def test_same_id_twice_in_one_push_counts_once(self, store: Store) -> None:
        """Nothing of it is in the store yet."""
        await arrive(store, Sender(), 1, 1)
        assert await entries_kept(store) == [(1, None), (0, None), (1, "repeat")]

    async def test_ids_are_remembered_across_lanes_and_restarts(self, place: Place) -> None:
        """They are the sender's, not the channel's."""
        store = place.open()
        await arrive(store, Sender(), 1)
        await store.close()
        store = place.open()
        await arrive(store, Sender(Lane.STATUS), 1)
        assert (await entries_kept(store))[-1] == (1, "repeat")
        await store.close()

    async def test_thousands_of_ids_are_looked_up_at_once(self, store: Store) -> None:
        """In chunks, none forgotten."""
        sender = Sender()
        await arrive(store, sender, *range(1, 400))
        await arrive(store, sender.next_epoch(b"epoch--2"), *range(1, 401))
        repeats = [answer for _, answer in await entries_kept(store) if answer == "repeat"]
        assert len(repeats) == 399


class TestTelling:
    """The state as it is told."""

    async def test_channel_that_never_was_is_told_as_nothing(self, store: Store) -> None:
        """The beginning has no epoch."""
        told, stopped = await store.inbox.told(PEER, REPORTS)
        assert (told.position, told.checkpoint, told.ancestors) == (NOTHING, None, ())
        assert stopped is None

    async def test_told_state_stands_under_the_senders_own_note(self, store: Store) -> None:
        """So that nobody can talk it into another."""
        sender = Sender()
        push = sender.push(1)
        await take(store, push)
        told, _ = await store.inbox.told(PEER, REPORTS)
        assert told.position == Position(sender.epoch, 2, sender.state.root)
        assert told.checkpoint == push.note

    async def test_closed_epochs_are_told_as_ancestors_newest_first(self, store: Store) -> None:
        """By them a restored sender finds one that it remembers."""
        sender = Sender()
        await arrive(store, sender, 1)
        second = sender.next_epoch(b"epoch--2")
        await arrive(store, second, 2)
        third = second.next_epoch(b"epoch--3")
        await arrive(store, third, 3)
        told, _ = await store.inbox.told(PEER, REPORTS)
        assert [one.epoch for one in told.ancestors] == [b"epoch--2", b"epoch--1"]

    async def test_closed_epoch_takes_nothing_more(self, store: Store) -> None:
        """Late pushes from before a crash fork nothing."""
        sender = Sender()
        await arrive(store, sender, 1)
        await arrive(store, sender.next_epoch(b"epoch--2"), 2)
        late = sender.push(3)
        assert await take(store, late) == Refusal(AnswerCode.CLOSED_EPOCH)
        held = await store.inbox.held(PEER, REPORTS, late.checkpoint)
        assert (held.closed_size, held.receipt) == (2, None)

    async def test_epoch_upon_another_state_than_ours_is_refused(self, store: Store) -> None:
        """Compare and swap, over the network."""
        sender = Sender()
        await arrive(store, sender, 1)
        rival = sender.next_epoch(b"epoch--2")
        await arrive(store, sender, 2)
        assert await take(store, rival.push(3)) == Refusal(AnswerCode.OPEN_MISMATCH)

    async def test_own_root_is_that_of_our_own_leaves(self, store: Store) -> None:
        """Every signed size can be compared with it."""
        sender = Sender()
        await arrive(store, sender, 1, 2)
        root = sender.state.root
        await arrive(store, sender, 3)
        assert await store.inbox.own_root(PEER, REPORTS, sender.epoch, 3) == root

    async def test_checkpoints_at_a_size_and_above_are_given_the_largest_first(
        self, store: Store
    ) -> None:
        """Whoever says all of it again is asked first; another epoch says nothing of this one."""
        sender = Sender()
        pushes = [sender.push(number) for number in (1, 2, 3)]
        for push in pushes:
            await take(store, push)
        await arrive(store, sender.next_epoch(b"epoch--2"), 4)
        epoch = pushes[0].checkpoint.origin.epoch
        found = await store.inbox.signed_from(PEER, REPORTS, epoch, pushes[1].checkpoint.size)
        assert found == [pushes[2].note, pushes[1].note]

    async def test_stopped_channel_is_told_as_stopped_and_stands_before_a_person(
        self, store: Store
    ) -> None:
        """Until somebody has looked."""
        await arrive(store, Sender(), 1)
        await store.inbox.stop(PEER, REPORTS, "fork_suspected", NOW_MS)
        assert (await store.inbox.told(PEER, REPORTS))[1] == "fork_suspected"
        assert [code for code, *_ in await store.queries.tasks()] == ["channel_in_fork_suspected"]

    async def test_receipt_of_another_text_of_that_size_is_not_given(self, store: Store) -> None:
        """The identity of a push is its checkpoint's text."""
        await arrive(store, Sender(), 1)
        other = Sender().push(9)
        assert (await store.inbox.held(PEER, REPORTS, other.checkpoint)).receipt is None


class TestUnknownForms:
    """§7.3: what a program cannot read is kept, and judged when it has learnt to."""

    async def _kept(self, store: Store) -> None:
        await arrive(store, Sender(), 1, 2)

        def decide(book: Casebook) -> list[Answer]:
            book.tasks.append(("entry_unknown_kind", PEER))
            return [Answer(one, Judged.DONE, Disposition.UNKNOWN_KIND) for one in waiting]

        waiting = await store.queries.unjudged(9)
        await store.cases.judge(Needs(), NOW_MS, decide)

    async def test_7_3_what_was_learnt_waits_to_be_judged(self, store: Store) -> None:
        """And its task is closed."""
        await self._kept(store)
        assert (await store.queries.figures())["entries_unknown"] == 2
        assert await store.cases.relearn(lambda _: True, "1/1", NOW_MS) == 2
        assert len(await store.queries.unjudged(9)) == 2
        assert await store.queries.tasks() == []

    async def test_7_3_what_is_still_unknown_stays(self, store: Store) -> None:
        """As it is, before a person."""
        await self._kept(store)
        assert await store.cases.relearn(lambda _: False, "1/1", NOW_MS) == 0
        assert await store.queries.unjudged(9) == []
        assert [code for code, _, _ in await store.queries.tasks()] == ["entry_unknown_kind"]

    async def test_g11_what_is_still_unknown_is_looked_through_once_for_each_program(
        self, store: Store
    ) -> None:
        """A member may say very much that nobody reads; a start must not wait for it."""
        await self._kept(store)
        looked: list[bytes] = []

        def is_known(raw: bytes) -> bool:
            looked.append(raw)
            return False

        for forms in ("1/1", "1/1", "1/1 1/2"):
            await store.cases.relearn(is_known, forms, NOW_MS)
        assert len(looked) == 2 * 2

    async def test_7_3_what_made_the_program_fail_is_judged_by_the_next(self, store: Store) -> None:
        """It may be another one; a failure comes before a person again."""
        await arrive(store, Sender(), 1, 2)
        waiting = await store.queries.unjudged(9)
        for one in waiting:
            await store.cases.judge(Needs(), NOW_MS, partial(set_aside, one))
        assert await store.queries.unjudged(9) == []
        assert await store.cases.relearn(lambda _: False, "1/1", NOW_MS) == 2
        assert [one.entry for one in await store.queries.unjudged(9)] == [w.entry for w in waiting]
        assert await store.queries.tasks() == []

    async def test_11_3_what_waits_for_its_sender_to_come_back_is_not_judged_at_a_start(
        self, store: Store
    ) -> None:
        """It is suspended: that it is quarantined is no failure."""
        await arrive(store, Sender(), 1)
        (one,) = await store.queries.unjudged(9)
        kept = Answer(one, Judged.QUARANTINED, Disposition.QUARANTINED)
        await store.cases.judge(Needs(), NOW_MS, lambda _: [kept])
        assert await store.cases.relearn(lambda _: True, "1/1", NOW_MS) == 0

    async def test_8_15_what_its_sender_disavows_is_not_judged_at_a_start(
        self, store: Store
    ) -> None:
        """Whoever said it: not the sender."""
        await arrive(store, Sender(), 1, 2)
        first, second = await store.queries.unjudged(9)
        held = [Answer(one, Judged.QUARANTINED) for one in (first, second)]
        await store.cases.judge(Needs(), NOW_MS, lambda _: held)
        row = (1, PEER, str(first.lane), first.epoch, first.index, first.index + 1)
        sql = "INSERT INTO disavowed_in VALUES (?, ?, ?, ?, ?, ?)"
        await store.writer.run(lambda connection: connection.execute(sql, row).rowcount)
        assert await store.cases.relearn(lambda _: True, "1/1", NOW_MS) == 1
        assert [one.entry for one in await store.queries.unjudged(9)] == [second.entry]
