"""A witness that forgot: after a restore it signs under another key, or not at all (§8.12.9).

A witness that was set back does not know what it cosigned since, and could cosign a head that
contradicts one of those. Nobody who may be asked has to tell it: who splits a ledger would not. So
what it forgot is made to count for nothing instead: the turn of each key that it may have used is
ended, in its signed document, at the last time that it remembers to have given; then another key
begins. Its times never go back, so all that it forgot was given at that time or later. With no key
can two heads that contradict each other both have been cosigned by it so that both count.
"""

from __future__ import annotations

from typing import NamedTuple

from keys.member import MemberDocument


class Forgotten(NamedTuple):
    """What a restore says of a witness.

    `since_ms`: the last time that it remembers to have given, or before, UTC; 0: it remembers
    nothing. `restored_ms`: when it was restored, UTC.
    """

    since_ms: int
    restored_ms: int


def lacks_memory(document: MemberDocument, forgotten: Forgotten | None) -> list[str]:
    """Return the ids of witness keys under which things count that their owner has forgotten.

    Those are the listed ones that were in use before the restore and whose turn has not been ended
    by then; a stolen one counts for nothing anyhow. While there are any, it may not cosign.
    """
    if forgotten is None:
        return []
    lacking = []
    for key in document.witness_keys:
        turn = document.turn(key.key_id)
        is_after = turn.from_ms >= forgotten.restored_ms
        is_ended = turn.until_ms is not None and turn.until_ms <= forgotten.since_ms
        if not is_after and not is_ended:
            lacking.append(key.key_id)
    return lacking


def may_cosign(
    document: MemberDocument | None, key_id: str, forgotten: Forgotten | None, now_ms: int
) -> bool:
    """Whether a member may cosign with a key of its own at `now_ms` (UTC).

    Args:
        document: its own, as the registry in force has it; None: nobody knows its keys.
        key_id: of the key that it would use.
        forgotten: what a restore left; None: it was never restored.
        now_ms: UTC.
    """
    if document is None:
        return forgotten is None
    if document.turn(key_id).is_over(now_ms):
        return False
    if forgotten is not None and document.turn(key_id).from_ms < forgotten.restored_ms:
        return False
    return not lacks_memory(document, forgotten)
