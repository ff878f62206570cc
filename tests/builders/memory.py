"""Where the files of a test stand: in memory, where there is room.

No test cuts the power of a whole machine, so nothing has to outlive its memory: what a process that
is killed has written is read by the next one from there as from a disk. Waiting for a disk was more
than half of the time of a test run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - each user makes a folder of its own there
ROOM_BYTES = 2 << 30


def disks() -> Path | None:
    """Return where temporary files are in memory, and programs among them can be run.

    None: wherever temporary files are, as there is little memory.
    """
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return None
    return None if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC else MEMORY
