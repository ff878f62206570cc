"""A hostile member against a real listener, inbox and encrypted store (G11): refused with its code.

What it signs is signed well; what it says is wrong, too much, or said again. Honest members, and
its own channels where nothing is proved, go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keys.sealing import SealingKey
from node.peer.channels.inbox import Inbox
from node.peer.http.allowances import DiskFloor
from node.peer.http.listener import listen
from node.peer.http.quotas import Quota
from node.peer.http.server import make_peer_app
from node.peer.http.signatures import HttpRequest
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol import answers
from protocol.answers import AnswerCode
from protocol.vocabulary import Lane
from tests.builders.cases import FINGERPRINTS
from tests.builders.empty import empty_store
from tests.node.peer.attacker import Attacker, entry, opening
from tests.node.peer.kit import ECO, EOKM, IWF, Calls, Clock, Network, request, verified

KEY = bytes(range(32))
ONE, TWO, THREE = b"epoch--1", b"epoch--2", b"epoch--3"
HOUR_MS = 3_600_000
RECEIPTED = "receipt"


@dataclass
class Node:
    """A listener of `nl-eokm` over its real inbox and store."""

    network: Network
    clock: Clock
    store: Store
    free_bytes: list[int] = field(default_factory=lambda: [1 << 40])
    opened: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    calls: Calls = field(default_factory=lambda: Calls(0))

    def sealing_key(self, key_id: str) -> SealingKey | None:
        """Give the sealing key, and note that a body is about to be opened."""
        self.opened.append(key_id)
        key = self.network.keys[EOKM].sealing[0]
        return key if key.public.key_id == key_id else None

    async def told(self, made_body: tuple[HttpRequest, bytes]) -> str:
        """Send a push; the code that it was answered by, or that it was receipted."""
        made, body = made_body
        arrived = verified(self.network, made, await self.calls.send(made, body))
        if arrived.status == 200:
            return RECEIPTED
        if arrived.headers["Content-Type"] == "application/hx1-refusal":
            return arrived.body.decode()
        return str(answers.from_bytes(arrived.body).code)

    async def tasks(self) -> list[str]:
        """Give the codes of what stands before people."""
        return [code for code, _, _ in await self.store.queries.tasks()]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """Give a running listener."""
    empty_store(tmp_path / "node.db", KEY)
    store = Store.inline(tmp_path / "node.db", KEY, EOKM, FINGERPRINTS)
    network, clock = Network(), Clock()
    made = Node(network, clock, store)
    keys = network.keys[EOKM]
    inbox = Inbox(
        us=EOKM,
        store=store.inbox,
        registry=network,
        receipt_key=keys.receipt,
        sealing_key=made.sealing_key,
        clock=clock,
        on_taken=lambda: None,
    )
    app = make_peer_app(
        us=EOKM,
        inbox=inbox,
        registry=network,
        transport_key=keys.transport,
        clock=clock,
        on_contact=made.contacts.append,
        quota=Quota(fruitless_burst=8, fruitless_per_s=0.001, hold_s=0.001),
        floor=DiskFloor(1 << 20, lambda: made.free_bytes[-1]),
    )
    runner = await listen(app, "127.0.0.1", 0, keys.tls)
    made.calls.port = runner.addresses[0][1]
    network.move(EOKM, made.calls.port)
    yield made
    await runner.cleanup()
    await store.close()


@pytest.fixture
def attacker(node: Node) -> Attacker:
    """Give `gb-iwf`, gone bad."""
    return Attacker(node.network)


def limited_to_what_it_has(connection: Connection) -> None:
    """Let a database not grow any more."""
    used = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {used}").fetchall()


async def goes_on(node: Node) -> bool:
    """Whether an honest member is served as if nothing had been."""
    honest = Attacker(node.network, ECO)
    return await node.told(honest.open(b"honest-1", entry(7))) == RECEIPTED


class TestReplay:
    """What was said once costs nothing the second time, and proves nothing new."""

    async def test_g11_replayed_checkpoint_with_a_garbage_body_costs_no_opening(
        self, node: Node, attacker: Attacker
    ) -> None:
        """It gets its stored receipt from the head alone; the garbage is not even read."""
        said = [opening(ONE), entry(1)]
        assert await node.told(attacker.push(attacker.note(ONE, said), 0, said)) == RECEIPTED
        opened = len(node.opened)
        garbage = attacker.push(attacker.note(ONE, said), 0, sealed=b"\x5a" * 300_000)
        assert await node.told(garbage) == RECEIPTED
        assert len(node.opened) == opened
        assert await node.tasks() == []

    async def test_g11_garbage_under_a_new_checkpoint_does_not_stop_the_channel(
        self, node: Node, attacker: Attacker
    ) -> None:
        """Whoever caught a checkpoint on the way can't spoil the push that it belongs to."""
        said = [opening(ONE), entry(1)]
        garbage = attacker.push(attacker.note(ONE, said), 0, sealed=b"\x5a" * 5000)
        assert await node.told(garbage) == "unsealable"
        assert await node.told(attacker.push(attacker.note(ONE, said), 0, said)) == RECEIPTED

    async def test_g11_wasted_work_is_bounded(self, node: Node, attacker: Attacker) -> None:
        """After its share of pushes that led nowhere a member waits; another one does not."""
        node.network.policy(peer_wasted_per_hour=2)
        said = [opening(ONE), entry(1)]
        garbage = [
            attacker.push(attacker.note(ONE, said), 0, sealed=b"\x5a" * 5000) for _ in range(3)
        ]
        assert [await node.told(one) for one in garbage] == ["unsealable", "unsealable", "busy"]
        assert await goes_on(node)

    async def test_g11_heads_that_make_us_hash_an_epoch_are_counted(
        self, node: Node, attacker: Attacker
    ) -> None:
        """A checkpoint of a size that was never receipted costs as much as all before it."""
        node.network.policy(peer_wasted_per_hour=2)
        said = [opening(ONE), *(entry(number) for number in range(1, 5))]
        assert await node.told(attacker.push(attacker.note(ONE, said), 0, said)) == RECEIPTED
        within = [
            attacker.push(attacker.note(ONE, said[:size]), 0, said[:size]) for size in (2, 3, 4)
        ]
        assert [await node.told(one) for one in within] == ["wrong_start", "wrong_start", "busy"]
        assert await goes_on(node)

    async def test_g11_who_waited_is_served_again(self, node: Node, attacker: Attacker) -> None:
        """`busy` is for a while: nothing of an honest push is lost by it."""
        node.network.policy(peer_wasted_per_hour=1)
        said = [opening(ONE), entry(1)]
        await node.told(attacker.push(attacker.note(ONE, said), 0, sealed=b"\x5a" * 5000))
        assert await node.told(attacker.push(attacker.note(ONE, said), 0, said)) == "busy"
        node.clock.now += HOUR_MS
        later = attacker.push(attacker.note(ONE, said), 0, said, created_ms=node.clock.now)
        assert await node.told(later) == RECEIPTED

    async def test_g11_asking_for_nothing_is_bounded(self, node: Node, attacker: Attacker) -> None:
        """Repeats and questions bring nothing; what is over the share is no contact either."""
        assert await node.told(attacker.open(ONE, entry(1))) == RECEIPTED
        said = [opening(ONE), entry(1)]
        again = [attacker.push(attacker.note(ONE, said), 0, said) for _ in range(10)]
        assert [await node.told(one) for one in again] == [RECEIPTED] * 8 + ["busy"] * 2
        assert len(node.contacts) == 9
        assert await goes_on(node)


