"""Telling people what a proven contradiction means, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.cli.output import Result

if TYPE_CHECKING:
    from node.evidence.contradictions import ProvenContradiction


def contradicted(proven: ProvenContradiction) -> Result:
    """Say what is proved."""
    data = {
        "holds": True,
        "network": proven.network,
        "accused": proven.accused,
        "origin": proven.origin,
        "sizes": list(proven.sizes),
        "signed_as": "sender" if proven.as_sender else "receiver",
    }
    told = f"network {proven.network}: the ledger of {proven.accused} contradicts what it signed of"
    sender = proven.origin.split("/")[2]
    way_out = (
        ""
        if proven.as_sender
        else f"\nunless it shows that {sender} signed what its ledger says: hotline evidence answer"
    )
    return Result(data, f"{told} {proven.origin}{way_out}\n\nverified=ok")
