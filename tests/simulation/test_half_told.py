"""G9: what a lost member had told some of its peers, and not yet the others."""

from __future__ import annotations

from node.casework.reports.draft import ActionDraft, AssessmentDraft
from protocol.vocabulary import Action, Verdict
from tests.simulation.recovering import recover
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
FILE = "cd" * 32


async def found(world: World, member: str) -> str:
    """Let a member find the file in its own country."""
    made = await world[member].submit(f"https://{member[:2]}5.example/1.jpg", sha256=FILE)
    await world.settle()
    return made.items[0].item_id


async def test_g9_verdict_taken_back_before_the_loss_is_taken_back_from_who_had_not_heard(
    world: World,
) -> None:
    """One peer was away when it was said, and the disk burned before it was back."""
    item, theirs = await found(world, EOKM), await found(world, IWF)
    baseline = AssessmentDraft(verdict=Verdict.BASELINE)
    view = await world[EOKM].desk.assess(item, baseline, actor="a")
    verdict = view.assessments[0].id
    await world.settle()
    assert [one.member for one in (await world[IWF].state(theirs)).assessments] == [EOKM]
    await world[IWF].crash()
    await world[EOKM].desk.correcting.withdraw(item, verdict, actor="a")
    await world.settle()
    await world[IWF].restart()
    await recover(world, EOKM, IWF, PDC)
    assert (await world[IWF].state(theirs)).assessments == ()


async def test_g9_verdict_told_with_an_item_is_taken_back_on_either_side_of_the_chain(
    world: World,
) -> None:
    """Nothing is known of a file; who had handed the item over was away, who has it was not."""
    eokm = world[EOKM]
    item = (await world[IWF].submit("https://nl6.example/1.jpg")).items[0].item_id
    await world.settle()
    baseline = AssessmentDraft(verdict=Verdict.BASELINE)
    verdict = (await eokm.desk.assess(item, baseline, actor="a")).assessments[0].id
    eokm.places.moved["nl6.example"] = "FR"
    await eokm.desk.act(item, ActionDraft(action=Action.MOVED), actor="a")
    await world.settle()
    for member in (IWF, PDC):
        assert [one.event_id for one in (await world[member].state(item)).assessments] == [verdict]
    await world[IWF].crash()
    await eokm.desk.correcting.withdraw(item, verdict, actor="a")
    await world.settle()
    await world[IWF].restart()
    await recover(world, EOKM, IWF, PDC)
    for member in (IWF, PDC):
        assert (await world[member].state(item)).assessments == (), member
