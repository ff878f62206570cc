"""Verbs in processes that are forked from one that has loaded the command line already.

`hotline VERB` is a process that loads the node for half a second and then works for some hundredths
of one. A scenario types a hundred verbs. Here each is a process of its own as well, with the same
words, output, environment and exit code; what it loads was loaded once. Nodes, umbrellas and other
versions are started as programs, as ever.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pkgutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import node.cli
from examples.demo.processes import HOTLINE, VERB_S, DemoError, Processes
from node.cli.main import run


class ForkedVerbs(Processes):
    """Starts everything; verbs of this version are forked."""

    async def hotline(
        self,
        *words: str,
        expect: tuple[int, ...] = (0,),
        log: str = "verbs",
        program: Path = HOTLINE,
    ) -> dict[str, Any]:
        """See `Processes.hotline`."""
        if program != HOTLINE:
            return await super().hotline(*words, expect=expect, log=log, program=program)
        async with self._verbs:
            code, raw, errors = await asyncio.to_thread(_run, (*words, "--json"))
        with (self.logs / f"{log}.log").open("ab") as file:
            file.write(f"$ hotline {' '.join(words[:2])}\n".encode() + errors)
        if code not in expect:
            raise DemoError(f"hotline {' '.join(words)}: exit {code}: {errors.decode()}")
        answer: dict[str, Any] = json.loads(raw or b"{}")
        return answer


def _run(words: tuple[str, ...]) -> tuple[int | None, bytes, bytes]:
    """Run a verb to its end; give its exit code, and what it wrote to both streams."""
    with tempfile.TemporaryDirectory() as folder:
        out, told = Path(folder, "out"), Path(folder, "told")
        process = _context().Process(target=_verb, args=(words, out, told, dict(os.environ)))
        process.start()
        process.join(VERB_S)
        process.kill()
        process.join()
        return process.exitcode, out.read_bytes(), told.read_bytes()


def _verb(words: tuple[str, ...], out: Path, told: Path, environment: Mapping[str, str]) -> None:
    """Be `hotline`, with these words."""
    for number, place in ((1, out), (2, told)):
        os.dup2(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(HOTLINE), *words]
    sys.exit(run(sys.argv[1:]))


@cache
def _context() -> ForkServerContext:
    """Where processes are forked; what verbs load is loaded there."""
    made = multiprocessing.get_context("forkserver")
    verbs = [f"node.cli.{one.name}" for one in pkgutil.iter_modules(node.cli.__path__)]
    made.set_forkserver_preload([__name__, *verbs])
    return made
