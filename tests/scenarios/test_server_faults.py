"""R7: a server refuses a node its store, in one way after the other, and it goes on by itself.

Real processes under load. The role of the node is an ordinary one: nothing of it needs a superuser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.pair import Pair, running_pair, wait_for
from tests.builders.postgres import Cluster
from tests.scenarios.test_on_server import LINES, hand_in, items

pytestmark = pytest.mark.long

REQUESTS = 10
ROLE = "ordinary"
END = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{ROLE}'"


def ordinary_store(postgres: Cluster) -> str:
    """Make a database that an ordinary role owns; return its URL."""
    postgres.do(
        f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
    )
    url = postgres.new().url
    postgres.do(f"ALTER DATABASE {url.partition('?')[0].rpartition('/')[2]} OWNER TO {ROLE}")
    return url.replace("//hotline@", f"//{ROLE}@")


@contextmanager
def read_only(postgres: Cluster) -> Iterator[None]:
    """Whoever administers it forbids to write, since its disk is nearly full."""
    postgres.do(f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        postgres.do(f"ALTER ROLE {ROLE} RESET default_transaction_read_only")
        postgres.do(END)


@contextmanager
def no_session_left(postgres: Cluster) -> Iterator[None]:
    """Others hold all the connections that it grants."""
    postgres.do(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    try:
        yield
    finally:
        postgres.do(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


@contextmanager
def other_password(postgres: Cluster) -> Iterator[None]:
    """It wants another password than the node has."""
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    rules.write_text(f"local all {ROLE} scram-sha-256\n{before}", encoding="utf-8")
    postgres.do("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        rules.write_text(before, encoding="utf-8")
        postgres.do("SELECT pg_reload_conf()")


async def refusal(pair: Pair) -> tuple[int, str]:
    """Hand in one line until it is refused; return status and code."""
    url = f"{pair.sender.api.url}/api/v1/reports"
    headers = {"Authorization": f"Bearer {pair.sender.token}", "Idempotency-Key": "refused"}
    body = {"items": [{"url": "https://nl1.example/refused.jpg"}], "source": "public"}
    async with asyncio.timeout(20):
        while True:
            async with pair.http.post(url, json=body, headers=headers) as answer:
                if answer.status >= 500:
                    return answer.status, (await answer.json())["code"]
            await asyncio.sleep(0.05)


async def missing(pair: Pair) -> list[str]:
    """What the sender says it lacks (`/readyz`)."""
    async with pair.http.get(f"{pair.sender.api.url}/readyz") as answer:
        return list((await answer.json()).get("missing", []))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (read_only, "store_full"),
        (no_session_left, "store_away"),
        (other_password, "store_refused"),
    ],
)
async def test_r7_node_says_what_its_server_refuses_and_goes_on_by_itself(
    tmp_path: Path, postgres: Cluster, fault: object, code: str
) -> None:
    """Both nodes under a burst; nothing is lost or twice, and nobody starts anything again."""
    stores = (ordinary_store(postgres), ordinary_store(postgres))
    async with running_pair(tmp_path, stores=stores) as pair:
        before = await items(pair)
        pair.unwatch()
        burst = asyncio.create_task(hand_in(pair, requests=REQUESTS))
        while (await items(pair))[0] < before[0] + REQUESTS * LINES // 5:
            assert not burst.done()
        with fault(postgres):  # type: ignore[operator]
            postgres.do(END)
            assert await refusal(pair) == (503, code)
            await asyncio.sleep(3)
            assert await missing(pair) == [code]
            assert all(one.running and one.running.alive for one in (pair.sender, pair.receiver))
        await burst
        pair.watch()
        await wait_for(pair.answered, 0.1)
        after = await items(pair)
        arrived = [now - then for then, now in zip(before, after, strict=True)]
        assert arrived[0] - REQUESTS * LINES in {0, 1}  # whoever was refused did not ask again
        assert arrived[0] == arrived[1]
        assert await missing(pair) == []
        for member in (pair.sender, pair.receiver):
            assert (await member.hotline("verify"))["holds"]
