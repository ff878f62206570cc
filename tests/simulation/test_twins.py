"""What two lives of a node said in other words under one id, after both came back to it."""

from __future__ import annotations

import hashlib
from contextlib import closing

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.reports.draft import AssessmentDraft
from node.evidence.bundle import export
from node.evidence.check import check
from node.evidence.heads import sign_head as sign
from node.store.audits.audit import Audit
from node.store.connection import open_reader, open_writer
from node.store.items.decisions import say_restored
from node.store.writer import InlineWriter
from protocol.vocabulary import Kind, Verdict
from tests.second.files import check_bundle
from tests.simulation.recovering import burn, decide, finish, recover
from tests.simulation.test_destroyed import destroy
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.test_recovering import rows
from tests.simulation.world import Node, World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
DAY_MS = 86_400_000
ERASED = ErasureDraft(Cause.ERROR)


async def live_twice(world: World) -> str:
    """Let nl-eokm lose its disk unsaid, and hand one item on again, received at another time.

    That it was set back is said when its channels have stopped: what it had worded goes then.
    """
    eokm = world[EOKM]
    item = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "FR")
    await world[PDC].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    await destroy(eokm)
    await moved(world, EOKM, item, "FR")
    await say_that_it_was_set_back(eokm)
    return item


async def say_that_it_was_set_back(node: Node) -> None:
    """A person says so while the node is stopped."""
    await node.crash()
    with closing(open_writer(node.path, node.keys.database_key)) as connection:
        InlineWriter(connection).run_now(lambda c: say_restored(c, node.world.now))
    await node.restart(restored=True)
    await settle_for_days(node.world)


async def settle_for_days(world: World) -> None:
    """Longer than any pause between attempts."""
    for _ in range(3):
        world.now += DAY_MS + 3_600_000
        await world.settle()


def twins(node: Node) -> list[tuple[int, str]]:
    """Of which kind, and to whom, this node has two messages under one id."""
    return rows(
        node,
        "SELECT kind, peer FROM messages_out GROUP BY kind, peer, entry_id"
        " HAVING count(*) = 2 ORDER BY kind",
    )


async def sign_head(node: Node) -> None:
    """Sign the present head of its history, as a running node does."""
    network, key = node.world.registry.network_id, node.keys.log
    await node.store.history.sign_head(lambda head: sign(head, network, node.member, key))


async def recover_again(world: World) -> None:
    """The machine burns once more, within days: its peers say so twice."""
    await burn(world, EOKM)
    await world.settle()
    for peer in (IWF, PDC):
        assert decide(world, peer, EOKM, again=True) == "decided"
    await settle_for_days(world)
    await finish(world, EOKM)


async def test_g5_erasing_what_was_said_in_two_wordings_leaves_the_history_whole(
    world: World,
) -> None:
    """Each message has the leaf of its own wording still, and is counted once."""
    item = await live_twice(world)
    await recover(world, EOKM, IWF, PDC)
    assert twins(world[EOKM]) == [(Kind.ITEM, PDC), (Kind.DISPOSITION, IWF)]
    await sign_head(world[EOKM])
    await world[EOKM].desk.erase(item, ERASED, actor="head")
    await world.settle()
    await sign_head(world[EOKM])
    assert rows(world[EOKM], "SELECT count(*) FROM messages_out WHERE entry IS NOT NULL"
                f" AND kind = {int(Kind.ITEM)}") == [(0,)]  # fmt: skip
    assert world[EOKM].verify().found == []


async def test_g9_both_wordings_stay_erased_when_its_machine_burns_again(world: World) -> None:
    """They come back, and go: the word that they were erased came back, too."""
    item = await live_twice(world)
    await recover(world, EOKM, IWF, PDC)
    await world[EOKM].desk.erase(item, ERASED, actor="head")
    await world.settle()
    await recover_again(world)
    assert twins(world[EOKM]) == [(Kind.ITEM, PDC), (Kind.DISPOSITION, IWF)]
    assert await world[EOKM].desk.item(item) is None
    assert all(node.verify().found == [] for node in world.nodes.values())


async def test_8_8_2_a_peer_that_is_refilled_hears_once_that_both_wordings_are_erased(
    world: World,
) -> None:
    """The tombstone has the id that both had; neither body is said again."""
    item = await live_twice(world)
    await recover(world, EOKM, IWF, PDC)
    await world[EOKM].desk.erase(item, ERASED, actor="head")
    await world.settle()
    await destroy(world[PDC])
    said = "SELECT count(*) FROM messages_out WHERE peer = ? AND kind = ?"
    assert rows(world[EOKM], said, PDC, int(Kind.TOMBSTONE)) == [(1,)]
    assert await world[PDC].desk.item(item) is None
    assert all(node.verify().found == [] for node in world.nodes.values())


async def test_g3_a_bundle_shows_both_wordings_and_convinces_both_verifiers(world: World) -> None:
    """Each stands in its own log, under a receipt."""
    item = await live_twice(world)
    await recover(world, EOKM, IWF, PDC)
    pin = hashlib.sha256(world.files["metadata/1.root.json"]).digest()
    for node in world.nodes.values():
        with closing(open_reader(node.path, node.keys.database_key)) as connection:
            known = (world.registry, world.files, world.now)
            raw = export(Audit(connection), item, node.member, *known)
        shown = [(one["from"], one["kind"]) for one in check(raw, pin).proofs]
        counted = {EOKM: 2, IWF: 0, PDC: 1}  # at its receiver the second is a conflict, of no item
        assert shown.count((EOKM, "item")) == counted[node.member]
        assert len(check_bundle(raw, pin)) == len(shown)
