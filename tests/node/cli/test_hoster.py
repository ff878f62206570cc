"""`hotline hoster`: who hosts a place, whom to tell, and a person's word on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.demo.dns_server import ZoneServer
from node.app import build
from node.asking.build import open_directory
from node.cli.exits import Exit
from node.cli.hoster import hoster_book
from node.cli.main import run
from node.config import Config, load
from node.config.edit import change_file
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.origins import Question
from node.jurisdiction.sought import Sought
from node.jurisdiction.watching import WatchList
from tests.builders.authority import make_authority
from tests.builders.databases import write_database
from tests.builders.registers import (
    ASSIGNED,
    Register,
    abuse,
    holder,
    network,
    write_bootstrap,
)
from tests.node.cli.conftest import Typing

KEY = "ORG-FH1-EXAMPLE"
ABUSE = "abuse@fast.example"
DAY_MS = 86_400_000


@pytest.fixture
async def register(
    member: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Register]:
    """Give a register that knows Fast Hosting at 192.0.2.0/24, and have this node ask it."""
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    made = Register(authority)
    made.networks = [network("192.0.2.0", "192.0.2.255", "NET-1", holder(abuse()))]
    await made.start()
    lists = write_bootstrap(tmp_path / "ipv4.json", {"192.0.0.0/8": [made.base]})
    change_file(member.source, "hosters", {"rdap": True, "rdap_ipv4": str(lists)})
    row = {"autonomous_system_number": 64500, "autonomous_system_organization": "FAST-NET"}
    networks = write_database(tmp_path, "asn", {"192.0.2.0/24": row}).path
    trial = {"allow_documentation_ranges": True, "asn_database": str(networks)}
    change_file(member.source, "jurisdiction", trial)
    yield made
    await made.stop()


async def test_it_shows_hoster_range_network_and_contact(typed: Typing, register: Register) -> None:
    """Each with who says so; a second look asks nobody."""
    code, told = await typed("hoster", "show", "http://192.0.2.7/a.jpg")
    (place,) = told["places"]
    assert code == Exit.OK
    assert (place["answered"], place["hoster"]["key"]) == ("found", KEY)
    assert (place["network"]["asn"], place["network"]["organisation"]) == (64500, "FAST-NET")
    assert (place["range"]["prefix"], place["range"]["handle"]) == ("192.0.2.0/24", "NET-1")
    (contact,) = place["hoster"]["contacts"]
    assert (contact["address"], contact["state"], contact["overdue"]) == (
        ABUSE,
        "unverified",
        False,
    )
    await typed("hoster", "show", "192.0.2.8")
    assert register.asked == ["ip/192.0.2.7"]


async def test_it_follows_redirects_where_the_node_does(typed: Typing, register: Register) -> None:
    """Else it would name who hosts the shortener; here the way ends at once, and says why."""
    own = {"follow_redirects": True, "own_ranges": ["192.0.2.0/24"]}
    change_file(typed.config.source, "jurisdiction", own)
    _, told = await typed("hoster", "show", "http://192.0.2.7/a.jpg")
    assert [(one["host"], one["problem"]) for one in told["hops"]] == [("192.0.2.7", "own_address")]
    assert (told["leads_to"], register.asked) == (None, ["ip/192.0.2.7"])


async def test_address_of_a_proxy_beside_others_is_named_as_one(
    typed: Typing, register: Register, tmp_path: Path
) -> None:
    """Its owner hosts nothing there: he is notified as a proxy."""
    records = [{"type": "A", "ttl": 60, "data": one} for one in ("192.0.2.7", "192.0.2.200")]
    (tmp_path / "zone.json").write_text(json.dumps({"half.example": records}), encoding="utf-8")
    proxies = "built 2026-11-01T00:00:00Z\nrange 192.0.2.128/25 veil\n"
    (tmp_path / "proxies.txt").write_text(proxies, encoding="utf-8")
    names = ZoneServer(tmp_path / "zone.json")
    await names.start()
    asked = {"resolvers": [f"127.0.0.1:{names.port}"], "proxy_list": str(tmp_path / "proxies.txt")}
    change_file(typed.config.source, "jurisdiction", asked)
    _, told = await typed("hoster", "show", "http://half.example/")
    await names.stop()
    named = [(one["address"], one["proxy"]) for one in told["places"]]
    assert named == [("192.0.2.200", "veil"), ("192.0.2.7", None)]
    assert register.asked


async def test_the_text_says_the_same(
    typed: Typing, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people."""
    await typed("hoster", "show", "192.0.2.7")
    register.asked.clear()
    await asyncio.to_thread(run, ["hoster", "show", "192.0.2.7", "-c", str(typed.config.source)])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"hoster {KEY} Fast Hosting B.V." in lines
    assert "network AS64500 FAST-NET" in lines
    assert any(line.startswith(f"contact {ABUSE} unverified, due in") for line in lines)


