"""§8.12: a witness remembers before it answers, and cosigns nothing that contradicts that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from keys.registry import Registry
from keys.signing import SigningKey
from node.peer.errors import (
    BadLineageError,
    BadSubmissionError,
    InconsistentHeadError,
    OverQuotaError,
    UnknownLedgerError,
    UnsignedHeadError,
)
from node.peer.ledgers.witness import PER_HOUR, HeldSize, Witness
from node.store.channels.forks import kept_forks
from node.store.connection import open_reader
from protocol import note as notes
from protocol.fork import verify_fork
from protocol.ledger import LedgerHead, LedgerOrigin, sign_ledger_head
from protocol.lineage import Lineage, Link, to_bytes
from protocol.merkle import consistency_path, root_of
from protocol.witness import NEVER, Submission, cosigner_name, take_cosignature
from tests.simulation.mortal import CrashedError
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
LEAVES = [bytes([n]) * 32 for n in range(40)]
FORKED = [*LEAVES[:3], *(bytes([100 + n]) * 32 for n in range(37))]
FIRST, SECOND = b"\x01" * 8, b"\x02" * 8


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give two nodes: nl-eokm is asked to witness the ledger of gb-iwf."""
    world = World(tmp_path, [IWF, EOKM])
    await world.start()
    yield world
    await world.close()


class Owner:
    """The owner of a ledger, honest or not, with its log key."""

    def __init__(self, world: World, leaves: list[bytes], epoch: bytes = FIRST) -> None:
        self.world = world
        self.leaves = leaves
        self.shown = False
        self.origin = LedgerOrigin(world.registry.network_id, IWF, epoch)

    def note(self, size: int, key: SigningKey | None = None) -> bytes:
        """Sign the head at a size."""
        head = LedgerHead(self.origin, size, root_of(self.leaves[:size]))
        return sign_ledger_head(head, key or self.world[IWF].keys.log)

    def beside(self, size: int, *lines: notes.NoteSignature) -> Submission:
        """Hand in a first head with lines beside its signature that are not its owner's."""
        signed = notes.parse(self.note(size))
        return Submission(0, (), notes.render(signed.text, [*lines, *signed.signatures]))

    async def hand_in(self, old: int, new: int, caller: str = IWF) -> bytes | HeldSize:
        """Show the epoch and hand in the head at `new` with the proof from `old`."""
        with suppress(BadLineageError, UnknownLedgerError):
            await self.show(new)
        path = consistency_path(self.leaves, old, new) if old else []
        body = Submission(old, tuple(path), self.note(new)).to_bytes()
        return await self.world[EOKM].witness.add_checkpoint(caller, body)

    async def show(self, size: int) -> None:
        """Show this epoch alone, once, as a ledger that was set back or lost does."""
        if self.shown:
            return
        self.shown = True
        link = Link(self.note(size), ())
        raw = to_bytes(Lineage(1, None, None, (), (link,), ()))
        await self.world[EOKM].lineages.answer(IWF, raw)

    async def is_cosigned(self, old: int, new: int) -> bool:
        """Whether that is answered by a cosignature that verifies."""
        answer = await self.hand_in(old, new)
        if isinstance(answer, HeldSize):
            return False
        keys = self.world.registry.member(EOKM).witness_keys
        _, time_s = take_cosignature(self.note(new), answer, EOKM, keys)
        return time_s == self.world.now // 1000


def tasks(world: World, member: str = EOKM) -> list[tuple[str, str]]:
    """Read what stands before a person."""
    with closing(open_reader(world[member].path, world[member].keys.database_key)) as connection:
        return connection.execute("SELECT code, subject FROM tasks").fetchall()


async def test_8_12_a_ledger_that_grows_is_cosigned_each_time(world: World) -> None:
    """With the witness's own clock."""
    owner = Owner(world, LEAVES)
    assert await owner.is_cosigned(0, 3)
    world.now += 3_600_000
    assert await owner.is_cosigned(3, 7)
    assert await owner.is_cosigned(7, 7)


async def test_8_12_an_owner_that_errs_is_told_what_is_held(world: World) -> None:
    """So it can bring the proof that is needed."""
    owner = Owner(world, LEAVES)
    assert await owner.hand_in(3, 7) == HeldSize(0)
    await owner.hand_in(0, 7)
    assert await owner.hand_in(0, 9) == HeldSize(7)
    assert await owner.is_cosigned(7, 9)


