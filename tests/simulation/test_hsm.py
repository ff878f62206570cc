"""Nodes whose log and receipt keys lie in a token in half: who talks to them cannot tell.

The token is SoftHSM2. While it is pulled, nothing is lost, kept in half or signed in half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import HsmAwayError
from keys.hsm import Hsm, hybrid_key
from keys.keyring import MemberKeys
from keys.registry import Registry
from node.keeping import HsmWatch
from node.peer.ledgers.ledger import LedgerKeeper
from protocol.vocabulary import Disposition
from tests.builders.network import make_document
from tests.builders.softhsm import SoftHsm
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/1.jpg"


class TokenWorld(World):
    """A world in which the keys of `holder` lie in a token."""

    def __init__(self, folder: Path, hsm: Hsm, holder: str) -> None:
        self.hsm, self.holder = hsm, holder
        super().__init__(folder, [IWF, EOKM])

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """The network, in which the holder's document lists the keys in its token."""
        registry, keys, files = super().make_network(members)
        log, receipt = (hybrid_key(purpose, self.hsm) for purpose in ("log", "receipt"))
        own = replace(keys[self.holder], log=log, receipt=receipt)
        document = make_document(registry.network_id, self.holder, keys=own)
        listed = {**registry.members, self.holder: document}
        return replace(registry, members=listed), {**keys, self.holder: own}, files


@pytest.fixture
async def world(
    tmp_path: Path, softhsm: SoftHsm, request: pytest.FixtureRequest
) -> AsyncIterator[TokenWorld]:
    """Give a world that runs; the parameter is whose keys lie in a token."""
    made = TokenWorld(tmp_path, softhsm.hsm(softhsm.token()), request.param)
    await made.start()
    yield made
    await made.close()
    made.hsm.close()


@contextmanager
def pulled(softhsm: SoftHsm) -> Iterator[None]:
    """Pull the tokens out for a while."""
    elsewhere = softhsm.folder / "elsewhere"
    softhsm.tokens.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(softhsm.tokens)


sender = pytest.mark.parametrize("world", [IWF], indirect=True)
receiver = pytest.mark.parametrize("world", [EOKM], indirect=True)
either = pytest.mark.parametrize("world", [IWF, EOKM], indirect=True)


@either
async def test_a_whole_node_signs_its_checkpoints_and_receipts_in_the_token(
    world: TokenWorld,
) -> None:
    """The item arrives, its answer comes back, and both histories verify."""
    result = await world[IWF].submit(PLACE, sha256="ab" * 32)
    await world.settle()
    at_finder = await world[IWF].state(result.items[0].item_id)
    assert at_finder.answer is Disposition.NEW
    for node in world.nodes.values():
        findings = node.verify()
        assert findings.holds, findings.found
        assert sum(n for what, n in findings.counts.items() if what.startswith("receipts_")) > 1


