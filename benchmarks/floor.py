"""The floor: only what no design can avoid, in two processes, with the node's batch sizes.

For each batch of 1,000 items of about 640 bytes: encode, hash the leaves, extend the tree, one
hybrid signature, keep the rows durably at the sender, one HPKE seal, one HTTP PUT over TLS 1.3;
then verify, open, decode, extend the tree, keep the rows with their indexes durably, cosign,
answer; then verify the receipt. Nothing else: no intake, no jurisdiction, no duplicates, no
history, no dispositions. Both databases are encrypted as the node's are, `synchronous=FULL`.

    python -m benchmarks.floor --items 100000

Last line: `floor: items=N seconds=S items_per_second=R`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp import web

from benchmarks.clients import run
from benchmarks.machine import cpu_s
from keys.keyfile import use_tls_key
from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.store.connection import create_database, open_writer
from protocol import entry as entries
from protocol import push as pushes
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from protocol.facts import Content, Evidence, Hop, Jurisdiction, Location, Sighting
from protocol.merkle import CompactRange
from protocol.messages import Item, from_body, to_body
from protocol.receipt import cosign, verify_receipt
from protocol.vocabulary import Confidence, HostingState, ItemKind, Kind, Lane, Matter, Source

BATCH = 1000
HOSTS = 1000
EPOCH = bytes(8)
NOW_MS = 1_790_000_000_000
CHANNEL = Channel("floor-0123456789abcdef", "gb-iwf", "nl-eokm", Lane.REPORTS)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

TABLES = """
CREATE TABLE floor_items (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, entry BLOB) STRICT;
CREATE TABLE floor_keys (key BLOB, row INTEGER, PRIMARY KEY (key, row)) STRICT, WITHOUT ROWID;
"""
"""The smallest rows we know by which an item is found again: by id, place, content, entry."""

EVIDENCE = (
    Evidence("203.0.113.7 in 203.0.113.0/26", "alpha", "2026-11-01", "NL"),
    Evidence("203.0.113.7 in 203.0.113.0/26", "beta", "2026-10-24", "NL"),
    Evidence("203.0.113.7 in 203.0.113.0/26", "gamma", "2026-10-01", "NL"),
    Evidence("ok 1790000000000", "names", "1", None),
    Evidence("203.0.113.7 86400", "address", "1", None),
    Evidence("jurisdiction 1", "rule", "1", None),
)
"""What a node says of a place, so that both send entries of one size."""
JURISDICTION = Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, EVIDENCE)


@dataclass(frozen=True)
class Floor:
    """What a run of the floor gave: items a second, mean entry, processor time of each side."""

    rate: float
    entry_bytes: float
    sender_cpu_s: float
    receiver_cpu_s: float


def name_of(number: int) -> str:
    """Return an item id."""
    digits, rest = "", number
    for _ in range(12):
        digits, rest = _ALPHABET[rest % 32] + digits, rest // 32
    return f"gb-iwf.01M32500000000{digits}"


def url_of(number: int, run: str) -> str:
    """Return the address of an item, on one of the hosts."""
    return f"https://nl{number % HOSTS}.example/{run}/{number:08d}.jpg"


def item(number: int) -> Item:
    """Return one synthetic item, about 640 bytes once it travels."""
    return item_of(name_of(number), url_of(number, "bulk0"), number.to_bytes(32, "big"))


def item_of(name: str, url: str, sha256: bytes) -> Item:
    """Return an item at an address, with the hash of its content."""
    return Item(
        item_id=name,
        report_id=name,
        revision=1,
        matter=Matter.CSAM,
        item_kind=ItemKind.IMAGE,
        location=Location(url, 1, url),
        content=(Content(sha256=sha256),),
        access=None,
        source=Source.PUBLIC,
        found_via=None,
        campaign=None,
        found_ms=NOW_MS,
        received_ms=NOW_MS,
        child_at_risk=False,
        finder="gb-iwf",
        custody=(Hop("gb-iwf", NOW_MS),),
        jurisdiction=JURISDICTION,
        assessments=(),
        actions=(),
        sightings=(Sighting(name, "gb-iwf", Source.PUBLIC, NOW_MS),),
    )


class Kept(NamedTuple):
    """One item to keep."""

    item_id: str
    entry: bytes
    keys: tuple[bytes, ...]


class Rows:
    """An encrypted database with the rows and indexes that nobody can do without."""

    def __init__(self, path: Path, keys: MemberKeys) -> None:
        create_database(path, keys.database_key)
        self._connection = open_writer(path, keys.database_key)
        self._connection.executescript(TABLES)
        self._last = 0

    def keep(self, kept: Sequence[Kept]) -> None:
        """Keep one batch in one durable transaction; keys in their order, to touch pages once."""
        numbered = list(enumerate(kept, self._last + 1))
        keys = sorted([(key, row) for row, one in numbered for key in one.keys])
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO floor_items VALUES (?, ?, ?)",
            [(row, one.item_id, one.entry) for row, one in numbered],
        )
        connection.executemany("INSERT INTO floor_keys VALUES (?, ?)", keys)
        connection.execute("COMMIT")
        self._last += len(numbered)


def fingerprints(one: Item) -> tuple[bytes, bytes]:
    """Return the two keys by which an item is found again."""
    place = (one.location.canonical or "").encode()
    content = one.content[0].sha256 or b""
    return blake2b(place, digest_size=16).digest(), blake2b(content, digest_size=16).digest()


class Receiver:
    """The receiving process."""

    def __init__(self, keys: MemberKeys, sender: MemberKeys, folder: Path) -> None:
        self._keys = keys
        self._sender = sender
        self._rows = Rows(folder / "receiver.db", keys)
        self._edge = CompactRange()

    async def put(self, request: web.Request) -> web.Response:
        """Verify, open, decode, keep, cosign."""
        raw = await request.read()
        return web.Response(body=await asyncio.to_thread(self._take, raw))

    def _take(self, raw: bytes) -> bytes:
        head = pushes.read_head(raw)
        checkpoint = verify_checkpoint(head.note, [self._sender.log.public]).checkpoint
        start = self._edge.size
        key = self._keys.sealing[0]
        info = pushes.seal_info(
            pushes.Purpose.PUSH, pushes.SUITE, head.key_id, checkpoint, start, checkpoint.size
        )
        arrived = pushes.unframe(key.open(info, raw[pushes.head_length(raw) :]))
        self._edge = self._edge.extend(entries.leaves(arrived))
        assert self._edge.root == checkpoint.root
        kept = []
        for entry in arrived:
            decoded = entries.decode(entry)
            message = from_body(decoded.kind, decoded.body)
            assert isinstance(message, Item)
            keys = (*fingerprints(message), decoded.id[:16])
            kept.append(Kept(message.item_id, entry, keys))
        self._rows.keep(kept)
        return cosign(checkpoint, self._keys.receipt, NOW_MS // 1000)


def receive(pipe: Pipe, folder: Path) -> None:
    """Run the receiving process until its parent goes away."""
    ours, theirs = load_keys(folder, "receiver"), load_keys(folder, "sender")
    receiver = Receiver(ours, theirs, folder)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_put("/push", receiver.put)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    use_tls_key(context, ours.tls)
    run(serve(app, pipe, context))


async def serve(app: web.Application, pipe: Pipe, context: ssl.SSLContext | None = None) -> None:
    """Serve on a free port, tell it through the pipe, and stop when the parent closes that."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await web.SockSite(runner, listener, ssl_context=context).start()
        pipe.send(listener.getsockname()[1])
        with suppress(EOFError):
            await asyncio.to_thread(pipe.recv)
        await runner.cleanup()


