"""Everything about ledgers: keeping ours, having it witnessed, witnessing and comparing others'.

Beside the exchange, and never in its way: it looks once a minute and works once an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.keyring import load_witness_key
from keys.unlock import Unlock
from node.peer.crosscheck import Crosscheck
from node.peer.ledger import LedgerKeeper
from node.peer.ledger_endpoint import LedgerEndpoint
from node.peer.witness import Witness
from node.peer.witnessing import Witnessing

if TYPE_CHECKING:
    from keys.keyring import MemberKeys
    from keys.registry import Registry
    from keys.signing import SigningKey
    from node.config.sections import Config
    from node.peer.client import HttpTransport
    from node.store.sqlite import Store
    from node.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Our ledger, and our part in those of others."""

    keeper: LedgerKeeper
    witness: Witness
    witnessing: Witnessing
    crosscheck: Crosscheck

    @property
    def endpoint(self) -> LedgerEndpoint:
        """What the peer listener serves of this."""
        return LedgerEndpoint(self.witness, self.crosscheck)

    async def work_due(self, now_ms: int) -> None:
        """Do what is due at `now_ms` (UTC).

        Raises:
            StoreError: something was not kept; it is done again.
        """
        await self.keeper.append_due(now_ms)
        await self.witnessing.ask_due(now_ms)
        await self.crosscheck.check_due(now_ms)


def build_ledgers(  # noqa: PLR0913 - part of the composition root
    *,
    config: Config,
    keys: MemberKeys,
    store: Store,
    registry: Callable[[], Registry],
    transport: HttpTransport,
    clock: Callable[[], int],
    epoch: Callable[[], bytes],
    on_registry_behind: Callable[[], None],
    metrics: Metrics,
) -> Ledgers:
    """Put the parts together; `clock` gives the time, ms UTC, `epoch` 8 fresh random bytes."""
    us = config.member.id

    def asked(witness: str, code: str) -> None:
        metrics.cosignatures.labels(witness, code).inc()

    return Ledgers(
        LedgerKeeper(us, store.ledger, registry, keys.log, epoch),
        Witness(us, store.witness, registry, _key(config, keys), clock, on_registry_behind),
        Witnessing(us, store.cosignatures, registry, transport, asked),
        Crosscheck(us, store.crosschecks, registry, transport, clock),
    )


def _key(config: Config, keys: MemberKeys) -> Callable[[], SigningKey | None]:
    """Give our witness key, also one that `hotline publish` makes while we run."""
    member, found = config.member, keys.witness

    def witness_key() -> SigningKey | None:
        nonlocal found
        if found is None:
            found = load_witness_key(member.keys_dir, Unlock.from_config(member.unlock))
        return found

    return witness_key
