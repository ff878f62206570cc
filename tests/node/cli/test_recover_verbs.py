"""`hotline recover` at a peer, and where it means nothing."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from keys.keyring import load_database_key
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.main import run
from node.peer.recovery.handing_back import Permission
from node.store.connection import open_reader, open_writer
from node.store.recovery.handing_back import HandingBackStore
from node.store.writer import InlineReaders, InlineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.config import Config

    Typed = Any

NOW = 1_790_000_000_000
EOKM = "nl-eokm"


@contextmanager
def desk(config: Config) -> Iterator[HandingBackStore]:
    """Open what the node answers recoveries from."""
    secret = load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    writer = InlineWriter(open_writer(config.store.path, secret))
    readers = InlineReaders(open_reader(config.store.path, secret))
    try:
        yield HandingBackStore(writer, readers)
    finally:
        readers.close()
        asyncio.run(writer.close())


def permission(config: Config, key: str, now_ms: int = NOW) -> Permission:
    """Ask as nl-eokm does, under the key that its document names."""
    with desk(config) as store:
        return asyncio.run(store.permission(EOKM, key, now_ms))


def given(config: Config, entries: int) -> None:
    """Let the node have handed back so many entries."""
    with desk(config) as store:
        asyncio.run(store.given(EOKM, "00" * 8, entries))


async def asked(typed: Typed, key: str = "00" * 8, now_ms: int = NOW) -> Permission:
    """The same from a thread, since a test has its own loop."""
    return await asyncio.to_thread(permission, typed.config, key, now_ms)


async def test_question_of_a_member_stands_before_a_person(typed: Typed) -> None:
    """Status and tasks name it, and the exit code says that somebody is needed."""
    assert await asked(typed) is Permission.WAITS
    code, shown = await typed("recover", "status")
    assert code == Exit.PROBLEM
    assert [(o["peer"], o["word"]) for o in shown["handed_back"]] == [
        (EOKM, "waits for a person here")
    ]
    _, tasks = await typed("tasks", "list")
    assert [task["code"] for task in tasks["tasks"]] == ["peer_recovering"]


@pytest.mark.parametrize(
    ("verb", "word"), [("allow", Permission.GIVEN), ("refuse", Permission.DENIED)]
)
async def test_word_of_a_person_counts_and_closes_the_task(
    typed: Typed, verb: str, word: Permission
) -> None:
    """It is for this recovery alone."""
    await asked(typed)
    code, _ = await typed("recover", verb, EOKM)
    assert code == Exit.OK
    assert (await typed("tasks", "list"))[1]["tasks"] == []
    assert await asked(typed, now_ms=_now()) is word
    assert await asked(typed, "11" * 8, _now()) is Permission.WAITS


async def test_a_refusal_says_what_was_handed_back_before_it(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes nothing back."""
    await asked(typed)
    await typed("recover", "allow", EOKM)
    await asyncio.to_thread(given, typed.config, 7)
    words = ["recover", "refuse", EOKM, "-c", str(typed.config.source)]
    assert await asyncio.to_thread(run, words) == Exit.OK
    assert "7 entries were handed back" in capsys.readouterr().out


async def test_word_given_by_a_clock_that_was_ahead_is_asked_for_again(typed: Typed) -> None:
    """Else a refusal would last for as long as the clock was wrong, and a permission too."""
    await asked(typed)
    await typed("recover", "refuse", EOKM)
    assert await asked(typed, now_ms=NOW) is Permission.WAITS


async def test_another_recovery_within_days_needs_again(typed: Typed) -> None:
    """The mend says to telephone first."""
    await asked(typed)
    await typed("recover", "allow", EOKM)
    await asked(typed, "11" * 8, _now())
    code, shown = await typed("recover", "allow", EOKM)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "recovered_lately")
    assert "telephone" in shown["error"]["message"]
    assert (await typed("recover", "allow", EOKM, "--again"))[0] == Exit.OK


async def test_member_that_has_not_asked_is_not_allowed_anything(typed: Typed) -> None:
    """A word in advance would be one for whoever asks first."""
    code, shown = await typed("recover", "allow", EOKM)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_asked")


async def test_node_that_lost_nothing_has_nothing_to_finish(typed: Typed) -> None:
    """And says so."""
    code, shown = await typed("recover", "finish")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_recovering")
    assert (await typed("recover", "status"))[1]["phase"] is None


def _now() -> int:
    """The verbs take the time of the machine."""
    return time.time_ns() // 1_000_000
