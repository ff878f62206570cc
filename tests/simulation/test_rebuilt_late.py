"""G2, G9: an item that comes again only after the recovery of who had judged it was ended."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from keys.network import EXPELLED
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.ending.retaining import Periods
from node.casework.item import Custody
from node.casework.passing_on.custody import MEMBER_SUSPENDED
from node.casework.rebuilt.recovered import NOT_REBUILT
from node.casework.reports.draft import ActionDraft, AssessmentDraft, MessageDraft
from node.evidence.bundle import export
from node.evidence.check import check
from node.store.audits.audit import Audit
from node.store.connection import open_writer
from node.store.items.erasing import CARRYING
from node.store.recovery import recovered
from node.store.writer import InlineWriter
from protocol.vocabulary import Action, Kind, Verdict
from tests.simulation.looking import looked_into
from tests.simulation.recovering import burn, decide, publish, recover
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.world import Node, World

IWF, EOKM, PDC = "gb-iwf", "nl-eokm", "fr-pdc"
DAY_MS = 86_400_000
HELD = "https://nl1.example/1.jpg"


async def handed_over(world: World) -> str:
    """An item that gb-iwf found and nl-eokm has."""
    item = (await world[IWF].submit(HELD)).items[0].item_id
    await world.settle()
    return item


async def recover_before_it_comes(world: World) -> None:
    """The peer hands back all that it was told, and says its own once the rebuilding is over."""
    await recover_without_it(world)
    await world.settle()


async def recover_without_it(world: World, peer: str = IWF, *, found_here: int = 0) -> None:
    """The peer hands back all that it was told, and has not said its own again."""
    node = await burn(world, EOKM)
    await node.coming_back.step()  # rings the bell
    assert decide(world, peer, EOKM) == "decided"
    world.now += 61_000
    while await node.coming_back.step():
        pass
    assert {one.standing for one in await node.store.recovered.progress() if one.peer == peer} == {
        "end"
    }
    connection = open_writer(node.path, node.keys.database_key)
    InlineWriter(connection).run_now(recovered.end)
    connection.close()
    publish(world, node, recovering=False)
    while await node.store.recovered.phase() is not None:
        await node.coming_back.step()
    assert (await node.store.queries.figures())["items"] == found_here


async def join_one_that_came_before_it(world: World, item: str) -> str:
    """Another member hands over the same address first, and the item is said again as one of it."""
    await world[IWF].crash()
    first = (await world[PDC].submit(HELD)).items[0].item_id
    await world.settle()
    await world[IWF].restart()
    await world.settle()
    state = await world[EOKM].state(first)
    assert state.aliases == (item,)
    return first


def shown_of(node: Node, world: World, item: str) -> list[str]:
    """The kinds of what this node can prove that it said of an item."""
    with looked_into(node) as connection:
        raw = export(Audit(connection), item, node.member, world.registry, world.files, world.now)
    shown = check(raw, hashlib.sha256(world.files["metadata/1.root.json"]).digest()).proofs
    return sorted(one["kind"] for one in shown if one["from"] == node.member)


def bodies_said_of(node: Node, item: str) -> list[int]:
    """The kinds of what was said under this id, and has its body: ids and codes alone left out."""
    with looked_into(node) as connection:
        rows = connection.execute(
            "SELECT kind FROM messages_out WHERE item = ? AND entry IS NOT NULL", (item,)
        ).fetchall()
    return sorted(kind for (kind,) in rows if kind in CARRYING)


async def test_g2_what_it_had_judged_and_done_is_known_when_the_item_comes(world: World) -> None:
    """Nobody views it again, and nobody writes to its hoster a second time."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    for action in (Action.LEA_NOTIFIED, Action.HOST_NOTIFIED, Action.REMOVED):
        await eokm.desk.act(item, ActionDraft(action=action), actor="a")
        await world.settle()
    before = await eokm.state(item)
    assert before.closed_ms is not None
    await recover_before_it_comes(world)
    after = await world[EOKM].state(item)
    assert after.assessments == before.assessments
    assert after.actions == before.actions
    assert (after.closed_by, after.responsible) == (before.closed_by, EOKM)
    there = await world[IWF].state(item)
    assert len(there.assessments) == 1
    for member in (IWF, EOKM):
        assert world[member].verify().found == [], member


