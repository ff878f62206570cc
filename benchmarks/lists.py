"""A very long list on its way into a node: `hotline list import`, killed in the middle, resumed.

    python -m benchmarks.lists [--entries 10000000] [--format csv|vics-2.0] [--dir DIR]

The file is made up: random hashes, `csv` with SHA-256, length and category (some 85 bytes an
entry), `vics-2.0` with MD5, SHA-1 and size. The node is stopped, as docs/operating/lists.md asks
for with millions. Half-way the verb is killed with -9, then the same command goes on; `list
status`, an export and a retraction follow, and the node is started with the list. One line for
each step,

    lists: STEP seconds=N cpu_s=N peak_mb=N ...

`peak_mb` is the most memory (RSS) that the verb held; `killed` and `import` say how many entries a
second came in, `told` how often progress was shown, `disk_mb` what the database takes then. Of the
`start`, `ready_s` is to the first 200 from `/readyz`, `read_s` until a known hash is found in
memory, `rss_mb` the node's memory then; `to_match` counts what it has not yet asked its items
about, a minute later too. The exit code is 0 only if each entry stands once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from benchmarks.floor import HOSTS
from benchmarks.machine import cpu_s, rss_mb
from benchmarks.measures import restart
from benchmarks.pair import run_hash, running_pair
from benchmarks.soak import say
from examples.demo.__main__ import stop_on_signals
from examples.demo.members import Member
from examples.demo.processes import HOTLINE

NAME: Final = "long"
CHUNK: Final = 10_000
AFTER_S: Final = 60.0
_HEAD: Final = {
    "csv": "sha256;length;category\n",
    "vics-2.0": '{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/'
    '2.0.xml/Default/$metadata#Media","value":[\n',
}


@dataclass
class Ran:
    """A verb that ended, or was ended."""

    seconds: float
    cpu_s: float
    peak_mb: float
    code: int
    told: list[str]
    answer: dict[str, Any]


def lines(form: str, entries: int) -> Iterator[str]:
    """Yield the entries of a file; the first thousand are files that the node has items of."""
    rng = random.Random(7)  # noqa: S311 - made data, the same in each run
    for number in range(entries):
        length = rng.randrange(2_000, 4_000_000)
        if form == "csv":
            known = number < HOSTS
            digest = run_hash("warm", number) if known else rng.randbytes(32).hex()
            yield f"{digest};{length};{number % 3}\n"
        else:
            md5, sha1 = rng.randbytes(16).hex().upper(), rng.randbytes(20).hex().upper()
            yield (
                f"{',' if number else ''}"
                f'{{"MediaID":{number + 1},"Category":{number % 3},"MD5":"{md5}","SHA1":"{sha1}",'
                f'"MediaSize":{length},"DateUpdated":"2026-01-31T12:00:00Z",'
                '"VictimIdentified":"False","IsDistributed":"True","Series":"","Tags":""}\n'
            )


def make(file: Path, form: str, entries: int) -> None:
    """Write the file."""
    with file.open("w", encoding="ascii") as out:
        out.write(_HEAD[form])
        waiting: list[str] = []
        for line in lines(form, entries):
            waiting.append(line)
            if len(waiting) == CHUNK:
                out.write("".join(waiting))
                waiting.clear()
        out.write("".join(waiting) + ("]}\n" if form != "csv" else ""))


def run_verb(folder: Path, *words: str, until: int | None = None) -> Ran:
    """Run a verb to its end, or kill it with -9 once its progress says `until` percent."""
    began, errors = time.monotonic(), folder / "verb.err"
    with errors.open("wb") as err, (folder / "verb.out").open("wb") as out:
        process = subprocess.Popen(
            [str(HOTLINE), *words, "--json"], stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if until is not None and _percent(errors) >= until:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(status)
    raw = (folder / "verb.out").read_bytes()
    return Ran(
        time.monotonic() - began,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * 1024 / 1e6,
        process.returncode,
        _told(errors),
        json.loads(raw) if raw else {},
    )


def _told(errors: Path) -> list[str]:
    return [one for one in errors.read_text("utf-8").splitlines() if "%" in one]


def _percent(errors: Path) -> int:
    told = _told(errors)
    return int(told[-1].split("%")[0]) if told else 0


def tell(step: str, ran: Ran, **more: object) -> None:
    """Print the line of a step."""
    rest = "".join(f" {name}={value}" for name, value in more.items())
    print(
        f"lists: {step} seconds={ran.seconds:.1f} cpu_s={ran.cpu_s:.1f}"
        f" peak_mb={ran.peak_mb:.0f}{rest}",
        flush=True,
    )


def disk_mb(member: Member) -> int:
    """Return what the database of a member takes, its log with it."""
    return sum(one.stat().st_size for one in member.folder.rglob("*.db*")) // 1_000_000


def import_twice(folder: Path, member: Member, file: Path, entries: int) -> bool:
    """Import the file, killed half-way and once more; whether each entry stands once."""
    before, config = disk_mb(member), ("--config", str(member.config))
    words = ("list", "import", str(file), "--list", NAME, "--provenance", "police", *config)
    trust = ("--trust", "*=suggestion", "--version", "1")
    killed = run_verb(folder, *words, *trust, until=50)
    half = int(killed.told[-1].split("%")[1].split()[0]) if killed.told else 0
    rate = f"{half / killed.seconds:.0f}"
    tell("killed", killed, code=killed.code, entries=half, rate=rate, told=len(killed.told))
    ran = run_verb(folder, *words, *trust)
    came, taken = sum(ran.answer["settled"].values()), ran.answer["taken_before"]
    rate = f"{came / ran.seconds:.0f}"
    disk = disk_mb(member) - before
    tell(
        "import", ran, taken_before=taken, entries=came, rate=rate, told=len(ran.told), disk_mb=disk
    )
    again = run_verb(folder, *words, *trust)
    tell("again", again, settled=sum(again.answer["settled"].values()))
    status = run_verb(folder, "list", "status", *config)
    (found,) = status.answer["lists"]
    tell("status", status, entries=found["entries"], to_match=found["to_match"])
    return bool(found["entries"] == entries == came + taken)


async def start(member: Member, folder: Path) -> None:
    """Start the node with the list, and see how long until it answers, and what it holds."""
    began = time.monotonic()
    await restart(member)
    ready = time.monotonic() - began
    assert member.running is not None
    pid = member.running.pid
    rss, cpu = rss_mb(pid), cpu_s(pid)
    status = await asyncio.to_thread(_status, member, folder)
    say(f"ready after {ready:.1f} s, rss {rss:.0f} MB; {status} entries to be matched")
    most = rss
    until = time.monotonic() + AFTER_S
    while time.monotonic() < until:
        await asyncio.sleep(0.2)
        most = max(most, rss_mb(pid))
    after = await asyncio.to_thread(_status, member, folder)
    print(
        f"lists: start ready_s={ready:.1f} rss_mb={rss_mb(pid):.0f} peak_mb={most:.0f}"
        f" cpu_s={cpu:.1f} to_match={status} a_minute_later={after}"
        f" cpu_of_minute_s={cpu_s(pid) - cpu:.1f}",
        flush=True,
    )


def _status(member: Member, folder: Path) -> int:
    found = run_verb(folder, "list", "status", "--config", str(member.config)).answer["lists"]
    return next(int(one["to_match"]) for one in found if one["name"] == NAME)


def others(folder: Path, member: Member, form: str) -> bool:
    """Write the list out and take one entry back; whether both say so."""
    config = ("--config", str(member.config))
    target = folder / f"exported.{form}"
    out = run_verb(folder, "list", "export", str(target), "--list", NAME, "--format", form,
                   "--own-use", *config)  # fmt: skip
    tell("export", out, entries=out.answer["entries"], mb=target.stat().st_size // 1_000_000)
    target.unlink()
    some = ("--sha256", run_hash("warm", 0)) if form == "csv" else ("--md5", _first_md5())
    back = run_verb(folder, "list", "retract", "--list", NAME, *some, *config)
    tell("retract", back, entries=back.answer["entries"])
    return bool(back.answer["entries"] == 1)


def _first_md5() -> str:
    return next(lines("vics-2.0", 1)).split('"MD5":"')[1][:32]


async def run(folder: Path, form: str, entries: int) -> bool:
    """Make the network and the file, and go through all steps."""
    stop_on_signals()
    file = folder / f"list.{form}"
    make(file, form, entries)
    say(f"made {entries} entries, {file.stat().st_size // 1_000_000} MB")
    async with running_pair(folder / "pair") as pair:
        pair.unwatch()
        member = pair.receiver
        await member.stop()
        good = await asyncio.to_thread(import_twice, folder, member, file, entries)
        await start(member, folder)
        good = await asyncio.to_thread(others, folder, member, form) and good
        pair.watch()
    return good


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="lists", description="A very long list")
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--format", choices=sorted(_HEAD), default="csv")
    parser.add_argument("--dir", type=Path, help="made anew; a temporary one if left out")
    options = parser.parse_args()
    folder: Path = options.dir or Path(mkdtemp(prefix="hotline-lists-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    good = asyncio.run(run(folder.absolute(), options.format, options.entries))
    if good and options.dir is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
