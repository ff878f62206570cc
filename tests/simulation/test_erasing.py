"""G3, §8.8: what is erased is gone on both sides, and everything around it still proves itself."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import ItemOpenError, UnderReferralError, UnknownItemError
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.ids import Ids
from node.peer.channels.sealed import seal
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from node.store.items import cases
from protocol.messages import Outcome
from protocol.push import Purpose, push_path
from protocol.vocabulary import Action, Kind, Lane, OutcomeWhat, Source, Verdict
from tests.builders.cases import country
from tests.node.casework.arriving import item_from
from tests.simulation.test_flooding import say
from tests.simulation.world import Node, World

PLACE = "https://nl1.example/album/1.jpg"
NEXT = "https://nl2.example/album/2.jpg"
WITHDRAWN = ErasureDraft(Cause.WITHDRAWAL)


async def handed_over(world: World, url: str = PLACE) -> str:
    """An item of gb-iwf that nl-eokm holds."""
    result = await world["gb-iwf"].submit(url, reference=url[-5:])
    await world.settle()
    return result.items[0].item_id


async def tasks(node: Node) -> list[str]:
    """What stands before a person."""
    return [code for code, _, _ in await node.store.queries.tasks()]


def bodies(node: Node, word: bytes) -> int:
    """How many stored bodies of entries and events still hold `word`.

    But for what was said of a file alone (`ContentVerdict`): that is about no item.
    """
    connection = open_reader(node.path, node.keys.database_key)
    try:
        rows = [
            row[0]
            for sql in (
                "SELECT entry FROM messages_out",
                "SELECT entry FROM entries_in WHERE substr(entry, 3, 1) <> x'31'",
                "SELECT body FROM events",
                "SELECT state FROM items",
                "SELECT state FROM reports",
            )
            for row in connection.execute(sql)
        ]
    finally:
        connection.close()
    return sum(word in raw for raw in rows if raw is not None)


async def cut(world: World, sender: Node, peer: str) -> tuple[str, bytes, bytes]:
    """A push of the `reports` lane as it leaves for `peer`: path, head and body."""
    tenure = sender.delivery.tenure(peer, Lane.REPORTS)
    push = await sender.delivery.next_push(peer, Lane.REPORTS, tenure, world.registry, world.now)
    assert push is not None
    key = world.registry.member(peer).sealing_key_at(world.now)
    checkpoint, head, sealed = seal(push, key, Purpose.PUSH)
    return push_path(checkpoint.origin, push.start), head.to_bytes(), sealed


class TestSettled:
    """An item that both sides hold."""

    async def test_8_8_erased_item_leaves_no_body_at_its_holder(self, world: World) -> None:
        """Not in the item, its history, nor in the entry that brought it."""
        item = await handed_over(world)
        node = world["nl-eokm"]
        assert bodies(node, b"nl1.example") > 0
        await node.desk.erase(item, WITHDRAWN, actor="head")
        assert bodies(node, b"nl1.example") == 0
        assert await node.desk.item(item) is None

    async def test_8_8_erased_item_leaves_no_body_at_its_finder(self, world: World) -> None:
        """Nor in the message that handed it over, nor in the report."""
        item = await handed_over(world)
        node = world["gb-iwf"]
        await node.desk.erase(item, WITHDRAWN, actor="head")
        assert bodies(node, b"nl1.example") == 0

    async def test_8_8_no_other_members_item_keeps_a_report(self, world: World) -> None:
        """Nor takes it away: it may name any report."""
        place = "https://gb3.example/{}.jpg"
        drafts = [ItemDraft(url=place.format(n)) for n in (1, 2)]
        report = ReportDraft(
            items=tuple(drafts), source=Source.PUBLIC, note="gb3.example: Jane", workuser="anna"
        )
        node, other = world["nl-eokm"], world["gb-iwf"]
        found = [one.item_id for one in (await node.desk.submit([report], actor="a"))[0].items]
        await world.settle()
        named = (await other.state(found[0])).report_id
        theirs = item_from("gb-iwf", 9, url=NEXT, hosted=country("NL"), report_id=named)
        await say(other, [(theirs, Kind.ITEM, Lane.REPORTS)])
        await world.settle()
        for one, left in ((found[0], 1), (found[1], 0)):
            await node.desk.erase(one, ErasureDraft(Cause.ERROR), actor="head")
            assert (bodies(node, b"Jane") > 0) is bool(left)
        assert (await node.state(theirs.item_id)).report_id == named
        await node.desk.erase(theirs.item_id, WITHDRAWN, actor="head")
        await world.settle()
        assert node.verify().found == []

    async def test_8_8_other_members_item_takes_no_report_away(self, world: World) -> None:
        """Its line joined an item that is here."""
        place = "https://nl1.example/1.jpg"
        node, other = world["nl-eokm"], world["gb-iwf"]
        joined = item_from("gb-iwf", 8, url=place, hosted=country("NL"))
        await say(other, [(joined, Kind.ITEM, Lane.REPORTS)])
        await world.settle()
        named = (await node.submit(place, reference="R-7")).report_id
        theirs = item_from("gb-iwf", 9, url=NEXT, hosted=country("NL"), report_id=named)
        await say(other, [(theirs, Kind.ITEM, Lane.REPORTS)])
        await world.settle()
        await node.desk.erase(theirs.item_id, ErasureDraft(Cause.ERROR), actor="head")
        assert node.verify().found == []

    async def test_8_8_everything_verifies_after_both_erased(self, world: World) -> None:
        """Chains, trees, receipts, answers: the neighbours lose nothing."""
        item = await handed_over(world)
        other = await handed_over(world, NEXT)
        await world["gb-iwf"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        for node in world.nodes.values():
            assert node.verify().found == []
        assert (await world["nl-eokm"].state(other)).responsible == "nl-eokm"
        connection = open_reader(world["nl-eokm"].path, world["nl-eokm"].keys.database_key)
        assert Audit(connection).places_of(other) != []
        connection.close()

    async def test_everything_verifies_after_one_id_was_joined_erased_and_came_anew(
        self, world: World
    ) -> None:
        """The id meant the erased item once and means one of its own now: the logs hold both."""
        ours = await world["nl-eokm"].submit(PLACE)
        theirs = item_from("gb-iwf", 9, url=PLACE, hosted=country("NL"))
        await say(world["gb-iwf"], [(theirs, Kind.ITEM, Lane.REPORTS)])
        await world.settle()
        erase = world["nl-eokm"].desk.erase
        await erase(ours.items[0].item_id, ErasureDraft(Cause.ERROR), actor="head")
        await world.settle()
        anew = msgspec.structs.replace(theirs, revision=2)
        await say(world["gb-iwf"], [(anew, Kind.ITEM, Lane.REPORTS)])
        await world.settle()
        assert (await world["nl-eokm"].state(theirs.item_id)).id == theirs.item_id
        assert world["nl-eokm"].verify().found == []

    async def test_receiver_puts_the_withdrawal_before_a_person(self, world: World) -> None:
        """Nobody erases at another member; its person does."""
        item = await handed_over(world)
        await world["gb-iwf"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        assert "withdrawal" in (await world["nl-eokm"].state(item)).reviews

    async def test_recipient_confirms_to_who_erased_first(self, world: World) -> None:
        """Its history shows that the other one erased it too."""
        item = await handed_over(world)
        await world["gb-iwf"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        changes = (await world["gb-iwf"].desk.changes(0, 100, 0)).changes
        last = changes[-1]
        assert (last.item, last.what, last.by) == (item, "erased_there", "nl-eokm")

    async def test_sender_that_keeps_it_hears_that_the_holder_erased_it(self, world: World) -> None:
        """It keeps its own."""
        item = await handed_over(world)
        await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        assert (await world["gb-iwf"].state(item)).id == item
        changes = (await world["gb-iwf"].desk.changes(0, 100, 0)).changes
        assert "erased_there" in [change.what for change in changes]
        assert world["gb-iwf"].verify().found == []

    async def test_10_10_open_item_that_its_holder_erased_is_its_senders_again(
        self, world: World
    ) -> None:
        """It stands before a person there, and goes back if that one says so."""
        item = await handed_over(world)
        sender, holder = world["gb-iwf"], world["nl-eokm"]
        await holder.desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
        await world.settle()
        state = await sender.state(item)
        assert (state.custody, state.reviews) == ("here", ("came_back",))
        await sender.desk.act(item, ActionDraft(action=Action.MOVED, country="NL"), actor="a")
        await world.settle()
        assert (await holder.state(item)).responsible == "nl-eokm"
        assert (await sender.state(item)).answer == "new_again"
        assert [sender.verify().found, holder.verify().found] == [[], []]

    async def test_10_10_what_nobody_has_any_more_a_person_hands_over_anew(
        self, world: World
    ) -> None:
        """It had gone on from who erased it: only the telephone tells that nobody has it."""
        item = await handed_over(world)
        finder, between, last = world["gb-iwf"], world["nl-eokm"], world["fr-pdc"]
        await between.desk.act(item, ActionDraft(action=Action.MOVED, country="FR"), actor="a")
        await world.settle()
        assert (await finder.state(item)).responsible == "fr-pdc"
        for one in (between, last):
            await one.desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
        await world.settle()
        assert ("holder_unheard", item) in {one[:2] for one in await finder.store.queries.tasks()}
        await finder.desk.act(item, ActionDraft(action=Action.MOVED, country="NL"), actor="a")
        await world.settle()
        assert "holder_unheard" not in await tasks(finder)
        assert (await between.state(item)).custody == "here"
        assert (await finder.state(item)).responsible == "nl-eokm"
        assert [one.verify().found for one in (finder, between, last)] == [[], [], []]

    async def test_what_was_erased_comes_back_under_no_resend(self, world: World) -> None:
        """A sender that was restored pushes the same entry again: its body is not kept."""
        item = await handed_over(world)
        node = world["nl-eokm"]
        await node.desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        connection = node.store
        assert connection is not None
        sender = world["gb-iwf"]
        await sender.store.outbox._writer.run(
            lambda c: c.execute(
                "INSERT INTO waiting_out SELECT peer, lane, urgency, seq FROM messages_out"
                " WHERE item = ? AND kind = 16",
                (item,),
            )
        )
        await world.settle()
        assert bodies(node, b"nl1.example") == 0
        assert node.verify().found == []

    async def test_8_8_what_still_comes_of_an_erased_item_leaves_no_body(
        self, world: World
    ) -> None:
        """A verdict and hashes that were on their way; of the hashes a person hears."""
        item = await handed_over(world)
        sender, node = world["gb-iwf"], world["nl-eokm"]
        await node.crash()
        await sender.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
        await sender.desk.add_hashes(item, HashesDraft(sha256="ab" * 32), actor="a")
        await node.restart()
        await node.desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        assert bodies(node, bytes.fromhex("ab" * 32)) == bodies(node, b"baseline") == 0
        assert "erased_item_spoken_of" in await tasks(node)
        assert [sender.verify().found, node.verify().found] == [[], []]

    async def test_8_8_item_that_came_back_is_erased_a_second_time(self, world: World) -> None:
        """Its sender was restored and handed it over anew; what was buried keeps its first time."""
        sender, node = world["gb-iwf"], world["nl-eokm"]
        item = (await sender.submit(PLACE, reference="R-1")).items[0].item_id
        before = {p.name: p.read_bytes() for p in sender.path.parent.glob("gb-iwf.db*")}
        await world.settle()
        await node.desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        await sender.crash()
        for name, raw in before.items():
            sender.path.with_name(name).write_bytes(raw)
        world.now += 60_000
        await sender.restart(restored=True)
        await world.settle()
        assert await node.desk.item(item) is not None
        await node.desk.erase(item, WITHDRAWN, actor="head")
        await world.settle()
        assert bodies(node, b"nl1.example") == 0
        assert node.verify().found == []

    async def test_item_found_again_after_erasure_is_new_and_known_to_have_been_here(
        self, world: World
    ) -> None:
        """Its keyed fingerprints stay."""
        item = await handed_over(world)
        await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
        result = await world["fr-pdc"].submit(PLACE)
        await world.settle()
        again = result.items[0].item_id
        assert (await world["fr-pdc"].state(again)).answer == "new_again"
        for node in world.nodes.values():
            assert node.verify().found == []


class TestUndelivered:
    """An item whose entry never reached its receiver."""

    async def test_8_8_entry_that_was_signed_becomes_a_tombstone_in_the_next_epoch(
        self, world: World
    ) -> None:
        """The receiver lists it as missing, and gets what stood behind it."""
        await handed_over(world, NEXT)
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        world.faults.lose_request = 0.0
        await receiver.crash()
        result = await sender.submit(PLACE)
        behind = await sender.submit("https://nl3.example/3.jpg")
        await sender.work()
        await sender.work()
        await sender.desk.erase(result.items[0].item_id, WITHDRAWN, actor="head")
        await receiver.restart()
        await world.settle()
        assert bodies(receiver, b"nl1.example") == 0
        assert "entry_missing" in await tasks(receiver)
        assert (await receiver.state(behind.items[0].item_id)).responsible == "nl-eokm"
        assert [sender.verify().found, receiver.verify().found] == [[], []]

    async def test_8_8_entry_that_was_never_signed_is_not_said(self, world: World) -> None:
        """Nothing ever left: nobody misses anything."""
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        await receiver.crash()
        result = await sender.submit(PLACE)
        await sender.desk.locate_due()
        await sender.desk.erase(result.items[0].item_id, WITHDRAWN, actor="head")
        await receiver.restart()
        await world.settle()
        assert "entry_missing" not in await tasks(receiver)
        assert bodies(receiver, b"nl1.example") == 0
        assert (await receiver.store.queries.oldest_parked())[0] == 0
        assert [sender.verify().found, receiver.verify().found] == [[], []]

    @pytest.mark.parametrize("first", [Lane.REPORTS, Lane.STATUS])
    async def test_10_3_what_was_said_of_an_item_that_never_comes_is_at_its_end(
        self, world: World, first: Lane
    ) -> None:
        """Whichever lane comes first: nothing waits for ever, and nothing of it has a body."""
        await handed_over(world, NEXT)
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        await receiver.crash()
        item = (await sender.submit(PLACE)).items[0].item_id
        await sender.work()
        await sender.work()
        await sender.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
        await receiver.restart()
        await sender.delivery.deliver("nl-eokm", Lane.STATUS, world.now)
        await receiver.desk.judge_due()
        await sender.desk.erase(item, WITHDRAWN, actor="head")
        await sender.delivery.deliver("nl-eokm", first, world.now)
        await receiver.desk.judge_due()
        await world.settle()
        assert (await receiver.store.queries.oldest_parked())[0] == 0
        assert bodies(receiver, b"baseline") == 0
        changes = (await receiver.desk.changes(0, 100, 0)).changes
        assert [c.what for c in changes if c.item == item] == [
            "erased_there",
            "buried",
        ]
        assert [sender.verify().found, receiver.verify().found] == [[], []]

    async def test_10_3_withdrawal_that_overtakes_its_item_still_waits_for_it(
        self, world: World
    ) -> None:
        """The push with the item was on its way when it was erased: a person hears of both."""
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        await handed_over(world, NEXT)
        item = (await sender.submit(PLACE)).items[0].item_id
        await sender.desk.locate_due()
        on_its_way = await cut(world, sender, "nl-eokm")
        await sender.desk.erase(item, WITHDRAWN, actor="head")
        await sender.delivery.deliver("nl-eokm", Lane.STATUS, world.now)
        await receiver.desk.judge_due()
        assert (await receiver.store.queries.oldest_parked())[0] == 2
        await world.receive("gb-iwf", "nl-eokm", *on_its_way)
        await world.settle()
        assert (await receiver.store.queries.oldest_parked())[0] == 0
        assert "withdrawal" in (await receiver.state(item)).reviews
        assert [sender.verify().found, receiver.verify().found] == [[], []]

    async def test_10_3_what_another_says_of_it_still_waits(self, world: World) -> None:
        """From that one the item may come yet."""
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        await handed_over(world, NEXT)
        await receiver.crash()
        item = (await sender.submit(PLACE)).items[0].item_id
        await sender.work()
        await sender.work()
        await receiver.restart()
        await sender.desk.erase(item, WITHDRAWN, actor="head")
        other = world["fr-pdc"]
        told = Outcome(
            item,
            Ids("fr-pdc").mint(world.now),
            "fr-pdc",
            OutcomeWhat.REOPENED,
            None,
            None,
            None,
            None,
            world.now,
            world.now,
        )
        post = other.desk._postbox.post("nl-eokm", Kind.OUTCOME, told, subject="x")
        await other.store.writer.run(lambda c: cases.post(c, [post], world.now))
        await world.settle()
        assert (await receiver.store.queries.oldest_parked())[0] == 1
        assert receiver.verify().found == []

    async def test_8_8_receiver_restored_from_before_it_hears_what_is_missing(
        self, world: World
    ) -> None:
        """What both erased since, or lost, stands there as a tombstone."""
        sender, receiver = world["gb-iwf"], world["nl-eokm"]
        await handed_over(world, NEXT)
        before = {p.name: p.read_bytes() for p in receiver.path.parent.glob("nl-eokm.db*")}
        item = await handed_over(world)
        await sender.desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
        await world.settle()
        await receiver.crash()
        for name, raw in before.items():
            receiver.path.with_name(name).write_bytes(raw)
        await receiver.restart(restored=True)
        world.now += 25 * 3600_000
        await world.settle()
        assert "entry_missing" in await tasks(receiver)
        assert sender.verify().found == []


class TestWhoMay:
    """Not everything is erased because somebody says so."""

    async def test_item_under_referral_is_not_erased(self, world: World) -> None:
        """The police have it in hand."""
        item = await handed_over(world)
        node = world["nl-eokm"]
        await node.desk.act(item, ActionDraft(action=Action.LEA_NOTIFIED), actor="a")
        with pytest.raises(UnderReferralError):
            await node.desk.erase(item, WITHDRAWN, actor="head")

    async def test_open_item_is_not_erased_because_its_time_is_over(self, world: World) -> None:
        """Somebody must act first."""
        item = await handed_over(world)
        with pytest.raises(ItemOpenError):
            await world["nl-eokm"].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")

    async def test_closed_item_is_erased_when_its_time_is_over(self, world: World) -> None:
        """That is retention."""
        item = await handed_over(world)
        node = world["nl-eokm"]
        await node.desk.act(item, ActionDraft(action=Action.LEA_NOTIFIED), actor="a")
        await node.desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await node.desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
        assert await node.desk.item(item) is None

    async def test_erased_item_is_unknown_the_second_time(self, world: World) -> None:
        """There is nothing left to erase."""
        item = await handed_over(world)
        await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
        with pytest.raises(UnknownItemError):
            await world["nl-eokm"].desk.erase(item, WITHDRAWN, actor="head")
