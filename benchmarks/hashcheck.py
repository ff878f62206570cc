"""HashCheck over HTTP in bulk: checks a second of a processor, client and service together.

The service is a node's own, on the encrypted store with threads: key, quotas, body read and
checked, fingerprints, look-ups in judged items and in a list, the block list, hits kept durably.
Requests of 1,000 files (SHA-256, MD5, length: what the upload check of `examples/` sends) come over
loopback, one after the other on one connection, made beforehand. Time is the processor's, of the
service and of the client, which is here too: so a rate below is one of one core with room to spare.

* `hashcheck`: one file in a hundred is known.
* `hashcheck.hits`: every file is known, so that each answer has a reference that is durable first.
* `hashcheck.near`: as the first, each file with a PDQ hash too, none of them near one of 20,000.

`set` is the same HTTP server (aiohttp) and the same body, read by the standard library's JSON; each
SHA-256 is looked up in a set of texts. No key, no quota, no store, nothing is kept.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.clients import connect, post
from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Recorded
from node.hashcheck.app import make_public_app
from node.hashcheck.checking import Checking
from node.hashcheck.contract import OWN, Contract, Scope
from node.hashcheck.desk import HashCheckDesk
from node.hashcheck.judging import Blur
from node.hashcheck.listed import Listed
from node.hashcheck.quotas import Quotas
from node.hashcheck.verdicts import OwnVerdicts
from node.ids import Ids
from node.listening import serve
from node.matching.lists import ANY, Entry, Provenance, Terms, Trust
from node.store.connection import create_database
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, US, item, verdict

KEY = bytes(range(32))
ITEMS = 20_000
LISTED = 100_000
STEP = 1_000
ENTRIES = 1_000
REQUESTS = 20
MANY = 1 << 40
NOW_MS = 1_800_000_000_000

Rates = dict[str, tuple[float, float]]


class HashChecked:
    """A service that knows as much, and the plain set beside it."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Make the store; fill it with `fill`."""
        folder.mkdir(parents=True)
        create_database(folder / "node.db", KEY)
        self._store = Store.open(folder / "node.db", KEY, US, FINGERPRINTS)
        self._rng = random.Random(seed)  # noqa: S311 -- made data, the same in each run
        self._known = [self._file() for _ in range(ITEMS)]
        self._verdicts = OwnVerdicts(self._store.judged, US)
        self._listed = Listed(self._store.known_content)

    def _file(self) -> Content:
        draw = self._rng.randbytes
        length = self._rng.randrange(5_000, 5_000_000)
        return Content(draw(32), None, draw(16), length, draw(32), 90)

    async def fill(self) -> None:
        """Judge items, import a list, follow both."""
        for start in range(0, ITEMS, STEP):
            await self._store.cases.transact(Needs(), NOW_MS, self._record(start))
        terms = Terms("bench", Provenance.OWN, may_share=True)
        trusts = {ANY: Trust.AUTO}
        await self._store.writer.run(lambda c: keep_terms(c, terms, trusts, NOW_MS))
        batch = [Entry(self._file(), "1") for _ in range(LISTED)]
        await self._store.writer.run(
            lambda c: take_in(c, FINGERPRINTS, terms.name, 1, batch, NOW_MS)
        )
        await self._listed.follow()
        while await self._verdicts.follow():
            pass
        while self._verdicts.tidy():
            pass

    def _record(self, start: int) -> Any:
        def decide(book: Casebook) -> None:
            for at in range(start, start + STEP):
                state = item(at, self._known[at], assessments=(verdict(member=US),))
                recorded = Recorded(state, None)
                book.record(state.id, EventKind.RECORDED, recorded, at_ms=NOW_MS, actor=US)

        return decide

    async def measure(self) -> Rates:
        """Return checks a second of each figure, and those of the plain set."""
        contract = Contract("bench", tuple(Scope), (OWN, "list:bench"), MANY, MANY, MANY, MANY)
        desk = HashCheckDesk(self._store.hashchecks, lambda: NOW_MS)
        token, _ = await desk.make_key(contract, NOW_MS + MANY)
        mixes = {
            "hashcheck": (100, False),
            "hashcheck.hits": (1, False),
            "hashcheck.near": (100, True),
        }
        rates: Rates = {}
        for name, (every, near) in mixes.items():
            bodies = [self._body(every, near=near) for _ in range(REQUESTS)]
            ours = await _rate(make_public_app(self._checking()), bodies, token, ENTRIES // every)
            known = {one.sha256.hex() for one in self._known if one.sha256 is not None}
            rates[name] = ours, await _rate(_plain(known), bodies, token, ENTRIES // every)
        return rates

    def _checking(self) -> Checking:
        return Checking(
            store=self._store.hashchecks,
            contents=(self._verdicts, self._listed),
            allowed=frozenset,
            harmless=self._listed.harmless,
            blur=Blur(KEY),
            ids=Ids(US),
            now_ms=lambda: NOW_MS,
            quotas=Quotas(),
            min_bytes=0,
            on_answers=lambda _, __: None,
        )

    def _body(self, every: int, *, near: bool) -> bytes:
        files = [
            self._rng.choice(self._known) if at % every == 0 else self._file()
            for at in range(ENTRIES)
        ]
        return json.dumps({"entries": [self._entry(one, near=near) for one in files]}).encode()

    def _entry(self, one: Content, *, near: bool) -> dict[str, Any]:
        assert one.sha256 is not None
        assert one.md5 is not None
        entry = {"sha256": one.sha256.hex(), "md5": one.md5.hex(), "length": one.length}
        picture = {"pdq": self._rng.randbytes(32).hex(), "pdq_quality": 90}
        return entry | picture if near else entry

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()


async def _rate(app: web.Application, bodies: Sequence[bytes], token: str, hits: int) -> float:
    runner = await serve(app, "127.0.0.1", 0)
    port = runner.addresses[0][1]
    one = await connect(port)
    requests = [post("/hashcheck/v1/check", body, token) for body in bodies]
    begun = time.process_time()
    answers = [await one.ask(request) for request in requests]
    took = time.process_time() - begun
    one.close()
    await runner.cleanup()
    if any(answer.count(b'"hit"') != hits for answer in answers):
        raise RuntimeError("not the files that are known were hits: nothing is measured")
    return len(bodies) * ENTRIES / took


def _plain(known: set[str]) -> web.Application:
    async def check(request: web.Request) -> web.Response:
        entries = json.loads(await request.read())["entries"]
        words = [{"answer": "hit" if one["sha256"] in known else "none"} for one in entries]
        return web.json_response({"answers": words})

    app = web.Application(client_max_size=1 << 21)
    app.router.add_post("/hashcheck/v1/check", check)
    return app
