"""Entries that a decision names: of ours that are cited, and of others, disavowed or too old."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from node.casework.incoming.arrivals import Arrived
from protocol.disavowal import Disavow
from protocol.dispositions import Cited
from protocol.vocabulary import Lane


class Citation(NamedTuple):
    """Entries that we said to `peer` and that an answer of its cites, of one epoch of one lane.

    `plain`: the answer leaves an item that is with `peer` where it is.
    """

    peer: str
    lane: Lane
    epoch: bytes
    cited: tuple[Cited, ...]
    plain: bool = False


class Span(NamedTuple):
    """Rows of entries in custody, by number, after one of them up to another; see `retaining`.

    `before_ms`: what came later (UTC) is too young. `expelled`: members that are never heard again.
    """

    after: int
    to: int
    before_ms: int
    expelled: frozenset[str]


class Disavowed(NamedTuple):
    """What a member says of entries that somebody else signed (docs/protocol.md §8.15).

    `by`: the entry that says so. `counts`: whether a checkpoint is signed by a key of the member
    that is believed, so that it binds the member whatever it says now.
    """

    by: Arrived
    message: Disavow
    counts: Callable[[bytes], bool]
