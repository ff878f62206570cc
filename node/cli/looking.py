"""Looking at a node's own state from beside it: read-only, whether it runs or not."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from node.cli.client import connect
from node.setup.opening import open_database_key, store_place
from node.store.beside import reading
from node.store.upgrade.upgrading import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.config import Config
    from node.store.items.queries import Queries

PROBE_TIMEOUT_S = 3.0
STEPS: Final = {
    "copy": "1 of 7, copies the database as it was",
    "check": "2 of 7, checks that copy",
    "schema": "3 of 7, makes new tables and indexes",
    "tombstones": "4 of 7, reads what members erased",
    "shared": "5 of 7, reads what all were told of files",
    "verdicts": "6 of 7, reads on which items verdicts stand",
    "repeats": "7 of 7, reads which entries came twice",
}
"""What a node does at its first start after an upgrade, in this order."""


@contextmanager
def store_of(config: Config) -> Iterator[Queries]:
    """Open the database of a configuration for reading.

    Raises:
        KeysError: the database key cannot be read.
        StoreError: the database cannot be opened.
    """
    key = open_database_key(config)
    with reading(store_place(config), key) as store:
        yield store.queries


def _in_words(step: Step) -> str:
    words = STEPS.get(step.name, step.name)
    return f"step {words}" + (f": {100 * min(step.done, step.of) // step.of} %" if step.of else "")


@dataclass(frozen=True, slots=True)
class Running:
    """Whether the node answers, and what it still needs."""

    answers: bool
    missing: tuple[str, ...] = ()
    upgrades: str | None = None
    """Not ready because it brings its store up to date: how far that is, for people."""


def probe(config: Config) -> Running:
    """Ask the local listener whether the node runs and is ready."""
    connection = connect(config, PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return read_running(connection.getresponse().read(1 << 16))
    except (OSError, http.client.HTTPException):
        return Running(answers=False)
    finally:
        connection.close()


def read_running(raw: bytes) -> Running:
    """Return what a node says of itself; whatever else answers at its place is no node."""
    try:
        body = json.loads(raw)
        step = body.get("step")
        return Running(
            answers=True,
            missing=tuple(map(str, body["missing"])),
            upgrades=None if step is None else _in_words(Step(**step)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Running(answers=False)
