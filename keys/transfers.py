"""On which legal basis one member may send to another, and which fields (protocol.md §11.4).

Part of the network document, signed by the holders of its targets role: a default, and terms for
single pairs, each in one direction. What no terms were written for has the basis `not_stated` and
may carry every field: the network decides to narrow, it does not have to decide in order to work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from keys.documents import Fields, check_name
from keys.errors import UntrustedDocumentError

TransferField = Literal[
    "access",
    "actions",
    "assessments",
    "campaign",
    "content",
    "evidence",
    "found_via",
    "sightings",
]
TRANSFER_FIELDS: Final[tuple[TransferField, ...]] = get_args(TransferField)
NOTHING: Final = "none"
"""The basis that is none: nothing about an item may be sent."""
NOT_STATED: Final = "not_stated"
_BASIS: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")


@dataclass(frozen=True, slots=True)
class TransferTerms:
    """What one member may send to another.

    Attributes:
        basis: a code of the network for the legal basis, such as `adequacy` or `contract`;
            `none`: nothing about an item may be sent.
        fields: the fields that may go beside an item's id, place and times.

    Raises:
        UntrustedDocumentError: on construction, when the basis is no code.
    """

    basis: str = NOT_STATED
    fields: tuple[TransferField, ...] = TRANSFER_FIELDS

    def __post_init__(self) -> None:
        if not _BASIS.fullmatch(self.basis):
            raise UntrustedDocumentError(
                "network document: transfers: basis: needs 1 to 64 of a-z 0-9 _ . : -"
            )


@dataclass(frozen=True, slots=True)
class Transfers:
    """The terms of a network: `pairs` by (sender, receiver), `default` for all others."""

    default: TransferTerms = field(default_factory=TransferTerms)
    pairs: Mapping[tuple[str, str], TransferTerms] = field(default_factory=dict)

    def between(self, sender: str, receiver: str) -> TransferTerms:
        """The terms on which `sender` may send to `receiver`."""
        return self.pairs.get((sender, receiver), self.default)

    def record(self) -> dict[str, Any]:
        """This as it stands in the network document."""
        pairs: dict[str, dict[str, Any]] = {}
        for (sender, receiver), terms in self.pairs.items():
            pairs.setdefault(sender, {})[receiver] = _record(terms)
        return {"default": _record(self.default), "pairs": pairs}


def read_transfers(fields: Fields) -> Transfers:
    """Read the terms of a network document.

    Raises:
        UntrustedDocumentError: names the field and what is wrong with it.
    """
    default = _read(fields.child("default"))
    listed = fields.child("pairs")
    pairs = {}
    for sender in listed.names():
        check_name(sender, listed.label("member id"))
        receivers = listed.child(sender)
        for receiver in receivers.names():
            check_name(receiver, receivers.label("member id"))
            pairs[sender, receiver] = _read(receivers.child(receiver))
    fields.done()
    return Transfers(default, pairs)


def _read(fields: Fields) -> TransferTerms:
    basis, permitted = fields.text("basis"), fields.choices("fields", TRANSFER_FIELDS)
    fields.done()
    return TransferTerms(basis, permitted)


def _record(terms: TransferTerms) -> dict[str, Any]:
    return {"basis": terms.basis, "fields": list(terms.fields)}
