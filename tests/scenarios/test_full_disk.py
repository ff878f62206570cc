"""Real nodes whose disk takes nothing more: they say so, keep what they have, and go on.

The system refuses to let any file of the process grow (`RLIMIT_FSIZE`), as a full disk does; there
is room again as soon as the limit is lifted, without a restart.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.pair import Pair, report, running_pair, wait_for
from examples.demo.members import Member

pytestmark = pytest.mark.long

ITEMS = 3000
ROOM_BYTES = 200_000
"""What the files may still grow: less than a tenth of what is handed in."""


@contextmanager
def full_disk(member: Member) -> Iterator[None]:
    """Let no file of a member's node grow much beyond what its database has."""
    assert member.running is not None
    largest = max(one.stat().st_size for one in member.folder.rglob("*") if one.is_file())
    unlimited = resource.prlimit(member.running.pid, resource.RLIMIT_FSIZE)
    limit = (largest + ROOM_BYTES, unlimited[1])
    resource.prlimit(member.running.pid, resource.RLIMIT_FSIZE, limit)
    try:
        yield
    finally:
        resource.prlimit(member.running.pid, resource.RLIMIT_FSIZE, unlimited)


async def hand_in(pair: Pair, key: str) -> tuple[int, str]:
    """Hand the same reports in under one key; gives status and answer."""
    headers = {
        "Authorization": f"Bearer {pair.sender.token}",
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": key,
    }
    body = b"".join(report(n, "full") for n in range(ITEMS))
    url = f"{pair.sender.api.url}/api/v1/reports"
    async with pair.http.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def missing(pair: Pair) -> list[str]:
    """What the sender says it lacks (`/readyz`)."""
    async with pair.http.get(f"{pair.sender.api.url}/readyz") as answer:
        return list((await answer.json())["missing"])


async def told_by_doctor(member: Member) -> list[tuple[str, str]]:
    """What the doctor says of a member's process: code and mend."""
    found = (await member.hotline("doctor", expect=(1,)))["findings"]
    return [(one["code"], one["mend"]) for one in found if one["check"] == "process"]


def told_by_log(member: Member) -> list[str]:
    """What a member's log says of whether its store takes anything."""
    assert member.running is not None
    lines = map(json.loads, member.running.log.read_text().splitlines())
    return [one["event"] for one in lines if one["event"].startswith("store_takes")]


async def channel_to(sender: Member, peer: str) -> dict[str, object]:
    """What the sender says of its reports lane to a peer."""
    peers = (await sender.hotline("peers"))["peers"]
    (found,) = [one for one in peers if one["member"] == peer]
    (reports,) = [one for one in found["channels"] if one["lane"] == "reports"]
    return dict(reports)


async def counts(pair: Pair) -> tuple[int, int]:
    """How many items either side has."""
    status = [await member.hotline("status") for member in (pair.sender, pair.receiver)]
    return status[0]["figures"]["items"], status[1]["figures"]["items"]


async def test_receiver_without_room_refuses_custody_and_gets_everything_later(
    tmp_path: Path,
) -> None:
    """No receipt without a durable entry; the sender keeps what was refused, and says why."""
    async with running_pair(tmp_path) as pair:
        before = await counts(pair)
        with full_disk(pair.receiver):
            status, _ = await hand_in(pair, "full")
            assert status == 200
            await wait_for(pair.located)
            waits = await channel_to(pair.sender, pair.receiver.id)
            while waits["problem"] is None:
                waits = await channel_to(pair.sender, pair.receiver.id)
            assert waits["unreceipted"]
            await wait_for(lambda: "store_takes_nothing" in told_by_log(pair.receiver))
            assert pair.receiver.running is not None
            assert pair.receiver.running.alive
        await wait_for(pair.answered)
        after = await counts(pair)
        assert [now - then for then, now in zip(before, after, strict=True)] == [ITEMS, ITEMS]
        assert "store_full" not in await missing(pair)
        for member in (pair.sender, pair.receiver):
            await member.hotline("verify")
        await wait_for(lambda: told_by_log(pair.receiver)[-1] == "store_takes_again")


async def test_sender_without_room_refuses_reports_and_takes_them_once_later(
    tmp_path: Path,
) -> None:
    """503 as a whole; the same request under the same key is taken when there is room, once."""
    async with running_pair(tmp_path) as pair:
        before = await counts(pair)
        with full_disk(pair.sender):
            status, text = await hand_in(pair, "full")
            assert (status, '"store_full"' in text) == (503, True), text[:300]
            assert await pair.sender.api.text("/healthz")
            assert "store_full" in await missing(pair)
            await wait_for(lambda: "store_takes_nothing" in told_by_log(pair.sender))
            assert await told_by_doctor(pair.sender) == [
                ("not_ready", "docs/errors.md, store_full; it goes on by itself, without a restart")
            ]
        for _ in range(2):
            status, text = await hand_in(pair, "full")
            assert status == 200, text[:300]
        await wait_for(pair.answered)
        after = await counts(pair)
        assert [now - then for then, now in zip(before, after, strict=True)] == [ITEMS, ITEMS]
        assert "store_full" not in await missing(pair)
        for member in (pair.sender, pair.receiver):
            await member.hotline("verify")
        await wait_for(lambda: told_by_log(pair.sender)[-1] == "store_takes_again")
