"""Contract of a store, pulls: a receipt that comes with one is evidence, whatever the tenure."""

from __future__ import annotations

import pytest

from node.store.sqlite import Store
from protocol.checkpoint import Checkpoint
from tests.builders.network import NOW_MS
from tests.contract.stores import message, post
from tests.contract.test_store_outbox import CHANNEL, FIRST, LANE, PEER, SECOND, Tenure


@pytest.fixture
async def tenure(store: Store) -> Tenure:
    """Give a tenure with three messages signed at sizes 2 and 3."""
    made = Tenure(store)
    await made.open()
    await post(store, message(1), message(2))
    await made.cut()
    await post(store, message(3))
    await made.cut()
    return made


def text(tenure: Tenure, size: int, root: bytes | None = None) -> str:
    """The text of a checkpoint of the first epoch."""
    return Checkpoint(CHANNEL.origin(FIRST), size, root or tenure.state.root).text


async def test_a_receipt_covers_what_no_kept_one_covers(tenure: Tenure) -> None:
    """The count is what the metric of receipted entries grows by."""
    outbox = tenure.store.outbox
    assert await outbox.unreceipted(PEER, LANE, FIRST, 3, text(tenure, 3)) == (3, NOW_MS)
    await outbox.keep_receipt(PEER, LANE, FIRST, 2, b"receipt")
    assert await outbox.unreceipted(PEER, LANE, FIRST, 3, text(tenure, 3)) == (1, NOW_MS)


async def test_a_receipt_that_is_kept_covers_nothing_anew(tenure: Tenure) -> None:
    """A puller shows its newest receipt with every pull; it is written once."""
    outbox = tenure.store.outbox
    await outbox.keep_receipt(PEER, LANE, FIRST, 3, b"receipt")
    assert await outbox.unreceipted(PEER, LANE, FIRST, 3, text(tenure, 3)) is None


@pytest.mark.parametrize("size", [1, 4])
async def test_a_checkpoint_that_was_not_signed_needs_no_receipt(tenure: Tenure, size: int) -> None:
    """A size between two checkpoints, or beyond the last."""
    said = text(tenure, size)
    assert await tenure.store.outbox.unreceipted(PEER, LANE, FIRST, size, said) is None


async def test_another_root_than_the_signed_one_needs_no_receipt(tenure: Tenure) -> None:
    """It is not our checkpoint, whoever cosigned it."""
    said = text(tenure, 3, bytes(32))
    assert await tenure.store.outbox.unreceipted(PEER, LANE, FIRST, 3, said) is None


async def test_a_receipt_for_an_earlier_epoch_is_kept_as_evidence(tenure: Tenure) -> None:
    """The process died before it came; the next one keeps it, and its own epoch stays as it is."""
    outbox, said = tenure.store.outbox, text(tenure, 3)
    again = Tenure(tenure.store)
    await again.open(SECOND)
    await outbox.keep_receipt(PEER, LANE, FIRST, 3, b"receipt")
    assert await outbox.unreceipted(PEER, LANE, FIRST, 3, said) is None
    (figures,) = await tenure.store.queries.channels()
    await again.cut()
    (after,) = await tenure.store.queries.channels()
    assert (figures.unreceipted, after.unreceipted) == (0, 3)


async def test_the_first_receipt_for_a_size_stays(tenure: Tenure) -> None:
    """It is the evidence; another one changes nothing."""
    for receipt in (b"first", b"second"):
        await tenure.store.outbox.keep_receipt(PEER, LANE, FIRST, 3, receipt)
    found = await tenure.store.writer.run(
        lambda c: c.execute("SELECT receipt FROM checkpoints_out WHERE size = 3").fetchone()
    )
    assert found == (b"first",)


async def test_no_receipt_is_told_before_the_first_epoch(store: Store) -> None:
    """A channel that was never opened has none."""
    assert await store.inbox.last_receipt(PEER, LANE) is None
