"""What goes wrong with one member stays with it: the loops that go over members go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from keys.errors import KeysError
from node.peer.errors import CallError, PeerError, PeerTimeoutError
from node.store.errors import StoreError
from node.telemetry.logs import logger
from protocol.errors import ProtocolError

AT_MOST_S: Final = 300.0
"""So long one member keeps a loop that has one after the other. Each answer has a bound of its own;
who answers each just in time, and makes us ask again and again, would keep it for an hour."""

_T = TypeVar("_T")


async def apart(peer: str, work: Awaitable[_T], *passing: type[Exception]) -> _T:
    """Wait for what is done with `peer`; whatever nobody expects of it is a call that failed.

    So it has its pause as after any failure, and the others have their turn. The log has it.

    Args:
        peer: the member.
        work: what is done with it.
        passing: what it raises beside errors of ours, to say how it went.

    Raises:
        PeerError, ProtocolError, KeysError, StoreError: as `work`; `CallError` for all else.
    """
    expected: tuple[type[Exception], ...] = (
        PeerError,
        ProtocolError,
        KeysError,
        StoreError,
        *passing,
    )
    try:
        return await work
    except expected:
        raise
    except Exception as error:
        logger().error("peer_work_failed", peer=peer, exc_info=error)
        raise CallError from error


async def apart_for_a_while(peer: str, work: Awaitable[_T]) -> _T:
    """`apart`, for loops that have one member after the other: what takes too long has failed.

    Raises:
        PeerError, ProtocolError, KeysError, StoreError: as `apart`; `PeerTimeoutError`.
    """
    try:
        async with asyncio.timeout(AT_MOST_S):
            return await apart(peer, work)
    except TimeoutError:
        raise PeerTimeoutError from None
