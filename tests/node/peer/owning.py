"""The owner of one or two ledgers of many short epochs, and a member that is told of its heads."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from keys.keyring import MemberKeys
from keys.registry import Registry
from keys.signing import SigningKey
from node.matching.fingerprints import Fingerprints
from node.peer.errors import PeerUnreachableError
from node.peer.ledgers.ledger_exchange import LedgerExchange
from node.peer.ledgers.lineage import Lineages
from node.store.connection import open_reader
from node.store.sqlite import Store
from protocol.ledger import LedgerHead, LedgerOrigin, read_ledger_head, sign_ledger_head
from protocol.lineage import NOTHING_SHOWN, Lineage, Link, SeenHead, from_bytes, to_bytes
from protocol.merkle import inclusion_path, root_of
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS, make_network

US, OWNER, SPEAKER, OTHER = "fr-pdc", "gb-iwf", "nl-eokm", "de-eco"


class Epochs:
    """A ledger of which each epoch has two leaves: the head of the one before, and something."""

    def __init__(self, network: str, key: SigningKey, first: int = 0, owner: str = OWNER) -> None:
        self.links: list[Link] = []
        self._network, self._key, self._first, self._owner = network, key, first, owner

    def grow(self, count: int) -> Epochs:
        """Begin so many epochs more."""
        for _ in range(count):
            number = self._first + len(self.links)
            leaves = [bytes([self._first % 251]) * 32]
            if self.links:
                leaves.insert(0, read_ledger_head(self.links[-1].note).logged.leaf)
            origin = LedgerOrigin(self._network, self._owner, number.to_bytes(8, "big"))
            head = LedgerHead(origin, len(leaves), root_of(leaves))
            path = tuple(inclusion_path(leaves, 0, len(leaves)))
            self.links.append(Link(sign_ledger_head(head, self._key), path))
        return self

    def after(self, seen: SeenHead) -> Lineage | None:
        """Lead on by one epoch from a head; None: it is not one of these."""
        for at, link in enumerate(self.links):
            if read_ledger_head(link.note).origin.epoch == seen.epoch:
                start = Link(link.note, ())
                return Lineage(1, None, seen, (), (start, *self.links[at + 1 : at + 2]), ())
        return None


class Leading:
    """The owner of ledgers, who leads on by one epoch at a time in whichever is asked about."""

    def __init__(self, *ledgers: Epochs) -> None:
        self.ledgers = ledgers
        self.asked: list[SeenHead | None] = []
        self.is_up = True
        self.grows: Epochs | None = None
        self.beside: Epochs | None = None  # the one ledger of another member, which does not grow
        self.is_silent = False

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Answer as the road to it would."""
        del about
        if peer == OTHER and self.beside is not None:
            asked_of_it = from_bytes(body).seen
            led = None if asked_of_it is None else self.beside.after(asked_of_it)
            last = Link(self.beside.links[-1].note, ())
            return to_bytes(led or Lineage(1, None, None, (), (last,), ()))
        assert peer == OWNER
        if not self.is_up:
            raise PeerUnreachableError
        asked = from_bytes(body)
        seen = asked.seen
        self.asked.append(seen)
        if self.is_silent and asked == msgspec.structs.replace(NOTHING_SHOWN, seen=seen):
            return to_bytes(NOTHING_SHOWN)
        if self.grows is not None:
            self.grows.grow(1)
        found = [one.after(seen) for one in self.ledgers] if seen is not None else []
        shown = next((one for one in found if one is not None), None)
        newest = Link(self.ledgers[0].links[-1].note, ())
        return to_bytes(shown or Lineage(1, None, None, (), (newest,), ()))


class Asking:
    """One member with its database, that is told of heads and asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_ms = NOW_MS
        self.network, keys, _ = make_network([US, OWNER, SPEAKER, OTHER])
        self.keys: MemberKeys = keys[US]
        self.owner_key, self.other_key = keys[OWNER].log, keys[OTHER].log
        empty_store(path, self.keys.database_key)
        self.true = Epochs(self.network.network_id, self.owner_key).grow(3)
        self.false = Epochs(self.network.network_id, self.owner_key, 1_000_000).grow(3)
        self.owner = Leading(self.true)
        self.start()

    def registry(self) -> Registry:
        """The registry in force."""
        return self.network

    def start(self) -> None:
        """Start with what is durable."""
        keys = self.keys
        self.store = Store.inline(
            self.path, keys.database_key, US, Fingerprints(keys.fingerprint_secret)
        )
        self.lineages = Lineages(
            US,
            self.store.lineages,
            self.registry,
            self.owner,
            lambda: self.now_ms,
            lambda: keys.log,
        )

    async def restart(self) -> None:
        """Lose what is in memory."""
        await self.store.close()
        self.start()

    async def told(self, note: bytes, speaker: str = SPEAKER) -> None:
        """Hear of a head that another was shown."""
        raw = to_bytes(Lineage(1, None, None, (), (), (note,)))
        await self.lineages.answer(speaker, raw)

    def waiting(self) -> list[tuple[str, bytes]]:
        """Who spoke of what, that its owner is to be asked about."""
        with closing(open_reader(self.path, self.keys.database_key)) as connection:
            return connection.execute(
                "SELECT speaker, note FROM ledger_doubts WHERE member = ? ORDER BY 1", (OWNER,)
            ).fetchall()

    def accused(self) -> set[tuple[str, str]]:
        """What stands before a person."""
        with closing(open_reader(self.path, self.keys.database_key)) as connection:
            return set(connection.execute("SELECT code, subject FROM tasks").fetchall())