async def test_g2_verdict_that_it_had_taken_back_is_not_its_verdict_again(world: World) -> None:
    """The later word of the two counts."""
    item, eokm = await handed_over(world), world[EOKM]
    view = await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    await eokm.desk.correcting.withdraw(item, view.assessments[0].id, actor="a")
    await world.settle()
    await recover_before_it_comes(world)
    for member in (IWF, EOKM):
        assert (await world[member].state(item)).assessments == (), member
        assert world[member].verify().found == [], member


async def test_g1_item_that_it_had_handed_on_is_where_it_was(world: World) -> None:
    """Who has it knows its id, and who handed it over hears of no other."""
    item, eokm = await handed_over(world), world[EOKM]
    eokm.places.moved["nl1.example"] = "FR"
    await eokm.desk.act(item, ActionDraft(action=Action.MOVED), actor="a")
    await world.settle()
    assert (await world[PDC].state(item)).custody is Custody.HERE
    await recover_before_it_comes(world)
    for member in (IWF, EOKM, PDC):
        assert (await world[member].state(item)).responsible == PDC, member
    assert len((await world[PDC].state(item)).sightings) == 1


async def test_g2_item_that_it_had_moved_away_by_a_persons_word_is_not_open_here_as_well(
    world: World,
) -> None:
    """Looked for anew it would stay: no two work on one item."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    assert (await world[PDC].state(item)).custody is Custody.HERE
    await recover_before_it_comes(world)
    for member in (IWF, EOKM, PDC):
        assert (await world[member].state(item)).responsible == PDC, member
        assert world[member].verify().found == [], member
    assert (await world[EOKM].state(item)).custody is Custody.HANDED_ON
    assert len((await world[PDC].state(item)).sightings) == 1


async def test_g2_item_that_was_closed_where_it_had_moved_it_is_not_open_again(
    world: World,
) -> None:
    """What became of it there its finder had heard through us."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    await world[PDC].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await recover_before_it_comes(world)
    for member in (IWF, EOKM, PDC):
        state = await world[member].state(item)
        assert (state.responsible, state.closed_by) == (PDC, Action.REMOVED), member


async def test_g2_item_that_had_come_back_and_was_moved_away_anew_is_with_one_alone(
    world: World,
) -> None:
    """Who has it says again the hand-over by which it had come back: that was before its own."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    await moved(world, PDC, item, "NL")
    await moved(world, EOKM, item, "FR")
    assert (await world[PDC].state(item)).custody is Custody.HERE
    await recover_before_it_comes(world)
    await world[PDC].crash()
    await world[PDC].restart()
    await world.settle()
    for member in (IWF, EOKM, PDC):
        assert (await world[member].state(item)).responsible == PDC, member
        assert world[member].verify().found == [], member
    assert (await world[EOKM].state(item)).custody is Custody.HANDED_ON


async def test_g1_item_that_it_had_moved_and_has_again_is_here(world: World) -> None:
    """Its last word of where it is counts."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    await moved(world, PDC, item, "NL")
    assert (await world[EOKM].state(item)).custody is Custody.HERE
    await recover_before_it_comes(world)
    for member in (IWF, EOKM, PDC):
        assert (await world[member].state(item)).responsible == EOKM, member
    assert (await world[EOKM].state(item)).custody is Custody.HERE


