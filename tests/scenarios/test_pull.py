"""Two nodes as real processes, made by the command line; one of them cannot be called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measures import catch_up
from benchmarks.pair import Done, Pair, report, running_pair, submit_bulk, wait_for
from examples.demo.members import Member

pytestmark = pytest.mark.long

ITEMS = 1200
"""More than one full push of a network's default limits."""


async def words(member: Member, verb: str) -> str:
    """Return what a verb says in JSON, also if it found something to warn of."""
    return json.dumps(await member.hotline(verb, expect=(0, 1)))


async def check_shown(pair: Pair) -> None:
    """Check that both sides say who pulls."""
    (peer,) = (await pair.sender.hotline("peers"))["peers"]
    assert not peer["reachable"]
    assert all(one["problem"] is None for one in peer["channels"])
    assert (await pair.receiver.hotline("status"))["registry"]["pulls"]
    assert "pulls here" in await words(pair.sender, "doctor")
    assert "it pulls" in await words(pair.receiver, "doctor")


async def test_a_node_that_cannot_be_called_gets_and_answers_everything(tmp_path: Path) -> None:
    """At once while it runs, and all of it after it was away; both histories verify."""
    async with running_pair(tmp_path, reachable=False) as pair:
        since = await Done.now(pair)
        await submit_bulk(pair, [report(n, "here") for n in range(10)])
        await wait_for(pair.answered)
        await since.check(pair, 10)
        await catch_up(pair, ITEMS, "away")
        await wait_for(pair.answered)
        await check_shown(pair)
        for member in (pair.sender, pair.receiver):
            await member.hotline("verify")
