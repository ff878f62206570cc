"""§8.14: each member sees that its channels stand in the other's ledger; whoever lies is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keys.registry import Registry
from node.peer.errors import (
    BadShowingError,
    OverQuotaError,
    PeerRefusedError,
    PeerTimeoutError,
    UnknownLedgerError,
)
from node.peer.ledgers.crosscheck import EVERY_MS, Checked, Crosscheck, Log, Place
from node.store.audits.witness_audit import WitnessAudit
from node.store.connection import open_reader
from node.store.ledgers.crosscheck import Crosschecks, checks
from protocol.channel import Channel
from protocol.checkpoint import read_checkpoint
from protocol.ledger import (
    LedgerHead,
    LedgerOrigin,
    LoggedHead,
    sign_ledger_head,
    verify_ledger_head,
)
from protocol.merkle import inclusion_path, root_of
from protocol.showing import (
    NOTHING_SHOWN,
    Showing,
    ShownHead,
    ShownLeaf,
    from_bytes,
    to_bytes,
)
from protocol.vocabulary import Kind, Lane
from protocol.witness import cosign_head
from tests.simulation.looking import rows
from tests.simulation.world import World

IWF, EOKM, PDC, ECO = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Give four members; gb-iwf handed one item to nl-eokm, and both keep their ledgers.

    Parameter: a fifth.
    """
    world = World(tmp_path, [IWF, EOKM, PDC, ECO, *getattr(request, "param", ())])
    await world.start()
    await hand_over(world, 1)
    await an_hour(world)
    yield world
    await world.close()


async def hand_over(world: World, number: int) -> None:
    """Let gb-iwf find something for nl-eokm, which answers it."""
    await world[IWF].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()


async def an_hour(world: World, hours: int = 1) -> None:
    """Let an hour pass, or more, at the end of which ledgers are signed and witnessed."""
    world.now += hours * HOUR_MS
    for member in (IWF, EOKM):
        await world[member].keep_ledger()


async def compared(world: World, member: str = IWF) -> bool:
    """Let a member compare; whether anything was compared and good."""
    return await world[member].crosscheck.check_due(world.now) > 0


def tasks(world: World, member: str = IWF) -> set[tuple[str, str]]:
    """Read what stands before a person."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        rows = connection.execute("SELECT code, subject FROM tasks WHERE closed_ms IS NULL")
        return set(rows.fetchall())


def checked(world: World, member: str = IWF, peer: str = EOKM) -> Checked:
    """Read how the last comparison went."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        return checks(connection)[peer]


def kept(world: World) -> int:
    """Count what gb-iwf keeps as evidence of differences."""
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        return len(WitnessAudit(connection).differences())


def heads(world: World) -> list[LoggedHead]:
    """Read what nl-eokm has to log of its channels with gb-iwf: the truth."""
    with closing(open_reader(world[EOKM].path, world[EOKM].keys.database_key)) as connection:
        notes = connection.execute(
            "SELECT checkpoint FROM receipts_in WHERE peer = ? UNION ALL"
            " SELECT note FROM checkpoints_out WHERE peer = ?",
            (IWF, IWF),
        ).fetchall()
    read = [read_checkpoint(note) for (note,) in notes]
    return [LoggedHead(str(one.origin), one.size, one.root) for one in read]


