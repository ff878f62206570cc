"""`hotline tasks` and `hotline resume`: a person's answers are short, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import load_database_key
from keys.unlock import Unlock
from node.casework.mistakes.mass import TASK, waiting_of
from node.cli.exits import Exit
from node.store.channels.outbox import Outbox
from node.store.connection import ProcessLock, open_reader, open_writer
from node.store.contents.hashcheck import COMPLAINED
from node.store.items.tasks import open_task
from node.store.writer import InlineReaders, InlineWriter
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from node.config import Config
    from node.store.seam import Connection

    Typed = Any


@pytest.fixture
async def stopped(typed: Typed) -> Typed:
    """Give a terminal for a node whose channel to nl-eokm waits for a person."""
    config: Config = typed.config
    key = load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    writer = InlineWriter(open_writer(config.store.path, key))
    readers = InlineReaders(open_reader(config.store.path, key))
    await Outbox(writer, readers).stop("nl-eokm", Lane.REPORTS, "fork_suspected", 1_790_000_000_000)
    readers.close()
    await writer.close()
    return typed


async def test_stopped_channel_stands_before_a_person(stopped: Typed) -> None:
    """In the list of tasks and in the doctor's findings, with the command to go on."""
    _, shown = await stopped("tasks", "list")
    assert [task["code"] for task in shown["tasks"]] == ["channel_fork_suspected"]
    _, shown = await stopped("doctor")
    finding = next(one for one in shown["findings"] if one["code"] == "channel_stopped")
    assert "hotline resume nl-eokm reports" in finding["mend"]


async def test_resumed_channel_runs_and_its_task_is_closed(stopped: Typed) -> None:
    """Once; the second time there is nothing to resume."""
    assert await stopped("resume", "nl-eokm", "reports") == (Exit.OK, {"resumed": 1})
    assert (await stopped("tasks", "list"))[1] == {"tasks": []}
    _, shown = await stopped("peers")
    assert shown["peers"][0]["channels"][0]["stopped"] is None
    code, shown = await stopped("resume", "nl-eokm", "reports")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_stopped")


async def test_running_node_keeps_its_channels(stopped: Typed) -> None:
    """It has in memory what it stopped; it is stopped first."""
    lock = ProcessLock(stopped.config.store.path)
    code, shown = await stopped("resume", "nl-eokm", "reports")
    lock.release()
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_in_use")


COMPLAINT = "gb-iwf." + "0" * 26


async def complained(config: Config, *, is_kept: bool) -> None:
    """Open the task of a complaint; `is_kept`: beside the complaint itself."""
    key = load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    writer = InlineWriter(open_writer(config.store.path, key))

    def job(connection: Connection) -> None:
        open_task(connection, COMPLAINED, COMPLAINT, 1)
        if is_kept:
            connection.execute(
                "INSERT INTO hashcheck_complaints (id, reference, key_sha256, opened_ms, upheld,"
                " state) VALUES (?, ?, ?, 1, 0, ?)",
                (COMPLAINT, COMPLAINT, bytes(32), b""),
            )

    await writer.run(job)
    await writer.close()


async def test_complaint_of_a_hoster_is_decided_not_closed(stopped: Typed) -> None:
    """Without its task an open complaint would stand before nobody, with the file still blocked."""
    await complained(stopped.config, is_kept=True)
    code, shown = await stopped("tasks", "close", COMPLAINED, COMPLAINT)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_decided")
    assert len((await stopped("tasks", "list"))[1]["tasks"]) == 2


async def test_task_of_a_complaint_that_is_erased_is_closed(stopped: Typed) -> None:
    """Nobody can decide it any more."""
    await complained(stopped.config, is_kept=False)
    assert await stopped("tasks", "close", COMPLAINED, COMPLAINT) == (Exit.OK, {"closed": 1})


async def test_task_is_closed_by_code_and_subject(stopped: Typed) -> None:
    """What is not open cannot be closed."""
    words = ("tasks", "close", "channel_fork_suspected", "nl-eokm/reports")
    assert await stopped(*words) == (Exit.OK, {"closed": 1})
    code, shown = await stopped(*words)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "unknown_task")


async def test_what_a_member_took_back_in_a_mass_goes_on_by_a_persons_word(typed: Typed) -> None:
    """Once; the second time nothing waits."""
    config: Config = typed.config
    key = load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    writer = InlineWriter(open_writer(config.store.path, key))

    def job(connection: Connection) -> None:
        open_task(connection, TASK, "nl-eokm", 1_790_000_000_000)
        connection.execute(
            "INSERT INTO entries_in (peer, lane, epoch, idx, leaf, entry, judged, waits_for,"
            " taken_ms) VALUES ('nl-eokm', 'bulk', ?, 1, ?, ?, 2, ?, 1790000000000)",
            (bytes(8), bytes(32), b"entry", waiting_of("nl-eokm")),
        )

    await writer.run(job)
    await writer.close()
    assert await typed("tasks", "release", "nl-eokm") == (Exit.OK, {"released": 1})
    assert (await typed("tasks", "list"))[1] == {"tasks": []}
    code, shown = await typed("tasks", "release", "nl-eokm")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "nothing_waits")


async def test_unknown_lane_is_a_usage_error(stopped: Typed) -> None:
    """The message lists the lanes."""
    code, shown = await stopped("resume", "nl-eokm", "fast")
    assert code == Exit.USAGE
    assert "reports" in shown["error"]["message"]


async def test_restored_marks_the_database_and_holds_back_what_leaves_the_network(
    typed: Typed,
) -> None:
    """As `hotline restore` does: the task is there, and doctor says so."""
    code, shown = await typed("restored")
    assert (code, shown["resumed"]) == (Exit.OK, 0)
    _, listed = await typed("tasks", "list")
    assert [task["code"] for task in listed["tasks"]] == ["outside_held"]
    _, told = await typed("doctor")
    assert "restored" in {one["code"] for one in told["findings"]}


async def test_restored_is_refused_while_the_node_runs(running: Typed) -> None:
    """It keeps in memory what it has signed."""
    code, shown = await running("restored")
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_in_use")


async def test_compromised_is_no_word_for_a_channel_that_stopped_for_something_else(
    stopped: Typed,
) -> None:
    """A fork that is suspected stays before a person; a lane that is none is named."""
    code, shown = await stopped("compromised", "nl-eokm", "reports")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_stopped")
    code, shown = await stopped("compromised", "nl-eokm", "letters")
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    _, listed = await stopped("tasks", "list")
    assert [task["code"] for task in listed["tasks"]] == ["channel_fork_suspected"]
