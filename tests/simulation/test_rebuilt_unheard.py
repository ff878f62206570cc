"""G1, G2: who was away, or reports a place while its node is lost, hears what became of it there.

It is answered before that node knows again what it had judged and done. Else it would view the item
once more, and write to its hoster a second time once nobody seems to do anything.
"""

from __future__ import annotations

import pytest

from node.casework.reports.draft import ActionDraft, AssessmentDraft
from protocol.vocabulary import Action, Kind, Verdict
from tests.simulation.looking import rows
from tests.simulation.recovering import burn, decide, finish, lose, rebuild
from tests.simulation.test_rebuilt_late import recover_without_it
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
PLACE = "https://nl7.example/1.jpg"
BASELINE = AssessmentDraft(verdict=Verdict.BASELINE)


async def judged(world: World, action: Action) -> str:
    """An item of gb-iwf that nl-eokm judged, and did something about."""
    item = (await world[IWF].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[EOKM].desk.assess(item, BASELINE, actor="a")
    await world[EOKM].desk.act(item, ActionDraft(action=action), actor="a")
    await world.settle()
    return item


async def reported_while_lost(world: World) -> str:
    """The id under which fr-pdc reports the place to a machine that burnt; it comes up again."""
    await burn(world, EOKM)
    await world[EOKM].crash()
    theirs = (await world[PDC].submit(PLACE)).items[0].item_id
    await rebuild(world, EOKM, IWF, PDC)
    return theirs


@pytest.mark.parametrize("action", [Action.HOST_NOTIFIED, Action.REMOVED])
async def test_g2_what_was_judged_and_done_before_is_known_there(
    world: World, action: Action
) -> None:
    """As if it had reported the place to a node that was up."""
    await judged(world, action)
    theirs = await reported_while_lost(world)
    state = await world[PDC].state(theirs)
    assert [one.action for one in state.actions] == [action]
    assert [(one.member, one.verdict) for one in state.assessments] == [(EOKM, Verdict.BASELINE)]
    assert state.closed_by == (action if action is Action.REMOVED else None)
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member


async def test_g2_who_had_heard_of_it_hears_nothing_twice(world: World) -> None:
    """Only what is new to somebody is said."""
    await judged(world, Action.HOST_NOTIFIED)
    sql = "SELECT count(*) FROM messages_out WHERE peer = ? AND kind = ?"
    before = rows(world[EOKM], sql, IWF, int(Kind.OUTCOME))
    await reported_while_lost(world)
    assert rows(world[EOKM], sql, IWF, int(Kind.OUTCOME)) == before == [(2,)]


async def test_g2_verdict_that_was_taken_back_is_no_verdict_there(world: World) -> None:
    """An innocent file is not held illegal by one who came later."""
    item = await judged(world, Action.HOST_NOTIFIED)
    (given,) = (await world[EOKM].state(item)).assessments
    await world[EOKM].desk.correcting.withdraw(item, given.event_id, actor="a")
    await world.settle()
    theirs = await reported_while_lost(world)
    assert (await world[PDC].state(theirs)).assessments == ()


async def test_g2_it_is_known_there_though_the_item_comes_late(world: World) -> None:
    """What was done comes back with the first report, after the recovery was ended."""
    await judged(world, Action.REMOVED)
    await recover_without_it(world)
    await world[IWF].crash()
    theirs = (await world[PDC].submit(PLACE)).items[0].item_id
    await world.settle()
    assert (await world[PDC].state(theirs)).actions == ()
    await world[IWF].restart()
    await world.settle()
    state = await world[PDC].state(theirs)
    assert [one.action for one in state.actions] == [Action.REMOVED]
    assert [one.verdict for one in state.assessments] == [Verdict.BASELINE]


async def test_g1_what_waited_for_one_that_was_away_is_told(world: World) -> None:
    """Another reporter had heard it, and hands it back."""
    item = (await world[IWF].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[PDC].submit(PLACE)
    await world.settle()
    await world[EOKM].desk.assess(item, BASELINE, actor="a")
    await world.settle()
    await world[IWF].crash()
    await world[EOKM].desk.act(item, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    for _ in range(3):
        await world[EOKM].delivery.deliver_due(world.now)
    await burn(world, EOKM)
    await world[IWF].restart()
    await world.settle()
    for peer in (IWF, PDC):
        assert decide(world, peer, EOKM) == "decided"
    world.now += 61_000
    await world.settle()
    await finish(world, EOKM)
    state = await world[IWF].state(item)
    assert [one.action for one in state.actions] == [Action.HOST_NOTIFIED]


async def test_g1_who_was_away_when_it_moved_hears_where_it_is(world: World) -> None:
    """Nothing else was told of it to anybody: that it went on stands in the hand-over alone."""
    item = (await world[IWF].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[IWF].crash()
    await moved(world, EOKM, item, "FR")
    await lose(world, EOKM)
    await world[IWF].restart()
    await rebuild(world, EOKM, IWF, PDC)
    for member in (IWF, EOKM, PDC):
        assert (await world[member].state(item)).responsible == PDC, member
        assert world[member].verify().found == [], member
