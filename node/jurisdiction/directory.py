"""Who hosts at an address, and whom to tell: the operator's file, what is kept, then the register.

Rules upheld:

* Special and internal addresses are never asked about, and no register at all unless the operator
  turned that on.
* What a register said is kept by range and asked again when it is old: of a network no wider than
  the smallest block that is announced on its own (/24, /48), for all of it; of a wider one for the
  address that was asked, since the networks of its customers lie in it. That a register knows
  nothing, and that it failed, is kept too, for that block.
  A register that asks for a pause gets it, also from the next process. While a register fails,
  what it said last stands, with its age. A network whose contacts it failed to name is kept for a
  day, with the contacts known before.
* However many ask about one block, one question is under way.
* Everything found is kept with its age; contacts wait for a person (`contacts`).
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from node.jurisdiction.addresses import AddressPolicy, effective
from node.jurisdiction.contacts import Hoster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.jurisdiction.hosters import Hosters, Known
    from node.jurisdiction.rdap import Network
    from node.jurisdiction.watching import Announced, WatchList

Outcome = Literal["found", "not_found", "failed", "put_off"]
Answered = Literal["found", "not_found", "failed", "put_off", "special", "not_asked", "operator"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEGATIVE_MS = DAY_MS
"""How long it is believed that a register knows nothing of a block."""
FAILURE_MS = HOUR_MS // 4
PARTIAL_MS = DAY_MS
"""How long a network holds whose contacts could not all be had."""
BLOCK = {4: 24, 6: 48}


class Answer(NamedTuple):
    """What came of asking the registers. `retry_ms` (UTC): not before, if it was put off.

    `partial`: the network was found, but of its contacts some could not be had. `register`: the
    server (`https://host:port`) that said so in the end.
    """

    outcome: Outcome
    network: Network | None = None
    retry_ms: int | None = None
    partial: bool = False
    register: str = ""


class Range(msgspec.Struct, frozen=True):
    """What is known of an address range, by whom it was asked at `asked_ms` until `expires_ms`.

    `hoster` is the key of its hoster, None if the register knows none.
    """

    prefix: str
    outcome: Outcome
    hoster: str | None
    asked_ms: int
    expires_ms: int
    handle: str | None = None
    parent: str | None = None


class Registers(Protocol):
    """Asks registers."""

    async def ask(self, address: str, now_ms: int) -> Answer:
        """Ask about a public address; never raises for what a register says or fails to say."""
        ...


class HosterStore(Protocol):
    """Keeps hosters, and what is known of ranges."""

    async def range_of(self, address: str, now_ms: int) -> Range | None:
        """Return what holds at `now_ms` of the smallest range with `address`."""
        ...

    async def last_of(self, address: str) -> Range | None:
        """Return the smallest range with `address` that has a hoster, however old that is."""
        ...

    async def hoster(self, key: str) -> Hoster | None:
        """Return a hoster."""
        ...

    async def keep(self, told: Told, found: Range | None, now_ms: int) -> Hoster:
        """Keep what was told of a hoster, and of a range of his; see `contacts.met`."""
        ...

    async def keep_range(self, found: Range) -> None:
        """Keep that a range has no hoster that is known."""
        ...


class Told(NamedTuple):
    """A hoster as somebody names it, with how long a person has to verify its contacts.

    `source`: who that is, as exactly as it is known (`contacts.Contact.sources`).
    """

    key: str
    name: str
    contacts: tuple[str, ...]
    named_by: str
    verify_ms: int
    source: str = ""


class Found(NamedTuple):
    """Who hosts at an address.

    `answered` says who did, or why nobody could; `known` is the operator's entry, `chain` whose
    machines it rents; `announced` which network announces the address.
    """

    address: str
    answered: Answered
    hoster: Hoster | None
    range: Range | None
    announced: Announced | None
    known: Known | None = None
    chain: tuple[Known, ...] = ()
    special: str | None = None


class Terms(NamedTuple):
    """How long what a register said holds, and how long people have to verify a contact."""

    keep_ms: int
    verify_ms: int


class Directory:
    """Finds hosters; use from one event loop. `registers` None: nobody is asked."""

    def __init__(
        self,
        store: HosterStore,
        hosters: Hosters,
        watch: WatchList,
        terms: Terms,
        *,
        registers: Registers | None = None,
        policy: AddressPolicy | None = None,
    ) -> None:
        self._store = store
        self._hosters = hosters
        self._watch = watch
        self._terms = terms
        self._registers = registers
        self._policy = policy if policy is not None else AddressPolicy()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def use(self, hosters: Hosters, watch: WatchList) -> None:
        """Look into these data files from now on."""
        self._hosters = hosters
        self._watch = watch

    async def find(self, address: str, now_ms: int) -> Found:
        """Return who hosts at `address`, asking a register where that is permitted and needed.

        Raises:
            ValueError: not an address.
            StoreError: what was found could not be kept.
        """
        plain = str(effective(address))
        refused = self._policy.refused(plain)
        if refused is not None:
            return Found(plain, "special", None, None, None, special=refused)
        announced = self._watch.announced(plain)
        known = self._hosters.at(plain, None if announced is None else announced.asn, now_ms)
        if known is not None:
            return await self._own(plain, known, None, announced, now_ms)
        found = await self._range(plain, now_ms)
        answered: Answered = "not_asked" if found is None else found.outcome
        if answered not in {"found", "not_found"}:
            found = await self._store.last_of(plain) or found
        if found is None or found.hoster is None:
            return Found(plain, answered, None, found, announced)
        known = self._hosters.named(found.hoster, now_ms)
        if known is not None:
            return await self._own(plain, known, found, announced, now_ms)
        hoster = await self._store.hoster(found.hoster)
        return Found(plain, answered, hoster, found, announced)

    async def _own(
        self,
        address: str,
        known: Known,
        found: Range | None,
        announced: Announced | None,
        now_ms: int,
    ) -> Found:
        """Let the operator's entry stand, and see that its contacts are verified too."""
        told = Told(known.key, known.name, known.contacts, "operator", self._terms.verify_ms)
        hoster = await self._store.keep(told, None, now_ms)
        chain = self._hosters.chain(known)
        return Found(address, "operator", hoster, found, announced, known, chain)

    async def _range(self, address: str, now_ms: int) -> Range | None:
        """Return what is known of the range of an address; ask once for all of a block."""
        block = block_of(address)
        while True:
            found = await self._store.range_of(address, now_ms)
            if found is not None or self._registers is None:
                return found
            under_way = self._under_way.get(block)
            if under_way is None:
                break
            await asyncio.shield(under_way)
        task = asyncio.create_task(self._ask(address, block, now_ms), name="directory.ask")
        self._under_way[block] = task
        task.add_done_callback(lambda _: self._under_way.pop(block, None))
        await asyncio.shield(task)
        return await self._store.range_of(address, now_ms)

    async def _ask(self, address: str, block: str, now_ms: int) -> None:
        assert self._registers is not None
        answer = await self._registers.ask(address, now_ms)
        network = answer.network
        if network is None:
            until_ms = now_ms + (NEGATIVE_MS if answer.outcome == "not_found" else FAILURE_MS)
            until_ms = until_ms if answer.retry_ms is None else answer.retry_ms
            await self._store.keep_range(Range(block, answer.outcome, None, now_ms, until_ms))
            return
        contacts = network.contacts
        source = f"{answer.register} {network.handle}"
        keep_ms = self._terms.keep_ms
        if answer.partial:
            contacts += await self._contacts_of(network.hoster, source)
            keep_ms = min(keep_ms, PARTIAL_MS)
        told = Told(network.hoster, network.name, contacts, "rdap", self._terms.verify_ms, source)
        found = Range(
            _told_of(address, block, network.prefix),
            "found",
            network.hoster,
            now_ms,
            now_ms + keep_ms,
            network.handle,
            network.parent,
        )
        await self._store.keep(told, found, now_ms)

    async def _contacts_of(self, key: str, source: str) -> tuple[str, ...]:
        """Return what a source named of a hoster: it did not say that it has them no more."""
        known = await self._store.hoster(key)
        found = () if known is None else known.contacts
        return tuple(one.address for one in found if source in one.sources or not one.sources)


def block_of(address: str) -> str:
    """Return the smallest range around an address that is announced on its own.

    Raises:
        ValueError: not an address.
    """
    reached = effective(address)
    return str(ip_network(f"{reached}/{BLOCK[reached.version]}", strict=False))


def _told_of(address: str, block: str, prefix: str) -> str:
    """Return of what an answer about an address tells: see the rules at the head."""
    around, told = ip_network(block), ip_network(prefix)
    return prefix if told.prefixlen >= around.prefixlen else str(ip_network(address))


def holding(address: str) -> Sequence[str]:
    """Return all ranges that hold an address, the smallest first, as they are spelt."""
    reached = effective(address)
    whole = ip_network(str(reached))
    return [str(whole.supernet(new_prefix=n)) for n in range(whole.prefixlen, 0, -1)]
