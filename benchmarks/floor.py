"""The floor: only what no design can avoid, in two processes, with the node's batch sizes.

For each batch of 1,000 items of about 600 bytes: encode, hash the leaves, extend the tree, one
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
import multiprocessing
import ssl
import tempfile
import time
from hashlib import blake2b
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from keys.keyfile import use_tls_key
from keys.keyring import MemberKeys
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
EPOCH = bytes(8)
NOW_MS = 1_790_000_000_000
CHANNEL = Channel("floor-0123456789abcdef", "gb-iwf", "nl-eokm", Lane.REPORTS)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

ITEMS = (
    "CREATE TABLE items (id TEXT PRIMARY KEY, entry BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE item_keys (key BLOB, item TEXT, PRIMARY KEY (key, item)) STRICT, WITHOUT ROWID;"
)


def item(number: int) -> Item:
    """Return one synthetic item of about 600 bytes."""
    ulid, rest = "", number
    for _ in range(12):
        ulid, rest = _ALPHABET[rest % 32] + ulid, rest // 32
    url = f"https://nl{number % 1000}.example/albums/2026/{number:08d}/{number * 7919:012d}.jpg"
    evidence = tuple(
        Evidence("203.0.113.7 in 203.0.113.0/26", name, "2026-10-01", "NL")
        for name in ("alpha", "beta", "gamma")
    )
    name = f"gb-iwf.01M32500000000{ulid}"
    return Item(
        item_id=name,
        report_id=name,
        revision=1,
        matter=Matter.CSAM,
        item_kind=ItemKind.IMAGE,
        location=Location(url, 1, url),
        content=(Content(sha256=number.to_bytes(32, "big")),),
        access=None,
        source=Source.PUBLIC,
        found_via=None,
        campaign=None,
        found_ms=NOW_MS,
        received_ms=NOW_MS,
        child_at_risk=False,
        finder="gb-iwf",
        custody=(Hop("gb-iwf", NOW_MS),),
        jurisdiction=Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, evidence),
        assessments=(),
        actions=(),
        sightings=(Sighting(name, "gb-iwf", Source.PUBLIC, NOW_MS),),
    )


class Rows:
    """An encrypted database with the rows and indexes that nobody can do without."""

    def __init__(self, path: Path, keys: MemberKeys) -> None:
        create_database(path, keys.database_key)
        self._connection = open_writer(path, keys.database_key)
        for statement in ITEMS.replace("items", "floor_items").replace("item_keys", "fk").split(";"):
            if statement.strip():
                self._connection.execute(statement)

    def keep(self, rows: list[tuple[str, bytes]], keys: list[tuple[bytes, str]]) -> None:
        """Keep one batch in one durable transaction."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO floor_items VALUES (?, ?)", rows)
        connection.executemany("INSERT INTO fk VALUES (?, ?)", keys)
        connection.execute("COMMIT")


