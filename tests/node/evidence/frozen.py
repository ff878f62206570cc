"""Writes `tests/vectors/evidence_v1.json`: a bundle, a proof of a fork and one of a contradiction.

Each is a whole file as a node exports it, with the registry that it brings and the pin under which
it is checked. Keys and signatures are randomised, so it is written once and kept:
`python -m tests.node.evidence.frozen`. Every later release, and every other implementation, must
read the same out of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from node.store.connection import open_reader
from tests.node.evidence import contradicted, forked
from tests.node.evidence.conftest import Made, make_member
from tests.node.evidence.test_check import make
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


def main() -> None:
    """Write the file."""
    with TemporaryDirectory() as folder:
        made = asyncio.run(make_member(Path(folder)))
        bundle = make(made, shortest_story(made))
    pin = hashlib.sha256(made.files["metadata/1.root.json"]).digest()
    fork, differs = (
        forked.file_of(forked.kept()),
        contradicted.file_of(contradicted.kept_contradiction()),
    )
    record = {
        "source": "tests/node/evidence/frozen.py; what they prove is read by tests/second",
        "bundle": {"pin": pin.hex(), "file": bundle.decode(), "proves": shown(bundle, pin)},
        "fork": {
            "pin": forked.PIN.hex(),
            "file": fork.decode(),
            "proves": files.check_fork(fork, forked.PIN),
        },
        "contradiction": {
            "pin": forked.PIN.hex(),
            "file": differs.decode(),
            "proves": contradiction.check_contradiction(differs, forked.PIN),
        },
    }
    FILE.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
