"""The story between three members: handed over, judged, moved on, told back."""

from __future__ import annotations

import pytest

from node.casework.errors import NotResponsibleError
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft, AssessmentDraft, HashesDraft
from protocol.vocabulary import Action, Disposition, Verdict
from tests.simulation.world import World

HASH = "ab" * 32
OTHER = "cd" * 32
PLACE = "https://nl1.example/album/1.jpg"


async def handed_in(world: World, member: str, url: str = PLACE, sha256: str | None = HASH) -> str:
    """Hand an item in at `member`, let the world come to rest, return its id."""
    result = await world[member].submit(url, sha256=sha256)
    await world.settle()
    return result.items[0].item_id


async def act(
    world: World, member: str, item: str, action: Action, country: str | None = None
) -> None:
    """Record an action at `member` and let everybody hear of it."""
    await world[member].desk.act(item, ActionDraft(action=action, country=country), actor="a")
    await world.settle()


class TestHandingOver:
    """An item goes to the member of the country where it is hosted."""

    async def test_item_hosted_abroad_is_accepted_there(self, world: World) -> None:
        """The finder hands it on; the responsible member has it and has answered."""
        item = await handed_in(world, "gb-iwf")

        at_finder = await world["gb-iwf"].state(item)
        assert at_finder.custody is Custody.HANDED_ON
        assert at_finder.answer is Disposition.NEW
        assert (await world["nl-eokm"].state(item)).responsible == "nl-eokm"

    async def test_item_hosted_at_home_stays(self, world: World) -> None:
        """Nothing of it leaves."""
        item = await handed_in(world, "nl-eokm")

        assert (await world["nl-eokm"].state(item)).custody is Custody.HERE
        assert not await world["nl-eokm"].store.queries.channels()

    async def test_orphan_goes_to_the_fallback_member_and_is_marked(self, world: World) -> None:
        """A country without a member: the registry names who takes it."""
        item = await handed_in(world, "nl-eokm", "https://br1.example/x.jpg")

        assert (await world["gb-iwf"].state(item)).orphan
        assert (await world["nl-eokm"].state(item)).responsible == "gb-iwf"

    async def test_item_without_a_country_stays_with_its_finder(self, world: World) -> None:
        """`none` has exactly one responsible member too."""
        item = await handed_in(world, "gb-iwf", "http://" + "a" * 56 + ".onion/x", None)

        assert (await world["gb-iwf"].state(item)).responsible == "gb-iwf"


class TestWhoRecordedIt:
    """The history names the pseudonym; it stays at home."""

    async def test_change_feed_names_who_recorded_a_verdict(self, world: World) -> None:
        """The token's name, or the analyst that the draft names."""
        item = await handed_in(world, "nl-eokm")
        draft = AssessmentDraft(verdict=Verdict.BASELINE, analyst="a17")
        await world["nl-eokm"].desk.assess(item, draft, actor="desk-1")
        await world["nl-eokm"].desk.act(item, ActionDraft(action=Action.REMOVED), actor="desk-1")

        changes = (await world["nl-eokm"].desk.changes(0, 100, 0)).changes
        assert [c.by for c in changes if c.what in {"assessed", "acted"}] == [
            "nl-eokm/a17",
            "nl-eokm/desk-1",
        ]


