"""An empty store as a file: made once for each key in a process, then copied.

Making one writes every table of the schema through encryption and flushes eight times; a copy is
the same bytes for a fiftieth of the processor time. What making does is tested where it is made.
"""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

from node.store.connection import create_database


def empty_store(path: Path, key: bytes) -> None:
    """Put an empty store there, as `create_database` does.

    Raises:
        FileExistsError: a file is already there; it is never overwritten.
    """
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(_made(key))


@lru_cache(maxsize=64)
def _made(key: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        create_database(path, key)
        return path.read_bytes()
