"""A restored backup does not bring back what was erased after it was made (§8.13.8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft
from node.peer.errors import PeerRefusedError, PeerTimeoutError
from node.peer.recovery.recovering import open_page
from node.peer.recovery.replaying import AGAIN_MS, CAP_MS
from node.store import backup
from protocol.channel import Channel
from protocol.entry import decode
from protocol.messages import Outcome
from protocol.recovery import Held, Page, Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Action, Kind, Lane, OutcomeWhat
from tests.simulation.test_destroyed import tasks
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.test_recovering import Slow, Sparing
from tests.simulation.world import Node, World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
HELD = "https://nl{}.example/1.jpg"
BACKUP_KEY = b"\x31" * 32


@pytest.fixture
def saved(world: World, tmp_path: Path) -> Path:
    """Give where the backup of nl-eokm stands."""
    return tmp_path / "backup"


def save(node: Node, place: Path) -> None:
    """Make a backup beside the running node."""
    backup.backup(node.path, node.keys.database_key, place, BACKUP_KEY)


async def restore(node: Node, place: Path) -> None:
    """Put the backup in the database's place, as a person does."""
    await node.crash()
    for path in node.path.parent.glob(f"{node.path.name}*"):
        path.unlink()
    backup.restore(place, BACKUP_KEY, node.path, node.keys.database_key, node.world.now)
    await node.restart(restored=True)


async def erased_after_the_backup(world: World, saved: Path) -> tuple[str, str]:
    """Two items that gb-iwf handed over: one is erased once the backup was made, one stays."""
    made = [(await world[IWF].submit(HELD.format(n))).items[0].item_id for n in (1, 2)]
    await world.settle()
    for item in made:
        await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    save(world[EOKM], saved)
    await world[EOKM].desk.erase(made[0], ErasureDraft(Cause.RETENTION), actor="head")
    await world.settle()
    return made[0], made[1]


async def said_again_after_a_restore(world: World, saved: Path) -> str:
    """An item that came and was erased after the backup, and has come again since the restore."""
    save(world[EOKM], saved)
    item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
    await world.settle()
    await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await world[EOKM].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
    await world.settle()
    await restore(world[EOKM], saved)
    assert await world[EOKM].coming_back.replay() == 0
    world.now += AGAIN_MS
    await world.settle()
    return item


async def test_g5_what_was_erased_after_the_backup_is_erased_again(
    world: World, saved: Path
) -> None:
    """At the first contact with whoever had been told; nothing else goes, everything verifies."""
    gone, kept = await erased_after_the_backup(world, saved)
    await restore(world[EOKM], saved)
    assert await world[EOKM].desk.item(gone) is not None
    await world.settle()
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(gone) is None
    assert await world[EOKM].desk.item(kept) is not None
    assert world[EOKM].verify().found == []


async def test_g5_what_came_and_was_erased_after_the_backup_is_erased_again_when_it_has_come_again(
    world: World, saved: Path
) -> None:
    """Its sender says it again within a day; by then a word about it had met nothing."""
    item = await said_again_after_a_restore(world, saved)
    assert await world[EOKM].desk.item(item) is not None
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(item) is None
    assert world[EOKM].verify().found == []
    await world[IWF].crash()
    world.now += 2 * AGAIN_MS
    assert await world[EOKM].coming_back.replay() == 0, "nobody is asked a third time"


async def test_g11_peer_that_shows_erasures_slowly_keeps_no_other_waiting(
    world: World, saved: Path
) -> None:
    """What it has shown so far is not asked for again, and in the end all is erased."""
    gone, kept = await erased_after_the_backup(world, saved)
    await restore(world[EOKM], saved)
    world[IWF].handing_back = replace(
        world[IWF].handing_back, store=Sparing(world[IWF].store.handing_back)
    )
    replaying = world[EOKM].coming_back.replaying
    replaying.transport = Slow(world, replaying.transport)
    for waiting in (1, 0):
        began = world.now
        assert await world[EOKM].coming_back.replay() == waiting
        assert world.now - began <= 2 * 40_000
    assert replaying.transport.asked == {IWF: 4, PDC: 1}
    assert await world[EOKM].desk.item(gone) is None
    assert await world[EOKM].desk.item(kept) is not None


class Lossy(Slow):
    """The way to others, over which every second answer of gb-iwf is lost, or that it is busy."""

    async def recover(self, peer: str, path: str, body: bytes) -> Any:
        """Ask; of gb-iwf nothing comes each second time."""
        found = await super().recover(peer, path, body)
        if peer == IWF and self.asked[peer] % 2 == 0:
            raise PeerTimeoutError if self.asked[peer] % 4 else PeerRefusedError("busy")
        return found


async def test_g1_a_lossy_line_begins_nothing_anew(world: World, saved: Path) -> None:
    """Else a long history would never be shown whole over a line that breaks now and then."""
    gone, kept = await erased_after_the_backup(world, saved)
    await restore(world[EOKM], saved)
    world[IWF].handing_back = replace(
        world[IWF].handing_back, store=Sparing(world[IWF].store.handing_back)
    )
    replaying = world[EOKM].coming_back.replaying
    replaying.transport = Lossy(world, replaying.transport)
    for _ in range(12):
        world.now += CAP_MS
        if not await world[EOKM].coming_back.replay():
            break
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(gone) is None
    assert await world[EOKM].desk.item(kept) is not None


