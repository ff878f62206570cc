"""§8.16: who takes heads of a ledger sees that its epochs go on from each other."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import HsmAwayError
from keys.member import Capabilities
from keys.recovering import Recovering
from keys.signing import SigningKey, VerifyKey
from node.peer.errors import BadAnswerError, BadLineageError, OverQuotaError, UnknownLedgerError
from node.peer.ledgers import lineage as lineages
from node.peer.ledgers.ledger import LedgerKeeper
from node.peer.ledgers.ledger_exchange import LINEAGE
from node.store.connection import open_reader
from node.store.ledgers.lineage import Lineages, remembered
from protocol.ledger import LedgerOrigin, LoggedHead
from protocol.lineage import (
    NOTHING_SHOWN,
    Lineage,
    Owner,
    Remembered,
    follow,
    from_bytes,
    to_bytes,
)
from protocol.merkle import CompactRange
from protocol.vocabulary import Kind
from tests.simulation.world import World

IWF, EOKM, PDC, ECO = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give four members; gb-iwf handed one item to nl-eokm and has its ledger witnessed."""
    world = World(tmp_path, [IWF, EOKM, PDC, ECO])
    await world.start()
    await hand_over(world, 1)
    await world[IWF].keep_ledger()
    assert await world[IWF].crosscheck.check_due(world.now) == 1
    yield world
    await world.close()


async def hand_over(world: World, number: int) -> None:
    """Let gb-iwf find something for nl-eokm."""
    await world[IWF].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()


async def again(world: World, number: int) -> None:
    """Let gb-iwf begin another epoch of its ledger, a day later."""
    await world[IWF].crash()
    await world[IWF].restart()
    await hand_over(world, number)
    world.now += DAY_MS


def seen(world: World, member: str) -> Remembered | None:
    """What a member remembers of the ledger of gb-iwf."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        return remembered(connection, IWF)


def newest(world: World, member: str = IWF) -> tuple[bytes, int]:
    """The place of the newest head of a ledger."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        row = connection.execute(
            "SELECT epoch, size FROM ledger_heads ORDER BY number DESC LIMIT 1"
        ).fetchone()
    return row[0], row[1]


