"""Everything about ledgers: keeping ours, having it witnessed, witnessing and comparing others'.

Beside the exchange, and never in its way: it looks once a minute and works once an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.keyring import load_witness_key
from keys.unlock import Unlock
from node.peer.channels.stolen import ByStolenKey
from node.peer.ledgers.crosscheck import Crosscheck
from node.peer.ledgers.ledger import LedgerKeeper
from node.peer.ledgers.ledger_endpoint import LedgerEndpoint
from node.peer.ledgers.lineage import Lineages
from node.peer.ledgers.witness import Witness
from node.peer.ledgers.witnessing import Witnessing

if TYPE_CHECKING:
    from keys.keyring import MemberKeys
    from keys.registry import Registry
    from keys.signing import SigningKey
    from node.config.sections import Config
    from node.peer.http.client import HttpTransport
    from node.store.sqlite import Store
    from node.telemetry.metrics import Metrics


class WitnessInUse:
    """The witness key of now; None until there is one, also one that is made while we run.

    Args:
        key: that lies here.
        load: looks for it again.
    """

    def __init__(self, key: SigningKey | None, load: Callable[[], SigningKey | None]) -> None:
        self.key = key
        self._load = load

    def __call__(self) -> SigningKey | None:
        """Give it."""
        if self.key is None:
            self.key = self._load()
        return self.key


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Our ledger, and our part in those of others."""

    keeper: LedgerKeeper
    witness: Witness
    witnessing: Witnessing
    crosscheck: Crosscheck
    lineages: Lineages
    witness_key: WitnessInUse

    @property
    def endpoint(self) -> LedgerEndpoint:
        """What the peer listener serves of this."""
        return LedgerEndpoint(self.witness, self.crosscheck, self.lineages)

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
    revoked: Callable[[], AbstractSet[str]],
    by_stolen_key: ByStolenKey,
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

    member = config.member
    unlock = Unlock.from_config(member.unlock)
    key = WitnessInUse(keys.witness, lambda: load_witness_key(member.keys_dir, unlock))
    keeper = LedgerKeeper(us, store.ledger, registry, keys.log, epoch, revoked)
    lineages = Lineages(
        us, store.lineages, registry, transport, clock, lambda: keeper.log_key, revoked
    )
    return Ledgers(
        keeper,
        Witness(us, store.witness, registry, key, clock, on_registry_behind),
        Witnessing(us, store.cosignatures, registry, transport, lineages.introduce, asked),
        Crosscheck(
            us,
            store.crosschecks,
            registry,
            transport,
            lineages.exchange,
            clock,
            revoked,
            by_stolen_key,
        ),
        lineages,
        key,
    )
