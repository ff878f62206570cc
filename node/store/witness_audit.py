"""Raw rows about witnesses, for verification and for reports: `Audit.witnesses`."""

from __future__ import annotations

from node.peer.witnessing import SignedHead
from node.store.connection import Connection
from node.store.witness import WitnessedRow, witnessed_rows
from node.store.witnessing import CosignatureRow, cosignatures, newest_head, partners


class WitnessAudit:
    """Reads what witnesses said, and what we said as one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cosignatures(self) -> list[CosignatureRow]:
        """What witnesses said of the heads of our ledger."""
        return cosignatures(self._connection)

    def newest_head(self) -> SignedHead | None:
        """The newest head of our ledger, with who cosigned it."""
        return newest_head(self._connection)

    def partners(self) -> set[str]:
        """The members with which we have a channel."""
        return partners(self._connection)

    def witnessed(self) -> list[tuple[int, WitnessedRow]]:
        """What we cosigned of other members' ledgers, by number."""
        return witnessed_rows(self._connection)
