"""`hotline hashcheck`: keys, complaints, and asking about files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.hashcheck import Said, complaints, laid_out
from node.config.edit import change_file
from node.hashcheck.contract import ComplaintState, Contract, Hit, Key, Scope, Why
from node.matching.fingerprints import Fingerprints
from node.store.beside import writing
from node.store.contents.hashcheck import HashChecks
from tests.builders.cases import file as some_file
from tests.builders.network import NOW_MS
from tests.node.cli.test_token import lossy_line

Typed = Any
AiohttpServer = Callable[..., Awaitable[TestServer]]
WROTE = "a stock picture"
LOST = "UPDATE idempotency SET status = NULL, content_type = NULL, response = NULL"
CREATE = ("hashcheck", "key", "create", "--hoster", "pics", "--ends", "2099-12-31")


async def test_life_of_a_key(running: Typed) -> None:
    """Shown once, listed without its secret, revoked."""
    more = ("--source", "own", "--source", "list:stock", "--near-per-day", "5")
    code, made = await running(*CREATE, *more, "--scope", "check")
    assert (code, made["key"][:3]) == (Exit.OK, "hk_")
    assert (made["sources"], made["scopes"]) == (["list:stock", "own"], ["check"])
    assert (made["near_per_day"], made["per_minute"]) == (5, 60_000)
    assert made["ends"] == "2099-12-31T23:59:59Z"
    code, shown = await running("hashcheck", "key", "list")
    assert (code, [one["key_id"] for one in shown["keys"]]) == (Exit.OK, [made["key_id"]])
    assert "key" not in shown["keys"][0]
    code, after = await running("hashcheck", "key", "revoke", made["key_id"])
    assert (code, "revoked" in after) == (Exit.OK, True)
    code, shown = await running("hashcheck", "key", "revoke", "0" * 16)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "unknown_key")


async def test_source_by_which_nothing_is_answered_is_named(running: Typed, tmp_path: Path) -> None:
    """A misspelled list would answer a company `none` for as long as its contract lasts."""
    file = tmp_path / "a.csv"
    file.write_text("md5;category\n" + "ab" * 16 + ";1\n")
    of_industry = ("--provenance", "industry")
    await running("list", "import", file, "--list", "stock", *of_industry, "--may-share")
    await running("list", "import", file, "--list", "ours", *of_industry)
    idle = (*of_industry, "--may-share", "--may-not-use")
    await running("list", "import", file, "--list", "idle", *idle)
    lists = ("stock", "ours", "idle", "stok")
    named = [word for one in lists for word in ("--source", f"list:{one}")]
    code, made = await running(*CREATE, "--source", "own", *named)
    assert (code, made["silent"]) == (Exit.OK, ["list:ours", "list:idle", "list:stok"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--ends", "2001-01-01"), "bad_time"),
        (("--source", "police"), "invalid_value"),
        (("--hoster", "Pics Ltd"), "invalid_value"),
    ],
)
async def test_a_contract_that_makes_no_sense_is_refused(
    running: Typed, more: tuple[str, str], code: str
) -> None:
    """By the field's name."""
    found, shown = await running(*CREATE, *more)
    assert (found, shown["error"]["code"]) == (Exit.INPUT, code)


async def test_a_day_that_the_calendar_does_not_have_is_told_what_to_write(running: Typed) -> None:
    """Not what the program calls its type."""
    _, shown = await running(*CREATE, "--ends", "2027-02-30")
    assert shown["error"]["message"].startswith("ends: must be a time that there is")


async def test_complaints_are_listed_and_decided(running: Typed) -> None:
    """A decision has a reason; what does not exist is not decided."""
    code, shown = await running("hashcheck", "complaints")
    assert (code, shown) == (Exit.OK, {"complaints": []})
    nobody = "gb-iwf." + "0" * 26
    code, shown = await running("hashcheck", "complaints", "--uphold", nobody)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    why = ("--reason", "stock", "--by", "anna")
    for word in ("--uphold", "--reject"):
        code, shown = await running("hashcheck", "complaints", word, nobody, *why)
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "unknown_complaint")


async def complained(running: Typed) -> str:
    """Give a complaint of a company about one of the node's own files."""
    config, asked = running.config, some_file(1)
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    contract = Contract("pics", tuple(Scope), ("own",), 9, 9, 9, 9)
    key, found = Key(bytes(32), contract, NOW_MS, NOW_MS + 1), Hit(asked, (asked,), ())
    name = "gb-iwf." + "0" * 26
    with writing(config.store.path, keys.database_key) as store:
        kept = HashChecks(store.writer, store.readers, Fingerprints(keys.fingerprint_secret))
        await kept.add_key(key)
        await kept.keep_hits(key.key_sha256, [(name, found)], NOW_MS)
        state = ComplaintState("pics", key.key_id, Why.OTHER_FILE, WROTE, found)
        await kept.complain(key, name, name, state, NOW_MS)
    return name


async def test_a_person_who_lists_complaints_reads_what_the_company_wrote(running: Typed) -> None:
    """Without `--json`, too."""
    name, nothing = await complained(running), Said(None, None, None, None)
    told = await asyncio.to_thread(complaints, running.config.source, nothing, everything=False)
    assert f"{name} pics: {WROTE}" in told.text.splitlines()