def cosigners(world: World) -> set[str]:
    """Who cosigned the newest head of gb-iwf's ledger."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        rows = connection.execute(
            "SELECT witness FROM ledger_cosignatures"
            " WHERE head = (SELECT max(number) FROM ledger_heads)"
        ).fetchall()
    return {row[0] for row in rows}


def alarmed(world: World, code: str = lineages.SET_BACK) -> set[str]:
    """At whom the ledger of gb-iwf stands before a person."""
    found = set()
    for member in world.nodes:
        path, key = world[member].path, world[member].keys.database_key
        with closing(open_reader(path, key)) as connection:
            rows = connection.execute("SELECT code, subject FROM tasks").fetchall()
        if (code, IWF) in rows:
            found.add(member)
    return found


class Forgetful(LedgerKeeper):
    """Begins its epochs without what came before, or with an earlier head of it."""

    earlier: LoggedHead | None = None

    async def _next(
        self, changed: Sequence[LoggedHead], newest: tuple[bytes, int] | None
    ) -> tuple[LedgerOrigin, CompactRange, list[LoggedHead]]:
        origin, edge, added = await super()._next(changed, newest)
        if newest is None or edge.size:
            return origin, edge, added
        return origin, edge, [*([self.earlier] if self.earlier else []), *added[1:]]


def forgetful(world: World, earlier: LoggedHead | None = None) -> None:
    """Let gb-iwf keep its ledger in that way from now on."""
    node = world[IWF]
    keeper = Forgetful(IWF, node.store.ledger, node.registry, node.keys.log, lambda: b"\xee" * 8)
    keeper.earlier = earlier
    node.ledger = keeper


async def test_8_16_peers_and_witnesses_follow_through_every_restart(world: World) -> None:
    """Also where they missed an epoch; nobody is alarmed."""
    for number in (2, 3):
        await again(world, number)
        await world[IWF].ledger.append_due(world.now)
    await world[IWF].keep_ledger()
    assert cosigners(world) == {PDC, ECO}
    await world[IWF].crosscheck.check_due(world.now)
    for member in (EOKM, PDC, ECO):
        found = seen(world, member)
        assert found is not None
        assert found[:2] == newest(world)
    assert alarmed(world) == set()


@pytest.mark.parametrize("names", ["nothing", "an earlier head"])
async def test_g5_an_epoch_that_does_not_name_the_head_before_it_is_cosigned_by_nobody(
    world: World, names: str
) -> None:
    """Nor does a peer remember it; its owner signed it, and cannot have it witnessed."""
    before = seen(world, PDC)
    assert before is not None
    await again(world, 2)
    first = (await world[IWF].store.ledger.newest() or (b"", 0))[0]
    world.now += DAY_MS
    await world[IWF].ledger.append_due(world.now)
    await again(world, 3)
    earlier = LoggedHead(first.decode().split("\n")[0], before.size, before.root)
    forgetful(world, earlier if names == "an earlier head" else None)
    await world[IWF].keep_ledger()
    assert newest(world)[0] == b"\xee" * 8
    assert cosigners(world) == set()
    assert await world[IWF].crosscheck.check_due(world.now) == 0
    assert seen(world, PDC) == before


async def test_g5_a_ledger_that_was_set_back_stands_before_a_person_at_each_of_them(
    world: World, tmp_path: Path
) -> None:
    """It may be an honest backup: it is cosigned again, and its owner is asked."""
    await set_back(world, tmp_path)
    assert cosigners(world) == {PDC, ECO}
    assert alarmed(world) == {EOKM, PDC, ECO}


async def test_8_16_a_node_that_was_lost_and_says_so_stands_there_in_other_words(
    world: World, tmp_path: Path
) -> None:
    """Its offline member key signed it: a person knows what to ask, and is asked all the same."""
    registry = world.registry
    document = registry.members[IWF]
    key = document.sealing[0].key.key_id
    said = replace(document, recovering=Recovering(key, world.now))
    world.registry = replace(registry, members={**registry.members, IWF: said})
    await set_back(world, tmp_path)
    assert alarmed(world, lineages.REBUILT) == {EOKM, PDC, ECO}
    assert alarmed(world) == set()


async def set_back(world: World, tmp_path: Path) -> None:
    """Let gb-iwf go back to a backup after others were shown more of its ledger."""
    node = world[IWF]
    await node.crash()
    shutil.copy(node.path, tmp_path / "backup")
    await node.restart()
    await hand_over(world, 2)
    world.now += DAY_MS
    await node.keep_ledger()
    await node.crosscheck.check_due(world.now)
    await node.crash()
    shutil.copy(tmp_path / "backup", node.path)
    await node.restart()
    await hand_over(world, 3)
    world.now += DAY_MS
    await node.keep_ledger()
    await node.crosscheck.check_due(world.now)


async def test_8_16_an_epoch_that_was_not_shown_is_not_cosigned(world: World) -> None:
    """A witness asks for nothing; who hands in a head shows first how it came there."""
    await again(world, 2)
    world[IWF].witnessing._introduce = silent
    await world[IWF].keep_ledger()
    assert cosigners(world) == set()


def earlier_version(world: World) -> None:
    """Let the document of gb-iwf be one that shows nothing of its ledger."""
    registry = world.registry
    document = registry.members[IWF]
    kinds = tuple(kind for kind in document.capabilities.kinds if kind != Kind.DISAVOW)
    older = replace(document, capabilities=Capabilities((1,), kinds))
    world.registry = replace(registry, members={**registry.members, IWF: older})


async def silent(witness: str) -> None:
    """Show a witness nothing."""
    del witness


async def test_8_16_a_member_of_an_earlier_version_is_cosigned_as_before(tmp_path: Path) -> None:
    """It cannot show anything, and nobody asks it to."""
    world = World(tmp_path, [IWF, EOKM, PDC, ECO])
    await world.start()
    earlier_version(world)
    await hand_over(world, 1)
    world[IWF].witnessing._introduce = silent
    await world[IWF].keep_ledger()
    assert cosigners(world) == {PDC, ECO}
    await world[EOKM].lineages.exchange(IWF)
    assert seen(world, EOKM) is None
    await world.close()


async def test_attack_who_showed_its_ledger_once_does_not_become_an_earlier_version(
    world: World,
) -> None:
    """Its member key may sign a document that says so: then an epoch could begin with nothing."""
    await again(world, 2)
    earlier_version(world)
    world[IWF].witnessing._introduce = silent
    forgetful(world)
    await world[IWF].keep_ledger()
    assert cosigners(world) == set()
    before = seen(world, EOKM)
    with pytest.raises(BadAnswerError):
        await world[EOKM].lineages.exchange(IWF)
    assert seen(world, EOKM) == before


async def test_g11_attack_who_says_that_he_remembers_our_first_head_has_little_hashed(
    world: World,
) -> None:
    """Each answer leads on by as much as one costs, and in the end to the newest head."""
    first = seen(world, PDC)
    assert first is not None
    for number in range(2, 7):
        await again(world, number)
        await world[IWF].ledger.append_due(world.now)
    store = world[IWF].store
    sparing, reached = Lineages(store.writer, store.readers, leaves_at_once=1), [first]
    owner = Owner(world.registry.network_id, IWF, world.registry.member(IWF).log_keys)
    for _ in range(9):
        shown = await sparing.ours(reached[-1].seen, bool)
        assert len(shown.links) <= 2
        after = follow(shown, owner, reached[-1]).remembered
        assert after is not None
        if after == reached[-1]:
            break
        reached.append(after)
    assert len(reached) == 6
    assert reached[-1][:2] == newest(world)
    assert len((await store.lineages.ours(first.seen, bool)).links) == 6


async def chain(world: World, epochs: int) -> Remembered:
    """Let gb-iwf begin so many epochs more; what its peers remember from before."""
    first = seen(world, PDC)
    assert first is not None
    for number in range(2, 2 + epochs):
        await again(world, number)
        await world[IWF].ledger.append_due(world.now)
    return first


def rotated(world: World) -> SigningKey:
    """Let gb-iwf list another log key, and no more the one before: that was revoked."""
    key = SigningKey.generate()
    registry = world.registry
    document = registry.members[IWF]
    published = (replace(document.log[0], key=key.public),)
    members = {**registry.members, IWF: replace(document, log=published)}
    world.registry = replace(registry, members=members)
    return key


async def test_3_9_a_chain_does_not_end_at_a_head_under_a_key_that_was_revoked(
    world: World,
) -> None:
    """It costs what it costs, once: nobody believes a chain whose last head counts no more."""
    first = await chain(world, 3)
    await again(world, 5)
    key = rotated(world)
    world[IWF].ledger.log_key = key
    await world[IWF].ledger.append_due(world.now)
    store = world[IWF].store
    sparing = Lineages(store.writer, store.readers, leaves_at_once=1)
    world[IWF].lineages._store = sparing
    await world[EOKM].lineages.exchange(IWF)
    found = seen(world, EOKM)
    assert found is not None
    assert found[:2] == newest(world)
    assert alarmed(world) == set()
    assert len((await sparing.ours(first.seen, lambda _note: True)).links) == 5


async def led_through_a_revoked_key(world: World) -> Remembered:
    """Let gb-iwf restart more often under a key than a chain has links, and revoke that key.

    The key of before is listed, the one of now signed the newest head. Returns the first head.
    """
    first, before = seen(world, PDC), world[IWF].ledger.log_key.public
    assert first is not None
    lost, now = SigningKey.generate(), SigningKey.generate()
    listing(world, before, lost.public)
    for number in range(2, 8):
        await again(world, number)
        world[IWF].ledger.log_key = now if number == 7 else lost
        await world[IWF].ledger.append_due(world.now)
    listing(world, before, now.public)
    store = world[IWF].store
    world[IWF].lineages._store = Lineages(store.writer, store.readers, links_at_once=3)
    return first


def listing(world: World, *keys: VerifyKey) -> None:
    """Let gb-iwf list these log keys and no others."""
    registry = world.registry
    document = registry.members[IWF]
    published = tuple(replace(document.log[0], key=key) for key in keys)
    members = {**registry.members, IWF: replace(document, log=published)}
    world.registry = replace(registry, members=members)


def doubts(world: World) -> int:
    """How many heads of the ledger of gb-iwf fr-pdc is to ask about."""
    with closing(open_reader(world[PDC].path, world[PDC].keys.database_key)) as connection:
        return len(connection.execute("SELECT 1 FROM ledger_doubts").fetchall())


@pytest.mark.parametrize("calls", [(PDC, IWF), (IWF, PDC)])
async def test_attack_8_16_6_who_restarted_often_under_a_key_that_it_revoked_is_not_accused(
    world: World, calls: tuple[str, str]
) -> None:
    """Its key of now says again what a chain ends at: from what is remembered, and was heard of."""
    caller, called = calls
    first = await led_through_a_revoked_key(world)
    for _ in range(4):
        await world[caller].lineages.exchange(called)
    found = seen(world, PDC)
    assert found is not None
    assert found[:2] == newest(world)
    assert seen(world, ECO) == first
    await world[PDC].lineages.exchange(ECO)
    assert doubts(world) == 1
    for _ in range(8):
        await world[caller].lineages.exchange(called)
    assert doubts(world) == 0
    assert {code: alarmed(world, code) for code in (lineages.SET_BACK, lineages.SPLIT)} == {
        lineages.SET_BACK: set(),
        lineages.SPLIT: set(),
    }


async def test_8_16_6_who_cannot_sign_now_leads_on_another_time(world: World) -> None:
    """Its key lies in a token that is away: as the one who calls it shows nothing meanwhile."""

    def away() -> SigningKey:
        raise HsmAwayError

    first = await led_through_a_revoked_key(world)
    world[IWF].lineages._log_key, there = away, world[IWF].lineages._log_key
    await world[IWF].lineages.exchange(PDC)
    with pytest.raises(HsmAwayError):
        await world[IWF].lineages.answer(PDC, to_bytes(Lineage(1, first.seen, None, (), (), ())))
    assert seen(world, PDC) == first
    world[IWF].lineages._log_key = there
    for _ in range(4):
        await world[IWF].lineages.exchange(PDC)
    found = seen(world, PDC)
    assert found is not None
    assert found[:2] == newest(world)
    assert alarmed(world) == set()


async def test_8_16_6_a_head_is_not_said_again_under_a_key_that_nobody_believes(
    world: World,
) -> None:
    """Its key of now is revoked, too: it shows nothing that is believed until it has another."""
    first = await led_through_a_revoked_key(world)
    listing(world, world[IWF].keys.log.public)
    shown = await world[IWF].lineages._led_from(first.seen)
    assert [link.path for link in shown.links[:1]] == [()]
    assert shown == await world[IWF].lineages._store.ours(first.seen, lambda _note: False)


async def test_8_16_6_who_remembers_nothing_is_shown_a_head_under_a_key_that_is_believed(
    world: World,
) -> None:
    """The newest head is under a key that was revoked since, and nothing has moved after that."""
    world[IWF].ledger.log_key = rotated(world)
    raw = await world[IWF].lineages.answer(PDC, to_bytes(Lineage(1, None, None, (), (), ())))
    keys = world.registry.member(IWF).log_keys
    found = follow(from_bytes(raw), Owner(world.registry.network_id, IWF, keys), None).remembered
    assert found is not None
    assert found[:2] == newest(world)


async def test_8_16_an_epoch_that_is_over_is_hashed_once(world: World) -> None:
    """Whoever asks after that costs nothing, and is led as far as there are links."""
    first = await chain(world, 3)
    store = world[IWF].store
    sparing = Lineages(store.writer, store.readers, leaves_at_once=1)
    led = [len((await sparing.ours(first.seen, lambda _note: True)).links) for _ in range(3)]
    assert led == [2, 2, 2]
    await sparing.ours(first.seen, lambda _note: False)
    assert len((await sparing.ours(first.seen, lambda _note: True)).links) == 4


async def test_8_16_a_lost_answer_is_made_up_for(world: World) -> None:
    """What is remembered is asked again, and nobody is alarmed."""
    await again(world, 2)
    world.faults.lose_answer = 1.0
    await world[IWF].keep_ledger()
    world.faults.lose_answer = 0.0
    await again(world, 3)
    await world[IWF].keep_ledger()
    assert cosigners(world) == {PDC, ECO}
    assert alarmed(world) == set()


async def test_8_16_what_does_not_verify_is_refused_and_changes_nothing(world: World) -> None:
    """And a suspended member is told nothing."""
    before = seen(world, EOKM)
    with pytest.raises(BadLineageError):
        await world[EOKM].lineages.answer(IWF, b"\x95\x01")
    assert seen(world, EOKM) == before
    network = world.registry.network
    entry = replace(network.members[IWF], status="suspended")
    suspended = replace(network, members={**network.members, IWF: entry})
    world.registry = replace(world.registry, network=suspended)
    with pytest.raises(UnknownLedgerError):
        await world[EOKM].lineages.answer(IWF, to_bytes(NOTHING_SHOWN))


async def test_g11_a_member_shows_so_often_and_no_more(world: World) -> None:
    """An hour later it may again."""
    raw = to_bytes(NOTHING_SHOWN)
    for _ in range(LINEAGE.per_hour):
        await world[PDC].lineages.answer(EOKM, raw)
    with pytest.raises(OverQuotaError):
        await world[PDC].lineages.answer(EOKM, raw)
    world.now += HOUR_MS
    assert await world[PDC].lineages.answer(EOKM, raw)
