"""§8.11.6: the epochs of a ledger go on from each other; `hotline verify` sees where they do not.

Whoever rewrites here holds the log key: every head is signed, and every leaf is what a log says.
"""

from __future__ import annotations

from contextlib import closing

import pytest

from node.store.connection import open_writer
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, is_ledger_origin, sign_ledger_head
from protocol.merkle import root_of
from tests.node.evidence.conftest import HERE, Made

FIRST, SECOND, THIRD = (bytes([n]) * 8 for n in (1, 2, 3))


class Rewritten:
    """A ledger that is written anew, epoch by epoch."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.leaves: dict[bytes, list[LoggedHead]] = {}
        rows = self._write("SELECT DISTINCT origin, size, root FROM ledger_leaves ORDER BY origin")
        self.channels = [LoggedHead(*row) for row in rows if not is_ledger_origin(row[0])]
        for table in ("ledger_cosignatures", "ledger_heads", "ledger_leaves"):
            self._write(f"DELETE FROM {table}")

    def _write(self, statement: str, *values: object) -> list[tuple[str, int, bytes]]:
        with closing(open_writer(self.made.path, self.made.keys.database_key)) as connection:
            return connection.execute(statement, values).fetchall()

    def append(self, epoch: bytes, *added: LoggedHead) -> LoggedHead:
        """Append to an epoch and sign; return the head as the next one must name it."""
        leaves = self.leaves.setdefault(epoch, [])
        for one in added:
            self._write(
                "INSERT INTO ledger_leaves VALUES (?, ?, ?, ?, ?)", epoch, len(leaves), *one
            )
            leaves.append(one)
        origin = LedgerOrigin(self.made.registry.network_id, HERE, epoch)
        head = LedgerHead(origin, len(leaves), root_of([one.leaf for one in leaves]))
        self._write(
            "INSERT INTO ledger_heads (epoch, size, note, signed_ms) VALUES (?, ?, ?, 1)",
            epoch, len(leaves), sign_ledger_head(head, self.made.keys.log),
        )  # fmt: skip
        return head.logged

    def whys(self) -> set[str]:
        """What `hotline verify` finds wrong with it."""
        return {one.why for one in self.made.verify().found if one.where == "ledger"}


@pytest.fixture
def ledger(made: Made) -> Rewritten:
    """Give a ledger without leaves."""
    return Rewritten(made)


def test_8_11_epochs_that_name_the_last_head_before_them_hold(ledger: Rewritten) -> None:
    """Each the one before it, however often a process began."""
    one, two, *_ = ledger.channels
    ledger.append(FIRST, one)
    before = ledger.append(FIRST, two)
    before = ledger.append(SECOND, before, one)
    ledger.append(THIRD, before)
    assert ledger.whys() == set()


def test_g5_epoch_that_names_nothing_is_found(ledger: Rewritten) -> None:
    """It would let all that was said before be forgotten."""
    one, two, *_ = ledger.channels
    ledger.append(FIRST, one)
    ledger.append(SECOND, two)
    assert ledger.whys() == {"opening"}


def test_g5_epoch_that_goes_on_from_an_earlier_head_is_found(ledger: Rewritten) -> None:
    """The end of the one before it is cut off."""
    one, two, *_ = ledger.channels
    earlier = ledger.append(FIRST, one)
    ledger.append(FIRST, two)
    ledger.append(SECOND, earlier)
    assert ledger.whys() == {"opening"}


def test_g5_epoch_that_goes_on_from_the_one_before_the_last_is_found(ledger: Rewritten) -> None:
    """An epoch in between is left out."""
    one, two, *_ = ledger.channels
    first = ledger.append(FIRST, one)
    ledger.append(SECOND, first, two)
    ledger.append(THIRD, first)
    assert ledger.whys() == {"opening"}


def test_g5_first_epoch_that_names_one_that_is_not_there_is_found(ledger: Rewritten) -> None:
    """Somebody took away all that was before."""
    one, *_ = ledger.channels
    before = ledger.append(FIRST, one)
    ledger.append(SECOND, before, one)
    for table in ("ledger_heads", "ledger_leaves"):
        ledger._write(f"DELETE FROM {table} WHERE epoch = ?", FIRST)
    ledger._write("UPDATE ledger_heads SET number = 1")
    assert ledger.whys() == {"opening"}


def test_g5_epoch_that_grows_once_another_began_is_found(ledger: Rewritten) -> None:
    """Two ledgers of one member do not grow beside each other."""
    one, two, *_ = ledger.channels
    before = ledger.append(FIRST, one)
    ledger.append(SECOND, before)
    ledger.append(FIRST, two)
    assert ledger.whys() == {"epoch_over"}
