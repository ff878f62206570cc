"""What a node leaves out about channels that have nothing to say, and what it never leaves out.

A channel that was never used is not looked at; a receiver that tells just what was signed last is
believed without a signature check or a commit; who calls is looked up by its lanes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import pytest

from node.peer.channels.delivery import URGENT_MS
from node.peer.channels.inbox import Admitted
from node.peer.channels.tenure import ASK_AGAIN_MS, Retry, Stopped
from node.peer.errors import PeerUnreachableError
from node.peer.transport import Reply
from node.store import backup as backups
from protocol.answers import NOTHING, AnswerCode, Position, Told, to_bytes
from protocol.push import read_head
from protocol.vocabulary import Lane
from tests.simulation.test_settings import submitted
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
REPORTS = (EOKM, Lane.REPORTS)


async def delivered(world: World) -> None:
    """One report was told, and all that followed from it."""
    await submitted(world, 1)
    await world.settle()


def last_signed(world: World) -> Position:
    """What the sender signed last on its channel of reports."""
    state = world[IWF].delivery.tenure(*REPORTS).state
    assert state is not None
    return Position(state.epoch, state.size, state.root)


async def concluded(world: World, told: Told) -> None:
    """The sender hears this answer to its question for the channel's state."""
    delivery = world[IWF].delivery
    await delivery.conclude(*REPORTS, delivery.tenure(*REPORTS), world.registry, told, world.now)


class TestDue:
    """Which channels there is something to do about."""

    async def test_a_channel_that_was_never_used_is_not_asked_about(self, world: World) -> None:
        """Also not once a day: of three hundred channels of a node most are never used."""
        await delivered(world)
        world.now += ASK_AGAIN_MS + 1
        delivery = world[IWF].delivery
        assert REPORTS in await delivery.due(world.now)
        assert PDC not in {peer for peer, _ in delivery._tenures}

    async def test_a_channel_that_was_looked_up_and_never_used_is_not_due(
        self, world: World
    ) -> None:
        """A question by a person, or a call, makes no channel of it."""
        world[IWF].delivery.tenure(PDC, Lane.REPORTS)
        assert await world[IWF].delivery.due(world.now) == []

    async def test_the_first_message_of_a_channel_makes_it_due(self, world: World) -> None:
        """Nothing was known of it before."""
        assert await world[IWF].delivery.due(world.now) == []
        await submitted(world, 1)
        assert await world[IWF].delivery.due(world.now) == [REPORTS]

    async def test_a_used_channel_is_asked_about_once_a_day(self, world: World) -> None:
        """A receiver that lost its disk is found out, though nobody has anything to say."""
        await delivered(world)
        again_ms = world[IWF].delivery.tenure(*REPORTS).asked_ms + ASK_AGAIN_MS
        assert REPORTS not in await world[IWF].delivery.due(again_ms - 1)
        assert REPORTS in await world[IWF].delivery.due(again_ms)

    async def test_a_used_channel_is_asked_about_after_a_start(self, world: World) -> None:
        """Its row in the database says that it was used."""
        await delivered(world)
        await world[IWF].crash()
        await world[IWF].restart()
        assert REPORTS in await world[IWF].delivery.due(world.now)

    async def test_a_member_that_cannot_be_called_any_more_is_not_due(self, world: World) -> None:
        """What waits for it waits for its pull."""
        await delivered(world)
        await submitted(world, 1)
        documents = dict(world.registry.members)
        documents[EOKM] = replace(documents[EOKM], reachable=False, endpoint=None)
        world.registry = replace(world.registry, members=documents)
        world.now += ASK_AGAIN_MS + 1
        assert EOKM not in {peer for peer, _ in await world[IWF].delivery.due(world.now)}


