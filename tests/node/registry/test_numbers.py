"""Which numbers a network has: those that programs read, and no others."""

from __future__ import annotations

from dataclasses import fields

from keys.network import Limits
from node.casework.contents import sharing
from node.casework.mistakes import mass
from node.peer.http.allowances import Cost
from node.peer.ledgers import ledger
from node.registry.numbers import LIMITS, POLICY


def test_every_number_that_is_read_can_be_said() -> None:
    """And none that nobody reads."""
    assert set(POLICY) == {*Cost, ledger.POLICY, mass.POLICY, sharing.POLICY}
    assert set(LIMITS) == {one.name for one in fields(Limits)} - {"extra"}
