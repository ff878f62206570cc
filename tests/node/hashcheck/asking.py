"""Questions of a hosting company, and the words of their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from tests.builders.cases import file

if TYPE_CHECKING:
    from protocol.facts import Content

Client = TestClient[Request, Application]


PICTURE = (1 << 200) - 1


KNOWN = file(1, sha1=1, md5=1, length=50_000, pdq=PICTURE)


def entry(content: Content) -> dict[str, Any]:
    """Return an entry as it is sent."""
    shown: dict[str, Any] = {}
    for name in ("sha256", "sha1", "md5", "pdq"):
        digest = getattr(content, name)
        if digest is not None:
            shown[name] = digest.hex()
    for name in ("length", "pdq_quality"):
        if getattr(content, name) is not None:
            shown[name] = getattr(content, name)
    return shown


async def ask(client: Client, *contents: Content, **headers: str) -> list[dict[str, str]]:
    """Check contents; return the answers."""
    body = {"entries": [entry(one) for one in contents]}
    answer = await client.post("/hashcheck/v1/check", json=body, headers=headers or None)
    assert answer.status == 200, await answer.text()
    answers: list[dict[str, str]] = (await answer.json())["answers"]
    return answers


async def words(client: Client, *contents: Content) -> list[str]:
    """Check contents; return the answers' words."""
    return [one["answer"] for one in await ask(client, *contents)]
