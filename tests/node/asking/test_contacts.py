"""Whom to tell is looked up before anybody needs it: bounded, over real HTTPS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from node.asking.build import OpenDirectory, finder_of
from node.asking.contacts import ContactFinder
from node.casework.desk import Desk
from node.casework.places.placing import Places
from node.casework.postbox import Postbox
from node.casework.reports.draft import ActionDraft, ReportDraft
from node.config.places import HostersSection, JurisdictionSection
from node.config.values import DatabaseRef
from node.ids import Ids
from node.jurisdiction.build import Jurisdiction, open_jurisdiction
from node.jurisdiction.directory import DAY_MS, FAILURE_MS
from node.jurisdiction.sought import GIVE_UP_MS, TELL_AFTER, Sought
from node.store.items.queries import ItemQuery
from node.store.places.sought import UNKNOWN, all_sought
from node.store.sqlite import Store
from protocol.vocabulary import Action
from tests.builders.authority import Authority
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.databases import write_database
from tests.builders.network import NOW_MS, make_network
from tests.builders.registers import Register, abuse, holder, network, write_bootstrap
from tests.node.asking.test_directory import Opener

HERE = "https://192.0.2.7/a.jpg"
ELSEWHERE = "https://198.51.100.7/a.jpg"
UNHOSTED = "https://203.0.113.9/a.jpg"
BLOCK = "203.0.113.0/24"
KEY = "ORG-FH1-EXAMPLE"


@dataclass
class Node:
    """A desk, a register, and what looks contacts up."""

    desk: Desk
    store: Store
    section: HostersSection
    opened: OpenDirectory
    jurisdiction: Jurisdiction
    finder: ContactFinder
    now: int = NOW_MS

    async def hand_in(self, *urls: str, child_at_risk: bool = False) -> None:
        """Hand in an item for each address, and place it."""
        items = [{"url": url} for url in urls]
        draft = {
            "source": "public", "reference": urls[0], "child_at_risk": child_at_risk,
            "items": items,
        }  # fmt: skip
        await self.desk.submit([msgspec.convert(draft, ReportDraft)], actor="tests")
        while await self.desk.locate_due():
            pass

    async def later(self, ms: int = 0) -> None:
        """Let time go by, and look for what is due until nothing of the history is left."""
        self.now += ms
        while await self.finder.work_due(self.now):
            pass

    async def tasks(self) -> list[tuple[str, str]]:
        """Return what waits for a person."""
        return [(code, subject) for code, subject, _ in await self.store.queries.tasks()]

    async def sought(self) -> list[Sought]:
        """Return who is looked for."""
        return await self.store.readers.run(all_sought)


@pytest.fixture
async def node(
    tmp_path: Path, store: Store, section: HostersSection, open_with: Opener
) -> AsyncIterator[Node]:
    """Give a node in NL with items' places by two databases."""
    rows = {
        "192.0.2.0/24": {"country": "NL"},
        "198.51.100.0/24": {"country": "GB"},
        "203.0.113.0/24": {"country": "NL"},
    }
    refs = tuple(
        DatabaseRef(name, write_database(tmp_path, name, rows).path, None) for name in ("a", "b")
    )
    jurisdiction = open_jurisdiction(
        JurisdictionSection(databases=refs, allow_documentation_ranges=True)
    )
    registry, keys, _ = make_network([US, "gb-iwf"])
    opened = open_with()
    made = Node(
        Desk(
            store=store.cases,
            queries=store.queries,
            registry=lambda: registry,
            places=Places(jurisdiction.locator),
            fingerprints=FINGERPRINTS,
            postbox=Postbox(keys[US].node_secret),
            ids=Ids(US),
            clock=lambda: made.now,
            wake_delivery=lambda: None,
        ),
        store,
        section,
        opened,
        jurisdiction,
        finder_of(section, store.hosters.sought, opened, jurisdiction),
    )
    yield made
    await jurisdiction.close()


async def test_the_contact_of_a_new_item_is_there_before_anybody_asks(
    node: Node, register: Register
) -> None:
    """It waits for a person with a deadline; the register learnt the address alone."""
    await node.hand_in(HERE)
    await node.later()
    hoster = await node.store.hosters.hoster(KEY)
    assert hoster is not None
    assert [(one.address, one.state) for one in hoster.contacts] == [
        ("abuse@fast.example", "unverified")
    ]
    assert hoster.contacts[0].due_ms > node.now
    assert await node.tasks() == [("contact_unverified", KEY)]
    assert register.asked == ["ip/192.0.2.7"]
    assert await node.sought() == []


async def test_nobody_is_asked_about_items_of_others(node: Node, register: Register) -> None:
    """Who hosts there concerns whom the item was handed on to."""
    await node.hand_in(ELSEWHERE)
    await node.later()
    assert register.asked == []


async def test_nobody_is_asked_about_what_is_gone(node: Node, register: Register) -> None:
    """A closed item needs no contact."""
    await node.hand_in(HERE)
    (state,) = await node.store.queries.items(ItemQuery())
    await node.desk.act(state.id, ActionDraft(action=Action.REMOVED), actor="tests")
    await node.later()
    assert register.asked == []


async def test_a_block_is_asked_about_once_however_many_items_stand_there(
    node: Node, register: Register
) -> None:
    """Also for what comes later, and after a restart: the answer is kept by range."""
    await node.hand_in(HERE, "https://192.0.2.8/b.jpg", "https://192.0.2.200/c.jpg")
    await node.later()
    await node.hand_in("https://192.0.2.99/d.jpg")
    node.finder = finder_of(node.section, node.store.hosters.sought, node.opened, node.jurisdiction)
    await node.later()
    assert len(register.asked) == 1