class Sender:
    """The sending side, on a channel of its own."""

    def __init__(self, keys: MemberKeys, receiver: MemberKeys, folder: Path, port: int) -> None:
        self._keys = keys
        self._receiver = receiver
        self._url = f"https://127.0.0.1:{port}/push"
        self._rows = Rows(folder / "sender.db", keys)
        self._edge = CompactRange()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE
        self.entries = self.entry_bytes = 0

    def encode(self, one: Item) -> bytes:
        """Return the entry that says an item."""
        entry = entries.compose(
            self._keys.node_secret, Kind.ITEM, one.item_id, 1, "nl-eokm", to_body(one)
        )
        return entries.encode(entry)

    def keep(self, items: Sequence[Item], made: Sequence[bytes]) -> None:
        """Keep rows and keys of a batch durably."""
        pairs = zip(items, made, strict=True)
        self._rows.keep([Kept(one.item_id, raw, fingerprints(one)) for one, raw in pairs])

    def cut(self, items: Sequence[Item]) -> tuple[Checkpoint, bytes]:
        """Encode, hash, sign, keep, seal one batch."""
        made = [self.encode(one) for one in items]
        self.entries += len(made)
        self.entry_bytes += sum(map(len, made))
        start = self._edge.size
        self._edge = self._edge.extend(entries.leaves(made))
        checkpoint = Checkpoint(CHANNEL.origin(EPOCH), self._edge.size, self._edge.root)
        note = sign_checkpoint(checkpoint, self._keys.log)
        self.keep(items, made)
        key = self._receiver.sealing[0].public
        info = pushes.seal_info(
            pushes.Purpose.PUSH, pushes.SUITE, key.key_id, checkpoint, start, checkpoint.size
        )
        head = pushes.PushHead(pushes.SUITE, key.key_id, note).to_bytes()
        return checkpoint, head + key.seal(info, pushes.frame(made))

    async def push(
        self, session: aiohttp.ClientSession, checkpoint: Checkpoint, body: bytes
    ) -> None:
        """Send one batch and verify its receipt."""
        async with session.put(self._url, data=body, ssl=self._tls) as response:
            receipt = await response.read()
        verify_receipt(receipt, checkpoint, [self._receiver.receipt.public])

    async def send(self, batches: Sequence[Sequence[Item]]) -> float:
        """Send everything; the next batch is cut while one is in flight. Returns seconds."""
        started = time.perf_counter()
        async with aiohttp.ClientSession() as session:
            coming = asyncio.create_task(asyncio.to_thread(self.cut, batches[0]))
            for following in (*batches[1:], None):
                checkpoint, body = await coming
                if following is not None:
                    coming = asyncio.create_task(asyncio.to_thread(self.cut, following))
                await self.push(session, checkpoint, body)
        return time.perf_counter() - started


