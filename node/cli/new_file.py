"""A file that a verb makes for a person: over nothing, and whole or not there.

Not under another name first: such files go to sticks, whose file systems know no second name.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def new_file(target: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file; after the block it is on the disk, or gone if anything went wrong.

    Half a file would stand in the way of the same verb, and could be taken for a whole one.

    Raises:
        FileExistsError: one of that name stands; it is left as it is.
        OSError: it cannot be made or written.
    """
    made = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(made, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise
