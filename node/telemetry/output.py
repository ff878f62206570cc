"""Where log lines go: whatever becomes of that place, writing to it ends nothing.

A log lies on a disk that is full, or the collector behind its pipe died: then a line is lost, never
the request, the loop or the start that had something to say. Lines that are lost are counted, and
the next one that can be written says how many.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TextIO


class Output:
    """Writes whole lines, each at once and past all buffers: what failed is not written later.

    Args:
        stream: where to; None: nowhere, as for a process without stderr.
        say_lost: gives the line that says how many were lost.
    """

    def __init__(self, stream: TextIO | None, say_lost: Callable[[int], str]) -> None:
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self._say_lost = say_lost
        self._lost = 0
        self._is_torn = False
        self._lock = threading.RLock()  # a finalizer may log while a line is written

    def msg(self, line: str) -> None:
        """Write a line, or count it."""
        with self._lock:
            told = f"{self._say_lost(self._lost)}\n" if self._lost else ""
            try:
                self._write(f"{told}{line}\n")
            except (OSError, ValueError):  # ValueError: the stream is closed
                self._lost += 1
            else:
                self._lost = 0

    debug = info = warning = error = critical = exception = msg

    def _write(self, text: str) -> None:
        """Write all of it; what was cut off before ends with a line of its own."""
        if self._descriptor is None:
            if self._stream is None:
                raise OSError
            self._stream.write(text)
            self._stream.flush()
            return
        left = ("\n" + text if self._is_torn else text).encode(errors="backslashreplace")
        while left:
            written = os.write(self._descriptor, left)
            left = left[written:]
            self._is_torn = bool(left)


def _descriptor_of(stream: TextIO | None) -> int | None:
    """The descriptor beneath a stream; None: it is in memory, or closed."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None