@pytest.mark.parametrize("comes", ["in_time", "late"])
async def test_g1_item_that_it_had_moved_to_one_that_is_suspended_since_stands_before_a_person(
    comes: str, world: World
) -> None:
    """Nothing goes there for now; once it is back it has the one item."""
    item, late = await handed_over(world), comes == "late"
    await moved(world, EOKM, item, "FR")
    await world[PDC].crash()
    before = world.registry
    members = before.network.members
    away = {**members, PDC: replace(members[PDC], status="suspended")}
    world.registry = replace(before, network=replace(before.network, members=away))
    await (recover_before_it_comes(world) if late else recover(world, EOKM, IWF))
    assert MEMBER_SUSPENDED in {code for code, _, _ in await world[EOKM].store.queries.tasks()}
    world.registry = replace(world.registry, network=before.network)
    await world[PDC].restart()
    await world.settle()
    states = {member: await world[member].state(item) for member in (IWF, EOKM, PDC)}
    assert {one.responsible for one in states.values()} == {PDC}
    assert states[PDC].custody is Custody.HERE


@pytest.mark.parametrize("comes", ["in_time", "late"])
async def test_g1_item_that_it_had_moved_to_one_that_is_gone_since_is_with_somebody(
    comes: str, world: World
) -> None:
    """It was expelled while our disk was lost: who answers for the country now has it."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    await world[PDC].crash()
    members = world.registry.network.members
    gone = replace(members[PDC], status=EXPELLED, jurisdictions=())
    heir = replace(members[IWF], jurisdictions=(*members[IWF].jurisdictions, "FR"))
    network = replace(world.registry.network, members={**members, PDC: gone, IWF: heir})
    world.registry = replace(world.registry, network=network)
    late = comes == "late"
    await (recover_before_it_comes(world) if late else recover(world, EOKM, IWF))
    states = {member: await world[member].state(item) for member in (IWF, EOKM)}
    held = [name for name, one in states.items() if one.custody is not Custody.HANDED_ON]
    assert [one.responsible for one in states.values()] == held * 2


async def came_back_by_anothers(world: World) -> tuple[str, str]:
    """An item of fr-pdc's, and nl-eokm's of the same place, which has come back by that one."""
    place = "https://gb1.example/1.jpg"
    theirs = (await world[PDC].submit(place)).items[0].item_id
    await world.settle()
    ours = (await world[EOKM].submit(place)).items[0].item_id
    await world.settle()
    await moved(world, IWF, theirs, "NL")
    return theirs, ours


async def test_g1_item_that_came_back_by_another_members_item_is_here(world: World) -> None:
    """It stands in its own message with whom it first had it; its last word of it is another."""
    theirs, ours = await came_back_by_anothers(world)
    assert (await world[EOKM].state(ours)).custody is Custody.HERE
    await recover_without_it(world, found_here=1)
    await world.settle()
    assert (await world[EOKM].state(ours)).custody is Custody.HERE
    for member in (IWF, PDC):
        assert (await world[member].state(theirs)).responsible == EOKM, member


async def test_g2_item_that_came_back_so_and_went_on_is_where_it_went(world: World) -> None:
    """It is not taken from who has it."""
    theirs, ours = await came_back_by_anothers(world)
    await moved(world, EOKM, ours, "GB")
    assert (await world[IWF].state(theirs)).custody is Custody.HERE
    await recover_without_it(world, found_here=1)
    await world.settle()
    assert (await world[EOKM].state(ours)).custody is Custody.HANDED_ON
    assert (await world[IWF].state(theirs)).custody is Custody.HERE


async def test_g9_item_that_it_had_erased_is_erased_again(world: World) -> None:
    """Within a day, as after a restore from a backup."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.erase(item, ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    await recover_before_it_comes(world)
    await world[EOKM].coming_back.replay()
    assert (await world[EOKM].store.queries.figures())["items"] == 0
    assert world[EOKM].verify().found == []