class TestLies:
    """A lie about a log stops that log, and nothing else."""

    async def test_g5_forked_channel_is_stopped_before_a_person(
        self, node: Node, attacker: Attacker
    ) -> None:
        """Two roots of one size."""
        assert await node.told(attacker.open(ONE, entry(1))) == RECEIPTED
        forked = [opening(ONE), entry(2)]
        assert await node.told(attacker.push(attacker.note(ONE, forked), 0, forked)) == (
            "fork_suspected"
        )
        more = [opening(ONE), entry(1), entry(3)]
        assert await node.told(attacker.push(attacker.note(ONE, more), 2, more[2:])) == "stopped"
        assert await node.tasks() == ["channel_in_fork_suspected"]
        assert await goes_on(node)

    async def test_g5_entries_that_do_not_make_the_root_are_refused(
        self, node: Node, attacker: Attacker
    ) -> None:
        """A checkpoint over other entries than those that came."""
        said = [opening(ONE), entry(1)]
        lie = attacker.note(ONE, [opening(ONE), entry(2)])
        assert await node.told(attacker.push(lie, 0, said)) == "root_mismatch"
        assert await goes_on(node)

    async def test_g6_checkpoint_of_another_lane_is_refused(
        self, node: Node, attacker: Attacker
    ) -> None:
        """What was signed for one lane means nothing on another."""
        said = [opening(ONE), entry(1)]
        moved = attacker.push(attacker.note(ONE, said), 0, said, lane=Lane.STATUS)
        assert await node.told(moved) == "malformed"
        assert await node.told(attacker.push(attacker.note(ONE, said), 0, said)) == RECEIPTED

    async def test_g6_checkpoint_of_another_member_is_refused(
        self, node: Node, attacker: Attacker
    ) -> None:
        """A note that was caught elsewhere can't be played in one's own channel."""
        other = Attacker(node.network, ECO)
        said = [opening(ONE), entry(1)]
        stolen = other.note(ONE, said)
        assert await node.told(attacker.push(stolen, 0, said)) == "malformed"

    async def test_g6_role_without_the_lane_is_refused_unread(self, node: Node) -> None:
        """An aggregator has nothing to report."""
        node.network.role(ECO, "aggregator")
        attacker = Attacker(node.network, ECO)
        assert await node.told(attacker.open(ONE, entry(1))) == "not_permitted"
        assert node.opened == []

    async def test_g11_deep_nesting_is_kept_opaque_and_harms_nobody(
        self, node: Node, attacker: Attacker
    ) -> None:
        """Custody first: the entry is receipted as bytes; reading it later ends at depth 16."""
        deep = b"\x91" * 60_000
        assert await node.told(attacker.open(ONE, deep)) == RECEIPTED
        assert await goes_on(node)


