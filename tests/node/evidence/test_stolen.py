"""What a stolen key signed is void until its owner says it again: verify, and both verifiers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from keys.keyring import MemberKeys
from keys.registry import Registry
from keys.signing import SigningKey
from keys.succession import succeeded
from node.evidence.bundle import export
from node.evidence.check import Checked, check
from node.peer.channels.tenure import ASK_AGAIN_MS
from node.registry import repository
from node.store.audits.audit import Audit
from node.store.connection import open_reader
from protocol.revocation import apply
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    make_document,
    make_umbrella,
    member_files,
    member_keys,
)
from tests.second import files as second
from tests.simulation.test_pull import offered, take
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"


class Governed(World):
    """A world whose members publish new documents, as its umbrella takes them."""

    umbrella: Umbrella

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """A network whose umbrella is kept."""
        made = make_umbrella()
        network = made.registry.network_id
        self.umbrella = made.admit({one: make_document(network, one) for one in members})
        keys = {one: member_keys(one) for one in members}
        return self.umbrella.registry, keys, self.umbrella.files

    def theft(self, member: str, purpose: str, at_ms: int = NOW_MS) -> SigningKey:
        """Let a member say since when its key was stolen, and publish another one; give that."""
        before, key = self.registry, SigningKey.generate()
        rotated: Literal["log", "receipt"] = "log" if purpose == "log" else "receipt"
        document = succeeded(before.member(member), before.network_id, rotated, key, self.now)
        (stolen,) = before.member(member).published(rotated)
        turn = replace(document.turn(stolen.key.key_id), compromised_ms=at_ms)
        turns = {**document.turns, stolen.key.key_id: turn}
        document = replace(document, turns=turns, sequence=document.sequence + 1)
        written = member_files(document, 2)
        change = repository.accept(self.umbrella.state, written, self.umbrella.online, NOW_MS)
        self.umbrella = replace(self.umbrella, state=change.after)
        self.registry, self.files = self.umbrella.registry, self.umbrella.files
        return key

    def bundle(self, member: str, item: str, notes: Iterable[bytes] = ()) -> bytes:
        """What a member shows of an item, who knows these revocation notes."""
        node = self[member]
        connection = open_reader(node.path, node.keys.database_key)
        try:
            known = (self.registry, self.files, self.now, notes)
            return export(Audit(connection), item, member, *known)
        finally:
            connection.close()

    def both_find(self, raw: bytes, field: str) -> None:
        """Check that such signatures are void to both verifiers, and what is not stands."""
        checked = self.both_read(raw)
        assert {one.place.rsplit(".", 1)[1] for one in checked.void} == {field}
        assert all("stolen" in str(one) for one in checked.void)
        for one in checked.proofs:
            left = [one["from"], one["to"]] if one["receipted"] else [one["from"]]
            assert one["binds"] == ([] if "checkpoint" in one["void"] else left)

    def both_take(self, raw: bytes) -> None:
        """Check that a bundle convinces both verifiers, of all that it shows."""
        assert self.both_read(raw).void == []

    def both_read(self, raw: bytes) -> Checked:
        """Check that both verifiers read the same out of a bundle, and give it."""
        pin = hashlib.sha256(self.files["metadata/1.root.json"]).digest()
        checked = check(raw, pin)
        assert checked.proofs
        assert [tuple(one) for one in second.check_bundle(raw, pin)] == [
            (
                one["from"],
                one["to"],
                one["lane"],
                one["item"],
                one["receipt_time_s"],
                tuple(one["witnessed_by"]),
                one["witnessed_s"],
                tuple(one["binds"]),
            )
            for one in checked.proofs
        ]
        return checked

    def void(self, member: str, what: str) -> int:
        """How many signatures a member's `hotline verify` calls void; nothing else may be wrong."""
        findings = self[member].verify()
        assert findings.found == []
        return findings.counts.get(what, 0)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give two members that have just started."""
    made = Governed(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


async def hand_over(world: Governed, number: int) -> str:
    """Hand an item over, with its answer."""
    result = await world[IWF].submit(PLACE.format(number))
    await world.settle()
    return result.items[0].item_id


async def test_3_9_what_a_stolen_log_key_signed_is_void_until_it_is_said_again(
    world: Governed,
) -> None:
    """The next checkpoint of the log, under the new key, covers all that it held before."""
    item = await hand_over(world, 1)
    world.both_take(world.bundle(EOKM, item))
    key = world.theft(IWF, "log")
    world.both_find(world.bundle(EOKM, item), "checkpoint")
    assert world.void(IWF, "void_checkpoints_sent") == 1
    assert world.void(EOKM, "void_checkpoints_held") == 1
    world[IWF].delivery.log_key = key
    await hand_over(world, 2)
    world.both_take(world.bundle(EOKM, item))
    assert world.void(IWF, "void_checkpoints_sent") == 0
    assert world.void(EOKM, "void_checkpoints_held") == 0


async def test_3_9_what_went_out_before_the_key_was_replaced_is_signed_again_in_the_same_log(
    world: Governed,
) -> None:
    """A node goes on until it has another key; by a new epoch no bundle would show the old one."""
    first = await hand_over(world, 1)
    key = world.theft(IWF, "log")
    second = (await world[IWF].submit(PLACE.format(2))).items[0].item_id
    await world[IWF].desk.locate_due()
    await world[IWF].delivery.deliver_due(world.now)
    assert world.void(IWF, "void_checkpoints_sent") == 2
    world[IWF].delivery.log_key = key
    await world.settle()
    for item in (first, second):
        world.both_take(world.bundle(IWF, item))
        world.both_take(world.bundle(EOKM, item))
    assert world.void(IWF, "void_checkpoints_sent") == 0


async def test_3_9_a_quiet_channel_says_it_again_within_a_day(world: Governed) -> None:
    """By the registry that names the new key, which it has not told there yet."""
    item = await hand_over(world, 1)
    world[IWF].delivery.log_key = world.theft(IWF, "log")
    await world.settle()
    world.both_find(world.bundle(EOKM, item), "checkpoint")
    world.now += ASK_AGAIN_MS
    await world.settle()
    world.both_take(world.bundle(EOKM, item))


async def test_3_9_what_a_stolen_receipt_key_signed_is_void_until_it_is_said_again(
    world: Governed,
) -> None:
    """The same for receipts: the next one says that all below its size is held."""
    item = await hand_over(world, 1)
    key = world.theft(EOKM, "receipt")
    world.both_find(world.bundle(IWF, item), "receipt")
    assert world.void(IWF, "void_receipts_sent") == 1
    assert world.void(EOKM, "void_receipts_held") == 1
    world[EOKM].inbox.receipt_key = key
    await hand_over(world, 2)
    world.both_take(world.bundle(IWF, item))
    assert world.void(IWF, "void_receipts_sent") == 0
    assert world.void(EOKM, "void_receipts_held") == 0


@pytest.mark.parametrize("who", [IWF, EOKM])
async def test_g7_what_witnesses_saw_before_the_theft_counts_and_nothing_later(
    tmp_path: Path, who: str
) -> None:
    """For the checkpoint the sender's ledger, for the receipt the receiver's; by their time."""
    world = Governed(tmp_path, (IWF, EOKM, "fr-pdc", "at-sol"))
    await world.start()
    item = await hand_over(world, 1)
    await world[who].ledger.append_due(world.now)
    await world[who].witnessing.ask_due(world.now)
    purpose, field = ("log", "checkpoint") if who == IWF else ("receipt", "receipt")
    other, others = ("receipt", "receipt") if who == IWF else ("log", "checkpoint")
    before = world.umbrella, world.registry, world.files
    for at_ms in (world.now - 1000, world.now):
        world.theft(who, purpose, at_ms)
        world.both_find(world.bundle(who, item), field)
        world.umbrella, world.registry, world.files = before
    world.theft(who, purpose, world.now + 1000)
    world.both_take(world.bundle(who, item))
    world.umbrella, world.registry, world.files = before
    world.theft(EOKM if who == IWF else IWF, other, world.now + 1000)
    world.both_find(world.bundle(who, item), others)
    await world.close()


async def test_3_9_the_next_epoch_says_again_what_the_one_before_held(world: Governed) -> None:
    """Its entry 0 names that state: the owner signs for it, under its new key."""
    await hand_over(world, 1)
    key = world.theft(IWF, "log")
    await world[IWF].crash()
    await world[IWF].restart()
    world[IWF].delivery.log_key = key
    await hand_over(world, 2)
    assert world.void(IWF, "void_checkpoints_sent") == 0
    assert world.void(EOKM, "void_checkpoints_held") == 0


async def test_3_9_a_note_alone_makes_void_what_its_key_signed(world: Governed) -> None:
    """Without a word on when: then it may have been another's from its first day."""
    await hand_over(world, 1)
    (key,) = world.registry.member(IWF).log_keys
    believed = world[EOKM].believed()
    noted = replace(believed, revoked={IWF: {key.key_id}})
    assert world[EOKM].verify(noted).counts["void_checkpoints_held"] == 1
    assert "void_checkpoints_held" not in world[EOKM].verify(believed).counts