class TestReportingTwice:
    """Duplicates become sightings; the second reporter hears everything."""

    async def test_second_reporter_is_told_duplicate(self, world: World) -> None:
        """The answer comes after custody, on the status lane."""
        await handed_in(world, "gb-iwf")
        second = await handed_in(world, "fr-pdc")

        assert (await world["fr-pdc"].state(second)).answer is Disposition.DUPLICATE

    async def test_second_reporter_hears_what_was_decided_before(self, world: World) -> None:
        """As if it had been first."""
        first = await handed_in(world, "gb-iwf")
        await world["nl-eokm"].desk.assess(
            first, AssessmentDraft(verdict=Verdict.BASELINE), actor="a"
        )
        second = await handed_in(world, "fr-pdc")

        heard = (await world["fr-pdc"].state(second)).assessments
        assert [a.verdict for a in heard] == [Verdict.BASELINE]

    async def test_same_line_again_changes_nothing(self, world: World) -> None:
        """Not even an event."""
        await world["gb-iwf"].submit(PLACE, reference="R-1", sha256=HASH)
        await world.settle()
        before = await world["gb-iwf"].store.queries.last_event()

        result = await world["gb-iwf"].submit(PLACE, reference="R-1", sha256=HASH)
        await world.settle()

        assert result.status == "repeated"
        assert await world["gb-iwf"].store.queries.last_event() == before

    async def test_same_place_with_another_reference_is_a_sighting(self, world: World) -> None:
        """It joins the item, and the member abroad learns of it."""
        first = await world["gb-iwf"].submit(PLACE, reference="R-1", sha256=HASH)
        await world.settle()
        second = await world["gb-iwf"].submit(PLACE, reference="R-2", sha256=HASH)
        await world.settle()

        item = first.items[0].item_id
        assert second.items[0].same_as == item
        assert len((await world["nl-eokm"].state(item)).sightings) == 2

    async def test_report_of_closed_item_found_later_goes_to_a_person(self, world: World) -> None:
        """It is perhaps back; nothing reopens by itself."""
        item = await handed_in(world, "gb-iwf")
        await act(world, "nl-eokm", item, Action.REMOVED)
        world.now += 86_400_000
        second = await handed_in(world, "fr-pdc")

        assert (await world["nl-eokm"].state(item)).review is Review.PERHAPS_BACK
        assert (await world["fr-pdc"].state(second)).answer is Disposition.PERHAPS_BACK


class TestKnownContent:
    """A verdict spares the viewing, never the referral."""

    async def test_known_content_at_a_new_place_brings_its_verdict(self, world: World) -> None:
        """A new item, since the address is new."""
        first = await handed_in(world, "gb-iwf")
        await world["nl-eokm"].desk.assess(
            first, AssessmentDraft(verdict=Verdict.BASELINE), actor="a"
        )
        second = await handed_in(world, "fr-pdc", "https://nl2.example/other.jpg")

        known = await world["nl-eokm"].state(second)
        assert known.assessments[0].member == "nl-eokm"
        assert (await world["fr-pdc"].state(second)).answer is Disposition.NEW_KNOWN

    async def test_finder_of_known_content_hears_the_carried_verdict(self, world: World) -> None:
        """It need not look either."""
        first = await handed_in(world, "gb-iwf")
        await world["nl-eokm"].desk.assess(
            first, AssessmentDraft(verdict=Verdict.BASELINE), actor="a"
        )
        second = await handed_in(world, "fr-pdc", "https://nl2.example/other.jpg")

        assert (await world["fr-pdc"].state(second)).known

    async def test_hashes_that_come_later_run_the_matching_again(self, world: World) -> None:
        """At the finder and, told along, at the responsible member."""
        first = await handed_in(world, "gb-iwf")
        await world["nl-eokm"].desk.assess(
            first, AssessmentDraft(verdict=Verdict.BASELINE), actor="a"
        )
        second = await handed_in(world, "fr-pdc", "https://nl2.example/other.jpg", None)

        await world["fr-pdc"].desk.add_hashes(second, HashesDraft(sha256=HASH), actor="a")
        await world.settle()

        assert (await world["nl-eokm"].state(second)).known

    async def test_other_content_at_the_same_place_is_a_new_item(self, world: World) -> None:
        """The old one was replaced."""
        first = await handed_in(world, "gb-iwf")
        second = await handed_in(world, "fr-pdc", PLACE, OTHER)

        assert first != second
        assert (await world["fr-pdc"].state(second)).answer is Disposition.NEW_REPLACING


