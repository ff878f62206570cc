"""Pictures that look like entries of lists that may be shared are for a person to look at."""

from __future__ import annotations

from typing import Any

import pytest

from node.hashcheck.checking import Told
from node.hashcheck.judging import BLURRED, Answer
from node.hashcheck.verdicts import MOST_LEADS
from node.matching.contents import PDQ_NEAR
from node.matching.lists import Trust
from protocol.facts import Content
from tests.builders.cases import file
from tests.builders.hashcheck import Service

PICTURE = 0xD1CE << 200
LISTED = file(1, pdq=PICTURE)


def apart(bits: int, **more: Any) -> Content:
    """Return a file whose picture is so many bits from the listed one."""
    return file(pdq=PICTURE ^ ((1 << bits) - 1), **more)


async def check(service: Service, *asked: Content, **contract: Any) -> list[Told]:
    """Ask with a key of its own."""
    await service.follow()
    await service.key(**contract)
    return await service.checking.check(await service.only_key(), asked)


async def words(service: Service, *asked: Content, **contract: Any) -> list[Answer]:
    """Return the answers."""
    return [one.answer for one in await check(service, *asked, **contract)]


@pytest.mark.parametrize("trust", [Trust.AUTO, Trust.AUTO_2, Trust.SUGGESTION])
async def test_what_looks_like_an_entry_is_for_a_person(service: Service, trust: Trust) -> None:
    """Never a hit; with the blurred end that pictures of items have, and a quality."""
    await service.lists(LISTED, trust=trust)
    sure, beyond = PDQ_NEAR - BLURRED + 1, PDQ_NEAR + 1
    asked = apart(0), apart(sure), apart(beyond), apart(0, quality=49), apart(9, sha256=8)
    assert await words(service, *asked) == ["review", "review", "none", "none", "review"]


async def test_between_both_ends_the_blur_decides(service: Service) -> None:
    """As for items: asked again the same, and another end for each hash."""
    await service.lists(LISTED)
    asked = [file(pdq=PICTURE ^ (((1 << 28) - 1) << shift)) for shift in range(0, 160, 5)]
    first = await words(service, *asked, near_reviews_per_day=100)
    assert {*first} == {"review", "none"}
    again = await service.checking.check(await service.only_key(), asked)
    assert [one.answer for one in again] == first


@pytest.mark.parametrize(
    "terms",
    [
        {"trust": Trust.NONE},
        {"trust": Trust.BENIGN},
        {"may_share": False},
        {"may_use": False},
        {"name": "police"},
    ],
    ids=["not followed", "harmless", "not shared", "not used", "not of the contract"],
)
async def test_what_may_not_answer_does_not(service: Service, terms: dict[str, Any]) -> None:
    """By the same rules as of the file itself."""
    await service.lists(LISTED, **terms)
    assert await words(service, apart(0)) == ["none"]


async def test_without_a_quota_for_pictures_nobody_looks_at_them(service: Service) -> None:
    """As contracts are unless pictures were agreed."""
    await service.lists(LISTED)
    assert await words(service, apart(0), near_per_day=0) == ["none"]


async def test_the_entry_is_named_to_the_hotline_alone(service: Service) -> None:
    """The answer has a reference; whoever decides the complaint sees the list and the entry."""
    await service.lists(LISTED)
    (told,) = await check(service, apart(3))
    assert told._fields == ("answer", "reference")
    assert told.reference is not None


async def test_entries_that_may_not_answer_hide_none_that_may(service: Service) -> None:
    """A list of police holds the picture in a hundred files."""
    for number in range(2, MOST_LEADS + 40):
        await service.lists(file(number, pdq=PICTURE), name="police", may_share=False)
    await service.lists(apart(5, sha256=1))
    assert await words(service, apart(0)) == ["review"]


async def test_the_file_itself_is_a_hit_beside_those_that_look_alike(service: Service) -> None:
    """By its digest."""
    await service.lists(LISTED)
    await service.lists(apart(5, sha256=2), name="police")
    assert await words(service, file(1, pdq=PICTURE)) == ["hit"]
