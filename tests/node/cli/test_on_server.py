"""A node whose store is in PostgreSQL: the same verbs, the same guarantees, other places."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pytest_aiohttp.plugin import AiohttpServer

from node.cli.exits import Exit
from node.config import load
from tests.builders.umbrella import make_world
from tests.node.cli.conftest import Typing
from tests.node.cli.test_run import refused, started
from tests.node.cli.test_submit import GOOD, written
from tests.node.store.test_postgres_server import writing_forbidden

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.postgres import Cluster


@pytest.fixture
async def joined(
    tmp_path: Path,
    aiohttp_server: AiohttpServer,
    postgres: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> Typing:
    """Give a terminal for a member that has joined, keeps all on a server, and does not run."""
    url = postgres.new().url
    world = await make_world(tmp_path, aiohttp_server, time.time_ns() // 1_000_000, url)
    world.admit()
    await world.join()
    return Typing(load(world.config.source), capsys)


def dump(url: str | None) -> bytes:
    """Read what anybody reads who has the server."""
    assert url is not None
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    found = b""
    with closing(psycopg.connect(url)) as server:
        for (table,) in server.execute(tables).fetchall():
            with server.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT BINARY") as rows:
                found += b"".join(bytes(part) for part in rows)
    return found


async def submit(typed: Typing, folder: Path, number: int) -> tuple[int, dict[str, Any]]:
    """Hand one report in."""
    line = GOOD.replace("one.example/a", f"one.example/{number}").replace("R1", f"R{number}")
    return await typed("submit", written(folder, line, name=f"{number}.csv"))


async def test_witness_key_is_rotated_where_the_store_is_on_a_server(joined: Typing) -> None:
    """Whether it forgot what it cosigned is read there, not in a file that is none."""
    code, shown = await joined("keys", "rotate", "witness")
    assert (code, shown["purpose"]) == (Exit.OK, "witness")


async def test_life_of_a_process_on_a_server(
    joined: Typing, tmp_path: Path, postgres: Cluster
) -> None:
    """Start, work, refuse a second process, outlive the server, stop, and verify."""
    async with started(joined.config.source) as process:
        await process.until("node_started")
        code, shown = await submit(joined, tmp_path, 1)
        assert (code, shown["accepted"]) == (Exit.OK, 1)
        code, why, message = await refused(joined.config.source)
        assert (code, why) == (Exit.STORE, "store_in_use")
        assert message.startswith("store.url: another process")
        with postgres.stopped(signal.SIGQUIT):
            code, shown = await submit(joined, tmp_path, 2)
            assert code != Exit.OK
            assert "store_away" in str(shown)
            assert (await joined("doctor"))[0] != Exit.OK
        code, shown = await submit(joined, tmp_path, 2)
        while code != Exit.OK:  # its own recovery takes the server a moment
            code, shown = await submit(joined, tmp_path, 2)
        assert shown["accepted"] == 1
        process.send(signal.SIGTERM)
        await process.until("node_stopped")
        assert await process.ended() == Exit.OK
    code, shown = await joined("verify")
    assert (code, shown["holds"], shown["counts"]["items"]) == (Exit.OK, True, 2)
    codes = {finding["code"] for finding in (await joined("doctor"))[1]["findings"]}
    # the server of the tests runs without autovacuum, which is named
    assert {code for code in codes if code.startswith("store")} <= {"store_not_vacuumed"}
    assert not (tmp_path / "gb" / "node.db").exists()
    kept = dump(joined.config.store.url)
    assert b"R2" in kept
    assert b"one.example" not in kept


async def test_killed_process_leaves_nothing_in_the_way(joined: Typing) -> None:
    """The server lets go of the lock of the dead by itself."""
    for _ in range(2):
        async with started(joined.config.source) as process:
            await process.until("node_started")
            process.send(signal.SIGKILL)
            await process.ended()
    code, shown = await joined("verify")
    assert (code, shown["holds"]) == (Exit.OK, True)


async def test_verbs_that_work_on_a_file_say_what_does_it_instead(
    joined: Typing, tmp_path: Path
) -> None:
    """The server's own tools copy it and bring it back."""
    code, shown = await joined("backup", tmp_path / "copy")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_on_server")
    code, shown = await joined("restore", tmp_path / "copy")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_on_server")
    assert not (tmp_path / "copy.key").exists()


