"""Lanes and urgency: nothing urgent waits behind anything else; a backlog goes without pauses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from node.peer.channels.delivery import URGENT_MS
from node.peer.transport import Reply
from node.store.channels.waking import ROWS, wake_items
from node.store.seam import Connection
from protocol import entry as entries
from protocol.answers import ANSWERS, Answer, AnswerCode, to_bytes
from protocol.vocabulary import Kind, Lane
from tests.simulation.world import Wire, World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"
FULL = 4


@dataclass
class Watched(Wire):
    """The wire of `gb-iwf`: remembers what was pushed, and holds back the pushes of one lane."""

    holds: Lane | None = None
    pushed: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """See `Wire.push`."""
        self.pushed.append(path)
        if self.holds is not None and f"/{self.holds}/" in path:
            self.begun.set()
            await self.go_on.wait()
        return await super().push(peer, path, head, sealed)

    def starts(self) -> list[int]:
        """Where each push of the reports lane began."""
        return [int(p.rsplit("/", 1)[1]) for p in self.pushed if "/reports/" in p]


@dataclass
class Refused(Wire):
    """The wire of `gb-iwf` to a member whose registry does not permit what ours does."""

    asked: int = 0

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """See `Wire.ask`."""
        del peer, lane
        self.asked += 1
        answer = Answer(1, AnswerCode.NOT_PERMITTED, None, nonce)
        return Reply(ANSWERS[answer.code].status, to_bytes(answer))


def watch(world: World, holds: Lane | None = None) -> Watched:
    """Look at what `gb-iwf` pushes."""
    wire = Watched(world, IWF, holds)
    world[IWF].delivery.transport = wire
    world[IWF].delivery.max_entries = FULL
    return wire


async def hand_in(
    world: World, first: int, count: int, *, child_at_risk: bool = False
) -> list[str]:
    """Hand in items that are hosted in the Netherlands; nothing is sent yet."""
    found = []
    for number in range(first, first + count):
        url = PLACE.format(number)
        result = await world[IWF].submit(url, child_at_risk=child_at_risk)
        found.append(result.items[0].item_id)
    await world[IWF].desk.locate_due()
    return found


async def fill_bulk(world: World) -> None:
    """Let something wait on the bulk lane; what it says does not matter here."""
    secret = world[IWF].keys.node_secret
    said = entries.compose(secret, Kind.CONTENTS, "gb-iwf.list", 0, EOKM, b"\x90")
    raw = entries.encode(said)

    def keep(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO messages_out (peer, lane, urgency, entry_id, kind, entry, created_ms)"
            " VALUES (?, 'bulk', 2, ?, 48, ?, ?)",
            (EOKM, said.id, raw, world.now),
        )
        connection.execute(
            "INSERT INTO waiting_out SELECT peer, lane, urgency, seq FROM messages_out"
            " WHERE lane = 'bulk'"
        )

    await world[IWF].store.writer.run(keep)


async def is_there(world: World, item: str) -> bool:
    """Whether an item has reached `nl-eokm` and was judged there."""
    await world[EOKM].desk.judge_due()
    return (await world[EOKM].state(item)).responsible == EOKM


async def test_g2_nothing_is_judged_before_all_that_came_earlier_is_awake(world: World) -> None:
    """What waited for an item is judged in the order it came, however many steps waking takes."""
    store = world[EOKM].store

    def crowd(connection: Connection) -> None:
        connection.executemany(
            "INSERT INTO entries_in (peer, lane, epoch, idx, leaf, judged, waits_for, taken_ms)"
            " VALUES ('fr-pdc', 'status', ?, ?, ?, 2, 'here', 0)",
            [(bytes(8), n, n.to_bytes(32, "big")) for n in range(ROWS + 1)],
        )
        wake_items(connection, ["here"])
        connection.execute("UPDATE entries_in SET judged = 1 WHERE judged = 0 AND peer = 'fr-pdc'")

    await store.writer.run(crowd)
    await hand_in(world, 0, 1)
    await world[IWF].delivery.deliver(EOKM, Lane.REPORTS, world.now)
    waiting = await store.queries.unjudged(9)
    assert await world[EOKM].desk.judge_due() == 1
    assert len(await store.queries.unjudged(9)) == len(waiting) + 1
    await store.writer.run(
        lambda c: c.execute("UPDATE entries_in SET judged = 1 WHERE peer = 'fr-pdc'").rowcount
    )
    assert await world[EOKM].desk.judge_due() == len(waiting)


async def test_g2_what_a_last_whole_share_woke_is_judged_at_once(world: World) -> None:
    """Then nothing is left to wake, which is not that nothing is left to do."""
    store = world[EOKM].store

    def crowd(connection: Connection) -> None:
        connection.executemany(
            "INSERT INTO entries_in (peer, lane, epoch, idx, leaf, judged, waits_for, taken_ms)"
            " VALUES ('fr-pdc', 'status', ?, ?, ?, 2, 'here', 0)",
            [(bytes(8), n, n.to_bytes(32, "big")) for n in range(ROWS)],
        )
        wake_items(connection, ["here"])
        connection.execute("UPDATE entries_in SET judged = 1 WHERE peer = 'fr-pdc'")

    await store.writer.run(crowd)
    await hand_in(world, 0, 1)
    await world[IWF].delivery.deliver(EOKM, Lane.REPORTS, world.now)
    waiting = len(await store.queries.unjudged(9))
    assert store.queries.is_waking()
    assert await world[EOKM].desk.judge_due() == waiting


class TestUrgency:
    """A child at risk is at most one bounded push away."""

    async def test_a_child_at_risk_waits_for_the_push_under_way_and_no_other(
        self, world: World
    ) -> None:
        """It came while the first of many was on the wire: it is in the second."""
        wire = watch(world, Lane.REPORTS)
        await hand_in(world, 0, 20)
        working = asyncio.create_task(world[IWF].delivery.deliver(EOKM, Lane.REPORTS, world.now))
        await wire.begun.wait()
        (urgent,) = await hand_in(world, 100, 1, child_at_risk=True)
        wire.holds = None
        wire.go_on.set()
        await working
        place = await world[IWF].store.writer.run(lambda c: place_of(c, urgent))
        assert FULL <= place < 2 * FULL
        assert await is_there(world, urgent)

    async def test_an_item_that_waits_goes_with_the_word_that_a_child_is_at_risk(
        self, world: World
    ) -> None:
        """It was handed on before anybody said so; the word alone means nothing over there."""
        watch(world)
        await hand_in(world, 0, 2 * FULL)
        (item,) = await hand_in(world, 100, 1)
        await world[IWF].submit(PLACE.format(100), child_at_risk=True)
        await world[IWF].delivery.deliver_due(world.now)
        assert await world[IWF].store.writer.run(lambda c: place_of(c, item)) < FULL
        assert await is_there(world, item)
        assert (await world[EOKM].state(item)).child_at_risk
        assert world[IWF].verify().found == []

    async def test_a_child_at_risk_does_not_wait_for_a_pause(self, world: World) -> None:
        """The peer was away and the sender backs off, up to a quarter of an hour."""
        await world[EOKM].crash()
        await hand_in(world, 0, 1)
        for _ in range(12):
            await world[IWF].delivery.deliver(EOKM, Lane.REPORTS, world.now)
        await world[EOKM].restart()
        world[IWF].delivery.tenure(EOKM, Lane.REPORTS).next_attempt_ms = world.now + 900_000
        assert await world[IWF].delivery.deliver_due(world.now) == 0
        (urgent,) = await hand_in(world, 100, 1, child_at_risk=True)
        await world[IWF].delivery.deliver_due(world.now)
        assert await is_there(world, urgent)

    async def test_after_a_receiver_lost_its_disk_a_child_at_risk_comes_first(
        self, world: World
    ) -> None:
        """All that it lost waits again, in order of urgency."""
        node, wire = world[EOKM], watch(world)
        await hand_in(world, 0, 1)
        await world.settle()
        await node.crash()
        old = node.path.read_bytes()
        await node.restart()
        await hand_in(world, 10, 20)
        await world.settle()
        await node.crash()
        node.path.write_bytes(old)
        await node.restart(restored=True)
        (urgent,) = await hand_in(world, 100, 1, child_at_risk=True)
        await world.settle()
        place = await world[IWF].store.writer.run(lambda c: place_of(c, urgent))
        assert place < FULL
        assert wire.starts()[-1] > FULL


class TestLanes:
    """Each lane is a channel of its own."""

    async def test_reports_do_not_wait_behind_bulk(self, world: World) -> None:
        """A push of bulk that does not come to an end holds up nothing."""
        wire = watch(world, Lane.BULK)
        await fill_bulk(world)
        bulk = asyncio.create_task(world[IWF].delivery.deliver(EOKM, Lane.BULK, world.now))
        await wire.begun.wait()
        (item,) = await hand_in(world, 0, 1)
        await world[IWF].delivery.deliver_due(world.now)
        assert await is_there(world, item)
        assert not bulk.done()
        wire.go_on.set()
        await bulk

    async def test_g11_attack_who_always_answers_the_same_is_not_asked_without_a_pause(
        self, world: World
    ) -> None:
        """Nor is the registry, which each such answer has us look at."""
        delivery = world[IWF].delivery
        delivery.transport = wire = Refused(world, IWF)
        await hand_in(world, 0, 1, child_at_risk=True)
        delivery.jitter = lambda below: below - 1
        for _ in range(20):
            await delivery.deliver_due(world.now)
        assert wire.asked == 1
        for _ in range(20):
            world.now += URGENT_MS
            await delivery.deliver_due(world.now)
        assert wire.asked == 21

    async def test_what_is_urgent_waits_for_no_pause_of_what_was_not(self, world: World) -> None:
        """Whatever failed before, it is tried."""
        delivery = world[IWF].delivery
        delivery.transport = wire = Refused(world, IWF)
        await hand_in(world, 0, 1)
        await delivery.deliver_due(world.now)
        await hand_in(world, 1, 1, child_at_risk=True)
        await delivery.deliver_due(world.now)
        assert wire.asked == 2

    async def test_the_urgent_lane_is_worked_on_first(self, world: World) -> None:
        """Where several channels are due, the one with the most urgent entry leads."""
        await fill_bulk(world)
        await hand_in(world, 0, 1, child_at_risk=True)
        due = await world[IWF].delivery.due(world.now)
        assert due == [(EOKM, Lane.REPORTS), (EOKM, Lane.BULK)]


class TestBacklog:
    """After a long absence everything goes at once, in pushes that are bounded."""

    async def test_a_backlog_is_cut_by_intermediate_checkpoints(self, world: World) -> None:
        """One call sends it all: no pause between, each push as full as it may be."""
        wire = watch(world)
        await hand_in(world, 0, 20)
        await world[IWF].delivery.deliver_due(world.now)
        assert wire.starts() == [0, 4, 8, 12, 16, 20]

    async def test_a_peer_that_comes_back_ends_the_pause(self, world: World) -> None:
        """Its first call is enough; nothing has to wait for the quarter of an hour."""
        await world[EOKM].crash()
        (item,) = await hand_in(world, 0, 1)
        await world[IWF].delivery.deliver_due(world.now)
        world[IWF].delivery.tenure(EOKM, Lane.REPORTS).next_attempt_ms = world.now + 900_000
        await world[EOKM].restart()
        assert world[IWF].delivery.contact(EOKM)
        await world[IWF].delivery.deliver_due(world.now)
        assert await is_there(world, item)

    async def test_a_call_of_a_peer_that_was_never_away_wakes_nobody(self, world: World) -> None:
        """No channel paused, so none is looked at."""
        await hand_in(world, 0, 1)
        await world[IWF].delivery.deliver_due(world.now)
        assert not world[IWF].delivery.contact(EOKM)
        assert not world[IWF].delivery.contact("fr-pdc")


def place_of(connection: Connection, item: str) -> int:
    """Where an item that was handed on stands in the newest epoch's log."""
    row = connection.execute(
        "SELECT l.idx FROM log_out l JOIN messages_out m ON m.seq = l.message"
        " JOIN channels_out c ON c.peer = l.peer AND c.lane = l.lane AND c.epoch = l.epoch"
        " WHERE m.item = ? AND m.lane = 'reports' AND m.kind = 16",
        (item,),
    ).fetchone()
    assert row is not None
    return int(row[0])