def forged(
    world: World, shown: Sequence[LoggedHead], witnesses: Sequence[str] = (PDC, ECO)
) -> bytes:
    """Make what nl-eokm would show of a ledger with these leaves, signed by its own key."""
    leaves = [one.leaf for one in shown]
    origin = LedgerOrigin(world.registry.network_id, EOKM, b"\x05" * 8)
    key = world[EOKM].keys.log
    note = sign_ledger_head(LedgerHead(origin, len(leaves), root_of(leaves)), key)
    head = verify_ledger_head(note, [key.public])
    for witness in witnesses:
        signer = world[witness].keys.witness
        assert signer is not None
        note += cosign_head(head, witness, signer, world.now // 1000)
    paths = [tuple(inclusion_path(leaves, at, len(leaves))) for at in range(len(leaves))]
    below = tuple(ShownLeaf(*one, at, paths[at]) for at, one in enumerate(shown))
    return to_bytes(Showing(1, (ShownHead(note, below[:6]),)))


@dataclass
class Liar:
    """Somebody at nl-eokm who shows what it likes."""

    shows: bytes | Exception

    async def answer(self, caller: str, raw: bytes) -> bytes:
        """Show it."""
        del caller, raw
        if isinstance(self.shows, Exception):
            raise self.shows
        return self.shows


def lie(world: World, shows: bytes | Exception) -> None:
    """Let nl-eokm show that from now on."""
    world[EOKM].crosscheck = Liar(shows)  # type: ignore[assignment]


async def test_8_14_honest_members_agree_in_both_directions(world: World) -> None:
    """One exchange is enough for both; then half a day of peace."""
    await an_hour(world, 3)
    assert await compared(world)
    for member, peer in ((IWF, EOKM), (EOKM, IWF)):
        assert checked(world, member, peer) == (world.now, 0, world.now + EVERY_MS, None)
    assert not await compared(world)
    assert not await compared(world, EOKM)
    assert tasks(world) == tasks(world, EOKM) == set()


async def test_8_14_what_is_new_has_time_to_get_into_a_ledger(world: World) -> None:
    """Three hours; nobody is accused of being slow."""
    await hand_over(world, 2)
    world.now += 2 * HOUR_MS
    assert await compared(world)
    assert tasks(world) == set()


async def test_8_14_a_channel_that_was_reopened_still_agrees(world: World) -> None:
    """A later epoch stands for the earlier ones, at both sides, also after restarts."""
    await an_hour(world, 3)
    for member in (IWF, EOKM):
        await world[member].crash()
        await world[member].restart()
    await hand_over(world, 2)
    await an_hour(world)
    assert await compared(world)
    assert tasks(world) == set()


@pytest.mark.parametrize("direction", [0, 1])
async def test_g3_a_channel_that_is_not_in_the_ledger_is_missed(
    world: World, direction: int
) -> None:
    """What it receipted, and what it signed itself: it has to stand by both."""
    await an_hour(world, 3)
    sender = (IWF, EOKM)[direction]
    left_out = f"/{sender}/{(IWF, EOKM)[1 - direction]}/"
    lie(world, forged(world, [one for one in heads(world) if left_out not in one.origin]))
    assert not await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}
    assert checked(world).problem == "ledger_missing"


async def test_g3_a_ledger_that_stands_still_is_missed(world: World) -> None:
    """It shows the first push and forgets those after it."""
    old = heads(world)
    await hand_over(world, 2)
    await an_hour(world, 3)
    await an_hour(world, 3)
    lie(world, forged(world, old))
    assert not await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}


async def test_8_14_a_task_about_what_was_missing_closes_by_itself(world: World) -> None:
    """Once it is shown."""
    await an_hour(world, 3)
    honest = world[EOKM].crosscheck
    lie(world, to_bytes(NOTHING_SHOWN))
    await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}
    world[EOKM].crosscheck = honest
    world.now += EVERY_MS
    assert await compared(world)
    assert tasks(world) == set()


@pytest.mark.parametrize("direction", [0, 1])
async def test_g5_another_root_is_an_alarm_and_evidence(world: World, direction: int) -> None:
    """The ledger and the channel are signed by the same member: it lied in one of them."""
    await an_hour(world, 3)
    sender = f"/{(IWF, EOKM)[direction]}/"
    false = [
        one._replace(root=b"\xee" * 32) if sender in one.origin[:40] else one
        for one in heads(world)
    ]
    lie(world, forged(world, false))
    assert not await compared(world)
    assert ("ledger_differs", EOKM) in tasks(world)
    assert kept(world) == 1
    assert world[IWF].verify().counts["ledger_differences"] == 1


