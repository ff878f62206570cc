"""How much of intake is in memory at once; what goes beyond it is put off, and nothing of it read.

Each request to hand something in reserves what it may hold at most, before a byte of it is read:
its length, where it says one, or the bound of its form. So memory does not grow with the number of
clients, and who is refused knows when to come again (429 with `Retry-After`). A request that is
alone is always let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from node.api.problems import ApiError

if TYPE_CHECKING:
    from aiohttp import web

INTAKE_BYTES: Final = 1 << 27
AGAIN_S: Final = 1


class Room:
    """Room for so many bytes of bodies."""

    def __init__(self, most_bytes: int = INTAKE_BYTES) -> None:
        self._most = most_bytes
        self._taken = 0

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Keep room for `size` bytes while the block lasts.

        Raises:
            ApiError: others have taken it (429 `intake_busy`); nothing was read.
        """
        if self._taken and self._taken + size > self._most:
            mend = "others hand in as much as this node takes at once; send it again in a moment"
            raise ApiError("intake_busy", mend, headers={"Retry-After": str(AGAIN_S)})
        self._taken += size
        try:
            yield
        finally:
            self._taken -= size


def held_at_most(request: web.Request, bound: int) -> int:
    """Return how many bytes of a body are held at once, if never more than `bound`."""
    length = request.content_length
    packed = "Content-Encoding" in request.headers
    return bound if length is None or packed else min(length, bound)
