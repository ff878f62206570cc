"""What a thief signed is disavowed in the channel itself; what its owner signed stays its word."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys.signing import SigningKey
from keys.succession import succeeded
from node.casework.casebook import Casebook
from node.casework.mistakes.mass import POLICY, TASK
from node.casework.passing_on.post import Post
from node.casework.reports.draft import AssessmentDraft
from node.evidence.verify import verify
from node.peer.channels.outgoing import disavowal
from node.store.audits.audit import Audit
from node.store.connection import open_writer
from node.store.items.cases import post as put
from node.store.items.decisions import let_go
from node.store.writer import InlineWriter
from protocol import entry as entries
from protocol.disavowal import Disavow
from protocol.facts import Hop, Location
from protocol.merkle import EMPTY_ROOT
from protocol.messages import Item, Sighted, Withdrawal, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Kind, Lane, Urgency, Verdict
from tests.builders.cases import file, verdict
from tests.protocol.samples import ITEM
from tests.simulation.test_compromised import EOKM, IWF, hand_in, restart, steal, tasks
from tests.simulation.world import Node, World

THIEFS = f"{IWF}.01HQ3ZQX8W4R5T6Y7V8A9BCDEG"


def forged(number: int) -> bytes:
    """Give an entry that a thief of the log key makes: he has not the node secret for its salt."""
    item_id = f"{THIEFS[:-1]}{number}"
    said: Item = msgspec.structs.replace(
        ITEM,
        item_id=item_id,
        report_id=item_id,
        location=Location(
            f"https://nl6.example/{number}.jpg", 1, f"https://nl6.example/{number}.jpg"
        ),
        content=(),
        finder=IWF,
        custody=(Hop(IWF, ITEM.received_ms),),
        assessments=(),
        actions=(),
        sightings=(),
    )
    made = entries.compose(os.urandom(32), Kind.ITEM, item_id, 0, EOKM, to_body(said))
    return entries.encode(made)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give two members that have just started."""
    made = World(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


def rotate(world: World, *, at_ms: int | None = 0) -> None:
    """Let gb-iwf publish another log key, and since when the old one was stolen (None: nothing)."""
    key, before = SigningKey.generate(), world.registry
    (old,) = before.member(IWF).log
    document = succeeded(before.member(IWF), before.network_id, "log", key, world.now)
    if at_ms is not None:
        turn = replace(document.turn(old.key.key_id), compromised_ms=at_ms)
        document = replace(document, turns={**document.turns, old.key.key_id: turn})
    world.registry = replace(before, members={**before.members, IWF: document})
    world[IWF].keys = replace(world[IWF].keys, log=key)


async def go_on(world: World, lane: Lane = Lane.REPORTS) -> None:
    """Let a person at gb-iwf say "compromised", and everything be delivered and judged."""
    world.now += 60_000  # whatever pause there was after a lost answer
    await restart(world[IWF])
    await world[IWF].delivery.deliver_due(world.now)
    await restart(world[IWF], "compromised", lane)
    await world.settle()


async def held(world: World) -> tuple[bytes, int, bytes]:
    """Give the state of gb-iwf's channel, as nl-eokm tells it."""
    told, _ = await world[EOKM].store.inbox.told(IWF, Lane.REPORTS)
    assert told.position.epoch is not None
    return told.position.epoch, told.position.size, told.position.root


async def subjects(world: World, member: str, code: str) -> set[str]:
    """What stands before a person at a member under one code."""
    return {subject for one, subject in await tasks(world[member]) if one == code}


async def test_8_15_the_items_of_a_thief_stand_before_a_person_and_are_not_undone(
    world: World,
) -> None:
    """They stay, named as disavowed; the one that gb-iwf handed over itself is not touched."""
    own = await hand_in(world, 1)
    await world.settle()
    epoch, start, end = await steal(world, [forged(1), forged(2)])
    await world.settle()
    rotate(world)
    await go_on(world)
    place = f"{EOKM}/reports/{epoch.hex()}/{start}-{end}"
    assert await subjects(world, IWF, "history_disowned") == {place}
    assert await subjects(world, EOKM, "history_disavowed") == {place.replace(EOKM, IWF)}
    stolen = {f"{THIEFS[:-1]}{number}" for number in (1, 2)}
    assert await subjects(world, EOKM, "entry_disavowed") == stolen
    for item, by in ((own, ()), *((one, (IWF,)) for one in stolen)):
        view = await world[EOKM].desk.item(item)
        assert view is not None
        assert (view.custody, view.disavowed_by) == ("here", by)
    found = world[EOKM].verify()
    assert (found.found, found.counts["disavowed_entries"]) == ([], 2)
    assert world[IWF].verify().found == []


async def test_8_15_the_verdicts_of_a_thief_on_contents_are_named_and_can_be_taken_back(
    world: World,
) -> None:
    """By their ids, which bear the owner's name: the owner takes them back like its own."""
    made = await world[IWF].submit("https://gb1.example/1.jpg", sha256="ab" * 32)
    await world.settle()
    baseline = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[IWF].desk.assess(made.items[0].item_id, baseline, actor="a")
    await world.settle()
    given = verdict(member=IWF)
    said = ContentVerdict(msgspec.structs.replace(given, event_id=THIEFS), 0, file(9))
    back = ContentVerdictWithdrawn(f"{THIEFS[:-1]}7", ITEM.received_ms)
    bodies = {Kind.CONTENT_VERDICT: to_body(said), Kind.CONTENT_VERDICT_WITHDRAWN: to_body(back)}
    stolen = [
        entries.encode(entries.compose(os.urandom(32), kind, "x", 0, EOKM, body))
        for kind, body in bodies.items()
    ]
    await steal(world, stolen, Lane.BULK)
    await world.settle()
    files = await world[EOKM].store.known_content.hits([file(9)])
    assert [one.external_id for one in files[file(9)]] == [f"{THIEFS}/0"]
    rotate(world)
    await go_on(world, Lane.BULK)
    assert await subjects(world, EOKM, "entry_disavowed") == {THIEFS, back.event_id}
    await world[IWF].desk.correcting.withdraw_everywhere(THIEFS, actor="a")
    await world.settle()
    assert await world[EOKM].store.known_content.hits([file(9)]) == {}


async def test_8_15_what_the_owner_says_again_is_its_own_word(world: World) -> None:
    """Its receipt was lost, so it stands in the range; it comes again and nobody need look."""
    await hand_in(world, 1)
    await world.settle()
    own = await hand_in(world, 2)
    world.faults.lose_answer = 1.0
    await world[IWF].delivery.deliver_due(world.now)
    world.faults.lose_answer = 0.0
    await world[EOKM].desk.judge_due()
    _, _, end = await steal(world, [forged(1)])
    await world[EOKM].desk.judge_due()
    rotate(world)
    await go_on(world)
    (place,) = await subjects(world, EOKM, "history_disavowed")
    assert place.endswith(f"-{end}")
    assert await subjects(world, EOKM, "entry_disavowed") == {f"{THIEFS[:-1]}1"}
    view = await world[EOKM].desk.item(own)
    assert view is not None
    assert view.disavowed_by == ()
    assert world[EOKM].verify().counts["disavowed_entries"] == 1


async def test_8_15_what_was_not_judged_yet_is_not_judged_any_more(world: World) -> None:
    """A thief's word that a child is at risk waits for its item; then it waits for a person."""
    await hand_in(world, 1)
    await world.settle()
    own = await hand_in(world, 2)
    said = Sighted(own, None, None, None, child_at_risk=True)
    made = entries.compose(os.urandom(32), Kind.SIGHTED, own, 0, EOKM, to_body(said))
    epoch, start, _ = await steal(world, [entries.encode(made)])
    assert await world[EOKM].desk.judge_due()
    rotate(world)
    await go_on(world)
    assert not (await world[EOKM].state(own)).child_at_risk
    waiting = await subjects(world, EOKM, "entry_disavowed")
    assert waiting == {f"{IWF}/reports/{epoch.hex()}/{start}"}
    assert world[EOKM].verify().found == []


async def test_10_7_what_a_thief_took_back_in_a_mass_is_set_aside_once_it_is_disavowed(
    world: World,
) -> None:
    """It waited for a person; the same word that lets an honest one go on disposes of it."""
    own = await hand_in(world, 1)
    await world.settle()
    network = world.registry.network
    world.registry = replace(world.registry, network=replace(network, policy={POLICY: 0}))
    said = Withdrawal(own, None, world.now)
    made = entries.compose(os.urandom(32), Kind.WITHDRAWAL, own, 0, EOKM, to_body(said))
    epoch, start, _ = await steal(world, [entries.encode(made)])
    assert await world[EOKM].desk.judge_due()
    assert await subjects(world, EOKM, TASK) == {IWF}
    rotate(world)
    await go_on(world)
    assert await subjects(world, EOKM, "entry_disavowed") == set()
    assert await world[EOKM].store.writer.run(lambda c: let_go(c, IWF, world.now)) == 1
    await world.settle()
    place = f"{IWF}/reports/{epoch.hex()}/{start}"
    assert await subjects(world, EOKM, "entry_disavowed") == {place}
    assert (await world[EOKM].state(own)).reviews == ()
    assert world[EOKM].verify().found == []


async def test_8_15_a_member_whose_key_is_believed_disavows_in_vain(world: World) -> None:
    """It says that it was robbed, and revokes nothing: what it signed binds it, and shows so."""
    await hand_in(world, 1)
    await world.settle()
    await steal(world, [forged(1)])
    await world.settle()
    rotate(world, at_ms=None)
    await go_on(world)
    (place,) = await subjects(world, EOKM, "disavowed_in_vain")
    assert await subjects(world, EOKM, "history_disavowed") == set()
    assert await subjects(world, EOKM, "entry_disavowed") == {f"{THIEFS[:-1]}1"}
    assert place.startswith(f"{IWF}/reports/")
    assert world[EOKM].verify().counts["disavowed_in_vain"] == 1


async def test_8_15_what_it_disavows_its_next_epoch_does_not_say_again(world: World) -> None:
    """The thief's checkpoint stays void; its own, which the same epoch holds, does not."""
    await hand_in(world, 1)
    await world.settle()
    await steal(world, [forged(1)])
    await world.settle()
    rotate(world)
    await go_on(world)
    assert world[EOKM].verify().counts["void_checkpoints_held"] == 1
    assert "void_checkpoints_sent" not in world[IWF].verify().counts


async def said(world: World, message: Disavow) -> None:
    """Let gb-iwf say this of a channel of its own, in a new epoch."""
    node = world[IWF]
    made = disavowal(node.keys.node_secret, EOKM, message)
    await restart(node)
    lane, urgency = Lane.REPORTS, int(Urgency.CHILD_AT_RISK)
    post(node, Post(EOKM, lane, urgency, Kind.DISAVOW, None, *made))
    await world.settle()


@pytest.mark.parametrize("field", ["epoch", "start", "start_root", "end", "end_root"])
async def test_8_15_what_names_no_place_of_the_log_has_no_effect(world: World, field: str) -> None:
    """A size that was never receipted, a root that is not there: a person asks what is meant."""
    await hand_in(world, 1)
    await world.settle()
    await hand_in(world, 2)
    await world.settle()
    epoch, end, root = await held(world)
    good = Disavow(epoch, 0, EMPTY_ROOT, end, root)
    wrong: dict[str, dict[str, object]] = {
        "epoch": {"epoch": bytes(8)},
        "start": {"start": 1, "start_root": root},
        "start_root": {"start": end - 1, "start_root": bytes(32)},
        "end": {"end": end - 1},
        "end_root": {"end_root": bytes(32)},
    }
    await said(world, msgspec.structs.replace(good, **wrong[field]))
    assert len(await subjects(world, EOKM, "disavowal_unclear")) == 1
    assert await subjects(world, EOKM, "entry_disavowed") == set()
    assert "disavowed_entries" not in world[EOKM].verify().counts
    await said(world, good)
    assert len(await subjects(world, EOKM, "entry_disavowed")) == 2


async def test_8_15_the_epoch_in_which_it_speaks_cannot_be_disavowed(world: World) -> None:
    """Nor one that comes after: only a new epoch can look back on what a thief did."""
    await hand_in(world, 1)
    await world.settle()
    epoch, end, root = await held(world)
    made = disavowal(world[IWF].keys.node_secret, EOKM, Disavow(epoch, 0, EMPTY_ROOT, end, root))
    post(world[IWF], Post(EOKM, Lane.REPORTS, 0, Kind.DISAVOW, None, *made))
    await world.settle()
    assert len(await subjects(world, EOKM, "disavowal_unclear")) == 1


async def test_g11_each_disavowal_has_a_transaction_of_its_own(world: World) -> None:
    """Each reads as much as its range has; a member can say a thousand in one push."""
    await hand_in(world, 1)
    await world.settle()
    epoch, end, root = await held(world)
    await restart(world[IWF])
    for end_root in (root, bytes(32)):
        told = Disavow(epoch, 0, EMPTY_ROOT, end, end_root)
        made = disavowal(world[IWF].keys.node_secret, EOKM, told)
        post(world[IWF], Post(EOKM, Lane.REPORTS, 0, Kind.DISAVOW, None, *made))
    kept: list[int] = []
    judge = world[EOKM].store.cases.judge

    async def counting(*given: Any) -> Casebook:
        book = await judge(*given)
        kept.append(len(book.disavowed))
        return book

    world[EOKM].store.cases.judge = counting  # type: ignore[assignment, method-assign]
    await world.settle()
    assert (max(kept), sum(kept)) == (1, 2)
    leaves = "SELECT count(*) FROM disavowed_leaves"
    noted = await world[EOKM].store.readers.run(lambda c: c.execute(leaves).fetchone())
    assert noted == (end,), "what it says again is found by its leaf"


async def test_8_15_disavowal_behind_one_without_effect_is_made_ready_too(world: World) -> None:
    """Else what its sender says again would stay disavowed."""
    await hand_in(world, 1)
    await world.settle()
    epoch, end, root = await held(world)
    await restart(world[IWF])
    for end_root in (bytes(32), root):
        told = Disavow(epoch, 0, EMPTY_ROOT, end, end_root)
        made = disavowal(world[IWF].keys.node_secret, EOKM, told)
        post(world[IWF], Post(EOKM, Lane.REPORTS, 0, Kind.DISAVOW, None, *made))
    await world[IWF].delivery.deliver_due(world.now)
    store = world[EOKM].store
    waiting = await store.queries.unjudged(9)
    said = [one for one in waiting if entries.decode(one.entry).kind == Kind.DISAVOW]
    assert len(said) == len((bytes(32), root))
    conflict = "UPDATE entries_in SET answer = 'conflict' WHERE leaf = ?"
    await store.writer.run(lambda c: c.execute(conflict, (said[0].leaf,)))
    await world.settle()
    leaves = "SELECT count(*) FROM disavowed_leaves"
    noted = await store.readers.run(lambda c: c.execute(leaves).fetchone())
    assert noted == (end,)


async def test_8_15_what_a_thief_disavows_counts_no_more_once_he_is_disavowed(
    world: World,
) -> None:
    """He says that the owner's own item is not the owner's: shown, and then no longer."""
    own = await hand_in(world, 1)
    await world.settle()
    epoch, end, root = await held(world)
    await restart(world[IWF])
    await hand_in(world, 2)
    await world.settle()
    made = disavowal(os.urandom(32), EOKM, Disavow(epoch, 0, EMPTY_ROOT, end, root))
    await steal(world, [made[1]])
    await world.settle()
    view = await world[EOKM].desk.item(own)
    assert view is not None
    assert view.disavowed_by == (IWF,)
    rotate(world)
    await go_on(world)
    view = await world[EOKM].desk.item(own)
    assert view is not None
    assert view.disavowed_by == ()
    assert world[EOKM].verify().found == []


async def test_8_15_a_row_that_nobody_said_is_found(world: World, tmp_path: Path) -> None:
    """Nor can one be taken away: what is disavowed follows from the entries in custody."""
    await hand_in(world, 1)
    await world.settle()
    await steal(world, [forged(1)])
    await world.settle()
    rotate(world)
    await go_on(world)
    for change in ("entry = entry + 1", "first = first + 1", "size = size - 1", "peer = 'fr-pdc'",
                   "lane = 'status'", "epoch = zeroblob(8)"):  # fmt: skip
        statement = f"UPDATE disavowed_in SET {change}"
        assert changed(world[EOKM], statement, tmp_path) == {"disavowed_in"}
    assert changed(world[EOKM], "DELETE FROM disavowed_in", tmp_path) == {"disavowed_in"}


def post(node: Node, message: Post) -> None:
    """Put a message into a node's outbox."""
    connection = open_writer(node.path, node.keys.database_key)
    InlineWriter(connection).run_now(lambda c: put(c, [message], node.world.now))
    connection.close()


def changed(node: Node, statement: str, folder: Path) -> set[str]:
    """Where a change of the database shows; it is made in a copy."""
    copy = folder / "changed.db"
    for ending in ("", "-wal"):
        shutil.copy(node.path.with_name(node.path.name + ending), folder / f"changed.db{ending}")
    connection = open_writer(copy, node.keys.database_key)
    connection.execute(statement)
    try:
        return {one.where for one in verify(Audit(connection), node.believed()).found}
    finally:
        connection.close()
