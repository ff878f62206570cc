"""Rules that the network keeps, among running nodes, each by its number: 1, 4, 7 and 10.

The others stand where their subject is: `grep -r test_rule_ tests`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.errors import NotResponsibleError, UnderLegalHoldError
from node.casework.item import Custody, Review, encode
from node.casework.reports.draft import ActionDraft, AssessmentDraft, HoldDraft
from node.casework.showing.views import moment
from protocol.vocabulary import Action, Verdict
from tests.simulation.world import World

PLACE = "https://nl1.example/album/1.jpg"
NOWHERE = "https://br1.example/album/1.jpg"
"""Hosted in a country without a member."""
GB, NL, FR, DE = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"


async def handed_in(world: World, member: str, url: str = PLACE) -> str:
    """Hand an item in at `member`, let the world come to rest, return its id."""
    result = await world[member].submit(url)
    await world.settle()
    return result.items[0].item_id


async def move(world: World, member: str, item: str, country: str) -> None:
    """Let `member` say that an item has moved, and everybody hear of it."""
    moved = ActionDraft(action=Action.MOVED, country=country)
    await world[member].desk.act(item, moved, actor="analyst")
    await world.settle()


def govern(world: World, fallback: tuple[str, ...], suspended: str | None = None) -> None:
    """Say who takes orphans, and who is suspended."""
    network = world.registry.network
    members = {
        name: replace(entry, status="suspended" if name == suspended else "active")
        for name, entry in network.members.items()
    }
    network = replace(network, members=members, fallback_members=fallback)
    world.registry = replace(world.registry, network=network)


@pytest.mark.parametrize("action", [Action.REMOVED, Action.HOST_NOTIFIED, Action.MOVED])
async def test_rule_1_nobody_but_the_responsible_member_acts(world: World, action: Action) -> None:
    """Two notices from two countries are how hosts learn to ignore both."""
    item = await handed_in(world, GB)
    country = "FR" if action is Action.MOVED else None
    with pytest.raises(NotResponsibleError):
        await world[GB].desk.act(item, ActionDraft(action=action, country=country), actor="a")
    await world.settle()
    assert not (await world[NL].state(item)).actions


async def test_rule_1_anybody_may_add_sightings_and_assessments(world: World) -> None:
    """They reach the responsible member, under their author's name."""
    item = await handed_in(world, GB)
    await handed_in(world, FR)
    verdict = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(item, verdict, actor="analyst")
    await world.settle()
    held = await world[NL].state(item)
    assert {one.member for one in held.sightings} == {GB, FR}
    assert [one.member for one in held.assessments] == [GB]


async def test_rule_4_an_orphan_goes_to_the_fallback_member_and_is_marked(world: World) -> None:
    """On both sides: whoever has it must see that nobody answers for its country."""
    govern(world, (FR,))
    item = await handed_in(world, NL, NOWHERE)
    for member in (NL, FR):
        state = await world[member].state(item)
        assert (state.responsible, state.orphan) == (FR, True)


async def test_rule_4_the_next_fallback_member_takes_it_while_the_first_is_suspended(
    world: World,
) -> None:
    """An orphan never waits for a member that is away."""
    govern(world, (GB, FR), suspended=GB)
    item = await handed_in(world, NL, NOWHERE)
    state = await world[FR].state(item)
    assert (state.custody, state.orphan) == (Custody.HERE, True)


async def test_rule_4_without_a_fallback_member_it_stays_with_its_finder(world: World) -> None:
    """Exactly one is responsible all the same."""
    govern(world, ())
    item = await handed_in(world, NL, NOWHERE)
    state = await world[NL].state(item)
    assert (state.custody, state.responsible, state.orphan) == (Custody.HERE, NL, True)


async def test_rule_7_what_moved_goes_on_with_its_whole_chain_and_everybody_hears(
    world: World,
) -> None:
    """Each member of the chain knows who has it now."""
    item = await handed_in(world, GB)
    await move(world, NL, item, "FR")
    state = await world[FR].state(item)
    assert [hop.member for hop in state.hops] == [GB, NL, FR]
    for member in (GB, NL, FR):
        assert (await world[member].state(item)).responsible == FR


async def test_rule_7_what_comes_back_stays_where_it_is_until_a_person_has_looked(
    world: World,
) -> None:
    """A -> B -> A by itself would go round for ever; by a person's word it goes, once."""
    item = await handed_in(world, GB)
    await move(world, NL, item, "GB")
    held = await world[NL].state(item)
    assert (held.custody, held.review) == (Custody.HERE, Review.CAME_BACK)
    assert (await world[GB].state(item)).responsible == NL
    await move(world, NL, item, "GB")
    at_home = await world[GB].state(item)
    assert (at_home.custody, at_home.review) == (Custody.HERE, Review.CAME_BACK)


