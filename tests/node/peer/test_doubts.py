"""§8.16.7: a head that another was shown is asked about until its owner has led from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from keys.keyring import MemberKeys
from keys.recovering import Recovering
from keys.registry import Registry
from keys.signing import SigningKey
from node.matching.fingerprints import Fingerprints
from node.peer.errors import CallError, PeerUnreachableError
from node.peer.ledger_exchange import LedgerExchange
from node.peer.lineage import ASKED_AT_ONCE, LONG_MS, REBUILT, REQUESTS, SPLIT, Lineages
from node.store.connection import create_database, open_reader
from node.store.sqlite import Store
from protocol.ledger import LedgerHead, LedgerOrigin, read_ledger_head, sign_ledger_head
from protocol.lineage import Lineage, Link, SeenHead, from_bytes, to_bytes
from protocol.merkle import inclusion_path, root_of
from tests.builders.network import NOW_MS, make_network

US, OWNER, SPEAKER, OTHER = "fr-pdc", "gb-iwf", "nl-eokm", "de-eco"


class Epochs:
    """A ledger of which each epoch has two leaves: the head of the one before, and something."""

    def __init__(self, network: str, key: SigningKey, first: int = 0) -> None:
        self.links: list[Link] = []
        self._network, self._key, self._first = network, key, first

    def grow(self, count: int) -> Epochs:
        """Begin so many epochs more."""
        for _ in range(count):
            number = self._first + len(self.links)
            leaves = [bytes([self._first % 251]) * 32]
            if self.links:
                leaves.insert(0, read_ledger_head(self.links[-1].note).logged.leaf)
            origin = LedgerOrigin(self._network, OWNER, number.to_bytes(8, "big"))
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

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Answer as the road to it would."""
        del about
        assert peer == OWNER
        if not self.is_up:
            raise PeerUnreachableError
        seen = from_bytes(body).seen
        self.asked.append(seen)
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
        create_database(path, self.keys.database_key)
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
            US, self.store.lineages, self.registry, self.owner, lambda: self.now_ms
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


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    """Give a member that was shown the newest head of gb-iwf's ledger."""
    made = Asking(tmp_path / "node.db")
    await made.lineages.exchange(OWNER)
    made.owner.asked.clear()
    yield made
    await made.store.close()


async def test_g5_a_doubt_outlives_the_process_that_heard_of_it(asking: Asking) -> None:
    """Else who keeps two ledgers waits for a restart, or brings one about."""
    await asking.told(asking.false.links[0].note)
    await asking.restart()
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}
    assert asking.waiting() == []


async def test_8_16_an_owner_that_lost_its_node_and_says_so_is_not_called_a_liar(
    asking: Asking,
) -> None:
    """It knows no head of before; a person is told which it says."""
    document = asking.network.member(OWNER)
    said = replace(document, recovering=Recovering(document.sealing[0].key.key_id, NOW_MS))
    members = {**asking.network.members, OWNER: said}
    asking.network = replace(asking.network, members=members)
    await asking.told(asking.false.links[0].note)
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(REBUILT, OWNER)}


async def test_g5_an_owner_that_does_not_answer_ends_no_doubt(asking: Asking) -> None:
    """It is asked again once it can be called."""
    note = asking.false.links[0].note
    await asking.told(note)
    asking.owner.is_up = False
    with pytest.raises(CallError):
        await asking.lineages.exchange(OWNER)
    assert asking.waiting() == [(SPEAKER, note)]


async def test_g5_a_doubt_ends_where_its_owner_leads_from_it(asking: Asking) -> None:
    """An earlier head of the one ledger: nobody is accused, also if two spoke of it."""
    for speaker in (SPEAKER, OTHER):
        await asking.told(asking.true.links[0].note, speaker)
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_attack_another_doubt_does_not_displace_the_first(asking: Asking) -> None:
    """A friend of the liar tells of a harmless head after an honest member told of the other."""
    await asking.told(asking.false.links[0].note)
    await asking.told(asking.true.links[0].note, OTHER)
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_a_ledger_that_grew_meanwhile_is_asked_about_again(asking: Asking) -> None:
    """Between the questions its newest head changed, so the answers say nothing."""
    note = asking.true.links[0].note
    await asking.told(note)
    asking.owner.grows = asking.true
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([(SPEAKER, note)], set())


async def test_g5_a_head_under_a_key_that_is_listed_no_more_accuses_nobody(asking: Asking) -> None:
    """A thief may have signed it, whose key was revoked after we heard of it."""
    await asking.told(asking.false.links[0].note)
    document = asking.network.member(OWNER)
    other = replace(document, log=asking.network.member(OTHER).log)
    members = {**asking.network.members, OWNER: other}
    asking.network = replace(asking.network, members=members)
    anew = Epochs(asking.network.network_id, asking.other_key, 9_000_000).grow(1)
    asking.owner.ledgers = (anew,)
    await asking.lineages.exchange(OWNER)
    assert asking.waiting() == []
    assert (SPLIT, OWNER) not in asking.accused()


async def test_8_16_a_chain_that_ends_early_is_followed_to_its_end(asking: Asking) -> None:
    """By so many requests, and the next time from where it came to: nobody honest is accused."""
    first = asking.true.links[0].note
    asking.true.grow(REQUESTS + 10)
    for _ in range(REQUESTS + 10):
        await asking.lineages.exchange(OWNER)
    await asking.told(first)
    asking.owner.asked.clear()
    await asking.lineages.exchange(OWNER)
    ((_, reached),) = asking.waiting()
    assert reached == asking.true.links[REQUESTS].note
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_attack_who_makes_his_chain_longer_and_longer_is_found(asking: Asking) -> None:
    """Each answer leads on, and none to the head that we were shown; after a month people look."""
    asking.owner.ledgers = (asking.true, asking.false)
    asking.owner.grows = asking.false
    await asking.told(asking.false.links[0].note)
    for _ in range(3):
        await asking.lineages.exchange(OWNER)
        assert asking.accused() == set()
    asking.now_ms += LONG_MS + 1
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g11_an_owner_is_asked_about_so_many_and_no_more(asking: Asking) -> None:
    """Sixty requests an hour are answered; what waits longest is asked about first."""
    for number, link in enumerate(asking.false.grow(9).links):
        await asking.store.lineages.doubt(f"m-{number:02}", {OWNER: link.note}, NOW_MS + number)
    await asking.lineages.exchange(OWNER)
    left = [f"m-{number:02}" for number in range(ASKED_AT_ONCE, 12)]
    assert [speaker for speaker, _ in asking.waiting()] == left


async def test_8_16_what_is_no_head_of_a_ledger_is_passed_over(asking: Asking) -> None:
    """It says nothing, and does not spoil what stands beside it."""
    note = asking.false.links[0].note
    raw = to_bytes(Lineage(1, None, None, (), (), (b"rubbish", note)))
    await asking.lineages.answer(SPEAKER, raw)
    assert asking.waiting() == [(SPEAKER, note)]
