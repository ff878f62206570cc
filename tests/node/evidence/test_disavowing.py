"""A member that says a thief signed what it signed itself: evidence is judged without asking it."""

from __future__ import annotations

from pathlib import Path

from node.casework.passing_on.post import Post
from node.evidence.findings import Findings
from node.evidence.weight import Weighed, count_void
from node.peer.channels.outgoing import disavowal
from protocol.disavowal import Disavow
from protocol.merkle import EMPTY_ROOT
from protocol.vocabulary import Kind, Lane
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over
from tests.simulation.test_disavowed import held, post

EPOCHS = [("p", "reports", bytes((number,)) * 8) for number in range(4)]


async def deny(world: Governed, stolen_ms: int) -> None:
    """Let gb-iwf say that its key was stolen at a time, and disavow all that it handed over."""
    epoch, end, root = await held(world)
    key = world.theft(IWF, "log", stolen_ms)
    node = world[IWF]
    await node.crash()
    await node.restart()
    node.delivery.log_key = key
    said = Disavow(epoch, 0, EMPTY_ROOT, end, root)
    made = disavowal(node.keys.node_secret, EOKM, said)
    post(node, Post(EOKM, Lane.REPORTS, 0, Kind.DISAVOW, None, *made))
    await world.settle()


async def test_g3_nobody_gets_out_of_a_hand_over_by_disavowing_it(tmp_path: Path) -> None:
    """What witnesses saw before the theft that it claims binds it; both verifiers say so."""
    world = Governed(tmp_path, (IWF, EOKM, "fr-pdc", "at-sol"))
    await world.start()
    item = await hand_over(world, 1)
    await world[IWF].ledger.append_due(world.now)
    await world[IWF].witnessing.ask_due(world.now)
    await deny(world, world.now + 1000)
    view = await world[EOKM].desk.item(item)
    assert view is not None
    assert view.disavowed_by == (IWF,)
    world.both_take(world.bundle(IWF, item))
    await world.close()


async def test_g3_what_nobody_saw_before_the_theft_proves_nothing(tmp_path: Path) -> None:
    """Disavowed or not; and naming the state after it does not say it again."""
    world = Governed(tmp_path, (IWF, EOKM))
    await world.start()
    item = await hand_over(world, 1)
    await deny(world, world.now)
    world.both_find(world.bundle(EOKM, item), "checkpoint")
    assert world.void(EOKM, "void_checkpoints_held") == 1
    await world.close()


def void(weighed: Weighed) -> int:
    """How many signatures are void."""
    findings = Findings()
    count_void("held", [("checkpoints", weighed)], findings)
    return findings.counts.get("void_checkpoints_held", 0)


def test_8_15_an_epoch_covers_its_own_word_past_a_whole_epoch_of_a_thief() -> None:
    """Three epochs: its own, cut into at 3 by a thief, who then opened one; and the new one."""
    own, thiefs, new, _ = EPOCHS
    weighed = Weighed(
        seen={own: [(2, False), (3, False), (5, False)], thiefs: [(4, False)], new: [(2, True)]},
        before={new: (thiefs, 4), thiefs: (own, 5)},
        disavowed={thiefs: 0, own: 3},
    )
    assert void(weighed) == 2
    weighed.disavowed = {}
    assert void(weighed) == 0


def test_8_15_what_counts_by_itself_counts_in_a_disavowed_range_too() -> None:
    """A signature of a key that is believed, over entries that its owner disavows."""
    own, new, *_ = EPOCHS
    weighed = Weighed(
        seen={own: [(2, False), (5, True), (7, False)], new: [(2, True)]},
        before={new: (own, 7)},
        disavowed={own: 0},
    )
    assert void(weighed) == 1
