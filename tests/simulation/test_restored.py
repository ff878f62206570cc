"""Restored disks and clocks: what a person said is not undone by a clock that was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.store.recovery import refilling
from node.store.recovery.outside import OUTSIDE_HELD
from protocol.vocabulary import Lane
from tests.simulation.fleet import DAY_MS, Fleet
from tests.simulation.hostile import wavering
from tests.simulation.looking import rows
from tests.simulation.running import heal
from tests.simulation.turning import judge_turns, replace_now, with_key

FIRST, SECOND = "https://nl1.example/1.jpg", "https://nl2.example/2.jpg"


@pytest.mark.parametrize("ahead_ms", [0, 20_000, 20 * DAY_MS])
async def test_restored_sender_goes_on_whatever_its_clock_said_before(
    ahead_ms: int, tmp_path: Path
) -> None:
    """The backup holds an epoch that was opened under a clock ahead of the one at the restore."""
    world = Fleet(tmp_path, ("gb-iwf", "nl-eokm"), 1, None)
    await world.start()
    for node in world.honest:
        node.skew_ms = ahead_ms
    await world["gb-iwf"].submit(FIRST)
    await world.settle()
    world["gb-iwf"].save()
    await world["gb-iwf"].submit(SECOND)
    await world.settle()
    for node in world.honest:
        node.skew_ms = 0
    await world["gb-iwf"].roll_back(said=True)
    await world["nl-eokm"].bounce()
    await world.settle()
    left = {code for code, _, _ in await world["gb-iwf"].store.queries.tasks()}
    # No channel stopped; what leaves the network waits (§8.10), and what is forgotten was answered.
    assert left == {OUTSIDE_HELD, "answer_to_nothing"}
    await world.close()


@pytest.mark.parametrize("crashes", [1, 2])
async def test_restored_sender_that_dies_before_its_first_push_goes_on_where_it_was(
    crashes: int, tmp_path: Path
) -> None:
    """Its epoch names the told state, so a second start remembers that: no key was stolen."""
    world = Fleet(tmp_path, ("gb-iwf", "nl-eokm"), 1, None)
    await world.start()
    await world["gb-iwf"].submit(FIRST)
    await world.settle()
    world["gb-iwf"].save()
    await world["gb-iwf"].submit(SECOND)
    await world.settle()
    await world["gb-iwf"].roll_back(said=True)
    world.net.swallows = True
    for _ in range(crashes):
        await world["gb-iwf"].work()
        await world["gb-iwf"].bounce()
    world.net.swallows = False
    await world.settle()
    left = [code for code, _, _ in await world["gb-iwf"].store.queries.tasks()]
    assert left == [OUTSIDE_HELD]
    (figures,) = await world["gb-iwf"].store.queries.channels()
    assert (figures.waiting, figures.unreceipted) == (0, 0)
    await world.close()


async def test_item_that_a_restored_member_hands_on_again_is_no_conflict(tmp_path: Path) -> None:
    """It was received at another time, so its custody says so: a revision, and one item."""
    world = Fleet(tmp_path, ("gb-iwf", "nl-eokm", "fr-pdc"), 1, None)
    await world.start()
    world.set_status("nl-eokm", "suspended")
    world["fr-pdc"].view = world.umbrella.registry  # so it gives the item to who takes orphans,
    world["fr-pdc"].withheld = True
    world.set_status("nl-eokm", "active")  # who knows better and hands it on
    await world["fr-pdc"].submit(FIRST)
    await world.settle()
    assert (await world["nl-eokm"].store.queries.last_event()) > 0
    await world["gb-iwf"].lose_everything()
    world.now += 2 * DAY_MS
    await world.settle()
    for node in world.honest:
        tasks = {code for code, _, _ in await node.store.queries.tasks()}
        assert "entry_conflict" not in tasks, node.member
    await world.close()


async def test_receiver_that_tells_another_state_each_time_costs_little(tmp_path: Path) -> None:
    """It could make the sender open epochs without end (G11)."""
    world = Fleet(tmp_path, ("gb-iwf", "xx-bad"), 1, "xx-bad")
    await world.start()
    node = world["gb-iwf"]
    await node.submit("https://xx1.example/1.jpg")
    await world.settle()
    await node.bounce()
    world.net.rogue = wavering()
    await node.submit("https://xx2.example/2.jpg")
    await node.work()
    ((epochs,),) = rows(node, "SELECT count(*) FROM epochs_out")
    assert epochs <= 6
    (figures,) = await node.store.queries.channels()
    assert figures.problem == "receiver_wavers"
    await world.close()


async def test_g11_receiver_that_goes_back_for_days_is_stopped_before_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it makes us keep ends there; a person is told once, and nothing is lost."""
    monkeypatch.setattr(refilling, "ALWAYS", 20 * refilling.OPENING)
    world = Fleet(tmp_path, ("gb-iwf", "xx-bad"), 1, "xx-bad")
    await world.start()
    node = world["gb-iwf"]
    await node.submit("https://xx1.example/1.jpg")
    await world.settle()
    world.net.rogue = wavering()
    await node.submit("https://xx2.example/2.jpg")
    for _ in range(30):
        world.now += DAY_MS
        await node.work()
    ((epochs,),) = rows(node, "SELECT count(*) FROM epochs_out")
    assert epochs <= 25
    tasks = [(code, subject) for code, subject, _ in await node.store.queries.tasks()]
    assert tasks.count(("channel_receiver_goes_back", "xx-bad/reports")) == 1
    world.net.rogue = None
    await node.resume("xx-bad", Lane.REPORTS)
    await world.settle()
    (figures,) = await node.store.queries.channels()
    assert (figures.stopped, figures.waiting, figures.unreceipted) == (None, 0, 0)
    await world.close()


async def test_g7_keys_of_a_backup_whose_turn_ends_days_later_are_replaced(tmp_path: Path) -> None:
    """The clock was four days behind at the turn, so the key serves three days more, then no more.

    People who look when the faults stop see nothing wrong; they look again as days go.
    """
    world = Fleet(tmp_path, ("gb-iwf", "nl-eokm"), 1, None)
    await world.start()
    node = world["gb-iwf"]
    node.skew_ms = -4 * DAY_MS
    node.keys = with_key(node.keys, "transport", replace_now(world, node, "transport"))
    world.keeps_ledgers = True
    await heal(world)
    assert list(judge_turns(world)) == []
    await world.close()
