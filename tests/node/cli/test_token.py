"""`hotline token`: made once, shown once, revoked for good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from node.cli.exits import Exit
from node.config.edit import change_file

if TYPE_CHECKING:
    Typed = Any
    Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def test_token_is_shown_once_and_listed_without_secret(running: Typed) -> None:
    """The list has the first token of init and the new one; neither secret."""
    code, made = await running("token", "create", "--name", "scart", "--scope", "items:read")
    assert code == Exit.OK
    assert made["token"].startswith("hx_")
    _, listed = await running("token", "list")
    assert {token["name"] for token in listed["tokens"]} == {"hotline", "scart"}
    assert made["token"] not in str(listed)


async def test_revoked_token_stays_listed_as_revoked(running: Typed) -> None:
    """Who had access when remains known."""
    _, made = await running("token", "create", "--name", "scart", "--scope", "admin")
    code, after = await running("token", "revoke", made["token_id"])
    assert code == Exit.OK
    assert after["revoked"]


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (("create", "--name", "scart", "--scope", "everything"), Exit.INPUT, "invalid_value"),
        (("create", "--name", "A B", "--scope", "admin"), Exit.INPUT, "invalid_value"),
        (("revoke", "0000000000000000"), Exit.REFUSED, "unknown_token"),
        (("revoke", "../../x"), Exit.REFUSED, "unknown_token"),
    ],
)
async def test_refusals_carry_the_code_of_the_api(
    running: Typed, words: tuple[str, ...], exit_code: Exit, code: str
) -> None:
    """One table of codes for both faces."""
    found, shown = await running("token", *words)
    assert (found, shown["error"]["code"]) == (exit_code, code)


async def test_own_token_cannot_be_revoked_by_itself(running: Typed) -> None:
    """The command line does not lock itself out."""
    _, listed = await running("token", "list")
    found, shown = await running("token", "revoke", listed["tokens"][0]["token_id"])
    assert (found, shown["error"]["code"]) == (Exit.REFUSED, "token_in_use")


async def test_node_that_does_not_run_is_named_as_such(typed: Typed) -> None:
    """The commonest reason has an exit code of its own."""
    found, shown = await typed("token", "list")
    assert (found, shown["error"]["code"]) == (Exit.UNREACHABLE, "not_running")


@pytest.mark.parametrize("code", [None, "starting", "store_busy", "store_away", "shutting_down"])
async def test_token_whose_answer_was_lost_is_made_once_and_shown(
    running: Typed, code: str | None
) -> None:
    """Who types again has a second one, and of the first nobody knows the text.

    A node that was ended meanwhile says for a while that it starts, or that its store is away.
    """
    async with lossy_line(running.config.api.listen_port, lost, *refusing(code)) as port:
        await made_once(running, port)


async def test_token_that_may_have_been_kept_is_made_once_and_shown(running: Typed) -> None:
    """The server went away while it committed: the node itself does not know."""
    async with lossy_line(running.config.api.listen_port, *refusing("store_unsure")) as port:
        await made_once(running, port)


async def made_once(running: Typed, port: int) -> None:
    """Make a token over a line, and see that there is one of its name."""
    change_file(running.config.source, "api", {"listen_port": port})
    code, made = await running("token", "create", "--name", "scart", "--scope", "items:read")
    assert (code, made["name"]) == (Exit.OK, "scart")
    _, listed = await running("token", "list")
    assert [one["name"] for one in listed["tokens"]].count("scart") == 1


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say there what is said here, until it ends."""
    while said := await reader.read(1 << 16):
        writer.write(said)
    writer.close()


async def lost(answers: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Wait for the answer, and hand on nothing of it."""
    await answers.read(1)


def refusing(code: str | None) -> list[Answering]:
    """Say once, whatever the node answers, that it cannot just now."""
    problem = json.dumps({"code": code, "status": 503}).encode()
    head = f"HTTP/1.1 503 -\r\nContent-Length: {len(problem)}\r\nConnection: close\r\n\r\n"

    async def refuse(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers.read(1)
        writer.write(head.encode() + problem)

    return [] if code is None else [refuse]


@asynccontextmanager
async def lossy_line(port: int, *first: Answering) -> AsyncIterator[int]:
    """Give the port of a line to the node on which the first answers come otherwise, or not."""
    otherwise = list(first)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, node = await asyncio.open_connection("127.0.0.1", port)
        passing = asyncio.create_task(pass_on(reader, node))
        await (otherwise.pop(0) if otherwise else pass_on)(answers, writer)
        passing.cancel()
        node.close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


async def test_foreign_server_on_the_port_is_noticed(typed: Typed, aiohttp_server: Any) -> None:
    """Something else listens where the node should."""
    server = await aiohttp_server(web.Application())
    change_file(typed.config.source, "api", {"listen_port": server.port})
    found, shown = await typed("token", "list")
    assert (found, shown["error"]["code"]) == (Exit.REFUSED, "no_answer")


async def test_token_file_open_to_others_is_refused(typed: Typed) -> None:
    """Whoever reads it is admin."""
    typed.config.api.token_file.chmod(0o644)
    found, shown = await typed("token", "list")
    assert (found, shown["error"]["code"]) == (Exit.KEYS, "unsafe_key_file")


async def test_missing_token_file_is_a_key_problem(typed: Typed) -> None:
    """It names the file."""
    typed.config.api.token_file.unlink()
    found, shown = await typed("token", "list")
    assert (found, shown["error"]["code"]) == (Exit.KEYS, "unreadable_key")