async def test_g5_a_head_that_forgets_what_was_cosigned_is_refused(world: World) -> None:
    """Also after a restart: it was remembered before it was answered."""
    owner, liar = Owner(world, LEAVES), Owner(world, FORKED)
    await owner.hand_in(0, 7)
    await world[EOKM].crash()
    await world[EOKM].restart()
    for new in (7, 9):
        with pytest.raises(InconsistentHeadError):
            await liar.hand_in(7, new)
    assert await owner.is_cosigned(7, 9)


@pytest.mark.parametrize(("old", "new"), [(7, 9), (7, 7), (6, 9)])
async def test_g5_a_split_ledger_is_kept_as_evidence(world: World, old: int, new: int) -> None:
    """Two heads that its owner signed; whoever knows its log key is convinced; a person is told."""
    await Owner(world, LEAVES).hand_in(0, old)
    with pytest.raises(InconsistentHeadError):
        await Owner(world, FORKED).hand_in(old, new)
    with closing(open_reader(world[EOKM].path, world[EOKM].keys.database_key)) as connection:
        (kept,) = kept_forks(connection)
    assert kept.peer == IWF
    accused = verify_fork(kept.evidence, world.registry.member(IWF).log_keys)
    assert accused.origin == Owner(world, LEAVES).origin
    assert tasks(world) == [("ledger_forked", IWF)]


async def test_g5_a_fork_shows_also_where_the_sizes_conflict(world: World) -> None:
    """One size with two roots is proof, whatever old size its owner claims."""
    await Owner(world, LEAVES).hand_in(0, 7)
    assert await Owner(world, FORKED).hand_in(0, 7) == HeldSize(7)
    assert tasks(world) == [("ledger_forked", IWF)]


async def test_g5_an_honest_owner_with_a_wrong_proof_is_not_accused(world: World) -> None:
    """It is refused; nothing is kept against it."""
    owner = Owner(world, LEAVES)
    await owner.hand_in(0, 7)
    proof = consistency_path(LEAVES, 6, 9)
    body = Submission(7, tuple(proof), owner.note(9)).to_bytes()
    with pytest.raises(InconsistentHeadError):
        await world[EOKM].witness.add_checkpoint(IWF, body)
    assert tasks(world) == []
    assert await owner.is_cosigned(7, 9)


def in_the_name_of_the_witness(world: World) -> list[notes.NoteSignature]:
    """Give lines that look like those of nl-eokm's witness key, and wrong."""
    name = cosigner_name(world.registry.network_id, EOKM)
    (key,) = world.registry.member(EOKM).witness_keys
    assert key.mldsa44 is not None
    return [
        notes.NoteSignature(name, notes.key_hash(name, kind, half), bytes(72))
        for kind, half in (
            (notes.ED25519_COSIGNATURE, key.ed25519),
            (notes.MLDSA44_COSIGNATURE, key.mldsa44),
        )
    ]


async def test_8_12_attack_an_owner_plants_lines_in_the_name_of_its_witness(world: World) -> None:
    """What the witness keeps is what both signed, and `hotline verify` there finds no fault."""
    owner = Owner(world, LEAVES)
    await owner.show(7)
    planted = owner.beside(7, *in_the_name_of_the_witness(world))
    assert isinstance(await world[EOKM].witness.add_checkpoint(IWF, planted.to_bytes()), bytes)
    assert world[EOKM].verify().found == []
    assert await owner.is_cosigned(7, 9)


@pytest.mark.parametrize(("lines", "length"), [(14, 72), (3, 2500)])
async def test_g5_attack_lines_beside_a_head_hide_no_split(
    world: World, lines: int, length: int
) -> None:
    """A head that its owner filled with lines of nobody is evidence as any other."""
    owner = Owner(world, LEAVES)
    await owner.show(7)
    names = (f"filled-{number}.example" for number in range(lines))
    junk = [notes.NoteSignature(name, b"\1" * 4, bytes(length)) for name in names]
    filled = owner.beside(7, *junk)
    assert isinstance(await world[EOKM].witness.add_checkpoint(IWF, filled.to_bytes()), bytes)
    with pytest.raises(InconsistentHeadError):
        await Owner(world, FORKED).hand_in(7, 9)
    assert tasks(world) == [("ledger_forked", IWF)]


