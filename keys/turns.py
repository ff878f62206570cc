"""Turns: from when and until when a published key signs new things (docs/protocol.md §3.8).

A member document may hold `turns`, an object of key id to turn. So a successor is published before
it is used, and what it replaces stays listed, retired, for as long as old evidence needs it. A key
without a turn serves from the first to the last day. The times are the member's own words; who
verifies something new compares them with his own clock, or with the time at which he himself made
what was signed, never with a time in the signature.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keys.documents import Fields, safe_name

TURN_GRACE_MS: Final = 7 * 86_400_000
"""How long a replaced key is still believed: for clocks that differ, and what is under way."""
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of one key.

    Attributes:
        from_ms: when its owner begins to use it, UTC; nobody else asks.
        until_ms: from when on nothing new by it counts, UTC; None: its turn has no end yet.
        compromised_ms: from when on it may have been another's, UTC; None: it was not stolen.
        extra: fields of later versions.
    """

    from_ms: int = 0
    until_ms: int | None = None
    compromised_ms: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def is_over(self, now_ms: int) -> bool:
        """Whether the key is retired at `now_ms`; a stolen one is, whatever its end."""
        if self.compromised_ms is not None:
            return True
        return self.until_ms is not None and self.until_ms <= now_ms

    def record(self) -> dict[str, Any]:
        """The turn as it stands in a document."""
        ends = {"until_ms": self.until_ms, "compromised_ms": self.compromised_ms}
        stated = {name: at_ms for name, at_ms in ends.items() if at_ms is not None}
        return {**self.extra, "from_ms": self.from_ms, **stated}


WHOLE: Final = Turn()
"""The turn of a key that the document says nothing about."""


def read_turns(fields: Fields) -> dict[str, Turn]:
    """Read the turns of a document, by key id.

    Raises:
        UntrustedDocumentError: names the field and what is wrong with it.
    """
    for name in fields.names():
        if not _KEY_ID.fullmatch(name):
            fields.refuse(safe_name(name), "needs a key id of 16 hex digits")
    return {key_id: _turn(fields.child(key_id)) for key_id in fields.names()}


def _turn(fields: Fields) -> Turn:
    return Turn(
        from_ms=fields.integer("from_ms"),
        until_ms=_optional(fields, "until_ms"),
        compromised_ms=_optional(fields, "compromised_ms"),
        extra=fields.rest(),
    )


def _optional(fields: Fields, name: str) -> int | None:
    return fields.integer(name) if fields.has(name) else None
