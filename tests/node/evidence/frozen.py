"""Writes `tests/vectors/evidence_v1.json`: bundles, proofs of a fork and a contradiction.

Each is a whole file as a node exports it, with the registry that it brings and the pin under which
it is checked. Keys and signatures are randomised, so each is written once and kept:
`python -m tests.node.evidence.frozen` adds what is missing. Every later release, and every other
implementation, must read the same out of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from node.store.connection import open_reader
from tests.builders.network import member_keys
from tests.node.evidence import contradicted, forked
from tests.node.evidence.conftest import Made, make_member
from tests.node.evidence.test_check import make
from tests.node.evidence.test_notes_in_bundles import note
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over
from tests.node.evidence.test_verdict_bundles import judged
from tests.second import contradiction, files

FILE: Final = Path(__file__).resolve().parents[2] / "vectors" / "evidence_v1.json"


def shortest_story(made: Made) -> str:
    """The item of which the fewest entries speak that went both ways."""
    connection = open_reader(made.path, made.keys.database_key)
    try:
        rows = connection.execute(
            "SELECT item FROM messages_out WHERE item IN (SELECT item FROM entries_in)"
            " GROUP BY item ORDER BY count(*), item"
        ).fetchall()
    finally:
        connection.close()
    return str(rows[0][0])


def shown(raw: bytes, pin: bytes) -> list[dict[str, Any]]:
    """What a bundle proves, as the verifier reads it that shares nothing with the node."""
    return [one._asdict() for one in files.check_bundle(raw, pin)]


def bundle() -> dict[str, Any]:
    """One of which all is proved."""
    with TemporaryDirectory() as folder:
        made = asyncio.run(make_member(Path(folder)))
        raw = make(made, shortest_story(made))
    return _bundle(raw, made.files)


def bundle_in_part() -> dict[str, Any]:
    """One of which the hand-over is void: a note revokes the key, no document says since when."""

    async def made(folder: Path) -> tuple[bytes, Mapping[str, bytes]]:
        world = Governed(folder, (IWF, EOKM))
        await world.start()
        item = await hand_over(world, 1)
        raw = world.bundle(EOKM, item, [note(world, IWF, member_keys(IWF).log)])
        await world.close()
        return raw, world.files

    with TemporaryDirectory() as folder:
        return _bundle(*asyncio.run(made(Path(folder))))


def bundle_of_a_verdict() -> dict[str, Any]:
    """One of a verdict on a file, given and taken back."""

    async def made(folder: Path) -> tuple[bytes, Mapping[str, bytes]]:
        world = Governed(folder, (IWF, EOKM))
        await world.start()
        item, verdict = await judged(world, 1)
        await world[IWF].desk.correcting.withdraw(item, verdict, actor="a")
        await world.settle()
        raw = world.bundle(EOKM, verdict)
        await world.close()
        return raw, world.files

    with TemporaryDirectory() as folder:
        return _bundle(*asyncio.run(made(Path(folder))))


def _bundle(raw: bytes, registry: Mapping[str, bytes]) -> dict[str, Any]:
    pin = hashlib.sha256(registry["metadata/1.root.json"]).digest()
    return {"pin": pin.hex(), "file": raw.decode(), "proves": shown(raw, pin)}


def fork() -> dict[str, Any]:
    """Proof of a fork."""
    raw = forked.file_of(forked.kept())
    proves = files.check_fork(raw, forked.PIN)
    return {"pin": forked.PIN.hex(), "file": raw.decode(), "proves": proves}


def differs() -> dict[str, Any]:
    """Proof of a contradiction."""
    raw = contradicted.file_of(contradicted.kept_contradiction())
    proves = contradiction.check_contradiction(raw, forked.PIN)
    return {"pin": forked.PIN.hex(), "file": raw.decode(), "proves": proves}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "bundle": bundle,
    "bundle_in_part": bundle_in_part,
    "bundle_of_a_verdict": bundle_of_a_verdict,
    "fork": fork,
    "contradiction": differs,
}


def main() -> None:
    """Write what the file does not hold yet."""
    source = "tests/node/evidence/frozen.py; what they prove is read by tests/second"
    record = json.loads(FILE.read_text()) if FILE.exists() else {"source": source}
    record |= {name: part() for name, part in PARTS.items() if name not in record}
    FILE.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