@pytest.mark.parametrize("unreachable", [None, EOKM], ids=["pushed", "pulled"])
async def test_g7_a_stored_receipt_under_a_stolen_key_holds_nothing_up(
    tmp_path: Path, unreachable: str | None
) -> None:
    """It is never signed anew, and nobody believes it: the next receipt covers the same."""
    world = World(tmp_path, (IWF, EOKM), unreachable=unreachable)
    await world.start()
    await world[IWF].submit(PLACE.format(1))
    await world[IWF].desk.locate_due()
    if unreachable is None:
        world.faults.lose_answer = 1.0
        await world[IWF].delivery.deliver_due(world.now)
        world.faults.lose_answer = 0.0
    else:
        await take(world, await offered(world))  # and the next pull does not come
    before, key = world.registry, SigningKey.generate()
    stolen = before.member(EOKM).receipt_keys[0].key_id
    document = succeeded(before.member(EOKM), before.network_id, "receipt", key, world.now)
    listed = replace(before, members={**before.members, EOKM: document})
    world.registry = apply(listed, {EOKM: frozenset({stolen})}, "")
    world[EOKM].inbox.receipt_key = key
    world.now += 60_000
    result = await world[IWF].submit(PLACE.format(2))
    await world.settle()
    assert (await world[EOKM].state(result.items[0].item_id)).responsible == EOKM
    await world.close()
