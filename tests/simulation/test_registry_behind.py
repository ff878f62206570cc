"""Other roles or terms come into force: who has not heard of it yet, and who fetches what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.transfers import NOTHING, TRANSFER_FIELDS, TransferTerms
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from protocol.entry import decode
from protocol.vocabulary import Action, Kind, Verdict
from tests.simulation.fleet import Fleet
from tests.simulation.looking import rows

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
PLACE = "https://nl1.example/1.jpg"
UNTOLD = TransferTerms("law", tuple(one for one in TRANSFER_FIELDS if one != "sightings"))
HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Fleet]:
    """Give three members that each have a view of the registry of their own."""
    made = Fleet(tmp_path, (GB, NL, FR), 5, None)
    await made.start()
    yield made
    await made.close()


def set_terms(world: Fleet, terms: TransferTerms, *heard: str) -> None:
    """Let the umbrella decide what gb-iwf may send nl-eokm, and these members alone hear of it."""
    transfers = world.umbrella.registry.network.transfers
    world.govern(transfers=replace(transfers, pairs={**transfers.pairs, (GB, NL): terms}))
    for member in heard:
        world[member].look_at(world.umbrella.registry)
    for member, node in world.nodes.items():
        node.withheld = member not in heard


async def hours(world: Fleet, count: int) -> None:
    """Let so many hours pass in which everybody does what is due."""
    for _ in range(count):
        await world.settle()
        world.now += HOUR_MS
    await world.settle()


def heard(world: Fleet) -> list[int]:
    """The kinds of what nl-eokm has on the bulk lane."""
    got = rows(world[NL], "SELECT entry FROM entries_in WHERE lane = 'bulk'")
    return [int(decode(entry).kind) for (entry,) in got]


async def catch_up(world: Fleet) -> None:
    """Let everybody have the newest registry."""
    for node in world.nodes.values():
        node.withheld, node.wants_registry = False, True
    world.now += 2 * HOUR_MS
    await world.settle()


async def handed_in(world: Fleet) -> str:
    """Let gb-iwf find something for nl-eokm; give its id."""
    made = await world[GB].submit(PLACE)
    await world.settle()
    return made.items[0].item_id


async def test_11_4_sightings_that_only_the_receiver_thinks_may_go(world: Fleet) -> None:
    """The item is there with nobody who reports it: a person sees that, nothing else would."""
    set_terms(world, UNTOLD, GB)
    item_id = await handed_in(world)
    state = await world[NL].state(item_id)
    assert (state.custody, state.reviews) == (Custody.HERE, (Review.WITHDRAWAL,))


async def test_11_4_item_for_which_only_the_sender_knows_the_basis_comes_back_to_people(
    world: Fleet,
) -> None:
    """They send it once more when the other one has heard: it is taken then, under its id."""
    set_terms(world, TransferTerms(NOTHING), GB, NL, FR)
    set_terms(world, TransferTerms("contract"), GB)
    item_id = await handed_in(world)
    state = await world[GB].state(item_id)
    assert (state.custody, state.reviews) == (Custody.HERE, (Review.REFUSED_BY_PEER,))
    await catch_up(world)
    assert (await world[GB].state(item_id)).custody is Custody.HERE
    again = ActionDraft(action=Action.MOVED, country="NL")
    for _ in (Review.REFUSED_BY_PEER, Review.CAME_BACK):  # it has been there, and a person knows
        await world[GB].desk.act(item_id, again, actor="analyst")
    await world.settle()
    assert (await world[NL].state(item_id)).custody is Custody.HERE
    assert (await world[GB].state(item_id)).responsible == NL


@pytest.mark.parametrize("unreachable", [NL, None], ids=["pulled", "pushed"])
async def test_11_1_what_may_go_again_goes_though_nothing_else_is_said(
    tmp_path: Path, unreachable: str | None
) -> None:
    """What is fetched goes at the next look at the registry; what is pushed, within a day."""
    world = Fleet(tmp_path, (GB, NL, FR), 5, None, unreachable)
    await world.start()
    await handed_in(world)
    await world[NL].crash()
    file = await world[GB].submit("https://gb1.example/1.jpg", sha256="ab" * 32)
    await world[GB].work()
    verdict = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(file.items[0].item_id, verdict, actor="analyst")
    set_terms(world, TransferTerms(NOTHING), GB, NL, FR)
    await world[NL].come_back()
    await hours(world, 2)
    assert Kind.CONTENT_VERDICT not in heard(world)
    set_terms(world, TransferTerms("contract"), GB, NL, FR)
    await hours(world, 26 if unreachable is None else 2)
    assert Kind.CONTENT_VERDICT in heard(world)
    assert [code for code, _, _ in await world[GB].store.queries.tasks()] == []
    await world.close()