async def test_g5_a_size_that_was_never_signed_is_compared_too(world: World) -> None:
    """By the leaves that we have."""
    await an_hour(world, 3)
    channel = next(one for one in heads(world) if f"/{IWF}/{EOKM}/" in one.origin)
    assert channel.size > 1
    lie(world, forged(world, [*heads(world), channel._replace(size=1)]))
    assert not await compared(world)
    assert tasks(world) == {("ledger_differs", EOKM)}


async def test_g7_more_of_our_own_channel_than_we_know_is_an_alarm(world: World) -> None:
    """Was this database restored, or does somebody sign with our key?"""
    await an_hour(world, 3)
    network = world.registry.network_id
    origin = Channel(network, IWF, EOKM, Lane.REPORTS).origin(b"\x77" * 8)
    lie(world, forged(world, [*heads(world), LoggedHead(str(origin), 9, b"\x01" * 32)]))
    assert not await compared(world)
    assert tasks(world) == {("ledger_unknown", EOKM)}


async def test_g3_what_it_signed_and_did_not_send_is_no_fault(world: World) -> None:
    """Its push may be on the way."""
    await an_hour(world, 3)
    origin = Channel(world.registry.network_id, EOKM, IWF, Lane.STATUS).origin(b"\x77" * 8)
    lie(world, forged(world, [*heads(world), LoggedHead(str(origin), 9, b"\x01" * 32)]))
    assert await compared(world)
    assert tasks(world) == set()


async def test_g3_a_withheld_receipt_shows(world: World) -> None:
    """It holds what we sent, says so in its ledger, and never gave the receipt."""
    world.faults.lose_answer = 1.0
    await world[IWF].submit("https://nl2.example/2.jpg")
    await world[IWF].work()
    world.faults.lose_answer = 0.0
    await an_hour(world)
    assert await compared(world)
    assert tasks(world) == set(), "a lost answer of an hour ago is no fault"
    await an_hour(world, 24)
    assert not await compared(world)
    assert tasks(world) == {("receipt_withheld", EOKM)}


async def test_8_14_receipt_that_comes_at_last_is_withheld_no_more(world: World) -> None:
    """Who was away for days itself compares before it has asked for the receipt again."""
    world.faults.lose_answer = 1.0
    await world[IWF].submit("https://nl2.example/2.jpg")
    await world[IWF].work()
    world.faults.lose_answer = 0.0
    await an_hour(world, 24)
    await compared(world)
    assert tasks(world) == {("receipt_withheld", EOKM)}
    await world[IWF].work()
    world.now += EVERY_MS
    assert await compared(world)
    assert tasks(world) == set()


async def test_8_14_head_under_a_revoked_key_of_ours_is_not_shown(world: World) -> None:
    """Nobody believes it any more, and would refuse with it what a key that counts signed."""
    await an_hour(world, 3)
    owner = world[EOKM]
    assert from_bytes(await owner.crosscheck._ours(IWF)).heads
    owner.crosscheck._revoked = lambda: {owner.keys.log.public.key_id}
    assert from_bytes(await owner.crosscheck._ours(IWF)) == NOTHING_SHOWN


async def test_8_14_a_ledger_that_nobody_witnessed_is_an_alarm(world: World) -> None:
    """After a day, where the network has members enough: it did not ask, or was refused."""
    await an_hour(world, 3)
    lie(world, forged(world, heads(world), [PDC]))
    assert await compared(world)
    await an_hour(world, 24)
    assert not await compared(world)
    assert tasks(world) == {("ledger_not_witnessed", EOKM)}


async def test_8_14_witnesses_that_are_away_for_hours_make_nobody_look_like_a_liar(
    world: World,
) -> None:
    """What is new is shown beside what is witnessed."""
    for witness in (PDC, ECO):
        await world[witness].crash()
    await hand_over(world, 2)
    await an_hour(world, 3)
    await an_hour(world, 3)
    assert await compared(world)
    assert tasks(world) == set()
    await an_hour(world, 24)
    assert not await compared(world)
    assert tasks(world) == {("ledger_not_witnessed", EOKM)}