def fingerprints(one: Item) -> list[tuple[bytes, str]]:
    """Return the two keys by which an item is found again."""
    place = (one.location.canonical or "").encode()
    content = one.content[0].sha256 or b""
    return [(blake2b(value, digest_size=16).digest(), one.item_id) for value in (place, content)]


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
        rows, keys = [], []
        for entry in arrived:
            decoded = entries.decode(entry)
            message = from_body(decoded.kind, decoded.body)
            assert isinstance(message, Item)
            rows.append((message.item_id, entry))
            keys += fingerprints(message)
            keys.append((decoded.id[:16], message.item_id))
        self._rows.keep(rows, keys)
        return cosign(checkpoint, self._keys.receipt, NOW_MS // 1000)


def receive(pipe: Pipe, keys_folder: Path, folder: Path) -> None:
    """Run the receiving process until its parent goes away."""
    ours, theirs = _load(keys_folder, "receiver"), _load(keys_folder, "sender")
    receiver = Receiver(ours, theirs, folder)

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_put("/push", receiver.put)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        use_tls_key(context, ours.tls)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        assert site._server is not None  # noqa: SLF001 - aiohttp offers no other way to the port
        pipe.send(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]  # noqa: SLF001
        await asyncio.to_thread(pipe.recv)
        await runner.cleanup()

    asyncio.run(serve())


class Sender:
    """The sending process."""

    def __init__(self, keys: MemberKeys, receiver: MemberKeys, folder: Path) -> None:
        self._keys = keys
        self._receiver = receiver
        self._rows = Rows(folder / "sender.db", keys)
        self._edge = CompactRange()

    def cut(self, first: int, count: int) -> tuple[Checkpoint, bytes]:
        """Encode, hash, sign, keep, seal one batch."""
        made, rows, keys = [], [], []
        for number in range(first, first + count):
            one = item(number)
            entry = entries.compose(
                self._keys.node_secret, Kind.ITEM, one.item_id, 1, "nl-eokm", to_body(one)
            )
            raw = entries.encode(entry)
            made.append(raw)
            rows.append((one.item_id, raw))
            keys += fingerprints(one)
        start = self._edge.size
        self._edge = self._edge.extend(entries.leaves(made))
        checkpoint = Checkpoint(CHANNEL.origin(EPOCH), self._edge.size, self._edge.root)
        note = sign_checkpoint(checkpoint, self._keys.log)
        self._rows.keep(rows, keys)
        key = self._receiver.sealing[0].public
        info = pushes.seal_info(
            pushes.Purpose.PUSH, pushes.SUITE, key.key_id, checkpoint, start, checkpoint.size
        )
        head = pushes.PushHead(pushes.SUITE, key.key_id, note).to_bytes()
        return checkpoint, head + key.seal(info, pushes.frame(made))

    async def send(self, port: int, items: int) -> float:
        """Send everything; the next batch is cut while one is in flight. Returns seconds."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        started = time.perf_counter()
        async with aiohttp.ClientSession() as session:
            coming = asyncio.create_task(asyncio.to_thread(self.cut, 0, min(BATCH, items)))
            for first in range(0, items, BATCH):
                checkpoint, body = await coming
                after = first + BATCH
                if after < items:
                    count = min(BATCH, items - after)
                    coming = asyncio.create_task(asyncio.to_thread(self.cut, after, count))
                url = f"https://127.0.0.1:{port}/push"
                async with session.put(url, data=body, ssl=context) as response:
                    receipt = await response.read()
                verify_receipt(receipt, checkpoint, [self._receiver.receipt.public])
        return time.perf_counter() - started


def _load(folder: Path, who: str) -> MemberKeys:
    from keys.unlock import Unlock  # noqa: PLC0415 - each process loads for itself

    return MemberKeys.load(folder / who, Unlock.from_config(f"file:{folder / 'secret'}"))


def _make_keys(folder: Path) -> None:
    from keys.unlock import Unlock  # noqa: PLC0415

    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"benchmark secret, worth nothing ....")
    unlock = Unlock.from_config(f"file:{secret}")
    for who, member in (("sender", "gb-iwf"), ("receiver", "nl-eokm")):
        MemberKeys.generate(member, NOW_MS).save(folder / who, unlock)


def measure(items: int, folder: Path) -> float:
    """Return items per second of the floor, from two fresh processes."""
    folder.mkdir(parents=True, exist_ok=True)
    _make_keys(folder)
    context: Any = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=receive, args=(theirs, folder, folder), daemon=True)
    process.start()
    try:
        port = ours.recv()
        sender = Sender(_load(folder, "sender"), _load(folder, "receiver"), folder)
        seconds = asyncio.run(sender.send(port, items))
    finally:
        ours.send("stop")
        process.join(10)
    return items / seconds


def main() -> None:
    """Run the floor once and print its rate."""
    parser = argparse.ArgumentParser(description="Run the floor program once.")
    parser.add_argument("--items", type=int, default=100_000)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        rate = measure(items, Path(folder))
    print(f"floor: items={items} seconds={items / rate:.2f} items_per_second={rate:.0f}")


if __name__ == "__main__":
    main()
