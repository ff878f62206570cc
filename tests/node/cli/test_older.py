"""Verbs of this version beside a node of an older one, which goes on running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.setup.opening import open_database_key, store_place
from node.store.sqlite import Store
from tests.contract.stores import Place
from tests.contract.test_store_upgrade import LAST, as_of
from tests.node.cli.test_on_server import joined as on_server
from tests.node.cli.test_on_server import submit
from tests.node.cli.test_run import started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.postgres import Cluster
    from tests.node.cli.conftest import Typing

__all__ = ["on_server"]
BESIDE = (
    ("tasks", "close", "channel_fork_suspected", "nl-eokm/reports"),
    ("tasks", "release", "nl-eokm"),
    ("list", "set", "--list", "own", "--provenance", "own"),
    ("hoster", "verify", "ripe:ORG-NONE", "abuse@one.example", "--by", "anna"),
)
"""One of each that opens the store for writing while a node may run."""


MOVING = ("store", "migrate", "--abandon")


async def beside_an_older_node(
    typed: Typing, cluster: Cluster | None, folder: Path, *verbs: tuple[str, ...]
) -> None:
    """Set the store of a running node back to the schema before, and type the verbs."""
    config = typed.config
    place = Place(store_place(config), Store.open, cluster)
    async with started(config.source) as node:
        await node.until("node_started")
        as_of(place, LAST, open_database_key(config))
        for words in verbs:
            code, shown = await typed(*words)
            assert (code, shown.get("error", {}).get("code")) == (Exit.STORE, "store_older"), words
        assert (await submit(typed, folder, 1))[1]["accepted"] == 1
    async with started(config.source) as node:
        await node.until("node_started")
        assert (await typed("list", "set", "--list", "own", "--provenance", "own"))[0] == Exit.OK
    assert (await typed("verify"))[1]["counts"]["items"] == 1


async def test_r11_verbs_leave_the_file_of_a_running_older_node_as_it_is(
    joined: Typing, tmp_path: Path
) -> None:
    """It does not know the newer schema; once this version has begun, they write."""
    await beside_an_older_node(joined, None, tmp_path, *BESIDE, MOVING)


async def test_r11_verbs_leave_the_store_of_an_older_node_on_a_server_as_it_is(
    on_server: Typing, tmp_path: Path, postgres: Cluster
) -> None:
    """The same, where another process may stand by."""
    await beside_an_older_node(on_server, postgres, tmp_path, *BESIDE)