class TestTooMuch:
    """Every amount has a bound, told before the work."""

    async def test_g11_more_entries_than_a_push_may_have_are_refused_unread(
        self, node: Node, attacker: Attacker
    ) -> None:
        """The range in the head says it."""
        claim = attacker.note(ONE, [opening(ONE)], size=1001)
        assert await node.told(attacker.push(claim, 0, sealed=b"\x5a" * 5000)) == "too_large"
        assert node.opened == []

    async def test_g11_entry_over_the_limit_is_refused(
        self, node: Node, attacker: Attacker
    ) -> None:
        """Seen when the frame is taken apart; nothing is kept."""
        assert await node.told(attacker.open(ONE, bytes(70_000))) == "too_large"
        assert await node.told(attacker.open(TWO, entry(1))) == RECEIPTED

    async def test_g11_epoch_flooding_is_put_off(self, node: Node, attacker: Attacker) -> None:
        """Every opening costs a row for ever, so an hour has only so many."""
        node.network.policy(peer_epochs_per_hour=2)
        codes = [await node.told(attacker.open(one, entry(1))) for one in (ONE, TWO, THREE)]
        assert codes == [RECEIPTED, "open_mismatch", "busy"]
        assert await goes_on(node)

    async def test_g11_entries_of_a_day_are_bounded(self, node: Node, attacker: Attacker) -> None:
        """The third entry has to wait; half a day later it is taken."""
        node.network.policy(peer_entries_per_day=2)
        said = [opening(ONE), entry(1), entry(2)]
        assert await node.told(attacker.push(attacker.note(ONE, said[:2]), 0, said[:2])) == (
            RECEIPTED
        )
        rest = attacker.note(ONE, said)
        assert await node.told(attacker.push(rest, 2, said[2:])) == "busy"
        node.clock.now += 12 * HOUR_MS
        later = attacker.push(rest, 2, said[2:], created_ms=node.clock.now)
        assert await node.told(later) == RECEIPTED

    async def test_g11_bytes_of_a_day_are_bounded(self, node: Node, attacker: Attacker) -> None:
        """What would be more is not read."""
        node.network.policy(peer_bytes_per_day=7000)
        assert await node.told(attacker.open(ONE, entry(1))) == RECEIPTED
        said = [opening(ONE), entry(1), entry(2)]
        assert await node.told(attacker.push(attacker.note(ONE, said), 2, said[2:])) == "busy"

    async def test_g11_full_disk_keeps_its_rest_for_our_own_intake(
        self, node: Node, attacker: Attacker
    ) -> None:
        """Peers wait, nothing of theirs is lost, and they are served when there is room."""
        node.free_bytes.append(1000)
        assert await node.told(attacker.open(ONE, entry(1))) == "busy"
        assert node.opened == []
        node.free_bytes.append(1 << 30)
        node.clock.now += 1000
        assert await node.told(attacker.open(ONE, entry(1))) == RECEIPTED

    async def test_g1_what_the_store_has_no_room_for_is_put_off_until_it_has(
        self, node: Node, attacker: Attacker
    ) -> None:
        """A store that refuses by itself, as a server's: no receipt, no fault, nothing lost."""
        large = entry(1, b"\xc5\xea\x60" + b"\x5a" * 60_000)
        await node.store.writer.run(limited_to_what_it_has)
        assert await node.told(attacker.open(ONE, large)) == "busy"
        opened = len(node.opened)
        assert await node.told(attacker.open(ONE, large)) == "busy"
        assert len(node.opened) == opened
        await node.store.writer.run(
            lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchall()
        )
        node.clock.now += 1000
        assert await node.told(attacker.open(ONE, large)) == RECEIPTED

    async def test_a_question_is_answered_though_the_disk_is_full(self, node: Node) -> None:
        """Telling a state needs no room."""
        node.free_bytes.append(0)
        path = f"/hx1/channels/{IWF}/reports?nonce={'00' * 16}"
        made = request(node.network, path, method="GET", nonce=b"\xff" * 16)
        arrived = verified(node.network, made, await node.calls.send(made))
        assert answers.from_bytes(arrived.body).code is AnswerCode.STATE
