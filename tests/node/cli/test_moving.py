"""`hotline store migrate`: a running node goes to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.config import load
from tests.node.cli.conftest import Typing
from tests.node.cli.test_new_file import room_for
from tests.node.cli.test_on_server import submit
from tests.node.cli.test_run import refused, started
from tests.node.store.test_postgres_server import writing_forbidden

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.postgres import Cluster


async def test_running_node_goes_to_a_server_and_ends(
    joined: Typing, tmp_path: Path, postgres: Cluster
) -> None:
    """Its next start is there; nothing is lost, nothing is done twice, and the file is refused."""
    file_only = joined.config.source.read_text()
    url = postgres.new().url
    async with started(joined.config.source) as process:
        await process.until("node_started")
        await submit(joined, tmp_path, 1)
        code, shown = await joined("store", "migrate", "--to", url)
        assert (code, shown["rows"]["items"]) == (Exit.OK, 1)
        assert 0 < shown["pause_s"] < 10
        assert await process.ended() == Exit.STORE
    assert load(joined.config.source).store.url == url
    async with started(joined.config.source) as process:
        await process.until("node_started")
        assert (await submit(joined, tmp_path, 1))[1]["repeated"] == 1
        assert (await submit(joined, tmp_path, 2))[1]["accepted"] == 1
    code, shown = await joined("verify")
    assert (code, shown["holds"], shown["counts"]["items"]) == (Exit.OK, True, 2)
    joined.config.source.write_text(file_only)
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.STORE, "store_moved")
    assert url in message


async def test_move_to_nowhere_leaves_no_trace(joined: Typing, postgres: Cluster) -> None:
    """Neither in the file nor in the configuration."""
    before = joined.config.source.read_text()
    code, shown = await joined("store", "migrate", "--to", postgres.url("never_made"))
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_refused")
    code, shown = await joined("store", "migrate", "--to", "postgresql://db.example/far")
    assert (code, shown["error"]["code"]) == (Exit.CONFIGURATION, "config_invalid")
    code, shown = await joined("store", "migrate", "--abandon")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_moving")
    assert (await joined("store", "migrate"))[0] == Exit.USAGE
    assert joined.config.source.read_text() == before


async def test_store_on_a_server_is_not_moved(joined: Typing, postgres: Cluster) -> None:
    """Its own tools copy it."""
    assert (await joined("store", "migrate", "--to", postgres.new().url))[0] == Exit.OK
    code, shown = await joined("store", "migrate", "--to", postgres.new().url)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")


async def test_full_disk_under_the_file_is_named_and_the_store_moves_when_there_is_room(
    joined: Typing, postgres: Cluster
) -> None:
    """What the file's driver says is no mistake of this program; half a start is gone on with."""
    words = ("store", "migrate", "--to", postgres.new().url)
    with room_for(40_000):
        code, shown = await joined(*words)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_full")
    assert "again, into an empty database" in shown["error"]["message"]
    assert (await joined(*words))[0] == Exit.OK


async def test_full_server_is_named_and_the_store_moves_when_there_is_room(
    joined: Typing, postgres: Cluster
) -> None:
    """Nobody looks for room on the disk of the file, which is not full."""
    url = postgres.new().url
    with writing_forbidden(postgres):
        code, shown = await joined("store", "migrate", "--to", url)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_full")
    assert shown["error"]["message"].startswith("--to: the disk of that server")
    assert (await joined("store", "migrate", "--to", url))[0] == Exit.OK
