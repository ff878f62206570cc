"""How much a hosting company may ask, and what is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from node.hashcheck.contract import DAY_MS
from node.hashcheck.verdicts import MOST_LEADS, JudgedItems, OwnVerdicts, add_look_alikes
from node.matching.contents import PDQ_NEAR
from node.matching.near.index import NearIndex
from tests.builders.cases import US, file, item, verdict
from tests.node.hashcheck.asking import KNOWN, PICTURE, Client, ask, entry, words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from io import StringIO

    from node.casework.item import ItemState
    from node.matching.near.bands import Near
    from protocol.facts import Content
    from tests.builders.hashcheck import Service


async def test_many_pictures_that_look_alike_come_before_a_person(
    service: Service, hoster: Client
) -> None:
    """Somebody may be trying how far a picture must be changed."""
    await service.knows(1, KNOWN)
    await words(hoster, *(file(pdq=PICTURE ^ 1 << n) for n in range(5)))
    key = await service.only_key()
    tasks = await service.store.queries.tasks()
    assert [one[:2] for one in tasks] == [("hashcheck_probing", key.key_id)]
    body = {"entries": [entry(file(pdq=PICTURE))]}
    refused = await hoster.post("/hashcheck/v1/check", json=body)
    assert (refused.status, (await refused.json())["field"]) == (429, "pdq")
    assert await words(hoster, file(1)) == ["hit"]


async def test_one_request_gets_no_more_pictures_than_the_contract_permits(
    service: Service, hoster: Client
) -> None:
    """It is refused whole; a person looks, and without pictures it is answered."""
    await service.knows(1, KNOWN)
    many = [entry(file(pdq=PICTURE ^ 1 << n)) for n in range(6)]
    refused = await hoster.post("/hashcheck/v1/check", json={"entries": many})
    assert (refused.status, (await refused.json())["field"]) == (429, "pdq")
    assert [one[0] for one in await service.store.queries.tasks()] == ["hashcheck_probing"]
    again = await hoster.post("/hashcheck/v1/check", json={"entries": many[:1]})
    assert again.status == 429
    assert await words(hoster, file(1)) == ["hit"]


async def test_side_by_side_requests_get_no_more_pictures_either(
    service: Service, hoster: Client
) -> None:
    """However many are under way when the last of the quota is answered."""
    await service.knows(1, KNOWN)

    async def answered(n: int) -> int:
        body = {"entries": [entry(file(pdq=PICTURE ^ 1 << n))]}
        return (await hoster.post("/hashcheck/v1/check", json=body)).status

    statuses = await asyncio.gather(*map(answered, range(12)))
    assert sorted(statuses) == [200] * 5 + [429] * 7


async def test_a_file_in_very_many_items_is_known_by_the_one_that_was_judged(
    service: Service, hoster: Client
) -> None:
    """To all others the verdict came with the content, and says nothing without the first."""
    given = verdict(member=US)
    await service.record(item(1, file(1), assessments=(given,)))
    for number in range(2, MOST_LEADS + 9):
        state = item(number, file(1), assessments=(given,), carried=(given.event_id,))
        await service.record(state)
    assert await words(hoster, file(1)) == ["hit"]


async def test_of_one_picture_in_very_many_items_only_some_are_read(service: Service) -> None:
    """Who asks must not make the node read all of them, for each of a thousand entries."""
    for number in range(1, MOST_LEADS + 7):
        await service.knows(number, file(1, pdq=PICTURE))
    alike, same = file(pdq=PICTURE), file(1)
    found = await service.verdicts.find([alike, same], near=lambda _: PDQ_NEAR)
    assert [len(found[one]) for one in (alike, same)] == [MOST_LEADS] * 2


class Stumbling:
    """Items of a store, of which one event cannot be taken up the first time it is read."""

    def __init__(self, items: JudgedItems) -> None:
        self.newest, self.page, self.of, self.told = items.newest, items.page, items.of, items.told
        self._items, self._stumbled = items, False

    async def changed(self, after: int, limit: int) -> tuple[int, list[ItemState]]:
        """Give what changed; the first time so that reading it fails on the way."""
        seen, states = await self._items.changed(after, limit)
        if states and not self._stumbled:
            self._stumbled = True
            return seen, [msgspec.structs.replace(states[0], content=None)]
        return seen, states


async def test_what_could_not_be_taken_up_is_taken_up_again(service: Service) -> None:
    """Else a verdict would be unknown to the checks until the next start."""
    verdicts = OwnVerdicts(Stumbling(service.store.judged), US)
    while await verdicts.follow():
        pass
    await service.knows(1, file(1))
    with pytest.raises(TypeError):
        await verdicts.follow()
    while await verdicts.follow():
        pass
    assert await verdicts.find([file(1)], near=None)


def test_a_picture_asked_often_is_searched_once() -> None:
    """A search costs far more than an entry; each entry is answered all the same."""

    class Counted(NearIndex):
        searched = 0

        def search(self, pdq: bytes, at_most: int | None = None) -> list[Near]:
            self.searched += 1
            return super().search(pdq, at_most)

    index = Counted()
    asked = [file(n, pdq=PICTURE) for n in range(1, 10)]
    index.add(7, asked[0].pdq or b"")
    leads: dict[Content, set[int]] = {}
    add_look_alikes(index, asked, lambda _: PDQ_NEAR, leads)
    assert (index.searched, leads) == (1, {one: {7} for one in asked})


async def test_over_quota_says_when_to_come_again(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """And counts nothing."""
    client = await aiohttp_client(service.app(), headers=await service.key(per_minute=2))
    assert await words(client, file(1), file(2)) == ["none", "none"]
    refused = await client.post("/hashcheck/v1/check", json={"entries": [entry(file(1))]})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "31")
    service.now += 31_000
    assert await words(client, file(1)) == ["none"]


async def test_a_key_is_refused_from_the_moment_it_is_revoked(
    service: Service, hoster: Client
) -> None:
    """And once its contract is over."""
    await service.desk.revoke_key((await service.only_key()).key_id)
    other = await service.key()
    body = {"entries": [entry(file(1))]}
    gone = await hoster.post("/hashcheck/v1/check", json=body)
    assert (gone.status, (await gone.json())["code"]) == (401, "token_invalid")
    service.now += DAY_MS
    over = await hoster.post("/hashcheck/v1/check", json=body, headers=other)
    assert (over.status, (await over.json())["code"]) == (403, "contract_over")


async def test_nothing_is_told_before_everything_is_read(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """Else a known file would pass in the first seconds after a start."""
    await service.knows(1, file(1))
    fresh = OwnVerdicts(service.store.judged, "nl-eokm")
    service.checking = replace(service.checking, contents=(fresh,))
    client = await aiohttp_client(service.app(), headers=await service.key())
    refused = await client.post("/hashcheck/v1/check", json={"entries": [entry(file(1))]})
    assert (refused.status, (await refused.json())["code"]) == (503, "starting")
    await fresh.follow()
    assert await words(client, file(1)) == ["hit"]


@pytest.mark.parametrize(
    "entries",
    [
        *([], [{}], [{"length": 5}], [{"md5": "zz"}], [{"url": "x"}], [{"md5": "0" * 32}] * 1001),
        *([{"pdq": "ab" * 32}], [{"md5": "ab" * 16, "pdq_quality": 90}]),
    ],
)
async def test_what_makes_no_sense_is_refused_without_repeating_it(
    hoster: Client, entries: list[dict[str, Any]], log: StringIO
) -> None:
    """By field and mend; nothing of it is in the log."""
    answer = await hoster.post("/hashcheck/v1/check", json={"entries": entries})
    told = await answer.json()
    assert answer.status in {400, 422}
    assert told["field"].startswith("entries")
    assert "zz" not in json.dumps(told) + log.getvalue()


async def test_no_log_line_has_a_hash(service: Service, hoster: Client, log: StringIO) -> None:
    """Whatever was answered."""
    await service.knows(1, KNOWN)
    asked = file(1, md5=1, pdq=PICTURE)
    await ask(hoster, asked, file(2))
    written = log.getvalue()
    assert not any(str(value) in written for value in entry(asked).values() if value != 100)
