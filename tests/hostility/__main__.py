"""`make hostile`: how much of its rate an honest peer keeps while a hostile one attacks (R4).

A real listener over a real inbox and encrypted store, an honest member that pushes as fast as it is
receipted, and a hostile one, each a process of its own. Attacker and node share a machine here, as
they would not: so the rate under attack is held against that while the same attacker has another
node to attack, both at the lowest priority. What is left is what the attack costs this node. Both
are measured in turns, and medians told; on a machine that does other work they mean little. What
means something there is the processor time of the node while the attack goes on alone, after its
first burst. Nothing is asserted.

Lines: `R4 <attack> elsewhere=N under=N kept=N% attacks=N cost_ms=N busy=N%`: entries/s while
another node, and while this one is attacked, and the part that is kept; attacks/s, what one costs
the node, and which part of one core all of them together take.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.peer.channels.inbox import Inbox
from node.peer.http.listener import listen
from node.peer.http.server import make_peer_app
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.checkpoint import Checkpoint
from protocol.merkle import CompactRange
from protocol.vocabulary import Lane
from tests.builders.cases import FINGERPRINTS
from tests.builders.empty import empty_store
from tests.node.peer.attacker import Attacker, entry, opening
from tests.node.peer.kit import (
    ECO,
    EOKM,
    IWF,
    Calls,
    Network,
    head_bytes,
    read_response,
    request,
)

KEY: Final = bytes(range(32))
PUSH_ENTRIES: Final = 200
WORKERS: Final = 8
ROUNDS: Final = 5
ELSEWHERE: Final = "127.0.0.2"
"""The honest member has an address of its own, as it would have."""
WORK: Final = Path(".run")
"""On a real disk, as nodes are, and not under git."""
READ_BUFFER: Final = 65_536
EPOCH: Final = b"hostile1"
BURST_S: Final = 3.0
"""After which what is allowed after a pause has been used up."""
ALONE_S: Final = 5.0
FORK: Final = multiprocessing.get_context("fork")
STRUCK: Final = FORK.Value("Q")
"""Attacks made so far, by all processes."""


@dataclass(frozen=True)
class Target:
    """A node that can be attacked: where, and its process id."""

    network: Network
    port: int
    process: int


def struck() -> None:
    """Count an attack."""
    with STRUCK.get_lock():
        STRUCK.value += 1


def processor_s(process_id: int) -> float:
    """Processor time of all threads of a process so far (Linux, `schedstat`), seconds."""
    threads = Path(f"/proc/{process_id}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def now_ms() -> int:
    """The time, ms UTC."""
    return time.time_ns() // 1_000_000


async def serve(network: Network, port: int, folder: Path) -> None:
    """Be `nl-eokm` until killed."""
    empty_store(folder / "node.db", KEY)
    store = Store.open(folder / "node.db", KEY, EOKM, FINGERPRINTS)
    keys = network.keys[EOKM]
    sealing = {key.public.key_id: key for key in keys.sealing}
    inbox = Inbox(us=EOKM, store=store.inbox, registry=network, receipt_key=keys.receipt,
                  sealing_key=sealing.get, clock=now_ms, on_taken=lambda: None)  # fmt: skip
    app = make_peer_app(us=EOKM, inbox=inbox, registry=network, transport_key=keys.transport,
                        clock=now_ms, on_contact=lambda _: None)  # fmt: skip
    await listen(app, "127.0.0.1", port, keys.tls)
    await asyncio.Event().wait()


class Honest:
    """`de-eco`: entries on one connection, each push as soon as the last is receipted."""

    def __init__(self, network: Network, port: int) -> None:
        self._attacker = Attacker(network, ECO)
        self._port = port
        self._network = network
        self._edge = CompactRange()

    async def rate(self, pushes: int) -> float:
        """Push so many times; entries a second. What is sealed was made before."""
        made = [self._make() for _ in range(pushes)]
        reader, writer = await Calls(self._port, ELSEWHERE).open()
        started = time.perf_counter()
        for path, body in made:
            asked = request(self._network, path, body=body, sender=ECO,
                            created_ms=now_ms(), nonce=os.urandom(16))  # fmt: skip
            writer.write(head_bytes(asked, f"127.0.0.1:{self._port}") + body)
            arrived = await read_response(reader)
            assert arrived.headers["Content-Type"] == "application/hx1-receipt", arrived
        writer.close()
        return pushes * PUSH_ENTRIES / (time.perf_counter() - started)

    def _make(self) -> tuple[str, bytes]:
        start = self._edge.size
        said = [entry(start + number) for number in range(PUSH_ENTRIES)]
        if start == 0:
            said.insert(0, opening(b"honest-1"))
        self._edge = self._edge.extend([entries.leaf(one) for one in said])
        origin = self._attacker.note(b"honest-1", []).origin
        note = Checkpoint(origin, self._edge.size, self._edge.root)
        asked, body = self._attacker.push(note, start, said)
        return "/" + asked.url.split("/", 3)[3], body


Attack = Callable[[Network, int], Awaitable[None]]


def with_push(
    sealed: bytes | None = None,
    *,
    new_epochs: bool = False,
    forked: bool = False,
    lane: Lane | None = None,
) -> Attack:
    """Push again and again on one connection: the same lie, or a new epoch each time.

    `forked`: other entries of the same epoch and size each time; `lane`: another than is signed.
    """

    async def attack(network: Network, port: int) -> None:
        attacker = Attacker(network, IWF)
        reader, writer = await Calls(port).open()
        while True:
            epoch = os.urandom(8) if new_epochs else EPOCH
            said = [opening(epoch), entry(attacker.made if forked else 1)]
            note = attacker.note(epoch, said)
            asked, body = attacker.push(note, 0, said, sealed=sealed, lane=lane)
            path = "/" + asked.url.split("/", 3)[3]
            again = request(network, path, body=body, created_ms=now_ms(), nonce=os.urandom(16))
            writer.write(head_bytes(again, f"127.0.0.1:{port}") + body)
            await read_response(reader)
            struck()

    return attack


async def ask(network: Network, port: int) -> None:
    """Ask for the state of a channel without end."""
    reader, writer = await Calls(port).open()
    path = f"/hx1/channels/{IWF}/reports?nonce={'00' * 16}"
    while True:
        asked = request(network, path, method="GET", created_ms=now_ms(), nonce=os.urandom(16))
        writer.write(head_bytes(asked, f"127.0.0.1:{port}"))
        await read_response(reader)
        struck()


async def oversize(network: Network, port: int) -> None:
    """Announce bodies without bounds."""
    asked = request(network, headers={"Content-Length": str(1 << 40)}, created_ms=now_ms(),
                    nonce=os.urandom(16))  # fmt: skip
    await Calls(port).raw(head_bytes(asked, f"127.0.0.1:{port}"))


async def stranger(_network: Network, port: int) -> None:
    """Call without a signature, on a connection each."""
    await Calls(port).raw(b"GET /hx1/hello HTTP/1.1\r\nHost: x\r\n\r\n")


async def crowd(_network: Network, port: int) -> None:
    """Connect, and begin no TLS."""
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    await reader.read()


async def knock(_network: Network, port: int) -> None:
    """Connect, and hang up."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def slow(_network: Network, port: int) -> None:
    """Send headers a byte at a time."""
    _, writer = await Calls(port).open()
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


