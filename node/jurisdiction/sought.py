"""Contacts that are looked for before anybody needs them: which address, since when, how it went.

Rules upheld:

* What an item of ours stands at is looked up by block (`directory.BLOCK`), once for all of it.
* That nobody is known there is a state with an age, never a blank: when the register says so, or
  has failed `TELL_AFTER` times, it stands before a person (`is_unknown`).
* It is asked again, less and less often, and given up after `GIVE_UP_MS`: then the person has it
  alone. A pause that a register asks for counts as no try; but after `PUT_OFF_MS` of nothing else
  it stands before a person as if the register had failed (one may block this address for good).

Pure; the store keeps it, `node.asking.contacts` works at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from node.jurisdiction.directory import DAY_MS, FAILURE_MS, NEGATIVE_MS

if TYPE_CHECKING:
    from node.jurisdiction.directory import Found

TELL_AFTER = 3
PUT_OFF_MS = 2 * DAY_MS
LAST_PAUSE_MS = 7 * DAY_MS
GIVE_UP_MS = 30 * DAY_MS


class Sought(msgspec.Struct, frozen=True):
    """A block whose hoster is looked for, by one `address` in it.

    `since_ms` (UTC) is when an item first stood there, `next_ms` when it is asked (again),
    `attempts` how often that was in vain, `outcome` what came of it last.
    """

    block: str
    address: str
    urgency: int
    since_ms: int
    next_ms: int
    attempts: int = 0
    outcome: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether a person has to find out who hosts there."""
        return self.outcome == "not_found" or self.attempts >= TELL_AFTER

    def is_given_up(self, now_ms: int) -> bool:
        """Whether it has been asked about for so long that it is left to the person."""
        return self.is_unknown and now_ms - self.since_ms >= GIVE_UP_MS


def after(sought: Sought, found: Found, now_ms: int) -> Sought | None:
    """Return what is still looked for after an answer; None: somebody hosts there, or nobody can.

    Args:
        sought: what was looked for.
        found: what the directory said.
        now_ms: UTC.
    """
    if found.hoster is not None or found.answered == "special":
        return None
    if found.answered == "put_off":
        until_ms = now_ms + FAILURE_MS if found.range is None else found.range.expires_ms
        tries = sought.attempts
        if now_ms - sought.since_ms >= PUT_OFF_MS:
            tries = max(tries, TELL_AFTER)
        return msgspec.structs.replace(sought, next_ms=until_ms, attempts=tries, outcome="put_off")
    first_ms = FAILURE_MS if found.answered == "failed" else NEGATIVE_MS
    pause_ms = min(first_ms << min(sought.attempts, 16), LAST_PAUSE_MS)
    return msgspec.structs.replace(
        sought,
        next_ms=now_ms + pause_ms,
        attempts=sought.attempts + 1,
        outcome=found.answered,
    )
