"""The part of a member document by which a member says that it lost its node.

The offline member key signs the document, so that whoever holds the keys of daily work alone cannot
say it. The part names a sealing key that was made after the loss: what peers hand back opens with
that one, and with no key that lay on the lost machine. Versions that do not know the field keep it
among those that they hand on unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keys.documents import Fields

FIELD: Final = "recovering"


@dataclass(frozen=True, slots=True)
class Recovering:
    """A member lost its node; this is the key to which its peers may hand things back.

    Attributes:
        sealing_key: id of a sealing key of the same document, made after the loss.
        since_ms: when the member began to recover, UTC.
        extra: fields of later versions.
    """

    sealing_key: str
    since_ms: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The part as it stands in the document."""
        return {**self.extra, "sealing_key": self.sealing_key, "since_ms": self.since_ms}


def read_recovering(fields: Fields) -> Recovering | None:
    """Take the part out of a member document; None: it says nothing of the kind.

    Raises:
        UntrustedDocumentError: names the field that is not as it must be.
    """
    if not fields.has(FIELD):
        return None
    said = fields.child(FIELD)
    return Recovering(said.text("sealing_key"), said.integer("since_ms"), said.rest())
