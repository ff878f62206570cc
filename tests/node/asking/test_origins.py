"""From a hidden host to the member that has it: the proxy is asked over HTTPS, its word decides."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from examples.demo.dns_server import ZoneServer
from node.asking.build import open_origins
from node.asking.origins import OriginAsker, read_origin
from node.casework.desk import Desk
from node.casework.item import Custody, ItemState, Review
from node.casework.places.hidden import ASKED, OVERDUE, WAITS
from node.casework.places.placing import Places
from node.casework.postbox import Postbox
from node.casework.reports.draft import ActionDraft, ReportDraft
from node.config.places import HostersSection
from node.config.values import OriginRef
from node.ids import Ids
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Databases
from node.jurisdiction.locate import Locator
from node.jurisdiction.names import Resolver
from node.jurisdiction.origins import (
    FIRST_PAUSE_MS,
    LOOK_AFTER_MS,
    SELDOM_MS,
    Origins,
    answered,
)
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.matching.fingerprints import Fingerprints
from node.store.errors import StoreError
from node.store.items.queries import ItemQuery
from node.store.sqlite import Store
from protocol.vocabulary import Action
from tests.builders.authority import Authority
from tests.builders.databases import write_database
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS, make_network
from tests.node.asking.conftest import BOUNDS

US = "gb-iwf"
DAY_MS = 86_400_000
POLICY = AddressPolicy(allow_documentation_ranges=True)
TOKEN = "token-of-the-tests-" + "0" * 20
PROXIES = """
built 2026-11-01T00:00:00Z
suffix site7.example veil
range 203.0.113.0/24 veil
range 2001:db8:c::/48 veil
"""


@dataclass
class Proxy:
    """A proxy's API on loopback: what it says, and what it was asked."""

    says: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a question."""
        self.asked.append((request.query["host"], request.headers.get("X-Token")))
        body = self.says if isinstance(self.says, bytes) else json.dumps(self.says).encode()
        return web.Response(body=body, status=self.status, headers=self.headers)


@dataclass
class Node:
    """A desk that places by databases, a proxy list and what the proxy says."""

    folder: Path
    section: HostersSection
    authority: Authority
    names: ZoneServer
    now: int = NOW_MS
    country: str = "NL"

    def open(self) -> None:
        """Open the store and put everything together, as after a restart."""
        registry, keys, _ = make_network([US, "nl-eokm"])
        fingerprints = Fingerprints(keys[US].fingerprint_secret)
        path, key = self.folder / "node.db", keys[US].database_key
        if not path.exists():
            empty_store(path, key)
        self.store = Store.inline(path, key, US, fingerprints)
        self.origins = Origins([one.provider for one in self.section.origins])
        rows = {"192.0.2.0/24": {"country": self.country}, "203.0.113.0/24": {"country": "US"}}
        self.databases = Databases.open(
            [write_database(self.folder, "one", rows), write_database(self.folder, "two", rows)]
        )
        (self.folder / "proxies.txt").write_text(PROXIES, encoding="utf-8")
        proxies = ProxyList.open(ProxySource(self.folder / "proxies.txt", "proxies"))
        self.resolver = Resolver([f"127.0.0.1:{self.names.port}"], timeout_s=5.0, policy=POLICY)
        locator = Locator(self.resolver, self.databases, [proxies], origins=self.origins)
        self.asker: OriginAsker = open_origins(
            self.section,
            self.origins,
            self.store.origins,
            POLICY,
            locator.forget,
            bounds=BOUNDS,
            context=self.authority.client,
        )
        self.desk = Desk(
            store=self.store.cases,
            queries=self.store.queries,
            registry=lambda: registry,
            places=Places(locator, None, self.origins),
            fingerprints=fingerprints,
            postbox=Postbox(keys[US].node_secret),
            ids=Ids(US),
            clock=lambda: self.now,
            wake_delivery=lambda: None,
        )

    async def close(self) -> None:
        """Close everything."""
        await self.asker.close()
        await self.resolver.close()
        self.databases.close()
        await self.store.close()

    async def hand_in(self, url: str = "https://shop.site7.example/a.jpg") -> None:
        """Hand in a report, and place it."""
        draft = {"source": "public", "reference": url, "items": [{"url": url}]}
        await self.desk.submit([msgspec.convert(draft, ReportDraft)], actor="tests")
        await self.place()

    async def place(self) -> None:
        """Place what is due, until all of it has its place."""
        while (
            await self.desk.locate_due() or (await self.store.queries.figures())["items_locating"]
        ):
            pass

    async def later(self, ms: int) -> ItemState:
        """Let time go by, ask and place what is due; return the item."""
        self.now += ms
        await self.asker.work_due(self.now)
        await self.place()
        (state,) = await self.store.queries.items(ItemQuery())
        return state


@pytest.fixture
async def proxy(authority: Authority) -> AsyncIterator[Proxy]:
    """Give a proxy's API that answers."""
    made = Proxy()
    app = web.Application()
    app.router.add_get("/origin", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def node(tmp_path: Path, proxy: Proxy, authority: Authority) -> AsyncIterator[Node]:
    """Give a node in GB that may ask `proxy`."""
    veiled = [{"type": "A", "ttl": 3600, "data": "203.0.113.5"}]
    zone = {"shop.site7.example": veiled}
    (tmp_path / "zone.json").write_text(json.dumps(zone), encoding="utf-8")
    names = ZoneServer(tmp_path / "zone.json")
    await names.start()
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    url = f"https://127.0.0.1:{proxy.port}/origin?host={{host}}"
    headers = (("X-Token", f"file:{tmp_path / 'token'}"),)
    section = HostersSection(origins=(OriginRef("veil", url, headers),), origin_days=7)
    made = Node(tmp_path, section, authority, names)
    made.open()
    yield made
    await made.close()
    await names.stop()


async def test_a_hidden_item_is_here_and_waits_visibly(node: Node, proxy: Proxy) -> None:
    """We are responsible meanwhile; the question has an age, the proxy is named by a task."""
    await node.hand_in()
    state = await node.later(0)
    assert (state.custody, state.responsible) == (Custody.HERE, US)
    assert state.jurisdiction is not None
    assert state.jurisdiction.state == "hidden"
    assert state.due_ms == NOW_MS + LOOK_AFTER_MS
    assert proxy.asked == [("shop.site7.example", TOKEN)]
    (question,) = await node.store.origins.questions()
    assert (question.waits, question.asked_ms, question.problem) == (True, NOW_MS, "no_origin")
    tasks = [one[:2] for one in await node.store.queries.tasks()]
    assert tasks == [("origin_unanswered", "veil")]


async def test_the_answer_moves_the_item_to_whom_it_belongs(node: Node, proxy: Proxy) -> None:
    """Located again by the databases' vote on the origin; all of it is evidence."""
    proxy.says = {"originIPv4": "192.0.2.7"}
    await node.hand_in()
    state = await node.later(LOOK_AFTER_MS)
    assert (state.custody, state.responsible) == (Custody.HANDED_ON, "nl-eokm")
    assert state.jurisdiction is not None
    assert (state.jurisdiction.country, state.jurisdiction.confidence) == ("NL", "high")
    told = {(one.source, one.input) for one in state.jurisdiction.evidence}
    assert ("origin:veil", "shop.site7.example at 192.0.2.7") in told
    assert any(one.source == "proxies" for one in state.jurisdiction.evidence)
    assert await node.store.queries.tasks() == []


@pytest.mark.parametrize(
    ("literal", "asked"), [("203.0.113.5", "203.0.113.5"), ("[2001:db8:c::5]", "2001:db8:c::5")]
)
async def test_a_bare_address_behind_a_proxy_is_asked_about_as_well(
    node: Node, proxy: Proxy, literal: str, asked: str
) -> None:
    """Reports name addresses, too; without a question the item would stay hidden for ever."""
    await node.hand_in(f"https://{literal}/a.jpg")
    proxy.says = {"addresses": ["192.0.2.7"]}
    await node.later(0)
    state = await node.later(LOOK_AFTER_MS)
    assert [host for host, _ in proxy.asked] == [asked]
    assert (state.custody, state.responsible) == (Custody.HANDED_ON, "nl-eokm")
    assert state.jurisdiction is not None
    assert any(one.source == "origin:veil" for one in state.jurisdiction.evidence)


async def test_an_origin_at_home_lets_it_stay(node: Node, proxy: Proxy) -> None:
    """And nothing is asked or located again."""
    proxy.says = {"addresses": ["192.0.2.7"]}
    await node.close()
    node.country = "GB"
    node.open()
    await node.hand_in()
    state = await node.later(LOOK_AFTER_MS)
    assert (state.custody, state.country, state.due_ms) == (Custody.HERE, "GB", None)


async def test_it_is_asked_again_until_it_is_answered(node: Node, proxy: Proxy) -> None:
    """Less and less often; the item moves as soon as there is an answer."""
    await node.hand_in()
    await node.later(0)
    await node.later(FIRST_PAUSE_MS - 1)
    assert len(proxy.asked) == 1
    proxy.says = {"originIPv6": [], "originIPv4": ["192.0.2.7"]}
    await node.later(1 + LOOK_AFTER_MS)
    assert len(proxy.asked) == 2
    assert (await node.later(2 * LOOK_AFTER_MS)).custody is Custody.HANDED_ON


async def test_the_answer_is_kept_and_asked_for_again_when_it_is_old(
    node: Node, proxy: Proxy
) -> None:
    """Also across a restart; the next item from the host needs no question meanwhile."""
    proxy.says = {"addresses": "192.0.2.7"}
    await node.hand_in()
    await node.later(LOOK_AFTER_MS)
    await node.close()
    node.open()
    await node.asker.work_due(node.now)
    await node.hand_in("https://shop.site7.example/b.jpg")
    states = await node.store.queries.items(ItemQuery())
    assert [one.custody for one in states] == [Custody.HANDED_ON, Custody.HANDED_ON]
    assert len(proxy.asked) == 1
    node.now += 7 * DAY_MS
    await node.hand_in("https://shop.site7.example/c.jpg")
    await node.asker.work_due(node.now)
    assert len(proxy.asked) == 2


async def test_an_answer_that_could_not_be_kept_is_kept_the_next_time(
    node: Node, proxy: Proxy
) -> None:
    """It does not change again: nothing else would write it before a restart loses it."""
    proxy.says = {"addresses": "192.0.2.7"}
    await node.hand_in()
    await node.store.writer.close()
    with pytest.raises(StoreError):
        await node.asker.work_due(node.now)
    await node.close()
    origins = node.origins
    node.open()
    node.asker = open_origins(
        node.section, origins, node.store.origins, POLICY, lambda _: None, bounds=BOUNDS
    )
    await node.asker.work_due(node.now)
    (question,) = await node.store.origins.questions()
    assert question.addresses == ("192.0.2.7",)
    assert len(proxy.asked) == 1


async def test_an_origin_behind_a_proxy_again_stays_hidden(node: Node, proxy: Proxy) -> None:
    """Its word leads nowhere: the item waits on."""
    proxy.says = {"addresses": "203.0.113.9"}
    await node.hand_in()
    state = await node.later(LOOK_AFTER_MS)
    assert state.custody is Custody.HERE
    assert state.jurisdiction is not None
    assert state.jurisdiction.state == "hidden"


@pytest.fixture
async def people(node: Node) -> Node:
    """Give the same node without an interface of the proxy: people ask it."""
    await node.close()
    node.section = HostersSection(origin_days=7)
    node.open()
    return node


def asked_line(state: ItemState) -> tuple[str, str, str | None]:
    """Return what the evidence says of the question: input, how it stands, whom it is asked."""
    assert state.jurisdiction is not None
    (line,) = [one for one in state.jurisdiction.evidence if one.source == ASKED]
    return line.input, line.version, line.answer


async def test_a_proxy_that_people_ask_has_its_question_with_an_age(people: Node) -> None:
    """The item says who is asked since when, a task names the proxy, and nobody is called."""
    await people.hand_in()
    state = await people.later(0)
    told, stands, proxy = asked_line(state)
    assert told.startswith("shop.site7.example since 20")
    assert (stands, proxy) == (WAITS, "veil")
    assert state.due_ms == NOW_MS + SELDOM_MS
    (question,) = await people.store.origins.questions()
    assert (question.waits, question.by_hand, question.asked_ms) == (True, True, NOW_MS)
    assert [one[:2] for one in await people.store.queries.tasks()] == [("origin_to_ask", "veil")]


async def test_at_the_deadline_it_stands_before_a_person_once(people: Node) -> None:
    """Of the member that has it; who has dealt with it is not asked every half a day."""
    await people.hand_in()
    await people.later(0)
    for _ in range(5):
        state = await people.later(SELDOM_MS)
        assert state.reviews == ()
    state = await people.later(SELDOM_MS)
    assert state.reviews == (Review.ORIGIN_UNKNOWN,)
    assert asked_line(state)[1] == OVERDUE
    await people.desk.act(state.id, ActionDraft(action=Action.HOST_CLAIMED), actor="tests")
    assert (await people.later(SELDOM_MS)).reviews == ()


async def test_what_a_person_was_told_moves_the_item(people: Node) -> None:
    """Within one step of the loop, though the item was to wait for half a day."""
    await people.hand_in()
    state = await people.later(0)
    (question,) = await people.store.origins.questions()
    told = answered(question, ["192.0.2.7"], POLICY, people.now, DAY_MS)
    told = msgspec.structs.replace(told, told_by="analyst-7")
    await people.store.origins.tell(told, people.now)
    people.asker.on_told = people.desk.locating.behind
    state = await people.later(1000)
    assert (state.custody, state.responsible) == (Custody.HANDED_ON, "nl-eokm")
    assert state.reviews == ()
    assert await people.store.queries.tasks() == []


async def test_what_a_person_was_told_is_heard_once_its_items_are_due(people: Node) -> None:
    """A process that dies before that hears it again."""
    await people.hand_in()
    await people.later(0)
    (question,) = await people.store.origins.questions()
    told = answered(question, ["192.0.2.7"], POLICY, people.now, DAY_MS)
    await people.store.origins.tell(msgspec.structs.replace(told, told_by="analyst-7"), people.now)

    async def dies(hosts: Collection[str]) -> None:
        raise StoreError(str(len(hosts)))

    people.asker.on_told = dies
    with pytest.raises(StoreError):
        await people.asker.work_due(people.now)
    await people.close()
    people.open()
    people.asker.on_told = people.desk.locating.behind
    assert (await people.later(1000)).custody is Custody.HANDED_ON


async def test_items_of_other_hosts_are_left_alone(people: Node) -> None:
    """Of those nobody was told anything."""
    await people.hand_in("https://203.0.113.5/b.jpg")
    state = await people.later(0)
    await people.desk.locating.behind(["shop.site7.example"])
    (now,) = await people.store.queries.items(ItemQuery())
    assert now == state


@pytest.mark.parametrize(
    ("status", "says", "headers", "problem"),
    [
        (200, {"addresses": ["10.0.0.1"]}, {}, "no_origin"),
        (200, b"<html>", {}, "no_origin"),
        (200, b"0" * (1 << 17), {}, "answer_too_large"),
        (202, {}, {}, "no_origin"),
        (404, {}, {}, "no_origin"),
        (403, {}, {}, "refused"),
        (302, {}, {"Location": "https://127.0.0.1:1/"}, "led_away"),
        (429, {}, {"Retry-After": "3600"}, "put_off"),
    ],
)
async def test_what_is_no_answer_is_a_failure_with_its_code(
    node: Node, proxy: Proxy, status: int, says: Any, headers: dict[str, str], problem: str
) -> None:
    """Internal addresses, other pages, redirects, refusals: the item waits on."""
    proxy.status, proxy.says, proxy.headers = status, says, headers
    await node.hand_in()
    state = await node.later(LOOK_AFTER_MS)
    assert state.custody is Custody.HERE
    (question,) = await node.store.origins.questions()
    assert (question.waits, question.problem) == (True, problem)
    if status == 429:
        assert question.next_ms == node.now + 3_600_000


async def test_an_item_that_ended_while_it_waited_is_left_alone(node: Node, proxy: Proxy) -> None:
    """It was removed; the answer comes too late."""
    await node.hand_in()
    state = await node.later(0)
    await node.desk.act(state.id, ActionDraft(action=Action.REMOVED), actor="tests")
    proxy.says = {"addresses": "192.0.2.7"}
    state = await node.later(FIRST_PAUSE_MS + LOOK_AFTER_MS)
    assert (state.custody, state.due_ms) == (Custody.HERE, None)


def test_an_answer_is_read_in_the_forms_in_use() -> None:
    """Text or lists; anything else is passed over."""
    body = b'{"originIPv4": "192.0.2.7", "originIPv6": ["2001:db8::1", 7], "addresses": null}'
    assert read_origin(body) == ("192.0.2.7", "2001:db8::1")
    assert read_origin(b"[") == read_origin(b"[]") == read_origin(b"\xff") == ()
