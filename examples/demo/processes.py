"""The demo's processes: started through the real command line, logged, and never left behind."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import random
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

HOTLINE = Path(sys.executable).parent / "hotline"
STOP_S = 15.0
VERB_S = 120.0
HELD = 128
_held: deque[socket.socket] = deque()


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Running:
    """One process that runs until it is told to stop; what it writes stands in its log."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, if it is still there.

        Not by `send_signal` of the process: that looks whether it ended, and takes its exit code
        away from the event loop.
        """
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def stop(self) -> int:
        """Ask it to stop in good order; gives its exit code.

        Raises:
            DemoError: it does not, or stopped with an error; it is gone all the same.
        """
        self.send(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            await self.kill()
            raise DemoError(f"{self.name} did not stop within {STOP_S:.0f} s") from None
        if code != 0:
            raise DemoError(f"{self.name} stopped with exit code {code}; see {self.log}")
        return code

    async def kill(self) -> None:
        """Take it away at once, as kill -9 does."""
        self.send(signal.SIGKILL)
        await self._process.wait()


class Processes:
    """Starts everything; `leave` or `end` decide what becomes of it."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._running: list[Running] = []
        self._verbs = asyncio.Semaphore(4)

    async def start(self, name: str, *command: str) -> Running:
        """Start a process that goes on; its output is added to `logs/<name>.log`."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        running = Running(name, process, log)
        self._running.append(running)
        return running

    async def hotline(
        self,
        *words: str,
        expect: tuple[int, ...] = (0,),
        log: str = "verbs",
        program: Path = HOTLINE,
    ) -> dict[str, Any]:
        """Run a verb to its end and give its `--json` answer; errors are added to `logs/`.

        `program` is the command line that is run: a network may have members of several versions.

        Raises:
            DemoError: another exit code than one of `expect`.
        """
        async with self._verbs:
            process = await asyncio.create_subprocess_exec(
                str(program),
                *words,
                "--json",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            raw, errors = await self._finish(process)
        with (self.logs / f"{log}.log").open("ab") as file:
            file.write(f"$ hotline {' '.join(words[:2])}\n".encode() + errors)
        if process.returncode not in expect:
            told = errors.decode(errors="replace").strip()
            raise DemoError(f"hotline {' '.join(words)}: exit {process.returncode}: {told}")
        answer: dict[str, Any] = json.loads(raw or b"{}")
        return answer

    async def _finish(self, process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
        try:
            return await asyncio.wait_for(process.communicate(), VERB_S)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                await process.wait()

    def fallen(self) -> list[str]:
        """Name the processes that ended though nobody told them to."""
        return [one.name for one in self._running if not one.alive]

    def forget(self, one: Running) -> None:
        """No longer look after a process that was stopped."""
        self._running.remove(one)

    def leave(self) -> list[Running]:
        """Let everything run on, and no longer look after it."""
        left, self._running = self._running, []
        return left

    async def end(self) -> None:
        """Stop everything that still runs, gently first."""
        for one in self._running:
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
        for one in self._running:
            with suppress(DemoError):
                await one.stop()
        self._running.clear()


def free_ports(count: int) -> list[int]:
    """Return ports that are free, outside the range from which outgoing connections take theirs.

    Whoever else looks in the same way finds them taken, until a listener stands there: each is held
    by a socket that is bound and does not listen, beside which a listener may be bound.
    """
    taken = _ephemeral()
    found: list[int] = []
    candidates = [port for port in range(20_000, 60_000) if port not in taken]
    for port in random.sample(candidates, len(candidates)):
        if len(found) == count:
            break
        if _hold(port):
            found.append(port)
    if len(found) < count:
        raise DemoError("no free ports on loopback")
    return found


def _ephemeral() -> range:
    try:
        words = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    except OSError:
        return range(32_768, 61_000)
    return range(int(words[0]), int(words[1]) + 1)


def _hold(port: int) -> bool:
    """Whether nobody had the port; it is held then, by the last `HELD` of such sockets."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            held.bind(("127.0.0.1", port))
            probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            return False
    if sys.platform != "linux":  # elsewhere no listener could be bound beside it
        held.close()
        return True
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if len(_held) == HELD:
        _held.popleft().close()
    _held.append(held)
    return True


@atexit.register
def _let_go() -> None:
    while _held:
        _held.popleft().close()
