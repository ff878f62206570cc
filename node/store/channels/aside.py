"""What a member said and might not waits for another registry: a bounded number of rows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from node.casework.incoming.receiving import Answer, Judged
from node.store.seam import Connection
from protocol.vocabulary import Disposition

MOST_ASIDE: Final = 10_000
"""Entries of one member that wait so: each change of the registry has all of them judged again."""
_WAIT: Final = (
    "SELECT count(*) FROM (SELECT 1 FROM entries_in"
    " WHERE judged = 3 AND peer = ? AND answer = ? LIMIT ?) w"
)


def bounded(connection: Connection, answers: Iterable[Answer]) -> Sequence[Answer]:
    """Return answers of which no more are set aside than wait of one member; others are done.

    They are refused for good; the task stands before a person either way.
    """
    kept: list[Answer] = []
    waiting: Counter[str] = Counter()
    for one in answers:
        kept.append(one)
        if (one.judged, one.disposition) != (Judged.QUARANTINED, Disposition.NOT_PERMITTED):
            continue
        peer = one.arrived.peer
        if peer not in waiting:
            asked = (peer, str(Disposition.NOT_PERMITTED), MOST_ASIDE)
            waiting[peer] = int(connection.execute(_WAIT, asked).fetchone()[0])
        if waiting[peer] >= MOST_ASIDE:
            kept[-1] = msgspec.structs.replace(one, judged=Judged.DONE)
        else:
            waiting[peer] += 1
    return kept
