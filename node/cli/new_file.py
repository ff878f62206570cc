"""A file that a verb makes for a person: over nothing, and whole or not there, however it ends.

It is made beside, with `.partial` behind its name, and named once it is on the disk. To rename is
what sticks can, too: their file systems know no second name of one file.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def new_file(target: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file; after the block it is on the disk, or gone if anything went wrong.

    Half a file could be taken for a whole one. A process that is killed leaves the part beside it,
    which the next one takes away.

    Raises:
        FileExistsError: one of that name stands; it is left as it is.
        OSError: it cannot be made or written.
    """
    _refuse_standing(target)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    made = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(made, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            ours = os.fstat(file.fileno())
        _name(ours, partial, target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    with suppress(OSError):  # not every file system keeps its folders so
        _keep(target.parent)


def _name(ours: os.stat_result, partial: Path, target: Path) -> None:
    """Give what was made its name, unless another process makes the same just now."""
    _refuse_standing(target)
    if not os.path.samestat(ours, partial.lstat()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    partial.rename(target)


def _refuse_standing(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _keep(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
