"""§8.5.8: what a restored member said on channels that its backup has no word of.

The backup is older than the first entry there, or the disk is gone. Others hold heads of the
channel, and look for it in the member's ledger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keys.sealing import SealingKey
from protocol.vocabulary import Lane
from tests.simulation.fleet import DAY_MS, Fleet, FleetNode
from tests.simulation.ledgers import heal_ledgers
from tests.simulation.looking import rows

GB, NL, FR, DE = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"
HELD = "https://nl{}.example/1.jpg"
MISSING = ("ledger_missing", GB)


@pytest.fixture(params=[None, NL], ids=["called", "pulls"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Give gb-iwf, which handed an item to nl-eokm after its backup; ledgers say so.

    In one world of two nl-eokm cannot be called, and pulls.
    """
    world = Fleet(tmp_path, (GB, NL, FR, DE), 1, None, request.param)
    await world.start()
    world[GB].save()
    await world[GB].submit(HELD.format(1))
    await world.settle()
    world.keeps_ledgers = True
    await heal_ledgers(world)
    yield world
    await world.close()


def stands(world: Fleet) -> set[tuple[str, str]]:
    """What stands before a person at nl-eokm."""
    return set(rows(world[NL], "SELECT code, subject FROM tasks WHERE closed_ms IS NULL"))


def said_to(node: FleetNode) -> set[str]:
    """To whom it has channels."""
    return {peer for (peer,) in rows(node, "SELECT peer FROM channels_out")}


@pytest.mark.parametrize("how", ["backup", "set back", "lost", "burnt"])
async def test_g9_a_ledger_that_a_restore_set_back_covers_every_channel_again(
    world: Fleet, how: str
) -> None:
    """Nothing waits on the channel, and none of its entries is there any more."""
    node = world[GB]
    if how == "backup":
        await node.roll_back(said=True)
    elif how == "set back":
        await node.roll_back(said=False)
        await node.say_restored()
    elif how == "lost":
        await node.lose_everything()
    else:
        await node.burn(SealingKey.generate())
    await world.settle()
    world.now += 2 * DAY_MS
    await world.settle()  # within a day others see that it lost what they had said
    await heal_ledgers(world)
    assert MISSING not in stands(world)
    assert node.verify().found == []


async def test_g2_nobody_is_told_anything_on_a_channel_that_was_never_used(world: Fleet) -> None:
    """It is asked once, by whichever process; that it was unused is kept until the next restore."""
    node = world[GB]
    await node.roll_back(said=True)
    await world.settle()
    assert said_to(node) == {NL}
    pairs = {(peer, lane) for peer in (FR, DE) for lane in Lane}
    assert await node.store.outbox.unasked(pairs) == []
    node.save()
    await node.roll_back(said=True)
    assert await node.store.outbox.unasked(pairs) == sorted(pairs)


async def test_g1_what_waits_for_a_member_that_was_never_spoken_to_goes_out(world: Fleet) -> None:
    """Its answer that nothing was said before opens the first epoch, as ever."""
    await world[GB].roll_back(said=True)
    item = (await world[GB].submit("https://fr1.example/1.jpg")).items[0].item_id
    await world.settle()
    assert (await world[FR].state(item)).responsible == FR


async def test_a_member_that_is_away_is_no_partner_for_being_asked(world: Fleet) -> None:
    """Else its ledger would have to show channels that never were; it is asked when it is back."""
    await world[FR].crash()
    node = world[GB]
    await node.roll_back(said=True)
    for _ in range(3):
        await world.round()
        world.now += DAY_MS
    assert (FR, Lane.REPORTS) in await node.delivery.due(world.now)
    assert FR not in said_to(node)
    await world[FR].come_back()
    await world.settle()
    assert FR not in said_to(node)
    assert await node.store.outbox.unasked({(FR, lane) for lane in Lane}) == []