async def test_a_person_verifies_a_contact(typed: Typing, register: Register) -> None:
    """Until then it waits visibly: in the list, in status, as a task; then nothing waits."""
    await typed("hoster", "show", "192.0.2.7")
    _, status = await typed("status")
    assert status["contacts"]["unverified"] == 1
    assert [(one["code"], one["subject"]) for one in status["tasks"]] == [
        ("contact_unverified", KEY)
    ]
    code, told = await typed("hoster", "verify", KEY, "Abuse@FAST.example".lower(), "--by", "a-7")
    assert (code, told["standing"]) == (Exit.OK, "verified")
    _, listed = await typed("hoster", "contacts")
    (contact,) = listed["hosters"][0]["contacts"]
    assert (contact["state"], contact["decided_by"]) == ("verified", "a-7")
    _, status = await typed("status")
    assert (status["contacts"]["verified"], status["tasks"]) == (1, [])
    assert len(register.asked) == 1


async def test_a_hoster_whose_handle_is_a_range_is_verified_too(
    typed: Typing, register: Register
) -> None:
    """So all networks without an organisation have it, but ARIN's."""
    register.networks = [ASSIGNED]
    _, shown = await typed("hoster", "show", "192.0.2.7")
    key = shown["places"][0]["hoster"]["key"]
    assert key == "192.0.2.0 - 192.0.2.255"
    code, told = await typed("hoster", "verify", key, ABUSE, "--by", "a-7")
    assert (code, told["standing"]) == (Exit.OK, "verified")
    _, status = await typed("status")
    assert status["tasks"] == []


async def test_a_refused_contact_leaves_an_unknown_one(typed: Typing, register: Register) -> None:
    """A state, and a task; not a blank."""
    await typed("hoster", "show", "192.0.2.7")
    _, told = await typed("hoster", "verify", KEY, ABUSE, "--by", "a-7", "--refuse")
    assert told["standing"] == "unknown_contact"
    _, status = await typed("status")
    assert [one["code"] for one in status["tasks"]] == ["contact_unknown"]
    assert len(register.asked) == 1


async def test_doctor_alarms_past_the_deadline(typed: Typing, register: Register) -> None:
    """The deadline is the configuration's; here a contact found by a clock far behind."""
    policy = AddressPolicy(allow_documentation_ranges=True)
    config = load(typed.config.source)
    with hoster_book(config) as book:
        opened = open_directory(config.hosters, book, WatchList(), policy)
        await opened.directory.find("192.0.2.7", DAY_MS)
        await opened.close()
    _, told = await typed("doctor")
    found = {one["code"]: one for one in told["findings"] if one["check"] == "contacts"}
    assert found["contact_overdue"]["severity"] == "warning"
    assert ABUSE not in str(told)
    assert "fast.example" not in str(told)
    assert len(register.asked) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((KEY, "nobody@fast.example", "--by", "a-7"), "unknown_contact"),
        (("NOBODY", ABUSE, "--by", "a-7"), "unknown_contact"),
        ((KEY, ABUSE, "--by", "A Person"), "bad_pseudonym"),
    ],
)
async def test_nobody_verifies_what_is_not_there(
    typed: Typing, words: tuple[str, ...], code: str
) -> None:
    """Nor without a pseudonym."""
    exit_code, told = await typed("hoster", "verify", *words)
    assert (exit_code, told["error"]["code"]) == (Exit.REFUSED, code)


