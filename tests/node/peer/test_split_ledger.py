"""§8.16.8: of nine members, one keeps two ledgers, each cosigned by witnesses of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from node.matching.fingerprints import Fingerprints
from node.peer.ledgers.lineage import FORKED, SPLIT
from node.store.connection import open_reader, open_writer
from node.store.sqlite import Store
from protocol.ledger import LedgerHead, LedgerOrigin, sign_ledger_head
from protocol.lineage import Lineage, SeenHead
from tests.simulation.world import World

LIAR, PEER = "gb-iwf", "nl-eokm"
LEFT, RIGHT = ("fr-pdc", "de-eco", "at-sol"), ("be-chi", "dk-red", "ie-hot", "se-ecp")
HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give nine members, of whom gb-iwf handed one item to nl-eokm."""
    world = World(tmp_path, [LIAR, PEER, *LEFT, *RIGHT])
    await world.start()
    await hand_over(world, 1)
    yield world
    await world.close()


async def hand_over(world: World, number: int) -> None:
    """Let gb-iwf find something for nl-eokm."""
    await world[LIAR].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()


async def witnessed_without(world: World, away: tuple[str, ...]) -> set[str]:
    """Let gb-iwf have its ledger cosigned while some cannot be reached; who did."""
    for member in away:
        await world[member].crash()
    world.now += 2 * HOUR_MS
    for _ in range(9):  # who fails is passed over the next time
        await world[LIAR].keep_ledger()
        world.now += 1000
    for member in away:
        await world[member].restart()
    with closing(open_reader(world[LIAR].path, world[LIAR].keys.database_key)) as connection:
        return {
            row[0]
            for row in connection.execute(
                "SELECT witness FROM ledger_cosignatures"
                " WHERE head = (SELECT max(number) FROM ledger_heads)"
            )
        }


async def split(world: World, other: Path) -> tuple[set[str], set[str]]:
    """Let gb-iwf keep two ledgers: one is put aside at `other`, the other one stands."""
    node, before = world[LIAR], other.with_name("before")
    await node.crash()
    shutil.copy(node.path, before)
    await node.restart()
    right = await witnessed_without(world, LEFT)
    await node.crash()
    shutil.copy(node.path, other)
    shutil.copy(before, node.path)
    await node.restart()
    return await witnessed_without(world, RIGHT), right


class TwoFaced:
    """The ledger that goes on from what is asked, whichever of two that is."""

    def __init__(self, shown: Store, other: Store) -> None:
        self._shown, self._other = shown, other
        for name in ("remembered", "follow", "others", "keep_fork", "doubt", "doubts", "asked"):
            setattr(self, name, getattr(shown.lineages, name))

    async def ours(self, told: SeenHead | None, counts: Callable[[bytes], bool]) -> Lineage:
        """Lead from it in the ledger that has it."""
        shown = await self._shown.lineages.ours(told, counts)
        if told is None or shown.start == told:
            return shown
        return await self._other.lineages.ours(told, counts)


def remember(world: World, member: str, root: bytes, note: bytes) -> None:
    """Let a member say that it was shown this."""
    path, key = world[member].path, world[member].keys.database_key
    with closing(open_writer(path, key)) as connection:
        connection.execute("UPDATE ledgers_seen SET root = ?, note = ?", (root, note))


def tasks(world: World, member: str) -> set[tuple[str, str]]:
    """What stands before a person."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        return set(connection.execute("SELECT code, subject FROM tasks").fetchall())


def doubts(world: World, member: str) -> set[tuple[str, str]]:
    """Whose ledgers a member is to ask about, and who said so."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        return set(connection.execute("SELECT member, speaker FROM ledger_doubts").fetchall())


async def test_8_12_two_ledgers_of_nine_members_have_witnesses_without_one_in_common(
    world: World, tmp_path: Path
) -> None:
    """Two are enough to give time, and too few to keep a ledger whole (ADR 0023)."""
    left, right = await split(world, tmp_path / "other")
    parties = {LIAR, PEER}
    assert len(left - parties) >= 2
    assert len(right - parties) >= 2
    assert not left & right - parties


