"""A member that lost its disk has back what it had: from entries that came, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.casework.desk import Desk
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from node.casework.rebuilt.rebuilding import Rebuilding
from node.casework.rebuilt.recovered import read_said
from node.ids import Ids
from node.matching.lists import Entry, Provenance, Terms, Trust
from node.peer.recovery.recovering import KeptPage
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.recovery.recovered import begin, end
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.channel import NOTHING
from protocol.facts import Sighting
from protocol.merkle import CompactRange
from protocol.messages import Message, Outcome, Sighted, form_of, to_body
from protocol.recovery import Element, Held
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import Lane, OutcomeWhat, Source
from tests.builders.cases import (
    FINGERPRINTS,
    OTHER_PLACE,
    US,
    country,
    event_id,
    file,
    network,
    verdict,
)
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.contract.incoming import Sender, take
from tests.node.casework.arriving import item_from, outcome
from tests.node.cli.conftest import Britain

KEY = bytes(range(32))
SECRET = bytes(32)
IWF, PDC = "gb-iwf", "fr-pdc"
OURS = verdict(member=US)
TOLD = item_from(US, 1, file(1), url=OTHER_PLACE, hosted=country("FR"), assessments=(OURS,))
"""Found and judged here, and handed on to who is responsible for it."""
HELD = item_from(IWF, 2, file(1))
"""Handed over to us, who are responsible for it."""


def of_ours(what: OutcomeWhat, event: str = OURS.event_id) -> Outcome:
    """Return what we had told of the item that we had handed on."""
    return outcome(TOLD.item_id, what, author=US, event_id=event)


SHOWN = file(77)


def follow_placeholders(connection: Connection) -> None:
    """Have a list of what hosts show."""
    keep_terms(connection, Terms("own", Provenance.OWN), {"gone": Trust.PLACEHOLDER}, NOW_MS)
    take_in(connection, FINGERPRINTS, "own", 1, [Entry(SHOWN, "gone")], NOW_MS)


@dataclass
class Burnt:
    """A node whose disk is new, and what its peers say."""

    store: Store
    desk: Desk

    async def hears(self, *messages: Message) -> None:
        """Let its peer say again what it had said; nothing is judged before the rebuilding."""
        said = [_entry(one, f"theirs {number}", US) for number, one in enumerate(messages)]
        await take(self.store, Sender().push_raw(*said))

    async def has_back(self, lane: Lane, *messages: Message, to: str = PDC) -> None:
        """Let a peer hand back what had been said to it on a lane."""
        said = [_entry(one, f"ours {number}", to) for number, one in enumerate(messages)]
        elements = [(Element(entries.leaf(raw), raw), read_said(raw, SECRET)) for raw in said]
        edge = CompactRange().extend([one.leaf for one, _ in elements])
        page = KeptPage(bytes(8), 0, b"note", None, NOTHING, elements)
        assert await self.store.recovered.keep(to, lane, Held(), Held(bytes(8), edge), page)

    async def rebuilds(self) -> None:
        """Let a person end the asking."""
        await self.store.writer.run(end)
        rebuilding = Rebuilding(
            us=US,
            store=self.store.recovered,
            history=self.store.queries,
            cases=self.store.cases,
            desk=self.desk,
            registry=network,
            fingerprints=FINGERPRINTS,
            node_secret=SECRET,
            clock=lambda: NOW_MS,
        )
        await rebuilding.run()

    async def verdicts(self, item_id: str) -> list[str]:
        """Return the ids of the verdicts that stand on an item."""
        found = await self.desk.item(item_id)
        assert found is not None
        return [one.id for one in found.assessments]


def _entry(message: Message, subject: str, to: str) -> bytes:
    version, kind = form_of(message)
    return entries.encode(entries.compose(SECRET, kind, subject, 0, to, to_body(message), version))


@pytest.fixture
async def burnt(tmp_path: Path) -> AsyncIterator[Burnt]:
    """Give the node of a member that begins anew."""
    empty_store(tmp_path / "node.db", KEY)
    store = Store.inline(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    await store.writer.run(lambda c: begin(c, NOW_MS))
    desk = Desk(
        store=store.cases,
        queries=store.queries,
        registry=network,
        places=Britain(),
        fingerprints=FINGERPRINTS,
        postbox=Postbox(SECRET),
        ids=Ids(US),
        clock=lambda: NOW_MS,
        wake_delivery=lambda: None,
    )
    yield Burnt(store, desk)
    await store.close()


class TestTakenBack:
    """A verdict that had been taken back before the loss stands nowhere after it.

    It comes back with the item on which it was told first, and goes on with the file to what is
    judged before our own other words have come back.
    """

    async def test_with_its_item(self, burnt: Burnt) -> None:
        """Nobody was told so of the other item, which came afterwards."""
        await burnt.hears(HELD)
        await burnt.has_back(Lane.REPORTS, TOLD)
        await burnt.has_back(Lane.STATUS, of_ours(OutcomeWhat.WITHDRAWN))
        await burnt.rebuilds()
        assert await burnt.verdicts(HELD.item_id) == []
        assert await burnt.verdicts(TOLD.item_id) == []

    async def test_by_its_id_once_its_item_was_erased(self, burnt: Burnt) -> None:
        """Only the word on its files says so."""
        await burnt.hears(HELD)
        await burnt.has_back(Lane.REPORTS, TOLD)
        await burnt.has_back(Lane.STATUS, of_ours(OutcomeWhat.ERASED, event_id(902)))
        await burnt.has_back(Lane.BULK, ContentVerdictWithdrawn(OURS.event_id, NOW_MS))
        await burnt.rebuilds()
        assert await burnt.verdicts(HELD.item_id) == []

    async def test_another_stays(self, burnt: Burnt) -> None:
        """Here and with the file."""
        await burnt.hears(HELD)
        await burnt.has_back(Lane.REPORTS, TOLD)
        await burnt.has_back(Lane.STATUS, of_ours(OutcomeWhat.WITHDRAWN, event_id(901)))
        await burnt.has_back(Lane.BULK, ContentVerdictWithdrawn(event_id(901), NOW_MS))
        await burnt.rebuilds()
        assert await burnt.verdicts(HELD.item_id) == [OURS.event_id]
        assert await burnt.verdicts(TOLD.item_id) == [OURS.event_id]


class TestFileOfASighting:
    """A file that somebody found at the place of an item, and that we told to who has it."""

    async def test_is_one_of_the_item(self, burnt: Burnt) -> None:
        """As it was before."""
        assert SHOWN in (await _told_again(burnt)).content

    async def test_is_none_where_a_list_says_that_hosts_show_it_for_a_removed_one(
        self, burnt: Burnt
    ) -> None:
        """Else each item that is gone would have a file in common with every other."""
        await burnt.store.writer.run(follow_placeholders)
        assert SHOWN not in (await _told_again(burnt)).content


async def _told_again(burnt: Burnt) -> ItemState:
    sighting = Sighting(event_id(6), US, Source.PUBLIC, NOW_MS)
    told = Sighted(TOLD.item_id, sighting, SHOWN, None, child_at_risk=False)
    await burnt.has_back(Lane.REPORTS, TOLD, told)
    await burnt.rebuilds()
    state = await burnt.store.queries.item(TOLD.item_id, bytes(16))
    assert state is not None
    assert sighting in state.sightings
    return state