@pytest.mark.parametrize(("when", "size"), [("before", 0), ("after", 7)])
async def test_8_12_the_head_is_durable_before_it_is_answered(
    world: World, when: str, size: int
) -> None:
    """A witness that dies at the commit has answered nothing, whether it holds the head or not."""
    owner = Owner(world, LEAVES)
    await owner.show(7)
    world.crash_at = (world.commits + 1, when)
    with pytest.raises(CrashedError):
        await owner.hand_in(0, 7)
    await world[EOKM].crash()
    await world[EOKM].restart()
    world.crash_at = None
    assert await owner.hand_in(5, 7) == HeldSize(size)


async def test_8_12_two_submissions_that_cross_roll_nothing_back(world: World) -> None:
    """What was judged by an older state is not taken, nor signed (C2SP tlog-witness)."""
    owner, store = Owner(world, LEAVES), world[EOKM].store.witness
    await owner.hand_in(0, 7)
    signed: list[bytes] = []

    def sign(_: int) -> bytes:
        signed.append(b"lines")
        return b"lines"

    head = LedgerHead(owner.origin, 3, root_of(LEAVES[:3]))
    assert await store.advance(head, owner.note(3), NEVER, sign, 1) is None
    assert signed == []
    assert await owner.hand_in(0, 9) == HeldSize(7)


async def test_8_12_an_epoch_that_is_over_is_not_cosigned(world: World) -> None:
    """Two ledgers of one member can't grow beside each other."""
    before, after = Owner(world, LEAVES), Owner(world, FORKED, SECOND)
    await before.hand_in(0, 3)
    assert await after.is_cosigned(0, 3)
    with pytest.raises(UnknownLedgerError):
        await before.hand_in(3, 7)
    assert await after.is_cosigned(3, 7)


@pytest.mark.parametrize("case", ["another caller", "another network", "suspended", "no key"])
async def test_8_12_only_ledgers_of_active_members_are_known(world: World, case: str) -> None:
    """Each handed in by its owner, to a member that has a witness key."""
    owner, caller = Owner(world, LEAVES), IWF
    if case == "another caller":
        caller = EOKM
    elif case == "another network":
        owner.origin = owner.origin._replace(network="demo-0123456789abcdef")
    elif case == "suspended":
        world.registry = suspended(world)
    else:
        node = world[EOKM]
        node.witness = Witness(
            EOKM, node.store.witness, node.registry, lambda: None, node.clock, lambda: None
        )
    with pytest.raises(UnknownLedgerError):
        await owner.hand_in(0, 3, caller)


async def test_8_12_a_head_that_its_owner_did_not_sign_is_refused(world: World) -> None:
    """By a key that the registry lists for it; we look whether we are behind."""
    owner = Owner(world, LEAVES)
    behind: list[bool] = []
    node = world[EOKM]
    witness = Witness(
        EOKM,
        node.store.witness,
        node.registry,
        lambda: node.keys.witness,
        node.clock,
        lambda: behind.append(True),
    )
    for key in (SigningKey.generate(), world[IWF].keys.receipt):
        body = Submission(0, (), owner.note(3, key)).to_bytes()
        with pytest.raises(UnsignedHeadError):
            await witness.add_checkpoint(IWF, body)
    assert behind == [True, True]


async def test_8_12_what_is_no_submission_is_refused(world: World) -> None:
    """Also the checkpoint of a channel, and an old size beyond the new one."""
    owner = Owner(world, LEAVES)
    await owner.show(3)
    await world[IWF].submit("https://nl1.example/1.jpg")
    await world.settle()
    with closing(open_reader(world[IWF].path, world[IWF].keys.database_key)) as connection:
        (channel,) = connection.execute("SELECT note FROM checkpoints_out LIMIT 1").fetchone()
    for body in (
        b"",
        b"old 0\n\n",
        Submission(0, (), channel).to_bytes(),
        Submission(4, (), owner.note(3)).to_bytes(),
    ):
        with pytest.raises(BadSubmissionError):
            await world[EOKM].witness.add_checkpoint(IWF, body)


async def test_g11_a_member_hands_in_so_much_and_no_more(world: World) -> None:
    """Whatever it is; others are not touched, and an hour later it may again."""
    owner = Owner(world, LEAVES)
    for _ in range(PER_HOUR):
        await owner.hand_in(3, 7)
    with pytest.raises(OverQuotaError):
        await owner.hand_in(0, 7)
    world.now += 3_600_000
    assert await owner.is_cosigned(0, 7)


def suspended(world: World) -> Registry:
    """Give the registry with gb-iwf suspended."""
    network = world.registry.network
    entry = replace(network.members[IWF], status="suspended")
    return replace(
        world.registry, network=replace(network, members={**network.members, IWF: entry})
    )
