"""`hotline run` as a process: it starts, says so, answers, and stops in good order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from node.cli.exits import Exit
from node.config.edit import change_file
from node.setup.opening import open_keys, store_place
from node.store.beside import reading
from node.store.contents.lists import min_bytes_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.umbrella import World

    Typed = Any

PROGRAM = "from node.cli import main; main()"
PATIENCE_S = 60.0


class Process:
    """One process of the node, and the log lines it has written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []

    async def until(self, event: str) -> None:
        """Read log lines until one is `event`."""
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self._process.stderr.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return
        raise AssertionError([line["event"] for line in self.lines])

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end; give the exit code."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()


@asynccontextmanager
async def started(config: Path) -> AsyncIterator[Process]:
    """Run the node of a configuration, and end it whatever happens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "run", "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def refused(config: Path) -> tuple[int, str, str]:
    """Try to run; give exit code, code and message of the refusal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "run", "--json", "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    error = json.loads(out)["error"]
    assert process.returncode is not None
    return process.returncode, error["code"], error["message"]


async def test_life_of_a_process(joined: Typed, tmp_path: Path) -> None:
    """Start, work, refuse a second process, back up under way, stop on SIGTERM with 0."""
    async with started(joined.config.source) as process:
        await process.until("node_started")
        _, shown = await joined("status")
        assert (shown["running"], shown["missing"]) == (True, [])
        code, why, _ = await refused(joined.config.source)
        assert (code, why) == (Exit.STORE, "store_in_use")
        code, _ = await joined("backup", tmp_path / "copy")
        assert code == Exit.OK
        code, shown = await joined("restore", tmp_path / "copy")
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "node_running")
        _, shown = await joined("doctor")
        codes = {finding["code"] for finding in shown["findings"]}
        assert "not_running" not in codes
        assert "data_none" in codes
        process.send(signal.SIGTERM)
        await process.until("node_stopped")
        assert await process.ended() == Exit.OK
    assert {line["member"] for line in process.lines} == {"gb-iwf"}


async def test_killed_process_leaves_nothing_in_the_way(joined: Typed) -> None:
    """After kill -9 the next start needs no mending."""
    for _ in range(2):
        async with started(joined.config.source) as process:
            await process.until("node_started")
            process.send(signal.SIGKILL)
            assert await process.ended() == -signal.SIGKILL
    code, shown = await joined("verify")
    assert (code, shown["holds"]) == (Exit.OK, True)


async def test_taken_port_is_a_configuration_problem(joined: Typed) -> None:
    """The message says which keys to change."""
    with socket.create_server(("127.0.0.1", joined.config.api.listen_port)):
        code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.CONFIGURATION, "listen_failed")
    assert "listen_port" in message


async def test_member_that_has_not_joined_does_not_run(world: World, joined: Typed) -> None:
    """The mend is the command to join."""
    text = world.config.source.read_text().replace("root_sha256 =", "# root_sha256 =")
    joined.config.source.write_text(text)
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.REFUSED, "registry_none")
    assert "hotline join" in message


async def test_node_without_any_sealing_key_does_not_run(joined: Typed) -> None:
    """It would take pushes and could open none of them."""
    for file in joined.config.member.keys_dir.glob("sealing-*.key"):
        file.unlink()
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.KEYS, "unreadable_key")
    assert "backup" in message


async def test_lists_judge_unseen_from_the_size_that_is_configured(joined: Typed) -> None:
    """From the first entry that comes in: it is set before the node listens."""
    change_file(joined.config.source, "matching", {"min_bytes": 4096})
    async with started(joined.config.source) as process:
        await process.until("node_started")
        key = open_keys(joined.config).database_key
        with reading(store_place(joined.config), key) as store:
            assert store.read(min_bytes_of) == 4096
        process.send(signal.SIGTERM)
        assert await process.ended() == Exit.OK


async def test_hashcheck_answers_on_the_public_listener(joined: Typed) -> None:
    """Off unless it is enabled; its keys are made at the local API of the same process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    change_file(joined.config.source, "public", {"enabled": True, "listen_port": port})
    async with started(joined.config.source) as process:
        await process.until("node_started")
        _, made = await joined(
            *["hashcheck", "key", "create", "--hoster", "pics", "--ends", "2099-12-31"]
        )
        file = joined.config.source
        key_file = file.with_name("hashcheck.key")
        key_file.write_text(made["key"])
        key_file.chmod(0o600)
        service = ("--service", f"http://127.0.0.1:{port}", "--key-file", key_file)
        code, told = await joined("hashcheck", "send", file, *service)
        assert (code, [one["answer"] for one in told["files"]]) == (Exit.OK, ["none"])
        process.send(signal.SIGTERM)
        assert await process.ended() == Exit.OK
    async with started(joined.config.source) as process:
        await process.until("node_started")
        _, shown = await joined("hashcheck", "key", "list")
        assert [(one["hoster"], one["checks"]) for one in shown["keys"]] == [("pics", 1)]