@sender
async def test_a_sender_whose_token_is_pulled_keeps_what_it_has_to_say(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """It takes reports in; they stand in the outbox with the reason, and go when it is back."""
    with pulled(softhsm):
        result = await world[IWF].submit(PLACE)
        for _ in range(3):
            await world[IWF].work()
        [channel] = await world[IWF].store.queries.channels()
        assert (channel.problem, channel.stopped, channel.waiting) == ("hsm_away", None, 1)
    world.now += 3_600_000
    await world.settle()
    assert (await world[EOKM].state(result.items[0].item_id)).responsible == EOKM
    assert world[IWF].verify().holds


@sender
async def test_what_could_not_be_signed_was_never_begun(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """No entry stands in the log without a checkpoint over it: the cut is taken back whole."""
    with pulled(softhsm):
        await world[IWF].submit(PLACE)
        await world[IWF].work()
        assert not await logged(world, IWF)
    world.now += 3_600_000
    await world.settle()
    assert await logged(world, IWF)


@receiver
async def test_a_receiver_whose_token_is_pulled_keeps_nothing_and_asks_for_it_again(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """Custody without a receipt would be custody that it could deny."""
    result = await world[IWF].submit(PLACE)
    with pulled(softhsm):
        await world[IWF].work()
        [channel] = await world[IWF].store.queries.channels()
        assert (channel.problem, channel.stopped) == ("busy", None)
        assert not await world[EOKM].desk.judge_due()
    world.now += 3_600_000
    await world.settle()
    assert (await world[EOKM].state(result.items[0].item_id)).responsible == EOKM
    assert world[EOKM].verify().holds


@sender
async def test_after_the_token_is_back_nobody_waits_for_the_next_attempt(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """Fifteen minutes of backing off were for others' trouble."""
    watch = HsmWatch(world[IWF].keys.in_hsm, world[IWF].delivery.try_again)
    with pulled(softhsm):
        await world[IWF].submit(PLACE)
        for _ in range(3):
            await world[IWF].work()
        await watch.look()
        problems = [watch.problem]
        assert not await world[IWF].delivery.due(world.now)
    await watch.look()
    assert [*problems, watch.problem] == ["hsm_away", None]
    assert await world[IWF].delivery.due(world.now)


@sender
async def test_g1_a_sender_whose_token_hangs_takes_reports_in_and_goes_on_by_itself(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """What waits says why; when the token answers again it goes, without a restart."""
    watch = HsmWatch(world[IWF].keys.in_hsm, world[IWF].delivery.try_again)
    with softhsm.hanging():
        world.hsm.patience_s = 0.2
        results = [await world[IWF].submit(PLACE)]
        for _ in range(3):
            await world[IWF].work()
        [channel] = await world[IWF].store.queries.channels()
        assert (channel.problem, channel.stopped, channel.waiting) == ("hsm_hangs", None, 1)
        results.append(await world[IWF].submit(PLACE.replace("1.jpg", "2.jpg")))
        await watch.look()
        assert watch.missing() == ["hsm_hangs"]
    world.hsm.patience_s = 60
    assert await signs_again(watch)
    assert await world[IWF].delivery.due(world.now)
    await world.settle()
    for result in results:
        assert (await world[EOKM].state(result.items[0].item_id)).responsible == EOKM
    assert world[IWF].verify().holds


@receiver
async def test_g3_a_receiver_whose_token_hangs_keeps_nothing_and_answers_busy(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """Its peer tries again; nothing is in custody without a receipt."""
    result = await world[IWF].submit(PLACE)
    with softhsm.hanging():
        world.hsm.patience_s = 0.2
        await world[IWF].work()
        [channel] = await world[IWF].store.queries.channels()
        assert (channel.problem, channel.stopped) == ("busy", None)
        assert not await world[EOKM].desk.judge_due()
    world.hsm.patience_s = 60
    world.now += 3_600_000
    assert await signs_again(HsmWatch(world[EOKM].keys.in_hsm, lambda: None))
    await world.settle()
    assert (await world[EOKM].state(result.items[0].item_id)).responsible == EOKM
    assert world[EOKM].verify().holds


@sender
async def test_a_ledger_that_could_not_be_signed_is_signed_when_the_token_is_back(
    world: TokenWorld, softhsm: SoftHsm
) -> None:
    """Not an hour later, and not in an epoch that may have been signed before."""
    await world[IWF].submit(PLACE)
    await world.settle()
    node, epochs = world[IWF], iter(bytes([n]) * 8 for n in range(9))
    keeper = LedgerKeeper(
        IWF, node.store.ledger, node.registry, node.keys.log, lambda: next(epochs)
    )
    with pulled(softhsm), pytest.raises(HsmAwayError):
        await keeper.append_due(world.now)
    head = await keeper.append_due(world.now + 60_000)
    assert head is not None
    assert head.size > 0


async def signs_again(watch: HsmWatch) -> bool:
    """Look until the keys sign: what was late comes back in its own thread."""
    for _ in range(1000):
        await watch.look()
        if not watch.missing():
            return True
        await asyncio.sleep(0.01)
    return False


async def logged(world: World, member: str) -> int:
    """How many entries stand in a member's own logs."""
    found: list[tuple[int]] = await world[member].store.writer.run(
        lambda c: c.execute("SELECT count(*) FROM log_out").fetchall()
    )
    return found[0][0]
