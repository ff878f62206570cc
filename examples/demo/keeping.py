"""`KEEP=1`: the nodes stay, and a person is told how to talk to them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo.processes import HOTLINE

if TYPE_CHECKING:
    from examples.demo.course import Course

STOP = "stop.sh"
SCRIPT = """#!/bin/sh
# Ends the processes of the demo in this folder, and no others; waits until they have ended.
runs() {{ grep -aqsF "{folder}" "/proc/$1/cmdline"; }}
for pid in {pids}; do runs "$pid" && kill "$pid"; done
for pid in {pids}; do while runs "$pid"; do sleep 0.2; done; done
"""


async def keep(course: Course) -> None:
    """Leave everything running; write how to stop it, and tell how to use it."""
    await course.network.start_umbrella()
    processes = course.processes.leave()
    script = course.folder / STOP
    pids = " ".join(str(one.pid) for one in processes)
    script.write_text(SCRIPT.format(pids=pids, folder=course.folder), "utf-8")
    _tell(course, script)


def still_running(folder: Path) -> bool:
    """Whether processes of an earlier demo in this folder still run."""
    script = folder / STOP
    if not script.exists():
        return False
    words = script.read_text("utf-8").partition("for pid in ")[2].partition(";")[0].split()
    return any(_belongs(int(word), folder) for word in words)


def _belongs(pid: int, folder: Path) -> bool:
    try:
        os.kill(pid, 0)
        return os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _tell(course: Course, script: Path) -> None:
    show = course.tell.console.print
    show("\n[bold]The nodes keep running.[/bold] Each member's local API and a token for it:")
    for member in course.members.values():
        show(f"  {member.id}  http://127.0.0.1:{member.api_port}  {member.token}")
    one = next(iter(course.members.values()))
    show("\nAsk an API (it describes itself at /api/v1/openapi.json):")
    show(f"  curl -s -H 'Authorization: Bearer {one.token}' \\")
    show(f"    'http://127.0.0.1:{one.api_port}/api/v1/items?limit=2'")
    show(f"  curl -s http://127.0.0.1:{one.api_port}/metrics")
    show("\nOr the command line:")
    for verb in ("status", "peers", "doctor", "verify", "submit examples/reports.ndjson"):
        show(f"  {HOTLINE} {verb} --config {one.config}")
    show(f"  {HOTLINE} network status --config {course.folder}/umbrella/network.toml")
    show(f"\nEnd them with: sh {script}\n")