async def test_word_that_was_overruled_before_its_answer_came_is_not_said_to_stand(
    running: Typed,
) -> None:
    """Its node ended before it kept the answer; a colleague spoke before it was asked for again."""
    config, name = running.config, await complained(running)
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))

    async def decide(said: Said) -> str:
        done = await asyncio.to_thread(complaints, config.source, said, everything=False)
        return done.text

    async def overruled(answers: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await answers.read(1)
        with writing(config.store.path, keys.database_key) as store:
            store.write(lambda c: c.execute(LOST))
        assert "is rejected" in await decide(Said(None, name, "it is ours", "bert"))

    async with lossy_line(config.api.listen_port, overruled) as port:
        change_file(config.source, "api", {"listen_port": port})
        text = await decide(Said(name, None, "another file", "anna"))
    assert "is rejected" in text
    assert "answered none" not in text


def test_who_decides_reads_what_the_company_wrote() -> None:
    """And what was decided before, why, by whom; nothing of it moves the cursor."""
    made = {
        "decision": "reject",
        "by": "bert",
        "reason": "seen again",
        "at": "2026-11-02T10:00:00Z",
    }
    one = {
        "complaint_id": "gb-iwf." + "0" * 26,
        "status": "open",
        "hoster": "pics",
        "why": "other_file",
        "opened": "2026-11-01T10:00:00Z",
        "found": ["list:stock/1"],
        "text": "a stock picture\x1b[2J",
        "decisions": [made],
    }
    *_, said, decided = laid_out([one]).splitlines()
    assert said.endswith("pics: a stock picture\\u001b[2J")
    assert decided.endswith("reject at 2026-11-02T10:00:00Z by bert: seen again")


async def test_send_tells_each_file(
    running: Typed, aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    """Hashes go out, names do not; what needs a person shows in the exit code."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(await request.text())
        hit = {"answer": "hit", "reference": "gb-iwf." + "0" * 26}
        return web.json_response({"answers": [hit, {"answer": "none"}]})

    app = web.Application()
    app.router.add_post("/hashcheck/v1/check", answer)
    server = await aiohttp_server(app)
    key = tmp_path / "key"
    key.write_text("hk_x\n")
    key.chmod(0o600)
    files = [tmp_path / "first.bin", tmp_path / "second.bin"]
    for file in files:
        file.write_text(file.name)
    service = ("--service", f"http://127.0.0.1:{server.port}", "--key-file", key)
    code, told = await running("hashcheck", "send", *files, tmp_path / "missing", *service)
    assert code == Exit.PROBLEM
    assert [one.get("answer") for one in told["files"]] == ["hit", "none", None]
    assert "reference" in told["files"][0]
    assert "first" not in seen[0]
    assert "sha256" in seen[0]


@pytest.mark.parametrize(
    "address", ["http://hotline.example", "ftp://127.0.0.1", "https://a/b", "x"]
)
async def test_send_goes_over_tls_alone(running: Typed, tmp_path: Path, address: str) -> None:
    """Plain HTTP only to this machine."""
    key = tmp_path / "key"
    key.write_text("hk_x\n")
    key.chmod(0o600)
    to = ("--service", address, "--key-file", key)
    code, shown = await running("hashcheck", "send", key, *to)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")


DEEP = '{"answers":' + "[" * 100_000
FORGED = '{"answers":[{"answer":"none\\u001b[2J"}]}'
NO_WORD = '{"answers":[{"answer":"maybe"}]}'
NO_REFERENCE = '{"answers":[{"answer":"hit","reference":"call 0900"}]}'


@pytest.mark.parametrize(
    "said",
    [
        DEEP, "[" * 100_000, "{", "null", "[]", "{}", '{"answers":7}', '{"answers":[]}',
        '{"answers":["hit"]}', '{"answers":[{}]}', '{"answers":[{"answer":7}]}', FORGED,
        NO_WORD, NO_REFERENCE, '{"answers":"x"}', '{"answers":{"a":1}}',
        '{"answers":[{"answer":"hit","reference":["a"]}]}', '{"answers":[{"answer":["hit"]}]}',
        '{"answers":[{"answer":"none"},{"answer":"none"}]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 500])
async def test_attack_what_answers_like_no_service_is_told_in_words(
    running: Typed, aiohttp_server: AiohttpServer, tmp_path: Path, said: str, status: int
) -> None:
    """A proxy, a captive portal or somebody hostile: never a fault of ours, nor a false "none"."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=said, status=status, content_type="application/json")

    app = web.Application()
    app.router.add_post("/hashcheck/v1/check", answer)
    server = await aiohttp_server(app)
    key = tmp_path / "key"
    key.write_text("hk_x\n")
    key.chmod(0o600)
    service = ("--service", f"http://127.0.0.1:{server.port}", "--key-file", key)
    code, told = await running("hashcheck", "send", key, *service)
    assert told["error"]["code"] == "no_answer"
    assert code == (Exit.UNREACHABLE if status == 200 else Exit.INTERNAL)


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (200, {"answers": [{"answer": "none", "file": "EVIL", "error": "EVIL"}]}, None),
        (429, {"code": "quota_spent", "field": "EVIL", "detail": "EVIL"}, "quota_spent"),
        (429, {"code": "EVIL", "detail": "x"}, "no_answer"),
    ],
)
async def test_attack_a_service_writes_nothing_of_its_own_here(
    running: Typed,
    aiohttp_server: AiohttpServer,
    tmp_path: Path,
    status: int,
    said: dict[str, object],
    code: str | None,
) -> None:
    """Neither another file's name nor words that somebody would follow."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(said, status=status)

    app = web.Application()
    app.router.add_post("/hashcheck/v1/check", answer)
    server = await aiohttp_server(app)
    key = tmp_path / "key"
    key.write_text("hk_x\n")
    key.chmod(0o600)
    service = ("--service", f"http://127.0.0.1:{server.port}", "--key-file", key)
    _, told = await running("hashcheck", "send", key, *service)
    assert "EVIL" not in str(told)
    assert (told["error"]["code"] if code else told["files"][0]["file"]) == (code or str(key))