class TestMovedOn:
    """A -> B -> C, and everybody hears."""

    async def test_moved_item_reaches_the_third_member_with_its_chain(self, world: World) -> None:
        """Custody names each member that held it."""
        item = await handed_in(world, "gb-iwf")
        await act(world, "nl-eokm", item, Action.MOVED, "FR")

        chain = [hop.member for hop in (await world["fr-pdc"].state(item)).hops]
        assert chain == ["gb-iwf", "nl-eokm", "fr-pdc"]

    async def test_outcome_comes_back_although_the_middle_was_down(self, world: World) -> None:
        """C acts while B is down; A hears once B is back."""
        item = await handed_in(world, "gb-iwf")
        await act(world, "nl-eokm", item, Action.MOVED, "FR")
        await world["nl-eokm"].crash()
        await act(world, "fr-pdc", item, Action.REMOVED)
        await world["nl-eokm"].restart()
        await world.settle()

        heard = (await world["gb-iwf"].state(item)).actions
        assert Action.REMOVED in [a.action for a in heard]

    async def test_item_that_moves_home_to_its_second_reporter_stays_there(
        self, world: World
    ) -> None:
        """It is one item under two ids; nothing goes round in circles."""
        item = await handed_in(world, "gb-iwf")
        second = await handed_in(world, "fr-pdc")
        await act(world, "nl-eokm", item, Action.MOVED, "FR")

        state = await world["fr-pdc"].state(item)
        assert state.id == second
        assert state.custody is Custody.HERE

    async def test_item_that_its_holder_told_apart_moves_without_the_other(
        self, world: World
    ) -> None:
        """Only the holder has hashes for both: one goes back, the other stays where it is."""
        place = "https://fr1.example/album/1.jpg"
        first = await handed_in(world, "nl-eokm", place, None)
        await world["fr-pdc"].desk.add_hashes(first, HashesDraft(sha256=OTHER), actor="a")
        second = await handed_in(world, "gb-iwf", place, HASH)
        await act(world, "fr-pdc", second, Action.MOVED, "NL")

        assert (await world["nl-eokm"].state(second)).custody is Custody.HERE
        assert (await world["fr-pdc"].state(first)).custody is Custody.HERE
        assert (await world["nl-eokm"].state(first)).responsible == "fr-pdc"

    async def test_item_that_moved_back_goes_back_by_a_persons_word(self, world: World) -> None:
        """The first time it stays before a person; who has looked may send it all the same."""
        item = await handed_in(world, "gb-iwf")
        await act(world, "nl-eokm", item, Action.MOVED, "GB")
        assert (await world["nl-eokm"].state(item)).review is Review.CAME_BACK

        await act(world, "nl-eokm", item, Action.MOVED, "GB")

        at_home = await world["gb-iwf"].state(item)
        assert (at_home.custody, at_home.review) == (Custody.HERE, Review.CAME_BACK)
        assert (await world["nl-eokm"].state(item)).responsible == "gb-iwf"
        await act(world, "gb-iwf", item, Action.REMOVED)
        assert (await world["nl-eokm"].state(item)).closed_by is Action.REMOVED

    async def test_only_the_responsible_member_acts(self, world: World) -> None:
        """The finder may assess, not act."""
        item = await handed_in(world, "gb-iwf")

        with pytest.raises(NotResponsibleError):
            await act(world, "gb-iwf", item, Action.REMOVED)


class TestTroubleOnTheWay:
    """Nothing lost, nothing twice."""

    async def test_entries_signed_before_a_crash_arrive_after_it(self, world: World) -> None:
        """The receipt never came; the new epoch carries them under their old ids."""
        await world["nl-eokm"].crash()
        result = await world["gb-iwf"].submit(PLACE, sha256=HASH)
        await world.settle()
        await world["gb-iwf"].crash()
        await world["gb-iwf"].restart()
        await world["nl-eokm"].restart()
        await world.settle()

        item = result.items[0].item_id
        assert (await world["nl-eokm"].state(item)).custody is Custody.HERE

    async def test_receiver_restored_from_a_backup_is_refilled(self, world: World) -> None:
        """Its former receipts settle nothing: what it tells, counts."""
        node = world["nl-eokm"]
        await handed_in(world, "gb-iwf")
        await node.crash()
        backup = node.path.read_bytes()
        await node.restart()
        item = await handed_in(world, "gb-iwf", "https://nl1.example/2.jpg", OTHER)
        await node.crash()
        node.path.write_bytes(backup)
        node.path.with_name(node.path.name + "-wal").unlink(missing_ok=True)
        await node.restart(restored=True)
        world.now += 2 * 86_400_000
        await world.settle()

        assert (await node.state(item)).custody is Custody.HERE
        tasks = await world["gb-iwf"].store.queries.tasks()
        assert {code for code, _, _ in tasks} == {"peer_lost_entries"}

    async def test_history_that_a_sender_does_not_remember_stops_it(self, world: World) -> None:
        """An old disk or a stolen key: a person says which; nothing is adopted silently."""
        node = world["gb-iwf"]
        await handed_in(world, "gb-iwf")
        await node.crash()
        backup = node.path.read_bytes()
        await node.restart()
        await handed_in(world, "gb-iwf", "https://nl1.example/2.jpg", OTHER)
        await node.crash()
        node.path.write_bytes(backup)
        node.path.with_name(node.path.name + "-wal").unlink(missing_ok=True)
        await node.restart()
        await world.settle()

        tasks = await node.store.queries.tasks()
        assert [code for code, _, _ in tasks] == ["channel_unknown_history"]