async def test_8_14_in_a_small_network_nobody_is_accused_of_it(world: World) -> None:
    """With three members there are not two outsiders."""
    await an_hour(world, 3)
    world.registry = without(world.registry, ECO)
    lie(world, forged(world, heads(world), []))
    assert await compared(world)
    assert tasks(world) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\xc0",
        lambda raw: raw.replace(b"/nl-eokm/ledger/", b"/gb-iwf/ledger/"),
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
    ],
    ids=["cut", "more", "another's ledger", "a path changed"],
)
async def test_8_14_what_does_not_verify_is_shown_to_nobody(
    world: World, spoil: Callable[[bytes], bytes]
) -> None:
    """It is as if nothing had been shown: after a day that is missing."""
    await an_hour(world, 3)
    lie(world, spoil(forged(world, heads(world))))
    assert not await compared(world)
    assert tasks(world) == set()
    await an_hour(world, 24)
    assert not await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}
    assert checked(world).failures == 2


async def test_8_14_a_member_that_refuses_to_show_is_missed_after_a_day(world: World) -> None:
    """One that is away is not: then nothing else goes either, and shows."""
    await an_hour(world, 3)
    lie(world, OverQuotaError())
    await compared(world)
    assert (checked(world).problem, tasks(world)) == ("over_quota", set())
    await an_hour(world, 24)
    await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}


def suspended(registry: Registry, member: str) -> Registry:
    """The registry in which a member is suspended."""
    members = registry.network.members
    away = {**members, member: replace(members[member], status="suspended")}
    return replace(registry, network=replace(registry.network, members=away))


async def test_8_14_who_is_suspended_accuses_nobody_that_shows_it_nothing(world: World) -> None:
    """Nor for a day after it is back: a peer may not have heard so yet. Then it is missed."""
    await an_hour(world, 3)
    assert await compared(world)
    before = world.registry
    world.registry = suspended(before, IWF)
    for _ in range(3):
        world.now += DAY_MS
        assert not await compared(world)
    assert tasks(world) == set()
    world.registry = before
    lie(world, UnknownLedgerError())
    await compared(world)
    assert (checked(world).problem, tasks(world)) == ("unknown_ledger", set())
    world.now += DAY_MS
    await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}


async def test_8_14_who_was_suspended_is_not_accused_of_what_nobody_cosigned(world: World) -> None:
    """No witness cosigns for it meanwhile; it has a day for that once it is back."""
    await an_hour(world, 3)
    assert await compared(world)
    before = world.registry
    world.registry = suspended(before, EOKM)
    await world[EOKM].submit("https://gb1.example/9.jpg")
    for _ in range(6):
        await world[EOKM].work()
        world.now += 60_000
    for _ in range(60):
        await an_hour(world)
        await compared(world)
    world.registry = before
    await compared(world)
    assert tasks(world) == set()
    for _ in range(30):
        await an_hour(world)
        await compared(world)
    assert (checked(world).problem, tasks(world)) == (None, set())


@pytest.mark.parametrize("world", [("se-ecpat",)], indirect=True)
async def test_8_14_nobody_is_accused_of_a_witness_that_was_suspended_since(world: World) -> None:
    """A channel may stand in an epoch of the ledger that is over, and cosigned by nobody more."""
    await an_hour(world, 3)
    await world[EOKM].crash()
    await world[EOKM].restart()
    await world[EOKM].submit("https://fr1.example/9.jpg")
    await world.settle()
    for _ in range(30):
        await an_hour(world)
    assert await compared(world)
    world.registry = suspended(world.registry, ECO)
    for _ in range(3):
        await an_hour(world, 24)
        assert await compared(world)
    assert tasks(world) == set()


async def test_8_14_a_start_does_not_forget_who_was_suspended(world: World) -> None:
    """Else each update of a program on the day of a reinstatement would accuse the member."""
    await an_hour(world, 3)
    assert await compared(world)
    before = world.registry
    world.registry = suspended(before, EOKM)
    await world[EOKM].submit("https://gb1.example/9.jpg")
    for _ in range(6):
        await world[EOKM].work()
        world.now += 60_000
    for _ in range(60):
        await an_hour(world)
        await compared(world)
    world.registry = before
    await world[IWF].crash()
    await world[IWF].restart()
    await compared(world)
    assert tasks(world) == set()
    for _ in range(30):
        await an_hour(world)
        await compared(world)
    assert (checked(world).problem, tasks(world)) == (None, set())