ATTACKS: Final[Mapping[str, Attack]] = {
    "replayed_garbage": with_push(bytes(READ_BUFFER)),
    "unsealable": with_push(b"\x5a" * 5000, new_epochs=True),
    "epoch_flood": with_push(new_epochs=True),
    "repeats": with_push(),
    "forked": with_push(forked=True),
    "wrong_lane": with_push(lane=Lane.STATUS),
    "questions": ask,
    "oversized": oversize,
    "strangers": stranger,
    "connections": crowd,
    "knocks": knock,
    "slow_headers": slow,
}


async def attack_for_ever(attack: Attack, network: Network, port: int) -> None:
    """Let eight workers attack; whoever is hung up on comes again."""

    async def work() -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await attack(network, port)
            struck()
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work() for _ in range(WORKERS)))


def hostile(name: str, network: Network, port: int) -> None:
    """Be a process that attacks, and takes only what others leave."""
    os.nice(19)
    asyncio.run(attack_for_ever(ATTACKS[name], network, port))


def listener(network: Network, port: int, folder: str, nice: int) -> None:
    """Be a process that listens, the nicer the less it takes from others."""
    os.nice(nice)
    asyncio.run(serve(network, port, Path(folder)))


@contextmanager
def listening(port: int, nice: int = 0) -> Iterator[Target]:
    """Run a node meanwhile, with a network in which it is there."""
    network = Network()
    network.move(EOKM, port)
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        process = FORK.Process(target=listener, args=(network, port, folder, nice), daemon=True)
        process.start()
        try:
            assert process.pid is not None
            yield Target(network, port, process.pid)
        finally:
            process.kill()
            process.join()


@contextmanager
def attacked(name: str, target: Target) -> Iterator[None]:
    """Let a process attack meanwhile."""
    process = FORK.Process(target=hostile, args=(name, target.network, target.port), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


async def cost(name: str, target: Target) -> str:
    """Say what an attack alone costs the node."""
    with attacked(name, target):
        await asyncio.sleep(BURST_S)
        made, used_s, began = STRUCK.value, processor_s(target.process), time.monotonic()
        await asyncio.sleep(ALONE_S)
        made, used_s = STRUCK.value - made, processor_s(target.process) - used_s
        took_s = time.monotonic() - began
    each_ms = 1000 * used_s / max(1, made)
    return f"attacks={made / took_s:.0f} cost_ms={each_ms:.2f} busy={100 * used_s / took_s:.1f}%"


async def measure(target: Target, decoy: Target, pushes: int, attacks: Collection[str]) -> None:
    """Take every figure."""
    honest = Honest(target.network, target.port)
    await honest.rate(5)
    for name in attacks:
        rates: tuple[list[float], list[float]] = [], []
        for _ in range(ROUNDS):
            for attack_on, found in zip((decoy, target), rates, strict=True):
                with attacked(name, attack_on):
                    await asyncio.sleep(1)
                    found.append(await honest.rate(pushes))
        kept = statistics.median(u / e for e, u in zip(*rates, strict=True))
        elsewhere, under = map(statistics.median, rates)
        said = f"elsewhere={elsewhere:.0f} under={under:.0f}"
        alone = await cost(name, target)
        sys.stdout.write(f"R4 {name} {said} kept={100 * kept:.0f}% {alone}\n")
        sys.stdout.flush()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make hostile")
    parser.add_argument("--pushes", type=int, default=60)
    parser.add_argument("--port", type=int, default=18_441, help="and the next one")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    with listening(given.port) as target, listening(given.port + 1, nice=19) as decoy:
        time.sleep(2)
        asyncio.run(measure(target, decoy, given.pushes, given.only))


if __name__ == "__main__":
    main()