async def test_8_8_what_it_had_said_of_it_by_another_id_is_erased_with_it(world: World) -> None:
    """Its words came back under the id that its peer gave it; here it is part of another item."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await eokm.desk.write(item, MessageDraft(IWF, "The whole album?", preview=False), actor="a")
    await eokm.desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await recover_without_it(world)
    first, eokm = await join_one_that_came_before_it(world, item), world[EOKM]
    assert {Kind.OUTCOME, Kind.PEER_MESSAGE} <= {*bodies_said_of(eokm, item)}
    assert eokm.verify().found == []
    await eokm.desk.erase(first, ErasureDraft(Cause.ERROR), actor="head")
    assert bodies_said_of(eokm, item) == []
    assert eokm.verify().found == []
    await world.settle()
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member
    assert (await world[IWF].state(item)).erased_at == (EOKM,)


async def erase_old(world: World, period_ms: int) -> int:
    """How many bodies go that are of no item, in a walk of retention at the rebuilt node."""
    made = world[EOKM].desk.retention(Periods(0, 0, 0, 0, period_ms))
    made.issued_ms = lambda: world.now
    while await made.due():
        pass
    return made.refused


async def test_g3_what_it_had_said_of_it_by_another_id_stands_in_its_bundle(world: World) -> None:
    """Before its loss it could prove that, and its peer still can."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await eokm.desk.write(item, MessageDraft(IWF, "The whole album?", preview=False), actor="a")
    await world.settle()
    await recover_without_it(world)
    first = await join_one_that_came_before_it(world, item)
    assert {"outcome", "peer_message"} <= {*shown_of(world[EOKM], world, first)}


async def test_8_8_what_it_had_said_of_an_item_that_comes_no_more_is_erased_in_time(
    world: World,
) -> None:
    """The leaves stay, named by the history; while the item may come its words wait for it."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await eokm.desk.write(item, MessageDraft(IWF, "The whole album?", preview=False), actor="a")
    await world.settle()
    await recover_without_it(world)
    before = bodies_said_of(world[EOKM], item)
    assert {Kind.OUTCOME, Kind.PEER_MESSAGE} <= {*before}
    world.now += DAY_MS - 1
    assert await erase_old(world, DAY_MS) == 0
    assert await erase_old(world, 0) == 0
    assert bodies_said_of(world[EOKM], item) == before
    world.now += 1
    assert await erase_old(world, DAY_MS) == len(before)
    assert bodies_said_of(world[EOKM], item) == []
    assert world[EOKM].verify().found == []
    await world.settle()  # the item comes after all
    assert (await world[EOKM].state(item)).custody is Custody.HERE
    await world[EOKM].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    await world.settle()
    for member in (IWF, EOKM):
        assert world[member].verify().found == [], member


async def test_8_8_what_it_had_said_of_an_item_that_is_here_by_another_id_stays(
    world: World,
) -> None:
    """It goes with that one."""
    item, eokm = await handed_over(world), world[EOKM]
    await eokm.desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    await recover_without_it(world)
    await join_one_that_came_before_it(world, item)
    before = bodies_said_of(world[EOKM], item)
    world.now += DAY_MS
    assert await erase_old(world, DAY_MS) == 0
    assert bodies_said_of(world[EOKM], item) == before


async def test_g9_what_it_had_said_to_another_that_hands_it_over_later_is_known_by_then(
    world: World,
) -> None:
    """Each that hands over the item brings back what had been said to it; nobody is accused."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "GB")
    await moved(world, IWF, item, "FR")
    await moved(world, PDC, item, "NL")
    said = MessageDraft(PDC, "The whole album?", preview=False)
    await world[EOKM].desk.write(item, said, actor="a")
    await world.settle()
    before = await world[EOKM].state(item)
    assert {one.member for one in before.informants} == {IWF, PDC}
    await recover_without_it(world, PDC)
    await world[PDC].crash()
    await world[IWF].crash()
    await world[IWF].restart()
    await world.settle()  # gb-iwf says its own again
    assert (await world[EOKM].state(item)).messages == ()
    await world[PDC].restart()
    await world.settle()
    assert (await world[EOKM].state(item)).messages == before.messages
    for member in (IWF, EOKM, PDC):
        left = {code for code, _, _ in await world[member].store.queries.tasks()}
        assert NOT_REBUILT not in left, member
        assert world[member].verify().found == [], member