async def test_8_14_a_member_that_is_away_is_not_accused(world: World) -> None:
    """Its channels say that it is away."""
    await an_hour(world, 3)
    await world[EOKM].crash()
    for _ in range(3):
        world.now += DAY_MS
        await compared(world)
    assert (checked(world).problem, tasks(world)) == ("peer_unreachable", set())


async def days_of_silence(world: World, days: int) -> None:
    """Let gb-iwf hand something over each half day, and compare each hour in vain."""
    for half in range(2 * days):
        await hand_over(world, 10 + half)
        for _ in range(12):
            await an_hour(world)
            await compared(world)


@pytest.mark.parametrize("compared_before", [True, False])
async def test_g5_attack_member_lets_comparisons_alone_time_out(
    world: World,
    compared_before: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """It takes what is pushed, and says what it has to say: it is not away, and is missed."""
    await an_hour(world, 3)
    if compared_before:
        assert await compared(world)
    lie(world, PeerTimeoutError())
    await days_of_silence(world, 1)
    assert (checked(world).problem, tasks(world)) == ("peer_timeout", set())
    await days_of_silence(world, 2)
    assert tasks(world) == {("ledger_missing", EOKM)}


async def test_8_14_a_member_that_was_away_has_time_to_show_its_ledger(world: World) -> None:
    """All that waited for it goes at once; the first calls about ledgers may fail still."""
    await an_hour(world, 3)
    assert await compared(world)
    await world[EOKM].crash()
    await world[IWF].submit("https://nl2.example/2.jpg")
    for _ in range(3 * 24):
        world.now += HOUR_MS
        await world[IWF].work()
        await compared(world)
    await world[EOKM].restart()
    lie(world, PeerTimeoutError())
    await world.settle()
    for _ in range(11):
        await an_hour(world)
        await compared(world)
    assert tasks(world) == set()


def without_witness_key(world: World, unread: Collection[int]) -> None:
    """Let nl-eokm's document list no witness key, and these kinds neither."""
    document = world.registry.members[EOKM]
    kinds = tuple(kind for kind in document.capabilities.kinds if kind not in unread)
    said = replace(document.capabilities, kinds=kinds)
    documents = {**world.registry.members, EOKM: replace(document, witness=(), capabilities=said)}
    world.registry = replace(world.registry, members=documents)


async def test_8_14_a_member_of_an_earlier_version_is_not_accused(world: World) -> None:
    """It has no witness key in its document, and knows nothing of this."""
    await an_hour(world, 3)
    without_witness_key(world, {Kind.DISAVOW})
    lie(world, PeerRefusedError("unknown_path"))
    await an_hour(world, 48)
    await compared(world)
    assert (checked(world).problem, tasks(world)) == ("unknown_path", set())


@pytest.mark.parametrize("shown_before", [True, False])
async def test_g5_attack_member_lists_no_witness_key_and_shows_nothing(
    world: World,
    shown_before: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Who showed its ledger before, or reads what came after ledgers, is of no earlier version."""
    await an_hour(world, 3)
    without_witness_key(world, {Kind.DISAVOW} if shown_before else set())
    if shown_before:
        assert await compared(world)
    lie(world, PeerRefusedError("unknown_path"))
    await an_hour(world, 48)
    await compared(world)
    assert (checked(world).problem, tasks(world)) == ("unknown_path", {("ledger_missing", EOKM)})


async def test_8_14_a_member_that_cannot_be_called_comes_by_itself(tmp_path: Path) -> None:
    """And is compared with by that; if it never comes, it is missed."""
    world = World(tmp_path, [IWF, EOKM, PDC, ECO], unreachable=EOKM)
    await world.start()
    await hand_over(world, 1)
    await an_hour(world)
    await an_hour(world, 3)
    assert not await compared(world)
    assert await compared(world, EOKM)
    assert checked(world).good_ms == world.now
    world.now += 2 * DAY_MS
    await compared(world)
    assert tasks(world) == {("ledger_missing", EOKM)}
    await world.close()


async def test_8_14_who_cannot_be_called_hears_of_channels_that_it_forgot(tmp_path: Path) -> None:
    """Its disk went back to before it said anything: nobody else could tell it."""
    world = World(tmp_path, [IWF, EOKM, PDC, ECO], unreachable=EOKM)
    await world.start()
    await hand_over(world, 1)
    await an_hour(world)
    node = world[EOKM]
    await node.crash()
    for path in node.path.parent.glob(f"{node.path.name}*"):
        path.unlink()
    node.create()
    await node.restart()
    await compared(world, EOKM)
    assert ("ledger_unknown", IWF) in tasks(world, EOKM)
    await world.close()


async def test_8_14_who_shows_rubbish_is_refused_and_who_is_suspended_is_told_nothing(
    world: World,
) -> None:
    """Neither learns what we hold."""
    judge: Crosscheck = world[IWF].crosscheck
    with pytest.raises(BadShowingError, match="malformed"):
        await judge.answer(EOKM, b"rubbish")
    network = world.registry.network
    entry = replace(network.members[EOKM], status="suspended")
    members = {**network.members, EOKM: entry}
    world.registry = replace(world.registry, network=replace(network, members=members))
    with pytest.raises(UnknownLedgerError):
        await judge.answer(EOKM, to_bytes(NOTHING_SHOWN))


async def test_g11_one_showing_has_us_hash_little(world: World) -> None:
    """Of each lane one log in any case; what goes beyond the bound counts as not shown."""
    await world[IWF].crash()
    await world[IWF].restart()
    await hand_over(world, 2)
    sql = "SELECT DISTINCT epoch FROM log_out WHERE peer = ? AND lane = 'reports'"
    logs = [
        Log(sent=True, lane=Lane.REPORTS, epoch=epoch) for (epoch,) in rows(world[IWF], sql, EOKM)
    ]
    store = world[IWF].store
    whole = await store.crosschecks.ours(EOKM, [Place(log, 1) for log in logs])
    assert len({one.root for one in whole.values()} - {None}) == len(logs) == 2
    sparing = Crosschecks(store.writer, store.readers, leaves_at_once=0)
    assert len(await sparing.ours(EOKM, list(whole))) == 1


async def test_g11_sizes_of_one_log_are_hashed_together(world: World) -> None:
    """However many are shown; each with the root that it had."""
    for number in range(2, 5):
        await world[IWF].submit(f"https://nl{number}.example/{number}.jpg")
    await world.settle()
    sql = "SELECT epoch, leaf FROM log_out WHERE peer = ? AND lane = 'reports' ORDER BY idx"
    found = rows(world[IWF], sql, EOKM)
    log = Log(sent=True, lane=Lane.REPORTS, epoch=found[0][0])
    leaves = [leaf for _, leaf in found]
    places = [Place(log, size) for size in range(1, len(leaves) + 3)]
    ours = await world[IWF].store.crosschecks.ours(EOKM, places)
    roots = [root_of(leaves[:size]) for size in range(1, len(leaves) + 1)]
    assert [ours[place].root for place in places] == [*roots, None, None]


async def test_g11_a_member_is_answered_twelve_times_an_hour(world: World) -> None:
    """Each answer costs us a look through the ledger."""
    for _ in range(12):
        await world[IWF].crosscheck.answer(EOKM, to_bytes(NOTHING_SHOWN))
    with pytest.raises(OverQuotaError):
        await world[IWF].crosscheck.answer(EOKM, to_bytes(NOTHING_SHOWN))


def without(registry: Registry, member: str) -> Registry:
    """Give the registry with a member suspended."""
    network = registry.network
    entry = replace(network.members[member], status="suspended")
    return replace(registry, network=replace(network, members={**network.members, member: entry}))