async def test_rule_10_a_withdrawal_takes_its_authors_sighting_and_leaves_the_others(
    world: World,
) -> None:
    """What another member saw as well is still there."""
    first = await handed_in(world, GB)
    await handed_in(world, FR)
    await world[GB].desk.erase(first, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    state = await world[NL].state(first)
    assert {one.member for one in state.sightings} == {FR}
    assert state.closed_ms is None


async def test_rule_10_a_withdrawal_takes_its_authors_verdict_wherever_it_was_told(
    tmp_path: Path,
) -> None:
    """At the member, at the one to whom it moved on, and at who reported it as well."""
    world = World(tmp_path, [GB, NL, FR, DE])
    await world.start()
    item = await handed_in(world, GB)
    again = await handed_in(world, DE)
    await world[GB].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await move(world, NL, item, "FR")
    told = [(NL, item), (FR, item), (DE, again)]
    for member, known_as in told:
        assert [a.member for a in (await world[member].state(known_as)).assessments] == [GB]
    await world[GB].desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    for member, known_as in told:
        assert (await world[member].state(known_as)).assessments == ()
    assert [world[member].verify().found for member in (GB, NL, FR, DE)] == [[]] * 4
    await world.close()


async def test_rule_10_a_verdict_that_is_taken_back_goes_from_every_item_that_it_was_carried_to(
    world: World,
) -> None:
    """The same picture at two places, judged once; its author's report was a mistake."""
    first = (await world[GB].submit(PLACE, sha256="ab" * 32)).items[0].item_id
    await world.settle()
    verdict = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(first, verdict, actor="a")
    await world.settle()
    other = (await world[FR].submit("https://nl2.example/2.jpg", sha256="ab" * 32)).items[0].item_id
    await world.settle()
    for member in (NL, FR):
        assert [one.member for one in (await world[member].state(other)).assessments] == [GB]
    await world[GB].desk.erase(first, ErasureDraft(Cause.ERROR), actor="head")
    await world.settle()
    for member in (NL, FR):
        assert (await world[member].state(other)).assessments == ()
    assert Review.WITHDRAWAL in (await world[NL].state(other)).reviews
    assert Review.WITHDRAWAL not in (await world[FR].state(other)).reviews, "it saw it itself"
    assert all(node.verify().found == [] for node in world.nodes.values())


async def test_rule_10_the_last_withdrawal_ends_nothing_by_itself(world: World) -> None:
    """A stolen key must not be able to stop all notices: a person decides."""
    item = await handed_in(world, GB)
    await world[GB].desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    state = await world[NL].state(item)
    assert not state.sightings
    assert (state.custody, state.closed_ms) == (Custody.HERE, None)
    assert Review.WITHDRAWAL in state.reviews


async def test_rule_10_what_is_under_legal_hold_is_restricted_not_erased(world: World) -> None:
    """Its reporter takes it back; a hold that is taken away by hand is found."""
    item = await handed_in(world, GB)
    node = world[NL]
    draft = HoldDraft(reason="order 12", until=moment(world.now + 3_600_000))
    hold = await node.desk.hold(item, draft, actor="counsel")
    await world[GB].desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    with pytest.raises(UnderLegalHoldError):
        await node.desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    state = await node.state(item)
    assert ([one.hold_id for one in state.holds], state.review) == ([hold.id], Review.WITHDRAWAL)
    assert node.verify().found == []
    without = encode(msgspec.structs.replace(state, holds=()))
    await node.store.writer.run(
        lambda c: c.execute("UPDATE items SET state = ? WHERE id = ?", (without, item))
    )
    assert [one.why for one in node.verify().found] == ["state_not_as_history_says"]


async def test_rule_10_hold_that_is_over_keeps_nothing(world: World) -> None:
    """Silence extends none."""
    item = await handed_in(world, GB)
    draft = HoldDraft(reason="order 12", until=moment(world.now + 3_600_000))
    await world[NL].desk.hold(item, draft, actor="counsel")
    world.now += 3_600_000
    await world[NL].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    assert await world[NL].desk.item(item) is None


async def test_rule_10_who_reported_nothing_takes_nothing_back(world: World) -> None:
    """The responsible member's erasure is its own; the finder's sighting stays."""
    item = await handed_in(world, GB)
    await world[NL].desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    assert {one.member for one in (await world[GB].state(item)).sightings} == {GB}
