"""Whether what a member hands over is what we have handed on: hand-overs may cross on the way.

Both sides must find the same, or each has the item, or nobody: so both compare what was sent. Pure.
"""

from __future__ import annotations

import msgspec

from node.casework.casebook import Casebook
from node.casework.incoming.hearing import credible
from node.casework.item import Custody, ItemState
from node.casework.telling import handed_on_to
from node.ids import time_of
from protocol.fields import MAX_CONTENTS
from protocol.vocabulary import Disposition

_NEW = frozenset(
    {
        Disposition.NEW,
        Disposition.NEW_KNOWN,
        Disposition.NEW_SUGGESTED,
        Disposition.NEW_REPLACING,
        Disposition.NEW_AGAIN,
    }
)
"""Answers that say: the item stands here for itself, under the id that it came with."""


def is_another(book: Casebook, peer: str, state: ItemState) -> bool:
    """Whether `peer`, to whom we handed `state`, holds it beside what it hands over now.

    It answered that ours was new to it; the two have ids of their own there, so it has told
    them apart, perhaps by hashes that came later and that we do not have. Joined here, ours
    would be taken back from a member that still works on it.
    """
    new_to_it = state.answered_by == peer and state.answer in _NEW
    return new_to_it and handed_on_to(book, state) == peer


def as_told_there(peer: str, revision: int, state: ItemState) -> ItemState:
    """Return `state` with the hashes by which it is compared with what `peer` hands over now.

    Until what we handed on is answered, those that the item was sent with: by them it is judged
    there, whatever followed it, and whatever has come here since. And none where we were told that
    it went from `peer` by this very hand-over, which `revision` is the time of: then they are one,
    as `peer` says.
    """
    if state.custody is not Custody.HANDED_ON:
        return state
    if any(credible(heard, peer) and time_of(heard) == revision for heard in state.heard):
        return msgspec.structs.replace(state, content=())
    if state.answer is None:
        sent = state.content if state.sent is None else state.sent
        return msgspec.structs.replace(state, content=() if state.untold else sent[:MAX_CONTENTS])
    return state
