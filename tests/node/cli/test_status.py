"""`hotline status` and `hotline peers`: from beside the node, whether it runs or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from node.cli.exits import Exit
from node.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    Typed = Any


async def test_new_member_is_shown_as_it_is(typed: Typed) -> None:
    """It does not run, has joined nothing, and holds nothing."""
    code, shown = await typed("status")
    assert code == Exit.OK
    assert (shown["member"], shown["running"], shown["registry"]) == ("gb-iwf", False, None)
    assert set(shown["figures"].values()) == {0}


async def test_items_are_counted_while_the_node_runs(running: Typed, tmp_path: Path) -> None:
    """Reading stands beside the one writer."""
    header = "URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE\n"
    path = tmp_path / "reports.csv"
    path.write_text(header + "https://one.example/;;;R1;public;website\n")
    await running("submit", path)
    _, shown = await running("status")
    assert shown["figures"]["items"] == 1


async def test_peers_of_a_new_member_are_none(typed: Typed) -> None:
    """No registry, no channels, an empty list."""
    assert await typed("peers") == (Exit.OK, {"peers": []})


async def test_text_names_the_next_step(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads what to type."""
    assert await asyncio.to_thread(run, ["status", "-c", str(typed.config.source)]) == Exit.OK
    assert "hotline join" in capsys.readouterr().out


async def test_wrong_unlocking_secret_is_a_key_problem(typed: Typed) -> None:
    """The database stays closed; nothing is shown."""
    secret = typed.config.member.unlock.removeprefix("file:")
    with open(secret, "w", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a test's own file
        file.write("x" * 44)
    code, shown = await typed("status")
    assert (code, shown["error"]["code"]) == (Exit.KEYS, "unreadable_key")


async def test_missing_database_says_how_to_get_one(typed: Typed) -> None:
    """Either `init` or `restore`."""
    typed.config.store.path.unlink()
    code, shown = await typed("status")
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_missing")
    assert "hotline restore" in shown["error"]["message"]


async def test_file_that_is_no_database(typed: Typed) -> None:
    """Garbage is not opened, and says so in our words."""
    typed.config.store.path.write_bytes(b"x" * 8192)
    code, shown = await typed("status")
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_wrong_key")