def load_keys(folder: Path, who: str) -> MemberKeys:
    """Load the keys of `sender` or `receiver`."""
    return MemberKeys.load(folder / who, Unlock.from_config(f"file:{folder / 'secret'}"))


def make_keys(folder: Path) -> None:
    """Make the keys of both sides, as files: each process loads for itself."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"benchmark secret, worth nothing ....")
    unlock = Unlock.from_config(f"file:{secret}")
    for who, member in (("sender", "gb-iwf"), ("receiver", "nl-eokm")):
        MemberKeys.generate(member, NOW_MS).save(folder / who, unlock)


class Child(NamedTuple):
    """A process that listens."""

    pid: int
    port: int


@contextmanager
def process(target: Callable[..., None], *arguments: object) -> Iterator[Child]:
    """Run `target(pipe, *arguments)` in a fresh process until the end of the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    child.start()
    theirs.close()
    try:
        yield Child(child.pid or 0, ours.recv())
    finally:
        ours.close()
        child.join(10)


async def measure(items: int, folder: Path) -> Floor:
    """Measure the floor with two fresh processes, this one and another."""
    make_keys(folder)
    numbers = range(items)
    batches = [[item(n) for n in numbers[at : at + BATCH]] for at in range(0, items, BATCH)]
    gc.collect()
    gc.freeze()
    try:
        with process(receive, folder) as receiver:
            keys = load_keys(folder, "sender"), load_keys(folder, "receiver")
            sender = Sender(*keys, folder, receiver.port)
            before = time.process_time(), cpu_s(receiver.pid)
            seconds = await sender.send(batches)
            ours, theirs = time.process_time() - before[0], cpu_s(receiver.pid) - before[1]
    finally:
        gc.unfreeze()
    return Floor(items / seconds, sender.entry_bytes / sender.entries, ours, theirs)


def main() -> None:
    """Run the floor once and print its rate."""
    parser = argparse.ArgumentParser(description="Run the floor program once.")
    parser.add_argument("--items", type=int, default=100_000)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory(dir=".") as folder:
        floor = run(measure(items, Path(folder)))
    print(
        f"floor: items={items} seconds={items / floor.rate:.2f} entry_bytes={floor.entry_bytes:.0f}"
        f" items_per_second={floor.rate:.0f}"
    )


if __name__ == "__main__":
    main()