async def test_registers_are_off_and_special_addresses_refused(typed: Typing) -> None:
    """A new node asks nobody; inner addresses never get as far."""
    trial = {"allow_documentation_ranges": True}
    change_file(typed.config.source, "jurisdiction", trial)
    _, told = await typed("hoster", "show", "192.0.2.7")
    assert [one["answered"] for one in told["places"]] == ["not_asked"]
    assert told["places"][0]["standing"] == "unknown_contact"
    code, told = await typed("hoster", "show", "http://10.0.0.1/")
    assert (code, told["refused"]["name"]) == (Exit.INPUT, "private")
    _, told = await typed("hoster", "contacts")
    assert told["hosters"] == []


async def test_questions_to_proxies_are_listed_and_counted(joined: Typing, tmp_path: Path) -> None:
    """What waits longest comes first; a node of this configuration works at them."""
    (tmp_path / "token").write_text("t" * 32, encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    with joined.config.source.open("a", encoding="utf-8") as file:
        file.write('[[hosters.origins]]\nprovider = "veil"\n')
        file.write('url = "https://127.0.0.1:9/origin?host={host}"\n')
        file.write(f'headers = {{X-Token = "file:{tmp_path / "token"}"}}\n')
    node = build(load(joined.config.source))
    waits = Question("shop.site7.example", "veil", DAY_MS, DAY_MS)
    told = Question("a.site7.example", "veil", 0, 0, 0, None, ("192.0.2.7",), 1, 2)
    await node.store.origins.keep([told, waits], {"veil": 1}, DAY_MS)
    assert node.asking.asker is not None
    await node.asking.asker.work_due(DAY_MS)
    await node.asking.close()
    await node.jurisdiction.close()
    await node.transport.close()
    await node.store.close()
    _, listed = await joined("hoster", "origins")
    assert [(one["host"], one["waits"]) for one in listed["origins"]] == [
        ("shop.site7.example", True),
        ("a.site7.example", False),
    ]
    assert listed["origins"][0]["problem"] == "nobody_answers"
    _, status = await joined("status")
    assert status["origins"] == {"waiting": 1, "oldest_ms": DAY_MS}


async def test_a_look_ends_the_task_that_nobody_is_known_there(
    typed: Typing, register: Register
) -> None:
    """Whoever found out and wrote it down looks once more: then it is over."""
    waits = Sought("192.0.2.0/24", "192.0.2.7", 1, 0, 1 << 60, 3, "failed")
    with hoster_book(typed.config) as book:
        await book.sought.settle(waits, waits, 0)
    _, status = await typed("status")
    assert status["sought"] == {"blocks": 1, "oldest_ms": 0}
    assert [one["code"] for one in status["tasks"]] == ["hoster_unknown"]
    await typed("hoster", "show", "192.0.2.9")
    _, status = await typed("status")
    assert status["sought"]["blocks"] == 0
    assert [one["code"] for one in status["tasks"]] == ["contact_unverified"]


async def test_how_old_a_look_may_be_is_what_the_operator_says(joined: Typing) -> None:
    """The desk that is built by a configuration goes by it."""
    change_file(joined.config.source, "jurisdiction", {"locate_again_hours": 3})
    node = build(load(joined.config.source))
    await node.jurisdiction.close()
    await node.transport.close()
    await node.store.close()
    assert node.desk.locating.fresh_ms == 3 * 3_600_000


async def test_what_people_were_told_reaches_the_desk_and_questions_have_their_deadline(
    joined: Typing,
) -> None:
    """Of a node that is built by a configuration which names no proxy to ask."""
    change_file(joined.config.source, "hosters", {"origin_hours": 5})
    node = build(load(joined.config.source))
    await node.asking.close()
    await node.jurisdiction.close()
    await node.transport.close()
    await node.store.close()
    assert node.asking.asker is not None
    assert node.asking.asker.on_told == node.desk.locating.behind
    assert node.jurisdiction.origins is not None
    question = Question("shop.site7.example", "veil", 0, 0)
    late = [node.jurisdiction.origins.is_overdue(question, hours * 3_600_000) for hours in (4, 5)]
    assert late == [False, True]