async def test_database_that_was_brought_back_is_marked_by_a_person(joined: Typing) -> None:
    """As after `hotline restore`."""
    code, _ = await joined("restored")
    assert code == Exit.OK
    _, shown = await joined("tasks", "list")
    assert [task["code"] for task in shown["tasks"]] == ["outside_held"]
    code, _ = await joined("tasks", "close", "outside_held", "restored")
    assert code == Exit.OK
    codes = {finding["code"] for finding in (await joined("doctor"))[1]["findings"]}
    assert "restored" in codes


async def test_server_that_lost_what_it_confirmed_is_named_by_doctor(joined: Typing) -> None:
    """With the command, as long as no node begins on it."""
    assert joined.config.store.url is not None
    with psycopg.connect(joined.config.store.url) as server:
        server.execute("INSERT INTO meta VALUES ('set_back', '1')")
    code, shown = await joined("doctor")
    assert code != Exit.OK
    (found,) = [one for one in shown["findings"] if one["code"] == "store_set_back"]
    assert "hotline restored" in found["mend"]
    assert (await joined("restored"))[0] == Exit.OK
    codes = {finding["code"] for finding in (await joined("doctor"))[1]["findings"]}
    assert "store_set_back" not in codes


async def test_server_that_leaves_what_was_erased_is_named_by_doctor(joined: Typing) -> None:
    """For all of it, or one table, or its long bodies; they would stay, and its disk fill up."""
    assert joined.config.store.url is not None
    with psycopg.connect(joined.config.store.url, autocommit=True) as server:
        server.execute("ALTER TABLE events SET (autovacuum_enabled = off)")
        said = await neglect(joined)
        assert "its autovacuum is off" in said  # as the servers of these tests have it
        assert "for events" in said
        server.execute("ALTER TABLE events RESET (autovacuum_enabled)")
        assert "for events" not in await neglect(joined)
        server.execute("ALTER TABLE events SET (toast.autovacuum_enabled = off)")
        assert "for what is long in events" in await neglect(joined)
        server.execute("ALTER TABLE events RESET (toast.autovacuum_enabled)")
        assert "events" not in await neglect(joined)


async def test_server_that_lets_nobody_write_is_named_by_doctor(
    joined: Typing, postgres: Cluster
) -> None:
    """Also while no node runs: a start would be refused."""
    with writing_forbidden(postgres):
        codes = {one["code"] for one in (await joined("doctor"))[1]["findings"]}
        assert "store_full" in codes
    codes = {one["code"] for one in (await joined("doctor"))[1]["findings"]}
    assert "store_full" not in codes


async def neglect(joined: Typing) -> str:
    """What the doctor says of the server's upkeep."""
    findings = (await joined("doctor"))[1]["findings"]
    return next(str(one["what"]) for one in findings if one["code"] == "store_not_vacuumed")


async def test_emptied_database_is_named_with_what_brings_it_back(
    joined: Typing, postgres: Cluster
) -> None:
    """`hotline restore` does not: its own tools do."""
    name = str(joined.config.store.url).partition("?")[0].rpartition("/")[2]
    postgres.do(f"DROP DATABASE {name} WITH (FORCE)")
    postgres.do(f"CREATE DATABASE {name}")
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.STORE, "store_missing")
    assert message.startswith("store.url: no store in that database")
    (found,) = [one for one in (await joined("doctor"))[1]["findings"] if one["code"] == why]
    assert "its dump" in found["mend"]
    assert "hotline restore" not in found["mend"]


async def test_node_does_not_start_without_its_server(joined: Typing, postgres: Cluster) -> None:
    """It says which setting to look at."""
    with postgres.stopped():
        code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.STORE, "store_away")
    assert "store.url" in message
