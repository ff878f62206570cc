"""What no witness saw of an epoch of the ledger: said again in the next one, each start anew."""

from __future__ import annotations

from node.peer.ledgers.witnessing import Given
from node.store.sqlite import Store
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead
from tests.builders.cases import US
from tests.builders.network import NOW_MS

NETWORK = "demo-0123456789abcdef"
EPOCH = bytes(8)
CHANNEL = f"hx1/{NETWORK}/{US}/de-eco/reports/0000000000000001"
WITNESSES = ("fr-point", "dk-red", "de-eco")


async def signed(store: Store, size: int, *witnesses: str) -> None:
    """Sign a head over one more state of a channel, cosigned by some."""
    head = LedgerHead(LedgerOrigin(NETWORK, US, EPOCH), size, bytes(32))
    note = f"head {size}".encode()
    await store.ledger.append(head, [LoggedHead(CHANNEL, size, bytes(32))], note, NOW_MS)
    for one in witnesses:
        await store.cosignatures.keep(size, one, f"{one} {size}".encode(), size, NOW_MS)


async def test_g5_what_two_beside_its_parties_cosigned_is_witnessed(store: Store) -> None:
    """By those whose cosignature counts today, each judged by all that was given."""
    await signed(store, 1, *WITNESSES)
    asked: list[Given] = []

    def counts(given: Given) -> bool:
        asked.append(given)
        return True

    assert await store.ledger.unwitnessed(EPOCH, counts) == []
    assert Given("dk-red", b"head 1", b"dk-red 1", 1) in asked
    last = LoggedHead(CHANNEL, 1, bytes(32))
    assert await store.ledger.unwitnessed(EPOCH, lambda one: one.witness != "dk-red") == [last]


async def test_g11_what_too_few_cosigned_is_verified_by_nobody(store: Store) -> None:
    """In a network of three that is each head there ever was, at each start."""
    for size in range(1, 4):
        await signed(store, size, "dk-red", "de-eco")
    asked: list[Given] = []

    def counts(given: Given) -> bool:
        asked.append(given)
        return True

    last = LoggedHead(CHANNEL, 3, bytes(32))
    assert await store.ledger.unwitnessed(EPOCH, counts) == [last]
    assert asked == []
