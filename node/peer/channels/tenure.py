"""What this process knows of one channel that it sends on, and the three ways a step can end.

The channel's row is the truth; this is a cache beside it, for as long as the tenure lasts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from keys.registry import Registry
from protocol.answers import ANSWERS, AnswerCode, Position, Then
from protocol.channel import SenderState

ASK_AGAIN_MS = 24 * 3600_000
"""A receiver that was restored from a backup is noticed within a day, even on a silent channel."""


@dataclass(slots=True)
class Tenure:
    """One channel's sender.

    Attributes:
        fence: of the tenure on the row.
        state: the epoch that this process opened; None: none yet.
        held: how much of it the receiver holds, as far as we were told.
        asked_ms: when the receiver's state was last told.
        attempts: failures since the last success.
        next_attempt_ms: when to try again.
        urgent_ms: when to try urgent work again that was tried.
        called: the next attempt is one that a call of the peer brought on.
        called_again_ms: when its next call may bring on another one at the earliest.
        gathers_until_ms: until then what comes gathers, unless a child is at risk.
        lingers_until_ms: until then what nobody hurries for waits for more to go with it; None:
            nothing was seen to wait.
        stopped: a person must look.
        busy: a step is under way.
        used: the channel was used before this process began.
        forgotten: perhaps it was, and a restore forgot it: the receiver is asked.
        seen: the registry that the epoch last recorded.
        permitted: the registry under which was last seen whether what was held back may go.
        keeping: the receipt that is being kept, beside the next cut: both share one commit.
        question: the nonce of the question that a puller has still to answer.
        offered: the position that the last offer leads to.
        agreed: the last told position that is known to be ours.
        given_up_ms: when a receipt was given up that stands under a key that nobody believes any
            more, and the epoch ended; None: one that is believed came since.
        opened_ms: when an epoch was last opened for a puller.
        unheard: the receiver did not know a key lately, perhaps the one that signed our last push.
    """

    fence: int = 0
    state: SenderState | None = None
    held: int = 0
    asked_ms: int = -ASK_AGAIN_MS
    attempts: int = 0
    next_attempt_ms: int = 0
    urgent_ms: int = 0
    called: bool = False
    called_again_ms: int = 0
    gathers_until_ms: int = 0
    lingers_until_ms: int | None = None
    stopped: bool = False
    busy: bool = False
    used: bool = False
    forgotten: bool = False
    seen: tuple[int, int, bytes] | None = None
    permitted: Registry | None = None
    keeping: asyncio.Future[None] | None = None
    question: bytes | None = None
    offered: Position | None = None
    agreed: Position | None = None
    given_up_ms: int | None = None
    opened_ms: int = 0
    unheard: bool = False


async def kept(tenure: Tenure) -> None:
    """Wait until the last receipt is durable.

    Raises:
        StoreError: it could not be kept.
    """
    keeping, tenure.keeping = tenure.keeping, None
    if keeping is not None:
        await keeping


class GoOn(Exception):  # noqa: N818 - not an error: the channel was re-opened, go round again
    """The channel's state changed; take the next step from the start."""


class Stopped(Exception):  # noqa: N818 - not an error of ours: a person must look
    """The channel stops before a person."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Retry(Exception):  # noqa: N818 - not an error of ours: try the same again later
    """Nothing changed; the same again after a pause."""

    def __init__(self, code: str, *, refresh: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.refresh = refresh


def refused(code: AnswerCode) -> None:
    """Do what follows from an answer without a told state.

    Raises:
        Stopped, Retry: as `ANSWERS` says of the code.
    """
    then = ANSWERS[code].then
    if then is Then.STOP:
        raise Stopped(str(code))
    raise Retry(str(code), refresh=then is Then.REFRESH)