class Refusing:
    """The way to a member that hangs up on whatever it is asked or sent."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, *_: object) -> Reply:
        """Hang up."""
        self.asked += 1
        raise PeerUnreachableError

    push = ask


@dataclass
class Denying:
    """The way to a member that takes each push, and tells that it holds it instead of a receipt."""

    world: World

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Tell the state, as it is."""
        answer = await self.world[peer].inbox.question(IWF, lane, nonce)
        return Reply(200, to_bytes(answer))

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Take it, and give no receipt."""
        *_, lane, epoch, start = path.split("/")
        inbox, read = self.world[peer].inbox, read_head(head)
        found = await inbox.precheck(IWF, Lane(lane), bytes.fromhex(epoch), int(start), read)
        if isinstance(found, Admitted):
            await inbox.take(found, sealed)
        answer = await inbox.question(IWF, Lane(lane), None)
        told = msgspec.structs.replace(answer, code=AnswerCode.WRONG_START)
        return Reply(409, to_bytes(told))


class TestContact:
    """A call by a peer ends what was put off because it was away."""

    async def test_it_ends_the_pause_of_every_lane_of_the_caller_alone(self, world: World) -> None:
        """Who did not call may be away still."""
        delivery = world[IWF].delivery
        for peer in (EOKM, PDC):
            for lane in (Lane.REPORTS, Lane.BULK):
                delivery.tenure(peer, lane).next_attempt_ms = world.now + 900_000
        assert delivery.contact(EOKM)
        paused = {pair for pair, one in delivery._tenures.items() if one.next_attempt_ms}
        assert paused == {(PDC, Lane.REPORTS), (PDC, Lane.BULK)}

    async def test_g11_who_calls_and_takes_nothing_is_tried_now_and_then(
        self, world: World
    ) -> None:
        """At once when it calls first, and then not as often as it calls."""
        await submitted(world, 1)
        delivery = world[IWF].delivery
        delivery.transport = refusing = Refusing()
        await delivery.deliver_due(world.now)
        delivery.tenure(*REPORTS).attempts = 20  # so that it is tried again in minutes
        assert delivery.contact(EOKM)
        await delivery.deliver_due(world.now)
        assert refusing.asked == 2
        for _ in range(600):
            world.now += 100
            delivery.contact(EOKM)
            await delivery.deliver_due(world.now)
        assert 2 < refusing.asked <= 2 + 60_000 // URGENT_MS

    async def test_it_makes_nothing_known_of_channels_that_were_never_used(
        self, world: World
    ) -> None:
        """Else every caller would have all of its lanes looked at from then on."""
        assert not world[IWF].delivery.contact(EOKM)
        assert world[IWF].delivery._tenures == {}


class TestTold:
    """What a receiver tells of a channel."""

    async def test_just_what_was_signed_last_costs_no_commit_and_no_epoch(
        self, world: World
    ) -> None:
        """So a quiet channel costs a question a day and nothing else."""
        await delivered(world)
        before, commits = last_signed(world), world.commits
        world.now += ASK_AGAIN_MS + 1
        await world[IWF].delivery.deliver(*REPORTS, world.now)
        assert last_signed(world) == before
        assert world.commits == commits
        assert world[IWF].delivery.tenure(*REPORTS).asked_ms == world.now

    @pytest.mark.parametrize(
        "wrong",
        [{"root": bytes(32)}, {"size": 1}, {"epoch": bytes(8)}],
        ids=lambda wrong: next(iter(wrong)),
    )
    async def test_8_5_anything_else_must_stand_under_our_own_key(
        self, world: World, wrong: dict[str, bytes | int]
    ) -> None:
        """One thing that differs, and the signed note beside it is looked at."""
        await delivered(world)
        told = await world[EOKM].inbox.question(IWF, Lane.REPORTS, bytes(16))
        assert told.told is not None
        position = replace_in(told.told.position, wrong)
        with pytest.raises(Retry, match="told_state_not_ours"):
            await concluded(world, Told(position, told.told.checkpoint, told.told.ancestors))

    async def test_8_5_a_receiver_that_lost_all_is_told_again(self, world: World) -> None:
        """That it holds nothing is not what was signed last: a new epoch begins."""
        await delivered(world)
        before = last_signed(world)
        await concluded(world, Told(NOTHING, None, ()))
        state = world[IWF].delivery.tenure(*REPORTS).state
        assert state is not None
        assert state.epoch != before.epoch

    async def test_8_5_a_state_beyond_what_was_signed_stops_the_channel(self, world: World) -> None:
        """After a restore that nobody spoke of; that it stands under our own key is the alarm."""
        path = world[IWF].path
        await delivered(world)
        await world[IWF].crash()
        old = path.read_bytes()
        await world[IWF].restart()
        await delivered(world)
        told = (await world[EOKM].inbox.question(IWF, Lane.REPORTS, bytes(16))).told
        assert told is not None
        await world[IWF].crash()
        path.write_bytes(old)
        await world[IWF].restart()
        with pytest.raises(Stopped, match="unknown_history"):
            await concluded(world, told)

    async def test_8_5_attack_a_receiver_tells_that_it_holds_a_push_instead_of_a_receipt(
        self, world: World
    ) -> None:
        """That is none: the same is pushed again, and that nothing came of it shows."""
        await delivered(world)
        delivery, honest = world[IWF].delivery, world[IWF].delivery.transport
        delivery.transport = Denying(world)
        await submitted(world, 2)
        await delivery.deliver(*REPORTS, world.now)
        assert delivery.tenure(*REPORTS).attempts == 1
        delivery.transport = honest
        delivery.contact(EOKM)
        await world.settle()
        figures = await world[IWF].store.queries.channels()
        assert {one.unreceipted for one in figures} == {0}

    async def test_g1_attack_what_a_backup_has_no_receipt_for_was_taken_long_ago(
        self, world: World
    ) -> None:
        """Only its receiver says so, of an epoch whose successor the backup does not know."""
        await delivered(world)
        node, path = world[IWF], world[IWF].path
        await submitted(world, 2)
        assert await node.delivery.next_push(
            *REPORTS, node.delivery.tenure(*REPORTS), world.registry, world.now
        )
        signed = last_signed(world)
        await node.crash()
        saved, key = path.with_name("saved"), node.keys.database_key
        backups.backup(path, key, saved, key)
        await node.restart()
        await world.settle()
        told = (await world[EOKM].inbox.question(IWF, Lane.REPORTS, bytes(16))).told
        assert told is not None
        assert told.position.epoch != signed.epoch == told.ancestors[0].epoch
        await node.crash()
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        backups.restore(saved, key, path, key, world.now)
        await node.restart(restored=True)
        await concluded(world, Told(told.position, told.checkpoint, (signed,)))
        assert await node.delivery.outbox.urgency(*REPORTS) is not None


def replace_in(position: Position, changed: dict[str, bytes | int]) -> Position:
    """The same position with one thing else."""
    return msgspec.structs.replace(position, **changed)