async def test_a_block_that_nobody_knows_stands_before_a_person_with_its_age(
    node: Node, register: Register
) -> None:
    """Unknown is a state; once somebody is known there, it is over by itself."""
    await node.hand_in(UNHOSTED)
    await node.later()
    assert await node.tasks() == [(UNKNOWN, BLOCK)]
    register.networks.append(network("203.0.113.0", "203.0.113.255", "NET-3", holder(abuse())))
    await node.later(DAY_MS)
    assert await node.tasks() == [("contact_unverified", KEY)]
    assert await node.sought() == []


async def test_a_register_that_fails_is_asked_again_and_then_told_of(
    node: Node, register: Register
) -> None:
    """One failure is no news; after a few a person has to find out."""
    await node.hand_in(UNHOSTED)
    for number in range(TELL_AFTER):
        assert await node.tasks() == []
        register.mood = web.Response(status=500)
        await node.later(FAILURE_MS << number)
    assert await node.tasks() == [(UNKNOWN, BLOCK)]
    assert len(register.asked) == TELL_AFTER


async def test_a_pause_that_a_register_asks_for_is_given_and_counts_as_no_try(
    node: Node, register: Register
) -> None:
    """429 with Retry-After."""
    await node.hand_in(HERE)
    register.mood = web.Response(status=429, headers={"Retry-After": "7200"})
    await node.later()
    await node.later(7_199_000)
    assert len(register.asked) == 1
    assert [one.attempts for one in await node.sought()] == [0]
    await node.later(1000)
    assert len(register.asked) == 2
    assert await node.sought() == []


async def test_a_register_that_only_asks_for_pauses_is_left_to_a_person(
    node: Node, register: Register
) -> None:
    """It may block this address for good. Each pause is given; after a month it is left."""
    await node.hand_in(HERE)
    told = []
    for _ in range(40):
        register.mood = web.Response(status=429, headers={"Retry-After": "86400"})
        await node.later(DAY_MS)
        told.append(await node.tasks())
    assert told.index([(UNKNOWN, "192.0.2.0/24")]) == 2
    assert await node.sought() == []
    assert len(register.asked) <= GIVE_UP_MS // DAY_MS + 1
    assert told[-1] == [(UNKNOWN, "192.0.2.0/24")]


async def test_no_more_blocks_are_asked_about_in_a_day_than_allowed(
    node: Node, register: Register
) -> None:
    """What is left over waits for the next day and is not lost; urgent items go first."""
    node.finder = ContactFinder(
        node.store.hosters.sought, node.opened.directory, lambda: None, a_day=1
    )
    await node.hand_in(UNHOSTED)
    await node.hand_in(HERE, child_at_risk=True)
    await node.later()
    await node.later(1)
    assert register.asked == ["ip/192.0.2.7"]
    await node.later(DAY_MS)
    assert register.asked == ["ip/192.0.2.7", "ip/203.0.113.9"]


async def test_a_slow_register_holds_up_no_look_up_at_another(
    node: Node, register: Register, authority: Authority, open_with: Opener, tmp_path: Path
) -> None:
    """The other's contact is there while the slow one still thinks."""
    other = Register(authority)
    other.networks = [network("203.0.113.0", "203.0.113.255", "NET-3", holder(abuse()))]
    await other.start()
    lists = write_bootstrap(
        tmp_path / "two.json",
        {"192.0.2.0/24": [register.base], "203.0.113.0/24": [other.base]},
    )
    book = node.store.hosters.sought
    node.finder = ContactFinder(book, open_with(rdap_ipv4=lists).directory, lambda: None, a_day=500)
    register.gate = asyncio.Event()
    await node.hand_in(HERE, child_at_risk=True)
    await node.hand_in(UNHOSTED)
    working = asyncio.create_task(node.later())
    await asyncio.wait_for(other.reached.wait(), 20)
    register.gate.set()
    await working
    assert await node.sought() == []
    await other.stop()


async def test_what_nobody_knew_for_a_month_is_left_to_the_person(
    node: Node, register: Register
) -> None:
    """The register is asked no more; the task stays."""
    await node.hand_in(UNHOSTED)
    await node.later()
    await node.later(GIVE_UP_MS)
    assert await node.sought() == []
    assert await node.tasks() == [(UNKNOWN, BLOCK)]
    asked = len(register.asked)
    await node.later(GIVE_UP_MS)
    assert len(register.asked) == asked


async def test_the_own_file_is_read_again_when_it_was_replaced(
    node: Node, register: Register, tmp_path: Path
) -> None:
    """What a person wrote down because of the task ends the task, without a restart."""
    path = tmp_path / "hosters.toml"
    path.write_text("", encoding="utf-8")
    node.finder = finder_of(
        HostersSection(rdap=True, file=path), node.store.hosters.sought, node.opened,
        node.jurisdiction,
    )  # fmt: skip
    await node.hand_in(UNHOSTED)
    await node.later()
    assert await node.tasks() == [(UNKNOWN, BLOCK)]
    path.write_text(
        '[[hoster]]\nid = "own"\nname = "Own"\nranges = ["203.0.113.0/24"]\n'
        'contacts = ["desk@own.example"]\nauthor = "a"\nreason = "b"\n'
        "expires = 2099-01-01T00:00:00Z\n",
        encoding="utf-8",
    )
    await node.later(DAY_MS)
    assert await node.tasks() == [("contact_unverified", "own:own")]