async def test_g7_erasure_without_our_salt_erases_nothing(world: World, saved: Path) -> None:
    """Whoever stole the log key can append it to our log, and cannot salt it."""
    gone, _ = await erased_after_the_backup(world, saved)
    await restore(world[EOKM], saved)
    world[EOKM].coming_back.replaying.node_secret = b"\x08" * 32  # so what peers show is another's
    await world.settle()
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(gone) is not None


async def test_g2_nobody_hears_of_it_twice_and_nobody_has_to_allow_it(
    world: World, saved: Path
) -> None:
    """It is our own word; a peer is asked for nothing else, once."""
    gone, _ = await erased_after_the_backup(world, saved)
    before = await tasks(world[IWF])
    await restore(world[EOKM], saved)
    await world[EOKM].coming_back.replay()
    await world.settle()
    assert await world[EOKM].desk.item(gone) is None
    assert await tasks(world[IWF]) == before
    await world[IWF].crash()
    assert await world[EOKM].coming_back.replay() == 0  # nobody is asked a second time


async def test_8_13_a_page_of_erasures_shows_nothing_else(world: World, saved: Path) -> None:
    """Whoever asks with the keys of daily work learns ids that he knows to be erased."""
    await erased_after_the_backup(world, saved)
    asked = Recover(1, Scope.ERASURES, None, 0)
    page = await world[IWF].handing_back.serve(EOKM, Lane.STATUS, asked)
    assert isinstance(page, Page)
    channel = Channel(world.registry.network_id, EOKM, IWF, Lane.STATUS)
    keys = {key.public.key_id: key for key in world[EOKM].keys.sealing}
    _, _, elements = open_page(world.registry, channel, Held(), page, keys.get)
    kinds = [decode(one.entry).kind for one in elements if one.entry is not None]
    assert kinds == [Kind.EPOCH_OPEN, Kind.OUTCOME]
    assert len(elements) > len(kinds)


async def test_peer_that_is_away_is_asked_when_it_is_back(world: World, saved: Path) -> None:
    """Until then the item shows, and the peer is waited for."""
    gone, _ = await erased_after_the_backup(world, saved)
    await world[IWF].crash()
    await restore(world[EOKM], saved)
    assert await world[EOKM].coming_back.replay() == 1
    assert await world[EOKM].desk.item(gone) is not None
    await world[IWF].restart()
    world.now += 700_000
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(gone) is None


async def test_g5_a_peer_cannot_make_us_erase_what_we_did_not(world: World, saved: Path) -> None:
    """Its own erasure of the same item is its own affair."""
    item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
    await world.settle()
    save(world[EOKM], saved)
    await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await world[IWF].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
    await world.settle()
    await restore(world[EOKM], saved)
    await world[EOKM].coming_back.replay()
    assert await world[EOKM].desk.item(item) is not None


async def test_g7_word_to_a_stranger_erases_nothing_and_stands_before_a_person(
    world: World, saved: Path
) -> None:
    """A thief of every key says it to a member that has nothing to do with the item (§8.13.7)."""
    item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
    await world.settle()
    save(world[EOKM], saved)
    node, now = world[EOKM], world.now
    erased = Outcome(item, f"{EOKM}.{'0' * 26}", EOKM, OutcomeWhat.ERASED, None, None, None, None,
                     now, now)  # fmt: skip

    def say(book: Casebook) -> None:
        book.say(node.postbox, PDC, Kind.OUTCOME, erased, subject="stolen", item=item, urgency=1)

    await node.store.cases.transact(Needs(), now, say)
    await world.settle()
    await restore(node, saved)
    await world.settle()
    for pause_ms in (0, AGAIN_MS):
        assert ("entry_not_rebuilt", PDC) not in await tasks(node)
        world.now += pause_ms
        await world.settle()
        assert await node.coming_back.replay() == 0
        assert await node.desk.item(item) is not None
    assert ("entry_not_rebuilt", PDC) in await tasks(node)


async def test_honest_member_that_hands_over_after_the_backup_what_was_known_is_not_accused(
    world: World, saved: Path
) -> None:
    """The backup does not know that it had to do with the item; who does shows the word as well."""
    item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "GB")
    save(world[EOKM], saved)
    await moved(world, IWF, item, "FR")
    await moved(world, PDC, item, "NL")
    await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    await world[EOKM].desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
    await world.settle()
    await world[PDC].crash()
    await world[IWF].crash()
    await restore(world[EOKM], saved)
    await world[PDC].restart()
    await world[EOKM].coming_back.replay()  # fr-pdc shows it before gb-iwf does
    await world[IWF].restart()
    for _ in range(2):
        world.now += AGAIN_MS
        await world.settle()
        assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(item) is None
    assert [code for code, _ in await tasks(world[EOKM]) if code == "entry_not_rebuilt"] == []