@pytest.mark.parametrize("two_faced", [False, True], ids=["denies it", "leads from both"])
async def test_g5_members_that_were_shown_two_ledgers_find_out(
    world: World,
    tmp_path: Path,
    two_faced: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """One of each side remembers a head; they tell each other, and the liar cannot lead to one."""
    left, right = await split(world, tmp_path / "other")
    one, other = min(left - {LIAR, PEER}), min(right - {LIAR, PEER})
    node = world[LIAR]
    twin = Store.inline(
        tmp_path / "other", node.keys.database_key, LIAR, Fingerprints(node.keys.fingerprint_secret)
    )
    if two_faced:
        node.lineages._store = TwoFaced(node.store, twin)  # type: ignore[assignment]
    await world[one].lineages.exchange(other)
    await world[one].lineages.exchange(LIAR)
    assert (SPLIT, LIAR) in tasks(world, one)
    await twin.close()


@pytest.mark.parametrize("two_faced", [False, True], ids=["denies it", "leads from both"])
async def test_g5_who_cannot_be_called_is_asked_when_it_calls(
    world: World,
    tmp_path: Path,
    two_faced: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """It is told that the head of the other ledger is remembered, and cannot go on from there."""
    left, right = await split(world, tmp_path / "other")
    one, other = min(left - {LIAR, PEER}), min(right - {LIAR, PEER})
    node = world[LIAR]
    twin = Store.inline(
        tmp_path / "other", node.keys.database_key, LIAR, Fingerprints(node.keys.fingerprint_secret)
    )
    if two_faced:
        node.lineages._store = TwoFaced(node.store, twin)  # type: ignore[assignment]
    await world[one].lineages.exchange(other)
    assert (LIAR, other) in doubts(world, one)
    await node.lineages.exchange(one)
    assert (SPLIT, LIAR) in tasks(world, one)
    assert doubts(world, one) == set()
    await twin.close()


async def test_8_16_honest_caller_leads_from_what_it_is_asked(world: World) -> None:
    """One member was shown more than another: it calls, and nobody is accused."""
    one, other = LEFT[0], RIGHT[0]
    for number, shown in ((2, other), (3, one)):
        await hand_over(world, number)
        world.now += 2 * HOUR_MS
        await world[LIAR].ledger.append_due(world.now)
        await world[LIAR].lineages.exchange(shown)
    await world[one].lineages.exchange(other)
    assert (LIAR, other) in doubts(world, one)
    await world[LIAR].lineages.exchange(one)
    assert doubts(world, one) == set()
    assert {code for code, _ in tasks(world, one)} & {SPLIT, FORKED} == set()


async def test_g5_members_that_were_shown_one_ledger_accuse_nobody(world: World) -> None:
    """One was shown an earlier head of it than the other, over a restart of its owner."""
    await world[LIAR].keep_ledger()
    await world["fr-pdc"].lineages.exchange(LIAR)
    await world[LIAR].crash()
    await world[LIAR].restart()
    await hand_over(world, 2)
    world.now += 2 * HOUR_MS
    await world[LIAR].keep_ledger()
    await world["be-chi"].lineages.exchange(LIAR)
    for asking, other in (("fr-pdc", "be-chi"), ("be-chi", "fr-pdc")):
        await world[asking].lineages.exchange(other)
        assert doubts(world, asking) == {(LIAR, other)}
        await world[asking].lineages.exchange(LIAR)
        assert doubts(world, asking) == set()
        assert tasks(world, asking) == set()


async def test_g5_two_roots_of_one_place_are_proof(world: World) -> None:
    """Whoever hears of the other head keeps both: a log key signed them."""
    await world[LIAR].keep_ledger()
    for member in ("fr-pdc", "be-chi"):
        await world[member].lineages.exchange(LIAR)
    seen = await world["be-chi"].store.lineages.remembered(LIAR)
    assert seen is not None
    false = LedgerHead(
        LedgerOrigin(world.registry.network_id, LIAR, seen.epoch), seen.size, b"\x09" * 32
    )
    note = sign_ledger_head(false, world[LIAR].keys.log)
    remember(world, "be-chi", false.root, note)
    await world["fr-pdc"].lineages.exchange("be-chi")
    assert (FORKED, LIAR) in tasks(world, "fr-pdc")
    assert world["fr-pdc"].verify().counts["forks"] == 1


async def test_g5_a_head_that_its_owner_did_not_sign_accuses_nobody(world: World) -> None:
    """Who tells of it may lie."""
    await world[LIAR].keep_ledger()
    for member in ("fr-pdc", "be-chi"):
        await world[member].lineages.exchange(LIAR)
    seen = await world["be-chi"].store.lineages.remembered(LIAR)
    assert seen is not None
    origin = LedgerOrigin(world.registry.network_id, LIAR, seen.epoch)
    note = sign_ledger_head(LedgerHead(origin, seen.size, b"\x09" * 32), world["be-chi"].keys.log)
    remember(world, "be-chi", seen.root, note)
    await world["fr-pdc"].lineages.exchange("be-chi")
    assert tasks(world, "fr-pdc") == set()
    assert doubts(world, "fr-pdc") == set()
