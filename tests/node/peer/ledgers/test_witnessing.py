"""§8.12: each new head of our ledger gets cosigners that are no party to any of its channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from keys.signing import SigningKey
from node.peer.errors import PeerRefusedError
from node.peer.ledgers.witness import Witness
from node.peer.ledgers.witnessing import (
    Witnessing,
    candidates,
    choose,
    coverage,
    standing,
    times_of,
)
from node.store.connection import open_reader
from node.store.ledgers.witnessing import newest_head
from protocol.ledger import LedgerHead, LedgerOrigin, read_ledger_head, sign_ledger_head
from protocol.merkle import consistency_path, root_of
from protocol.witness import Submission, witnessed_at
from tests.simulation.world import World

IWF, EOKM, PDC, ECO, SOL = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco", "at-sol"
FIVE = [IWF, EOKM, PDC, ECO, SOL]
HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give five members, of whom gb-iwf handed one item to nl-eokm."""
    world = World(tmp_path, FIVE)
    await world.start()
    await hand_over(world, 1)
    yield world
    await world.close()


async def hand_over(world: World, number: int) -> None:
    """Let gb-iwf find something for nl-eokm."""
    await world[IWF].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()


def cosigned(world: World) -> dict[str, int]:
    """Read who cosigned gb-iwf's newest head, and when."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        head = newest_head(connection)
    return {} if head is None else times_of(head.given)


def asks(world: World) -> dict[str, str | None]:
    """Read how the last request to each witness went."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        return dict(connection.execute("SELECT witness, problem FROM witness_asks").fetchall())


def tasks(world: World) -> list[tuple[str, str]]:
    """Read what stands before a person at gb-iwf."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        return connection.execute("SELECT code, subject FROM tasks").fetchall()


async def test_8_12_two_that_are_no_party_cosign(world: World) -> None:
    """With nl-eokm alone as partner, and each with its own time."""
    assert await world[IWF].keep_ledger() == len(cosigned(world))
    outside = [who for who in cosigned(world) if who not in {IWF, EOKM}]
    assert len(outside) >= 2
    assert set(cosigned(world).values()) == {world.now // 1000}


async def test_8_12_nobody_is_asked_again_for_what_it_cosigned(world: World) -> None:
    """An hour in which nothing changed costs nothing."""
    await world[IWF].keep_ledger()
    world.now += HOUR_MS
    assert await world[IWF].keep_ledger() == 0


async def test_8_12_the_next_head_is_shown_to_extend_the_last(world: World) -> None:
    """By the same witnesses, from the size that each holds."""
    await world[IWF].keep_ledger()
    before = set(cosigned(world))
    await hand_over(world, 2)
    world.now += HOUR_MS
    assert await world[IWF].keep_ledger() == len(before)
    assert set(cosigned(world)) == before


async def test_8_12_a_lost_answer_is_made_up_for(world: World) -> None:
    """The witness holds more than we know of: it says so, and gets the proof it needs."""
    world.faults.lose_answer = 1.0
    assert await world[IWF].keep_ledger() == 0
    world.faults.lose_answer = 0.0
    await hand_over(world, 2)
    world.now += HOUR_MS
    assert await world[IWF].keep_ledger() >= 2
    assert tasks(world) == []


async def test_8_12_others_are_asked_in_place_of_one_that_is_away(world: World) -> None:
    """The failure shows, and is not repeated each minute."""
    first = next(c for c in candidates(world.registry, IWF) if c != EOKM)
    await world[first].crash()
    await world[IWF].keep_ledger()
    assert asks(world)[first] == "peer_unreachable"
    world.now += 30_000
    await world[IWF].keep_ledger()
    outside = set(cosigned(world)) - {EOKM, first}
    assert len(outside) == 2


async def test_g7_attack_one_witness_dates_a_head_in_the_future(world: World) -> None:
    """As one of two it would be the time of the head, in which nobody sees what was before."""
    first = next(c for c in candidates(world.registry, IWF) if c != EOKM)
    world[first].witness._clock = lambda: world.now + 400 * 24 * HOUR_MS
    for _ in range(2):
        await world[IWF].keep_ledger()
    assert cosigned(world)[first] > world.now // 1000
    assert witnessed_at(cosigned(world), (IWF, EOKM)) == world.now // 1000
    assert await world[IWF].keep_ledger() == 0, "nobody is asked twice for it"


async def test_8_12_pauses_grow_and_end_with_success(world: World) -> None:
    """At most an hour; who is back is asked again."""
    for member in FIVE[1:]:
        await world[member].crash()
    pauses = []
    for _ in range(9):
        now = world.now
        await world[IWF].keep_ledger()
        with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
            ends = [e for (e,) in connection.execute("SELECT next_ms FROM witness_asks")]
        pauses.append((max(ends) - now) // 60_000)
        world.now = max(ends)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    for member in FIVE[1:]:
        await world[member].restart()
    assert await world[IWF].keep_ledger() >= 2
    assert set(asks(world).values()) <= {None, "peer_unreachable"}


async def test_8_12_a_cosignature_that_does_not_verify_is_none(world: World) -> None:
    """A witness that signs with another key is passed over."""
    liar = next(c for c in candidates(world.registry, IWF) if c != EOKM)
    node = world[liar]
    other = SigningKey.generate()
    node.witness = Witness(
        liar, node.store.witness, node.registry, lambda: other, node.clock, lambda: None
    )
    await world[IWF].keep_ledger()
    assert liar not in cosigned(world)
    assert asks(world)[liar] == "registry_behind"


async def test_g7_a_thief_of_the_log_key_shows_at_a_witness(world: World) -> None:
    """A witness that holds more than we signed stands before a person: who signs in our epoch?"""
    await world[IWF].keep_ledger()
    head = await world[IWF].store.cosignatures.newest()
    assert head is not None
    origin = read_ledger_head(head.note).origin
    witness = next(iter(set(cosigned(world)) - {EOKM}))
    await steal(world, origin, witness)
    await hand_over(world, 2)
    world.now += HOUR_MS
    await world[IWF].keep_ledger()
    assert ("witness_ahead", witness) in tasks(world)


async def steal(world: World, origin: LedgerOrigin, witness: str) -> None:
    """Sign with gb-iwf's log key a longer ledger than its own, and have it cosigned."""
    leaves = await world[IWF].store.cosignatures.leaves(origin.epoch, 1 << 40)
    size = len(leaves)
    longer = [*leaves, *(bytes([n]) * 32 for n in range(50))]
    head = LedgerHead(origin, len(longer), root_of(longer))
    path = consistency_path(longer, size, len(longer))
    body = Submission(size, tuple(path), sign_ledger_head(head, world[IWF].keys.log)).to_bytes()
    await world[witness].witness.add_checkpoint(IWF, body)