async def test_g1_what_came_anew_before_the_backup_is_not_erased_by_the_word_from_before_that(
    world: World, saved: Path
) -> None:
    """Found before the erasure, handed over after it; the backup knows both, and nobody asks."""
    item = (await world[IWF].submit(HELD.format(1))).items[0].item_id
    await world.settle()
    await world[EOKM].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    await world.settle()
    await moved(world, IWF, item, "NL")
    assert (await world[EOKM].state(item)).custody is Custody.HERE
    save(world[EOKM], saved)
    await restore(world[EOKM], saved)
    for _ in range(2):
        world.now += AGAIN_MS
        await world.settle()
        assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(item) is not None
    assert [code for code, _ in await tasks(world[EOKM]) if code == "entry_not_rebuilt"] == []


@pytest.fixture
async def pulled(tmp_path: Path) -> AsyncIterator[World]:
    """Give a world in which nobody can call gb-iwf."""
    folder = tmp_path / "pulled"
    folder.mkdir()
    made = World(folder, (IWF, EOKM), unreachable=IWF)
    await made.start()
    yield made
    await made.close()


async def test_g5_peer_that_only_pulls_brings_what_was_erased(pulled: World, saved: Path) -> None:
    """It asks once an hour whether somebody was restored; nobody has to allow it."""
    gone, kept = await erased_after_the_backup(pulled, saved)
    await restore(pulled[EOKM], saved)
    assert await pulled[EOKM].coming_back.replay() == 0, "it cannot be asked"
    assert await pulled[EOKM].desk.item(gone) is not None
    pulled.now += 3_600_000
    assert await pulled[IWF].bringing_back.bring_due() == 1
    assert await pulled[EOKM].desk.item(gone) is None
    assert await pulled[EOKM].desk.item(kept) is not None
    assert pulled[EOKM].verify().found == []
    pulled.now += 3_600_000
    assert await pulled[IWF].bringing_back.bring_due() == 0, "once"
    pulled.now += AGAIN_MS
    assert await pulled[IWF].bringing_back.bring_due() == 1, "and once more"
    pulled.now += 2 * AGAIN_MS
    assert await pulled[IWF].bringing_back.bring_due() == 0


async def test_g5_what_it_brings_is_believed_as_little_as_what_is_asked(
    pulled: World, saved: Path
) -> None:
    """A page that was changed erases nothing and ends nothing; the true one still counts."""
    gone, _ = await erased_after_the_backup(pulled, saved)
    await restore(pulled[EOKM], saved)
    asked = Recover(1, Scope.ERASURES, None, 0)
    page = await pulled[IWF].handing_back.serve(EOKM, Lane.STATUS, asked)
    assert isinstance(page, Page)
    false = page._replace(sealed=page.sealed[:-1] + bytes([page.sealed[-1] ^ 1]))
    coming_back = pulled[EOKM].coming_back
    assert await coming_back.brought(IWF, Lane.STATUS, false) == asked
    assert await pulled[EOKM].desk.item(gone) is not None
    await coming_back.brought(IWF, Lane.STATUS, page)
    assert await pulled[EOKM].desk.item(gone) is None


@pytest.mark.parametrize("lane", [Lane.REPORTS, Lane.BULK])
async def test_8_13_nothing_but_erasures_is_asked_of_it(
    pulled: World, saved: Path, lane: Lane
) -> None:
    """Other lanes hold none; and a member that was not restored asks for nothing."""
    nothing = Standing(1, StandingCode.NOT_RECOVERING)
    waiting = Standing(1, StandingCode.WAITING)
    assert await pulled[EOKM].coming_back.brought(IWF, Lane.STATUS, waiting) == nothing
    await erased_after_the_backup(pulled, saved)
    await restore(pulled[EOKM], saved)
    assert await pulled[EOKM].coming_back.brought(IWF, lane, waiting) == nothing


async def test_g11_who_can_be_asked_brings_no_erasures(world: World, saved: Path) -> None:
    """It waits until it is asked."""
    await erased_after_the_backup(world, saved)
    await restore(world[EOKM], saved)
    waiting = Standing(1, StandingCode.WAITING)
    answer = await world[EOKM].coming_back.brought(IWF, Lane.STATUS, waiting)
    assert isinstance(answer, Standing)
    assert await world[IWF].bringing_back.bring_due() == 0


async def test_node_that_was_never_restored_asks_nobody(world: World) -> None:
    """The usual start costs nothing."""
    await world[IWF].crash()
    assert await world[EOKM].coming_back.replay() == 0


async def test_g5_what_was_found_after_the_erasure_is_not_erased_with_it(
    world: World, saved: Path
) -> None:
    """It was joined to what came again; that we erased that is said of nothing found since."""
    item = await said_again_after_a_restore(world, saved)
    await world[IWF].submit(HELD.format(1), reference="again")
    await world.settle()
    assert await world[EOKM].coming_back.replay() == 0
    assert await world[EOKM].desk.item(item) is not None
    assert ("entry_not_rebuilt", IWF) in await tasks(world[EOKM])