class Refusing:
    """A way to witnesses that all refuse."""

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Refuse."""
        del peer, body
        raise PeerRefusedError("unknown_ledger")


async def test_8_12_a_refusal_shows_with_its_code(world: World) -> None:
    """It is counted, too."""
    asked: list[tuple[str, str]] = []
    node = world[IWF]
    await node.ledger.append_due(world.now)
    witnessing = Witnessing(
        IWF,
        node.store.cosignatures,
        node.registry,
        Refusing(),
        node.lineages.introduce,
        lambda witness, code: asked.append((witness, code)),
    )
    assert await witnessing.ask_due(world.now) == 0
    assert set(asks(world).values()) == {"unknown_ledger"}
    assert {code for _, code in asked} == {"unknown_ledger"}


def enough(partners: Sequence[str], cosigners: Sequence[str]) -> bool:
    """Whether every partner has two cosigners that are not itself."""
    return all(number >= 2 for number in coverage(partners, cosigners).values())


@pytest.mark.parametrize(
    "partners", [[EOKM], [EOKM, PDC], [EOKM, PDC, ECO], [EOKM, PDC, ECO, SOL], [SOL]]
)
@pytest.mark.parametrize("order", [FIVE[1:], FIVE[:0:-1], [SOL, EOKM, ECO, PDC]])
def test_8_12_three_others_are_enough_for_everybody(partners: list[str], order: list[str]) -> None:
    """Whoever they are; and two, where neither has a channel with us."""
    chosen = choose(partners, order, [])
    assert enough(partners, chosen)
    assert len(chosen) <= 3


def test_8_12_in_a_small_network_what_can_be_had_is_had() -> None:
    """With two others, each is the only one outside of the channel with the other."""
    assert choose([EOKM, PDC], [EOKM, PDC], []) == [EOKM, PDC]
    assert coverage([EOKM, PDC], [EOKM, PDC]) == {PDC: 1, EOKM: 1}
    assert choose([EOKM], [EOKM], []) == []


def test_8_12_who_cosigned_counts_and_the_rest_is_asked() -> None:
    """One more is needed, not three."""
    assert choose([EOKM, PDC], FIVE[1:], [EOKM, PDC]) == [ECO]
    assert choose([EOKM], FIVE[1:], [PDC, ECO]) == []


def test_8_12_a_ledger_is_witnessed_since_the_last_of_its_channels_is() -> None:
    """For each since the second that is no party; who is lacking is named."""
    stands = standing(IWF, {EOKM, PDC}, {PDC: 10, ECO: 20, EOKM: 30}, FIVE[1:])
    assert stands == (30, (PDC, ECO, EOKM), (), ())
    stands = standing(IWF, {EOKM, PDC}, {PDC: 10, ECO: 20}, FIVE[1:])
    assert stands == (None, (PDC, ECO), (PDC,), ())
    assert standing(IWF, {EOKM, PDC}, {PDC: 10}, [EOKM, PDC]).too_few == (PDC, EOKM)
    assert standing(IWF, set(), {}, FIVE[1:]).since_s is None


def test_8_12_only_members_that_can_witness_are_asked(world: World) -> None:
    """Active, callable, with a witness key; those with the role come first."""
    registry = world.registry
    members = dict(registry.members)
    entries = dict(registry.network.members)
    members[EOKM] = replace(members[EOKM], witness=())
    members[PDC] = replace(members[PDC], reachable=False)
    entries[ECO] = replace(entries[ECO], status="suspended")
    entries[SOL] = replace(entries[SOL], roles=("witness",))
    changed = replace(registry, members=members, network=replace(registry.network, members=entries))
    assert candidates(changed, IWF) == [SOL]
    assert candidates(changed, SOL) == [IWF]
    entries[ECO] = replace(entries[ECO], status="active")
    changed = replace(changed, network=replace(registry.network, members=entries))
    assert candidates(changed, IWF)[0] == SOL


def test_8_12_not_everybody_asks_the_same(world: World) -> None:
    """The order is another one for each member, and always the same."""
    orders = {tuple(c for c in candidates(world.registry, us) if c != us) for us in FIVE}
    firsts = {order[0] for order in orders}
    assert len(firsts) > 1
    assert candidates(world.registry, IWF) == candidates(world.registry, IWF)
